/* Idempotency-Key and dry_run: contract.md, Writes. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <string.h>

static char *key_header(const char *key)
{
    return text("Idempotency-Key: %s", key);
}

static char *body_of(const char *name)
{
    return text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"}", name);
}

static struct reply *create(const char *key, const char *name)
{
    return call("POST", "/api/v1/customers", body_of(name), key_header(key), NULL);
}

static long rows_named(const char *name)
{
    return sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE customer_name = '%s'", name);
}

/* --- one after another -------------------------------------------------------------------------------------------- */

static void test_same_key_and_body_replays_the_reply(void **state)
{
    (void)state;
    const char *key = unique("key"), *name = unique("某");
    struct reply *first = expect_status(create(key, name), 200), *again = expect_status(create(key, name), 200);
    assert_null(header(first, "Idempotent-Replayed"));
    assert_string_equal(header(again, "Idempotent-Replayed"), "true");
    assert_string_equal(first->body, again->body);
    assert_string_equal(header(first, "Location"), header(again, "Location"));
    assert_int_equal(rows_named(name), 1);
}

/* The stored reply is what was said then, whatever has become of the record. */
static void test_replay_shows_the_reply_of_then(void **state)
{
    (void)state;
    const char *key = unique("key"), *name = unique("某");
    struct reply *first = expect_status(create(key, name), 200);
    char *path = customer_path(text_at(first, "data.customer_id"));
    expect_status(PUT(path, "{\"customer_name\":\"改名\"}"), 200);
    assert_string_equal(create(key, name)->body, first->body);
    expect_status(DELETE(path), 200);
    assert_string_equal(expect_status(create(key, name), 200)->body, first->body);
    assert_int_equal(rows_named(name), 0);
}

static void test_same_key_with_another_request_is_refused(void **state)
{
    (void)state;
    const char *key = unique("key"), *name = unique("某");
    expect_status(create(key, name), 200);
    expect_error(create(key, unique("另")), 422, "IDEMPOTENCY_KEY_REUSED", "");
    expect_error(call("POST", "/api/v1/contacts", "{\"contact_name\":\"张三\"}", key_header(key), NULL), 422,
                 "IDEMPOTENCY_KEY_REUSED", "");
    expect_status(create(key, name), 200);
}

static void test_key_belongs_to_its_user(void **state)
{
    (void)state;
    const char *key = unique("key"), *name = unique("某");
    struct reply *mine = expect_status(create(key, name), 200);
    as(user_with_role("ADMIN"));
    struct reply *theirs = expect_status(create(key, name), 200);
    assert_null(header(theirs, "Idempotent-Replayed"));
    assert_string_not_equal(text_at(mine, "data.customer_id"), text_at(theirs, "data.customer_id"));
    assert_int_equal(rows_named(name), 2);
}

static void test_refused_request_leaves_the_key_free(void **state)
{
    (void)state;
    const char *key = unique("key"), *name = unique("某"), *code = unique("K");
    expect_error(call("POST", "/api/v1/customers", "{}", key_header(key), NULL), 400, "INVALID_FIELD", NULL);
    char *taken = customer("占用", text("\"customer_code\":\"%s\"", code));
    char *body = text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\",\"customer_code\":\"%s\"}", name, code);
    expect_error(call("POST", "/api/v1/customers", body, key_header(key), NULL), 409, "DUPLICATE", "customer_code");
    expect_status(DELETE(customer_path(taken)), 200);
    struct reply *r = expect_status(call("POST", "/api/v1/customers", body, key_header(key), NULL), 200);
    assert_null(header(r, "Idempotent-Replayed"));
    assert_int_equal(rows_named(name), 1);
}

static void test_key_is_forgotten_after_24_hours(void **state)
{
    (void)state;
    const char *key = unique("key"), *name = unique("某");
    expect_status(create(key, name), 200);
    sql(stack.customer_db, "UPDATE idempotency SET created_time = created_time - interval '23 hours' WHERE key = '%s'",
        key);
    assert_non_null(header(create(key, name), "Idempotent-Replayed"));
    sql(stack.customer_db, "UPDATE idempotency SET created_time = created_time - interval '2 hours' WHERE key = '%s'",
        key);
    assert_null(header(expect_status(create(key, name), 200), "Idempotent-Replayed"));
    assert_int_equal(rows_named(name), 2);
}

static void test_key_that_is_malformed_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = { "Idempotency-Key;", text("Idempotency-Key: %s", repeat("k", 256)),
                                "Idempotency-Key: a b", "Idempotency-Key: 键" };
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_error(call("POST", "/api/v1/customers", body_of("某"), bad[i], NULL), 400, "INVALID_FIELD",
                     "Idempotency-Key");
    expect_error(call("POST", "/api/v1/customers", body_of("某"), "Idempotency-Key: a", "Idempotency-Key: b", NULL),
                 400, "INVALID_FIELD", "Idempotency-Key");
    expect_status(create(repeat("k", 255), unique("某")), 200);
}

