/* With pg_result.c the only user of libpq. What it taught, each seen with PostgreSQL 15:
 * - on an idle connection PQgetResult returns NULL for ever: the loop is bounded by our own queue of what was sent;
 * - PQpipelineSync writes to the socket at once: sharing a Sync among reads saves that system call for each;
 * - a killed backend reports 57P01 and then nothing: everything queued behind it is failed here;
 * - PQconnect* resolves names and computes SCRAM while it blocks: it runs on the work thread. */
#include "io/pg_conn.h"
#include "io/pg_result.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/work.h"

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 2000, GROUP_MAX = 32, GRACE_US = 1000 * 1000, STMT_SLOTS = 2048 };
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
    int syncs;      /* Syncs sent whose end has not come */
    int unprepared; /* statements of the start-up list not prepared yet */
    const struct pg_stmt *prepared[STMT_SLOTS]; /* hash set of pointers */
    int prepared_count;
};

static void conn_fail(struct pg_conn *c, const char *why);

/* --- statements prepared on this connection ----------------------------------------------------------------------- */

static const struct pg_stmt **stmt_slot(struct pg_conn *c, const struct pg_stmt *stmt)
{
    size_t i = ((uintptr_t)stmt >> 4) * 0x9e3779b97f4a7c15u >> 40;
    for (;; i++) {
        const struct pg_stmt **slot = &c->prepared[i % STMT_SLOTS];
        if (!*slot || *slot == stmt) return slot;
    }
}

static bool send_sync(struct pg_conn *c)
{
    c->syncs++;
    return PQpipelineSync(c->pg) == 1;
}

