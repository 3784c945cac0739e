/* How often somebody may ask: counted in Redis for all gateways together, told in every answer, and kept without Redis. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "stack.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REDIS text("REDIS_URL=unix://%s", getenv("REDIS_SOCKET"))
#define READ_PATH "/api/v1/dictionaries/gender" /* for anybody who has a token */

static struct reply *ask(const struct replica *gateway, const char *token, const char *path)
{
    return http_send(&(struct request){ .method = "GET", .url = text("%s%s", gateway->https_url, path), .token = token });
}

static long header_number(const struct reply *r, const char *name)
{
    const char *value = header(r, name);
    return value ? atol(value) : -1;
}

static struct reply *metrics(const struct replica *gateway)
{
    return http_send(&(struct request){ .method = "GET", .url = text("%s/metrics", gateway->url) });
}

static bool metric_is(const struct replica *gateway, const char *line) { return has_text(metrics(gateway), line); }

static long metric(const struct replica *gateway, const char *name)
{
    const char *at = strstr(metrics(gateway)->body, text("\n%s ", name));
    assert_non_null(at);
    return atol(strchr(at + 1, ' '));
}

/* --- a limit is one for all gateways ----------------------------------------------------------------------------------- */

struct burst {
    const struct replica *gateway;
    const char *token;
    int count;
    atomic_int *passed, *refused, *other;
};

static void *burst_run(void *arg)
{
    const struct burst *b = arg;
    for (int i = 0; i < b->count; i++) {
        long status = ask(b->gateway, b->token, READ_PATH)->status;
        atomic_fetch_add(status == 200 ? b->passed : status == 429 ? b->refused : b->other, 1);
    }
    return NULL;
}

