#include "plan/facility.h"

#include <math.h>
#include <stdbool.h>

#include "base/err.h"
#include "plan/psychro.h"

sil_err facility_init(const struct elec_config *elec, const struct cool_config *cool, double it_w, double other_share,
                      const struct climate_step *design, struct facility *out, struct sil_error *e) {
    *out = (struct facility){.design_it_w = it_w, .other_w = other_share * it_w};
    if (!(it_w > 0.0)) return err_set(e, SIL_ARG, "facility: the design IT power must be above 0 W");
    elec_stage_init(&elec->rectifier, it_w, &out->rectifier);
    double rectifier_in = elec_in_w(&out->rectifier, it_w);
    elec_stage_init(&elec->pdu, rectifier_in, &out->pdu);
    double pdu_in = elec_in_w(&out->pdu, rectifier_in);
    elec_stage_init(&elec->ups, pdu_in, &out->ups);
    double ups_in = elec_in_w(&out->ups, pdu_in);
    double liquid = cool->liquid_share * it_w + cool->loss_liquid * (ups_in - it_w);
    SIL_TRY(cool_init(cool, liquid, ups_in - liquid, &out->cool, e));
    struct cool_out at_design;
    cool_step(&out->cool, design, liquid, ups_in - liquid, &at_design);
    elec_stage_init(&elec->transformer, ups_in + at_design.power_w + out->other_w, &out->transformer);
    struct facility_out full;
    facility_step(out, design, it_w, &full);
    out->design_total_w = full.total_w;
    out->design_pue = full.pue;
    return SIL_OK;
}

sil_err facility_size(const struct elec_config *elec, const struct cool_config *cool, double total_w,
                      double other_share, const struct climate_step *design, struct facility *out,
                      struct sil_error *e) {
    if (!(total_w > 0.0)) return err_set(e, SIL_ARG, "facility: the contract power must be above 0 W");
    /* Whole units make the total jump with the IT power: keep the largest that fits. */
    double lo = 0.0, hi = total_w, it = total_w / 1.3;
    for (int i = 0; i < 50 && hi - lo > 1e-9 * total_w; i++) {
        SIL_TRY(facility_init(elec, cool, it, other_share, design, out, e));
        if (out->design_total_w > total_w) hi = it;
        else lo = it;
        double next = it * total_w / out->design_total_w;
        /* Proportional steps close in fast; bisection when they leave the bracket. */
        it = next > lo && next < hi && i < 25 ? next : 0.5 * (lo + hi);
    }
    if (!(lo > 0.0)) {
        return err_set(e, SIL_ARG, "facility: %.6g kW are too little for one unit of each stage of the power chain",
                       total_w / 1000.0);
    }
    return facility_init(elec, cool, lo, other_share, design, out, e);
}

void facility_step(const struct facility *f, const struct climate_step *now, double it_w, struct facility_out *out) {
    out->it_w = it_w;
    out->other_w = f->other_w;
    double p = it_w;
    p += out->rectifier_loss_w = elec_loss_w(&f->rectifier, p);
    p += out->pdu_loss_w = elec_loss_w(&f->pdu, p);
    p += out->ups_loss_w = elec_loss_w(&f->ups, p);
    double liquid = f->cool.c.liquid_share * it_w + f->cool.c.loss_liquid * (p - it_w);
    cool_step(&f->cool, now, liquid, p - liquid, &out->cool);
    double bus = p + out->cool.power_w + f->other_w;
    out->transformer_loss_w = elec_loss_w(&f->transformer, bus);
    out->total_w = bus + out->transformer_loss_w;
    out->loss_w = out->rectifier_loss_w + out->pdu_loss_w + out->ups_loss_w + out->transformer_loss_w;
    out->pue = it_w > 0.0 ? out->total_w / it_w : NAN;
}

double facility_it_limit(const struct facility *f, const struct climate_step *now, double total_w) {
    struct facility_out o;
    facility_step(f, now, 0.0, &o);
    if (!(o.total_w <= total_w)) return 0.0;
    /* The total rises by more than one watt per watt of IT power, so that the answer lies in [lo, hi]. Secants through
     * the last two points, aimed a little low so that they arrive from below; halving where they leave the bracket. */
    const double close = 1e-9 * total_w, aim = total_w - 0.5 * close;
    double lo = 0.0, hi = total_w - o.total_w, last = 0.0, last_total = o.total_w;
    double slope = f->design_it_w / (f->design_total_w > 0.0 ? f->design_total_w : f->design_it_w);
    double it = hi * slope;
    for (int i = 0; i < 100 && hi - lo > 1e-12 * total_w; i++) {
        facility_step(f, now, it, &o);
        if (o.total_w <= total_w) lo = it;
        else hi = it;
        if (o.total_w <= total_w && total_w - o.total_w <= close) return it;
        double rise = o.total_w - last_total, next = it;
        if (rise != 0.0) next = it + (aim - o.total_w) * (it - last) / rise;
        last = it;
        last_total = o.total_w;
        it = next > lo && next < hi && i % 16 != 15 ? next : 0.5 * (lo + hi);
    }
    return lo;
}

void facility_design_hour(const struct cool_config *cool, const struct weather *w, struct climate_step *out) {
    /* The index of rank 35 of 8,760 (0.4 %) by the temperature that matters. */
    enum { RANK = 35 };
    double top[RANK + 1];
    int n = 0, at[RANK + 1];
    bool tower = cool->rejection == COOL_TOWER;
    double guess = 0.0;
    for (int i = 0; i < WEATHER_HOURS; i++) {
        const struct weather_hour *h = &w->hour[i];
        double t = h->dry_bulb_c;
        if (tower) t = guess = psychro_wet_bulb(h->dry_bulb_c, h->ratio, h->pressure_pa, guess);
        if (n == RANK + 1 && t <= top[RANK]) continue;
        int j = n <= RANK ? n++ : RANK;
        for (; j > 0 && top[j - 1] < t; j--) {
            top[j] = top[j - 1];
            at[j] = at[j - 1];
        }
        top[j] = t;
        at[j] = i;
    }
    const struct weather_hour *h = &w->hour[at[n - 1]];
    *out = (struct climate_step){
        .dry_bulb_c = h->dry_bulb_c, .ratio = h->ratio, .pressure_pa = h->pressure_pa, .wind_m_s = h->wind_m_s};
    out->wet_bulb_c = psychro_wet_bulb(h->dry_bulb_c, h->ratio, h->pressure_pa, h->dry_bulb_c);
}
