/* template_print: values as text: Python's str() and repr(), and JSON as json.dumps(ensure_ascii=False) writes it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "text/template_impl.h"
#include "utf8proc.h"

/* ---- growing text ---- */

static sil_err text_room(struct tpl_eval *ev, struct tpl_text *t, size_t n) {
    size_t need, cap = t->cap < SIZE_MAX / 2 ? t->cap * 2 : t->cap;
    if (!size_add(t->n, n, &need)) return tpl_fail(ev, SIL_LIMIT, "a text beyond all memory");
    if (need <= t->cap) return SIL_OK;
    if (cap < need) cap = need;
    if (cap < 32) cap = 32;
    char *p = NULL;
    SIL_TRY(tpl_text_alloc(ev, cap, &p));
    if (t->n && t->p) memcpy(p, t->p, t->n);
    if (t->n && t->p) tpl_origin_copy(ev, p, (struct str){t->p, t->n});
    t->p = p;
    t->cap = cap;
    return SIL_OK;
}

sil_err text_put(struct tpl_eval *ev, struct tpl_text *t, const void *p, size_t n) {
    SIL_TRY(tpl_charge_bytes(ev, n));
    SIL_TRY(text_room(ev, t, n));
    if (n && t->p) memcpy(t->p + t->n, p, n);
    if (n && t->p) tpl_origin_copy(ev, t->p + t->n, (struct str){p, n});
    t->n += n;
    return SIL_OK;
}

sil_err text_str(struct tpl_eval *ev, struct tpl_text *t, struct str s) {
    return text_put(ev, t, s.p, s.n);
}

sil_err text_char(struct tpl_eval *ev, struct tpl_text *t, char c) {
    return text_put(ev, t, &c, 1);
}

sil_err text_cp(struct tpl_eval *ev, struct tpl_text *t, uint32_t cp) {
    char c[4];
    return text_put(ev, t, c, utf8_encode(cp, c));
}

sil_err text_printf(struct tpl_eval *ev, struct tpl_text *t, const char *fmt, ...) {
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text) return tpl_fail(ev, SIL_LIMIT, "a formatted value too long");
    return text_put(ev, t, text, (size_t)n);
}

/* ---- floats ---- */

/* The digits and exponent of the shortest decimal that reads back as f > 0: f = 0.d1d2d3... x 10^point. printf and
 * strtod share the process' locale, so the one reads what the other wrote; only digits are taken from it. */
static int shortest(double f, char out_digits[20], int *point) {
    char text[48];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, f);
        if (strtod(text, NULL) == f) break;
    }
    int n = 0;
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9') out_digits[n++] = *p;
    *point = (int)strtol(p + 1, NULL, 10) + 1;
    while (n > 1 && out_digits[n - 1] == '0') n--;
    return n;
}

size_t tpl_float_repr(double f, char out[40]) {
    if (isnan(f)) return (size_t)snprintf(out, 40, "nan");
    if (isinf(f)) return (size_t)snprintf(out, 40, f < 0 ? "-inf" : "inf");
    size_t at = 0;
    if (signbit(f)) out[at++] = '-';
    if (f == 0) return at + (size_t)snprintf(out + at, 40 - at, "0.0");
    char digit[20] = {0};
    int point, n = shortest(fabs(f), digit, &point);
    if (point > 16 || point < -3) {
        out[at++] = digit[0];
        if (n > 1) out[at++] = '.';
        for (int i = 1; i < n; i++) out[at++] = digit[i];
        return at + (size_t)snprintf(out + at, 40 - at, "e%c%02d", point > 0 ? '+' : '-', abs(point - 1));
    }
    if (point <= 0) {
        out[at++] = '0';
        out[at++] = '.';
        for (int i = point; i < 0; i++) out[at++] = '0';
    }
    for (int i = 0; i < n || i < point; i++) {
        if (i == point && point > 0) out[at++] = '.';
        out[at++] = i < n ? digit[i] : '0';
    }
    if (n <= point) {
        out[at++] = '.';
        out[at++] = '0';
    }
    out[at] = '\0';
    return at;
}

/* [+-] digits with at most one point, and an exponent, all there is; no hexadecimal, no names. */
static bool float_form(struct str s) {
    size_t i = 0, n = 0;
    if (i < s.n && (s.p[i] == '+' || s.p[i] == '-')) i++;
    for (bool point = false; i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] == '.' && !point)); i++) {
        if (s.p[i] == '.') point = true;
        else n++;
    }
    if (n == 0) return false;
    if (i == s.n) return true;
    if ((s.p[i] | 0x20) != 'e') return false;
    i++;
    if (i < s.n && (s.p[i] == '+' || s.p[i] == '-')) i++;
    if (i == s.n) return false;
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') i++;
    return i == s.n;
}

bool tpl_parse_float(struct str s, double *out) {
    char text[400], half[8];
    size_t n = 0;
    if (s.n >= sizeof text / 4 || !float_form(s)) return false;
    snprintf(half, sizeof half, "%.1f", 0.5); /* what this locale writes between the digits */
    size_t point = strlen(half) - 2;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '.') {
            text[n++] = s.p[i];
        } else if (point <= 3) {
            memcpy(text + n, half + 1, point);
            n += point;
        }
    }
    text[n] = '\0';
    *out = strtod(text, NULL);
    return true;
}

