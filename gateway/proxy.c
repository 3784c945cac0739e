#include "passage.h"

#include "backend.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/reply.h"
#include "http/server.h"
#include "http/worker.h"

#include <event2/event.h>

static void send_on(struct passage *p);

static int remaining_ms(const struct req *r)
{
    uint64_t now = clock_us();
    return r->deadline_us > now ? (int)((r->deadline_us - now) / 1000) + 1 : 1;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void answer_error(struct req *r, enum client_error error)
{
    static const enum err_code codes[] = {
        [CLIENT_CONNECT] = E_SERVICE_DOWN, [CLIENT_TIMEOUT] = E_GATEWAY_TIMEOUT, [CLIENT_PROTOCOL] = E_BAD_GATEWAY,
        [CLIENT_CLOSED] = E_BAD_GATEWAY,   [CLIENT_TOO_LARGE] = E_BAD_GATEWAY,   [CLIENT_BUSY] = E_OVERLOADED,
    };
    if (err_table[codes[error]].http == 503) r->problem.retry_after_s = 1;
    reply_fail(r, codes[error]);
}

/* What a route falls back on when its service does not answer. False: nothing. */
static bool answer_degraded(struct req *r)
{
    const struct gateway_settings *s = settings_of(r->worker);
    struct gateway *g = r->worker->extra;
    struct stale_answer last;
    uint64_t now = clock_us();
    if (r->route->degraded != DEGRADED_STALE) return false;
    if (!stale_find(g->stale, r->target, now, s->stale_max_ms, &last)) return false;
    req_reply_header(r, STR("Age"), arena_printf(&r->arena, "%d", (int)((now - last.since_us) / 1000000)));
    req_reply_header(r, STR("X-Degraded"), STR("stale"));
    g->upstream[r->route->service].degraded++;
    reply_raw(r, 200, last.type, last.body);
    return true;
}

static void keep_for_worse(struct req *r, struct str type, struct str body)
{
    struct gateway *g = r->worker->extra;
    if (r->route->degraded == DEGRADED_STALE && r->method == METHOD_GET)
        stale_keep(g->stale, r->target, type, body, clock_us());
}

static bool is_outage(const struct client_reply *reply)
{
    return reply->error != CLIENT_OK || (reply->status >= 502 && reply->status <= 504);
}

static void answer(struct req *r, const struct client_reply *reply)
{
    struct str type = STR_NONE;
    if (is_outage(reply) && answer_degraded(r)) return;
    if (reply->error != CLIENT_OK) return answer_error(r, reply->error);
    forward_reply(r, reply, &type);
    if (r->method == METHOD_HEAD && reply->length >= 0)
        req_reply_header(r, STR("Content-Length"), arena_printf(&r->arena, "%lld", (long long)reply->length));
    if (reply->status == 200) keep_for_worse(r, type, reply->body);
    if (reply->status == 304) reply_not_modified(r);
    else reply_raw(r, reply->status, type, reply->body);
}

static void answer_refused(struct req *r, int retry_ms)
{
    if (answer_degraded(r)) return;
    r->problem.retry_after_s = (retry_ms + 999) / 1000;
    reply_fail(r, E_SERVICE_DOWN);
}

/* --- what a try says of the service, and whether there is another --------------------------------------------------- */

/* Too much at once on our side says nothing of the service. */
static bool is_unknown(const struct client_reply *reply)
{
    return reply->error == CLIENT_BUSY;
}

static bool has_failed(const struct client_reply *reply)
{
    return reply->error != CLIENT_OK || reply->status >= 500;
}

/* One operation that always fails is no reason to avoid its host. */
static bool host_has_failed(const struct client_reply *reply)
{
    return reply->error != CLIENT_OK || reply->status == 503;
}

static void report(struct passage *p, enum breaker_outcome service, enum host_outcome host)
{
    uint64_t now = clock_us(), took = now - p->begun_us;
    if (p->is_reported) return;
    p->is_reported = true;
    enum breaker_state before = breaker_state(p->breaker, now);
    breaker_report(p->breaker, now, &p->pass, service, took);
    enum breaker_state after = breaker_state(p->breaker, now);
    if (after != before)
        log_warn("breaker", LOG_STR("operation", p->r->route->operation), LOG_Z("from", breaker_state_name(before)),
                 LOG_Z("to", breaker_state_name(after)));
    p->tried = p->host->id;
    balance_report(p->upstream->balance, p->host, now, host, took);
}

void passage_report(struct passage *p, const struct client_reply *reply)
{
    if (!p->is_reported) backend_hear(p->host->extra, p->host->address, reply);
    if (is_unknown(reply)) report(p, BREAKER_UNKNOWN, HOST_UNKNOWN);
    else report(p, has_failed(reply) ? BREAKER_FAILED : BREAKER_GOOD, host_has_failed(reply) ? HOST_FAILED : HOST_GOOD);
}

/* RFC 9110 9.2.2. A request that was not sent may be repeated whatever it is; the services promise the same for a POST with an
 * Idempotency-Key. */
static bool may_be_repeated(const struct passage *p, const struct client_reply *reply)
{
    if (p->body_flows) return false;
    if (reply->error == CLIENT_CONNECT || p->request.idempotent) return true;
    return p->r->method == METHOD_POST && !str_is_none(req_header(p->r, STR("Idempotency-Key")));
}

/* A service that says itself that it can't is asked again only elsewhere. */
static bool is_worth_repeating(const struct passage *p, const struct client_reply *reply)
{
    size_t hosts;
    balance_hosts(p->upstream->balance, &hosts);
    if (reply->error == CLIENT_OK) return hosts > 1 && reply->status >= 502 && reply->status <= 504;
    return reply->error == CLIENT_CONNECT || reply->error == CLIENT_CLOSED;
}

static bool try_again(struct passage *p, const struct client_reply *reply)
{
    const struct gateway_settings *s = settings_of(p->r->worker);
    int wait_ms = backoff_ms(p->tries, s->backoff_ms, s->backoff_max_ms, upstream_random(p->upstream));
    bool client_is_gone = !p->r->conn;
    if (client_is_gone || p->tries > s->retries_max || !is_worth_repeating(p, reply) || !may_be_repeated(p, reply)) return false;
    if (wait_ms >= remaining_ms(p->r) || !budget_retry(&p->upstream->budget, clock_us())) return false;
    struct timeval wait = { wait_ms / 1000, wait_ms % 1000 * 1000 };
    server_body_pause(p->r); /* there is nobody to take it */
    evtimer_add(&p->timer, &wait);
    LIST_INSERT_HEAD(&p->gateway->waiting, p, link);
    p->is_waiting = true;
    return true;
}

static void wait_end(struct passage *p)
{
    if (!p->is_waiting) return;
    p->is_waiting = false;
    LIST_REMOVE(p, link);
    evtimer_del(&p->timer);
}

/* --- one try ------------------------------------------------------------------------------------------------------ */

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct passage *p = arg;
    struct req *r = p->r;
    p->exchange = NULL;
    passage_report(p, reply);
    if (p->reply_flows) return relay_end(p, reply);
    if (try_again(p, reply)) return;
    answer(r, reply);
    req_release(r);
}

