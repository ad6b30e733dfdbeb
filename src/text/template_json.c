/* template_json: the filter tojson as transformers defines it: json.dumps(x, ensure_ascii=False, indent=None,
 * separators=None, sort_keys=False), without Jinja's own escaping for HTML. */
#include <math.h>
#include <stdlib.h>

#include "text/template_impl.h"

struct json_style {
    struct tpl_eval *ev;
    struct tpl_text text;
    struct str item, colon, indent; /* indent: of one level */
    bool lines, ascii, sort;
    uint32_t level;
};

static sil_err put_value(struct json_style *j, struct tv v);

static sil_err put(struct json_style *j, struct str s) {
    return text_str(j->ev, &j->text, s);
}

static sil_err put_char(struct json_style *j, uint32_t cp) {
    if (cp < 0x20 || (j->ascii && cp >= 0x7f && cp < 0x10000)) return text_printf(j->ev, &j->text, "\\u%04x", cp);
    if (!j->ascii || cp < 0x10000) return text_cp(j->ev, &j->text, cp);
    cp -= 0x10000;
    return text_printf(j->ev, &j->text, "\\u%04x\\u%04x", 0xd800 + (cp >> 10), 0xdc00 + (cp & 0x3ff));
}

static bool plain(unsigned char c, bool ascii) {
    return c >= 0x20 && c != '"' && c != '\\' && !(ascii && c >= 0x7f);
}

static sil_err put_string(struct json_style *j, struct str s) {
    static const char from[] = "\"\\\n\r\t\f\b", to[] = "\"\\nrtfb";
    SIL_TRY(put(j, STR("\"")));
    for (size_t i = 0; i < s.n;) {
        size_t run = i;
        while (run < s.n && plain((unsigned char)s.p[run], j->ascii)) run++;
        if (run > i) SIL_TRY(put(j, (struct str){s.p + i, run - i}));
        i = run;
        if (i == s.n) break;
        const char *simple = s.p[i] ? strchr(from, s.p[i]) : NULL;
        if (simple) {
            SIL_TRY(text_printf(j->ev, &j->text, "\\%c", to[simple - from]));
            i++;
            continue;
        }
        uint32_t cp;
        i += tpl_next(s, i, &cp);
        SIL_TRY(put_char(j, cp));
    }
    return put(j, STR("\""));
}

static sil_err put_float(struct json_style *j, double f) {
    char number[40];
    if (isnan(f)) return put(j, STR("NaN"));
    if (isinf(f)) return put(j, f < 0 ? STR("-Infinity") : STR("Infinity"));
    size_t n = tpl_float_repr(f, number);
    return put(j, (struct str){number, n});
}

static sil_err new_line(struct json_style *j) {
    if (!j->lines) return SIL_OK;
    SIL_TRY(put(j, STR("\n")));
    for (uint32_t i = 0; i < j->level; i++) SIL_TRY(put(j, j->indent));
    return SIL_OK;
}

static sil_err put_seq(struct json_style *j, const struct tpl_seq *s) {
    if (s->n == 0) return put(j, STR("[]"));
    SIL_TRY(put(j, STR("[")));
    j->level++;
    for (size_t i = 0; i < s->n; i++) {
        if (i) SIL_TRY(put(j, j->item));
        SIL_TRY(new_line(j));
        SIL_TRY(put_value(j, s->v[i]));
    }
    j->level--;
    SIL_TRY(new_line(j));
    return put(j, STR("]"));
}

static sil_err put_key(struct json_style *j, struct tv k) {
    if (k.type == TV_STR) return put_string(j, tv_view(k));
    if (k.type < TV_NONE || k.type > TV_FLOAT)
        return tpl_fail(j->ev, SIL_ARG, "tojson: a key may not be a %s", tv_type_name(k));
    SIL_TRY(put(j, STR("\"")));
    SIL_TRY(put_value(j, k));
    return put(j, STR("\""));
}

