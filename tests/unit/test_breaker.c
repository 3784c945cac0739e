#include "base/breaker.h"

#include "unit.h"

#include <string.h>

enum { MS = 1000, SECOND = 1000 * MS, SEED = 42, QUICK = 5 * MS, SLOWLY = 500 * MS };

static const struct breaker_settings settings = {
    .window_ms = 10000, .minimum = 10, .error_percent = 50, .slow_percent = 80, .slow_ms = 200,
    .open_ms = 1000, .open_max_ms = 8000, .probes = 3, .probe_ms = 5000,
};
static const uint64_t start = 1000 * (uint64_t)SECOND;

static struct breaker fresh(const struct breaker_settings *s)
{
    struct breaker b;
    breaker_init(&b, s, SEED);
    return b;
}

/* Admits and reports. false: refused. */
static bool pass(struct breaker *b, uint64_t now, enum breaker_outcome outcome, uint64_t took)
{
    struct breaker_pass p = breaker_admit(b, now);
    breaker_report(b, now + took, &p, outcome, took);
    return p.allowed;
}

/* A breaker that has just tripped at `now`. */
static void trip(struct breaker *b, uint64_t now)
{
    for (int i = 0; i < settings.minimum; i++) pass(b, now, BREAKER_FAILED, 0);
    assert_int_equal(breaker_state(b, now), BREAKER_OPEN);
}

/* When it would let a probe through. */
static uint64_t end_of(struct breaker *b, uint64_t now)
{
    struct breaker_pass p = breaker_admit(b, now);
    assert_false(p.allowed);
    return now + (uint64_t)p.retry_ms * MS;
}

/* g: good, f: failed, s: good but slow, F: failed and slow, u: unknown; one outcome each `gap_ms`. */
static void test_trips_on_ratio_and_volume(void **state)
{
    (void)state;
    static const struct {
        const char *outcomes;
        int gap_ms, error_percent, slow_percent;
        bool trips;
    } cases[] = {
        { "ffffffffff", 1, 50, 80, true },
        { "fffffffff", 1, 50, 80, false },           /* too few */
        { "fffffffffg", 1, 50, 80, true },           /* a success can be the one that is enough to judge */
        { "gggggfffff", 1, 50, 80, true },           /* exactly the share */
        { "ggggggffff", 1, 50, 80, false },
        { "ggggggffff", 1, 40, 80, true },
        { "gggggggggggggggggggg", 1, 50, 80, false },
        { "ssssssssgg", 1, 50, 80, true },
        { "sssssssggg", 1, 50, 80, false },
        { "gggggggggggggggggggggggggggggggggggggggfffff", 1, 50, 80, false },
        { "FFFFgggggg", 1, 50, 40, true },           /* failed and slow counts as both */
        { "ffffffffff", 1, 0, 80, false },           /* not watched */
        { "ssssssssss", 1, 50, 0, false },
        { "uuuuuuuuuuuuuuu", 1, 50, 80, false },     /* neither failures ... */
        { "fffffuuuuu", 1, 50, 80, false },          /* ... nor volume */
        { "fffffuuuuufffff", 1, 50, 80, true },
        { "ffffffffff", 900, 50, 80, true },         /* all within the window */
        { "ffffffffffffffffffff", 1200, 50, 80, false }, /* never ten within it */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct breaker_settings s = settings;
        s.error_percent = cases[i].error_percent;
        s.slow_percent = cases[i].slow_percent;
        struct breaker b = fresh(&s);
        uint64_t now = start;
        for (const char *o = cases[i].outcomes; *o; o++, now += (uint64_t)cases[i].gap_ms * MS) {
            struct breaker_pass p = breaker_admit(&b, now);
            enum breaker_outcome outcome = *o == 'f' || *o == 'F' ? BREAKER_FAILED : *o == 'u' ? BREAKER_UNKNOWN : BREAKER_GOOD;
            breaker_report(&b, now, &p, outcome, *o == 's' || *o == 'F' ? SLOWLY : QUICK);
        }
        expect((b.state == BREAKER_OPEN) == cases[i].trips, "case %zu: %s", i, cases[i].outcomes);
        assert_int_equal(b.trips, cases[i].trips);
    }
}

