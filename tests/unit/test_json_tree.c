/* What a text becomes once it is accepted, what a tree looks like once it is written, and what too much does. */
#include "base/limits.h"
#include "json/json_read.h"
#include "json/json_write.h"

#include "unit.h"

static const struct json *read_ok(struct arena *a, struct str text)
{
    struct problem p = { 0 };
    const struct json *v = json_read(a, text, &p);
    expect(v, "%s in %.*s", p.details ? p.details->reason.p : "", STR_ARG(text));
    return v;
}

static void test_tree(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct json *v = read_ok(&a, STR(" {\"n\" : -1.50e+3, \"s\":\"n1\", \"t\":true, \"f\":false, \"z\":null, "
                                           "\"l\":[1,\"2\",[]], \"S\":\"\", \"\":{}} "));
    assert_int_equal(json_kind(v), JSON_OBJECT);
    assert_int_equal(json_count(v), 8);
    assert_int_equal(json_kind(json_get(v, STR("n"))), JSON_NUMBER);
    assert_true(str_is(json_text(json_get(v, STR("n"))), "-1.50e+3"));
    assert_int_equal(json_kind(json_get(v, STR("s"))), JSON_STRING);
    assert_true(str_is(json_text(json_get(v, STR("s"))), "n1"));
    assert_true(json_is_true(json_get(v, STR("t"))));
    assert_false(json_is_true(json_get(v, STR("f"))));
    assert_int_equal(json_kind(json_get(v, STR("f"))), JSON_BOOL);
    assert_int_equal(json_kind(json_get(v, STR("z"))), JSON_NULL);
    assert_true(str_is_none(json_text(json_get(v, STR("z")))));
    assert_true(str_is(json_text(json_get(v, STR("S"))), ""));
    assert_int_equal(json_kind(json_get(v, STR(""))), JSON_OBJECT);
    assert_null(json_first(json_get(v, STR(""))));
    assert_null(json_get(v, STR("N")));
    assert_null(json_get(v, STR("n\0")));
    arena_done(&a);
}

static void test_walk(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct json *v = json_first(read_ok(&a, STR("{\"b\":[1,\"2\"],\"a\":false}")));
    assert_true(str_is(json_key(v), "b"));
    const struct json *item = json_first(v);
    assert_true(str_is(json_text(item), "1"));
    assert_true(str_is_none(json_key(item)));
    assert_true(str_is(json_text(json_next(item)), "2"));
    assert_null(json_next(json_next(item)));
    assert_null(json_get(item, STR("b")));
    v = json_next(v);
    assert_true(str_is(json_key(v), "a"));
    assert_null(json_first(v));
    assert_null(json_next(v));
    arena_done(&a);
}

static void test_escapes_are_decoded(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
        { "\"\\u0041\\u00e9\\u5317\"", "A\xC3\xA9\xE5\x8C\x97" },
        { "\"\\uD83D\\uDE00\"", "\xF0\x9F\x98\x80" },
        { "\"\\uDBFF\\uDFFF\"", "\xF4\x8F\xBF\xBF" },
        { "\"\\ud7ff\\ue000\\uFFFF\"", "\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF" },
        { "\"\\u007f\\u0080\\u07ff\\u0800\"", "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80" },
        { "\"\\\\u0000\"", "\\u0000" },
        { "\"\\u005cn\"", "\\n" },
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(str_is(json_text(read_ok(&a, str_of(cases[i][0]))), cases[i][1]), "%s", cases[i][0]);
    arena_done(&a);
}

static void test_written_strings(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "\"\"" },
        { "plain 北京 😀 </script>", "\"plain 北京 😀 </script>\"" },
        { "\"\\/", "\"\\\"\\\\/\"" },
        { "\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"" },
        { "\x01\x0B\x1F\x7F", "\"\\u0001\\u000b\\u001f\\u007f\"" },
        { "a\xE2\x80\xA8" "b\xE2\x80\xA9", "\"a\\u2028b\\u2029\"" },
        { "\xE2\x80\xA7\xE2\x80\xAA", "\"\xE2\x80\xA7\xE2\x80\xAA\"" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf b;
        buf_init(&b, 1000);
        struct jw w = jw_to(&b);
        jw_str(&w, str_of(cases[i][0]));
        expect(str_is(buf_str(&b), cases[i][1]), "%.*s", STR_ARG(buf_str(&b)));
        buf_done(&b);
    }
}

