/* outcome_json: an outcome as JSON, for programs and for the console's plots. */
#ifndef SIL_PLAN_OUTCOME_JSON_H
#define SIL_PLAN_OUTCOME_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "plan/outcome.h"

/* Every named number with its section, the years of the build in outline, and what a reader must know: the caller's, or
 * NULL without memory. Numbers that do not exist are null. */
json_t *plan_outcome_json(const struct plan_outcome *o);

/* Appends an object for plots, of numbers rounded to six digits: `day`, means and the highest import of each day;
 * `week`, the hours of the seven days around the highest import; `duration`, load and import in falling order at even
 * shares of the year. Powers in MW, the battery's charge in MWh. mem holds sorted copies and is given back. SIL_NOMEM,
 * SIL_LIMIT. */
sil_err plan_outcome_series(const struct plan_outcome *o, struct mem mem, struct buf *out);

#endif
