#include "../../gateway/budget.h"

#include "unit.h"

enum { MS = 1000, SECOND = 1000 * MS };

static const struct budget_settings usual = { .window_ms = 10000, .percent = 20, .per_second = 1 };
static const uint64_t start = 1000 * (uint64_t)SECOND;

static void requests(struct budget *b, uint64_t now, int count)
{
    for (int i = 0; i < count; i++) budget_request(b, now);
}

static int retries(struct budget *b, uint64_t now)
{
    int n = 0;
    while (n < 100000 && budget_retry(b, now)) n++;
    return n;
}

static void test_retries_are_a_share_of_requests(void **state)
{
    (void)state;
    static const struct { int percent, per_second, window_ms, requests, retries; } cases[] = {
        { 20, 0, 10000, 0, 0 },    { 20, 0, 10000, 4, 0 },    { 20, 0, 10000, 5, 1 },   { 20, 0, 10000, 9, 1 },
        { 20, 0, 10000, 10, 2 },   { 20, 0, 10000, 5000, 1000 }, { 20, 1, 10000, 0, 10 }, { 20, 3, 10000, 100, 50 },
        { 20, 3, 1000, 0, 3 },     { 0, 0, 10000, 1000, 0 },  { 0, 1, 10000, 1000, 10 }, { 100, 0, 10000, 7, 7 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct budget_settings s = { cases[i].window_ms, cases[i].percent, cases[i].per_second };
        struct budget b;
        budget_init(&b, &s);
        requests(&b, start, cases[i].requests);
        assert_int_equal(budget_left(&b, start), cases[i].retries);
        int n = retries(&b, start);
        expect(n == cases[i].retries, "case %zu: %d", i, n);
        assert_int_equal(budget_left(&b, start), 0);
        assert_int_equal(b.refused, 1);
    }
}

static void test_the_usual_budget(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, &usual);
    requests(&b, start, 1000);
    assert_int_equal(retries(&b, start), 200 + 10);
}

static void test_requests_and_retries_are_forgotten(void **state)
{
    (void)state;
    const struct budget_settings s = { 10000, 20, 0 };
    struct budget b;
    budget_init(&b, &s);
    requests(&b, start, 100);
    assert_int_equal(budget_left(&b, start + 9 * (uint64_t)SECOND), 20);
    assert_int_equal(budget_left(&b, start + 10 * (uint64_t)SECOND), 0); /* of before the window: nothing */
    requests(&b, start + 20 * (uint64_t)SECOND, 100);
    assert_int_equal(retries(&b, start + 20 * (uint64_t)SECOND), 20);
    requests(&b, start + 25 * (uint64_t)SECOND, 100);
    assert_int_equal(retries(&b, start + 25 * (uint64_t)SECOND), 20); /* those spent are spent */
    assert_int_equal(budget_left(&b, start + 30 * (uint64_t)SECOND), 0);
    requests(&b, start + 34 * (uint64_t)SECOND, 5);
    assert_int_equal(retries(&b, start + 34 * (uint64_t)SECOND), 1);
}

/* Everything fails for a minute at 1,000 requests a second and is retried if it may be. */
static void test_an_outage_adds_a_fifth(void **state)
{
    (void)state;
    struct budget b;
    int sent = 0;
    budget_init(&b, &usual);
    for (int i = 0; i < 60000; i++) {
        budget_request(&b, start + (uint64_t)i * MS);
        while (budget_retry(&b, start + (uint64_t)i * MS)) sent++;
    }
    expect(sent > 11900 && sent <= 12000 + 70, "%d", sent);
}

