/* fmt: numbers, money and dates as people read them, in Korean and English. Never depends on the C locale; the same
 * value always gives the same bytes. Negative numbers carry U+2212, groups of three a comma. */
#ifndef SIL_PLAN_FMT_H
#define SIL_PLAN_FMT_H

#include <stddef.h>

#include "plan/label.h"

enum { FMT_MAX = 64 };

/* Exactly `decimals` (0-6) digits behind the point, rounded half away from zero: -1234.5 -> "−1,234.50".
 * Not-a-number is "–", infinities "∞"; above 1e15 as 1.23e17. */
void fmt_fixed(char out[FMT_MAX], double x, int decimals);

/* `digits` (1-6) significant digits, but never a whole number cut: 1.97e−5, 0.012346, 1.2346, 123.46, 123,456. */
void fmt_signif(char out[FMT_MAX], double x, int digits);

/* The shortest decimal that gives back a number that a person wrote ("0.05", "8,190"), at most 9 digits. */
void fmt_plain(char out[FMT_MAX], double x);

/* Won with two or so leading units: ko "1조 2,345억 원", "5,678만 원", "−3,200억 원"; en "KRW 1.23 tn", "−KRW 567.8
 * bn". */
void fmt_krw(char out[FMT_MAX], double won, enum plan_lang lang);

/* A count: ko "3.21조", "4,567억", "12.3만"; en "3.21 tn", "456.7 bn", "123 k". Below 10,000 the number itself. */
void fmt_count(char out[FMT_MAX], double n, enum plan_lang lang);

/* A value with its unit, scaled for reading: powers (W, kW, MW), energies (Wh, kWh, MWh, GWh; J is shown as Wh), masses
 * (g, kg, tCO2) climb their ladder of prefixes; KRW, "KRW m", "KRW bn", "KRW tn" by fmt_krw; tokens and requests by
 * fmt_count; "1" is plain; others stand unscaled behind the number. digits: significant ones. */
void fmt_value(char out[FMT_MAX], double x, const char *unit, int digits, enum plan_lang lang);

/* ko "2026년 3월 1일", en "1 March 2026"; day 0 leaves the day out. month 1-12. */
void fmt_date(char out[FMT_MAX], int year, int month, int day, enum plan_lang lang);

/* Columns that a text takes in a terminal: 2 for Hangul and other wide characters, 0 for combining ones. */
size_t fmt_columns(const char *text);

#endif
