/* GET /api/v1/customers/{id}, errors, delete and restore: requirement document, section 3.1.2; contract.md. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <stdlib.h>
#include <string.h>

/* --- what is shown ------------------------------------------------------------------------------------------------ */

static void test_customer_detail_has_the_documented_shape(void **state)
{
    (void)state;
    struct reply *r = expect_status(GET(customer_path(customer("客户名称", "\"credit_limit\":1000000.00"))), 200);
    assert_string_equal(keys_at(r, ""), "code,message,data");
    assert_string_equal(keys_at(r, "data"), "customer_id,customer_code,customer_name,customer_type,primary_contact_id,"
                                            "primary_contact,phone,email,address,customer_level,industry_id,"
                                            "industry_name,company_size,credit_limit,payment_terms,region_id,region_"
                                            "name,source_channel,tags,status,created_by,created_by_name,"
                                            "created_time,updated_by,updated_by_name,updated_time,description,last_contact_time,version");
    expect(has_text(r, "\"credit_limit\":1000000.00,"), "%s", r->body);
    assert_string_equal(header(r, "Content-Type"), "application/json; charset=utf-8");
}

static void test_customer_times_are_wall_clock_of_shanghai(void **state)
{
    (void)state;
    char *id = customer("某", NULL);
    sql(stack.customer_db,
        "UPDATE customers SET created_time = '2023-01-01 02:00:00.789+00', updated_time = '2023-06-30 16:00:00+00' "
        "WHERE customer_id = '%s'",
        id);
    struct reply *r = GET(customer_path(id));
    expect_text(r, "data.created_time", "2023-01-01 10:00:00");
    expect_text(r, "data.updated_time", "2023-07-01 00:00:00");
}

static void test_customer_shows_the_names_behind_its_references(void **state)
{
    (void)state;
    const char *trade = unique("医药"), *area = unique("华北");
    char *industry_id = industry(trade), *region_id = region(area), *person = contact("张三", NULL);
    char *id = customer("某", text("\"industry_id\":\"%s\",\"region_id\":\"%s\",\"primary_contact_id\":\"%s\"",
                                   industry_id, region_id, person));
    struct reply *r = GET(customer_path(id));
    expect_text(r, "data.industry_id", industry_id);
    expect_text(r, "data.industry_name", trade);
    expect_text(r, "data.region_name", area);
    expect_text(r, "data.primary_contact", "张三");
    expect_text(r, "data.created_by_name", "管理员");
    expect_text(r, "data.updated_by_name", "管理员");
}

struct name_wait {
    const char *id, *field, *want;
};

static bool name_is(void *arg)
{
    const struct name_wait *w = arg;
    const char *got = text_at(GET(customer_path(w->id)), w->field);
    return got && !strcmp(got, w->want);
}

static void test_customer_names_follow_a_rename(void **state)
{
    (void)state;
    char *industry_id = industry(unique("旧业")), *region_id = region(unique("旧区")), *person = contact("旧人", NULL);
    char *id = customer("某", text("\"industry_id\":\"%s\",\"region_id\":\"%s\",\"primary_contact_id\":\"%s\"",
                                   industry_id, region_id, person));
    for (int i = 0; i < 8; i++) GET(customer_path(id)); /* every worker has the old names now */
    const char *trade = unique("新业"), *area = unique("新区");
    expect_status(PUT(text("/api/v1/industries/%s", industry_id), text("{\"industry_name\":\"%s\"}", trade)), 200);
    expect_status(PUT(text("/api/v1/regions/%s", region_id), text("{\"region_name\":\"%s\"}", area)), 200);
    expect_status(PUT(text("/api/v1/contacts/%s", person), "{\"contact_name\":\"新人\"}"), 200);
    const struct name_wait waits[] = { { id, "data.industry_name", trade },
                                       { id, "data.region_name", area },
                                       { id, "data.primary_contact", "新人" } };
    for (size_t i = 0; i < COUNT(waits); i++)
        expect(poll_until(1, name_is, (void *)&waits[i]), "%s is not %s", waits[i].field, waits[i].want);
    for (int i = 0; i < 20; i++)
        expect_text(http_send(&(struct request){ .method = "GET",
                                                 .url = text("%s%s", stack.customer_url, customer_path(id)),
                                                 .token = stack.admin_token,
                                                 .fresh = true }),
                    "data.industry_name", trade);
}

