/* Opportunities as a resource: requirement document, sections 3.2 and 4.2. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

/* --- create ------------------------------------------------------------------------------------------------------------- */

static void test_an_opportunity_is_created_as_documented(void **state)
{
    (void)state;
    char *customer_id = customer_known("客户名称"), *lead_id = lead("线索", NULL),
         *me = sql(stack.auth_db, "SELECT user_id FROM users WHERE username = '%s'", stack.username);
    opportunity("先", customer_id, NULL); /* the writer is known from now on */
    struct reply *r = POST("/api/v1/opportunities",
                           text("{\"opportunity_name\":\"机会名称\",\"customer_id\":\"%s\",\"lead_id\":\"%s\",\"product_type\":\"药品\","
                                "\"estimated_amount\":100000.00,\"expected_close_date\":\"2023-12-31\",\"sales_stage_id\":\"%s\","
                                "\"win_probability\":60,\"assigned_to\":\"%s\",\"competitors\":[\"竞争对手A\",\"竞争对手B\"],"
                                "\"sales_plan\":\"销售计划详情\",\"status\":\"进行中\",\"description\":\"备注信息\"}",
                                customer_id, lead_id, STAGE_REQUIREMENT, me));
    expect_status(r, 200);
    assert_string_equal(keys_at(r, "data"), "opportunity_id,opportunity_name,created_time");
    r = expect_status(GET(header(r, "Location")), 200);
    expect_text(r, "data.customer_name", "客户名称");
    expect_text(r, "data.lead_id", lead_id);
    expect_text(r, "data.product_type", "药品");
    expect(has_text(r, "\"estimated_amount\":100000.00"), "%s", r->body);
    expect_text(r, "data.expected_close_date", "2023-12-31");
    expect_text(r, "data.sales_stage_name", "需求确认");
    expect_text(r, "data.pipeline_name", "标准销售流程");
    expect_number(r, "data.win_probability", 60);
    expect_text(r, "data.assigned_to", me);
    expect_text(r, "data.competitors.1", "竞争对手B");
    expect_text(r, "data.sales_plan", "销售计划详情");
    expect_text(r, "data.status", "进行中");
    expect_text(r, "data.description", "备注信息");
}

static void test_what_is_not_given_is_filled_in(void **state)
{
    (void)state;
    struct user rep = user_in("SALES_REP", department_below(NULL));
    as(rep.token);
    struct reply *r = GET(opportunity_path(opportunity("A", NULL, NULL), ""));
    expect_text(r, "data.sales_stage_name", "初步接触");
    expect_number(r, "data.win_probability", 10);
    expect_text(r, "data.assigned_to", rep.id);
    expect_text(r, "data.status", "进行中");
    expect(has_text(r, "\"estimated_amount\":0.00"), "%s", r->body);
}

static bool is_gone(void *id)
{
    const char *query = "SELECT count(*) FROM customer_ref WHERE customer_id = '%s' AND deleted_time IS NOT NULL";
    return sql_count(stack.opportunity_db, query, (const char *)id) == 1;
}

