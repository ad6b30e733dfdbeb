/* check_energy: rows of `plan check` about tariff, calendar, storage, carbon and money. */
#ifndef SIL_PLAN_CHECK_ENERGY_H
#define SIL_PLAN_CHECK_ENERGY_H

#include "plan/check.h"

extern const struct plan_check energy_checks[];
extern const size_t energy_n_checks;

#endif