static void test_backoff_is_between_nothing_and_its_ceiling(void **state)
{
    (void)state;
    static const struct { int attempt, base, cap, ceiling; } cases[] = {
        { 1, 50, 1000, 50 },    { 2, 50, 1000, 100 },   { 3, 50, 1000, 200 },   { 5, 50, 1000, 800 },
        { 6, 50, 1000, 1000 },  { 500, 50, 1000, 1000 }, { 1, 50, 20, 20 },     { 0, 50, 1000, 50 },
        { 1, 0, 1000, 0 },      { 1000000, 0, 1000, 0 }, { 3, 50, 0, 0 },       { 40, 1, INT32_MAX, INT32_MAX },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t lowest = INT32_MAX, highest = -1, sum = 0;
        for (int n = 0; n < 20000; n++) {
            int ms = backoff_ms(cases[i].attempt, cases[i].base, cases[i].cap, unit_random());
            if (ms < lowest) lowest = ms;
            if (ms > highest) highest = ms;
            sum += ms;
        }
        int64_t ceiling = cases[i].ceiling, mean = sum / 20000, slack = ceiling / 50 + 1;
        expect(lowest >= 0 && highest <= ceiling, "case %zu: %d to %d", i, (int)lowest, (int)highest);
        expect(lowest <= slack && highest >= ceiling - slack, "case %zu: %d to %d", i, (int)lowest, (int)highest);
        expect(mean >= ceiling / 2 - slack && mean <= ceiling / 2 + slack, "case %zu: %d on average", i, (int)mean);
    }
}

/* --- the window under breaker and budget ------------------------------------------------------------------------------- */

static void test_other_settings_keep_what_was_counted(void **state)
{
    (void)state;
    const struct budget_settings half = { 10000, 50, 0 }, shorter = { 5000, 50, 0 };
    struct budget b;
    budget_init(&b, &usual);
    requests(&b, start, 100);
    assert_int_equal(budget_left(&b, start), 20 + 10);
    budget_set(&b, &half);
    assert_int_equal(budget_left(&b, start), 50);
    assert_int_equal(retries(&b, start), 50);
    assert_int_equal(b.granted, 50);
    budget_set(&b, &shorter); /* another window: nothing is in it */
    assert_int_equal(budget_left(&b, start), 0);
    requests(&b, start, 10);
    assert_int_equal(budget_left(&b, start), 5);
}

static void test_window_forgets_by_parts(void **state)
{
    (void)state;
    static const struct { int width_ms, at_ms, then_ms; uint32_t sum; } cases[] = {
        { 10000, 0, 0, 1 },        { 10000, 0, 9999, 1 },    { 10000, 0, 10000, 0 },  { 10000, 999, 9999, 1 },
        { 10000, 999, 10000, 0 },  { 10000, 1000, 10999, 1 }, { 10000, 1000, 11000, 0 }, { 10000, 5000, 900000, 0 },
        { 1000, 0, 999, 1 },       { 1000, 0, 1000, 0 },     { 0, 0, 9, 1 },          { 0, 0, 10, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct window w;
        window_init(&w, cases[i].width_ms);
        window_add(&w, start + (uint64_t)cases[i].at_ms * MS, 1);
        uint64_t then = start + (uint64_t)cases[i].then_ms * MS;
        expect(window_sum(&w, then, 1) == cases[i].sum, "case %zu", i);
        assert_int_equal(window_sum(&w, then, 0), 0);
    }
}

/* Against a list of all that was added. */
static void test_window_sums_what_it_holds(void **state)
{
    (void)state;
    enum { ADDED = 5000 };
    static uint64_t at[ADDED];
    struct window w;
    window_init(&w, 1000);
    uint64_t now = start;
    for (int i = 0; i < ADDED; i++) {
        now += unit_random() % 10 ? unit_random() % (20 * MS) : unit_random() % (400 * MS);
        at[i] = now;
        window_add(&w, now, 2);
        uint32_t want = 0;
        for (int k = i; k >= 0 && at[k] / (100 * MS) + WINDOW_PARTS > now / (100 * MS); k--) want++;
        expect(window_sum(&w, now, 2) == want, "after %d", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retries_are_a_share_of_requests),
        cmocka_unit_test(test_the_usual_budget),
        cmocka_unit_test(test_requests_and_retries_are_forgotten),
        cmocka_unit_test(test_an_outage_adds_a_fifth),
        cmocka_unit_test(test_backoff_is_between_nothing_and_its_ceiling),
        cmocka_unit_test(test_other_settings_keep_what_was_counted),
        cmocka_unit_test(test_window_forgets_by_parts),
        cmocka_unit_test(test_window_sums_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
