/* dispatch: closing the balance of a step. */
#include "plan/dispatch.h"
#include "plan/least.h"

#include <math.h>

/* Takes up to *too_much from *w; returns what it took. */
static double give_back(double *w, double *too_much) {
    double x = least(*w, *too_much);
    *w -= x;
    *too_much -= x;
    return x;
}

void plan_flow_close(const struct plan_supply *s, double load_w, struct plan_flow *f) {
    (void)s;
    f->import_w = load_w + f->charge_w + f->export_w - f->pv_w - f->wind_w - f->discharge_w;
    if (f->import_w >= 0) return;
    double too_much = -f->import_w;
    f->import_w = 0;
    f->curtailed_w += give_back(&f->pv_w, &too_much);
    f->curtailed_w += give_back(&f->wind_w, &too_much);
    (void)give_back(&f->discharge_w, &too_much);
}

double plan_flow_error(const struct plan_flow *f, double load_w) {
    double in = f->pv_w + f->wind_w + f->discharge_w + f->import_w;
    double out = load_w + f->charge_w + f->export_w;
    return fabs(in - out) / most(most(in, out), 1);
}
