/* check_energy: published bills, rates, almanacs and textbook rates against the models. */
#include "plan/check_energy.h"

#include <math.h>

#include "plan/battery.h"
#include "plan/calendar.h"
#include "plan/finance.h"
#include "plan/tariff.h"
#include "plan/var.h"

/* A flat load of `w` for a calendar year, in hours. year is 70 kB: the caller's. */
static sil_err flat_bill(const struct tariff_config *c, int calendar_year, double w, struct tariff_year *year,
                         struct tariff_bill *out, struct sil_error *e) {
    struct calendar cal;
    struct tariff_meter m;
    sil_err err = calendar_fill(calendar_year, false, &cal, e);
    if (err == SIL_OK) err = tariff_prepare(c, &cal, year, e);
    if (err != SIL_OK) return err;
    tariff_meter_begin(&m);
    for (uint32_t h = 0; h < year->n_hours; h++) (void)tariff_meter_step(&m, year, h, 3600, w, w);
    return tariff_bill(c, &m, w, NULL, out, e);
}

static struct tariff_config tariff_of(int klass, int voltage, int option) {
    struct tariff_config c;
    plan_defaults(&tariff_group, &c);
    c.klass = klass;
    c.voltage = voltage;
    c.option = option;
    c.power_factor = c.pf_reference;
    return c;
}

enum { KEPCO_OFF, KEPCO_MID, KEPCO_PEAK, KEPCO_ENERGY, KEPCO_BASE, KEPCO_TOTAL };

/* 400 kW flat in July 2023, general (eul) B-II, with the hours of 2026. */
static sil_err kepco_july(const struct plan_check_ctx *ctx, int arg, double *got, struct sil_error *e) {
    struct tariff_config c = tariff_of(TARIFF_GENERAL, TARIFF_HV_B, TARIFF_II);
    struct tariff_year year;
    struct tariff_bill b;
    (void)ctx;
    sil_err err = flat_bill(&c, 2023, 400e3, &year, &b, e);
    if (err != SIL_OK) return err;
    const struct tariff_month *m = &b.month[6];
    switch (arg) {
    case KEPCO_ENERGY: *got = m->energy_krw; break;
    case KEPCO_BASE: *got = m->base_krw; break;
    case KEPCO_TOTAL: *got = m->total_krw; break;
    default: *got = m->kwh[arg]; break;
    }
    return SIL_OK;
}

/* Industrial less general, B-III, 250 MW flat through 2026, all charges and the fund, before VAT; KRW bn. */
static sil_err class_difference(const struct plan_check_ctx *ctx, int arg, double *got, struct sil_error *e) {
    double krw[2];
    (void)ctx;
    (void)arg;
    for (int k = 0; k < 2; k++) {
        struct tariff_config c = tariff_of(k ? TARIFF_INDUSTRIAL : TARIFF_GENERAL, TARIFF_HV_B, TARIFF_III);
        struct tariff_year year;
        struct tariff_bill b;
        sil_err err = flat_bill(&c, 2026, 250e6, &year, &b, e);
        if (err != SIL_OK) return err;
        krw[k] = b.year.total_krw - b.year.vat_krw;
    }
    *got = (krw[1] - krw[0]) / 1e9;
    return SIL_OK;
}

/* arg: voltage * 1000 + option * 100 + season * 10 + period. */
static sil_err industrial_rate(const struct plan_check_ctx *ctx, int arg, double *got, struct sil_error *e) {
    struct tariff_config c = tariff_of(TARIFF_INDUSTRIAL, arg / 1000, arg / 100 % 10);
    struct tariff_rates r;
    (void)ctx;
    (void)e;
    *got = tariff_rates(&c, (enum tariff_option)c.option, &r) ? r.krw_kwh[arg / 10 % 10][arg % 10] : NAN;
    return SIL_OK;
}

/* Sundays and public holidays of a year. */
static sil_err red_days(const struct plan_check_ctx *ctx, int arg, double *got, struct sil_error *e) {
    struct calendar c;
    (void)ctx;
    sil_err err = calendar_fill(arg, false, &c, e);
    if (err != SIL_OK) return err;
    *got = 0;
    for (int d = 0; d < c.n_days; d++) *got += c.kind[d] == CALENDAR_HOLIDAY;
    return SIL_OK;
}

