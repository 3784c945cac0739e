/* Whose records a user reaches (requirement document, section 6.1): one rule for lists, totals, details, writes, internal calls and
 * references. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

#define RIGHTS "customer:view,customer:create,customer:update,customer:delete"

enum owner { SELF, COLLEAGUE, BELOW, ELSEWHERE, NOBODY, OWNERS };
enum { SCOPES = 4 };

static const struct { const char *name; bool reaches[OWNERS]; } scopes[SCOPES] = {
    { "own", { [SELF] = true } },
    { "department", { [SELF] = true, [COLLEAGUE] = true } },
    { "department_and_below", { [SELF] = true, [COLLEAGUE] = true, [BELOW] = true } },
    { "all", { [SELF] = true, [COLLEAGUE] = true, [BELOW] = true, [ELSEWHERE] = true, [NOBODY] = true } },
};

/* A user of a scope, and one customer of everybody that his scope could be about. `word`: in all their names. */
struct cast {
    struct user caller;
    char *customers[OWNERS], *contacts[OWNERS];
    const char *word;
};

static char *made(const char *token, const char *collection, const char *id_name, const char *body)
{
    struct reply *r = expect_status(call_as(token, "POST", collection, body), 200);
    return text("%s", text_at(r, text("data.%s", id_name)));
}

static char *customer_of(const struct user *u, const char *name)
{
    return made(u->token, "/api/v1/customers", "customer_id", text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"}", name));
}

static char *contact_of(const struct user *u, const char *customer_id, const char *name)
{
    return made(u->token, "/api/v1/contacts", "contact_id",
                text("{\"contact_name\":\"%s\",\"customer_id\":\"%s\"}", name, customer_id));
}

static char *owner_of(const char *customer_id)
{
    return sql(stack.customer_db, "SELECT created_by FROM customers WHERE customer_id = '%s'", customer_id);
}

/* What NOBODY has is there by other ways than the API. */
static struct cast cast(int scope)
{
    char *home = department_below(NULL), *below = department_below(department_below(home)), *elsewhere = department_below(NULL);
    const char *role = role_with(scopes[scope].name, RIGHTS);
    struct cast c = { .caller = user_in(role, home), .word = unique("范围") };
    const struct user owners[OWNERS] = { [SELF] = c.caller, [COLLEAGUE] = user_in(role, home), [BELOW] = user_in(role, below),
                                         [ELSEWHERE] = user_in(role, elsewhere), [NOBODY] = user_in(role, home) };
    for (int i = 0; i < OWNERS; i++) {
        c.customers[i] = customer_of(&owners[i], text("%s %d", c.word, i));
        c.contacts[i] = contact_of(&owners[i], c.customers[i], text("%s %d", c.word, i));
    }
    sql(stack.customer_db, "UPDATE customers SET created_by = NULL WHERE customer_id = '%s'", c.customers[NOBODY]);
    sql(stack.customer_db, "UPDATE contacts SET owner_id = NULL WHERE contact_id = '%s'", c.contacts[NOBODY]);
    as(c.caller.token);
    return c;
}

static bool lists(const struct reply *r, const char *id_name, const char *id)
{
    bool found = false;
    for (int i = 0; i < cJSON_GetArraySize(at(r, "data.records")); i++)
        found = found || !strcmp(text_at(r, text("data.records.%d.%s", i, id_name)), id);
    return found;
}

/* --- lists ------------------------------------------------------------------------------------------------------------- */

static void lists_what_is_reached(const struct cast *c, int scope, const char *collection, const char *id_name, char *const *ids)
{
    static const char *const forms[] = { "", "&size=2", "&page=2&size=2", "&sort=created_time&order=asc", "&total=estimate" };
    int want = 0;
    for (int i = 0; i < OWNERS; i++) want += scopes[scope].reaches[i];
    for (size_t f = 0; f < COUNT(forms); f++) {
        struct reply *r = expect_status(GET(text("%s?keyword=%s%s", collection, encoded(c->word), forms[f])), 200);
        expect_number(r, "data.total", want);
        for (int i = 0; i < OWNERS; i++)
            expect(!lists(r, id_name, ids[i]) || scopes[scope].reaches[i], "%s: %d: %s", scopes[scope].name, i, r->body);
    }
    struct reply *r = GET(text("%s?keyword=%s", collection, encoded(c->word)));
    for (int i = 0; i < OWNERS; i++)
        expect(lists(r, id_name, ids[i]) == scopes[scope].reaches[i], "%s: %d: %s", scopes[scope].name, i, r->body);
}

