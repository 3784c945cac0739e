#include "rest/write.h"

#include "auth/principal.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "http/flow.h"
#include "http/worker.h"
#include "rest/authors.h"
#include "rest/binding.h"
#include "rest/changes.h"
#include "rest/echo.h"
#include "rest/fingerprint.h"
#include "rest/names.h"
#include "rest/rest.h"
#include "rest/segment.h"
#include "rest/sight.h"

#include <stdlib.h>

/* --- parameters of each verb ------------------------------------------------------------------------------------------ */

static void create_params(struct req *r, struct write *w)
{
    write_add(&w->params, w->id);
    write_add(&w->params, w->user);
    write_add(&w->params, binding_pinyin(&r->arena, w->statements->resource, &w->values));
    binding_add(&w->params, &r->arena, w->statements->resource, w->id, &w->values);
}

static void update_params(struct req *r, struct write *w)
{
    write_add(&w->params, w->id);
    write_add(&w->params, w->user);
    write_add(&w->params, binding_pinyin(&r->arena, w->statements->resource, &w->values));
    write_add(&w->params, binding_given(&r->arena, w->statements->resource, &w->values));
    write_add(&w->params, w->input.versions);
    binding_add(&w->params, &r->arena, w->statements->resource, w->id, &w->values);
    write_add_reach(&w->params, w);
}

static void delete_or_restore_params(struct req *r, struct write *w)
{
    (void)r;
    write_add(&w->params, w->id);
    write_add(&w->params, w->user);
    write_add(&w->params, w->input.versions);
    write_add_reach(&w->params, w);
}

#define AT(statement) offsetof(struct statements, statement)
static const struct verb create_verb = { .input = INPUT_BODY, .kind = WRITE_CREATE, .statement = AT(insert), .params = create_params,
                                         .creates = true, .view = VIEW_CREATED, .rpc_view = VIEW_DETAIL };
static const struct verb update_verb = { .input = INPUT_ID | INPUT_BODY, .kind = WRITE_UPDATE, .statement = AT(update),
                                         .params = update_params, .echoes = true, .view = VIEW_UPDATED, .rpc_view = VIEW_DETAIL };
static const struct verb delete_verb = { .input = INPUT_ID, .statement = AT(remove), .params = delete_or_restore_params,
                                         .view = VIEW_UPDATED, .rpc_view = VIEW_COUNT };
static const struct verb restore_verb = { .input = INPUT_ID, .statement = AT(restore), .params = delete_or_restore_params,
                                          .restores = true, .view = VIEW_UPDATED, .rpc_view = VIEW_DETAIL };

/* --- the segment ------------------------------------------------------------------------------------------------------ */

static void add_claim(struct req *r, struct write *w)
{
    if (!w->key) return;
    w->request = fingerprint_of(r, w->statements->resource, w->body, &w->values);
    w->claim = (struct sql_params){ .values = { w->user, w->key, w->request }, .count = 3 };
    pg_add(w->segment, &stmt_claim, w->claim.values, w->claim.count);
}

static void add_also(struct write *w)
{
    if (w->also) pg_add(w->segment, &w->also->insert, w->also_params.values, w->also_params.count);
}

const struct pg_stmt *write_shape(struct req *r, struct buf *sql)
{
    const struct pg_stmt *stmt = shapes_statement(r->worker->shapes, &r->arena, buf_str(sql));
    buf_done(sql);
    return stmt;
}

static void add_checks(struct req *r, struct write *w)
{
    w->checks.count = 0;
    write_add(&w->checks, w->id);
    write_add(&w->checks, w->user);
    if (w->verb->restores) {
        write_add_reach(&w->checks, w);
        pg_add(w->segment, &w->statements->restorable, w->checks.values, w->checks.count);
        return;
    }
    if (!w->body) return;
    struct buf b;
    buf_init(&b, WRITE_SQL_MAX);
    write_add(&w->checks, w->scope.reach);
    sql_refuse(&b, &w->checks, w->body, w->values.text, w->verb->creates);
    if (b.len) pg_add(w->segment, write_shape(r, &b), w->checks.values, w->checks.count);
    buf_done(&b);
}

static void add_author(struct req *r, struct write *w)
{
    w->author.count = 0;
    if (w->by_other || authors_are_kept(r->worker->authors, r->who, clock_us())) return;
    author_values(&r->arena, r->who, w->author.values);
    w->author.count = 4;
    pg_add(w->segment, &stmt_author, w->author.values, w->author.count);
}

static void add_read_back(struct write *w)
{
    w->back = (struct sql_params){ .values = { w->id, w->user }, .count = 2 };
    write_add_reach(&w->back, w);
    w->keep = (struct sql_params){ .values = { w->id, w->user, w->key }, .count = 3 };
    w->back_at = w->segment->count;
    pg_add_binary(w->segment, &w->statements->read_back, w->back.values, w->back.count);
    if (w->key) pg_add(w->segment, &w->statements->remember, w->keep.values, w->keep.count);
}

/* The gateway asks for what its record is to say. */
static void add_changes(struct req *r, struct write *w)
{
    bool is_asked = r->route->audited && !w->input.dry_run && str_is(req_header(r, STR("X-Audit")), "1");
    w->changes_at = is_asked ? w->segment->count : 0;
    if (is_asked) pg_add(w->segment, &stmt_images, w->back.values, 1);
}

static const struct pg_stmt *statement_of(struct req *r, const struct write *w)
{
    if (w->verb == &call_verb) return call_statement(r, w);
    return (const void *)((const char *)w->statements + w->verb->statement);
}

