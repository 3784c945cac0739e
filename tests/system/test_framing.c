/* The framing guard, byte for byte, at a service and through the gateway: what is ambiguous is refused and ends the connection, so
 * that nothing behind it is taken for a request; what is allowed is read whole, however it arrives. */
#include "crm.h"
#include "expect.h"
#include "framing_cases.h"
#include "line.h"
#include "pool.h"
#include "stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char next_request[] = "GET /api/v1/errors HTTP/1.1\r\nHost: x\r\n\r\n";

static const char **const edges[] = { &stack.customer_url, &stack.gateway_url };

static void send_text(struct line *l, const char *bytes)
{
    line_send(l, bytes, strlen(bytes));
}

/* As a C string, for messages. */
static char *shown(const char *bytes, size_t len)
{
    char *all = text("%s", "");
    for (size_t i = 0; i < len && i < 300; i++) {
        unsigned char c = (unsigned char)bytes[i];
        all = c < ' ' || c >= 0x7f ? text("%s\\x%02x", all, c) : text("%s%c", all, c);
    }
    return all;
}

/* --- what is refused ---------------------------------------------------------------------------------------------- */

/* One answer, although a good request follows, and the end. */
static void expect_refused(const char *edge, const char *bytes, size_t len, int status, const char *slug)
{
    struct line *l = line_open(edge);
    line_send(l, bytes, len);
    send_text(l, next_request);
    struct reply *r = line_reply(l, "GET");
    if (r->status != status) print_error("%s: %s\n", edge, shown(bytes, len));
    expect_error(r, status, slug, NULL);
    const char *connection = header(r, "Connection");
    expect(connection && !strcmp(connection, "close"), "%s: %s: %s", edge, shown(bytes, len), r->head);
    expect(line_is_over(l), "%s: still open, or answered more, after %s", edge, shown(bytes, len));
    line_close(l);
}

static void expect_good(const char *edge)
{
    struct line *l = line_open(edge);
    send_text(l, next_request);
    expect_status(line_reply(l, "GET"), 200);
    line_close(l);
}

static void test_ambiguous_head_is_refused_and_ends_the_connection(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(edges); e++) {
        for (size_t i = 0; i < COUNT(head_probes); i++)
            expect_refused(*edges[e], head_probes[i].bytes, head_probes[i].len, head_probes[i].status, head_probes[i].slug);
        expect_good(*edges[e]);
    }
}

static char *chunked_head(void)
{
    return text("POST /api/v1/customers?dry_run=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
                stack.admin_token);
}

static void test_malformed_chunk_is_refused_and_ends_the_connection(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(edges); e++) {
        for (size_t i = 0; i < COUNT(chunk_probes); i++) {
            const struct probe *p = &chunk_probes[i];
            char *head = chunked_head();
            size_t len = strlen(head);
            char *all = repeat("x", (int)(len + p->len));
            memcpy(all, head, len);
            memcpy(all + len, p->bytes, p->len);
            expect_refused(*edges[e], all, len + p->len, p->status, p->slug);
        }
        expect_good(*edges[e]);
    }
}

/* As the request that a proxy before us would see as one, and we as two. */
static void test_refusal_comes_after_the_answers_to_what_was_good(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(edges); e++) {
        struct line *l = line_open(*edges[e]);
        send_text(l, text("%s%s%s%s", next_request, next_request,
                           POST_WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n", next_request));
        expect_status(line_reply(l, "GET"), 200);
        expect_status(line_reply(l, "GET"), 200);
        expect_error(line_reply(l, "POST"), 400, "BAD_REQUEST", NULL);
        expect(line_is_over(l), "%s: something came after the refusal", *edges[e]);
        line_close(l);
    }
}

/* What is not read of it is no request either. */
static void test_head_that_is_too_large_ends_the_connection(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        int status;
        const char *slug;
    } cases[] = {
        { text("GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", repeat("a", 8192)), 414, "TARGET_TOO_LONG" },
        { text(GET_WITH("%s"), repeat("A: b\r\n", 120)), 431, "HEAD_TOO_LARGE" },
        { text(GET_WITH("A: %s\r\n"), repeat("a", 20000)), 431, "HEAD_TOO_LARGE" },
    };
    for (size_t e = 0; e < COUNT(edges); e++)
        for (size_t i = 0; i < COUNT(cases); i++)
            expect_refused(*edges[e], cases[i].bytes, strlen(cases[i].bytes), cases[i].status, cases[i].slug);
}

/* --- what is read whole ------------------------------------------------------------------------------------------- */

