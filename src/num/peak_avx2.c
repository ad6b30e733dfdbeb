#if defined(__x86_64__)
#include "num/peak_isa.h"

#include <immintrin.h>

/* Without VNNI a product of bytes takes three instructions: pairs to 16 bits, pairs to 32, addition. */
#define EACH(OP) OP(0) OP(1) OP(2) OP(3) OP(4) OP(5) OP(6) OP(7) OP(8) OP(9)
#define ZERO(i)  "vpxor %%ymm" #i ", %%ymm" #i ", %%ymm" #i "\n\t"
#define INT8(i)                                                                                                        \
    "vpmaddubsw %%ymm15, %%ymm14, %%ymm13\n\tvpmaddwd %%ymm15, %%ymm13, %%ymm13\n\tvpaddd %%ymm13, %%ymm" #i           \
    ", %%ymm" #i "\n\t"
#define F32(i) "vfmadd231ps %%ymm15, %%ymm14, %%ymm" #i "\n\t"
#define USED                                                                                                           \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm13", "xmm14", "xmm15", "cc"
#define LOOP(OP, n)                                                                                                    \
    __asm__ volatile(EACH(ZERO) ZERO(14) ZERO(15) "1:\n\t" EACH(OP) "dec %0\n\tjnz 1b\n\t" : "+r"(n) : : USED)

enum { CHAINS = 10 };

uint64_t peak_int8_avx2(uint64_t n) {
    uint64_t left = n ? n : 1;
    LOOP(INT8, left);
    return (n ? n : 1) * CHAINS * 32 * 2;
}

uint64_t peak_f32_avx2(uint64_t n) {
    uint64_t left = n ? n : 1;
    LOOP(F32, left);
    return (n ? n : 1) * CHAINS * 8 * 2;
}

uint64_t peak_read_avx2(const void *p, size_t n) {
    enum { AHEAD = 4096 };
    const char *at = p;
    __m256i x = _mm256_setzero_si256(), y = x;
    for (size_t i = 0; i + 128 <= n; i += 128) {
        if (i % 256 == 0) _mm_prefetch(at + i + AHEAD, _MM_HINT_T1); /* a hint: the processor fetches better itself */
        x = _mm256_xor_si256(x, _mm256_load_si256((const __m256i *)(const void *)(at + i)));
        y = _mm256_xor_si256(y, _mm256_load_si256((const __m256i *)(const void *)(at + i + 32)));
        x = _mm256_xor_si256(x, _mm256_load_si256((const __m256i *)(const void *)(at + i + 64)));
        y = _mm256_xor_si256(y, _mm256_load_si256((const __m256i *)(const void *)(at + i + 96)));
    }
    uint64_t out[4];
    _mm256_storeu_si256((__m256i *)(void *)out, _mm256_xor_si256(x, y));
    return out[0] ^ out[1] ^ out[2] ^ out[3];
}
#else
typedef int peak_avx2_is_for_x86;
#endif
