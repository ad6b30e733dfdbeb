/* calendar: Korean public holidays 2020-2040.
 *
 * Rules: Act on Public Holidays (2021) and Regulation on Public Holidays of Government Offices, articles 2 and 3, with
 * the amendments of 2021-08 (national days), 2023-05 (Buddha's Birthday, Christmas) and 2026 (Constitution Day).
 * Lunar dates: first day of the first, eighth day of the fourth and fifteenth day of the eighth lunar month as computed
 * by the Korea Astronomy and Space Science Institute (KASI, lunar calendar tables up to 2050), compared with KASI's
 * published almanacs of 2025 and 2027. Election days: Public Official Election Act, article 34, for terms that run out
 * (elections for other reasons are temporary holidays). */
#include "plan/calendar.h"

#include <string.h>

#include "base/err.h"
#include "plan/var.h"

/* month * 100 + day, from CALENDAR_FIRST on */
static const struct {
    uint16_t seollal, buddha, chuseok;
} lunar[] = {
    {125, 430, 1001}, {212, 519, 921},  {201, 508, 910},  {122, 527, 929}, {210, 515, 917},  {129, 505, 1006},
    {217, 524, 925},  {207, 513, 915},  {127, 502, 1003}, {213, 520, 922}, {203, 509, 912},  {123, 528, 1001},
    {211, 516, 919},  {131, 506, 908},  {219, 525, 927},  {208, 515, 916}, {128, 503, 1004}, {215, 522, 924},
    {204, 511, 913},  {124, 430, 1002}, {212, 518, 921},
};

static const struct {
    uint16_t year, date;
} elections[] = {
    {2020, 415}, {2022, 309}, {2022, 601}, {2024, 410}, {2026, 603}, {2028, 412}, {2030, 327}, {2030, 612},
    {2032, 414}, {2034, 531}, {2035, 328}, {2036, 409}, {2038, 602}, {2040, 328}, {2040, 411},
};

static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

/* Which overlaps give a substitute day. */
enum { SUB_NONE = 0, SUB_SATURDAY = 1, SUB_SUNDAY = 2, SUB_OTHER = 4, SUB_ALL = 7 };

enum { HOLIDAYS_MAX = 32, SUNDAY = 6, SATURDAY = 5 };

struct days {
    const struct calendar *c;
    uint16_t day[HOLIDAYS_MAX]; /* of the year, from 0 */
    uint8_t sub[HOLIDAYS_MAX];
    uint32_t n;
    uint8_t count[366]; /* holidays other than Sundays on a day */
};

