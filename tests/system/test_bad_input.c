/* Malformed, hostile and oversized requests: the documented status within a second, never a 5xx, never a changed value.
 */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <stdlib.h>
#include <string.h>

enum { MEGABYTE = 1000 * 1000 };

static struct reply *post_bytes(const char *body, size_t len)
{
    return http_send(&(struct request){ .method = "POST",
                                        .url = text("%s/api/v1/customers", stack.customer_url),
                                        .token = stack.admin_token,
                                        .body = body,
                                        .body_len = len,
                                        .fresh = true });
}

static void expect_quick(const struct reply *r)
{
    expect(r->seconds < 1, "%s took %.3f s", r->what, r->seconds);
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

#define NAMED(name) "{\"customer_type\":\"企业\",\"customer_name\":\"" name "\"}"

static void test_body_that_is_no_json_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        " ",
        "{",
        "}",
        "{}x",
        "{} {}",
        "nul",
        "{'a':1}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "[1,]",
        "\xef\xbb\xbf{}",
        "// x\n{}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.1}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":NaN}",
        NAMED("\xff"),
        NAMED("\xc0\x80"),
        NAMED("\xed\xa0\x80"),
        NAMED("\xf4\x90\x80\x80"),
        NAMED("\xe4\xb8"),
        NAMED("\x80"),
        NAMED("\xf0\x80\x80\xaf"),
        NAMED("\\ud800"),
        NAMED("\\udc00\\ud800"),
        NAMED("a\\u0000b"),
        NAMED("\\u0000"),
        "{\"\\u0000\":1}",
        "{\"customer_name\":\"甲\",\"customer_name\":\"乙\",\"customer_type\":\"企业\"}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"customer_name\":\"x\",\"customer_type\":\"企业\",\"tags\":[{\"a\":1,\"a\":2}]}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct reply *r = POST("/api/v1/customers", bodies[i]);
        if (r->status != 400) print_error("%s\n", bodies[i]);
        expect_error(r, 400, "BAD_JSON", NULL);
        expect_quick(r);
    }
}

static void test_body_with_a_zero_byte_is_refused(void **state)
{
    (void)state;
    static const char body[] = "{\"customer_type\":\"企业\",\"customer_name\":\"a\0b\"}";
    expect_error(post_bytes(body, sizeof body - 1), 400, "BAD_JSON", NULL);
    static const char tail[] = "{\"customer_type\":\"企业\",\"customer_name\":\"ab\"}\0";
    expect_error(post_bytes(tail, sizeof tail - 1), 400, "BAD_JSON", NULL);
}

static void test_body_of_any_depth_is_refused_at_once(void **state)
{
    (void)state;
    const int depths[] = { 33, 1000, 100 * 1000 };
    for (size_t i = 0; i < COUNT(depths); i++) {
        struct reply *replies[] = {
            POST("/api/v1/customers", repeat("[", depths[i])),
            POST("/api/v1/customers", repeat("{\"a\":", depths[i])),
            POST("/api/v1/customers", text("{\"tags\":%s%s}", repeat("[", depths[i]), repeat("]", depths[i]))),
        };
        for (size_t j = 0; j < COUNT(replies); j++) {
            expect_error(replies[j], 400, "BAD_JSON", NULL);
            expect_quick(replies[j]);
        }
    }
}

static void test_body_with_very_many_values_is_refused_at_once(void **state)
{
    (void)state;
    char *many = text("{\"tags\":[%s\"x\"]}", repeat("\"x\",", 200 * 1000));
    struct reply *r = POST("/api/v1/customers", many);
    expect_error(r, 400, NULL, NULL);
    expect_quick(r);
}

static void test_body_of_unknown_fields_is_answered_briefly(void **state)
{
    (void)state;
    char *body = text("%s", "{");
    for (int i = 0; i < 500; i++) body = text("%s%s\"f%d\":1", body, i ? "," : "", i);
    struct reply *r = POST("/api/v1/customers", text("%s}", body));
    expect_error(r, 400, "INVALID_FIELD", NULL);
    expect_quick(r);
    expect(r->len < 200 * 1000, "%zu bytes", r->len);
}

static void test_body_over_the_limit_is_refused_with_413(void **state)
{
    (void)state;
    char *name = repeat("x", 10 * MEGABYTE),
         *body = text("{\"customer_type\":\"企业\",\"customer_name\":\"%s\"}", name);
    struct reply *r = post_bytes(body, strlen(body));
    expect_error(r, 413, "BODY_TOO_LARGE", NULL);
    expect_quick(r);
    r = post_bytes(body, 1024 * 1024 - 100); /* just under: read, and judged as JSON */
    expect_error(r, 400, "BAD_JSON", NULL);
    expect_quick(r);
}

