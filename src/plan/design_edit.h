/* design_edit: one value of a design's text changed, with everything else as its writer left it: comments, order, line
 * breaks. So a form can change a design, and what was run is a file that `sillok plan run` reads too.
 *
 * A value that stands in the text is replaced where it stands; one that does not is added: at the end for a variable of
 * the whole design, in its element for one of a list. Only the text is looked at, not what the values mean: reading the
 * result (plan_design_parse) says whether it is right. */
#ifndef SIL_PLAN_DESIGN_EDIT_H
#define SIL_PLAN_DESIGN_EDIT_H

#include "base/buf.h"
#include "plan/design.h"

/* The declaration that a path names ("site.contract", "services[chat].gpu_share", "services[0].gpu_share",
 * "services[].gpu_share"); NULL when there is none. *list is its list, or NULL. */
const struct plan_var *plan_var_find(const char *path, const struct plan_list **list);

/* A number in the declared unit as it stands in a file: "250 MW"; it reads back as the same number. Cut when cap is
 * too small. */
void plan_number_text(const struct plan_var *v, double declared, char *out, size_t cap);

/* Appends the text with the value at path changed. value: what the file shall hold, without YAML's quotes (they are put
 * where they are needed). name: of the design, for errors, which are SIL_FORMAT (the text is no mapping, the path has
 * no place in it), SIL_ARG (no such variable; one that a single value cannot set), SIL_LIMIT, SIL_NOMEM. */
sil_err plan_design_edit(struct str yaml, const char *name, const char *path, struct str value, struct buf *out,
                         struct sil_error *e);

#endif
