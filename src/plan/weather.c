#include "plan/weather.h"

#include <string.h>
#include <zstd.h>

#include "base/err.h"
#include "base/file.h"
#include "plan/psychro.h"
#include "plan/weather_text.h"

const char *weather_class_name(enum weather_class class) {
    switch (class) {
    case WEATHER_EPW: return "typical year (EPW)";
    case WEATHER_TMY3: return "typical year (TMY3)";
    default: return "synthetic year";
    }
}

sil_err weather_unzstd(struct str packed, const char *name, struct buf *b, struct sil_error *e) {
    enum { BLOCK = 1 << 16 };
    ZSTD_DStream *z = ZSTD_createDStream();
    if (!z) return err_nomem(e, "unpacking a weather file", 0);
    /* A window of at most 8 MiB: a hostile frame may not ask for more memory. */
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 23);
    ZSTD_inBuffer in = {packed.p, packed.n, 0};
    sil_err err = SIL_OK;
    size_t left = 1;
    while (err == SIL_OK && left != 0) {
        err = buf_reserve(b, BLOCK);
        if (err != SIL_OK) {
            err = err_set(e, err, "%s: unpacks to more than %zu bytes", name, b->max);
            break;
        }
        ZSTD_outBuffer out = {b->p + b->n, BLOCK, 0};
        size_t before = in.pos;
        left = ZSTD_decompressStream(z, &out, &in);
        if (ZSTD_isError(left))
            err = err_set(e, SIL_FORMAT, "%s: damaged zstd file: %s", name, ZSTD_getErrorName(left));
        else if (left != 0 && out.pos == 0 && in.pos == before) err = err_set(e, SIL_FORMAT, "%s: cut zstd file", name);
        else b->n += out.pos;
    }
    ZSTD_freeDStream(z);
    return err;
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

static sil_err load_file(const struct weather_config *c, struct mem mem, struct weather *out, struct sil_error *e) {
    struct file_map map;
    if (!c->file[0]) return err_set(e, SIL_ARG, "a file is needed for this weather.source");
    SIL_TRY(file_map_open(c->file, &map, e));
    struct str bytes = {(const char *)map.p, map.n};
    struct buf unpacked;
    buf_init(&unpacked, mem, WEATHER_BYTES_MAX);
    sil_err err = SIL_OK;
    if (ends_with(c->file, ".zst")) {
        err = weather_unzstd(bytes, c->file, &unpacked, e);
        bytes = buf_view(&unpacked);
    } else if (map.n > WEATHER_BYTES_MAX) {
        err = err_set(e, SIL_LIMIT, "%s: larger than %d bytes", c->file, WEATHER_BYTES_MAX);
    }
    if (err == SIL_OK) {
        err =
            c->source == WEATHER_FROM_EPW ? weather_epw(bytes, c->file, out, e) : weather_tmy3(bytes, c->file, out, e);
    }
    buf_free(&unpacked);
    file_map_close(&map);
    return err;
}

sil_err weather_load(const struct weather_config *c, struct mem mem, struct weather **out, struct sil_error *e) {
    struct weather *w = mem_array(mem, 1, sizeof *w);
    *out = NULL;
    if (!w) return err_nomem(e, "the weather of a year", sizeof *w);
    sil_err err = SIL_OK;
    if (c->source == WEATHER_FROM_NORMALS) weather_synthetic(c, w);
    else err = load_file(c, mem, w, e);
    if (err == SIL_OK) {
        *out = w;
        return SIL_OK;
    }
    mem_free(mem, w);
    /* The variable's name leads the reader of the design file to its line. */
    return err == SIL_NOMEM ? err : err_prefix(e, err, "weather.file");
}

/* Keeps the largest values in falling order. */
enum { TOP = 36 };

static void keep_top(double top[TOP], int *n, double v) {
    if (*n == TOP && v <= top[TOP - 1]) return;
    int j = *n < TOP ? (*n)++ : TOP - 1;
    for (; j > 0 && top[j - 1] < v; j--) top[j] = top[j - 1];
    top[j] = v;
}

void weather_summarise(const struct weather *w, struct weather_summary *out) {
    double dry[TOP], wet[TOP], b = w->hour[0].dry_bulb_c;
    int n_dry = 0, n_wet = 0, count[12] = {0};
    *out = (struct weather_summary){.min_c = 1e9};
    for (uint32_t i = 0; i < WEATHER_HOURS; i++) {
        const struct weather_hour *h = &w->hour[i];
        int month, day, hour;
        weather_moment(i, &month, &day, &hour);
        b = psychro_wet_bulb(h->dry_bulb_c, h->ratio, h->pressure_pa, b);
        double rh = psychro_rh(h->dry_bulb_c, h->ratio, h->pressure_pa);
        keep_top(dry, &n_dry, h->dry_bulb_c);
        keep_top(wet, &n_wet, b);
        if (h->dry_bulb_c < out->min_c) out->min_c = h->dry_bulb_c;
        out->mean_c += h->dry_bulb_c / WEATHER_HOURS;
        out->wet_mean_c += b / WEATHER_HOURS;
        out->rh += rh / WEATHER_HOURS;
        out->wind_m_s += h->wind_m_s / WEATHER_HOURS;
        out->ghi_j_m2 += 3600.0 * h->ghi_w_m2;
        out->dni_j_m2 += 3600.0 * h->dni_w_m2;
        out->dhi_j_m2 += 3600.0 * h->dhi_w_m2;
        out->month_ghi_j_m2[month - 1] += 3600.0 * h->ghi_w_m2;
        out->month_c[month - 1] += h->dry_bulb_c;
        out->month_rh[month - 1] += rh;
        count[month - 1]++;
    }
    for (int m = 0; m < 12; m++) {
        out->month_c[m] /= count[m];
        out->month_rh[m] /= count[m];
    }
    out->max_c = dry[0];
    out->wet_max_c = wet[0];
    out->design_c = dry[TOP - 1];
    out->wet_design_c = wet[TOP - 1];
}