static void test_body_of_another_type_is_refused(void **state)
{
    (void)state;
    static const char *const types[] = { "Content-Type: text/plain", "Content-Type: application/xml",
                                         "Content-Type: application/json5",
                                         "Content-Type: multipart/form-data; boundary=x", "Content-Type:" };
    for (size_t i = 0; i < COUNT(types); i++)
        expect_error(call("POST", "/api/v1/customers", NAMED("x"), types[i], NULL), 415, "UNSUPPORTED_MEDIA", NULL);
    static const char *const good[] = { "Content-Type: application/json; charset=utf-8",
                                        "Content-Type: APPLICATION/JSON" };
    for (size_t i = 0; i < COUNT(good); i++)
        expect_status(call("POST", "/api/v1/customers", NAMED("x"), good[i], NULL), 200);
}

/* --- targets and heads -------------------------------------------------------------------------------------------- */

static void test_target_that_is_malformed_is_refused(void **state)
{
    (void)state;
    static const char *const malformed[] = { "/api/v1/customers?keyword=%", "/api/v1/customers?keyword=%zz",
                                             "/api/v1/customers?keyword=%ff", "/api/v1/customers?keyword=%00",
                                             "/api/v1/customers?=1" };
    static const char *const unknown[] = { "/api/v1/customers/", "/API/v1/customers", "/", "/api/v2/customers", "/api/v1/customer" };
    for (size_t i = 0; i < COUNT(malformed); i++) expect_error(GET(malformed[i]), 400, "BAD_REQUEST", NULL);
    for (size_t i = 0; i < COUNT(unknown); i++) expect_error(GET(unknown[i]), 404, "NOT_FOUND", "");
    char *many = text("%s", "/api/v1/customers?a=1");
    for (int i = 0; i < 40; i++) many = text("%s&p%d=1", many, i);
    expect_error(GET(many), 400, "BAD_REQUEST", NULL);
}

static void test_method_that_a_route_lacks_is_refused_with_allow(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *allowed;
    } cases[] = {
        { "DELETE", "/api/v1/customers", "POST" },
        { "POST", "/api/v1/customers/" UUID_ABSENT, "PATCH" },
        { "GET", "/api/v1/customers/" UUID_ABSENT "/restore", "POST" },
        { "PUT", "/api/v1/dictionaries", "GET" },
        { "BREW", "/api/v1/customers", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = call(cases[i].method, cases[i].path, NULL, NULL);
        expect_error(r, 405, "METHOD_NOT_ALLOWED", NULL);
        if (cases[i].allowed) expect(header(r, "Allow") && strstr(header(r, "Allow"), cases[i].allowed), "%s", r->head);
    }
}

/* --- whatever it was, nothing has changed ------------------------------------------------------------------------- */

static void test_refused_writes_change_nothing(void **state)
{
    (void)state;
    char *id = customer("某", "\"credit_limit\":12.34"), *before = GET(customer_path(id))->body;
    static const char *const bodies[] = { "{\"credit_limit\":1e400}",
                                          "{\"credit_limit\":0.001}",
                                          "{\"customer_name\":\"\\u0000\"}",
                                          "{\"customer_name\":\"\xff\"}",
                                          "{\"customer_name\":\"b\",\"customer_name\":\"c\"}",
                                          "{\"customer_name\":\"b\",\"phone\":1}",
                                          "{\"customer_name\":\"b\"" };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        expect_error(PUT(customer_path(id), bodies[i]), 400, NULL, NULL);
        assert_string_equal(GET(customer_path(id))->body, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_that_is_no_json_is_refused),
        cmocka_unit_test(test_body_with_a_zero_byte_is_refused),
        cmocka_unit_test(test_body_of_any_depth_is_refused_at_once),
        cmocka_unit_test(test_body_with_very_many_values_is_refused_at_once),
        cmocka_unit_test(test_body_of_unknown_fields_is_answered_briefly),
        cmocka_unit_test(test_body_over_the_limit_is_refused_with_413),
        cmocka_unit_test(test_body_of_another_type_is_refused),
        cmocka_unit_test(test_target_that_is_malformed_is_refused),
        cmocka_unit_test(test_method_that_a_route_lacks_is_refused_with_allow),
        cmocka_unit_test(test_refused_writes_change_nothing),
    };
    return system_main("bad input", tests, COUNT(tests));
}