#define NAME       "分块"
#define BODY       "{\"customer_type\":\"企业\",\"customer_name\":\"" NAME "\"}"
#define CUT        20 /* bytes of BODY in a first chunk */

static char *post_with(const char *framing, const char *body)
{
    return text("POST /api/v1/customers?dry_run=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                "Content-Type: application/json\r\n%s\r\n%s",
                stack.admin_token, framing, body);
}

static char *post_with_length(void)
{
    return post_with(text("Content-Length: %zu\r\n", strlen(BODY)), BODY);
}

/* In two chunks, with what may stand behind a size and after the last chunk. */
static char *in_chunks(const char *first, const char *second, const char *last)
{
    return text("%x%s\r\n%.*s\r\n%zX%s\r\n%s\r\n%s\r\n\r\n", CUT, first, CUT, BODY, strlen(BODY) - CUT, second, BODY + CUT, last);
}

static char *in_single_bytes(void)
{
    char *all = text("%s", "");
    for (const char *p = BODY; *p; p++) all = text("%s1\r\n%c\r\n", all, *p);
    return text("%s0\r\n\r\n", all);
}

static void expect_read_whole(struct line *l, const char *how)
{
    struct reply *r = line_reply(l, "POST");
    expect_status(r, 200);
    expect(has_text(r, NAME), "%s: %s", how, r->body);
}

static void test_chunked_body_is_decoded_without_extensions_and_trailers(void **state)
{
    (void)state;
    char *const bodies[] = {
        in_chunks("", "", "0"),
        in_chunks(";a", ";b=c;d=\"e f\"", "0;last"),
        in_chunks(" ;a = b", "\t;c", "000"),
        in_chunks("", "", "0\r\nA: b"),
        in_chunks("", "", "0\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\nHost: y"),
        in_single_bytes(),
    };
    for (size_t e = 0; e < COUNT(edges); e++) {
        struct line *l = line_open(*edges[e]);
        for (size_t i = 0; i < COUNT(bodies); i++) {
            send_text(l, post_with("Transfer-Encoding: Chunked\r\n", bodies[i]));
            expect_read_whole(l, bodies[i]);
        }
        line_close(l);
    }
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(edges); e++) {
        struct line *l = line_open(*edges[e]);
        send_text(l, text("%s%s%s%s%s", next_request, "HEAD /api/v1/errors HTTP/1.1\r\nHost: x\r\n\r\n", post_with_length(),
                           post_with("Transfer-Encoding: chunked\r\n", in_chunks("", "", "0")),
                           "GET /api/v1/nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        struct reply *get = expect_status(line_reply(l, "GET"), 200), *head = expect_status(line_reply(l, "HEAD"), 200);
        assert_string_equal(header(head, "Content-Length"), text("%zu", get->len));
        expect_read_whole(l, "Content-Length");
        expect_read_whole(l, "chunked");
        expect_error(line_reply(l, "GET"), 404, "NOT_FOUND", "");
        expect(line_is_over(l), "%s: open after Connection: close", *edges[e]);
        line_close(l);
    }
}

static void test_many_pipelined_requests_are_all_answered(void **state)
{
    (void)state;
    enum { MANY = 50 };
    for (size_t e = 0; e < COUNT(edges); e++) {
        struct line *l = line_open(*edges[e]);
        char *all = text("%s", "");
        for (int i = 0; i < MANY; i++) all = text("%sGET /api/v1/%s HTTP/1.1\r\nHost: x\r\n\r\n", all, i % 3 == 2 ? "nowhere" : "errors");
        send_text(l, all);
        for (int i = 0; i < MANY; i++) {
            bool is_nowhere = i % 3 == 2;
            struct reply *r = line_reply(l, "GET");
            expect(r->status == (is_nowhere ? 404 : 200) && r->len, "%s: answer %d is %ld", *edges[e], i, r->status);
        }
        line_close(l);
    }
}

static void test_client_that_expects_continue_gets_it_before_the_answer(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(edges); e++) {
        struct line *l = line_open(*edges[e]);
        send_text(l, post_with(text("Expect: 100-continue\r\nContent-Length: %zu\r\n", strlen(BODY)), ""));
        expect_status(line_reply(l, "POST"), 100);
        send_text(l, BODY);
        expect_read_whole(l, "Content-Length");
        send_text(l, post_with("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", ""));
        expect_status(line_reply(l, "POST"), 100);
        send_text(l, in_chunks("", "", "0"));
        expect_read_whole(l, "chunked");
        send_text(l, "GET /api/v1/errors HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n"); /* no body: nothing to wait for */
        expect_status(line_reply(l, "GET"), 200);
        line_close(l);
    }
}

