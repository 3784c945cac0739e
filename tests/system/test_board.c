/* GET /opportunities/board: what is in each stage, counted and added up. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

#include <libpq-fe.h>
#include <string.h>

static struct reply *board(const char *query)
{
    return GET(text("/api/v1/opportunities/board%s%s", *query ? "?" : "", query));
}

static void expect_column(struct reply *r, int i, const char *name, int count, const char *amount, const char *weighted)
{
    expect_text(r, text("data.columns.%d.stage_name", i), name);
    expect_number(r, text("data.columns.%d.count", i), count);
    const char *here = strstr(r->body, text("\"stage_name\":\"%s\"", name)),
               *want = text("\"amount\":%s,\"weighted_amount\":%s}", amount, weighted);
    expect(here && !strncmp(strstr(here, "\"amount\""), want, strlen(want)), "%s: %s", want, r->body);
}

static void test_columns_are_counted_and_added_up(void **state)
{
    (void)state;
    char *one = customer_known(unique("客户"));
    opportunity("A", one, "\"estimated_amount\":0.05,\"win_probability\":10");  /* 0.005 */
    opportunity("B", one, "\"estimated_amount\":9999999999999.99,\"win_probability\":100");
    opportunity("C", one, "\"estimated_amount\":100,\"sales_stage_id\":\"" STAGE_PROPOSAL "\",\"status\":\"已搁置\"");
    opportunity("D", one, "\"estimated_amount\":0.01,\"sales_stage_id\":\"" STAGE_PROPOSAL "\"");
    expect_status(POST(opportunity_path(opportunity("E", one, "\"estimated_amount\":7"), "/close"),
                       "{\"result\":\"赢单\",\"reason\":\"x\"}"), 200);
    expect_status(DELETE(opportunity_path(opportunity("F", one, "\"estimated_amount\":5"), "")), 200);
    struct reply *r = expect_status(board(text("customer_id=%s", one)), 200);
    assert_string_equal(keys_at(r, "data"), "pipeline_id,pipeline_name,columns");
    assert_string_equal(keys_at(r, "data.columns.0"), "stage_id,stage_name,stage_kind,win_probability,count,amount,weighted_amount");
    assert_int_equal(cJSON_GetArraySize(at(r, "data.columns")), 8);
    expect_column(r, 0, "初步接触", 2, "10000000000000.04", "10000000000000.00"); /* …9.995: half up */
    expect_column(r, 1, "需求确认", 0, "0.00", "0.00");
    expect_column(r, 2, "方案报价", 2, "100.01", "50.01"); /* 50.005 */
    expect_column(r, 5, "赢单", 1, "7.00", "7.00");
    r = expect_status(board(text("customer_id=%s&status=ON_HOLD", one)), 200);
    expect_column(r, 2, "方案报价", 1, "100.00", "50.00");
    r = expect_status(board(text("customer_id=%s&end_date=2000-01-01", one)), 200);
    expect_column(r, 2, "方案报价", 0, "0.00", "0.00");
}

static void test_a_board_is_of_one_pipeline(void **state)
{
    (void)state;
    struct reply *r = POST("/api/v1/pipelines", text("{\"pipeline_name\":\"%s\"}", unique("流程")));
    const char *line = text_at(expect_status(r, 200), "data.pipeline_id");
    r = expect_status(board(text("pipeline_id=%s", line)), 200);
    assert_int_equal(cJSON_GetArraySize(at(r, "data.columns")), 0);
    const char *stage = text("{\"stage_code\":\"%s\",\"stage_name\":\"唯一\",\"pipeline_id\":\"%s\"}", unique("S"), line);
    expect_status(POST("/api/v1/stages", stage), 200);
    r = expect_status(board(text("pipeline_id=%s", line)), 200);
    expect_column(r, 0, "唯一", 0, "0.00", "0.00");
    expect_text(board(""), "data.pipeline_id", PIPELINE_STANDARD);
    expect_error(board("pipeline_id=" UUID_ABSENT), 404, "NOT_FOUND", "");
}

