#include "rest/ask.h"

#include "base/breaker.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/worker.h"

#include <stdlib.h>

enum { TIMEOUT_MS = 2000, REPLY_MAX = 256 * 1024, SERVICES_MAX = 8 };

static const struct breaker_settings settings = {
    .window_ms = 10000, .minimum = 5, .error_percent = 50, .slow_ms = TIMEOUT_MS, .open_ms = 1000, .open_max_ms = 10000,
    .probes = 1, .probe_ms = 2 * TIMEOUT_MS,
};

/* One for each service that a worker asks, and a worker is a thread. */
static _Thread_local struct {
    const char *service;
    struct breaker breaker;
} asked_services[SERVICES_MAX];

static const char *(*url_of)(const struct worker *w, const char *service);

struct question {
    struct req *req;
    struct origin *origin;
    struct breaker *breaker;
    struct breaker_pass pass;
    uint64_t begun_us;
    const char *service;
    ask_fn done;
    void *arg;
};

void ask_set(const char *(*url)(const struct worker *w, const char *service))
{
    url_of = url;
}

static struct breaker *breaker_of(const char *service)
{
    for (size_t i = 0; i < SERVICES_MAX; i++) {
        if (!asked_services[i].service) {
            asked_services[i].service = service;
            breaker_init(&asked_services[i].breaker, &settings, clock_us());
        }
        if (!strcmp(asked_services[i].service, service)) return &asked_services[i].breaker;
    }
    abort();
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct question *q = arg;
    uint64_t now = clock_us();
    bool is_good = reply->error == CLIENT_OK && reply->status < 500;
    breaker_report(q->breaker, now, &q->pass, is_good ? BREAKER_GOOD : BREAKER_FAILED, now - q->begun_us);
    if (!is_good)
        log_warn("another service does not answer", LOG_Z("service", q->service), LOG_INT("status", reply->status),
                 LOG_Z("request_id", q->req->request_id));
    client_origin_release(q->origin);
    q->done(q->req, q->arg, reply);
    req_release(q->req);
}

static int remaining_ms(const struct req *r)
{
    uint64_t now = clock_us();
    int ms = r->deadline_us > now ? (int)((r->deadline_us - now) / 1000) : 1;
    return ms < TIMEOUT_MS ? ms : TIMEOUT_MS;
}

enum asked ask(struct req *r, const char *service, enum method method, struct str target, struct str body, ask_fn done, void *arg)
{
    const char *url = url_of(r->worker, service);
    if (!url) return ASKED_NOWHERE;
    struct question *q = arena_new(&r->arena, struct question);
    *q = (struct question){ .req = r, .service = service, .breaker = breaker_of(service), .done = done, .arg = arg };
    q->begun_us = clock_us();
    q->pass = breaker_admit(q->breaker, q->begun_us);
    if (!q->pass.allowed) return ASKED_IN_VAIN;
    q->origin = client_origin(r->worker->client, str_of(url));
    const struct header headers[] = { { STR("Authorization"), req_header(r, STR("Authorization")) },
                                      { STR("X-Request-Id"), str_of(r->request_id) },
                                      { STR("Content-Type"), STR("application/json") } };
    struct client_request request = {
        .method = method, .target = target, .headers = headers, .header_count = str_is_none(body) ? 2 : 3, .body = body,
        .timeout_ms = remaining_ms(r), .reply_max = REPLY_MAX, .idempotent = true,
    };
    req_hold(r);
    client_send(q->origin, &request, on_reply, q);
    return ASKED;
}

void ask_unanswered(struct req *r, struct str field)
{
    r->problem.retry_after_s = 1;
    problem_add(&r->problem, &r->arena, E_SERVICE_DOWN, field, STR("the service that knows does not answer"));
}
