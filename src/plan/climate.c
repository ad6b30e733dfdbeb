#include "plan/climate.h"

#include <math.h>

#include "base/err.h"
#include "plan/psychro.h"

sil_err climate_new(uint32_t per_hour, struct mem mem, struct climate *out, struct sil_error *e) {
    *out = (struct climate){0};
    if (per_hour < 1 || per_hour > 60) return err_set(e, SIL_ARG, "climate: %u steps an hour (1 to 60)", per_hour);
    size_t n = (size_t)WEATHER_HOURS * per_hour;
    out->step = mem_array(mem, n, sizeof *out->step);
    if (!out->step) return err_nomem(e, "the weather of every step", n * sizeof *out->step);
    out->n = (uint32_t)n;
    out->per_hour = per_hour;
    return SIL_OK;
}

void climate_free(struct climate *c, struct mem mem) {
    mem_free(mem, c->step);
    *c = (struct climate){0};
}

/* Everything but wet bulb and irradiance is linear within the hour. */
static void linear(const struct weather_hour *a, const struct weather_hour *b, double x, struct climate_step *out) {
    out->dry_bulb_c = a->dry_bulb_c + (b->dry_bulb_c - a->dry_bulb_c) * x;
    out->ratio = a->ratio + (b->ratio - a->ratio) * x;
    out->pressure_pa = a->pressure_pa + (b->pressure_pa - a->pressure_pa) * x;
    out->wind_m_s = a->wind_m_s + (b->wind_m_s - a->wind_m_s) * x;
}

static double wet_bulb(const struct climate_step *s, double guess) {
    return psychro_wet_bulb(s->dry_bulb_c, s->ratio, s->pressure_pa, guess);
}

void climate_fill(struct climate *c, const struct weather *w, const struct sun_year *sun) {
    uint32_t per_hour = c->per_hour;
    const struct weather_hour *a = &w->hour[WEATHER_HOURS - 1];
    struct climate_step *out = c->step, probe;
    linear(a, a, 0.0, &probe);
    double b0 = wet_bulb(&probe, probe.dry_bulb_c), trend = 0.0;
    for (uint32_t i = 0; i < WEATHER_HOURS; i++) {
        const struct weather_hour *b = &w->hour[i];
        linear(a, b, 0.5, &probe);
        double b1 = wet_bulb(&probe, b0 + trend);
        linear(a, b, 1.0, &probe);
        double b2 = wet_bulb(&probe, 2.0 * b1 - b0);
        trend = 0.5 * (b2 - b0);
        /* b(x) = b0 + x * (p + q * x) through the ends and the middle. Ice and water are two curves. */
        double q = 2.0 * (b0 - 2.0 * b1 + b2), p = b2 - b0 - q;
        /* A parabola may miss a change of branch near freezing (a jump from ice to water is up to half a kelvin), and
         * bends too little for a front that passes in an hour. */
        double least = fmin(fabs(b0), fmin(fabs(b1), fabs(b2)));
        bool exact = (b0 < 0.0) != (b2 < 0.0) || least < 0.5 || fabs(b2 - b0) + fabs(b0 - 2.0 * b1 + b2) > 4.0;
        double light = sun && sun->hour_up[i] > 0.0 ? b->ghi_w_m2 / sun->hour_up[i] : 0.0;
        const struct sun_step *s = sun ? &sun->step[(size_t)i * per_hour] : NULL;
        for (uint32_t k = 0; k < per_hour; k++, out++) {
            double x = (k + 0.5) / per_hour;
            linear(a, b, x, out);
            double t = exact ? wet_bulb(out, b0 + x * (b2 - b0)) : b0 + x * (p + q * x);
            out->wet_bulb_c = t < out->dry_bulb_c ? t : out->dry_bulb_c;
            out->ghi_w_m2 = s && s[k].up > 0.0f ? light * s[k].up : 0.0;
        }
        a = b;
        b0 = b2;
    }
}