static void test_key_works_for_restore_and_internal_methods(void **state)
{
    (void)state;
    char *id = customer("某", NULL), *restore = text("%s/restore", customer_path(id)), *key = key_header(unique("key"));
    DELETE(customer_path(id));
    expect_status(call("POST", restore, "{}", key, NULL), 200);
    struct reply *r = expect_status(call("POST", restore, "{}", key, NULL), 200);
    assert_string_equal(header(r, "Idempotent-Replayed"), "true");
    const char *name = unique("内");
    char *body = text("{\"customerDTO\":%s}", body_of(name)), *other = key_header(unique("key"));
    struct reply *first = expect_status(call("POST", "/internal/v1/createCustomer", body, other, NULL), 200);
    assert_string_equal(expect_status(call("POST", "/internal/v1/createCustomer", body, other, NULL), 200)->body,
                        first->body);
    assert_int_equal(rows_named(name), 1);
}

/* --- at the same time --------------------------------------------------------------------------------------------- */

/* The same request from every thread at once, the odd ones to `other_url`. */
static void race_all(struct request request, const char *other_url, struct reply *replies[RACERS])
{
    struct request requests[RACERS];
    for (int i = 0; i < RACERS; i++) {
        requests[i] = request;
        if (other_url && i % 2) requests[i].url = other_url;
    }
    race(requests, replies);
}

static void expect_one_row(const char *url, const char *other_url)
{
    for (int round = 0; round < 10; round++) {
        struct reply *replies[RACERS];
        const char *name = unique("竞");
        int made = 0;
        race_all((struct request){ .method = "POST",
                                   .url = url,
                                   .token = stack.admin_token,
                                   .body = body_of(name),
                                   .headers = { key_header(unique("key")) } },
                 other_url, replies);
        for (int i = 0; i < RACERS; i++) {
            struct reply *r = replies[i];
            if (r->status == 409) {
                expect_error(r, 409, "IN_PROGRESS", "");
                assert_non_null(header(r, "Retry-After"));
                continue;
            }
            expect_status(r, 200);
            if (!header(r, "Idempotent-Replayed")) made++;
        }
        assert_int_equal(made, 1);
        assert_int_equal(rows_named(name), 1);
    }
}

static void test_concurrent_requests_with_one_key_make_one_row(void **state)
{
    (void)state;
    expect_one_row(text("%s/api/v1/customers", stack.customer_url), NULL);
}

static void test_concurrent_requests_with_one_key_make_one_row_on_two_replicas(void **state)
{
    (void)state;
    struct replica other = replica_start("customer-service", NULL);
    expect_one_row(text("%s/api/v1/customers", stack.customer_url), text("%s/api/v1/customers", other.url));
    assert_int_equal(replica_stop(&other), 0);
}

static void *send_one(void *arg)
{
    return http_send(arg);
}

static bool somebody_waits(void *arg)
{
    (void)arg;
    return sql_count(stack.admin_db, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0;
}

/* The first request waits for a lock while the same comes again. To another process: on one and the same pipelined
 * connection a statement cannot overtake the one before it, see docs/adr/0001. */
static void test_request_that_is_under_way_is_told_so_at_once(void **state)
{
    (void)state;
    const char *name = unique("途");
    struct request request = { .method = "POST",
                               .url = text("%s/api/v1/customers", stack.customer_url),
                               .token = stack.admin_token,
                               .body = body_of(name),
                               .headers = { key_header(unique("key")) },
                               .fresh = true };
    struct replica other = replica_start("customer-service", NULL);
    struct request repeated = request;
    struct reply *again[3];
    void *first;
    pthread_t thread;
    repeated.url = text("%s/api/v1/customers", other.url);
    PGconn *locker = PQconnectdb(stack.customer_db);
    PQclear(PQexec(locker, "BEGIN"));
    PQclear(PQexec(locker, "LOCK TABLE customers IN EXCLUSIVE MODE"));
    pthread_create(&thread, NULL, send_one, &request);
    bool waits = poll_until(5, somebody_waits, NULL);
    for (size_t i = 0; i < COUNT(again); i++) again[i] = http_send(&repeated);
    PQclear(PQexec(locker, "COMMIT"));
    PQfinish(locker);
    pthread_join(thread, &first);
    expect(waits, "the first request does not wait");
    for (size_t i = 0; i < COUNT(again); i++) {
        expect_error(again[i], 409, "IN_PROGRESS", "");
        assert_non_null(header(again[i], "Retry-After"));
        expect(again[i]->seconds < 1, "%.3f s", again[i]->seconds);
    }
    expect_status(first, 200);
    assert_string_equal(header(expect_status(http_send(&repeated), 200), "Idempotent-Replayed"), "true");
    assert_int_equal(rows_named(name), 1);
    assert_int_equal(replica_stop(&other), 0);
}

static void test_concurrent_creates_of_one_code_make_one_row(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct reply *replies[RACERS];
        const char *code = unique("K"), *winner = NULL;
        race_all(
            (struct request){
                .method = "POST",
                .url = text("%s/api/v1/customers", stack.customer_url),
                .token = stack.admin_token,
                .body = text("{\"customer_name\":\"竞\",\"customer_type\":\"企业\",\"customer_code\":\"%s\"}", code) },
            NULL, replies);
        for (int i = 0; i < RACERS; i++)
            if (replies[i]->status == 200) {
                assert_null(winner);
                winner = text_at(replies[i], "data.customer_id");
            }
        assert_non_null(winner);
        for (int i = 0; i < RACERS; i++) {
            if (replies[i]->status == 200) continue;
            expect_error(replies[i], 409, "DUPLICATE", "customer_code");
            expect_text(replies[i], "details.0.existing_id", winner);
        }
    }
}

