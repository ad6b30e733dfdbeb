#include "num/encode.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "num/fp16.h"

enum { K_LEN = 256, K_SUB = 32, K_SUBS = K_LEN / K_SUB, Q6_SUB = 16, Q6_SUBS = K_LEN / Q6_SUB };

/* x within [-max, max], NaN as 0: no scale or value in a file may be infinite or NaN. */
static float within(float x, float max) {
    if (x != x) return 0;
    x = x < max ? x : max;
    return x > -max ? x : -max;
}

static void put_u16(uint8_t *out, uint16_t v) {
    out[0] = (uint8_t)v;
    out[1] = (uint8_t)(v >> 8);
}

/* Stores a scale as binary16 and gives the value that it became. */
static float put_half(uint8_t *out, float x) {
    uint16_t h = num_f32_to_f16(within(x, 65504));
    put_u16(out, h);
    return num_f16_to_f32(h);
}

/* The nearest integer in [lo, hi] as a float, ties to even; lo for NaN. Adding 1.5 * 2^23 rounds, and unlike rintf
 * it becomes vector code everywhere. */
static inline float nearest(float x, float lo, float hi) {
    x = x > lo ? x : lo;
    x = x < hi ? x : hi;
    return (x + 12582912.0f) - 12582912.0f;
}

static inline float inverse(float d) {
    float inv = 1.0f / d; /* infinite where d is zero or too small to be divided by */
    return fabsf(inv) <= 3.4e38f ? inv : 0.0f;
}

/* The value of largest magnitude, with its sign. */
static float extreme(const float *x, uint32_t n) {
    float v = 0;
    for (uint32_t i = 0; i < n; i++)
        if (fabsf(x[i]) > fabsf(v)) v = x[i];
    return v;
}

/* The scale d (of either sign) that brings d * q nearest to x in the sense of least squares, for integers q in
 * [-m, m-1]: some trial scales around the one that maps the extreme value to -m, each with the best d for its
 * roundings. For given q the best d is sum(xq)/sum(qq), and the error falls by sum(xq)^2/sum(qq). */
static float fit_signed(const float *x, uint32_t n, float m) {
    float v = extreme(x, n), best_gain = 0, best = 0;
    if (v == 0) return 0;
    for (int s = -4; s <= 4; s++) {
        float inv = -(m + 0.15f * (float)s) / v, xq = 0, qq = 0;
        for (uint32_t i = 0; i < n; i++) {
            float q = nearest(inv * x[i], -m, m - 1);
            xq += x[i] / v * q; /* relative to v, so that no square overflows */
            qq += q * q;
        }
        if (qq == 0 || xq * xq <= best_gain * qq) continue;
        best_gain = xq * xq / qq;
        best = xq / qq * v;
    }
    return best;
}

/* The d >= 0 and m for which d * q + m, q in [0, top], is nearest to x; m <= 0 if `below_zero`. Trial roundings as in
 * fit_signed, a line fitted to each. */
static void fit_line(const float *x, uint32_t n, float top, bool below_zero, float *d, float *m) {
    float lo = x[0], hi = x[0], best = INFINITY;
    for (uint32_t i = 1; i < n; i++) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
    }
    if (below_zero && lo > 0) lo = 0;
    float range = hi - lo;
    *d = 0;
    *m = lo;
    if (!(range > 0) || inverse(range) == 0) return;
    for (int s = -4; s <= 4; s++) {
        float inv = (top + 0.15f * (float)s) / range, sq = 0, sx = 0, sqq = 0, sxq = 0;
        for (uint32_t i = 0; i < n; i++) {
            float y = x[i] - lo, q = nearest(y * inv, 0, top);
            y /= range;
            sq += q;
            sx += y;
            sqq += q * q;
            sxq += y * q;
        }
        float det = (float)n * sqq - sq * sq, slope = 0, base = 1;
        if (det > 0) {
            slope = ((float)n * sxq - sx * sq) / det * range;
            base = lo + (sx * range - slope * sq) / (float)n;
        }
        if (below_zero && base > 0) { /* the line through the origin instead */
            slope = (sxq * range + lo * sq) / sqq;
            base = 0;
        }
        float error = 0;
        for (uint32_t i = 0; i < n; i++) {
            float e = (x[i] - base - slope * nearest((x[i] - lo) * inv, 0, top)) / range;
            error += e * e;
        }
        if (!(slope > 0) || !(error < best)) continue;
        best = error;
        *d = slope;
        *m = base;
    }
}

