/* POST, PUT and PATCH of customers: requirement document, sections 3.1.3 and 3.1.4; contract.md, Values and Writes. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

static struct reply *create_with(const char *more)
{
    return POST("/api/v1/customers",
                text("{\"customer_name\":\"某客户\",\"customer_type\":\"企业\"%s%s}", *more ? "," : "", more));
}

static struct reply *read_back(struct reply *created)
{
    expect_status(created, 200);
    return expect_status(GET(customer_path(text_at(created, "data.customer_id"))), 200);
}

/* --- create ------------------------------------------------------------------------------------------------------- */

static void test_customer_create_as_documented(void **state)
{
    (void)state;
    const char *code = unique("C001");
    char *industry_id = industry(unique("医药行业")), *region_id = region(unique("华北区")),
         *person = contact("张三", NULL);
    struct reply *r =
        POST("/api/v1/customers",
             text("{\"customer_code\":\"%s\",\"customer_name\":\"客户名称\",\"customer_type\":\"企业\",\"primary_"
                  "contact_id\":\"%s\",\"phone\":\"13800138000\","
                  "\"email\":\"contact@example.com\",\"address\":\"北京市朝阳区\",\"customer_level\":\"A\",\"industry_"
                  "id\":\"%s\",\"company_size\":\"大型\","
                  "\"credit_limit\":1000000.00,\"payment_terms\":\"月结30天\",\"region_id\":\"%s\",\"source_channel\":"
                  "\"展会\","
                  "\"tags\":[\"重要客户\",\"长期合作\"],\"status\":\"活跃\",\"description\":\"备注信息\"}",
                  code, person, industry_id, region_id));
    expect_status(r, 200);
    assert_string_equal(keys_at(r, ""), "code,message,data");
    assert_string_equal(keys_at(r, "data"), "customer_id,customer_code,customer_name,created_time");
    expect_number(r, "code", 200);
    expect_text(r, "message", "success");
    expect_text(r, "data.customer_code", code);
    expect_text(r, "data.customer_name", "客户名称");
    assert_string_equal(header(r, "Location"), customer_path(text_at(r, "data.customer_id")));
    assert_int_equal(text_at(r, "data.customer_id")[14], '7'); /* UUID version 7 */
    expect_status(GET(header(r, "Location")), 200);
}

static void test_customer_create_needs_two_fields_and_fills_the_rest(void **state)
{
    (void)state;
    struct reply *r = read_back(create_with(""));
    expect_text(r, "data.status", "活跃");
    expect(text_at(r, "data.customer_code") && *text_at(r, "data.customer_code"), "%s", r->body);
    static const char *const empty[] = {
        "primary_contact_id", "primary_contact", "phone",        "email",        "address",       "customer_level",
        "industry_id",        "industry_name",   "company_size", "credit_limit", "payment_terms", "region_id",
        "region_name",        "source_channel",  "tags",         "description"
    };
    for (size_t i = 0; i < COUNT(empty); i++)
        expect(is_null_at(r, text("data.%s", empty[i])), "%s: %s", empty[i], r->body);
}

static void test_customer_create_reports_every_bad_field_at_once(void **state)
{
    (void)state;
    struct reply *r = POST("/api/v1/customers", "{\"customer_code\":\"a "
                                                "b\",\"customer_type\":\"公司\",\"primary_contact_id\":\"x\",\"phone\":"
                                                "\"12\",\"email\":\"nobody\",\"address\":1,"
                                                "\"customer_level\":\"E\",\"industry_id\":7,\"company_size\":\"巨型\","
                                                "\"credit_limit\":-1,\"payment_terms\":[],\"region_id\":\"\","
                                                "\"source_channel\":\"x\",\"tags\":\"a\",\"status\":\"睡\","
                                                "\"description\":{},\"version\":3,\"colour\":\"red\"}");
    expect_error(r, 400, "INVALID_FIELD",
                 "customer_code,customer_name,customer_type,primary_contact_id,phone,email,address,customer_level,"
                 "industry_id,company_size,credit_limit,payment_terms,region_id,source_channel,tags,status,description,"
                 "version,colour");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, "customer_level"), "allowed")),
                        "A, B, C, D");
}