static void test_empty_lines_before_a_request_are_skipped(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(edges); e++) {
        struct line *l = line_open(*edges[e]);
        for (int i = 0; i < 3; i++) {
            send_text(l, text("\r\n\r\n%s\r\n", next_request));
            expect_status(line_reply(l, "GET"), 200);
        }
        line_close(l);
    }
}

/* All on one connection: what one request leaves behind would be seen by the next. */
static void expect_whole_when_cut(const char *edge, const char *whole, size_t step)
{
    size_t len = strlen(whole);
    struct line *l = line_open(edge);
    send_text(l, whole);
    expect_read_whole(l, "in one piece");
    for (size_t cut = 1; cut < len; cut += step) {
        line_send(l, whole, cut);
        expect(raw_is_quiet(l->fd, 1), "%s: answered after %zu of %zu bytes", edge, cut, len);
        line_send(l, whole + cut, len - cut);
        expect_read_whole(l, text("cut at %zu", cut));
    }
    line_close(l);
}

static void test_request_cut_at_any_byte_is_read_whole(void **state)
{
    (void)state;
    char *requests[] = { post_with_length(), post_with("Transfer-Encoding: chunked\r\n", in_chunks(";a=b", "", "0\r\nA: b")) };
    for (size_t i = 0; i < COUNT(requests); i++) {
        expect_whole_when_cut(stack.customer_url, requests[i], 1);
        expect_whole_when_cut(stack.gateway_url, requests[i], 13);
    }
}

/* --- paths -------------------------------------------------------------------------------------------------------- */

static struct reply *get_path(const char *edge, const char *path, const char *token)
{
    struct line *l = line_open(edge);
    send_text(l, text("GET %s HTTP/1.1\r\nHost: x\r\n%s%s%s\r\n", path, token ? "Authorization: Bearer " : "", token ? token : "",
                       token ? "\r\n" : ""));
    struct reply *r = line_reply(l, "GET");
    line_close(l);
    return r;
}

static void test_path_without_a_normal_form_is_refused(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(edges); e++)
        for (size_t i = 0; i < COUNT(paths_without_normal_form); i++) {
            char *bytes = text("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths_without_normal_form[i]);
            expect_refused(*edges[e], bytes, strlen(bytes), 400, "BAD_REQUEST");
        }
}

/* Another spelling is neither a way around a permission nor another resource. */
static void test_every_spelling_of_a_path_is_the_same_path(void **state)
{
    (void)state;
    static const char *const spellings[] = { "/api/v1/customers", "/api/v1/%63ustomers", "/%61%70%69/v1/customers",
                                             "/api/v1/customer%73", "/api/%76%31/customers" };
    static const char *const others[] = { "/api/v1/%2563ustomers", "/api/v1/customers%3f", "/api/v1/customers%20", "/api/v1/CUSTOMERS" };
    char *powerless = user_with_role("");
    for (size_t e = 0; e < COUNT(edges); e++) {
        for (size_t i = 0; i < COUNT(spellings); i++) {
            expect_status(get_path(*edges[e], spellings[i], stack.admin_token), 200);
            expect_error(get_path(*edges[e], spellings[i], powerless), 403, "FORBIDDEN", "permission");
            expect_error(get_path(*edges[e], spellings[i], NULL), 401, "UNAUTHENTICATED", "");
        }
        for (size_t i = 0; i < COUNT(others); i++)
            expect_error(get_path(*edges[e], others[i], stack.admin_token), 404, "NOT_FOUND", "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ambiguous_head_is_refused_and_ends_the_connection),
        cmocka_unit_test(test_malformed_chunk_is_refused_and_ends_the_connection),
        cmocka_unit_test(test_refusal_comes_after_the_answers_to_what_was_good),
        cmocka_unit_test(test_head_that_is_too_large_ends_the_connection),
        cmocka_unit_test(test_chunked_body_is_decoded_without_extensions_and_trailers),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_many_pipelined_requests_are_all_answered),
        cmocka_unit_test(test_client_that_expects_continue_gets_it_before_the_answer),
        cmocka_unit_test(test_empty_lines_before_a_request_are_skipped),
        cmocka_unit_test(test_request_cut_at_any_byte_is_read_whole),
        cmocka_unit_test(test_path_without_a_normal_form_is_refused),
        cmocka_unit_test(test_every_spelling_of_a_path_is_the_same_path),
    };
    return system_main("framing", tests, COUNT(tests));
}
