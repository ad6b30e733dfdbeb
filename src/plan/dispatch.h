/* dispatch: who supplies the load in a step. A dispatcher is a table of functions over its own state; the year's loop
 * asks it how much load it could carry (from which the power cap follows), then tells it the load. The rule dispatcher
 * is one; a linear programme with foresight may become another.
 *
 * Grid import is never chosen: it is what remains, so that the balance closes exactly (plan_flow_close). */
#ifndef SIL_PLAN_DISPATCH_H
#define SIL_PLAN_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

/* A step as the dispatcher sees it; powers in W at the site's main bus (AC), means over the step. */
struct plan_supply {
    uint32_t step; /* from 0 */
    double dt_s;
    int month, hour;     /* 0..11, 0..23 */
    double pv_w, wind_w; /* could be generated on site */
    double ppa_w;        /* contracted off-site generation, arriving through the connection (inside import) */
    double import_max_w; /* contract or present connection, whichever is less */
    double export_max_w;
    double price_krw_kwh;  /* of one more kWh imported now */
    double export_krw_kwh; /* paid for one exported now */
    int period;            /* tariff: 0 off-peak, 1 mid, 2 peak */
    double billing_w;      /* billing demand reached so far (15-minute mean), below which import costs no demand */
};

/* What was decided. All >= 0. */
struct plan_flow {
    double pv_w, wind_w;          /* taken: used, stored or exported */
    double curtailed_w;           /* not taken */
    double charge_w, discharge_w; /* AC side of the battery; not both */
    double export_w;
    double import_w; /* set by plan_flow_close */
    double stored_j; /* in the battery after the step */
};

/* What may be known in advance. Arrays of n; a dispatcher says in its header how far it looks. NULL where not known. */
struct plan_horizon {
    uint32_t n;
    double dt_s;
    const double *pv_w, *wind_w, *price_krw_kwh;
};

struct plan_dispatcher {
    const char *name;
    void *state; /* of the implementation; belongs to one simulation */
    /* Before the first step of a year; state of charge and health carry over from the year before. */
    void (*begin)(void *state, const struct plan_horizon *h);
    /* The most load that could be carried in this step. Changes nothing. */
    double (*available_w)(const void *state, const struct plan_supply *s);
    /* Decides, for a load of at most available_w, and moves the state on. */
    void (*step)(void *state, const struct plan_supply *s, double load_w, struct plan_flow *out);
};

/* Sets import as the residual of the balance. A negative residual (rounding, or a dispatcher that took more than it
 * could place) is given back: from PV, then wind, as curtailment; what a battery gave too much comes last. */
void plan_flow_close(const struct plan_supply *s, double load_w, struct plan_flow *f);

/* Relative error of the balance of a flow: |in - out| / max(in, out, 1 W). */
double plan_flow_error(const struct plan_flow *f, double load_w);

#endif
