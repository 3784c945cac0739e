/* What is shown of phone, e-mail, address and credit limit to whom (requirement document, section 6.2). */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "stack.h"

#include <stdlib.h>
#include <string.h>

#define RIGHTS "customer:view,customer:create,customer:update,customer:delete"

static const char *const clear[] = { "13800138000", "contact@example.com", "南山区科技路1号", "1234567.89" };
static const char *const masks[] = { "138****8000", "c***@example.com", "广东省深圳市***" };

#define PHONE "\"phone\":\"13800138000\""
#define EMAIL "\"email\":\"contact@example.com\""
#define SECRETS PHONE "," EMAIL ",\"address\":\"广东省深圳市南山区科技路1号\",\"credit_limit\":1234567.89"

/* Somebody's customer; a colleague who sees it, but not what is secret; and one who does. */
struct cast {
    struct user owner, viewer, trusted;
    char *customer, *contact, *path;
    const char *name;
};

static char *made(const char *token, const char *collection, const char *id_name, const char *body)
{
    struct reply *r = expect_status(call_as(token, "POST", collection, body), 200);
    return text("%s", text_at(r, text("data.%s", id_name)));
}

static struct cast cast(void)
{
    const char *own = role_with("own", RIGHTS), *all = role_with("all", RIGHTS), *unmask = role_with("all", RIGHTS ",customer:unmask");
    struct cast c = { user_in(own, NULL), user_in(all, NULL), user_in(unmask, NULL), .name = unique("蒙面") };
    c.customer = made(c.owner.token, "/api/v1/customers", "customer_id",
                      text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"," SECRETS "}", c.name));
    c.contact = made(c.owner.token, "/api/v1/contacts", "contact_id",
                     text("{\"contact_name\":\"%s\",\"customer_id\":\"%s\"," PHONE "," EMAIL "}", c.name, c.customer));
    c.path = customer_path(c.customer);
    as(c.viewer.token);
    return c;
}

/* --- every way out ----------------------------------------------------------------------------------------------------- */

static void shows(const struct reply *r, bool in_clear, size_t fields)
{
    expect(r->status == 200 || r->status == 412, "%ld: %s", r->status, r->body);
    for (size_t i = 0; i < fields; i++) {
        expect(has_text(r, clear[i]) == in_clear, "%s: %s", clear[i], r->body);
        if (i < COUNT(masks)) expect(has_text(r, masks[i]) != in_clear, "%s: %s", masks[i], r->body);
    }
}

static void every_way_out(const struct cast *c, bool in_clear)
{
    const char *edit = "{\"description\":\"改\"}", *contact = text("/api/v1/contacts/%s", c->contact);
    shows(GET(c->path), in_clear, 4);
    shows(GET(text("/api/v1/customers?keyword=%s", encoded(c->name))), in_clear, 3);
    shows(call("PUT", c->path, edit, "If-Match: \"999.0\"", NULL), in_clear, 4);
    shows(call("DELETE", c->path, NULL, "If-Match: \"999.0\"", NULL), in_clear, 4);
    shows(POST("/internal/v1/getCustomerById", text("{\"customerId\":\"%s\"}", c->customer)), in_clear, 4);
    shows(POST("/internal/v1/updateCustomer", text("{\"customerId\":\"%s\",\"customerDTO\":%s}", c->customer, edit)), in_clear, 4);
    shows(GET(contact), in_clear, 2);
    shows(GET(text("/api/v1/contacts?customer_id=%s", c->customer)), in_clear, 2);
    shows(call("PUT", contact, edit, "If-Match: \"999.0\"", NULL), in_clear, 2);
}

static void test_secrets_are_masked_wherever_they_leave(void **state)
{
    (void)state;
    struct cast c = cast();
    every_way_out(&c, false);
    assert_true(is_null_at(GET(c.path), "data.credit_limit"));
}

static void test_secrets_are_shown_to_the_owner_and_to_who_may_unmask(void **state)
{
    (void)state;
    struct cast c = cast();
    as(c.owner.token);
    every_way_out(&c, true);
    as(c.trusted.token);
    every_way_out(&c, true);
}

static void test_the_gateway_masks_as_the_service_does(void **state)
{
    (void)state;
    struct cast c = cast();
    target(stack.gateway_url);
    shows(GET(c.path), false, 4);
    as(c.trusted.token);
    shows(GET(c.path), true, 4);
    as(c.viewer.token);
    shows(GET(c.path), false, 4);
}

