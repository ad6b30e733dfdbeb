/* Every weight format as doubles, element by element from the layouts in ggml-common.h. Slow on purpose: each element
 * finds its own bits, so that a slip shows in one place and not in a pattern shared with the code under test. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "ref64.h"

static double half_at(const uint8_t *p) {
    unsigned h = p[0] | (unsigned)p[1] << 8;
    int e = (int)(h >> 10 & 31), f = (int)(h & 1023);
    double v = e == 31 ? (f ? NAN : INFINITY) : e ? ldexp(1 + f / 1024.0, e - 15) : ldexp(f / 1024.0, -14);
    return h >> 15 ? -v : v;
}

double ref64_half(double x) {
    if (fabs(x) >= 65520) return x < 0 ? -65504 : 65504;
    int e;
    frexp(x, &e); /* x = f * 2^e, f in [0.5, 1): eleven bits down from 2^(e-1) */
    double step = ldexp(1, e - 11 < -24 ? -24 : e - 11);
    return nearbyint(x / step) * step;
}

static double f32_at(const uint8_t *p, bool upper_half_only) {
    uint32_t u = upper_half_only ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 24
                                 : p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

/* Bits [shift, shift + n) of a byte. */
static unsigned bits(uint8_t b, unsigned shift, unsigned n) {
    return b >> shift & ((1u << n) - 1);
}

/* Element i of a block of 32: fours in nibbles, element i low and i + 16 high; fifth bits in four bytes, ascending. */
static int five(const uint8_t *qh, const uint8_t *qs, unsigned i) {
    return (int)(bits(qs[i % 16], i / 16 * 4, 4) + (qh ? bits(qh[i / 8], i % 8, 1) * 16 : 0));
}

/* The 6-bit scale (and minimum) of sub-block s of a Q4_K or Q5_K block. */
static void six(const uint8_t *p, unsigned s, unsigned *scale, unsigned *min) {
    if (s < 4) {
        *scale = bits(p[s], 0, 6);
        *min = bits(p[s + 4], 0, 6);
    } else {
        *scale = bits(p[s + 4], 0, 4) + 16 * bits(p[s - 4], 6, 2);
        *min = bits(p[s + 4], 4, 4) + 16 * bits(p[s], 6, 2);
    }
}

static double k_element(const uint8_t *b, const uint8_t *qh, const uint8_t *qs, unsigned i) {
    unsigned s = i / 32, scale, min;
    six(b + 4, s, &scale, &min);
    unsigned q = bits(qs[i / 64 * 32 + i % 32], s % 2 * 4, 4) + (qh ? bits(qh[i % 32], s, 1) * 16 : 0);
    return half_at(b) * scale * q - half_at(b + 2) * min;
}

static double q6_element(const uint8_t *b, unsigned i) {
    unsigned half = i / 128, j = i % 128, quarter = j / 32;
    unsigned low = bits(b[64 * half + j % 64], quarter / 2 * 4, 4);
    unsigned high = bits(b[128 + 32 * half + j % 32], quarter * 2, 2);
    return half_at(b + 208) * (int8_t)b[192 + i / 16] * ((int)(low + 16 * high) - 32);
}

static double element(enum dtype type, const uint8_t *b, unsigned i) {
    switch (type) {
    case DTYPE_F32: return f32_at(b, false);
    case DTYPE_F16: return half_at(b);
    case DTYPE_BF16: return f32_at(b, true);
    case DTYPE_Q8_0: return half_at(b) * (int8_t)b[2 + i];
    case DTYPE_Q4_0: return half_at(b) * (five(NULL, b + 2, i) - 8);
    case DTYPE_Q4_1: return half_at(b) * five(NULL, b + 4, i) + half_at(b + 2);
    case DTYPE_Q5_0: return half_at(b) * (five(b + 2, b + 6, i) - 16);
    case DTYPE_Q5_1: return half_at(b) * five(b + 4, b + 8, i) + half_at(b + 2);
    case DTYPE_Q4_K: return k_element(b, NULL, b + 16, i);
    case DTYPE_Q5_K: return k_element(b, b + 16, b + 48, i);
    case DTYPE_Q6_K: return q6_element(b, i);
    case DTYPE_COUNT: break;
    }
    assert(!"ref64: not a type");
    return 0;
}

void ref64_dequant(enum dtype type, const uint8_t *p, size_t n, double *out) {
    const struct dtype_info *info = dtype_get(type);
    assert(info && n % info->block_len == 0);
    for (size_t i = 0; i < n; i++)
        out[i] = element(type, p + i / info->block_len * info->block_bytes, (unsigned)(i % info->block_len));
}
