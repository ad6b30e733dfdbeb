/* report_data: a year of steps boiled down to what the pictures show. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "plan/report_parts.h"

enum { DAY_S = 86400, QUARTER_S = 900, SUMMER_FROM = 151, SUMMER_TO = 243 };

/* Mean of a column (offset of a double in a step) over rows; 0 for none. */
static double mean_of(const struct plan_series *s, size_t offset, uint32_t from, uint32_t n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        double v;
        memcpy(&v, (const char *)&s->row[from + i] + offset, sizeof v);
        sum += v;
    }
    return n ? sum / n : 0;
}

static double power_of(const struct report_year *y, size_t offset, uint32_t from, uint32_t n) {
    return mean_of(y->series, offset, from, n) / y->unit_w;
}

/* PUE of energies, not the mean of quotients. */
static double pue_of(const struct plan_series *s, uint32_t from, uint32_t n) {
    double it = mean_of(s, offsetof(struct plan_step, it_w), from, n);
    return it > 0 ? mean_of(s, offsetof(struct plan_step, facility_w), from, n) / it : NAN;
}

static void fill_slots(struct report_year *y) {
    const struct plan_series *s = y->series;
    uint32_t per_slot = y->per_day / (uint32_t)y->slots, per_hour = y->per_day / 24;
    for (uint32_t i = 0; i < (uint32_t)(y->days * y->slots); i++) {
        uint32_t from = i * per_slot;
        y->import_power[i] = power_of(y, offsetof(struct plan_step, import_w), from, per_slot);
        y->green_power[i] = power_of(y, offsetof(struct plan_step, pv_w), from, per_slot) +
                            power_of(y, offsetof(struct plan_step, wind_w), from, per_slot);
        y->pue[i] = pue_of(s, from, per_slot);
        y->busy[i] = 100 * mean_of(s, offsetof(struct plan_step, busy), from, per_slot);
        y->has_green = y->has_green || y->green_power[i] > 0;
        y->has_busy = y->has_busy || y->busy[i] > 0;
    }
    for (uint32_t i = 0; i < (uint32_t)y->days * 24; i++) {
        y->hour_twb[i] = mean_of(s, offsetof(struct plan_step, twb_c), i * per_hour, per_hour);
        y->hour_pue[i] = pue_of(s, i * per_hour, per_hour);
    }
}

/* Daily bands from hourly values. */
static void fill_band(const double *hour, int days, double *lo, double *mean, double *hi) {
    for (int d = 0; d < days; d++) {
        double sum = 0;
        int n = 0;
        lo[d] = INFINITY;
        hi[d] = -INFINITY;
        for (int h = 0; h < 24; h++) {
            double v = hour[d * 24 + h];
            if (!isfinite(v)) continue;
            lo[d] = fmin(lo[d], v);
            hi[d] = fmax(hi[d], v);
            sum += v;
            n++;
        }
        mean[d] = n ? sum / n : NAN;
        if (n == 0) lo[d] = hi[d] = NAN;
    }
}

