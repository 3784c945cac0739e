/* Roles as a resource: what their holders may do, and whose records they see. */
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

static char *path_of(const char *id)
{
    return text("/api/v1/roles/%s", id);
}

/* What a new token of this user may do, as JSON. */
static char *permissions_of(const char *username)
{
    char *before = text("%s", current_token());
    as(token_of(username, STAFF_PASSWORD));
    struct reply *r = expect_status(GET("/api/v1/auth/validate"), 200);
    as(before);
    return text("%s", strstr(r->body, "\"permissions\":"));
}

static void test_a_role_is_made_read_and_changed(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("ROLE");
    struct reply *r = POST("/api/v1/roles", text("{\"role_name\":\"%s\",\"title\":\"大客户经理\",\"permissions\":[\"order:view\","
                                                 "\"customer:view\",\"order:view\"],\"data_scope\":\"本部门及下级部门\"}", name));
    expect_status(r, 200);
    assert_string_equal(keys_at(r, "data"), "role_id,role_name,created_time");
    char *path = text("%s", header(r, "Location"));
    r = expect_status(GET(path), 200);
    assert_string_equal(keys_at(r, "data"), "role_id,role_name,title,permissions,data_scope,created_by,created_time,updated_by,"
                                            "updated_time,description,version");
    expect(has_text(r, "\"permissions\":[\"order:view\",\"customer:view\"],\"data_scope\":\"本部门及下级部门\""), "%s", r->body); /* a set */
    assert_string_equal(sql(stack.auth_db, "SELECT data_scope FROM roles WHERE role_name = '%s'", name), "department_and_below");
    expect_status(PATCH(path, "{\"permissions\":[],\"data_scope\":\"own\"}"), 200); /* its code */
    r = expect_status(GET(path), 200);
    expect(has_text(r, "\"permissions\":[],\"data_scope\":\"本人\""), "%s", r->body);
    expect_status(call("PUT", path, pool_keep(cJSON_PrintUnformatted(at(r, "data")), free), NULL), 200);
}

static void test_a_role_reports_every_bad_field_at_once(void **state)
{
    (void)state;
    on_auth();
    expect_error(POST("/api/v1/roles", "{}"), 400, "INVALID_FIELD", "role_name,title,permissions,data_scope");
    struct reply *r = POST("/api/v1/roles", "{\"role_name\":\"a b\",\"title\":\"\",\"permissions\":[\"customer:view\",\"customer:fly\"],"
                                            "\"data_scope\":\"世界\",\"description\":[],\"role_id\":\"x\"}");
    expect_error(r, 400, "INVALID_FIELD", "role_name,title,permissions,data_scope,description,role_id");
    assert_string_equal(detail_text(r, "permissions", "reason"), "holds customer:fly, which there is not");
    expect(strstr(detail_text(r, "permissions", "allowed"), "user:manage"), "%s", r->body);
    assert_string_equal(detail_text(r, "data_scope", "allowed"), "本人, 本部门, 本部门及下级部门, 全部");
    const char *const bad[] = { "null", "\"customer:view\"", "{}", "[1]", "[null]", "[\"\"]", "[\"public\"]", "[\"customer:view}\"]" };
    char *path = path_of(role(unique("ROLE"), ""));
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_error(PATCH(path, text("{\"permissions\":%s}", bad[i])), 400, "INVALID_FIELD", "permissions");
}

static void test_roles_are_listed_and_filtered(void **state)
{
    (void)state;
    on_auth();
    struct reply *r = expect_status(GET("/api/v1/roles?keyword=xsdb"), 200);
    expect_number(r, "data.total", 1);
    assert_string_equal(keys_at(r, "data.records.0"), "role_id,role_name,title,permissions,data_scope");
    expect_text(r, "data.records.0.role_name", "SALES_REP");
    expect_text(r, "data.records.0.data_scope", "本人");
    expect_text(GET(text("/api/v1/roles?data_scope=%s", encoded("本部门及下级部门"))), "data.records.0.role_name", "SALES_MANAGER");
    expect_text(GET("/api/v1/roles?data_scope=department_and_below"), "data.records.0.role_name", "SALES_MANAGER");
    expect_error(GET("/api/v1/roles?data_scope=x&permissions=x"), 400, "INVALID_FIELD", "data_scope,permissions");
}

static void test_role_names_are_unique_and_free_again(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("ROLE"), *user_name = unique("u");
    char *first = role(name, "\"customer:view\",\"user:manage\"");
    struct reply *r = POST("/api/v1/roles", text("{\"role_name\":\"%s\",\"title\":\"某\",\"permissions\":[],\"data_scope\":\"all\"}", name));
    expect_error(r, 409, "DUPLICATE", "role_name");
    assert_string_equal(detail_text(r, "role_name", "existing_id"), first);
    expect_status(DELETE(path_of(first)), 200);
    role(name, "\"audit:view\"");
    user(user_name, text("\"roles\":[\"%s\"]", name));
    assert_string_equal(permissions_of(user_name), "\"permissions\":[\"audit:view\"]}"); /* nothing of the deleted one */
    expect_error(POST(text("%s/restore", path_of(first)), "{}"), 409, "DUPLICATE", "role_name");
}

