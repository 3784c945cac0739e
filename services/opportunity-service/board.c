/* The board of a pipeline: what is in each of its stages, counted and added up, as far as the caller reaches. */
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "opportunity-service_routes.h"
#include "rest/segment.h"
#include "rest/sight.h"
#include "schema/sql.h"
#include "schemas.h"

enum { SQL_MAX = 16 * 1024 };

/* What is selected, in this order. */
enum { PIPELINE_ID, PIPELINE_NAME, STAGE_ID, STAGE_NAME, STAGE_KIND, WIN_PROBABILITY, COUNT, AMOUNT, WEIGHTED };

struct board {
    struct list_query query; /* only its filters */
    struct sql_params params;
    struct pg_segment *segment;
};

/* Pages, sorting and keywords are of lists. */
static const struct str names[] = { STR("pipeline_id"), STR("assigned_to"), STR("customer_id"),
                                    STR("status"),      STR("start_date"),  STR("end_date") };

static bool is_known(struct str name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(names[i], name)) return true;
    return false;
}

static bool board_read(struct req *r, struct board *b)
{
    struct query_param params[LIMIT_QUERY_PARAMS];
    size_t count = 0;
    if (!query_split(&r->arena, r->query, params, &count, &r->problem)) return false;
    for (size_t i = 0; i < count; i++)
        if (!is_known(params[i].name))
            problem_add(&r->problem, &r->arena, E_INVALID_FIELD, params[i].name, STR("is not a known parameter"));
    return r->problem.code == E_OK && list_query_read(&r->arena, r->route->resource, r->query, (struct list_limits){ 0 }, &b->query,
                                                         &r->problem);
}

/* What is added up: the opportunities themselves, or, by what their sums are kept by, those (0027_board_sums.sql). */
struct summands {
    const char *table, *count, *live;
};

static const struct summands *summands_of(const struct list_query *q)
{
    static const struct summands each = { "opportunities", "count(*)", "t.deleted_time IS NULL AND " };
    static const struct summands kept = { "board_sums", "sum(t.count)", "" };
    return q->filters[OPPORTUNITY_customer_id] || q->from || q->until ? &each : &kept;
}

/* The first parameter is the pipeline, or NULL for the default one. */
static void board_sql(struct req *r, struct board *b, struct buf *sql)
{
    static const char pipeline[] = "(SELECT p.pipeline_id FROM pipelines p WHERE p.deleted_time IS NULL "
                                   "AND CASE WHEN $1::uuid IS NULL THEN p.is_default ELSE p.pipeline_id = $1::uuid END)";
    b->params = (struct sql_params){ .values = { b->query.filters[OPPORTUNITY_pipeline_id] }, .count = 1 };
    b->query.filters[OPPORTUNITY_pipeline_id] = NULL;
    const struct summands *of = summands_of(&b->query);
    buf_addf(sql,
             "SELECT p.pipeline_id, p.pipeline_name, s.stage_id, s.stage_name, s.stage_kind, s.win_probability, coalesce(b.count, 0), "
             "round(coalesce(b.amount, 0) / 100, 2), round(coalesce(b.weighted, 0) / 10000, 2) "
             "FROM pipelines p LEFT JOIN (stages s LEFT JOIN (SELECT t.sales_stage_id, %s AS count, sum(t.amount_fen) AS amount, "
             "sum(t.weighted_fen) AS weighted FROM %s t WHERE %st.pipeline_id = %s",
             of->count, of->table, of->live, pipeline);
    sql_where(sql, &b->params, &r->arena, r->route->resource, &b->query);
    buf_addf(sql,
             " GROUP BY t.sales_stage_id) b ON b.sales_stage_id = s.stage_id) ON s.pipeline_id = p.pipeline_id "
             "AND s.deleted_time IS NULL AND (s.is_active OR b.count > 0) WHERE p.pipeline_id = %s ORDER BY s.sort_order, s.stage_id",
             pipeline);
}

static enum step board_query(struct req *r)
{
    struct board *b = arena_new(&r->arena, struct board);
    struct buf sql;
    r->state = b;
    if (!board_read(r, b)) return STEP_FAIL;
    b->query.scope = sight_scope(r);
    buf_init(&sql, SQL_MAX);
    board_sql(r, b, &sql);
    b->segment = segment_new(r, PG_SLOW, true);
    pg_add(b->segment, shapes_statement(r->worker->shapes, &r->arena, buf_str(&sql)), b->params.values, b->params.count);
    buf_done(&sql);
    pg_submit(r->worker->pg, b->segment);
    return STEP_WAIT;
}

static void write_column(struct jw *w, const struct pg_segment *s, int row)
{
    static const struct { struct str name; int column; bool is_number; } members[] = {
        { STR("stage_id"), STAGE_ID, false },       { STR("stage_name"), STAGE_NAME, false },
        { STR("stage_kind"), STAGE_KIND, false },   { STR("win_probability"), WIN_PROBABILITY, true },
        { STR("count"), COUNT, true },              { STR("amount"), AMOUNT, true },
        { STR("weighted_amount"), WEIGHTED, true },
    };
    jw_object(w);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        jw_name(w, members[i].name);
        (members[i].is_number ? jw_raw : jw_str)(w, pg_value(s, 0, row, members[i].column));
    }
    jw_object_end(w);
}

static enum step board_reply(struct req *r)
{
    struct board *b = r->state;
    int rows = pg_rows(b->segment, 0);
    if (!rows) {
        problem_set(&r->problem, E_NOT_FOUND);
        return STEP_FAIL;
    }
    struct jw w = reply_begin(r);
    jw_object(&w);
    jw_name(&w, STR("pipeline_id"));
    jw_plain(&w, pg_value(b->segment, 0, 0, PIPELINE_ID));
    jw_name(&w, STR("pipeline_name"));
    jw_str(&w, pg_value(b->segment, 0, 0, PIPELINE_NAME));
    jw_name(&w, STR("columns"));
    jw_array(&w);
    for (int i = 0; i < rows; i++)
        if (!str_is_none(pg_value(b->segment, 0, i, STAGE_ID))) write_column(&w, b->segment, i);
    jw_array_end(&w);
    jw_object_end(&w);
    reply_end(r, &w);
    return STEP_WAIT;
}

void board_get(struct req *r)
{
    static const step_fn steps[] = { board_query, board_reply, NULL };
    flow_start(r, steps);
}
