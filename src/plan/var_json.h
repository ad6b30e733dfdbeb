/* var_json: the declared variables as JSON, with the choice of those that a form shows first. */
#ifndef SIL_PLAN_VAR_JSON_H
#define SIL_PLAN_VAR_JSON_H

#include <jansson.h>

#include "plan/design.h"

/* {"groups", "main", "variables"}: every variable that a design may set, from its declaration; and the main ones with a
 * range and step for sliders, which lie inside what is declared. The caller's; NULL without memory. */
json_t *plan_vars_json(void);

/* {path: value} of a design: the main variables, and those that its file gives. Numbers in the declared unit, words and
 * texts as they stand; null for a number that does not exist. The caller's; NULL without memory. */
json_t *plan_values_json(const struct plan_design *d);

#endif
