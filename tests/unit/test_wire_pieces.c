/* Bodies that wire hands over before they are whole, and limits of their own. */
#include "http/wire.h"

#include "unit.h"

#define POST(headers) "POST /p HTTP/1.1\r\nHost: crm\r\n" headers "\r\n"

enum { BODY_MAX = 100, WINDOW = 8 };

static const struct wire_limits whole = { .body = BODY_MAX }, pieces = { .body = BODY_MAX, .window = WINDOW };

/* "(begin|piece|piece)" of what is longer than the window, "[whole]" of the rest. */
static bool read_pieces(struct wire *w, struct str *in, struct buf *out)
{
    for (;;) {
        enum wire_result got = wire_read(w, in);
        if (got == WIRE_MORE) return true;
        if (got == WIRE_REFUSED) return buf_addf(out, "refused %s", err_table[w->code].slug), false;
        if (got == WIRE_PIECE || got == WIRE_END) buf_add(out, w->piece);
        if (got == WIRE_END) buf_addz(out, ") ");
        if (got != WIRE_REQUEST && got != WIRE_BEGUN) continue;
        struct asked a = wire_take(w);
        if (got == WIRE_BEGUN) assert_true(a.body.len > WINDOW);
        buf_addf(out, got == WIRE_BEGUN ? "(%.*s" : "[%.*s] ", STR_ARG(a.body));
        arena_done(&a.arena);
    }
}

static bool ends_with(struct str s, struct str end)
{
    return s.len >= end.len && str_eq(str_sub(s, s.len - end.len, s.len), end);
}

static void test_long_bodies_come_in_pieces_split_at_any_byte(void **state)
{
    static const struct {
        const char *stream;
        const char *begun; /* the end of the result when it begins before it is whole */
        const char *whole; /* the result when all is there at once */
    } streams[] = {
        { POST("Content-Length: 20\r\n") "abcdefghijklmnopqrst" POST("Content-Length: 1\r\n") "x", "(abcdefghijklmnopqrst) [x] ",
          "[abcdefghijklmnopqrst] [x] " },
        { POST("Content-Length: 8\r\n") "abcdefgh", NULL, "[abcdefgh] " },
        { POST("Transfer-Encoding: chunked\r\n") "5\r\nabcde\r\n6;e\r\nfghijk\r\n0\r\nT: 1\r\n\r\n" POST("Content-Length: 1\r\n") "x",
          "(abcdefghijk) [x] ", "[abcdefghijk] [x] " },
        { POST("Transfer-Encoding: chunked\r\n") "b\r\nabcdefghijk\r\n-1\r\n", "refused BAD_REQUEST", "refused BAD_REQUEST" },
        { POST("Transfer-Encoding: chunked\r\n") "9\r\nabcdefghi\r\n64\r\n", "refused BODY_TOO_LARGE", "refused BODY_TOO_LARGE" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct str all = str_of(streams[i].stream);
        bool has_begun = false;
        for (size_t cut = 0; cut <= all.len; cut++) {
            struct buf got;
            struct wire w;
            struct str in = str_sub(all, 0, cut);
            buf_init(&got, 4096);
            wire_init(&w, &pieces);
            if (read_pieces(&w, &in, &got)) {
                in = str_sub(all, cut - in.len, all.len);
                read_pieces(&w, &in, &got);
            }
            bool begun = streams[i].begun && got.data[0] == '(' && ends_with(buf_str(&got), str_of(streams[i].begun));
            has_begun |= begun;
            if (!begun && !str_is(buf_str(&got), streams[i].whole)) fail_msg("%zu cut at %zu: %.*s", i, cut, STR_ARG(buf_str(&got)));
            wire_done(&w);
            buf_done(&got);
        }
        assert_int_equal(has_begun, streams[i].begun != NULL);
    }
}

static void test_limit_of_a_body_is_set_when_it_is_announced(void **state)
{
    struct str in = STR(POST("Content-Length: 6\r\n") "abcdef" POST("Content-Length: 6\r\n") "abcdef"
                        POST("Content-Length: 101\r\n"));
    struct wire w;
    (void)state;
    wire_init(&w, &whole);
    assert_int_equal(wire_read(&w, &in), WIRE_ANNOUNCED);
    w.body_max = 6;
    assert_int_equal(wire_read(&w, &in), WIRE_REQUEST);
    struct asked a = wire_take(&w);
    assert_int_equal(a.body_length, 6);
    arena_done(&a.arena);
    assert_int_equal(wire_read(&w, &in), WIRE_ANNOUNCED);
    w.body_max = 5;
    assert_int_equal(wire_read(&w, &in), WIRE_REFUSED);
    assert_int_equal(w.code, E_BODY_TOO_LARGE);
    wire_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_bodies_come_in_pieces_split_at_any_byte),
        cmocka_unit_test(test_limit_of_a_body_is_set_when_it_is_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
