/* With pg_connect.c and pg_result.c the only user of libpq. What it taught, each seen with PostgreSQL 15:
 * - on an idle connection PQgetResult returns NULL for ever: the loop is bounded by our own queue of what was sent;
 * - PQpipelineSync writes to the socket at once: sharing a Sync among reads saves that system call for each;
 * - a killed backend reports 57P01 to whatever stands first, and then nothing: what is queued is failed or moved here. */
#include "io/pg_conn.h"
#include "io/pg_connect.h"
#include "io/pg_prepared.h"
#include "io/pg_result.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/work.h"

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdlib.h>

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 2000, GROUP_MAX = 32, GRACE_US = 1000 * 1000, TRIES_MAX = 3 };
enum conn_state { DOWN, CONNECTING, PREPARING, READY };

struct pg_conn {
    struct pg *pool;
    enum pg_lane lane;
    bool listens;
    enum conn_state state;
    PGconn *pg;
    struct event *read, *write, *flush, *retry;
    int backoff_ms;
    struct pg_queue waiting, sent;
    int syncs;            /* Syncs sent whose end has not come */
    int unprepared;       /* statements of the start-up list not prepared yet */
    bool broken;          /* it is of no use any more: fails as soon as what has arrived is read */
    uint64_t progress_us; /* when the server last said something, or was first asked */
    struct pg_prepared prepared;
};

static void conn_fail(struct pg_conn *c, const char *why);

/* --- statements prepared on this connection ----------------------------------------------------------------------- */

static bool send_sync(struct pg_conn *c)
{
    c->syncs++;
    return PQpipelineSync(c->pg) == 1;
}

static void prepare_done(struct pg_segment *s, void *arg)
{
    struct pg_conn *c = arg;
    bool at_start = c->state == PREPARING;
    if (s->error != E_OK && c->state != DOWN) {
        if (!c->broken)
            log_error("statement not prepared", LOG_Z("statement", s->calls[0].stmt->name), LOG_Z("sqlstate", s->sqlstate));
        if (at_start) c->broken = true; /* a migration may still be on its way: connect anew, later */
        else pg_prepared_set(&c->prepared, s->calls[0].stmt, PG_REFUSED);
    } else if (s->error == E_OK && at_start && --c->unprepared == 0) {
        c->state = READY;
        c->backoff_ms = BACKOFF_MIN_MS;
        if (c->listens && c->pool->config.on_notify) c->pool->config.on_notify(c->pool->config.notify_arg, STR_NONE, STR_NONE);
    }
    pg_segment_done(s);
    free(s);
}