static void test_list_and_total_hold_what_the_scope_reaches(void **state)
{
    (void)state;
    for (int s = 0; s < SCOPES; s++) {
        struct cast c = cast(s);
        lists_what_is_reached(&c, s, "/api/v1/customers", "customer_id", c.customers);
        lists_what_is_reached(&c, s, "/api/v1/contacts", "contact_id", c.contacts);
    }
}

static void test_list_by_another_creator_is_empty_outside_the_scope(void **state)
{
    (void)state;
    struct cast c = cast(0);
    char *colleague = owner_of(c.customers[COLLEAGUE]);
    expect_number(GET(text("/api/v1/customers?created_by=%s", colleague)), "data.total", 0);
    expect_number(GET(text("/api/v1/customers?created_by=%s", c.caller.id)), "data.total", 1);
}

/* --- one record -------------------------------------------------------------------------------------------------------- */

struct operation {
    const char *method, *path, *body; /* %s: the id */
    bool on_deleted;
};

static const struct operation operations[] = {
    { "GET", "/api/v1/customers/%s", NULL, false },
    { "PUT", "/api/v1/customers/%s", "{\"description\":\"改\"}", false },
    { "PATCH", "/api/v1/customers/%s", "{\"description\":\"又改\"}", false },
    { "PUT", "/api/v1/customers/%s?dry_run=true", "{\"description\":\"试\"}", false },
    { "POST", "/internal/v1/getCustomerById", "{\"customerId\":\"%s\"}", false },
    { "POST", "/internal/v1/updateCustomer", "{\"customerId\":\"%s\",\"customerDTO\":{\"description\":\"内\"}}", false },
    { "POST", "/internal/v1/deleteCustomer", "{\"customerId\":\"%s\"}", false },
    { "POST", "/api/v1/customers/%s/restore", NULL, true },
    { "DELETE", "/api/v1/customers/%s", NULL, false },
};

static char *filled(const char *format, const char *id)
{
    const char *at = format ? strstr(format, "%s") : NULL;
    return at ? text("%.*s%s%s", (int)(at - format), format, id, at + 2) : (char *)format;
}

/* The answer for what is out of reach is, but for the request's own id, that for what does not exist. */
static void is_as_if_absent(const struct operation *o, struct reply *r)
{
    struct reply *absent = call(o->method, filled(o->path, UUID_ABSENT), filled(o->body, UUID_ABSENT), NULL);
    expect_error(r, 404, "NOT_FOUND", "");
    expect_error(absent, 404, "NOT_FOUND", "");
    assert_int_equal(r->len, absent->len);
    assert_null(header(r, "ETag"));
}

static void one_record(const struct cast *c, int scope, int owner)
{
    const char *id = c->customers[owner];
    for (size_t i = 0; i < COUNT(operations); i++) {
        const struct operation *o = &operations[i];
        sql(stack.customer_db, "UPDATE customers SET deleted_time = %s WHERE customer_id = '%s'", o->on_deleted ? "now()" : "NULL", id);
        char *before = sql(stack.customer_db, "SELECT t::text FROM customers t WHERE customer_id = '%s'", id);
        struct reply *r = call(o->method, filled(o->path, id), filled(o->body, id), NULL);
        if (scopes[scope].reaches[owner]) expect_status(r, 200);
        else {
            is_as_if_absent(o, r);
            assert_string_equal(before, sql(stack.customer_db, "SELECT t::text FROM customers t WHERE customer_id = '%s'", id));
        }
    }
}

static void test_one_record_is_as_if_absent_outside_the_scope(void **state)
{
    (void)state;
    for (int s = 0; s < SCOPES; s++) {
        struct cast c = cast(s);
        for (int i = 0; i < OWNERS; i++) one_record(&c, s, i);
    }
}

/* A write that fails for its version, its values or its key's state says no more than one on a record that is not there. */
static void test_no_failing_write_tells_that_a_record_exists(void **state)
{
    (void)state;
    struct cast c = cast(0);
    char *path = customer_path(c.customers[COLLEAGUE]), *contact_id = c.contacts[COLLEAGUE];
    as(stack.admin_token);
    expect_status(PUT(path, text("{\"primary_contact_id\":\"%s\"}", contact_id)), 200);
    as(c.caller.token);
    expect_error(call("PUT", path, "{\"description\":\"改\"}", "If-Match: \"999.0\"", NULL), 404, "NOT_FOUND", "");
    expect_error(call("DELETE", path, NULL, "If-Match: \"999.0\"", NULL), 404, "NOT_FOUND", "");
    expect_error(POST(text("%s/restore", path), NULL), 404, "NOT_FOUND", "");
    struct reply *r = PUT(path, text("{\"primary_contact_id\":\"%s\"}", contact_id));
    expect_error(r, 422, "BAD_REFERENCE", "primary_contact_id");
    char *code = text("D%s", unique("X"));
    as(stack.admin_token);
    char *first = customer("某", text("\"customer_code\":\"%s\"", code));
    sql(stack.customer_db, "UPDATE customers SET deleted_time = now() WHERE customer_id = '%s'", first);
    customer("某", text("\"customer_code\":\"%s\"", code));
    as(c.caller.token);
    expect_error(POST(text("%s/restore", customer_path(first)), NULL), 404, "NOT_FOUND", "");
}

