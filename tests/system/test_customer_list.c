/* GET /api/v1/customers: requirement document, section 3.1.1; contract.md, Lists. Each test looks at an industry of its
 * own, so that other records are out of the way. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <stdlib.h>
#include <string.h>

static struct reply *list(const char *industry_id, const char *more)
{
    return GET(text("/api/v1/customers?industry_id=%s%s%s", industry_id, more && *more ? "&" : "", more ? more : ""));
}

static char *of(const char *industry_id)
{
    return text("\"industry_id\":\"%s\"", industry_id);
}

/* "a,b,c": a field of all records of a page. */
static char *column(const struct reply *r, const char *field)
{
    char *all = text("%s", "");
    for (int i = 0; i < cJSON_GetArraySize(at(r, "data.records")); i++) {
        const char *value = text_at(r, text("data.records.%d.%s", i, field));
        all = text("%s%s%s", all, i ? "," : "", value ? value : "-");
    }
    return all;
}

static void expect_names(struct reply *r, const char *names)
{
    expect_status(r, 200);
    const char *got = column(r, "customer_name");
    expect(!strcmp(got, names), "%s\n  \"%s\" instead of \"%s\"", r->what, got, names);
}

static char *filled(const char *names)
{
    char *id = industry(unique("行业")), *rest = text("%s", names);
    for (char *name; (name = strsep(&rest, ","));) customer(name, of(id));
    return id;
}

/* --- shape and paging --------------------------------------------------------------------------------------------- */

static void test_customer_list_has_the_documented_shape(void **state)
{
    (void)state;
    const char *name = unique("行业");
    char *industry_id = industry(name), *person = contact("张三", NULL);
    customer("客户名称",
             text("%s,\"primary_contact_id\":\"%s\",\"phone\":\"13800138000\",\"email\":\"contact@example.com\","
                  "\"address\":\"北京市朝阳区\",\"customer_level\":\"A\"",
                  of(industry_id), person));
    struct reply *r = list(industry_id, NULL);
    expect_status(r, 200);
    assert_string_equal(keys_at(r, ""), "code,message,data");
    expect_number(r, "code", 200);
    expect_text(r, "message", "success");
    assert_string_equal(keys_at(r, "data"), "total,pages,current,size,records");
    assert_string_equal(keys_at(r, "data.records.0"),
                        "customer_id,customer_code,customer_name,customer_type,primary_contact,phone,email,"
                        "address,customer_level,industry_name,status,created_time");
    const char *const values[][2] = {
        { "customer_name", "客户名称" }, { "customer_type", "企业" },        { "primary_contact", "张三" },
        { "phone", "13800138000" },      { "email", "contact@example.com" }, { "address", "北京市朝阳区" },
        { "customer_level", "A" },       { "industry_name", name },          { "status", "活跃" },
    };
    for (size_t i = 0; i < COUNT(values); i++) expect_text(r, text("data.records.0.%s", values[i][0]), values[i][1]);
}

