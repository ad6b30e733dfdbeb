/* weather_tmy3: typical years of the US National Solar Radiation Data Base, version 3 (S. Wilcox, W. Marion, "Users
 * Manual for TMY3 Data Sets", NREL/TP-581-43156, 2008). Columns are found by their names. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "plan/psychro.h"
#include "plan/weather.h"
#include "plan/weather_text.h"

enum { COLUMNS_MAX = 96 };

enum column { C_DATE, C_TIME, C_GHI, C_DNI, C_DHI, C_DRY, C_HUMIDITY, C_PRESSURE, C_WIND, N_COLUMNS };

static const char *const column_names[N_COLUMNS] = {"Date (MM/DD/YYYY)", "Time (HH:MM)",    "GHI (W/m^2)",
                                                    "DNI (W/m^2)",       "DHI (W/m^2)",     "Dry-bulb (C)",
                                                    "RHum (%)",          "Pressure (mbar)", "Wspd (m/s)"};

/* Missing values are -9900 and below the range of every column. */
static const struct weather_range ranges[N_COLUMNS] = {
    [C_GHI] = {"GHI", "W/m2", 0, 1500, 9999},  [C_DNI] = {"DNI", "W/m2", 0, 1500, 9999},
    [C_DHI] = {"DHI", "W/m2", 0, 1500, 9999},  [C_DRY] = {"Dry-bulb", "degC", -70, 70, 99.9},
    [C_HUMIDITY] = {"RHum", "%", 0, 110, 999}, [C_PRESSURE] = {"Pressure", "mbar", 310, 1200, 9999},
    [C_WIND] = {"Wspd", "m/s", 0, 100, 999},
};
static const struct weather_range latitude = {"latitude", "degrees", -90, 90, NAN};
static const struct weather_range longitude = {"longitude", "degrees", -180, 180, NAN};
static const struct weather_range zone = {"time zone", "h", -12, 14, NAN};
static const struct weather_range height = {"elevation", "m", -1000, 9999, NAN};

static sil_err read_site(const struct weather_text *t, struct str line, struct weather *w, struct sil_error *e) {
    struct str f[7];
    if (weather_fields(line, f, 7) != 7) {
        return err_set(e, SIL_FORMAT,
                       "%s:%u: not a TMY3 file: the first line must be number, name, state, time zone, latitude, "
                       "longitude and elevation",
                       t->name, t->line);
    }
    struct str site = f[1];
    if (site.n >= 2 && site.p[0] == '"' && site.p[site.n - 1] == '"') site = (struct str){site.p + 1, site.n - 2};
    size_t n = weather_copy(w->place, 0, site);
    n = weather_copy(w->place, n, STR(", "));
    weather_copy(w->place, n, f[2]);
    n = weather_copy(w->origin, 0, STR("TMY3 "));
    weather_copy(w->origin, n, f[0]);
    SIL_TRY(weather_value(t, f[3], &zone, &w->zone_h, e));
    SIL_TRY(weather_value(t, f[4], &latitude, &w->latitude_deg, e));
    SIL_TRY(weather_value(t, f[5], &longitude, &w->longitude_deg, e));
    return weather_value(t, f[6], &height, &w->height_m, e);
}

static sil_err read_columns(const struct weather_text *t, struct str line, size_t at[N_COLUMNS], size_t *last,
                            struct sil_error *e) {
    struct str f[COLUMNS_MAX];
    size_t n = weather_fields(line, f, COLUMNS_MAX);
    *last = 0;
    for (size_t c = 0; c < N_COLUMNS; c++) {
        size_t i = 0;
        while (i < n && !str_eq(f[i], str_of(column_names[c]))) i++;
        if (i == n) return err_set(e, SIL_FORMAT, "%s:%u: no column '%s'", t->name, t->line, column_names[c]);
        at[c] = i;
        if (i > *last) *last = i;
    }
    return SIL_OK;
}

/* Two decimal digits at p. */
static bool two_digits(const char *p, int *out) {
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') return false;
    *out = (p[0] - '0') * 10 + (p[1] - '0');
    return true;
}

static sil_err read_row(const struct weather_text *t, const struct str *f, const size_t *at, struct weather_hour *h,
                        struct sil_error *e) {
    double percent, mbar;
    SIL_TRY(weather_value(t, f[at[C_DRY]], &ranges[C_DRY], &h->dry_bulb_c, e));
    SIL_TRY(weather_value(t, f[at[C_PRESSURE]], &ranges[C_PRESSURE], &mbar, e));
    SIL_TRY(weather_value(t, f[at[C_HUMIDITY]], &ranges[C_HUMIDITY], &percent, e));
    SIL_TRY(weather_value(t, f[at[C_GHI]], &ranges[C_GHI], &h->ghi_w_m2, e));
    SIL_TRY(weather_value(t, f[at[C_DNI]], &ranges[C_DNI], &h->dni_w_m2, e));
    SIL_TRY(weather_value(t, f[at[C_DHI]], &ranges[C_DHI], &h->dhi_w_m2, e));
    SIL_TRY(weather_value(t, f[at[C_WIND]], &ranges[C_WIND], &h->wind_m_s, e));
    h->pressure_pa = 100.0 * mbar;
    h->ratio = psychro_ratio_rh(h->dry_bulb_c, fmin(percent, 100.0) / 100.0, h->pressure_pa);
    return SIL_OK;
}

sil_err weather_tmy3(struct str bytes, const char *name, struct weather *out, struct sil_error *e) {
    struct weather_text t = {.rest = bytes, .name = name};
    struct str line, f[COLUMNS_MAX];
    size_t at[N_COLUMNS] = {0}, last = 0;
    uint32_t rows = 0;
    out->class = WEATHER_TMY3;
    if (!weather_line(&t, &line)) line = STR("");
    SIL_TRY(read_site(&t, line, out, e));
    if (!weather_line(&t, &line)) line = STR("");
    SIL_TRY(read_columns(&t, line, at, &last, e));
    while (weather_line(&t, &line)) {
        if (line.n == 0) continue;
        size_t n = weather_fields(line, f, last + 1);
        if (n <= last)
            return err_set(e, SIL_FORMAT, "%s:%u: %zu fields; at least %zu are needed", name, t.line, n, last + 1);
        struct str date = f[at[C_DATE]], time = f[at[C_TIME]];
        int m, d, h;
        if (date.n != 10 || time.n != 5 || !two_digits(date.p, &m) || !two_digits(date.p + 3, &d) ||
            !two_digits(time.p, &h)) {
            return err_set(e, SIL_FORMAT, "%s:%u: '%.*s', '%.*s' is not a date MM/DD/YYYY and a time HH:MM", name,
                           t.line, STR_ARG(date), STR_ARG(time));
        }
        bool skip;
        SIL_TRY(weather_place(&t, rows, m, d, h, &skip, e));
        if (!skip) SIL_TRY(read_row(&t, f, at, &out->hour[rows++], e));
    }
    SIL_TRY(weather_complete(&t, rows, e));
    weather_clock(out);
    return SIL_OK;
}
