#include "base/clock.h"

#include "base/calendar.h"

#include <stdio.h>
#include <time.h>

enum { SECOND_US = 1000000 };

static int64_t now_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

uint64_t clock_us(void)
{
    return (uint64_t)now_us(CLOCK_MONOTONIC);
}

int64_t clock_unix_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000;
}

/* The second is formatted once, for all that a thread says in it. */
struct str clock_now_text(char out[CLOCK_TEXT])
{
    static _Thread_local time_t second = -1;
    static _Thread_local char text[CLOCK_TEXT];
    int64_t ms = clock_unix_ms();
    if (ms / 1000 != second) {
        struct tm tm;
        second = ms / 1000;
        gmtime_r(&second, &tm);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    const int rest = (int)(ms % 1000);
    const char tail[] = { '.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10), (char)('0' + rest % 10), 'Z' };
    size_t n = strlen(text);
    memcpy(out, text, n);
    memcpy(out + n, tail, sizeof tail);
    return (struct str){ out, n + sizeof tail };
}

/* --- reading: each take_x cuts its part off the front of `s`, or says that it is not there ------------------------ */

static bool take_one_of(struct str *s, const char *set)
{
    if (s->len == 0 || s->p[0] == 0 || !strchr(set, s->p[0])) return false;
    *s = str_sub(*s, 1, s->len);
    return true;
}

static bool take_number(struct str *s, size_t digits, int min, int max, int *ret)
{
    int n = 0;
    if (s->len < digits) return false;
    for (size_t i = 0; i < digits; i++) {
        if (s->p[i] < '0' || s->p[i] > '9') return false;
        n = n * 10 + (s->p[i] - '0');
    }
    *s = str_sub(*s, digits, s->len);
    *ret = n;
    return n >= min && n <= max;
}

static bool take_date(struct str *s, int *ret_days)
{
    int year, month, day;
    if (!take_number(s, 4, 1900, 9999, &year) || !take_one_of(s, "-")) return false;
    if (!take_number(s, 2, 1, 12, &month) || !take_one_of(s, "-")) return false;
    if (!take_number(s, 2, 1, days_in_month(year, month), &day)) return false;
    *ret_days = day_number(year, month, day);
    return true;
}

static bool take_hour_minute(struct str *s, int *ret_minutes)
{
    int hour, minute;
    if (!take_number(s, 2, 0, 23, &hour) || !take_one_of(s, ":") || !take_number(s, 2, 0, 59, &minute)) return false;
    *ret_minutes = hour * 60 + minute;
    return true;
}

static bool take_time(struct str *s, int *ret_seconds)
{
    int minutes, second;
    if (!take_hour_minute(s, &minutes) || !take_one_of(s, ":") || !take_number(s, 2, 0, 59, &second)) return false;
    *ret_seconds = minutes * 60 + second;
    return true;
}

/* Optional: ".5". What is finer than a microsecond is cut off. */
static bool take_fraction(struct str *s, int *ret_us)
{
    int us = 0, unit = SECOND_US / 10, digit;
    bool point = take_one_of(s, "."), some = false;
    for (; point && take_number(s, 1, 0, 9, &digit); some = true, unit /= 10) us += digit * unit;
    *ret_us = us;
    return point == some;
}

/* "Z" or "+08:00" */
static bool take_offset(struct str *s, int *ret_minutes)
{
    *ret_minutes = 0;
    if (take_one_of(s, "Zz")) return true;
    bool west = s->len && s->p[0] == '-';
    if (!take_one_of(s, "+-") || !take_hour_minute(s, ret_minutes)) return false;
    if (west) *ret_minutes = -*ret_minutes;
    return true;
}

bool time_read(const struct zone *z, struct str s, int64_t *ret_us)
{
    int days, seconds, fraction, offset;
    if (!take_date(&s, &days)) return false;
    bool blank = s.len && s.p[0] == ' ';
    if (!take_one_of(&s, " Tt") || !take_time(&s, &seconds)) return false;
    int64_t wall = (int64_t)days * DAY_S + seconds, instant;
    if (s.len == 0) {
        if (!blank || !zone_instant(z, wall, &instant)) return false;
        *ret_us = instant * SECOND_US;
        return true;
    }
    if (!take_fraction(&s, &fraction) || !take_offset(&s, &offset) || s.len) return false;
    *ret_us = (wall - (int64_t)offset * 60) * SECOND_US + fraction;
    return true;
}

bool date_read(struct str s, int *ret_days)
{
    return take_date(&s, ret_days) && s.len == 0;
}

struct str time_sql(struct arena *a, int64_t us)
{
    int64_t fraction = us % SECOND_US;
    if (fraction < 0) fraction += SECOND_US;
    time_t second = (time_t)((us - fraction) / SECOND_US);
    struct tm tm;
    char text[32], tail[16] = "";
    gmtime_r(&second, &tm);
    strftime(text, sizeof text, "%F %T", &tm);
    if (fraction) snprintf(tail, sizeof tail, ".%06d", (int)fraction);
    return arena_printf(a, "%s%s+00", text, tail);
}

static void put_number(char *to, int n, int digits)
{
    for (int i = digits; i--; n /= 10) to[i] = (char)('0' + n % 10);
}

void time_write(const struct zone *z, int64_t unix_s, char out[TIME_LEN + 1])
{
    int64_t wall = unix_s + zone_offset(z, unix_s);
    int days = (int)(wall / DAY_S - (wall % DAY_S < 0)), second = (int)(wall - (int64_t)days * DAY_S);
    int year, month, day;
    day_date(days, &year, &month, &day);
    memcpy(out, "0000-00-00 00:00:00", TIME_LEN + 1);
    put_number(out, year, 4);
    put_number(out + 5, month, 2);
    put_number(out + 8, day, 2);
    put_number(out + 11, second / 3600, 2);
    put_number(out + 14, second / 60 % 60, 2);
    put_number(out + 17, second % 60, 2);
}
