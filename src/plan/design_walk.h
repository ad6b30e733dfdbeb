/* design_walk: places of a design, shared by its reader and its walker. */
#ifndef SIL_PLAN_DESIGN_WALK_H
#define SIL_PLAN_DESIGN_WALK_H

#include "plan/design.h"

/* Index into plan_design.line of a variable (list NULL) or of a list element's variable. */
size_t plan_place(size_t module, const struct plan_list *list, uint32_t element, size_t var);

static inline char *plan_config_of(struct plan_design *d, size_t module) {
    return (char *)&d->c + plan_modules[module].offset;
}

static inline const char *plan_const_config_of(const struct plan_design *d, size_t module) {
    return (const char *)&d->c + plan_modules[module].offset;
}

static inline uint32_t plan_list_count(const struct plan_list *l, const char *config) {
    uint32_t n;
    memcpy(&n, config + l->count_offset, sizeof n);
    return n;
}

#endif
