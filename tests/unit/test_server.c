#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/answer.h"
#include "http/server.h"

enum { BODY_MAX = 64 * 1024, WAIT_S = 5 };

/* --- a server in a thread of its own ------------------------------------------------------------------------------ */

static struct site {
    struct event_base *base;
    struct server *server;
    pthread_t thread;
    int port;
    atomic_int gone;    /* requests answered after their client had vanished */
    atomic_int waiting; /* requests not answered yet */
    struct req *parked;
} site;

static void answer(struct req *r, int status)
{
    r->status = status;
    r->content_type = STR("text/plain");
    server_reply(r);
}

static void answer_later(evutil_socket_t fd, short what, void *arg)
{
    struct req *r = arg;
    (void)fd, (void)what;
    buf_addz(&r->out, "later");
    answer(r, 200);
    atomic_fetch_sub(&site.waiting, 1);
}

static void answer_when_gone(evutil_socket_t fd, short what, void *arg)
{
    struct req *r = arg;
    struct timeval soon = { 0, 2000 };
    (void)fd, (void)what;
    if (r->conn) {
        event_base_once(site.base, -1, EV_TIMEOUT, answer_when_gone, r, &soon);
        return;
    }
    buf_addz(&r->out, "to nobody");
    answer(r, 200);
    atomic_fetch_add(&site.gone, 1);
    atomic_fetch_sub(&site.waiting, 1);
}

static void path_later(struct req *r)
{
    struct timeval soon = { 0, 20000 };
    atomic_fetch_add(&site.waiting, 1);
    event_base_once(site.base, -1, EV_TIMEOUT, answer_later, r, &soon);
}

static void path_gone(struct req *r)
{
    atomic_fetch_add(&site.waiting, 1);
    answer_when_gone(-1, 0, r);
}

static void path_parked(struct req *r)
{
    atomic_fetch_add(&site.waiting, 1);
    site.parked = r;
}

static void path_close(struct req *r)
{
    r->close = true;
    answer(r, 200);
}

static void path_none(struct req *r)
{
    answer(r, 204);
}

static void path_big(struct req *r)
{
    int64_t n = 0;
    str_to_i64(r->query, 0, LIMIT_REPLY, &n);
    char *to = buf_reserve(&r->out, (size_t)n);
    for (int64_t i = 0; i < n; i++) to[i] = (char)('a' + i % 23);
    buf_grown(&r->out, (size_t)n);
    answer(r, 200);
}

static void path_echo(struct req *r)
{
    buf_addf(&r->out, "%.*s %.*s?%.*s [%.*s]", STR_ARG(method_names[r->method]), STR_ARG(r->path), STR_ARG(r->query),
             STR_ARG(r->body));
    answer(r, 200);
}

static void path_facts(struct req *r)
{
    buf_addf(&r->out, "%.*s %d %zu %.*s", STR_ARG(r->peer), r->tls, strlen(r->request_id), STR_ARG(r->client_request_id));
    req_reply_header(r, STR("X-Good"), STR("1"));
    req_reply_header(r, STR("X-Split"), STR("1\r\nX-Evil: 2"));
    answer(r, 201);
}

