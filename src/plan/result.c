/* result: the table of named numbers. */
#include "plan/result.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/err.h"

sil_err plan_result_add(struct plan_results *t, const struct plan_result *r, struct sil_error *e) {
    if (t->n >= PLAN_RESULTS_MAX) return err_set(e, SIL_LIMIT, "more than %d results", PLAN_RESULTS_MAX);
    t->r[t->n++] = *r;
    return SIL_OK;
}

const struct plan_result *plan_result_find(const struct plan_results *t, const char *key, const char *of) {
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->r[i].key, key) == 0 && strcmp(t->r[i].of, of ? of : "") == 0) return &t->r[i];
    return NULL;
}

double plan_result_get(const struct plan_results *t, const char *key, const char *of) {
    const struct plan_result *r = plan_result_find(t, key, of);
    return r ? r->value : NAN;
}

static const char *const sections[PLAN_N_SECS][2] = {
    [PLAN_SEC_SERVICE] = {"Services", "서비스"},
    [PLAN_SEC_FLEET] = {"GPUs", "GPU"},
    [PLAN_SEC_POWER] = {"Power and cooling", "전력과 냉각"},
    [PLAN_SEC_ENERGY] = {"Energy and carbon", "에너지와 탄소"},
    [PLAN_SEC_COST] = {"Cost", "비용"},
    [PLAN_SEC_FINANCE] = {"Finance", "재무"},
    [PLAN_SEC_BUILD] = {"Build", "건설"},
    [PLAN_SEC_CONSTRAINT] = {"What binds", "제약"},
};

const char *plan_section_en(enum plan_section s) {
    assert(s < PLAN_N_SECS);
    return sections[s][0];
}

const char *plan_section_ko(enum plan_section s) {
    assert(s < PLAN_N_SECS);
    return sections[s][1];
}