static void test_the_window_slides(void **state)
{
    (void)state;
    struct breaker b = fresh(&settings);
    for (int i = 0; i < 9; i++) pass(&b, start, BREAKER_FAILED, 0);
    assert_true(pass(&b, start + 10 * (uint64_t)SECOND, BREAKER_FAILED, 0)); /* the nine are forgotten */
    assert_int_equal(breaker_state(&b, start + 10 * (uint64_t)SECOND), BREAKER_CLOSED);
    for (int i = 0; i < 9; i++) pass(&b, start + 18 * (uint64_t)SECOND, BREAKER_FAILED, 0); /* the tenth is not yet */
    assert_int_equal(breaker_state(&b, start + 18 * (uint64_t)SECOND), BREAKER_OPEN);
}

static void test_open_refuses_until_its_time(void **state)
{
    (void)state;
    struct breaker b = fresh(&settings);
    trip(&b, start);
    struct breaker_pass p = breaker_admit(&b, start);
    assert_false(p.allowed);
    assert_in_range(p.retry_ms, 750, 1000);
    uint64_t end = b.until_us;
    assert_int_equal(p.retry_ms, (end - start + MS - 1) / MS);
    p = breaker_admit(&b, end - 100 * MS);
    assert_false(p.allowed);
    assert_int_equal(p.retry_ms, 100);
    assert_int_equal(breaker_admit(&b, end - MS - 1).retry_ms, 2); /* rounded up: never before its time */
    assert_int_equal(breaker_state(&b, end - 1), BREAKER_OPEN);
    assert_int_equal(breaker_state(&b, end), BREAKER_HALF_OPEN);
    assert_int_equal(b.refused, 3);
    assert_true(breaker_admit(&b, end).allowed);
}

static void test_half_open_admits_few_at_once(void **state)
{
    (void)state;
    struct breaker b = fresh(&settings);
    trip(&b, start);
    uint64_t now = end_of(&b, start);
    struct breaker_pass probes[3];
    for (int i = 0; i < 3; i++) assert_true((probes[i] = breaker_admit(&b, now)).allowed);
    struct breaker_pass refused = breaker_admit(&b, now);
    assert_false(refused.allowed);
    assert_int_equal(refused.retry_ms, settings.open_ms);
    breaker_report(&b, now, &refused, BREAKER_FAILED, 0); /* says nothing */
    breaker_report(&b, now, &probes[1], BREAKER_GOOD, QUICK);
    assert_true(breaker_admit(&b, now).allowed); /* one place is free again, and only one */
    assert_false(breaker_admit(&b, now).allowed);
    assert_int_equal(breaker_state(&b, now), BREAKER_HALF_OPEN);
}

/* Outcomes of probes, one after the other: g, f, s, u as above. */
static void test_probes_decide(void **state)
{
    (void)state;
    static const struct {
        const char *outcomes;
        int slow_percent;
        enum breaker_state then;
    } cases[] = {
        { "g", 80, BREAKER_HALF_OPEN },     { "gg", 80, BREAKER_HALF_OPEN }, { "ggg", 80, BREAKER_CLOSED },
        { "f", 80, BREAKER_OPEN },          { "ggf", 80, BREAKER_OPEN },     { "s", 80, BREAKER_OPEN },
        { "sss", 0, BREAKER_CLOSED },       { "gug", 80, BREAKER_HALF_OPEN }, { "uuuuuuu", 80, BREAKER_HALF_OPEN },
        { "gugg", 80, BREAKER_CLOSED },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct breaker_settings s = settings;
        s.slow_percent = cases[i].slow_percent;
        struct breaker b = fresh(&s);
        trip(&b, start);
        uint64_t now = end_of(&b, start);
        for (const char *o = cases[i].outcomes; *o; o++) {
            enum breaker_outcome outcome = *o == 'f' ? BREAKER_FAILED : *o == 'u' ? BREAKER_UNKNOWN : BREAKER_GOOD;
            expect(pass(&b, now, outcome, *o == 's' ? SLOWLY : QUICK), "case %zu", i);
        }
        expect(breaker_state(&b, now) == cases[i].then, "%s: %s", cases[i].outcomes, breaker_state_name(b.state));
    }
}

