/* rope: rotary position angles and their scalings, computed in binary64 on the host and rounded once (rule 6). */
#ifndef SIL_NUM_ROPE_H
#define SIL_NUM_ROPE_H

#include <stdint.h>

enum num_rope_scaling { NUM_ROPE_NONE, NUM_ROPE_LINEAR, NUM_ROPE_YARN };

struct num_rope {
    uint32_t n_rot; /* values rotated, even */
    double base;    /* theta */
    enum num_rope_scaling scaling;
    double factor;                                        /* of linear or YaRN scaling; 1 for none */
    uint32_t orig_ctx;                                    /* YaRN: context of the original training */
    double ext_factor, attn_factor, beta_fast, beta_slow; /* YaRN */
    const float *freq_factors; /* n_rot/2 divisors of each frequency (llama3 scaling in GGUF's rope_freqs), or NULL */
};

/* Angular frequency of each pair, radians per position: freq[n_rot/2]; and the factor that multiplies cosine and sine
 * (YaRN's attention temperature, otherwise 1). */
void num_rope_freqs(const struct num_rope *r, double *freq, double *magnitude);

/* cosine/sine[n_freq] for one position. */
void num_rope_angles(const double *freq, uint32_t n_freq, double magnitude, uint32_t pos, float *cosine, float *sine);

#endif