static void test_customer_remembers_who_wrote_last(void **state)
{
    (void)state;
    char *id = customer("某", NULL);
    as(user_with_role("ADMIN"));
    expect_status(PUT(customer_path(id), "{\"description\":\"x\"}"), 200);
    struct reply *r = GET(customer_path(id));
    expect_text(r, "data.created_by_name", "管理员");
    expect(!strncmp(text_at(r, "data.updated_by_name"), "user-", 5), "%s", r->body);
    assert_string_not_equal(text_at(r, "data.updated_by"), text_at(r, "data.created_by"));
}

/* What others have said of him meanwhile stays: writes need not say the same again and again. */
static void test_writes_say_who_wrote_when_it_is_news(void **state)
{
    (void)state;
    struct replica s = replica_start("customer-service", "WORKERS=1", NULL);
    struct user u = user_in("ADMIN", NULL);
    const char *name = "SELECT name FROM user_ref WHERE user_id = '%s'", *path = text("%s/api/v1/customers", s.url);
    expect_status(call_as(u.token, "POST", path, "{\"customer_name\":\"甲\",\"customer_type\":\"企业\"}"), 200);
    assert_string_equal(sql(stack.customer_db, name, u.id), u.name);
    sql(stack.customer_db, "UPDATE user_ref SET name = '别名' WHERE user_id = '%s'", u.id);
    expect_status(call_as(u.token, "POST", path, "{\"customer_name\":\"乙\",\"customer_type\":\"企业\"}"), 200);
    assert_string_equal(sql(stack.customer_db, name, u.id), "别名");
    sql(stack.auth_db, "UPDATE users SET name = '新名' WHERE user_id = '%s'", u.id);
    user_log_in(&u);
    expect_status(call_as(u.token, "POST", path, "{\"customer_name\":\"丙\",\"customer_type\":\"企业\"}"), 200);
    assert_string_equal(sql(stack.customer_db, name, u.id), "新名");
    assert_int_equal(replica_stop(&s), 0);
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

static void test_customer_that_is_absent_deleted_or_never_was_is_not_found(void **state)
{
    (void)state;
    char *gone = customer("某", NULL);
    DELETE(customer_path(gone));
    struct reply *deleted = GET(customer_path(gone)), *never = GET(customer_path(UUID_ABSENT));
    expect_error(deleted, 404, "NOT_FOUND", "");
    expect_error(never, 404, "NOT_FOUND", "");
    assert_string_equal(text_at(deleted, "message"), text_at(never, "message"));
}

static void test_customer_id_that_is_no_uuid_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "1",
                                       "0",
                                       "-1",
                                       "018f3c5e-7a10-7c3e-9b1a-00000000000",
                                       "018f3c5e-7a10-7c3e-9b1a-0000000000000",
                                       "018f3c5e7a107c3e9b1a000000000000",
                                       "018f3c5e-7a10-7c3e-9b1a-00000000000g",
                                       "%27",
                                       "null",
                                       "%E5%AE%A2" };
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_error(GET(customer_path(bad[i])), 400, "INVALID_FIELD", "customer_id");
}