static void test_burst_at_two_gateways_passes_the_limit_and_hardly_more(void **state)
{
    enum { LIMIT = 200, THREADS = 6, EACH = 3 * LIMIT / THREADS };
    atomic_int passed = 0, refused = 0, other = 0;
    pthread_t threads[THREADS];
    struct burst bursts[THREADS];
    const char *token = user_with_role("SALES_REP");
    (void)state;
    struct replica gateways[2];
    for (int i = 0; i < 2; i++) gateways[i] = replica_start("gateway", "RATE_USER=200/h", REDIS, NULL);
    for (int i = 0; i < THREADS; i++) {
        bursts[i] = (struct burst){ &gateways[i % 2], token, EACH, &passed, &refused, &other };
        pthread_create(&threads[i], NULL, burst_run, &bursts[i]);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    int n = atomic_load(&passed);
    expect(n >= LIMIT && n <= LIMIT * 105 / 100 && atomic_load(&other) == 0, "%d passed, %d refused, %d other", n, atomic_load(&refused),
           atomic_load(&other));
}

/* A lease is filled up before it is used up: of many requests one after another hardly any waits for Redis, ... */
static void test_busy_sender_does_not_wait_for_redis(void **state)
{
    enum { COUNT_OF_IT = 400 };
    (void)state;
    struct replica g = replica_start("gateway", "RATE_USER=100000/min", REDIS, NULL);
    const char *token = user_with_role("SALES_REP");
    for (int i = 0; i < COUNT_OF_IT; i++) expect_status(ask(&g, token, READ_PATH), 200);
    long asked = metric(&g, "rate_decisions_total{outcome=\"passed\",by=\"redis\"}");
    expect(asked <= COUNT_OF_IT / 20, "%ld of %d requests waited for Redis", asked, COUNT_OF_IT);
}

/* ... and somebody who asks now and then is charged for what he did only. */
static void test_slow_sender_is_charged_for_each_request_only(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", "RATE_USER=100/h", REDIS, NULL);
    const char *token = user_with_role("SALES_REP");
    for (int i = 0; i < 8; i++) {
        const struct reply *r = expect_status(ask(&g, token, READ_PATH), 200);
        assert_int_equal(header_number(r, "X-RateLimit-Remaining"), 99 - i);
        nanosleep(&(struct timespec){ .tv_nsec = 150 * 1000 * 1000 }, NULL);
    }
}

/* --- what is counted, and what is said ---------------------------------------------------------------------------------- */

static void test_every_answer_tells_how_its_sender_stands(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", "RATE_USER=30/min", "RATE_READ=3/h", REDIS, NULL);
    const char *token = user_with_role("SALES_REP");
    const struct reply *r = expect_status(ask(&g, token, READ_PATH), 200);
    assert_string_equal(header(r, "RateLimit-Policy"), "\"user\";q=30;w=60, \"read\";q=3;w=3600");
    assert_string_equal(header(r, "RateLimit"), "\"user\";r=29;t=2, \"read\";r=2;t=1200");
    assert_int_equal(header_number(r, "X-RateLimit-Limit"), 3);
    assert_int_equal(header_number(r, "X-RateLimit-Remaining"), 2);
    assert_int_equal(header_number(r, "X-RateLimit-Reset"), 1200);
    expect_status(ask(&g, token, READ_PATH), 200);
    assert_int_equal(header_number(expect_status(ask(&g, token, READ_PATH), 200), "X-RateLimit-Remaining"), 0);
    struct reply *refused = ask(&g, token, READ_PATH);
    expect_error(refused, 429, "TOO_MANY_REQUESTS", "");
    assert_in_range(header_number(refused, "Retry-After"), 1190, 1200);
    assert_int_equal(header_number(refused, "X-RateLimit-Remaining"), 0);
    assert_int_equal(header_number(expect_status(ask(&g, user_with_role("SALES_REP"), READ_PATH), 200), "X-RateLimit-Remaining"), 2);
}

static void test_none_is_no_limit(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", "RATE_USER=none", "RATE_ADDRESS=none", REDIS, NULL);
    const char *token = user_with_role("SALES_REP");
    struct reply *r = NULL;
    for (int i = 0; i < 620; i++) r = ask(&g, token, READ_PATH); /* more than there are by default */
    assert_null(header(expect_status(r, 200), "RateLimit"));
}

static void test_refused_request_costs_nothing(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", "RATE_USER=100/h", "RATE_READ=2/h", REDIS, NULL);
    const char *token = user_with_role("SALES_REP");
    for (int i = 0; i < 12; i++) expect_status(ask(&g, token, READ_PATH), i < 2 ? 200 : 429);
    struct reply *write = http_send(&(struct request){
        .method = "POST", .url = text("%s/api/v1/customers", g.https_url), .token = token, .body = "{}" });
    expect_error(write, 400, NULL, NULL);
    assert_string_equal(header(write, "RateLimit"), "\"user\";r=97;t=108"); /* two reads and this */
}

static void wait_as_told(const struct reply *refused)
{
    long s = header_number(refused, "Retry-After");
    expect(s > 0 && s < 10, "Retry-After: %ld", s);
    nanosleep(&(struct timespec){ s, 0 }, NULL); /* what a client does */
}

static void test_retry_after_is_kept(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", "RATE_READ=2/s", REDIS, NULL);
    const char *token = user_with_role("SALES_REP");
    for (int round = 0; round < 3; round++) {
        struct reply *r;
        for (int i = 0; (r = ask(&g, token, READ_PATH))->status == 200 && i < 1000;) i++;
        expect_status(r, 429);
        wait_as_told(r);
        expect_status(ask(&g, token, READ_PATH), 200);
    }
}

static void test_logins_are_counted_by_address(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", "RATE_LOGIN=3/h", "TRUSTED_PROXIES=127.0.0.1/32", REDIS, NULL);
    const char *mine = "X-Forwarded-For: 203.0.113.77", *others = "X-Forwarded-For: 2001:db8::77";
    const char *body = text("{\"username\":\"%s\",\"password\":\"wrong\"}", unique("nobody"));
    struct request login = { .method = "POST", .url = text("%s/api/v1/auth/login", g.https_url), .body = body, .headers = { mine } };
    for (int i = 0; i < 3; i++) expect(http_send(&login)->status != 429 || i, "the first login is refused");
    struct reply *r = http_send(&login);
    expect_error(r, 429, "TOO_MANY_REQUESTS", "");
    expect(header(r, "RateLimit-Policy") && strstr(header(r, "RateLimit-Policy"), "\"login\";q=3"), "not by the gateway: %s", r->head);
    login.headers[0] = others;
    expect_status(http_send(&login), 401);
}

/* The limit is the user's, not the token's or the path's; an address is what the connection says, unless it is a trusted proxy. */
static void test_nobody_evades_a_limit(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", "RATE_USER=3/h", "RATE_ADDRESS=3/h", "TRUSTED_PROXIES=127.0.0.9", REDIS, NULL);
    struct user rep = user_in("SALES_REP", NULL);
    static const char *const paths[] = { READ_PATH, "/api/v1/dictionaries/%67ender", READ_PATH "?x=1", "/api/v1/dictionaries/gende%72" };
    for (size_t i = 0; i < COUNT(paths); i++) {
        user_log_in(&rep); /* another token each time */
        long status = ask(&g, rep.token, paths[i])->status;
        expect((status == 429) == (i == 3), "%s: %ld", paths[i], status);
    }
    static const char *const claims[] = { "X-Forwarded-For: 203.0.113.1", "X-Forwarded-For: 203.0.113.2", "X-Real-IP: 203.0.113.3",
                                          "Forwarded: for=203.0.113.4" };
    for (size_t i = 0; i < COUNT(claims); i++) {
        const struct reply *r = http_send(&(struct request){ .method = "GET", .url = text("%s/api/v1/errors", g.https_url),
                                                             .headers = { claims[i] } });
        expect((r->status == 429) == (i == 3), "%s: %ld", claims[i], r->status);
    }
}

static void test_roles_have_limits_of_their_own(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", "RATE_USER=10/h", "RATE_ROLES=AUDITOR=40/h, SALES_REP=20/h", REDIS, NULL);
    static const struct { const char *role; long limit; } cases[] = { { "AUDITOR", 40 }, { "SALES_REP", 20 }, { "FINANCE", 10 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct reply *r = expect_status(ask(&g, user_with_role(cases[i].role), READ_PATH), 200);
        assert_int_equal(header_number(r, "X-RateLimit-Limit"), cases[i].limit);
    }
}

/* --- Redis comes and goes -------------------------------------------------------------------------------------------------- */

static bool is_local(void *gateway) { return metric_is(gateway, "rate_limits_local 1\n"); }

static bool is_shared(void *gateway)
{
    ask(gateway, user_with_role(""), READ_PATH);
    return metric_is(gateway, "rate_limits_local 0\n");
}

static int passed_of(const struct replica *g, const char *token, int count)
{
    int passed = 0;
    for (int i = 0; i < count; i++) {
        long status = ask(g, token, READ_PATH)->status;
        expect(status == 200 || status == 429, "%ld without Redis", status);
        passed += status == 200;
    }
    return passed;
}

static void test_without_redis_a_share_of_the_limit_goes_on_from_where_it_was(void **state)
{
    (void)state;
    own_stack_only();
    static const int signals[] = { SIGSTOP, SIGKILL };
    struct replica g = replica_start("gateway", "RATE_USER=40/h", "RATE_REPLICAS=2", REDIS, NULL);
    for (size_t i = 0; i < COUNT(signals); i++) {
        const char *warm = user_with_role("SALES_REP"), *fresh = user_with_role("SALES_REP");
        pid_t old = part_pid("REDIS");
        expect(poll_until(20, is_shared, &g), "limits are local");
        assert_int_equal(passed_of(&g, warm, 15), 15);
        part_signal("REDIS", signals[i]);
        assert_in_range(passed_of(&g, warm, 10), 5, 6); /* one at most had been granted ahead */
        assert_int_equal(passed_of(&g, fresh, 30), 20);
        expect(is_local(&g), "nobody says that limits are local");
        if (signals[i] == SIGSTOP) part_signal("REDIS", SIGCONT);
        else expect(part_is_new("REDIS", old, 20), "Redis is not started again");
        expect(poll_until(20, is_shared, &g), "limits stay local");
    }
}

static void test_redis_that_forgets_its_scripts_is_told_again(void **state)
{
    (void)state;
    own_stack_only();
    struct replica g = replica_start("gateway", "RATE_USER=1000/h", REDIS, NULL);
    for (int i = 0; i < 3; i++) {
        expect_status(ask(&g, user_with_role(""), READ_PATH), 200);
        assert_int_equal(system(text("redis-cli -s '%s' script flush >/dev/null", getenv("REDIS_SOCKET"))), 0);
        assert_int_equal(header_number(expect_status(ask(&g, user_with_role(""), READ_PATH), 200), "X-RateLimit-Remaining"), 999);
    }
    expect(metric_is(&g, "rate_decisions_total{outcome=\"passed\",by=\"redis\"} 6\n"), "not all in Redis");
}

static void test_routes_may_be_open_or_closed_without_redis(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", "RATE_USER=2/h", "RATE_OPEN=listDictionaries", "RATE_CLOSED=listCustomers",
                                     "REDIS_URL=unix:///nowhere.sock", NULL);
    const char *token = user_with_role("SALES_REP");
    for (int i = 0; i < 5; i++) expect_status(ask(&g, token, "/api/v1/dictionaries"), 200);
    expect_error(ask(&g, token, "/api/v1/customers"), 503, "SERVICE_UNAVAILABLE", "");
    for (int i = 0; i < 5; i++) expect_status(ask(&g, token, READ_PATH), i < 2 ? 200 : 429);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_at_two_gateways_passes_the_limit_and_hardly_more),
        cmocka_unit_test(test_busy_sender_does_not_wait_for_redis),
        cmocka_unit_test(test_slow_sender_is_charged_for_each_request_only),
        cmocka_unit_test(test_every_answer_tells_how_its_sender_stands),
        cmocka_unit_test(test_none_is_no_limit),
        cmocka_unit_test(test_nobody_evades_a_limit),
        cmocka_unit_test(test_refused_request_costs_nothing),
        cmocka_unit_test(test_retry_after_is_kept),
        cmocka_unit_test(test_logins_are_counted_by_address),
        cmocka_unit_test(test_roles_have_limits_of_their_own),
        cmocka_unit_test(test_without_redis_a_share_of_the_limit_goes_on_from_where_it_was),
        cmocka_unit_test(test_redis_that_forgets_its_scripts_is_told_again),
        cmocka_unit_test(test_routes_may_be_open_or_closed_without_redis),
    };
    return system_main("rate_limits", tests, COUNT(tests));
}