static void test_open_time_doubles_up_to_a_maximum(void **state)
{
    (void)state;
    static const int want_ms[] = { 1000, 2000, 4000, 8000, 8000, 8000 };
    struct breaker b = fresh(&settings);
    uint64_t now = start, end;
    trip(&b, now);
    for (size_t i = 0; i < COUNT(want_ms); i++, now = end) {
        end = end_of(&b, now);
        int ms = (int)((end - now) / MS);
        expect(ms <= want_ms[i] && ms >= want_ms[i] * 3 / 4, "trip %zu: %d ms", i + 1, ms);
        assert_true(pass(&b, end, BREAKER_FAILED, 0));
    }
    assert_int_equal(b.trips, COUNT(want_ms) + 1);
}

/* Closing alone does not make it forget: closed for open_max_ms does. */
static void test_a_long_good_time_forgets_the_trips(void **state)
{
    (void)state;
    static const struct { int closed_ms, open_ms; } cases[] = { { 10, 2000 }, { 7999, 2000 }, { 8000, 1000 }, { 60000, 1000 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct breaker b = fresh(&settings);
        trip(&b, start);
        uint64_t now = end_of(&b, start);
        for (int n = 0; n < 3; n++) pass(&b, now, BREAKER_GOOD, 0);
        assert_int_equal(breaker_state(&b, now), BREAKER_CLOSED);
        now += (uint64_t)cases[i].closed_ms * MS;
        trip(&b, now);
        int ms = (int)((end_of(&b, now) - now) / MS);
        expect(ms <= cases[i].open_ms && ms >= cases[i].open_ms * 3 / 4, "closed %d ms: %d ms", cases[i].closed_ms, ms);
    }
}

static void test_seeds_spread_the_times(void **state)
{
    (void)state;
    int lowest = 1000, highest = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct breaker b;
        breaker_init(&b, &settings, unit_random());
        trip(&b, start);
        int ms = breaker_admit(&b, start).retry_ms;
        expect(ms >= 750 && ms <= 1000, "%d", ms);
        if (ms < lowest) lowest = ms;
        if (ms > highest) highest = ms;
    }
    assert_true(lowest < 775 && highest > 975);
}

/* What began in one state is no evidence in the next. */
static void test_late_reports_change_nothing(void **state)
{
    (void)state;
    struct breaker b = fresh(&settings);
    struct breaker_pass old[20];
    for (int i = 0; i < 20; i++) old[i] = breaker_admit(&b, start);
    trip(&b, start);
    uint64_t until = b.until_us;
    for (int i = 0; i < 5; i++) breaker_report(&b, start + MS, &old[i], BREAKER_FAILED, MS); /* open */
    assert_int_equal(b.trips, 1);
    assert_int_equal(b.until_us, until);

    uint64_t now = end_of(&b, start);
    struct breaker_pass probe = breaker_admit(&b, now);
    for (int i = 5; i < 10; i++) breaker_report(&b, now, &old[i], i % 2 ? BREAKER_FAILED : BREAKER_GOOD, now - start); /* half-open */
    assert_int_equal(breaker_state(&b, now), BREAKER_HALF_OPEN);
    breaker_report(&b, now, &probe, BREAKER_GOOD, 0);
    struct breaker_pass lost = breaker_admit(&b, now);
    for (int i = 0; i < 2; i++) pass(&b, now, BREAKER_GOOD, 0);
    assert_int_equal(breaker_state(&b, now), BREAKER_CLOSED);

    breaker_report(&b, now, &lost, BREAKER_FAILED, 0); /* closed: neither probes of before ... */
    for (int i = 10; i < 20; i++) breaker_report(&b, now, &old[i], BREAKER_FAILED, now - start); /* ... nor requests */
    assert_int_equal(breaker_state(&b, now), BREAKER_CLOSED);
    assert_int_equal(window_sum(&b.window, now, 0), 0);
}

