/* What the gateway does when a service fails: what is tried again, how often, until when, and what is answered instead. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "puppet.h"
#include "replica.h"
#include "stack.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GOOD(body, length) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " length "\r\n\r\n" body

static struct puppet service;
static struct replica gateway;

/* A gateway of this test's own, to a customer-service that the test plays. */
static void begin(void)
{
    if (service.fd) puppet_close(&service);
    service = puppet_open();
    gateway = puppet_gateway(&service, NULL, NULL);
}

/* The client's connection, on which the request has been sent. */
static int ask(const char *method, const char *path, const char *more)
{
    int fd = raw_connect(gateway.plain_url);
    const char *host = "Host: localhost\r\n", *token = text("Authorization: Bearer %s\r\n", stack.admin_token);
    const char *bytes = text("%s %s HTTP/1.1\r\n%s%s%s\r\n", method, path, host, token, more);
    raw_send(fd, bytes, strlen(bytes));
    return fd;
}

static void say(int fd, const char *bytes)
{
    raw_send(fd, bytes, strlen(bytes));
}

static void expect_reply(int client, int status, const char *part)
{
    const char *reply = raw_reply(client);
    expect(raw_status(reply) == status && strstr(reply, part), "wanted %d with %s: %s", status, part, reply);
    close(client);
}

/* Takes a request and hangs up on it. */
static char *hang_up_on_next(void)
{
    int fd = puppet_accept(&service);
    char *head = puppet_head(fd);
    close(fd);
    return head;
}

static bool is_asked_again(void)
{
    return poll(&(struct pollfd){ service.fd, POLLIN, 0 }, 1, 1500) == 1;
}

/* --- tries -------------------------------------------------------------------------------------------------------- */

static void test_read_is_tried_again_when_the_service_hangs_up(void **state)
{
    (void)state;
    begin();
    int client = ask("GET", "/api/v1/customers", "");
    hang_up_on_next();
    int upstream = puppet_accept(&service);
    puppet_head(upstream);
    say(upstream, GOOD("{}", "2"));
    expect_reply(client, 200, "{}");
    close(upstream);
}

static void test_write_is_tried_again_only_with_an_idempotency_key(void **state)
{
    static const struct {
        const char *method, *more;
        bool again;
    } cases[] = {
        { "POST", "Content-Length: 0\r\n", false },
        { "POST", "Content-Length: 0\r\nIdempotency-Key: k1\r\n", true },
        { "PUT", "Content-Length: 0\r\n", false },
        { "PATCH", "Content-Length: 0\r\nIdempotency-Key: k1\r\n", false }, /* no service promises that */
        { "DELETE", "", false },
    };
    (void)state;
    begin();
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *path = i < 2 ? "/api/v1/customers" : customer_path(UUID_ABSENT);
        int client = ask(cases[i].method, path, cases[i].more);
        hang_up_on_next();
        expect(is_asked_again() == cases[i].again, "case %zu", i);
        if (!cases[i].again) {
            expect_reply(client, 502, "\"BAD_GATEWAY\"");
            continue;
        }
        int upstream = puppet_accept(&service);
        expect(strstr(puppet_head(upstream), "\r\nIdempotency-Key: k1\r\n") != NULL, "the key is lost");
        say(upstream, GOOD("{}", "2"));
        expect_reply(client, 200, "{}");
        close(upstream);
    }
}

static void test_request_is_tried_three_times_at_most(void **state)
{
    (void)state;
    begin();
    int client = ask("GET", "/api/v1/customers", "");
    for (int i = 0; i < 3; i++) hang_up_on_next();
    expect_reply(client, 502, "\"BAD_GATEWAY\"");
    assert_false(is_asked_again());
}

static int timeout_of(const char *head)
{
    const char *at = strstr(head, "\r\nX-Request-Timeout-Ms: ");
    return at ? atoi(at + 24) : -1;
}

static void test_each_try_is_told_how_much_time_is_left(void **state)
{
    (void)state;
    begin();
    int client = ask("GET", "/api/v1/customers", "X-Request-Timeout-Ms: 1\r\n"); /* not the client's to say */
    int upstream = puppet_accept(&service);
    int first = timeout_of(puppet_head(upstream));
    expect(first > 4000 && first <= 5001, "%d ms", first); /* the route has 5 s */
    assert_int_equal(poll(&(struct pollfd){ upstream, POLLIN, 0 }, 1, 300), 0);
    close(upstream);
    upstream = puppet_accept(&service);
    int second = timeout_of(puppet_head(upstream));
    expect(second > 0 && second <= first - 300, "%d ms, then %d ms", first, second);
    say(upstream, GOOD("{}", "2"));
    expect_reply(client, 200, "{}");
    close(upstream);
}