static void test_a_board_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    expect_error(board("page=1&keyword=x&sort=status&cursor=1"), 400, "INVALID_FIELD", "page,keyword,sort,cursor");
    expect_error(board("assigned_to=x&start_date=y"), 400, "INVALID_FIELD", "assigned_to,start_date");
    expect_error(board("start_date=2024-01-02&end_date=2024-01-01"), 400, "INVALID_FIELD", NULL);
}

/* Whoever looks: a column counts what his list finds. */
static void test_a_board_is_within_reach(void **state)
{
    (void)state;
    char *top = department_below(NULL), *below = department_below(top), *customer_id = customer_known(unique("客户"));
    struct user people[] = { user_in("SALES_MANAGER", top), user_in("SALES_REP", below), user_in("SALES_REP", department_below(NULL)),
                             user_in("SALES_DIRECTOR", NULL) };
    for (size_t i = 0; i < COUNT(people); i++) {
        staff_known(people[i].id);
        opportunity("A", customer_id, text("\"estimated_amount\":1,\"assigned_to\":\"%s\"", people[i].id));
    }
    for (size_t i = 0; i < COUNT(people); i++) {
        as(people[i].token);
        struct reply *r = expect_status(board(text("customer_id=%s", customer_id)), 200);
        int total = number_at(GET(text("/api/v1/opportunities?customer_id=%s", customer_id)), "data.total");
        expect(total >= 1 && (i == 3) == (total == 4), "%zu: %d", i, total);
        expect_number(r, "data.columns.0.count", total);
        r = expect_status(board(text("customer_id=%s&assigned_to=%s", customer_id, people[2].id)), 200);
        expect_number(r, "data.columns.0.count", i >= 2 ? 1 : 0);
    }
}

/* --- sums that are kept ------------------------------------------------------------------------------------------------- */

/* Each column is what PostgreSQL adds up of the opportunities that are `where`. */
static void expect_exact(const char *query, const char *where)
{
    struct reply *r = expect_status(board(query), 200);
    int columns = cJSON_GetArraySize(at(r, "data.columns"));
    assert_int_equal(columns, 8);
    for (int i = 0; i < columns; i++) {
        const char *stage = text_at(r, text("data.columns.%d.stage_id", i)), *here = strstr(r->body, stage);
        const char *want = sql(stack.opportunity_db,
                               "SELECT format('\"count\":%%s,\"amount\":%%s,\"weighted_amount\":%%s}', count(*), "
                               "round(coalesce(sum(estimated_amount), 0), 2), "
                               "round(coalesce(sum(estimated_amount * win_probability), 0) / 100, 2)) "
                               "FROM opportunities WHERE deleted_time IS NULL AND sales_stage_id = '%s' AND %s", stage, where);
        here = strstr(here, "\"count\":");
        expect(!strncmp(here, want, strlen(want)), "%s: %s, not %.80s", query, want, here);
    }
}

static void expect_all_exact(const char *owner)
{
    expect_exact("", "true");
    expect_exact("status=ON_HOLD", "status = '已搁置'");
    expect_exact(text("assigned_to=%s", owner), text("assigned_to = '%s'", owner));
    expect_exact(text("assigned_to=%s&status=OPEN", owner), text("assigned_to = '%s' AND status = '进行中'", owner));
}

static void change(const char *id, const char *members)
{
    expect_status(PATCH(opportunity_path(id, ""), members), 200);
}

