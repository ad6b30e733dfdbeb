/* weather_epw: EnergyPlus weather files. Field numbers and codes for missing values after the EPW data dictionary
 * (EnergyPlus, Auxiliary Programs, "Weather Converter Program"). */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "plan/psychro.h"
#include "plan/weather.h"
#include "plan/weather_text.h"

enum { HEADER_MAX = 64, FIELDS = 22 };

static const struct weather_range latitude = {"latitude", "degrees", -90, 90, NAN};
static const struct weather_range longitude = {"longitude", "degrees", -180, 180, NAN};
static const struct weather_range zone = {"time zone", "h", -12, 14, NAN};
static const struct weather_range height = {"elevation", "m", -1000, 9999.8, NAN};
static const struct weather_range month = {"month", "", 1, 12, NAN};
static const struct weather_range day = {"day", "", 1, 31, NAN};
static const struct weather_range hour = {"hour", "", 1, 24, NAN};
static const struct weather_range dry_bulb = {"dry bulb temperature (field 7)", "degC", -70, 70, 99.9};
static const struct weather_range dew_point = {"dew point (field 8)", "degC", -70, 70, 99.9};
static const struct weather_range humidity = {"relative humidity (field 9)", "%", 0, 110, 999};
static const struct weather_range pressure = {"pressure (field 10)", "Pa", 31000, 120000, 999999};
static const struct weather_range ghi = {"global horizontal radiation (field 14)", "Wh/m2", 0, 1500, 9999};
static const struct weather_range dni = {"direct normal radiation (field 15)", "Wh/m2", 0, 1500, 9999};
static const struct weather_range dhi = {"diffuse horizontal radiation (field 16)", "Wh/m2", 0, 1500, 9999};
static const struct weather_range wind = {"wind speed (field 22)", "m/s", 0, 100, 999};

static sil_err read_location(const struct weather_text *t, struct str line, struct weather *w, struct sil_error *e) {
    struct str f[10];
    if (!str_starts(line, STR("LOCATION,")) || weather_fields(line, f, 10) != 10) {
        return err_set(e, SIL_FORMAT,
                       "%s:%u: not an EPW file: the first line must be LOCATION with city, region, country, source, "
                       "number, latitude, longitude, time zone and elevation",
                       t->name, t->line);
    }
    size_t n = weather_copy(w->place, 0, f[1]);
    n = weather_copy(w->place, n, STR(", "));
    weather_copy(w->place, n, f[3]);
    n = weather_copy(w->origin, 0, STR("EPW, "));
    n = weather_copy(w->origin, n, f[4]);
    n = weather_copy(w->origin, n, STR(" "));
    weather_copy(w->origin, n, f[5]);
    SIL_TRY(weather_value(t, f[6], &latitude, &w->latitude_deg, e));
    SIL_TRY(weather_value(t, f[7], &longitude, &w->longitude_deg, e));
    SIL_TRY(weather_value(t, f[8], &zone, &w->zone_h, e));
    return weather_value(t, f[9], &height, &w->height_m, e);
}

/* The header ends with DATA PERIODS: one period of one record an hour. */
static sil_err read_header(struct weather_text *t, struct weather *w, struct sil_error *e) {
    struct str line, f[3];
    if (!weather_line(t, &line)) line = STR("");
    SIL_TRY(read_location(t, line, w, e));
    for (int i = 0; i < HEADER_MAX && weather_line(t, &line); i++) {
        if (!str_starts(line, STR("DATA PERIODS,"))) continue;
        double periods, per_hour;
        if (weather_fields(line, f, 3) != 3 || !weather_number(f[1], &periods) || !weather_number(f[2], &per_hour)) {
            return err_set(e, SIL_FORMAT, "%s:%u: DATA PERIODS needs the number of periods and of records per hour",
                           t->name, t->line);
        }
        if (periods != 1.0 || per_hour != 1.0) {
            return err_set(e, SIL_UNSUPPORTED,
                           "%s:%u: %g data periods of %g records an hour: one period of one record an hour is needed",
                           t->name, t->line, periods, per_hour);
        }
        return SIL_OK;
    }
    return err_set(e, SIL_FORMAT, "%s:%u: no DATA PERIODS line in the first %d lines", t->name, t->line,
                   HEADER_MAX + 1);
}

/* Humidity from the relative humidity, or the dew point where that is missing. */
static sil_err read_humidity(const struct weather_text *t, const struct str *f, struct weather_hour *h,
                             struct sil_error *e) {
    double percent, dew_c;
    if (weather_number(f[8], &percent) && percent >= humidity.missing) {
        SIL_TRY(weather_value(t, f[7], &dew_point, &dew_c, e));
        h->ratio = psychro_ratio(psychro_psat(fmin(dew_c, h->dry_bulb_c)), h->pressure_pa);
        return SIL_OK;
    }
    SIL_TRY(weather_value(t, f[8], &humidity, &percent, e));
    h->ratio = psychro_ratio_rh(h->dry_bulb_c, fmin(percent, 100.0) / 100.0, h->pressure_pa);
    return SIL_OK;
}

static sil_err read_row(const struct weather_text *t, const struct str *f, struct weather_hour *h,
                        struct sil_error *e) {
    SIL_TRY(weather_value(t, f[6], &dry_bulb, &h->dry_bulb_c, e));
    SIL_TRY(weather_value(t, f[9], &pressure, &h->pressure_pa, e));
    SIL_TRY(read_humidity(t, f, h, e));
    SIL_TRY(weather_value(t, f[13], &ghi, &h->ghi_w_m2, e));
    SIL_TRY(weather_value(t, f[14], &dni, &h->dni_w_m2, e));
    SIL_TRY(weather_value(t, f[15], &dhi, &h->dhi_w_m2, e));
    return weather_value(t, f[21], &wind, &h->wind_m_s, e);
}

sil_err weather_epw(struct str bytes, const char *name, struct weather *out, struct sil_error *e) {
    struct weather_text t = {.rest = bytes, .name = name};
    struct str line, f[FIELDS];
    uint32_t rows = 0;
    out->class = WEATHER_EPW;
    SIL_TRY(read_header(&t, out, e));
    while (weather_line(&t, &line)) {
        if (line.n == 0) continue;
        size_t n = weather_fields(line, f, FIELDS);
        if (n < FIELDS) {
            return err_set(e, SIL_FORMAT, "%s:%u: %zu fields; an hour has at least %d", name, t.line, n, FIELDS);
        }
        double m, d, h;
        SIL_TRY(weather_value(&t, f[1], &month, &m, e));
        SIL_TRY(weather_value(&t, f[2], &day, &d, e));
        SIL_TRY(weather_value(&t, f[3], &hour, &h, e));
        bool skip;
        SIL_TRY(weather_place(&t, rows, (int)m, (int)d, (int)h, &skip, e));
        if (!skip) SIL_TRY(read_row(&t, f, &out->hour[rows++], e));
    }
    SIL_TRY(weather_complete(&t, rows, e));
    weather_clock(out);
    return SIL_OK;
}
