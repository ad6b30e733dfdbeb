/* elec: losses between the grid and the IT equipment. Every stage (transformer, UPS, distribution, rectifier) is n
 * equal units that share the load, each losing S * (a + b*x + c*x*x) at load x = P / S; together a parabola in the
 * total power, so that the input follows from the output in closed form and back.
 *
 * Transformer: a = no-load share L0, c = load share L1: Pin = Pout + L0*S + L1*Pout^2/S (Masters, "Renewable and
 * Efficient Electric Power Systems"; pvlib's simple_efficiency). Powers in W. */
#ifndef SIL_PLAN_ELEC_H
#define SIL_PLAN_ELEC_H

#include "plan/var.h"
#include "sillok.h"

enum elec_redundancy { ELEC_N, ELEC_N1, ELEC_2N };

struct elec_stage_config {
    double unit_w; /* rating of one unit; 0: the stage does not exist */
    double a, b, c;
    int redundancy;
    double load_max; /* share of the rating that is used at the design load without the redundant units */
};

/* Group "electrical". */
struct elec_config {
    struct elec_stage_config transformer, ups, pdu, rectifier;
};
extern const struct plan_group elec_group;

/* One stage, prepared: loss = c0 + c1*P + c2*P*P for an output of P > 0 W. c0 is lost also at no load. */
struct elec_stage {
    double c0, c1, c2;
    double rating_w; /* of all units */
    double units;
};

/* Enough units for design_w, and the redundant ones. */
void elec_stage_init(const struct elec_stage_config *c, double design_w, struct elec_stage *out);

static inline double elec_loss_w(const struct elec_stage *s, double out_w) {
    return s->c0 + out_w * (s->c1 + s->c2 * out_w);
}
/* Input from output. */
static inline double elec_in_w(const struct elec_stage *s, double out_w) {
    return out_w + elec_loss_w(s, out_w);
}
/* Output from input, the inverse; 0 when the input is below the no-load loss. */
double elec_out_w(const struct elec_stage *s, double in_w);

#endif
