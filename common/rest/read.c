/* One record: GET /<resource>/{id} and its internal method. */
#include "rest/rest.h"

#include "http/flow.h"
#include "http/reply.h"
#include "rest/etag.h"
#include "rest/input.h"
#include "rest/lookup.h"
#include "rest/names.h"
#include "rest/row.h"
#include "rest/statements.h"

struct read {
    struct input input;
    struct found found;
};

static struct rows found_rows(struct req *r, const struct read *q)
{
    const struct statements *s = statements_of(r->route->resource);
    return (struct rows){ .req = r, .resource = s->resource, .columns = &s->detail, .segment = q->found.segment,
                          .from = q->found.row, .until = q->found.row + 1 };
}

static enum step read_query(struct req *r)
{
    struct read *q = arena_new(&r->arena, struct read);
    r->state = q;
    if (!input_read(r, INPUT_ID, &q->input)) return STEP_FAIL;
    lookup_start(r, statements_of(r->route->resource), q->input.id, &q->found);
    return STEP_WAIT;
}

/* A record that the route names, for what has written it: what the request says was read before. */
static enum step read_again(struct req *r)
{
    struct read *q = r->state;
    lookup_start(r, statements_of(r->route->resource), q->input.id, &q->found);
    return STEP_WAIT;
}

static enum step read_names(struct req *r)
{
    struct read *q = r->state;
    if (q->found.row < 0) {
        problem_set(&r->problem, E_NOT_FOUND);
        return STEP_FAIL;
    }
    struct rows rows = found_rows(r, q);
    return names_ready(&rows) ? STEP_NEXT : STEP_WAIT;
}

static enum step read_reply(struct req *r)
{
    struct read *q = r->state;
    const struct resource *resource = r->route->resource;
    struct rows rows = found_rows(r, q);
    struct rows_row row = rows_row(&rows, q->found.row);
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

void rest_show(struct req *r, const char *id)
{
    static const step_fn steps[] = { read_again, read_names, read_reply, NULL };
    struct read *q = arena_new(&r->arena, struct read);
    q->input.id = str_of(id);
    r->state = q;
    flow_start(r, steps);
}