/* Indices of members by key, when keys are to be sorted: insertion sort, charged like any loop. */
static sil_err key_order(struct json_style *j, const struct tpl_dict *d, size_t **out) {
    size_t *at;
    SIL_TRY(tpl_alloc(j->ev, d->n, sizeof *at, &at));
    for (size_t i = 0; i < d->n; i++) {
        size_t k = i;
        for (; j->sort && k > 0; k--) {
            int order;
            SIL_TRY(tv_cmp(j->ev, d->p[at[k - 1]].k, d->p[i].k, "<", &order));
            if (order <= 0) break;
            at[k] = at[k - 1];
        }
        at[k] = i;
    }
    *out = at;
    return SIL_OK;
}

static sil_err put_dict(struct json_style *j, const struct tpl_dict *d) {
    size_t *order = NULL;
    if (d->n == 0) return put(j, STR("{}"));
    if (j->sort) SIL_TRY(key_order(j, d, &order));
    SIL_TRY(put(j, STR("{")));
    j->level++;
    for (size_t i = 0; i < d->n; i++) {
        const struct tpl_pair *m = &d->p[order ? order[i] : i];
        if (i) SIL_TRY(put(j, j->item));
        SIL_TRY(new_line(j));
        SIL_TRY(put_key(j, m->k));
        SIL_TRY(put(j, j->colon));
        SIL_TRY(put_value(j, m->v));
    }
    j->level--;
    SIL_TRY(new_line(j));
    return put(j, STR("}"));
}

static sil_err put_value(struct json_style *j, struct tv v) {
    SIL_TRY(tpl_charge(j->ev, 1));
    switch (v.type) {
    case TV_NONE: return put(j, STR("null"));
    case TV_BOOL: return put(j, v.b ? STR("true") : STR("false"));
    case TV_INT: return text_printf(j->ev, &j->text, "%lld", (long long)v.i);
    case TV_FLOAT: return put_float(j, v.f);
    case TV_STR: return put_string(j, tv_view(v));
    default: break;
    }
    bool list = v.type == TV_SEQ && v.seq->kind <= SEQ_TUPLE;
    if (!list && v.type != TV_DICT) {
        if (v.type == TV_UNDEF) return tpl_fail_undef(j->ev, v);
        return tpl_fail(j->ev, SIL_ARG, "tojson: a %s has no JSON form", tv_type_name(v));
    }
    SIL_TRY(tpl_enter(j->ev));
    sil_err err = list ? put_seq(j, v.seq) : put_dict(j, v.dict);
    j->ev->depth--;
    return err;
}

/* indent: none, a number of spaces, or the text of one level. */
static sil_err read_indent(struct json_style *j, struct tv indent) {
    int64_t n;
    if (indent.type == TV_MISSING || indent.type == TV_NONE) return SIL_OK;
    j->lines = true;
    j->item = STR(",");
    if (indent.type == TV_STR) {
        j->indent = tv_view(indent);
        return SIL_OK;
    }
    SIL_TRY(arg_int(j->ev, indent, "tojson: indent", 0, &n));
    struct tpl_text spaces = {0};
    if (n > 1000) return tpl_fail(j->ev, SIL_LIMIT, "tojson: an indent above 1000");
    for (int64_t i = 0; i < n; i++) SIL_TRY(text_char(j->ev, &spaces, ' '));
    j->indent = (struct str){spaces.p, spaces.n};
    return SIL_OK;
}

sil_err json_print(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct json_style j = {.ev = ev, .item = STR(", "), .colon = STR(": ")};
    struct tv a[4];
    SIL_TRY(args_bind(ev, args, "tojson", "ensure_ascii indent separators sort_keys", 0, a));
    j.ascii = tv_true(a[0]);
    j.sort = tv_true(a[3]);
    SIL_TRY(read_indent(&j, a[1]));
    if (a[2].type > TV_NONE) {
        struct tv *s;
        size_t n;
        SIL_TRY(tv_iter(ev, a[2], &s, &n));
        if (n != 2) return tpl_fail(ev, SIL_ARG, "tojson: separators are two strings");
        SIL_TRY(arg_str(ev, s[0], "tojson: separator", STR(""), &j.item));
        SIL_TRY(arg_str(ev, s[1], "tojson: separator", STR(""), &j.colon));
    }
    SIL_TRY(put_value(&j, in));
    *out = text_value(&j.text);
    return SIL_OK;
}
