#include "base/arena.h"

#include "base/block.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    char data[] __attribute__((aligned(ALIGNMENT)));
};

struct arena_defer {
    struct arena_defer *next;
    void (*release)(void *);
    void *object;
};

void arena_init(struct arena *a)
{
    *a = (struct arena){ 0 };
}

enum { USUAL = BLOCK_SIZE - (int)sizeof(struct arena_block) }; /* bytes of data in a block */

static void block_drop(struct arena_block *b)
{
    if (b->size == USUAL) block_free(b);
    else free(b);
}

static struct arena_block *block_take(size_t need)
{
    struct arena_block *b = need > USUAL ? malloc(sizeof *b + need) : block_new();
    if (!b) abort();
    b->size = need > USUAL ? need : USUAL;
    b->used = 0;
    return b;
}

void arena_done(struct arena *a)
{
    for (struct arena_defer *d = a->defers; d; d = d->next) d->release(d->object);
    for (struct arena_block *b = a->block, *next; b; b = next) {
        next = b->next;
        block_drop(b);
    }
    arena_init(a);
}

static void *alloc_raw(struct arena *a, size_t size)
{
    if (size > PTRDIFF_MAX) abort(); /* a length that went below zero; room for the sums below */
    size_t need = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct arena_block *b = a->block;
    if (!b || b->size - b->used < need) {
        b = block_take(need);
        b->next = a->block;
        a->block = b;
    }
    void *p = b->data + b->used;
    b->used += need;
    return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return memset(alloc_raw(a, size), 0, size);
}

struct str arena_dup(struct arena *a, struct str s)
{
    if (str_is_none(s)) return s;
    char *p = alloc_raw(a, s.len + 1);
    memcpy(p, s.p, s.len);
    p[s.len] = '\0';
    return (struct str){ p, s.len };
}

char *arena_cstr(struct arena *a, struct str s)
{
    return (char *)arena_dup(a, str_is_none(s) ? STR("") : s).p;
}

/* Most texts are short: formatted once, then copied. */
struct str arena_printf(struct arena *a, const char *format, ...)
{
    char small[256], *p = small;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (n < 0) abort();
    if ((size_t)n < sizeof small) p = memcpy(alloc_raw(a, (size_t)n + 1), small, (size_t)n + 1);
    else vsnprintf(p = alloc_raw(a, (size_t)n + 1), (size_t)n + 1, format, again);
    va_end(again);
    return (struct str){ p, (size_t)n };
}

void arena_defer(struct arena *a, void (*release)(void *), void *object)
{
    struct arena_defer *d = arena_new(a, struct arena_defer);
    *d = (struct arena_defer){ a->defers, release, object };
    a->defers = d;
}
