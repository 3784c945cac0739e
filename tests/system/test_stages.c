/* Pipelines and stages are data: contract.md, Opportunities. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

static char *pipeline(const char *more)
{
    struct reply *r = POST("/api/v1/pipelines", text("{\"pipeline_name\":\"%s\"%s%s}", unique("流程"), more ? "," : "", more ? more : ""));
    expect_status(r, 200);
    return text("%s", text_at(r, "data.pipeline_id"));
}

static char *stage(const char *pipeline_id, const char *more)
{
    struct reply *r = POST("/api/v1/stages", text("{\"stage_code\":\"%s\",\"stage_name\":\"%s\",\"pipeline_id\":\"%s\"%s%s}", unique("S"),
                                                  unique("阶段"), pipeline_id, more ? "," : "", more ? more : ""));
    expect_status(r, 200);
    return text("%s", text_at(r, "data.stage_id"));
}

static char *stage_path(const char *id)
{
    return text("/api/v1/stages/%s", id);
}

static char *pipeline_path(const char *id)
{
    return text("/api/v1/pipelines/%s", id);
}

static void test_the_standard_stages_are_there(void **state)
{
    (void)state;
    static const struct {
        const char *name, *kind;
        int probability;
    } want[] = { { "初步接触", "进行中", 10 }, { "需求确认", "进行中", 30 }, { "方案报价", "进行中", 50 }, { "商务谈判", "进行中", 70 },
                 { "合同签订", "进行中", 90 }, { "赢单", "赢单", 100 },      { "输单", "输单", 0 },        { "无效", "无效", 0 } };
    struct reply *r = expect_status(GET("/api/v1/stages?pipeline_id=" PIPELINE_STANDARD), 200);
    expect_number(r, "data.total", COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        expect_text(r, text("data.records.%zu.stage_name", i), want[i].name);
        expect_text(r, text("data.records.%zu.stage_kind", i), want[i].kind);
        expect_number(r, text("data.records.%zu.win_probability", i), want[i].probability);
    }
}

static void test_a_stage_in_use_stays(void **state)
{
    (void)state;
    char *line = pipeline(NULL), *first = stage(line, NULL), *id = opportunity("A", NULL, text("\"sales_stage_id\":\"%s\"", first)),
         *deleted = opportunity("B", NULL, text("\"sales_stage_id\":\"%s\"", first));
    expect_status(DELETE(opportunity_path(deleted, "")), 200);
    struct reply *r = DELETE(stage_path(first));
    expect_error(r, 409, "STATE_CONFLICT", "opportunities");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, "opportunities"), "reason")), "are in it: 1");
    r = PATCH(stage_path(first), "{\"stage_kind\":\"输单\"}");
    expect_error(r, 409, "STATE_CONFLICT", "opportunities");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, "opportunities"), "reason")), "are in it: 2");
    expect_error(PATCH(stage_path(first), text("{\"pipeline_id\":\"%s\"}", PIPELINE_STANDARD)), 409, "STATE_CONFLICT", "opportunities");
    expect_status(PATCH(stage_path(first), "{\"stage_name\":\"改名\",\"win_probability\":12}"), 200);
    expect_status(DELETE(opportunity_path(id, "")), 200);
    expect_status(DELETE(stage_path(first)), 200);
    expect_error(POST(opportunity_path(id, "/restore"), NULL), 409, "STATE_CONFLICT", "sales_stage_id");
    expect_status(POST(text("%s/restore", stage_path(first)), NULL), 200);
    expect_status(POST(opportunity_path(id, "/restore"), NULL), 200);
}

static void test_who_enters_a_stage_holds_it(void **state)
{
    (void)state;
    char *line = pipeline(NULL), *first = stage(line, NULL), *second = stage(line, "\"sort_order\":1"),
         *id = opportunity("A", NULL, text("\"sales_stage_id\":\"%s\"", first));
    const struct request q = { .method = "DELETE", .token = stack.admin_token,
                               .url = text("%s%s", stack.opportunity_url, stage_path(second)) };
    struct reply *r = race_behind(stack.opportunity_db,
                                  text("SELECT opportunity_move(o, o.created_by, jsonb_build_object('sales_stage_id', '%s')) "
                                       "FROM opportunities o WHERE opportunity_id = '%s'", second, id), &q);
    expect_error(r, 409, "STATE_CONFLICT", "opportunities");
}

static void test_a_stage_out_of_use_is_not_entered(void **state)
{
    (void)state;
    char *line = pipeline(NULL), *first = stage(line, NULL), *old = stage(line, "\"sort_order\":1"),
         *in_it = opportunity("A", NULL, text("\"sales_stage_id\":\"%s\"", old)),
         *id = opportunity("B", NULL, text("\"sales_stage_id\":\"%s\"", first));
    expect_status(PATCH(stage_path(old), "{\"is_active\":false}"), 200);
    expect_error(move_to(id, old, NULL), 409, "STATE_CONFLICT", "sales_stage_id");
    expect_status(move_to(in_it, first, "\"reason\":\"x\""), 200);
    expect_error(move_to(id, STAGE_REQUIREMENT, NULL), 409, "STATE_CONFLICT", "sales_stage_id"); /* of another pipeline */
    expect_error(POST("/api/v1/opportunities", text("{\"opportunity_name\":\"A\",\"customer_id\":\"%s\",\"sales_stage_id\":\"%s\"}",
                                                    customer_known("某"), old)), 422, "RULE_VIOLATED", "sales_stage_id");
    expect_error(POST(opportunity_path(id, "/close"), "{\"result\":\"赢单\"}"), 409, "STATE_CONFLICT", "result"); /* has none */
}