static void on_request(struct req *r)
{
    static const struct {
        const char *path;
        handler_fn handler;
    } paths[] = {
        { "/later", path_later }, { "/gone", path_gone }, { "/parked", path_parked }, { "/close", path_close },
        { "/none", path_none },   { "/big", path_big },   { "/facts", path_facts },
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (str_is(r->path, paths[i].path)) return paths[i].handler(r);
    path_echo(r);
}

static void on_refused(struct req *r)
{
    buf_addz(&r->out, err_table[r->problem.code].slug);
    answer(r, err_table[r->problem.code].http);
}

static void *site_run(void *arg)
{
    (void)arg;
    event_base_loop(site.base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static void site_start(struct server_config config)
{
    config.address = "127.0.0.1";
    config.body_max = BODY_MAX;
    config.on_request = on_request;
    config.on_refused = on_refused;
    site = (struct site){ .base = event_base_new() };
    site.server = server_new(site.base, &config);
    assert_non_null(site.server);
    site.port = server_port(site.server);
    assert_int_equal(pthread_create(&site.thread, NULL, site_run, NULL), 0);
}

/* Runs `fn` in the server's thread and waits for it. */
struct task {
    void (*fn)(void);
    sem_t done;
};

static void task_run(evutil_socket_t fd, short what, void *arg)
{
    struct task *t = arg;
    (void)fd, (void)what;
    if (t->fn) t->fn();
    sem_post(&t->done);
}

static void in_server(void (*fn)(void))
{
    struct task t = { .fn = fn };
    struct timeval now = { 0, 0 };
    sem_init(&t.done, 0, 0);
    event_base_once(site.base, -1, EV_TIMEOUT, task_run, &t, &now);
    sem_wait(&t.done);
    sem_destroy(&t.done);
}

static void site_stop(void)
{
    while (atomic_load(&site.waiting) > (site.parked != NULL)) in_server(NULL);
    event_base_loopexit(site.base, NULL);
    pthread_join(site.thread, NULL);
    server_free(site.server);
    if (site.parked) answer_later(-1, 0, site.parked); /* after the server: its connection is gone */
    event_base_free(site.base);
}

static int setup(void **state)
{
    (void)state;
    site_start((struct server_config){ 0 });
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    site_stop();
    return 0;
}

/* The server has read everything sent so far: its loop has been round often enough to accept and to read. */
static void let_it_read(void)
{
    for (int i = 0; i < 4; i++) in_server(NULL);
}

/* --- a client made of a socket --------------------------------------------------------------------------------------- */

struct talk {
    int fd;
    SSL *ssl;
    char in[2 * 1024 * 1024];
    size_t len, heard; /* bytes read; of these, in the last reply */
};

struct heard {
    int status;
    struct str head, body;
};

static struct talk *talk_new(void)
{
    struct talk *t = calloc(1, sizeof *t);
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)site.port) };
    struct timeval wait = { WAIT_S, 0 };
    int one = 1;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    t->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    assert_int_equal(connect(t->fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return t;
}

static void talk_free(struct talk *t)
{
    SSL_free(t->ssl);
    close(t->fd);
    free(t);
}

static void say(struct talk *t, struct str s)
{
    while (s.len) {
        ssize_t n = t->ssl ? SSL_write(t->ssl, s.p, (int)s.len) : send(t->fd, s.p, s.len, MSG_NOSIGNAL);
        if (n <= 0) return; /* the server may have closed: the test looks at the answer */
        s = str_sub(s, (size_t)n, s.len);
    }
}

static void say_z(struct talk *t, const char *z)
{
    say(t, str_of(z));
}

static bool read_more(struct talk *t)
{
    size_t room = sizeof t->in - t->len;
    ssize_t n = t->ssl ? SSL_read(t->ssl, t->in + t->len, (int)room) : recv(t->fd, t->in + t->len, room, 0);
    if (n <= 0) return false;
    t->len += (size_t)n;
    return true;
}

/* The next reply; status 0: none came. Its slices live until the next call. */
static struct heard hear(struct talk *t, bool is_head)
{
    char *end;
    memmove(t->in, t->in + t->heard, t->len -= t->heard);
    t->heard = 0;
    while (!(end = memmem(t->in, t->len, "\r\n\r\n", 4)))
        if (!read_more(t)) return (struct heard){ 0 };
    struct heard h = { .head = { t->in, (size_t)(end + 4 - t->in) } };
    size_t length = 0;
    end[3] = '\0';
    const char *field = strstr(t->in, "Content-Length: ");
    if (field && !is_head) length = strtoul(field + 16, NULL, 10);
    h.status = atoi(t->in + 9);
    while (t->len < h.head.len + length)
        if (!read_more(t)) return (struct heard){ 0 };
    h.body = (struct str){ t->in + h.head.len, length };
    t->heard = h.head.len + length;
    return h;
}

static bool has(struct heard h, const char *text)
{
    return memmem(h.head.p, h.head.len, text, strlen(text)) != NULL;
}

static void hear_is(struct talk *t, int status, const char *body)
{
    struct heard h = hear(t, false);
    if (h.status != status || !str_is(h.body, body)) fail_msg("%d %.*s; wanted %d %s", h.status, STR_ARG(h.body), status, body);
}

static void hear_end(struct talk *t)
{
    errno = 0;
    assert_int_equal(hear(t, false).status, 0);
    assert_int_equal(t->len, 0);
    assert_int_not_equal(errno, EAGAIN);     /* it closed; it is not merely silent */
    assert_int_not_equal(errno, ECONNRESET); /* and in order */
}

#define HOST "Host: crm\r\n"

/* --- requests and replies ----------------------------------------------------------------------------------------------- */

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
             "POST /3 HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nxGET /later HTTP/1.1\r\n" HOST "\r\nGET /4 HTTP/1.1\r\n" HOST "\r\n");
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
    static const int sizes[] = { 1, 8191, 8192, 8193, 100000, 1500000 };
    struct talk *t = talk_new();
    char request[64];
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(request, sizeof request, "GET /big?%d HTTP/1.1\r\n" HOST "\r\n", sizes[i]);
        say_z(t, request);
        say_z(t, "GET /after HTTP/1.1\r\n" HOST "\r\n");
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

/* --- the end of a connection ----------------------------------------------------------------------------------------------- */

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
    for (size_t i = 0; i < sizeof closing / sizeof *closing; i++) {
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
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
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
        say(t, (struct str){ body, 1 << 20 });
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

static size_t count;

static void count_connections(void)
{
    count = server_connections(site.server);
}

static void wait_for_connections(size_t n)
{
    uint64_t until = clock_us() + WAIT_S * 1000000u;
    do in_server(count_connections);
    while (count != n && clock_us() < until);
    assert_int_equal(count, n);
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
    static const char *const pieces[] = { "", "GET", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nx",
                                          "GET /later HTTP/1.1\r\n" HOST "\r\n", "GET /big?1500000 HTTP/1.1\r\n" HOST "\r\n", "\x16" };
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
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
    let_it_read();
    assert_non_null(site.parked); /* answered by the teardown */
    talk_free(t);
}

/* --- time limits, shortened ------------------------------------------------------------------------------------------------ */

static int setup_short_limits(void **state)
{
    (void)state;
    site_start((struct server_config){ .head_ms = 150, .body_ms = 150, .idle_ms = 100 });
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
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
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

/* --- drain --------------------------------------------------------------------------------------------------------------- */

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
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)site.port) };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), -1);
    close(fd);
    talk_free(idle);
    talk_free(busy);
    talk_free(half);
    wait_for_connections(0);
}

