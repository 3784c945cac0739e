#include "base/calendar.h"
#include "base/clock.h"

#include "unit.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void test_clocks_move_forward(void **state)
{
    (void)state;
    uint64_t a = clock_us(), b = clock_us();
    assert_true(b >= a);
    int64_t ms = clock_unix_ms(), s = time(NULL);
    assert_true(ms / 1000 - s <= 1 && s - ms / 1000 <= 1);
}

static void test_read_wall_clock(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *text, *sql; /* sql NULL: refused */
    } cases[] = {
        { "Asia/Shanghai", "2023-01-01 10:00:00", "2023-01-01 02:00:00+00" },
        { "Asia/Shanghai", "2023-01-01 00:00:00", "2022-12-31 16:00:00+00" },
        { "Asia/Shanghai", "2024-02-29 23:59:59", "2024-02-29 15:59:59+00" },
        { "Asia/Shanghai", "1988-07-01 12:00:00", "1988-07-01 03:00:00+00" }, /* summer time of 1986-91 */
        { "Asia/Shanghai", "2999-07-01 12:00:00", "2999-07-01 04:00:00+00" },
        { "Asia/Shanghai", "1900-01-01 08:05:43", "1900-01-01 00:00:00+00" }, /* local mean time */
        { "UTC", "1970-01-01 00:00:00", "1970-01-01 00:00:00+00" },
        { "UTC", "9999-12-31 23:59:59", "9999-12-31 23:59:59+00" },
        { "Europe/Paris", "2023-07-01 12:00:00", "2023-07-01 10:00:00+00" },
        { "Europe/Paris", "2023-03-26 01:59:59", "2023-03-26 00:59:59+00" },
        { "Europe/Paris", "2023-03-26 02:00:00", NULL }, /* no clock showed these */
        { "Europe/Paris", "2023-03-26 02:30:00", NULL },
        { "Europe/Paris", "2023-03-26 03:00:00", "2023-03-26 01:00:00+00" },
        { "Europe/Paris", "2023-10-29 02:30:00", "2023-10-29 00:30:00+00" }, /* shown twice: the earlier one */
        { "Europe/Paris", "2150-07-01 12:00:00", "2150-07-01 10:00:00+00" }, /* by rule */
        { "Europe/Dublin", "2150-07-01 12:00:00", "2150-07-01 11:00:00+00" }, /* winter time is the exception there */
        { "America/New_York", "9999-07-01 12:00:00", "9999-07-01 16:00:00+00" },
        { "Australia/Sydney", "2150-01-01 12:00:00", "2150-01-01 01:00:00+00" },
        { "Asia/Kathmandu", "2023-01-01 00:00:00", "2022-12-31 18:15:00+00" },
        { "UTC", "1899-12-31 23:59:59", NULL },
        { "UTC", "2023-02-29 00:00:00", NULL },
        { "UTC", "1900-02-29 00:00:00", NULL },
        { "UTC", "2023-04-31 00:00:00", NULL },
        { "UTC", "2023-13-01 00:00:00", NULL },
        { "UTC", "2023-00-01 00:00:00", NULL },
        { "UTC", "2023-01-00 00:00:00", NULL },
        { "UTC", "2023-01-01 24:00:00", NULL },
        { "UTC", "2023-01-01 00:60:00", NULL },
        { "UTC", "2016-12-31 23:59:60", NULL }, /* a leap second that happened */
        { "UTC", "2023-01-01", NULL },
        { "UTC", "2023-01-01 00:00", NULL },
        { "UTC", "2023-1-1 00:00:00", NULL },
        { "UTC", "2023-01-01  00:00:00", NULL },
        { "UTC", "2023-01-01 00:00:00 ", NULL },
        { "UTC", " 2023-01-01 00:00:00", NULL },
        { "UTC", "2023-01-01 00:00:00.5", NULL },
        { "UTC", "2023/01/01 00:00:00", NULL },
        { "UTC", "-023-01-01 00:00:00", NULL },
        { "UTC", "2023-01-01 +1:00:00", NULL },
        { "UTC", "", NULL },
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t us;
        bool ok = time_read(zone_load(cases[i].zone), str_of(cases[i].text), &us);
        expect(ok == (cases[i].sql != NULL), "%s %s", cases[i].zone, cases[i].text);
        if (ok) expect(str_is(time_sql(&a, us), cases[i].sql), "%s: %s", cases[i].text, time_sql(&a, us).p);
    }
    arena_done(&a);
}

