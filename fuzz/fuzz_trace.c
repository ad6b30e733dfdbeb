/* Request traces: bytes in, statistics or an error. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct trace_stats s;
    struct sil_error e;
    if (trace_read((struct str){(const char *)p, n}, mem_libc(), &s, &e) != SIL_OK) return 0;
    assert(s.n >= 2 && s.span_s >= 0 && s.input.mean >= 0 && s.input.p50 <= s.input.p99);
    return 0;
}
