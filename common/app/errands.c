#include "app/errands.h"

#include "app/client_token.h"
#include "app/peers.h"
#include "base/log.h"
#include "http/client.h"
#include "http/worker.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVERY_MS = 1000, ASK_MS = 5000, REPLY_MAX = 256 * 1024, KINDS_MAX = 8 };

/* One kind: claim, token, ask, finish, claim ... until nothing is due. */
struct runner {
    struct worker *worker;
    const struct errand *errand;
    struct origin *origin;
    struct str target;
    struct client_token *token; /* NULL: none is needed */
    struct exchange *exchange;
    struct pg_segment claimed, finished;
    struct arena arena; /* of the row that is being done */
    struct str body;
    const char *values[3];
    bool is_failing, is_over;
    struct event *timer;
};

struct errands {
    struct runner runners[KINDS_MAX];
    size_t count;
};

static void again_in(struct runner *r, int ms)
{
    struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
    event_add(r->timer, &wait);
}

static void row_done(struct runner *r)
{
    pg_segment_done(&r->claimed);
    arena_done(&r->arena);
}

/* Said once until it goes well again. */
static void fail(struct runner *r, const char *what, int status)
{
    if (!r->is_failing)
        log_warn("an errand is not done", LOG_Z("service", r->errand->service), LOG_STR("target", r->target), LOG_Z("what", what),
                 LOG_INT("status", status));
    r->is_failing = true;
    row_done(r);
    again_in(r, EVERY_MS);
}

/* --- the answer --------------------------------------------------------------------------------------------------------- */

static void on_finished(struct pg_segment *s, void *arg)
{
    struct runner *r = arg;
    bool is_good = s->error == E_OK;
    pg_segment_done(s);
    if (r->is_over) return row_done(r);
    if (!is_good) return fail(r, "its answer was refused by our own database", 0);
    if (r->is_failing) log_info("errands are done again", LOG_Z("service", r->errand->service));
    r->is_failing = false;
    row_done(r);
    again_in(r, 0);
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct runner *r = arg;
    r->exchange = NULL;
    if (reply->error != CLIENT_OK) return fail(r, "no answer", 0);
    if (reply->status == 401 && r->token) client_token_drop(r->token);
    if (reply->status >= 500) return fail(r, "no answer", reply->status);
    r->values[0] = arena_cstr(&r->arena, pg_value(&r->claimed, 0, 0, 0));
    r->values[1] = arena_printf(&r->arena, "%d", reply->status).p;
    r->values[2] = arena_cstr(&r->arena, reply->body);
    pg_segment_init(&r->finished, PG_SLOW, on_finished, r);
    pg_add(&r->finished, r->errand->finish, r->values, 3);
    pg_submit(r->worker->pg, &r->finished);
}

/* --- the question -------------------------------------------------------------------------------------------------------- */

static void ask(struct runner *r, struct str token)
{
    const struct header headers[] = { { STR("Content-Type"), STR("application/json") },
                                      { STR("Authorization"), arena_printf(&r->arena, "Bearer %.*s", STR_ARG(token)) } };
    struct client_request request = {
        .method = METHOD_POST, .target = r->target, .headers = headers, .header_count = r->token ? 2 : 1, .body = r->body,
        .timeout_ms = ASK_MS, .reply_max = REPLY_MAX, .idempotent = true,
    };
    r->exchange = client_send(r->origin, &request, on_reply, r);
}

static void on_token(void *arg, struct str token)
{
    struct runner *r = arg;
    if (str_is_none(token)) fail(r, "no token", 0);
    else ask(r, token);
}

static void on_claimed(struct pg_segment *s, void *arg)
{
    struct runner *r = arg;
    bool is_due = s->error == E_OK && pg_rows(s, 0);
    if (r->is_over) return row_done(r);
    if (!is_due) {
        row_done(r);
        again_in(r, EVERY_MS);
        return;
    }
    r->body = r->errand->body(&r->arena, s);
    if (str_is_none(r->body)) return fail(r, "it cannot be asked", 0);
    if (r->token) client_token_get(r->token, on_token, r);
    else ask(r, STR(""));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct runner *r = arg;
    (void)fd, (void)what;
    if (!pg_ready(r->worker->pg)) return again_in(r, EVERY_MS);
    pg_segment_init(&r->claimed, PG_SLOW, on_claimed, r);
    pg_add_binary(&r->claimed, r->errand->claim, NULL, 0);
    pg_submit(r->worker->pg, &r->claimed);
}

/* --- life ------------------------------------------------------------------------------------------------------------------ */

static void runner_start(struct runner *r, struct worker *w, const struct peers *p, const struct errand *errand, const char *url)
{
    const char *host = strstr(url, "://"), *path = host && errand->url ? strchr(host + 3, '/') : NULL;
    *r = (struct runner){ .worker = w, .errand = errand, .target = str_of(errand->url ? path ? path : "/" : errand->path) };
    arena_init(&r->arena);
    r->origin = client_origin(w->client, path ? (struct str){ url, (size_t)(path - url) } : str_of(url));
    if (!errand->url) r->token = client_token_new(w, p, errand->service);
    r->timer = event_new(w->base, -1, 0, on_timer, r);
    if (!r->origin || !r->timer) abort();
    again_in(r, EVERY_MS);
}

static const char *url_for(struct worker *w, const struct peers *p, const struct errand *errand)
{
    if (errand->url) return errand->url(w);
    const char *url = p->auth_url && p->client_id ? peers_url(p, errand->service) : NULL;
    if (!url) log_warn("errands are not done: a URL or SERVICE_CLIENT_ID is not set", LOG_Z("service", errand->service));
    return url;
}

struct errands *errands_new(struct worker *w, const struct peers *p, const struct errand *errands)
{
    if (w->index || !errands) return NULL;
    struct errands *e = calloc(1, sizeof *e);
    if (!e) abort();
    for (; errands->service && e->count < KINDS_MAX; errands++) {
        const char *url = url_for(w, p, errands);
        if (url) runner_start(&e->runners[e->count++], w, p, errands, url);
    }
    return e;
}

void errands_stop(struct errands *e)
{
    for (size_t i = 0; e && i < e->count; i++) {
        struct runner *r = &e->runners[i];
        if (r->is_over) continue;
        r->is_over = true;
        if (r->exchange) client_abort(r->exchange), row_done(r);
        r->exchange = NULL;
        client_token_free(r->token);
        event_free(r->timer);
    }
}

void errands_free(struct errands *e)
{
    for (size_t i = 0; e && i < e->count; i++) row_done(&e->runners[i]);
    free(e);
}
