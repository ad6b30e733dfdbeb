#include "text/jscan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

sil_err jscan_fail(const struct jscan *s, const char *message, struct sil_error *e) {
    size_t line = 1, column = 1;
    for (size_t k = 0; k < s->i && k < s->text.n; k++) {
        column++;
        if (s->text.p[k] == '\n') line++, column = 1;
    }
    return err_set(e, SIL_FORMAT, "%s: line %zu, column %zu: %s", s->what, line, column, message);
}

char jscan_peek(struct jscan *s) {
    while (s->i < s->text.n) {
        char c = s->text.p[s->i];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return c;
        s->i++;
    }
    return '\0';
}

sil_err jscan_open(struct jscan *s, char open, bool *more, struct sil_error *e) {
    if (jscan_peek(s) != open) return jscan_fail(s, open == '{' ? "an object is expected" : "an array is expected", e);
    s->i++;
    *more = jscan_peek(s) != (open == '{' ? '}' : ']');
    if (!*more) s->i++;
    return SIL_OK;
}

sil_err jscan_more(struct jscan *s, char close, bool *more, struct sil_error *e) {
    char c = jscan_peek(s);
    if (c != ',' && c != close) return jscan_fail(s, "',' or the end of the list is expected", e);
    s->i++;
    *more = c == ',';
    return SIL_OK;
}