static void test_error_message_follows_accept_language(void **state)
{
    (void)state;
    static const struct {
        const char *header, *message;
    } cases[] = {
        { "X-Nothing: 1", "资源不存在" },
        { "Accept-Language: zh-CN", "资源不存在" },
        { "Accept-Language: zh-CN,en;q=0.5", "资源不存在" },
        { "Accept-Language: en", "No such resource" },
        { "Accept-Language: en-GB,en;q=0.9,zh;q=0.1", "No such resource" },
        { "Accept-Language: fr", "资源不存在" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_text(call("GET", customer_path(UUID_ABSENT), NULL, cases[i].header, NULL), "message", cases[i].message);
}

static void test_error_is_problem_json_when_asked_for(void **state)
{
    (void)state;
    struct reply *r = call("GET", "/api/v1/customers?page=0", NULL, "Accept: application/problem+json", NULL);
    expect_status(r, 400);
    assert_string_equal(header(r, "Content-Type"), "application/problem+json; charset=utf-8");
    assert_string_equal(keys_at(r, ""), "type,title,status,instance,error,details,request_id");
    expect_number(r, "status", 400);
    expect_text(r, "error", "INVALID_FIELD");
    expect_text(r, "instance", "/api/v1/customers");
    expect_text(r, "details.0.field", "page");
    expect_status(call("GET", "/api/v1/customers?size=1", NULL, "Accept: application/problem+json", NULL), 200);
}

static void test_error_never_shows_the_inside(void **state)
{
    (void)state;
    static const char *const inside[] = { "SELECT", "postgres", "libpq", ".c:", "/usr", "customers_", "stack" };
    struct reply *replies[] = {
        GET("/api/v1/customers?sort=x"),
        GET(customer_path("'")),
        POST("/api/v1/customers", "{"),
        GET("/nowhere"),
        POST("/api/v1/customers",
             "{\"customer_name\":\"x\",\"customer_type\":\"企业\",\"industry_id\":\"" UUID_ABSENT "\"}"),
    };
    for (size_t i = 0; i < COUNT(replies); i++)
        for (size_t j = 0; j < COUNT(inside); j++)
            expect(replies[i]->status >= 400 && !has_text(replies[i], inside[j]), "%s: %s", replies[i]->what,
                   replies[i]->body);
}

static void test_reply_is_not_acceptable_as_xml(void **state)
{
    (void)state;
    expect_error(call("GET", "/api/v1/customers", NULL, "Accept: application/xml", NULL), 406, "NOT_ACCEPTABLE", "");
    static const char *const good[] = { "Accept: */*", "Accept: application/json",
                                        "Accept: text/html, application/*;q=0.5", "Accept:" };
    for (size_t i = 0; i < COUNT(good); i++)
        expect_status(call("GET", "/api/v1/customers?size=1", NULL, good[i], NULL), 200);
}

static void test_unknown_parameter_of_a_detail_is_refused(void **state)
{
    (void)state;
    char *path = customer_path(customer("某", NULL));
    expect_error(GET(text("%s?fields=phone", path)), 400, "INVALID_FIELD", "fields");
    expect_error(PUT(text("%s?force=1&dry_run=maybe", path), "{}"), 400, "INVALID_FIELD", "force,dry_run");
}

/* --- delete, restore, uniqueness ---------------------------------------------------------------------------------- */

static void test_customer_delete_is_logical_and_restore_brings_it_back(void **state)
{
    (void)state;
    char *id = customer("某", "\"address\":\"北京\"");
    expect_status(DELETE(customer_path(id)), 200);
    assert_int_equal(sql_count(stack.customer_db,
                               "SELECT count(*) FROM customers WHERE customer_id = '%s' AND deleted_time IS NOT NULL",
                               id),
                     1);
    expect_error(DELETE(customer_path(id)), 404, "NOT_FOUND", "");
    expect_status(POST(text("%s/restore", customer_path(id)), "{}"), 200);
    expect_text(GET(customer_path(id)), "data.address", "北京");
    expect_error(POST(text("%s/restore", customer_path(id)), "{}"), 409, "STATE_CONFLICT", NULL);
    expect_error(POST(text("%s/restore", customer_path(UUID_ABSENT)), "{}"), 404, "NOT_FOUND", "");
}

static void test_restore_needs_no_body(void **state)
{
    (void)state;
    char *id = customer("某", NULL);
    DELETE(customer_path(id));
    expect_status(call("POST", text("%s/restore", customer_path(id)), NULL, NULL), 200);
}

static void expect_duplicate(struct reply *r, const char *existing_id)
{
    expect_error(r, 409, "DUPLICATE", "customer_code");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, "customer_code"), "existing_id")),
                        existing_id);
}

static void test_customer_code_is_unique_among_live_records(void **state)
{
    (void)state;
    const char *code = unique("K");
    char *member = text("\"customer_code\":\"%s\"", code),
         *body = text("{\"customer_name\":\"乙\",\"customer_type\":\"企业\",%s}", member);
    char *first = customer("甲", member), *other = customer("丙", NULL);
    expect_duplicate(POST("/api/v1/customers", body), first);
    expect_duplicate(PUT(customer_path(other), text("{%s}", member)), first);
    expect_status(PUT(customer_path(first), text("{%s}", member)), 200);
    expect_status(DELETE(customer_path(first)), 200);
    char *second = customer("乙", member);
    expect_duplicate(POST(text("%s/restore", customer_path(first)), "{}"), second);
    expect_status(DELETE(customer_path(second)), 200);
    expect_status(POST(text("%s/restore", customer_path(first)), "{}"), 200);
}

static void test_generated_customer_codes_step_over_taken_ones(void **state)
{
    (void)state;
    long next = 0;
    for (int i = 0; i < 2; i++) {
        char *id = customer("自动", NULL);
        next = atol(text_at(GET(customer_path(id)), "data.customer_code") + 1) + 1;
        if (i == 0) customer("占用", text("\"customer_code\":\"C%06ld\"", next));
    }
    assert_true(next > 1);
}

