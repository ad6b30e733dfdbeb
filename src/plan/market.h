/* market: power purchase agreements, system marginal price, certificates, carbon, and the hourly carbon-free share.
 * KRW/kWh at the edge; W and J inside. Threads: plain structs. Nothing allocates. */
#ifndef SIL_PLAN_MARKET_H
#define SIL_PLAN_MARKET_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/var.h"
#include "sillok.h"

enum { MARKET_PPA_MAX = 8 };

enum market_shape { MARKET_PV, MARKET_ONSHORE, MARKET_OFFSHORE, MARKET_BASELOAD };
enum market_rec { MARKET_REC_KEEP, MARKET_REC_SELL };
/* as_produced: everything generated is paid, what the site does not take is sold at SMP; as_consumed: only what is
 * taken is paid. */
enum market_settlement { MARKET_AS_PRODUCED, MARKET_AS_CONSUMED };

/* An element of the list "ppa". Delivered through the grid connection. */
struct market_ppa {
    char name[PLAN_TEXT_MAX];
    int shape;              /* enum market_shape */
    double capacity_w;      /* generator's nameplate; baseload: what is delivered in each hour */
    double capacity_factor; /* annual mean that the site's shape is scaled to; baseload: availability */
    double price;           /* KRW/kWh at the generator */
    double wheeling;        /* KRW/kWh on top: grid use, losses, settlement, charged for what is taken */
    int settlement;         /* enum market_settlement */
};

struct market_config {
    struct market_ppa ppa[MARKET_PPA_MAX];
    uint32_t n_ppa;
    double smp;              /* KRW/kWh, mean of a year */
    double smp_hour[24];     /* of the mean, by hour of day */
    double rec_price;        /* KRW/kWh */
    int own_rec;             /* enum market_rec: certificates of own generation */
    double rec_buy;          /* of the import that is not under PPA, covered by bought certificates */
    double grid_carbon;      /* kgCO2/kWh of import, consumption end */
    double grid_carbon_free; /* g: carbon-free share of the grid */
    double carbon_price;     /* KRW/tCO2 */
    double carbon_paid;      /* share of emissions above the free allocation */
};

extern const struct plan_group market_group;

/* Sums of a year. */
struct market_sums {
    double ppa_made_j[MARKET_PPA_MAX], ppa_used_j[MARKET_PPA_MAX];
    double ppa_surplus_krw; /* sold at SMP: as produced only */
    double import_j, kepco_j;
    double export_j, export_krw;
    double own_j;                            /* generated on site and not curtailed */
    double load_j, matched_j, carbon_free_j; /* matched: with the grid's share, carbon_free: without */
};

struct market {
    const struct market_config *c;
    double scale[MARKET_PPA_MAX]; /* W of delivery per unit of shape */
    double smp_krw_kwh[24];
    double ppa_w[MARKET_PPA_MAX]; /* of the present step */
    double ppa_total_w;
    struct market_sums sum;
};

/* mean[i]: annual mean of the unit shape i (PV, onshore, offshore; 0 where there is none, baseload ignored), to which
 * each agreement's own capacity factor is scaled. SIL_ARG when an agreement's shape has no data. */
sil_err market_begin(struct market *m, const struct market_config *c, const double mean[3], struct sil_error *e);

/* unit[i]: output of the shapes in this step, of nameplate. Returns the power that all agreements deliver. */
double market_ppa_w(struct market *m, const double unit[3]);

/* What happened in the step, W: green_w is carbon-free supply of the load from own generation and storage.
 * Returns the carbon-free part of the load, W (own and contracted, without the grid's share). */
double market_step(struct market *m, int hour, double dt_s, double load_w, double import_w, double export_w,
                   double own_w, double green_w);

struct market_result {
    double ppa_kwh, ppa_krw, wheeling_krw, ppa_surplus_krw; /* krw: cost, cost, revenue */
    double export_kwh, export_krw;
    double rec_kwh, rec_krw;     /* certificates bought (+) or sold (-): cost */
    double location_t, market_t; /* tCO2 of import: by the grid's factor; less agreements and certificates */
    double carbon_krw;           /* of market_t */
    double carbon_free_share;    /* hourly matched with the grid's share g, see market_cfe */
    double carbon_free_own;      /* hourly matched without it */
    double renewable_annual;     /* renewable energy of a year / load of a year: the unmatched claim */
};

void market_close(const struct market *m, struct market_result *out);

/* One step's matched carbon-free power: min(L, C + (L - C)+ * g). */
static inline double market_cfe_w(double load_w, double carbon_free_w, double g) {
    double rest = load_w - carbon_free_w;
    double got = carbon_free_w + (rest > 0 ? rest * g : 0);
    return got < load_w ? got : load_w;
}

#endif
