/* finance: from a year's physical results and unit costs to cash, for the project and for both parties.
 *
 * The life of the project runs in quarters from the first spending; each phase has its spending time and its start of
 * operation; prices move by year. Nominal KRW. Tax by year with losses carried forward. Debt is drawn with capex and
 * repaid as an annuity per drawing. Two parties: technology (chips, models, engineering) and infrastructure (site,
 * power, permits, finance); their flows add up to the project's equity flow exactly.
 *
 * Pure functions over plain structs; nothing allocates; a result is about 60 kB. */
#ifndef SIL_PLAN_FINANCE_H
#define SIL_PLAN_FINANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/var.h"
#include "sillok.h"

enum {
    FIN_YEARS_MAX = 40,
    FIN_QUARTERS_MAX = FIN_YEARS_MAX * 4,
    FIN_PHASES_MAX = 32,
    FIN_RAMP_MAX = 24,
};

/* Capex by item; each has its party, its depreciation and its line in the waterfall. */
enum fin_item {
    FIN_GPU,         /* systems with chips */
    FIN_NETWORK,     /* cluster network and storage */
    FIN_ENGINEERING, /* design, software, integration */
    FIN_LAND,
    FIN_SHELL,      /* building */
    FIN_ELECTRICAL, /* substation, transformers, UPS, distribution */
    FIN_COOLING,
    FIN_GRID, /* connection to the grid, contribution and reinforcement */
    FIN_PV,
    FIN_WIND,
    FIN_BATTERY,
    FIN_PERMITS, /* impact assessment, permits, owner's cost */
    FIN_CONTINGENCY,
    FIN_N_ITEMS,
};

/* Opex by item. */
enum fin_opex {
    FIN_OP_POWER, /* bill, agreements, certificates, carbon, less export */
    FIN_OP_WATER,
    FIN_OP_STAFF,
    FIN_OP_SITE,      /* upkeep of building, electrical and cooling plant */
    FIN_OP_SYSTEM,    /* upkeep and support of systems, software */
    FIN_OP_NETWORK,   /* transit and lines */
    FIN_OP_INSURANCE, /* and property tax */
    FIN_N_OPEX,
};

enum fin_party { FIN_TECH, FIN_INFRA, FIN_N_PARTIES };
/* share: both sell together and split revenue; hosting: technology sells and pays infrastructure a fee per kW of IT
 * and month, and the power at cost. */
enum fin_deal { FIN_SHARE, FIN_HOSTING };

struct finance_config {
    int64_t years;                 /* from January of the year of first spending */
    double discount;               /* WACC, 1/year, nominal */
    double equity_discount;        /* for the flows to equity and the parties */
    double fx;                     /* KRW/USD at the beginning */
    double fx_drift, inflation;    /* 1/year */
    double fx_path[FIN_YEARS_MAX]; /* KRW/USD by year from the start year; past its end the drift goes on from it */
    uint32_t n_fx_path;            /* 0: fx and its drift */
    /* Capex, in the prices of the start year. */
    double gpu_usd;                       /* per GPU with its share of system, rack and links; NAN: the catalogue's */
    double network_share;                 /* of FIN_GPU */
    double engineering_share;             /* of GPU and network */
    double land_area_m2;                  /* NAN: FIN_LAND_M2_KW of the contract */
    double land_price;                    /* KRW/m2 */
    double shell, electrical, cooling;    /* KRW/kW of IT */
    double grid, grid_fixed;              /* KRW/kW of contract; KRW */
    double pv, onshore, offshore;         /* KRW/kW */
    double battery_energy, battery_power; /* KRW/kWh, KRW/kW */
    double permits;                       /* KRW/kW of contract */
    double contingency;                   /* of all but GPU, network, engineering and land */
    /* Opex a year, in the prices of the start year. */
    double staff, network;                        /* KRW/kW of IT in operation */
    double site_upkeep, system_upkeep, insurance; /* 1/year, of what was spent on plant; on systems; on all in place */
    double water_price;                           /* KRW/m3 */
    double tariff_escalation, ppa_escalation;     /* 1/year */
    double vat_recovered;                         /* share of the VAT on power that is got back */
    /* Revenue. */
    double realised;           /* of list prices: contracts, free and own use, hours that nobody buys */
    double token_price_drift;  /* 1/year, in USD, from the first operation on: usually negative */
    double gpu_hour_price;     /* USD; drifts alike */
    double gpu_hour_share;     /* of the GPUs, rented out rather than serving */
    double gpu_hour_sold;      /* of their hours */
    double other_revenue;      /* KRW/kW of IT in operation, a year: heat, grants, capacity payments */
    double ramp[FIN_RAMP_MAX]; /* demand by quarter after each phase starts, of the full demand; the last holds on */
    uint32_t n_ramp;
    /* Refresh. */
    int64_t refresh_years; /* 0: never. Not when less than half of it is left */
    double refresh_cost;   /* of the first price in USD */
    double new_systems;    /* 1/year: growth of what a GPU-hour of new systems earns, from the first operation on */
    bool progress;         /* later phases buy systems of their time, not those of the first phase */
    double resale;         /* of the purchase price in KRW, when replaced or at the end */
    int64_t battery_years; /* life; 0: never replaced */
    double site_residual;  /* of what land, building, grid and generation cost, at the end */
    /* Debt and tax. */
    double debt_share, debt_rate;
    int64_t debt_years, debt_grace_years; /* interest only in the grace time; the annuity follows */
    bool debt_for_gpu;                    /* systems too, or only the rest */
    double tax_rate, loss_limit;          /* share of a year's income that old losses may offset */
    int64_t life_gpu, life_plant, life_building, life_renewable; /* straight-line depreciation, years */
    /* Parties. */
    int deal;            /* enum fin_deal */
    double tech_revenue; /* share: of revenue to technology */
    double hosting_fee;  /* hosting: KRW/kW-month of IT in operation; then technology also pays power and water */
    double tech_engineering, tech_staff, tech_power; /* technology's part of those costs (the rest: infrastructure) */
};

