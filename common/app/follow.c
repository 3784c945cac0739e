#include "app/follow.h"

#include "app/client_token.h"
#include "app/peers.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "http/client.h"
#include "http/worker.h"
#include "io/pg.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PAGE = 500, WAIT_S = 5, HOLD_MS = 12000, ASK_MS = 15000, PAGE_BYTES = 16 * 1024 * 1024,
    PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 5000, HELD_BY_OTHER_MS = 1000, APART_MS = 25, SOURCES_MAX = 8, CURSOR_MAX = 128,
};

const struct pg_stmt stmt_feed_claim = { "feed_claim", "SELECT feed_claim($1, $2::uuid, $3::integer)" };
const struct pg_stmt stmt_feed_apply = { "feed_apply", "SELECT feed_apply($1, $2::uuid, $3::integer, $4, $5::jsonb)" };

/* One source: claim, token, page, apply, page, apply ... Whatever fails goes back to the claim after a pause. */
struct reader {
    struct worker *worker;
    const struct source *source;
    struct origin *origin;
    struct client_token *token;
    struct exchange *exchange;
    struct pg_segment segment;
    bool in_database, is_failing, is_over;
    const char *values[5];
    char cursor[CURSOR_MAX];
    char *page; /* being applied */
    uint64_t came_us; /* the last page */
    int limit, pause_ms;
    struct event *timer, *rest;
};

struct follow {
    struct reader readers[SOURCES_MAX];
    size_t count;
    char holder[UUID_LEN + 1], hold_ms[16];
};

/* Relaxed atomics: written by one thread, read by any. */
static struct numbers {
    const char *source;
    uint64_t failures, read_us;
} numbers[SOURCES_MAX];

static struct numbers *numbers_of(const struct reader *r)
{
    for (size_t i = 0; i < SOURCES_MAX; i++)
        if (numbers[i].source == r->source->service) return &numbers[i];
    abort();
}

static struct follow *follow_of(struct reader *r)
{
    return r->worker->follow;
}

static void on_timer(evutil_socket_t fd, short what, void *arg);

static void again_in(struct reader *r, int ms)
{
    struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
    event_add(r->timer, &wait);
}

/* A page costs both sides as much as what is in it, when that is an event or two. So under load pages come APART_MS apart and hold what was
 * written meanwhile; the first event after a pause, and a page of a backlog, which takes longer to take in, are not waited for. */
static void ask_next(struct reader *r)
{
    uint64_t now = clock_us(), next = r->came_us + APART_MS * 1000;
    struct timeval wait = { 0, next > now ? (suseconds_t)(next - now) : 0 };
    event_add(r->rest, &wait);
}

/* Said once until it goes well again. */
static void fail(struct reader *r, const char *what, const char *why)
{
    struct numbers *n = numbers_of(r);
    if (!r->is_failing)
        log_warn("events are not taken in", LOG_Z("source", r->source->service), LOG_Z("what", what), LOG_Z("why", why),
                 LOG_Z("after", r->cursor));
    r->is_failing = true;
    __atomic_store_n(&n->failures, n->failures + 1, __ATOMIC_RELAXED);
    again_in(r, r->pause_ms);
    r->pause_ms = r->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : r->pause_ms * 2;
}

static void went_well(struct reader *r)
{
    if (r->is_failing) log_info("events are taken in again", LOG_Z("source", r->source->service));
    r->is_failing = false;
    r->pause_ms = PAUSE_MIN_MS;
    __atomic_store_n(&numbers_of(r)->read_us, clock_us(), __ATOMIC_RELAXED);
}

/* --- pages ---------------------------------------------------------------------------------------------------------------- */

static void ask(struct reader *r);

static void submit(struct reader *r, const struct pg_stmt *stmt, int count, void (*done)(struct pg_segment *, void *))
{
    pg_segment_init(&r->segment, PG_SLOW, done, r);
    pg_add(&r->segment, stmt, r->values, count);
    r->in_database = true;
    pg_submit(r->worker->pg, &r->segment);
}

static bool take_cursor(struct reader *r)
{
    struct str cursor = pg_rows(&r->segment, 0) ? pg_value(&r->segment, 0, 0, 0) : STR_NONE;
    if (str_is_none(cursor) || cursor.len >= CURSOR_MAX) return false;
    memcpy(r->cursor, cursor.p, cursor.len);
    r->cursor[cursor.len] = '\0';
    return true;
}

static void on_applied(struct pg_segment *s, void *arg)
{
    struct reader *r = arg;
    bool is_good = s->error == E_OK && take_cursor(r);
    char why[128];
    snprintf(why, sizeof why, "%s %s", s->sqlstate, s->detail ? s->detail : "");
    r->in_database = false;
    pg_segment_done(s);
    free(r->page);
    r->page = NULL;
    if (r->is_over) return;
    if (!is_good) {
        r->limit = 1; /* the next ones by themselves, so that only what cannot be taken in is left */
        return fail(r, "a page was refused", why);
    }
    went_well(r);
    r->limit = r->limit * 2 > PAGE ? PAGE : r->limit * 2;
    ask_next(r);
}

static void apply(struct reader *r, struct str page)
{
    const struct follow *f = follow_of(r);
    r->page = strndup(page.p, page.len);
    if (!r->page) abort();
    const char *values[] = { r->source->service, f->holder, f->hold_ms, r->cursor, r->page };
    memcpy(r->values, values, sizeof values);
    submit(r, &stmt_feed_apply, 5, on_applied);
}

