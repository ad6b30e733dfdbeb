/* outcome_report: an outcome as what report.h draws. */
#ifndef SIL_PLAN_OUTCOME_REPORT_H
#define SIL_PLAN_OUTCOME_REPORT_H

#include "plan/outcome.h"
#include "plan/report.h"

/* The page of a whole run, with check rows and calibration, appended to out. ctx: where the data of the check rows are.
 */
sil_err plan_outcome_html(const struct plan_outcome *o, const char *shared, enum plan_lang lang, struct buf *out,
                          struct sil_error *e);

#endif
