#define _GNU_SOURCE
#include "base/cpu.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
/* clang 14's __builtin_cpu_supports does not know f16c. That the system saves the wide registers is known from avx2. */
static bool has_f16c(void) {
    unsigned eax, ebx, ecx = 0, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}
#endif

uint32_t cpu_detect(void) {
    uint32_t mask = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) mask |= CPU_AVX2;
    if (mask && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        mask |= CPU_AVX512;
    if ((mask & CPU_AVX512) && __builtin_cpu_supports("avx512vnni")) mask |= CPU_VNNI;
#elif defined(__aarch64__)
    unsigned long caps = getauxval(AT_HWCAP);
    mask |= CPU_NEON;                            /* part of the base architecture */
    if (caps & (1ul << 20)) mask |= CPU_DOTPROD; /* HWCAP_ASIMDDP */
#endif
    return mask;
}

sil_err cpu_parse(const char *name, uint32_t have, uint32_t *mask, struct sil_error *e) {
    static const struct {
        const char *name;
        uint32_t need, allow;
    } levels[] = {
        {"scalar", 0, 0},
        {"avx2", CPU_AVX2, CPU_AVX2},
        {"avx512", CPU_AVX512, CPU_AVX2 | CPU_AVX512 | CPU_VNNI},
        {"neon", CPU_NEON, CPU_NEON | CPU_DOTPROD},
        {"native", 0, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(name, levels[i].name) != 0) continue;
        if ((have & levels[i].need) != levels[i].need)
            return err_set(e, SIL_ARG, "this processor has no %s (it has: %s); use native", name, cpu_name(have));
        *mask = have & levels[i].allow;
        return SIL_OK;
    }
    return err_set(e, SIL_ARG, "unknown processor level \"%s\"; one of scalar, avx2, avx512, neon, native", name);
}

const char *cpu_name(uint32_t mask) {
    if (mask & CPU_VNNI) return "avx512+vnni";
    if (mask & CPU_AVX512) return "avx512";
    if (mask & CPU_AVX2) return "avx2";
    if (mask & CPU_DOTPROD) return "neon+dotprod";
    if (mask & CPU_NEON) return "neon";
    return "scalar";
}

/* CPUs that the cgroup (v2, then v1) grants, rounded up; 0 when it sets no limit. */
static uint32_t cgroup_cpus(void) {
    long long quota = -1, period = 0;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (f) {
        if (fscanf(f, "%lld %lld", &quota, &period) != 2) quota = -1; /* "max 100000" */
        fclose(f);
    } else {
        f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re");
        if (f) {
            if (fscanf(f, "%lld", &quota) != 1) quota = -1;
            fclose(f);
        }
        f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re");
        if (f) {
            if (fscanf(f, "%lld", &period) != 1) period = 0;
            fclose(f);
        }
    }
    if (quota <= 0 || period <= 0) return 0;
    long long n = quota / period + (quota % period != 0);
    return n > 4096 ? 4096 : (uint32_t)n;
}

uint32_t cpu_threads(void) {
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    uint32_t threads = n < 1 ? 1 : (uint32_t)n, granted = cgroup_cpus();
    return granted && granted < threads ? granted : threads;
}
