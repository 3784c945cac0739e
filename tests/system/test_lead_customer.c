/* Leads that become customers which are still to be made: one logical operation over two services, whatever is killed when. */
#include "crm.h"
#include "expect.h"
#include "feed.h"
#include "pool.h"
#include "race.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct reply *convert(const char *id, const char *body)
{
    return POST(lead_path(id, "/convert"), body);
}

static struct reply *customer_of(const char *id)
{
    return expect_status(call_as(stack.admin_token, "GET", text("%s%s", stack.customer_url, customer_path((char *)id)), NULL), 200);
}

static long customers_named(const char *name)
{
    return sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE customer_name = '%s'", name);
}

static void test_a_lead_becomes_customer_contact_and_opportunity(void **state)
{
    (void)state;
    struct user rep = user_in("SALES_REP", department_below(NULL));
    as(rep.token);
    const char *company = unique("华瑞"), *phone = phone_new();
    char *id = lead("采购影像设备", text("\"company_name\":\"%s\",\"contact_name\":\"张三\",\"title\":\"采购经理\",\"phone\":\"%s\","
                                        "\"email\":\"a@example.com\",\"address\":\"北京市朝阳区\",\"source_channel\":\"展会\","
                                        "\"tags\":[\"重要\"],\"estimated_amount\":7,\"description\":\"备注\"", company, phone));
    struct reply *r = expect_status(convert(id, "{\"expected_close_date\":\"2030-12-31\"}"), 200);
    expect_text(r, "data.status", "已转化");
    expect_text(r, "data.converted_customer_name", company);
    const char *customer_id = text_at(r, "data.converted_customer_id"), *opportunity_id = text_at(r, "data.converted_opportunity_id");
    assert_string_equal(header(r, "ETag"), header(GET(lead_path(id, "")), "ETag"));
    r = expect_status(GET(opportunity_path(opportunity_id, "")), 200);
    expect_text(r, "data.customer_name", company);
    expect_text(r, "data.lead_id", id);
    expect(has_text(r, "\"estimated_amount\":7.00"), "%s", r->body);
    r = customer_of(customer_id);
    expect_text(r, "data.customer_name", company);
    expect_text(r, "data.customer_type", "企业");
    expect_text(r, "data.primary_contact", "张三");
    expect_text(r, "data.phone", phone);
    expect_text(r, "data.address", "北京市朝阳区");
    expect_text(r, "data.source_channel", "展会");
    expect_text(r, "data.tags.0", "重要");
    expect_text(r, "data.created_by", rep.id);
    char *contact_id = text("%s", text_at(r, "data.primary_contact_id"));
    r = call_as(rep.token, "GET", text("%s/api/v1/contacts/%s", stack.customer_url, contact_id), NULL);
    expect_text(expect_status(r, 200), "data.customer_id", customer_id);
    expect_text(r, "data.title", "采购经理");
    expect_text(r, "data.phone", phone);
    expect_error(convert(id, "{}"), 409, "STATE_CONFLICT", "status,converted_customer_id,converted_opportunity_id");
    assert_int_equal(customers_named(company), 1);
}

static void test_what_the_customer_is_called_and_is(void **state)
{
    (void)state;
    const char *person = unique("李四"), *other = unique("另名");
    struct reply *r = expect_status(convert(lead("个人线索", text("\"contact_name\":\"%s\"", person)), "{\"create_opportunity\":false}"), 200);
    expect_text(r, "data.converted_customer_name", person);
    assert_true(is_null_at(r, "data.converted_opportunity_id"));
    expect_text(customer_of(text_at(r, "data.converted_customer_id")), "data.customer_type", "个人");
    r = expect_status(convert(lead("改名", text("\"company_name\":\"%s\"", unique("旧"))),
                              text("{\"customer_name\":\"%s\",\"customer_type\":\"医院\"}", other)), 200);
    r = customer_of(text_at(r, "data.converted_customer_id"));
    expect_text(r, "data.customer_name", other);
    expect_text(r, "data.customer_type", "医院");
    assert_true(is_null_at(r, "data.primary_contact_id"));
    char *nameless = lead("无名", NULL);
    expect_error(convert(nameless, "{}"), 422, "RULE_VIOLATED", "customer_name");
    expect_text(GET(lead_path(nameless, "")), "data.status", "未跟进");
}

static void test_a_customer_of_that_name_is_found_before(void **state)
{
    (void)state;
    const char *name = unique("同名");
    char *existing = customer_known(name), *id = lead("线索", text("\"company_name\":\"%s\"", name));
    struct reply *r = convert(id, "{}");
    expect_error(r, 409, "DUPLICATE", "customer_name");
    assert_string_equal(cJSON_GetObjectItem(detail_of(r, "customer_name"), "existing_id")->valuestring, existing);
    struct user stranger = user_in("SALES_REP", department_below(NULL));
    as(stranger.token);
    r = convert(lead("他的线索", text("\"company_name\":\"%s\"", name)), "{}");
    expect_error(r, 409, "DUPLICATE", "customer_name");
    expect(!has_text(r, existing), "%s", r->body);
    as(stack.admin_token);
    expect_number(GET(lead_path(id, "")), "data.version", 1);
    expect_status(convert(id, "{\"allow_duplicate\":true}"), 200);
    assert_int_equal(customers_named(name), 2);
}

