/* GET /opportunities/board: what is in each stage, counted and added up. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

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

#define TEST(name) cmocka_unit_test_setup(name, to_opportunities)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_columns_are_counted_and_added_up),
        TEST(test_a_board_is_of_one_pipeline),
        TEST(test_a_board_refuses_what_it_does_not_know),
        TEST(test_a_board_is_within_reach),
    };
    return system_main("board", tests, COUNT(tests));
}
