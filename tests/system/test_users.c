/* Users as a resource: contract.md, Access, and what the administration of users must never do. Their passwords are in
 * test_user_password.c. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
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

static char *admin_id(void)
{
    return sql(stack.auth_db, "SELECT user_id FROM users WHERE username = '%s'", stack.username);
}

/* --- reading and writing ------------------------------------------------------------------------------------------ */

static void test_user_create_answers_and_can_be_read(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("u");
    char *dept = department("销售部", NULL);
    struct reply *r = POST("/api/v1/users", text("{\"username\":\"%s\",\"password\":\"" STAFF_PASSWORD "\",\"name\":\"李四\","
                                                 "\"email\":\"li@example.com\",\"phone\":\"13800138000\",\"department_id\":\"%s\","
                                                 "\"roles\":[\"SALES_REP\",\"FINANCE\"],\"description\":\"新人\"}", name, dept));
    expect_status(r, 200);
    assert_string_equal(keys_at(r, "data"), "user_id,username,created_time");
    assert_string_equal(header(r, "Location"), user_path(text_at(r, "data.user_id")));
    r = expect_status(GET(header(r, "Location")), 200);
    assert_string_equal(keys_at(r, "data"), "user_id,username,must_change_password,name,email,phone,department_id,department_name,roles,"
                                            "status,created_by,created_time,updated_by,updated_time,description,version");
    expect_text(r, "data.username", name);
    expect_text(r, "data.department_name", "销售部");
    expect_text(r, "data.roles.0", "SALES_REP");
    expect_text(r, "data.roles.1", "FINANCE");
    expect_text(r, "data.status", "启用");
    expect_text(r, "data.created_by", admin_id());
    expect(cJSON_IsTrue(at(r, "data.must_change_password")), "%s", r->body);
    expect(*token_of(name, STAFF_PASSWORD), "%s cannot log in", name);
}

static void test_user_create_reports_every_bad_field_at_once(void **state)
{
    (void)state;
    on_auth();
    expect_error(POST("/api/v1/users", "{}"), 400, "INVALID_FIELD", "username,password,name");
    expect_error(POST("/api/v1/users", "{\"username\":\"a b\",\"password\":\"short\",\"name\":\"\",\"email\":\"x\",\"phone\":\"1\","
                                       "\"department_id\":\"x\",\"roles\":\"ADMIN\",\"status\":\"锁定\",\"must_change_password\":1,"
                                       "\"description\":7,\"version\":1,\"password_hash\":\"x\",\"department_name\":\"x\"}"),
                 400, "INVALID_FIELD", "username,password,name,email,phone,department_id,roles,status,must_change_password,description,"
                                       "version,password_hash,department_name");
}

static void test_user_create_refuses_bad_values(void **state)
{
    (void)state;
    const struct {
        const char *member, *field;
    } cases[] = {
        { "\"password\":\"1234567\"", "password" },
        { text("\"password\":\"%s\"", repeat("密", 129)), "password" },
        { "\"password\":\"12345678\\u0007\"", "password" },
        { "\"password\":null", "password" },
        { "\"roles\":[\"\"]", "roles" },
        { "\"roles\":[7]", "roles" },
        { text("\"roles\":[\"%s\"]", repeat("R", 33)), "roles" },
        { "\"status\":null", "status" },
        { "\"must_change_password\":null", "must_change_password" },
    };
    on_auth();
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool own = strstr(cases[i].member, "password\":") == cases[i].member + 1;
        expect_error(POST("/api/v1/users", text("{\"username\":\"%s\",\"name\":\"某\"%s,%s}", unique("u"),
                                                own ? "" : ",\"password\":\"12345678\"", cases[i].member)),
                     400, "INVALID_FIELD", cases[i].field);
    }
    user(unique("u"), "\"roles\":null,\"email\":null,\"department_id\":null");
    const char *longest = text("{\"username\":\"%s\",\"name\":\"某\",\"password\":\"%s\"}", unique("u"), repeat("密", 128));
    expect_status(POST("/api/v1/users", longest), 200);
}

static void test_user_references_must_exist(void **state)
{
    (void)state;
    on_auth();
    char *path = user_path(user(unique("u"), NULL)), *gone = department(unique("部"), NULL);
    expect_status(DELETE(text("/api/v1/departments/%s", gone)), 200);
    expect_error(PATCH(path, "{\"roles\":[\"ADMIN\",\"NOBODY\"]}"), 422, "BAD_REFERENCE", "roles");
    expect_error(PATCH(path, "{\"department_id\":\"" UUID_ABSENT "\"}"), 422, "BAD_REFERENCE", "department_id");
    expect_error(PATCH(path, text("{\"department_id\":\"%s\"}", gone)), 422, "BAD_REFERENCE", "department_id");
    const char *body = text("{\"username\":\"%s\",\"name\":\"某\",\"password\":\"12345678\",\"roles\":[\"NOBODY\"]}", unique("u"));
    expect_error(POST("/api/v1/users", body), 422, "BAD_REFERENCE", "roles");
}

