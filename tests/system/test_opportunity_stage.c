/* The way of an opportunity through the stages: contract.md, Opportunities. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

/* --- a write that is a procedure ----------------------------------------------------------------------------------------- */

static void test_a_move_answers_with_the_whole_record_and_its_tag(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL);
    struct reply *r = expect_status(move_to(id, STAGE_REQUIREMENT, NULL), 200), *now = GET(opportunity_path(id, ""));
    expect_text(r, "data.sales_stage_name", "需求确认");
    expect_number(r, "data.win_probability", 30);
    expect_number(r, "data.version", 2);
    assert_string_equal(header(r, "ETag"), header(now, "ETag"));
    assert_string_equal(r->body, now->body);
}

static void test_a_move_is_judged_by_its_schema(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL), *path = opportunity_path(id, "/stage");
    static const struct {
        const char *body, *fields;
        int status;
    } cases[] = {
        { NULL, "sales_stage_id", 400 },
        { "{}", "sales_stage_id", 400 },
        { "{\"sales_stage_id\":\"x\",\"win_probability\":101,\"colour\":1}", "sales_stage_id,win_probability,colour", 400 },
        { "{\"sales_stage_id\":\"" STAGE_REQUIREMENT "\",\"lost_reason\":\"无\",\"reason\":\"\"}", "lost_reason,reason", 400 },
        { "{\"sales_stage_id\":\"" UUID_ABSENT "\"}", "sales_stage_id", 422 },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_error(POST(path, cases[i].body), cases[i].status, NULL, cases[i].fields);
    expect_number(GET(opportunity_path(id, "")), "data.version", 1);
}

static void test_a_move_counts_as_any_write(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL), *path = opportunity_path(id, "/stage"),
         *body = text("{\"sales_stage_id\":\"%s\"}", STAGE_REQUIREMENT);
    expect_status(call("POST", text("%s?dry_run=true", path), body, NULL), 200);
    expect_number(GET(opportunity_path(id, "")), "data.version", 1);
    expect_error(call("POST", path, body, "If-Match: \"7.0\"", NULL), 412, "VERSION_CONFLICT", "");
    expect_error(POST(opportunity_path(UUID_ABSENT, "/stage"), body), 404, "NOT_FOUND", "");
    const char *key = text("Idempotency-Key: %s", unique("k"));
    struct reply *first = expect_status(call("POST", path, body, key, NULL), 200);
    struct reply *again = expect_status(call("POST", path, body, key, NULL), 200);
    assert_string_equal(header(again, "Idempotent-Replayed"), "true");
    assert_string_equal(first->body, again->body);
    expect_error(call("POST", path, text("{\"sales_stage_id\":\"%s\"}", STAGE_PROPOSAL), key, NULL), 422, "IDEMPOTENCY_KEY_REUSED", "");
    expect_number(GET(opportunity_path(id, "")), "data.version", 2);
}

static void test_the_internal_method_is_the_same_move(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL);
    const char *path = "/internal/v1/updateOpportunityStage";
    struct reply *r = POST(path, text("{\"opportunityId\":\"%s\",\"stageId\":\"%s\"}", id, STAGE_PROPOSAL));
    expect_status(r, 200);
    expect_text(r, "data.sales_stage_name", "方案报价");
    expect_error(POST(path, text("{\"opportunityId\":\"%s\"}", id)), 400, "INVALID_FIELD", "sales_stage_id");
    expect_error(POST(path, text("{\"opportunityId\":\"%s\",\"stage_id\":\"%s\"}", id, STAGE_WON)), 400, "INVALID_FIELD",
                 "stage_id,sales_stage_id");
}

/* --- what is legal ----------------------------------------------------------------------------------------------------- */

static void test_an_illegal_move_names_the_legal_ones(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL);
    struct reply *r = move_to(id, STAGE_CONTACT, NULL);
    expect_error(r, 409, "STATE_CONFLICT", "sales_stage_id");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, "sales_stage_id"), "allowed")),
                        "需求确认, 方案报价, 商务谈判, 合同签订, 赢单, 输单, 无效");
    r = move_to(id, STAGE_CONTRACT, NULL);
    expect_error(r, 422, "RULE_VIOLATED", "reason");
    expect_number(GET(opportunity_path(id, "")), "data.version", 1);
}

#define TEST(name) cmocka_unit_test_setup(name, to_opportunities)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_a_move_answers_with_the_whole_record_and_its_tag),
        TEST(test_a_move_is_judged_by_its_schema),
        TEST(test_a_move_counts_as_any_write),
        TEST(test_the_internal_method_is_the_same_move),
        TEST(test_an_illegal_move_names_the_legal_ones),
    };
    return system_main("opportunity_stage", tests, COUNT(tests));
}
