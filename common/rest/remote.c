#include "rest/remote.h"

#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "json/json_read.h"
#include "rest/ask.h"
#include "rest/refusal.h"
#include "rest/segment.h"

static const struct remote *known;

struct fetch {
    struct req *req;
    const struct remote *remote;
    const struct field *field;
    const char *id, *event;
    const step_fn *then;
    struct pg_segment *segment;
};

void remote_set(const struct remote *remotes)
{
    known = remotes;
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

static void on_reply(struct req *r, void *arg, const struct client_reply *reply)
{
    struct fetch *f = arg;
    bool is_answer = reply->error == CLIENT_OK;
    f->event = is_answer && reply->status == 200 ? event_of(r, f, reply->body) : NULL;
    if (f->event) return keep(f);
    if (is_answer && (reply->status == 404 || reply->status == 403)) return refuse(f);
    ask_unanswered(r, f->field->name);
    reply_error(r);
}

bool remote_fetch(struct req *r, struct write *w, const step_fn *then)
{
    struct fetch *f = arena_new(&r->arena, struct fetch);
    *f = (struct fetch){ .req = r, .then = then };
    if (w->fetch || !w->body || !find_missing(r, w, f)) return false;
    w->fetch = f;
    struct str body = arena_printf(&r->arena, "{\"%s\":\"%s\"}", f->remote->argument, f->id);
    enum asked asked = ask(r, f->remote->service, METHOD_POST, str_of(f->remote->path), body, on_reply, f);
    if (asked == ASKED_IN_VAIN) {
        ask_unanswered(r, f->field->name);
        reply_error(r);
    }
    return asked != ASKED_NOWHERE;
}