static void test_closing_stages_have_their_probability(void **state)
{
    (void)state;
    char *line = pipeline(NULL);
    expect_number(GET(stage_path(stage(line, "\"stage_kind\":\"赢单\",\"win_probability\":3"))), "data.win_probability", 100);
    expect_number(GET(stage_path(stage(line, "\"stage_kind\":\"LOST\",\"win_probability\":3"))), "data.win_probability", 0);
    expect_number(GET(stage_path(stage(line, "\"win_probability\":3"))), "data.win_probability", 3);
}

static struct reply *same_name(const char *pipeline_id)
{
    return POST("/api/v1/stages", text("{\"stage_code\":\"%s\",\"stage_name\":\"同名\",\"pipeline_id\":\"%s\"}", unique("S"), pipeline_id));
}

static void test_names_are_unique_in_their_pipeline(void **state)
{
    (void)state;
    char *one = pipeline(NULL), *two = pipeline(NULL);
    expect_status(same_name(one), 200);
    expect_status(same_name(two), 200);
    expect_error(same_name(two), 409, "DUPLICATE", "stage_name");
}

static long defaults(void)
{
    return sql_count(stack.opportunity_db, "SELECT count(*) FROM pipelines WHERE is_default AND deleted_time IS NULL");
}

static void test_one_pipeline_is_the_default(void **state)
{
    (void)state;
    char *standard = pipeline_path(PIPELINE_STANDARD), *other = pipeline(NULL), *first = stage(other, NULL);
    expect_error(PATCH(standard, "{\"is_default\":false}"), 409, "STATE_CONFLICT", "is_default");
    expect_error(DELETE(standard), 409, "STATE_CONFLICT", NULL);
    expect_status(PATCH(pipeline_path(other), "{\"is_default\":true}"), 200);
    assert_int_equal(defaults(), 1);
    expect_text(GET(opportunity_path(opportunity("A", NULL, NULL), "")), "data.sales_stage_id", first);
    expect_status(PATCH(standard, "{\"is_default\":true}"), 200);
    assert_int_equal(defaults(), 1);
    expect_error(DELETE(pipeline_path(other)), 409, "STATE_CONFLICT", "stages");
    expect_status(DELETE(pipeline_path(pipeline(NULL))), 200);
}

static void test_many_new_defaults_at_once_leave_one(void **state)
{
    (void)state;
    struct request all[RACERS];
    struct reply *replies[RACERS];
    for (int i = 0; i < RACERS; i++)
        all[i] = (struct request){ .method = "PATCH", .token = stack.admin_token, .body = "{\"is_default\":true}",
                                   .url = text("%s%s", stack.opportunity_url, pipeline_path(pipeline(NULL))) };
    race(all, replies);
    int won = 0;
    for (int i = 0; i < RACERS; i++) won += replies[i]->status == 200;
    expect(won > 0, "%d", won);
    assert_int_equal(defaults(), 1);
    expect_status(PATCH(pipeline_path(PIPELINE_STANDARD), "{\"is_default\":true}"), 200);
}

static void test_stages_are_administered_by_who_may(void **state)
{
    (void)state;
    as(user_in("SALES_REP", NULL).token);
    expect_status(GET("/api/v1/stages"), 200);
    expect_error(POST("/api/v1/stages", "{}"), 403, "FORBIDDEN", NULL);
    expect_error(PATCH(stage_path(STAGE_CONTACT), "{}"), 403, "FORBIDDEN", NULL);
    expect_error(POST("/api/v1/pipelines", "{}"), 403, "FORBIDDEN", NULL);
}

#define TEST(name) cmocka_unit_test_setup(name, to_opportunities)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_the_standard_stages_are_there),
        TEST(test_a_stage_in_use_stays),
        TEST(test_who_enters_a_stage_holds_it),
        TEST(test_a_stage_out_of_use_is_not_entered),
        TEST(test_closing_stages_have_their_probability),
        TEST(test_names_are_unique_in_their_pipeline),
        TEST(test_one_pipeline_is_the_default),
        TEST(test_many_new_defaults_at_once_leave_one),
        TEST(test_stages_are_administered_by_who_may),
    };
    return system_main("stages", tests, COUNT(tests));
}
