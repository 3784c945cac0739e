#include "unit.h"

#include "base/gcra.h"

enum { S = 1000000 };

static void test_rates_are_read(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        uint32_t capacity;
        uint64_t interval_us;
    } cases[] = {
        { "600/min", true, 600, 100000 }, { " 10/s ", true, 10, 100000 }, { "1000000/s", true, 1000000, 1 }, { "7/h", true, 7, 514285714 },
        { "", true, 0, 1 },               { "none", true, 0, 1 },         { "none/s", false, 0, 0 },
        { "600", false, 0, 0 },         { "0/min", false, 0, 0 },          { "-1/s", false, 0, 0 },
        { "1000001/s", false, 0, 0 },     { "10/day", false, 0, 0 },      { "/s", false, 0, 0 },             { "1.5/s", false, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rate r;
        assert_int_equal(rate_read(str_of(cases[i].text), &r), cases[i].is_good);
        if (!cases[i].is_good) continue;
        assert_int_equal(r.capacity, cases[i].capacity);
        assert_int_equal(r.interval_us, cases[i].interval_us);
    }
}

static void test_all_of_it_at_once_then_one_by_one(void **state)
{
    struct rate r = { 5, S };
    uint64_t paid = 0, now = 100 * S;
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(gcra_room(r, paid, now), 5 - i);
        gcra_take(r, &paid, now, 1);
    }
    assert_int_equal(gcra_room(r, paid, now), 0);
    assert_int_equal(gcra_wait_us(r, paid, now), S);
    assert_int_equal(gcra_room(r, paid, now + S - 1), 0);
    assert_int_equal(gcra_wait_us(r, paid, now + S - 1), 1);
    assert_int_equal(gcra_room(r, paid, now + S), 1);
    assert_int_equal(gcra_wait_us(r, paid, now + S), 0);
    assert_int_equal(gcra_room(r, paid, now + 1000 * S), 5);
}

/* In any stretch of time no more than the capacity and what has come back in it. */
static void test_no_moment_lets_twice_the_limit_pass(void **state)
{
    struct rate r = { 10, S / 10 };
    uint64_t paid = 0;
    int passed[40] = { 0 }; /* by tenth of a second */
    (void)state;
    for (int step = 0; step < 40; step++)
        for (int i = 0; i < 20; i++) {
            uint64_t now = (uint64_t)(1000 + step) * (S / 10);
            if (!gcra_room(r, paid, now)) continue;
            gcra_take(r, &paid, now, 1);
            passed[step]++;
        }
    for (int from = 0; from < 40; from++)
        for (int to = from, sum = 0; to < 40; to++) assert_true((sum += passed[to]) <= 10 + to - from);
}

static void test_shares_of_a_rate_make_no_more_than_the_whole(void **state)
{
    (void)state;
    struct rate half = rate_share((struct rate){ 11, 100 }, 2), one = rate_share((struct rate){ 3, 100 }, 7);
    struct rate none = rate_share((struct rate){ 0, 1 }, 2);
    assert_true(half.capacity == 5 && half.interval_us == 200);
    assert_true(one.capacity == 1 && one.interval_us == 700);
    assert_int_equal(none.capacity, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_are_read),
        cmocka_unit_test(test_all_of_it_at_once_then_one_by_one),
        cmocka_unit_test(test_no_moment_lets_twice_the_limit_pass),
        cmocka_unit_test(test_shares_of_a_rate_make_no_more_than_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
