/* Login and validate: requirement document, section 5.1. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A client of its own each time, so that what fails here throttles nobody. */
static const char *from_somewhere(void)
{
    static int n;
    n++;
    return text("X-Forwarded-For: 198.51.%d.%d", n / 250, n % 250);
}

static struct reply *login(const char *username, const char *password)
{
    target(stack.auth_url);
    as(NULL);
    const char *body = text("{\"username\":\"%s\",\"password\":\"%s\"}", username, password);
    return call("POST", "/api/v1/auth/login", body, from_somewhere(), NULL);
}

static void test_login_answers_exactly_as_documented(void **state)
{
    (void)state;
    struct reply *r = login(stack.username, stack.password);
    expect_status(r, 200);
    assert_string_equal(keys_at(r, ""),
                        "access_token,token_type,expires_in,user_info,refresh_token,refresh_expires_in,must_change_password");
    assert_string_equal(keys_at(r, "user_info"), "user_id,username,name,roles");
    expect_text(r, "token_type", "bearer");
    expect_number(r, "expires_in", 3600);
    expect_text(r, "user_info.username", stack.username);
    expect_text(r, "user_info.name", "管理员");
    expect_text(r, "user_info.roles.0", "ADMIN");
    expect_text(r, "user_info.roles.1", "SALES_MANAGER");
    assert_int_equal(strlen(text_at(r, "user_info.user_id")), 36);
    expect(strstr(header(r, "Content-Type"), "application/json"), "%s", r->head);
    assert_string_equal(header(r, "Cache-Control"), "no-store");
}

static void test_login_token_opens_customer_service(void **state)
{
    (void)state;
    as(text("%s", text_at(login(stack.username, stack.password), "access_token")));
    target(stack.customer_url);
    expect_status(GET("/api/v1/customers?size=1"), 200);
}

static void test_validate_answers_exactly_as_documented(void **state)
{
    (void)state;
    target(stack.auth_url);
    struct reply *r = GET("/api/v1/auth/validate");
    expect_status(r, 200);
    assert_string_equal(keys_at(r, ""), "valid,permissions");
    assert_true(cJSON_IsTrue(at(r, "valid")));
    expect(has_text(r, "\"customer:view\"") && has_text(r, "\"opportunity:create\""), "%s", r->body);
}

static void test_validate_names_the_permissions_of_the_role_only(void **state)
{
    (void)state;
    char *token = user_with_role("FINANCE");
    target(stack.auth_url);
    as(token);
    struct reply *r = GET("/api/v1/auth/validate");
    assert_string_equal(
        r->body, "{\"valid\":true,\"permissions\":[\"customer:view\",\"order:approve\",\"order:unmask\",\"order:view\","
                 "\"report:view\"]}");
}

/* "…,"request_id":"…"}" without what differs by nature */
static char *without_request_id(const struct reply *r)
{
    const char *id = strstr(r->body, "\"request_id\"");
    return text("%.*s", (int)(id ? id - r->body : 0), r->body);
}

static void test_login_does_not_tell_a_wrong_password_from_an_unknown_user(void **state)
{
    (void)state;
    struct reply *wrong = login(stack.username, "not the password"),
                 *unknown = login("nobody-of-this-name", "not the password");
    expect_error(wrong, 401, "BAD_CREDENTIALS", "");
    expect_error(unknown, 401, "BAD_CREDENTIALS", "");
    assert_string_equal(without_request_id(wrong), without_request_id(unknown));
}

/* Hashing takes tens of milliseconds; skipping it for an unknown user would show. The quickest of five bears no noise.
 */
static void test_login_takes_as_long_for_an_unknown_user(void **state)
{
    (void)state;
    double wrong = 1e9, unknown = 1e9;
    for (int i = 0; i < 5; i++) {
        double a = login(stack.username, "not the password")->seconds,
               b = login("nobody-of-this-name", "not the password")->seconds;
        wrong = a < wrong ? a : wrong;
        unknown = b < unknown ? b : unknown;
    }
    expect(unknown > wrong / 2 && wrong > 0.01, "wrong password %.4f s, unknown user %.4f s", wrong, unknown);
}