static void test_read_rfc3339(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sql;
    } cases[] = {
        { "2023-01-01T02:00:00Z", "2023-01-01 02:00:00+00" },
        { "2023-01-01t02:00:00z", "2023-01-01 02:00:00+00" },
        { "2023-01-01 02:00:00Z", "2023-01-01 02:00:00+00" },
        { "2023-01-01T02:00:00+08:00", "2022-12-31 18:00:00+00" },
        { "2023-01-01T02:00:00-00:30", "2023-01-01 02:30:00+00" },
        { "2023-01-01T02:00:00.5Z", "2023-01-01 02:00:00.500000+00" },
        { "2023-01-01T02:00:00.123456789Z", "2023-01-01 02:00:00.123456+00" },
        { "1969-12-31T23:59:59.25Z", "1969-12-31 23:59:59.250000+00" },
        { "9999-12-31T23:59:59-23:59", "10000-01-01 23:58:59+00" },
        { "2023-01-01T02:00:00", NULL }, /* whose clock? */
        { "2023-01-01T02:00:00.Z", NULL },
        { "2023-01-01T02:00:00,5Z", NULL },
        { "2023-01-01T02:00Z", NULL },
        { "2023-01-01T24:00:00Z", NULL },
        { "2016-12-31T23:59:60Z", NULL },
        { "2023-02-30T02:00:00Z", NULL },
        { "2023-01-01T02:00:00+0800", NULL },
        { "2023-01-01T02:00:00+08", NULL },
        { "2023-01-01T02:00:00+24:00", NULL },
        { "2023-01-01T02:00:00+08:60", NULL },
        { "2023-01-01T02:00:00ZZ", NULL },
        { "2023-01-01T02:00:00Z ", NULL },
        { "2023-01-01_02:00:00Z", NULL },
        { "20230101T020000Z", NULL },
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t us;
        bool ok = time_read(zone_load("Asia/Shanghai"), str_of(cases[i].text), &us);
        expect(ok == (cases[i].sql != NULL), "%s", cases[i].text);
        if (ok) expect(str_is(time_sql(&a, us), cases[i].sql), "%s: %s", cases[i].text, time_sql(&a, us).p);
    }
    int64_t us;
    assert_false(time_read(zone_load("UTC"), STR("2023-01-01\0" "02:00:00Z"), &us));
    arena_done(&a);
}

static void test_read_date(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int days;
    } cases[] = {
        { "1970-01-01", true, 0 },      { "1969-12-31", true, -1 },    { "2000-02-29", true, 11016 },
        { "1900-01-01", true, -25567 }, { "9999-12-31", true, 2932896 }, { "1899-12-31", false, 0 },
        { "2023-02-29", false, 0 },     { "2023-1-01", false, 0 },     { "2023-01-01 ", false, 0 },
        { "20230101", false, 0 },       { "", false, 0 },              { "10000-01-01", false, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int days = 0;
        bool ok = date_read(str_of(cases[i].text), &days);
        expect(ok == cases[i].ok && (!ok || days == cases[i].days), "%s: %d", cases[i].text, days);
    }
}

static void test_zone_names(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "", "Nowhere/Land", "../zoneinfo/UTC", "/usr/share/zoneinfo/UTC", "zone.tab", "Asia", "Asia/", "a\nb",
    };
    for (size_t i = 0; i < COUNT(unknown); i++) expect(!zone_load(unknown[i]), "\"%s\"", unknown[i]);
    assert_non_null(zone_load("Asia/Shanghai"));
    assert_ptr_equal(zone_load("Asia/Shanghai"), zone_load("Asia/Shanghai"));
}

static void test_midnight(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *date, *sql;
    } cases[] = {
        { "Asia/Shanghai", "2023-01-01", "2022-12-31 16:00:00+00" },
        { "UTC", "2023-01-01", "2023-01-01 00:00:00+00" },
        { "America/Sao_Paulo", "2018-11-04", "2018-11-04 03:00:00+00" }, /* began at 01:00 */
        { "America/Toronto", "1919-03-31", "1919-03-31 04:30:00+00" },  /* 23:30 the day before became 00:30 */
        { "America/Havana", "2023-11-05", "2023-11-05 04:00:00+00" },   /* 00:00 twice: the day starts at the first */
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int days = 0;
        assert_true(date_read(str_of(cases[i].date), &days));
        struct str sql = time_sql(&a, zone_midnight(zone_load(cases[i].zone), days));
        expect(str_is(sql, cases[i].sql), "%s %s: %s", cases[i].zone, cases[i].date, sql.p);
    }
    arena_done(&a);
}

