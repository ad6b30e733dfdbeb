/* fmt: see fmt.h. Numbers are scaled to integers and written digit by digit, so no locale and no printf of doubles. */
#include "plan/fmt.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <utf8proc.h>

#include "base/utf8.h"

#define MINUS "\xe2\x88\x92"

static const double tens[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/* Whole part in groups of three, then `decimals` digits of frac. */
static void put_digits(char out[FMT_MAX], bool minus, unsigned long long whole, unsigned long long frac, int decimals) {
    char rev[FMT_MAX];
    size_t n = 0;
    for (int i = 0; i < decimals; i++) {
        rev[n++] = (char)('0' + frac % 10);
        frac /= 10;
    }
    if (decimals > 0) rev[n++] = '.';
    int group = 0;
    do {
        if (group == 3) {
            rev[n++] = ',';
            group = 0;
        }
        rev[n++] = (char)('0' + whole % 10);
        whole /= 10;
        group++;
    } while (whole > 0);
    size_t at = 0;
    if (minus) {
        memcpy(out, MINUS, 3);
        at = 3;
    }
    while (n > 0) out[at++] = rev[--n];
    out[at] = 0;
}

void fmt_fixed(char out[FMT_MAX], double x, int decimals) {
    if (isnan(x)) {
        (void)snprintf(out, FMT_MAX, "–");
        return;
    }
    bool minus = x < 0;
    double a = fabs(x);
    if (isinf(a)) {
        (void)snprintf(out, FMT_MAX, "%s∞", minus ? MINUS : "");
        return;
    }
    if (a > 1e15) {
        int e = (int)floor(log10(a));
        char m[FMT_MAX];
        fmt_fixed(m, x / pow(10, e), 2);
        (void)snprintf(out, FMT_MAX, "%.20se%d", m, e);
        return;
    }
    if (decimals < 0) decimals = 0;
    if (decimals > 9) decimals = 9;
    while (decimals > 0 && a * tens[decimals] > 9e17) decimals--;
    unsigned long long v = (unsigned long long)llround(a * tens[decimals]);
    unsigned long long unit = (unsigned long long)tens[decimals];
    put_digits(out, minus && v > 0, v / unit, v % unit, decimals);
}

void fmt_signif(char out[FMT_MAX], double x, int digits) {
    double a = fabs(x);
    if (!(a > 0) || isinf(a)) {
        fmt_fixed(out, x, 0);
        return;
    }
    if (a < 1e-4) {
        int e10 = (int)floor(log10(a));
        char m[FMT_MAX];
        fmt_fixed(m, x / pow(10, e10), digits - 1);
        (void)snprintf(out, FMT_MAX, "%.20se%s%d", m, MINUS, -e10);
        return;
    }
    /* A number that rounds up to the next power of ten (9.996 -> 10.00) loses a decimal. */
    int e = (int)floor(log10(a) + 1e-12);
    int decimals = digits - 1 - e;
    if (decimals >= 0 && decimals < 15 && llround(a * tens[decimals]) >= (long long)tens[digits]) decimals--;
    if (decimals > 9) decimals = 9;
    fmt_fixed(out, x, decimals > 0 ? decimals : 0);
}

void fmt_plain(char out[FMT_MAX], double x) {
    int d = 0;
    double a = fabs(x);
    while (d < 9 && a < 1e15 && fabs(a - (double)llround(a * tens[d]) / tens[d]) > a * 1e-9) d++;
    fmt_fixed(out, x, d);
}

/* One step of a ladder of units: values from `from` on are divided by `unit` and get `decimals` digits. */
struct step {
    double from, unit;
    int decimals;
    const char *name;
};

static const struct step krw_en[] = {
    {1e14, 1e12, 1, " tn"}, {1e12, 1e12, 2, " tn"}, {1e9, 1e9, 1, " bn"},
    {1e6, 1e6, 1, " m"},    {1e3, 1, 0, ""},        {0, 1, 1, ""},
};
static const struct step count_en[] = {
    {1e14, 1e12, 0, " tn"}, {1e13, 1e12, 1, " tn"}, {1e12, 1e12, 2, " tn"}, {1e11, 1e9, 0, " bn"},
    {1e10, 1e9, 1, " bn"},  {1e9, 1e9, 2, " bn"},   {1e8, 1e6, 0, " m"},    {1e7, 1e6, 1, " m"},
    {1e6, 1e6, 2, " m"},    {0, 1, 0, ""},
};
static const struct step count_ko[] = {
    {1e15, 1e12, 0, "조"}, {1e14, 1e12, 0, "조"}, {1e13, 1e12, 1, "조"}, {1e12, 1e12, 2, "조"}, {1e10, 1e8, 0, "억"},
    {1e9, 1e8, 1, "억"},   {1e8, 1e8, 2, "억"},   {1e6, 1e4, 0, "만"},   {1e5, 1e4, 1, "만"},   {0, 1, 0, ""},
};

/* The step for |x|; rounding may lift a value to the step above (999,960 -> 1.00 m). */
static const struct step *step_for(const struct step *s, size_t n, double x) {
    double a = fabs(x);
    for (size_t i = 0; i < n; i++) {
        double half = i + 1 < n ? 0.5 * s[i + 1].unit / tens[s[i + 1].decimals] : 0;
        if (a >= s[i].from - half) return &s[i];
    }
    return &s[n - 1];
}

void fmt_count(char out[FMT_MAX], double n, enum plan_lang lang) {
    const struct step *s = lang == PLAN_KO ? step_for(count_ko, sizeof count_ko / sizeof *count_ko, n)
                                           : step_for(count_en, sizeof count_en / sizeof *count_en, n);
    char num[FMT_MAX];
    fmt_fixed(num, n / s->unit, s->decimals);
    (void)snprintf(out, FMT_MAX, "%.40s%s", num, isfinite(n) ? s->name : "");
}

static void krw_ko(char out[FMT_MAX], double won) {
    double a = fabs(won);
    char num[FMT_MAX];
    if (a >= 1e12 - 0.5e8) {
        long long eok = llround(a / 1e8), jo = eok / 10000;
        char rest[FMT_MAX];
        fmt_fixed(num, won < 0 ? -(double)jo : (double)jo, 0);
        fmt_fixed(rest, (double)(eok % 10000), 0);
        if (eok % 10000) (void)snprintf(out, FMT_MAX, "%.20s조 %.8s억 원", num, rest);
        else (void)snprintf(out, FMT_MAX, "%.20s조 원", num);
    } else if (a >= 1e8 - 0.5e4) {
        fmt_fixed(num, won / 1e8, a < 1e10 - 0.5e7 ? 1 : 0);
        (void)snprintf(out, FMT_MAX, "%.20s억 원", num);
    } else if (a >= 1e6 - 0.5) {
        fmt_fixed(num, won / 1e4, 0);
        (void)snprintf(out, FMT_MAX, "%.20s만 원", num);
    } else {
        fmt_fixed(num, won, a >= 1e3 || a == floor(a) ? 0 : a < 10 ? 2 : 1);
        (void)snprintf(out, FMT_MAX, "%.20s원", num);
    }
}

void fmt_krw(char out[FMT_MAX], double won, enum plan_lang lang) {
    char num[FMT_MAX];
    if (!isfinite(won) || fabs(won) > 1e15) {
        fmt_fixed(num, won / (isfinite(won) ? 1e12 : 1), 0);
        (void)snprintf(out, FMT_MAX, lang == PLAN_KO ? "%.40s조 원" : "KRW %.40s tn", num);
        if (!isfinite(won)) (void)snprintf(out, FMT_MAX, "%.40s", num);
        return;
    }
    if (lang == PLAN_KO) {
        krw_ko(out, won);
        return;
    }
    const struct step *s = step_for(krw_en, sizeof krw_en / sizeof *krw_en, won);
    int decimals = s->decimals;
    if (s->from == 0) decimals = won == floor(won) ? 0 : fabs(won) < 10 ? 2 : 1;
    fmt_fixed(num, fabs(won) / s->unit, decimals);
    (void)snprintf(out, FMT_MAX, "%sKRW %.40s%s", won < 0 ? MINUS : "", num, s->name);
}

/* Units with a ladder of prefixes, and how single units read. */
static const struct step watts[] = {{1e9, 1e9, 0, "GW"}, {1e6, 1e6, 0, "MW"}, {1e3, 1e3, 0, "kW"}, {0, 1, 0, "W"}};
static const struct step watthours[] = {
    {1e12, 1e12, 0, "TWh"}, {1e9, 1e9, 0, "GWh"}, {1e6, 1e6, 0, "MWh"}, {1e3, 1e3, 0, "kWh"}, {0, 1, 0, "Wh"}};
static const struct step grams[] = {{1e9, 1e9, 0, "kt"}, {1e6, 1e6, 0, "t"}, {1e3, 1e3, 0, "kg"}, {0, 1, 0, "g"}};
static const struct step seconds[] = {{1, 1, 0, "s"}, {0, 1e-3, 0, "ms"}};

static const struct {
    const char *unit;
    double scale; /* to the ladder's first unit */
    const struct step *steps;
    size_t n;
} ladders[] = {
    {"W", 1, watts, 4},          {"Wh", 1, watthours, 5},    {"J", 1.0 / 3600, watthours, 5},
    {"kWh", 1e3, watthours, 5},  {"MWh", 1e6, watthours, 5}, {"kW", 1e3, watts, 4},
    {"MW", 1e6, watts, 4},       {"g", 1, grams, 4},         {"GWh", 1e9, watthours, 5},
    {"TWh", 1e12, watthours, 5}, {"GW", 1e9, watts, 4},      {"ktCO2", 1e9, grams, 4},
    {"kt CO2", 1e9, grams, 4},   {"tCO2e", 1e6, grams, 4},   {"t", 1e6, grams, 4},
    {"kg", 1e3, grams, 4},       {"tCO2", 1e6, grams, 4},    {"kgCO2", 1e3, grams, 4},
    {"s", 1, seconds, 2},
};

static const struct {
    const char *unit;
    double scale;
} won[] = {{"KRW", 1}, {"KRW m", 1e6}, {"KRW bn", 1e9}, {"KRW tn", 1e12}};

/* Counts, and what stands behind them. */
static const struct {
    const char *unit;
    double scale;
    const char *ko, *en;
} counts[] = {
    {"token", 1, "", ""},
    {"tokens", 1, "", ""},
    {"bn tokens", 1e9, "", ""},
    {"tn tokens", 1e12, "", ""},
    {"requests", 1, "", ""},
    {"M", 1e6, "", ""},

    {"M GPU-h", 1e6, " GPU·시간", " GPU-h"},
    {"USD M", 1e6, " 달러", " USD"},
};

/* How a unit is written: its Korean and English forms. */
static const struct {
    const char *unit, *ko, *en;
} spelled[] = {
    {"degC", " °C", " °C"},
    {"GPU", "", ""},
    {"GPUs", "", ""},
    {"m3", " m³", " m³"},
    {"h", "시간", " h"},
    {"year", "년", " years"},
    {"years", "년", " years"},
    {"months", "개월", " months"},
    {"points", "점", " points"},
    {"USD/h", "달러/시간", " USD/h"},
    {"KRW/kWh", "원/kWh", " KRW/kWh"},
    {"KRW/kW-month", "원/kW·월", " KRW/kW-month"},
    {"KRW/Mtoken", "원/백만 토큰", " KRW/M tokens"},
    {"KRW/GPU-h", "원/GPU·시간", " KRW/GPU-h"},
    {"kgCO2/kWh", " kgCO₂/kWh", " kgCO₂/kWh"},
};

/* "0.3200" -> "0.32", "7.000" -> "7", "1.970e-5" -> "1.97e-5". */
static void trim_zeros(char *num) {
    if (!strchr(num, '.')) return;
    size_t end = strcspn(num, "e"), n = end;
    while (num[n - 1] == '0') n--;
    if (num[n - 1] == '.') n--;
    memmove(num + n, num + end, strlen(num + end) + 1);
}

void fmt_value(char out[FMT_MAX], double x, const char *unit, int digits, enum plan_lang lang) {
    char num[FMT_MAX];
    if (isnan(x)) {
        fmt_fixed(out, x, 0);
        return;
    }
    for (size_t i = 0; i < sizeof won / sizeof *won; i++) {
        if (strcmp(unit, won[i].unit) != 0) continue;
        fmt_krw(out, x * won[i].scale, lang);
        return;
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (strcmp(unit, counts[i].unit) != 0) continue;
        fmt_count(num, x * counts[i].scale, lang);
        (void)snprintf(out, FMT_MAX, "%.40s%s", num, lang == PLAN_KO ? counts[i].ko : counts[i].en);
        return;
    }
    for (size_t i = 0; i < sizeof ladders / sizeof *ladders; i++) {
        if (strcmp(unit, ladders[i].unit) != 0) continue;
        double v = x * ladders[i].scale;
        const struct step *s = step_for(ladders[i].steps, ladders[i].n, v == 0 ? x : v * (1 + 1e-9));
        if (v == 0 || !isfinite(v)) s = &ladders[i].steps[ladders[i].n - 1];
        fmt_signif(num, v / s->unit, digits);
        trim_zeros(num);
        (void)snprintf(out, FMT_MAX, "%.40s %s%s", num, s->name, strstr(unit, "CO2") ? " CO₂" : "");
        return;
    }
    const char *behind = NULL;
    if (strcmp(unit, "%") == 0) fmt_fixed(num, x, digits > 3 ? 2 : 1);
    else if (strncmp(unit, "GPU", 3) == 0) fmt_fixed(num, x, 0);
    else fmt_signif(num, x, digits);
    trim_zeros(num);
    for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++)
        if (strcmp(unit, spelled[i].unit) == 0) behind = lang == PLAN_KO ? spelled[i].ko : spelled[i].en;
    if (strcmp(unit, "%") == 0 && x < 100 && strcmp(num, "100") == 0)
        (void)snprintf(num, sizeof num, digits > 3 ? "> 99.99" : "> 99.9");
    if (behind) (void)snprintf(out, FMT_MAX, "%.40s%s", num, behind);
    else if (unit[0] == 0 || strcmp(unit, "1") == 0) (void)snprintf(out, FMT_MAX, "%.40s", num);
    else (void)snprintf(out, FMT_MAX, "%.30s %.20s", num, unit);
}

void fmt_date(char out[FMT_MAX], int year, int month, int day, enum plan_lang lang) {
    static const char *const names[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
    if (month < 1 || month > 12) {
        (void)snprintf(out, FMT_MAX, lang == PLAN_KO ? "%d년" : "%d", year);
    } else if (lang == PLAN_KO) {
        if (day > 0) (void)snprintf(out, FMT_MAX, "%d년 %d월 %d일", year, month, day);
        else (void)snprintf(out, FMT_MAX, "%d년 %d월", year, month);
    } else {
        if (day > 0) (void)snprintf(out, FMT_MAX, "%d %s %d", day, names[month - 1], year);
        else (void)snprintf(out, FMT_MAX, "%s %d", names[month - 1], year);
    }
}

size_t fmt_columns(const char *text) {
    size_t n = strlen(text), columns = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t len = utf8_decode(text + i, n - i, &cp);
        if (len == 0) {
            columns++; /* shown as one replacement character */
            i++;
            continue;
        }
        int w = utf8proc_charwidth((utf8proc_int32_t)cp);
        columns += w > 0 ? (size_t)w : 0;
        i += len;
    }
    return columns;
}