static atomic_bool is_over;

/* Hangs up on whoever comes; counts them. */
static void *hang_up_on_all(void *arg)
{
    int *count = arg;
    while (!atomic_load(&is_over)) {
        if (poll(&(struct pollfd){ service.fd, POLLIN, 0 }, 1, 50) != 1) continue;
        int fd = accept4(service.fd, NULL, NULL, SOCK_CLOEXEC);
        char part[4096];
        if (recv(fd, part, sizeof part, 0) > 0) ++*count;
        close(fd);
    }
    return NULL;
}

/* 20 % of the requests, and 10 that a quiet service has: three tries for each would be three times the load. The breaker of each
 * of the operations would stop them sooner. */
static void test_retries_are_a_fifth_of_the_requests(void **state)
{
    static const char *const paths[] = { "customers", "contacts", "customers/" UUID_ABSENT, "contacts/" UUID_ABSENT };
    enum { EACH = 19 }; /* the breaker looks at 20 */
    int tries = 0, requests = 0;
    pthread_t thread;
    (void)state;
    begin();
    atomic_store(&is_over, false);
    pthread_create(&thread, NULL, hang_up_on_all, &tries);
    for (size_t p = 0; p < COUNT(paths); p++)
        for (int i = 0; i < EACH / 3; i++, requests++) {
            int client = ask("GET", text("/api/v1/%s", paths[p]), "");
            expect_reply(client, 502, "\"BAD_GATEWAY\"");
        }
    atomic_store(&is_over, true);
    pthread_join(thread, NULL);
    int most = requests + requests / 5 + 10 + 3; /* those that the clock gave meanwhile */
    expect(tries > requests && tries <= most, "%d tries for %d requests, at most %d", tries, requests, most);
}

/* --- degraded answers --------------------------------------------------------------------------------------------- */

static int with_answer(const char *path, const char *answer)
{
    int client = ask("GET", path, ""), upstream = puppet_accept(&service);
    puppet_head(upstream);
    say(upstream, answer);
    close(upstream);
    return client;
}

static bool is_counted(void *arg)
{
    (void)arg;
    return has_text(GET(text("%s/metrics", gateway.url)), "upstream_degraded_answers_total{service=\"customer-service\"} 1\n");
}

static void test_last_good_answer_stands_in_where_the_route_says_so(void **state)
{
    (void)state;
    begin();
    expect_reply(with_answer("/api/v1/regions?size=1", GOOD("[1]", "3")), 200, "[1]");
    expect_reply(with_answer("/api/v1/regions?size=1", GOOD("[2]", "3")), 200, "[2]");
    expect_reply(with_answer("/api/v1/customers?size=1", GOOD("[3]", "3")), 200, "[3]");
    puppet_close(&service);
    service.fd = 0;
    int client = ask("GET", "/api/v1/regions?size=1", "");
    const char *reply = raw_reply(client);
    expect(strstr(reply, "\r\nX-Degraded: stale\r\n") && strstr(reply, "\r\nAge: "), "%s", reply);
    expect(raw_status(reply) == 200 && strstr(reply, "[2]"), "%s", reply);
    close(client);
    as(NULL);
    expect(poll_until(5, is_counted, NULL), "the answer is not counted");
    expect_reply(ask("GET", "/api/v1/regions?size=2", ""), 503, "\"SERVICE_UNAVAILABLE\""); /* that was never asked */
    expect_reply(ask("GET", "/api/v1/customers?size=1", ""), 503, "\"SERVICE_UNAVAILABLE\""); /* whose answer is not for everybody */
    client = raw_connect(gateway.plain_url);
    say(client, "GET /api/v1/regions?size=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_reply(client, 401, "\"UNAUTHENTICATED\""); /* permission is asked first */
    for (int i = 0; i < 30; i++) expect_reply(ask("GET", "/api/v1/regions?size=1", ""), 200, "X-Degraded"); /* the breaker has opened */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_is_tried_again_when_the_service_hangs_up),
        cmocka_unit_test(test_write_is_tried_again_only_with_an_idempotency_key),
        cmocka_unit_test(test_request_is_tried_three_times_at_most),
        cmocka_unit_test(test_each_try_is_told_how_much_time_is_left),
        cmocka_unit_test(test_retries_are_a_fifth_of_the_requests),
        cmocka_unit_test(test_last_good_answer_stands_in_where_the_route_says_so),
    };
    return system_main("gateway_policy", tests, COUNT(tests));
}
