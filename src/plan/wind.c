#include "plan/wind.h"

#include <math.h>

#include "base/err.h"

double wind_curve(const struct wind_config *c, double v) {
    if (v < c->cut_in_m_s || v >= c->cut_out_m_s) return 0.0;
    if (v >= c->rated_m_s) return 1.0;
    double in = c->cut_in_m_s * c->cut_in_m_s * c->cut_in_m_s, full = c->rated_m_s * c->rated_m_s * c->rated_m_s;
    return (v * v * v - in) / (full - in);
}

static double mean_of(const struct wind_config *c, const struct weather *w, double factor) {
    double in = c->cut_in_m_s, out = c->cut_out_m_s, full = c->rated_m_s, sum = 0.0;
    double scale = 1.0 / (full * full * full - in * in * in);
    for (int i = 0; i < WEATHER_HOURS; i++) {
        double v = factor * w->hour[i].wind_m_s;
        if (v >= in && v < out) sum += v < full ? (v * v * v - in * in * in) * scale : 1.0;
    }
    return (1.0 - c->losses) * sum / WEATHER_HOURS;
}

/* A speed factor with that mean, to 1e-9. Up to the best one (storms begin to cost more than lulls gain) the mean
 * rises; a grid finds where it passes the target, secants and halving the rest. False when no factor reaches the
 * target. */
static bool find_factor(const struct wind_config *c, const struct weather *w, double target, double *factor) {
    double lo = 0.0, below = -target, hi = 0.0, above = 0.0, reached = 0.0, f = 0.5;
    for (int i = 0; i < 15 && hi == 0.0; i++, f *= 1.3) {
        double miss = mean_of(c, w, f) - target;
        if (miss >= 0.0) hi = f, reached = above = miss;
        else lo = f, below = miss;
    }
    if (hi == 0.0) return false;
    for (int i = 0; i < 60 && reached > 1e-9 && hi - lo > 1e-12; i++) {
        /* Between two points of a rising curve, drawn away from an end that stays (Illinois), halved now and then. */
        double mid = i % 8 == 7 ? 0.5 * (lo + hi) : lo - below * (hi - lo) / (above - below);
        double miss = mean_of(c, w, mid) - target;
        if (miss >= 0.0) hi = mid, reached = above = miss, below *= 0.5;
        else lo = mid, below = miss, above *= 0.5;
    }
    *factor = hi;
    return true;
}

sil_err wind_series(const struct wind_config *c, const struct weather *w, uint32_t per_hour, double *out,
                    struct wind_summary *summary, struct sil_error *e) {
    double factor;
    *summary = (struct wind_summary){0};
    if (!find_factor(c, w, c->capacity_factor, &factor)) {
        return err_set(e, SIL_ARG,
                       "wind.capacity_factor: %.4g cannot be reached: no factor on the wind of this weather and this "
                       "power curve gives as much (losses %.3g)",
                       c->capacity_factor, c->losses);
    }
    /* What jumps over cut-in and cut-out leave of the target is taken by a factor on the output. */
    double mean = mean_of(c, w, factor), fit = c->capacity_factor / mean;
    double keep = (1.0 - c->losses) * fit;
    double last = keep * wind_curve(c, factor * w->hour[WEATHER_HOURS - 1].wind_m_s);
    for (int i = 0; i < WEATHER_HOURS; i++) {
        double now = keep * wind_curve(c, factor * w->hour[i].wind_m_s);
        for (uint32_t k = 0; k < per_hour; k++, out++) *out = last + (now - last) * (k + 0.5) / per_hour;
        last = now;
    }
    summary->speed_factor = factor;
    summary->factor = mean * fit;
    return SIL_OK;
}