/* The C library reads the same files with other code: it must show `wall` at the instant that we found. */
static void expect_agreement(const struct zone *z, const char *name, time_t t)
{
    struct tm tm;
    localtime_r(&t, &tm);
    int64_t wall = t + tm.tm_gmtoff, found = 0;
    expect(zone_instant(z, wall, &found), "%s at %lld", name, (long long)t);
    time_t again = found;
    localtime_r(&again, &tm);
    expect(found <= t && found + tm.tm_gmtoff == wall, "%s at %lld: %lld", name, (long long)t, (long long)found);
}

static void test_zones_agree_with_the_c_library(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Asia/Shanghai", "Asia/Tokyo", "Asia/Kolkata", "Asia/Urumqi", "Asia/Hong_Kong", "Asia/Gaza", "Asia/Jerusalem",
        "Europe/London", "Europe/Dublin", "Europe/Moscow", "Africa/Casablanca", "America/New_York", "America/Nuuk",
        "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Antarctica/Troll",
        "Etc/GMT+12",
    };
    time_t from = (time_t)day_number(1900, 1, 1) * DAY_S, to = (time_t)day_number(2500, 1, 1) * DAY_S;
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct zone *z = zone_load(names[i]);
        expect(z, "%s", names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        for (int n = 0; n < 5000; n++)
            expect_agreement(z, names[i], from + (time_t)(unit_random() % (uint64_t)(to - from)));
    }
    unsetenv("TZ");
}

static void test_calendar_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int year = 1; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            int last = days_in_month(year, month), days = day_number(year, month, last);
            struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = last };
            expect(timegm(&tm) == (time_t)days * DAY_S, "%d-%d", year, month);
            expect(tm.tm_mon == month - 1, "%d-%d", year, month);
            int y, m, d;
            day_date(days, &y, &m, &d);
            expect(y == year && m == month && d == last, "%d-%d-%d", y, m, d);
            day_date(days + 1, &y, &m, &d);
            expect(d == 1, "%d-%d-%d after %d-%d", y, m, d, year, month);
            if (year >= 1970) expect(weekday(days) == tm.tm_wday, "%d-%d", year, month);
        }
    }
}

static void test_write(void **state)
{
    (void)state;
    static const struct { const char *zone; int64_t unix_s; const char *want; } cases[] = {
        { "UTC", 0, "1970-01-01 00:00:00" },
        { "UTC", -1, "1969-12-31 23:59:59" },
        { "Asia/Shanghai", 1672538400, "2023-01-01 10:00:00" },
        { "Asia/Shanghai", 1709136000, "2024-02-29 00:00:00" },
        { "America/New_York", 1710054000, "2024-03-10 03:00:00" }, /* the clocks jump from 2:00 */
        { "America/New_York", 1710053999, "2024-03-10 01:59:59" },
        { "UTC", 253402300799, "9999-12-31 23:59:59" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[TIME_LEN + 1];
        time_write(zone_load(cases[i].zone), cases[i].unix_s, text);
        expect(!strcmp(text, cases[i].want), "%s, not %s", text, cases[i].want);
    }
}

static void test_now_is_text_that_is_read_again(void **state)
{
    (void)state;
    for (int i = 0; i < 1500; i++) { /* over the end of a second */
        char text[CLOCK_TEXT];
        int64_t before = clock_unix_ms(), us = 0;
        struct str now = clock_now_text(text);
        int64_t after = clock_unix_ms();
        assert_int_equal(now.len, 24);
        assert_true(time_read(NULL, now, &us));
        expect(us / 1000 >= before && us / 1000 <= after, "%.*s", STR_ARG(now));
        usleep(1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clocks_move_forward), cmocka_unit_test(test_read_wall_clock),
        cmocka_unit_test(test_read_rfc3339), cmocka_unit_test(test_read_date), cmocka_unit_test(test_zone_names),
        cmocka_unit_test(test_midnight), cmocka_unit_test(test_zones_agree_with_the_c_library),
        cmocka_unit_test(test_calendar_agrees_with_the_c_library), cmocka_unit_test(test_write),
        cmocka_unit_test(test_now_is_text_that_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
