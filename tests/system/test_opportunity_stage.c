/* The way of an opportunity through the stages: contract.md, Opportunities. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
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

static const char *allowed(struct reply *r, const char *field)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, field), "allowed"));
}

static void test_moves_follow_the_rules(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *more; /* from: a stage that a new one begins in */
        int status, probability;
        const char *named; /* the bad fields, or the status that it has then */
    } cases[] = {
        { STAGE_CONTACT, STAGE_REQUIREMENT, NULL, 200, 30, "进行中" },
        { STAGE_CONTACT, STAGE_PROPOSAL, NULL, 200, 50, "进行中" }, /* one stage is passed over */
        { STAGE_CONTACT, STAGE_NEGOTIATION, NULL, 422, 10, "reason" },
        { STAGE_CONTACT, STAGE_NEGOTIATION, "\"reason\":\" \"", 400, 10, "reason" },
        { STAGE_CONTACT, STAGE_NEGOTIATION, "\"reason\":\"客户着急\"", 200, 70, "进行中" },
        { STAGE_CONTRACT, STAGE_NEGOTIATION, NULL, 422, 90, "reason" },
        { STAGE_CONTRACT, STAGE_CONTACT, "\"reason\":\"重来\",\"win_probability\":5", 200, 5, "进行中" },
        { STAGE_CONTACT, STAGE_REQUIREMENT, "\"win_probability\":77", 200, 77, "进行中" },
        { STAGE_CONTRACT, STAGE_WON, NULL, 422, 90, "estimated_amount" },
        { STAGE_CONTACT, STAGE_WON, NULL, 422, 10, "estimated_amount,reason" },
        { STAGE_CONTACT, STAGE_LOST, NULL, 422, 10, "lost_reason" },
        { STAGE_CONTACT, STAGE_LOST, "\"lost_reason\":\"价格\",\"win_probability\":50", 200, 0, "输单" },
        { STAGE_CONTRACT, STAGE_INVALID, "\"lost_reason\":\"OTHER\",\"lost_note\":\"重复录入\"", 200, 0, "无效" },
        { STAGE_CONTACT, STAGE_CONTACT, NULL, 409, 10, "sales_stage_id" },
    };
    char *customer_id = customer_known(unique("客户"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *id = opportunity("A", customer_id, text("\"sales_stage_id\":\"%s\"", cases[i].from));
        struct reply *r = move_to(id, cases[i].to, cases[i].more), *now = GET(opportunity_path(id, ""));
        if (cases[i].status == 200) {
            expect_status(r, 200);
            expect_text(now, "data.status", cases[i].named);
            expect_text(now, "data.sales_stage_id", cases[i].to);
        } else {
            expect_error(r, cases[i].status, NULL, cases[i].named);
            expect_number(now, "data.version", 1);
            expect_text(now, "data.sales_stage_id", cases[i].from);
        }
        expect_number(now, "data.win_probability", cases[i].probability);
    }
}

static void test_an_illegal_move_names_the_legal_ones(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL);
    struct reply *r = move_to(id, STAGE_CONTACT, NULL);
    expect_error(r, 409, "STATE_CONFLICT", "sales_stage_id");
    assert_string_equal(allowed(r, "sales_stage_id"), "需求确认, 方案报价, 商务谈判, 合同签订, 赢单, 输单, 无效");
    expect_status(move_to(id, STAGE_LOST, "\"lost_reason\":\"价格\""), 200);
    r = move_to(id, STAGE_REQUIREMENT, "\"reason\":\"x\"");
    expect_error(r, 409, "STATE_CONFLICT", "sales_stage_id");
    assert_string_equal(allowed(r, "sales_stage_id"), "");
    expect_number(GET(opportunity_path(id, "")), "data.version", 2);
}

static void test_transitions_say_what_a_move_needs(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, "\"sales_stage_id\":\"" STAGE_REQUIREMENT "\"");
    struct reply *r = expect_status(GET(opportunity_path(id, "/transitions")), 200);
    static const struct {
        const char *stage, *direction, *needs;
    } want[] = {
        { STAGE_CONTACT, "back", "[\"reason\"]" }, { STAGE_PROPOSAL, "forward", "[]" },
        { STAGE_NEGOTIATION, "forward", "[]" },    { STAGE_CONTRACT, "forward", "[\"reason\"]" },
        { STAGE_WON, "close", "[\"reason\",\"estimated_amount\"]" }, { STAGE_LOST, "close", "[\"lost_reason\"]" },
        { STAGE_INVALID, "close", "[\"lost_reason\"]" },
    };
    assert_int_equal(cJSON_GetArraySize(at(r, "data")), COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        expect_text(r, text("data.%zu.sales_stage_id", i), want[i].stage);
        expect_text(r, text("data.%zu.direction", i), want[i].direction);
        char *needs = cJSON_PrintUnformatted(at(r, text("data.%zu.needs", i)));
        expect(!strcmp(needs, want[i].needs), "%zu: %s", i, needs);
        cJSON_free(needs);
    }
    expect_error(GET(opportunity_path(UUID_ABSENT, "/transitions")), 404, "NOT_FOUND", "");
    expect_error(GET(opportunity_path("x", "/transitions")), 400, "INVALID_FIELD", "opportunity_id");
}

