/* Activities: requirement document, section 3.4.1. What is generic (paging, values, writes) is tested in test_resources.c. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

static void test_an_activity_is_created_and_listed_as_documented(void **state)
{
    (void)state;
    const char *name = unique("客户名称");
    char *customer_id = customer_known(name),
         *me = sql(stack.auth_db, "SELECT user_id FROM users WHERE username = '%s'", stack.username);
    struct reply *r = POST("/api/v1/activities",
                           text("{\"activity_name\":\"客户拜访\",\"activity_type\":\"拜访\",\"related_type\":\"客户\",\"related_id\":\"%s\","
                                "\"start_time\":\"2023-01-01 10:00:00\",\"end_time\":\"2023-01-01 11:30:00\",\"assigned_to\":\"%s\","
                                "\"reminder_time\":\"2023-01-01 09:30:00\",\"status\":\"已完成\",\"priority\":\"高\",\"location\":\"北京\","
                                "\"summary\":\"拜访摘要\",\"description\":\"备注\"}", customer_id, me));
    expect_status(r, 200);
    assert_string_equal(keys_at(r, "data"), "activity_id,activity_name,created_time");
    struct reply *one = expect_status(GET(header(r, "Location")), 200);
    expect_text(one, "data.reminder_time", "2023-01-01 09:30:00");
    expect_text(one, "data.location", "北京");
    expect_text(one, "data.description", "备注");
    expect(!is_null_at(one, "data.completed_time"), "%s", one->body);
    r = expect_status(GET(text("/api/v1/activities?related_id=%s", customer_id)), 200);
    assert_string_equal(keys_at(r, "data"), "total,pages,current,size,records");
    assert_string_equal(keys_at(r, "data.records.0"),
                        "activity_id,activity_name,activity_type,related_type,related_id,related_name,start_time,end_time,assigned_to,"
                        "assigned_to_name,status,is_overdue,priority,summary");
    expect_text(r, "data.records.0.activity_type", "拜访");
    expect_text(r, "data.records.0.related_type", "客户");
    expect_text(r, "data.records.0.related_name", name);
    expect_text(r, "data.records.0.start_time", "2023-01-01 10:00:00");
    expect_text(r, "data.records.0.end_time", "2023-01-01 11:30:00");
    expect_text(r, "data.records.0.assigned_to", me);
    expect_text(r, "data.records.0.status", "已完成");
    expect_text(r, "data.records.0.priority", "高");
    expect_text(r, "data.records.0.summary", "拜访摘要");
    r = expect_status(GET(activity_path(activity("电话回访", "2030-01-01 10:00:00", NULL), "")), 200);
    expect_text(r, "data.status", "计划中");
    expect_text(r, "data.priority", "中");
    expect_text(r, "data.assigned_to", me);
}

static void test_the_list_takes_every_parameter(void **state)
{
    (void)state;
    struct user rep = user_in("SALES_REP", department_below(NULL));
    as(rep.token);
    char *a = activity("早", "2030-01-01 10:00:00", NULL),
         *b = activity("晚", "2030-03-01 10:00:00", "\"status\":\"进行中\",\"priority\":\"低\"");
    expect_status(PATCH(activity_path(a, ""), "{\"activity_type\":\"电话\"}"), 200);
    const struct {
        const char *query, *first;
        int total;
    } cases[] = {
        { "", b, 2 },
        { "&order=asc", a, 2 },
        { "&sort=activity_name&order=asc", a, 2 },
        { "&activity_type=%E7%94%B5%E8%AF%9D", a, 1 },
        { "&activity_type=CALL", a, 1 },
        { "&status=ONGOING", b, 1 },
        { "&priority=LOW", b, 1 },
        { "&related_type=CUSTOMER", NULL, 0 },
        { "&related_id=" UUID_ABSENT, NULL, 0 },
        { "&start_date=2030-01-02", b, 1 },
        { "&end_date=2030-01-01", a, 1 },
        { "&start_date=2030-01-01&end_date=2030-03-01", b, 2 },
        { "&page=2&size=1", a, 2 },
        { "&keyword=wan", b, 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = expect_status(GET(text("/api/v1/activities?assigned_to=%s%s", rep.id, cases[i].query)), 200);
        expect_number(r, "data.total", cases[i].total);
        if (cases[i].first) expect_text(r, "data.records.0.activity_id", cases[i].first);
    }
    expect_error(GET("/api/v1/activities?from=2030-01-01"), 400, NULL, "from");
    expect_error(GET("/api/v1/activities?is_overdue=true"), 400, NULL, "is_overdue");
    as(user_in("SALES_REP", department_below(NULL)).token);
    expect_error(GET(activity_path(a, "")), 404, "NOT_FOUND", "");
    expect_number(GET(text("/api/v1/activities?assigned_to=%s", rep.id)), "data.total", 0);
}

/* --- what it is about ----------------------------------------------------------------------------------------------------- */

