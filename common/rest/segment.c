#include "rest/segment.h"

#include "http/flow.h"
#include "http/reply.h"

#include <stdio.h>
#include <stdlib.h>

static void release(void *segment)
{
    pg_segment_done(segment);
}

struct pg_segment *segment_new(struct req *r, enum pg_lane lane, bool reads)
{
    struct pg_segment *s = arena_new(&r->arena, struct pg_segment);
    pg_segment_init(s, lane, segment_resume, r);
    s->reads = reads;
    s->deadline_us = r->deadline_us;
    arena_defer(&r->arena, release, s);
    req_hold(r);
    return s;
}

void segment_count(struct req *r, const struct pg_segment *s)
{
    r->db_us += s->took_us;
    r->db_trips++;
}

void segment_resume_anyway(struct pg_segment *s, void *arg)
{
    struct req *r = arg;
    segment_count(r, s);
    flow_run(r);
    req_release(r);
}

void segment_fail(struct req *r, enum err_code error)
{
    if (error == E_DATABASE_DOWN || error == E_OVERLOADED) r->problem.retry_after_s = 1;
    reply_fail(r, error);
}

void segment_resume(struct pg_segment *s, void *arg)
{
    struct req *r = arg;
    if (s->error == E_OK) {
        segment_resume_anyway(s, r);
        return;
    }
    segment_count(r, s);
    segment_fail(r, s->error);
    req_release(r);
}

/* --- shapes ---------------------------------------------------------------------------------------------------------- */

enum { SLOTS = 4096, KEPT_MAX = SLOTS / 2 };

struct shapes {
    struct pg_stmt *slots[SLOTS];
    size_t kept;
};

struct shapes *shapes_new(void)
{
    struct shapes *s = calloc(1, sizeof *s);
    if (!s) abort();
    return s;
}

void shapes_free(struct shapes *s)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (!s->slots[i]) continue;
        free((char *)s->slots[i]->name);
        free((char *)s->slots[i]->sql);
        free(s->slots[i]);
    }
    free(s);
}

/* A client can ask for more shapes than are worth keeping: the rest live as long as their request and run unprepared. */
const struct pg_stmt *shapes_statement(struct shapes *s, struct arena *a, struct str sql)
{
    uint64_t hash = str_hash(sql);
    for (size_t i = hash;; i++) {
        struct pg_stmt **slot = &s->slots[i % SLOTS];
        if (*slot && str_is(sql, (*slot)->sql)) return *slot;
        if (*slot) continue;
        if (s->kept == KEPT_MAX) {
            struct pg_stmt *once = arena_new(a, struct pg_stmt);
            once->sql = arena_cstr(a, sql);
            return once;
        }
        char *name;
        *slot = malloc(sizeof **slot);
        if (!*slot || asprintf(&name, "q%016llx", (unsigned long long)hash) < 0) abort();
        **slot = (struct pg_stmt){ name, strndup(sql.p, sql.len) };
        s->kept++;
        return *slot;
    }
}
