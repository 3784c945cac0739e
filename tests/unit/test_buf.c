#include "base/buf.h"

#include "unit.h"

static void test_appends(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_add(&b, STR("a"));
    buf_add(&b, STR_NONE);
    buf_addz(&b, "bc");
    buf_addc(&b, '-');
    buf_addf(&b, "%d/%s", 7, "x");
    assert_true(buf_ok(&b));
    assert_true(str_is(buf_str(&b), "abc-7/x"));
    buf_done(&b);
}

static void test_addi(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        const char *want;
    } cases[] = {
        { 0, "0" }, { 9, "9" }, { 10, "10" }, { -1, "-1" }, { -10, "-10" },
        { INT64_MAX, "9223372036854775807" }, { INT64_MIN, "-9223372036854775808" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf b;
        buf_init(&b, 100);
        buf_addi(&b, cases[i].n);
        expect(str_is(buf_str(&b), cases[i].want), "%s", cases[i].want);
        buf_done(&b);
    }
}

static void test_empty_is_empty_text(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_true(str_is(buf_str(&b), ""));
    assert_false(str_is_none(buf_str(&b)));
    assert_non_null(buf_reserve(&b, 0));
    buf_done(&b);
}

static void test_full_to_the_last_byte(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    buf_addf(&b, "%s", "1234");
    buf_addf(&b, "%s", "5678"); /* printf's NUL must not count */
    assert_true(buf_ok(&b));
    assert_true(str_is(buf_str(&b), "12345678"));
    buf_addc(&b, '9');
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 8);
    buf_done(&b);
}

static void test_failure_sticks(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    buf_addz(&b, "12345");
    buf_addz(&b, "1");
    buf_addf(&b, "%d", 1);
    buf_addi(&b, 1);
    assert_null(buf_reserve(&b, 1));
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 0);
    buf_clear(&b);
    buf_addz(&b, "1234");
    assert_true(buf_ok(&b));
    buf_done(&b);
}

static void test_nothing_fits_into_zero(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    buf_add(&b, STR(""));
    assert_true(buf_ok(&b));
    buf_addc(&b, 'x');
    assert_false(buf_ok(&b));
    buf_done(&b);
}

static void test_grows_and_keeps(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    for (int i = 0; i < 10000; i++) buf_addf(&b, "%04d", i);
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 40000);
    assert_memory_equal(b.data + 39996, "9999", 4);
    assert_memory_equal(b.data, "00000001", 8);
    char *to = buf_reserve(&b, 60000);
    memset(to, 'x', 60000);
    buf_grown(&b, 60000);
    assert_null(buf_reserve(&b, 1));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends), cmocka_unit_test(test_addi), cmocka_unit_test(test_empty_is_empty_text),
        cmocka_unit_test(test_full_to_the_last_byte), cmocka_unit_test(test_failure_sticks),
        cmocka_unit_test(test_nothing_fits_into_zero), cmocka_unit_test(test_grows_and_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
