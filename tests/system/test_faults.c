/* Parts that die, hang and come back, under load: issue 2, Bad input; README, what operators may rely on. */
#include "crm.h"
#include "expect.h"
#include "load.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 6 };

static const char *const services[] = { "CUSTOMER_SERVICE", "AUTH_SERVICE" };

static struct reply *fresh_get(const char *url)
{
    return http_send(&(struct request){ .method = "GET", .url = url, .token = stack.admin_token, .fresh = true });
}

static struct reply *first_customers(void)
{
    return fresh_get(text("%s/api/v1/customers?size=1", stack.customer_url));
}

static bool list_is_200(void *arg)
{
    (void)arg;
    return first_customers()->status == 200;
}

/* Backends notice one after the other that PostgreSQL has died, and each worker has its own: the last reply is what counts. */
struct poll_get {
    const char *url;
    int status;
    struct reply *reply;
};

static bool get_is(void *arg)
{
    struct poll_get *p = arg;
    p->reply = fresh_get(p->url);
    return p->reply->status == p->status;
}

static struct reply *reply_within(double seconds, const char *url, int status)
{
    struct poll_get p = { url, status, NULL };
    poll_until(seconds, get_is, &p);
    return p.reply;
}

static bool login_is_503(void *arg)
{
    struct reply **reply = arg;
    *reply = POST("/api/v1/auth/login", "{\"username\":\"a\",\"password\":\"b\"}");
    return (*reply)->status == 503;
}

/* The same request with the same key, as a client repeats it that was told 503. */
static bool is_accepted(void *attempt)
{
    const struct attempt *a = attempt;
    char *body = text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"}", a->name);
    return call("POST", "/api/v1/customers", body, text("Idempotency-Key: %s", a->key), NULL)->status == 200;
}

