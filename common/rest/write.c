/* Create, update, delete, restore: one segment each, so one round trip and one transaction:
 * [claim the Idempotency-Key] [refuse bad references and duplicates] who wrote, write, read back [keep the reply] [undo
 * a dry run]. */
#include "rest/rest.h"

#include "auth/principal.h"
#include "base/uuid.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/binding.h"
#include "rest/echo.h"
#include "rest/etag.h"
#include "rest/fingerprint.h"
#include "rest/input.h"
#include "rest/names.h"
#include "rest/refusal.h"
#include "rest/row.h"
#include "rest/segment.h"
#include "rest/sight.h"
#include "rest/statements.h"
#include "schema/sql.h"
#include "schema/validate.h"

#include <stdlib.h>

struct write;

struct verb {
    unsigned input;
    enum write_kind kind;
    size_t statement; /* offset in struct statements */
    void (*params)(struct req *r, struct write *w);
    bool creates;
    enum view view, rpc_view; /* of the reply; VIEW_COUNT: just true */
};

struct write {
    const struct verb *verb;
    step_fn prepare; /* the service's own; NULL: none */
    const struct statements *statements;
    struct input input;
    struct values values;
    struct found stored; /* what echoes are compared with; without a segment: there are none */
    const char *id, *user, *key, *request;
    struct scope scope;
    struct sql_params params, checks, author, claim, back, keep;
    struct pg_segment *segment;
    int changed_at, back_at; /* calls of the segment */
    bool replayed, retried;
};

static void add(struct sql_params *p, const char *value)
{
    p->values[p->count++] = value;
}

/* --- parameters of each verb ------------------------------------------------------------------------------------------ */

static void add_reach(struct sql_params *p, const struct write *w)
{
    if (w->statements->is_scoped) add(p, w->scope.reach);
}

static void create_params(struct req *r, struct write *w)
{
    add(&w->params, w->id);
    add(&w->params, w->user);
    add(&w->params, binding_pinyin(&r->arena, w->statements->resource, &w->values));
    binding_add(&w->params, &r->arena, w->statements->resource, w->id, &w->values);
}

static void update_params(struct req *r, struct write *w)
{
    add(&w->params, w->id);
    add(&w->params, w->user);
    add(&w->params, binding_pinyin(&r->arena, w->statements->resource, &w->values));
    add(&w->params, binding_given(&r->arena, w->statements->resource, &w->values));
    add(&w->params, w->input.versions);
    binding_add(&w->params, &r->arena, w->statements->resource, w->id, &w->values);
    add_reach(&w->params, w);
}

static void delete_or_restore_params(struct req *r, struct write *w)
{
    (void)r;
    add(&w->params, w->id);
    add(&w->params, w->user);
    add(&w->params, w->input.versions);
    add_reach(&w->params, w);
}

#define AT(statement) offsetof(struct statements, statement)
static const struct verb create_verb = { INPUT_BODY, WRITE_CREATE, AT(insert), create_params,
                                         true,       VIEW_CREATED, VIEW_DETAIL };
static const struct verb update_verb = { INPUT_ID | INPUT_BODY, WRITE_UPDATE, AT(update), update_params, false,
                                         VIEW_UPDATED,          VIEW_DETAIL };
static const struct verb delete_verb = { INPUT_ID, WRITE_UPDATE, AT(remove), delete_or_restore_params,
                                         false,    VIEW_UPDATED, VIEW_COUNT };
static const struct verb restore_verb = { INPUT_ID, WRITE_UPDATE, AT(restore), delete_or_restore_params,
                                          false,    VIEW_UPDATED, VIEW_DETAIL };

/* --- the segment ------------------------------------------------------------------------------------------------------ */

static void add_claim(struct req *r, struct write *w)
{
    if (!w->key) return;
    w->request = fingerprint_of(r, w->statements->resource, &w->values);
    w->claim = (struct sql_params){ .values = { w->user, w->key, w->request }, .count = 3 };
    pg_add(w->segment, &stmt_claim, w->claim.values, w->claim.count);
}

static void add_checks(struct write *w)
{
    const struct resource *resource = w->statements->resource;
    w->checks.count = 0;
    add(&w->checks, w->id);
    add(&w->checks, w->user);
    if (w->verb == &restore_verb) {
        add_reach(&w->checks, w);
        pg_add(w->segment, &w->statements->restorable, w->checks.values, w->checks.count);
        return;
    }
    if (!(w->verb->input & INPUT_BODY) || !w->statements->refuse.sql) return;
    add(&w->checks, w->scope.reach);
    for (size_t i = 0; i < resource->field_count; i++)
        if (sql_is_checked(resource, &resource->fields[i])) add(&w->checks, w->values.text[i]);
    pg_add(w->segment, &w->statements->refuse, w->checks.values, w->checks.count);
}

