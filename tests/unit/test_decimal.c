#include "base/decimal.h"

#include "unit.h"

static void test_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "0.00", true, 0 },
        { "-0.01", true, -1 },
        { "1", true, 100 },
        { "1.5", true, 150 },
        { "1.05", true, 105 },
        { "100.10", true, 10010 },
        { "-12.34", true, -1234 },
        { "9999999999999.99", true, MONEY_MAX },
        { "-9999999999999.99", true, -MONEY_MAX },
        { "9999999999999", true, INT64_C(999999999999900) },
        { "10000000000000", false, 0 },
        { "10000000000000.00", false, 0 },
        { "99999999999999999999999999", false, 0 },
        { "0.001", false, 0 },
        { "1.000", false, 0 },
        { "1e2", false, 0 },
        { "1E2", false, 0 },
        { "1.5e1", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "+1", false, 0 },
        { "--1", false, 0 },
        { "01", false, 0 },
        { "00", false, 0 },
        { "1.", false, 0 },
        { ".5", false, 0 },
        { "-.5", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "1,5", false, 0 },
        { "1.2.3", false, 0 },
        { "1.-5", false, 0 },
        { "0x10", false, 0 },
        { "NaN", false, 0 },
        { "Infinity", false, 0 },
        { "\xEF\xBC\x91", false, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t fen = 0;
        expect(money_read(str_of(cases[i].text), &fen) == cases[i].ok, "\"%s\"", cases[i].text);
        expect(fen == cases[i].want, "\"%s\" gave %lld", cases[i].text, (long long)fen);
    }
    int64_t fen;
    assert_false(money_read(STR_NONE, &fen));
    assert_false(money_read(STR("1\0"), &fen));
}

static void test_write(void **state)
{
    (void)state;
    static const struct {
        int64_t fen;
        const char *want;
    } cases[] = {
        { 0, "0.00" }, { 1, "0.01" }, { -1, "-0.01" }, { 10, "0.10" }, { 100, "1.00" }, { -12345, "-123.45" },
        { MONEY_MAX, "9999999999999.99" }, { -MONEY_MAX, "-9999999999999.99" },
        { INT64_MIN, "-92233720368547758.08" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf b;
        buf_init(&b, 100);
        money_write(&b, cases[i].fen);
        expect(str_is(buf_str(&b), cases[i].want), "%s", cases[i].want);
        buf_done(&b);
    }
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        int64_t thousandths, fen;
        bool ok;
        int64_t want;
    } cases[] = {
        { 1000, 12345, true, 12345 },
        { 0, MONEY_MAX, true, 0 },
        { 1, 499, true, 0 },    /* 0.499 fen */
        { 1, 500, true, 1 },    /* half goes up */
        { 1500, 1, true, 2 },
        { 1499, 1, true, 1 },
        { 2500, -1, true, -3 }, /* half goes away from zero */
        { 333, 100, true, 33 },
        { 1000, MONEY_MAX, true, MONEY_MAX },
        { 1001, MONEY_MAX, false, 0 },
        { INT64_MAX, INT64_MAX, false, 0 },
        { INT64_MAX, INT64_MIN, false, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t fen = 0;
        expect(money_times(cases[i].thousandths, cases[i].fen, &fen) == cases[i].ok, "case %zu", i);
        expect(fen == cases[i].want, "case %zu: %lld", i, (long long)fen);
    }
}

static void test_percent(void **state)
{
    (void)state;
    static const struct {
        int64_t fen, percent;
        bool ok;
        int64_t want;
    } cases[] = {
        { 10000, 1300, true, 1300 },
        { 100, 650, true, 7 }, /* 6.5 fen */
        { 100, 649, true, 6 },
        { -100, 650, true, -7 },
        { 12345, 10000, true, 12345 },
        { MONEY_MAX, 10000, true, MONEY_MAX },
        { MONEY_MAX, 10001, false, 0 },
        { MONEY_MAX, 0, true, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t fen = 0;
        expect(money_percent(cases[i].fen, cases[i].percent, &fen) == cases[i].ok, "case %zu", i);
        expect(fen == cases[i].want, "case %zu: %lld", i, (long long)fen);
    }
}

static void test_what_is_written_reads_back(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    for (int i = 0; i < 1000000; i++) {
        int64_t fen = (int64_t)(unit_random() % (uint64_t)(2 * MONEY_MAX + 1)) - MONEY_MAX, back = 0;
        if (i % 2) fen %= 100000;
        buf_clear(&b);
        money_write(&b, fen);
        expect(money_read(buf_str(&b), &back) && back == fen, "%lld", (long long)fen);
    }
    buf_done(&b);
}

/* Independent of the code under test: the nearest integer is found by looking at the remainder, not by adding half. */
static bool is_rounded(__int128 exact, int divisor, int64_t got)
{
    bool negative = exact < 0;
    __int128 size = negative ? -exact : exact;
    __int128 whole = size / divisor;
    if (size % divisor * 2 >= divisor) whole++;
    return got == (int64_t)(negative ? -whole : whole);
}

static bool too_big(__int128 exact, int divisor)
{
    __int128 size = exact < 0 ? -exact : exact;
    return size * 2 >= ((__int128)MONEY_MAX * 2 + 1) * divisor; /* from max + 0.5 on it rounds past max */
}

static void test_products_against_int128(void **state)
{
    (void)state;
    for (int i = 0; i < 1000000; i++) {
        int64_t fen = (int64_t)(unit_random() % (uint64_t)(2 * MONEY_MAX + 1)) - MONEY_MAX;
        int64_t factor = (int64_t)(unit_random() >> (1 + unit_random() % 62)), got;
        fen >>= unit_random() % 50;
        __int128 exact = (__int128)fen * factor;
        bool fits = money_times(factor, fen, &got);
        expect(fits != too_big(exact, 1000), "%lld * %lld", (long long)factor, (long long)fen);
        if (fits) expect(is_rounded(exact, 1000, got), "%lld * %lld", (long long)factor, (long long)fen);
        fits = money_percent(fen, factor, &got);
        expect(fits != too_big(exact, 10000), "%lld %% %lld", (long long)fen, (long long)factor);
        if (fits) expect(is_rounded(exact, 10000, got), "%lld %% %lld", (long long)fen, (long long)factor);
    }
}

static void test_quantities(void **state)
{
    (void)state;
    static const struct { const char *text, *written; int64_t thousandths; } cases[] = {
        { "0", "0.000", 0 }, { "1", "1.000", 1000 }, { "0.001", "0.001", 1 }, { "-0.5", "-0.500", -500 }, { "12.34", "12.340", 12340 },
        { "9999999999999.999", "9999999999999.999", INT64_C(9999999999999999) }, { "1.0001", NULL, 0 }, { "1e3", NULL, 0 },
        { "10000000000000", NULL, 0 }, { "1.", NULL, 0 }, { "", NULL, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t n = 0;
        struct buf b;
        bool ok = quantity_read(str_of(cases[i].text), &n);
        expect(ok == !!cases[i].written && n == cases[i].thousandths, "%s", cases[i].text);
        if (!ok) continue;
        buf_init(&b, 64);
        quantity_write(&b, n);
        expect(str_is(buf_str(&b), cases[i].written), "%s", cases[i].text);
        buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read), cmocka_unit_test(test_write), cmocka_unit_test(test_times),
        cmocka_unit_test(test_percent), cmocka_unit_test(test_what_is_written_reads_back),
        cmocka_unit_test(test_products_against_int128),
        cmocka_unit_test(test_quantities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
