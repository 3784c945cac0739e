/* Records of what was asked: what is in them, who sees them; unchanged, or it shows. */
#include "crm.h"
#include "expect.h"
#include "feed.h"
#include "pool.h"
#include "records.h"
#include "sql.h"
#include "stack.h"

#include <stdlib.h>
#include <sys/wait.h>

enum { MANY = 6000 }; /* more than a total is counted for each time */

/* --- what is recorded ------------------------------------------------------------------------------------------------------- */

static void test_writes_logins_and_denials_are_recorded(void **state)
{
    (void)state;
    struct user rep = user_in("SALES_REP", department_below(NULL));
    const char *id = unique("rq");
    struct reply *r = through(stack.gateway_url, rep.token, "POST", "/api/v1/customers",
                              text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"}", unique("审")), id);
    const char *customer_id = text_at(expect_status(r, 200), "data.customer_id");
    assert_string_equal(recorded(id, "operation"), "createCustomer");
    assert_string_equal(recorded(id, "user_id"), rep.id);
    assert_string_equal(recorded(id, "username"), rep.name);
    assert_string_equal(recorded(id, "resource_id"), customer_id);
    assert_string_equal(recorded(id, "status"), "200");
    assert_string_equal(recorded(id, "method || ' ' || path"), "POST /api/v1/customers");
    assert_string_equal(recorded(id, "user_agent"), "audit-test/1");
    assert_string_equal(recorded(id, "log_id"), header(r, "X-Request-Id"));
    assert_string_equal(recorded(id, "address ~ '^(127.0.0.1|::1)$' AND latency_us > 0 AND session_id IS NOT NULL"), "t");
    assert_string_equal(recorded(id, "changes ->> 'customer_type'"), "[null, \"企业\"]");
    const struct {
        const char *token, *method, *path, *body, *operation, *status;
    } cases[] = {
        { rep.token, "PATCH", customer_path((char *)customer_id), "{\"description\":\"改\"}", "patchCustomer", "200" },
        { rep.token, "PATCH", customer_path((char *)customer_id), "{\"customer_type\":\"x\"}", "patchCustomer", "400" },
        { rep.token, "GET", "/api/v1/users", NULL, "listUsers", "403" },
        { NULL, "GET", "/api/v1/customers", NULL, "listCustomers", "401" },
        { rep.token, "POST", text("%s/reveal", customer_path((char *)customer_id)), "{\"fields\":[\"phone\"],\"reason\":\"核对联系方式\"}",
          "revealCustomer", "200" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        id = unique("rq");
        through(stack.gateway_url, cases[i].token, cases[i].method, cases[i].path, cases[i].body, id);
        assert_string_equal(recorded(id, "operation"), cases[i].operation);
        assert_string_equal(recorded(id, "status"), cases[i].status);
    }
    id = unique("rq");
    expect_status(through(stack.gateway_url, rep.token, "GET", customer_path((char *)customer_id), NULL, id), 200);
    const char *after = unique("rq");
    through(stack.gateway_url, rep.token, "PATCH", customer_path((char *)customer_id), "{}", after);
    recorded(after, "status");
    assert_false(is_recorded((char *)id)); /* a read that is allowed is nobody's business */
}

static void test_what_has_changed_is_recorded_and_secrets_are_not(void **state)
{
    (void)state;
    char *id = customer(unique("改"), "\"description\":\"旧\",\"phone\":\"13912340001\""), *path = customer_path(id);
    const char *rq = unique("rq"), *reveal = unique("rq"), *same = unique("rq"), *created = unique("rq"), *forged = unique("rq");
    struct reply *r = through(stack.gateway_url, stack.admin_token, "PATCH", path,
                              text("{\"description\":\"%s\",\"phone\":\"13912340002\",\"tags\":[\"新\"]}", repeat("长", 400)), rq);
    assert_null(header(expect_status(r, 200), "X-Audit-Changes"));
    assert_string_equal(recorded(rq, "(SELECT string_agg(key, ',' ORDER BY key) FROM jsonb_object_keys(changes) key)"),
                        "description,phone,tags");
    assert_string_equal(recorded(rq, "changes ->> 'phone'"), "[\"***\", \"***\"]");
    assert_string_equal(recorded(rq, "changes -> 'description' ->> 0"), "旧");
    assert_string_equal(recorded(rq, "length(changes -> 'description' ->> 1)"), "301");
    expect_status(through(stack.gateway_url, stack.admin_token, "PATCH", path, "{\"tags\":[\"新\"]}", same), 200);
    assert_string_equal(recorded(same, "coalesce(changes::text, 'none')"), "none");
    through(stack.gateway_url, stack.admin_token, "POST", "/api/v1/customers",
            "{\"customer_name\":\"新\",\"customer_type\":\"企业\",\"phone\":\"13912340003\"}", created);
    assert_string_equal(recorded(created, "changes ->> 'phone'"), "[null, \"***\"]");
    assert_string_equal(recorded(created, "changes ->> 'customer_name'"), "[null, \"新\"]");
    through(stack.gateway_url, stack.admin_token, "POST", text("%s/reveal", path),
            "{\"fields\":[\"phone\"],\"reason\":\"核对联系方式\"}", reveal);
    assert_string_equal(recorded(reveal, "reason"), "核对联系方式");
    expect_status(through(stack.gateway_url, stack.admin_token, "DELETE", path, NULL, forged), 200);
    assert_string_equal(recorded(forged, "(changes -> 'deleted_time' ->> 0 IS NULL AND changes -> 'deleted_time' ->> 1 IS NOT NULL)"), "t");
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM audit_records r WHERE r::text LIKE '%%1391234000%%'"), 0);
}

