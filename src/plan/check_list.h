/* check_list: every module's check rows, in the order of printing. */
#ifndef SIL_PLAN_CHECK_LIST_H
#define SIL_PLAN_CHECK_LIST_H

#include "plan/check.h"

struct plan_check_list {
    const struct plan_check *rows;
    const size_t *n;
};
extern const struct plan_check_list plan_check_lists[];
extern const size_t plan_n_check_lists;

#endif