static void test_closing_begins_with_an_empty_window(void **state)
{
    (void)state;
    struct breaker b = fresh(&settings);
    trip(&b, start);
    uint64_t now = end_of(&b, start);
    for (int i = 0; i < 3; i++) pass(&b, now, BREAKER_GOOD, 0);
    for (int i = 0; i < 9; i++) pass(&b, now, BREAKER_FAILED, 0);
    assert_int_equal(breaker_state(&b, now), BREAKER_CLOSED);
    pass(&b, now, BREAKER_FAILED, 0);
    assert_int_equal(breaker_state(&b, now), BREAKER_OPEN);
}

static void test_a_silent_probe_is_forgiven(void **state)
{
    (void)state;
    struct breaker b = fresh(&settings);
    trip(&b, start);
    uint64_t now = end_of(&b, start);
    struct breaker_pass silent[3];
    for (int i = 0; i < 3; i++) silent[i] = breaker_admit(&b, now);
    struct breaker_pass p = breaker_admit(&b, now + 4500 * MS);
    assert_false(p.allowed);
    assert_int_equal(p.retry_ms, 500);
    now += 5000 * MS;
    struct breaker_pass probes[3];
    for (int i = 0; i < 3; i++) assert_true((probes[i] = breaker_admit(&b, now)).allowed);
    for (int i = 0; i < 3; i++) breaker_report(&b, now, &silent[i], BREAKER_FAILED, 0); /* others have their places */
    assert_int_equal(breaker_state(&b, now), BREAKER_HALF_OPEN);
    assert_false(breaker_admit(&b, now).allowed);
    for (int i = 0; i < 3; i++) breaker_report(&b, now, &probes[i], BREAKER_GOOD, 0);
    assert_int_equal(breaker_state(&b, now), BREAKER_CLOSED);
}

static void test_a_report_counts_once(void **state)
{
    (void)state;
    struct breaker b = fresh(&settings);
    trip(&b, start);
    uint64_t now = end_of(&b, start);
    struct breaker_pass p = breaker_admit(&b, now);
    for (int i = 0; i < 5; i++) breaker_report(&b, now, &p, BREAKER_GOOD, 0);
    assert_int_equal(breaker_state(&b, now), BREAKER_HALF_OPEN);
}

/* Opened again, it owes nothing to the probes of before: neither their successes nor their places. */
static void test_every_half_open_time_begins_anew(void **state)
{
    (void)state;
    struct breaker b = fresh(&settings);
    trip(&b, start);
    uint64_t now = end_of(&b, start);
    for (int i = 0; i < 2; i++) pass(&b, now, BREAKER_GOOD, 0);
    for (int i = 0; i < 2; i++) assert_true(breaker_admit(&b, now).allowed); /* silent */
    pass(&b, now, BREAKER_FAILED, 0);
    now = end_of(&b, now);
    struct breaker_pass probes[3];
    for (int i = 0; i < 3; i++) assert_true((probes[i] = breaker_admit(&b, now)).allowed);
    for (int i = 0; i < 2; i++) breaker_report(&b, now, &probes[i], BREAKER_GOOD, 0);
    assert_int_equal(breaker_state(&b, now), BREAKER_HALF_OPEN);
    breaker_report(&b, now, &probes[2], BREAKER_GOOD, 0);
    assert_int_equal(breaker_state(&b, now), BREAKER_CLOSED);
}

