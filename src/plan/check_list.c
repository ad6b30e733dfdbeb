/* check_list: every module's check rows. */
#include "plan/check_list.h"

#include "plan/check_fleet.h"
#include "plan/var.h"

const struct plan_check_list plan_check_lists[] = {
    {fleet_checks, &fleet_n_checks},
};
const size_t plan_n_check_lists = PLAN_COUNT(plan_check_lists);
