/* result: the named numbers of a run, in the order of printing. Terminal table, JSON, report, and later sizing and
 * Monte-Carlo read them by key. */
#ifndef SIL_PLAN_RESULT_H
#define SIL_PLAN_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sillok.h"

enum { PLAN_RESULTS_MAX = 256, PLAN_RESULT_OF_MAX = 64 };

/* What sections of the screen and the report they belong to. */
enum plan_section {
    PLAN_SEC_SERVICE,    /* tokens, requests, SLO */
    PLAN_SEC_FLEET,      /* GPUs and their use */
    PLAN_SEC_POWER,      /* IT, facility, PUE, WUE */
    PLAN_SEC_ENERGY,     /* by source, carbon-free, carbon, battery */
    PLAN_SEC_COST,       /* tariff lines, cost per million tokens, capex */
    PLAN_SEC_FINANCE,    /* NPV, IRR, payback, DSCR, cash by party */
    PLAN_SEC_BUILD,      /* phases, impact score */
    PLAN_SEC_CONSTRAINT, /* what binds, hours */
    PLAN_N_SECS,
};

struct plan_result {
    const char *key; /* "power.facility_peak": static text, stable over versions */
    enum plan_section section;
    double value;     /* in `unit`; NAN: does not exist (no IRR), printed as a dash */
    const char *unit; /* as printed: "MW", "GWh", "KRW bn", "%", "1" for plain numbers, "" for flags */
    const char *en, *ko;
    char of[PLAN_RESULT_OF_MAX]; /* the service, phase or party that it is about; empty for the whole site */
    bool screen;                 /* on the one-screen table */
};

struct plan_results {
    struct plan_result r[PLAN_RESULTS_MAX];
    size_t n;
};

/* Appends; texts but `of` are static. SIL_LIMIT when full. */
sil_err plan_result_add(struct plan_results *t, const struct plan_result *r, struct sil_error *e);

/* The value of a key (`of` NULL or "": the site's); NAN when there is none. */
double plan_result_get(const struct plan_results *t, const char *key, const char *of);
const struct plan_result *plan_result_find(const struct plan_results *t, const char *key, const char *of);

const char *plan_section_en(enum plan_section s);
const char *plan_section_ko(enum plan_section s);

#endif