static void test_a_change_of_a_role_ends_its_holders_tokens(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("ROLE"), *user_name = unique("u");
    char *id = role(name, "\"customer:view\""), *holder = user(user_name, text("\"roles\":[\"%s\",\"FINANCE\"]", name));
    const struct {
        const char *change;
        int ends;
    } cases[] = {
        { "{\"title\":\"改名\"}", 0 },
        { "{\"permissions\":[\"customer:view\"]}", 0 },
        { "{\"permissions\":[\"customer:view\",\"audit:view\"]}", 1 },
        { "{\"data_scope\":\"department\"}", 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        long before = revocations_of(holder);
        expect_status(PATCH(path_of(id), cases[i].change), 200);
        expect(revocations_of(holder) - before == cases[i].ends, "%s: %ld", cases[i].change, revocations_of(holder) - before);
    }
    expect(strstr(permissions_of(user_name), "audit:view"), "%s", permissions_of(user_name));
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM outbox WHERE aggregate_id = '%s'", holder), 1); /* its creation */
}

static void test_a_new_name_goes_to_the_holders(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("ROLE"), *renamed = unique("NEW"), *user_name = unique("u");
    char *id = role(name, "\"audit:view\""), *holder = user(user_name, text("\"roles\":[\"FINANCE\",\"%s\"]", name));
    char *tag = text("%s", header(GET(user_path(holder)), "ETag"));
    expect_status(PATCH(path_of(id), text("{\"role_name\":\"%s\"}", renamed)), 200);
    struct reply *r = GET(user_path(holder));
    expect_text(r, "data.roles.0", "FINANCE");
    expect_text(r, "data.roles.1", renamed);
    expect(strcmp(tag, header(r, "ETag")) != 0, "the same ETag");
    expect(strstr(permissions_of(user_name), "audit:view"), "lost its permissions");
    assert_int_equal(revocations_of(holder), 1);
}

static void test_a_role_that_somebody_has_is_not_deleted(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("ROLE"), *with = text("\"roles\":[\"%s\"]", name);
    char *id = role(name, ""), *one = user(unique("u"), with), *two = user(unique("u"), with);
    struct reply *r = DELETE(path_of(id));
    expect_error(r, 409, "STATE_CONFLICT", "users");
    assert_string_equal(detail_text(r, "users", "reason"), "2 have it");
    expect_status(PATCH(user_path(one), "{\"roles\":[]}"), 200);
    expect_status(DELETE(user_path(two)), 200);
    expect_status(DELETE(path_of(id)), 200);
    expect_error(PATCH(user_path(one), text("{%s}", with)), 422, "BAD_REFERENCE", "roles");
    expect_status(POST(text("%s/restore", path_of(id)), "{}"), 200);
    expect_status(PATCH(user_path(one), text("{%s}", with)), 200);
}

static void test_a_role_is_not_deleted_while_somebody_gets_it(void **state)
{
    (void)state;
    on_auth();
    for (int round = 0; round < 5; round++) {
        const char *name = unique("ROLE");
        char *id = role(name, "");
        struct request requests[RACERS];
        struct reply *replies[RACERS];
        for (int i = 0; i < RACERS; i++)
            requests[i] = i % 2 ? staff_request("DELETE", path_of(id), NULL)
                                : staff_request("PATCH", user_path(user(unique("u"), NULL)), text("{\"roles\":[\"%s\"]}", name));
        race(requests, replies);
        assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM users u JOIN roles r ON u.roles ? r.role_name WHERE "
                                                  "r.role_id = '%s' AND r.deleted_time IS NOT NULL", id), 0);
        for (int i = 0; i < RACERS; i++) expect(replies[i]->status < 500, "%s: %s", replies[i]->what, replies[i]->body);
    }
}

static void test_permissions_and_scopes_can_be_looked_up(void **state)
{
    (void)state;
    on_auth();
    struct reply *r = expect_status(GET("/api/v1/permissions"), 200);
    assert_string_equal(keys_at(r, "data.0"), "name,title");
    expect(has_text(r, "{\"name\":\"user:manage\",\"title\":\"管理用户、部门和角色\"}"), "%s", r->body);
    /* All that a role may hold, and nothing else: the seeded administrator has them all but the three that are for programs. */
    const char *held = "SELECT cardinality(permissions) + 3 FROM roles "
                       "WHERE role_name = 'ADMIN' AND NOT '{event:read,customer:convert,audit:write}' && permissions";
    assert_int_equal(sql_count(stack.auth_db, "%s", held), cJSON_GetArraySize(at(r, "data")));
    target(stack.customer_url);
    expect_text(GET("/api/v1/dictionaries/data_scope"), "data.items.2.label", "本部门及下级部门");
    expect_text(GET("/api/v1/dictionaries/user_status"), "data.items.1.label", "停用");
    expect_number(GET("/api/v1/dictionaries/permission"), "code", 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_role_is_made_read_and_changed),
        cmocka_unit_test(test_a_role_reports_every_bad_field_at_once),
        cmocka_unit_test(test_roles_are_listed_and_filtered),
        cmocka_unit_test(test_role_names_are_unique_and_free_again),
        cmocka_unit_test(test_a_change_of_a_role_ends_its_holders_tokens),
        cmocka_unit_test(test_a_new_name_goes_to_the_holders),
        cmocka_unit_test(test_a_role_that_somebody_has_is_not_deleted),
        cmocka_unit_test(test_a_role_is_not_deleted_while_somebody_gets_it),
        cmocka_unit_test(test_permissions_and_scopes_can_be_looked_up),
    };
    return system_main("roles", tests, COUNT(tests));
}
