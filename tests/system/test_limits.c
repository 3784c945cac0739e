/* The limits by name (common/base/limits.h, docs/configuration.md): what is beyond one is answered in the error envelope, logged
 * and counted by its reason, at the gateway and at a service that is asked directly. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "puppet.h"
#include "refusal.h"
#include "replica.h"
#include "stack.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- sizes -------------------------------------------------------------------------------------------------------- */

static char *many_headers(int count)
{
    char *all = text("%s", "");
    for (int i = 0; i < count; i++) all = text("%sX-%d: 1\r\n", all, i);
    return all;
}

/* `added`: a service has room for what a gateway adds to a head. */
static void check_sizes(const struct replica *r, const char *url, int added_bytes, int added_fields)
{
    const char *head = "GET /api/v1/errors HTTP/1.1\r\nHost: localhost\r\nX-Long: %s\r\n\r\n";
    const char *fields = REQUEST("GET /api/v1/errors", "%s");
    const char *login = REQUEST("POST /api/v1/auth/login", "Content-Type: application/json\r\nContent-Length: 2000\r\n") "%s{}";
    const struct {
        const char *bytes, *good; /* one beyond the limit, and what is just within it */
        int status;
        const char *slug, *reason;
    } cases[] = {
        { text(head, repeat("x", 16384 + added_bytes)), text(head, repeat("x", 16384 - 66 + added_bytes)), 431, "HEAD_TOO_LARGE",
          "head_too_large" },
        { text(fields, many_headers(100 + added_fields)), text(fields, many_headers(99 + added_fields)), 431, "HEAD_TOO_LARGE",
          "head_too_large" },
        { text(REQUEST("GET /api/v1/errors?%s", ""), repeat("x", 8192)), NULL, 414, "TARGET_TOO_LONG", "target_too_long" },
        { REQUEST("POST /api/v1/auth/login", "Content-Type: application/json\r\nContent-Length: 2001\r\n"),
          text(login, repeat(" ", 1998)), 413, "BODY_TOO_LARGE", "body_too_large" },
        { REQUEST("POST /api/v1/auth/login", "Transfer-Encoding: chunked\r\n") "7d1\r\n", NULL, 413, "BODY_TOO_LARGE", "body_too_large" },
        { REQUEST("GET /api/v1/errors", "A : b\r\n"), NULL, 400, "BAD_REQUEST", "malformed" },
        { REQUEST("POST /api/v1/auth/login", "Transfer-Encoding: gzip\r\n"), NULL, 501, "NOT_IMPLEMENTED", "transfer_coding" },
        { REQUEST("BREW /api/v1/errors", ""), NULL, 405, "METHOD_NOT_ALLOWED", "method" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int before = refusals(r, cases[i].reason), fd = raw_connect(url);
        say(fd, cases[i].bytes);
        expect_refused(r, raw_reply(fd), cases[i].status, cases[i].slug, cases[i].reason, before);
        close(fd);
        if (!cases[i].good) continue;
        fd = raw_connect(url);
        say(fd, cases[i].good);
        const char *reply = raw_reply(fd);
        expect(raw_status(reply) && raw_status(reply) != cases[i].status, "case %zu: %s", i, reply);
        assert_int_equal(refusals(r, cases[i].reason), before + 1);
        close(fd);
    }
}

static void test_sizes_of_head_target_and_body_are_limited(void **state)
{
    (void)state;
    own_stack_only();
    struct replica gateway = replica_start("gateway", "MAX_BODY_BYTES=2000", NULL);
    struct replica service = replica_start("auth-service", "MAX_BODY_BYTES=2000", NULL);
    as(NULL);
    check_sizes(&gateway, gateway.plain_url, 0, 0);
    check_sizes(&service, service.url, 1024, 8);
}

/* --- times -------------------------------------------------------------------------------------------------------- */

/* Byte after byte, so that no time limit between two bytes would help. Stops when an answer has come. */
static const char *drip(int fd, const char *bytes)
{
    for (; *bytes && raw_is_quiet(fd, 20); bytes++) raw_send(fd, bytes, 1);
    return raw_reply(fd);
}

static void check_slow(const struct replica *r, const char *url)
{
    int before = refusals(r, "head_too_slow"), fd = raw_connect(url);
    const char *head = text(REQUEST("GET /api/v1/errors", "X: %s\r\n"), repeat("x", 4000));
    expect_refused(r, drip(fd, head), 408, "REQUEST_TIMEOUT", "head_too_slow", before);
    assert_true(hangs_up(fd));
    close(fd);
    before = refusals(r, "body_too_slow");
    fd = raw_connect(url);
    say(fd, REQUEST("POST /api/v1/auth/login", "Content-Type: application/json\r\nContent-Length: 4000\r\n"));
    expect_refused(r, drip(fd, repeat(" ", 4000)), 408, "REQUEST_TIMEOUT", "body_too_slow", before);
    assert_true(hangs_up(fd));
    close(fd);
}

static void test_head_and_body_that_come_too_slowly_are_408(void **state)
{
    (void)state;
    own_stack_only();
    const char *head = "HEAD_TIMEOUT_MS=1500", *body = "BODY_TIMEOUT_MS=1500", *rate = "BODY_MIN_RATE=1000";
    struct replica gateway = replica_start("gateway", head, body, rate, NULL);
    struct replica service = replica_start("auth-service", head, body, rate, NULL);
    as(NULL);
    check_slow(&gateway, gateway.plain_url);
    check_slow(&service, service.url);
}

static void test_body_that_comes_steadily_may_take_longer_than_the_limit(void **state)
{
    (void)state;
    own_stack_only();
    struct replica service = replica_start("auth-service", "BODY_TIMEOUT_MS=600", "BODY_MIN_RATE=1000", NULL);
    int fd = raw_connect(service.url);
    const char *piece = repeat(" ", 1000);
    say(fd, REQUEST("POST /api/v1/auth/login", "Content-Type: application/json\r\nContent-Length: 20002\r\n"));
    for (int i = 0; i < 20; i++) {
        assert_true(raw_is_quiet(fd, 50)); /* a second in all */
        say(fd, piece);
    }
    say(fd, "{}");
    assert_int_equal(raw_status(raw_reply(fd)), 400); /* whole, and looked at */
    close(fd);
}

static void test_connection_without_a_request_is_closed_after_a_while(void **state)
{
    (void)state;
    own_stack_only();
    struct replica gateway = replica_start("gateway", "IDLE_TIMEOUT_MS=1000", NULL);
    int fresh = raw_connect(gateway.plain_url), kept = raw_connect(gateway.plain_url);
    say(kept, PUBLIC);
    assert_int_equal(raw_status(raw_reply(kept)), 200);
    assert_true(hangs_up(kept) && hangs_up(fresh));
    close(kept);
    close(fresh);
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static int opened(const char *source, const char *url)
{
    int fd = raw_connect_from(source, url);
    say(fd, PUBLIC);
    expect(raw_status(raw_reply(fd)) == 200, "no answer to %s", source);
    return fd;
}

static const char *answer_to(const char *source, const char *url)
{
    int fd = raw_connect_from(source, url);
    say(fd, PUBLIC);
    const char *reply = raw_reply(fd);
    assert_true(hangs_up(fd));
    close(fd);
    return reply;
}

struct asking {
    const char *source, *url;
    int fd;
};

static bool gets_in(void *arg)
{
    struct asking *a = arg;
    a->fd = raw_connect_from(a->source, a->url);
    say(a->fd, PUBLIC);
    if (raw_status(raw_reply(a->fd)) == 200) return true;
    close(a->fd);
    return false;
}

static void test_connections_of_one_address_are_limited(void **state)
{
    (void)state;
    own_stack_only();
    enum { MAX = 3, TOLD = 8 };
    struct replica gateway = replica_start("gateway", text("MAX_CONNECTIONS_PER_ADDRESS=%d", MAX), "WORKERS=1", NULL);
    int fds[MAX], held[TOLD], other = -1;
    as(NULL);
    for (int i = 0; i < MAX; i++) fds[i] = opened("127.0.0.2", gateway.plain_url);
    expect_overloaded(&gateway, answer_to("127.0.0.2", gateway.plain_url), "connections_per_address", 0);
    other = opened("127.0.0.3", gateway.plain_url); /* somebody else is not concerned */
    for (int i = 0; i < TOLD; i++) held[i] = raw_connect_from("127.0.0.2", gateway.plain_url);
    int last = raw_connect_from("127.0.0.2", gateway.plain_url);
    assert_true(hangs_up(last)); /* so many are not even told */
    assert_int_equal(refusals(&gateway, "dropped"), 1);
    close(last);
    for (int i = 0; i < TOLD; i++) close(held[i]);
    close(fds[0]);
    struct asking again = { "127.0.0.2", gateway.plain_url, -1 };
    expect(poll_until(10, gets_in, &again), "a place that is free is not given");
    for (int i = 1; i < MAX; i++) close(fds[i]);
    close(again.fd);
    close(other);
}

static void test_proxy_that_is_trusted_may_have_more_connections(void **state)
{
    (void)state;
    own_stack_only();
    struct replica gateway = replica_start("gateway", "MAX_CONNECTIONS_PER_ADDRESS=1", "TRUSTED_PROXIES=127.0.0.4/32", NULL);
    int fds[5];
    for (size_t i = 0; i < COUNT(fds); i++) fds[i] = opened("127.0.0.4", gateway.plain_url);
    for (size_t i = 0; i < COUNT(fds); i++) close(fds[i]);
}

static void test_connections_of_a_process_are_limited(void **state)
{
    (void)state;
    own_stack_only();
    enum { MAX = 8 };
    struct replica gateway = replica_start("gateway", text("MAX_CONNECTIONS=%d", MAX), NULL);
    int fds[MAX];
    as(NULL);
    for (int i = 0; i < MAX; i++) fds[i] = opened(text("127.0.1.%d", i + 1), gateway.plain_url);
    expect_overloaded(&gateway, answer_to("127.0.0.9", gateway.plain_url), "connections", 0); /* the admin port is not concerned */
    close(fds[0]);
    struct asking again = { "127.0.0.9", gateway.plain_url, -1 };
    expect(poll_until(10, gets_in, &again), "a place that is free is not given");
    close(again.fd);
    for (int i = 1; i < MAX; i++) close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_of_head_target_and_body_are_limited),
        cmocka_unit_test(test_head_and_body_that_come_too_slowly_are_408),
        cmocka_unit_test(test_body_that_comes_steadily_may_take_longer_than_the_limit),
        cmocka_unit_test(test_connection_without_a_request_is_closed_after_a_while),
        cmocka_unit_test(test_connections_of_one_address_are_limited),
        cmocka_unit_test(test_proxy_that_is_trusted_may_have_more_connections),
        cmocka_unit_test(test_connections_of_a_process_are_limited),
    };
    return system_main("limits", tests, COUNT(tests));
}
