#include "peer.h"

#include "http/client_conn.h"
#include "http/server.h"

#include <openssl/ssl.h>

static struct origin *origin_at(const char *url, const char *host, int port)
{
    struct address at;
    assert_true(address_read(host, port, &at));
    return client_origin_at(client, str_of(url), &at);
}

static void say_host(struct req *r)
{
    buf_add(&r->out, req_header(r, STR("Host")));
    r->status = 200;
    server_reply(r);
}

static void test_name_at_an_address_is_not_asked_for(void **state)
{
    struct server_config config = { .address = "127.0.0.1", .on_request = say_host, .on_refused = say_host };
    struct server *server = server_new(base, &config);
    (void)state;
    struct origin *o = origin_at("http://no-such-name.invalid:81/", "127.0.0.1", server_port(server));
    ask(o, (struct client_request){ 0 });
    result_is(CLIENT_OK, 200, "no-such-name.invalid:81");
    server_free(server);
}

static void test_same_url_at_another_address_is_another_origin(void **state)
{
    (void)state;
    struct origin *one = origin_at("http://crm.test", "127.0.0.1", 80), *two = origin_at("http://crm.test", "127.0.0.2", 80);
    assert_ptr_not_equal(one, two);
    assert_ptr_equal(one, origin_at("http://crm.test", "127.0.0.1", 80));
    assert_ptr_not_equal(one, client_origin(client, STR("http://crm.test")));
    assert_ptr_not_equal(one, origin_at("http://crm.test", "127.0.0.1", 81));
}

static void test_https_takes_a_context(void **state)
{
    (void)state;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_null(client_origin(client, STR("https://127.0.0.1")));
    client_set_tls(client, ctx);
    assert_int_equal(client_origin(client, STR("https://127.0.0.1"))->port, 443);
    assert_ptr_not_equal(client_origin(client, STR("https://crm.test:81")), client_origin(client, STR("http://crm.test:81")));
    SSL_CTX_free(ctx);
}

/* Nothing of the request goes out before the peer is known. */
static void test_tls_that_does_not_come_about_is_no_connection(void **state)
{
    static const struct script silent = { { NULL }, false, 0 };
    char url[80];
    (void)state;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    client_set_tls(client, ctx);
    peer_start(&silent, 1);
    snprintf(url, sizeof url, "https://127.0.0.1:%d", listener_port(peer.listener));
    ask(client_origin(client, str_of(url)), (struct client_request){ .timeout_ms = 100 });
    result_is(CLIENT_CONNECT, 0, "");
    assert_int_equal(peer.accepted, 1);
    SSL_CTX_free(ctx);
}

static void sweep(void)
{
    event_active(client->sweep, EV_TIMEOUT, 1);
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static bool is_there(const char *url)
{
    struct origin *o;
    LIST_FOREACH(o, &client->origins, link)
        if (str_is(o->url, url)) return true;
    return false;
}

static void test_origin_that_nobody_holds_goes(void **state)
{
    struct script s = { { ABC, ABC }, false, 0 };
    struct origin *o = peer_start(&s, 1);
    (void)state;
    assert_ptr_equal(client_origin(client, str_of(peer.url)), o);
    client_origin_release(o);
    sweep();
    assert_true(is_there(peer.url)); /* held once more */
    send_only(o, (struct client_request){ 0 });
    client_origin_release(o);
    sweep();
    assert_true(is_there(peer.url)); /* in use */
    loop_until_done(1);
    result_is(CLIENT_OK, 200, "abc");
    assert_ptr_equal(client_origin(client, str_of(peer.url)), o); /* wanted again in time, with its connection */
    ask(o, (struct client_request){ 0 });
    assert_int_equal(peer.accepted, 1);
    client_origin_release(o);
    sweep();
    assert_false(is_there(peer.url));
    loop_a_little();
    assert_int_equal(lines, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEER(test_name_at_an_address_is_not_asked_for),
        PEER(test_same_url_at_another_address_is_another_origin),
        PEER(test_https_takes_a_context),
        PEER(test_tls_that_does_not_come_about_is_no_connection),
        PEER(test_origin_that_nobody_holds_goes),
    };
    return cmocka_run_group_tests_name("client_origin", tests, NULL, NULL);
}