static void encode_q8_0(const float *x, uint8_t *out) {
    float d = put_half(out, fabsf(extreme(x, 32)) / 127), inv = inverse(d);
    for (int i = 0; i < 32; i++) out[2 + i] = (uint8_t)(int8_t)nearest(x[i] * inv, -127, 127);
}

/* Quants 0..31 of a block of 32 as nibbles (element i low, i + 16 high) and, if qh, their fifth bits. */
static void put_nibbles(const uint8_t *q, uint8_t *qh, uint8_t *qs) {
    for (int i = 0; i < 16; i++) qs[i] = (uint8_t)((q[i] & 15) | (q[i + 16] & 15) << 4);
    for (int i = 0; qh && i < 4; i++) {
        qh[i] = 0;
        for (int j = 0; j < 8; j++) qh[i] |= (uint8_t)((q[8 * i + j] >> 4 & 1) << j);
    }
}

/* Q4_0 (bits 4) and Q5_0 (bits 5): d, [high bits,] nibbles of q + 2^(bits-1). */
static void encode_signed(const float *x, int bits, uint8_t *out) {
    float m = (float)(1 << (bits - 1));
    float inv = inverse(put_half(out, fit_signed(x, 32, m)));
    uint8_t q[32];
    for (int i = 0; i < 32; i++) q[i] = (uint8_t)(nearest(x[i] * inv, -m, m - 1) + m);
    put_nibbles(q, bits == 5 ? out + 2 : NULL, out + (bits == 5 ? 6 : 2));
}

/* Q4_1 and Q5_1: d, m, [high bits,] nibbles. */
static void encode_line(const float *x, int bits, uint8_t *out) {
    float top = (float)((1 << bits) - 1), d, m;
    fit_line(x, 32, top, false, &d, &m);
    float inv = inverse(put_half(out, d));
    m = put_half(out + 2, m);
    uint8_t q[32];
    for (int i = 0; i < 32; i++) q[i] = (uint8_t)nearest((x[i] - m) * inv, 0, top);
    put_nibbles(q, bits == 5 ? out + 4 : NULL, out + (bits == 5 ? 8 : 4));
}

/* Eight 6-bit scales and eight 6-bit minima in 12 bytes: the first four of each in the low six bits of bytes 0-3 and
 * 4-7, the others' low nibbles in bytes 8-11 and their top two bits above the first four. */
static void put_scales(const uint8_t *sc, const uint8_t *mn, uint8_t *out) {
    for (int j = 0; j < 4; j++) {
        out[j] = (uint8_t)(sc[j] | (sc[j + 4] >> 4) << 6);
        out[j + 4] = (uint8_t)(mn[j] | (mn[j + 4] >> 4) << 6);
        out[j + 8] = (uint8_t)((sc[j + 4] & 15) | (mn[j + 4] & 15) << 4);
    }
}

/* Q4_K and Q5_K: d, dmin, scales, [fifth bits: bit s of byte i is element i of sub-block s,] nibbles (two sub-blocks
 * in 32 bytes, low and high). Sub-block s has value d*sc[s]*q - dmin*mn[s]. */
