#include "io/pg_conn.h"

#include "base/clock.h"
#include "base/limits.h"

#include <event2/event.h>
#include <stdlib.h>

void pg_queue_init(struct pg_queue *q)
{
    q->first = NULL;
    q->end = &q->first;
    q->length = 0;
}

void pg_queue_push(struct pg_queue *q, struct pg_segment *s)
{
    s->next = NULL;
    *q->end = s;
    q->end = &s->next;
    q->length++;
}

struct pg_segment *pg_queue_pop(struct pg_queue *q)
{
    struct pg_segment *s = q->first;
    if (!s) return NULL;
    q->first = s->next;
    if (!q->first) q->end = &q->first;
    q->length--;
    s->next = NULL;
    return s;
}

void pg_segment_init(struct pg_segment *s, enum pg_lane lane, void (*done)(struct pg_segment *, void *), void *arg)
{
    *s = (struct pg_segment){ .lane = lane, .done = done, .arg = arg };
}

static void add(struct pg_segment *s, struct pg_call call)
{
    if (s->count == PG_CALLS || call.count > PG_PARAMS) abort();
    s->calls[s->count++] = call;
}

void pg_add(struct pg_segment *s, const struct pg_stmt *stmt, const char *const *values, int count)
{
    add(s, (struct pg_call){ stmt, values, count, false });
}

void pg_add_binary(struct pg_segment *s, const struct pg_stmt *stmt, const char *const *values, int count)
{
    add(s, (struct pg_call){ stmt, values, count, true });
}

void pg_finish(struct pg *p, struct pg_segment *s, enum err_code error)
{
    if (s->error == E_OK) s->error = error;
    s->took_us = clock_us() - s->sent_us;
    p->in_flight--;
    s->done(s, s->arg);
}

void pg_fail_later(struct pg *p, struct pg_segment *s, enum err_code error)
{
    s->error = error;
    pg_queue_push(&p->failed, s);
    event_active(p->deliver, 0, 0);
}

static void ghost_done(struct pg_segment *s, void *arg)
{
    (void)arg;
    pg_segment_done(s);
    free(s);
}

bool pg_is_ghost(const struct pg_segment *s)
{
    return s->done == ghost_done;
}

struct pg_segment *pg_expire(struct pg *p, struct pg_segment *s)
{
    struct pg_segment *ghost = malloc(sizeof *ghost);
    if (!ghost) abort();
    *ghost = *s;
    ghost->done = ghost_done;
    p->in_flight++;
    memset(s->results, 0, sizeof s->results);
    s->detail = s->constraint = NULL;
    pg_fail_later(p, s, E_DATABASE_TIMEOUT);
    return ghost;
}

static void pg_deliver_failed(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct pg *p = arg;
    for (struct pg_segment *s; (s = pg_queue_pop(&p->failed));) pg_finish(p, s, s->error);
}

static void pg_tick(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct pg *p = arg;
    uint64_t now = clock_us();
    for (int i = 0; i < p->count; i++) pg_conn_check_deadline(p->conns[i], now);
}

struct pg *pg_new(struct event_base *base, struct work *work, const struct pg_config *config)
{
    static const struct timeval tick = { .tv_usec = 100 * 1000 };
    struct pg *p = calloc(1, sizeof *p);
    if (!p) abort();
    *p = (struct pg){ .base = base, .work = work, .config = *config };
    pg_queue_init(&p->failed);
    p->deliver = event_new(base, -1, 0, pg_deliver_failed, p);
    p->tick = event_new(base, -1, EV_PERSIST, pg_tick, p);
    event_add(p->tick, &tick);
    for (int lane = 0; lane < PG_LANES; lane++) p->count += config->connections[lane];
    p->conns = calloc((size_t)p->count, sizeof *p->conns);
    if (!p->conns) abort();
    int n = 0;
    for (int lane = 0; lane < PG_LANES; lane++)
        for (int i = 0; i < config->connections[lane]; i++, n++)
            p->conns[n] = pg_conn_new(p, (enum pg_lane)lane, n == 0 && config->channels);
    return p;
}

void pg_free(struct pg *p)
{
    p->closing = true;
    for (int i = 0; i < p->count; i++) pg_conn_free(p->conns[i]);
    pg_deliver_failed(-1, 0, p);
    event_free(p->tick);
    event_free(p->deliver);
    free(p->conns);
    free(p);
}

bool pg_ready(const struct pg *p)
{
    for (int i = 0; i < p->count; i++)
        if (!pg_conn_is_ready(p->conns[i])) return false;
    return true;
}

bool pg_listening(const struct pg *p)
{
    return pg_conn_listens(p->conns[0]);
}

size_t pg_in_flight(const struct pg *p)
{
    return p->in_flight;
}

static enum pg_lane lane_of(const struct pg *p, const struct pg_segment *s)
{
    return s->lane == PG_FAST && !s->reads && p->config.connections[PG_CHANGE] ? PG_CHANGE : s->lane;
}

/* The least loaded ready connection of the lane; of any lane when that one has none. */
static struct pg_conn *pg_choose(const struct pg *p, enum pg_lane lane)
{
    struct pg_conn *best = NULL, *other = NULL;
    for (int i = 0; i < p->count; i++) {
        struct pg_conn *c = p->conns[i];
        if (!pg_conn_is_ready(c)) continue;
        struct pg_conn **slot = pg_conn_lane(c) == lane ? &best : &other;
        if (!*slot || pg_conn_load(c) < pg_conn_load(*slot)) *slot = c;
    }
    return best ? best : other;
}

void pg_submit(struct pg *p, struct pg_segment *s)
{
    uint64_t now = clock_us();
    if (!s->sent_us) {
        s->sent_us = now;
        p->in_flight++;
    }
    if (!s->deadline_us) s->deadline_us = now + (uint64_t)p->config.statement_timeout_ms * 1000;
    struct pg_conn *c = p->closing ? NULL : pg_choose(p, lane_of(p, s));
    if (!c) pg_fail_later(p, s, E_DATABASE_DOWN);
    else if (pg_conn_load(c) >= LIMIT_PG_QUEUE) pg_fail_later(p, s, E_OVERLOADED);
    else pg_conn_submit(c, s);
}
