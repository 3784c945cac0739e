#include "rest/lookup.h"

#include "base/uuid.h"
#include "http/flow.h"
#include "http/worker.h"
#include "rest/segment.h"
#include "rest/sight.h"

#include <event2/event.h>
#include <stdlib.h>

enum { BATCH_MAX = 64, UNDER_WAY_MAX = 1 };

struct lookup {
    struct lookup *next;
    struct req *req;
    const struct statements *statements;
    const struct pg_stmt *stmt; /* get, or get_scoped for whom departments decide */
    unsigned char id[UUID_BYTES];
    struct found *found;
};

struct lookups {
    struct worker *worker;
    struct event *flush;
    struct lookup *first, **end;
    int under_way;
};

/* Held by the statement under way and by each request that it answers. */
struct batch {
    struct lookups *owner;
    struct pg_segment segment;
    struct lookup *lookups[BATCH_MAX];
    const char *row_ids[BATCH_MAX]; /* of the rows that came */
    int count, holds;
    char ids[BATCH_MAX * (UUID_LEN + 1) + 2]; /* "{id,id}" */
    const char *values[1];
};

static void batch_release(void *object)
{
    struct batch *b = object;
    if (--b->holds) return;
    pg_segment_done(&b->segment);
    free(b);
}

static void find_row_ids(struct batch *b)
{
    const struct statements *s = b->lookups[0]->statements;
    int column = s->detail.at[s->resource->id];
    for (int row = 0; row < pg_rows(&b->segment, 0); row++) b->row_ids[row] = pg_value(&b->segment, 0, row, column).p;
}

static int find_row(const struct batch *b, const struct lookup *l)
{
    for (int row = 0; row < pg_rows(&b->segment, 0); row++)
        if (!memcmp(b->row_ids[row], l->id, UUID_BYTES)) return row;
    return -1;
}

static bool is_reached(const struct batch *b, const struct lookup *l, int row)
{
    const struct statements *s = l->statements;
    if (!s->is_scoped) return true;
    int owner = s->detail.at[s->resource->owner];
    struct str department = l->stmt == &s->get_scoped ? pg_value(&b->segment, 0, row, (int)s->detail.count) : STR_NONE;
    return sight_reaches(l->req, pg_value(&b->segment, 0, row, owner), department);
}

static struct found found_of(const struct batch *b, const struct lookup *l)
{
    int row = find_row(b, l);
    if (row >= 0 && !is_reached(b, l, row)) return (struct found){ &b->segment, -1, row };
    return (struct found){ &b->segment, row, -1 };
}

static void deliver(struct batch *b, struct lookup *l)
{
    struct req *r = l->req;
    segment_count(r, &b->segment);
    if (b->segment.error != E_OK) {
        segment_fail(r, b->segment.error);
    } else {
        *l->found = found_of(b, l);
        b->holds++;
        arena_defer(&r->arena, batch_release, b);
        flow_run(r);
    }
    req_release(r);
}

static void on_done(struct pg_segment *s, void *arg)
{
    (void)s;
    struct batch *b = arg;
    struct lookups *owner = b->owner;
    owner->under_way--;
    find_row_ids(b);
    for (int i = 0; i < b->count; i++) deliver(b, b->lookups[i]);
    batch_release(b);
    if (owner->first) event_active(owner->flush, 0, 0);
}

/* The oldest lookup and those behind it that want the same statement, in order. */
static void batch_fill(struct batch *b, struct lookups *owner)
{
    const struct pg_stmt *stmt = owner->first->stmt;
    for (struct lookup **at = &owner->first; *at && b->count < BATCH_MAX;) {
        struct lookup *l = *at;
        if (l->stmt != stmt) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        b->lookups[b->count++] = l;
    }
    owner->end = &owner->first;
    while (*owner->end) owner->end = &(*owner->end)->next;
}

static void batch_send(struct batch *b)
{
    char *to = b->ids;
    uint64_t deadline_us = 0;
    for (int i = 0; i < b->count; i++) {
        *to++ = i ? ',' : '{';
        uuid_text(b->lookups[i]->id, to);
        to += UUID_LEN;
        if (b->lookups[i]->req->deadline_us > deadline_us) deadline_us = b->lookups[i]->req->deadline_us;
    }
    memcpy(to, "}", 2);
    b->values[0] = b->ids;
    pg_segment_init(&b->segment, PG_FAST, on_done, b);
    b->segment.reads = true;
    b->segment.deadline_us = deadline_us;
    pg_add_binary(&b->segment, b->lookups[0]->stmt, b->values, 1);
    pg_submit(b->owner->worker->pg, &b->segment);
}

static void on_flush(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct lookups *owner = arg;
    while (owner->first && owner->under_way < UNDER_WAY_MAX) {
        struct batch *b = malloc(sizeof *b);
        if (!b) abort();
        b->owner = owner;
        b->count = 0;
        b->holds = 1;
        owner->under_way++;
        batch_fill(b, owner);
        batch_send(b);
    }
}

struct lookups *lookups_new(struct worker *w)
{
    struct lookups *l = calloc(1, sizeof *l);
    if (!l) abort();
    l->worker = w;
    l->end = &l->first;
    l->flush = event_new(w->base, -1, 0, on_flush, l);
    return l;
}

void lookups_free(struct lookups *l)
{
    event_free(l->flush);
    for (struct lookup *at = l->first, *next; at; at = next) {
        next = at->next; /* it lies in the request's arena */
        req_release(at->req);
    }
    free(l);
}

void lookup_start(struct req *r, const struct statements *s, struct str id, struct found *ret)
{
    struct lookups *owner = r->worker->lookups;
    struct lookup *l = arena_new(&r->arena, struct lookup);
    l->req = r;
    l->statements = s;
    l->stmt = s->is_scoped && sight_needs_department(r) ? &s->get_scoped : &s->get;
    l->found = ret;
    uuid_bytes(id, l->id);
    *owner->end = l;
    owner->end = &l->next;
    req_hold(r);
    if (owner->under_way < UNDER_WAY_MAX) event_active(owner->flush, 0, 0);
}
