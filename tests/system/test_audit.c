/* Records of what was asked: of all that must have one, one each, whatever is killed; unchanged, or it shows. */
#include "crm.h"
#include "expect.h"
#include "feed.h"
#include "pool.h"
#include "records.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *today(void)
{
    return sql(stack.auth_db, "SELECT (now() AT TIME ZONE 'UTC')::date");
}

static struct reply *verification(void)
{
    target(stack.auth_url);
    return expect_status(GET(text("/api/v1/audit-logs/verification/%s", today())), 200);
}

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
    const char *rq = unique("rq"), *reveal = unique("rq"), *same = unique("rq"), *forged = unique("rq");
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
    through(stack.gateway_url, stack.admin_token, "POST", text("%s/reveal", path),
            "{\"fields\":[\"phone\"],\"reason\":\"核对联系方式\"}", reveal);
    assert_string_equal(recorded(reveal, "reason"), "核对联系方式");
    expect_status(through(stack.gateway_url, stack.admin_token, "DELETE", path, NULL, forged), 200);
    assert_string_equal(recorded(forged, "(changes -> 'deleted_time' ->> 0 IS NULL AND changes -> 'deleted_time' ->> 1 IS NOT NULL)"), "t");
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM audit_records r WHERE r::text LIKE '%%1391234000%%'"), 0);
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
    struct reply *r = verification();
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
        r = verification();
        expect_number(r, "data.broken", sequence + (int)i); /* one that is gone shows at the one behind it */
        assert_int_equal(WEXITSTATUS(auth_service("", text("verify-audit %s", today()))), 1);
        sql(stack.admin_db, "DELETE FROM auth.audit_records WHERE client_request_id = '%s'", id);
        sql(stack.admin_db, "INSERT INTO auth.audit_records SELECT * FROM jsonb_populate_record(NULL::auth.audit_records, $r$%s$r$)",
            before);
        sql(stack.admin_db, "SET session_replication_role = origin");
        assert_true(is_null_at(verification(), "data.broken"));
    }
    assert_int_equal(auth_service("", text("verify-audit %s", today())), 0);
}

static struct reply *add(const char *records)
{
    return http_send(&(struct request){ .method = "POST", .url = text("%s/internal/v1/audit-records", stack.auth_url),
                                        .token = client_token("GATEWAY", "auth-service"), .body = text("{\"records\":%s}", records),
                                        .headers = { "Content-Type: application/json" } });
}

static char *record_of(const char *time)
{
    return text("{\"log_id\":\"%s\",\"time\":\"%s\",\"method\":\"PUT\",\"operation\":\"x\",\"path\":\"/\",\"status\":200,\"latency_us\":1}",
                sql(stack.auth_db, "SELECT gen_random_uuid()"), time);
}

static void test_records_come_once_and_days_go_as_a_whole(void **state)
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
    target(stack.auth_url);
    struct reply *r = expect_status(GET("/api/v1/audit-logs/verification/2020-02-01"), 200);
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

/* --- faults ---------------------------------------------------------------------------------------------------------------------- */

static void test_records_wait_for_auth_service(void **state)
{
    (void)state;
    own_stack_only();
    const char *id = unique("rq");
    part_signal("AUTH_SERVICE", SIGSTOP);
    struct reply *r = through(stack.gateway_url, stack.admin_token, "POST", "/api/v1/customers", "{}", id);
    part_signal("AUTH_SERVICE", SIGCONT);
    expect_status(r, 400);
    expect(r->seconds < 5, "%.1f s", r->seconds);
    assert_string_equal(recorded(id, "status"), "400");
}

static char *gateway_client(const char *what)
{
    return text("SERVICE_CLIENT_%s=%s", what, getenv(text("GATEWAY_CLIENT_%s", what)));
}

