#include "base/window.h"

#include <string.h>

void window_init(struct window *w, int width_ms)
{
    if (width_ms < WINDOW_PARTS) width_ms = WINDOW_PARTS;
    *w = (struct window){ .part_us = (uint64_t)width_ms * 1000 / WINDOW_PARTS };
}

void window_clear(struct window *w)
{
    memset(w->part, 0, sizeof w->part);
    memset(w->sum, 0, sizeof w->sum);
}

static void part_forget(uint32_t *part, uint32_t *sum)
{
    for (int kind = 0; kind < WINDOW_KINDS; kind++) {
        sum[kind] -= part[kind];
        part[kind] = 0;
    }
}

static void advance(struct window *w, uint64_t now_us)
{
    uint64_t now = now_us / w->part_us;
    if (now > w->newest && now - w->newest >= WINDOW_PARTS) window_clear(w);
    else
        for (uint64_t n = w->newest + 1; n <= now; n++) part_forget(w->part[n % WINDOW_PARTS], w->sum);
    if (now > w->newest) w->newest = now;
}

void window_add_n(struct window *w, uint64_t now_us, int kind, uint32_t n)
{
    advance(w, now_us);
    w->part[w->newest % WINDOW_PARTS][kind] += n;
    w->sum[kind] += n;
}

void window_add(struct window *w, uint64_t now_us, int kind)
{
    window_add_n(w, now_us, kind, 1);
}

uint32_t window_sum(struct window *w, uint64_t now_us, int kind)
{
    advance(w, now_us);
    return w->sum[kind];
}
