/* Internal methods of customer-service: requirement document, section 4.1.1; contract.md, Resources. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "stack.h"

#include <string.h>

static struct reply *method(const char *name, const char *arguments)
{
    return POST(text("/internal/v1/%s", name), arguments);
}

static void test_get_customer_by_id_answers_as_rest_does(void **state)
{
    (void)state;
    char *id = customer("某", "\"credit_limit\":1000000.00,\"tags\":[\"a\"]");
    struct reply *r = method("getCustomerById", text("{\"customerId\":\"%s\"}", id));
    expect_status(r, 200);
    assert_string_equal(r->body, GET(customer_path(id))->body);
}

static void test_create_customer_returns_the_customer(void **state)
{
    (void)state;
    const char *name = unique("某");
    struct reply *r =
        method("createCustomer",
               text("{\"customerDTO\":{\"customer_name\":\"%s\",\"customer_type\":\"HOSPITAL\",\"credit_limit\":0.10}}",
                    name));
    expect_status(r, 200);
    expect_text(r, "data.customer_type", "医院");
    expect(has_text(r, "\"credit_limit\":0.10,"), "%s", r->body);
    assert_string_equal(GET(customer_path(text_at(r, "data.customer_id")))->body, r->body);
}

static void test_update_customer_returns_the_customer(void **state)
{
    (void)state;
    char *id = customer("前", "\"address\":\"北京\"");
    struct reply *r =
        method("updateCustomer", text("{\"customerId\":\"%s\",\"customerDTO\":{\"customer_name\":\"后\"}}", id));
    expect_status(r, 200);
    expect_text(r, "data.customer_name", "后");
    expect_text(r, "data.address", "北京");
    assert_string_equal(GET(customer_path(id))->body, r->body);
}

static void test_delete_customer_returns_true(void **state)
{
    (void)state;
    char *id = customer("某", NULL), *arguments = text("{\"customerId\":\"%s\"}", id);
    assert_string_equal(expect_status(method("deleteCustomer", arguments), 200)->body,
                        "{\"code\":200,\"message\":\"success\",\"data\":true}");
    expect_error(GET(customer_path(id)), 404, "NOT_FOUND", "");
    expect_error(method("deleteCustomer", arguments), 404, "NOT_FOUND", "");
    expect_error(method("getCustomerById", arguments), 404, "NOT_FOUND", "");
}

static void test_internal_methods_judge_their_parameters(void **state)
{
    (void)state;
    const char *id = text("\"customerId\":\"%s\"", UUID_ABSENT);
    const struct {
        const char *name, *arguments;
        int status;
        const char *slug, *fields;
    } cases[] = {
        { "getCustomerById", "{}", 400, "INVALID_FIELD", "customerId" },
        { "getCustomerById", "{\"customerId\":null}", 400, "INVALID_FIELD", "customerId" },
        { "getCustomerById", "{\"customerId\":7}", 400, "INVALID_FIELD", "customerId" },
        { "getCustomerById", "{\"customer_id\":\"" UUID_ABSENT "\"}", 400, "INVALID_FIELD", "customerId,customer_id" },
        { "getCustomerById", "[]", 400, "INVALID_FIELD", "body" },
        { "getCustomerById", "\"" UUID_ABSENT "\"", 400, "INVALID_FIELD", "body" },
        { "getCustomerById", "", 400, "BAD_JSON", NULL },
        { "getCustomerById", text("{%s}", id), 404, "NOT_FOUND", "" },
        { "createCustomer", "{}", 400, "INVALID_FIELD", "customerDTO" },
        { "createCustomer", "{\"customerDTO\":null}", 400, "INVALID_FIELD", NULL },
        { "createCustomer", "{\"customerDTO\":{\"customer_level\":\"E\"}}", 400, "INVALID_FIELD",
          "customer_name,customer_type,customer_level" },
        { "createCustomer", text("{%s,\"customerDTO\":{}}", id), 400, "INVALID_FIELD", NULL },
        { "updateCustomer", "{\"customerDTO\":{\"customer_name\":\"\"}}", 400, "INVALID_FIELD",
          "customerId,customer_name" },
        { "updateCustomer", text("{%s}", id), 400, "INVALID_FIELD", "customerDTO" },
        { "updateCustomer", text("{%s,\"customerDTO\":{}}", id), 404, "NOT_FOUND", "" },
        { "updateCustomer", text("{%s,\"customerDTO\":{},\"force\":true}", id), 400, "INVALID_FIELD", "force" },
        { "deleteCustomer", "{\"customerId\":\"x\"}", 400, "INVALID_FIELD", "customerId" },
        { "createCustomer",
          "{\"customerDTO\":{\"customer_name\":\"x\",\"customer_type\":\"企业\",\"region_id\":\"" UUID_ABSENT "\"}}",
          422, "BAD_REFERENCE", "region_id" },
        { "dropCustomer", "{}", 404, "NOT_FOUND", "" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = method(cases[i].name, cases[i].arguments);
        if (r->status != cases[i].status) print_error("%s %s\n", cases[i].name, cases[i].arguments);
        expect_error(r, cases[i].status, cases[i].slug, cases[i].fields);
    }
}

static void test_internal_methods_are_post_only(void **state)
{
    (void)state;
    struct reply *r = GET("/internal/v1/getCustomerById");
    expect_error(r, 405, "METHOD_NOT_ALLOWED", "");
    assert_non_null(strstr(header(r, "Allow"), "POST"));
}

static void test_internal_methods_honour_if_match_and_dry_run(void **state)
{
    (void)state;
    char *id = customer("某", NULL),
         *arguments = text("{\"customerId\":\"%s\",\"customerDTO\":{\"customer_name\":\"改\"}}", id);
    expect_error(call("POST", "/internal/v1/updateCustomer", arguments, "If-Match: \"99\"", NULL), 412,
                 "VERSION_CONFLICT", "");
    expect_status(POST("/internal/v1/updateCustomer?dry_run=true", arguments), 200);
    expect_number(GET(customer_path(id)), "data.version", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_customer_by_id_answers_as_rest_does),
        cmocka_unit_test(test_create_customer_returns_the_customer),
        cmocka_unit_test(test_update_customer_returns_the_customer),
        cmocka_unit_test(test_delete_customer_returns_true),
        cmocka_unit_test(test_internal_methods_judge_their_parameters),
        cmocka_unit_test(test_internal_methods_are_post_only),
        cmocka_unit_test(test_internal_methods_honour_if_match_and_dry_run),
    };
    return system_main("internal methods", tests, COUNT(tests));
}