/* --- on hold, closed, open again ---------------------------------------------------------------------------------------- */

static void test_an_opportunity_on_hold_is_resumed_or_closed(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL), *path = opportunity_path(id, "");
    expect_status(PATCH(path, "{\"status\":\"已搁置\"}"), 200);
    struct reply *r = move_to(id, STAGE_REQUIREMENT, NULL);
    expect_error(r, 409, "STATE_CONFLICT", "sales_stage_id");
    assert_string_equal(allowed(r, "sales_stage_id"), "赢单, 输单, 无效");
    expect_status(PATCH(path, "{\"status\":\"进行中\"}"), 200);
    expect_status(move_to(id, STAGE_REQUIREMENT, NULL), 200);
    r = PATCH(path, "{\"status\":\"赢单\"}");
    expect_error(r, 409, "STATE_CONFLICT", "status");
    assert_string_equal(allowed(r, "status"), "进行中, 已搁置");
}

static void test_close_and_reopen(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, "\"sales_stage_id\":\"" STAGE_PROPOSAL "\",\"estimated_amount\":10.00");
    char *close = opportunity_path(id, "/close"), *reopen = opportunity_path(id, "/reopen");
    expect_error(POST(reopen, "{\"reason\":\"x\"}"), 409, "STATE_CONFLICT", "status");
    expect_error(POST(close, "{\"result\":\"进行中\"}"), 400, "INVALID_FIELD", "result");
    expect_error(POST(close, "{\"result\":\"输单\"}"), 422, "RULE_VIOLATED", "lost_reason");
    expect_error(POST(close, "{\"result\":\"赢单\",\"reason\":\"x\",\"estimated_amount\":0}"), 422, "RULE_VIOLATED", "estimated_amount");
    struct reply *r = expect_status(POST(close, "{\"result\":\"WON\",\"reason\":\"直接成交\",\"estimated_amount\":12.34}"), 200);
    expect_text(r, "data.status", "赢单");
    expect_number(r, "data.win_probability", 100);
    expect(has_text(r, "\"estimated_amount\":12.34"), "%s", r->body);
    expect(text_at(r, "data.closed_time") != NULL, "%s", r->body);
    expect_error(POST(close, "{\"result\":\"输单\",\"lost_reason\":\"价格\"}"), 409, "STATE_CONFLICT", "result");
    expect_error(POST(reopen, NULL), 400, "INVALID_FIELD", "reason");
    r = expect_status(POST(reopen, "{\"reason\":\"客户退回\"}"), 200);
    expect_text(r, "data.sales_stage_id", STAGE_PROPOSAL); /* where it was closed */
    expect_text(r, "data.status", "进行中");
    expect(is_null_at(r, "data.closed_time"), "%s", r->body);
    expect_number(r, "data.win_probability", 50);
    expect_status(POST(close, "{\"result\":\"输单\",\"lost_reason\":\"竞争对手\",\"lost_note\":\"低两成\"}"), 200);
    r = expect_status(POST(reopen, "{\"reason\":\"x\",\"sales_stage_id\":\"" STAGE_CONTACT "\"}"), 200);
    expect_text(r, "data.sales_stage_name", "初步接触");
    expect(is_null_at(r, "data.lost_reason"), "%s", r->body);
    expect_error(POST(reopen, "{\"reason\":\"x\",\"sales_stage_id\":\"" STAGE_WON "\"}"), 409, "STATE_CONFLICT", "status");
}

static void test_reopening_needs_its_permission(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL);
    struct user rep = user_in(role_with("all", "opportunity:view,opportunity:update"), NULL);
    as(rep.token);
    expect_status(POST(opportunity_path(id, "/close"), "{\"result\":\"输单\",\"lost_reason\":\"价格\"}"), 200);
    expect_error(POST(opportunity_path(id, "/reopen"), "{\"reason\":\"x\"}"), 403, "FORBIDDEN", NULL);
}