static struct replica gateway_with(const char *folder)
{
    return replica_start("gateway", text("AUDIT_FOLDER=%s", folder), text("AUTH_SERVICE_URL=%s", stack.auth_url), gateway_client("ID"),
                         gateway_client("SECRET"), NULL);
}

struct asking {
    const struct replica *gateway;
    long status;
};

static bool is_answered_so(void *arg)
{
    const struct asking *a = arg;
    return through(a->gateway->https_url, stack.admin_token, "POST", "/api/v1/customers", "{}", unique("rq"))->status == a->status;
}

static void test_without_a_disk_nothing_that_needs_a_record_is_done(void **state)
{
    (void)state;
    const char *folder = text("/tmp/crm-audit-%d", getpid());
    struct replica g = gateway_with(folder);
    struct asking asking = { &g, 400 };
    assert_true(is_answered_so(&asking));
    expect_error(through(g.https_url, "x", "GET", "/api/v1/customers", NULL, unique("rq")), 401, NULL, NULL);
    if (system(text("rm -rf %s", folder))) fail_msg("cannot remove %s", folder);
    asking.status = 503;
    expect(poll_until(20, is_answered_so, &asking), "writes go on without a disk");
    expect_status(through(g.https_url, stack.admin_token, "GET", "/api/v1/customers?size=1", NULL, unique("rq")), 200);
    assert_int_equal(mkdir(folder, 0700), 0);
    asking.status = 400;
    expect(poll_until(20, is_answered_so, &asking), "writes do not come back with the disk");
    assert_int_equal(replica_stop(&g), 0);
    if (system(text("rm -rf %s", folder))) fail_msg("cannot remove %s", folder);
}

static int lines_in(const char *files)
{
    char count[16] = "";
    FILE *f = popen(text("cat %s 2>/dev/null | wc -l", files), "r");
    if (!f || !fgets(count, sizeof count, f)) fail_msg("no count of %s", files);
    pclose(f);
    return atoi(count);
}

static bool is_carried(void *folder)
{
    return !lines_in(text("%s/*.full", (char *)folder));
}

/* A file that another gateway left, with records among it that no table takes. */
static void test_what_is_refused_stands_alone(void **state)
{
    (void)state;
    own_stack_only();
    char *folder = text("/tmp/crm-audit-%d", getpid()), *file = text("%s/%s.full", folder, sql(stack.auth_db, "SELECT gen_random_uuid()"));
    assert_int_equal(mkdir(folder, 0700), 0);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    for (int i = 0; i < 40; i++) fprintf(f, "%s\n", i == 7 ? "{\"log_id\":\"x\"}" : i == 8 ? "no JSON" : record_of("2019-03-01T08:00:00Z"));
    assert_int_equal(fclose(f), 0);
    struct replica g = gateway_with(folder);
    expect(poll_until(20, is_carried, folder), "%d records are not carried", lines_in(text("%s/*.full", folder)));
    assert_int_equal(replica_stop(&g), 0);
    assert_int_equal(lines_in(text("%s/*.bad", folder)), 2);
    target(stack.auth_url);
    struct reply *r = expect_status(GET("/api/v1/audit-logs/verification/2019-03-01"), 200);
    assert_true(is_null_at(r, "data.broken") && number_at(r, "data.records") == 38);
    if (system(text("rm -rf %s", folder))) fail_msg("cannot remove %s", folder);
}

/* Clients that change a record through the gateway, and remember which of their requests were answered. */
enum { CLIENTS = 8, EACH_MAX = 4000 };
struct client {
    pthread_t thread;
    const char *run, *path;
    char answered[EACH_MAX];
    int count;
    bool *stop;
};

static void *client(void *arg)
{
    struct client *c = arg;
    while (!__atomic_load_n(c->stop, __ATOMIC_ACQUIRE) && c->count < EACH_MAX) {
        struct reply *r = through(stack.gateway_url, stack.admin_token, "PATCH", c->path, "{\"description\":\"改\"}",
                                  text("%s-%d", c->run, c->count));
        c->answered[c->count++] = r->status != 0;
        if (r->status != 200) nanosleep(&(struct timespec){ 0, 20 * 1000 * 1000 }, NULL);
    }
    return NULL;
}