static void test_login_refuses_a_disabled_user(void **state)
{
    (void)state;
    const char *password = "correct horse battery";
    char *token = user_with_role("FINANCE");
    char *name = sql(stack.auth_db, "SELECT username FROM users ORDER BY created_time DESC LIMIT 1");
    expect(*token && *token_of(name, password), "%s cannot log in", name);
    sql(stack.auth_db, "UPDATE users SET status = '停用' WHERE username = '%s'", name);
    expect_error(login(name, password), 401, "BAD_CREDENTIALS", "");
}

static void test_login_reports_every_bad_field(void **state)
{
    (void)state;
    const struct {
        const char *body, *slug, *fields;
    } cases[] = {
        { "{}", "INVALID_FIELD", "username,password" },
        { "[]", "INVALID_FIELD", "body" },
        { "", "BAD_JSON", NULL },
        { "{\"username\":\"admin\"", "BAD_JSON", NULL },
        { "{\"username\":\"admin\"}", "INVALID_FIELD", "password" },
        { "{\"username\":1,\"password\":true}", "INVALID_FIELD", "username,password" },
        { "{\"username\":null,\"password\":null}", "INVALID_FIELD", "username,password" },
        { "{\"username\":\"\",\"password\":\"\"}", "INVALID_FIELD", "username,password" },
        { "{\"username\":\"admin\",\"password\":\"x\",\"remember\":true}", "INVALID_FIELD", "remember" },
        { "{\"username\":\"admin\",\"username\":\"root\",\"password\":\"x\"}", "BAD_JSON", NULL },
        { text("{\"username\":\"%s\",\"password\":\"%s\"}", repeat("u", 65), repeat("p", 257)), "INVALID_FIELD",
          "username,password" },
    };
    target(stack.auth_url);
    as(NULL);
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_error(POST("/api/v1/auth/login", cases[i].body), 400, cases[i].slug, cases[i].fields);
}

static void test_login_wants_json_by_post(void **state)
{
    (void)state;
    target(stack.auth_url);
    as(NULL);
    expect_error(
        call("POST", "/api/v1/auth/login", "username=admin", "Content-Type: application/x-www-form-urlencoded", NULL),
        415, "UNSUPPORTED_MEDIA", "");
    struct reply *r = GET("/api/v1/auth/login");
    expect_error(r, 405, "METHOD_NOT_ALLOWED", "");
    expect(header(r, "Allow") && strstr(header(r, "Allow"), "POST"), "%s", r->head);
}

static void test_login_never_shows_a_password_in_a_log(void **state)
{
    (void)state;
    const char *secret = unique("hunter2");
    login(stack.username, secret);
    login(secret, secret);
    own_stack_only();
    target(stack.auth_url);
    POST("/api/v1/auth/login", text("{\"username\":\"a\",\"password\":[\"%s\"]}", secret));
    char *command = text("grep -rqF '%s' \"$LOG_DIR\"", secret);
    assert_int_not_equal(system(command), 0);
    assert_int_equal(system("grep -q /api/v1/auth/login \"$LOG_DIR\"/auth-service.log"), 0);
}

static void test_jwks_publishes_public_keys_only(void **state)
{
    (void)state;
    target(stack.auth_url);
    as(NULL);
    struct reply *r = GET("/api/v1/auth/jwks");
    expect_status(r, 200);
    assert_true(cJSON_GetArraySize(at(r, "keys")) >= 1);
    const char *const members[][2] = { { "kty", "EC" }, { "crv", "P-256" }, { "alg", "ES256" }, { "use", "sig" } };
    for (size_t i = 0; i < COUNT(members); i++) expect_text(r, text("keys.0.%s", members[i][0]), members[i][1]);
    assert_true(text_at(r, "keys.0.kid") && text_at(r, "keys.0.x") && text_at(r, "keys.0.y"));
    assert_null(at(r, "keys.0.d"));
}