static void encode_k(const float *x, int bits, uint8_t *out) {
    float top = (float)((1 << bits) - 1), d[K_SUBS], m[K_SUBS], d_max = 0, m_max = 0;
    for (int s = 0; s < K_SUBS; s++) {
        fit_line(x + s * K_SUB, K_SUB, top, true, &d[s], &m[s]);
        d_max = d[s] > d_max ? d[s] : d_max;
        m_max = -m[s] > m_max ? -m[s] : m_max;
    }
    float d_all = put_half(out, d_max / 63), m_all = put_half(out + 2, m_max / 63);
    float d_inv = inverse(d_all), m_inv = inverse(m_all);
    uint8_t sc[K_SUBS], mn[K_SUBS], *qh = out + 16, *qs = out + (bits == 5 ? 48 : 16);
    if (bits == 5) memset(qh, 0, 32);
    for (int s = 0; s < K_SUBS; s++) {
        sc[s] = (uint8_t)nearest(d[s] * d_inv, 0, 63);
        mn[s] = (uint8_t)nearest(-m[s] * m_inv, 0, 63);
        float inv = inverse(d_all * (float)sc[s]), base = m_all * (float)mn[s];
        for (int i = 0; i < K_SUB; i++) {
            uint8_t q = (uint8_t)nearest((x[s * K_SUB + i] + base) * inv, 0, top);
            uint8_t *byte = qs + s / 2 * 32 + i;
            *byte = s % 2 ? (uint8_t)(*byte | (q & 15) << 4) : q & 15;
            if (bits == 5) qh[i] |= (uint8_t)((q >> 4) << s);
        }
    }
    put_scales(sc, mn, out + 4);
}

/* Q6_K: low nibbles, top two bits, 16 signed scales, d. In each half of 128, byte i of the nibbles holds elements i
 * (low) and i + 64 (high), and byte i of the top bits elements i, i + 32, i + 64, i + 96. Value d * sc * (q - 32). */
static void encode_q6_k(const float *x, uint8_t *out) {
    float d[Q6_SUBS];
    for (int s = 0; s < Q6_SUBS; s++) d[s] = fit_signed(x + s * Q6_SUB, Q6_SUB, 32);
    float d_all = put_half(out + 208, extreme(d, Q6_SUBS) / -128), d_inv = inverse(d_all);
    uint8_t q[K_LEN];
    for (int s = 0; s < Q6_SUBS; s++) {
        float sc = nearest(d[s] * d_inv, -128, 127), inv = inverse(d_all * sc);
        out[192 + s] = (uint8_t)(int8_t)sc;
        for (int i = s * Q6_SUB; i < (s + 1) * Q6_SUB; i++) q[i] = (uint8_t)(nearest(x[i] * inv, -32, 31) + 32);
    }
    for (int h = 0; h < 2; h++) {
        const uint8_t *p = q + 128 * h;
        for (int i = 0; i < 64; i++) out[64 * h + i] = (uint8_t)((p[i] & 15) | (p[i + 64] & 15) << 4);
        for (int i = 0; i < 32; i++)
            out[128 + 32 * h + i] =
                (uint8_t)(p[i] >> 4 | p[i + 32] >> 4 << 2 | p[i + 64] >> 4 << 4 | p[i + 96] >> 4 << 6);
    }
}

static void encode_block(enum dtype type, const float *x, uint8_t *out) {
    switch (type) {
    case DTYPE_F32: memcpy(out, x, 4); return;
    case DTYPE_F16: put_half(out, *x); return;
    case DTYPE_BF16: put_u16(out, num_f32_to_bf16(within(*x, 0x1.fep127f))); return;
    case DTYPE_Q8_0: encode_q8_0(x, out); return;
    case DTYPE_Q4_0: encode_signed(x, 4, out); return;
    case DTYPE_Q5_0: encode_signed(x, 5, out); return;
    case DTYPE_Q4_1: encode_line(x, 4, out); return;
    case DTYPE_Q5_1: encode_line(x, 5, out); return;
    case DTYPE_Q4_K: encode_k(x, 4, out); return;
    case DTYPE_Q5_K: encode_k(x, 5, out); return;
    case DTYPE_Q6_K: encode_q6_k(x, out); return;
    case DTYPE_COUNT: break;
    }
    assert(!"encode_row: not a type");
}

void encode_row(enum dtype type, const float *x, uint32_t n, uint8_t *out) {
    const struct dtype_info *info = dtype_get(type);
    assert(info && n % info->block_len == 0);
    for (uint32_t i = 0; i < n; i += info->block_len, out += info->block_bytes) encode_block(type, x + i, out);
}