/* Its own Sync: nobody else's error can keep it from being prepared. */
static bool send_prepare(struct pg_conn *c, const struct pg_stmt *stmt)
{
    struct pg_segment *s = malloc(sizeof *s);
    if (!s) abort();
    pg_segment_init(s, c->lane, prepare_done, c);
    pg_add(s, stmt, NULL, 0);
    s->reads = s->alone = true;
    s->sent_us = clock_us();
    s->deadline_us = s->sent_us + LIMIT_PG_STATEMENT_MS * 1000;
    c->pool->in_flight++;
    pg_queue_push(&c->sent, s);
    pg_prepared_set(&c->prepared, stmt, PG_PREPARED);
    return PQsendPrepare(c->pg, stmt->name, stmt->sql, 0, NULL) == 1 && send_sync(c);
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

static bool can_prepare(const struct pg_conn *c, const struct pg_stmt *stmt)
{
    return stmt->name && c->prepared.count < LIMIT_PG_STATEMENTS && pg_prepared_get(&c->prepared, stmt) == PG_NEW;
}

static bool close_group(struct pg_conn *c, bool *group_open)
{
    bool was_open = *group_open;
    *group_open = false;
    return !was_open || send_sync(c);
}

static bool prepare_missing(struct pg_conn *c, const struct pg_segment *s, bool *group_open)
{
    for (int i = 0; i < s->count; i++) {
        const struct pg_stmt *stmt = s->calls[i].stmt;
        if (!can_prepare(c, stmt)) continue;
        if (!close_group(c, group_open) || !send_prepare(c, stmt)) return false;
    }
    return true;
}

static bool send_call(struct pg_conn *c, const struct pg_call *call)
{
    if (pg_prepared_get(&c->prepared, call->stmt) == PG_PREPARED)
        return PQsendQueryPrepared(c->pg, call->stmt->name, call->count, call->values, NULL, NULL, call->binary);
    return PQsendQueryParams(c->pg, call->stmt->sql, call->count, NULL, call->values, NULL, NULL, call->binary);
}

/* The server sends the results of a shared Sync together: fine for what takes microseconds, not behind a count. */
static bool shares_sync(const struct pg_segment *s)
{
    return s->reads && !s->alone && s->lane == PG_FAST;
}

static bool send_first(struct pg_conn *c, bool *group_open)
{
    struct pg_segment *s = c->waiting.first;
    if (!shares_sync(s) && !close_group(c, group_open)) return false;
    if (!prepare_missing(c, s, group_open)) return false;
    pg_queue_push(&c->sent, pg_queue_pop(&c->waiting));
    for (int i = 0; i < s->count; i++)
        if (!send_call(c, &s->calls[i])) return false;
    *group_open = shares_sync(s);
    return *group_open || send_sync(c);
}

static bool send_waiting(struct pg_conn *c)
{
    bool group_open = false;
    for (int grouped = 0; c->waiting.first;) {
        grouped = group_open ? grouped + 1 : 0;
        if (grouped == GROUP_MAX && !close_group(c, &group_open)) return false;
        if (!send_first(c, &group_open)) return false;
    }
    return close_group(c, &group_open);
}

static void conn_flush(struct pg_conn *c)
{
    int left = PQflush(c->pg);
    if (left < 0) conn_fail(c, "write failed");
    else if (left > 0) event_add(c->write, NULL);
}

static void on_flush(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct pg_conn *c = arg;
    if (c->state != READY) return;
    if (!c->sent.first) c->progress_us = clock_us();
    if (send_waiting(c)) conn_flush(c);
    else conn_fail(c, "send failed");
}

static void on_write(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    conn_flush(arg);
}

/* --- results ------------------------------------------------------------------------------------------------------- */

static bool is_aborted_read(const struct pg_segment *s)
{
    return s->reads && s->error == E_OK && s->results[s->count - 1] == NULL;
}

static void head_finish(struct pg_conn *c)
{
    struct pg_segment *s = pg_queue_pop(&c->sent);
    if (is_aborted_read(s) && !pg_is_ghost(s)) {
        pg_result_reset(s);
        pg_queue_push(&c->waiting, s);
        event_active(c->flush, 0, 0);
        return;
    }
    pg_finish(c->pool, s, s->error);
}

/* A read is over with its last result; a write only with its Sync, which is its commit. */
static bool take_result(struct pg_conn *c, PGresult *res)
{
    struct pg_segment *head = c->sent.first;
    if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
        PQclear(res);
        c->syncs--;
        if (head && !head->reads && head->results_seen == head->count) head_finish(c);
        return true;
    }
    if (!head) {
        PQclear(res);
        return false;
    }
    if (pg_result_collect(head, res)) c->broken = true;
    else if (head->reads && head->results_seen == head->count) head_finish(c);
    return true;
}

static void take_notifications(struct pg_conn *c)
{
    for (PGnotify *n; (n = PQnotifies(c->pg));) {
        const struct pg_config *config = &c->pool->config;
        const char *own = strchr(n->relname, '.');
        if (config->on_notify) config->on_notify(config->notify_arg, str_of(own ? own : n->relname), str_of(n->extra));
        PQfreemem(n);
    }
}

