/* More requests than a process has room for: they wait in turn, and are refused when that takes too long. */
#include "crm.h"
#include "expect.h"
#include "line.h"
#include "pool.h"
#include "puppet.h"
#include "refusal.h"
#include "replica.h"
#include "stack.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOOD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

/* A gateway that has two requests under way, at a customer-service that the test plays, and a third client that asks. */
static struct crowd {
    struct puppet service;
    struct replica gateway;
    int fds[3], upstream[2];
} crowd;

static void crowd_gather(const char *queue)
{
    crowd.service = puppet_open();
    crowd.gateway = puppet_gateway(&crowd.service, "MAX_REQUESTS_IN_FLIGHT=2", queue);
    const char *ask = text(REQUEST("GET /api/v1/customers", "Authorization: Bearer %s\r\n"), stack.admin_token);
    for (int i = 0; i < 3; i++) {
        crowd.fds[i] = raw_connect(crowd.gateway.plain_url);
        say(crowd.fds[i], ask);
        if (i == 2) break;
        crowd.upstream[i] = puppet_accept(&crowd.service);
        puppet_head(crowd.upstream[i]);
    }
    as(NULL);
}

static void crowd_serve(int i)
{
    say(crowd.upstream[i], GOOD);
    assert_int_equal(raw_status(raw_reply(crowd.fds[i])), 200);
}

static void crowd_leave(void)
{
    for (int i = 0; i < 3; i++) close(crowd.fds[i]);
    for (int i = 0; i < 2; i++) close(crowd.upstream[i]);
    puppet_close(&crowd.service);
}

static void test_requests_under_way_are_limited(void **state)
{
    static const char *const queues[] = { "REQUEST_QUEUE_MS=0", "REQUEST_QUEUE_MS=200" };
    (void)state;
    own_stack_only();
    for (size_t i = 0; i < COUNT(queues); i++) {
        crowd_gather(queues[i]);
        expect_overloaded(&crowd.gateway, raw_reply(crowd.fds[2]), "requests_in_flight", 0);
        crowd_serve(0);
        crowd_serve(1);
        say(crowd.fds[2], PUBLIC); /* the connection was kept, and there is room again */
        assert_int_equal(raw_status(raw_reply(crowd.fds[2])), 200);
        crowd_leave();
    }
}

static void test_request_waits_for_its_turn(void **state)
{
    (void)state;
    own_stack_only();
    crowd_gather("REQUEST_QUEUE_MS=60000");
    assert_true(raw_is_quiet(crowd.fds[2], 300));
    crowd_serve(1);
    puppet_head(crowd.upstream[1]); /* on the connection that is free now */
    say(crowd.upstream[1], GOOD);
    assert_int_equal(raw_status(raw_reply(crowd.fds[2])), 200);
    crowd_serve(0);
    assert_int_equal(refusals(&crowd.gateway, "requests_in_flight"), 0);
    crowd_leave();
}

/* Nobody works for a client that has not waited. */
static void test_request_of_a_client_that_left_is_not_begun(void **state)
{
    (void)state;
    own_stack_only();
    crowd_gather("REQUEST_QUEUE_MS=60000");
    struct line *left = line_open(crowd.gateway.https_url); /* over TLS the end is the end of both directions */
    const char *asked = text(REQUEST("GET /api/v1/industries", "Authorization: Bearer %s\r\n"), stack.admin_token);
    line_send(left, asked, strlen(asked));
    int last = raw_connect(crowd.gateway.plain_url);
    say(last, text(REQUEST("GET /api/v1/contacts", "Authorization: Bearer %s\r\n"), stack.admin_token));
    assert_true(raw_is_quiet(last, 300));
    line_close(left);
    assert_true(raw_is_quiet(last, 300));
    static const char *const paths[] = { "customers", "contacts" };
    for (int i = 0; i < 2; i++) {
        if (i == 0) crowd_serve(1);
        const char *next = puppet_head(crowd.upstream[1]), *want = text("GET /api/v1/%s ", paths[i]);
        expect(strstr(next, want) == next, "%s", next);
        say(crowd.upstream[1], GOOD);
        assert_int_equal(raw_status(raw_reply(i ? last : crowd.fds[2])), 200);
    }
    crowd_serve(0);
    close(last);
    crowd_leave();
}

static void test_waiting_requests_are_answered_at_the_end(void **state)
{
    (void)state;
    own_stack_only();
    crowd_gather("REQUEST_QUEUE_MS=60000");
    assert_true(raw_is_quiet(crowd.fds[2], 100));
    kill(crowd.gateway.pid, SIGTERM);
    crowd_serve(1);
    const char *next = puppet_head(crowd.upstream[1]);
    expect(strstr(next, "GET /api/v1/customers ") == next, "%s", next);
    say(crowd.upstream[1], GOOD);
    assert_int_equal(raw_status(raw_reply(crowd.fds[2])), 200);
    crowd_serve(0);
    assert_int_equal(replica_stop(&crowd.gateway), 0);
    crowd_leave();
}

static void *ask_slowly(void *arg)
{
    return http_send(&(struct request){ .method = "GET", .url = arg, .token = stack.admin_token, .fresh = true });
}

static void test_busy_service_still_tells_its_health(void **state)
{
    (void)state;
    own_stack_only();
    struct replica service = replica_start("customer-service", "WORKERS=1", "MAX_REQUESTS_IN_FLIGHT=1",
                                           "REQUEST_QUEUE_MS=0", NULL);
    const char *one = text("%s%s", service.url, customer_path(customer(unique("忙"), NULL)));
    pid_t backends = part_pid("PG");
    pthread_t thread;
    struct reply *held, *refused = NULL;
    expect_status(http_send(&(struct request){ .method = "GET", .url = one, .token = stack.admin_token, .fresh = true }), 200);
    assert_int_equal(system(text("pkill -STOP -P %d -f customer_service", (int)backends)), 0); /* its queries take their time */
    pthread_create(&thread, NULL, ask_slowly, (void *)(uintptr_t)one);
    for (int i = 0; i < 500 && (!refused || refused->status != 503); i++)
        refused = http_send(&(struct request){
            .method = "GET", .url = text("%s/openapi.json", service.url), .token = stack.admin_token, .fresh = true });
    struct reply *health = http_send(&(struct request){ .method = "GET", .url = text("%s/healthz", service.url), .fresh = true });
    struct reply *metrics = http_send(&(struct request){ .method = "GET", .url = text("%s/metrics", service.url), .fresh = true });
    system(text("pkill -CONT -P %d -f customer_service", (int)backends));
    pthread_join(thread, (void **)&held);
    expect_error(refused, 503, "OVERLOADED", NULL);
    expect_status(health, 200);
    expect_status(metrics, 200);
    expect_status(held, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_under_way_are_limited),
        cmocka_unit_test(test_request_waits_for_its_turn),
        cmocka_unit_test(test_request_of_a_client_that_left_is_not_begun),
        cmocka_unit_test(test_waiting_requests_are_answered_at_the_end),
        cmocka_unit_test(test_busy_service_still_tells_its_health),
    };
    return system_main("queue", tests, COUNT(tests));
}