static void test_millionth_customer_has_a_code_of_its_own(void **state)
{
    (void)state;
    sql_count(stack.admin_db, "SELECT setval('customer.customer_code_seq', greatest(999999, nextval('customer.customer_code_seq')))");
    for (int i = 0; i < 2; i++) {
        const char *code = text_at(GET(customer_path(customer("百万", NULL))), "data.customer_code");
        assert_true(atol(code + 1) >= 1000000);
    }
}

static void test_unknown_references_are_named_all_at_once(void **state)
{
    (void)state;
    static const char body[] = "{\"customer_name\":\"x\",\"customer_type\":\"企业\",\"industry_id\":\"" UUID_ABSENT
                               "\",\"region_id\":\"" UUID_ABSENT "\",\"primary_contact_id\":\"" UUID_ABSENT "\"}";
    expect_error(POST("/api/v1/customers", body), 422, "BAD_REFERENCE", "industry_id,region_id,primary_contact_id");
    char *id = customer("某", NULL), *gone = industry(unique("业"));
    expect_status(DELETE(text("/api/v1/industries/%s", gone)), 200);
    expect_error(PUT(customer_path(id), text("{\"industry_id\":\"%s\"}", gone)), 422, "BAD_REFERENCE", "industry_id");
    expect_number(GET(customer_path(id)), "data.version", 1);
}

static void test_reference_that_was_deleted_may_go_back_as_it_was_read(void **state)
{
    (void)state;
    char *gone = industry(unique("业")), *id = customer("某", text("\"industry_id\":\"%s\"", gone)), *other = customer("某", NULL);
    const char *same = text("{\"industry_id\":\"%s\",\"description\":\"x\"}", gone);
    expect_status(DELETE(text("/api/v1/industries/%s", gone)), 200);
    expect_status(PUT(customer_path(id), same), 200);
    expect_text(GET(customer_path(id)), "data.industry_id", gone);
    expect_error(PUT(customer_path(other), same), 422, "BAD_REFERENCE", "industry_id");
}

/* Reads that arrive together may share a statement: each gets its own record all the same, asked for twice or not there. */
static void test_reads_at_once_each_get_their_own_record(void **state)
{
    (void)state;
    const char *ids[RACERS];
    for (int i = 0; i < RACERS; i++) ids[i] = i % 4 == 3 ? ids[i - 1] : customer("某", NULL);
    ids[5] = UUID_ABSENT;
    for (int round = 0; round < 20; round++) {
        struct request requests[RACERS];
        struct reply *replies[RACERS];
        for (int i = 0; i < RACERS; i++)
            requests[i] = (struct request){ .method = "GET",
                                            .url = text("%s%s", stack.customer_url, customer_path(ids[i])),
                                            .token = stack.admin_token };
        race(requests, replies);
        for (int i = 0; i < RACERS; i++) {
            if (i == 5) expect_error(replies[i], 404, "NOT_FOUND", "");
            else expect_text(expect_status(replies[i], 200), "data.customer_id", ids[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_customer_detail_has_the_documented_shape),
        cmocka_unit_test(test_customer_times_are_wall_clock_of_shanghai),
        cmocka_unit_test(test_customer_shows_the_names_behind_its_references),
        cmocka_unit_test(test_customer_names_follow_a_rename),
        cmocka_unit_test(test_customer_remembers_who_wrote_last),
        cmocka_unit_test(test_writes_say_who_wrote_when_it_is_news),
        cmocka_unit_test(test_customer_that_is_absent_deleted_or_never_was_is_not_found),
        cmocka_unit_test(test_customer_id_that_is_no_uuid_is_refused),
        cmocka_unit_test(test_error_message_follows_accept_language),
        cmocka_unit_test(test_error_is_problem_json_when_asked_for),
        cmocka_unit_test(test_error_never_shows_the_inside),
        cmocka_unit_test(test_reply_is_not_acceptable_as_xml),
        cmocka_unit_test(test_unknown_parameter_of_a_detail_is_refused),
        cmocka_unit_test(test_customer_delete_is_logical_and_restore_brings_it_back),
        cmocka_unit_test(test_restore_needs_no_body),
        cmocka_unit_test(test_customer_code_is_unique_among_live_records),
        cmocka_unit_test(test_generated_customer_codes_step_over_taken_ones),
        cmocka_unit_test(test_millionth_customer_has_a_code_of_its_own),
        cmocka_unit_test(test_unknown_references_are_named_all_at_once),
        cmocka_unit_test(test_reference_that_was_deleted_may_go_back_as_it_was_read),
        cmocka_unit_test(test_reads_at_once_each_get_their_own_record),
    };
    return system_main("customer read", tests, COUNT(tests));
}