static void write_sample(struct jw *w)
{
    jw_object(w);
    jw_key(w, STR("a\"b"));
    jw_array(w);
    jw_int(w, INT64_MIN);
    jw_null(w);
    jw_object(w);
    jw_object_end(w);
    jw_array(w);
    jw_array_end(w);
    jw_str(w, STR_NONE);
    jw_array_end(w);
    jw_key(w, STR("c"));
    jw_bool(w, true);
    jw_key(w, STR("d"));
    jw_raw(w, STR("{\"x\":1.50}"));
    jw_key(w, STR("e"));
    jw_raw(w, STR_NONE);
    jw_key(w, STR("f"));
    jw_bool(w, false);
    jw_object_end(w);
}

static void test_written_commas(void **state)
{
    (void)state;
    static const char want[] = "{\"a\\\"b\":[-9223372036854775808,null,{},[],null],\"c\":true,\"d\":{\"x\":1.50},"
                               "\"e\":null,\"f\":false}";
    for (size_t max = 0; max < sizeof want; max++) {
        struct buf b;
        buf_init(&b, max);
        struct jw w = jw_to(&b);
        write_sample(&w);
        expect(buf_ok(&b) == (max == sizeof want - 1), "%zu bytes", max);
        if (buf_ok(&b)) expect(str_is(buf_str(&b), want), "%.*s", STR_ARG(buf_str(&b)));
        buf_done(&b);
    }
}

/* --- random trees ------------------------------------------------------------------------------------------------- */

static struct str random_string(struct arena *a)
{
    static const char *const pieces[] = {
        "a", "b", " ", "\"", "\\", "/", "\n", "\x01", "\x7F", "北", "😀", "\xC3\xA9", "u0000", "\xE2\x80\xA8",
        "\xEF\xBF\xBF",
    };
    struct buf b;
    buf_init(&b, 1000);
    for (uint64_t n = unit_random() % 6; n; n--) buf_addz(&b, pieces[unit_random() % COUNT(pieces)]);
    struct str s = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return s;
}

static void write_random(struct arena *a, struct jw *w, int depth);

static void write_random_container(struct arena *a, struct jw *w, int depth)
{
    bool object = unit_random() % 2;
    if (object) jw_object(w);
    else jw_array(w);
    for (uint64_t i = unit_random() % 5; i; i--) {
        struct str name = random_string(a);
        if (object) jw_key(w, arena_printf(a, "%.*s%d", STR_ARG(name), (int)i)); /* the number keeps keys apart */
        write_random(a, w, depth - 1);
    }
    if (object) jw_object_end(w);
    else jw_array_end(w);
}

static void write_random(struct arena *a, struct jw *w, int depth)
{
    switch (unit_random() % (depth ? 9 : 5)) {
    case 0: jw_null(w); break;
    case 1: jw_bool(w, unit_random() % 2); break;
    case 2: jw_int(w, (int64_t)unit_random()); break;
    case 3: jw_raw(w, arena_printf(a, "-%d.%02dE-7", (int)(unit_random() % 100), (int)(unit_random() % 100))); break;
    case 4: jw_str(w, random_string(a)); break;
    default: write_random_container(a, w, depth); break;
    }
}

static void write_tree(struct jw *w, const struct json *v)
{
    enum json_kind kind = json_kind(v);
    switch (kind) {
    case JSON_NULL: jw_null(w); return;
    case JSON_BOOL: jw_bool(w, json_is_true(v)); return;
    case JSON_NUMBER: jw_raw(w, json_text(v)); return;
    case JSON_STRING: jw_str(w, json_text(v)); return;
    case JSON_ARRAY: jw_array(w); break;
    case JSON_OBJECT: jw_object(w); break;
    }
    for (const struct json *c = json_first(v); c; c = json_next(c)) {
        if (kind == JSON_OBJECT) jw_key(w, json_key(c));
        write_tree(w, c);
    }
    if (kind == JSON_OBJECT) jw_object_end(w);
    else jw_array_end(w);
}

