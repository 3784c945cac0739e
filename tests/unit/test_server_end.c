#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>

/* --- the end of a connection -------------------------------------------------------------------------------------- */

static void test_persistence_follows_the_client(void **state)
{
    struct talk *t = talk_new();
    (void)state;
    say_z(t, "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    struct heard h = hear(t, false);
    assert_true(has(h, "HTTP/1.1 200 OK\r\n") && has(h, "Connection: keep-alive\r\n"));
    say_z(t, "GET /x HTTP/1.0\r\n\r\n");
    assert_true(has(hear(t, false), "Connection: close\r\n"));
    hear_end(t);
    talk_free(t);

    static const char *const closing[] = {
        "GET /x HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
        "GET /close HTTP/1.1\r\n" HOST "\r\n",
        "GET /close HTTP/1.1\r\n" HOST "\r\nGET /not-answered HTTP/1.1\r\n" HOST "\r\n",
    };
    for (size_t i = 0; i < COUNT(closing); i++) {
        t = talk_new();
        say_z(t, closing[i]);
        h = hear(t, false);
        assert_true(h.status == 200 && has(h, "Connection: close\r\n"));
        hear_end(t);
        talk_free(t);
    }
}

static void test_refused_requests_are_answered_and_close(void **state)
{
    static const struct {
        const char *bytes;
        int status;
        const char *slug;
    } cases[] = {
        { "GET / HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST" },
        { "GET /%2e%2e/x HTTP/1.1\r\n" HOST "\r\n", 400, "BAD_REQUEST" },
        { "\x16\x03\x01", 400, "BAD_REQUEST" },
        { "BREW / HTTP/1.1\r\n" HOST "\r\n", 405, "METHOD_NOT_ALLOWED" },
        { "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 501, "NOT_IMPLEMENTED" },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nz\r\n", 400, "BAD_REQUEST" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct talk *t = talk_new();
        say_z(t, "GET /first HTTP/1.1\r\n" HOST "\r\n");
        say_z(t, cases[i].bytes);
        hear_is(t, 200, "GET /first? []");
        struct heard h = hear(t, false);
        assert_int_equal(h.status, cases[i].status);
        assert_true(str_is(h.body, cases[i].slug));
        assert_true(has(h, "Connection: close\r\n"));
        hear_end(t);
        talk_free(t);
    }
}

/* Closing with unread bytes makes TCP reset the connection: the server has to linger. */
static void test_refusal_can_be_read_after_sending_a_megabyte(void **state)
{
    char *body = malloc(1 << 20);
    (void)state;
    memset(body, 'x', 1 << 20);
    for (int i = 0; i < 20; i++) {
        struct talk *t = talk_new();
        say_z(t, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1048576\r\n\r\n");
        assert_true(say(t, (struct str){ body, 1 << 20 }));
        hear_is(t, 413, "BODY_TOO_LARGE");
        hear_end(t);
        talk_free(t);
    }
    free(body);
}

static void test_head_over_the_limit_is_431_and_target_414(void **state)
{
    char *many = malloc(LIMIT_HEAD + 1);
    struct talk *t = talk_new();
    (void)state;
    memset(many, 'x', LIMIT_HEAD);
    many[LIMIT_HEAD] = '\0';
    say_z(t, "GET / HTTP/1.1\r\n" HOST "X: ");
    say_z(t, many);
    hear_is(t, 431, "HEAD_TOO_LARGE");
    hear_end(t);
    talk_free(t);
    t = talk_new();
    say_z(t, "GET /");
    say_z(t, many);
    hear_is(t, 414, "TARGET_TOO_LONG");
    hear_end(t);
    talk_free(t);
    free(many);
}

static void test_half_closed_client_gets_its_replies(void **state)
{
    struct talk *t = talk_new();
    (void)state;
    say_z(t, "GET /later HTTP/1.1\r\n" HOST "\r\nGET /x HTTP/1.1\r\n" HOST "\r\nGET /cut");
    shutdown(t->fd, SHUT_WR);
    hear_is(t, 200, "later");
    hear_is(t, 200, "GET /x? []");
    hear_end(t);
    talk_free(t);
}

static void test_client_that_vanishes_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        struct talk *t = talk_new();
        struct linger reset = { 1, 0 };
        say_z(t, "GET /gone HTTP/1.1\r\n" HOST "\r\nGET /pipelined HTTP/1.1\r\n" HOST "\r\n");
        let_it_read();
        setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        talk_free(t);
    }
    uint64_t until = clock_us() + WAIT_S * 1000000u;
    while (atomic_load(&site.gone) < 10 && clock_us() < until) in_server(NULL);
    assert_int_equal(atomic_load(&site.gone), 10);
    wait_for_connections(0);
}

static void test_client_may_leave_in_the_middle_of_anything(void **state)
{
    static const char *const pieces[] = { "",
                                          "GET",
                                          "GET / HTTP/1.1\r\n",
                                          "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nx",
                                          "GET /later HTTP/1.1\r\n" HOST "\r\n",
                                          "GET /big?1500000 HTTP/1.1\r\n" HOST "\r\n",
                                          "\x16" };
    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        for (int reset = 0; reset < 2; reset++) {
            struct talk *t = talk_new();
            struct linger linger = { reset, 0 };
            say_z(t, pieces[i]);
            let_it_read();
            setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
            talk_free(t);
        }
    }
    wait_for_connections(0);
}

