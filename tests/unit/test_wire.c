#include "unit.h"

#include "http/wire.h"

enum { BODY_MAX = 100 };

static const struct wire_limits whole = { .body = BODY_MAX }, usual = { .head = 0 };

#define S(bytes)         { bytes, sizeof(bytes) - 1 }
#define GET              "GET /a?b HTTP/1.1\r\nHost: crm\r\n\r\n"
#define POST(headers)    "POST /p HTTP/1.1\r\nHost: crm\r\n" headers "\r\n"
#define CHUNKED(body)    POST("Transfer-Encoding: chunked\r\n") body

/* What a stream gives: "GET /a? [body]" per request, then "refused SLUG" or "more". */
static const struct {
    struct str stream;
    const char *want;
} cases[] = {
    { S(GET), "GET /a?b [] more" },
    { S(""), "more" },
    { S("\r\n\r\n"), "more" },
    { S("\r\n" GET "\r\n"), "GET /a?b [] more" },
    { S(GET GET GET), "GET /a?b [] GET /a?b [] GET /a?b [] more" },
    { S(POST("Content-Length: 3\r\n") "abc" GET), "POST /p [abc] GET /a?b [] more" },
    { S(POST("Content-Length: 0\r\n") GET), "POST /p [] GET /a?b [] more" },
    { S(POST("Content-Length: 0000000003\r\n") "abc" GET), "POST /p [abc] GET /a?b [] more" },
    { S("GET /a HTTP/1.1\r\nHost: crm\r\nContent-Length: 3\r\n\r\nabc" GET), "GET /a [abc] GET /a?b [] more" },
    { S(POST("Content-Length: 4\r\n") "abc"), "more" },
    { S(POST("Expect: 100-continue\r\nContent-Length: 3\r\n") "abc"), "POST /p [abc] more" },
    { S(CHUNKED("3\r\nabc\r\n0\r\n\r\n") GET), "POST /p [abc] GET /a?b [] more" },
    { S(CHUNKED("3\r\nabc\r\n002\r\nde\r\n0\r\n\r\n") GET), "POST /p [abcde] GET /a?b [] more" },
    { S(CHUNKED("A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n")), "POST /p [01234567890123456789] more" },
    { S(CHUNKED("0\r\n\r\n") GET), "POST /p [] GET /a?b [] more" },
    { S(CHUNKED("3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n")), "POST /p [abc] more" },
    { S(CHUNKED("3 \t;a\r\nabc\r\n0\r\n\r\n")), "POST /p [abc] more" },
    { S(CHUNKED("3\r\nabc\r\n0\r\nTrailer: x\r\nContent-Length: 9\r\n\r\n") GET), "POST /p [abc] GET /a?b [] more" },
    { S(CHUNKED("3\r\n\r\n\0\r\n0\r\n\r\n")), "POST /p [\r\n?] more" },
    { S(CHUNKED("3\r\nabc\r\n0\r\n")), "more" },

    /* chunk framing that is not */
    { S(CHUNKED("0x3\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("+3\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("-3\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED(" 3\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3 \r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3 4\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3h\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3,3\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3.0\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("g\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED(";a\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("\xef\xbc\x93\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" }, /* a full-width digit */
    { S(CHUNKED("3\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3;a\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3;a\rb\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3;\0\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3\r\nabcd\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3\r\nab\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3\r\nabc\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3\r\nabc0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3\r\nabcxy0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3\r\nabc\n\r0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3\r\nabc\r\n0\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3\r\nabc\r\n0\r\n\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3\r\nabc\r\n0\r\n" GET)), "refused BAD_REQUEST" }, /* a request is no trailer */
    { S(CHUNKED("3\r\nabc\r\n0\r\nA : b\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("3\r\nabc\r\n0\r\n folded\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("10000000000000003\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" }, /* 3 modulo 2^64 */
    { S(CHUNKED("00000000000000003\r\nabc\r\n0\r\n\r\n")), "refused BAD_REQUEST" },
    { S(CHUNKED("ffffffffffffffff\r\nabc\r\n0\r\n\r\n")), "refused BODY_TOO_LARGE" },
    { S(CHUNKED("65\r\n")), "refused BODY_TOO_LARGE" },
    { S(CHUNKED("3\r\nabc\r\n62\r\n")), "refused BODY_TOO_LARGE" },

    /* smuggling through the head; what follows is never read as a request */
    { S(POST("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n" GET), "refused BAD_REQUEST" },
    { S(POST("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n") "0\r\n\r\n" GET), "refused BAD_REQUEST" },
    { S(POST("Content-Length: 0\r\nContent-Length: 34\r\n") GET), "refused BAD_REQUEST" },
    { S(POST("Content-Length: 0,34\r\n") GET), "refused BAD_REQUEST" },
    { S(POST("Content-Length : 34\r\n") GET), "refused BAD_REQUEST" },
    { S(POST("Content-Length:\r\n 34\r\n") GET), "refused BAD_REQUEST" },
    { S(POST("Content-Length: 101\r\n")), "refused BODY_TOO_LARGE" },
    { S(POST("Expect: 100-continue\r\nContent-Length: 101\r\n")), "refused BODY_TOO_LARGE" },
    { S(POST("Content-Length: 99999999999999999999\r\n")), "refused BODY_TOO_LARGE" },
    { S(POST("Transfer-Encoding: xchunked\r\n") "0\r\n\r\n"), "refused NOT_IMPLEMENTED" },
    { S(POST("Transfer-Encoding: chunked, identity\r\n") "0\r\n\r\n"), "refused NOT_IMPLEMENTED" },
    { S(POST("Transfer-Encoding : chunked\r\n") "0\r\n\r\n"), "refused BAD_REQUEST" },
    { S(POST("X: y\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n"), "refused BAD_REQUEST" },
    { S(POST("X: y\rTransfer-Encoding: chunked\r\n") "0\r\n\r\n"), "refused BAD_REQUEST" },
    { S("POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "refused BAD_REQUEST" },
    { S("GET /a HTTP/1.1\r\n\r\n"), "refused BAD_REQUEST" },
    { S("GET /a/../b HTTP/1.1\r\nHost: crm\r\n\r\n"), "refused BAD_REQUEST" },
    { S("GET /%2F HTTP/1.1\r\nHost: crm\r\n\r\n"), "refused BAD_REQUEST" },
    { S("BREW / HTTP/1.1\r\nHost: crm\r\n\r\n"), "refused METHOD_NOT_ALLOWED" },
    { S("GET /a HTTP/1.1\nHost: crm\n\n"), "refused BAD_REQUEST" },
    { S("\x16\x03\x01\x02\x05"), "refused BAD_REQUEST" }, /* TLS to a plain port */
    { S("\n"), "refused BAD_REQUEST" },
};

static void asked_write(struct buf *out, const struct asked *a)
{
    buf_addf(out, "%.*s %.*s", STR_ARG(method_names[a->method]), STR_ARG(a->path));
    if (!str_is_none(a->query)) buf_addf(out, "?%.*s", STR_ARG(a->query));
    buf_addz(out, " [");
    for (size_t i = 0; i < a->body.len; i++) buf_addc(out, a->body.p[i] ? a->body.p[i] : '?');
    buf_addz(out, "] ");
}

/* What comes after the announcement of a body. */
static enum wire_result read_past_announced(struct wire *w, struct str *in)
{
    enum wire_result got = wire_read(w, in);
    return got == WIRE_ANNOUNCED ? wire_read(w, in) : got;
}

/* Reads on as far as it goes; false: refused. */
static bool read_on(struct wire *w, struct str *in, struct buf *out)
{
    for (;;) {
        switch (wire_read(w, in)) {
        case WIRE_MORE: return true;
        case WIRE_ANNOUNCED:
        case WIRE_CONTINUE: continue;
        case WIRE_REFUSED: buf_addf(out, "refused %s", err_table[w->code].slug); return false;
        case WIRE_REQUEST: break;
        default: fail_msg("a piece of a body that nobody asked for");
        }
        struct asked a = wire_take(w);
        asked_write(out, &a);
        arena_done(&a.arena);
    }
}

/* The pieces are [0, first), [first, second), [second, end). */
static void check_split(size_t i, size_t first, size_t second)
{
    struct str stream = cases[i].stream;
    struct str in = STR("");
    size_t used = 0;
    struct buf got;
    struct wire w;
    const size_t cuts[] = { 0, first, second, stream.len };
    bool ok = true;
    buf_init(&got, 1 << 16);
    wire_init(&w, &whole);
    for (int k = 0; k < 3 && ok; k++) {
        in = str_sub(stream, used, cuts[k + 1]);
        ok = read_on(&w, &in, &got);
        used = cuts[k + 1] - in.len;
    }
    if (ok) buf_addz(&got, "more");
    if (!str_is(buf_str(&got), cases[i].want))
        fail_msg("case %zu, cut at %zu and %zu:\n%.*s\n-> %.*s\nwanted %s", i, first, second, STR_ARG(stream),
                 STR_ARG(buf_str(&got)), cases[i].want);
    assert_int_equal(wire_read(&w, &in), ok ? WIRE_MORE : WIRE_REFUSED); /* and stays so */
    wire_done(&w);
    buf_done(&got);
}

static void test_streams_give_the_same_split_at_any_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t cut = 0; cut <= cases[i].stream.len; cut++) check_split(i, cut, cut);
}

static void test_streams_give_the_same_split_at_any_two_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t first = 0; first <= cases[i].stream.len; first++)
            for (size_t second = first; second <= cases[i].stream.len; second++) check_split(i, first, second);
}

static void test_streams_give_the_same_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf got;
        struct wire w;
        size_t used = 0;
        bool ok = true;
        buf_init(&got, 1 << 16);
        wire_init(&w, &whole);
        for (size_t n = 0; n < cases[i].stream.len && ok; n++) {
            struct str in = str_sub(cases[i].stream, used, n + 1);
            ok = read_on(&w, &in, &got);
            used = n + 1 - in.len;
        }
        if (ok) buf_addz(&got, "more");
        if (!str_is(buf_str(&got), cases[i].want)) fail_msg("case %zu: %.*s", i, STR_ARG(buf_str(&got)));
        wire_done(&w);
        buf_done(&got);
    }
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static enum wire_result feed_one(struct buf *stream, enum err_code *ret_code)
{
    struct str in = buf_str(stream);
    struct wire w;
    wire_init(&w, &usual);
    enum wire_result got = read_past_announced(&w, &in);
    *ret_code = w.code;
    wire_done(&w);
    buf_clear(stream);
    return got;
}

static void add_many(struct buf *b, char c, size_t n)
{
    while (n-- > 0) buf_addc(b, c);
}

static void test_sizes_are_limited_by_name(void **state)
{
    struct buf b;
    enum err_code code;
    (void)state;
    buf_init(&b, 4 << 20);

    buf_addz(&b, "GET / HTTP/1.1\r\nHost: crm\r\nA: ");
    add_many(&b, 'x', LIMIT_HEAD - b.len - 4);
    buf_addz(&b, "\r\n\r\n");
    assert_int_equal(b.len, LIMIT_HEAD);
    assert_int_equal(feed_one(&b, &code), WIRE_REQUEST);

    buf_addz(&b, "GET / HTTP/1.1\r\nHost: crm\r\nA: ");
    add_many(&b, 'x', LIMIT_HEAD + 1 - b.len - 4);
    buf_addz(&b, "\r\n\r\n");
    assert_int_equal(feed_one(&b, &code), WIRE_REFUSED);
    assert_int_equal(code, E_HEAD_TOO_LARGE);

    buf_addz(&b, "GET /");
    add_many(&b, 'x', LIMIT_TARGET);
    assert_int_equal(feed_one(&b, &code), WIRE_MORE);

    buf_addz(&b, "GET /");
    add_many(&b, 'x', LIMIT_TARGET + 20);
    assert_int_equal(feed_one(&b, &code), WIRE_REFUSED);
    assert_int_equal(code, E_TARGET_TOO_LONG);

    for (size_t over = 0; over < 2; over++) {
        buf_addf(&b, POST("Content-Length: %zu\r\n"), (size_t)LIMIT_BODY + over);
        add_many(&b, 'x', LIMIT_BODY + over);
        assert_int_equal(feed_one(&b, &code), over ? WIRE_REFUSED : WIRE_REQUEST);
        if (over) assert_int_equal(code, E_BODY_TOO_LARGE);
    }
    buf_done(&b);
}

static void test_chunk_extensions_and_trailers_are_limited(void **state)
{
    struct buf b;
    enum err_code code;
    (void)state;
    buf_init(&b, 4 << 20);

    buf_addz(&b, CHUNKED("1;"));
    add_many(&b, 'x', 1200); /* one line */
    assert_int_equal(feed_one(&b, &code), WIRE_REFUSED);

    buf_addz(&b, CHUNKED(""));
    for (int i = 0; i < 100; i++) {
        buf_addz(&b, "1;");
        add_many(&b, 'x', 200);
        buf_addz(&b, "\r\na\r\n");
    }
    assert_int_equal(feed_one(&b, &code), WIRE_REFUSED);
    assert_int_equal(code, E_BAD_REQUEST);

    buf_addz(&b, CHUNKED("0\r\n"));
    for (int i = 0; i < 100; i++) {
        buf_addz(&b, "A: ");
        add_many(&b, 'x', 200);
        buf_addz(&b, "\r\n");
    }
    assert_int_equal(feed_one(&b, &code), WIRE_REFUSED);
    assert_int_equal(code, E_BAD_REQUEST);
    buf_done(&b);
}

/* --- Expect: 100-continue ----------------------------------------------------------------------------------------- */

static enum wire_result first_result(struct str stream)
{
    struct wire w;
    wire_init(&w, &whole);
    enum wire_result got = read_past_announced(&w, &stream);
    wire_done(&w);
    return got;
}

static void test_continue_is_asked_for_when_the_body_is_awaited(void **state)
{
    (void)state;
    assert_int_equal(first_result(STR(POST("Expect: 100-continue\r\nContent-Length: 3\r\n"))), WIRE_CONTINUE);
    assert_int_equal(first_result(STR(POST("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"))), WIRE_CONTINUE);
    /* RFC 9110 10.1.1: not when there is no body, it has begun to arrive, or the client is HTTP/1.0 */
    assert_int_equal(first_result(STR(POST("Expect: 100-continue\r\n"))), WIRE_REQUEST);
    assert_int_equal(first_result(STR(POST("Expect: 100-continue\r\nContent-Length: 3\r\n") "a")), WIRE_MORE);
    assert_int_equal(first_result(STR("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")), WIRE_MORE);
}

static void test_refused_request_keeps_what_was_read(void **state)
{
    struct str stream = STR("PUT /p HTTP/1.1\r\nHost: crm\r\nX-Request-Id: 7\r\nContent-Length: 101\r\n\r\n");
    struct wire w;
    (void)state;
    wire_init(&w, &whole);
    assert_int_equal(read_past_announced(&w, &stream), WIRE_REFUSED);
    struct asked a = wire_take(&w);
    assert_int_equal(a.method, METHOD_PUT);
    assert_true(str_is(a.path, "/p"));
    assert_int_equal(a.header_count, 3);
    assert_non_null(w.reason);
    assert_int_equal(read_past_announced(&w, &stream), WIRE_REFUSED);
    arena_done(&a.arena);
    wire_done(&w);
}

static void test_limits_may_be_smaller(void **state)
{
    static const struct {
        const char *stream;
        enum err_code want;
    } smaller[] = {
        { "GET /12345 HTTP/1.1\r\nHost: crm\r\n\r\n", E_OK },
        { "GET /123456 HTTP/1.1\r\nHost: crm\r\n\r\n", E_TARGET_TOO_LONG },
        { "GET /123456789012345678901234567890", E_TARGET_TOO_LONG },
        { "GET / HTTP/1.1\r\nHost: crm\r\nA: 1\r\n\r\n", E_OK },
        { "GET / HTTP/1.1\r\nHost: crm\r\nA: 1\r\nB: 2\r\n\r\n", E_HEAD_TOO_LARGE },
        { "GET / HTTP/1.1\r\nHost: crm\r\nA: 12345678901234567890123456789012345678901234567890\r\n\r\n", E_HEAD_TOO_LARGE },
    };
    static const struct wire_limits limits = { .head = 60, .headers = 2, .target = 6 };
    (void)state;
    for (size_t i = 0; i < sizeof smaller / sizeof *smaller; i++) {
        struct str in = str_of(smaller[i].stream);
        struct wire w;
        wire_init(&w, &limits);
        enum wire_result got = wire_read(&w, &in);
        bool ok = w.code == smaller[i].want && (got == WIRE_REFUSED) == (w.code != E_OK);
        if (!ok) fail_msg("case %zu: %s", i, err_table[w.code].slug);
        wire_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_give_the_same_split_at_any_byte),
        cmocka_unit_test(test_streams_give_the_same_split_at_any_two_bytes),
        cmocka_unit_test(test_streams_give_the_same_byte_by_byte),
        cmocka_unit_test(test_sizes_are_limited_by_name),
        cmocka_unit_test(test_chunk_extensions_and_trailers_are_limited),
        cmocka_unit_test(test_continue_is_asked_for_when_the_body_is_awaited),
        cmocka_unit_test(test_refused_request_keeps_what_was_read),
        cmocka_unit_test(test_limits_may_be_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
