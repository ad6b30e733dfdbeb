#include "plan/elec.h"

#include <math.h>

void elec_stage_init(const struct elec_stage_config *c, double design_w, struct elec_stage *out) {
    *out = (struct elec_stage){0};
    if (!(c->unit_w > 0.0) || !(design_w > 0.0)) return;
    double units = ceil(design_w / (c->unit_w * c->load_max));
    if (c->redundancy == ELEC_N1) units += 1.0;
    if (c->redundancy == ELEC_2N) units *= 2.0;
    double s = units * c->unit_w;
    *out = (struct elec_stage){.c0 = c->a * s, .c1 = c->b, .c2 = c->c / s, .rating_w = s, .units = units};
}

double elec_out_w(const struct elec_stage *s, double in_w) {
    double net = in_w - s->c0;
    if (!(net > 0.0)) return 0.0;
    double b = 1.0 + s->c1;
    /* The root of c2 P^2 + b P = net that stays exact when c2 is 0. */
    return 2.0 * net / (b + sqrt(b * b + 4.0 * s->c2 * net));
}