static sil_err battery_year(const struct plan_check_ctx *ctx, int arg, double *got, struct sil_error *e) {
    struct battery_config c;
    (void)ctx;
    (void)arg;
    (void)e;
    plan_defaults(&battery_group, &c);
    c.energy_j = 3.6e9;
    *got = 100 * (1 - battery_soh_after(&c, 365, 0.5, 1));
    return SIL_OK;
}

static sil_err textbook(const struct plan_check_ctx *ctx, int arg, double *got, struct sil_error *e) {
    static const double flow[] = {-1000, 500, 400, 300, 100};
    (void)ctx;
    (void)e;
    switch (arg) {
    case 0: *got = 100 * fin_irr(flow, 5, 1); break;
    case 1: *got = fin_npv(flow, 5, 0.10, 1); break;
    default: *got = fin_annuity(0.05, 10); break;
    }
    return SIL_OK;
}

#define JULY  "KEPCO 2023-07"
#define HOURS "general (eul) B-II, 400 kW flat, hours of 2026, power factor 90 %"
#define RATES "KEPCO 2026-04-16"
#define ROW(s, w, u, x, r, a, f, n, note_)                                                                             \
    {                                                                                                                  \
        .source = (s), .what = (w), .unit = (u), .expected = (x), .rel = (r), .abs = (a), .got = (f), .arg = (n),      \
        .note = (note_)                                                                                                \
    }

const struct plan_check energy_checks[] = {
    ROW(JULY, "off-peak energy", "kWh", 152000, 0, 0.5, kepco_july, KEPCO_OFF, HOURS),
    ROW(JULY, "mid energy", "kWh", 95200, 0, 0.5, kepco_july, KEPCO_MID, HOURS),
    ROW(JULY, "peak energy", "kWh", 50400, 0, 0.5, kepco_july, KEPCO_PEAK, HOURS),
    ROW(JULY, "energy charge", "KRW", 39116320, 0, 0.5, kepco_july, KEPCO_ENERGY, HOURS),
    ROW(JULY, "base charge", "KRW", 2952000, 0, 0.5, kepco_july, KEPCO_BASE, HOURS),
    ROW(JULY, "bill with climate, fuel, VAT and fund", "KRW", 52106522, 0, 0.5, kepco_july, KEPCO_TOTAL, HOURS),
    ROW(RATES, "industrial A-II summer mid", "KRW/kWh", 163.8, 0, 1e-6, industrial_rate, 201,
        "sheet of 2024-07 and announced changes"),
    ROW(RATES, "industrial B-II winter off-peak", "KRW/kWh", 134.6, 0, 1e-6, industrial_rate, 1220,
        "sheet of 2024-07 and announced changes"),
    ROW(RATES, "industrial B-III spring and autumn peak", "KRW/kWh", 160.3, 0, 1e-6, industrial_rate, 1312,
        "sheet of 2024-07 and announced changes"),
    ROW(RATES, "industrial C-III winter mid", "KRW/kWh", 172.5, 0, 1e-6, industrial_rate, 2321,
        "sheet of 2024-07 and announced changes"),
    ROW("KEPCO 2026", "industrial less general, 250 MW flat, a year", "KRW bn", 67, 0.05, 0, class_difference, 0,
        "B-III, 2026, with fund, before VAT; stated as of the order of 67 bn"),
    ROW("KASI almanac 2024", "Sundays and public holidays", "days", 68, 0, 0, red_days, 2024, NULL),
    ROW("KASI almanac 2025", "Sundays and public holidays", "days", 68, 0, 0, red_days, 2025, NULL),
    ROW("KASI almanac 2026", "Sundays and public holidays", "days", 71, 0, 0, red_days, 2026,
        "70 in the almanac of June 2025; Constitution Day was added in 2026"),
    ROW("REopt.jl ageing", "capacity lost in a year, half charged, a cycle a day", "%", 1.5784436, 0, 1e-6,
        battery_year, 0, "expected: 1.16e-3 x 0.5 x 0.428 x sum of d^-0.572 over 365 days + 365 x 2.46e-5"),
    ROW("textbook", "IRR of -1000, 500, 400, 300, 100", "%", 14.48884428, 0, 1e-6, textbook, 0, NULL),
    ROW("textbook", "NPV of these at 10 %", "1", 78.81975275, 0, 1e-6, textbook, 1, NULL),
    ROW("textbook", "annuity of 10 payments at 5 %", "1", 0.129504575, 0, 1e-9, textbook, 2, NULL),
};
const size_t energy_n_checks = sizeof energy_checks / sizeof *energy_checks;