static void on_read(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct pg_conn *c = arg;
    c->progress_us = clock_us();
    if (!PQconsumeInput(c->pg)) {
        conn_fail(c, "connection lost");
        return;
    }
    for (int nulls = 0; c->syncs && !c->broken && !PQisBusy(c->pg);) {
        PGresult *res = PQgetResult(c->pg);
        if (res && !take_result(c, res)) nulls = 2;
        nulls = res ? nulls : nulls + 1;
        if (nulls > 1) {
            conn_fail(c, "results out of step");
            return;
        }
        if (res) nulls = 0;
    }
    take_notifications(c);
    if (c->broken || PQstatus(c->pg) == CONNECTION_BAD) conn_fail(c, "connection lost");
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

static void drop_pg(struct pg_conn *c)
{
    for (struct event **e = (struct event *[]){ c->read, c->write, NULL }; *e; e++) event_free(*e);
    c->read = c->write = NULL;
    PQfinish(c->pg);
    c->pg = NULL;
    c->prepared = (struct pg_prepared){ 0 };
    c->syncs = 0;
    c->broken = false;
}

static void connect_later(struct pg_conn *c)
{
    int ms = c->backoff_ms / 2 + rand() % (c->backoff_ms / 2 + 1);
    struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
    c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff_ms * 2;
    event_add(c->retry, &wait);
}

/* Only what was sent and writes is lost; the rest goes to another connection, unless it has been the death of several. */
static void segment_rescue(struct pg_conn *c, struct pg_segment *s, bool was_sent)
{
    bool lost = c->pool->closing || (was_sent && (!s->reads || ++s->tries == TRIES_MAX));
    if (s->done == prepare_done || pg_is_ghost(s)) {
        pg_finish(c->pool, s, E_DATABASE_DOWN);
    } else if (lost) {
        pg_fail_later(c->pool, s, s->error ? s->error : E_DATABASE_DOWN);
    } else if (clock_us() >= s->deadline_us + GRACE_US) {
        pg_fail_later(c->pool, s, E_DATABASE_TIMEOUT);
    } else {
        pg_result_reset(s);
        s->error = E_OK;
        pg_submit(c->pool, s);
    }
}

static void conn_fail(struct pg_conn *c, const char *why)
{
    if (c->state == DOWN) return;
    if (!c->pool->closing)
        log_warn("database connection failed", LOG_Z("why", why), LOG_Z("message", c->pg ? PQerrorMessage(c->pg) : ""));
    c->state = DOWN;
    struct pg_queue sent = c->sent, waiting = c->waiting;
    pg_queue_init(&c->sent);
    pg_queue_init(&c->waiting);
    if (c->pg) drop_pg(c);
    for (struct pg_segment *s; (s = sent.first);) sent.first = s->next, segment_rescue(c, s, true);
    for (struct pg_segment *s; (s = waiting.first);) waiting.first = s->next, segment_rescue(c, s, false);
    if (!c->pool->closing) connect_later(c);
}

static void conn_prepare_all(struct pg_conn *c)
{
    static const struct pg_stmt nothing = { "", "" };
    c->state = PREPARING;
    c->progress_us = clock_us();
    c->unprepared = 1; /* so that an empty list is ready too */
    bool ok = true;
    for (const struct pg_stmt *const *s = c->pool->config.statements; ok && s && *s; s++) {
        c->unprepared++;
        ok = send_prepare(c, *s);
    }
    ok = ok && send_prepare(c, &nothing);
    if (ok) conn_flush(c);
    else conn_fail(c, "cannot prepare");
}

static void connect_run(void *arg)
{
    struct pg_conn *c = arg;
    c->pg = pg_connect(&c->pool->config, c->lane, c->listens);
}

static void connect_done(void *arg)
{
    struct pg_conn *c = arg;
    if (PQstatus(c->pg) != CONNECTION_OK || PQsetnonblocking(c->pg, 1) || !PQenterPipelineMode(c->pg)) {
        conn_fail(c, "cannot connect");
        return;
    }
    struct event_base *base = c->pool->base;
    c->read = event_new(base, PQsocket(c->pg), EV_READ | EV_PERSIST, on_read, c);
    c->write = event_new(base, PQsocket(c->pg), EV_WRITE, on_write, c);
    event_add(c->read, NULL);
    conn_prepare_all(c);
}

static void on_retry(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct pg_conn *c = arg;
    c->state = CONNECTING;
    work_submit(c->pool->work, connect_run, connect_done, c);
}

struct pg_conn *pg_conn_new(struct pg *pool, enum pg_lane lane, bool listens)
{
    struct pg_conn *c = calloc(1, sizeof *c);
    if (!c) abort();
    *c = (struct pg_conn){ .pool = pool, .lane = lane, .listens = listens, .backoff_ms = BACKOFF_MIN_MS };
    pg_queue_init(&c->waiting);
    pg_queue_init(&c->sent);
    c->flush = event_new(pool->base, -1, 0, on_flush, c);
    c->retry = event_new(pool->base, -1, 0, on_retry, c);
    event_active(c->retry, 0, 0);
    return c;
}

void pg_conn_free(struct pg_conn *c)
{
    conn_fail(c, "closing");
    if (c->pg) PQfinish(c->pg); /* connected by the work thread, never handed over */
    event_free(c->flush);
    event_free(c->retry);
    free(c);
}

bool pg_conn_is_ready(const struct pg_conn *c)
{
    return c->state == READY;
}

bool pg_conn_listens(const struct pg_conn *c)
{
    return c->state == READY && c->listens;
}

enum pg_lane pg_conn_lane(const struct pg_conn *c)
{
    return c->lane;
}

size_t pg_conn_load(const struct pg_conn *c)
{
    return c->waiting.length + c->sent.length;
}

void pg_conn_submit(struct pg_conn *c, struct pg_segment *s)
{
    pg_queue_push(&c->waiting, s);
    event_active(c->flush, 0, 0);
}

/* The grace lets the server's own timeout speak first, since it is certain. A server that says nothing at all (stopped,
 * unreachable) costs the connection. */
void pg_conn_check_deadline(struct pg_conn *c, uint64_t now_us)
{
    if (!c->sent.first) return;
    for (struct pg_segment **at = &c->sent.first; *at; at = &(*at)->next) {
        if ((*at)->done == prepare_done || pg_is_ghost(*at) || now_us < (*at)->deadline_us + GRACE_US) continue;
        *at = pg_expire(c->pool, *at);
        if (!(*at)->next) c->sent.end = &(*at)->next;
    }
    if (now_us >= c->progress_us + (uint64_t)c->pool->config.statement_timeout_ms * 1000 + GRACE_US)
        conn_fail(c, "no answer in time");
}
