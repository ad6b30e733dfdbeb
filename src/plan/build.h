/* build: phases of a site: when each gets its grid connection, halls, GPUs and generators, what is operating in a given
 * month, and the score of the impact assessment.
 *
 * A phase starts operating when the last of its chains is done: grid (notice, reinforcement), halls (permits, then
 * construction), machines (order, delivery); a declared start is kept only if the chains allow it, otherwise the phase
 * is late and says which chain holds it. After the start, GPUs come into service linearly over the commissioning time.
 *
 * Times are months since year 0 (year * 12 + month - 1). Pure functions. */
#ifndef SIL_PLAN_BUILD_H
#define SIL_PLAN_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/var.h"
#include "sillok.h"

enum { BUILD_PHASES_MAX = 16, BUILD_SCORES = 10 };

struct build_phase {
    char name[PLAN_TEXT_MAX];
    int64_t start;     /* wanted start of operation, month */
    double contract_w; /* contract power after this phase */
    double gpu_share;  /* of the full build's GPUs after this phase, 0..1; likewise: */
    double pv_share, wind_share, battery_share;
    int64_t grid_order; /* month in which the connection is applied for; 0: build.decision */
};

struct build_config {
    int64_t decision;       /* month of the decision to build */
    double grid_lead_s;     /* from application to energised connection */
    double permit_s;        /* impact assessment and permits, before construction */
    double construction_s;  /* halls of one phase */
    double delivery_s;      /* GPUs, from order */
    double commissioning_s; /* from the start of a phase until all its GPUs are in service */
    uint32_t n_phases;
    struct build_phase phases[BUILD_PHASES_MAX]; /* none: everything operates at build.decision plus the lead times */
    double score[BUILD_SCORES]; /* points claimed, in the order of build_scores; NAN: from the model or not claimed */
    double dispersion;          /* bonus or malus for the region, -15..15 */
};

extern const struct plan_group build_group;

/* What operates in a month. */
struct build_state {
    double contract_w; /* connection in service; 0 before the first phase */
    double gpu_share;  /* GPUs in service, of the full build, after commissioning */
    double built;      /* halls and plant, of the full build: the GPUs of all phases started */
    double pv_share, wind_share, battery_share;
    double demand; /* of the demand on the GPUs in service, by the ramp */
    double years;  /* since the first start; 0 before */
    int phase;     /* last started, from 0; -1 before the first */
};

/* A bar of the timeline; [begin, end) in months. */
enum build_chain { BUILD_GRID, BUILD_PERMIT, BUILD_HALLS, BUILD_DELIVERY, BUILD_COMMISSIONING, BUILD_N_CHAINS };
struct build_bar {
    int phase;
    enum build_chain chain;
    double begin, end;
};

struct build_plan {
    uint32_t n; /* phases, at least 1 */
    struct build_phase phase[BUILD_PHASES_MAX];
    double start[BUILD_PHASES_MAX];           /* actual start of operation, month */
    double late[BUILD_PHASES_MAX];            /* months after the wanted start; 0 when in time */
    enum build_chain holds[BUILD_PHASES_MAX]; /* the chain that ends last */
    struct build_bar bar[BUILD_PHASES_MAX * BUILD_N_CHAINS];
    uint32_t n_bars;
    const struct build_config *config; /* must outlive the plan; */
    const double *ramp;                /* so must this: share of the demand by quarter after each phase's start */
    uint32_t n_ramp;
};

/* contract_w: of the full build, for a design without phases. ramp: n_ramp shares of the demand by quarter after each
 * phase's start, the last one holds on (0: full at once). */
void build_make(const struct build_config *c, double contract_w, const double *ramp, uint32_t n_ramp,
                struct build_plan *out);
/* State at the middle of a month. */
void build_at(const struct build_plan *p, int64_t month, struct build_state *out);
/* First month with GPUs in service; the first January after the last phase's commissioning. */
int64_t build_first_month(const struct build_plan *p);
int32_t build_full_year(const struct build_plan *p);

/* The impact assessment of a site of 10 MW and more (Distributed Energy Act): items with their maxima. */
struct build_item {
    const char *en, *ko;
    double max, min; /* points */
};
extern const struct build_item build_scores[BUILD_SCORES];
enum { BUILD_SCORE_SELF = 2, BUILD_SCORE_EFFICIENCY = 3, BUILD_PASS = 70 };

/* Points per item and their sum. self_generation: share of the year's load generated on site (0..1); pue: of the
 * year: they fill the two items where nothing is claimed (10 points at a share of 0.2; 5 at PUE 1.1, 0 at 1.5, linear
 * between: an assumption, the official scale is a table of the ministry). */
double build_score(const struct build_config *c, double self_generation, double pue, double points[BUILD_SCORES]);

const char *build_chain_en(enum build_chain c);
const char *build_chain_ko(enum build_chain c);

#endif
