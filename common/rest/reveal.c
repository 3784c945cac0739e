#include "rest/reveal.h"

#include "auth/principal.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "permissions.h"
#include "rest/input.h"
#include "rest/refusal.h"
#include "rest/rest.h"
#include "rest/row.h"
#include "rest/segment.h"
#include "rest/sight.h"
#include "rest/statements.h"
#include "schemas.h"
#include "schema/validate.h"

enum { RECORD, ROW }; /* calls of the segment */
enum { RETRY_S = 60 };

struct reveal {
    struct values values;                 /* of reveal_resource */
    unsigned char fields[FIELDS_MAX + 1]; /* what is answered: the id, then what was asked for */
    size_t count;
    struct sql_params record, row;
    struct pg_segment *segment;
};

static const char *most = "0"; /* per user and hour */

void reveal_set_limit(int per_hour)
{
    static char text[16];
    struct buf b = { .data = text, .cap = sizeof text - 1, .max = sizeof text - 1 };
    buf_addi(&b, per_hour);
    text[b.len] = 0;
    most = text;
}

/* --- what is asked for -------------------------------------------------------------------------------------------------- */

static bool add_field(struct reveal *v, const struct resource *resource, struct str name)
{
    const struct field *f = schema_field(resource, name);
    if (!f || !(f->flags & F_SECRET)) return false;
    v->fields[v->count++] = (unsigned char)schema_index(resource, f);
    return true;
}

static struct str secret_names(struct arena *a, const struct resource *resource)
{
    struct str all = STR("");
    for (size_t i = 0; i < resource->field_count; i++)
        if (resource->fields[i].flags & F_SECRET)
            all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), all.len ? ", " : "", STR_ARG(resource->fields[i].name));
    return all;
}

static void read_fields(struct req *r, struct reveal *v)
{
    const struct resource *resource = r->route->resource;
    const struct json *names = json_read(&r->arena, str_of(v->values.text[REVEAL_fields]), &r->problem); /* a set, by now */
    bool ok = true;
    v->fields[v->count++] = (unsigned char)resource->id;
    for (const struct json *n = json_first(names); n; n = json_next(n)) ok = ok && add_field(v, resource, json_text(n));
    if (!ok || v->count == 1)
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("fields"), STR("must name fields that are masked"))->allowed =
            secret_names(&r->arena, resource);
}

/* What is revealed is seen: the route's own permission is not enough. */
static void check_view(struct req *r)
{
    unsigned view = r->route->resource->permissions[ACT_VIEW];
    if (!principal_may(r->who, view))
        problem_add(&r->problem, &r->arena, E_FORBIDDEN, STR("permission"), STR("is missing"))->allowed = permission_names[view];
}

/* --- one segment: record, then read ------------------------------------------------------------------------------------- */

static const struct pg_stmt *record_statement(struct req *r, const struct resource *resource)
{
    struct buf b;
    buf_init(&b, LIMIT_BODY);
    buf_addf(&b,
             "SELECT reveal_record($2::uuid, '%.*s', t.%.*s, $4::jsonb, $5, $6::integer) FROM %s t WHERE t.%.*s = $1::uuid "
             "AND t.deleted_time IS NULL",
             STR_ARG(resource->name), STR_ARG(resource->fields[resource->id].name), resource->table,
             STR_ARG(resource->fields[resource->id].name));
    scope_add(&b, "t", resource->fields[resource->owner].name.p, 2, 3);
    const struct pg_stmt *stmt = shapes_statement(r->worker->shapes, &r->arena, buf_str(&b));
    buf_done(&b);
    return stmt;
}

static enum step reveal_send(struct req *r)
{
    struct reveal *v = arena_new(&r->arena, struct reveal);
    struct input in;
    const struct statements *s = statements_of(r->route->resource);
    r->state = v;
    check_view(r);
    input_read(r, INPUT_ID | INPUT_BODY, &in);
    if (in.body && validate_body(&r->arena, &reveal_resource, in.body, WRITE_CREATE, &v->values, &r->problem)) read_fields(r, v);
    if (r->problem.code != E_OK) return STEP_FAIL;
    struct scope scope = sight_scope(r);
    const char *id = arena_cstr(&r->arena, in.id);
    v->record = (struct sql_params){ .values = { id, scope.user, scope.reach, v->values.text[REVEAL_fields],
                                                 v->values.text[REVEAL_reason], most }, .count = 6 };
    v->row = (struct sql_params){ .values = { id, scope.user, scope.reach }, .count = 3 };
    v->segment = segment_new(r, PG_FAST, false);
    v->segment->done = segment_resume_anyway;
    pg_add(v->segment, record_statement(r, s->resource), v->record.values, v->record.count);
    pg_add_binary(v->segment, &s->read_back, v->row.values, v->row.count);
    pg_submit(r->worker->pg, v->segment);
    return STEP_WAIT;
}

static bool is_too_many(const struct pg_segment *s)
{
    return s->error == E_INTERNAL && !strcmp(s->sqlstate, "CR006");
}

static enum step reveal_reply(struct req *r)
{
    struct reveal *v = r->state;
    const struct statements *s = statements_of(r->route->resource);
    if (is_too_many(v->segment)) {
        problem_set(&r->problem, E_TOO_MANY_REQUESTS);
        r->problem.retry_after_s = RETRY_S;
    } else if (v->segment->error != E_OK) refusal_explain(r, s->resource, v->segment);
    else if (!pg_rows(v->segment, RECORD)) problem_set(&r->problem, E_NOT_FOUND);
    if (r->problem.code != E_OK) return STEP_FAIL;
    struct rows rows = { .req = r, .resource = s->resource, .columns = &s->detail, .segment = v->segment, .call = ROW };
    struct rows_row row = rows_row(&rows, 0);
    row.row.in_clear = true;
    struct jw w = reply_begin(r);
    present_fields(&w, s->resource, &(struct field_list){ v->fields, v->count }, &row.row);
    reply_end(r, &w);
    return STEP_WAIT;
}

static const step_fn reveal_steps[] = { reveal_send, reveal_reply, NULL };

void rest_reveal(struct req *r)
{
    flow_start(r, reveal_steps);
}
