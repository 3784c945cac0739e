/* framing_cases: requests that two readers would read differently, and the answer to each. Byte for byte, so that NUL may be one. */
#ifndef SYSTEM_FRAMING_CASES_H
#define SYSTEM_FRAMING_CASES_H

#include <stddef.h>

struct probe {
    const char *bytes;
    size_t len;
    int status;
    const char *slug;
};

#define PROBE(status, slug, bytes) { bytes, sizeof(bytes) - 1, status, slug }
#define BAD(bytes)                 PROBE(400, "BAD_REQUEST", bytes)
#define UNKNOWN_CODING(bytes)      PROBE(501, "NOT_IMPLEMENTED", bytes)
#define UNKNOWN_METHOD(bytes)      PROBE(405, "METHOD_NOT_ALLOWED", bytes)
#define TOO_LARGE(bytes)           PROBE(413, "BODY_TOO_LARGE", bytes)

#define LINE(line)          line "\r\nHost: x\r\n\r\n"
#define GET_WITH(fields)    "GET /api/v1/errors HTTP/1.1\r\nHost: x\r\n" fields "\r\n"
#define HOSTED(fields)      "GET /api/v1/errors HTTP/1.1\r\n" fields "\r\n"
#define POST_WITH(fields)   "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n" fields "\r\n"
#define CODED(coding)       POST_WITH("Transfer-Encoding: " coding "\r\n") "0\r\n\r\n"