/* --- references -------------------------------------------------------------------------------------------------------- */

static void test_a_reference_reaches_as_far_as_the_scope(void **state)
{
    (void)state;
    for (int s = 0; s < SCOPES; s++) {
        struct cast c = cast(s);
        for (int i = 0; i < OWNERS; i++) {
            struct reply *r = POST("/api/v1/contacts", text("{\"contact_name\":\"某\",\"customer_id\":\"%s\"}", c.customers[i]));
            if (scopes[s].reaches[i]) expect_status(r, 200);
            else expect_error(r, 422, "BAD_REFERENCE", "customer_id");
            sql(stack.customer_db, "UPDATE contacts SET customer_id = NULL WHERE contact_id = '%s'", c.contacts[i]);
            if (i == NOBODY) sql(stack.customer_db, "UPDATE contacts SET owner_id = NULL WHERE contact_id = '%s'", c.contacts[i]);
            r = POST("/api/v1/customers", text("{\"customer_name\":\"某\",\"customer_type\":\"企业\",\"primary_contact_id\":\"%s\"}",
                                               c.contacts[i]));
            if (scopes[s].reaches[i]) expect_status(r, 200);
            else expect_error(r, 422, "BAD_REFERENCE", "primary_contact_id");
        }
    }
}

/* --- contacts belong to their customer's owner ------------------------------------------------------------------------ */

static void test_a_contact_belongs_to_whom_its_customer_belongs_to(void **state)
{
    (void)state;
    struct cast c = cast(1);
    char *own = made(c.caller.token, "/api/v1/contacts", "contact_id", "{\"contact_name\":\"未归属\"}");
    char *path = text("/api/v1/contacts/%s", own);
    struct reply *r = expect_status(GET(path), 200);
    expect_text(r, "data.owner_id", c.caller.id);
    expect_status(PUT(path, text("{\"customer_id\":\"%s\"}", c.customers[COLLEAGUE])), 200);
    r = expect_status(GET(path), 200);
    expect(strcmp(text_at(r, "data.owner_id"), c.caller.id), "%s", r->body);
    expect_text(r, "data.owner_id", owner_of(c.customers[COLLEAGUE]));
    expect_text(r, "data.created_by", c.caller.id);
    expect_error(PUT(path, text("{\"customer_id\":\"%s\"}", c.customers[BELOW])), 422, "BAD_REFERENCE", "customer_id");
}

/* --- totals that are kept ---------------------------------------------------------------------------------------------- */

enum { MANY = 6000 }; /* enough to be kept */

static void bulk(const struct user *u)
{
    sql(stack.customer_db,
        "INSERT INTO customers (customer_id, customer_name, customer_type, status, created_by) "
        "SELECT gen_random_uuid(), '批量', '企业', '活跃', '%s' FROM generate_series(1, %d)", u->id, MANY);
}

static int total(void)
{
    struct reply *r = expect_status(GET("/api/v1/customers?size=1"), 200);
    return number_at(r, "data.total");
}

static void test_a_kept_total_is_that_of_the_scope(void **state)
{
    (void)state;
    static const int many[SCOPES] = { MANY + 1, 2 * MANY + 3, 2 * MANY + 4, -1 };
    for (int s = 0; s < SCOPES; s++) {
        struct cast c = cast(s);
        struct user colleague = { .id = owner_of(c.customers[COLLEAGUE]) };
        bulk(&c.caller);
        bulk(&colleague);
        sql(stack.customer_db, "UPDATE customers SET created_by = '%s' WHERE customer_id = '%s'", c.caller.id, c.customers[NOBODY]);
        int want = many[s] < 0 ? (int)sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE deleted_time IS NULL")
                               : many[s] + (s == 0);
        for (int i = 0; i < 3; i++) assert_int_equal(total(), want);
        sql(stack.customer_db, "UPDATE customers SET deleted_time = now() WHERE customer_id = '%s'", c.customers[SELF]);
        assert_int_equal(total(), want - 1);
        sql(stack.customer_db, "UPDATE customers SET deleted_time = now() WHERE customer_id = '%s'", c.customers[COLLEAGUE]);
        assert_int_equal(total(), want - 1 - scopes[s].reaches[COLLEAGUE]);
        sql(stack.customer_db, "UPDATE customers SET deleted_time = now() WHERE customer_id = '%s'", c.customers[ELSEWHERE]);
        assert_int_equal(total(), want - 1 - scopes[s].reaches[COLLEAGUE] - scopes[s].reaches[ELSEWHERE]);
    }
}