bool calendar_leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Counts in eras of 400 years that begin on 1 March, so that the leap day is the last of its year. */
int32_t calendar_days(int year, int month, int day) {
    int y = year - (month <= 2);
    int era = y / 400;
    int yoe = y - era * 400;
    int doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static uint16_t day_of(int year, int date) {
    return (uint16_t)(calendar_days(year, date / 100, date % 100) - calendar_days(year, 1, 1));
}

static void add(struct days *d, uint16_t day, int sub) {
    if (d->n == HOLIDAYS_MAX || day >= d->c->n_days) return;
    d->day[d->n] = day;
    d->sub[d->n++] = (uint8_t)sub;
    d->count[day]++;
}

static void add_holidays(struct days *d, int year, bool labour_day) {
    int i = year - CALENDAR_FIRST;
    /* The extension to national days began with Liberation Day 2021; Children's Day had all overlaps before. */
    int later = year >= 2022 ? SUB_ALL : SUB_NONE, autumn = year >= 2021 ? SUB_ALL : SUB_NONE;
    int mild = year >= 2023 ? SUB_ALL : SUB_NONE;
    uint16_t seollal = day_of(year, lunar[i].seollal), chuseok = day_of(year, lunar[i].chuseok);
    add(d, day_of(year, 101), SUB_NONE);
    for (int k = -1; k <= 1; k++) add(d, (uint16_t)(seollal + k), SUB_SUNDAY | SUB_OTHER);
    add(d, day_of(year, 301), later);
    if (labour_day && year >= 2026) add(d, day_of(year, 501), SUB_NONE);
    add(d, day_of(year, 505), SUB_ALL);
    add(d, day_of(year, lunar[i].buddha), mild);
    add(d, day_of(year, 606), SUB_NONE);
    if (year >= 2026) add(d, day_of(year, 717), SUB_ALL);
    add(d, day_of(year, 815), autumn);
    for (int k = -1; k <= 1; k++) add(d, (uint16_t)(chuseok + k), SUB_SUNDAY | SUB_OTHER);
    add(d, day_of(year, 1003), autumn);
    add(d, day_of(year, 1009), autumn);
    add(d, day_of(year, 1225), mild);
    for (size_t k = 0; k < PLAN_COUNT(elections); k++)
        if (elections[k].year == year) add(d, day_of(year, elections[k].date), SUB_NONE);
}

/* The first day after `day` that is no holiday, no Saturday and no Sunday. */
static void add_substitute(struct days *d, uint16_t day) {
    for (int k = day + 1; k < d->c->n_days; k++) {
        if (d->count[k] || d->c->weekday[k] >= SATURDAY) continue;
        add(d, (uint16_t)k, SUB_NONE);
        return;
    }
}

static void add_substitutes(struct days *d) {
    uint32_t n = d->n; /* substitutes have none themselves */
    bool clash_done[366] = {false};
    for (uint32_t i = 0; i < n; i++) {
        uint16_t day = d->day[i];
        int weekday = d->c->weekday[day];
        if (weekday == SATURDAY && (d->sub[i] & SUB_SATURDAY)) add_substitute(d, day);
        if (weekday == SUNDAY && (d->sub[i] & SUB_SUNDAY)) add_substitute(d, day);
        /* Two holidays on a working day lose one day, not two. */
        if (weekday < SATURDAY && d->count[day] > 1 && (d->sub[i] & SUB_OTHER) && !clash_done[day]) {
            clash_done[day] = true;
            add_substitute(d, day);
        }
    }
}

static void fill_dates(struct calendar *c) {
    int32_t first = calendar_days(c->year, 1, 1);
    int day = 0;
    for (int m = 0; m < 12; m++) {
        int n = month_days[m] + (m == 1 && calendar_leap(c->year));
        for (int k = 1; k <= n; k++, day++) {
            c->month[day] = (uint8_t)m;
            c->mday[day] = (uint8_t)k;
            c->weekday[day] = (uint8_t)((first + day + 3) % 7); /* 1970-01-01 was a Thursday */
        }
    }
    c->n_days = day;
}

sil_err calendar_fill(int year, bool labour_day, struct calendar *out, struct sil_error *e) {
    _Static_assert(PLAN_COUNT(lunar) == CALENDAR_LAST - CALENDAR_FIRST + 1, "a lunar row for each year");
    if (year < CALENDAR_FIRST || year > CALENDAR_LAST)
        return err_set(e, SIL_ARG, "year %d: the holiday table covers %d to %d", year, CALENDAR_FIRST, CALENDAR_LAST);
    *out = (struct calendar){.year = year};
    fill_dates(out);
    struct days d = {.c = out};
    add_holidays(&d, year, labour_day);
    add_substitutes(&d);
    for (int k = 0; k < out->n_days; k++) {
        if (d.count[k] || out->weekday[k] == SUNDAY) out->kind[k] = CALENDAR_HOLIDAY;
        else out->kind[k] = out->weekday[k] == SATURDAY ? CALENDAR_SATURDAY : CALENDAR_WORKDAY;
    }
    return SIL_OK;
}

void calendar_drop_leap_day(struct calendar *c) {
    enum { LEAP_DAY = 31 + 28 };
    if (c->n_days != 366) return;
    c->n_days = 365;
    memmove(c->kind + LEAP_DAY, c->kind + LEAP_DAY + 1, 365 - LEAP_DAY);
    memmove(c->weekday + LEAP_DAY, c->weekday + LEAP_DAY + 1, 365 - LEAP_DAY);
    memmove(c->month + LEAP_DAY, c->month + LEAP_DAY + 1, 365 - LEAP_DAY);
    memmove(c->mday + LEAP_DAY, c->mday + LEAP_DAY + 1, 365 - LEAP_DAY);
}
