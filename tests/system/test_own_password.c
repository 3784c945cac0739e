/* Passwords: contract.md, Access. Who has one can change it, and the first administrator has to. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"
#include "who.h"

#include <string.h>

static struct reply *change_password(const struct who *w, const char *from, const char *to)
{
    target(stack.auth_url);
    as(w->token);
    return PUT("/api/v1/auth/password", text("{\"old_password\":\"%s\",\"new_password\":\"%s\"}", from, to));
}

static void test_password_change_ends_all_other_sessions(void **state)
{
    (void)state;
    struct who a = who_new(), b = who_of(who_login(stack.auth_url, a.name, WHO_PASSWORD, ",\"device_name\":\"b\""), "");
    struct who after = who_of(change_password(&b, WHO_PASSWORD, "another horse"), "data.");
    expect_ended(&a, "password");
    assert_int_equal(who_sessions(&a), 1);
    assert_string_equal(sql(stack.auth_db, "SELECT device_name FROM sessions WHERE session_id = '%s'", after.session), "b");
    as(after.token);
    expect_status(GET("/api/v1/auth/validate"), 200);
    who_of(who_refresh(after.refresh), "data.");
    expect_error(who_login(stack.auth_url, a.name, WHO_PASSWORD, NULL), 401, "BAD_CREDENTIALS", "");
    expect_status(who_login(stack.auth_url, a.name, "another horse", NULL), 200);
}

static void test_password_change_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *from, *to;
        long status;
        const char *slug, *fields;
    } cases[] = {
        { "wrong", "another horse", 422, "RULE_VIOLATED", "old_password" },
        { WHO_PASSWORD, WHO_PASSWORD, 422, "RULE_VIOLATED", "new_password" },
        { WHO_PASSWORD, "1234567", 400, "INVALID_FIELD", "new_password" },
        { WHO_PASSWORD, repeat("x", 129), 400, "INVALID_FIELD", "new_password" },
        { "", "", 400, "INVALID_FIELD", "old_password,new_password" },
    };
    struct who w = who_new();
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_error(change_password(&w, cases[i].from, cases[i].to), cases[i].status, cases[i].slug, cases[i].fields);
    assert_int_equal(who_sessions(&w), 1);
    expect_status(change_password(&w, WHO_PASSWORD, "12345678"), 200);
}

static void test_password_may_have_128_characters_of_any_script(void **state)
{
    (void)state;
    struct who w = who_new();
    expect_status(change_password(&w, WHO_PASSWORD, repeat("密", 128)), 200);
    expect_status(who_login(stack.auth_url, w.name, repeat("密", 128), NULL), 200);
}

static void test_password_set_by_somebody_else_ends_all_sessions(void **state)
{
    (void)state;
    struct who w = who_new();
    sql(stack.auth_db, "UPDATE users SET password_hash = 'another' WHERE user_id = '%s'", w.id);
    expect_ended(&w, "password");
    assert_int_equal(who_sessions(&w), 0);
}

/* As create-admin leaves an administrator whom nobody has said otherwise of: nothing is permitted but the change. */
static void test_password_of_the_first_administrator_has_to_be_changed(void **state)
{
    (void)state;
    const char *name = unique("root");
    assert_int_equal(auth_service("ADMIN_PASSWORD='" WHO_PASSWORD "'", text("create-admin --username %s", name)), 0);
    struct reply *r = who_login(stack.auth_url, name, WHO_PASSWORD, NULL);
    assert_true(cJSON_IsTrue(at(r, "must_change_password")));
    struct who w = who_of(r, "");
    as(w.token);
    target(stack.customer_url);
    expect_error(GET("/api/v1/customers?size=1"), 403, "FORBIDDEN", "permission");
    target(stack.auth_url);
    assert_string_equal(GET("/api/v1/auth/validate")->body, "{\"valid\":true,\"permissions\":[]}");
    struct reply *changed = change_password(&w, WHO_PASSWORD, "another horse");
    assert_true(cJSON_IsFalse(at(changed, "data.must_change_password")));
    as(who_of(changed, "data.").token);
    target(stack.customer_url);
    expect_status(GET("/api/v1/customers?size=1"), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password_change_ends_all_other_sessions),
        cmocka_unit_test(test_password_change_is_refused),
        cmocka_unit_test(test_password_may_have_128_characters_of_any_script),
        cmocka_unit_test(test_password_set_by_somebody_else_ends_all_sessions),
        cmocka_unit_test(test_password_of_the_first_administrator_has_to_be_changed),
    };
    return system_main("own password", tests, COUNT(tests));
}
