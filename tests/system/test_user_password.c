/* Passwords of users: taken, hashed, and never seen again; an administrator's reset. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "staff.h"
#include "stack.h"

#include <stdlib.h>
#include <string.h>

static void on_auth(void)
{
    target(stack.auth_url);
    as(stack.admin_token);
}

static struct reply *create(const char *key, const char *username, const char *password)
{
    return call("POST", "/api/v1/users", text("{\"username\":\"%s\",\"name\":\"某\",\"password\":\"%s\"}", username, password),
                text("Idempotency-Key: %s", key), NULL);
}

static struct reply *reset(const char *id, const char *password)
{
    return PUT(text("%s/password", user_path(id)), text("{\"password\":\"%s\"}", password));
}

static bool must_change(const char *id)
{
    return cJSON_IsTrue(at(expect_status(GET(user_path(id)), 200), "data.must_change_password"));
}

static void expect_hidden(const struct reply *r, const char *password)
{
    expect(!has_text(r, password) && !has_text(r, "argon2id") && !has_text(r, "\"password"), "%s: %s", r->what, r->body);
}

static void test_no_reply_holds_a_password(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("u"), *password = unique("secret"), *other = unique("secret");
    struct reply *r = expect_status(create(unique("key"), name, password), 200);
    expect_hidden(r, password);
    char *path = text("%s", header(r, "Location"));
    expect_hidden(GET(path), password);
    expect_hidden(GET(text("/api/v1/users?keyword=%s", name)), password);
    expect_hidden(expect_status(PATCH(path, text("{\"password\":\"%s\"}", other)), 200), other);
    expect_hidden(expect_status(PUT(text("%s/password", path), text("{\"password\":\"%s\"}", password)), 200), password);
    r = call("PATCH", path, text("{\"password\":\"%s\"}", other), "If-Match: \"99.x\"", NULL);
    expect_error(r, 412, "VERSION_CONFLICT", "");
    expect(!has_text(r, other) && !has_text(r, "argon2id"), "%s", r->body);
    r = POST("/api/v1/users", text("{\"username\":\"%s\",\"name\":\"某\",\"password\":\"%s\"}", name, other));
    expect_error(r, 409, "DUPLICATE", "username");
    expect(!has_text(r, other), "%s", r->body);
}

/* Neither the password nor its hash, nor a digest of the body, which would be quick to try. */
static void test_no_table_but_users_holds_a_password(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("u"), *password = unique("secret"), *key = unique("key");
    char *id = text("%s", text_at(expect_status(create(key, name, password), 200), "data.user_id"));
    expect_status(reset(id, unique("secret")), 200);
    expect_status(DELETE(user_path(id)), 200);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM outbox WHERE aggregate_id = '%s'", id), 3);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM outbox o WHERE o::text LIKE '%%$argon2id%%' OR o::text LIKE '%%%s%%' "
                                              "OR o.after ? 'password_hash' OR o.before ? 'password_hash'", password), 0);
    assert_string_equal(sql(stack.auth_db, "SELECT reply ->> 'username' FROM idempotency WHERE key = '%s'", key), name);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM idempotency i WHERE i::text LIKE '%%$argon2id%%' "
                                              "OR reply ? 'password_hash'"), 0);
    const char *body = text("POST /api/v1/users\n{\"username\":\"%s\",\"name\":\"某\",\"password\":\"%s\"}", name, password);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM idempotency WHERE "
                                              "request = sha256(convert_to('%s', 'UTF8'))", body), 0);
    expect(!strncmp(sql(stack.auth_db, "SELECT password_hash FROM users WHERE user_id = '%s'", id), "$argon2id$", 10), "no hash");
}

static void test_no_log_holds_a_password(void **state)
{
    (void)state;
    own_stack_only();
    on_auth();
    const char *password = unique("secret"), *name = unique("u");
    char *id = text("%s", text_at(expect_status(create(unique("key"), name, password), 200), "data.user_id"));
    expect_status(reset(id, password), 200);
    create(unique("key"), name, password);
    POST("/api/v1/users", text("{\"username\":7,\"password\":\"%s\"}", password));
    PATCH(user_path(id), text("{\"password\":\"%s\",\"roles\":[\"NOBODY\"]}", password));
    assert_int_not_equal(system(text("grep -rqF '%s' \"$LOG_DIR\"", password)), 0);
    assert_int_not_equal(system("grep -rqF '$argon2id$' \"$LOG_DIR\""), 0);
    assert_int_equal(system("grep -q /api/v1/users \"$LOG_DIR\"/auth-service.log"), 0);
}

