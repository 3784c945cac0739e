/* What came of a write: the reply, or why there is none. */
#include "rest/write.h"

#include "base/base64.h"
#include "base/clock.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/authors.h"
#include "rest/changes.h"
#include "rest/etag.h"
#include "rest/names.h"
#include "rest/refusal.h"
#include "rest/remote.h"
#include "rest/rest.h"

enum { CHANGES_MAX = 6 * 1024 }; /* there is room for them among the other headers */

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

struct rows write_rows(struct req *r, const struct write *w)
{
    return (struct rows){ .req = r, .resource = w->statements->resource, .columns = &w->statements->detail,
                          .segment = w->segment, .call = w->back_at, .first_column = w->replayed,
                          .until = pg_rows(w->segment, w->back_at) };
}

/* Nothing was written: the record is not there, is another version, or is in the wrong state. */
static enum step explain_no_change(struct req *r, struct write *w)
{
    bool exists = pg_rows(w->segment, w->back_at) == 1 && back_is(w, BACK_REACHED), deleted = exists && back_is(w, BACK_DELETED);
    if (!exists || (deleted && !w->verb->restores)) problem_set(&r->problem, E_NOT_FOUND);
    else if (w->verb->restores && !deleted)
        problem_add(&r->problem, &r->arena, E_STATE_CONFLICT, STR("deleted"), STR("the record is not deleted"));
    else {
        struct rows rows = write_rows(r, w);
        struct rows_row row = rows_row(&rows, 0);
        buf_clear(&r->out);
        struct jw out = jw_to(&r->out);
        present_row(&out, w->statements->resource, VIEW_DETAIL, &row.row);
        r->problem.current = arena_dup(&r->arena, buf_str(&r->out));
        problem_set(&r->problem, E_VERSION_CONFLICT);
    }
    return STEP_FAIL;
}

static const step_fn retry_steps[] = { write_send, write_judge, write_after, write_reply, NULL };

static enum step explain_error(struct req *r, struct write *w)
{
    const struct pg_segment *s = w->segment;
    if (state_is(s, "CR001")) {
        replay_start(r);
        return STEP_WAIT;
    }
    /* A duplicate that came between the check and the write: check again, which names it. */
    if (state_is(s, "23505") && !w->retried) {
        w->retried = true;
        flow_start(r, retry_steps);
        return STEP_WAIT;
    }
    if (state_is(s, "CR003") && remote_fetch(r, w, retry_steps)) return STEP_WAIT;
    refusal_explain(r, w->statements->resource, s);
    return STEP_FAIL;
}

enum step write_judge(struct req *r)
{
    struct write *w = r->state;
    bool undone = state_is(w->segment, "CR004") ||
                  state_is(w->segment, "CR005"); /* dry run; nothing changed, so the key is free */
    if (w->segment->error != E_OK && !undone) return explain_error(r, w);
    if (!undone && w->author.count) authors_kept(r->worker->authors, r->who, clock_us());
    names_arrived(r, w->segment);
    struct rows rows = write_rows(r, w);
    bool ready = names_ready(&rows);
    return ready ? STEP_NEXT : STEP_WAIT;
}

struct str rest_written(struct req *r, int field)
{
    struct rows rows = write_rows(r, r->state);
    return rows_bytes(&rows, 0, field);
}

enum step write_after(struct req *r)
{
    struct write *w = r->state;
    bool is_written = w->replayed || pg_affected(w->segment, w->changed_at) > 0;
    if (w->replayed) req_reply_header(r, STR("Idempotent-Replayed"), STR("true"));
    return w->after && is_written && !w->input.dry_run ? w->after(r) : STEP_NEXT;
}

static void add_location(struct req *r, const struct write *w)
{
    if (w->verb->creates && !r->route->rpc && !w->input.dry_run)
        req_reply_header(r, STR("Location"), arena_printf(&r->arena, "%.*s/%s", STR_ARG(r->route->path), w->id));
}

static void add_changes(struct req *r, const struct write *w)
{
    if (!w->changes_at || w->replayed) return;
    struct str changes = changes_of(&r->arena, w->statements->resource, w->segment, w->changes_at);
    if (!str_is_none(changes) && changes.len <= CHANGES_MAX)
        req_reply_header(r, STR("X-Audit-Changes"), base64url_encode(&r->arena, changes));
}

static struct str render(struct req *r, const struct write *w, enum view view, const struct row *row)
{
    buf_clear(&r->out);
    struct jw out = jw_to(&r->out);
    present_row(&out, w->statements->resource, view, row);
    return buf_str(&r->out);
}

enum step write_reply(struct req *r)
{
    struct write *w = r->state;
    const struct resource *resource = w->statements->resource;
    if (!w->replayed && pg_affected(w->segment, w->changed_at) == 0) return explain_no_change(r, w);
    struct rows rows = write_rows(r, w);
    struct rows_row row = rows_row(&rows, 0);
    enum view view = r->route->rpc ? w->verb->rpc_view : w->verb->view;
    etag_reply(r, row.row.value(&row.row, resource->version), render(r, w, VIEW_DETAIL, &row.row));
    if (w->replayed) w->id = arena_cstr(&r->arena, row.row.value(&row.row, resource->id));
    add_location(r, w);
    add_changes(r, w);
    struct jw out = reply_begin(r);
    if (view == VIEW_COUNT) jw_bool(&out, true);
    else present_row(&out, resource, view, &row.row);
    reply_end(r, &out);
    return STEP_WAIT;
}