enum step write_send(struct req *r)
{
    struct write *w = r->state;
    w->segment = segment_new(r, PG_FAST, false);
    w->segment->done = segment_resume_anyway;
    w->params.count = 0;
    add_claim(r, w);
    add_also(w);
    add_checks(r, w);
    add_author(r, w);
    w->verb->params(r, w);
    if (w->body == w->statements->resource) names_ahead(r, w->body, &w->values, w->segment);
    for (int i = 0; i < w->told_count; i++) pg_add(w->segment, &stmt_tell, w->told[i], 2);
    w->changed_at = w->segment->count;
    pg_add(w->segment, statement_of(r, w), w->params.values, w->params.count);
    add_read_back(w);
    add_changes(r, w);
    if (w->input.dry_run) pg_add(w->segment, &stmt_dry_run, NULL, 0);
    pg_submit(r->worker->pg, w->segment);
    return STEP_WAIT;
}

static const struct resource *body_of(const struct req *r, const struct verb *verb)
{
    if (verb == &call_verb) return r->route->request;
    return verb->input & INPUT_BODY ? r->route->resource : NULL;
}

static enum step write_begin(struct req *r)
{
    struct write *w = r->state;
    char id[UUID_LEN + 1];
    w->statements = statements_of(r->route->resource);
    w->body = body_of(r, w->verb);
    input_read(r, (w->body ? w->verb->input : w->verb->input & ~(unsigned)INPUT_BODY) | INPUT_WRITE, &w->input);
    if (w->input.body) validate_body(&r->arena, w->body, w->input.body, w->verb->kind, &w->values, &r->problem);
    if (r->problem.code != E_OK) return STEP_FAIL;
    uuid_v7(id);
    w->id = arena_cstr(&r->arena, w->verb->creates && str_is_none(w->input.id) ? str_of(id) : w->input.id);
    w->user = arena_cstr(&r->arena, r->who->user_id);
    w->scope = sight_scope(r);
    w->key = w->input.key.len && !w->input.dry_run ? arena_cstr(&r->arena, w->input.key) : NULL;
    return STEP_NEXT;
}

static enum step write_prepare(struct req *r)
{
    const struct write *w = r->state;
    return w->prepare ? w->prepare(r) : STEP_NEXT;
}

const char *rest_record_id(const struct req *r)
{
    return ((const struct write *)r->state)->id;
}

struct values *rest_values(struct req *r)
{
    return &((struct write *)r->state)->values;
}

const struct json *rest_fields(const struct req *r)
{
    return ((const struct write *)r->state)->input.fields;
}

void rest_set_author(struct req *r, const char *user_id)
{
    struct write *w = r->state;
    w->user = user_id;
    w->by_other = !str_eq(str_of(user_id), r->who->user_id);
}

void rest_create_also(struct req *r, const struct resource *resource, const char *id, const struct values *v)
{
    struct write *w = r->state;
    w->also = statements_of(resource);
    w->also_params = (struct sql_params){ .values = { id, w->user, binding_pinyin(&r->arena, resource, v) }, .count = SQL_INSERT_FIRST };
    binding_add(&w->also_params, &r->arena, resource, id, v);
}

/* --- masks that come back ---------------------------------------------------------------------------------------------- */

static enum step write_look(struct req *r)
{
    struct write *w = r->state;
    bool looks = w->verb->echoes && echo_look(r, w->statements, w->input.id, &w->values, &w->stored);
    return looks ? STEP_WAIT : STEP_NEXT;
}

static enum step write_settle(struct req *r)
{
    struct write *w = r->state;
    bool ok = !w->stored.segment || echo_settle(r, w->statements, &w->stored, w->input.versions, &w->values);
    return ok ? STEP_NEXT : STEP_FAIL;
}

static const step_fn write_steps[] = { write_begin, write_look, write_settle, write_prepare, write_send, write_judge, write_after,
                                       write_reply, NULL };

static void start(struct req *r, const struct verb *verb, step_fn prepare, step_fn after)
{
    struct write *w = arena_new(&r->arena, struct write);
    w->verb = verb;
    w->prepare = prepare;
    w->after = after;
    r->state = w;
    flow_start(r, write_steps);
}

void rest_create(struct req *r)
{
    rest_create_with(r, NULL);
}

void rest_create_with(struct req *r, step_fn prepare)
{
    start(r, &create_verb, prepare, NULL);
}

void rest_update(struct req *r)
{
    rest_update_with(r, NULL);
}

void rest_update_with(struct req *r, step_fn prepare)
{
    start(r, &update_verb, prepare, NULL);
}

void rest_delete(struct req *r)
{
    rest_delete_with(r, NULL);
}

void rest_delete_with(struct req *r, step_fn prepare)
{
    start(r, &delete_verb, prepare, NULL);
}

void rest_tell(struct req *r, const char *name, const char *value)
{
    struct write *w = r->state;
    if (w->told_count == TOLD_MAX) abort();
    w->told[w->told_count][0] = name;
    w->told[w->told_count++][1] = value;
}

void rest_restore(struct req *r)
{
    rest_restore_with(r, NULL);
}

void rest_restore_with(struct req *r, step_fn prepare)
{
    start(r, &restore_verb, prepare, NULL);
}

void rest_call(struct req *r)
{
    start(r, &call_verb, NULL, NULL);
}

void rest_call_with(struct req *r, step_fn prepare, step_fn after)
{
    start(r, &call_verb, prepare, after);
}
