/* Masked values for a reason that is recorded, and what a user may do with a record and why (requirement document, section 6). */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

#define RIGHTS "customer:view,customer:create"
#define BODY(fields) "{\"fields\":[" fields "],\"reason\":\"客户来电核对\"}"

/* Somebody's customer, and a colleague who sees it masked. */
struct cast {
    struct user owner, viewer;
    char *customer, *contact, *path, *reveal;
};

static struct cast cast_of(const char *rights)
{
    char *home = department_below(NULL);
    struct cast c = { .owner = user_in(role_with("own", RIGHTS), home), .viewer = user_in(role_with("department", rights), home) };
    as(c.owner.token);
    c.customer = customer("查看", "\"phone\":\"13800138000\",\"email\":\"contact@example.com\",\"credit_limit\":1234567.89");
    c.contact = contact("查看", text("\"customer_id\":\"%s\",\"phone\":\"13911112222\"", c.customer));
    c.path = customer_path(c.customer);
    c.reveal = text("%s/reveal", c.path);
    as(c.viewer.token);
    return c;
}

static struct cast cast(void)
{
    return cast_of(RIGHTS ",customer:reveal");
}

static long recorded(const struct cast *c)
{
    return sql_count(stack.customer_db, "SELECT count(*) FROM reveals WHERE aggregate_id IN ('%s', '%s')", c->customer, c->contact);
}

/* --- reveal ------------------------------------------------------------------------------------------------------------ */

static void test_reveal_shows_what_was_asked_for_and_no_more(void **state)
{
    (void)state;
    struct cast c = cast();
    struct reply *r = expect_status(POST(c.reveal, BODY("\"phone\"")), 200);
    assert_string_equal(keys_at(r, "data"), "customer_id,phone");
    expect_text(r, "data.customer_id", c.customer);
    expect_text(r, "data.phone", "13800138000");
    r = expect_status(POST(c.reveal, BODY("\"credit_limit\",\"email\",\"email\"")), 200);
    assert_string_equal(keys_at(r, "data"), "customer_id,credit_limit,email");
    expect(has_text(r, "\"credit_limit\":1234567.89"), "%s", r->body);
    r = expect_status(POST(text("/api/v1/contacts/%s/reveal", c.contact), BODY("\"phone\"")), 200);
    expect_text(r, "data.phone", "13911112222");
    expect_text(GET(c.path), "data.phone", "138****8000"); /* as before */
}

static void test_reveal_is_recorded_without_the_values(void **state)
{
    (void)state;
    struct cast c = cast();
    expect_status(POST(c.reveal, BODY("\"phone\",\"email\"")), 200);
    assert_string_equal(sql(stack.customer_db, "SELECT concat_ws('|', user_id, aggregate, fields, reason, "
                                               "created_time > now() - interval '1 minute') FROM reveals "
                                               "WHERE aggregate_id = '%s'", c.customer),
                        text("%s|customer|{phone,email}|客户来电核对|t", c.viewer.id));
    assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM reveals r WHERE r::text LIKE '%%13800138000%%'"), 0);
    expect_status(call_as(c.owner.token, "GET", c.path, NULL), 200);
    assert_int_equal(recorded(&c), 1);
}

