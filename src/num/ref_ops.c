/* Rule 3 for linear layers, rule 4 and the elementwise formulas of docs/arithmetic.md. */
#include <assert.h>
#include <math.h>

#include "num/blocks.h"
#include "num/elementary.h"
#include "num/ref.h"

/* Values k0 .. k0+n-1 of a row of floats. */
static void load_weights(enum dtype type, const uint8_t *row, uint32_t k0, uint32_t n, float *out) {
    if (type == DTYPE_F32) {
        memcpy(out, row + (size_t)4 * k0, (size_t)4 * n);
    } else if (type == DTYPE_F16) {
        for (uint32_t i = 0; i < n; i++) out[i] = blk_f16(row + 2 * ((size_t)k0 + i));
    } else {
        assert(type == DTYPE_BF16);
        for (uint32_t i = 0; i < n; i++) out[i] = num_bf16_to_f32(blk_u16(row + 2 * ((size_t)k0 + i)));
    }
}

void ref_linear_float(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out,
                      size_t out_stride) {
    assert(a->cols == w->cols && o0 <= o1 && o1 <= w->rows);
    float seg[NUM_SEGMENT];
    for (uint32_t o = o0; o < o1; o++) {
        const uint8_t *row = w->data + (size_t)o * w->row_bytes;
        for (uint32_t k0 = 0; k0 < w->cols; k0 += NUM_SEGMENT) {
            uint32_t n = w->cols - k0 < NUM_SEGMENT ? w->cols - k0 : NUM_SEGMENT;
            load_weights(w->type, row, k0, n, seg);
            for (uint32_t r = 0; r < a->n_rows; r++) {
                const float *x = a->x + (size_t)r * a->cols + k0;
                float chain = 0.0f, *y = out + r * out_stride + o;
                for (uint32_t k = 0; k < n; k++) chain = fmaf(x[k], seg[k], chain);
                *y = k0 == 0 ? chain : *y + chain;
            }
        }
    }
}

float ref_tree(const float lane[NUM_LANES], uint32_t live) {
    float v[NUM_LANES];
    for (int l = 0; l < NUM_LANES; l++) v[l] = lane[l];
    for (int step = NUM_LANES / 2; step >= 1; step /= 2) {
        for (int l = 0; l < step; l++) {
            bool here = live >> l & 1u, there = live >> (l + step) & 1u;
            if (here && there) v[l] = v[l] + v[l + step];
            else if (there) v[l] = v[l + step];
            if (there) live |= 1u << l;
        }
    }
    return v[0];
}

void ref_rmsnorm(const float *x, const float *w, uint32_t n, float eps, float *y) {
    float lane[NUM_LANES] = {0};
    for (uint32_t i = 0; i < n; i++) lane[i % NUM_LANES] = fmaf(x[i], x[i], lane[i % NUM_LANES]);
    float sum = ref_tree(lane, n >= NUM_LANES ? 0xffffu : (1u << n) - 1u);
    float r = num_rsqrtf(sum / (float)n + eps);
    for (uint32_t i = 0; i < n; i++) y[i] = (x[i] * r) * w[i];
}

static void rotate(float *a, float *b, float cosine, float sine) {
    float x0 = *a, x1 = *b;
    *a = fmaf(x0, cosine, -(x1 * sine));
    *b = fmaf(x0, sine, x1 * cosine);
}

void ref_rope_pairs(float *x, const float *cosine, const float *sine, uint32_t n_rot) {
    for (uint32_t i = 0; i < n_rot / 2; i++) rotate(&x[2 * i], &x[2 * i + 1], cosine[i], sine[i]);
}

void ref_rope_halves(float *x, const float *cosine, const float *sine, uint32_t n_rot) {
    for (uint32_t i = 0; i < n_rot / 2; i++) rotate(&x[i], &x[i + n_rot / 2], cosine[i], sine[i]);
}

static float silu(float x) {
    return x / (1.0f + num_expf(-x));
}

static float gelu_tanh(float x) {
    float p = fmaf(x * x, 0x1.6e4e26p-5f, 1.0f);                      /* 1 + 0.044715 x^2 */
    return (0.5f * x) * (1.0f + num_tanhf((x * 0x1.988454p-1f) * p)); /* sqrt(2/pi) */
}

static float gelu_erf(float x) {
    return (0.5f * x) * (1.0f + num_erff(x * 0x1.6a09e6p-1f)); /* sqrt(1/2) */
}

static float relu(float x) {
    return x > 0.0f ? x : 0.0f;
}

void ref_gated(enum num_act_fn act, float *gate, const float *up, size_t n) {
    static float (*const fn[])(float) = {
        [NUM_SILU] = silu, [NUM_GELU_TANH] = gelu_tanh, [NUM_GELU_ERF] = gelu_erf, [NUM_RELU] = relu};
    for (size_t i = 0; i < n; i++) gate[i] = fn[act](gate[i]) * up[i];
}

void ref_add(float *x, const float *y, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = x[i] + y[i];
}