/* The password is no part of what a key's second request must equal: whoever sends another one is told what was done then. */
static void test_a_key_is_replayed_without_its_password(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("u"), *key = unique("key");
    struct reply *first = expect_status(create(key, name, "12345678"), 200), *again = expect_status(create(key, name, "12345678"), 200);
    assert_string_equal(first->body, again->body);
    assert_string_equal(header(again, "Idempotent-Replayed"), "true");
    assert_string_equal(expect_status(create(key, name, "87654321"), 200)->body, first->body);
    expect(*token_of(name, "12345678") && !*token_of(name, "87654321"), "the first password does not hold");
    expect_error(create(key, unique("u"), "12345678"), 422, "IDEMPOTENCY_KEY_REUSED", "");
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM users WHERE username = '%s'", name), 1);
}

static void test_a_reset_sets_the_password_and_asks_for_another(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("u");
    char *id = user(name, NULL);
    expect(!must_change(id), "was made with must_change_password false");
    long before = revocations_of(id);
    struct reply *r = expect_status(reset(id, "another password"), 200);
    assert_string_equal(keys_at(r, "data"), "user_id,updated_time");
    assert_non_null(header(r, "ETag"));
    expect(must_change(id), "need not change what an administrator has chosen");
    assert_int_equal(revocations_of(id), before + 1);
    expect(!*token_of(name, STAFF_PASSWORD) && *token_of(name, "another password"), "the new password does not hold");
    expect_status(PATCH(user_path(id), "{\"must_change_password\":false}"), 200);
    expect_status(PATCH(user_path(id), "{\"password\":\"a third password\"}"), 200);
    expect(must_change(id), "need not change what an administrator has chosen");
    expect_status(PATCH(user_path(id), "{\"password\":\"a third password\",\"must_change_password\":false}"), 200);
    expect(!must_change(id), "the request says that it need not be changed");
}

static void test_a_reset_takes_a_password_and_nothing_else(void **state)
{
    (void)state;
    const struct {
        const char *body, *fields;
    } cases[] = {
        { "{}", "password" },
        { "[]", "body" },
        { "{\"password\":null}", "password" },
        { "{\"password\":\"1234567\"}", "password" },
        { "{\"password\":12345678}", "password" },
        { "{\"password\":\"12345678\",\"name\":\"某\",\"status\":\"停用\"}", "name,status" },
        { "{\"name\":\"某\"}", "name,password" },
        { "{\"password\":\"12345678\",\"old\":\"x\"}", "old" },
    };
    on_auth();
    const char *name = unique("u");
    char *id = user(name, NULL), *path = text("%s/password", user_path(id));
    for (size_t i = 0; i < COUNT(cases); i++) expect_error(PUT(path, cases[i].body), 400, "INVALID_FIELD", cases[i].fields);
    expect_error(reset(UUID_ABSENT, "12345678"), 404, "NOT_FOUND", "");
    expect_error(reset("1", "12345678"), 400, "INVALID_FIELD", "user_id");
    expect_error(call("PUT", path, "{\"password\":\"12345678\"}", "If-Match: \"99.x\"", NULL), 412, "VERSION_CONFLICT", "");
    expect_status(PUT(text("%s?dry_run=true", path), "{\"password\":\"12345678\"}"), 200);
    expect_error(POST(path, "{}"), 405, "METHOD_NOT_ALLOWED", "");
    expect(*token_of(name, STAFF_PASSWORD), "the password has changed");
}

static void test_who_sets_his_own_password_need_not_change_it(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("boss");
    char *id = user(name, "\"roles\":[\"ADMIN\"]");
    as(token_of(name, STAFF_PASSWORD));
    expect_status(reset(id, "my own password"), 200);
    as(token_of(name, "my own password"));
    expect(!must_change(id), "must change his own password");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_reply_holds_a_password),
        cmocka_unit_test(test_no_table_but_users_holds_a_password),
        cmocka_unit_test(test_no_log_holds_a_password),
        cmocka_unit_test(test_a_key_is_replayed_without_its_password),
        cmocka_unit_test(test_a_reset_sets_the_password_and_asks_for_another),
        cmocka_unit_test(test_a_reset_takes_a_password_and_nothing_else),
        cmocka_unit_test(test_who_sets_his_own_password_need_not_change_it),
    };
    return system_main("user_password", tests, COUNT(tests));
}
