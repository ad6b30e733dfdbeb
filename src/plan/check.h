/* check: the rows of `sillok plan check`: published numbers that the models must give. A row out of its tolerance says
 * why in `note`; nothing is tuned to pass. Modules export NAME_checks[]; run.c (core) lists them. */
#ifndef SIL_PLAN_CHECK_H
#define SIL_PLAN_CHECK_H

#include <stddef.h>

#include "base/mem.h"
#include "sillok.h"

struct plan_check_ctx {
    const char *shared; /* folder with the data files of the tests ("../shared"); NULL when there is none */
    struct mem mem;
};

struct plan_check {
    const char *source; /* "pvlib: SPA", "KEPCO 2023-07" */
    const char *what;   /* "elevation 2003-10-17 12:30:30 MST" */
    const char *unit;   /* of expected and got */
    double expected;
    double rel, abs;   /* passes when |got - expected| <= max(abs, rel * |expected|) */
    const char *needs; /* file below ctx->shared that must be there, or NULL; absent: the row is skipped */
    const char *note;  /* the conditions stated with the number, or why it is missed; NULL: none */
    /* *got in `unit`. `arg` is the row's. */
    sil_err (*got)(const struct plan_check_ctx *ctx, int arg, double *got, struct sil_error *e);
    int arg;
};

#endif
