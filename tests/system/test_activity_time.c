/* Activities and the present: what is overdue, what is to be reminded of, what is in a calendar, when somebody was last spoken with. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

static struct user rep;

/* Each test is somebody's who has no activities yet. */
static int as_new_rep(void **state)
{
    to_opportunities(state);
    rep = user_in("SALES_REP", department_below(NULL));
    as(rep.token);
    return 0;
}

static void expect_list(const char *path, int total, const char *first)
{
    struct reply *r = expect_status(GET(path), 200);
    expect_number(r, "data.total", total);
    assert_int_equal(cJSON_GetArraySize(at(r, "data.records")), total);
    if (first) expect_text(r, "data.records.0.activity_id", first);
}

/* now + this many seconds, as the API shows it. */
static char *in(int seconds)
{
    return sql(stack.opportunity_db, "SELECT to_char((now() + %d * interval '1 s') AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS')",
               seconds);
}

static bool is_overdue(const char *id)
{
    return cJSON_IsTrue(at(expect_status(GET(activity_path(id, "")), 200), "data.is_overdue"));
}

static void test_what_should_have_ended_is_overdue(void **state)
{
    (void)state;
    char *past = activity("过期", in(-7200), NULL), *under_way = activity("正在", in(-3600), text("\"end_time\":\"%s\"", in(3600))),
         *future = activity("将来", in(3600), NULL), *ended = activity("已了", in(-7200), "\"status\":\"已完成\"");
    assert_true(is_overdue(past) && !is_overdue(under_way) && !is_overdue(future) && !is_overdue(ended));
    expect_list("/api/v1/activities/overdue", 1, past);
    expect_list("/api/v1/activities/overdue?keyword=guoqi", 1, past);
    expect_list("/api/v1/activities/overdue?activity_type=CALL", 0, NULL);
    expect_status(PATCH(activity_path(under_way, ""), text("{\"end_time\":\"%s\"}", in(-60))), 200);
    expect_list("/api/v1/activities/overdue", 2, under_way);
    struct reply *r = expect_status(GET("/api/v1/activities/overdue?size=1&page=2"), 200);
    expect_number(r, "data.total", 2);
    expect_text(r, "data.records.0.activity_id", past);
    assert_true(cJSON_IsTrue(at(r, "data.records.0.is_overdue")));
    expect_status(POST(activity_path(past, "/complete"), "{}"), 200);
    expect_list("/api/v1/activities/overdue", 1, under_way);
    expect_number(GET("/api/v1/activities?keyword=guoqi"), "data.total", 1);
}

/* Nothing is written when the time comes: the list, its total and the tag follow the clock. */
static bool has_become_overdue(void *id)
{
    return is_overdue(id);
}

static void test_time_alone_makes_it_overdue(void **state)
{
    (void)state;
    char *soon = activity("马上", in(2), NULL), *tag = text("%s", header(GET(activity_path(soon, "")), "ETag"));
    expect_list("/api/v1/activities/overdue", 0, NULL);
    expect(poll_until(10, has_become_overdue, soon), "never overdue");
    expect_list("/api/v1/activities/overdue", 1, soon);
    struct reply *r = call("GET", activity_path(soon, ""), NULL, text("If-None-Match: %s", tag), NULL);
    expect_status(r, 200);
    expect_number(r, "data.version", 1);
}

static void test_reminders_are_those_that_are_due(void **state)
{
    (void)state;
    char *due = activity("提醒", in(3600), text("\"reminder_time\":\"%s\"", in(-60)));
    activity("以后", in(3600), text("\"reminder_time\":\"%s\"", in(1800)));
    activity("没有", in(-3600), NULL);
    char *ended = activity("已了", in(-3600), text("\"reminder_time\":\"%s\"", in(-60)));
    expect_list("/api/v1/activities/reminders", 2, due);
    expect_status(POST(activity_path(ended, "/cancel"), "{\"reason\":\"不再需要\"}"), 200);
    expect_list(text("/api/v1/activities/reminders?assigned_to=%s", rep.id), 1, due);
    expect_status(PATCH(activity_path(due, ""), "{\"reminder_time\":null}"), 200);
    expect_list("/api/v1/activities/reminders", 0, NULL);
}

