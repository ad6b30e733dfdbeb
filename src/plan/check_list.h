/* check_list: every module's check rows, in the order of printing, and how a row is judged. */
#ifndef SIL_PLAN_CHECK_LIST_H
#define SIL_PLAN_CHECK_LIST_H

#include "plan/check.h"

struct plan_check_list {
    const struct plan_check *rows;
    const size_t *n;
};
extern const struct plan_check_list plan_check_lists[];
extern const size_t plan_n_check_lists;

/* EXPLAINED: out of its tolerance, with the reason in the row's note. */
enum plan_check_status { PLAN_CHECK_PASS, PLAN_CHECK_MISS, PLAN_CHECK_EXPLAINED, PLAN_CHECK_SKIP };
struct plan_check_result {
    enum plan_check_status status;
    double got, tolerance;  /* tolerance: the largest |got - expected| that passes; got is NAN without an answer */
    struct sil_error error; /* why there is no answer; code SIL_OK when there is one */
};

/* Evaluates one row; a row whose data are not there is skipped. */
void plan_check_eval(const struct plan_check *c, const struct plan_check_ctx *ctx, struct plan_check_result *out);

/* All rows of all lists. */
size_t plan_check_count(void);

#endif
