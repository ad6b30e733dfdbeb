/* fault: what goes wrong for one client, as the error object that it will read. Filled wherever a request fails,
 * written by openai_fault and by the headers of http.c. Also how a sil_err of the library becomes an HTTP status. */
#ifndef SIL_SERVE_FAULT_H
#define SIL_SERVE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "sillok.h"

struct fault {
    int status;        /* HTTP: 400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 503; 0: no fault */
    const char *type;  /* "invalid_request_error", "authentication_error", ...: a literal */
    const char *code;  /* "model_not_found", "context_length_exceeded", ...: a literal, or NULL */
    char param[96];    /* "messages[2].content", or empty */
    char message[512]; /* English, UTF-8; never text of a prompt */
    uint32_t retry_ms; /* with 429 and 503: retry-after-ms and retry-after; 0: none */
    bool do_not_retry; /* x-should-retry: false (a budget is exhausted, not a rate) */
};

/* Fills status, the usual type of that status, code and message. param may be NULL. Returns false, so that a parser can
 * end in `return fault_set(...)`. */
bool fault_set(struct fault *f, int status, const char *code, const char *param, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* A library error: SIL_ARG, SIL_FORMAT, SIL_CONTEXT, SIL_UNSUPPORTED are the client's (400), SIL_LIMIT 413, SIL_NOMEM
 * and SIL_IO are 503, the rest 500. param may be NULL. Returns false. */
bool fault_from(struct fault *f, const struct sil_error *e, const char *param);

#endif
