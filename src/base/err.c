#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *sil_err_name(sil_err code) {
    static const char *const names[] = {
        "SIL_OK",    "SIL_NOMEM", "SIL_IO",        "SIL_FORMAT",  "SIL_UNSUPPORTED",
        "SIL_LIMIT", "SIL_ARG",   "SIL_NONFINITE", "SIL_CONTEXT", "SIL_CANCELLED",
    };
    size_t i = (size_t)code;
    return i < sizeof names / sizeof *names ? names[i] : "SIL_?";
}

/* Copies src to dst (size bytes with the NUL), writing control characters as \xNN and cutting at a UTF-8 boundary. */
static void copy_visible(char *dst, size_t size, const char *src) {
    size_t n = 0;
    for (; *src; src++) {
        unsigned char c = (unsigned char)*src;
        bool control = c < 0x20 || c == 0x7f;
        size_t need = control ? 4 : 1;
        if (n + need + 1 > size) break;
        if (control) snprintf(dst + n, 5, "\\x%02x", c);
        else dst[n] = (char)c;
        n += need;
    }
    if (*src) { /* cut: drop a half character at the end */
        while (n > 0 && ((unsigned char)dst[n - 1] & 0xc0) == 0x80) n--;
        if (n > 0 && (unsigned char)dst[n - 1] >= 0xc0) n--;
    }
    dst[n] = '\0';
}

sil_err err_set(struct sil_error *e, sil_err code, const char *fmt, ...) {
    assert(code != SIL_OK);
    if (!e) return code;
    char raw[SIL_ERROR_TEXT * 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    e->code = code;
    copy_visible(e->text, sizeof e->text, raw);
    return code;
}

sil_err err_prefix(struct sil_error *e, sil_err code, const char *fmt, ...) {
    assert(code != SIL_OK);
    if (!e) return code;
    char raw[SIL_ERROR_TEXT * 2];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(raw, SIL_ERROR_TEXT, fmt, ap);
    va_end(ap);
    size_t at = n < 0 ? 0 : n < SIL_ERROR_TEXT ? (size_t)n : SIL_ERROR_TEXT - 1;
    snprintf(raw + at, sizeof raw - at, ": %s", e->text);
    e->code = code;
    copy_visible(e->text, sizeof e->text, raw);
    return code;
}

sil_err err_nomem(struct sil_error *e, const char *what, size_t bytes) {
    enum { MEBIBYTE = 1 << 20 };
    bool many = bytes >= (size_t)10 * MEBIBYTE;
    return err_set(e, SIL_NOMEM, "not enough memory for %s (%zu %s); free some or use a smaller model or context", what,
                   many ? bytes / MEBIBYTE : bytes, many ? "MiB" : "bytes");
}
