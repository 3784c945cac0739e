#include "rest/related.h"

#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/input.h"
#include "rest/segment.h"
#include "rest/sight.h"

enum { SQL_MAX = 16 * 1024 };

struct listing {
    const struct related *what;
    struct input input;
    const char *values[4];
    struct pg_segment *segment;
    bool is_object;
};

static const struct pg_stmt *statement(struct req *r, const struct related *what)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    what->sql(&b);
    const struct pg_stmt *stmt = shapes_statement(r->worker->shapes, &r->arena, buf_str(&b));
    buf_done(&b);
    return stmt;
}

static enum step query(struct req *r)
{
    struct listing *l = r->state;
    if (!input_read(r, INPUT_ID, &l->input)) return STEP_FAIL;
    struct scope scope = sight_scope(r);
    l->values[0] = arena_cstr(&r->arena, l->input.id);
    l->values[1] = scope.user;
    l->values[2] = scope.reach;
    if (l->what->more) l->values[3] = l->what->more(r);
    l->segment = segment_new(r, PG_FAST, true);
    pg_add(l->segment, statement(r, l->what), l->values, l->what->more ? 4 : 3);
    pg_submit(r->worker->pg, l->segment);
    return STEP_WAIT;
}

static void write_row(struct jw *w, const struct listing *l, int row)
{
    jw_object(w);
    for (size_t i = 0; i < l->what->count; i++) {
        const struct related_member *m = &l->what->members[i];
        jw_name(w, m->name);
        (m->is_json ? jw_raw : jw_str)(w, pg_value(l->segment, 0, row, (int)i));
    }
    jw_object_end(w);
}

static void write_rows(struct jw *w, const struct listing *l, int rows)
{
    jw_array(w);
    for (int i = 0; i < rows; i++)
        if (!str_is_none(pg_value(l->segment, 0, i, 0))) write_row(w, l, i);
    jw_array_end(w);
}

static enum step reply(struct req *r)
{
    const struct listing *l = r->state;
    int rows = pg_rows(l->segment, 0);
    if (!rows) {
        problem_set(&r->problem, E_NOT_FOUND);
        return STEP_FAIL;
    }
    struct jw w = reply_begin(r);
    if (l->is_object) write_row(&w, l, 0);
    else write_rows(&w, l, rows);
    reply_end(r, &w);
    return STEP_WAIT;
}

static void start(struct req *r, const struct related *what, bool is_object)
{
    static const step_fn steps[] = { query, reply, NULL };
    struct listing *l = arena_new(&r->arena, struct listing);
    l->what = what;
    l->is_object = is_object;
    r->state = l;
    flow_start(r, steps);
}

void related_list(struct req *r, const struct related *what)
{
    start(r, what, false);
}

void related_object(struct req *r, const struct related *what)
{
    start(r, what, true);
}
