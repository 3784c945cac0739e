#include "peer.h"

#include "http/server.h"

/* --- the pool ----------------------------------------------------------------------------------------------------- */

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
    for (size_t i = 0; i < COUNT(unclear); i++) {
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

/* --- time, failure, the end --------------------------------------------------------------------------------------- */

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
    for (size_t i = 0; i < COUNT(splits); i++) {
        ask(o, (struct client_request){ .headers = &splits[i], .header_count = 1 });
        result_is(CLIENT_PROTOCOL, 0, "");
    }
    for (size_t i = 0; i < COUNT(targets); i++) {
        ask(o, (struct client_request){ .target = targets[i] });
        result_is(CLIENT_PROTOCOL, 0, "");
    }
    assert_int_equal(peer.accepted, 0);
}

/* --- origins ------------------------------------------------------------------------------------------------------ */

static void test_origins_are_read_and_shared(void **state)
{
    static const char *const good[] = { "http://127.0.0.1:8102", "http://127.0.0.1", "http://[::1]:80", "http://[::1]",
                                        "http://customer-service:8102", "http://customer-service.crm.svc:1/" };
    static const char *const bad[] = {
        "",           "http://",    "https://a",  "http://a:0",  "http://a:65536", "http://a:x",   "http://:80",
        "http://a/b", "http://u@a", "http://a b", "http://[::1", "http://[x]:1",   "127.0.0.1:80", "http://a\r\n"
    };
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct origin *o = client_origin(client, str_of(good[i]));
        assert_non_null(o);
        assert_ptr_equal(o, client_origin(client, str_of(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++)
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

/* --- against the real server -------------------------------------------------------------------------------------- */

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
    struct server_config config = {
        .address = "::1", .on_request = on_request, .on_refused = on_request
    };
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
