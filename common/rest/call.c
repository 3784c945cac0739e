/* A write that is more than storing fields: the procedure that the route names, as a function in the service's schema,
 *
 *     CREATE FUNCTION <procedure>(record <table>, by_user uuid, body jsonb) RETURNS void
 *
 * It is called with the live record, locked, of the version that If-Match names and in reach of the caller; what it writes, that row
 * too, is its own business. `body` holds the fields that the request gives, by name. It refuses with refuse() and conflict(). */
#include "rest/write.h"

#include "json/json_write.h"
#include "rest/segment.h"
#include "schema/type.h"

enum { BODY_MAX = 4 * LIMIT_BODY };

/* A set of codes is an array literal, of codes that need no quotes: {a,b}. */
static void write_codes(struct jw *w, const char *literal)
{
    struct str rest = str_of(literal);
    rest = str_sub(rest, 1, rest.len - 1);
    jw_array(w);
    while (rest.len) jw_plain(w, str_cut(&rest, ','));
    jw_array_end(w);
}

static void write_value(struct jw *w, const struct field *f, const char *text)
{
    if (!text) jw_null(w);
    else if (f->type == T_CODES) write_codes(w, text);
    else if (types[f->type].form == FORM_RAW) jw_raw(w, str_of(text));
    else jw_str(w, str_of(text));
}

static const char *body_json(struct req *r, const struct write *w)
{
    struct buf b;
    buf_init(&b, BODY_MAX);
    struct jw out = jw_to(&b);
    jw_object(&out);
    for (size_t i = 0; w->body && i < w->body->field_count; i++) {
        const struct field *f = &w->body->fields[i];
        bool is_given = w->values.given >> i & 1;
        if (!is_given) continue;
        jw_name(&out, f->name);
        write_value(&out, f, w->values.text[i]);
    }
    jw_object_end(&out);
    const char *json = buf_ok(&b) ? arena_cstr(&r->arena, buf_str(&b)) : NULL;
    buf_done(&b);
    return json;
}

const struct pg_stmt *call_statement(struct req *r, const struct write *w)
{
    const struct resource *resource = w->statements->resource;
    struct buf b;
    buf_init(&b, WRITE_SQL_MAX);
    buf_addf(&b,
             "SELECT %s(t.whole, $2::uuid, $4::jsonb) FROM (SELECT t AS whole FROM %s t WHERE t.%.*s = $1::uuid "
             "AND t.deleted_time IS NULL AND ($3::int[] IS NULL OR t.version = ANY ($3::int[]))",
             r->route->procedure, resource->table, STR_ARG(resource->fields[resource->id].name));
    if (w->statements->is_scoped) scope_add(&b, "t", resource->fields[resource->owner].name.p, 2, 5);
    buf_addz(&b, " FOR UPDATE OF t) t");
    return write_shape(r, &b);
}

static void call_params(struct req *r, struct write *w)
{
    write_add(&w->params, w->id);
    write_add(&w->params, w->user);
    write_add(&w->params, w->input.versions);
    write_add(&w->params, body_json(r, w));
    write_add_reach(&w->params, w);
}

const struct verb call_verb = { .input = INPUT_ID | INPUT_BODY | INPUT_OPTIONAL, .kind = WRITE_CREATE, .params = call_params,
                                .view = VIEW_DETAIL, .rpc_view = VIEW_DETAIL };
