/* check_fleet: traces, queues, rooflines, power and training against published numbers. */
#ifndef SIL_PLAN_CHECK_FLEET_H
#define SIL_PLAN_CHECK_FLEET_H

#include "plan/check.h"

extern const struct plan_check fleet_checks[];
extern const size_t fleet_n_checks;

#endif