static int hex4(const char *p) {
    int v = 0;
    for (int k = 0; k < 4; k++) {
        char c = p[k];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

/* \uXXXX, or two of them for a surrogate pair, at s->i. */
static sil_err unicode_escape(struct jscan *s, uint32_t *cp, struct sil_error *e) {
    const char *p = s->text.p + s->i;
    size_t n = s->text.n - s->i;
    int a = n >= 6 ? hex4(p + 2) : -1;
    if (a < 0) return jscan_fail(s, "a broken \\u escape", e);
    *cp = (uint32_t)a;
    s->i += 6;
    if (a < 0xd800 || a > 0xdfff) return SIL_OK;
    int b = a < 0xdc00 && n >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : -1;
    if (b < 0xdc00 || b > 0xdfff) return jscan_fail(s, "half a surrogate pair", e);
    *cp = 0x10000 + ((uint32_t)(a - 0xd800) << 10) + (uint32_t)(b - 0xdc00);
    s->i += 6;
    return SIL_OK;
}

static sil_err escape(struct jscan *s, struct buf *b, struct sil_error *e) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = s->i + 1 < s->text.n ? s->text.p[s->i + 1] : '\0';
    if (c == 'u') {
        uint32_t cp = 0;
        char u[4];
        SIL_TRY(unicode_escape(s, &cp, e));
        return buf_put(b, u, utf8_encode(cp, u));
    }
    const char *at = c ? memchr(from, c, sizeof(from) - 1) : NULL;
    if (!at) return jscan_fail(s, "an unknown escape", e);
    s->i += 2;
    return buf_char(b, to[at - from]);
}

sil_err jscan_string(struct jscan *s, struct buf *b, struct str *out, struct sil_error *e) {
    if (jscan_peek(s) != '"') return jscan_fail(s, "a string is expected", e);
    size_t start = ++s->i, from = start, at = b->n;
    bool escaped = false;
    for (;; s->i++) {
        if (s->i >= s->text.n) return jscan_fail(s, "a string without an end", e);
        unsigned char c = (unsigned char)s->text.p[s->i];
        if (c == '"') break;
        if (c < 0x20) return jscan_fail(s, "a control character in a string", e);
        if (c != '\\') continue;
        if (buf_put(b, s->text.p + from, s->i - from) != SIL_OK) return err_nomem(e, s->what, s->i - from);
        escaped = true;
        sil_err err = escape(s, b, e);
        if (err == SIL_NOMEM || err == SIL_LIMIT) return err_nomem(e, s->what, b->n);
        if (err != SIL_OK) return err;
        from = s->i--;
    }
    if (escaped && buf_put(b, s->text.p + from, s->i - from) != SIL_OK) return err_nomem(e, s->what, s->i - from);
    *out = escaped ? (struct str){b->p + at, b->n - at} : (struct str){s->text.p + start, s->i - start};
    s->i++;
    return SIL_OK;
}

sil_err jscan_key(struct jscan *s, struct buf *b, struct str *out, struct sil_error *e) {
    SIL_TRY(jscan_string(s, b, out, e));
    if (jscan_peek(s) != ':') return jscan_fail(s, "':' is expected", e);
    s->i++;
    return SIL_OK;
}

sil_err jscan_u32(struct jscan *s, uint32_t *out, struct sil_error *e) {
    uint64_t v = 0;
    size_t digits = 0;
    jscan_peek(s);
    for (; s->i < s->text.n && s->text.p[s->i] >= '0' && s->text.p[s->i] <= '9' && v <= UINT32_MAX; s->i++, digits++)
        v = v * 10 + (uint64_t)(s->text.p[s->i] - '0');
    if (digits == 0 || v > UINT32_MAX) return jscan_fail(s, "a token id is expected", e);
    *out = (uint32_t)v;
    return SIL_OK;
}

static size_t digits_at(const char *p) {
    return strspn(p, "0123456789");
}

/* The grammar of JSON; strtod would also read "inf", "0x1" and blanks. The program never leaves the C locale. */
sil_err jscan_number(struct jscan *s, double *out, struct sil_error *e) {
    char text[64];
    jscan_peek(s);
    size_t n = s->text.n - s->i < sizeof text - 1 ? s->text.n - s->i : sizeof text - 1, k = 0, whole, part;
    memcpy(text, s->text.p + s->i, n);
    text[n] = '\0';
    k += text[k] == '-';
    whole = digits_at(text + k);
    bool ok = whole == 1 || (whole > 1 && text[k] != '0');
    k += whole;
    if (text[k] == '.') {
        part = digits_at(text + k + 1);
        ok = ok && part > 0;
        k += 1 + part;
    }
    if (text[k] == 'e' || text[k] == 'E') {
        k += 1 + (text[k + 1] == '+' || text[k + 1] == '-');
        part = digits_at(text + k);
        ok = ok && part > 0;
        k += part;
    }
    if (!ok || k == sizeof text - 1) return jscan_fail(s, "a number of fewer than 63 characters is expected", e);
    text[k] = '\0';
    *out = strtod(text, NULL);
    if (!isfinite(*out)) return jscan_fail(s, "a number that is too large", e);
    s->i += k;
    return SIL_OK;
}

/* To the quote that ends the string that begins at s->i. */
static sil_err skip_string(struct jscan *s, struct sil_error *e) {
    for (s->i++; s->i < s->text.n; s->i++) {
        if (s->text.p[s->i] == '"') return SIL_OK;
        if (s->text.p[s->i] == '\\') s->i++;
    }
    s->i = s->text.n;
    return jscan_fail(s, "a string without an end", e);
}

sil_err jscan_skip(struct jscan *s, struct str *out, struct sil_error *e) {
    char open[JSCAN_DEPTH_MAX];
    int depth = 0;
    jscan_peek(s);
    size_t start = s->i;
    for (; s->i < s->text.n; s->i++) {
        char c = s->text.p[s->i];
        if (c == '"') {
            SIL_TRY(skip_string(s, e));
        } else if (c == '{' || c == '[') {
            if (depth == JSCAN_DEPTH_MAX) return jscan_fail(s, "too many levels", e);
            open[depth++] = c;
            continue;
        } else if (c == '}' || c == ']') {
            if (depth == 0) break; /* of the surrounding list */
            if (open[--depth] != (c == '}' ? '{' : '[')) return jscan_fail(s, "brackets that do not match", e);
        } else if (depth == 0 && c == ',') {
            break;
        } else {
            continue;
        }
        if (depth == 0) {
            s->i++;
            break;
        }
    }
    if (depth > 0 || s->i == start) return jscan_fail(s, "a value is expected", e);
    *out = (struct str){s->text.p + start, s->i - start};
    return SIL_OK;
}
