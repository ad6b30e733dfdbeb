/* usage: what was used, as rows of CSV and JSON: the same from `sillok usage` and from the server. And days as text. */
#ifndef SIL_SERVE_USAGE_H
#define SIL_SERVE_USAGE_H

#include "base/buf.h"
#include "serve/gate_db.h"

/* "day,tenant,model" as USAGE_BY_ flags; key implies tenant. False for anything else. */
bool usage_by_parse(struct str text, unsigned *by);

/* A line of CSV, with its newline: the columns' names where u is NULL. Columns: day, tenant, key, model as `by` says,
 * then requests, prompt_tokens, cached_tokens, answer_tokens, energy_j. */
sil_err usage_csv(struct buf *out, unsigned by, const struct gate_usage *u);
/* The same as a JSON object, without newline; ids: with tenant_id and key_id where they are in `by`. */
sil_err usage_json(struct buf *out, unsigned by, bool ids, const struct gate_usage *u);

enum { USAGE_DATE = 24 };
/* "2026-11-22" of a day since 1970-01-01. */
void usage_date(int64_t day, char out[USAGE_DATE]);
/* "2026-11-22T13:37:09Z" of Unix seconds. */
void usage_time(int64_t unix_s, char out[USAGE_DATE]);
/* False unless it is a date in that form. */
bool usage_parse_date(const char *text, int64_t *day);

#endif