static void test_server_freed_with_a_request_under_way(void **state)
{
    struct talk *t = talk_new();
    (void)state;
    say_z(t, "GET /parked HTTP/1.1\r\n" HOST "\r\n");
    uint64_t until = clock_us() + WAIT_S * 1000000u;
    while (!site.parked && clock_us() < until) in_server(NULL);
    assert_non_null(site.parked); /* answered by the teardown */
    talk_free(t);
}

/* --- time limits, shortened --------------------------------------------------------------------------------------- */

static int setup_short_limits(void **state)
{
    (void)state;
    site_start((struct server_config){ .limits = { .head_ms = 150, .body_ms = 150, .idle_ms = 100 } });
    return 0;
}

/* Says a byte every 20 ms until the server closes or answers; returns the milliseconds it took. */
static int trickle(struct talk *t, const char *first, char byte)
{
    struct timeval little = { 0, 20000 };
    uint64_t start = clock_us();
    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof little);
    say_z(t, first);
    while (clock_us() - start < WAIT_S * 1000000u && recv(t->fd, t->in, 1, MSG_PEEK) < 0 && errno == EAGAIN)
        say(t, (struct str){ &byte, 1 });
    little.tv_sec = WAIT_S;
    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof little);
    return (int)((clock_us() - start) / 1000);
}

static void test_slow_head_and_slow_body_get_408_in_time(void **state)
{
    static const char *const firsts[] = {
        "GET / HTTP/1.1\r\n" HOST "X: ",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3e8\r\n",
        "GET /x HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST "X: ",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(firsts); i++) {
        struct talk *t = talk_new();
        int ms = trickle(t, firsts[i], 'x');
        if (i == 3) hear_is(t, 200, "GET /x? []");
        hear_is(t, 408, "REQUEST_TIMEOUT");
        hear_end(t);
        if (i < 3) assert_in_range(ms, 140, 1500);
        talk_free(t);
    }
}

static void test_idle_connections_are_closed_silently(void **state)
{
    struct talk *t = talk_new();
    uint64_t start = clock_us();
    (void)state;
    hear_end(t);
    assert_in_range((clock_us() - start) / 1000, 90, 1500);
    talk_free(t);
    t = talk_new();
    for (int i = 0; i < 5; i++) { /* each request starts the limit anew */
        say_z(t, "GET /later HTTP/1.1\r\n" HOST "\r\n");
        hear_is(t, 200, "later");
    }
    start = clock_us();
    hear_end(t);
    assert_in_range((clock_us() - start) / 1000, 90, 1500);
    talk_free(t);
}

/* --- drain -------------------------------------------------------------------------------------------------------- */

/* A kernel may refuse an ordinary user a socket filter; newcomers are served for a moment then. */
static bool may_filter(void)
{
    struct sock_filter pass = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    struct sock_fprog program = { 1, &pass };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool may = !setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    close(fd);
    return may;
}

