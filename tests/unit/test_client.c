#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/client.h"
#include "http/server.h"

enum { WAIT_MS = 5000, REPLY_MAX = 4096 };

static struct event_base *base;
static struct client *client;

/* --- a peer that says what its script says, whatever that is -------------------------------------------------------- */

struct script {
    const char *replies[3]; /* one per request of a connection; NULL: silence */
    bool close;             /* after the last of them */
    size_t cut;             /* the replies come in two pieces; 0: in one */
};

static struct peer {
    struct evconnlistener *listener;
    const struct script *scripts; /* one per connection, the last for all further ones */
    int script_count, accepted;
    char url[64];
} peer;

static int lines; /* open ones, of all peers */

struct line { /* one accepted connection */
    struct bufferevent *bev;
    struct event *timer;
    const struct script *script;
    int said;
    struct str rest;
};

static void line_free(struct line *l)
{
    bufferevent_free(l->bev);
    event_free(l->timer);
    free(l);
    lines--;
}

static void say_rest(evutil_socket_t fd, short what, void *arg)
{
    struct line *l = arg;
    (void)fd, (void)what;
    bufferevent_write(l->bev, l->rest.p, l->rest.len);
    l->rest.len = 0;
}

static void line_say(struct line *l)
{
    const char *reply = l->said < 3 ? l->script->replies[l->said++] : NULL;
    struct str all = reply ? str_of(reply) : STR("");
    size_t cut = l->script->cut ? l->script->cut : all.len;
    struct timeval soon = { 0, 100 };
    bufferevent_write(l->bev, all.p, cut);
    l->rest = str_sub(all, cut, all.len);
    if (l->rest.len) evtimer_add(l->timer, &soon);
}

static bool line_is_over(const struct line *l)
{
    return l->script->close && (l->said == 3 || !l->script->replies[l->said]);
}

static void line_readable(struct bufferevent *bev, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    struct line *l = arg;
    struct evbuffer_ptr at = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    if (at.pos < 0) return;
    evbuffer_drain(in, SIZE_MAX);
    line_say(l);
    if (line_is_over(l) && evbuffer_get_length(bufferevent_get_output(bev)) == 0) line_free(l);
}

static void line_written(struct bufferevent *bev, void *arg)
{
    struct line *l = arg;
    (void)bev;
    if (l->said && line_is_over(l) && !l->rest.len) line_free(l);
}

static void line_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) line_free(arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
    int i = peer.accepted < peer.script_count ? peer.accepted : peer.script_count - 1;
    struct line *l = calloc(1, sizeof *l);
    (void)listener, (void)sa, (void)len, (void)arg;
    peer.accepted++;
    lines++;
    l->timer = evtimer_new(base, say_rest, l);
    l->script = &peer.scripts[i];
    l->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(l->bev, line_readable, line_written, line_event, l);
    bufferevent_enable(l->bev, EV_READ | EV_WRITE);
}

static int listener_port(struct evconnlistener *listener)
{
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&sa, &len);
    return ntohs(sa.sin_port);
}

static struct origin *peer_start(const struct script *scripts, int count)
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer = (struct peer){ .scripts = scripts, .script_count = count };
    peer.listener = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&sa, sizeof sa);
    snprintf(peer.url, sizeof peer.url, "http://127.0.0.1:%d", listener_port(peer.listener));
    return client_origin(client, str_of(peer.url));
}

static void peer_stop(void)
{
    evconnlistener_free(peer.listener);
    peer.listener = NULL;
}

/* --- a caller ----------------------------------------------------------------------------------------------------------- */

static struct result {
    int calls;
    enum client_error error;
    int status;
    size_t header_count, body_len;
    char body[2 * 1024 * 1024];
} result;

static bool is_sending;

static void on_done(void *arg, const struct client_reply *reply)
{
    (void)arg;
    assert_false(is_sending);
    result.calls++;
    result.error = reply->error;
    result.status = reply->status;
    result.header_count = reply->header_count;
    result.body_len = reply->body.len;
    if (reply->body.len) memcpy(result.body, reply->body.p, reply->body.len);
    result.body[reply->body.len] = '\0';
}

