/* Where an opportunity may go from where it is: what opportunity_moves() says, which is what decides about a move, too. */
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "opportunity-service_routes.h"
#include "rest/input.h"
#include "rest/segment.h"
#include "rest/sight.h"

enum { STAGE_ID, STAGE_NAME, STAGE_KIND, WIN_PROBABILITY, DIRECTION, NEEDS };

struct transitions {
    struct input input;
    const char *values[3];
    struct pg_segment *segment;
};

/* One row for each; one of nulls when there is none; none when there is no such opportunity. */
static const struct pg_stmt *statement(struct req *r)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_addz(&b, "SELECT m.stage_id, m.stage_name, m.stage_kind, m.win_probability, m.direction, to_json(m.needs) "
                 "FROM opportunities t LEFT JOIN LATERAL opportunity_moves(t) m ON true "
                 "WHERE t.opportunity_id = $1::uuid AND t.deleted_time IS NULL");
    scope_add(&b, "t", "assigned_to", 2, 3);
    const struct pg_stmt *stmt = shapes_statement(r->worker->shapes, &r->arena, buf_str(&b));
    buf_done(&b);
    return stmt;
}

static enum step transitions_query(struct req *r)
{
    struct transitions *t = arena_new(&r->arena, struct transitions);
    r->state = t;
    if (!input_read(r, INPUT_ID, &t->input)) return STEP_FAIL;
    struct scope scope = sight_scope(r);
    t->values[0] = arena_cstr(&r->arena, t->input.id);
    t->values[1] = scope.user;
    t->values[2] = scope.reach;
    t->segment = segment_new(r, PG_FAST, true);
    pg_add(t->segment, statement(r), t->values, 3);
    pg_submit(r->worker->pg, t->segment);
    return STEP_WAIT;
}

static void write_transition(struct jw *w, const struct pg_segment *s, int row)
{
    static const struct { struct str name; int column; bool is_raw; } members[] = {
        { STR("sales_stage_id"), STAGE_ID, false },        { STR("sales_stage_name"), STAGE_NAME, false },
        { STR("stage_kind"), STAGE_KIND, false },          { STR("win_probability"), WIN_PROBABILITY, true },
        { STR("direction"), DIRECTION, false },            { STR("needs"), NEEDS, true },
    };
    jw_object(w);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        jw_name(w, members[i].name);
        (members[i].is_raw ? jw_raw : jw_str)(w, pg_value(s, 0, row, members[i].column));
    }
    jw_object_end(w);
}

static enum step transitions_reply(struct req *r)
{
    struct transitions *t = r->state;
    int rows = pg_rows(t->segment, 0);
    if (!rows) {
        problem_set(&r->problem, E_NOT_FOUND);
        return STEP_FAIL;
    }
    struct jw w = reply_begin(r);
    jw_array(&w);
    for (int i = 0; i < rows; i++)
        if (!str_is_none(pg_value(t->segment, 0, i, STAGE_ID))) write_transition(&w, t->segment, i);
    jw_array_end(&w);
    reply_end(r, &w);
    return STEP_WAIT;
}

void transitions_list(struct req *r)
{
    static const step_fn steps[] = { transitions_query, transitions_reply, NULL };
    flow_start(r, steps);
}
