/* Leads: what is their own of them as a resource, following up, assigning, duplicates. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sales.h"
#include "shell.h"
#include "sql.h"
#include "stack.h"

#include <stdlib.h>
#include <string.h>

static void test_a_lead_is_created_as_documented(void **state)
{
    (void)state;
    char *me = sql(stack.auth_db, "SELECT user_id FROM users WHERE username = '%s'", stack.username), *phone = phone_new();
    struct reply *r = POST("/api/v1/leads",
                           text("{\"lead_name\":\"采购影像设备\",\"company_name\":\"华瑞医药\",\"contact_name\":\"张三\",\"title\":\"经理\","
                                "\"phone\":\"%s\",\"email\":\"%s@example.com\",\"address\":\"北京市朝阳区\",\"source_channel\":\"展会\","
                                "\"product_type\":\"药品\",\"estimated_amount\":100000.00,\"next_follow_time\":\"2023-01-12 09:00:00\","
                                "\"tags\":[\"重要客户\"],\"description\":\"备注\"}", phone, unique("lead")));
    expect_status(r, 200);
    assert_string_equal(keys_at(r, "data"), "lead_id,lead_name,created_time");
    r = expect_status(GET(header(r, "Location")), 200);
    expect_text(r, "data.status", "未跟进");
    expect_text(r, "data.assigned_to", me);
    expect_text(r, "data.phone", phone);
    expect_text(r, "data.next_follow_time", "2023-01-12 09:00:00");
    expect_text(r, "data.tags.0", "重要客户");
    expect(has_text(r, "\"estimated_amount\":100000.00"), "%s", r->body);
    expect_error(POST("/api/v1/leads", "{\"status\":\"跟进中\",\"converted_time\":null}"), 400, NULL, "lead_name,status,converted_time");
}

static int found_by(const char *query)
{
    return number_at(expect_status(GET(text("/api/v1/leads?%s", query)), 200), "data.total");
}

static void test_the_list_filters_and_finds(void **state)
{
    (void)state;
    const char *mark = unique("k"), *phone = phone_new();
    char *id = lead(text("采购%s", mark), text("\"company_name\":\"华瑞%s\",\"contact_name\":\"李%s\",\"phone\":\"%s\","
                                             "\"source_channel\":\"官网\",\"product_type\":\"%s\"", mark, mark, phone, mark));
    lead(text("别的%s", mark), "\"source_channel\":\"展会\"");
    expect_status(POST(lead_path(id, "/follow-up"), "{\"status\":\"跟进中\"}"), 200);
    const struct {
        const char *query;
        int total;
    } cases[] = {
        { text("keyword=%s", mark), 2 },
        { text("keyword=%s", encoded(text("华瑞%s", mark))), 1 },
        { text("keyword=caigou&product_type=%s", mark), 1 },
        { text("keyword=%s", encoded(text("李%s", mark))), 1 },
        { text("keyword=%s", phone), 1 },
        { text("keyword=%s&status=%s", mark, encoded("跟进中")), 1 },
        { text("keyword=%s&source_channel=%s", mark, encoded("展会")), 1 },
        { text("keyword=%s&assigned_to=%s", mark, UUID_ABSENT), 0 },
        { text("keyword=%s&end_date=2020-01-01", mark), 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int found = found_by(cases[i].query);
        expect(found == cases[i].total, "%s: %d", cases[i].query, found);
    }
}

static void test_a_lead_is_followed_up(void **state)
{
    (void)state;
    char *id = lead("跟进", NULL), *path = lead_path(id, "/follow-up");
    struct reply *r = POST(path, "{\"status\":\"跟进中\",\"follow_up_note\":\"下周报价\",\"next_follow_time\":\"2030-01-12 09:00:00\"}");
    expect_status(r, 200);
    expect_text(r, "data.status", "跟进中");
    expect_text(r, "data.follow_up_note", "下周报价");
    expect_text(r, "data.next_follow_time", "2030-01-12 09:00:00");
    expect(!is_null_at(r, "data.last_contact_time"), "%s", r->body);
    expect_error(POST(path, "{\"status\":\"无效\"}"), 422, "RULE_VIOLATED", "follow_up_note");
    expect_error(POST(path, "{\"status\":\"已转化\"}"), 422, "RULE_VIOLATED", "status");
    PATCH(lead_path(id, ""), "{\"status\":\"无效\"}"); /* is no way to change it */
    expect_text(GET(lead_path(id, "")), "data.status", "跟进中");
    r = expect_status(POST(path, "{\"status\":\"无效\",\"follow_up_note\":\"空号\"}"), 200);
    expect_text(r, "data.follow_up_note", "空号");
    assert_true(is_null_at(r, "data.next_follow_time"));
    expect_error(POST(lead_path(id, "/convert"), text("{\"customer_id\":\"%s\"}", customer_known("某"))), 409, "STATE_CONFLICT", "status");
}

