/* Rope frequencies and angles: docs/arithmetic.md, section "Rotary positions". YaRN: Peng, Quesnelle, Fan, Shippole
 * 2023 (arXiv:2309.00071), with the parameters and defaults of llama.cpp. */
#include "num/rope.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#include "num/elementary.h"

static const double two_pi = 0x1.921fb54442d18p+2;

/* The (fractional) index of the pair that turns `turns` times over the original context. */
static double pair_of_turns(const struct num_rope *r, double turns) {
    return (double)r->n_rot * num_log((double)r->orig_ctx / (turns * two_pi)) / (2.0 * num_log(r->base));
}

/* 1 for pairs that keep their frequency, 0 for pairs that are interpolated, a ramp between. */
static double kept_share(double low, double high, uint32_t pair) {
    double width = high - low > 0.001 ? high - low : 0.001;
    double y = ((double)pair - low) / width;
    y = y < 0.0 ? 0.0 : y;
    y = y > 1.0 ? 1.0 : y;
    return 1.0 - y;
}

void num_rope_freqs(const struct num_rope *r, double *freq, double *magnitude) {
    assert(r->n_rot % 2 == 0 && r->base >= 1.0);
    bool scaled = r->scaling != NUM_ROPE_NONE, yarn = r->scaling == NUM_ROPE_YARN && r->ext_factor != 0.0;
    double low = 0.0, high = 0.0, log_base = num_log(r->base);
    if (yarn) {
        low = floor(pair_of_turns(r, r->beta_fast));
        high = ceil(pair_of_turns(r, r->beta_slow));
        low = low < 0.0 ? 0.0 : low;
        high = high > (double)(r->n_rot - 1) ? (double)(r->n_rot - 1) : high;
    }
    for (uint32_t i = 0; i < r->n_rot / 2; i++) {
        double f = num_exp(-((double)(2 * i) / (double)r->n_rot) * log_base);
        if (r->freq_factors) f = f / (double)r->freq_factors[i];
        double inter = scaled ? f / r->factor : f;
        if (yarn) {
            double keep = kept_share(low, high, i) * r->ext_factor;
            freq[i] = inter * (1.0 - keep) + f * keep;
        } else {
            freq[i] = inter;
        }
    }
    *magnitude = r->scaling == NUM_ROPE_YARN ? r->attn_factor : 1.0;
    if (yarn) *magnitude = *magnitude * (1.0 + 0.1 * num_log(r->factor));
}

void num_rope_angles(const double *freq, uint32_t n_freq, double magnitude, uint32_t pos, float *cosine, float *sine) {
    for (uint32_t i = 0; i < n_freq; i++) {
        double s, c;
        num_sincos((double)pos * freq[i], &s, &c);
        cosine[i] = (float)(c * magnitude);
        sine[i] = (float)(s * magnitude);
    }
}
