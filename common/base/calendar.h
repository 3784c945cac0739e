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

/* The date of a day number, the other way round (by 400-year eras that begin on 1 March). */
static inline void day_date(int days, int *ret_year, int *ret_month, int *ret_day)
{
    int shifted = days + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int of_era = shifted - era * 146097;
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100);
    int march_month = (5 * of_year + 2) / 153;
    *ret_day = of_year - (153 * march_month + 2) / 5 + 1;
    *ret_month = march_month < 10 ? march_month + 3 : march_month - 9;
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

/* 0 = Sunday; day number >= -4 */
static inline int weekday(int days)
{
    return (days + 4) % 7;
}

#endif
