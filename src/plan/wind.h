/* wind: the shape of wind generation over a year from a site's 10 m wind, scaled to a declared capacity factor.
 *
 * A city mast says when it blows, not how much at the hub: one factor on the speeds is found so that the mean of a
 * declared power curve (cubic from cut-in to rated) gives the declared capacity factor. Cubic in the speed; smoothed
 * over the hour. */
#ifndef SIL_PLAN_WIND_H
#define SIL_PLAN_WIND_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/var.h"
#include "plan/weather.h"
#include "sillok.h"

/* Group "wind". */
struct wind_config {
    double capacity_w;
    bool offshore;                             /* for its cost */
    double capacity_factor;                    /* annual, net of all losses, declared */
    double cut_in_m_s, rated_m_s, cut_out_m_s; /* at the hub */
    double losses;                             /* wakes, availability, cables: bounds the output at 1 - losses */
    double interannual;                        /* as in pv */
};
extern const struct plan_group wind_group;

/* Share of the capacity at a hub wind, before losses. */
double wind_curve(const struct wind_config *c, double hub_m_s);

struct wind_summary {
    double speed_factor; /* hub over mast */
    double factor;       /* mean of the series */
};

/* W per W of capacity in every step, into out[8760 * per_hour]. SIL_ARG when no speed factor gives the declared
 * capacity factor (a calm file, a factor above what the losses leave). Allocates nothing. */
sil_err wind_series(const struct wind_config *c, const struct weather *w, uint32_t per_hour, double *out,
                    struct wind_summary *summary, struct sil_error *e);

#endif