static void test_a_calendar_has_what_meets_its_time(void **state)
{
    (void)state;
    char *before = activity("前", "2031-05-01 09:00:00", "\"end_time\":\"2031-05-01 10:00:00\"");
    char *into = activity("跨入", "2031-05-09 22:00:00", "\"end_time\":\"2031-05-10 02:00:00\"");
    char *within = activity("之内", "2031-05-12 09:00:00", NULL), *last = activity("末日", "2031-05-16 23:59:59", NULL);
    activity("后", "2031-05-17 00:00:00", NULL);
    expect_list("/api/v1/activities/calendar?from=2031-05-10&to=2031-05-16", 3, into);
    expect_list("/api/v1/activities/calendar?from=2031-05-10&to=2031-05-16&order=desc", 3, last);
    expect_list("/api/v1/activities/calendar?from=2031-05-11&to=2031-05-15", 1, within);
    expect_list("/api/v1/activities/calendar?from=2031-04-01&to=2031-05-01%2009:30:00", 1, before);
    expect_list("/api/v1/activities/calendar?from=2031-05-10&to=2031-05-16&status=COMPLETED", 0, NULL);
    char *project = activity("项目", "2029-01-01 00:00:00", "\"end_time\":\"2033-01-01 00:00:00\""); /* longer than all before */
    expect_list("/api/v1/activities/calendar?from=2031-05-11&to=2031-05-15", 2, project);
    expect_list("/api/v1/activities/calendar?from=2032-12-31&to=2033-02-01", 1, project);
    assert_string_equal(sql(stack.opportunity_db, "SELECT activity_longest()"), "35064:00:00"); /* and no days, which may have 23 hours */
    expect_error(GET("/api/v1/activities/calendar"), 400, NULL, "from,to");
    expect_error(GET("/api/v1/activities/calendar?from=2031-05-10"), 400, NULL, "to");
    expect_error(GET("/api/v1/activities/calendar?from=2031-05-10&to=2031-05-09"), 400, NULL, "from");
    expect_error(GET("/api/v1/activities/calendar?from=x&to=2031-02-30"), 400, NULL, "from,to");
    as(user_in("SALES_REP", department_below(NULL)).token);
    expect_list("/api/v1/activities/calendar?from=2031-05-10&to=2031-05-16", 0, NULL);
}

/* So many in the past, done: an index is worth it. */
static void add_many(int count)
{
    sql(stack.opportunity_db, "INSERT INTO activities (activity_id, activity_name, activity_type, start_time, status) "
                              "SELECT uuid_v7(), '旧', '电话', now() - n * interval '1 day', '已完成' FROM generate_series(1, %d) n", count);
    sql(stack.opportunity_db, "VACUUM ANALYZE activities");
}

/* What the present decides is read off an index from where it begins, and counted there. */
static void expect_index(const char *condition, const char *scan, const char *index, const char *bound)
{
    char *plan = sql(stack.opportunity_db, "EXPLAIN (FORMAT JSON) SELECT count(*) FROM activities t WHERE t.deleted_time IS NULL AND %s",
                     condition);
    expect(strstr(plan, scan) && strstr(plan, index) && strstr(plan, bound), "%s: %s", condition, plan);
}

static void test_no_more_is_read_than_may_be_meant(void **state)
{
    (void)state;
    add_many(3000);
    expect_index("activity_overlaps(t, '2031-05-10', '2031-05-16')", "Index Only Scan", "activities_start", "start_time >= ");
    expect_index("activity_is_overdue(t)", "Index Only Scan", "activities_open", "start_time < now()");
    expect_index("activity_is_to_remind(t)", "Index Only Scan", "activities_open", "start_time <= ");
    expect_index("assigned_to = uuid_v7() AND activity_is_to_remind(t)", "Scan", "activities_reminder", "reminder_time <= now()");
}

/* --- the last contact -------------------------------------------------------------------------------------------------------- */