static void add_author(struct req *r, struct write *w)
{
    author_values(&r->arena, r->who, w->author.values);
    w->author.count = 4;
    pg_add(w->segment, &stmt_author, w->author.values, w->author.count);
}

static void add_read_back(struct write *w)
{
    w->back = (struct sql_params){ .values = { w->id, w->user }, .count = 2 };
    add_reach(&w->back, w);
    w->keep = (struct sql_params){ .values = { w->id, w->user, w->key }, .count = 3 };
    w->back_at = w->segment->count;
    pg_add_binary(w->segment, &w->statements->read_back, w->back.values, w->back.count);
    if (w->key) pg_add(w->segment, &w->statements->remember, w->keep.values, w->keep.count);
}

static enum step write_send(struct req *r)
{
    struct write *w = r->state;
    w->segment = segment_new(r, PG_FAST, false);
    w->segment->done = segment_resume_anyway;
    w->params.count = 0;
    add_claim(r, w);
    add_checks(w);
    add_author(r, w);
    w->verb->params(r, w);
    w->changed_at = w->segment->count;
    pg_add(w->segment, (const void *)((const char *)w->statements + w->verb->statement), w->params.values, w->params.count);
    add_read_back(w);
    if (w->input.dry_run) pg_add(w->segment, &stmt_dry_run, NULL, 0);
    pg_submit(r->worker->pg, w->segment);
    return STEP_WAIT;
}

