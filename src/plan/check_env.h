/* check_env: the check rows of weather, sun, generation, air, losses. */
#ifndef SIL_PLAN_CHECK_ENV_H
#define SIL_PLAN_CHECK_ENV_H

#include "plan/check.h"

extern const struct plan_check env_checks[];
extern const size_t env_n_checks;

#endif