struct named {
    const char *id, *name;
};

static bool shows_name(void *arg)
{
    const struct named *n = arg;
    struct reply *r = GET(text("/api/v1/activities?related_id=%s", n->id));
    return text_at(r, "data.records.0.related_name") && !strcmp(text_at(r, "data.records.0.related_name"), n->name);
}

static char *about(const char *type, const char *id)
{
    return activity("事", "2030-01-01 10:00:00", text("\"related_type\":\"%s\",\"related_id\":\"%s\"", type, id));
}

static void test_it_shows_the_name_of_what_it_is_about(void **state)
{
    (void)state;
    struct named customer_now = { customer_known(unique("客")), unique("新客") };
    struct named opportunity_now = { opportunity(unique("机"), NULL, NULL), unique("新机") };
    struct named lead_now = { lead(unique("线"), NULL), unique("新线") };
    about("客户", customer_now.id);
    about("机会", opportunity_now.id);
    about("线索", lead_now.id);
    expect_status(call_as(stack.admin_token, "PATCH", text("%s%s", stack.customer_url, customer_path((char *)customer_now.id)),
                          text("{\"customer_name\":\"%s\"}", customer_now.name)), 200);
    expect_status(PATCH(opportunity_path(opportunity_now.id, ""), text("{\"opportunity_name\":\"%s\"}", opportunity_now.name)), 200);
    expect_status(PATCH(lead_path(lead_now.id, ""), text("{\"lead_name\":\"%s\"}", lead_now.name)), 200);
    expect(poll_until(20, shows_name, &customer_now), "the customer's old name is shown");
    expect(poll_until(20, shows_name, &opportunity_now), "the opportunity's old name is shown");
    expect(poll_until(20, shows_name, &lead_now), "the lead's old name is shown");
}

static struct reply *create(const char *members)
{
    return POST("/api/v1/activities",
                text("{\"activity_name\":\"某\",\"activity_type\":\"电话\",\"start_time\":\"2030-01-01 10:00:00\"%s}", members));
}

