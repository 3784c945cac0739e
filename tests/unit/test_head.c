#include "unit.h"

#include "base/buf.h"
#include "http/head.h"

#define R(line, headers) line "\r\n" headers "\r\n"
#define GET(headers)     R("GET /a HTTP/1.1", "Host: crm\r\n" headers)
#define GET_1_0(headers) R("GET /a HTTP/1.0", headers)

#define S(bytes) { bytes, sizeof(bytes) - 1 }

/* Bytes may hold NUL: every case carries its length. */
#define CASE(bytes, want) { S(bytes), want }

static const struct {
    struct str head;
    enum err_code want;
} requests[] = {
    CASE(GET(""), E_OK),
    CASE("\r\n\r\n" GET(""), E_OK), /* RFC 9112 2.2 */
    CASE(GET("A:\r\n"), E_OK),
    CASE(GET("A:b\r\nA:\t b \t\r\n"), E_OK),
    CASE(GET("A: \xe5\x8c\x97 \"x\"\r\n"), E_OK),
    CASE(GET("Content-Length: 5\r\n"), E_OK),
    CASE(GET("Content-Length: 5\r\nContent-Length: 5\r\n"), E_OK), /* RFC 9112 6.3: the same value may be taken */
    CASE(GET("Transfer-Encoding: Chunked\r\n"), E_OK),
    CASE(GET_1_0(""), E_OK),
    CASE(R("GET /a HTTP/1.7", "Host: crm\r\n"), E_OK), /* RFC 9110 2.5 */
    CASE(R("OPTIONS * HTTP/1.1", "Host: crm\r\n"), E_OK),
    CASE(R("GET /a HTTP/1.1", "Host: [::1]:8443\r\n"), E_OK),
    CASE(R("GET /a HTTP/1.1", "Host: 127.0.0.1:0\r\n"), E_OK),
    CASE(R("GET /\xe5\x8c\x97?\xe4\xba\xac HTTP/1.1", "Host: crm\r\n"), E_OK),

    /* request line */
    CASE(R("BREW /a HTTP/1.1", "Host: crm\r\n"), E_METHOD_NOT_ALLOWED),
    CASE(R("get /a HTTP/1.1", "Host: crm\r\n"), E_METHOD_NOT_ALLOWED),
    CASE(R("TRACE /a HTTP/1.1", "Host: crm\r\n"), E_METHOD_NOT_ALLOWED),
    CASE(R("CONNECT crm:443 HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("G@T /a HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R(" GET /a HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET  /a HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET\t/a HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a  HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1 ", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a b HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/0.9", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/2.0", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.11", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.x", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a http/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTPS/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("PRI * HTTP/2.0", ""), E_BAD_REQUEST),
    CASE(R("GET a HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET * HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET http://crm/a HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a#b HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a\"b HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a\\b HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a<b> HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a\x01 HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a\0 HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a\x7f HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a\xff HTTP/1.1", "Host: crm\r\n"), E_BAD_REQUEST),

    /* Host */
    CASE(R("GET /a HTTP/1.1", ""), E_BAD_REQUEST),
    CASE(GET("Host: crm\r\n"), E_BAD_REQUEST),
    CASE(GET("host: evil\r\n"), E_BAD_REQUEST),
    CASE(GET_1_0("Host: a\r\nHost: b\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host:\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host: a b\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host: a,b\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host: a/b\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host: u@a\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host: a:\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host: a:x\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host: a:-1\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host: a:65536\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host: [::1\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", "Host: []\r\n"), E_BAD_REQUEST),

    /* field lines */
    CASE(GET("A : b\r\n"), E_BAD_REQUEST),
    CASE(GET("A\t: b\r\n"), E_BAD_REQUEST),
    CASE(GET(": b\r\n"), E_BAD_REQUEST),
    CASE(GET("A b: c\r\n"), E_BAD_REQUEST),
    CASE(GET("A\r\n"), E_BAD_REQUEST),
    CASE(GET("A(: b\r\n"), E_BAD_REQUEST),
    CASE(GET("A\x80: b\r\n"), E_BAD_REQUEST),
    CASE(GET("A: b\r\n c\r\n"), E_BAD_REQUEST),
    CASE(GET("A: b\r\n\tc\r\n"), E_BAD_REQUEST),
    CASE(R("GET /a HTTP/1.1", " Host: crm\r\n"), E_BAD_REQUEST),
    CASE(GET("A: b\0c\r\n"), E_BAD_REQUEST),
    CASE(GET("A: b\x01\r\n"), E_BAD_REQUEST),
    CASE(GET("A: b\x7f\r\n"), E_BAD_REQUEST),
    CASE(GET("A: b\rB: c\r\n"), E_BAD_REQUEST),
    CASE(GET("A: b\r\r\n"), E_BAD_REQUEST),
    CASE(GET("A: b\nB: c\r\n"), E_BAD_REQUEST),
    CASE("GET /a HTTP/1.1\nHost: crm\n\n", E_BAD_REQUEST),
    CASE("GET /a HTTP/1.1\r\nHost: crm\r\n\n", E_BAD_REQUEST),
    CASE("GET /a HTTP/1.1\r\nHost: crm\n\r\n", E_BAD_REQUEST),
    CASE("\nGET /a HTTP/1.1\r\nHost: crm\r\n\r\n", E_BAD_REQUEST),
    CASE("GET /a HTTP/1.1\r\nHost: crm\r\n", E_BAD_REQUEST),

    /* framing */
    CASE(GET("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), E_BAD_REQUEST),
    CASE(GET("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), E_BAD_REQUEST),
    CASE(GET("Content-Length: 5\r\nContent-Length: 6\r\n"), E_BAD_REQUEST),
    CASE(GET("Content-Length: 5, 5\r\n"), E_BAD_REQUEST),
    CASE(GET("Content-Length: +5\r\n"), E_BAD_REQUEST),
    CASE(GET("Content-Length: -5\r\n"), E_BAD_REQUEST),
    CASE(GET("Content-Length: 0x5\r\n"), E_BAD_REQUEST),
    CASE(GET("Content-Length: 5 5\r\n"), E_BAD_REQUEST),
    CASE(GET("Content-Length: 5.0\r\n"), E_BAD_REQUEST),
    CASE(GET("Content-Length:\r\n"), E_BAD_REQUEST),
    CASE(GET("Content-Length: 18446744073709551621\r\n"), E_BODY_TOO_LARGE),
    CASE(GET("Transfer-Encoding: xchunked\r\n"), E_NOT_IMPLEMENTED),
    CASE(GET("Transfer-Encoding: identity\r\n"), E_NOT_IMPLEMENTED),
    CASE(GET("Transfer-Encoding: gzip, chunked\r\n"), E_NOT_IMPLEMENTED),
    CASE(GET("Transfer-Encoding: chunked, identity\r\n"), E_NOT_IMPLEMENTED),
    CASE(GET("Transfer-Encoding: chunked, chunked\r\n"), E_BAD_REQUEST),
    CASE(GET("Transfer-Encoding: chunked,\r\n"), E_BAD_REQUEST),
    CASE(GET("Transfer-Encoding: \"chunked\"\r\n"), E_BAD_REQUEST),
    CASE(GET("Transfer-Encoding: chunked;q=1\r\n"), E_BAD_REQUEST),
    CASE(GET("Transfer-Encoding:\r\n"), E_BAD_REQUEST),
    CASE(GET("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), E_BAD_REQUEST),
    CASE(GET("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), E_BAD_REQUEST),
    CASE(GET("Transfer-Encoding\x0b: chunked\r\n"), E_BAD_REQUEST),
    CASE(GET("Transfer-Encoding: \x0b" "chunked\r\n"), E_BAD_REQUEST),
    CASE(GET_1_0("Transfer-Encoding: chunked\r\n"), E_BAD_REQUEST),
};

static void test_request_heads_are_accepted_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct head h;
        const char *reason = NULL;
        enum err_code got = head_read_request(&h, requests[i].head, &reason);
        if (got != requests[i].want)
            fail_msg("%.*s: got %s (%s)", STR_ARG(requests[i].head), err_table[got].slug, reason ? reason : "-");
        if ((got == E_OK) != (reason == NULL)) fail_msg("%.*s: reason", STR_ARG(requests[i].head));
    }
}

static const struct {
    struct str head;
    enum err_code want;
    int status;
    bool keep_alive;
} responses[] = {
    { { "HTTP/1.1 200 OK\r\n\r\n", 19 }, E_OK, 200, true },
    { { "HTTP/1.1 204 \r\nConnection: close\r\n\r\n", 36 }, E_OK, 204, false },
    { { "HTTP/1.1 404\r\n\r\n", 16 }, E_OK, 404, true },
    { { "HTTP/1.0 200 OK\r\n\r\n", 19 }, E_OK, 200, false },
    { { "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", 43 }, E_OK, 200, true },
    { { "HTTP/1.1 2000 OK\r\n\r\n", 20 }, E_BAD_REQUEST, 0, false },
    { { "HTTP/1.1 099 OK\r\n\r\n", 19 }, E_BAD_REQUEST, 0, false },
    { { "HTTP/1.1  200 OK\r\n\r\n", 20 }, E_BAD_REQUEST, 0, false },
    { { "HTTP/2.0 200 OK\r\n\r\n", 19 }, E_BAD_REQUEST, 0, false },
    { { "ICY 200 OK\r\n\r\n", 14 }, E_BAD_REQUEST, 0, false },
    { { "HTTP/1.1 200 O\x01K\r\n\r\n", 20 }, E_BAD_REQUEST, 0, false },
    { { "\r\nHTTP/1.1 200 OK\r\n\r\n", 21 }, E_BAD_REQUEST, 0, false },
    { { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 57 }, E_BAD_REQUEST, 0, false },
    { { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 66 }, E_BAD_REQUEST, 0, false },
};

static void test_response_heads_are_accepted_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(responses); i++) {
        struct head h;
        const char *reason;
        enum err_code got = head_read_response(&h, responses[i].head, &reason);
        if (got != responses[i].want) fail_msg("%.*s: got %s", STR_ARG(responses[i].head), err_table[got].slug);
        if (got != E_OK) continue;
        assert_int_equal(h.status, responses[i].status);
        assert_int_equal(h.keep_alive, responses[i].keep_alive);
    }
}

static void test_fields_are_trimmed_and_in_order(void **state)
{
    struct head h;
    const char *reason;
    (void)state;
    assert_int_equal(head_read_request(&h, STR(GET("A: 1\r\nB:  two words\t\r\nA:\r\n")), &reason), E_OK);
    assert_int_equal(h.method, METHOD_GET);
    assert_true(str_is(h.target, "/a"));
    assert_int_equal(h.header_count, 4);
    assert_true(str_is(h.headers[1].name, "A") && str_is(h.headers[1].value, "1"));
    assert_true(str_is(h.headers[2].value, "two words"));
    assert_true(h.headers[3].value.len == 0 && !str_is_none(h.headers[3].value));
}

static void test_persistence_follows_version_and_connection(void **state)
{
    static const struct {
        struct str head;
        bool keep_alive, expects;
    } cases[] = {
        { S(GET("")), true, false },
        { S(GET("Connection: close\r\n")), false, false },
        { S(GET("Connection: x, CLOSE , y\r\n")), false, false },
        { S(GET("Connection: keep-alive\r\nConnection: close\r\n")), false, false },
        { S(GET("Expect: 100-Continue\r\n")), true, true },
        { S(GET("Expect: 200-maybe\r\n")), true, false },
        { S(GET_1_0("Expect: 100-continue\r\n")), false, false },
        { S(GET_1_0("Connection: keep-alive\r\n")), true, false },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct head h;
        const char *reason;
        assert_int_equal(head_read_request(&h, cases[i].head, &reason), E_OK);
        assert_int_equal(h.keep_alive, cases[i].keep_alive);
        assert_int_equal(h.expect_continue, cases[i].expects);
    }
}

static void test_limits_have_their_own_codes(void **state)
{
    struct buf b;
    struct head h;
    const char *reason;
    (void)state;
    for (int over = 0; over < 2; over++) {
        buf_init(&b, 1 << 20);
        buf_addz(&b, "GET /");
        for (int i = 1; i < LIMIT_TARGET + over; i++) buf_addc(&b, 'a');
        buf_addz(&b, " HTTP/1.1\r\nHost: crm\r\n\r\n");
        assert_int_equal(head_read_request(&h, buf_str(&b), &reason), over ? E_TARGET_TOO_LONG : E_OK);
        buf_clear(&b);
        buf_addz(&b, "GET / HTTP/1.1\r\nHost: crm\r\n");
        for (int i = 1; i < HEAD_HEADERS + over; i++) buf_addz(&b, "A: b\r\n");
        buf_addz(&b, "\r\n");
        assert_int_equal(head_read_request(&h, buf_str(&b), &reason), over ? E_HEAD_TOO_LARGE : E_OK);
        buf_done(&b);
    }
}

static void test_end_of_head_is_found(void **state)
{
    struct str whole = STR("\r\nGET / HTTP/1.1\r\nHost: crm\r\n\r\n");
    (void)state;
    for (size_t n = 0; n < whole.len; n++) assert_int_equal(head_end(str_sub(whole, 0, n)), 0);
    assert_int_equal(head_end(whole), whole.len);
    assert_int_equal(head_end(STR("GET / HTTP/1.1\r\n\r\nbody\r\n\r\n")), 18);
    /* ended by lone LFs: to be refused now, not awaited */
    assert_int_equal(head_end(STR("GET / HTTP/1.1\n\nbody")), 16);
    assert_int_equal(head_end(STR("GET / HTTP/1.1\n\r\nbody")), 17);
    assert_int_equal(head_end(STR("\r\n\r\n\r\n")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_heads_are_accepted_or_refused),
        cmocka_unit_test(test_response_heads_are_accepted_or_refused),
        cmocka_unit_test(test_fields_are_trimmed_and_in_order),
        cmocka_unit_test(test_persistence_follows_version_and_connection),
        cmocka_unit_test(test_limits_have_their_own_codes),
        cmocka_unit_test(test_end_of_head_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
