/* Long bodies through the gateway: they are passed on as they come, in either direction, and nobody is outrun. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "puppet.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MIB = 1024 * 1024,
    LONG = 64 * MIB,  /* more than all sockets on the way can hold */
    HELD = 40 * MIB,  /* what they and the gateway hold is less */
};

#define HEAD(method, more) \
    method " /api/v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n" more "\r\n"
#define GOOD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

static struct puppet service;
static struct replica gateway;

/* A gateway of this test's own, to a customer-service that the test plays. */
static void begin(void)
{
    if (service.fd) puppet_close(&service);
    service = puppet_open();
    gateway = puppet_gateway(&service, "MAX_BODY_BYTES=100000000", NULL);
}

/* A client that has sent this head. */
static int client_with(const char *head)
{
    int fd = raw_connect(gateway.plain_url);
    const char *filled = text(head, stack.admin_token); /* NOLINT: the formats are those above */
    raw_send(fd, filled, strlen(filled));
    return fd;
}

static void say(int fd, const char *bytes)
{
    raw_send(fd, bytes, strlen(bytes));
}

static bool has(const char *head, const char *part)
{
    return strcasestr(head, part) != NULL;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void test_service_gets_a_long_body_before_it_is_whole(void **state)
{
    (void)state;
    begin();
    int client = client_with(HEAD("POST", "Content-Length: 300000\r\n"));
    assert_int_equal(pattern_send(client, 0, 200000), 200000);
    int upstream = puppet_accept(&service);
    const char *head = puppet_head(upstream);
    expect(has(head, "\r\nContent-Length: 300000\r\n") && !has(head, "Transfer-Encoding"), "%s", head);
    assert_int_equal(pattern_receive(upstream, 0, 200000), 200000); /* all that there is */
    assert_int_equal(pattern_send(client, 200000, 300000), 300000);
    assert_int_equal(pattern_receive(upstream, 200000, 300000), 300000);
    say(upstream, GOOD);
    assert_int_equal(raw_status(raw_reply(client)), 200);
    say(client, text(HEAD("GET", ""), stack.admin_token)); /* and both connections are still good */
    expect(has(puppet_head(upstream), "GET /api/v1/customers "), "another request was expected");
    say(upstream, GOOD);
    assert_int_equal(raw_status(raw_reply(client)), 200);
    close(client);
    close(upstream);
}

static void chunk_say(int fd, size_t from, size_t to)
{
    say(fd, text("%zx\r\n", to - from));
    assert_int_equal(pattern_send(fd, from, to), to);
    say(fd, "\r\n");
}

/* Reads chunks until the last one: how many bytes of the pattern. */
static size_t chunks_hear(int fd)
{
    size_t total = 0;
    for (;;) {
        char line[32] = "";
        for (size_t n = 0; n < sizeof line - 1 && !strstr(line, "\r\n") && recv(fd, line + n, 1, 0) == 1; n++) continue;
        size_t size = strtoul(line, NULL, 16);
        if (size && pattern_receive(fd, total, total + size) != total + size) return total;
        if (recv(fd, line, 2, MSG_WAITALL) != 2 || memcmp(line, "\r\n", 2) != 0) return 0;
        if (!size) return total;
        total += size;
    }
}

static void test_long_chunked_body_stays_chunked(void **state)
{
    (void)state;
    begin();
    int client = client_with(HEAD("POST", "Transfer-Encoding: chunked\r\n"));
    for (size_t i = 0; i < 4; i++) chunk_say(client, i * 30000, (i + 1) * 30000);
    int upstream = puppet_accept(&service);
    const char *head = puppet_head(upstream);
    expect(has(head, "\r\nTransfer-Encoding: chunked\r\n") && !has(head, "Content-Length"), "%s", head);
    say(client, "0\r\n\r\n");
    assert_int_equal(chunks_hear(upstream), 120000);
    say(upstream, GOOD);
    assert_int_equal(raw_status(raw_reply(client)), 200);
    close(client);
    close(upstream);
}

static void test_client_waits_for_a_service_that_does_not_read(void **state)
{
    (void)state;
    begin();
    int client = client_with(HEAD("POST", "Content-Length: 67108864\r\n"));
    size_t sent = pattern_send(client, 0, LONG);
    expect(sent < HELD, "%zu bytes went nowhere", sent);
    int upstream = puppet_accept(&service);
    puppet_head(upstream);
    size_t heard = 0;
    while (heard < LONG) { /* in turns, so that neither waits for the other */
        size_t more = heard + MIB < LONG ? heard + MIB : LONG;
        size_t got = pattern_receive(upstream, heard, more);
        expect(got == more, "stuck after %zu bytes", got);
        heard = got;
        if (sent < LONG) sent = pattern_send(client, sent, sent + MIB < LONG ? sent + MIB : LONG);
    }
    say(upstream, GOOD);
    assert_int_equal(raw_status(raw_reply(client)), 200);
    close(client);
    close(upstream);
}

static void test_long_body_is_tried_again_as_long_as_nothing_of_it_is_lost(void **state)
{
    (void)state;
    begin();
    int client = client_with(HEAD("POST", "Idempotency-Key: k\r\nContent-Length: 300000\r\n"));
    pattern_send(client, 0, 100000);
    int upstream = puppet_accept(&service);
    puppet_head(upstream);
    pattern_receive(upstream, 0, 100000);
    shutdown(upstream, SHUT_WR); /* all that has gone is still in the gateway's memory */
    assert_true(hangs_up(upstream)); /* else more might follow before it has seen that */
    close(upstream);
    pattern_send(client, 100000, 300000); /* comes while it waits for the next try */
    upstream = puppet_accept(&service);
    puppet_head(upstream);
    assert_int_equal(pattern_receive(upstream, 0, 200000), 200000);
    close(upstream); /* now it is not */
    const char *reply = raw_reply(client);
    expect(raw_status(reply) == 502 && has(reply, "\"BAD_GATEWAY\""), "%s", reply);
    close(client);
}

static void test_client_that_leaves_ends_its_request(void **state)
{
    (void)state;
    begin();
    int client = client_with(HEAD("POST", "Content-Length: 300000\r\n"));
    pattern_send(client, 0, 200000);
    int upstream = puppet_accept(&service);
    puppet_head(upstream);
    close(client);
    assert_true(hangs_up(upstream)); /* the body will never be whole, and must not look so */
    close(upstream);
}

static void test_nonsense_within_a_long_body_is_400_and_ends_the_request(void **state)
{
    (void)state;
    begin();
    int client = client_with(HEAD("POST", "Transfer-Encoding: chunked\r\n"));
    for (size_t i = 0; i < 4; i++) chunk_say(client, i * 30000, (i + 1) * 30000);
    int upstream = puppet_accept(&service);
    puppet_head(upstream);
    say(client, "-1\r\n");
    const char *reply = raw_reply(client);
    expect(raw_status(reply) == 400 && has(reply, "\"BAD_REQUEST\"") && has(reply, "Connection: close"), "%s", reply);
    assert_true(hangs_up(client) && hangs_up(upstream));
    close(client);
    close(upstream);
}

static void test_body_over_the_limit_is_413_however_much_has_gone_on(void **state)
{
    (void)state;
    begin();
    int client = client_with(HEAD("POST", "Transfer-Encoding: chunked\r\n"));
    for (size_t i = 0; i < 4; i++) chunk_say(client, i * 30000, (i + 1) * 30000);
    int upstream = puppet_accept(&service);
    puppet_head(upstream);
    say(client, "5f5e101\r\n"); /* 100,000,001 */
    const char *reply = raw_reply(client);
    expect(raw_status(reply) == 413 && has(reply, "\"BODY_TOO_LARGE\""), "%s", reply);
    assert_true(hangs_up(upstream));
    close(client);
    close(upstream);
}

static void test_answer_may_come_before_the_body_is_whole(void **state)
{
    (void)state;
    begin();
    int client = client_with(HEAD("POST", "Content-Length: 300000\r\n"));
    pattern_send(client, 0, 200000);
    int upstream = puppet_accept(&service);
    puppet_head(upstream);
    say(upstream, "HTTP/1.1 422 Unprocessable Content\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    const char *reply = raw_reply(client);
    expect(raw_status(reply) == 422 && has(reply, "Connection: close"), "%s", reply);
    assert_true(hangs_up(upstream)); /* nobody knows where the next request would begin */
    close(client);
    close(upstream);
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

/* The client's side of one GET that the service has not answered yet. */
static int client_asks(int *ret_upstream)
{
    int client = client_with(HEAD("GET", ""));
    *ret_upstream = puppet_accept(&service);
    puppet_head(*ret_upstream);
    return client;
}

static void test_service_waits_for_a_client_that_does_not_read(void **state)
{
    int upstream;
    (void)state;
    begin();
    int client = client_asks(&upstream);
    say(upstream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 67108864\r\n\r\n");
    size_t sent = pattern_send(upstream, 0, LONG), heard = 0;
    expect(sent < HELD, "%zu bytes went nowhere", sent);
    const char *head = puppet_head(client);
    expect(has(head, "\r\nContent-Length: 67108864\r\n") && has(head, "\r\nX-Content-Type-Options: nosniff\r\n"), "%s", head);
    while (heard < LONG) {
        size_t more = heard + MIB < LONG ? heard + MIB : LONG, got = pattern_receive(client, heard, more);
        expect(got == more, "stuck after %zu bytes", got);
        heard = got;
        if (sent < LONG) sent = pattern_send(upstream, sent, sent + MIB < LONG ? sent + MIB : LONG);
    }
    say(client, text(HEAD("GET", ""), stack.admin_token));
    puppet_head(upstream);
    say(upstream, GOOD);
    assert_int_equal(raw_status(raw_reply(client)), 200);
    close(client);
    close(upstream);
}

static void test_client_gets_a_long_reply_before_it_is_whole(void **state)
{
    static const char *const framings[] = { "Content-Length: 300000\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n" };
    (void)state;
    begin();
    for (size_t i = 0; i < COUNT(framings); i++) {
        int upstream, client = client_asks(&upstream);
        bool is_chunked = i == 1;
        say(upstream, text("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s\r\n", framings[i]));
        if (is_chunked) chunk_say(upstream, 0, 200000);
        else pattern_send(upstream, 0, 200000);
        const char *head = puppet_head(client); /* it is there, though the service has not done yet */
        expect(has(head, i ? "\r\nTransfer-Encoding: chunked\r\n" : "\r\nContent-Length: 300000\r\n"), "%s", head);
        if (is_chunked) chunk_say(upstream, 200000, 300000), say(upstream, "0\r\n\r\n");
        else pattern_send(upstream, 200000, 300000);
        if (i == 2) close(upstream);
        assert_int_equal(i ? chunks_hear(client) : pattern_receive(client, 0, 300000), 300000);
        assert_true(raw_is_quiet(client, 50)); /* the connection stays */
        close(client);
        if (i != 2) close(upstream);
    }
}

static void test_reply_that_breaks_off_does_not_look_whole(void **state)
{
    static const char *const framings[] = { "Content-Length: 300000\r\n", "Transfer-Encoding: chunked\r\n" };
    (void)state;
    begin();
    for (size_t i = 0; i < COUNT(framings); i++) {
        int upstream, client = client_asks(&upstream);
        say(upstream, text("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s\r\n", framings[i]));
        if (i) chunk_say(upstream, 0, 200000);
        else pattern_send(upstream, 0, 200000);
        puppet_head(client);
        close(upstream);
        if (i) assert_true(chunks_hear(client) <= 200000 && hangs_up(client)); /* without the last chunk */
        else assert_int_equal(pattern_receive(client, 0, 300000), 200000);
        assert_true(hangs_up(client));
        close(client);
    }
}

static void test_client_that_leaves_a_long_reply_frees_the_service(void **state)
{
    int upstream;
    (void)state;
    begin();
    int client = client_asks(&upstream);
    say(upstream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 67108864\r\n\r\n");
    pattern_send(upstream, 0, MIB);
    puppet_head(client);
    close(client);
    pattern_send(upstream, MIB, LONG);
    assert_true(hangs_up(upstream));
    close(upstream);
}

/* HTTP/1.0 knows no chunks: the end of the connection is the end of the reply. */
static void test_http_1_0_gets_a_long_reply_until_the_end_of_the_connection(void **state)
{
    (void)state;
    begin();
    int client = client_with("GET /api/v1/customers HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n");
    int upstream = puppet_accept(&service);
    puppet_head(upstream);
    say(upstream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    chunk_say(upstream, 0, 200000);
    const char *head = puppet_head(client);
    expect(has(head, "\r\nConnection: close\r\n") && !has(head, "Transfer-Encoding") && !has(head, "Content-Length"), "%s", head);
    say(upstream, "0\r\n\r\n");
    assert_int_equal(pattern_receive(client, 0, 200001), 200000);
    close(client);
    close(upstream);
}

static void test_head_tells_the_length_that_get_would_have(void **state)
{
    (void)state;
    begin();
    int client = client_with(HEAD("HEAD", ""));
    int upstream = puppet_accept(&service);
    expect(has(puppet_head(upstream), "HEAD /api/v1/customers "), "HEAD goes on as HEAD");
    say(upstream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 67108864\r\n\r\n");
    expect(has(puppet_head(client), "\r\nContent-Length: 67108864\r\n"), "no length");
    assert_true(raw_is_quiet(client, 50));
    close(client);
    close(upstream);
}

/* --- with the real service ---------------------------------------------------------------------------------------- */

static void test_long_body_creates_a_customer(void **state)
{
    (void)state;
    const char *name = unique("长请求");
    char *body = text("{%s\"customer_name\":\"%s\",\"customer_type\":\"企业\"}", repeat(" ", 900 * 1000), name);
    target(stack.gateway_url);
    struct reply *r = expect_status(POST("/api/v1/customers", body), 200);
    expect_status(call("POST", "/api/v1/customers", body, "Transfer-Encoding: chunked", NULL), 200);
    expect_status(GET(header(r, "Location")), 200);
    assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE customer_name = '%s'", name), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_gets_a_long_body_before_it_is_whole),
        cmocka_unit_test(test_long_chunked_body_stays_chunked),
        cmocka_unit_test(test_client_waits_for_a_service_that_does_not_read),
        cmocka_unit_test(test_long_body_is_tried_again_as_long_as_nothing_of_it_is_lost),
        cmocka_unit_test(test_client_that_leaves_ends_its_request),
        cmocka_unit_test(test_nonsense_within_a_long_body_is_400_and_ends_the_request),
        cmocka_unit_test(test_body_over_the_limit_is_413_however_much_has_gone_on),
        cmocka_unit_test(test_answer_may_come_before_the_body_is_whole),
        cmocka_unit_test(test_service_waits_for_a_client_that_does_not_read),
        cmocka_unit_test(test_client_gets_a_long_reply_before_it_is_whole),
        cmocka_unit_test(test_reply_that_breaks_off_does_not_look_whole),
        cmocka_unit_test(test_client_that_leaves_a_long_reply_frees_the_service),
        cmocka_unit_test(test_http_1_0_gets_a_long_reply_until_the_end_of_the_connection),
        cmocka_unit_test(test_head_tells_the_length_that_get_would_have),
        cmocka_unit_test(test_long_body_creates_a_customer),
    };
    return system_main("gateway_stream", tests, COUNT(tests));
}