static void test_only_who_may_make_customers_makes_one(void **state)
{
    (void)state;
    const char *company = unique("无权"), *role = role_with("all", "opportunity:create,opportunity:view");
    struct user clerk = user_in(role, department_below(NULL));
    as(clerk.token);
    char *id = lead("线索", text("\"company_name\":\"%s\"", company));
    expect_error(convert(id, "{}"), 403, "FORBIDDEN", NULL);
    expect_text(GET(lead_path(id, "")), "data.status", "未跟进");
    as(stack.admin_token);
    expect_text(call("POST", text("%s?dry_run=true", lead_path(id, "/convert")), "{}", NULL), "data.status", "转化中");
    expect_text(GET(lead_path(id, "")), "data.status", "未跟进");
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM lead_conversions WHERE lead_id = '%s'", id), 0);
    assert_int_equal(customers_named(company), 0);
    expect_error(convert(id, "{\"sales_stage_id\":\"" STAGE_WON "\"}"), 422, "RULE_VIOLATED", "sales_stage_id");
    assert_int_equal(customers_named(company), 0);
}

static void test_a_conversion_to_a_new_customer_is_replayed_by_its_key(void **state)
{
    (void)state;
    const char *company = unique("重发");
    char *id = lead("线索", text("\"company_name\":\"%s\"", company)), *key = text("Idempotency-Key: %s", unique("K"));
    struct reply *first = expect_status(call("POST", lead_path(id, "/convert"), "{}", key, NULL), 200);
    struct reply *again = expect_status(call("POST", lead_path(id, "/convert"), "{}", key, NULL), 200);
    assert_string_equal(header(again, "Idempotent-Replayed"), "true");
    expect_text(again, "data.converted_opportunity_id", text_at(first, "data.converted_opportunity_id"));
    assert_int_equal(customers_named(company), 1);
}

/* --- the method of customer-service -------------------------------------------------------------------------------------------- */

static struct reply *create(const char *token, const char *customer_id, const char *more)
{
    return call_as(token, "POST", text("%s/internal/v1/createCustomerOfLead", stack.customer_url),
                   text("{\"customerId\":\"%s\",\"customerDTO\":{\"customer_name\":\"某\",\"customer_type\":\"企业\"}%s}", customer_id, more));
}

static void test_the_same_customer_is_made_once(void **state)
{
    (void)state;
    struct user rep = user_in("SALES_REP", department_below(NULL));
    char *id = sql(stack.opportunity_db, "SELECT uuid_v7()"), *contact_id = sql(stack.opportunity_db, "SELECT uuid_v7()"),
         *second = sql(stack.opportunity_db, "SELECT uuid_v7()"), *token = client_token("OPPORTUNITY_SERVICE", "customer-service");
    const char *with_contact = text(",\"contactId\":\"%s\",\"contactName\":\"张三\"", contact_id);
    expect_error(create(rep.token, id, ",\"createdBy\":\"" UUID_ABSENT "\""), 403, "FORBIDDEN", NULL);
    expect_error(create(rep.token, id, ",\"contactName\":\"张三\""), 400, "INVALID_FIELD", "contact_id");
    expect_error(create(rep.token, id, text(",\"contactId\":\"%s\",\"contactName\":\"张三\",\"contactPhone\":\"x\"", contact_id)), 400, NULL,
                 "phone");
    expect_status(create(token, id, text("%s,\"createdBy\":\"%s\"", with_contact, rep.id)), 200);
    expect_text(customer_of(id), "data.created_by", rep.id);
    expect_error(create(token, id, with_contact), 409, "DUPLICATE", "customer_id");
    expect_error(create(token, second, with_contact), 409, "DUPLICATE", "customer_id"); /* not the half of it */
    assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE customer_id = '%s'", second), 0);
    expect_error(create(rep.token, "x", ""), 400, "INVALID_FIELD", "customerId");
}

/* --- faults ---------------------------------------------------------------------------------------------------------------------- */

static bool is_converted(void *id)
{
    return sql_count(stack.opportunity_db, "SELECT count(*) FROM leads WHERE lead_id = '%s' AND status = '已转化'", (char *)id) == 1;
}

