/* facility: from the power of the IT equipment to that of the site, by elec and cool:
 *
 *     grid -> transformers -> UPS -> distribution -> (rectifiers) -> IT equipment
 *                          -> pumps, fans, towers, chillers
 *                          -> lights, offices, security (constant)
 *
 * IT heat goes to the liquid and air loops, losses of UPS, distribution and rectifiers to the air loop (but for
 * cooling.loss_liquid); transformers stand outside. PUE and WUE follow ISO/IEC 30134-2 and -9 with the IT energy at the
 * inputs of the IT equipment. */
#ifndef SIL_PLAN_FACILITY_H
#define SIL_PLAN_FACILITY_H

#include "plan/cool.h"
#include "plan/elec.h"
#include "plan/weather.h"
#include "sillok.h"

struct facility {
    double design_it_w, design_total_w; /* total: at full IT load in the design hour */
    double design_pue;
    double other_w;
    struct elec_stage transformer, ups, pdu, rectifier;
    struct cool_plant cool;
};

struct facility_out {
    double it_w, total_w; /* total: at the site's meter */
    double loss_w;        /* all electrical stages */
    double transformer_loss_w, ups_loss_w, pdu_loss_w, rectifier_loss_w;
    double other_w;
    double pue; /* total / it; NAN without load */
    struct cool_out cool;
};

/* Builds a facility for this much IT power. other_share: constant load as a share of it_w. */
sil_err facility_init(const struct elec_config *elec, const struct cool_config *cool, double it_w, double other_share,
                      const struct climate_step *design, struct facility *out, struct sil_error *e);

/* Builds the facility whose full load in the design hour just takes total_w (the contract). */
sil_err facility_size(const struct elec_config *elec, const struct cool_config *cool, double total_w,
                      double other_share, const struct climate_step *design, struct facility *out, struct sil_error *e);

/* The design hour of a year: the step with the highest wet or dry bulb for the kind of heat rejection (0.4 % of the
 * hours may be hotter), at standard pressure for the height. */
void facility_design_hour(const struct cool_config *cool, const struct weather *w, struct climate_step *out);

/* One step; pure. it_w >= 0. */
void facility_step(const struct facility *f, const struct climate_step *now, double it_w, struct facility_out *out);

/* The most IT power with which the site takes at most total_w now (to 1e-9 of total_w, from below); 0 when even the
 * empty site takes more. Rising in total_w. Seven evaluations or so. */
double facility_it_limit(const struct facility *f, const struct climate_step *now, double total_w);

#endif
