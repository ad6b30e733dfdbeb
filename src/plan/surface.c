#include "plan/surface.h"

sil_err surface_fill(struct surface *s, const struct surface_source *src, struct sil_error *e) {
    s->rate_slo = src->rate_slo;
    s->speed_min = src->speed_min;
    s->mixes = src->mixes;
    for (uint32_t c = 0; c < SURFACE_CAPS; c++) {
        double speed = src->speed_min + (1 - src->speed_min) * c / (SURFACE_CAPS - 1);
        for (uint32_t m = 0; m < src->mixes; m++) {
            double mix = (double)m / (SURFACE_MIXES - 1);
            for (uint32_t l = 0; l < SURFACE_LOADS; l++) {
                double rate = src->rate_slo * SURFACE_LOAD_MAX * l / (SURFACE_LOADS - 1);
                sil_err err = src->eval(src->ctx, rate, mix, speed, &s->at[c][m][l], e);
                if (err != SIL_OK) return err;
            }
        }
    }
    return SIL_OK;
}

/* Index below x and the way to the next, for n points over [0, 1]; x outside is moved to the edge. */
static uint32_t below(double x, uint32_t n, double *part) {
    x = x > 0 ? (x < 1 ? x : 1) : 0;
    x *= n - 1;
    uint32_t i = (uint32_t)x;
    if (i > n - 2) i = n - 2;
    *part = x - i;
    return i;
}

static void along_load(const struct surface_point *row, uint32_t i, double part, struct surface_point *out) {
    const double *a = row[i].v, *b = row[i + 1].v;
    for (int k = 0; k < SURFACE_OUTS; k++) out->v[k] = a[k] + (b[k] - a[k]) * part;
}

static void between(struct surface_point *a, const struct surface_point *b, double part) {
    for (int k = 0; k < SURFACE_OUTS; k++) a->v[k] += (b->v[k] - a->v[k]) * part;
}

static void along_mix(const struct surface *s, uint32_t cap, uint32_t load, double part, double mix,
                      struct surface_point *out) {
    if (s->mixes == 1) {
        along_load(s->at[cap][0], load, part, out);
        return;
    }
    struct surface_point next;
    double mix_part;
    uint32_t m = below(mix, SURFACE_MIXES, &mix_part);
    along_load(s->at[cap][m], load, part, out);
    along_load(s->at[cap][m + 1], load, part, &next);
    between(out, &next, mix_part);
}

void surface_at(const struct surface *s, double load, double mix, double speed, struct surface_point *out) {
    double part, cap_part;
    uint32_t l = below(load / SURFACE_LOAD_MAX, SURFACE_LOADS, &part);
    if (speed >= 1 || s->speed_min >= 1) {
        along_mix(s, SURFACE_CAPS - 1, l, part, mix, out);
        return;
    }
    struct surface_point next;
    uint32_t c = below((speed - s->speed_min) / (1 - s->speed_min), SURFACE_CAPS, &cap_part);
    along_mix(s, c, l, part, mix, out);
    along_mix(s, c + 1, l, part, mix, &next);
    between(out, &next, cap_part);
}