static void test_customer_create_refuses_bad_values(void **state)
{
    (void)state;
    const struct {
        const char *member, *field;
    } cases[] = {
        { text("\"customer_code\":\"%s\"", repeat("c", 51)), "customer_code" },
        { "\"customer_code\":\"\"", "customer_code" },
        { "\"customer_code\":\"客户\"", "customer_code" },
        { "\"customer_code\":\"a/b\"", "customer_code" },
        { "\"customer_code\":5", "customer_code" },
        { text("\"address\":\"%s\"", repeat("址", 501)), "address" },
        { "\"address\":\"a\\nb\"", "address" },
        { "\"address\":\"a\\u0007b\"", "address" },
        { text("\"description\":\"%s\"", repeat("述", 5001)), "description" },
        { "\"description\":\"a\\u001bb\"", "description" },
        { "\"description\":\"a\\u007fb\"", "description" },
        { "\"description\":\"a\\u0085b\"", "description" },
        { text("\"payment_terms\":\"%s\"", repeat("a", 101)), "payment_terms" },
        { "\"phone\":\"电话\"", "phone" },
        { "\"phone\":13800138000", "phone" },
        { "\"email\":\"a@\"", "email" },
        { "\"email\":\"a b@example.com\"", "email" },
        { "\"email\":\"@example.com\"", "email" },
        { "\"tags\":[1]", "tags" },
        { "\"tags\":[\"\"]", "tags" },
        { "\"tags\":[null]", "tags" },
        { "\"tags\":{}", "tags" },
        { text("\"tags\":[\"%s\"]", repeat("签", 33)), "tags" },
        { "\"tags\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\","
          "\"16\",\"17\",\"18\",\"19\",\"20\",\"21\"]",
          "tags" },
        { "\"status\":null", "status" },
        { "\"status\":\"active\"", "status" },
        { "\"customer_level\":1", "customer_level" },
        { "\"industry_id\":\"018f3c5e\"", "industry_id" },
        { "\"industry_id\":\"{018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1e05}\"", "industry_id" },
        { "\"Phone\":\"13800138000\"", "Phone" },
        { "\"\":1", "" },
        { "\"__proto__\":{}", "__proto__" },
        { "\"customer_id\":\"018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1e05\"", "customer_id" },
        { "\"created_by\":null", "created_by" },
        { "\"created_time\":\"2023-01-01 10:00:00\"", "created_time" },
        { "\"updated_time\":\"2023-01-01 10:00:00\"", "updated_time" },
        { "\"industry_name\":\"医药行业\"", "industry_name" },
        { "\"primary_contact\":\"张三\"", "primary_contact" },
        { "\"deleted_time\":null", "deleted_time" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = create_with(cases[i].member);
        if (r->status != 400) print_error("%.80s\n", cases[i].member);
        expect_error(r, 400, "INVALID_FIELD", *cases[i].field ? cases[i].field : NULL);
    }
}

static void test_customer_name_has_1_to_200_characters(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int status;
    } cases[] = {
        { "\"x\"", 200 },
        { text("\"%s\"", repeat("名", 200)), 200 },
        { text("\"%s\"", repeat("名", 201)), 400 },
        { text("\"%s\"", repeat("\xf0\xa0\x80\x80", 200)), 200 },
        { "\"\"", 400 },
        { "\"   \"", 400 },
        { "null", 400 },
        { "7", 400 },
        { "[\"x\"]", 400 },
        { "\"a\\tb\"", 400 },
        { "\"a\\nb\"", 400 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r =
            POST("/api/v1/customers", text("{\"customer_name\":%s,\"customer_type\":\"企业\"}", cases[i].name));
        if (cases[i].status == 400)
            expect_error(r, 400, "INVALID_FIELD", "customer_name");
        else
            expect_status(r, 200);
    }
}

static void test_customer_text_is_stored_as_it_is(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<script>alert(1)</script>", "O'Neil; DROP TABLE customers --", "a\\\\b\\\"c", "𠀀龘😀", "e\\u0301",
        "{{7*7}} ${x} %s %n"
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct reply *r = read_back(create_with(text("\"address\":\"%s\"", texts[i])));
        cJSON *want = cJSON_Parse(text("\"%s\"", texts[i]));
        pool_keep(want, (void (*)(void *))cJSON_Delete);
        expect_text(r, "data.address", cJSON_GetStringValue(want));
    }
    expect_text(read_back(create_with("\"description\":\"一\\n二\\t三\"")), "data.description", "一\n二\t三");
}

/* --- money, tags, enumerations ------------------------------------------------------------------------------------ */