static const struct probe head_probes[] = {
    /* Content-Length and Transfer-Encoding (RFC 9112 6.1, 6.3) */
    BAD(POST_WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n"),
    BAD(POST_WITH("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") "0\r\n\r\n"),
    BAD(POST_WITH("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n"),

    /* Content-Length */
    BAD(POST_WITH("Content-Length: 5\r\nContent-Length: 6\r\n") "12345"),
    BAD(POST_WITH("Content-Length: 0\r\nContent-Length: 45\r\n")),
    BAD(POST_WITH("Content-Length: +5\r\n") "12345"),
    BAD(POST_WITH("Content-Length: -5\r\n") "12345"),
    BAD(POST_WITH("Content-Length: 0x5\r\n") "12345"),
    BAD(POST_WITH("Content-Length: 5 5\r\n") "12345"),
    BAD(POST_WITH("Content-Length: 5,5\r\n") "12345"),
    BAD(POST_WITH("Content-Length: 5, 6\r\n") "12345"),
    BAD(POST_WITH("Content-Length: 5;q=1\r\n") "12345"),
    BAD(POST_WITH("Content-Length: 5.0\r\n") "12345"),
    BAD(POST_WITH("Content-Length: 1e1\r\n") "12345"),
    BAD(POST_WITH("Content-Length: \"5\"\r\n") "12345"),
    BAD(POST_WITH("Content-Length: five\r\n") "12345"),
    BAD(POST_WITH("Content-Length:\r\n") "12345"),
    BAD(POST_WITH("Content-Length: \xef\xbc\x95\r\n") "12345"), /* a full-width digit */
    TOO_LARGE(POST_WITH("Content-Length: 18446744073709551621\r\n") "12345"), /* 5 modulo 2^64 */
    TOO_LARGE(POST_WITH("Content-Length: 99999999999999999999999999999999\r\n")),
    TOO_LARGE(POST_WITH("Content-Length: 1073741824\r\n")),
    TOO_LARGE(POST_WITH("Expect: 100-continue\r\nContent-Length: 1073741824\r\n")), /* no "100 Continue" before */

    /* Transfer-Encoding: one coding, "chunked", once */
    UNKNOWN_CODING(CODED("xchunked")),
    UNKNOWN_CODING(CODED("chunkedx")),
    UNKNOWN_CODING(CODED("identity")),
    UNKNOWN_CODING(CODED("gzip, chunked")),
    UNKNOWN_CODING(CODED("chunked, gzip")),
    UNKNOWN_CODING(CODED("chunked, identity")),
    BAD(CODED("chunked, chunked")),
    BAD(CODED("chunked,")),
    BAD(CODED(",chunked")),
    BAD(CODED("chunked;q=1")),
    BAD(CODED("\"chunked\"")),
    BAD(CODED("chunked\xc2\xa0")),
    BAD(CODED("chunk\xe9" "d")),
    BAD(CODED("\x0b" "chunked")),
    BAD(CODED("chunked\x0c")),
    BAD(CODED("")),
    BAD(POST_WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n"),
    BAD(POST_WITH("Transfer-Encoding: chunked\r\nTransfer-encoding: identity\r\n") "0\r\n\r\n"),
    BAD("POST /api/v1/auth/login HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD("POST /api/v1/auth/login HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n"),

    /* names (RFC 9112 5.1) */
    BAD(GET_WITH("A : b\r\n")),
    BAD(GET_WITH("A\t: b\r\n")),
    BAD(POST_WITH("Content-Length : 5\r\n") "12345"),
    BAD(POST_WITH("Transfer-Encoding : chunked\r\n") "0\r\n\r\n"),
    BAD(GET_WITH("A b: c\r\n")),
    BAD(GET_WITH(": b\r\n")),
    BAD(GET_WITH("no colon\r\n")),
    BAD(GET_WITH("A(1): b\r\n")),
    BAD(GET_WITH("\"A\": b\r\n")),
    BAD(GET_WITH("A\x01: b\r\n")),
    BAD(GET_WITH("A\x7f: b\r\n")),
    BAD(GET_WITH("A\0: b\r\n")),
    BAD(GET_WITH("\xc3\x84: b\r\n")),

    /* values (RFC 9110 5.5) */
    BAD(GET_WITH("A: b\x01" "c\r\n")),
    BAD(GET_WITH("A: b\x1b[2J\r\n")),
    BAD(GET_WITH("A: b\x7f\r\n")),
    BAD(GET_WITH("A: b\0c\r\n")),
    BAD(GET_WITH("A: b\0\r\n")),

    /* line ends (RFC 9112 2.2, 5.2) */
    BAD(GET_WITH("A: b\rB: c\r\n")),
    BAD(GET_WITH("A: b\r\r\n")),
    BAD(GET_WITH("A: b\nB: c\r\n")),
    BAD(POST_WITH("A: b\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n"),
    BAD(POST_WITH("A: b\rTransfer-Encoding: chunked\r\n") "0\r\n\r\n"),
    BAD("GET /api/v1/errors HTTP/1.1\nHost: x\n\n"),
    BAD("GET /api/v1/errors HTTP/1.1\r\nHost: x\n\r\n"),
    BAD("GET /api/v1/errors HTTP/1.1\r\nHost: x\r\n\n"),
    BAD("GET /api/v1/errors HTTP/1.1\rHost: x\r\r"),
    BAD("\nGET /api/v1/errors HTTP/1.1\r\nHost: x\r\n\r\n"),
    BAD("\rGET /api/v1/errors HTTP/1.1\r\nHost: x\r\n\r\n"),
    BAD(GET_WITH("A: b\r\n folded\r\n")),
    BAD(GET_WITH("A: b\r\n\tfolded\r\n")),
    BAD(GET_WITH("A:\r\n folded\r\n")),
    BAD(POST_WITH("Transfer-Encoding:\r\n chunked\r\n") "0\r\n\r\n"),
    BAD("GET /api/v1/errors HTTP/1.1\r\n Host: x\r\n\r\n"),

    /* Host (RFC 9112 3.2) */
    BAD(HOSTED("")),
    BAD(HOSTED("A: b\r\n")),
    BAD(HOSTED("Host: x\r\nHost: x\r\n")),
    BAD(HOSTED("Host: x\r\nhost: y\r\n")),
    BAD(HOSTED("Host:\r\n")),
    BAD(HOSTED("Host: x y\r\n")),
    BAD(HOSTED("Host: x,y\r\n")),
    BAD(HOSTED("Host: x/api\r\n")),
    BAD(HOSTED("Host: user@x\r\n")),
    BAD(HOSTED("Host: http://x\r\n")),
    BAD(HOSTED("Host: x:\r\n")),
    BAD(HOSTED("Host: x:y\r\n")),
    BAD(HOSTED("Host: x:65536\r\n")),
    BAD(HOSTED("Host: x:-1\r\n")),
    BAD(HOSTED("Host: [::1\r\n")),
    BAD(HOSTED("Host: [x]\r\n")),

    /* request line (RFC 9112 3) */
    BAD("GARBAGE\r\n\r\n"),
    BAD(LINE("GET")),
    BAD(LINE("GET ")),
    BAD(LINE("GET /api/v1/errors")),
    BAD(LINE("GET /api/v1/errors ")),
    BAD(LINE("GET  /api/v1/errors HTTP/1.1")),
    BAD(LINE("GET /api/v1/errors  HTTP/1.1")),
    BAD(LINE("GET /api/v1/errors HTTP/1.1 ")),
    BAD(LINE(" GET /api/v1/errors HTTP/1.1")),
    BAD(LINE("GET\t/api/v1/errors HTTP/1.1")),
    BAD(LINE("GET /api/v1/errors\tHTTP/1.1")),
    BAD(LINE("GET /api/v1/errors HTTP/1.1 HTTP/1.1")),
    BAD(LINE("/api/v1/errors HTTP/1.1")),

    /* version */
    BAD(LINE("GET /api/v1/errors HTTP/2.0")),
    BAD(LINE("GET /api/v1/errors HTTP/0.9")),
    BAD(LINE("GET /api/v1/errors HTTP/1.10")),
    BAD(LINE("GET /api/v1/errors HTTP/01.1")),
    BAD(LINE("GET /api/v1/errors HTTP/1.x")),
    BAD(LINE("GET /api/v1/errors HTTP/1")),
    BAD(LINE("GET /api/v1/errors HTTP 1.1")),
    BAD(LINE("GET /api/v1/errors http/1.1")),
    BAD(LINE("GET /api/v1/errors HTTPS/1.1")),
    BAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),

    /* method */
    UNKNOWN_METHOD(LINE("get /api/v1/errors HTTP/1.1")),
    UNKNOWN_METHOD(LINE("GETS /api/v1/errors HTTP/1.1")),
    UNKNOWN_METHOD(LINE("TRACE /api/v1/errors HTTP/1.1")),
    UNKNOWN_METHOD(LINE("BREW /api/v1/errors HTTP/1.1")),
    BAD(LINE("G@T /api/v1/errors HTTP/1.1")),
    BAD(LINE("GET, /api/v1/errors HTTP/1.1")),
    BAD(LINE("GET\x01 /api/v1/errors HTTP/1.1")),
    BAD(LINE("GET\0 /api/v1/errors HTTP/1.1")),
    BAD(LINE("\xef\xbb\xbfGET /api/v1/errors HTTP/1.1")),
    BAD(LINE("CONNECT x:443 HTTP/1.1")),

    /* target (RFC 9112 3.2) */
    BAD(LINE("GET /api/v1/err\x01ors HTTP/1.1")),
    BAD(LINE("GET /api/v1/errors\0 HTTP/1.1")),
    BAD(LINE("GET /api/v1/errors\x7f HTTP/1.1")),
    BAD(LINE("GET /api/v1/errors?a=\xff HTTP/1.1")),
    BAD(LINE("GET /api/v1/errors#top HTTP/1.1")),
    BAD(LINE("GET /api\\v1\\errors HTTP/1.1")),
    BAD(LINE("GET /api/v1/errors?a=<b> HTTP/1.1")),
    BAD(LINE("GET api/v1/errors HTTP/1.1")),
    BAD(LINE("GET * HTTP/1.1")),
    BAD(LINE("GET http://x/api/v1/errors HTTP/1.1")),
    BAD(LINE("GET https://x/api/v1/errors HTTP/1.1")),
};

/* What follows the head of a request with "Transfer-Encoding: chunked" (RFC 9112 7.1). */
static const struct probe chunk_probes[] = {
    /* sizes */
    BAD("0x2\r\n{}\r\n0\r\n\r\n"),
    BAD("+2\r\n{}\r\n0\r\n\r\n"),
    BAD("-2\r\n{}\r\n0\r\n\r\n"),
    BAD("-0\r\n\r\n"),
    BAD(" 2\r\n{}\r\n0\r\n\r\n"),
    BAD("2 \r\n{}\r\n0\r\n\r\n"),
    BAD("\t2\r\n{}\r\n0\r\n\r\n"),
    BAD("2 2\r\n{}\r\n0\r\n\r\n"),
    BAD("2,2\r\n{}\r\n0\r\n\r\n"),
    BAD("2.0\r\n{}\r\n0\r\n\r\n"),
    BAD("2h\r\n{}\r\n0\r\n\r\n"),
    BAD("2_\r\n{}\r\n0\r\n\r\n"),
    BAD("zz\r\n{}\r\n0\r\n\r\n"),
    BAD(";a\r\n{}\r\n0\r\n\r\n"),
    BAD("\r\n{}\r\n0\r\n\r\n"),
    BAD("\"2\"\r\n{}\r\n0\r\n\r\n"),
    BAD("\xef\xbc\x92\r\n{}\r\n0\r\n\r\n"), /* a full-width digit */
    BAD("2\0\r\n{}\r\n0\r\n\r\n"),
    BAD("10000000000000002\r\n{}\r\n0\r\n\r\n"), /* 2 modulo 2^64 */
    BAD("00000000000000002\r\n{}\r\n0\r\n\r\n"),
    TOO_LARGE("ffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    TOO_LARGE("8000000000000002\r\n{}\r\n0\r\n\r\n"),
    TOO_LARGE("40000001\r\n{}\r\n0\r\n\r\n"),

    /* ends of lines and of data */
    BAD("2\n{}\r\n0\r\n\r\n"),
    BAD("2\r{}\r\n0\r\n\r\n"),
    BAD("2\r\n{}\n0\r\n\r\n"),
    BAD("2\r\n{}\r0\r\n\r\n"),
    BAD("2\r\n{}0\r\n\r\n"),
    BAD("2\r\n{}xx0\r\n\r\n"),
    BAD("1\r\n{}\r\n0\r\n\r\n"),
    BAD("3\r\n{}\r\n0\r\n\r\n"),
    BAD("2\r\n{}\r\n0\n\r\n"),
    BAD("2\r\n{}\r\n0\r\n\n"),
    BAD("2\r\n{}\r\n0\r\n\r\r\n"),

    /* extensions */
    BAD("2;a\n{}\r\n0\r\n\r\n"),
    BAD("2;a\rb\r\n{}\r\n0\r\n\r\n"),
    BAD("2;a=\x01\r\n{}\r\n0\r\n\r\n"),
    BAD("2;\0\r\n{}\r\n0\r\n\r\n"),
    BAD("2 a=b\r\n{}\r\n0\r\n\r\n"),

    /* trailers */
    BAD("2\r\n{}\r\n0\r\nA : b\r\n\r\n"),
    BAD("2\r\n{}\r\n0\r\nA: b\r\n folded\r\n\r\n"),
    BAD("2\r\n{}\r\n0\r\n folded\r\n\r\n"),
    BAD("2\r\n{}\r\n0\r\nno colon\r\n\r\n"),
    BAD("2\r\n{}\r\n0\r\nA: b\x01\r\n\r\n"),
    BAD("2\r\n{}\r\n0\r\nA: b\0\r\n\r\n"),
    BAD("2\r\n{}\r\n0\r\nA: b\nB: c\r\n\r\n"),
    BAD("2\r\n{}\r\n0\r\n"), /* the next request is no trailer */
};

/* Targets that have no normal form: dot segments, empty segments, what decodes to a separator, to NUL, or not at all. */
static const char *const paths_without_normal_form[] = {
    "/api/v1/../v1/errors", "/api/v1/./errors",      "/api/v1/errors/..",      "/api/v1/errors/.",       "/..",
    "/api/v1/%2e%2e/v1/errors", "/api/v1/.%2E/errors", "/api/v1/%2e/errors",   "/api/v1/customers/..%2f..", "//api/v1/errors",
    "/api//v1/errors",      "/api/v1/errors//",      "/api/v1%2ferrors",       "/api/v1%2Ferrors",       "/api/v1/errors%2f",
    "/api/v1/errors%00",    "/api/v1/%00",           "/api/v1/errors%0d%0aA:b", "/api/v1/errors%09",     "/api/v1/errors%7f",
    "/api/v1/%ff",          "/api/v1/%c0%af",        "/api/v1/%ed%a0%80",      "/api/v1/%e5%8c",         "/api/v1/errors%",
    "/api/v1/errors%4",     "/api/v1/errors%zz",     "/api/v1/errors%-1",      "/api/v1/%u0065rrors",    "%2fapi/v1/errors",
};

#endif