static void test_user_updates_merge_and_keep_versions_apart(void **state)
{
    (void)state;
    on_auth();
    char *path = user_path(user(unique("u"), "\"roles\":[\"FINANCE\"],\"phone\":\"13800138000\""));
    char *first = text("If-Match: %s", header(GET(path), "ETag"));
    struct reply *r = expect_status(call("PATCH", path, "{\"name\":\"王五\",\"phone\":null}", first, NULL), 200);
    assert_string_equal(keys_at(r, "data"), "user_id,updated_time");
    r = call("PUT", path, "{\"name\":\"赵六\"}", first, NULL);
    expect_error(r, 412, "VERSION_CONFLICT", "");
    expect_text(r, "current.name", "王五");
    expect(!at(r, "current.password") && !has_text(r, "argon2id"), "%s", r->body);
    r = expect_status(GET(path), 200);
    expect_text(r, "data.name", "王五");
    expect_text(r, "data.roles.0", "FINANCE");
    expect(is_null_at(r, "data.phone"), "%s", r->body);
    expect_status(call("PUT", path, pool_keep(cJSON_PrintUnformatted(at(r, "data")), free), NULL), 200); /* as it was read */
    expect_status(call("GET", path, NULL, text("If-None-Match: %s", header(GET(path), "ETag")), NULL), 304);
}