static void test_customer_money_is_exact_byte_for_byte(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        { "1000000.00", "1000000.00" },
        { "0", "0.00" },
        { "0.01", "0.01" },
        { "0.1", "0.10" },
        { "19.99", "19.99" },
        { "1", "1.00" },
        { "9999999999999.99", "9999999999999.99" },
        { "1234567890123.45", "1234567890123.45" },
        { "4503599627370.49", "4503599627370.49" },
        { "0.00", "0.00" },
        { "10000000000000", NULL },
        { "9999999999999.999", NULL },
        { "1.005", NULL },
        { "0.001", NULL },
        { "1e2", NULL },
        { "1E2", NULL },
        { "1e400", NULL },
        { "1.0e0", NULL },
        { "-0.01", NULL },
        { "-1", NULL },
        { "\"100.00\"", NULL },
        { "true", NULL },
        { "[100]", NULL },
        { "99999999999999999999999999", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = create_with(text("\"credit_limit\":%s", cases[i].in));
        if (!cases[i].out)
            expect_error(r, 400, "INVALID_FIELD", "credit_limit");
        else {
            r = read_back(r);
            expect(has_text(r, text("\"credit_limit\":%s,", cases[i].out)), "%s becomes %s", cases[i].in, r->body);
        }
    }
}

static void test_customer_money_that_is_no_number_is_no_json(void **state)
{
    (void)state;
    static const char *const bad[] = { "01",       "1.",       ".5",    "+1",  "0x10", "NaN",
                                       "Infinity", "1,000.00", "1_000", "--1", "1.2.3" };
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_error(create_with(text("\"credit_limit\":%s", bad[i])), 400, "BAD_JSON", NULL);
}

static void test_customer_tags_are_a_set(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "[\"重要客户\",\"长期合作\"]", "[\"重要客户\",\"长期合作\"]" },
        { "[\"b\",\"a\",\"b\",\"a\",\"c\"]", "[\"b\",\"a\",\"c\"]" },
        { "[]", "[]" },
        { "[\"a\",\"A\"]", "[\"a\",\"A\"]" },
        { "[ \"x\" , \"\\u0078\" ]", "[\"x\"]" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = read_back(create_with(text("\"tags\":%s", cases[i].in)));
        char *got = pool_keep(cJSON_PrintUnformatted(at(r, "data.tags")), cJSON_free);
        assert_string_equal(got, cases[i].out);
    }
}