static void test_what_cannot_begin_is_refused(void **state)
{
    (void)state;
    char *known = customer_known(unique("客户")), *gone = customer_known(unique("客户"));
    target(stack.customer_url);
    expect_status(DELETE(customer_path(gone)), 200);
    target(stack.opportunity_url);
    expect(poll_until(20, is_gone, gone), "%s is not known to be gone", gone);
    const struct {
        const char *customer, *more;
        int status;
        const char *fields;
    } cases[] = {
        { UUID_ABSENT, "", 422, "customer_id" },
        { gone, "", 422, "customer_id" },
        { known, ",\"sales_stage_id\":\"" UUID_ABSENT "\"", 422, "sales_stage_id" },
        { known, ",\"sales_stage_id\":\"" STAGE_WON "\"", 422, "sales_stage_id" },
        { known, ",\"status\":\"赢单\"", 422, "status" },
        { known, ",\"assigned_to\":\"" UUID_ABSENT "\"", 422, "assigned_to" },
        { known, ",\"lead_id\":\"" UUID_ABSENT "\"", 422, "lead_id" },
        { known, ",\"estimated_amount\":-1", 400, "estimated_amount" },
        { known, ",\"estimated_amount\":1.001,\"win_probability\":101,\"expected_close_date\":\"2023-02-30\",\"status\":\"x\"", 400,
          "estimated_amount,win_probability,expected_close_date,status" },
        { known, ",\"lost_reason\":\"价格\",\"closed_time\":null,\"pipeline_id\":\"" PIPELINE_STANDARD "\"", 400,
          "lost_reason,closed_time,pipeline_id" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_error(POST("/api/v1/opportunities", text("{\"opportunity_name\":\"A\",\"customer_id\":\"%s\"%s}", cases[i].customer,
                                                        cases[i].more)),
                     cases[i].status, NULL, cases[i].fields);
}

static void test_an_opportunity_is_changed_deleted_and_restored(void **state)
{
    (void)state;
    char *id = opportunity("A", NULL, NULL), *path = opportunity_path(id, "");
    expect_status(PATCH(path, "{\"opportunity_name\":\"B\",\"estimated_amount\":12.5,\"win_probability\":33,\"competitors\":null}"), 200);
    struct reply *r = GET(path);
    expect_text(r, "data.opportunity_name", "B");
    expect_number(r, "data.win_probability", 33);
    expect(has_text(r, "\"estimated_amount\":12.50"), "%s", r->body);
    expect_status(PATCH(path, "{\"win_probability\":null,\"estimated_amount\":null,\"assigned_to\":null}"), 200);
    r = GET(path);
    expect_number(r, "data.win_probability", 10);
    expect(has_text(r, "\"estimated_amount\":0.00"), "%s", r->body);
    expect(!is_null_at(r, "data.assigned_to"), "%s", r->body);
    expect_status(DELETE(path), 200);
    expect_error(GET(path), 404, "NOT_FOUND", "");
    expect_error(move_to(id, STAGE_REQUIREMENT, NULL), 404, "NOT_FOUND", "");
    expect_status(POST(text("%s/restore", path), NULL), 200);
    expect_status(GET(path), 200);
}

static void test_the_internal_methods(void **state)
{
    (void)state;
    struct reply *r = POST("/internal/v1/createOpportunity",
                           text("{\"opportunityDTO\":{\"opportunity_name\":\"内\",\"customer_id\":\"%s\"}}", customer_known("某")));
    expect_status(r, 200);
    const char *id = text_at(r, "data.opportunity_id");
    expect_text(r, "data.sales_stage_name", "初步接触");
    r = expect_status(POST("/internal/v1/getOpportunityById", text("{\"opportunityId\":\"%s\"}", id)), 200);
    expect_text(r, "data.customer_name", "某");
}

/* --- lists -------------------------------------------------------------------------------------------------------------- */

static void test_the_list_is_as_documented(void **state)
{
    (void)state;
    char *customer_id = customer_known("客户名称");
    opportunity("A", customer_id, NULL);
    struct reply *r = expect_status(GET(text("/api/v1/opportunities?customer_id=%s", customer_id)), 200);
    assert_string_equal(keys_at(r, "data.records.0"),
                        "opportunity_id,opportunity_name,customer_id,customer_name,estimated_amount,expected_close_date,sales_stage_name,"
                        "win_probability,assigned_to,assigned_to_name,status,created_time");
    expect_text(r, "data.records.0.customer_name", "客户名称");
}

static void test_the_list_filters_by_every_parameter(void **state)
{
    (void)state;
    char *one = customer_known(unique("甲")), *two = customer_known(unique("乙"));
    struct user rep = user_in(role_with("all", "opportunity:view,opportunity:create,opportunity:update"), NULL);
    opportunity("A", one, "\"estimated_amount\":3");
    char *b = opportunity("B", one, "\"sales_stage_id\":\"" STAGE_PROPOSAL "\",\"product_type\":\"器械\",\"estimated_amount\":2");
    opportunity("C", two, "\"status\":\"已搁置\",\"estimated_amount\":1");
    as(rep.token);
    char *d = opportunity("D", two, "\"sales_stage_id\":\"" STAGE_PROPOSAL "\"");
    sql(stack.opportunity_db, "UPDATE opportunities SET created_time = '2020-05-05 10:00:00+08' WHERE opportunity_id = '%s'", b);
    const struct {
        const char *query;
        int total;
        const char *first;
    } cases[] = {
        { text("customer_id=%s&sort=estimated_amount", one), 2, "A" },
        { text("customer_id=%s&sort=estimated_amount&order=asc", one), 2, "B" },
        { text("customer_id=%s&sales_stage_id=%s", one, STAGE_PROPOSAL), 1, "B" },
        { text("customer_id=%s&status=%s", two, encoded("已搁置")), 1, "C" },
        { text("customer_id=%s&status=ON_HOLD", two), 1, "C" },
        { text("assigned_to=%s", rep.id), 1, "D" },
        { text("customer_id=%s&start_date=2020-05-05&end_date=2020-05-05", one), 1, "B" },
        { text("customer_id=%s&end_date=2020-05-04", one), 0, NULL },
        { text("customer_id=%s&product_type=%s", one, encoded("器械")), 1, "B" },
        { text("customer_id=%s&pipeline_id=%s", two, PIPELINE_STANDARD), 2, NULL },
        { text("customer_id=%s&sort=opportunity_name&order=asc&page=2&size=1", one), 2, "B" },
        { text("customer_id=%s&sort=win_probability&order=desc", two), 2, "D" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = expect_status(GET(text("/api/v1/opportunities?%s", cases[i].query)), 200);
        expect_number(r, "data.total", cases[i].total);
        if (cases[i].first) expect_text(r, "data.records.0.opportunity_name", cases[i].first);
    }
    expect_error(GET("/api/v1/opportunities?customer_id=x&assigned_to=1&status=y&sort=competitors&lead_id=3"), 400, "INVALID_FIELD",
                 "customer_id,assigned_to,status,sort,lead_id");
    (void)d;
}

static int found_by(const char *keyword)
{
    return number_at(expect_status(GET(text("/api/v1/opportunities?keyword=%s", encoded(keyword))), 200), "data.total");
}

static void test_a_keyword_finds_name_customer_and_pinyin(void **state)
{
    (void)state;
    const char *mark = unique("k"), *renamed = unique("新名");
    char *customer_id = customer_known(text("华瑞%s", mark));
    sql(stack.opportunity_db, "UPDATE customer_ref SET pinyin = 'huarui%s hr%s' WHERE customer_id = '%s'", mark, mark, customer_id);
    char *id = opportunity(text("采购%s影像", mark), customer_id, NULL);
    opportunity("别的", NULL, NULL);
    assert_int_equal(found_by(text("采购%s", mark)), 1);
    assert_int_equal(found_by(text("华瑞%s", mark)), 1);
    assert_int_equal(found_by(text("HUARUI%s", mark)), 1);
    assert_int_equal(found_by(text("hr%s", mark)), 1);
    struct reply *before = GET(opportunity_path(id, ""));
    sql(stack.opportunity_db, "UPDATE customer_ref SET customer_name = '%s', pinyin = '' WHERE customer_id = '%s'", renamed, customer_id);
    assert_int_equal(found_by(renamed), 1);
    assert_int_equal(found_by(text("华瑞%s", mark)), 0);
    struct reply *after = GET(opportunity_path(id, ""));
    for (double end = now_s() + 10; strcmp(text_at(after, "data.customer_name"), renamed) && now_s() < end;)
        after = GET(opportunity_path(id, ""));
    expect_text(after, "data.customer_name", renamed);
    expect_number(after, "data.version", 1); /* its own version stays, its tag does not */
    assert_string_not_equal(header(before, "ETag"), header(after, "ETag"));
    expect_status(call("PATCH", opportunity_path(id, ""), "{\"description\":\"x\"}",
                       text("If-Match: %s", header(before, "ETag")), NULL), 200);
    char *other = customer_known(text("乙%s", mark));
    expect_status(PATCH(opportunity_path(id, ""), text("{\"customer_id\":\"%s\"}", other)), 200);
    assert_int_equal(found_by(text("乙%s", mark)), 1);
    assert_int_equal(found_by(renamed), 0);
}

/* A total that is kept (5,000 rows and more) is corrected by what has happened since, also by a rename. */
static void test_totals_stay_exact_when_a_customer_is_renamed(void **state)
{
    (void)state;
    const char *mark = unique("大"), *renamed = unique("改");
    char *customer_id = customer_known(text("总计%s", mark)), *other = customer_known(unique("另"));
    sql(stack.opportunity_db, "INSERT INTO opportunities (opportunity_id, opportunity_name, customer_id, status) "
        "SELECT uuid_v7(), 'x', '%s', '进行中' FROM generate_series(1, 5200)", customer_id);
    assert_int_equal(found_by(text("总计%s", mark)), 5200);
    sql(stack.opportunity_db, "UPDATE opportunities SET customer_id = '%s' WHERE opportunity_id IN "
        "(SELECT opportunity_id FROM opportunities WHERE customer_id = '%s' LIMIT 3)", other, customer_id);
    assert_int_equal(found_by(text("总计%s", mark)), 5197);
    sql(stack.opportunity_db, "UPDATE customer_ref SET customer_name = '%s' WHERE customer_id = '%s'", renamed, customer_id);
    assert_int_equal(found_by(text("总计%s", mark)), 0);
    assert_int_equal(found_by(renamed), 5197);
    sql(stack.opportunity_db, "DELETE FROM stage_history USING opportunities o WHERE o.opportunity_id = stage_history.opportunity_id "
        "AND customer_id IN ('%s', '%s')", customer_id, other);
    sql(stack.opportunity_db, "DELETE FROM opportunities WHERE customer_id IN ('%s', '%s')", customer_id, other);
    sql(stack.opportunity_db, "DELETE FROM list_total");
}

static void test_who_is_responsible_decides_who_sees_it(void **state)
{
    (void)state;
    struct user from = user_in("SALES_REP", department_below(NULL)), to = user_in("SALES_REP", department_below(NULL));
    as(to.token);
    opportunity("自己的", NULL, NULL); /* known from now on */
    as(from.token);
    char *id = opportunity("移交", NULL, NULL), *path = opportunity_path(id, "");
    expect_error(call_as(to.token, "GET", path, NULL), 404, "NOT_FOUND", "");
    expect_status(PATCH(path, text("{\"assigned_to\":\"%s\"}", to.id)), 200);
    expect_error(GET(path), 404, "NOT_FOUND", "");
    expect_error(move_to(id, STAGE_REQUIREMENT, NULL), 404, "NOT_FOUND", "");
    expect_number(GET("/api/v1/opportunities"), "data.total", 0);
    as(to.token);
    expect_status(move_to(id, STAGE_REQUIREMENT, NULL), 200);
    expect_number(GET("/api/v1/opportunities"), "data.total", 2);
    struct reply *r = expect_status(GET(text("%s/access", path)), 200);
    expect_text(r, "data.actions.0.action", "view");
}

#define TEST(name) cmocka_unit_test_setup(name, to_opportunities)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_an_opportunity_is_created_as_documented),
        TEST(test_what_is_not_given_is_filled_in),
        TEST(test_what_cannot_begin_is_refused),
        TEST(test_an_opportunity_is_changed_deleted_and_restored),
        TEST(test_the_internal_methods),
        TEST(test_the_list_is_as_documented),
        TEST(test_the_list_filters_by_every_parameter),
        TEST(test_a_keyword_finds_name_customer_and_pinyin),
        TEST(test_totals_stay_exact_when_a_customer_is_renamed),
        TEST(test_who_is_responsible_decides_who_sees_it),
    };
    return system_main("opportunity", tests, COUNT(tests));
}
