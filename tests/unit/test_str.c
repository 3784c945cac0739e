#include "base/str.h"

#include "unit.h"

static void test_eq(void **state)
{
    (void)state;
    static const struct {
        struct str a, b;
        bool eq, ieq;
    } cases[] = {
        { { "", 0 }, { "", 0 }, true, true },        { { NULL, 0 }, { "", 0 }, true, true },
        { { "a", 1 }, { "a", 1 }, true, true },      { { "a", 1 }, { "A", 1 }, false, true },
        { { "ab", 2 }, { "a", 1 }, false, false },   { { "[", 1 }, { "{", 1 }, false, false },
        { { "a\0b", 3 }, { "a\0c", 3 }, false, false }, { { "Content-Type", 12 }, { "content-type", 12 }, false, true },
        { { "@", 1 }, { "`", 1 }, false, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect(str_eq(cases[i].a, cases[i].b) == cases[i].eq, "case %zu", i);
        expect(str_ieq(cases[i].a, cases[i].b) == cases[i].ieq, "case %zu", i);
    }
}

static void test_absent_is_not_empty(void **state)
{
    (void)state;
    assert_true(str_is_none(STR_NONE));
    assert_false(str_is_none(STR("")));
    assert_true(str_is_none(str_of(NULL)));
    assert_true(str_is(STR("abc"), "abc"));
    assert_false(str_is(STR("abc"), "ab"));
}

static void test_prefix(void **state)
{
    (void)state;
    assert_true(str_has_prefix(STR("Bearer x"), STR("Bearer ")));
    assert_true(str_has_prefix(STR("x"), STR("")));
    assert_true(str_has_prefix(STR_NONE, STR("")));
    assert_false(str_has_prefix(STR("Bear"), STR("Bearer")));
    assert_false(str_has_prefix(STR("bearer "), STR("Bearer ")));
    assert_true(str_has_suffix(STR("leads_pkey"), STR("_pkey")));
    assert_true(str_has_suffix(STR("x"), STR("")));
    assert_false(str_has_suffix(STR("pkey"), STR("_pkey")));
    assert_false(str_has_suffix(STR("leads_pkeys"), STR("_pkey")));
}

static void test_trim(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "" }, { " ", "" }, { " \t ", "" }, { "a", "a" }, { " a b\t", "a b" }, { "\na ", "\na" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(str_is(str_trim(str_of(cases[i][0])), cases[i][1]), "\"%s\"", cases[i][0]);
    assert_int_equal(str_trim(STR_NONE).len, 0);
}

static void test_cut_visits_every_part(void **state)
{
    (void)state;
    static const struct {
        const char *text, *parts[4];
    } cases[] = {
        { "", { "" } }, { "a", { "a" } }, { "a,b", { "a", "b" } }, { ",", { "", "" } }, { "a,,b", { "a", "", "b" } },
        { ",a,", { "", "a", "" } },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str rest = str_of(cases[i].text);
        size_t n = 0;
        for (; !str_is_none(rest); n++) {
            expect(n < 4 && cases[i].parts[n], "too many parts in \"%s\"", cases[i].text);
            expect(str_is(str_cut(&rest, ','), cases[i].parts[n]), "part %zu of \"%s\"", n, cases[i].text);
        }
        expect(n == 4 || !cases[i].parts[n], "too few parts in \"%s\"", cases[i].text);
    }
}

/* It may stop up to seven bytes early, never late. */
static void test_clean_span_ends_before_a_control_character(void **state)
{
    static const char bad[] = { 0, 1, '\t', '\n', '\r', 0x1f, 0x7f };
    char text[64];
    (void)state;
    for (size_t at = 0; at < sizeof text; at++)
        for (size_t i = 0; i < sizeof bad; i++) {
            memset(text, 'a', sizeof text);
            memset(text + at / 2, 0xe5, 4);
            text[at] = bad[i];
            size_t n = str_clean_span((struct str){ text, sizeof text });
            assert_true(n <= at && at - n < 8);
        }
    memset(text, '~', sizeof text);
    assert_int_equal(str_clean_span((struct str){ text, sizeof text }), sizeof text);
    assert_int_equal(str_clean_span((struct str){ text, 7 }), 0);
    assert_int_equal(str_clean_span(STR("")), 0);
}

static void test_to_i64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max;
        bool ok;
        int64_t want;
    } cases[] = {
        { "0", 0, 9, true, 0 },
        { "7", 0, 9, true, 7 },
        { "-7", -9, 9, true, -7 },
        { "007", 0, 9, true, 7 },
        { "-0", 0, 9, true, 0 },
        { "10", 0, 9, false, 0 },
        { "-1", 0, 9, false, 0 },
        { "", 0, 9, false, 0 },
        { "-", -9, 9, false, 0 },
        { "+1", 0, 9, false, 0 },
        { " 1", 0, 9, false, 0 },
        { "1 ", 0, 9, false, 0 },
        { "1.0", 0, 9, false, 0 },
        { "1e1", 0, 99, false, 0 },
        { "--1", -9, 9, false, 0 },
        { "\xEF\xBC\x91", 0, 9, false, 0 },
        { "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
        { "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
        { "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 },
        { "-9223372036854775809", INT64_MIN, INT64_MAX, false, 0 },
        { "99999999999999999999999999999999", INT64_MIN, INT64_MAX, false, 0 },
        { "00000000000000000000000000000001", 0, 9, true, 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t n = 0;
        bool ok = str_to_i64(str_of(cases[i].text), cases[i].min, cases[i].max, &n);
        expect(ok == cases[i].ok, "\"%s\"", cases[i].text);
        expect(n == cases[i].want, "\"%s\" gave %lld", cases[i].text, (long long)n);
    }
}

static void test_hash_depends_on_every_byte_and_the_length(void **state)
{
    (void)state;
    char text[40] = "a text of several words, and a tail";
    struct str whole = str_of(text);
    uint64_t hash = str_hash(whole);
    for (size_t i = 0; i < whole.len; i++) {
        text[i] ^= 1;
        assert_true(str_hash(whole) != hash);
        text[i] ^= 1;
        assert_true(str_hash(str_sub(whole, 0, i)) != hash);
    }
    assert_true(str_hash(whole) == hash);
    assert_true(str_hash((struct str){ "\0", 1 }) != str_hash(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eq), cmocka_unit_test(test_absent_is_not_empty), cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_trim), cmocka_unit_test(test_cut_visits_every_part), cmocka_unit_test(test_to_i64),
        cmocka_unit_test(test_clean_span_ends_before_a_control_character),
        cmocka_unit_test(test_hash_depends_on_every_byte_and_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