static void test_a_lead_is_assigned_to_somebody_who_is_there(void **state)
{
    (void)state;
    struct user from = user_in("SALES_REP", department_below(NULL)), to = user_in("SALES_REP", department_below(NULL));
    as(to.token);
    lead("自己的", NULL); /* known from now on */
    as(from.token);
    char *id = lead("移交", NULL), *path = lead_path(id, "/assign");
    expect_error(call_as(to.token, "GET", lead_path(id, ""), NULL), 404, "NOT_FOUND", "");
    expect_error(call_as(to.token, "POST", lead_path(id, "/convert"), "{}"), 404, "NOT_FOUND", "");
    expect_error(POST(path, text("{\"assigned_to\":\"%s\"}", to.id)), 400, NULL, "reason");
    expect_error(POST(path, "{\"assigned_to\":\"" UUID_ABSENT "\",\"reason\":\"调整\"}"), 422, "BAD_REFERENCE", "assigned_to");
    expect_status(POST(path, text("{\"assigned_to\":\"%s\",\"reason\":\"区域调整\"}", to.id)), 200);
    expect_error(GET(lead_path(id, "")), 404, "NOT_FOUND", "");
    as(to.token);
    expect_text(expect_status(GET(lead_path(id, "")), 200), "data.assign_reason", "区域调整");
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM outbox WHERE aggregate_id = '%s' "
                               "AND before ->> 'assigned_to' = '%s' AND after ->> 'assigned_to' = '%s'", id, from.id, to.id), 1);
}

/* --- duplicates --------------------------------------------------------------------------------------------------------- */

static char *body_with(const char *member, const char *value)
{
    return text("{\"lead_name\":\"又一条\",\"%s\":\"%s\"}", member, value);
}

static void test_a_second_lead_with_the_same_phone_is_refused_unless_it_is_meant(void **state)
{
    (void)state;
    const char *phone = phone_new(), *email = text("%s@example.com", unique("dup"));
    char *id = lead("第一条", text("\"phone\":\"%s\",\"email\":\"%s\"", phone, email));
    struct reply *r = POST("/api/v1/leads", body_with("phone", phone));
    expect_error(r, 409, "DUPLICATE", "phone");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, "phone"), "existing_id")), id);
    expect_error(POST("/api/v1/leads", body_with("email", email)), 409, "DUPLICATE", "email");
    char *other = lead("无电话", NULL);
    expect_error(PATCH(lead_path(other, ""), text("{\"phone\":\"%s\"}", phone)), 409, "DUPLICATE", "phone");
    expect_status(PATCH(lead_path(other, ""), text("{\"phone\":\"%s\",\"allow_duplicate\":true}", phone)), 200);
    expect_status(PATCH(lead_path(other, ""), "{\"description\":\"x\"}"), 200);
    expect_status(PATCH(lead_path(id, ""), "{\"description\":\"x\"}"), 200); /* what is there stays writable */
    r = expect_status(GET(lead_path(id, "/duplicates")), 200);
    expect_text(r, "data.0.kind", "lead");
    expect_text(r, "data.0.id", other);
    expect_text(r, "data.0.matches.0", "phone");
    /* One that is not worked on any more stands in nobody's way, until it is taken up again. */
    expect_status(POST(lead_path(id, "/follow-up"), "{\"status\":\"无效\",\"follow_up_note\":\"重复\"}"), 200);
    expect_status(PATCH(lead_path(other, ""), "{\"allow_duplicate\":false}"), 200);
    expect_error(POST(lead_path(id, "/follow-up"), "{\"status\":\"跟进中\"}"), 409, "DUPLICATE", "phone");
}