static void test_customer_list_counts_pages(void **state)
{
    (void)state;
    char *id = filled("甲,乙,丙,丁,戊,己,庚");
    const struct {
        const char *query;
        int total, pages, current, size, records;
    } cases[] = {
        { "", 7, 1, 1, 10, 7 },
        { "size=3", 7, 3, 1, 3, 3 },
        { "size=3&page=3", 7, 3, 3, 3, 1 },
        { "size=7", 7, 1, 1, 7, 7 },
        { "size=1&page=7", 7, 7, 7, 1, 1 },
        { "size=200", 7, 1, 1, 200, 7 },
        { "page=2", 7, 1, 2, 10, 0 },
        { "page=2147483647&size=200", 7, 1, 2147483647, 200, 0 },
        { "status=LOST", 0, 0, 1, 10, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = expect_status(list(id, cases[i].query), 200);
        expect_number(r, "data.total", cases[i].total);
        expect_number(r, "data.pages", cases[i].pages);
        expect_number(r, "data.current", cases[i].current);
        expect_number(r, "data.size", cases[i].size);
        expect(cJSON_GetArraySize(at(r, "data.records")) == cases[i].records, "%s", r->what);
    }
}

static void test_customer_list_pages_show_each_record_once(void **state)
{
    (void)state;
    char *id = filled("甲,乙,丙,丁,戊");
    char *all = text("%s", "");
    for (int page = 1; page <= 3; page++)
        all = text("%s%s,", all, column(list(id, text("size=2&page=%d", page)), "customer_name"));
    assert_string_equal(all, "戊,丁,丙,乙,甲,");
}

static void test_customer_list_refuses_bad_parameters(void **state)
{
    (void)state;
    const struct {
        const char *query, *fields;
    } cases[] = {
        { "page=0", "page" },
        { "page=-1", "page" },
        { "page=1.5", "page" },
        { "page=x", "page" },
        { "page=", "page" },
        { "page=1e3", "page" },
        { "page=%2B1", "page" },
        { "page=2147483648", "page" },
        { "size=0", "size" },
        { "size=201", "size" },
        { "size=-5", "size" },
        { "size=99999999999999999999", "size" },
        { "size=10%00", NULL },
        { "sort=phone", "sort" },
        { "sort=version", "sort" },
        { "sort=", "sort" },
        { "sort=created_time,", "sort" },
        { "sort=1;drop", "sort" },
        { "order=up", "order" },
        { "order=ASC%20", "order" },
        { "order=", "order" },
        { "customer_type=公司", "customer_type" },
        { "status=", "status" },
        { "customer_level=E", "customer_level" },
        { "industry_id=1", "industry_id" },
        { "region_id=" UUID_ABSENT "x", "region_id" },
        { "region_id=", "region_id" },
        { "colour=red", "colour" },
        { "Page=1", "Page" },
        { "phone=13800138000", "phone" },
        { "dry_run=true", "dry_run" },
        { "page=1&page=2", "page" },
        { "status=活跃&status=活跃", "status" },
        { "total=all", "total" },
        { "total=", "total" },
        { "start_date=2023-02-30", "start_date" },
        { "end_date=yesterday", "end_date" },
        { "start_date=", "start_date" },
        { "start_date=2023-01-02&end_date=2023-01-01", "start_date" },
        { "start_date=2023-1-1", "start_date" },
        { "start_date=2023-01-01%2025:00:00", "start_date" },
        { "page=0&size=0&sort=x&order=y&status=z&colour=red", "page,size,sort,order,status,colour" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_error(GET(text("/api/v1/customers?%s", cases[i].query)), 400,
                     cases[i].fields ? "INVALID_FIELD" : "BAD_REQUEST", cases[i].fields);
}

static void test_customer_list_names_what_is_allowed(void **state)
{
    (void)state;
    struct reply *r = GET("/api/v1/customers?sort=phone&order=up&customer_type=x");
    const struct {
        const char *field, *allowed;
    } cases[] = {
        { "sort", "customer_code, customer_name, created_time, updated_time" },
        { "order", "asc, desc" },
        { "customer_type", "企业, 个人, 政府, 医院, 其他" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, cases[i].field), "allowed")),
                            cases[i].allowed);
}

/* --- filters ------------------------------------------------------------------------------------------------------ */

static void test_customer_list_filters_by_each_enumeration(void **state)
{
    (void)state;
    char *id = industry(unique("行业"));
    customer(
        "一",
        text("%s,\"customer_level\":\"A\",\"company_size\":\"大型\",\"source_channel\":\"展会\",\"status\":\"活跃\"",
             of(id)));
    customer(
        "二",
        text("%s,\"customer_level\":\"B\",\"company_size\":\"微型\",\"source_channel\":\"官网\",\"status\":\"流失\"",
             of(id)));
    POST("/api/v1/customers", text("{\"customer_name\":\"三\",\"customer_type\":\"医院\",%s}", of(id)));
    const struct {
        const char *query, *names;
    } cases[] = {
        { "customer_type=企业", "二,一" },
        { "customer_type=HOSPITAL", "三" },
        { "customer_type=政府", "" },
        { "customer_level=A", "一" },
        { "company_size=微型", "二" },
        { "company_size=LARGE", "一" },
        { "source_channel=展会", "一" },
        { "source_channel=WEBSITE", "二" },
        { "status=活跃", "三,一" },
        { "status=LOST", "二" },
        { "status=活跃&customer_type=企业", "一" },
        { "status=活跃&customer_level=B", "" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = list(id, cases[i].query);
        expect_names(r, cases[i].names);
        expect_number(r, "data.total", cJSON_GetArraySize(at(r, "data.records")));
    }
}

static void test_customer_list_filters_by_industry(void **state)
{
    (void)state;
    char *one = filled("甲,乙"), *other = filled("丙");
    expect_names(list(one, NULL), "乙,甲");
    expect_names(list(other, NULL), "丙");
    expect_names(list(UUID_ABSENT, NULL), "");
}

static void test_customer_list_filters_by_region(void **state)
{
    (void)state;
    char *id = industry(unique("行业")), *here = region(unique("华北")), *there = region(unique("华南"));
    customer("甲", text("%s,\"region_id\":\"%s\"", of(id), here));
    customer("乙", text("%s,\"region_id\":\"%s\"", of(id), there));
    customer("丙", of(id));
    expect_names(list(id, text("region_id=%s", here)), "甲");
    expect_names(GET(text("/api/v1/customers?region_id=%s", there)), "乙");
}

static void test_customer_list_filters_by_creator(void **state)
{
    (void)state;
    char *id = filled("甲"), *token = user_with_role("ADMIN");
    as(token);
    char *mine = customer("乙", of(id));
    const char *me = text_at(GET(customer_path(mine)), "data.created_by");
    expect_names(list(id, text("created_by=%s", me)), "乙");
}

static void test_customer_list_leaves_deleted_records_out(void **state)
{
    (void)state;
    char *id = filled("甲"), *gone = customer("乙", of(id));
    expect_status(DELETE(customer_path(gone)), 200);
    struct reply *r = list(id, NULL);
    expect_names(r, "甲");
    expect_number(r, "data.total", 1);
}

/* --- dates: wall clock of Asia/Shanghai --------------------------------------------------------------------------- */

static void test_customer_list_dates_are_inclusive(void **state)
{
    (void)state;
    static const char *const times[] = { "2023-02-28 23:59:59.999", "2023-03-01 00:00:00", "2023-03-01 23:59:59.5",
                                         "2023-03-02 00:00:00" };
    char *id = industry(unique("行业"));
    for (int i = 0; i < 4; i++)
        sql(stack.customer_db, "UPDATE customers SET created_time = '%s+08' WHERE customer_id = '%s'", times[i],
            customer(text("%d", i), of(id)));
    const struct {
        const char *query, *names;
    } cases[] = {
        { "start_date=2023-03-01&end_date=2023-03-01", "2,1" },
        { "start_date=2023-03-01", "3,2,1" },
        { "end_date=2023-03-01", "2,1,0" },
        { "end_date=2023-02-28", "0" },
        { "start_date=2023-03-01%2000:00:00&end_date=2023-03-01%2000:00:00", "1" },
        { "start_date=2023-03-01+23:59:59&end_date=2023-03-01+23:59:59", "2" },
        { "start_date=2023-02-28T16:00:00Z&end_date=2023-03-01", "2,1" },
        { "end_date=2023-03-02T00:00:00%2B08:00", "3,2,1,0" },
        { "end_date=2023-03-01T15:59:59Z", "2,1,0" },
        { "start_date=2024-02-29", "" },
        { "start_date=2023-03-03", "" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) expect_names(list(id, cases[i].query), cases[i].names);
    expect_text(list(id, "page=4&size=1"), "data.records.0.created_time", "2023-02-28 23:59:59");
}

/* --- order -------------------------------------------------------------------------------------------------------- */

static void test_customer_list_sorts_by_each_sortable_field(void **state)
{
    (void)state;
    char *id = industry(unique("行业"));
    char *b = customer("b", text("%s,\"customer_code\":\"%s-2\"", of(id), unique("K")));
    customer("c", text("%s,\"customer_code\":\"%s-1\"", of(id), unique("K")));
    customer("a", text("%s,\"customer_code\":\"%s-3\"", of(id), unique("A")));
    expect_status(PUT(customer_path(b), "{\"description\":\"changed last\"}"), 200);
    const struct {
        const char *query, *names;
    } cases[] = {
        { "", "a,c,b" },
        { "sort=created_time", "a,c,b" },
        { "sort=created_time&order=asc", "b,c,a" },
        { "sort=updated_time&order=desc", "b,a,c" },
        { "sort=updated_time&order=asc", "c,a,b" },
        { "sort=customer_name&order=asc", "a,b,c" },
        { "sort=customer_name", "c,b,a" },
        { "sort=customer_code&order=asc", "a,b,c" },
        { "order=asc", "b,c,a" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) expect_names(list(id, cases[i].query), cases[i].names);
}

static void test_customer_list_breaks_ties_by_id(void **state)
{
    (void)state;
    char *id = filled("甲,甲,甲,甲,甲");
    char *up = column(list(id, "sort=customer_name&order=asc"), "customer_id"),
         *again = column(list(id, "sort=customer_name&order=asc"), "customer_id");
    assert_string_equal(up, again);
    assert_string_equal(up, sql(stack.customer_db,
                                "SELECT string_agg(customer_id::text, ',' ORDER BY customer_id) FROM customers "
                                "WHERE industry_id = '%s'",
                                id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_customer_list_has_the_documented_shape),
        cmocka_unit_test(test_customer_list_counts_pages),
        cmocka_unit_test(test_customer_list_pages_show_each_record_once),
        cmocka_unit_test(test_customer_list_refuses_bad_parameters),
        cmocka_unit_test(test_customer_list_names_what_is_allowed),
        cmocka_unit_test(test_customer_list_filters_by_each_enumeration),
        cmocka_unit_test(test_customer_list_filters_by_industry),
        cmocka_unit_test(test_customer_list_filters_by_region),
        cmocka_unit_test(test_customer_list_filters_by_creator),
        cmocka_unit_test(test_customer_list_leaves_deleted_records_out),
        cmocka_unit_test(test_customer_list_dates_are_inclusive),
        cmocka_unit_test(test_customer_list_sorts_by_each_sortable_field),
        cmocka_unit_test(test_customer_list_breaks_ties_by_id),
    };
    return system_main("customer list", tests, COUNT(tests));
}