static void send_only(struct origin *o, struct client_request q)
{
    if (!q.target.len) q.target = STR("/x");
    if (!q.timeout_ms) q.timeout_ms = WAIT_MS;
    if (!q.reply_max) q.reply_max = REPLY_MAX;
    result.calls = 0;
    is_sending = true;
    client_send(o, &q, on_done, NULL);
    is_sending = false;
}

static void loop_until_done(int calls)
{
    uint64_t until = clock_us() + WAIT_MS * 2000u;
    while (result.calls < calls && clock_us() < until) event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(result.calls, calls);
}

static void loop_a_little(void)
{
    struct timeval little = { 0, 20000 };
    event_base_loopexit(base, &little);
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static void ask(struct origin *o, struct client_request q)
{
    send_only(o, q);
    loop_until_done(1);
}

static void result_is(enum client_error error, int status, const char *body)
{
    if (result.error != error || result.status != status || strcmp(result.body, body) != 0)
        fail_msg("error %d, %d %s; wanted %d, %d %s", result.error, result.status, result.body, error, status, body);
}

static int setup(void **state)
{
    (void)state;
    base = event_base_new();
    client = client_new(base);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    client_free(client);
    for (int i = 0; i < 1000 && lines; i++) event_base_loop(base, EVLOOP_NONBLOCK); /* the lines see their end */
    assert_int_equal(lines, 0);
    if (peer.listener) peer_stop();
    event_base_free(base);
    return 0;
}

/* --- replies, good and bad ------------------------------------------------------------------------------------------------ */

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
    const char *reply;
    bool close;
    enum method method;
    enum client_error error;
    int status;
    const char *body;
} replies[] = {
    { OK "Content-Length: 3\r\n\r\nabc", false, METHOD_GET, CLIENT_OK, 200, "abc" },
    { OK "Content-Length: 0\r\n\r\n", false, METHOD_GET, CLIENT_OK, 200, "" },
    { OK "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\nT: x\r\n\r\n", false, METHOD_GET, CLIENT_OK, 200, "abc" },
    { OK "\r\nabc", true, METHOD_GET, CLIENT_OK, 200, "abc" },
    { OK "\r\n", true, METHOD_GET, CLIENT_OK, 200, "" },
    { "HTTP/1.0 200 OK\r\n\r\nabc", true, METHOD_GET, CLIENT_OK, 200, "abc" },
    { "HTTP/1.1 204 No Content\r\n\r\n", false, METHOD_GET, CLIENT_OK, 204, "" },
    { "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, METHOD_GET, CLIENT_OK, 304, "" },
    { OK "Content-Length: 99999\r\n\r\n", false, METHOD_HEAD, CLIENT_OK, 200, "" },
    { OK "Transfer-Encoding: chunked\r\n\r\n", false, METHOD_HEAD, CLIENT_OK, 200, "" },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK "Content-Length: 1\r\n\r\na", false, METHOD_GET,
      CLIENT_OK, 200, "a" },
    { "HTTP/1.1 503 \r\nContent-Length: 1\r\n\r\na", false, METHOD_GET, CLIENT_OK, 503, "a" },

    { "", true, METHOD_GET, CLIENT_CLOSED, 0, "" },
    { "HTTP/1.1 200 OK\r\nContent-Le", true, METHOD_GET, CLIENT_CLOSED, 0, "" },
    { OK "Content-Length: 4\r\n\r\nabc", true, METHOD_GET, CLIENT_CLOSED, 200, "" },
    { OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true, METHOD_GET, CLIENT_CLOSED, 200, "" },
    { "nonsense\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { "HTTP/2.0 200 OK\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { "HTTP/1.1 101 Switching\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { OK "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { OK "Transfer-Encoding: gzip\r\n\r\nabc", true, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { OK "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 200, "" },
    { OK "A : b\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { OK "Content-Length: 4097\r\n\r\n", false, METHOD_GET, CLIENT_TOO_LARGE, 200, "" },
    { OK "Transfer-Encoding: chunked\r\n\r\n1001\r\n", false, METHOD_GET, CLIENT_TOO_LARGE, 200, "" },
};

static void test_replies_are_read_strictly_split_at_any_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        for (size_t cut = 0; cut < strlen(replies[i].reply); cut += cut < 60 ? 1 : 7) {
            struct script s = { { replies[i].reply }, replies[i].close, cut };
            setup(NULL);
            ask(peer_start(&s, 1), (struct client_request){ .method = replies[i].method });
            if (result.error != replies[i].error) fail_msg("%s cut at %zu: error %d", replies[i].reply, cut, result.error);
            result_is(replies[i].error, replies[i].status, replies[i].body);
            teardown(NULL);
        }
    }
}

static void test_head_of_a_reply_is_limited(void **state)
{
    char *reply = calloc(1, 2 * LIMIT_HEAD + 64);
    (void)state;
    strcpy(reply, OK "A: ");
    memset(reply + strlen(reply), 'x', 2 * LIMIT_HEAD);
    struct script s = { { reply }, false, 0 };
    ask(peer_start(&s, 1), (struct client_request){ 0 });
    result_is(CLIENT_PROTOCOL, 0, "");
    free(reply);
}

/* --- the pool -------------------------------------------------------------------------------------------------------------- */

#define ABC OK "Content-Length: 3\r\n\r\nabc"

static void test_connections_are_kept_and_used_again(void **state)
{
    struct script s = { { ABC, ABC, ABC }, false, 0 };
    struct origin *o = peer_start(&s, 1);
    (void)state;
    for (int i = 0; i < 3; i++) {
        ask(o, (struct client_request){ .method = METHOD_POST, .body = STR("x") });
        result_is(CLIENT_OK, 200, "abc");
    }
    assert_int_equal(peer.accepted, 1);
}

static void test_connections_are_not_used_again_when_unclear(void **state)
{
    static const struct script unclear[] = {
        { { "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", ABC }, false, 0 },
        { { "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", ABC }, false, 0 },
        { { ABC ABC, ABC }, false, 0 }, /* a reply too many */
        { { ABC "x", ABC }, false, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof unclear / sizeof *unclear; i++) {
        struct origin *o = peer_start(&unclear[i], 1);
        for (int k = 1; k <= 2; k++) {
            ask(o, (struct client_request){ 0 });
            result_is(CLIENT_OK, 200, "abc");
            assert_int_equal(peer.accepted, k);
        }
        peer_stop();
    }
}

static void test_connection_closed_while_idle_is_noticed(void **state)
{
    struct script s = { { ABC }, true, 0 };
    struct origin *o = peer_start(&s, 1);
    (void)state;
    for (int i = 1; i <= 3; i++) {
        ask(o, (struct client_request){ .method = METHOD_POST });
        result_is(CLIENT_OK, 200, "abc");
        assert_int_equal(peer.accepted, i);
        loop_a_little();
    }
}

static const struct script stale[] = {
    { { ABC, "" }, true, 0 }, /* closes instead of answering the second request */
    { { ABC }, false, 0 },
};

static void test_stale_connection_is_retried_once_if_idempotent(void **state)
{
    struct origin *o = peer_start(stale, 2);
    (void)state;
    ask(o, (struct client_request){ .idempotent = true });
    ask(o, (struct client_request){ .idempotent = true });
    result_is(CLIENT_OK, 200, "abc");
    assert_int_equal(peer.accepted, 2);
}

static void test_stale_connection_is_not_retried_if_not_idempotent(void **state)
{
    struct origin *o = peer_start(stale, 2);
    (void)state;
    ask(o, (struct client_request){ .method = METHOD_POST });
    ask(o, (struct client_request){ .method = METHOD_POST });
    result_is(CLIENT_CLOSED, 0, "");
    assert_int_equal(peer.accepted, 1);
}

static void test_fresh_connection_that_closes_is_not_retried(void **state)
{
    static const struct script closing[] = { { { "" }, true, 0 }, { { ABC }, false, 0 } };
    (void)state;
    ask(peer_start(closing, 2), (struct client_request){ .idempotent = true });
    result_is(CLIENT_CLOSED, 0, "");
    assert_int_equal(peer.accepted, 1);
}

static void test_reply_once_begun_is_not_retried(void **state)
{
    static const struct script broken[] = { { { ABC, "HTTP/1.1 2" }, true, 0 }, { { ABC }, false, 0 } };
    struct origin *o = peer_start(broken, 2);
    (void)state;
    ask(o, (struct client_request){ .idempotent = true });
    ask(o, (struct client_request){ .idempotent = true });
    result_is(CLIENT_CLOSED, 0, "");
    assert_int_equal(peer.accepted, 1);
}

static void test_answer_before_the_whole_request_is_taken(void **state)
{
    static const struct script early = { { "HTTP/1.1 413 No\r\nContent-Length: 1\r\n\r\nn", ABC }, false, 0 };
    static char body[1500000];
    struct origin *o = peer_start(&early, 1);
    (void)state;
    memset(body, 'x', sizeof body);
    ask(o, (struct client_request){ .method = METHOD_POST, .body = { body, sizeof body } });
    result_is(CLIENT_OK, 413, "n");
}

/* --- time, failure, the end ------------------------------------------------------------------------------------------------ */

static void test_silence_ends_at_the_timeout(void **state)
{
    static const struct script silent[] = { { { NULL }, false, 0 }, { { OK "Content-Length: 3\r\n\r\na" }, false, 0 } };
    struct origin *o = peer_start(silent, 2);
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint64_t start = clock_us();
        ask(o, (struct client_request){ .timeout_ms = 100, .idempotent = true });
        assert_int_equal(result.error, CLIENT_TIMEOUT);
        assert_in_range((clock_us() - start) / 1000, 95, 2000);
    }
}

static void test_refused_connection_is_reported(void **state)
{
    struct origin *o = peer_start(stale, 1);
    (void)state;
    peer_stop();
    ask(o, (struct client_request){ .idempotent = true });
    result_is(CLIENT_CONNECT, 0, "");
}

static void test_free_ends_what_is_under_way(void **state)
{
    static const struct script silent = { { NULL }, false, 0 };
    struct client *other = client_new(base);
    struct origin *o = client_origin(other, str_of((peer_start(&silent, 1), peer.url)));
    (void)state;
    send_only(o, (struct client_request){ 0 });
    loop_a_little();
    client_free(other);
    assert_int_equal(result.calls, 1);
    result_is(CLIENT_CLOSED, 0, "");
}

static void test_request_that_would_break_the_framing_is_refused(void **state)
{
    static const struct header splits[] = {
        { { "A", 1 }, { "b\r\nC: d", 7 } }, { { "A", 1 }, { "b\0", 2 } },   { { "A b", 3 }, { "c", 1 } },
        { { "A\r\nB", 4 }, { "c", 1 } },    { { "", 0 }, { "c", 1 } },
    };
    static const struct str targets[] = { { "/a b", 4 }, { "/a\r\n", 4 }, { "/a\t", 3 }, { "/a\0", 3 } };
    struct origin *o = peer_start(stale, 1);
    (void)state;
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        ask(o, (struct client_request){ .headers = &splits[i], .header_count = 1 });
        result_is(CLIENT_PROTOCOL, 0, "");
    }
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        ask(o, (struct client_request){ .target = targets[i] });
        result_is(CLIENT_PROTOCOL, 0, "");
    }
    assert_int_equal(peer.accepted, 0);
}

/* --- origins ----------------------------------------------------------------------------------------------------------------- */

static void test_origins_are_read_and_shared(void **state)
{
    static const char *const good[] = { "http://127.0.0.1:8102", "http://127.0.0.1", "http://[::1]:80", "http://[::1]",
                                        "http://customer-service:8102", "http://customer-service.crm.svc:1/" };
    static const char *const bad[] = { "",          "http://",        "https://a",      "http://a:0",   "http://a:65536", "http://a:x",
                                       "http://:80", "http://a/b",    "http://u@a",     "http://a b",   "http://[::1",    "http://[x]:1",
                                       "127.0.0.1:80", "http://a\r\n" };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct origin *o = client_origin(client, str_of(good[i]));
        assert_non_null(o);
        assert_ptr_equal(o, client_origin(client, str_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (client_origin(client, str_of(bad[i]))) fail_msg("accepted %s", bad[i]);
}

static void test_name_is_resolved(void **state)
{
    struct script s = { { ABC, ABC }, false, 0 };
    char url[64];
    (void)state;
    peer_start(&s, 1);
    snprintf(url, sizeof url, "http://localhost:%d", listener_port(peer.listener));
    ask(client_origin(client, str_of(url)), (struct client_request){ 0 });
    result_is(CLIENT_OK, 200, "abc");
}

/* --- against the real server ------------------------------------------------------------------------------------------------- */

static void on_request(struct req *r)
{
    buf_addf(&r->out, "%.*s %.*s %.*s %.*s ", STR_ARG(method_names[r->method]), STR_ARG(r->target),
             STR_ARG(req_header(r, STR("X-A"))), STR_ARG(req_header(r, STR("Content-Length"))));
    buf_add(&r->out, r->body);
    r->status = 200;
    server_reply(r);
}

static void test_server_and_client_understand_each_other(void **state)
{
    static char body[1000000];
    struct server_config config = { .address = "::1", .body_max = LIMIT_BODY, .on_request = on_request, .on_refused = on_request };
    struct header a = { STR("X-A"), STR("1") };
    struct server *server = server_new(base, &config);
    char url[64];
    (void)state;
    if (!server) skip(); /* no IPv6 here */
    snprintf(url, sizeof url, "http://[::1]:%d", server_port(server));
    struct origin *o = client_origin(client, str_of(url));
    ask(o, (struct client_request){ .target = STR("/q?a=b"), .headers = &a, .header_count = 1 });
    result_is(CLIENT_OK, 200, "GET /q?a=b 1  ");
    ask(o, (struct client_request){ .method = METHOD_POST });
    result_is(CLIENT_OK, 200, "POST /x  0 ");
    ask(o, (struct client_request){ .method = METHOD_HEAD });
    result_is(CLIENT_OK, 200, "");
    memset(body, 'y', sizeof body);
    ask(o, (struct client_request){ .method = METHOD_PUT, .body = { body, sizeof body }, .reply_max = LIMIT_BODY });
    assert_int_equal(result.body_len, sizeof body + strlen("PUT /x  1000000 "));
    assert_int_equal(server_connections(server), 1);
    server_free(server);
}

#define PEER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_are_read_strictly_split_at_any_byte),
        PEER(test_head_of_a_reply_is_limited),
        PEER(test_connections_are_kept_and_used_again),
        PEER(test_connections_are_not_used_again_when_unclear),
        PEER(test_connection_closed_while_idle_is_noticed),
        PEER(test_stale_connection_is_retried_once_if_idempotent),
        PEER(test_stale_connection_is_not_retried_if_not_idempotent),
        PEER(test_fresh_connection_that_closes_is_not_retried),
        PEER(test_reply_once_begun_is_not_retried),
        PEER(test_answer_before_the_whole_request_is_taken),
        PEER(test_silence_ends_at_the_timeout),
        PEER(test_refused_connection_is_reported),
        PEER(test_free_ends_what_is_under_way),
        PEER(test_request_that_would_break_the_framing_is_refused),
        PEER(test_origins_are_read_and_shared),
        PEER(test_name_is_resolved),
        PEER(test_server_and_client_understand_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