/* --- TLS ------------------------------------------------------------------------------------------------------------------- */

static SSL_CTX *tls_server, *tls_client;

static void certificate_make(SSL_CTX *ctx)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"crm", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static int setup_tls(void **state)
{
    (void)state;
    tls_server = SSL_CTX_new(TLS_server_method());
    tls_client = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(tls_server, TLS1_2_VERSION);
    certificate_make(tls_server);
    site_start((struct server_config){ .tls = tls_server, .head_ms = 300 });
    return 0;
}

static int teardown_tls(void **state)
{
    (void)state;
    site_stop();
    SSL_CTX_free(tls_server);
    SSL_CTX_free(tls_client);
    return 0;
}

static struct talk *talk_tls(int version)
{
    struct talk *t = talk_new();
    t->ssl = SSL_new(tls_client);
    SSL_set_min_proto_version(t->ssl, version);
    SSL_set_max_proto_version(t->ssl, version);
    SSL_set_fd(t->ssl, t->fd);
    assert_int_equal(SSL_connect(t->ssl), 1);
    assert_int_equal(SSL_version(t->ssl), version);
    return t;
}

static void test_tls_carries_requests(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct talk *t = talk_tls(versions[i]);
        say_z(t, "GET /facts HTTP/1.1\r\n" HOST "\r\n");
        hear_is(t, 201, "127.0.0.1 1 36 ");
        say_z(t, "GET /later HTTP/1.1\r\n" HOST "\r\nGET /x HTTP/1.1\r\n" HOST "\r\nGET /big?1500000 HTTP/1.1\r\n" HOST "\r\n");
        hear_is(t, 200, "later");
        hear_is(t, 200, "GET /x? []");
        assert_int_equal(hear(t, false).body.len, 1500000);
        say_z(t, "BAD\r\n\r\n");
        hear_is(t, 400, "BAD_REQUEST");
        assert_int_equal(hear(t, false).status, 0);
        assert_int_equal(SSL_get_error(t->ssl, 0), SSL_ERROR_ZERO_RETURN); /* close_notify, not a cut */
        talk_free(t);
    }
}

static void test_tls_request_split_at_every_byte(void **state)
{
    struct str stream = STR("POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
    struct talk *t = talk_tls(TLS1_3_VERSION);
    (void)state;
    for (size_t cut = 1; cut < stream.len; cut++) {
        say(t, str_sub(stream, 0, cut));
        let_it_read();
        say(t, str_sub(stream, cut, stream.len));
        hear_is(t, 200, "POST /a? [hello]");
    }
    talk_free(t);
}

static void test_broken_tls_harms_nobody_else(void **state)
{
    struct talk *good = talk_tls(TLS1_3_VERSION);
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct talk *t = talk_new();
        say_z(t, i % 2 ? "GET / HTTP/1.1\r\n\r\n" : "\x16\x03\x01\x00\x05hello");
        while (read_more(t)) continue;
        talk_free(t);
        t = talk_tls(TLS1_3_VERSION); /* gone without close_notify, with a request under way */
        say_z(t, "GET /gone HTTP/1.1\r\n" HOST "\r\n");
        let_it_read();
        talk_free(t);
        say_z(good, "GET /x HTTP/1.1\r\n" HOST "\r\n");
        hear_is(good, 200, "GET /x? []");
    }
    talk_free(good);
    wait_for_connections(0);
    uint64_t until = clock_us() + WAIT_S * 1000000u;
    while (atomic_load(&site.gone) < 6 && clock_us() < until) in_server(NULL);
    assert_int_equal(atomic_load(&site.gone), 6);
}

static void test_tls_handshake_has_a_time_limit(void **state)
{
    struct talk *t = talk_new();
    uint64_t start = clock_us();
    (void)state;
    assert_false(read_more(t));
    assert_in_range((clock_us() - start) / 1000, 250, 2000);
    talk_free(t);
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
#define SHORT(test) cmocka_unit_test_setup_teardown(test, setup_short_limits, teardown)
#define TLS(test)   cmocka_unit_test_setup_teardown(test, setup_tls, teardown_tls)

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
        TLS(test_tls_carries_requests),
        TLS(test_tls_request_split_at_every_byte),
        TLS(test_broken_tls_harms_nobody_else),
        TLS(test_tls_handshake_has_a_time_limit),
        cmocka_unit_test(test_date_is_an_imf_fixdate),
        cmocka_unit_test(test_address_in_use_or_malformed_is_an_error),
    };
    evthread_use_pthreads(); /* the tests reach into the server's loop from outside */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