static enum step write_begin(struct req *r)
{
    struct write *w = r->state;
    const struct resource *resource = r->route->resource;
    char id[UUID_LEN + 1];
    w->statements = statements_of(resource);
    input_read(r, w->verb->input | INPUT_WRITE, &w->input);
    if (w->input.body) validate_body(&r->arena, resource, w->input.body, w->verb->kind, &w->values, &r->problem);
    if (r->problem.code != E_OK) return STEP_FAIL;
    uuid_v7(id);
    w->id = arena_cstr(&r->arena, w->verb->creates ? str_of(id) : w->input.id);
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

struct values *rest_values(struct req *r)
{
    return &((struct write *)r->state)->values;
}

/* --- masks that come back ---------------------------------------------------------------------------------------------- */

static enum step write_look(struct req *r)
{
    struct write *w = r->state;
    bool looks = w->verb == &update_verb && echo_look(r, w->statements, w->input.id, &w->values, &w->stored);
    return looks ? STEP_WAIT : STEP_NEXT;
}

static enum step write_settle(struct req *r)
{
    struct write *w = r->state;
    bool ok = !w->stored.segment || echo_settle(r, w->statements, &w->stored, w->input.versions, &w->values);
    return ok ? STEP_NEXT : STEP_FAIL;
}

/* --- the outcome ------------------------------------------------------------------------------------------------------ */

static const step_fn replay_steps[4], retry_steps[4];

static bool state_is(const struct pg_segment *s, const char *sqlstate)
{
    return s->error == E_INTERNAL && !strcmp(s->sqlstate, sqlstate);
}

/* What read_back selects beyond the record's own columns. */
enum { BACK_DELETED, BACK_REACHED };

static bool back_is(const struct write *w, int what)
{
    return str_is(pg_value(w->segment, w->back_at, 0, (int)w->statements->detail.count + what), "true");
}

static struct rows read_back(struct req *r, const struct write *w)
{
    return (struct rows){ .req = r, .resource = w->statements->resource, .columns = &w->statements->detail,
                          .segment = w->segment, .call = w->back_at, .first_column = w->replayed,
                          .until = pg_rows(w->segment, w->back_at) };
}

/* Nothing was written: the record is not there, is another version, or is in the wrong state. */
static enum step explain_no_change(struct req *r, struct write *w)
{
    bool exists = pg_rows(w->segment, w->back_at) == 1 && back_is(w, BACK_REACHED), deleted = exists && back_is(w, BACK_DELETED);
    if (!exists || (deleted && w->verb != &restore_verb)) problem_set(&r->problem, E_NOT_FOUND);
    else if (w->verb == &restore_verb && !deleted)
        problem_add(&r->problem, &r->arena, E_STATE_CONFLICT, STR("deleted"), STR("the record is not deleted"));
    else {
        struct rows rows = read_back(r, w);
        struct rows_row row = rows_row(&rows, 0);
        buf_clear(&r->out);
        struct jw out = jw_to(&r->out);
        present_row(&out, w->statements->resource, VIEW_DETAIL, &row.row);
        r->problem.current = arena_dup(&r->arena, buf_str(&r->out));
        problem_set(&r->problem, E_VERSION_CONFLICT);
    }
    return STEP_FAIL;
}

static enum step explain_error(struct req *r, struct write *w)
{
    const struct pg_segment *s = w->segment;
    if (state_is(s, "CR001")) {
        flow_start(r, replay_steps);
        return STEP_WAIT;
    }
    /* A duplicate that came between the check and the write: check again, which names it. */
    if (state_is(s, "23505") && !w->retried) {
        w->retried = true;
        flow_start(r, retry_steps);
        return STEP_WAIT;
    }
    refusal_explain(r, w->statements->resource, s);
    return STEP_FAIL;
}

static enum step write_judge(struct req *r)
{
    struct write *w = r->state;
    bool undone = state_is(w->segment, "CR004") ||
                  state_is(w->segment, "CR005"); /* dry run; nothing changed, so the key is free */
    if (w->segment->error != E_OK && !undone) return explain_error(r, w);
    struct rows rows = read_back(r, w);
    bool ready = names_ready(&rows);
    return ready ? STEP_NEXT : STEP_WAIT;
}

static void add_location(struct req *r, const struct write *w)
{
    if (w->verb->creates && !r->route->rpc && !w->input.dry_run)
        req_reply_header(r, STR("Location"), arena_printf(&r->arena, "%.*s/%s", STR_ARG(r->route->path), w->id));
}

static struct str render(struct req *r, const struct write *w, enum view view, const struct row *row)
{
    buf_clear(&r->out);
    struct jw out = jw_to(&r->out);
    present_row(&out, w->statements->resource, view, row);
    return buf_str(&r->out);
}

static enum step write_reply(struct req *r)
{
    struct write *w = r->state;
    const struct resource *resource = w->statements->resource;
    if (!w->replayed && pg_affected(w->segment, w->changed_at) == 0) return explain_no_change(r, w);
    struct rows rows = read_back(r, w);
    struct rows_row row = rows_row(&rows, 0);
    enum view view = r->route->rpc ? w->verb->rpc_view : w->verb->view;
    etag_reply(r, row.row.value(&row.row, resource->version), render(r, w, VIEW_DETAIL, &row.row));
    if (w->replayed) {
        w->id = arena_cstr(&r->arena, row.row.value(&row.row, resource->id));
        req_reply_header(r, STR("Idempotent-Replayed"), STR("true"));
    }
    add_location(r, w);
    struct jw out = reply_begin(r);
    if (view == VIEW_COUNT) jw_bool(&out, true);
    else present_row(&out, resource, view, &row.row);
    reply_end(r, &out);
    return STEP_WAIT;
}

static const step_fn retry_steps[4] = { write_send, write_judge, write_reply, NULL };
static const step_fn write_steps[] = { write_begin, write_look, write_settle, write_prepare, write_send, write_judge, write_reply, NULL };

/* --- replaying an Idempotency-Key -------------------------------------------------------------------------------------- */

static enum step write_replay(struct req *r)
{
    struct write *w = r->state;
    w->segment = segment_new(r, PG_FAST, true);
    w->back_at = 0;
    pg_add_binary(w->segment, &w->statements->replay, w->claim.values, w->claim.count);
    pg_submit(r->worker->pg, w->segment);
    return STEP_WAIT;
}

static enum step replay_judge(struct req *r)
{
    struct write *w = r->state;
    if (pg_rows(w->segment, 0) == 0) problem_set(&r->problem, E_IN_PROGRESS);
    else if (!str_is(pg_value(w->segment, 0, 0, 0), "true")) problem_set(&r->problem, E_KEY_REUSED);
    if (r->problem.code != E_OK) return STEP_FAIL;
    w->replayed = true;
    struct rows rows = read_back(r, w);
    bool ready = names_ready(&rows);
    return ready ? STEP_NEXT : STEP_WAIT;
}

static const step_fn replay_steps[4] = { write_replay, replay_judge, write_reply, NULL };
static void write_start(struct req *r, const struct verb *verb, step_fn prepare)
{
    struct write *w = arena_new(&r->arena, struct write);
    w->verb = verb;
    w->prepare = prepare;
    r->state = w;
    flow_start(r, write_steps);
}

void rest_create(struct req *r)
{
    rest_create_with(r, NULL);
}

void rest_create_with(struct req *r, step_fn prepare)
{
    write_start(r, &create_verb, prepare);
}

void rest_update(struct req *r)
{
    rest_update_with(r, NULL);
}

void rest_update_with(struct req *r, step_fn prepare)
{
    write_start(r, &update_verb, prepare);
}

void rest_delete(struct req *r)
{
    write_start(r, &delete_verb, NULL);
}

void rest_restore(struct req *r)
{
    write_start(r, &restore_verb, NULL);
}