static int falling(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Quarter-hour means in falling order, thinned to CURVE_POINTS; the ends are exact. */
static void fill_curve(const struct report_year *y, size_t offset, double *sorted, double out[CURVE_POINTS]) {
    uint32_t step_s = (uint32_t)y->series->dt_s,
             per = step_s < QUARTER_S && QUARTER_S % step_s == 0 ? QUARTER_S / step_s : 1;
    uint32_t n = y->series->n / per;
    for (uint32_t i = 0; i < n; i++) sorted[i] = power_of(y, offset, i * per, per);
    qsort(sorted, n, sizeof *sorted, falling);
    for (uint32_t i = 0; i < CURVE_POINTS; i++)
        out[i] = sorted[(uint32_t)(((uint64_t)i * (n - 1) + (CURVE_POINTS - 1) / 2) / (CURVE_POINTS - 1))];
}

static void fill_energy(struct report_year *y) {
    const struct plan_series *s = y->series;
    double to_energy = s->dt_s / 3600 / (1e3 * y->unit_w);
    int before[13];
    uint32_t per_day = y->per_day;
    for (int m = 0, at = 0; m < 12; m++) {
        static const int len[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        before[m] = at;
        at += len[m] + (m == 1 && y->days == 366);
        before[m + 1] = at;
    }
    for (int m = 0; m < 12; m++)
        for (uint32_t i = (uint32_t)before[m] * per_day; i < (uint32_t)before[m + 1] * per_day; i++) {
            const struct plan_step *r = &s->row[i];
            double ppa = fmin(r->ppa_w, r->import_w);
            double in[SRC_N] = {r->import_w - ppa, ppa, r->wind_w, r->pv_w, r->discharge_w};
            double out[] = {r->it_w, r->cooling_w, r->loss_w, r->other_w, r->charge_w, r->export_w, r->curtailed_w};
            for (int k = 0; k < SRC_N; k++) {
                y->month_energy[k][m] += in[k] * to_energy;
                y->energy[FLOW_GRID + k] += in[k] * to_energy;
            }
            for (int k = 0; k < 7; k++) y->energy[FLOW_IT + k] += out[k] * to_energy;
        }
}

/* Small sites are shown in kW and MWh. */
static void choose_units(struct report_year *y) {
    double most = 0;
    for (uint32_t i = 0; i < y->series->n; i++) most = fmax(most, y->series->row[i].facility_w);
    bool small = most < 5e6;
    y->unit_w = small ? 1e3 : 1e6;
    y->power = small ? "kW" : "MW";
    y->energy_unit = small ? "MWh" : "GWh";
}

/* 0 is Monday. Zeller's congruence for 1 January, taken as month 13 of the year before. */
static int weekday_of_january_1(int year) {
    int k = (year - 1) % 100, j = (year - 1) / 100;
    int saturday0 = (1 + 13 * 14 / 5 + k + k / 4 + j / 4 + 5 * j) % 7;
    return (saturday0 + 5) % 7;
}

int report_weekday(const struct report_year *y, int day) {
    return (y->first_weekday + day + (day >= y->skipped)) % 7;
}

sil_err report_year_fill(const struct plan_series *series, struct arena *a, struct report_year *out,
                         struct sil_error *e) {
    memset(out, 0, sizeof *out);
    double per_day = DAY_S / series->dt_s;
    if (!(series->dt_s > 0) || per_day != floor(per_day) || per_day < 24 || (uint32_t)per_day % 24 != 0)
        return err_set(e, SIL_ARG, "report: steps of %.6g s do not divide an hour", series->dt_s);
    out->series = series;
    out->per_day = (uint32_t)per_day;
    uint32_t days = series->n / out->per_day;
    if (series->n != days * out->per_day || (days != 365 && days != 366))
        return err_set(e, SIL_ARG, "report: %u steps of %.6g s are not a year", series->n, series->dt_s);
    out->days = (int)days;
    out->slots = out->per_day % 96 == 0 ? 96 : 24;
    choose_units(out);
    bool leap = series->year % 4 == 0 && (series->year % 100 != 0 || series->year % 400 == 0);
    out->skipped = leap && days == 365 ? 59 : REPORT_DAYS_MAX + 1;
    out->first_weekday = weekday_of_january_1(series->year);
    size_t n_slots = (size_t)days * (size_t)out->slots, n_hours = (size_t)days * 24;
    double **maps[] = {&out->import_power, &out->green_power, &out->pue, &out->busy};
    double **daily[] = {&out->twb_min, &out->twb_mean, &out->twb_max, &out->pue_min, &out->pue_mean, &out->pue_max};
    double **hourly[] = {&out->hour_twb, &out->hour_pue};
    double *sorted = ARENA_ARRAY(a, series->n, double);
    bool ok = sorted != NULL;
    for (size_t i = 0; i < 4; i++) ok = (*maps[i] = ARENA_ARRAY(a, n_slots, double)) && ok;
    for (size_t i = 0; i < 6; i++) ok = (*daily[i] = ARENA_ARRAY(a, days, double)) && ok;
    for (size_t i = 0; i < 2; i++) ok = (*hourly[i] = ARENA_ARRAY(a, n_hours, double)) && ok;
    if (!ok) return err_nomem(e, "the sums of a report", n_slots * 4 * sizeof(double));
    fill_slots(out);
    fill_band(out->hour_twb, out->days, out->twb_min, out->twb_mean, out->twb_max);
    fill_band(out->hour_pue, out->days, out->pue_min, out->pue_mean, out->pue_max);
    fill_curve(out, offsetof(struct plan_step, import_w), sorted, out->import_curve);
    fill_curve(out, offsetof(struct plan_step, facility_w), sorted, out->facility_curve);
    fill_curve(out, offsetof(struct plan_step, it_w), sorted, out->it_curve);
    fill_energy(out);
    return SIL_OK;
}

void report_week_fill(const struct report_year *y, int day, struct report_week *out) {
    static const size_t column[] = {offsetof(struct plan_step, import_w),    offsetof(struct plan_step, ppa_w),
                                    offsetof(struct plan_step, wind_w),      offsetof(struct plan_step, pv_w),
                                    offsetof(struct plan_step, discharge_w), offsetof(struct plan_step, charge_w),
                                    offsetof(struct plan_step, export_w),    offsetof(struct plan_step, facility_w)};
    int monday = day - report_weekday(y, day);
    if (monday < 0) monday += 7;
    if (monday + 7 > y->days) monday -= 7;
    uint32_t per = y->per_day > 96 ? y->per_day / 96 : 1;
    if (y->per_day % per) per = y->per_day / 24;
    out->first_day = monday;
    out->n = (size_t)7 * y->per_day / per;
    for (size_t i = 0; i < out->n; i++) {
        uint32_t from = (uint32_t)monday * y->per_day + (uint32_t)i * per;
        for (int k = 0; k < 8; k++) out->v[k][i] = power_of(y, column[k], from, per);
        out->v[1][i] = fmin(out->v[1][i], out->v[0][i]);
        out->v[0][i] -= out->v[1][i]; /* what KEPCO sells is the rest of the import */
    }
}

int report_summer_day(const struct report_year *y) {
    int best = SUMMER_FROM;
    for (int d = SUMMER_FROM; d <= SUMMER_TO; d++)
        if (y->twb_mean[d] > y->twb_mean[best]) best = d;
    return best;
}

int report_winter_day(const struct report_year *y) {
    int best = 0;
    double lowest = INFINITY;
    for (int d = 0; d < y->days; d++) {
        double t = mean_of(y->series, offsetof(struct plan_step, tdb_c), (uint32_t)d * y->per_day, y->per_day);
        if (t < lowest) {
            lowest = t;
            best = d;
        }
    }
    return best;
}