/* The records stay as they are; who is where has changed. */
static void test_a_kept_total_follows_people_who_move(void **state)
{
    (void)state;
    struct cast c = cast(1);
    char *colleague = owner_of(c.customers[COLLEAGUE]);
    bulk(&c.caller);
    int before = total();
    assert_int_equal(total(), before);
    sql(stack.customer_db, "UPDATE user_ref SET department = '0' WHERE user_id = '%s'", colleague);
    assert_int_equal(total(), before - 1);
    assert_int_equal(total(), before - 1);
    expect_error(GET(customer_path(c.customers[COLLEAGUE])), 404, "NOT_FOUND", "");
}

/* --- people ------------------------------------------------------------------------------------------------------------ */

static bool is_listed_again(void *customer_id)
{
    return GET(customer_path(customer_id))->status == 200;
}

/* A user who was moved asks for anything, and his records have moved with him. */
static void test_records_move_with_their_owner(void **state)
{
    (void)state;
    char *here = department_below(NULL), *there = department_below(NULL);
    const char *role = role_with("department", RIGHTS);
    struct user owner = user_in(role, here), old_boss = user_in(role, here), new_boss = user_in(role, there);
    char *id = customer_of(&owner, "随人走");
    expect_status(call_as(old_boss.token, "GET", customer_path(id), NULL), 200);
    expect_error(call_as(new_boss.token, "GET", customer_path(id), NULL), 404, "NOT_FOUND", "");
    sql(stack.auth_db, "UPDATE users SET department_id = '%s' WHERE user_id = '%s'", there, owner.id);
    user_log_in(&owner);
    expect_status(call_as(owner.token, "GET", customer_path(id), NULL), 200);
    as(new_boss.token);
    expect(poll_until(5, is_listed_again, id), "it is not found where its owner is now");
    expect_error(call_as(old_boss.token, "GET", customer_path(id), NULL), 404, "NOT_FOUND", "");
}

static void test_who_is_in_no_department_has_his_own_records(void **state)
{
    (void)state;
    for (int s = 0; s < SCOPES - 1; s++) {
        const char *role = role_with(scopes[s].name, RIGHTS);
        struct user one = user_in(role, NULL), other = user_in(role, NULL);
        char *id = customer_of(&one, "无部门");
        expect_status(call_as(one.token, "GET", customer_path(id), NULL), 200);
        expect_error(call_as(other.token, "GET", customer_path(id), NULL), 404, "NOT_FOUND", "");
        as(other.token);
        assert_int_equal(total(), 0);
    }
}

/* 1.2 is not below 1.20, nor the other way round. */
static void test_a_department_is_not_below_one_whose_number_begins_alike(void **state)
{
    (void)state;
    const char *role = role_with("department_and_below", RIGHTS);
    char *one = department_below(NULL), *number = sql(stack.auth_db, "SELECT number FROM departments WHERE department_id = '%s'", one);
    struct user boss = user_in(role, one), other = user_in(role, NULL);
    char *id = customer_of(&other, "像");
    sql(stack.customer_db, "UPDATE user_ref SET department = '%s0' WHERE user_id = '%s'", number, other.id);
    as(boss.token);
    expect_error(GET(customer_path(id)), 404, "NOT_FOUND", "");
    assert_int_equal(total(), 0);
    sql(stack.customer_db, "UPDATE user_ref SET department = '%s.0' WHERE user_id = '%s'", number, other.id);
    expect_status(GET(customer_path(id)), 200);
    assert_int_equal(total(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_and_total_hold_what_the_scope_reaches),
        cmocka_unit_test(test_list_by_another_creator_is_empty_outside_the_scope),
        cmocka_unit_test(test_one_record_is_as_if_absent_outside_the_scope),
        cmocka_unit_test(test_no_failing_write_tells_that_a_record_exists),
        cmocka_unit_test(test_a_reference_reaches_as_far_as_the_scope),
        cmocka_unit_test(test_a_contact_belongs_to_whom_its_customer_belongs_to),
        cmocka_unit_test(test_a_kept_total_is_that_of_the_scope),
        cmocka_unit_test(test_a_kept_total_follows_people_who_move),
        cmocka_unit_test(test_records_move_with_their_owner),
        cmocka_unit_test(test_who_is_in_no_department_has_his_own_records),
        cmocka_unit_test(test_a_department_is_not_below_one_whose_number_begins_alike),
    };
    return system_main("scope", tests, COUNT(tests));
}
