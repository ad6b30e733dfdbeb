#include "serve/fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

static const char *type_of(int status) {
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 429: return "rate_limit_error";
    case 503: return "service_unavailable_error";
    default: return status >= 500 ? "server_error" : "invalid_request_error";
    }
}

bool fault_set(struct fault *f, int status, const char *code, const char *param, const char *fmt, ...) {
    *f = (struct fault){.status = status, .type = type_of(status), .code = code};
    if (param) snprintf(f->param, sizeof f->param, "%s", param);
    char text[sizeof f->message];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct sil_error clean; /* whole characters, no control characters */
    err_set(&clean, SIL_ARG, "%s", text);
    snprintf(f->message, sizeof f->message, "%s", clean.text);
    return false;
}

bool fault_from(struct fault *f, const struct sil_error *e, const char *param) {
    switch (e->code) {
    case SIL_CONTEXT: return fault_set(f, 400, "context_length_exceeded", param, "%s", e->text);
    case SIL_ARG:
    case SIL_FORMAT: return fault_set(f, 400, "invalid_value", param, "%s", e->text);
    case SIL_UNSUPPORTED: return fault_set(f, 400, "unsupported_value", param, "%s", e->text);
    case SIL_LIMIT: return fault_set(f, 413, "too_large", param, "%s", e->text);
    case SIL_NOMEM:
    case SIL_IO:
        fault_set(f, 503, "unavailable", param, "%s", e->text);
        f->retry_ms = 1000;
        return false;
    default: return fault_set(f, 500, "internal", param, "%s", e->text);
    }
}
