/* calendar: day numbers of the Gregorian calendar, 0 = 1970-01-01 (a Thursday). */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

enum { DAY_S = 86400 };

static inline bool year_is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static inline int days_in_month(int year, int month)
{
    static const signed char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return days[month - 1] + (month == 2 && year_is_leap(year));
}

/* year 1 .. 9999; month 1 .. 12; day 1 .. 31 */
static inline int day_number(int year, int month, int day)
{
    int past = year - 1, days = past * 365 + past / 4 - past / 100 + past / 400 - 719162;
    for (int m = 1; m < month; m++) days += days_in_month(year, m);
    return days + day - 1;
}

/* 0 = Sunday; day number >= -4 */
static inline int weekday(int days)
{
    return (days + 4) % 7;
}

#endif
