#include "num/peak.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "num/peak_isa.h"

/* Keeps the compiler from dropping a result or foreseeing a value. */
#define OPAQUE(x) __asm__ volatile("" : "+r"(x))

static uint64_t int8_portable(uint64_t n) {
    enum { LANES = 32 };
    int8_t a[LANES], b[LANES];
    memset(a, 3, sizeof a);
    memset(b, 5, sizeof b);
    int32_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        for (int k = 0; k < LANES; k++) sum += a[k] * b[k];
        OPAQUE(sum);
        a[i % LANES] = (int8_t)sum;
    }
    return n * LANES * 2 + (sum == 1);
}

static uint64_t f32_portable(uint64_t n) {
    enum { CHAINS = 8 };
    float acc[CHAINS] = {0};
    float x = 0.5f;
    for (uint64_t i = 0; i < n; i++)
        for (int k = 0; k < CHAINS; k++) acc[k] = fmaf(acc[k], x, x);
    float sum = 0;
    for (int k = 0; k < CHAINS; k++) sum += acc[k];
    return n * CHAINS * 2 + (sum == 1.0f);
}

static uint64_t read_portable(const void *p, size_t n) {
    const unsigned char *at = p;
    uint64_t x = 0, v;
    for (size_t i = 0; i + sizeof v <= n; i += sizeof v) {
        memcpy(&v, at + i, sizeof v);
        x ^= v;
    }
    return x;
}

uint64_t peak_int8(uint32_t cpu_mask, uint64_t n) {
#if defined(__x86_64__)
    if (cpu_mask & CPU_VNNI) return peak_int8_vnni(n);
    if (cpu_mask & CPU_AVX2) return peak_int8_avx2(n);
#endif
    (void)cpu_mask;
    return int8_portable(n);
}

uint64_t peak_f32(uint32_t cpu_mask, uint64_t n) {
#if defined(__x86_64__)
    if (cpu_mask & CPU_AVX512) return peak_f32_avx512(n);
    if (cpu_mask & CPU_AVX2) return peak_f32_avx2(n);
#endif
    (void)cpu_mask;
    return f32_portable(n);
}

uint64_t peak_read(uint32_t cpu_mask, const void *p, size_t n) {
#if defined(__x86_64__)
    if (cpu_mask & CPU_AVX512) return peak_read_avx512(p, n);
    if (cpu_mask & CPU_AVX2) return peak_read_avx2(p, n);
#endif
    (void)cpu_mask;
    return read_portable(p, n);
}
