/* series: what every step of a simulated year leaves behind, for reports, CSV and tests. One row per step, in time
 * order from 1 January 00:00 local standard time; powers are means over the step, in W; everything else as named. */
#ifndef SIL_PLAN_SERIES_H
#define SIL_PLAN_SERIES_H

#include <stddef.h>
#include <stdint.h>

enum {
    PLAN_SERVICES_MAX = 12,     /* services of one design */
    PLAN_STEPS_MAX = 366 * 288, /* a leap year of five minutes */
};

/* Balance of a row, exact to rounding: pv_w + wind_w + discharge_w + import_w = facility_w + charge_w + export_w, and
 * facility_w = it_w + cooling_w + loss_w + other_w. */
struct plan_step {
    /* Weather. */
    double tdb_c, twb_c; /* dry and wet bulb */
    double ghi_w_m2;     /* global horizontal irradiance */
    double wind_m_s;     /* at 10 m */
    /* Load. */
    double wanted_w;  /* facility power without any cap */
    double it_w;      /* at the inputs of the IT equipment (after the cap) */
    double cooling_w; /* pumps, fans, towers, chillers */
    double loss_w;    /* transformers, UPS, distribution */
    double other_w;   /* lighting, offices, security */
    double facility_w;
    /* Supply. */
    double pv_w, wind_w;          /* used on site, stored or exported */
    double curtailed_w;           /* could have been generated, and was not */
    double charge_w, discharge_w; /* at the AC side of the battery */
    double stored_j;              /* in the battery at the end of the step */
    double import_w, export_w;
    double ppa_w;         /* off-site generation contracted for this step, delivered through the connection */
    double price_krw_kwh; /* energy price of import in this step: energy and per-kWh surcharges, before fund and VAT */
    double carbon_free_w; /* part of the load that was carbon-free in this very step */
    double emission_kg_s; /* CO2 of the import */
    double water_kg_s;    /* taken in */
    /* Work. */
    double gpus;                      /* commissioned and not failed */
    double busy;                      /* share of their time that they work, 0..1 */
    double tokens_s;                  /* served, prompt and answer, all services */
    double slo;                       /* share of requests within their service level, 0..1 (1 without requests) */
    float service[PLAN_SERVICES_MAX]; /* answered units per second of each service: output tokens, images; FLOP/s of
                                         training */
};

/* Rows are owned by whoever simulated; n is 8,760 or 105,120 (or a leap year's), dt_s 3600 or 300 (any divisor of a
 * day in whole seconds). */
struct plan_series {
    const struct plan_step *row;
    uint32_t n;
    double dt_s;
    int32_t year; /* of the calendar; January 1 is row 0 */
};

/* The columns by name, for CSV and plots; units as plain text ("W", "degC"). */
struct plan_column {
    const char *name, *unit;
    size_t offset; /* of a double in struct plan_step */
    const char *en, *ko;
};
extern const struct plan_column plan_columns[];
extern const size_t plan_n_columns;

/* Months, days and hours of a row without tables of its own: row i begins i * dt_s seconds after the year. */
/* Row of the first step of a month (0..11) in this year, or n for month 12. */
uint32_t plan_series_month(const struct plan_series *s, int month);

#endif
