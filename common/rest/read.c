/* One record: GET /<resource>/{id} and its internal method. */
#include "rest/rest.h"

#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/etag.h"
#include "rest/input.h"
#include "rest/names.h"
#include "rest/row.h"
#include "rest/segment.h"
#include "rest/statements.h"

struct read {
    struct input input;
    struct pg_segment *segment;
    const char *values[1];
};

static struct rows found(struct req *r, const struct read *q)
{
    const struct statements *s = statements_of(r->route->resource);
    return (struct rows){ .req = r, .resource = s->resource, .columns = &s->detail, .segment = q->segment };
}

static enum step read_query(struct req *r)
{
    struct read *q = arena_new(&r->arena, struct read);
    r->state = q;
    if (!input_read(r, INPUT_ID, &q->input)) return STEP_FAIL;
    q->segment = segment_new(r, PG_FAST, true);
    q->values[0] = arena_cstr(&r->arena, q->input.id);
    pg_add_binary(q->segment, &statements_of(r->route->resource)->get, q->values, 1);
    pg_submit(r->worker->pg, q->segment);
    return STEP_WAIT;
}

static enum step read_names(struct req *r)
{
    struct read *q = r->state;
    if (pg_rows(q->segment, 0) == 0) {
        problem_set(&r->problem, E_NOT_FOUND);
        return STEP_FAIL;
    }
    struct rows rows = found(r, q);
    return names_ready(&rows) ? STEP_NEXT : STEP_WAIT;
}

static enum step read_reply(struct req *r)
{
    struct read *q = r->state;
    const struct resource *resource = r->route->resource;
    struct rows rows = found(r, q);
    struct rows_row row = rows_row(&rows, 0);
    struct jw w = reply_begin(r);
    size_t start = r->out.len;
    present_row(&w, resource, VIEW_DETAIL, &row.row);
    etag_reply(r, row.row.value(&row.row, resource->version), str_sub(buf_str(&r->out), start, r->out.len));
    if (etag_not_modified(r)) reply_not_modified(r);
    else reply_end(r, &w);
    return STEP_WAIT;
}

static const step_fn read_steps[] = { read_query, read_names, read_reply, NULL };

void rest_get(struct req *r)
{
    flow_start(r, read_steps);
}
