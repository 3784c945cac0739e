/* Departments as a resource: a tree that data scopes look at by path. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "sql.h"
#include "staff.h"
#include "stack.h"

#include <string.h>

static void on_auth(void)
{
    target(stack.auth_url);
    as(stack.admin_token);
}

static char *path_of(const char *id)
{
    return text("/api/v1/departments/%s", id);
}

static char *place(const char *id)
{
    return sql(stack.auth_db, "SELECT path FROM departments WHERE department_id = '%s'", id);
}

static void expect_below(const char *id, const char *parent)
{
    char *above = place(parent), *own = place(id);
    expect(!strncmp(own, above, strlen(above)) && own[strlen(above)] == '.', "%s is not below %s", own, above);
}

static void move(const char *id, const char *parent)
{
    expect_status(PATCH(path_of(id), parent ? text("{\"parent_id\":\"%s\"}", parent) : "{\"parent_id\":null}"), 200);
}

static void test_a_department_is_made_read_and_listed(void **state)
{
    (void)state;
    on_auth();
    const char *name = unique("华北销售部");
    char *top = department(name, NULL);
    struct reply *r = POST("/api/v1/departments", text("{\"department_name\":\"一组\",\"parent_id\":\"%s\",\"sort_order\":3}", top));
    expect_status(r, 200);
    assert_string_equal(keys_at(r, "data"), "department_id,department_name,created_time");
    r = expect_status(GET(header(r, "Location")), 200);
    assert_string_equal(keys_at(r, "data"), "department_id,department_name,parent_id,parent_name,sort_order,created_by,created_time,"
                                            "updated_by,updated_time,description,version");
    expect_text(r, "data.parent_name", name);
    expect_status(PATCH(path_of(top), "{\"department_name\":\"改名\"}"), 200);
    r = GET(text("/api/v1/departments?parent_id=%s", top));
    expect_number(r, "data.total", 1);
    expect_text(r, "data.records.0.department_name", "一组");
    department(text("%s二", name), NULL);
    r = GET(text("/api/v1/departments?keyword=%s", encoded(text("%s二", name))));
    expect_number(r, "data.total", 1);
    expect_number(GET("/api/v1/departments?keyword=hbxsb&total=none"), "data.current", 1);
}

static void test_a_department_reports_every_bad_field_at_once(void **state)
{
    (void)state;
    on_auth();
    expect_error(POST("/api/v1/departments", "{\"parent_id\":\"x\",\"sort_order\":-1,\"description\":1,\"path\":\"1\",\"version\":1}"), 400,
                 "INVALID_FIELD", "department_name,parent_id,sort_order,description,path,version");
    expect_error(POST("/api/v1/departments", text("{\"department_name\":\"%s\"}", repeat("部", 101))), 400, "INVALID_FIELD",
                 "department_name");
    expect_error(POST("/api/v1/departments", "{\"department_name\":\"部\",\"parent_id\":\"" UUID_ABSENT "\"}"), 422, "BAD_REFERENCE",
                 "parent_id");
}

static void test_versions_and_keys_hold_for_departments(void **state)
{
    (void)state;
    on_auth();
    const char *key = text("Idempotency-Key: %s", unique("key")), *body = text("{\"department_name\":\"%s\"}", unique("部"));
    struct reply *first = expect_status(call("POST", "/api/v1/departments", body, key, NULL), 200);
    assert_string_equal(call("POST", "/api/v1/departments", body, key, NULL)->body, first->body);
    char *path = text("%s", header(first, "Location")), *tag = text("If-Match: %s", header(first, "ETag"));
    expect_status(call("PATCH", path, "{\"sort_order\":1}", tag, NULL), 200);
    struct reply *r = call("PATCH", path, "{\"sort_order\":2}", tag, NULL);
    expect_error(r, 412, "VERSION_CONFLICT", "");
    expect_number(r, "current.sort_order", 1);
    expect_error(call("DELETE", path, NULL, tag, NULL), 412, "VERSION_CONFLICT", "");
}

static void test_a_tree_of_departments_has_no_cycle(void **state)
{
    (void)state;
    on_auth();
    char *a = department(unique("甲"), NULL), *b = department(unique("乙"), a), *c = department(unique("丙"), b);
    expect_error(PATCH(path_of(a), text("{\"parent_id\":\"%s\"}", a)), 422, "RULE_VIOLATED", "parent_id");
    expect_error(PATCH(path_of(a), text("{\"parent_id\":\"%s\"}", c)), 422, "RULE_VIOLATED", "parent_id");
    move(c, a);
    move(b, c);
}

static void test_paths_follow_a_department_that_moves(void **state)
{
    (void)state;
    on_auth();
    char *a = department(unique("甲"), NULL), *b = department(unique("乙"), NULL);
    char *c = department(unique("丙"), a), *d = department(unique("丁"), c);
    char *member = user(unique("u"), text("\"department_id\":\"%s\"", d)), *other = user(unique("u"), text("\"department_id\":\"%s\"", a));
    expect_below(c, a);
    expect_below(d, c);
    move(c, b);
    expect_below(c, b);
    expect_below(d, c);
    assert_int_equal(revocations_of(member), 1); /* its token names a path that is over */
    assert_int_equal(revocations_of(other), 0);
    expect_status(PATCH(path_of(c), "{\"department_name\":\"改名\"}"), 200);
    assert_int_equal(revocations_of(member), 1);
    move(c, NULL);
    assert_null(strchr(place(c), '.'));
    expect_below(d, c);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM outbox WHERE aggregate_id = '%s' AND after ->> 'path' = '%s'", d,
                               place(d)), 1);
}