static void test_it_is_about_what_is_there_and_in_reach(void **state)
{
    (void)state;
    char *customer_id = customer_known(unique("客")), *others_lead = lead("别人的", NULL);
    char *unknown = customer_known(unique("未闻"));
    sql(stack.opportunity_db, "DELETE FROM customer_ref WHERE customer_id = '%s'", unknown);
    expect_status(create(text(",\"related_type\":\"客户\",\"related_id\":\"%s\"", unknown)), 200); /* asked for */
    struct user rep = user_in("SALES_REP", department_below(NULL));
    const struct {
        const char *token, *type, *id;
    } cases[] = {
        { stack.admin_token, "客户", UUID_ABSENT },
        { stack.admin_token, "机会", customer_id },
        { stack.admin_token, "线索", customer_id },
        { rep.token, "客户", customer_id },
        { rep.token, "线索", others_lead },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        as(cases[i].token);
        struct reply *r = create(text(",\"related_type\":\"%s\",\"related_id\":\"%s\"", cases[i].type, cases[i].id));
        expect_error(r, 422, "BAD_REFERENCE", "related_id");
    }
    as(stack.admin_token);
    expect_error(create(",\"related_type\":\"客户\""), 422, "RULE_VIOLATED", "related_id");
    expect_error(create(text(",\"related_id\":\"%s\"", customer_id)), 422, "RULE_VIOLATED", "related_id");
    expect_error(create(",\"end_time\":\"2029-12-31 10:00:00\",\"status\":\"已取消\""), 422, "RULE_VIOLATED", "end_time,status");
    expect_error(create(",\"assigned_to\":\"" UUID_ABSENT "\""), 422, "BAD_REFERENCE", "assigned_to");
    expect_error(create(",\"related_type\":\"订单\",\"priority\":\"x\",\"is_overdue\":true"), 400, NULL, "related_type,priority,is_overdue");
    char *id = about("客户", customer_id);
    expect_error(PATCH(activity_path(id, ""), "{\"related_type\":\"机会\"}"), 422, "BAD_REFERENCE", "related_id");
    expect_status(PATCH(activity_path(id, ""), "{\"related_type\":null,\"related_id\":null}"), 200);
}

/* --- how it ends ------------------------------------------------------------------------------------------------------------- */

static void test_an_activity_is_completed_or_cancelled_once(void **state)
{
    (void)state;
    char *done = activity("完成", "2023-01-01 10:00:00", NULL), *off = activity("取消", "2023-01-01 10:00:00", NULL);
    expect_status(PATCH(activity_path(done, ""), "{\"status\":\"进行中\"}"), 200);
    struct reply *r = PATCH(activity_path(done, ""), "{\"status\":\"已完成\"}");
    expect_error(r, 409, "STATE_CONFLICT", "status");
    assert_string_equal(cJSON_GetObjectItem(detail_of(r, "status"), "allowed")->valuestring, "计划中, 进行中");
    r = expect_status(POST(activity_path(done, "/complete"), "{\"summary\":\"谈妥\",\"end_time\":\"2023-01-01 12:00:00\"}"), 200);
    expect_text(r, "data.status", "已完成");
    expect_text(r, "data.summary", "谈妥");
    expect_text(r, "data.end_time", "2023-01-01 12:00:00");
    expect_number(r, "data.version", 3);
    expect_error(POST(activity_path(off, "/cancel"), "{}"), 400, NULL, "reason");
    expect_error(POST(activity_path(off, "/complete"), "{\"end_time\":\"2022-01-01 12:00:00\"}"), 422, "RULE_VIOLATED", "end_time");
    r = expect_status(POST(activity_path(off, "/cancel"), "{\"reason\":\"客户有事\"}"), 200);
    expect_text(r, "data.status", "已取消");
    expect_text(r, "data.cancel_reason", "客户有事");
    const char *const ended[] = { done, off };
    for (size_t i = 0; i < COUNT(ended); i++) {
        expect_error(POST(activity_path(ended[i], "/complete"), "{}"), 409, "STATE_CONFLICT", "status");
        expect_error(POST(activity_path(ended[i], "/cancel"), "{\"reason\":\"x\"}"), 409, "STATE_CONFLICT", "status");
        struct reply *late = PATCH(activity_path(ended[i], ""), "{\"status\":\"计划中\",\"start_time\":\"2030-01-01 10:00:00\"}");
        expect_error(late, 409, "STATE_CONFLICT", "status,start_time");
        expect_status(PATCH(activity_path(ended[i], ""), "{\"summary\":\"补记\"}"), 200);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, to_opportunities)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_an_activity_is_created_and_listed_as_documented),
        TEST(test_the_list_takes_every_parameter),
        TEST(test_it_shows_the_name_of_what_it_is_about),
        TEST(test_it_is_about_what_is_there_and_in_reach),
        TEST(test_an_activity_is_completed_or_cancelled_once),
    };
    return system_main("activity", tests, COUNT(tests));
}