/* --- dry_run ------------------------------------------------------------------------------------------------------ */

static long everything(void)
{
    return sql_count(
        stack.customer_db,
        "SELECT sum(version) + count(*) * 1000 + count(deleted_time) * 100 + (SELECT count(*) FROM outbox) "
        "+ (SELECT count(*) FROM idempotency) FROM customers");
}

static void test_dry_run_validates_everything_and_changes_nothing(void **state)
{
    (void)state;
    const char *code = unique("K");
    char *id = customer("某", text("\"customer_code\":\"%s\"", code)), *gone = customer("旧", NULL);
    DELETE(customer_path(gone));
    long before = everything();
    struct reply *r = expect_status(POST("/api/v1/customers?dry_run=true", body_of("试")), 200);
    expect_text(r, "data.customer_name", "试");
    expect_status(PUT(text("%s?dry_run=true", customer_path(id)), "{\"customer_name\":\"试\"}"), 200);
    expect_status(DELETE(text("%s?dry_run=true", customer_path(id))), 200);
    expect_status(POST(text("%s/restore?dry_run=true", customer_path(gone)), "{}"), 200);
    expect_status(call("POST", "/api/v1/customers?dry_run=true", body_of("试"), key_header(unique("key")), NULL), 200);
    expect_error(POST("/api/v1/customers?dry_run=true", "{}"), 400, "INVALID_FIELD", "customer_name,customer_type");
    expect_error(POST("/api/v1/customers?dry_run=true",
                      text("{\"customer_name\":\"x\",\"customer_type\":\"企业\",\"customer_code\":\"%s\"}", code)),
                 409, "DUPLICATE", "customer_code");
    expect_error(PUT(text("%s?dry_run=true", customer_path(id)), "{\"region_id\":\"" UUID_ABSENT "\"}"), 422,
                 "BAD_REFERENCE", "region_id");
    expect_error(call("PUT", text("%s?dry_run=true", customer_path(id)), "{}", "If-Match: \"99\"", NULL), 412,
                 "VERSION_CONFLICT", "");
    expect_error(DELETE(text("%s?dry_run=true", customer_path(UUID_ABSENT))), 404, "NOT_FOUND", "");
    assert_int_equal(everything(), before);
    expect_status(POST("/api/v1/customers?dry_run=false", body_of("真")), 200);
    assert_true(everything() > before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_key_and_body_replays_the_reply),
        cmocka_unit_test(test_replay_shows_the_reply_of_then),
        cmocka_unit_test(test_same_key_with_another_request_is_refused),
        cmocka_unit_test(test_key_belongs_to_its_user),
        cmocka_unit_test(test_refused_request_leaves_the_key_free),
        cmocka_unit_test(test_key_is_forgotten_after_24_hours),
        cmocka_unit_test(test_key_that_is_malformed_is_refused),
        cmocka_unit_test(test_key_works_for_restore_and_internal_methods),
        cmocka_unit_test(test_concurrent_requests_with_one_key_make_one_row),
        cmocka_unit_test(test_concurrent_requests_with_one_key_make_one_row_on_two_replicas),
        cmocka_unit_test(test_request_that_is_under_way_is_told_so_at_once),
        cmocka_unit_test(test_concurrent_creates_of_one_code_make_one_row),
        cmocka_unit_test(test_dry_run_validates_everything_and_changes_nothing),
    };
    return system_main("idempotency", tests, COUNT(tests));
}