/* ---- repr ---- */

/* What Python's str.isprintable calls printable. */
static bool printable(uint32_t cp) {
    if (cp < 0x80) return cp >= 0x20 && cp < 0x7f;
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS: return false;
    default: return true;
    }
}

static sil_err repr_char(struct tpl_eval *ev, struct tpl_text *t, uint32_t cp, char quote) {
    static const char from[] = "\n\r\t\\", to[] = "nrt\\";
    const char *simple = cp && cp < 0x80 ? strchr(from, (int)cp) : NULL;
    if (simple) return text_printf(ev, t, "\\%c", to[simple - from]);
    if (cp == (uint32_t)quote) return text_printf(ev, t, "\\%c", quote);
    if (printable(cp)) return text_cp(ev, t, cp);
    return text_printf(ev, t, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
}

static sil_err repr_str(struct tpl_eval *ev, struct tpl_text *t, struct str s) {
    bool single = s.n && memchr(s.p, '\'', s.n), dbl = s.n && memchr(s.p, '"', s.n);
    char quote = single && !dbl ? '"' : '\'';
    SIL_TRY(text_char(ev, t, quote));
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        i += tpl_next(s, i, &cp);
        SIL_TRY(repr_char(ev, t, cp, quote));
    }
    SIL_TRY(tpl_charge_bytes(ev, s.n));
    return text_char(ev, t, quote);
}

static sil_err repr_seq(struct tpl_eval *ev, struct tpl_text *t, const struct tpl_seq *s) {
    static const char *const open[] = {"[", "(", "[", "[", "dict_keys([", "dict_values([", "dict_items(["};
    static const char *const close[] = {"]", ")", "]", "]", "])", "])", "])"};
    if (s->kind == SEQ_GEN) return text_str(ev, t, STR("<generator object>"));
    SIL_TRY(text_str(ev, t, str_of(open[s->kind])));
    for (size_t i = 0; i < s->n; i++) {
        if (i) SIL_TRY(text_str(ev, t, STR(", ")));
        SIL_TRY(tv_repr(ev, t, s->v[i]));
    }
    if (s->kind == SEQ_TUPLE && s->n == 1) SIL_TRY(text_char(ev, t, ','));
    return text_str(ev, t, str_of(close[s->kind]));
}

static sil_err repr_dict(struct tpl_eval *ev, struct tpl_text *t, struct tv v) {
    const struct tpl_dict *d = v.dict;
    SIL_TRY(text_str(ev, t, v.type == TV_NS ? STR("<Namespace {") : STR("{")));
    for (size_t i = 0; i < d->n; i++) {
        if (i) SIL_TRY(text_str(ev, t, STR(", ")));
        SIL_TRY(tv_repr(ev, t, d->p[i].k));
        SIL_TRY(text_str(ev, t, STR(": ")));
        SIL_TRY(tv_repr(ev, t, d->p[i].v));
    }
    return text_str(ev, t, v.type == TV_NS ? STR("}>") : STR("}"));
}

sil_err tv_repr(struct tpl_eval *ev, struct tpl_text *t, struct tv v) {
    char number[40];
    SIL_TRY(tpl_charge(ev, 1));
    switch (v.type) {
    case TV_NONE: return text_str(ev, t, STR("None"));
    case TV_BOOL: return text_str(ev, t, v.b ? STR("True") : STR("False"));
    case TV_INT: return text_printf(ev, t, "%lld", (long long)v.i);
    case TV_FLOAT: return text_put(ev, t, number, tpl_float_repr(v.f, number));
    case TV_STR: return repr_str(ev, t, tv_view(v));
    case TV_SEQ:
    case TV_DICT:
    case TV_NS: {
        SIL_TRY(tpl_enter(ev));
        sil_err err = v.type == TV_SEQ ? repr_seq(ev, t, v.seq) : repr_dict(ev, t, v);
        ev->depth--;
        return err;
    }
    case TV_MACRO: return text_printf(ev, t, "<Macro '%.*s'>", STR_ARG(v.macro->name));
    case TV_UNDEF: return text_str(ev, t, STR("Undefined"));
    default: return text_printf(ev, t, "<%s>", tv_type_name(v));
    }
}

sil_err tv_print(struct tpl_eval *ev, struct tpl_text *t, struct tv v) {
    if (v.type == TV_STR) return text_str(ev, t, tv_view(v));
    return v.type == TV_UNDEF ? SIL_OK : tv_repr(ev, t, v);
}

sil_err tv_to_str(struct tpl_eval *ev, struct tv v, struct tv *out) {
    struct tpl_text t = {0};
    if (v.type == TV_STR) {
        *out = v;
        return SIL_OK;
    }
    SIL_TRY(tv_print(ev, &t, v));
    *out = text_value(&t);
    return SIL_OK;
}
