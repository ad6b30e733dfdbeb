/* sillok.h: the one public header of libsillok.
 *
 * Ownership: what an open function gives belongs to the caller, who gives it back to the matching close function;
 * every other pointer that a function gives stays valid until the object that gave it is closed or changed.
 * Threads: a model is immutable after opening and may be used from any thread; an engine and its sessions belong to
 * one thread at a time (the engine's own worker threads are hidden).
 * Errors: fallible calls return sil_err and, where `e` is not NULL, fill it with a text that says what is wrong,
 * where, and what to do. Nothing here prints, exits or aborts on bad input. */
#ifndef SILLOK_H
#define SILLOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SIL_VERSION "0.1.0"

/* The arithmetic profile that every result here obeys; see docs/arithmetic.md. It enters every receipt. */
#define SIL_PROFILE "CA/1-draft.1"

/* Stable error codes; new ones are added at the end. */
typedef enum sil_err {
    SIL_OK = 0,
    SIL_NOMEM,       /* memory could not be had */
    SIL_IO,          /* a file could not be opened, read or written */
    SIL_FORMAT,      /* a file or text breaks its own format */
    SIL_UNSUPPORTED, /* well-formed, but of a kind that Sillok does not know */
    SIL_LIMIT,       /* a stated limit would be passed */
    SIL_ARG,         /* the caller's argument is out of its range */
    SIL_NONFINITE,   /* the model's numbers overflowed: infinity or NaN where CA/1 allows none */
    SIL_CONTEXT,     /* the sequence would outgrow its context */
    SIL_CANCELLED    /* the caller asked to stop */
} sil_err;

enum { SIL_ERROR_TEXT = 512 };

/* An error with its words. Owned by the caller, who passes it zeroed or reused; text is NUL-terminated UTF-8. */
struct sil_error {
    sil_err code;
    char text[SIL_ERROR_TEXT];
};

/* The name of a code, such as "SIL_FORMAT". Never NULL. */
const char *sil_err_name(sil_err code);

#ifdef __cplusplus
}
#endif
#endif