static void test_state_names(void **state)
{
    (void)state;
    assert_string_equal(breaker_state_name(BREAKER_CLOSED), "closed");
    assert_string_equal(breaker_state_name(BREAKER_OPEN), "open");
    assert_string_equal(breaker_state_name(BREAKER_HALF_OPEN), "half_open");
}

static void test_other_settings_keep_the_state(void **state)
{
    (void)state;
    struct breaker_settings strict = settings, shorter = settings;
    strict.minimum = 5;
    shorter.window_ms = 5000;
    struct breaker b = fresh(&settings);
    for (int i = 0; i < 4; i++) pass(&b, start, BREAKER_FAILED, 0);
    breaker_set(&b, &strict); /* what was counted counts */
    pass(&b, start, BREAKER_FAILED, 0);
    assert_int_equal(breaker_state(&b, start), BREAKER_OPEN);
    breaker_set(&b, &shorter);
    assert_int_equal(breaker_state(&b, start), BREAKER_OPEN);
    struct breaker_pass probe = breaker_admit(&b, end_of(&b, start));
    assert_true(probe.allowed);
    b = fresh(&settings);
    for (int i = 0; i < 9; i++) pass(&b, start, BREAKER_FAILED, 0);
    breaker_set(&b, &shorter); /* another window: nothing is in it */
    pass(&b, start, BREAKER_FAILED, 0);
    assert_int_equal(breaker_state(&b, start), BREAKER_CLOSED);
}

/* With the usual settings: half of all requests fail for a minute, then none. Few get through, and it closes by itself. */
static void test_a_bad_minute(void **state)
{
    (void)state;
    static const struct breaker_settings usual = {
        .window_ms = 10000, .minimum = 20, .error_percent = 50, .slow_percent = 80, .slow_ms = 3000,
        .open_ms = 1000, .open_max_ms = 30000, .probes = 3, .probe_ms = 10000,
    };
    struct breaker b = fresh(&usual);
    int failed = 0, refused = 0;
    for (int i = 0; i < 60000; i++) {
        bool bad = unit_random() % 2;
        bool admitted = pass(&b, start + (uint64_t)i * MS, bad ? BREAKER_FAILED : BREAKER_GOOD, 0);
        failed += admitted && bad;
        refused += !admitted;
    }
    expect(failed < 1000 && refused > 50000, "%d failed, %d refused", failed, refused);
    int served = 0;
    for (int i = 0; i < 60000; i++) served += pass(&b, start + (uint64_t)(60000 + i) * MS, BREAKER_GOOD, 0);
    expect(served > 29000, "%d", served);
    assert_int_equal(breaker_state(&b, start + 120000 * (uint64_t)MS), BREAKER_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trips_on_ratio_and_volume),
        cmocka_unit_test(test_the_window_slides),
        cmocka_unit_test(test_open_refuses_until_its_time),
        cmocka_unit_test(test_half_open_admits_few_at_once),
        cmocka_unit_test(test_probes_decide),
        cmocka_unit_test(test_open_time_doubles_up_to_a_maximum),
        cmocka_unit_test(test_a_long_good_time_forgets_the_trips),
        cmocka_unit_test(test_seeds_spread_the_times),
        cmocka_unit_test(test_late_reports_change_nothing),
        cmocka_unit_test(test_closing_begins_with_an_empty_window),
        cmocka_unit_test(test_a_silent_probe_is_forgiven),
        cmocka_unit_test(test_a_report_counts_once),
        cmocka_unit_test(test_every_half_open_time_begins_anew),
        cmocka_unit_test(test_state_names),
        cmocka_unit_test(test_other_settings_keep_the_state),
        cmocka_unit_test(test_a_bad_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