static void test_customer_enumerations_take_code_or_label(void **state)
{
    (void)state;
    static const struct {
        const char *member, *field, *label;
    } cases[] = {
        { "\"company_size\":\"LARGE\"", "company_size", "大型" },
        { "\"company_size\":\"小型\"", "company_size", "小型" },
        { "\"source_channel\":\"EXHIBITION\"", "source_channel", "展会" },
        { "\"source_channel\":\"转介绍\"", "source_channel", "转介绍" },
        { "\"status\":\"DORMANT\"", "status", "休眠" },
        { "\"customer_level\":\"D\"", "customer_level", "D" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_text(read_back(create_with(cases[i].member)), text("data.%s", cases[i].field), cases[i].label);
}

/* --- update ------------------------------------------------------------------------------------------------------- */

static void test_customer_update_as_documented(void **state)
{
    (void)state;
    char *id = customer("前", NULL);
    struct reply *r = PUT(customer_path(id), "{\"customer_name\":\"后\",\"customer_level\":\"B\"}");
    expect_status(r, 200);
    assert_string_equal(keys_at(r, "data"), "customer_id,updated_time");
    expect_text(r, "data.customer_id", id);
    r = GET(customer_path(id));
    expect_text(r, "data.customer_name", "后");
    expect_number(r, "data.version", 2);
}

/* PUT and PATCH are the same merge: absent is unchanged, null clears. */
static void test_customer_update_merges_and_null_clears(void **state)
{
    (void)state;
    static const char *const methods[] = { "PUT", "PATCH" };
    for (size_t i = 0; i < COUNT(methods); i++) {
        char *id = customer("某", text("\"phone\":\"13800138000\",\"address\":\"北京\",\"credit_limit\":5.00,\"tags\":["
                                       "\"a\"],\"industry_id\":\"%s\"",
                                       industry(unique("业"))));
        expect_status(call(methods[i], customer_path(id),
                           "{\"phone\":null,\"tags\":null,\"credit_limit\":null,\"industry_id\":null,\"email\":null}",
                           NULL),
                      200);
        struct reply *r = GET(customer_path(id));
        static const char *const cleared[] = {
            "phone", "tags", "credit_limit", "industry_id", "industry_name", "email"
        };
        for (size_t f = 0; f < COUNT(cleared); f++)
            expect(is_null_at(r, text("data.%s", cleared[f])), "%s %s", methods[i], cleared[f]);
        expect_text(r, "data.address", "北京");
        expect_text(r, "data.customer_name", "某");
        expect_status(call(methods[i], customer_path(id), "{}", NULL), 200);
        expect_text(GET(customer_path(id)), "data.address", "北京");
    }
}

static void test_customer_update_does_not_clear_what_is_required(void **state)
{
    (void)state;
    char *id = customer("某", NULL);
    expect_error(
        PUT(customer_path(id), "{\"customer_name\":null,\"customer_type\":null,\"status\":null,\"phone\":null}"), 400,
        "INVALID_FIELD", "customer_name,customer_type,status");
    expect_error(PATCH(customer_path(id), "{\"customer_code\":null,\"customer_name\":\"\"}"), 400, "INVALID_FIELD",
                 NULL);
    expect_number(GET(customer_path(id)), "data.version", 1);
}

static void test_customer_update_takes_back_what_was_read(void **state)
{
    (void)state;
    char *id = customer(
        "某", text("\"credit_limit\":1000000.00,\"tags\":[\"a\"],\"region_id\":\"%s\",\"primary_contact_id\":\"%s\"",
                   region(unique("区")), contact("张三", NULL)));
    struct reply *before = GET(customer_path(id));
    const char *data = strstr(before->body, "\"data\":") + 7;
    expect_status(PUT(customer_path(id), text("%.*s", (int)strlen(data) - 1, data)), 200);
    struct reply *after = GET(customer_path(id));
    static const char *const same[] = { "customer_code",   "region_id",  "region_name",  "primary_contact_id",
                                        "primary_contact", "created_by", "created_time", "status" };
    for (size_t i = 0; i < COUNT(same); i++)
        expect_text(after, text("data.%s", same[i]), text_at(before, text("data.%s", same[i])));
    expect(has_text(after, "\"credit_limit\":1000000.00,"), "%s", after->body);
}

static void test_customer_update_never_stores_read_only_fields(void **state)
{
    (void)state;
    char *id = customer("某", NULL), *before = GET(customer_path(id))->body;
    struct reply *was = GET(customer_path(id));
    expect_status(PUT(customer_path(id), "{\"customer_id\":\"" UUID_ABSENT "\",\"created_by\":\"" UUID_ABSENT
                                         "\",\"created_by_name\":\"黑客\","
                                         "\"created_time\":\"1999-01-01 "
                                         "00:00:00\",\"version\":77,\"primary_contact\":\"黑客\",\"industry_name\":5}"),
                  200);
    struct reply *r = GET(customer_path(id));
    expect_text(r, "data.customer_id", id);
    expect_text(r, "data.created_by", text_at(was, "data.created_by"));
    expect_text(r, "data.created_time", text_at(was, "data.created_time"));
    expect_number(r, "data.version", 2);
    expect(!has_text(r, "黑客"), "%s, before %s", r->body, before);
}

static void test_customer_update_of_nobody_is_not_found(void **state)
{
    (void)state;
    char *gone = customer("某", NULL);
    DELETE(customer_path(gone));
    expect_error(PUT(customer_path(gone), "{\"customer_name\":\"x\"}"), 404, "NOT_FOUND", "");
    expect_error(PUT(customer_path(UUID_ABSENT), "{\"customer_name\":\"x\"}"), 404, "NOT_FOUND", "");
    expect_error(PUT(customer_path("1"), "{\"customer_name\":\"\",\"x\":1}"), 400, "INVALID_FIELD",
                 "customer_id,customer_name,x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_customer_create_as_documented),
        cmocka_unit_test(test_customer_create_needs_two_fields_and_fills_the_rest),
        cmocka_unit_test(test_customer_create_reports_every_bad_field_at_once),
        cmocka_unit_test(test_customer_create_refuses_bad_values),
        cmocka_unit_test(test_customer_name_has_1_to_200_characters),
        cmocka_unit_test(test_customer_text_is_stored_as_it_is),
        cmocka_unit_test(test_customer_money_is_exact_byte_for_byte),
        cmocka_unit_test(test_customer_money_that_is_no_number_is_no_json),
        cmocka_unit_test(test_customer_tags_are_a_set),
        cmocka_unit_test(test_customer_enumerations_take_code_or_label),
        cmocka_unit_test(test_customer_update_as_documented),
        cmocka_unit_test(test_customer_update_merges_and_null_clears),
        cmocka_unit_test(test_customer_update_does_not_clear_what_is_required),
        cmocka_unit_test(test_customer_update_takes_back_what_was_read),
        cmocka_unit_test(test_customer_update_never_stores_read_only_fields),
        cmocka_unit_test(test_customer_update_of_nobody_is_not_found),
    };
    return system_main("customer write", tests, COUNT(tests));
}
