#include "base/breaker.h"

#include <stdlib.h>
#include <string.h>

enum kind { ALL, ERRORS, SLOW }; /* what the window counts */

void breaker_init(struct breaker *b, const struct breaker_settings *settings, uint64_t seed)
{
    if (settings->probes < 1 || settings->probes > BREAKER_PROBES_MAX) abort();
    *b = (struct breaker){ .settings = settings, .seed = seed | 1 };
    window_init(&b->window, settings->window_ms);
}

void breaker_set(struct breaker *b, const struct breaker_settings *settings)
{
    if (settings->probes < 1 || settings->probes > BREAKER_PROBES_MAX) abort();
    if (b->settings->window_ms != settings->window_ms) window_init(&b->window, settings->window_ms);
    b->settings = settings;
}

static uint64_t us_of(int ms)
{
    return (uint64_t)ms * 1000;
}

static int ms_until(uint64_t then_us, uint64_t now_us)
{
    return then_us > now_us ? (int)((then_us - now_us + 999) / 1000) : 1;
}

/* xorshift64* (Vigna 2016): good enough to spread times. */
static uint64_t chance(struct breaker *b)
{
    b->seed ^= b->seed >> 12;
    b->seed ^= b->seed << 25;
    b->seed ^= b->seed >> 27;
    return b->seed * 0x2545F4914F6CDD1Du;
}

/* What was counted, and every pass given out, belongs to the state that ends. */
static void enter(struct breaker *b, enum breaker_state state, uint64_t now_us)
{
    b->state = state;
    b->since_us = now_us;
    b->era++;
    b->successes = 0;
    window_clear(&b->window);
    memset(b->places, 0, sizeof b->places);
}

/* Up to a quarter less than the doubled time, so that nobody's probes come together. */
static uint64_t open_us(struct breaker *b)
{
    uint64_t max = us_of(b->settings->open_max_ms), us = us_of(b->settings->open_ms);
    for (int i = 1; i < b->level && us < max; i++) us *= 2;
    if (us > max) us = max;
    return us - chance(b) % (us / 4 + 1);
}

static void trip(struct breaker *b, uint64_t now_us)
{
    bool well = b->state == BREAKER_CLOSED && now_us - b->since_us >= us_of(b->settings->open_max_ms);
    b->level = well ? 1 : b->level + 1;
    b->trips++;
    enter(b, BREAKER_OPEN, now_us);
    b->until_us = now_us + open_us(b);
}

enum breaker_state breaker_state(const struct breaker *b, uint64_t now_us)
{
    return b->state == BREAKER_OPEN && now_us >= b->until_us ? BREAKER_HALF_OPEN : b->state;
}

const char *breaker_state_name(enum breaker_state state)
{
    static const char *const names[] = { "closed", "open", "half_open" };
    return names[state];
}

static struct breaker_pass refuse(struct breaker *b, uint64_t until_us, uint64_t now_us)
{
    b->refused++;
    return (struct breaker_pass){ .retry_ms = ms_until(until_us, now_us) };
}

/* A place is free when its probe was reported, or should have been long ago. */
static struct breaker_pass probe(struct breaker *b, uint64_t now_us)
{
    uint64_t soonest = now_us + us_of(b->settings->open_ms);
    for (int i = 0; i < b->settings->probes; i++) {
        uint64_t until = b->places[i].until_us;
        if (b->places[i].probe && until > now_us) {
            if (until < soonest) soonest = until;
            continue;
        }
        if (!++b->last_probe) b->last_probe = 1;
        b->places[i].probe = b->last_probe;
        b->places[i].until_us = now_us + us_of(b->settings->probe_ms);
        return (struct breaker_pass){ .allowed = true, .place = (uint8_t)i, .era = b->era, .probe = b->last_probe };
    }
    return refuse(b, soonest, now_us);
}

struct breaker_pass breaker_admit(struct breaker *b, uint64_t now_us)
{
    if (b->state == BREAKER_CLOSED) return (struct breaker_pass){ .allowed = true, .era = b->era };
    if (breaker_state(b, now_us) == BREAKER_OPEN) return refuse(b, b->until_us, now_us);
    if (b->state == BREAKER_OPEN) enter(b, BREAKER_HALF_OPEN, now_us);
    return probe(b, now_us);
}

static bool is_share(uint32_t part, uint32_t all, int percent)
{
    return percent && (uint64_t)part * 100 >= (uint64_t)all * (unsigned)percent;
}

static void count(struct breaker *b, uint64_t now_us, bool failed, bool slow)
{
    const struct breaker_settings *s = b->settings;
    window_add(&b->window, now_us, ALL);
    if (failed) window_add(&b->window, now_us, ERRORS);
    if (slow) window_add(&b->window, now_us, SLOW);
    uint32_t all = window_sum(&b->window, now_us, ALL);
    if (all < (uint32_t)s->minimum) return;
    if (is_share(window_sum(&b->window, now_us, ERRORS), all, s->error_percent) ||
        is_share(window_sum(&b->window, now_us, SLOW), all, s->slow_percent))
        trip(b, now_us);
}

static void probe_end(struct breaker *b, uint64_t now_us, const struct breaker_pass *pass, bool known, bool bad)
{
    if (b->places[pass->place].probe != pass->probe) return; /* given up, and its place taken by another */
    b->places[pass->place].probe = 0;
    if (!known) return;
    if (bad) trip(b, now_us);
    else if (++b->successes >= b->settings->probes) enter(b, BREAKER_CLOSED, now_us);
}

void breaker_report(struct breaker *b, uint64_t now_us, const struct breaker_pass *pass, enum breaker_outcome outcome,
                    uint64_t took_us)
{
    if (!pass->allowed || pass->era != b->era) return;
    bool known = outcome != BREAKER_UNKNOWN, failed = outcome == BREAKER_FAILED;
    bool slow = b->settings->slow_percent && took_us > us_of(b->settings->slow_ms);
    if (b->state == BREAKER_HALF_OPEN) probe_end(b, now_us, pass, known, failed || slow);
    else if (b->state == BREAKER_CLOSED && known) count(b, now_us, failed, slow);
}
