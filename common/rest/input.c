#include "rest/input.h"

#include "base/uuid.h"
#include "http/reply.h"
#include "rest/etag.h"
#include "schema/query.h"

enum { KEY_MAX = 255 };

static void read_id(struct req *r, struct str field, struct str id, struct input *in)
{
    if (!uuid_valid(id)) problem_add(&r->problem, &r->arena, E_INVALID_FIELD, field, STR("must be a UUID"));
    in->id = id;
}

static struct str path_param_name(const struct route *route)
{
    struct str rest = route->path;
    str_cut(&rest, '{');
    return str_cut(&rest, '}');
}

static bool is_json(struct str media_type)
{
    struct str type = str_trim(str_cut(&media_type, ';'));
    return str_ieq(type, STR("application/json"));
}

static const struct json *read_body(struct req *r)
{
    struct str type = req_header(r, STR("Content-Type"));
    if (!is_json(type)) {
        problem_set(&r->problem, E_UNSUPPORTED_MEDIA);
        return NULL;
    }
    return json_read(&r->arena, r->body, &r->problem);
}

/* An operation that takes no body: none, or an empty object. */
static void read_no_body(struct req *r)
{
    const struct json *v = r->body.len ? read_body(r) : NULL;
    if (!v) return;
    if (json_kind(v) != JSON_OBJECT)
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("body"), STR("must be empty or a JSON object"));
    else
        for (const struct json *m = json_first(v); m; m = json_next(m))
            problem_add(&r->problem, &r->arena, E_INVALID_FIELD, json_key(m), STR("is not a known field"));
}

static struct str field_of(const struct rpc *rpc, struct str argument)
{
    for (size_t i = 0; i < rpc->field_count; i++)
        if (str_eq(rpc->fields[i].argument, argument)) return rpc->fields[i].field;
    return STR_NONE;
}

/* The arguments that are fields, as a body: {"stageId": "..."} -> {"sales_stage_id": "..."}. */
static const struct json *body_of_fields(struct req *r, const struct json *args)
{
    struct json *body = json_object_new(&r->arena);
    for (const struct json *m = json_first(args); m; m = json_next(m)) {
        struct str field = field_of(r->route->rpc, json_key(m));
        if (!str_is_none(field)) json_object_add(&r->arena, body, field, m);
    }
    return body;
}

/* {"customerId": "...", "customerDTO": {...}} */
static void read_rpc(struct req *r, const struct json *args, unsigned what, struct input *in)
{
    const struct rpc *rpc = r->route->rpc;
    if (json_kind(args) != JSON_OBJECT) {
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("body"), STR("must be a JSON object"));
        return;
    }
    for (const struct json *m = json_first(args); m; m = json_next(m))
        if (!str_eq(json_key(m), rpc->id) && !str_eq(json_key(m), rpc->body) && str_is_none(field_of(rpc, json_key(m))))
            problem_add(&r->problem, &r->arena, E_INVALID_FIELD, json_key(m), STR("is not a known parameter"));
    const struct json *id = rpc->id.len ? json_get(args, rpc->id) : NULL;
    if (rpc->id.len) read_id(r, rpc->id, id && json_kind(id) == JSON_STRING ? json_text(id) : STR_NONE, in);
    in->fields = body_of_fields(r, args);
    if (rpc->body.len) in->body = json_get(args, rpc->body);
    else if (what & INPUT_OPTIONAL && what & INPUT_BODY) in->body = in->fields;
    if (rpc->body.len && !in->body) problem_add(&r->problem, &r->arena, E_INVALID_FIELD, rpc->body, STR("is required"));
}

static bool *switch_of(unsigned what, struct str name, struct input *in)
{
    if (what & INPUT_WRITE && str_is(name, "dry_run")) return &in->dry_run;
    if (what & INPUT_EXPLAIN && str_is(name, "explain")) return &in->explain;
    return NULL;
}

static void read_query(struct req *r, unsigned what, struct input *in)
{
    struct query_param params[LIMIT_QUERY_PARAMS];
    size_t count = 0;
    if (!query_split(&r->arena, r->query, params, &count, &r->problem)) return;
    for (size_t i = 0; i < count; i++) {
        bool *on = switch_of(what, params[i].name, in);
        if (!on) problem_add(&r->problem, &r->arena, E_INVALID_FIELD, params[i].name, STR("is not a known parameter"));
        else if (str_is(params[i].value, "true") || str_is(params[i].value, "1")) *on = true;
        else if (!str_is(params[i].value, "false") && !str_is(params[i].value, "0"))
            problem_add(&r->problem, &r->arena, E_INVALID_FIELD, params[i].name, STR("must be true or false"));
    }
}

static void read_key(struct req *r, struct input *in)
{
    if (r->method != METHOD_POST) return;
    in->key = req_header(r, STR("Idempotency-Key"));
    bool ok = in->key.len <= KEY_MAX && !req_header_repeated(r, STR("Idempotency-Key")) && (in->key.len || str_is_none(in->key));
    for (size_t i = 0; i < in->key.len; i++) ok = ok && in->key.p[i] > ' ' && in->key.p[i] < 0x7f;
    if (!ok)
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("Idempotency-Key"),
                    STR("must have 1 to 255 visible ASCII characters"));
}

bool input_read(struct req *r, unsigned what, struct input *in)
{
    *in = (struct input){ 0 };
    read_query(r, what, in);
    if (what & (INPUT_WRITE | INPUT_KEY)) read_key(r, in);
    if (what & INPUT_WRITE && what & INPUT_ID) etag_read_match(r, &in->versions);
    if (r->route->rpc) {
        const struct json *args = read_body(r);
        if (args) read_rpc(r, args, what, in);
        return r->problem.code == E_OK;
    }
    if (what & INPUT_ID) read_id(r, path_param_name(r->route), r->params[0], in);
    if (what & INPUT_BODY) in->body = what & INPUT_OPTIONAL && !r->body.len ? json_object_new(&r->arena) : read_body(r);
    else if (what & (INPUT_WRITE | INPUT_EMPTY)) read_no_body(r);
    return r->problem.code == E_OK;
}
