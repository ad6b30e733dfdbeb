#include "plan/pv.h"

#include <math.h>

#include "base/err.h"

#define RAD (3.14159265358979323846 / 180.0)

double pv_module_c(double poa_w_m2, double air_c, double wind_m_s, double a, double b) {
    return poa_w_m2 * exp(a + b * wind_m_s) + air_c;
}

double pv_cell_c(double poa_w_m2, double module_c, double dt_k) {
    return module_c + poa_w_m2 / 1000.0 * dt_k;
}

double pv_dc_w(double poa_w_m2, double cell_c, double dc0_w, double gamma_per_k) {
    return poa_w_m2 / 1000.0 * dc0_w * (1.0 + gamma_per_k * (cell_c - 25.0));
}

/* Reference efficiency 0.9637 and the fitted curve of a typical inverter (PVWatts 5, section 12), as a parabola. */
struct inverter {
    double ac0, c0, c1, c2;
};

static struct inverter inverter_of(double ac0_w, double nominal) {
    double zeta = nominal / ac0_w, scale = ac0_w / 0.9637;
    return (struct inverter){ac0_w, -0.0059 * scale, 0.9858 * scale * zeta, -0.0162 * scale * zeta * zeta};
}

static inline double invert(const struct inverter *v, double dc_w) {
    double ac = v->c0 + dc_w * (v->c1 + dc_w * v->c2);
    return ac < 0.0 ? 0.0 : ac > v->ac0 ? v->ac0 : ac;
}

double pv_ac_w(double dc_w, double ac0_w, double nominal) {
    struct inverter v = inverter_of(ac0_w, nominal);
    return dc_w > 0.0 ? invert(&v, dc_w) : 0.0;
}

double pv_plane_w_m2(double ghi, double dni, double dhi, double extra, double cos_aoi, double cos_zenith,
                     double tilt_deg, double albedo) {
    double sky = 0.5 * (1.0 + cos(tilt_deg * RAD)), ground = 0.5 * (1.0 - cos(tilt_deg * RAD));
    double aoi = cos_aoi > 0.0 ? cos_aoi : 0.0;
    double anisotropy = extra > 0.0 ? dni / extra : 0.0;
    /* Below 0.01745 (89 degrees) the ratio of the circumsolar part is held, as the usual codes do. */
    double zenith = cos_zenith > 0.01745 ? cos_zenith : 0.01745;
    return dni * aoi + dhi * (anisotropy * aoi / zenith + (1.0 - anisotropy) * sky) + ghi * albedo * ground;
}

/* The irradiance of an hour as two numbers, so that a step of it costs two products: beam and circumsolar follow the
 * sun on the plane, the rest follows its height. */
struct hour_light {
    double on_plane, by_height;
};

/* Within an hour, global and diffuse horizontal go with the sun's height, which leaves the beam constant: dni =
 * (ghi - dhi) / mean height. The file's DNI is the bound, since a sun at the horizon makes that quotient anything. */
static struct hour_light light_of(const struct weather_hour *h, double up, double extra, double sky, double ground) {
    if (!(up > 0.0)) return (struct hour_light){0};
    double ghi = h->ghi_w_m2, beam = ghi > h->dhi_w_m2 ? (ghi - h->dhi_w_m2) / up : 0.0;
    double most = up > 0.1 ? extra : fmin(h->dni_w_m2, extra);
    if (beam > most) beam = most;
    double diffuse = ghi - beam * up, anisotropy = beam / extra;
    return (struct hour_light){.on_plane = beam + diffuse * anisotropy / up,
                               .by_height = (diffuse * (1.0 - anisotropy) * sky + ghi * ground) / up};
}

/* Direct current over capacity of every step; returns its mean. */
static void direct_current(const struct pv_config *c, const struct weather *w, const struct sun_year *sun,
                           double *out) {
    double tilt = c->tilt_deg * RAD, azimuth = c->azimuth_deg * RAD;
    float east = (float)(sin(tilt) * sin(azimuth)), north = (float)(sin(tilt) * cos(azimuth)), up = (float)cos(tilt);
    double sky = 0.5 * (1.0 + cos(tilt)), ground = 0.5 * (1.0 - cos(tilt)) * c->albedo, keep = 1.0 - c->losses;
    const struct sun_step *s = sun->step;
    for (uint32_t i = 0; i < WEATHER_HOURS; i++) {
        const struct weather_hour *h = &w->hour[i], *last = &w->hour[i > 0 ? i - 1 : WEATHER_HOURS - 1];
        struct hour_light l = light_of(h, sun->hour_up[i], sun->hour_extra_w_m2[i], sky, ground);
        double air_c = 0.5 * (last->dry_bulb_c + h->dry_bulb_c), wind = 0.5 * (last->wind_m_s + h->wind_m_s);
        /* Cell over air temperature, per W/m2. */
        double heating =
            l.on_plane + l.by_height > 0.0 ? exp(c->sapm_a + c->sapm_b * wind) + c->sapm_dt_k / 1000.0 : 0.0;
        double at_air = 1.0 + c->gamma_per_k * (air_c - 25.0), per_w = c->gamma_per_k * heating;
        for (uint32_t k = 0; k < sun->per_hour; k++, s++, out++) {
            float aoi = s->east * east + s->north * north + s->up * up;
            double poa = 0.0;
            if (s->up > 0.0f) poa = l.by_height * s->up + (aoi > 0.0f ? l.on_plane * aoi : 0.0);
            double dc = poa / 1000.0 * (at_air + per_w * poa);
            *out = dc > 0.0 ? keep * dc : 0.0;
        }
    }
}

static double mean_ac(const struct inverter *v, const double *dc, uint32_t n, double scale) {
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        if (dc[i] > 0.0) sum += invert(v, scale * dc[i]);
    }
    return sum / n;
}

sil_err pv_series(const struct pv_config *c, const struct weather *w, const struct sun_year *sun, double *out,
                  struct pv_summary *summary, struct sil_error *e) {
    double target = c->capacity_factor;
    const struct inverter v = inverter_of(c->inverter / c->dc_ac, c->inverter);
    *summary = (struct pv_summary){.scale = 1.0};
    direct_current(c, w, sun, out);
    summary->raw_factor = mean_ac(&v, out, sun->n, 1.0);
    if (!(summary->raw_factor > 0.0))
        return err_set(e, SIL_ARG, "pv: the weather file has no sun to take the shape from");
    /* The mean rises with the scale, less than in proportion once the inverters clip: secant steps from below. */
    double scale = target / summary->raw_factor, mean = mean_ac(&v, out, sun->n, scale);
    double last_scale = 1.0, last = summary->raw_factor;
    for (int i = 0; i < 30 && fabs(mean - target) > 1e-12; i++) {
        double slope = scale != last_scale ? (mean - last) / (scale - last_scale) : mean / scale;
        if (!(slope > 1e-6)) break;
        last_scale = scale;
        last = mean;
        scale += (target - mean) / slope;
        if (!(scale > 0.0 && scale < 100.0)) break;
        mean = mean_ac(&v, out, sun->n, scale);
    }
    if (!(fabs(mean - target) <= 1e-9)) {
        return err_set(
            e, SIL_ARG,
            "pv.capacity_factor: %.4g cannot be reached by the shape of this weather with pv.dc_ac %.3g (the "
            "inverters would clip all day); without scaling it is %.4g",
            target, c->dc_ac, summary->raw_factor);
    }
    for (uint32_t i = 0; i < sun->n; i++) out[i] = out[i] > 0.0 ? invert(&v, scale * out[i]) : 0.0;
    summary->scale = scale;
    summary->factor = mean;
    return SIL_OK;
}
