/* What inspect says of a model's memory is what an engine takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "engine/engine.h"
#include "make_model.h"
#include "model/memory.h"
#include "support.h"

static void check(struct mm_spec spec, uint32_t mask) {
    char path[TEST_PATH];
    struct sil_error e = {0};
    struct sil_model m = {NULL};
    struct sil_engine *eng = NULL;
    struct model_memory said;
    test_model(&spec, path);
    if (model_open(mem_libc(), path, mask, 1, &m.m, &e) != SIL_OK) fail_msg("%s", e.text);
    if (sil_engine_open(&m, &(struct sil_engine_config){.n_threads = 1}, &eng, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(model_memory(m.m->gguf, mask, &said, &e), SIL_OK);
    uint64_t n_params, n_bytes, slack = 64 * m.m->gguf->n_tensors;
    assert_true(said.packed <= m.m->packed_bytes && m.m->packed_bytes <= said.packed + slack);
    model_size(m.m, &n_params, &n_bytes);
    if (said.packed == 0) assert_int_equal(said.mapped, n_bytes);
    else assert_true(said.mapped < n_bytes && said.mapped + said.packed + slack >= n_bytes);
    for (int kv = 0; kv < SIL_KV_KINDS; kv++)
        assert_int_equal(said.kv_per_1000[kv], model_kv_page_bytes(m.m, (enum sil_kv)kv) * 1000 / NUM_KV_PAGE);
    size_t used = eng->step.arena.used;
    printf("# a step takes %zu bytes, %llu were said\n", used, (unsigned long long)said.step_256);
    assert_true(said.step_256 <= used &&
                used <= said.step_256 + said.step_256 / 50 + (1 << 20)); /* an arena takes chunks */
    sil_engine_close(eng);
    model_close(m.m);
    unlink(path);
}

static void test_memory(void **state) {
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct mm_spec s = mm_default();
        static const enum dtype types[] = {DTYPE_Q8_0, DTYPE_Q4_K, DTYPE_F16, DTYPE_Q4_0};
        s.type = types[i % 4];
        s.mixture = s.type == DTYPE_Q4_K;
        s.tied = i % 3 == 0;
        check(s, i < 4 ? cpu_detect() : 0);
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
