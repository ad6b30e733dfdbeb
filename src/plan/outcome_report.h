/* outcome_report: an outcome as what report.h draws. */
#ifndef SIL_PLAN_OUTCOME_REPORT_H
#define SIL_PLAN_OUTCOME_REPORT_H

#include "plan/outcome.h"
#include "plan/report.h"

/* The page of a whole run, with check rows and calibration, appended to out. ctx: where the data of the check rows are.
 */
sil_err plan_outcome_html(const struct plan_outcome *o, const char *shared, enum plan_lang lang, struct buf *out,
                          struct sil_error *e);

/* What a reader must know: limits of the models, what is unusual in this run. */
enum { OUTCOME_NOTES_MAX = 8, OUTCOME_NOTE_BYTES = 400 };
struct outcome_notes {
    char en[OUTCOME_NOTES_MAX][OUTCOME_NOTE_BYTES], ko[OUTCOME_NOTES_MAX][OUTCOME_NOTE_BYTES];
    size_t n;
};
void plan_outcome_notes(const struct plan_outcome *o, struct outcome_notes *out);

#endif