static void prepare_done(struct pg_segment *s, void *arg)
{
    struct pg_conn *c = arg;
    bool at_start = c->state == PREPARING;
    if (s->error != E_OK && c->state != DOWN)
        log_error("statement not prepared", LOG_Z("statement", s->calls[0].stmt->name), LOG_Z("sqlstate", s->sqlstate));
    if (s->error == E_OK && at_start && --c->unprepared == 0) {
        c->state = READY;
        c->backoff_ms = BACKOFF_MIN_MS;
        if (c->listens && c->pool->config.on_notify) c->pool->config.on_notify(c->pool->config.notify_arg, STR_NONE);
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
    *stmt_slot(c, stmt) = stmt;
    c->prepared_count++;
    return PQsendPrepare(c->pg, stmt->name, stmt->sql, 0, NULL) == 1 && send_sync(c);
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

static bool is_prepared(struct pg_conn *c, const struct pg_stmt *stmt)
{
    return *stmt_slot(c, stmt) == stmt;
}

static bool can_prepare(const struct pg_conn *c, const struct pg_stmt *stmt)
{
    return stmt->name && c->prepared_count < LIMIT_PG_STATEMENTS;
}

static bool prepare_missing(struct pg_conn *c, const struct pg_segment *s, bool *group_open)
{
    for (int i = 0; i < s->count; i++) {
        const struct pg_stmt *stmt = s->calls[i].stmt;
        if (is_prepared(c, stmt) || !can_prepare(c, stmt)) continue;
        if (*group_open && !send_sync(c)) return false;
        *group_open = false;
        if (!send_prepare(c, stmt)) return false;
    }
    return true;
}

static bool send_call(struct pg_conn *c, const struct pg_call *call)
{
    if (is_prepared(c, call->stmt))
        return PQsendQueryPrepared(c->pg, call->stmt->name, call->count, call->values, NULL, NULL, 0);
    return PQsendQueryParams(c->pg, call->stmt->sql, call->count, NULL, call->values, NULL, NULL, 0);
}

static bool shares_sync(const struct pg_segment *s)
{
    return s && s->reads && !s->alone;
}

static bool send_segment(struct pg_conn *c, struct pg_segment *s, bool *group_open)
{
    if (!shares_sync(s) && *group_open) {
        *group_open = false;
        if (!send_sync(c)) return false;
    }
    if (!prepare_missing(c, s, group_open)) return false;
    pg_queue_push(&c->sent, s);
    for (int i = 0; i < s->count; i++)
        if (!send_call(c, &s->calls[i])) return false;
    *group_open = shares_sync(s);
    return *group_open || send_sync(c);
}

static bool send_waiting(struct pg_conn *c)
{
    bool group_open = false;
    for (int grouped = 0; c->waiting.first;) {
        if (group_open && ++grouped >= GROUP_MAX) {
            if (!send_sync(c)) return false;
            group_open = false;
            grouped = 0;
        }
        if (!send_segment(c, pg_queue_pop(&c->waiting), &group_open)) return false;
    }
    return !group_open || send_sync(c);
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
    if (is_aborted_read(s)) {
        pg_result_reset(s);
        pg_queue_unshift(&c->waiting, s);
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
    pg_result_collect(head, res);
    if (head->reads && head->results_seen == head->count) head_finish(c);
    return true;
}

static void take_notifications(struct pg_conn *c)
{
    for (PGnotify *n; (n = PQnotifies(c->pg));) {
        if (c->pool->config.on_notify) c->pool->config.on_notify(c->pool->config.notify_arg, str_of(n->extra));
        PQfreemem(n);
    }
}

static void on_read(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct pg_conn *c = arg;
    if (!PQconsumeInput(c->pg)) {
        conn_fail(c, "connection lost");
        return;
    }
    for (int nulls = 0; c->syncs && !PQisBusy(c->pg);) {
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
    if (PQstatus(c->pg) == CONNECTION_BAD) conn_fail(c, "connection lost");
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

static void connect_run(void *arg)
{
    struct pg_conn *c = arg;
    const struct pg_config *config = &c->pool->config;
    char options[256];
    snprintf(options, sizeof options,
             "-c timezone=%s -c datestyle=ISO -c statement_timeout=%d -c lock_timeout=2000 -c jit=off "
             "-c client_min_messages=warning",
             config->timezone, config->statement_timeout_ms);
    const char *keys[] = { "dbname", "options", "application_name", "connect_timeout", "client_encoding", NULL };
    const char *values[] = { config->url, options, config->application, "5", "UTF8", NULL };
    c->pg = PQconnectdbParams(keys, values, 1);
}

static void drop_pg(struct pg_conn *c)
{
    for (struct event **e = (struct event *[]){ c->read, c->write, NULL }; *e; e++) event_free(*e);
    c->read = c->write = NULL;
    PQfinish(c->pg);
    c->pg = NULL;
    memset(c->prepared, 0, sizeof c->prepared);
    c->prepared_count = c->syncs = 0;
}

static void connect_later(struct pg_conn *c)
{
    int ms = c->backoff_ms / 2 + rand() % (c->backoff_ms / 2 + 1);
    struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
    c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff_ms * 2;
    event_add(c->retry, &wait);
}

/* Only what was sent and writes is lost; the rest goes to another connection. */
static void segment_rescue(struct pg_conn *c, struct pg_segment *s, bool was_sent)
{
    if (s->done == prepare_done) {
        pg_finish(c->pool, s, E_DATABASE_DOWN);
        return;
    }
    if (c->pool->closing || (was_sent && !s->reads)) {
        pg_fail_later(c->pool, s, s->error ? s->error : E_DATABASE_DOWN);
        return;
    }
    pg_result_reset(s);
    s->error = E_OK;
    pg_submit(c->pool, s);
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

static bool conn_listen(struct pg_conn *c)
{
    char sql[80];
    snprintf(sql, sizeof sql, "LISTEN %s", c->pool->config.channel);
    PGresult *res = PQexec(c->pg, sql);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;
    PQclear(res);
    return ok;
}

static void connect_run_all(void *arg)
{
    struct pg_conn *c = arg;
    connect_run(c);
    if (PQstatus(c->pg) == CONNECTION_OK && c->listens && !conn_listen(c)) PQreset(c->pg);
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
    work_submit(c->pool->work, connect_run_all, connect_done, c);
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

/* A server that does not answer at all (stopped, unreachable) is told by the oldest segment that was sent. */
void pg_conn_check_deadline(struct pg_conn *c, uint64_t now_us)
{
    struct pg_segment *oldest = c->sent.first;
    if (!oldest || now_us < oldest->deadline_us + GRACE_US) return;
    oldest->error = E_DATABASE_TIMEOUT;
    oldest->reads = false;
    conn_fail(c, "no answer in time");
}