/* Every acknowledged create is there once; of the others at most one row; sending them again makes it exactly one. */
static void expect_consistent(const struct load *l, const long *allowed, size_t count)
{
    for (int i = 0; i < load_count(l); i++) {
        const struct attempt *a = load_attempt(l, i);
        bool fine = false;
        for (size_t s = 0; s < count; s++) fine |= a->status == allowed[s];
        expect(fine, "%s was answered with %ld %s, %s", a->name, a->status, a->slug ? a->slug : "",
               curl_easy_strerror(a->error));
        expect(a->status == 200 || a->status == 0 || *a->slug, "%s: %ld without an envelope", a->name, a->status);
        long rows = sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE customer_name = '%s'", a->name);
        expect(a->status == 200 ? rows == 1 : rows <= 1, "%s was answered with %ld, rows: %ld", a->name, a->status,
               rows);
        if (a->status == 200) continue;
        expect(poll_until(10, is_accepted, (void *)a), "%s is not accepted when sent again", a->name);
        assert_int_equal(
            sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE customer_name = '%s'", a->name), 1);
    }
}

/* --- PostgreSQL --------------------------------------------------------------------------------------------------- */

static void test_postgres_killed_under_load_loses_nothing_and_comes_back(void **state)
{
    (void)state;
    own_stack_only();
    struct load *l = load_start(stack.customer_url, CLIENTS);
    expect(load_goes_on(l, 200, 50, 10), "no load");
    pid_t old = part_pid("PG");
    part_signal("PG", SIGKILL);
    expect(load_goes_on(l, 503, 1, 5), "nobody was told 503");
    expect(part_is_new("PG", old, 20), "PostgreSQL was not started again");
    expect(load_goes_on(l, 200, 50, 20), "the service did not come back by itself");
    load_stop(l);
    sql_forget();
    const long allowed[] = { 200, 503 };
    expect_consistent(l, allowed, COUNT(allowed));
    as(NULL);
    target(stack.auth_url);
    expect(*token_of(stack.username, stack.password), "auth-service did not come back");
}

static void test_ended_connections_are_replaced_at_once(void **state)
{
    (void)state;
    own_stack_only();
    struct load *l = load_start(stack.customer_url, CLIENTS);
    expect(load_goes_on(l, 200, 20, 10), "no load");
    for (int i = 0; i < 5; i++) {
        sql(stack.customer_db, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = "
                               "current_user AND pid <> pg_backend_pid()");
        expect(load_goes_on(l, 200, 20, 10), "the service did not come back");
    }
    load_stop(l);
    const long allowed[] = { 200, 503 };
    expect_consistent(l, allowed, COUNT(allowed));
}

static void test_without_postgres_a_service_says_so(void **state)
{
    (void)state;
    own_stack_only();
    sql_forget();
    pid_t old = part_pid("PG");
    part_signal("SUPERVISOR", SIGSTOP); /* nobody starts it again meanwhile */
    part_signal("PG", SIGKILL);
    struct reply *list = reply_within(5, text("%s/api/v1/customers?size=1", stack.customer_url), 503),
                 *one = reply_within(5, text("%s%s", stack.customer_url, customer_path(UUID_ABSENT)), 503),
                 *ready = reply_within(5, text("%s/readyz", stack.customer_url), 503),
                 *alive = fresh_get(text("%s/healthz", stack.customer_url)), *login = NULL;
    target(stack.auth_url);
    poll_until(5, login_is_503, &login);
    part_signal("SUPERVISOR", SIGCONT);
    expect_error(list, 503, "DATABASE_UNAVAILABLE", "");
    expect_error(one, 503, "DATABASE_UNAVAILABLE", "");
    expect_error(login, 503, "DATABASE_UNAVAILABLE", "");
    assert_non_null(header(list, "Retry-After"));
    assert_int_equal(ready->status, 503);
    assert_int_equal(alive->status, 200);
    expect(part_is_new("PG", old, 20) && poll_until(20, list_is_200, NULL), "the service did not come back");
    expect(url_is_ready(stack.auth_url, 20), "auth-service did not come back");
}

/* A statement that waits for a lock must not hold its client longer than the client's deadline. */
static void test_slow_database_is_answered_with_504_in_time(void **state)
{
    (void)state;
    char *id = customer("某", NULL);
    PGconn *locker = PQconnectdb(stack.customer_db);
    PQclear(PQexec(locker, "BEGIN"));
    PQclear(PQexec(locker, "LOCK TABLE customers IN ACCESS EXCLUSIVE MODE"));
    struct reply *r = call("GET", customer_path(id), NULL, "X-Request-Timeout-Ms: 400", NULL);
    struct reply *other = GET("/api/v1/industries?size=1");
    PQclear(PQexec(locker, "ROLLBACK"));
    PQfinish(locker);
    expect_error(r, 504, "DATABASE_TIMEOUT", "");
    expect(r->seconds > 0.3 && r->seconds < 1.5, "%.3f s", r->seconds);
    expect(other->status == 200 || other->status == 504, "%ld", other->status);
    expect(poll_until(10, list_is_200, NULL), "the service did not come back");
    expect_status(GET(customer_path(id)), 200);
}

static void test_redis_killed_is_nobodys_error(void **state)
{
    (void)state;
    own_stack_only();
    struct load *l = load_start(stack.customer_url, 2);
    expect(load_goes_on(l, 200, 20, 10), "no load");
    pid_t old = part_pid("REDIS");
    part_signal("REDIS", SIGKILL);
    expect(part_is_new("REDIS", old, 20), "Redis was not started again");
    expect(load_goes_on(l, 200, 20, 10), "the service did not go on");
    load_stop(l);
    const long allowed[] = { 200 };
    expect_consistent(l, allowed, COUNT(allowed));
}

/* --- services ----------------------------------------------------------------------------------------------------- */

static void test_killed_service_is_started_again(void **state)
{
    (void)state;
    own_stack_only();
    const char *const urls[] = { stack.customer_url, stack.auth_url };
    for (size_t i = 0; i < COUNT(services); i++) {
        pid_t old = part_pid(services[i]);
        part_signal(services[i], SIGKILL);
        expect(part_is_new(services[i], old, 20) && url_is_ready(urls[i], 20), "%s was not started again", services[i]);
    }
    expect(*token_of(stack.username, stack.password), "nobody can log in");
    expect_status(first_customers(), 200);
}

struct sender {
    struct request request;
    struct reply *reply;
    pthread_t thread;
};

static void *send_one(void *arg)
{
    struct sender *s = arg;
    s->reply = http_send(&s->request);
    return NULL;
}

static bool all_wait(void *arg)
{
    return sql_count(stack.admin_db, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") >=
           *(int *)arg;
}

static bool is_refused(void *url)
{
    return fresh_get(text("%s/healthz", (const char *)url))->error == CURLE_COULDNT_CONNECT;
}

/* The requests wait for a lock when SIGTERM comes: the service takes no more, and answers these. */
static void test_sigterm_answers_the_requests_under_way(void **state)
{
    (void)state;
    enum { SENDERS = 4 };
    struct replica r = replica_start("customer-service", NULL);
    struct sender senders[SENDERS];
    int waiting = 1; /* pipelined connections wait for their first statement */
    PGconn *locker = PQconnectdb(stack.customer_db);
    PQclear(PQexec(locker, "BEGIN"));
    PQclear(PQexec(locker, "LOCK TABLE customers IN EXCLUSIVE MODE"));
    for (int i = 0; i < SENDERS; i++) {
        senders[i].request =
            (struct request){ .method = "POST",
                              .url = text("%s/api/v1/customers", r.url),
                              .token = stack.admin_token,
                              .body = text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"}", unique("途")),
                              .fresh = true };
        pthread_create(&senders[i].thread, NULL, send_one, &senders[i]);
    }
    bool under_way = poll_until(5, all_wait, &waiting);
    kill(r.pid, SIGTERM);
    bool refused = poll_until(3, is_refused, r.url);
    PQclear(PQexec(locker, "COMMIT"));
    PQfinish(locker);
    for (int i = 0; i < SENDERS; i++) pthread_join(senders[i].thread, NULL);
    expect(under_way && refused, "under way: %d, new connections refused: %d", under_way, refused);
    for (int i = 0; i < SENDERS; i++) expect_status(senders[i].reply, 200);
    assert_int_equal(replica_stop(&r), 0);
}

static bool is_not_ready(void *url)
{
    return fresh_get(text("%s/readyz", (const char *)url))->status == 503;
}

/* Whoever watches readiness has time to look elsewhere before connections are refused. */
static void test_sigterm_ends_readiness_before_it_ends_service(void **state)
{
    (void)state;
    struct replica service = replica_start("customer-service", "DRAIN_DELAY_MS=1500", NULL);
    struct replica gateway = replica_start("gateway", "DRAIN_DELAY_MS=1500", NULL);
    kill(service.pid, SIGTERM);
    kill(gateway.pid, SIGTERM);
    expect(poll_until(1, is_not_ready, service.url) && poll_until(1, is_not_ready, gateway.url), "still ready");
    expect_status(fresh_get(text("%s/healthz", service.url)), 200);
    expect_status(fresh_get(text("%s/api/v1/customers?size=1", gateway.https_url)), 200);
    assert_int_equal(replica_stop(&service), 0);
    assert_int_equal(replica_stop(&gateway), 0);
}

static void test_sigterm_under_load_loses_no_request(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        struct replica r = replica_start("customer-service", NULL);
        struct load *l = load_start(r.url, CLIENTS);
        expect(load_goes_on(l, 200, 30, 10), "no load");
        double begun = now_s();
        int status = replica_stop(&r);
        double took = now_s() - begun;
        load_stop(l);
        expect(status == 0 && took < 5, "status %d after %.2f s", status, took);
        for (int i = 0; i < load_count(l); i++) {
            const struct attempt *a = load_attempt(l, i);
            expect(a->status == 200 || a->error == CURLE_COULDNT_CONNECT, "request %d of %d: %ld, %s", i, load_count(l),
                   a->status, curl_easy_strerror(a->error));
        }
        const long allowed[] = { 200, 0 };
        expect_consistent(l, allowed, COUNT(allowed));
    }
}