/* m2 of land per kW of contract when no area is given: 250 MW on 150,000 m2. */
#define FIN_LAND_M2_KW 0.6

extern const struct plan_group finance_group;

/* What one phase adds. */
struct fin_phase {
    double gpus, contract_kw, it_kw;
    double pv_kw, onshore_kw, offshore_kw, battery_kw, battery_kwh;
    uint32_t spend_quarter;  /* first spending on the site, from January of the start year */
    uint32_t online_quarter; /* first quarter of operation; GPUs are paid in the quarter before */
};

/* One calendar year of operation in the prices of the start year. */
struct fin_ops {
    double service_usd; /* tokens and images at the list prices of the design */
    double rental_usd;  /* GPU-hours sold as such (training), at their price */
    double mtokens;     /* million tokens served */
    double gpu_hours;   /* of GPUs in service */
    double power_krw;   /* KEPCO's bill without VAT */
    double power_vat_krw;
    double ppa_krw; /* agreements, wheeling, certificates, carbon, less export */
    double water_m3;
    double it_kw; /* in operation, mean of the year: staff, network, other revenue, hosting fee */
};

struct fin_input {
    int32_t start_year; /* of the first spending */
    double gpu_usd;     /* catalogue's price per GPU */
    struct fin_phase phase[FIN_PHASES_MAX];
    uint32_t n_phases;
    struct fin_ops op[FIN_YEARS_MAX]; /* from start_year on; years past n_ops are like the last one */
    uint32_t n_ops;
    double battery_life_years; /* by ageing, when shorter than the configured life; 0: not known */
};

/* Fills op[] from one year at full build, for callers who simulate a single year: every quarter has the share of the
 * phases that operate, times the ramp of the configuration. in->phase and in->start_year are set. */
void finance_scale(const struct finance_config *c, struct fin_input *in, const struct fin_ops *full);

struct fin_year {
    double capex[FIN_N_ITEMS];
    double opex[FIN_N_OPEX];
    double revenue, resale;
    double depreciation, drawn, interest, principal;
    double project_tax, tax;     /* without and with the interest shield */
    double project;              /* revenue + resale - opex - capex - project_tax */
    double equity;               /* revenue + resale - opex - capex - tax + drawn - interest - principal */
    double party[FIN_N_PARTIES]; /* their sum is equity */
    double debt;                 /* owed at the end of the year */
    double dscr;                 /* (revenue - opex - tax) / (interest + principal) in years of repayment; else NAN */
    double mtokens, gpu_hours;
};

struct finance {
    uint32_t n_years;
    int32_t start_year;
    struct fin_year year[FIN_YEARS_MAX];
    double capex[FIN_N_ITEMS];     /* first build of all phases, without refreshes */
    double capex_first, capex_all; /* sums: first build; with refreshes */
    /* Present values at `discount`: npv = revenue + resale - opex - capex - tax. */
    double revenue_pv, resale_pv, tax_pv, opex_pv[FIN_N_OPEX], capex_pv[FIN_N_ITEMS];
    double npv, irr; /* project, after tax; irr NAN when there is none */
    double equity_npv, equity_irr;
    double party_npv[FIN_N_PARTIES], party_irr[FIN_N_PARTIES], party_capex[FIN_N_PARTIES];
    double payback_years;                    /* undiscounted, project, from January of the start year; NAN: never */
    double dscr_min, dscr_mean;              /* NAN without debt */
    double krw_per_mtoken, krw_per_gpu_hour; /* levelised: discounted cost before tax / discounted quantity; NAN */
};

/* Revenue of a year of operation in the prices of its first year: realised list prices, rentals. */
double fin_revenue_usd(const struct finance_config *c, const struct fin_ops *op);

/* SIL_ARG when phases lie outside the years or there is nothing to operate. */
sil_err finance_run(const struct finance_config *c, const struct fin_input *in, struct finance *out,
                    struct sil_error *e);

/* ---- the arithmetic, for tests and other uses ---- */

/* Sum of f[i] / (1 + rate)^(i / per_year). */
double fin_npv(const double *f, uint32_t n, double rate, double per_year);
/* The annual rate in (-0.99, 10) at which fin_npv falls through 0; of several the one nearest to 0; NAN when there is
 * none. Rates are scanned in 400 steps, even in the logarithm of 1 + rate. */
double fin_irr(const double *f, uint32_t n, double per_year);
/* Level payment per period that repays 1 in n periods at a rate per period. */
double fin_annuity(double rate, uint32_t n);

extern const char *const fin_item_en[FIN_N_ITEMS], *const fin_item_ko[FIN_N_ITEMS];
extern const char *const fin_opex_en[FIN_N_OPEX], *const fin_opex_ko[FIN_N_OPEX];

#endif
