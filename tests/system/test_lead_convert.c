/* Leads that become opportunities: wholly or not at all, and once. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

#include <stdlib.h>
#include <string.h>

static struct reply *convert(const char *id, const char *customer_id, const char *more)
{
    return POST(lead_path(id, "/convert"),
                text("{\"customer_id\":\"%s\"%s%s}", customer_id, more ? "," : "", more ? more : ""));
}

static void test_a_lead_becomes_an_opportunity_of_a_customer(void **state)
{
    (void)state;
    char *customer_id = customer_known("客户名称"),
         *id = lead("采购影像设备", "\"product_type\":\"药品\",\"estimated_amount\":5,\"next_follow_time\":\"2030-01-12 09:00:00\"");
    struct reply *r = expect_status(convert(id, customer_id, "\"expected_close_date\":\"2030-12-31\""), 200);
    expect_text(r, "data.status", "已转化");
    expect_text(r, "data.converted_customer_id", customer_id);
    expect_text(r, "data.converted_customer_name", "客户名称");
    expect_number(r, "data.version", 2);
    assert_true(is_null_at(r, "data.next_follow_time"));
    const char *opportunity_id = text_at(r, "data.converted_opportunity_id");
    r = expect_status(GET(opportunity_path(opportunity_id, "")), 200);
    expect_text(r, "data.opportunity_name", "采购影像设备");
    expect_text(r, "data.customer_id", customer_id);
    expect_text(r, "data.lead_id", id);
    expect_text(r, "data.product_type", "药品");
    expect_text(r, "data.expected_close_date", "2030-12-31");
    expect_text(r, "data.sales_stage_name", "初步接触");
    expect(has_text(r, "\"estimated_amount\":5.00"), "%s", r->body);
    r = convert(id, customer_id, NULL); /* twice: what it became is named */
    expect_error(r, 409, "STATE_CONFLICT", "status,converted_customer_id,converted_opportunity_id");
    expect(has_text(r, opportunity_id), "%s", r->body);
    expect_error(POST(lead_path(id, "/follow-up"), "{\"status\":\"跟进中\"}"), 409, "STATE_CONFLICT", NULL);
}

static void test_a_conversion_is_replayed_by_its_key(void **state)
{
    (void)state;
    char *id = lead("重发", NULL), *key = text("Idempotency-Key: %s", unique("K")),
         *body = text("{\"customer_id\":\"%s\"}", customer_known("某"));
    struct reply *first = expect_status(call("POST", lead_path(id, "/convert"), body, key, NULL), 200);
    struct reply *again = expect_status(call("POST", lead_path(id, "/convert"), body, key, NULL), 200);
    expect_text(again, "data.converted_opportunity_id", text_at(first, "data.converted_opportunity_id"));
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM opportunities WHERE lead_id = '%s'", id), 1);
}

static bool is_gone(void *id)
{
    return sql_count(stack.opportunity_db, "SELECT count(*) FROM customer_ref WHERE customer_id = '%s' AND deleted_time IS NOT NULL",
                     (char *)id) == 1;
}

static void test_what_cannot_be_converted_stays_as_it_was(void **state)
{
    (void)state;
    char *known = customer_known("某"), *gone = customer_known("某");
    expect_status(call_as(stack.admin_token, "DELETE", text("%s%s", stack.customer_url, customer_path(gone)), NULL), 200);
    expect(poll_until(20, is_gone, gone), "%s is still known", gone);
    const struct {
        const char *customer_id, *more;
        int status;
        const char *fields;
    } cases[] = {
        { UUID_ABSENT, NULL, 422, "customer_id" },
        { gone, NULL, 422, "customer_id" },
        { known, "\"sales_stage_id\":\"" STAGE_WON "\"", 422, "sales_stage_id" }, /* known only when the opportunity is made */
        { known, "\"estimated_amount\":-1", 400, "estimated_amount" },
    };
    char *id = lead("留下", NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect_error(convert(id, cases[i].customer_id, cases[i].more), cases[i].status, NULL, cases[i].fields);
        struct reply *r = expect_status(GET(lead_path(id, "")), 200);
        expect_text(r, "data.status", "未跟进");
        expect_number(r, "data.version", 1);
    }
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM opportunities WHERE lead_id = '%s'", id), 0);
}