static void test_start_without_a_setting_says_which(void **state)
{
    (void)state;
    const char *bin = getenv("BIN_DIR"), *out = text("%s/start", getenv("LOG_DIR") ? getenv("LOG_DIR") : "/tmp");
    const char *command = text("env -i HTTP_PORT=70000 CURSOR_SECRET=short %s/customer-service >%s 2>&1",
                               bin ? bin : "build/release/bin", out);
    assert_int_not_equal(system(command), 0);
    const char *const names[] = { "DATABASE_URL", "HTTP_PORT", "CURSOR_SECRET" };
    for (size_t i = 0; i < COUNT(names); i++)
        expect(system(text("grep -q %s %s", names[i], out)) == 0, "%s is not named", names[i]);
    assert_int_not_equal(system(text("grep -q 'CURSOR_SECRET.*short$' %s", out)), 0);
    command = text("env -i HTTP_PORT=1 DATABASE_URL=x CURSOR_SECRET=0123456789abcdef0123456789abcdef %s/customer-service >%s 2>&1",
                   bin ? bin : "build/release/bin", out);
    assert_int_not_equal(system(command), 0); /* what one setting demands of another is looked at when each is good by itself */
    assert_int_equal(system(text("grep -q JWKS_URL %s", out)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_without_a_setting_says_which),
        cmocka_unit_test(test_slow_database_is_answered_with_504_in_time),
        cmocka_unit_test(test_sigterm_answers_the_requests_under_way),
        cmocka_unit_test(test_sigterm_ends_readiness_before_it_ends_service),
        cmocka_unit_test(test_sigterm_under_load_loses_no_request),
        cmocka_unit_test(test_redis_killed_is_nobodys_error),
        cmocka_unit_test(test_ended_connections_are_replaced_at_once),
        cmocka_unit_test(test_postgres_killed_under_load_loses_nothing_and_comes_back),
        cmocka_unit_test(test_without_postgres_a_service_says_so),
        cmocka_unit_test(test_killed_service_is_started_again),
    };
    return system_main("faults", tests, COUNT(tests));
}
