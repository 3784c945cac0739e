/* Create, update, delete, restore: one segment each, so one round trip and one transaction:
 * [claim the Idempotency-Key] [refuse bad references and duplicates] who wrote, write, read back [keep the reply] [undo
 * a dry run]. */
#include "rest/rest.h"

#include "auth/principal.h"
#include "base/pinyin.h"
#include "base/uuid.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/etag.h"
#include "rest/input.h"
#include "rest/names.h"
#include "rest/refusal.h"
#include "rest/row.h"
#include "rest/segment.h"
#include "rest/statements.h"
#include "schema/seal.h"
#include "schema/sql.h"
#include "schema/validate.h"

#include <stdlib.h>

struct write;

struct verb {
    unsigned input;
    enum write_kind kind;
    const struct pg_stmt *(*statement)(const struct statements *s);
    void (*params)(struct req *r, struct write *w);
    bool creates;
    enum view view, rpc_view; /* of the reply; VIEW_COUNT: just true */
};

struct write {
    const struct verb *verb;
    const struct statements *statements;
    struct input input;
    struct values values;
    const char *id, *user, *key, *request;
    struct sql_params params, checks, author, claim, back;
    struct pg_segment *segment;
    int changed_at, back_at; /* calls of the segment */
    bool replayed, retried;
};

static void add(struct sql_params *p, const char *value)
{
    p->values[p->count++] = value;
}

/* --- parameters of each verb ------------------------------------------------------------------------------------------ */

static const char *pinyin_param(struct req *r, const struct write *w)
{
    const struct resource *resource = w->statements->resource;
    for (size_t i = 0; i < resource->field_count; i++)
        if (resource->fields[i].flags & F_PINYIN && w->values.text[i])
            return arena_cstr(&r->arena, pinyin_of(&r->arena, str_of(w->values.text[i])));
    return NULL;
}

static void add_field(struct req *r, struct write *w, const struct field *f, const char *text)
{
    const struct resource *resource = w->statements->resource;
    unsigned char id[UUID_BYTES];
    uuid_bytes(str_of(w->id), id);
    add(&w->params, f->flags & F_SEALED ? seal_write(&r->arena, resource, f, id, text) : text);
    if (sql_has_index(f)) add(&w->params, seal_index(&r->arena, resource, f, text));
}

static void add_fields(struct req *r, struct write *w)
{
    const struct resource *resource = w->statements->resource;
    for (size_t i = 0; i < resource->field_count; i++)
        if (sql_is_writable(&resource->fields[i])) add_field(r, w, &resource->fields[i], w->values.text[i]);
}

/* Bit n: the n-th writable field is given. */
static const char *given_param(struct req *r, const struct write *w)
{
    const struct resource *resource = w->statements->resource;
    uint64_t bits = 0;
    int n = 0;
    for (size_t i = 0; i < resource->field_count; i++)
        if (sql_is_writable(&resource->fields[i])) bits |= (w->values.given >> i & 1) << n++;
    return arena_printf(&r->arena, "%lld", (long long)bits).p;
}

static void create_params(struct req *r, struct write *w)
{
    add(&w->params, w->id);
    add(&w->params, w->user);
    add(&w->params, pinyin_param(r, w));
    add_fields(r, w);
}

static void update_params(struct req *r, struct write *w)
{
    add(&w->params, w->id);
    add(&w->params, w->user);
    add(&w->params, pinyin_param(r, w));
    add(&w->params, given_param(r, w));
    add(&w->params, w->input.versions);
    add_fields(r, w);
}

static void delete_or_restore_params(struct req *r, struct write *w)
{
    (void)r;
    add(&w->params, w->id);
    add(&w->params, w->user);
    add(&w->params, w->input.versions);
}

static const struct pg_stmt *insert_statement(const struct statements *s)
{
    return &s->insert;
}

static const struct pg_stmt *update_statement(const struct statements *s)
{
    return &s->update;
}

static const struct pg_stmt *delete_statement(const struct statements *s)
{
    return &s->remove;
}

static const struct pg_stmt *restore_statement(const struct statements *s)
{
    return &s->restore;
}

static const struct verb create_verb = { INPUT_BODY, WRITE_CREATE, insert_statement, create_params,
                                         true,       VIEW_CREATED, VIEW_DETAIL };
