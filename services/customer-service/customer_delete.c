/* A customer with open opportunities stays. opportunity-service is asked how many there are; what it says counts only where the
 * record is there and the caller's to delete (0010_delete_guard.sql), so that nobody learns of others' customers. When it does not answer,
 * nothing is deleted (503). An opportunity that is made in the very moment of the delete is not seen: its customer is gone then. */
#include "app/service.h"
#include "base/breaker.h"
#include "base/clock.h"
#include "base/log.h"
#include "customer-service_routes.h"
#include "http/client.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "json/json_read.h"
#include "rest/rest.h"

enum { TIMEOUT_MS = 2000, REPLY_MAX = 4096 };

static const struct breaker_settings breaker_settings = {
    .window_ms = 10000, .minimum = 5, .error_percent = 50, .slow_ms = TIMEOUT_MS, .open_ms = 1000, .open_max_ms = 10000,
    .probes = 1, .probe_ms = 2 * TIMEOUT_MS,
};
static _Thread_local struct breaker breaker; /* one per worker, which is a thread */

struct question {
    struct req *req;
    struct origin *origin;
    struct breaker_pass pass;
    uint64_t begun_us;
};

static const char *count_in(struct req *r, const struct client_reply *reply)
{
    struct problem p = { 0 };
    const struct json *body = reply->error == CLIENT_OK && reply->status == 200 ? json_read(&r->arena, reply->body, &p) : NULL;
    const struct json *data = body ? json_get(body, STR("data")) : NULL;
    const struct json *count = data && json_kind(data) == JSON_OBJECT ? json_get(data, STR("open_opportunities")) : NULL;
    int64_t n;
    return count && str_to_i64(json_text(count), 0, INT64_MAX, &n) ? arena_cstr(&r->arena, json_text(count)) : NULL;
}

static void unknown(struct req *r)
{
    r->problem.retry_after_s = 1;
    problem_add(&r->problem, &r->arena, E_SERVICE_DOWN, STR("opportunities"), STR("nobody says whether there are open ones"));
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct question *q = arg;
    struct req *r = q->req;
    const char *count = count_in(r, reply);
    uint64_t now = clock_us();
    breaker_report(&breaker, now, &q->pass, count ? BREAKER_GOOD : BREAKER_FAILED, now - q->begun_us);
    client_origin_release(q->origin);
    if (count) {
        rest_tell(r, "crm.open_opportunities", count);
        flow_run(r);
    } else {
        log_warn("a delete waits for opportunity-service", LOG_Z("request_id", r->request_id), LOG_INT("status", reply->status));
        unknown(r);
        reply_error(r);
    }
    req_release(r);
}

static int remaining_ms(const struct req *r)
{
    uint64_t now = clock_us();
    int ms = r->deadline_us > now ? (int)((r->deadline_us - now) / 1000) : 1;
    return ms < TIMEOUT_MS ? ms : TIMEOUT_MS;
}

/* With the caller's own token: who may delete customers may know this of them. */
static enum step ask(struct req *r)
{
    const char *url = service_peer(r->worker, "opportunity-service");
    if (!url) return STEP_NEXT; /* an installation without opportunities */
    if (!breaker.settings) breaker_init(&breaker, &breaker_settings, clock_us());
    struct question *q = arena_new(&r->arena, struct question);
    *q = (struct question){ .req = r, .begun_us = clock_us() };
    q->pass = breaker_admit(&breaker, q->begun_us);
    if (!q->pass.allowed) return unknown(r), STEP_FAIL;
    q->origin = client_origin(r->worker->client, str_of(url));
    const struct header headers[] = { { STR("Authorization"), req_header(r, STR("Authorization")) },
                                      { STR("X-Request-Id"), str_of(r->request_id) } };
    struct client_request request = {
        .method = METHOD_GET, .headers = headers, .header_count = 2, .timeout_ms = remaining_ms(r), .reply_max = REPLY_MAX,
        .idempotent = true, .target = arena_printf(&r->arena, "/internal/v1/customers/%s/open-opportunities", rest_record_id(r)),
    };
    req_hold(r);
    client_send(q->origin, &request, on_reply, q);
    return STEP_WAIT;
}

void customer_delete(struct req *r)
{
    rest_delete_with(r, ask);
}