static void test_passwords_are_kept_by_a_memory_hard_function(void **state)
{
    (void)state;
    char *hash = sql(stack.auth_db, "SELECT password_hash FROM users WHERE username = '%s'", stack.username);
    expect(!strncmp(hash, "$argon2id$", 10) && !strstr(hash, stack.password), "%s", hash);
}

/* Roles are data: a new one, and a change of one, hold from the next login on. */
static void test_roles_and_their_permissions_are_rows(void **state)
{
    (void)state;
    const char *role = unique("ROLE"), *password = "correct horse battery";
    sql(stack.auth_db, "INSERT INTO roles VALUES ('%s', '试', '{customer:view}', 'all')", role);
    as(user_with_role(role));
    char *name = sql(stack.auth_db, "SELECT username FROM users ORDER BY created_time DESC LIMIT 1");
    target(stack.auth_url);
    assert_string_equal(GET("/api/v1/auth/validate")->body, "{\"valid\":true,\"permissions\":[\"customer:view\"]}");
    sql(stack.auth_db, "UPDATE roles SET permissions = '{audit:view}' WHERE role_name = '%s'", role);
    as(token_of(name, password));
    assert_string_equal(GET("/api/v1/auth/validate")->body, "{\"valid\":true,\"permissions\":[\"audit:view\"]}");
    target(stack.customer_url);
    expect_error(GET("/api/v1/customers?size=1"), 403, "FORBIDDEN", "permission");
}

struct logins {
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    atomic_bool done;
};

static void *log_in_all(void *arg)
{
    struct logins *l = arg;
    race(l->requests, l->replies);
    l->done = true;
    return NULL;
}

/* One thread serves all connections; were passwords hashed on it, one reply at most would come between two hashes. */
static void test_logins_do_not_keep_others_waiting(void **state)
{
    (void)state;
    struct replica r = replica_start("auth-service", "WORKERS=1", NULL);
    struct logins l = { 0 };
    pthread_t thread;
    int answered = 0;
    for (int i = 0; i < RACERS; i++)
        l.requests[i] = (struct request){ .method = "POST",
                                          .url = text("%s/api/v1/auth/login", r.url),
                                          .body = text("{\"username\":\"%s\",\"password\":\"wrong\"}", stack.username),
                                          .headers = { from_somewhere() },
                                          .timeout_ms = 60000 }; /* the one thread that hashes stands back where CPUs are short */
    pthread_create(&thread, NULL, log_in_all, &l);
    for (; !l.done; answered++)
        expect_status(http_send(&(struct request){ .method = "GET", .url = text("%s/healthz", r.url) }), 200);
    pthread_join(thread, NULL);
    for (int i = 0; i < RACERS; i++) expect_error(l.replies[i], 401, "BAD_CREDENTIALS", "");
    expect(answered > 4 * RACERS, "%d others were answered during %d logins", answered, RACERS);
    assert_int_equal(replica_stop(&r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login_answers_exactly_as_documented),
        cmocka_unit_test(test_login_token_opens_customer_service),
        cmocka_unit_test(test_validate_answers_exactly_as_documented),
        cmocka_unit_test(test_validate_names_the_permissions_of_the_role_only),
        cmocka_unit_test(test_login_does_not_tell_a_wrong_password_from_an_unknown_user),
        cmocka_unit_test(test_login_takes_as_long_for_an_unknown_user),
        cmocka_unit_test(test_login_refuses_a_disabled_user),
        cmocka_unit_test(test_login_reports_every_bad_field),
        cmocka_unit_test(test_login_wants_json_by_post),
        cmocka_unit_test(test_login_never_shows_a_password_in_a_log),
        cmocka_unit_test(test_jwks_publishes_public_keys_only),
        cmocka_unit_test(test_passwords_are_kept_by_a_memory_hard_function),
        cmocka_unit_test(test_roles_and_their_permissions_are_rows),
        cmocka_unit_test(test_logins_do_not_keep_others_waiting),
    };
    return system_main("auth", tests, COUNT(tests));
}