static void test_a_closed_opportunity_stays_as_it_was(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL), *path = opportunity_path(id, "");
    expect_status(move_to(id, STAGE_LOST, "\"lost_reason\":\"价格\""), 200);
    struct reply *r = PATCH(path, text("{\"opportunity_name\":\"B\",\"estimated_amount\":5,\"expected_close_date\":\"2030-01-01\","
                                       "\"win_probability\":7,\"product_type\":\"x\",\"customer_id\":\"%s\",\"status\":\"进行中\","
                                       "\"sales_stage_id\":\"%s\"}", customer_known(unique("客户")), STAGE_CONTACT));
    expect_error(r, 409, "STATE_CONFLICT", "opportunity_name,estimated_amount,expected_close_date,win_probability,product_type,customer_id,"
                                           "status,sales_stage_id");
    expect_number(GET(path), "data.version", 2);
    expect_status(PATCH(path, "{\"description\":\"复盘\",\"sales_plan\":\"x\"}"), 200);
    r = GET(path);
    cJSON *whole = at(r, "data");
    char *body = cJSON_PrintUnformatted(whole); /* what was read may go back */
    expect_status(PUT(path, body), 200);
    cJSON_free(body);
}

static void test_stages_change_by_moves_alone(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL), *path = opportunity_path(id, "");
    struct reply *r = PATCH(path, text("{\"sales_stage_id\":\"%s\"}", STAGE_REQUIREMENT));
    expect_error(r, 409, "STATE_CONFLICT", "sales_stage_id");
    expect(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, "sales_stage_id"), "reason")), "/stage") != NULL, "%s", r->body);
    expect_status(PATCH(path, text("{\"sales_stage_id\":\"%s\"}", STAGE_CONTACT)), 200);
}

/* --- history ------------------------------------------------------------------------------------------------------------ */

static void test_history_tells_every_move(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, "\"estimated_amount\":100.50,\"expected_close_date\":\"2030-01-31\"");
    sql(stack.opportunity_db, "UPDATE opportunities SET stage_time = stage_time - interval '3 days' WHERE opportunity_id = '%s'", id);
    expect_status(move_to(id, STAGE_NEGOTIATION, "\"reason\":\"客户着急\""), 200);
    expect_status(PATCH(opportunity_path(id, ""), "{\"estimated_amount\":99}"), 200);
    expect_status(POST(opportunity_path(id, "/close"), "{\"result\":\"输单\",\"lost_reason\":\"价格\",\"lost_note\":\"高\"}"), 200);
    struct reply *r = expect_status(GET(opportunity_path(id, "/stage-history")), 200);
    expect_number(r, "data.total", 3);
    expect(is_null_at(r, "data.records.0.from_stage_id"), "%s", r->body);
    expect_text(r, "data.records.0.to_stage_name", "初步接触");
    expect_number(r, "data.records.1.sequence", 1);
    expect_text(r, "data.records.1.from_stage_name", "初步接触");
    expect_text(r, "data.records.1.to_stage_name", "商务谈判");
    expect_text(r, "data.records.1.reason", "客户着急");
    int s = number_at(r, "data.records.1.duration_s");
    expect(s >= 3 * 86400 && s < 3 * 86400 + 600, "%d", s);
    expect(has_text(r, "\"previous_amount\":100.50"), "%s", r->body);
    expect_text(r, "data.records.1.previous_close_date", "2030-01-31");
    expect(has_text(r, "\"previous_amount\":99.00"), "%s", r->body);
    expect_text(r, "data.records.2.lost_reason", "价格");
    expect_text(r, "data.records.2.lost_note", "高");
    expect(text_at(r, "data.records.2.created_by_name") != NULL, "%s", r->body);
}

static void test_history_is_seen_by_who_sees_the_record(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL), *path = opportunity_path(id, "/stage-history");
    struct user rep = user_in("SALES_REP", department_below(NULL));
    expect_error(call_as(rep.token, "GET", path, NULL), 404, "NOT_FOUND", "");
    expect_error(call_as(rep.token, "GET", opportunity_path(id, "/transitions"), NULL), 404, "NOT_FOUND", "");
    expect_error(GET(opportunity_path(UUID_ABSENT, "/stage-history")), 404, "NOT_FOUND", "");
    expect_error(GET(opportunity_path("x", "/stage-history")), 400, "INVALID_FIELD", "opportunity_id");
    expect_error(GET(text("%s?page=0&colour=1", path)), 400, "INVALID_FIELD", "page,colour");
    struct reply *r = GET(text("%s?size=1&page=2&order=desc", path));
    expect_number(r, "data.total", 1);
    expect_number(r, "data.pages", 1);
    expect_status(DELETE(opportunity_path(id, "")), 200);
    expect_error(GET(path), 404, "NOT_FOUND", "");
}

