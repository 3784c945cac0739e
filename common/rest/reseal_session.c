#include "rest/reseal_session.h"

#include "io/work.h"
#include "rest/data_keys.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_S = 10, POLL_MS = 10, STATEMENT_MS = 600 * 1000, TRIES = 5 };

/* The triggers that record events look at it. */
static const struct pg_stmt stmt_quiet = { NULL, "SELECT set_config('crm.resealing', 'on', true)" };
static const struct pg_stmt *const no_statements[] = { NULL };

static void fail(struct session *s, const char *why)
{
    if (!s->failed) fprintf(stderr, "rotate-data-keys: %s\n", why);
    s->failed = true;
}

static void on_done(struct pg_segment *segment, void *arg)
{
    (void)segment;
    event_base_loopbreak(((struct session *)arg)->base);
}

/* Connections come back meanwhile. */
static void nap(struct session *s)
{
    static const struct timeval second = { 1, 0 };
    event_base_loopexit(s->base, &second);
    event_base_dispatch(s->base);
}

/* Runs the loop until the segment is done. A batch that met a lock, or a database that was away for a moment, is tried again. */
static bool run(struct session *s, struct pg_segment *segment)
{
    for (int i = 0; i < TRIES; i++) {
        if (i) nap(s);
        pg_segment_done(segment);
        segment->error = E_OK;
        segment->tries = 0;
        segment->sent_us = segment->deadline_us = 0;
        pg_submit(s->pg, segment);
        event_base_dispatch(s->base);
        if (segment->error == E_OK) return true;
        if (segment->error == E_INTERNAL) break;
    }
    fail(s, segment->error == E_INTERNAL ? "the database refused a statement"
                                         : "the database does not answer: begin again, it goes on where it was");
    return false;
}

static struct pg_segment *segment_make(struct session *s)
{
    struct pg_segment *segment = calloc(1, sizeof *segment);
    if (!segment) abort();
    pg_segment_init(segment, PG_FAST, on_done, s);
    return segment;
}

void session_release(struct pg_segment *segment)
{
    pg_segment_done(segment);
    free(segment);
}

struct pg_segment *session_read(struct session *s, struct str sql, const char *const *params, int count)
{
    const struct pg_stmt stmt = { NULL, sql.p };
    struct pg_segment *segment = segment_make(s);
    segment->reads = true;
    pg_add_binary(segment, &stmt, params, count);
    if (run(s, segment)) return segment;
    session_release(segment);
    return NULL;
}

long session_change(struct session *s, struct str sql, const char *const *params, int count)
{
    const struct pg_stmt stmt = { NULL, sql.p };
    struct pg_segment *segment = segment_make(s);
    pg_add(segment, &stmt_quiet, NULL, 0);
    pg_add(segment, &stmt, params, count);
    long changed = run(s, segment) ? pg_affected(segment, 1) : 0;
    session_release(segment);
    return changed;
}

static void on_poll(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct session *s = arg;
    if (pg_ready(s->pg) || ++s->polls > WAIT_S * 1000 / POLL_MS) event_base_loopbreak(s->base);
}

static void wait_ready(struct session *s)
{
    static const struct timeval poll = { 0, POLL_MS * 1000 };
    struct event *timer = event_new(s->base, -1, EV_PERSIST, on_poll, s);
    event_add(timer, &poll);
    event_base_dispatch(s->base);
    event_free(timer);
    if (!pg_ready(s->pg)) fail(s, "the database does not answer");
}

/* A key ring that is not the data's changes nothing here either. */
static void check_keys(struct session *s, const struct vault *v)
{
    const char *values[DATA_KEYS_PARAMS];
    const struct str known = STR("SELECT name, canary FROM data_keys WHERE name <> 'clear'"), add = str_of(stmt_data_keys_add.sql);
    bool complete = false;
    for (int i = 0; i < 2 && !complete && !s->failed; i++) {
        struct pg_segment *rows = session_read(s, known, NULL, 0);
        const char *fault = rows ? data_keys_fault(&s->arena, v, rows, 0, &complete) : NULL;
        if (fault) fail(s, fault);
        if (rows) session_release(rows);
        data_keys_params(&s->arena, v, values);
        if (!complete && !s->failed) session_change(s, add, values, DATA_KEYS_PARAMS);
    }
}

void session_begin(struct session *s, const char *url, const struct vault *v)
{
    const struct pg_config config = { .url = url, .timezone = "UTC", .application = "rotate-data-keys", .connections = { 1, 0 },
                                      .statement_timeout_ms = STATEMENT_MS, .statements = no_statements };
    *s = (struct session){ .base = event_base_new() };
    arena_init(&s->arena);
    s->work = work_new(s->base);
    s->pg = pg_new(s->base, s->work, &config);
    wait_ready(s);
    if (!s->failed) check_keys(s, v);
}

void session_end(struct session *s)
{
    work_free(s->work);
    pg_free(s->pg);
    event_base_free(s->base);
    arena_done(&s->arena);
}
