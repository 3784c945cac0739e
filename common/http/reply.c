#include "http/reply.h"

#include "http/server.h"
#include "http/worker.h"

static void decide(struct req *r, int status, struct str content_type)
{
    r->status = status;
    r->content_type = content_type;
    req_reply_header(r, STR("X-Request-Id"), str_of(r->request_id));
    if (r->worker && r->worker->on_reply) r->worker->on_reply(r);
}

static void replied(struct req *r)
{
    if (r->worker && r->worker->on_replied) r->worker->on_replied(r);
}

static void send(struct req *r, int status, struct str content_type)
{
    decide(r, status, content_type);
    r->reply_bytes = r->out.len;
    replied(r);
    server_reply(r);
}

struct jw reply_begin(struct req *r)
{
    buf_clear(&r->out);
    buf_add(&r->out, STR("{\"code\":200,\"message\":\"success\",\"data\":"));
    return jw_to(&r->out);
}

void reply_end(struct req *r, struct jw *w)
{
    (void)w;
    buf_addc(&r->out, '}');
    if (buf_ok(&r->out) && r->problem.code == E_OK) send(r, 200, STR("application/json; charset=utf-8"));
    else reply_fail(r, E_INTERNAL);
}

void reply_raw(struct req *r, int status, struct str content_type, struct str body)
{
    if (body.p != r->out.data) {
        buf_clear(&r->out);
        buf_add(&r->out, body);
    }
    if (buf_ok(&r->out)) send(r, status, content_type);
    else reply_fail(r, E_INTERNAL);
}

void reply_not_modified(struct req *r)
{
    buf_clear(&r->out);
    send(r, 304, STR_NONE);
}

void reply_stream_begin(struct req *r, int status, struct str content_type, int64_t length)
{
    decide(r, status, content_type);
    r->reply_bytes = r->out.len;
    server_reply_begin(r, length);
}

void reply_stream_add(struct req *r, struct str piece)
{
    r->reply_bytes += piece.len;
    server_reply_add(r, piece);
}

void reply_stream_end(struct req *r, bool is_whole)
{
    replied(r);
    server_reply_end(r, is_whole);
}

/* --- errors ---------------------------------------------------------------------------------------------------------- */

static bool wants_english(const struct req *r)
{
    struct str rest = req_header(r, STR("Accept-Language"));
    struct str first = str_trim(str_cut(&rest, ','));
    return first.len >= 2 && str_ieq(str_sub(first, 0, 2), STR("en"));
}

static bool wants_problem_json(const struct req *r)
{
    struct str accept = req_header(r, STR("Accept"));
    return accept.len && memmem(accept.p, accept.len, "application/problem+json", 24);
}

static void write_detail(struct jw *w, const struct detail *d)
{
    const struct { struct str key, value;
    } facts[] = {
        { STR("field"), d->field },
        { STR("reason"), d->reason },
        { STR("allowed"), d->allowed },
        { STR("existing_id"), d->existing_id },
    };
    jw_object(w);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (str_is_none(facts[i].value)) continue;
        jw_key(w, facts[i].key);
        jw_str(w, facts[i].value);
    }
    jw_object_end(w);
}

static void write_facts(struct jw *w, const struct req *r)
{
    const struct problem *p = &r->problem;
    jw_key(w, STR("error"));
    jw_str(w, str_of(err_table[p->code].slug));
    jw_key(w, STR("details"));
    jw_array(w);
    for (const struct detail *d = p->details; d; d = d->next) write_detail(w, d);
    jw_array_end(w);
    if (!str_is_none(p->current)) {
        jw_key(w, STR("current"));
        jw_raw(w, p->current);
    }
    jw_key(w, STR("request_id"));
    jw_str(w, str_of(r->request_id));
}

static void write_envelope(struct jw *w, const struct req *r, const struct err_row *row, struct str message)
{
    jw_key(w, STR("code"));
    jw_int(w, row->http);
    jw_key(w, STR("message"));
    jw_str(w, message);
    write_facts(w, r);
}

static void write_problem_json(struct jw *w, const struct req *r, const struct err_row *row, struct str message)
{
    jw_key(w, STR("type"));
    jw_str(w, STR("about:blank"));
    jw_key(w, STR("title"));
    jw_str(w, message);
    jw_key(w, STR("status"));
    jw_int(w, row->http);
    jw_key(w, STR("instance"));
    jw_str(w, r->path.p ? r->path : STR(""));
    write_facts(w, r);
}

void reply_error(struct req *r)
{
    if (r->problem.code == E_OK) r->problem.code = E_INTERNAL;
    const struct err_row *row = &err_table[r->problem.code];
    bool rfc9457 = wants_problem_json(r);
    struct str message = str_of(wants_english(r) ? row->en : row->zh);
    buf_clear(&r->out);
    struct jw w = jw_to(&r->out);
    jw_object(&w);
    if (rfc9457) write_problem_json(&w, r, row, message);
    else write_envelope(&w, r, row, message);
    jw_object_end(&w);
    if (r->problem.retry_after_s)
        req_reply_header(r, STR("Retry-After"), arena_printf(&r->arena, "%d", r->problem.retry_after_s));
    if (row->http == 401) req_reply_header(r, STR("WWW-Authenticate"), STR("Bearer"));
    send(r, row->http, rfc9457 ? STR("application/problem+json; charset=utf-8") : STR("application/json; charset=utf-8"));
}

void reply_fail(struct req *r, enum err_code code)
{
    problem_set(&r->problem, code);
    reply_error(r);
}
