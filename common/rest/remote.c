#include "rest/remote.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/client.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "json/json_read.h"
#include "json/json_write.h"
#include "rest/refusal.h"
#include "rest/segment.h"

enum { TIMEOUT_MS = 2000, REPLY_MAX = 256 * 1024 };

static const struct remote *known;
static const char *(*url_of)(const struct worker *w, const char *service);

struct fetch {
    struct req *req;
    const struct remote *remote;
    const struct field *field;
    const char *id, *event;
    const step_fn *then;
    struct origin *origin;
    struct pg_segment *segment;
};

void remote_set(const struct remote *remotes, const char *(*url)(const struct worker *w, const char *service))
{
    known = remotes;
    url_of = url;
}

/* --- which one is missing --------------------------------------------------------------------------------------------------- */

static const struct remote *remote_of(const struct field *f)
{
    for (const struct remote *m = known; f && f->ref && m && m->table; m++)
        if (!strcmp(m->table, f->ref->table)) return m;
    return NULL;
}

static bool find_missing(struct req *r, const struct write *w, struct fetch *f)
{
    struct problem p = { 0 };
    const struct json *reasons = json_read(&r->arena, arena_dup(&r->arena, str_of(w->segment->detail)), &p);
    for (const struct json *m = reasons ? json_first(reasons) : NULL; m; m = json_next(m)) {
        const struct field *field = schema_field(w->body, json_key(m));
        f->remote = remote_of(field);
        if (!f->remote || !str_is(json_text(m), "missing")) continue;
        f->field = field;
        f->id = w->values.text[schema_index(w->body, field)];
        return f->id != NULL;
    }
    return false;
}

/* --- asking for it ------------------------------------------------------------------------------------------------------------- */

static void give_up(struct fetch *f)
{
    struct req *r = f->req;
    r->problem.retry_after_s = 1;
    problem_add(&r->problem, &r->arena, E_SERVICE_DOWN, f->field->name, STR("is not known here, and its service does not answer"));
    reply_error(r);
}

/* The refusal stands: there is none, or not for this caller. */
static void refuse(struct fetch *f)
{
    struct req *r = f->req;
    const struct write *w = r->state;
    refusal_explain(r, w->statements->resource, w->segment);
    reply_error(r);
}

/* {"aggregate": ..., "aggregate_id": ..., "version": ..., "data": <as it came>}; NULL: that is no record. */
static const char *event_of(struct req *r, const struct fetch *f, struct str body)
{
    struct problem p = { 0 };
    const struct json *page = json_read(&r->arena, body, &p), *data = page ? json_get(page, STR("data")) : NULL;
    const struct json *version = data && json_kind(data) == JSON_OBJECT ? json_get(data, STR("version")) : NULL;
    if (!version) return NULL;
    const char *at = memmem(body.p, body.len, "\"data\":", 7), *end = body.p + body.len;
    while (end > at && end[-1] != '}') end--;
    return arena_printf(&r->arena, "{\"aggregate\":\"%s\",\"aggregate_id\":\"%s\",\"version\":%.*s,%.*s", f->remote->aggregate, f->id,
                        STR_ARG(json_text(version)), (int)(end - at), at).p;
}

static void on_kept(struct pg_segment *s, void *arg)
{
    struct req *r = arg;
    struct fetch *f = (struct fetch *)((struct write *)r->state)->fetch;
    if (s->error == E_OK) flow_start(r, f->then);
    else segment_fail(r, s->error);
    req_release(r);
}

static void keep(struct fetch *f)
{
    struct req *r = f->req;
    f->segment = segment_new(r, PG_FAST, false);
    f->segment->done = on_kept;
    pg_add(f->segment, f->remote->keep, &f->event, 1);
    pg_submit(r->worker->pg, f->segment);
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct fetch *f = arg;
    struct req *r = f->req;
    bool is_answer = reply->error == CLIENT_OK;
    client_origin_release(f->origin);
    f->event = is_answer && reply->status == 200 ? event_of(r, f, reply->body) : NULL;
    if (f->event) keep(f);
    else if (is_answer && (reply->status == 404 || reply->status == 403)) refuse(f);
    else {
        log_warn("a reference cannot be asked for", LOG_Z("service", f->remote->service), LOG_INT("status", reply->status));
        give_up(f);
    }
    req_release(r);
}

static int remaining_ms(const struct req *r)
{
    uint64_t now = clock_us();
    int ms = r->deadline_us > now ? (int)((r->deadline_us - now) / 1000) : 1;
    return ms < TIMEOUT_MS ? ms : TIMEOUT_MS;
}

bool remote_fetch(struct req *r, struct write *w, const step_fn *then)
{
    struct fetch *f = arena_new(&r->arena, struct fetch);
    *f = (struct fetch){ .req = r, .then = then };
    if (w->fetch || !w->body || !find_missing(r, w, f)) return false;
    const char *url = url_of(r->worker, f->remote->service);
    if (!url) return false;
    w->fetch = f;
    f->origin = client_origin(r->worker->client, str_of(url));
    const struct header headers[] = { { STR("Authorization"), req_header(r, STR("Authorization")) },
                                      { STR("Content-Type"), STR("application/json") },
                                      { STR("X-Request-Id"), str_of(r->request_id) } };
    struct client_request request = {
        .method = METHOD_POST, .target = str_of(f->remote->path), .headers = headers, .header_count = 3, .idempotent = true,
        .body = arena_printf(&r->arena, "{\"%s\":\"%s\"}", f->remote->argument, f->id), .timeout_ms = remaining_ms(r),
        .reply_max = REPLY_MAX,
    };
    req_hold(r);
    client_send(f->origin, &request, on_reply, f);
    return true;
}
