/* tariff: KEPCO's bill for large customers.
 *
 * tariff_prepare works out the price class of every hour of a year once; a step then only adds to a meter; tariff_bill
 * turns twelve metered months into won. Sheets: KEPCO electricity rates of 2024-07-01, and 2026 (industrial rates and
 * hours of 2026-04-16, general hours of 2026-06-01). W and J inside, kWh in the bill.
 *
 * Threads: plain structs, no state elsewhere. Nothing here allocates. */
#ifndef SIL_PLAN_TARIFF_H
#define SIL_PLAN_TARIFF_H

#include <stdint.h>

#include "plan/calendar.h"
#include "plan/var.h"
#include "sillok.h"

enum tariff_class { TARIFF_GENERAL, TARIFF_INDUSTRIAL, TARIFF_PPA_CUSTOMER, TARIFF_GENERAL_SMALL, TARIFF_CUSTOM };
/* Class general_small is for contracts below this. */
#define TARIFF_SMALL_W 300e3

enum tariff_voltage { TARIFF_HV_A, TARIFF_HV_B, TARIFF_HV_C }; /* 3.3-66 kV, 154 kV, 345 kV and above */
enum tariff_option { TARIFF_CHEAPEST, TARIFF_I, TARIFF_II, TARIFF_III };
enum tariff_sheet { TARIFF_2026, TARIFF_2024 };
enum tariff_region { TARIFF_MAINLAND, TARIFF_JEJU };
enum tariff_period { TARIFF_OFF, TARIFF_MID, TARIFF_PEAK, TARIFF_N_PERIODS };
enum tariff_season { TARIFF_SUMMER, TARIFF_SPRING_AUTUMN, TARIFF_WINTER, TARIFF_N_SEASONS };

struct tariff_config {
    int klass, voltage, option, sheet, region; /* the enums above */
    bool labour_day;
    double custom_base;                            /* class custom: KRW/kW-month */
    double custom_rate[9];                         /* KRW/kWh: summer off, mid, peak; spring and autumn; winter */
    double climate, fuel;                          /* KRW/kWh */
    double fund, vat;                              /* of the charge */
    bool demand_in_offpeak;                        /* demand in off-peak hours counts for the billing demand */
    double demand_floor;                           /* least billing demand, of the contract */
    double power_factor;                           /* of the site */
    double pf_reference, pf_low, pf_high, pf_rate; /* base charge changes by pf_rate per 1 % from the reference */
    double weekend_discount;     /* of the energy rate 11-14 h on spring and autumn weekends and holidays */
    int64_t weekend_discount_to; /* last year of it */
};

extern const struct plan_group tariff_group;

/* A row of the sheet. */
struct tariff_rates {
    double base_krw_kw; /* a month, per kW of billing demand */
    double krw_kwh[TARIFF_N_SEASONS][TARIFF_N_PERIODS];
};

/* Rates of one option (TARIFF_I ..). False when the class has no such option at that voltage; general rates have no
 * row for 345 kV and take that of 154 kV. */
bool tariff_rates(const struct tariff_config *c, enum tariff_option option, struct tariff_rates *out);

/* Periods of a working day, one letter per hour from 0 to 23: o off-peak, M mid, P peak. */
const char *tariff_hours(const struct tariff_config *c, enum tariff_season season);

enum { TARIFF_HOURS_MAX = 366 * 24, TARIFF_DISCOUNTED = 4 };

/* The hours of a year. */
struct tariff_year {
    uint32_t n_hours;
    uint8_t slot[TARIFF_HOURS_MAX];         /* enum tariff_period as metered, | TARIFF_DISCOUNTED */
    uint8_t month[TARIFF_HOURS_MAX];        /* 0..11 */
    double price_krw_kwh[TARIFF_HOURS_MAX]; /* energy, climate and fuel of one more kWh; before fund and VAT. With
                                               option "cheapest" that of the highest option, which suits a flat load */
    double off_share[12];                   /* hours metered off-peak in a month, of all: for reports */
};

/* cal must cover the year that is simulated; hours of a day without 29 February are up to the caller. */
sil_err tariff_prepare(const struct tariff_config *c, const struct calendar *cal, struct tariff_year *out,
                       struct sil_error *e);

/* What the meter has seen. Zero it to begin a year (tariff_meter_begin). */
struct tariff_meter {
    double energy_j[12][2 * TARIFF_DISCOUNTED]; /* taken from KEPCO, by month and slot */
    double demand_w[12][TARIFF_N_PERIODS];      /* highest 15-minute mean of import, by metered period */
    double window_j, window_s;                  /* the quarter of an hour in progress */
};

void tariff_meter_begin(struct tariff_meter *m);
/* One step of dt_s seconds in hour `hour` of the year. import_w: through the connection (counts for demand); kepco_w:
 * the part that KEPCO sold (import less what power purchase agreements delivered). Steps longer than 15 minutes are
 * taken as flat; steps must not straddle an hour. True when a month's maximum rose. */
bool tariff_meter_step(struct tariff_meter *m, const struct tariff_year *y, uint32_t hour, double dt_s, double import_w,
                       double kepco_w);

/* Demand that already counts in a month: import up to it costs no further base charge. */
double tariff_billing_w(const struct tariff_config *c, const struct tariff_meter *m, int month, double contract_w);

struct tariff_month {
    double kwh[TARIFF_N_PERIODS]; /* as metered */
    double demand_kw, billing_kw; /* own highest 15-minute mean that counts; what is charged */
    double base_krw, power_factor_krw, energy_krw, climate_krw, fuel_krw;
    double vat_krw, fund_krw, total_krw;
};

struct tariff_bill {
    struct tariff_month month[12];
    struct tariff_month year;          /* sums; demand_kw and billing_kw are the highest */
    enum tariff_option option;         /* that was charged */
    double option_krw[TARIFF_III + 1]; /* year's total by option; NAN where there is none */
    double load_factor;                /* energy / (highest demand x time); 0 without demand */
};

/* prior_w: countable demand of the twelve months before January, January first; NULL: a steady state, in which the
 * year before was like this one. Amounts are rounded as on a bill (each charge to the won below, VAT to the nearest
 * won, fund to the 10 won below). */
sil_err tariff_bill(const struct tariff_config *c, const struct tariff_meter *m, double contract_w,
                    const double prior_w[12], struct tariff_bill *out, struct sil_error *e);

/* As tariff_bill with a given class and its cheapest option, to compare classes. */
sil_err tariff_bill_as(const struct tariff_config *c, enum tariff_class klass, const struct tariff_meter *m,
                       double contract_w, struct tariff_bill *out, struct sil_error *e);

enum tariff_season tariff_season_of(int month); /* 0..11 */

#endif