/* The text is made without the reader, and remade from the reader's tree: nothing may be lost or changed on the way. */
static void test_random_trees_read_back_equal(void **state)
{
    (void)state;
    struct buf first, second;
    buf_init(&first, LIMIT_BODY);
    buf_init(&second, LIMIT_BODY);
    for (int i = 0; i < 5000; i++) {
        struct arena a;
        arena_init(&a);
        buf_clear(&first);
        buf_clear(&second);
        struct jw w1 = jw_to(&first), w2 = jw_to(&second);
        write_random(&a, &w1, 6);
        write_tree(&w2, read_ok(&a, buf_str(&first)));
        expect(str_eq(buf_str(&first), buf_str(&second)), "%.*s", STR_ARG(buf_str(&first)));
        arena_done(&a);
    }
    buf_done(&first);
    buf_done(&second);
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static const char *reason_for(struct arena *a, struct str text)
{
    struct problem p = { 0 };
    return json_read(a, text, &p) ? NULL : arena_cstr(a, p.details->reason);
}

/* `n` times `piece` between `open` and `close`. */
static struct str repeated(struct arena *a, const char *open, const char *piece, size_t n, const char *close)
{
    struct buf b;
    buf_init(&b, 4 * LIMIT_BODY);
    buf_addz(&b, open);
    for (size_t i = 0; i < n; i++) buf_addf(&b, piece, (int)i);
    buf_addz(&b, close);
    assert_true(buf_ok(&b));
    struct str s = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return s;
}

static void test_depth(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct str open = repeated(&a, "", "[", LIMIT_JSON_DEPTH, ""), close = repeated(&a, "", "]", LIMIT_JSON_DEPTH, "");
    assert_null(reason_for(&a, arena_printf(&a, "%s%s", open.p, close.p)));
    assert_string_equal(reason_for(&a, arena_printf(&a, "[%s%s]", open.p, close.p)), "nested too deeply at byte 32");
    assert_null(reason_for(&a, arena_printf(&a, "[%s%s,%s%s]", open.p + 1, close.p + 1, open.p + 1, close.p + 1)));
    assert_string_equal(reason_for(&a, repeated(&a, "", "[", 100000, "")), "nested too deeply at byte 32");
    assert_string_equal(reason_for(&a, repeated(&a, "", "{\"a\":", 100000, "")), "nested too deeply at byte 160");
    arena_done(&a);
}

static void test_number_of_values(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_null(reason_for(&a, repeated(&a, "[", "1,", LIMIT_JSON_VALUES - 2, "1]")));
    assert_string_equal(reason_for(&a, repeated(&a, "[", "1,", LIMIT_JSON_VALUES - 1, "1]")),
                        "too many values at byte 39999");
    arena_done(&a);
}

static void test_many_keys(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_null(reason_for(&a, repeated(&a, "{", "\"key%d\":0,", LIMIT_JSON_VALUES - 2, "\"last\":0}")));
    assert_string_equal(reason_for(&a, repeated(&a, "{", "\"key%d\":0,", LIMIT_JSON_VALUES - 2, "\"key7\":0}")),
                        "duplicate key");
    arena_done(&a);
}

static void test_long_strings_and_numbers(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_int_equal(json_text(read_ok(&a, repeated(&a, "\"", "x", LIMIT_BODY, "\""))).len, LIMIT_BODY);
    struct str escaped = repeated(&a, "\"", "\\u5317", LIMIT_BODY / 6, "\"");
    assert_int_equal(json_text(read_ok(&a, escaped)).len, LIMIT_BODY / 6 * 3);
    assert_int_equal(json_text(read_ok(&a, repeated(&a, "1", "0", LIMIT_BODY, ""))).len, LIMIT_BODY + 1);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree), cmocka_unit_test(test_walk), cmocka_unit_test(test_escapes_are_decoded),
        cmocka_unit_test(test_written_strings), cmocka_unit_test(test_written_commas),
        cmocka_unit_test(test_random_trees_read_back_equal), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_number_of_values), cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_long_strings_and_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