void passage_forget(struct passage *p)
{
    wait_end(p);
    if (!p->exchange) return;
    client_abort(p->exchange);
    p->exchange = NULL;
    report(p, BREAKER_UNKNOWN, HOST_UNKNOWN);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct passage *p = arg;
    (void)fd, (void)what;
    wait_end(p);
    send_on(p);
}

void proxy_stop(struct gateway *g)
{
    for (struct passage *p; (p = LIST_FIRST(&g->waiting));) {
        wait_end(p);
        req_release(p->r);
    }
}

static void send_on(struct passage *p)
{
    struct req *r = p->r;
    p->begun_us = clock_us();
    p->pass = breaker_admit(p->breaker, p->begun_us);
    if (!p->pass.allowed) {
        answer_refused(r, p->pass.retry_ms);
        req_release(r);
        return;
    }
    p->tries++;
    p->is_reported = false;
    p->host = balance_choose(p->upstream->balance, p->begun_us, upstream_random(p->upstream), p->tried);
    p->request.timeout_ms = remaining_ms(r);
    p->request.header_count = forward_request(r, p->request.timeout_ms, p->headers);
    p->exchange = client_send(((struct backend *)p->host->extra)->origin, &p->request, on_reply, p);
    relay_go_on(p);
}

void proxy(struct req *r)
{
    struct gateway *g = r->worker->extra;
    struct upstream *u = &g->upstream[r->route->service];
    if (!upstream_is_known(u)) return answer_refused(r, 1000); /* its name is not resolved yet */
    struct passage *p = arena_new(&r->arena, struct passage);
    p->r = r;
    p->gateway = g;
    p->upstream = u;
    p->breaker = upstream_breaker(p->upstream, r->route);
    p->request = (struct client_request){
        .method = r->method,
        .target = forward_target(r),
        .headers = p->headers,
        .body = r->body,
        .reply_max = SIZE_MAX, /* what is long is not kept */
        .flow = &relay_upstream,
        .body_follows = server_body_follows(r),
        .body_length = r->body_length,
    };
    p->request.idempotent = !p->request.body_follows && (r->method == METHOD_GET || r->method == METHOD_HEAD);
    if (p->request.body_follows) relay_begin(p);
    evtimer_assign(&p->timer, r->worker->base, on_timer, p);
    budget_request(&p->upstream->budget, p->begun_us = clock_us());
    req_hold(r);
    send_on(p);
}