static void test_of_a_strangers_lead_no_id_is_told(void **state)
{
    (void)state;
    struct user one = user_in("SALES_REP", department_below(NULL)), two = user_in("SALES_REP", department_below(NULL));
    const char *phone = phone_new(), *company = unique("公司");
    as(one.token);
    char *id = lead("他的", text("\"phone\":\"%s\",\"company_name\":\"%s\"", phone, company));
    as(two.token);
    struct reply *r = POST("/api/v1/leads", body_with("phone", phone));
    expect_error(r, 409, "DUPLICATE", "phone");
    expect(!has_text(r, id), "%s", r->body);
    char *mine = lead("我的", text("\"phone\":\"%s\",\"company_name\":\"%s\",\"allow_duplicate\":true", phone, company));
    as(stack.admin_token);
    customer_known(company); /* nobody's */
    as(two.token);
    r = expect_status(GET(lead_path(mine, "/duplicates")), 200);
    assert_null(at(r, "data.0"));
    expect_error(GET(lead_path(id, "/duplicates")), 404, "NOT_FOUND", "");
    as(stack.admin_token);
    r = expect_status(GET(lead_path(mine, "/duplicates")), 200);
    expect_text(r, "data.0.id", id);
    expect_text(r, "data.1.kind", "customer");
    expect_text(r, "data.1.name", company);
}

/* --- secrets ------------------------------------------------------------------------------------------------------------ */

static void test_no_dump_holds_phone_email_or_address(void **state)
{
    (void)state;
    const char *phone = phone_new(), *mail = unique("canary"), *street = unique("街"), *name = unique("名");
    char *id = lead(name, text("\"phone\":\"%s\",\"email\":\"%s@example.com\",\"address\":\"北京市%s\"", phone, mail, street));
    expect_status(PATCH(lead_path(id, ""), "{\"description\":\"x\"}"), 200);
    const char *const words[] = { name, phone, mail, street };
    for (size_t i = 0; i < COUNT(words); i++) {
        struct said said = shell("/usr/lib/postgresql/15/bin/pg_dump -n opportunity '%s' | grep -acF '%s'", stack.admin_db, words[i]);
        expect((atoi(said.text) > 0) == (i == 0), "%s: %s", words[i], said.text);
    }
    struct user viewer = user_in(role_with("all", "opportunity:view,customer:reveal"), NULL);
    as(viewer.token);
    struct reply *r = expect_status(GET(lead_path(id, "")), 200);
    expect(!has_text(r, phone) && !has_text(r, mail) && !has_text(r, street), "%s", r->body);
    r = expect_status(POST(lead_path(id, "/reveal"), "{\"fields\":[\"phone\"],\"reason\":\"核对联系方式\"}"), 200);
    expect(has_text(r, phone), "%s", r->body);
}

#define TEST(name) cmocka_unit_test_setup(name, to_opportunities)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_a_lead_is_created_as_documented),
        TEST(test_the_list_filters_and_finds),
        TEST(test_a_lead_is_followed_up),
        TEST(test_a_lead_is_assigned_to_somebody_who_is_there),
        TEST(test_a_second_lead_with_the_same_phone_is_refused_unless_it_is_meant),
        TEST(test_of_a_strangers_lead_no_id_is_told),
        TEST(test_no_dump_holds_phone_email_or_address),
    };
    return system_main("lead", tests, COUNT(tests));
}