static void test_a_lead_may_become_a_customer_alone(void **state)
{
    (void)state;
    char *id = lead("只要客户", NULL);
    struct reply *r = expect_status(convert(id, customer_known("某"), "\"create_opportunity\":false"), 200);
    expect_text(r, "data.status", "已转化");
    assert_true(is_null_at(r, "data.converted_opportunity_id"));
}

/* Leads that are converted without their opportunity, or are not and have one, or have several. */
static int halves(const char *ids)
{
    return sql_count(stack.opportunity_db,
                     "SELECT count(*) FROM leads l WHERE l.lead_id = ANY ('{%s}') AND ARRAY(SELECT o.opportunity_id FROM opportunities o "
                     "WHERE o.lead_id = l.lead_id) <> CASE WHEN l.status = '已转化' THEN ARRAY[l.converted_opportunity_id] "
                     "ELSE '{}'::uuid[] END", ids);
}

static struct request conversion(const char *id, const char *body)
{
    return (struct request){ .method = "POST", .url = text("%s%s", stack.opportunity_url, lead_path(id, "/convert")),
                             .token = stack.admin_token, .body = body };
}

static void test_of_many_that_convert_a_lead_one_wins(void **state)
{
    (void)state;
    char *id = lead("抢", NULL), *body = text("{\"customer_id\":\"%s\"}", customer_known("某"));
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    for (int i = 0; i < RACERS; i++) requests[i] = conversion(id, body);
    race(requests, replies);
    int won = 0;
    for (int i = 0; i < RACERS; i++) {
        expect(replies[i]->status == 200 || replies[i]->status == 409, "%ld: %s", replies[i]->status, replies[i]->body);
        won += replies[i]->status == 200;
    }
    assert_int_equal(won, 1);
    assert_int_equal(halves(id), 0);
}

enum { ROUNDS = 3, STEP_MS = 4 };

/* Sent again after the kill: what was answered stays, what was not is done now, and nothing is done twice. */
static void finish(const char *id, const char *body, const struct reply *first)
{
    struct reply *r = call("POST", lead_path(id, "/convert"), body, NULL);
    expect(r->status == 409 || (r->status == 200 && first->status != 200), "%ld: %s", r->status, r->body);
}

static void kill_round(int round, const char *body)
{
    const char *ids = "", *each[RACERS];
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    for (int i = 0; i < RACERS; i++) {
        each[i] = lead("杀", NULL);
        ids = text("%s%s%s", ids, *ids ? "," : "", each[i]);
        requests[i] = conversion(each[i], body);
    }
    pid_t old = part_pid("OPPORTUNITY_SERVICE");
    race_against_kill(requests, replies, old, round * STEP_MS);
    assert_true(part_is_new("OPPORTUNITY_SERVICE", old, 60) && url_is_ready(stack.opportunity_url, 60));
    assert_int_equal(halves(ids), 0);
    for (int i = 0; i < RACERS; i++) finish(each[i], body, replies[i]);
    assert_int_equal(halves(ids), 0);
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM leads WHERE status = '已转化' AND lead_id = ANY ('{%s}')",
                               ids), RACERS);
}

static void test_a_kill_leaves_no_half_conversion(void **state)
{
    (void)state;
    own_stack_only();
    const char *body = text("{\"customer_id\":\"%s\"}", customer_known("某"));
    for (int round = 1; round <= ROUNDS; round++) kill_round(round, body);
}

#define TEST(name) cmocka_unit_test_setup(name, to_opportunities)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_a_lead_becomes_an_opportunity_of_a_customer),
        TEST(test_a_conversion_is_replayed_by_its_key),
        TEST(test_what_cannot_be_converted_stays_as_it_was),
        TEST(test_a_lead_may_become_a_customer_alone),
        TEST(test_of_many_that_convert_a_lead_one_wins),
        TEST(test_a_kill_leaves_no_half_conversion),
    };
    return system_main("lead_convert", tests, COUNT(tests));
}
