/* unit: the table of units, and numbers with units as people write them. */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "plan/var.h"

#define HOUR 3600.0
#define DAY  86400.0
#define YEAR (365.0 * DAY) /* a year of rates; calendars have their own lengths */

/* The first unit of a dimension is the canonical one (scale 1, zero 0). */
static const struct plan_unit units[] = {
    {"1", PLAN_DIM_ONE, 1, 0},
    {"%", PLAN_DIM_ONE, 0.01, 0},
    {"percent", PLAN_DIM_ONE, 0.01, 0},
    {"permille", PLAN_DIM_ONE, 0.001, 0},
    {"count", PLAN_DIM_COUNT, 1, 0},
    {"GPU", PLAN_DIM_COUNT, 1, 0},
    {"GPUs", PLAN_DIM_COUNT, 1, 0},
    {"racks", PLAN_DIM_COUNT, 1, 0},
    {"systems", PLAN_DIM_COUNT, 1, 0},
    {"requests", PLAN_DIM_COUNT, 1, 0},
    {"s", PLAN_DIM_TIME, 1, 0},
    {"ms", PLAN_DIM_TIME, 1e-3, 0},
    {"us", PLAN_DIM_TIME, 1e-6, 0},
    {"min", PLAN_DIM_TIME, 60, 0},
    {"h", PLAN_DIM_TIME, HOUR, 0},
    {"day", PLAN_DIM_TIME, DAY, 0},
    {"days", PLAN_DIM_TIME, DAY, 0},
    {"week", PLAN_DIM_TIME, 7 * DAY, 0},
    {"weeks", PLAN_DIM_TIME, 7 * DAY, 0},
    {"month", PLAN_DIM_TIME, YEAR / 12, 0},
    {"months", PLAN_DIM_TIME, YEAR / 12, 0},
    {"year", PLAN_DIM_TIME, YEAR, 0},
    {"years", PLAN_DIM_TIME, YEAR, 0},
    {"W", PLAN_DIM_POWER, 1, 0},
    {"kW", PLAN_DIM_POWER, 1e3, 0},
    {"MW", PLAN_DIM_POWER, 1e6, 0},
    {"GW", PLAN_DIM_POWER, 1e9, 0},
    {"J", PLAN_DIM_ENERGY, 1, 0},
    {"kJ", PLAN_DIM_ENERGY, 1e3, 0},
    {"MJ", PLAN_DIM_ENERGY, 1e6, 0},
    {"Wh", PLAN_DIM_ENERGY, HOUR, 0},
    {"kWh", PLAN_DIM_ENERGY, 1e3 * HOUR, 0},
    {"MWh", PLAN_DIM_ENERGY, 1e6 * HOUR, 0},
    {"GWh", PLAN_DIM_ENERGY, 1e9 * HOUR, 0},
    {"TWh", PLAN_DIM_ENERGY, 1e12 * HOUR, 0},
    {"degC", PLAN_DIM_TEMPERATURE, 1, 0},
    {"C", PLAN_DIM_TEMPERATURE, 1, 0},
    {"°C", PLAN_DIM_TEMPERATURE, 1, 0},
    {"degF", PLAN_DIM_TEMPERATURE, 5.0 / 9.0, -160.0 / 9.0},
    {"K", PLAN_DIM_TEMP_DIFF, 1, 0},
    {"Pa", PLAN_DIM_PRESSURE, 1, 0},
    {"hPa", PLAN_DIM_PRESSURE, 100, 0},
    {"kPa", PLAN_DIM_PRESSURE, 1e3, 0},
    {"MPa", PLAN_DIM_PRESSURE, 1e6, 0},
    {"bar", PLAN_DIM_PRESSURE, 1e5, 0},
    {"m", PLAN_DIM_LENGTH, 1, 0},
    {"mm", PLAN_DIM_LENGTH, 1e-3, 0},
    {"km", PLAN_DIM_LENGTH, 1e3, 0},
    {"m2", PLAN_DIM_AREA, 1, 0},
    {"ha", PLAN_DIM_AREA, 1e4, 0},
    {"km2", PLAN_DIM_AREA, 1e6, 0},
    {"pyeong", PLAN_DIM_AREA, 400.0 / 121.0, 0},
    {"m3", PLAN_DIM_VOLUME, 1, 0},
    {"L", PLAN_DIM_VOLUME, 1e-3, 0},
    {"m3/s", PLAN_DIM_FLOW, 1, 0},
    {"m3/h", PLAN_DIM_FLOW, 1 / HOUR, 0},
    {"L/s", PLAN_DIM_FLOW, 1e-3, 0},
    {"L/min", PLAN_DIM_FLOW, 1e-3 / 60, 0},
    {"m/s", PLAN_DIM_SPEED, 1, 0},
    {"km/h", PLAN_DIM_SPEED, 1 / 3.6, 0},
    {"deg", PLAN_DIM_ANGLE, 1, 0},
    {"1/K", PLAN_DIM_PER_K, 1, 0},
    {"%/K", PLAN_DIM_PER_K, 0.01, 0},
    {"W/m2", PLAN_DIM_IRRADIANCE, 1, 0},
    {"kW/m2", PLAN_DIM_IRRADIANCE, 1e3, 0},
    {"J/m2", PLAN_DIM_IRRADIATION, 1, 0},
    {"MJ/m2", PLAN_DIM_IRRADIATION, 1e6, 0},
    {"kWh/m2", PLAN_DIM_IRRADIATION, 1e3 * HOUR, 0},
    {"B", PLAN_DIM_DATA, 1, 0},
    {"kB", PLAN_DIM_DATA, 1e3, 0},
    {"MB", PLAN_DIM_DATA, 1e6, 0},
    {"GB", PLAN_DIM_DATA, 1e9, 0},
    {"TB", PLAN_DIM_DATA, 1e12, 0},
    {"PB", PLAN_DIM_DATA, 1e15, 0},
    {"GiB", PLAN_DIM_DATA, 1073741824.0, 0},
    {"B/s", PLAN_DIM_DATA_RATE, 1, 0},
    {"MB/s", PLAN_DIM_DATA_RATE, 1e6, 0},
    {"GB/s", PLAN_DIM_DATA_RATE, 1e9, 0},
    {"TB/s", PLAN_DIM_DATA_RATE, 1e12, 0},
    {"FLOP/s", PLAN_DIM_COMPUTE, 1, 0},
    {"TFLOP/s", PLAN_DIM_COMPUTE, 1e12, 0},
    {"PFLOP/s", PLAN_DIM_COMPUTE, 1e15, 0},
    {"EFLOP/s", PLAN_DIM_COMPUTE, 1e18, 0},
    {"FLOP", PLAN_DIM_WORK, 1, 0},
    {"TFLOP", PLAN_DIM_WORK, 1e12, 0},
    {"EFLOP", PLAN_DIM_WORK, 1e18, 0},
    {"token", PLAN_DIM_TOKENS, 1, 0},
    {"tokens", PLAN_DIM_TOKENS, 1, 0},
    {"ktokens", PLAN_DIM_TOKENS, 1e3, 0},
    {"Mtokens", PLAN_DIM_TOKENS, 1e6, 0},
    {"Btokens", PLAN_DIM_TOKENS, 1e9, 0},
    {"Ttokens", PLAN_DIM_TOKENS, 1e12, 0},
    {"token/s", PLAN_DIM_TOKEN_RATE, 1, 0},
    {"tokens/s", PLAN_DIM_TOKEN_RATE, 1, 0},
    {"Mtokens/s", PLAN_DIM_TOKEN_RATE, 1e6, 0},
    {"tokens/day", PLAN_DIM_TOKEN_RATE, 1 / DAY, 0},
    {"Btokens/day", PLAN_DIM_TOKEN_RATE, 1e9 / DAY, 0},
    {"1/s", PLAN_DIM_RATE, 1, 0},
    {"requests/s", PLAN_DIM_RATE, 1, 0},
    {"1/h", PLAN_DIM_RATE, 1 / HOUR, 0},
    {"1/GPU-hour", PLAN_DIM_RATE, 1 / HOUR, 0},
    {"requests/day", PLAN_DIM_RATE, 1 / DAY, 0},
    {"images/s", PLAN_DIM_RATE, 1, 0},
    {"1/year", PLAN_DIM_PER_YEAR, 1, 0},
    {"%/year", PLAN_DIM_PER_YEAR, 0.01, 0},
    {"KRW", PLAN_DIM_KRW, 1, 0},
    {"kKRW", PLAN_DIM_KRW, 1e3, 0},
    {"MKRW", PLAN_DIM_KRW, 1e6, 0},
    {"KRW M", PLAN_DIM_KRW, 1e6, 0},
    {"KRW bn", PLAN_DIM_KRW, 1e9, 0},
    {"BKRW", PLAN_DIM_KRW, 1e9, 0},
    {"KRW tn", PLAN_DIM_KRW, 1e12, 0},
    {"TKRW", PLAN_DIM_KRW, 1e12, 0},
    {"USD", PLAN_DIM_USD, 1, 0},
    {"kUSD", PLAN_DIM_USD, 1e3, 0},
    {"MUSD", PLAN_DIM_USD, 1e6, 0},
    {"USD M", PLAN_DIM_USD, 1e6, 0},
    {"USD bn", PLAN_DIM_USD, 1e9, 0},
    {"KRW/USD", PLAN_DIM_FX, 1, 0},
    {"KRW/kWh", PLAN_DIM_KRW_KWH, 1, 0},
    {"KRW/MWh", PLAN_DIM_KRW_KWH, 1e-3, 0},
    {"KRW/kW-month", PLAN_DIM_KRW_KW_MONTH, 1, 0},
    {"KRW/kW", PLAN_DIM_KRW_KW, 1, 0},
    {"KRW/W", PLAN_DIM_KRW_KW, 1e3, 0},
    {"MKRW/kW", PLAN_DIM_KRW_KW, 1e6, 0},
    {"BKRW/MW", PLAN_DIM_KRW_KW, 1e6, 0},
    {"KRW bn/MW", PLAN_DIM_KRW_KW, 1e6, 0},
    {"KRW/kWh-capacity", PLAN_DIM_KRW_KWH_CAP, 1, 0},
    {"MKRW/kWh-capacity", PLAN_DIM_KRW_KWH_CAP, 1e6, 0},
    {"USD/kW", PLAN_DIM_USD_KW, 1, 0},
    {"MUSD/MW", PLAN_DIM_USD_KW, 1e3, 0},
    {"USD/kWh-capacity", PLAN_DIM_USD_KWH_CAP, 1, 0},
    {"KRW/m2", PLAN_DIM_KRW_M2, 1, 0},
    {"MKRW/m2", PLAN_DIM_KRW_M2, 1e6, 0},
    {"KRW/m3", PLAN_DIM_KRW_M3, 1, 0},
    {"KRW/year", PLAN_DIM_KRW_YEAR, 1, 0},
    {"MKRW/year", PLAN_DIM_KRW_YEAR, 1e6, 0},
    {"KRW bn/year", PLAN_DIM_KRW_YEAR, 1e9, 0},
    {"USD/Mtoken", PLAN_DIM_USD_MTOK, 1, 0},
    {"USD/Mtokens", PLAN_DIM_USD_MTOK, 1, 0},
    {"KRW/Mtoken", PLAN_DIM_KRW_MTOK, 1, 0},
    {"KRW/Mtokens", PLAN_DIM_KRW_MTOK, 1, 0},
    {"USD/h", PLAN_DIM_USD_HOUR, 1, 0},
    {"USD/GPU-hour", PLAN_DIM_USD_HOUR, 1, 0},
    {"KRW/h", PLAN_DIM_KRW_HOUR, 1, 0},
    {"KRW/GPU-hour", PLAN_DIM_KRW_HOUR, 1, 0},
    {"kgCO2/kWh", PLAN_DIM_CARBON, 1, 0},
    {"tCO2/MWh", PLAN_DIM_CARBON, 1, 0},
    {"gCO2/kWh", PLAN_DIM_CARBON, 1e-3, 0},
    {"KRW/tCO2", PLAN_DIM_KRW_TCO2, 1, 0},
    {"L/kWh", PLAN_DIM_WATER_ENERGY, 1, 0},
    {"m3/MWh", PLAN_DIM_WATER_ENERGY, 1, 0},
    {"J/(kg K)", PLAN_DIM_HEAT_CAPACITY, 1, 0},
    {"J/kg", PLAN_DIM_HEAT, 1, 0},
    {"kJ/kg", PLAN_DIM_HEAT, 1e3, 0},
    {"kg/m3", PLAN_DIM_DENSITY, 1, 0},
    {"B/token", PLAN_DIM_BYTES_TOKEN, 1, 0},
    {"kB/token", PLAN_DIM_BYTES_TOKEN, 1e3, 0},
    {"J/token", PLAN_DIM_JOULES_TOKEN, 1, 0},
    {"kg", PLAN_DIM_MASS, 1, 0},
    {"t", PLAN_DIM_MASS, 1e3, 0},
};