static bool is_refused(void)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)site.port) };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int error = connect(fd, (struct sockaddr *)&sa, sizeof sa) ? errno : 0;
    close(fd);
    return error == ECONNREFUSED;
}

static void drain(void)
{
    server_drain(site.server);
}

static void test_drain_closes_idle_and_finishes_busy_connections(void **state)
{
    struct talk *idle = talk_new(), *busy = talk_new(), *half = talk_new();
    (void)state;
    say_z(idle, "GET /x HTTP/1.1\r\n" HOST "\r\n");
    hear_is(idle, 200, "GET /x? []");
    say_z(busy, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    say_z(half, "GET /half HT");
    let_it_read();
    in_server(drain);
    hear_end(idle);
    struct heard h = hear(busy, false);
    assert_true(h.status == 200 && has(h, "Connection: close\r\n"));
    hear_end(busy);
    say_z(half, "TP/1.1\r\n" HOST "\r\n");
    h = hear(half, false);
    assert_true(h.status == 200 && has(h, "Connection: close\r\n"));
    hear_end(half);
    uint64_t until = clock_us() + WAIT_S * UINT64_C(1000000);
    if (may_filter()) assert_true(is_refused());
    while (!is_refused() && clock_us() < until) usleep(10000);
    assert_true(is_refused());
    talk_free(idle);
    talk_free(busy);
    talk_free(half);
    wait_for_connections(0);
}

/* Its handshake begins at once; on loopback, the kernel of the server has its SYN when this returns. */
static int knock(void)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)site.port) };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(fd, (struct sockaddr *)&sa, sizeof sa);
    return fd;
}

/* 0: connected. */
static int knock_ends(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    int error = 0;
    socklen_t len = sizeof error;
    assert_int_equal(poll(&p, 1, WAIT_S * 1000), 1);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return error;
}

static struct { int before, after; } knocked;

static void drain_between(void)
{
    knocked.before = knock();
    server_drain(site.server);
    knocked.after = knock();
}

static void is_served_at_last(int fd)
{
    struct talk *t = calloc(1, sizeof *t);
    t->fd = fd;
    fcntl(t->fd, F_SETFL, 0);
    say_z(t, "GET /x HTTP/1.1\r\n" HOST "\r\n");
    hear_is(t, 200, "GET /x? []");
    hear_end(t);
    talk_free(t);
}

/* Who knocked before the drain is connected though nobody has accepted yet, and is not reset, even if the request is a while in
 * coming; who knocks afterwards is never told that there was a connection, or it is a good one. */
static void test_drain_takes_who_was_connected_and_nobody_else(void **state)
{
    (void)state;
    uint64_t begun = clock_us();
    in_server(drain_between);
    assert_int_equal(knock_ends(knocked.before), 0);
    int after = knock_ends(knocked.after);
    if (may_filter()) {
        assert_int_equal(after, ECONNREFUSED);
        assert_true(clock_us() - begun > 500000); /* its first SYN was not answered; when it came again, nobody listened */
    } else usleep(600000); /* as long */
    assert_int_equal(poll(&(struct pollfd){ .fd = knocked.before, .events = POLLIN }, 1, 0), 0);
    is_served_at_last(knocked.before);
    if (after) close(knocked.after);
    else is_served_at_last(knocked.after);
    wait_for_connections(0);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define SHORT(test) cmocka_unit_test_setup_teardown(test, setup_short_limits, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(test_persistence_follows_the_client),
        PLAIN(test_refused_requests_are_answered_and_close),
        PLAIN(test_refusal_can_be_read_after_sending_a_megabyte),
        PLAIN(test_head_over_the_limit_is_431_and_target_414),
        PLAIN(test_half_closed_client_gets_its_replies),
        PLAIN(test_client_that_vanishes_leaves_nothing_behind),
        PLAIN(test_client_may_leave_in_the_middle_of_anything),
        PLAIN(test_server_freed_with_a_request_under_way),
        SHORT(test_slow_head_and_slow_body_get_408_in_time),
        SHORT(test_idle_connections_are_closed_silently),
        PLAIN(test_drain_closes_idle_and_finishes_busy_connections),
        PLAIN(test_drain_takes_who_was_connected_and_nobody_else),
    };
    evthread_use_pthreads();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