static const struct verb update_verb = { INPUT_ID | INPUT_BODY, WRITE_UPDATE, update_statement, update_params, false,
                                         VIEW_UPDATED,          VIEW_DETAIL };
static const struct verb delete_verb = { INPUT_ID, WRITE_UPDATE, delete_statement, delete_or_restore_params,
                                         false,    VIEW_UPDATED, VIEW_COUNT };
static const struct verb restore_verb = { INPUT_ID, WRITE_UPDATE, restore_statement, delete_or_restore_params,
                                          false,    VIEW_UPDATED, VIEW_DETAIL };

/* --- the segment ------------------------------------------------------------------------------------------------------ */

static void add_claim(struct req *r, struct write *w)
{
    if (!w->key) return;
    struct str whole = arena_printf(&r->arena, "%.*s %.*s\n%.*s", STR_ARG(method_names[r->method]), STR_ARG(r->path), STR_ARG(r->body));
    bool has_sealed = seal_is_needed(w->statements->resource);
    w->request = has_sealed ? seal_digest(&r->arena, STR("idempotency"), whole) : whole.p;
    w->claim = (struct sql_params){ .values = { w->user, w->key, w->request }, .count = 3 };
    pg_add(w->segment, &stmt_claim, w->claim.values, w->claim.count);
}

static void add_checks(struct write *w)
{
    const struct resource *resource = w->statements->resource;
    w->checks.count = 0;
    add(&w->checks, w->id);
    if (w->verb == &restore_verb) {
        pg_add(w->segment, &w->statements->restorable, w->checks.values, w->checks.count);
        return;
    }
    if (!(w->verb->input & INPUT_BODY) || !w->statements->refuse.sql) return;
    for (size_t i = 0; i < resource->field_count; i++)
        if (sql_is_checked(resource, &resource->fields[i])) add(&w->checks, w->values.text[i]);
    pg_add(w->segment, &w->statements->refuse, w->checks.values, w->checks.count);
}

static void add_author(struct req *r, struct write *w)
{
    w->author = (struct sql_params){ .values = { w->user, arena_cstr(&r->arena, r->who->name) }, .count = 2 };
    pg_add(w->segment, &stmt_author, w->author.values, w->author.count);
}

static void add_read_back(struct write *w)
{
    w->back = (struct sql_params){ .values = { w->id, w->user, w->key }, .count = 3 };
    w->back_at = w->segment->count;
    pg_add_binary(w->segment, &w->statements->read_back, w->back.values, 1);
    if (w->key) pg_add(w->segment, &w->statements->remember, w->back.values, w->back.count);
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
    pg_add(w->segment, w->verb->statement(w->statements), w->params.values, w->params.count);
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
    w->key = w->input.key.len && !w->input.dry_run ? arena_cstr(&r->arena, w->input.key) : NULL;
    return STEP_NEXT;
}

/* --- the outcome ------------------------------------------------------------------------------------------------------ */

static const step_fn replay_steps[4], retry_steps[4];

static bool state_is(const struct pg_segment *s, const char *sqlstate)
{
    return s->error == E_INTERNAL && !strcmp(s->sqlstate, sqlstate);
}

static bool row_is_deleted(const struct write *w)
{
    return str_is(pg_value(w->segment, w->back_at, 0, (int)w->statements->detail.count), "true");
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
    bool exists = pg_rows(w->segment, w->back_at) == 1;
    if (!exists || (row_is_deleted(w) && w->verb != &restore_verb)) problem_set(&r->problem, E_NOT_FOUND);
    else if (w->verb == &restore_verb && !row_is_deleted(w))
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
static const step_fn write_steps[] = { write_begin, write_send, write_judge, write_reply, NULL };

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
static void write_start(struct req *r, const struct verb *verb)
{
    struct write *w = arena_new(&r->arena, struct write);
    w->verb = verb;
    r->state = w;
    flow_start(r, write_steps);
}

void rest_create(struct req *r)
{
    write_start(r, &create_verb);
}

void rest_update(struct req *r)
{
    write_start(r, &update_verb);
}

void rest_delete(struct req *r)
{
    write_start(r, &delete_verb);
}

void rest_restore(struct req *r)
{
    write_start(r, &restore_verb);
}