const struct plan_unit *plan_unit_find(struct str name) {
    if (name.n == 0) return &units[0];
    for (size_t i = 0; i < PLAN_COUNT(units); i++)
        if (str_eq(str_of(units[i].name), name)) return &units[i];
    return NULL;
}

const char *plan_dim_unit(enum plan_dim dim) {
    for (size_t i = 0; i < PLAN_COUNT(units); i++)
        if (units[i].dim == dim) return units[i].name;
    return "?";
}

void plan_dim_units(enum plan_dim dim, char *out, size_t cap) {
    size_t n = 0;
    if (cap == 0) return;
    out[0] = '\0';
    for (size_t i = 0; i < PLAN_COUNT(units); i++) {
        if (units[i].dim != dim) continue;
        int k = snprintf(out + n, cap - n, "%s%s", n ? ", " : "", units[i].name);
        if (k < 0 || (size_t)k >= cap - n) return;
        n += (size_t)k;
    }
}

static const struct plan_unit *unit_of(const struct plan_var *v) {
    const struct plan_unit *u = plan_unit_find(str_of(v->unit ? v->unit : ""));
    assert(u);
    return u;
}

double plan_si(const struct plan_var *v, double declared) {
    const struct plan_unit *u = unit_of(v);
    /* Percent and the like by division: 7 % is then the double nearest to 0.07. */
    return u->scale < 1 ? declared / (1 / u->scale) + u->zero : declared * u->scale + u->zero;
}