static void test_reveal_that_is_refused_shows_and_records_nothing(void **state)
{
    (void)state;
    struct cast c = cast();
    static const struct { const char *body, *fields; } cases[] = {
        { "{}", "fields,reason" },
        { "{\"fields\":[],\"reason\":\"客户来电核对\"}", "fields" },
        { BODY("\"customer_name\""), "fields" },
        { BODY("\"phone\",\"nothing\""), "fields" },
        { "{\"fields\":[\"phone\"],\"reason\":\"四个字哦\"}", "reason" },
        { "{\"fields\":[\"phone\"],\"reason\":\"     \"}", "reason" },
        { "{\"fields\":[\"phone\"],\"reason\":\"客户来电核对\",\"x\":1}", "x" },
        { "{\"fields\":\"phone\",\"reason\":\"客户来电核对\"}", "fields" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) expect_error(POST(c.reveal, cases[i].body), 400, "INVALID_FIELD", cases[i].fields);
    expect_error(POST(c.reveal, text("{\"fields\":[\"phone\"],\"reason\":\"%s\"}", repeat("理", 201))), 400, "INVALID_FIELD", "reason");
    expect_error(POST(text("%s/reveal", customer_path(UUID_ABSENT)), BODY("\"phone\"")), 404, "NOT_FOUND", "");
    sql(stack.customer_db, "UPDATE customers SET deleted_time = now() WHERE customer_id = '%s'", c.customer);
    expect_error(POST(c.reveal, BODY("\"phone\"")), 404, "NOT_FOUND", "");
    assert_int_equal(recorded(&c), 0);
}

static void test_reveal_demands_permissions_and_scope(void **state)
{
    (void)state;
    struct cast c = cast();
    struct user far = user_in(role_with("department", RIGHTS ",customer:reveal"), department_below(NULL)),
                blind = user_in(role_with("all", "customer:reveal"), NULL),
                mere = user_in(role_with("all", RIGHTS ",customer:unmask"), NULL);
    as(far.token);
    expect_error(POST(c.reveal, BODY("\"phone\"")), 404, "NOT_FOUND", "");
    as(blind.token);
    expect_error(POST(c.reveal, BODY("\"phone\"")), 403, "FORBIDDEN", "permission");
    as(mere.token);
    expect_error(POST(c.reveal, BODY("\"phone\"")), 403, "FORBIDDEN", "permission");
    assert_int_equal(recorded(&c), 0);
}

static void test_who_sells_may_reveal(void **state)
{
    (void)state;
    assert_string_equal(sql(stack.auth_db, "SELECT string_agg(role_name, ',' ORDER BY role_name) FROM roles "
                                           "WHERE 'customer:reveal' = ANY (permissions) AND role_name NOT LIKE 'ROLE%%'"),
                        "ADMIN,SALES_DIRECTOR,SALES_MANAGER,SALES_REP");
}

static void test_reveals_of_a_user_are_limited_by_the_hour(void **state)
{
    (void)state;
    struct cast c = cast();
    struct replica few = replica_start("customer-service", "REVEALS_PER_HOUR=3", NULL);
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    int shown = 0;
    for (int i = 0; i < RACERS; i++)
        requests[i] = (struct request){ .method = "POST", .url = text("%s%s", few.url, c.reveal), .token = c.viewer.token,
                                        .body = BODY("\"phone\"") };
    race(requests, replies);
    for (int i = 0; i < RACERS; i++) {
        shown += replies[i]->status == 200;
        if (replies[i]->status == 200) continue;
        expect_error(replies[i], 429, "TOO_MANY_REQUESTS", "");
        expect(header(replies[i], "Retry-After") && !has_text(replies[i], "13800138000"), "%s", replies[i]->body);
    }
    assert_int_equal(shown, 3);
    assert_int_equal(recorded(&c), 3);
    sql(stack.customer_db, "UPDATE reveals SET created_time = created_time - interval '61 minutes' WHERE user_id = '%s'", c.viewer.id);
    expect_status(http_send(&requests[0]), 200);
    assert_int_equal(replica_stop(&few), 0);
}

/* --- access ------------------------------------------------------------------------------------------------------------ */

static void explains(const struct cast *c, const char *token, const char *want)
{
    struct reply *r = expect_status(call_as(token, "GET", text("%s/access?explain=1", c->path), NULL), 200);
    char *got = text("%s", "");
    for (int i = 0; i < 4; i++)
        got = text("%s%s%s:%s:%s", got, i ? " " : "", text_at(r, text("data.actions.%d.action", i)),
                   cJSON_IsTrue(at(r, text("data.actions.%d.allowed", i))) ? "yes" : "no", text_at(r, text("data.actions.%d.reason", i)));
    assert_string_equal(got, want);
}

static void test_access_says_what_is_allowed_and_why(void **state)
{
    (void)state;
    struct cast c = cast();
    explains(&c, c.viewer.token, "view:yes:permission update:no:no_permission delete:no:no_permission unmask:no:no_permission");
    explains(&c, c.owner.token, "view:yes:permission update:no:no_permission delete:no:no_permission unmask:yes:owner");
    explains(&c, stack.admin_token, "view:yes:permission update:yes:permission delete:yes:permission unmask:yes:permission");
    struct reply *r = GET(text("%s/access?explain=1", c.path));
    expect_text(r, "data.scope", "department");
    expect_text(r, "data.owner_id", c.owner.id);
    expect_text(r, "data.owner_department", text_at(r, "data.department"));
    expect_text(r, "data.actions.3.permission", "customer:unmask");
    assert_true(cJSON_IsFalse(at(r, "data.is_owner")) && cJSON_IsTrue(at(r, "data.in_scope")));
    r = GET(text("%s/access", c.path));
    assert_string_equal(keys_at(r, "data"), "actions");
    assert_string_equal(keys_at(r, "data.actions.0"), "action,allowed");
    expect_status(GET(text("/api/v1/contacts/%s/access?explain=1", c.contact)), 200);
    expect_error(GET(text("%s/access?explain=maybe", c.path)), 400, "INVALID_FIELD", "explain");
}

static void test_access_keeps_quiet_outside_the_scope_but_to_administrators(void **state)
{
    (void)state;
    struct cast c = cast();
    struct user far = user_in(role_with("department", RIGHTS), department_below(NULL)),
                manager = user_in(role_with("own", RIGHTS ",user:manage"), NULL);
    as(far.token);
    expect_error(GET(text("%s/access?explain=1", c.path)), 404, "NOT_FOUND", "");
    explains(&c, manager.token, "view:no:out_of_scope update:no:out_of_scope delete:no:out_of_scope unmask:no:out_of_scope");
    as(manager.token);
    assert_true(cJSON_IsFalse(at(GET(text("%s/access?explain=1", c.path)), "data.in_scope")));
    expect_error(GET(c.path), 404, "NOT_FOUND", "");
    expect_error(GET(text("%s/access", customer_path(UUID_ABSENT))), 404, "NOT_FOUND", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reveal_shows_what_was_asked_for_and_no_more),
        cmocka_unit_test(test_reveal_is_recorded_without_the_values),
        cmocka_unit_test(test_reveal_that_is_refused_shows_and_records_nothing),
        cmocka_unit_test(test_reveal_demands_permissions_and_scope),
        cmocka_unit_test(test_who_sells_may_reveal),
        cmocka_unit_test(test_reveals_of_a_user_are_limited_by_the_hour),
        cmocka_unit_test(test_access_says_what_is_allowed_and_why),
        cmocka_unit_test(test_access_keeps_quiet_outside_the_scope_but_to_administrators),
    };
    return system_main("reveal and access", tests, COUNT(tests));
}
