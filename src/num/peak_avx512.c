#if defined(__x86_64__)
#include "num/peak_isa.h"

#include <immintrin.h>

/* Sixteen independent accumulators hide every latency; volatile asm keeps the loop as written. */
#define EACH(OP) OP(0) OP(1) OP(2) OP(3) OP(4) OP(5) OP(6) OP(7) OP(8) OP(9) OP(10) OP(11) OP(12) OP(13) OP(14) OP(15)
#define ZERO(i)  "vpxord %%zmm" #i ", %%zmm" #i ", %%zmm" #i "\n\t"
#define INT8(i)  "vpdpbusd %%zmm17, %%zmm16, %%zmm" #i "\n\t"
#define F32(i)   "vfmadd231ps %%zmm17, %%zmm16, %%zmm" #i "\n\t"
#define USED                                                                                                           \
    "zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7", "zmm8", "zmm9", "zmm10", "zmm11", "zmm12",         \
        "zmm13", "zmm14", "zmm15", "zmm16", "zmm17", "cc"
#define LOOP(OP, n)                                                                                                    \
    __asm__ volatile(EACH(ZERO) ZERO(16) ZERO(17) "1:\n\t" EACH(OP) "dec %0\n\tjnz 1b\n\t" : "+r"(n) : : USED)

enum { CHAINS = 16 };

uint64_t peak_int8_vnni(uint64_t n) {
    uint64_t left = n ? n : 1;
    LOOP(INT8, left);
    return (n ? n : 1) * CHAINS * 64 * 2;
}

uint64_t peak_f32_avx512(uint64_t n) {
    uint64_t left = n ? n : 1;
    LOOP(F32, left);
    return (n ? n : 1) * CHAINS * 16 * 2;
}

uint64_t peak_read_avx512(const void *p, size_t n) {
    enum { AHEAD = 4096 };
    const char *at = p;
    __m512i x = _mm512_setzero_si512(), y = x, z = x, w = x;
    for (size_t i = 0; i + 256 <= n; i += 256) {
        _mm_prefetch(at + i + AHEAD, _MM_HINT_T1); /* measured: into the first level costs a third */
        x = _mm512_xor_si512(x, _mm512_load_si512(at + i));
        y = _mm512_xor_si512(y, _mm512_load_si512(at + i + 64));
        z = _mm512_xor_si512(z, _mm512_load_si512(at + i + 128));
        w = _mm512_xor_si512(w, _mm512_load_si512(at + i + 192));
    }
    x = _mm512_xor_si512(_mm512_xor_si512(x, y), _mm512_xor_si512(z, w));
    return (uint64_t)_mm512_reduce_add_epi64(x);
}
#else
typedef int peak_avx512_is_for_x86;
#endif