double plan_shown(const struct plan_var *v, double si) {
    const struct plan_unit *u = unit_of(v);
    return u->scale < 1 ? (si - u->zero) * (1 / u->scale) : (si - u->zero) / u->scale;
}

/* ---- numbers ---- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* m * 10^e. Exact to the last bit for up to 15 digits and |e| <= 22; otherwise within a few units of the last place. */
static double scale10(double m, int e) {
    while (e > 22) m *= 1e22, e -= 22;
    while (e < -22) m /= 1e22, e += 22;
    double p = 1;
    for (int i = 0; i < (e < 0 ? -e : e); i++) p *= 10;
    return e < 0 ? m / p : m * p;
}

struct decimal {
    uint64_t m; /* at most 17 significant digits: more cannot change a double */
    int kept, e, n;
};

/* The digits at t from i on, before or behind the point; returns where they end. Before it they may be grouped. */
static size_t digits(struct str t, size_t i, bool behind, struct decimal *d) {
    for (; i < t.n; i++) {
        char c = t.p[i];
        if (!behind && d->n > 0 && (c == ',' || c == '_') && i + 1 < t.n && is_digit(t.p[i + 1])) continue;
        if (!is_digit(c)) break;
        d->n++;
        if (d->kept < 17) {
            d->m = d->m * 10 + (uint64_t)(c - '0');
            d->kept += d->m > 0;
            d->e -= behind;
        } else {
            d->e += !behind;
        }
    }
    return i;
}

