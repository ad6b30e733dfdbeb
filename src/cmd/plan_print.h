/* plan_print: what `sillok plan` prints and writes. */
#ifndef SIL_CMD_PLAN_PRINT_H
#define SIL_CMD_PLAN_PRINT_H

#include "plan/outcome.h"

int plan_print_table(const struct plan_outcome *o, bool ko, bool all);
void plan_print_json(const struct plan_outcome *o);
sil_err plan_write_csv(const struct plan_outcome *o, const char *path, struct sil_error *e);

/* Whether progress may be shown: standard error is a terminal, and nobody asked for quiet. */
bool plan_show_progress(bool quiet);

/* The option --lang and its check. */
#define PLAN_LANG(var)                                                                                                 \
    { .name = "lang", .kind = CMD_TEXT, .out = &(var), .value = "LANG", .help = "en (default) or ko" }
bool plan_lang_ok(const char *lang);

/* The other verbs of `sillok plan`; as subcommands. */
int plan_check(int argc, char **argv);
int plan_sources(int argc, char **argv);
int plan_help(int argc, char **argv);

#endif
