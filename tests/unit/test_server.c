#include "site.h"

#include "http/answer.h"

/* --- requests and replies ----------------------------------------------------------------------------------------- */

static void test_request_split_at_every_byte_is_the_same_request(void **state)
{
    static const struct str streams[] = {
        { "GET /a/b?c=d HTTP/1.1\r\n" HOST "\r\n", 36 },
        { "POST /a/b?c=d HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 61 },
        { "POST /a/b?c=d HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 85 },
    };
    static const char *const wants[] = { "GET /a/b?c=d []", "POST /a/b?c=d [hello]", "POST /a/b?c=d [hello]" };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct talk *t = talk_new();
        assert_int_equal(streams[i].len, strlen(streams[i].p));
        for (size_t cut = 1; cut < streams[i].len; cut++) {
            say(t, str_sub(streams[i], 0, cut));
            let_it_read();
            say(t, str_sub(streams[i], cut, streams[i].len));
            hear_is(t, 200, wants[i]);
        }
        talk_free(t);
    }
}

static void test_reply_head_is_complete_and_exact(void **state)
{
    struct talk *t = talk_new();
    (void)state;
    say_z(t, "GET /facts HTTP/1.1\r\n" HOST "X-Request-ID: abc-1\r\n\r\n");
    struct heard h = hear(t, false);
    assert_int_equal(h.status, 201);
    assert_true(has(h, "HTTP/1.1 201 Created\r\nDate: "));
    assert_true(has(h, "Content-Type: text/plain\r\nContent-Length: 20\r\nX-Good: 1\r\n\r"));
    assert_false(has(h, "X-Evil"));
    assert_false(has(h, "Connection"));
    assert_true(str_is(h.body, "127.0.0.1 0 36 abc-1"));
    say_z(t, "GET /facts HTTP/1.1\r\n" HOST "X-Request-ID: a b\r\n\r\n");
    assert_true(str_is(hear(t, false).body, "127.0.0.1 0 36 "));
    talk_free(t);
}

static void test_date_is_an_imf_fixdate(void **state)
{
    char text[32];
    (void)state;
    assert_true(str_is(http_date(784111777, text), "Sun, 06 Nov 1994 08:49:37 GMT")); /* RFC 9110 5.6.7 */
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    struct talk *t = talk_new();
    (void)state;
    say_z(t, "GET /later HTTP/1.1\r\n" HOST "\r\nGET /1 HTTP/1.1\r\n" HOST "\r\nHEAD /2 HTTP/1.1\r\n" HOST "\r\n"
             "POST /3 HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nxGET /later HTTP/1.1\r\n" HOST
             "\r\nGET /4 HTTP/1.1\r\n" HOST "\r\n");
    hear_is(t, 200, "later");
    hear_is(t, 200, "GET /1? []");
    assert_true(has(hear(t, true), "Content-Length: 11\r\n"));
    hear_is(t, 200, "POST /3? [x]");
    hear_is(t, 200, "later");
    hear_is(t, 200, "GET /4? []");
    talk_free(t);
}

static void *say_many(void *arg)
{
    char one[64];
    for (int i = 0; i < 20000; i++) {
        snprintf(one, sizeof one, "GET /%d HTTP/1.1\r\n" HOST "\r\n", i);
        say_z(arg, one);
    }
    return NULL;
}

static void test_twenty_thousand_pipelined_requests_are_answered(void **state)
{
    struct talk *t = talk_new();
    pthread_t speaker;
    char want[32];
    (void)state;
    pthread_create(&speaker, NULL, say_many, t);
    for (int i = 0; i < 20000; i++) {
        snprintf(want, sizeof want, "GET /%d? []", i);
        hear_is(t, 200, want);
    }
    pthread_join(speaker, NULL);
    talk_free(t);
}

static void test_head_and_no_content_have_no_body(void **state)
{
    struct talk *t = talk_new();
    (void)state;
    say_z(t, "HEAD /big?100000 HTTP/1.1\r\n" HOST "\r\n");
    struct heard h = hear(t, true);
    assert_true(h.status == 200 && has(h, "Content-Length: 100000\r\n"));
    say_z(t, "GET /none HTTP/1.1\r\n" HOST "\r\n");
    h = hear(t, false);
    assert_true(h.status == 204 && !has(h, "Content-Length"));
    say_z(t, "GET /x HTTP/1.1\r\n" HOST "\r\n");
    hear_is(t, 200, "GET /x? []");
    talk_free(t);
}

static void test_large_replies_arrive_whole(void **state)
{
    static const int sizes[] = { 1, 8191, 8192, 8193, 100000, 300000, 1500000 };
    struct talk *t = talk_new();
    char requests[128];
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        snprintf(requests, sizeof requests, "GET /big?%d HTTP/1.1\r\n" HOST "\r\nGET /after HTTP/1.1\r\n" HOST "\r\n", sizes[i]);
        say_z(t, requests);
        let_it_read(); /* nobody reads meanwhile */
        struct heard h = hear(t, false);
        assert_int_equal(h.body.len, sizes[i]);
        for (size_t k = 0; k < h.body.len; k++) assert_int_equal(h.body.p[k], 'a' + k % 23);
        hear_is(t, 200, "GET /after? []");
    }
    talk_free(t);
}

