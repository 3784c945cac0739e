#include "rest/authors.h"

#include "base/log.h"
#include "http/worker.h"
#include "io/pg.h"
#include "rest/statements.h"

#include <stdlib.h>

enum { SLOTS = 4096, KEPT_S = 60 };

/* Of hashes of who, where and since when; the newest of a slot. */
struct authors {
    struct worker *worker;
    uint64_t seen[SLOTS];
    struct { uint64_t who, at_us; } kept[SLOTS];
};

struct move {
    struct authors *authors;
    size_t slot;
    struct arena arena;
    struct pg_segment segment;
    const char *values[4];
};

struct authors *authors_new(struct worker *w)
{
    struct authors *a = calloc(1, sizeof *a);
    if (!a) abort();
    a->worker = w;
    return a;
}

void authors_free(struct authors *a)
{
    free(a);
}

static void on_moved(struct pg_segment *s, void *arg)
{
    struct move *m = arg;
    if (s->error != E_OK) {
        m->authors->seen[m->slot] = 0; /* his next request tries again */
        log_info("department not kept", LOG_Z("user_id", m->values[0]));
    }
    pg_segment_done(s);
    arena_done(&m->arena);
    free(m);
}

static void move(struct authors *a, const struct principal *who, size_t slot)
{
    struct move *m = calloc(1, sizeof *m);
    if (!m) abort();
    m->authors = a;
    m->slot = slot;
    author_values(&m->arena, who, m->values);
    pg_segment_init(&m->segment, PG_FAST, on_moved, m);
    pg_add(&m->segment, &stmt_author_moved, m->values, 4);
    pg_submit(a->worker->pg, &m->segment);
}

static size_t slot_of(const struct principal *who)
{
    return str_hash(who->user_id) % SLOTS;
}

static uint64_t as_now(const struct principal *who)
{
    return str_hash(who->user_id) ^ str_hash(who->name) * 3 ^ str_hash(who->department) * 5 ^ (uint64_t)who->generation;
}

void authors_saw(struct authors *a, const struct principal *who)
{
    size_t slot = slot_of(who);
    uint64_t now = as_now(who);
    if (a->seen[slot] == now) return;
    a->seen[slot] = now;
    move(a, who, slot);
}

void authors_kept(struct authors *a, const struct principal *who, uint64_t now_us)
{
    size_t slot = slot_of(who);
    a->kept[slot].who = as_now(who);
    a->kept[slot].at_us = now_us;
}

bool authors_are_kept(const struct authors *a, const struct principal *who, uint64_t now_us)
{
    size_t slot = slot_of(who);
    return a->kept[slot].who == as_now(who) && now_us - a->kept[slot].at_us < KEPT_S * UINT64_C(1000000);
}