static void test_a_department_in_use_is_not_deleted(void **state)
{
    (void)state;
    on_auth();
    char *top = department(unique("部"), NULL), *below = department(unique("组"), top), *in = text("\"department_id\":\"%s\"", top);
    char *one = user(unique("u"), in), *two = user(unique("u"), in);
    struct reply *r = DELETE(path_of(top));
    expect_error(r, 409, "STATE_CONFLICT", "departments,users");
    assert_string_equal(detail_text(r, "departments", "reason"), "1 are below it");
    assert_string_equal(detail_text(r, "users", "reason"), "2 are in it");
    expect_status(DELETE(path_of(below)), 200);
    expect_error(DELETE(path_of(top)), 409, "STATE_CONFLICT", "users");
    expect_status(DELETE(user_path(one)), 200);
    expect_status(PATCH(user_path(two), "{\"department_id\":null}"), 200);
    expect_status(DELETE(path_of(top)), 200);
    expect_error(POST(text("%s/restore", path_of(below)), "{}"), 422, "BAD_REFERENCE", "parent_id");
    expect_status(POST(text("%s/restore", path_of(top)), "{}"), 200);
    expect_status(POST(text("%s/restore", path_of(below)), "{}"), 200);
    expect_below(below, top);
}

/* Half of the requests delete a department, half put somebody into it: it must not be gone with somebody in it. */
static void test_a_department_is_not_deleted_while_somebody_joins(void **state)
{
    (void)state;
    on_auth();
    for (int round = 0; round < 5; round++) {
        char *dept = department(unique("部"), NULL);
        struct request requests[RACERS];
        struct reply *replies[RACERS];
        for (int i = 0; i < RACERS; i++)
            requests[i] = i % 2 ? staff_request("DELETE", path_of(dept), NULL)
                                : staff_request("PATCH", user_path(user(unique("u"), NULL)), text("{\"department_id\":\"%s\"}", dept));
        race(requests, replies);
        assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM users JOIN departments d USING (department_id) WHERE "
                                                  "d.department_id = '%s' AND d.deleted_time IS NOT NULL", dept), 0);
        for (int i = 0; i < RACERS; i++) expect(replies[i]->status < 500, "%s: %s", replies[i]->what, replies[i]->body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_department_is_made_read_and_listed),
        cmocka_unit_test(test_a_department_reports_every_bad_field_at_once),
        cmocka_unit_test(test_versions_and_keys_hold_for_departments),
        cmocka_unit_test(test_a_tree_of_departments_has_no_cycle),
        cmocka_unit_test(test_paths_follow_a_department_that_moves),
        cmocka_unit_test(test_a_department_in_use_is_not_deleted),
        cmocka_unit_test(test_a_department_is_not_deleted_while_somebody_joins),
    };
    return system_main("departments", tests, COUNT(tests));
}