static char *about(const char *type, const char *id, const char *start, const char *more)
{
    return activity("联系", start, text("\"related_type\":\"%s\",\"related_id\":\"%s\"%s%s", type, id, *more ? "," : "", more));
}

static void expect_contact(const char *path, const char *want)
{
    struct reply *r = expect_status(GET(path), 200);
    if (want) expect_text(r, "data.last_contact_time", want);
    else assert_true(is_null_at(r, "data.last_contact_time"));
    expect_number(r, "data.version", 1);
}

static void test_a_completed_activity_is_the_last_contact_of_what_it_is_about(void **state)
{
    (void)state;
    const struct {
        const char *type, *id;
        char *(*path_of)(const char *id, const char *more);
    } cases[] = { { "机会", opportunity("机", NULL, NULL), opportunity_path }, { "线索", lead("线", NULL), lead_path } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *id = cases[i].id, *path = cases[i].path_of(id, "");
        char *visit = about(cases[i].type, id, "2023-03-01 10:00:00", "\"end_time\":\"2023-03-01 11:30:00\""),
             *call_off = about(cases[i].type, id, "2023-04-01 10:00:00", "");
        expect_contact(path, NULL);
        char *tag = text("%s", header(GET(path), "ETag"));
        expect_status(POST(activity_path(visit, "/complete"), "{}"), 200);
        expect_contact(path, "2023-03-01 11:30:00");
        expect(strcmp(tag, header(GET(path), "ETag")) != 0, "the tag is the same: %s", tag);
        expect_status(POST(activity_path(call_off, "/cancel"), "{\"reason\":\"未成\"}"), 200);
        expect_contact(path, "2023-03-01 11:30:00");
        about(cases[i].type, id, "2023-02-01 10:00:00", "\"status\":\"已完成\""); /* earlier, told later */
        expect_contact(path, "2023-03-01 11:30:00");
        char *now = in(0);
        about(cases[i].type, id, "2035-01-01 10:00:00", "\"status\":\"已完成\""); /* nobody speaks with anybody in the future */
        const char *shown = text_at(GET(path), "data.last_contact_time");
        expect(strcmp(shown, now) >= 0 && strcmp(shown, in(1)) <= 0, "%s", shown);
    }
}

struct contact {
    char *customer_id;
    const char *time;
};

static bool customer_shows(void *arg)
{
    const struct contact *c = arg;
    struct reply *r = call_as(stack.admin_token, "GET", text("%s%s", stack.customer_url, customer_path(c->customer_id)), NULL);
    const char *time = text_at(r, "data.last_contact_time");
    return time && !strcmp(time, c->time) && number_at(r, "data.version") == 1;
}

static void test_customer_service_hears_of_contacts(void **state)
{
    (void)state;
    char *customer_id = customer_known(unique("客"));
    struct contact first = { customer_id, "2023-03-01 10:00:00" }, later = { customer_id, "2023-05-01 12:00:00" };
    char *visit = about("客户", customer_id, "2023-03-01 10:00:00", "");
    expect_status(POST(activity_path(visit, "/complete"), "{}"), 200);
    expect(poll_until(20, customer_shows, &first), "the customer does not show its contact");
    about("客户", customer_id, "2023-05-01 10:00:00", "\"end_time\":\"2023-05-01 12:00:00\",\"status\":\"已完成\"");
    about("客户", customer_id, "2023-04-01 10:00:00", "\"status\":\"已完成\"");
    expect(poll_until(20, customer_shows, &later), "the customer does not show its later contact");
}

#define TEST(name) cmocka_unit_test_setup(name, as_new_rep)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_what_should_have_ended_is_overdue),
        TEST(test_time_alone_makes_it_overdue),
        TEST(test_reminders_are_those_that_are_due),
        TEST(test_a_calendar_has_what_meets_its_time),
        TEST(test_no_more_is_read_than_may_be_meant),
        TEST(test_a_completed_activity_is_the_last_contact_of_what_it_is_about),
        TEST(test_customer_service_hears_of_contacts),
    };
    return system_main("activity_time", tests, COUNT(tests));
}