static void on_page(void *arg, const struct client_reply *reply)
{
    struct reader *r = arg;
    char why[64];
    r->exchange = NULL;
    r->came_us = clock_us();
    if (reply->error == CLIENT_OK && reply->status == 200) return apply(r, reply->body);
    if (reply->status == 401) client_token_drop(r->token);
    snprintf(why, sizeof why, "status %d", reply->status);
    fail(r, "no page", why);
}

static void on_token(void *arg, struct str token)
{
    struct reader *r = arg;
    struct arena a;
    if (str_is_none(token)) return fail(r, "no token", "");
    arena_init(&a);
    const struct header headers[] = { { STR("Authorization"), arena_printf(&a, "Bearer %.*s", STR_ARG(token)) } };
    struct client_request request = {
        .method = METHOD_GET, .headers = headers, .header_count = 1, .timeout_ms = ASK_MS, .reply_max = PAGE_BYTES, .idempotent = true,
        .target = arena_printf(&a, "/internal/v1/events?after=%s&limit=%d&wait=%d&aggregate=%s", r->cursor, r->limit, WAIT_S,
                               r->source->aggregates),
    };
    r->exchange = client_send(r->origin, &request, on_page, r);
    arena_done(&a);
}

static void ask(struct reader *r)
{
    client_token_get(r->token, on_token, r);
}

static void on_rested(evutil_socket_t fd, short what, void *reader)
{
    (void)fd, (void)what;
    ask(reader);
}

/* --- whose turn it is ---------------------------------------------------------------------------------------------------------- */

static void on_claimed(struct pg_segment *s, void *arg)
{
    struct reader *r = arg;
    bool is_good = s->error == E_OK, is_ours = is_good && take_cursor(r);
    r->in_database = false;
    pg_segment_done(s);
    if (r->is_over) return;
    if (is_ours) ask(r);
    else if (is_good) again_in(r, HELD_BY_OTHER_MS);
    else fail(r, "no claim", "the database does not answer");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct reader *r = arg;
    const struct follow *f = follow_of(r);
    (void)fd, (void)what;
    if (!pg_ready(r->worker->pg)) return again_in(r, PAUSE_MIN_MS);
    const char *values[] = { r->source->service, f->holder, f->hold_ms };
    memcpy(r->values, values, sizeof values);
    submit(r, &stmt_feed_claim, 3, on_claimed);
}

/* --- life -------------------------------------------------------------------------------------------------------------------- */

static void reader_start(struct follow *f, struct worker *w, const struct peers *p, const struct source *source)
{
    struct reader *r = &f->readers[f->count];
    *r = (struct reader){ .worker = w, .source = source, .limit = PAGE, .pause_ms = PAUSE_MIN_MS };
    r->origin = client_origin(w->client, str_of(peers_url(p, source->service)));
    r->token = client_token_new(w, p, source->service);
    r->timer = event_new(w->base, -1, 0, on_timer, r);
    r->rest = event_new(w->base, -1, 0, on_rested, r);
    if (!r->origin || !r->timer || !r->rest || f->count == SOURCES_MAX) abort();
    numbers[f->count++].source = source->service;
    again_in(r, 0);
}

struct follow *follow_new(struct worker *w, const struct peers *p, const struct source *sources)
{
    if (w->index || !sources) return NULL;
    struct follow *f = calloc(1, sizeof *f);
    if (!f) abort();
    uuid_v7(f->holder);
    snprintf(f->hold_ms, sizeof f->hold_ms, "%d", HOLD_MS);
    for (; sources->service; sources++) {
        bool is_set_up = peers_url(p, sources->service) && p->auth_url && p->client_id;
        if (is_set_up) reader_start(f, w, p, sources);
        else log_warn("events are not read: a URL or SERVICE_CLIENT_ID is not set", LOG_Z("source", sources->service));
    }
    return f;
}

void follow_stop(struct follow *f)
{
    for (size_t i = 0; f && i < f->count; i++) {
        struct reader *r = &f->readers[i];
        if (r->is_over) continue;
        r->is_over = true;
        if (r->exchange) client_abort(r->exchange);
        r->exchange = NULL;
        client_token_free(r->token);
        r->token = NULL;
        event_free(r->timer);
        event_free(r->rest);
    }
}

void follow_free(struct follow *f)
{
    free(f);
}

void follow_print(struct buf *out)
{
    if (!numbers[0].source) return;
    buf_addz(out, "# HELP feed_age_seconds Since a source was last heard from, by the replica that reads it.\n"
                  "# TYPE feed_age_seconds gauge\n");
    for (size_t i = 0; i < SOURCES_MAX && numbers[i].source; i++) {
        uint64_t at = __atomic_load_n(&numbers[i].read_us, __ATOMIC_RELAXED);
        if (at) buf_addf(out, "feed_age_seconds{source=\"%s\"} %.3f\n", numbers[i].source, (double)(clock_us() - at) / 1e6);
    }
    buf_addz(out, "# HELP feed_failures_total Times that a source's events could not be read or taken in.\n"
                  "# TYPE feed_failures_total counter\n");
    for (size_t i = 0; i < SOURCES_MAX && numbers[i].source; i++)
        buf_addf(out, "feed_failures_total{source=\"%s\"} %llu\n", numbers[i].source,
                 (unsigned long long)__atomic_load_n(&numbers[i].failures, __ATOMIC_RELAXED));
}