/* From before the first to after the last: a trigger makes two of one, later than the one that tells of it. */
static void test_several_changes_of_one_transaction_are_told_as_one(void **state)
{
    (void)state;
    char *id = customer(unique("改"), "\"description\":\"旧\"");
    const char *rq = unique("rq");
    sql(stack.customer_db, "CREATE FUNCTION change_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                           "UPDATE customers SET description = '新', version = version + 1 WHERE customer_id = NEW.customer_id; "
                           "RETURN NULL; END $$;"
                           "CREATE TRIGGER later_changed_again AFTER UPDATE ON customers FOR EACH ROW WHEN (NEW.description = '中') "
                           "EXECUTE FUNCTION change_again()");
    struct reply *r = through(stack.gateway_url, stack.admin_token, "PATCH", customer_path(id), "{\"description\":\"中\"}", rq);
    sql(stack.customer_db, "DROP TRIGGER later_changed_again ON customers; DROP FUNCTION change_again()");
    expect_status(r, 200);
    assert_string_equal(recorded(rq, "changes"), "{\"description\": [\"旧\", \"新\"]}");
}

static void test_logins_are_recorded_with_their_account(void **state)
{
    (void)state;
    const char *id = unique("rq"), *path = "/api/v1/auth/login";
    expect_status(through(stack.gateway_url, NULL, "POST", path,
                          text("{\"username\":\"%s\",\"password\":\"%s\"}", stack.username, stack.password), id), 200);
    assert_string_equal(recorded(id, "username"), stack.username);
    assert_string_equal(recorded(id, "status"), "200");
    id = unique("rq");
    through(stack.gateway_url, NULL, "POST", path, "{\"username\":\"x\\r\\n\\u001b[31m{\\\"log_id\\\":1}\",\"password\":\"geheim\"}", id);
    assert_string_equal(recorded(id, "username"), "x\r\n\x1b[31m{\"log_id\":1}"); /* one record, however it is written */
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM audit_records r WHERE r::text LIKE '%%geheim%%'"), 0);
}

