#include "site.h"

#include <openssl/x509.h>

/* --- TLS ---------------------------------------------------------------------------------------------------------- */

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
    site_start((struct server_config){ .tls = tls_server, .limits.head_ms = 300 });
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

#define TLS(test) cmocka_unit_test_setup_teardown(test, setup_tls, teardown_tls)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS(test_tls_carries_requests),
        TLS(test_tls_request_split_at_every_byte),
        TLS(test_broken_tls_harms_nobody_else),
        TLS(test_tls_handshake_has_a_time_limit),
    };
    evthread_use_pthreads();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