static void test_without_customer_service_it_is_done_later(void **state)
{
    (void)state;
    own_stack_only();
    const char *company = unique("稍后");
    char *id = lead("线索", text("\"company_name\":\"%s\",\"contact_name\":\"张三\"", company));
    part_signal("CUSTOMER_SERVICE", SIGSTOP);
    struct reply *begun = convert(id, "{}"), *twice = convert(id, "{}"), *change = PATCH(lead_path(id, ""), "{\"company_name\":\"改\"}"),
                 *removal = DELETE(lead_path(id, "")),
                 *same = convert(lead("同名", text("\"company_name\":\"%s\"", company)), "{}");
    part_signal("CUSTOMER_SERVICE", SIGCONT);
    expect_text(expect_status(begun, 200), "data.status", "转化中");
    expect_error(twice, 409, "STATE_CONFLICT", "status");
    expect_error(change, 409, "STATE_CONFLICT", "status");
    expect_error(removal, 409, "STATE_CONFLICT", "status");
    expect_error(same, 409, "DUPLICATE", "customer_name");
    expect(poll_until(60, is_converted, id), "never converted");
    assert_int_equal(customers_named(company), 1);
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM opportunities WHERE lead_id = '%s'", id), 1);
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM lead_conversions WHERE lead_id = '%s'", id), 0);
}

struct round {
    char *ids[RACERS], *names[RACERS];
};

static bool all_are_settled(void *arg)
{
    (void)arg;
    return sql_count(stack.opportunity_db, "SELECT count(*) FROM lead_conversions") == 0;
}

static void begin_leads(struct round *round, struct request *requests)
{
    for (int i = 0; i < RACERS; i++) {
        round->names[i] = text("%s", unique("杀"));
        round->ids[i] = lead("线索", text("\"company_name\":\"%s\",\"contact_name\":\"张三\"", round->names[i]));
        requests[i] = (struct request){ .method = "POST", .url = text("%s%s", stack.opportunity_url, lead_path(round->ids[i], "/convert")),
                                        .token = stack.admin_token, .body = "{}" };
    }
}

/* Converted wholly or not at all; what was answered as converted is; nothing is there twice. */
static void expect_whole(const struct round *round, struct reply *const *replies)
{
    static const char contact_of[] = "SELECT count(*) FROM contacts c JOIN customers USING (customer_id) WHERE customer_name = '%s' "
                                     "AND primary_contact_id = contact_id",
                      opportunity_of[] = "SELECT count(*) FROM opportunities o "
                                         "JOIN leads l ON l.converted_opportunity_id = o.opportunity_id AND o.lead_id = l.lead_id "
                                         "AND o.customer_id = l.converted_customer_id WHERE l.lead_id = '%s'";
    for (int i = 0; i < RACERS; i++) {
        char *id = round->ids[i], *status = sql(stack.opportunity_db, "SELECT status FROM leads WHERE lead_id = '%s'", id);
        bool is_done = !strcmp(status, "已转化");
        expect(is_done || !strcmp(status, "未跟进"), "%s", status);
        expect(is_done || replies[i]->status != 200, "answered, and not done: %s", replies[i]->body);
        assert_int_equal(customers_named(round->names[i]), is_done);
        assert_int_equal(sql_count(stack.customer_db, contact_of, round->names[i]), is_done);
        assert_int_equal(sql_count(stack.opportunity_db, opportunity_of, id), is_done);
        assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM opportunities WHERE lead_id = '%s'", id), is_done);
    }
}

static void kill_round(const char *part, long after_ms)
{
    struct round round;
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    begin_leads(&round, requests);
    pid_t old = part_pid(part);
    race_against_kill(requests, replies, old, after_ms);
    expect(part_is_new(part, old, 60), "%s is not started again", part);
    sql_forget();
    expect(url_is_ready(stack.opportunity_url, 60) && url_is_ready(stack.customer_url, 60), "not ready after %s", part);
    expect(poll_until(90, all_are_settled, NULL), "conversions stay open");
    expect_whole(&round, replies);
}

static void test_a_kill_at_any_point_leaves_no_half_conversion(void **state)
{
    (void)state;
    own_stack_only();
    static const char *const victims[] = { "OPPORTUNITY_SERVICE", "CUSTOMER_SERVICE", "OPPORTUNITY_SERVICE", "PG", "OPPORTUNITY_SERVICE" };
    for (size_t i = 0; i < COUNT(victims); i++) kill_round(victims[i], 4 + 8 * (long)i);
}

#define TEST(name) cmocka_unit_test_setup(name, to_opportunities)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_a_lead_becomes_customer_contact_and_opportunity),
        TEST(test_what_the_customer_is_called_and_is),
        TEST(test_a_customer_of_that_name_is_found_before),
        TEST(test_only_who_may_make_customers_makes_one),
        TEST(test_a_conversion_to_a_new_customer_is_replayed_by_its_key),
        TEST(test_the_same_customer_is_made_once),
        TEST(test_without_customer_service_it_is_done_later),
        TEST(test_a_kill_at_any_point_leaves_no_half_conversion),
    };
    return system_main("lead_customer", tests, COUNT(tests));
}