static void test_continue_is_sent_before_the_body(void **state)
{
    struct talk *t = talk_new();
    (void)state;
    say_z(t, "POST /p HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_int_equal(hear(t, false).status, 100);
    say_z(t, "ok");
    hear_is(t, 200, "POST /p? [ok]");
    say_z(t, "POST /p HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n");
    hear_is(t, 413, "BODY_TOO_LARGE"); /* at once, without "100 Continue" */
    talk_free(t);
}

static void test_body_limit_is_exact(void **state)
{
    char *body = calloc(1, BODY_MAX + 2), head[128];
    (void)state;
    memset(body, 'x', BODY_MAX + 1);
    for (int over = 0; over < 2; over++) {
        struct talk *t = talk_new();
        snprintf(head, sizeof head, "POST /none HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", BODY_MAX + over);
        say_z(t, head);
        say(t, (struct str){ body, BODY_MAX + (size_t)over });
        assert_int_equal(hear(t, false).status, over ? 413 : 204);
        talk_free(t);
    }
    free(body);
}

/* Servers share it with each other, as the workers of a process do. */
static void test_a_claimed_port_is_nobody_elses(void **state)
{
    struct event_base *base = event_base_new();
    struct server_config config = { .address = "127.0.0.1" };
    (void)state;
    struct server *one = server_new(base, &config);
    assert_non_null(one);
    config.port = server_port(one);
    assert_true(server_claim("127.0.0.1", config.port) < 0 && errno == EADDRINUSE);
    assert_true(server_claim("0.0.0.0", config.port) < 0 && errno == EADDRINUSE);
    struct server *two = server_new(base, &config);
    assert_non_null(two);
    server_free(two);
    server_free(one);
    int claim = server_claim("0.0.0.0", config.port);
    assert_true(claim >= 0);
    assert_true(server_claim("127.0.0.1", config.port) < 0 && errno == EADDRINUSE);
    assert_null(server_new(base, &config));
    assert_int_equal(errno, EADDRINUSE);
    close(claim);
    event_base_free(base);
}

static void test_address_in_use_or_malformed_is_an_error(void **state)
{
    struct event_base *base = event_base_new();
    struct server_config config = { .address = "not an address" };
    (void)state;
    assert_null(server_new(base, &config));
    assert_int_equal(errno, EINVAL);
    config.address = "192.0.2.1"; /* not ours, RFC 5737 */
    assert_null(server_new(base, &config));
    assert_int_equal(errno, EADDRNOTAVAIL);
    event_base_free(base);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(test_request_split_at_every_byte_is_the_same_request),
        PLAIN(test_reply_head_is_complete_and_exact),
        PLAIN(test_pipelined_requests_are_answered_in_order),
        PLAIN(test_twenty_thousand_pipelined_requests_are_answered),
        PLAIN(test_head_and_no_content_have_no_body),
        PLAIN(test_large_replies_arrive_whole),
        PLAIN(test_continue_is_sent_before_the_body),
        PLAIN(test_body_limit_is_exact),
        cmocka_unit_test(test_date_is_an_imf_fixdate),
        cmocka_unit_test(test_address_in_use_or_malformed_is_an_error),
        cmocka_unit_test(test_a_claimed_port_is_nobody_elses),
    };
    evthread_use_pthreads(); /* the tests reach into the server's loop from outside */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