/* A creator sees what he made, again and again. */
static void test_a_replay_is_shown_as_the_first_reply(void **state)
{
    (void)state;
    struct cast c = cast();
    as(c.owner.token);
    char *body = text("{\"customerDTO\":{\"customer_name\":\"某\",\"customer_type\":\"企业\"," SECRETS "}}");
    char *key = text("Idempotency-Key: %s", unique("K"));
    for (int i = 0; i < 2; i++) shows(call("POST", "/internal/v1/createCustomer", body, key, NULL), true, 4);
}

/* --- masks that come back ---------------------------------------------------------------------------------------------- */

static void keeps(const struct cast *c)
{
    shows(call_as(c->trusted.token, "GET", c->path, NULL), true, 4);
}

static char *data_of(const struct reply *r)
{
    return pool_keep(cJSON_PrintUnformatted(at(r, "data")), cJSON_free);
}

static void test_what_was_read_may_be_sent_back(void **state)
{
    (void)state;
    struct cast c = cast();
    for (int i = 0; i < 2; i++) {
        struct reply *r = GET(c.path);
        expect_status(call(i ? "PATCH" : "PUT", c.path, data_of(r), text("If-Match: %s", header(r, "ETag")), NULL), 200);
        expect_number(GET(c.path), "data.version", i + 2);
        keeps(&c);
    }
    char *all = data_of(GET(c.path));
    expect_status(POST("/internal/v1/updateCustomer", text("{\"customerId\":\"%s\",\"customerDTO\":%s}", c.customer, all)), 200);
    keeps(&c);
    char *contact = text("/api/v1/contacts/%s", c.contact);
    expect_status(PUT(contact, data_of(GET(contact))), 200);
    shows(call_as(c.trusted.token, "GET", contact, NULL), true, 2);
}

static void test_other_fields_change_beside_an_echo(void **state)
{
    (void)state;
    struct cast c = cast();
    expect_status(PUT(c.path, "{\"phone\":\"138****8000\","
                              "\"email\":\"new@example.com\",\"credit_limit\":5.00,\"description\":\"改\"}"), 200);
    struct reply *r = call_as(c.trusted.token, "GET", c.path, NULL);
    expect_text(r, "data.phone", "13800138000");
    expect_text(r, "data.email", "new@example.com");
    expect_text(r, "data.description", "改");
    expect(has_text(r, "\"credit_limit\":5.00"), "%s", r->body);
}

static void test_a_mask_of_something_else_is_refused(void **state)
{
    (void)state;
    struct cast c = cast();
    static const struct { const char *body, *fields; } cases[] = {
        { "{\"phone\":\"139****8000\"}", "phone" },
        { "{\"phone\":\"****\"}", "phone" },
        { "{\"email\":\"d***@example.com\"}", "email" },
        { "{\"address\":\"***\"}", "address" },
        { "{\"phone\":\"138****8000\",\"email\":\"***@example.com\",\"address\":\"北京市***\"}", "email,address" },
    };
    const char *const tokens[] = { c.viewer.token, c.owner.token, c.trusted.token };
    for (size_t t = 0; t < COUNT(tokens); t++) {
        as(tokens[t]);
        for (size_t i = 0; i < COUNT(cases); i++) expect_error(PUT(c.path, cases[i].body), 400, "INVALID_FIELD", cases[i].fields);
        expect_status(PUT(c.path, "{\"phone\":\"138****8000\"}"), 200); /* also from who sees it in clear */
        keeps(&c);
    }
}

static void test_a_new_record_takes_no_mask(void **state)
{
    (void)state;
    cast();
    expect_error(POST("/api/v1/customers", "{\"customer_name\":\"某\",\"customer_type\":\"企业\","
                                           "\"phone\":\"138****8000\",\"address\":\"***\"}"),
                 400, "INVALID_FIELD", "phone,address");
    expect_error(POST("/api/v1/contacts", "{\"contact_name\":\"某\",\"email\":\"c***@example.com\"}"), 400, "INVALID_FIELD", "email");
}

static void test_an_echo_of_an_older_version_is_a_version_conflict(void **state)
{
    (void)state;
    struct cast c = cast();
    struct reply *old = GET(c.path);
    expect_status(call_as(c.owner.token, "PUT", c.path, "{\"phone\":\"13912345678\"}"), 200);
    expect_error(call("PUT", c.path, data_of(old), text("If-Match: %s", header(old, "ETag")), NULL), 412, "VERSION_CONFLICT", "");
    expect_error(PUT(c.path, data_of(old)), 400, "INVALID_FIELD", "phone");
}

