/* calendar: the days of a Korean year as the electricity tariff and the demand profiles see them.
 *
 * Holidays are those of the Regulation on Public Holidays of Government Offices with its substitute days; temporary
 * holidays are not among them (KEPCO's tariff sheet excludes them). Lunar dates come from a table (see calendar.c). */
#ifndef SIL_PLAN_CALENDAR_H
#define SIL_PLAN_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "sillok.h"

enum { CALENDAR_FIRST = 2020, CALENDAR_LAST = 2040 };

enum calendar_kind { CALENDAR_WORKDAY, CALENDAR_SATURDAY, CALENDAR_HOLIDAY }; /* Sundays are holidays */

struct calendar {
    int year;
    int n_days;           /* 365 or 366 */
    uint8_t kind[366];    /* enum calendar_kind */
    uint8_t weekday[366]; /* 0 is Monday */
    uint8_t month[366];   /* 0..11 */
    uint8_t mday[366];    /* 1..31 */
};

/* Every day of a year. labour_day: 1 May counts as a public holiday from 2026 on (not law in the sources read).
 * SIL_ARG outside CALENDAR_FIRST..CALENDAR_LAST. */
sil_err calendar_fill(int year, bool labour_day, struct calendar *out, struct sil_error *e);

/* Takes 29 February out of a leap year, for weather years of 365 days; other years stay. */
void calendar_drop_leap_day(struct calendar *c);

/* Days from 1970-01-01 to a date of the Gregorian calendar; month 1..12, day 1..31, year 1..9999. */
int32_t calendar_days(int year, int month, int day);
bool calendar_leap(int year);

#endif
