/* err: filling a struct sil_error. Every function accepts e == NULL and returns the code, so that a fallible function
 * can end in `return err_set(e, SIL_FORMAT, "...")`. */
#ifndef SIL_BASE_ERR_H
#define SIL_BASE_ERR_H

#include "sillok.h"

/* Sets code and text; a text that is too long is cut at a UTF-8 boundary. Control characters that come from input
 * (a hostile key name, say) are written as \xNN. code is not SIL_OK. Returns code. */
sil_err err_set(struct sil_error *e, sil_err code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " in front of the text that is there, to say where. Returns e's code, or code when e is NULL. */
sil_err err_prefix(struct sil_error *e, sil_err code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The usual text for memory that could not be had: what it was for and how many bytes. Returns SIL_NOMEM. */
sil_err err_nomem(struct sil_error *e, const char *what, size_t bytes);

/* `return` on failure; for functions without anything to release. */
#define SIL_TRY(call)                                                                                                  \
    do {                                                                                                               \
        sil_err sil_try_err = (call);                                                                                  \
        if (sil_try_err != SIL_OK) return sil_try_err;                                                                 \
    } while (0)

#endif