static void test_users_are_listed_by_status_department_and_keyword(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("Finder"), *phone = text("139%08d", (int)(now_s() * 10) % 100000000);
    char *dept = department(unique("部"), NULL);
    user(name, text("\"department_id\":\"%s\",\"phone\":\"%s\",\"email\":\"%s@example.com\"", dept, phone, name));
    user(unique("u"), text("\"department_id\":\"%s\",\"status\":\"DISABLED\"", dept));
    struct reply *r = GET(text("/api/v1/users?department_id=%s", dept));
    expect_number(r, "data.total", 2);
    assert_string_equal(keys_at(r, "data.records.0"),
                        "user_id,username,name,email,phone,department_id,department_name,roles,status,created_time");
    r = GET(text("/api/v1/users?department_id=%s&status=%s", dept, encoded("停用")));
    expect_number(r, "data.total", 1);
    expect_text(r, "data.records.0.status", "停用");
    const char *const words[] = { name, phone, text("%s@example.com", name) };
    for (size_t i = 0; i < COUNT(words); i++) {
        r = GET(text("/api/v1/users?keyword=%s", encoded(words[i])));
        expect_number(r, "data.total", 1);
        expect_text(r, "data.records.0.username", name);
    }
    expect_number(GET(text("/api/v1/users?department_id=%s&keyword=zhangs", dept)), "data.total", 2);
    expect_error(GET("/api/v1/users?password=x&sort=password"), 400, "INVALID_FIELD", "password,sort");
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static void test_usernames_are_unique_whatever_their_case(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("Zhang"), *shouted = text("ZHANG%s", name + 5);
    char *first = user(name, NULL), *other = user(unique("u"), NULL);
    const char *body = text("{\"username\":\"%s\",\"name\":\"某\",\"password\":\"12345678\"}", shouted);
    struct reply *r = POST("/api/v1/users", body);
    expect_error(r, 409, "DUPLICATE", "username");
    assert_string_equal(detail_text(r, "username", "existing_id"), first);
    expect_error(PATCH(user_path(other), text("{\"username\":\"%s\"}", shouted)), 409, "DUPLICATE", "username");
    expect_status(PATCH(user_path(first), text("{\"username\":\"%s\"}", shouted)), 200);
    expect_status(DELETE(user_path(first)), 200);
    expect_status(POST("/api/v1/users", body), 200);
    expect_error(POST(text("%s/restore", user_path(first)), "{}"), 409, "DUPLICATE", "username");
    expect(*token_of(shouted, "12345678"), "the live one cannot log in");
    expect(!*token_of(shouted, STAFF_PASSWORD), "the deleted one can log in");
}

static void test_the_command_for_administrators_knows_who_exists(void **state)
{
    (void)state;
    const char *bin = getenv("BIN_DIR");
    const char *command = text("DATABASE_URL='%s' ADMIN_PASSWORD='" STAFF_PASSWORD "' %s/auth-service create-admin --username %s 2>&1 | "
                               "grep -q 'a user of this name exists'", stack.auth_db, bin ? bin : "build/release/bin",
                               stack.username);
    assert_int_equal(system(command), 0);
}

static void test_of_a_race_for_a_username_one_wins(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("racer");
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    for (int i = 0; i < RACERS; i++) {
        char *mine = text("%s", name);
        mine[i % 5] = (char)(mine[i % 5] - 'a' + 'A');
        const char *body = text("{\"username\":\"%s\",\"name\":\"某\",\"password\":\"12345678\"}", mine);
        requests[i] = staff_request("POST", "/api/v1/users", body);
    }
    race(requests, replies);
    int won = 0;
    for (int i = 0; i < RACERS; i++)
        if (replies[i]->status == 200) won++;
        else expect_error(replies[i], 409, "DUPLICATE", "username");
    assert_int_equal(won, 1);
}

/* --- coming and going --------------------------------------------------------------------------------------------- */

static void test_deleted_users_cannot_log_in_until_they_are_restored(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("u");
    char *id = user(name, "\"roles\":[\"FINANCE\"]"), *restore = text("%s/restore", user_path(id));
    expect_status(DELETE(user_path(id)), 200);
    expect_error(GET(user_path(id)), 404, "NOT_FOUND", "");
    expect(!*token_of(name, STAFF_PASSWORD), "a deleted user can log in");
    expect_status(POST(restore, "{}"), 200);
    expect(*token_of(name, STAFF_PASSWORD), "a restored user cannot log in");
    assert_int_equal(revocations_of(id), 2);
}

static void test_a_user_comes_back_only_with_roles_and_a_department_that_exist(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("ROLE");
    char *held = role(name, "\"customer:view\""), *dept = department(unique("部"), NULL);
    char *id = user(unique("u"), text("\"roles\":[\"%s\"]", name)), *other = user(unique("u"), text("\"department_id\":\"%s\"", dept));
    expect_status(DELETE(user_path(id)), 200);
    expect_status(DELETE(user_path(other)), 200);
    expect_status(DELETE(text("/api/v1/roles/%s", held)), 200);
    expect_status(DELETE(text("/api/v1/departments/%s", dept)), 200);
    expect_error(POST(text("%s/restore", user_path(id)), "{}"), 422, "BAD_REFERENCE", "roles");
    expect_error(POST(text("%s/restore", user_path(other)), "{}"), 422, "BAD_REFERENCE", "department_id");
    expect_status(POST(text("/api/v1/roles/%s/restore", held), "{}"), 200);
    expect_status(POST(text("%s/restore", user_path(id)), "{}"), 200);
}

static void test_what_a_token_says_ends_the_tokens_that_say_otherwise(void **state)
{
    (void)state;
    on_auth();
    char *id = user(unique("u"), NULL), *path = user_path(id);
    const struct {
        const char *change;
        int ends;
    } cases[] = {
        { "{\"description\":\"某\",\"phone\":\"13800138000\",\"email\":\"a@example.com\"}", 0 },
        { "{\"roles\":[\"FINANCE\"]}", 1 },
        { "{\"roles\":[\"FINANCE\"]}", 0 },
        { text("{\"department_id\":\"%s\"}", department(unique("部"), NULL)), 1 },
        { "{\"name\":\"改名\"}", 1 },
        { text("{\"username\":\"%s\"}", unique("v")), 1 },
        { "{\"status\":\"停用\"}", 1 },
        { "{\"status\":\"ENABLED\"}", 1 },
        { "{\"password\":\"12345678\"}", 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        long before = revocations_of(id);
        expect_status(PATCH(path, cases[i].change), 200);
        expect(revocations_of(id) - before == cases[i].ends, "%s: %ld revocations", cases[i].change, revocations_of(id) - before);
    }
    assert_string_equal(sql(stack.auth_db, "SELECT max(generation) FROM revocations WHERE user_id = '%s'", id),
                        sql(stack.auth_db, "SELECT generation FROM users WHERE user_id = '%s'", id));
}

/* --- what must never happen --------------------------------------------------------------------------------------- */

static void test_nobody_disables_or_deletes_himself(void **state)
{
    (void)state;
    const char *name = unique("boss");
    on_auth();
    char *id = user(name, "\"roles\":[\"ADMIN\"]"), *mine = user_path(id);
    as(token_of(name, STAFF_PASSWORD));
    expect_error(DELETE(mine), 409, "STATE_CONFLICT", "user_id");
    expect_error(PATCH(mine, "{\"status\":\"停用\"}"), 409, "STATE_CONFLICT", "status");
    expect_error(DELETE(text("%s?dry_run=true", mine)), 409, "STATE_CONFLICT", "user_id");
    expect_status(PATCH(mine, "{\"description\":\"我\",\"status\":\"启用\"}"), 200);
    as(stack.admin_token);
    expect_status(PATCH(mine, "{\"status\":\"停用\"}"), 200);
    expect_status(PATCH(mine, "{\"description\":\"停\"}"), 200);
    expect_status(DELETE(mine), 200);
}

static void test_only_who_may_manage_users_reaches_them(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
    } operations[] = {
        { "GET", "/api/v1/users" },         { "POST", "/api/v1/users" },      { "GET", "/api/v1/departments" },
        { "POST", "/api/v1/departments" },  { "GET", "/api/v1/roles" },       { "POST", "/api/v1/roles" },
        { "GET", "/api/v1/permissions" },   { "GET", "/api/v1/users/" UUID_ABSENT },
        { "PUT", "/api/v1/users/" UUID_ABSENT "/password" },                  { "DELETE", "/api/v1/roles/" UUID_ABSENT },
    };
    const char *const others[] = { user_with_role("SALES_DIRECTOR"), user_with_role("AUDITOR"), user_with_role("") };
    const char *const doors[] = { stack.auth_url, stack.gateway_url };
    for (size_t d = 0; d < COUNT(doors); d++) {
        target(doors[d]);
        for (size_t i = 0; i < COUNT(operations); i++) {
            const char *body = *operations[i].method == 'P' ? "{}" : NULL;
            as(NULL);
            expect_error(call(operations[i].method, operations[i].path, body, NULL), 401, "UNAUTHENTICATED", "");
            for (size_t j = 0; j < COUNT(others); j++) {
                as(others[j]);
                expect_error(call(operations[i].method, operations[i].path, body, NULL), 403, "FORBIDDEN", "permission");
            }
        }
        as(stack.admin_token);
        expect_status(GET("/api/v1/users?size=1"), 200);
    }
}

/* Ends with the administrator or another demoted, so it is the last test. */
static void test_the_last_one_who_manages_users_stays(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("boss");
    char *id = user(name, "\"roles\":[\"ADMIN\"]"), *admin = admin_id(), *token = token_of(name, STAFF_PASSWORD);
    sql(stack.auth_db, "UPDATE users SET roles = '[]' WHERE user_id NOT IN ('%s', '%s')", id, admin);
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    for (int i = 0; i < RACERS; i++) {
        requests[i] = staff_request("PATCH", user_path(i % 2 ? id : admin), "{\"roles\":[]}");
        if (i % 2 == 0) requests[i].token = token;
    }
    race(requests, replies);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM identities WHERE enabled AND permissions::jsonb ? 'user:manage'"), 1);
    char *left = sql(stack.auth_db, "SELECT user_id FROM identities WHERE permissions::jsonb ? 'user:manage'");
    const char *username = !strcmp(left, id) ? name : stack.username, *password = !strcmp(left, id) ? STAFF_PASSWORD : stack.password;
    as(token_of(username, password));
    char *mine = user_path(left), *admins = sql(stack.auth_db, "SELECT role_id FROM roles WHERE role_name = 'ADMIN'");
    expect_error(PATCH(mine, "{\"roles\":[\"FINANCE\"]}"), 409, "STATE_CONFLICT", "roles");
    expect_error(PATCH(text("/api/v1/roles/%s", admins), "{\"permissions\":[\"customer:view\"]}"), 409, "STATE_CONFLICT", "permissions");
    expect_status(PATCH(text("/api/v1/roles/%s", admins), "{\"role_name\":\"ADMIN2\"}"), 200);
    as(token_of(username, password));
    expect_text(GET(mine), "data.roles.0", "ADMIN2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_create_answers_and_can_be_read),
        cmocka_unit_test(test_user_create_reports_every_bad_field_at_once),
        cmocka_unit_test(test_user_create_refuses_bad_values),
        cmocka_unit_test(test_user_references_must_exist),
        cmocka_unit_test(test_user_updates_merge_and_keep_versions_apart),
        cmocka_unit_test(test_users_are_listed_by_status_department_and_keyword),
        cmocka_unit_test(test_usernames_are_unique_whatever_their_case),
        cmocka_unit_test(test_the_command_for_administrators_knows_who_exists),
        cmocka_unit_test(test_of_a_race_for_a_username_one_wins),
        cmocka_unit_test(test_deleted_users_cannot_log_in_until_they_are_restored),
        cmocka_unit_test(test_a_user_comes_back_only_with_roles_and_a_department_that_exist),
        cmocka_unit_test(test_what_a_token_says_ends_the_tokens_that_say_otherwise),
        cmocka_unit_test(test_nobody_disables_or_deletes_himself),
        cmocka_unit_test(test_only_who_may_manage_users_reaches_them),
        cmocka_unit_test(test_the_last_one_who_manages_users_stays),
    };
    return system_main("users", tests, COUNT(tests));
}