static void test_whatever_is_written_the_sums_are_exact(void **state)
{
    (void)state;
    char *one = customer_known(unique("客户"));
    struct user owner = user_in("SALES_REP", department_below(NULL));
    staff_known(owner.id);
    const char *amount = "\"estimated_amount\":12345.67";
    char *ids[8];
    for (size_t i = 0; i < COUNT(ids); i++) ids[i] = opportunity(text("%zu", i), one, amount);
    change(ids[0], "{\"estimated_amount\":9999999999999.99,\"win_probability\":33}");
    change(ids[1], text("{\"assigned_to\":\"%s\"}", owner.id));
    change(ids[2], "{\"status\":\"已搁置\"}");
    expect_status(move_to(ids[3], STAGE_REQUIREMENT, NULL), 200);
    expect_status(POST(opportunity_path(ids[4], "/close"), "{\"result\":\"赢单\",\"reason\":\"x\"}"), 200);
    expect_status(DELETE(opportunity_path(ids[5], "")), 200);
    change(ids[6], "{\"description\":\"x\"}"); /* nothing that is added up */
    expect_all_exact(owner.id);
    sql(stack.opportunity_db, "SELECT housekeeping()");
    expect_all_exact(owner.id);
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM board_sums"),
                     sql_count(stack.opportunity_db, "SELECT count(*) FROM (SELECT FROM opportunities WHERE deleted_time IS NULL "
                                                     "GROUP BY pipeline_id, assigned_to, sales_stage_id, status) one"));
    sql(stack.opportunity_db, "UPDATE opportunities SET estimated_amount = 3 WHERE opportunity_id = '%s'", ids[5]); /* a deleted one */
    expect_all_exact(owner.id);
    sql(stack.opportunity_db, "UPDATE opportunities SET deleted_time = NULL WHERE opportunity_id = '%s'", ids[5]);
    expect_all_exact(owner.id);
    expect_status(DELETE(opportunity_path(ids[1], "")), 200); /* the last of its owner */
    sql(stack.opportunity_db, "SELECT housekeeping()");
    expect_all_exact(owner.id);
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM board_sums WHERE assigned_to = '%s'", owner.id), 0);
}

/* Neither who writes nor who folds too waits for it. */
static void test_sums_are_folded_while_others_write(void **state)
{
    (void)state;
    char *one = customer_known(unique("客户"));
    for (int i = 0; i < 3; i++) opportunity("A", one, "\"estimated_amount\":1");
    PGconn *folding = PQconnectdb(stack.opportunity_db);
    PQclear(PQexec(folding, "BEGIN"));
    PGresult *folded = PQexec(folding, "SELECT board_sums_fold()");
    assert_int_equal(PQresultStatus(folded), PGRES_TUPLES_OK);
    PQclear(folded);
    opportunity("B", one, "\"estimated_amount\":2");
    sql(stack.opportunity_db, "SET lock_timeout = '2s'");
    sql(stack.opportunity_db, "SELECT board_sums_fold()");
    sql(stack.opportunity_db, "RESET lock_timeout");
    expect_exact("", "true");
    PQclear(PQexec(folding, "COMMIT"));
    PQfinish(folding);
    expect_exact("", "true");
    sql(stack.opportunity_db, "SELECT board_sums_fold()");
    expect_exact("", "true");
}

static bool is_waiting(void *arg)
{
    (void)arg;
    return sql_count(stack.admin_db, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                                     "AND query = 'SELECT board_sums_make()'") == 1;
}

static void test_sums_made_anew_while_some_are_folded_are_exact(void **state)
{
    (void)state;
    char *one = customer_known(unique("客户"));
    for (int i = 0; i < 3; i++) opportunity("A", one, "\"estimated_amount\":1");
    PGconn *folding = PQconnectdb(stack.opportunity_db), *making = PQconnectdb(stack.opportunity_db);
    PQclear(PQexec(folding, "BEGIN"));
    PQclear(PQexec(folding, "SELECT board_sums_fold()"));
    assert_int_equal(PQsendQuery(making, "SELECT board_sums_make()"), 1);
    assert_true(poll_until(20, is_waiting, NULL));
    PQclear(PQexec(folding, "COMMIT"));
    PGresult *made = PQgetResult(making);
    assert_int_equal(PQresultStatus(made), PGRES_TUPLES_OK);
    PQclear(made);
    PQfinish(making);
    PQfinish(folding);
    expect_exact("", "true");
}

#define TEST(name) cmocka_unit_test_setup(name, to_opportunities)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_columns_are_counted_and_added_up),
        TEST(test_a_board_is_of_one_pipeline),
        TEST(test_a_board_refuses_what_it_does_not_know),
        TEST(test_a_board_is_within_reach),
        TEST(test_whatever_is_written_the_sums_are_exact),
        TEST(test_sums_are_folded_while_others_write),
        TEST(test_sums_made_anew_while_some_are_folded_are_exact),
    };
    return system_main("board", tests, COUNT(tests));
}