/* One that could not be kept would hold back all behind it. */
static void test_whatever_a_client_sends_can_be_kept(void **state)
{
    (void)state;
    const struct {
        const char *method, *path, *body, *field;
        int length;
    } cases[] = {
        { "POST", "/api/v1/auth/login", text("{\"username\":\"%s\",\"password\":\"x\"}", repeat("长", 5000)), "username", 100 },
        { "POST", "/api/v1/auth/login", "{\"username\":\"a\\u0000b\",\"password\":\"x\"}", "status::text", 3 },
        { "PATCH", text("/api/v1/customers/%s", repeat("%22", 2500)), "{}", "resource_id", 300 },
        { "PATCH", text("/api/v1/customers/%s", repeat("%E2%80%A8", 800)), "{}", "path", 678 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *id = unique("rq"), *after = unique("rq");
        through(stack.gateway_url, stack.admin_token, cases[i].method, cases[i].path, cases[i].body, id);
        assert_int_equal(atoi(recorded(id, text("length(%s)", cases[i].field))), cases[i].length);
        through(stack.gateway_url, stack.admin_token, "POST", "/api/v1/customers", "{}", after);
        recorded(after, "status");
    }
}

/* --- who sees them ------------------------------------------------------------------------------------------------------------ */

static void test_records_are_listed_for_who_may_see_them(void **state)
{
    (void)state;
    struct user rep = user_in("SALES_REP", department_below(NULL)), auditor = user_in("AUDITOR", NULL);
    const char *id = unique("rq"), *look = unique("rq");
    through(stack.gateway_url, rep.token, "POST", "/api/v1/customers", "{}", id);
    recorded(id, "status");
    const char *list = text("/api/v1/audit-logs?user_id=%s&status=400", rep.id);
    struct reply *r = through(stack.gateway_url, auditor.token, "GET", list, NULL, look);
    expect_status(r, 200);
    expect_number(r, "data.total", 1);
    expect_text(r, "data.records.0.operation", "createCustomer");
    const char *path = text("/api/v1/audit-logs/%s", text_at(r, "data.records.0.log_id"));
    r = expect_status(through(stack.gateway_url, auditor.token, "GET", path, NULL, unique("rq")), 200);
    expect_text(r, "data.client_request_id", id);
    assert_string_equal(recorded(look, "operation"), "listAuditLogs"); /* so is who looks */
    expect_error(call_as(rep.token, "GET", text("%s/api/v1/audit-logs", stack.auth_url), NULL), 403, "FORBIDDEN", "permission");
    const char *url = text("%s/internal/v1/audit-records", stack.auth_url);
    expect_error(call_as(stack.admin_token, "POST", url, "{\"records\":[]}"), 403, "FORBIDDEN", "permission");
    r = http_send(&(struct request){ .method = "GET", .url = text("%s/internal/v1/events?aggregate=audit_log", stack.auth_url),
                                     .token = client_token("CUSTOMER_SERVICE", "auth-service") });
    expect_error(r, 400, "INVALID_FIELD", "aggregate"); /* no other service is told */
}

/* --- that they are what they were ------------------------------------------------------------------------------------------------- */

static void expect_refused(const char *statement)
{
    sql(stack.auth_db, "DO $do$ BEGIN EXECUTE '%s'; RAISE EXCEPTION 'was done'; EXCEPTION WHEN insufficient_privilege THEN NULL; END $do$",
        statement);
}

static void test_nobody_changes_a_record_unseen(void **state)
{
    (void)state;
    own_stack_only();
    const char *id = unique("rq"), *late = unique("rq");
    through(stack.gateway_url, stack.admin_token, "POST", "/api/v1/customers", "{}", id);
    through(stack.gateway_url, stack.admin_token, "POST", "/api/v1/customers", "{}", late);
    int sequence = atoi(recorded(id, "sequence"));
    recorded(late, "status");
    struct reply *r = verification(today());
    assert_true(is_null_at(r, "data.broken") && number_at(r, "data.records") >= 2);
    expect_refused("UPDATE auth.audit_records SET status = 1");
    expect_refused("DELETE FROM auth.audit_records");
    expect_refused("TRUNCATE auth.audit_records");
    expect_refused("UPDATE auth.audit_logs SET status = 1");
    expect_refused("DELETE FROM auth.audit_logs");
    const char *const tampers[] = { "UPDATE auth.audit_records SET username = 'somebody' WHERE client_request_id = '%s'",
                                    "DELETE FROM auth.audit_records WHERE client_request_id = '%s'" };
    for (size_t i = 0; i < COUNT(tampers); i++) {
        char *before = sql(stack.admin_db, "SELECT to_jsonb(r) FROM auth.audit_records r WHERE client_request_id = '%s'", id);
        sql(stack.admin_db, "SET session_replication_role = replica");
        sql(stack.admin_db, tampers[i], id);
        r = verification(today());
        expect_number(r, "data.broken", sequence + (int)i); /* one that is gone shows at the one behind it */
        assert_int_equal(WEXITSTATUS(auth_service("", text("verify-audit %s", today()))), 1);
        sql(stack.admin_db, "DELETE FROM auth.audit_records WHERE client_request_id = '%s'", id);
        sql(stack.admin_db, "INSERT INTO auth.audit_records SELECT * FROM jsonb_populate_record(NULL::auth.audit_records, $r$%s$r$)",
            before);
        sql(stack.admin_db, "SET session_replication_role = origin");
        assert_true(is_null_at(verification(today()), "data.broken"));
    }
    assert_int_equal(auth_service("", text("verify-audit %s", today())), 0);
}

static struct reply *add(const char *records)
{
    return http_send(&(struct request){ .method = "POST", .url = text("%s/internal/v1/audit-records", stack.auth_url),
                                        .token = client_token("GATEWAY", "auth-service"), .body = text("{\"records\":%s}", records),
                                        .headers = { "Content-Type: application/json" } });
}

static void test_records_come_once_and_months_go_as_a_whole(void **state)
{
    (void)state;
    own_stack_only();
    char *old = record_of("2020-02-01T23:59:59Z"), *two = text("[%s,%s]", old, record_of("2020-02-01T00:00:00Z"));
    expect_number(expect_status(add(text("[%s]", old)), 200), "data.added", 1);
    expect_number(expect_status(add(two), 200), "data.added", 1); /* one of them is there */
    expect_number(expect_status(add(two), 200), "data.added", 0);
    expect_error(add("[{\"log_id\":\"x\"}]"), 400, "INVALID_FIELD", "records");
    expect_error(add("[{}]"), 400, "INVALID_FIELD", "records");
    expect_error(add("7"), 400, "INVALID_FIELD", "records");
    struct reply *r = verification("2020-02-01");
    assert_true(is_null_at(r, "data.broken") && number_at(r, "data.records") == 2);
    sql(stack.auth_db, "SELECT housekeeping()");
    expect_number(GET("/api/v1/audit-logs?day=2020-02-01"), "data.total", 2); /* for ever, unless somebody says */
    sql(stack.auth_db, "UPDATE audit_retention SET keep_days = 365");
    const char *kept = sql(stack.auth_db, "SELECT count(*) FROM audit_records WHERE day >= '2026-01-01'");
    sql(stack.auth_db, "SELECT housekeeping()");
    expect_number(GET("/api/v1/audit-logs?day=2020-02-01"), "data.total", 0);
    assert_string_equal(kept, sql(stack.auth_db, "SELECT count(*) FROM audit_records WHERE day >= '2026-01-01'"));
    sql(stack.auth_db, "UPDATE audit_retention SET keep_days = NULL");
}

/* So many of a day, as the gateways bring them. */
static void add_many(const char *day, int count)
{
    sql(stack.auth_db, "SELECT audit_add(jsonb_agg(jsonb_build_object('log_id', gen_random_uuid(), "
                       "'time', '%s'::timestamptz + n * interval '1 s', 'method', 'POST', 'operation', 'createCustomer', 'path', '/', "
                       "'address', '192.0.2.77', 'status', 201, 'latency_us', 1)), gen_random_uuid()) FROM generate_series(1, %d) n",
        day, count);
}

static void test_a_total_follows_what_comes_and_what_is_given_up(void **state)
{
    (void)state;
    own_stack_only();
    static const char path[] = "/api/v1/audit-logs?size=1&address=192.0.2.77";
    target(stack.auth_url);
    add_many("2020-02-29", MANY);
    add_many("2020-03-01", 5);
    expect_number(GET(path), "data.total", MANY + 5);
    long stored = sql_count(stack.auth_db, "SELECT count(*) FROM list_total WHERE total = %d", MANY + 5);
    assert_int_equal(stored, 1);
    add_many("2020-03-01", 7); /* few: added to the stored one */
    add_many("2020-03-03", 3);
    expect_number(GET(path), "data.total", MANY + 15);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM list_total WHERE total = %d", MANY + 5), 1);
    add_many("2020-03-03", 200); /* many: stored anew */
    expect_number(GET(path), "data.total", MANY + 215);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM list_total WHERE total = %d", MANY + 215), 1);
    sql(stack.auth_db, "UPDATE audit_retention SET keep_days = (now() AT TIME ZONE 'UTC')::date - '2020-03-03'");
    sql(stack.auth_db, "SELECT housekeeping()");
    sql(stack.auth_db, "UPDATE audit_retention SET keep_days = NULL");
    expect_number(GET(path), "data.total", 215); /* of March are some that are to be kept, and so all are */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_logins_and_denials_are_recorded),
        cmocka_unit_test(test_what_has_changed_is_recorded_and_secrets_are_not),
        cmocka_unit_test(test_several_changes_of_one_transaction_are_told_as_one),
        cmocka_unit_test(test_logins_are_recorded_with_their_account),
        cmocka_unit_test(test_whatever_a_client_sends_can_be_kept),
        cmocka_unit_test(test_records_are_listed_for_who_may_see_them),
        cmocka_unit_test(test_nobody_changes_a_record_unseen),
        cmocka_unit_test(test_records_come_once_and_months_go_as_a_whole),
        cmocka_unit_test(test_a_total_follows_what_comes_and_what_is_given_up),
    };
    return system_main("audit", tests, COUNT(tests));
}