static bool all_are_there(void *arg)
{
    const struct client *clients = arg;
    for (int i = 0; i < CLIENTS; i++) {
        const struct client *c = &clients[i];
        char *found = sql(stack.auth_db, "SELECT string_agg(DISTINCT substr(client_request_id, %zu), ',') FROM audit_records "
                                         "WHERE client_request_id LIKE '%s-%%'", strlen(c->run) + 2, c->run);
        char *list = text(",%s,", found);
        for (int k = 0; k < c->count; k++)
            if (c->answered[k] && !strstr(list, text(",%d,", k))) return false;
    }
    return true;
}

static int done_by(const struct client *clients)
{
    int n = 0;
    for (int i = 0; i < CLIENTS; i++) n += __atomic_load_n(&clients[i].count, __ATOMIC_RELAXED);
    return n;
}

struct progress {
    const struct client *clients;
    int until;
};

static bool has_gone_on(void *arg)
{
    const struct progress *p = arg;
    return done_by(p->clients) >= p->until;
}

static void test_kills_lose_no_record_of_an_answer(void **state)
{
    (void)state;
    own_stack_only();
    static const char *const victims[] = { "GATEWAY", "PG", "GATEWAY", "REDIS", "AUTH_SERVICE", "GATEWAY" };
    static struct client clients[CLIENTS];
    bool stop = false;
    target(stack.customer_url);
    for (int i = 0; i < CLIENTS; i++) {
        char *path = customer_path(customer(unique("审"), NULL));
        clients[i] = (struct client){ .run = text("%s", unique("kill")), .path = path, .stop = &stop };
        pthread_create(&clients[i].thread, NULL, client, &clients[i]);
    }
    for (size_t i = 0; i < COUNT(victims); i++) {
        expect(poll_until(60, has_gone_on, &(struct progress){ clients, done_by(clients) + 100 }), "no load after %zu kills", i);
        pid_t old = part_pid(victims[i]);
        part_signal(victims[i], SIGKILL);
        expect(part_is_new(victims[i], old, 30), "%s is not started again", victims[i]);
        sql_forget();
    }
    expect(url_is_ready(stack.gateway_admin_url, 60) && url_is_ready(stack.auth_url, 60), "not ready in the end");
    expect(poll_until(60, has_gone_on, &(struct progress){ clients, done_by(clients) + 100 }), "no load in the end");
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < CLIENTS; i++) pthread_join(clients[i].thread, NULL);
    expect(poll_until(60, all_are_there, clients), "records of answered requests are missing");
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM (SELECT FROM audit_records WHERE client_request_id LIKE 'kill-%%' "
                                              "GROUP BY client_request_id HAVING count(*) > 1) x"), 0);
    assert_true(is_null_at(verification(), "data.broken"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_logins_and_denials_are_recorded),
        cmocka_unit_test(test_what_has_changed_is_recorded_and_secrets_are_not),
        cmocka_unit_test(test_logins_are_recorded_with_their_account),
        cmocka_unit_test(test_whatever_a_client_sends_can_be_kept),
        cmocka_unit_test(test_records_are_listed_for_who_may_see_them),
        cmocka_unit_test(test_nobody_changes_a_record_unseen),
        cmocka_unit_test(test_records_come_once_and_days_go_as_a_whole),
        cmocka_unit_test(test_records_wait_for_auth_service),
        cmocka_unit_test(test_without_a_disk_nothing_that_needs_a_record_is_done),
        cmocka_unit_test(test_what_is_refused_stands_alone),
        cmocka_unit_test(test_kills_lose_no_record_of_an_answer),
    };
    return system_main("audit", tests, COUNT(tests));
}