static void test_null_clears_what_is_shown_and_keeps_what_is_not(void **state)
{
    (void)state;
    struct cast c = cast();
    expect_status(PUT(c.path, "{\"credit_limit\":null,\"phone\":null}"), 200);
    struct reply *r = call_as(c.trusted.token, "GET", c.path, NULL);
    expect(has_text(r, "\"credit_limit\":1234567.89"), "%s", r->body);
    assert_true(is_null_at(r, "data.phone"));
    expect_error(PUT(c.path, "{\"phone\":\"138****8000\"}"), 400, "INVALID_FIELD", "phone"); /* there is none now */
    expect_status(call_as(c.owner.token, "PUT", c.path, "{\"credit_limit\":null}"), 200);
    assert_true(is_null_at(call_as(c.trusted.token, "GET", c.path, NULL), "data.credit_limit"));
}

static void test_an_echo_says_nothing_of_records_out_of_reach(void **state)
{
    (void)state;
    struct cast c = cast();
    struct user other = user_in(role_with("own", RIGHTS), NULL);
    as(other.token);
    expect_error(PUT(c.path, "{\"phone\":\"138****8000\"}"), 404, "NOT_FOUND", "");
    expect_error(PUT(c.path, "{\"phone\":\"139****8000\"}"), 404, "NOT_FOUND", "");
    expect_error(PUT(c.path, "{\"credit_limit\":null}"), 404, "NOT_FOUND", "");
}

/* --- no side channel --------------------------------------------------------------------------------------------------- */

static int found(const char *token, const char *keyword)
{
    return number_at(call_as(token, "GET", text("/api/v1/customers?keyword=%s", encoded(keyword)), NULL), "data.total");
}

static void test_a_keyword_finds_no_secret_for_who_may_not_see_it(void **state)
{
    (void)state;
    struct cast c = cast();
    const char *phone = text("1%010u", (unsigned)strtoul(strchr(c.name, '-') + 1, NULL, 16)), *mail = text("m%s@example.com", phone);
    expect_status(call_as(c.owner.token, "PUT", c.path, text("{\"phone\":\"%s\",\"email\":\"%s\"}", phone, mail)), 200);
    for (int i = 0; i < 2; i++) { /* page and total take other ways the second time */
        assert_int_equal(found(c.trusted.token, phone), 1);
        assert_int_equal(found(c.trusted.token, mail), 1);
        assert_int_equal(found(c.viewer.token, phone), 0);
        assert_int_equal(found(c.viewer.token, mail), 0);
        assert_int_equal(found(c.owner.token, phone), 0); /* the simple rule: a keyword's reach is that of the permission */
        assert_int_equal(found(c.viewer.token, c.name), 1);
    }
}

static void test_lists_are_neither_filtered_nor_sorted_by_secrets(void **state)
{
    (void)state;
    struct cast c = cast();
    static const char *const fields[] = { "phone", "email", "address", "credit_limit" };
    as(c.trusted.token);
    for (size_t i = 0; i < COUNT(fields); i++) {
        expect_error(GET(text("/api/v1/customers?%s=1", fields[i])), 400, "INVALID_FIELD", fields[i]);
        expect_error(GET(text("/api/v1/customers?sort=%s", fields[i])), 400, "INVALID_FIELD", "sort");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_are_masked_wherever_they_leave),
        cmocka_unit_test(test_secrets_are_shown_to_the_owner_and_to_who_may_unmask),
        cmocka_unit_test(test_the_gateway_masks_as_the_service_does),
        cmocka_unit_test(test_a_replay_is_shown_as_the_first_reply),
        cmocka_unit_test(test_what_was_read_may_be_sent_back),
        cmocka_unit_test(test_other_fields_change_beside_an_echo),
        cmocka_unit_test(test_a_mask_of_something_else_is_refused),
        cmocka_unit_test(test_a_new_record_takes_no_mask),
        cmocka_unit_test(test_an_echo_of_an_older_version_is_a_version_conflict),
        cmocka_unit_test(test_null_clears_what_is_shown_and_keeps_what_is_not),
        cmocka_unit_test(test_an_echo_says_nothing_of_records_out_of_reach),
        cmocka_unit_test(test_a_keyword_finds_no_secret_for_who_may_not_see_it),
        cmocka_unit_test(test_lists_are_neither_filtered_nor_sorted_by_secrets),
    };
    return system_main("masking", tests, COUNT(tests));
}