/* --- at the same moment -------------------------------------------------------------------------------------------------- */

/* Every stage of the history begins where the one before ended. */
static long breaks_of(const char *id)
{
    return sql_count(stack.opportunity_db,
                     "SELECT count(*) FROM (SELECT *, lag(to_stage_id) OVER w AS before, lag(sequence) OVER w AS last, "
                     "lag(created_time) OVER w AS earlier FROM stage_history WHERE opportunity_id = '%s' "
                     "WINDOW w AS (ORDER BY sequence)) h WHERE sequence > 0 AND "
                     "(from_stage_id IS DISTINCT FROM before OR sequence <> last + 1 OR created_time < earlier)", id);
}

static void send_all(const char *id, const char *if_match, struct reply **replies)
{
    struct request all[RACERS_MAX];
    for (int i = 0; i < RACERS_MAX; i++) {
        const char *stage = i % 3 == 0 ? STAGE_REQUIREMENT : i % 3 == 1 ? STAGE_PROPOSAL : STAGE_NEGOTIATION;
        all[i] = (struct request){ .method = "POST", .url = text("%s%s", stack.opportunity_url, opportunity_path(id, "/stage")),
                                   .token = stack.admin_token, .headers = { if_match },
                                   .body = text("{\"sales_stage_id\":\"%s\",\"reason\":\"%d\"}", stage, i) };
    }
    race_of(all, replies, RACERS_MAX);
}

static void test_one_of_many_moves_wins_a_version(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL);
    struct reply *replies[RACERS_MAX];
    for (int version = 1; version <= 5; version++) {
        int won = 0;
        const char *tag = text("If-Match: %s", header(GET(opportunity_path(id, "")), "ETag"));
        send_all(id, tag, replies);
        for (int i = 0; i < RACERS_MAX; i++) {
            won += replies[i]->status == 200;
            expect(replies[i]->status == 200 || replies[i]->status == 412 || replies[i]->status == 409, "%ld %s", replies[i]->status,
                   replies[i]->body);
        }
        assert_int_equal(won, 1);
        expect_number(GET(opportunity_path(id, "")), "data.version", version + 1);
        expect_number(GET(opportunity_path(id, "/stage-history")), "data.total", version + 1);
    }
    assert_int_equal(breaks_of(id), 0);
}

static void test_the_history_of_many_moves_at_once_is_linear(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL);
    struct reply *replies[RACERS_MAX];
    int won = 0;
    for (int round = 0; round < 3; round++) {
        send_all(id, NULL, replies);
        for (int i = 0; i < RACERS_MAX; i++) {
            won += replies[i]->status == 200;
            expect(replies[i]->status == 200 || replies[i]->status == 409, "%ld %s", replies[i]->status, replies[i]->body);
        }
    }
    expect_number(GET(opportunity_path(id, "")), "data.version", won + 1);
    expect_number(GET(opportunity_path(id, "/stage-history")), "data.total", won + 1);
    assert_int_equal(breaks_of(id), 0);
    expect_text(GET(opportunity_path(id, "")), "data.sales_stage_id",
                sql(stack.opportunity_db, "SELECT to_stage_id FROM stage_history WHERE opportunity_id = '%s' ORDER BY sequence DESC", id));
}

#define TEST(name) cmocka_unit_test_setup(name, to_opportunities)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_a_move_answers_with_the_whole_record_and_its_tag),
        TEST(test_a_move_is_judged_by_its_schema),
        TEST(test_a_move_counts_as_any_write),
        TEST(test_the_internal_method_is_the_same_move),
        TEST(test_moves_follow_the_rules),
        TEST(test_an_illegal_move_names_the_legal_ones),
        TEST(test_transitions_say_what_a_move_needs),
        TEST(test_an_opportunity_on_hold_is_resumed_or_closed),
        TEST(test_close_and_reopen),
        TEST(test_reopening_needs_its_permission),
        TEST(test_a_closed_opportunity_stays_as_it_was),
        TEST(test_stages_change_by_moves_alone),
        TEST(test_history_tells_every_move),
        TEST(test_history_is_seen_by_who_sees_the_record),
        TEST(test_one_of_many_moves_wins_a_version),
        TEST(test_the_history_of_many_moves_at_once_is_linear),
    };
    return system_main("opportunity_stage", tests, COUNT(tests));
}