/* A decimal number at the beginning of t; returns its length, 0 when there is none. */
static size_t read_decimal(struct str t, double *out) {
    struct decimal d = {0};
    bool negative = t.n > 0 && t.p[0] == '-';
    size_t i = digits(t, t.n > 0 && (negative || t.p[0] == '+'), false, &d);
    if (i < t.n && t.p[i] == '.') i = digits(t, i + 1, true, &d);
    if (d.n == 0) return 0;
    if (i + 1 < t.n && (t.p[i] == 'e' || t.p[i] == 'E')) {
        bool minus = t.p[i + 1] == '-';
        size_t j = i + 1 + (minus || t.p[i + 1] == '+');
        int x = 0;
        size_t from = j;
        for (; j < t.n && is_digit(t.p[j]); j++)
            if (x < 1000) x = x * 10 + (t.p[j] - '0');
        if (j > from) {
            d.e += minus ? -x : x;
            i = j;
        }
    }
    double v = scale10((double)d.m, d.e < -400 ? -400 : d.e > 400 ? 400 : d.e);
    *out = negative ? -v : v;
    return i;
}

static struct str trim(struct str s) {
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
    return s;
}

sil_err plan_parse_number(struct str text, const struct plan_unit *want, double *canonical, struct sil_error *e) {
    char allowed[160];
    double v = 0;
    struct str t = trim(text);
    size_t n = read_decimal(t, &v);
    plan_dim_units(want->dim, allowed, sizeof allowed);
    bool plain = want->dim == PLAN_DIM_ONE || want->dim == PLAN_DIM_COUNT;
    if (n == 0)
        return err_set(e, SIL_FORMAT, "\"%.*s\" is not a number%s%s", STR_ARG(t),
                       plain ? "" : " with a unit, such as 1 ", plain ? "" : want->name);
    if (!isfinite(v)) return err_set(e, SIL_FORMAT, "\"%.*s\" is too large", STR_ARG(t));
    struct str name = trim((struct str){t.p + n, t.n - n});
    if (name.n == 0 && !plain) return err_set(e, SIL_FORMAT, "\"%.*s\" needs a unit: %s", STR_ARG(t), allowed);
    /* A bare number is a plain one: 0.4 where "%" is the shown unit means 40 %. */
    const struct plan_unit *u = name.n ? plan_unit_find(name) : plan_unit_find(str_of(plan_dim_unit(want->dim)));
    if (!u) return err_set(e, SIL_FORMAT, "unknown unit \"%.*s\"; allowed: %s", STR_ARG(name), allowed);
    if (u->dim != want->dim && !(plain && (u->dim == PLAN_DIM_ONE || u->dim == PLAN_DIM_COUNT)))
        return err_set(e, SIL_FORMAT, "wrong unit %s; allowed: %s", u->name, allowed);
    *canonical = u->scale < 1 ? v / (1 / u->scale) + u->zero : v * u->scale + u->zero;
    return SIL_OK;
}
