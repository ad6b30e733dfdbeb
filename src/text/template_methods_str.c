/* template_methods_str: the methods of strings. Lengths and positions count characters. */
#include "text/template_impl.h"
#include "utf8proc.h"

/* The most arguments that a method here takes. */
enum { STR_ARGS = 3 };

static sil_err no_args(struct tpl_eval *ev, struct tpl_args *args, const char *what) {
    return args_bind(ev, args, what, "", 0, NULL);
}

/* ---- strip, case ---- */

static sil_err strip(struct tpl_eval *ev, struct tv self, struct tpl_args *args, bool left, bool right,
                     struct tv *out) {
    struct tv a[1];
    struct str chars, s;
    SIL_TRY(args_bind(ev, args, "strip", "chars", 0, a));
    bool given = a[0].type != TV_MISSING && a[0].type != TV_NONE;
    if (given) SIL_TRY(arg_str(ev, a[0], "strip: chars", STR(""), &chars));
    SIL_TRY(tpl_charge_bytes(ev, given ? self.n + chars.n : self.n));
    s = tpl_strip(tv_view(self), given ? &chars : NULL, left, right);
    if (given) SIL_TRY(tpl_charge(ev, (self.n - s.n) * (chars.n / 64 + 1) / 8));
    *out = tv_str(s.p, s.n);
    return SIL_OK;
}

static sil_err str_strip(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return strip(ev, self, args, true, true, out);
}

static sil_err str_lstrip(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return strip(ev, self, args, true, false, out);
}

static sil_err str_rstrip(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return strip(ev, self, args, false, true, out);
}

#define CASE_METHOD(name, how)                                                                                         \
    static sil_err str_##name(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {            \
        SIL_TRY(no_args(ev, args, #name));                                                                             \
        return tpl_case(ev, tv_view(self), how, out);                                                                  \
    }
CASE_METHOD(upper, CASE_UPPER)
CASE_METHOD(lower, CASE_LOWER)
CASE_METHOD(title, CASE_TITLE)
CASE_METHOD(capitalize, CASE_CAPITALIZE)
CASE_METHOD(swapcase, CASE_SWAP)
CASE_METHOD(casefold, CASE_FOLD)

/* ---- parts and positions ---- */

/* The part of self between the character positions a[1] and a[2]; *base is the number of characters before it. */
static sil_err window(struct tpl_eval *ev, struct tv self, const struct tv *a, struct str *out, int64_t *base) {
    int64_t from, to, n = (int64_t)tpl_count_chars(tv_view(self));
    SIL_TRY(tpl_charge_bytes(ev, self.n));
    SIL_TRY(arg_int(ev, a[1], "start", 0, &from));
    SIL_TRY(arg_int(ev, a[2], "end", n, &to));
    if (from < 0) from = from + n < 0 ? 0 : from + n;
    if (to < 0) to = to + n < 0 ? 0 : to + n;
    if (to > n) to = n;
    *base = from;
    *out = (struct str){NULL, 0};
    if (from > to) return SIL_OK; /* not even the empty text is there */
    size_t at = tpl_offset(tv_view(self), (size_t)from);
    *out = (struct str){self.s + at, self.n - at};
    out->n = tpl_offset(*out, (size_t)(to - from));
    return SIL_OK;
}

/* True when s begins (or ends) with what, a string or one of a tuple's. */
static sil_err has_end(struct tpl_eval *ev, struct str s, struct tv what, bool end, bool *out) {
    struct tv *items = &what;
    size_t n = 1;
    bool tuple = what.type == TV_SEQ && what.seq->kind == SEQ_TUPLE;
    if (tuple) SIL_TRY(tv_iter(ev, what, &items, &n));
    *out = false;
    for (size_t i = 0; i < n && !*out; i++) {
        struct str x;
        SIL_TRY(arg_str(ev, items[i], end ? "endswith: suffix" : "startswith: prefix", STR(""), &x));
        SIL_TRY(tpl_charge(ev, 1 + x.n / 64));
        if (!s.p || x.n > s.n) continue;
        *out = str_eq(x, (struct str){end ? s.p + s.n - x.n : s.p, x.n});
    }
    return SIL_OK;
}

static sil_err starts_or_ends(struct tpl_eval *ev, struct tv self, struct tpl_args *args, bool end, struct tv *out) {
    struct tv a[STR_ARGS];
    struct str s = tv_view(self);
    int64_t base;
    bool yes;
    SIL_TRY(args_bind(ev, args, end ? "endswith" : "startswith", "text start end", 1, a));
    if (a[1].type != TV_MISSING) SIL_TRY(window(ev, self, a, &s, &base));
    SIL_TRY(has_end(ev, s, a[0], end, &yes));
    *out = tv_bool(yes);
    return SIL_OK;
}

static sil_err str_startswith(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return starts_or_ends(ev, self, args, false, out);
}

static sil_err str_endswith(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return starts_or_ends(ev, self, args, true, out);
}

static const char *find_last(struct str s, struct str x) {
    for (size_t i = s.n - (x.n <= s.n ? x.n : s.n) + 1; x.n <= s.n && i-- > 0;)
        if (memcmp(s.p + i, x.p, x.n) == 0) return s.p + i;
    return NULL;
}

static sil_err find(struct tpl_eval *ev, struct tv self, struct tpl_args *args, bool last, bool must, struct tv *out) {
    struct tv a[STR_ARGS];
    struct str x, s;
    int64_t base;
    SIL_TRY(args_bind(ev, args, "find", "text start end", 1, a));
    SIL_TRY(arg_str(ev, a[0], "find: text", STR(""), &x));
    SIL_TRY(window(ev, self, a, &s, &base));
    if (last) SIL_TRY(tpl_charge(ev, s.n / 64 * (1 + x.n / 64)));
    const char *hit = !s.p ? NULL : last ? find_last(s, x) : tpl_find(s, x);
    if (!hit && must) return tpl_fail(ev, SIL_ARG, "index: the text is not there");
    *out = tv_int(hit ? base + (int64_t)tpl_count_chars((struct str){s.p, (size_t)(hit - s.p)}) : -1);
    return SIL_OK;
}

static sil_err str_find(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return find(ev, self, args, false, false, out);
}

static sil_err str_rfind(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return find(ev, self, args, true, false, out);
}

static sil_err str_index(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return find(ev, self, args, false, true, out);
}

static sil_err str_count(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    struct tv a[STR_ARGS];
    struct str x, s;
    int64_t base, n = 0;
    SIL_TRY(args_bind(ev, args, "count", "text start end", 1, a));
    SIL_TRY(arg_str(ev, a[0], "count: text", STR(""), &x));
    SIL_TRY(window(ev, self, a, &s, &base));
    if (x.n == 0) n = s.p ? (int64_t)tpl_count_chars(s) + 1 : 0;
    for (const char *hit; s.p && x.n && (hit = tpl_find(s, x)) != NULL; n++) {
        size_t gone = (size_t)(hit - s.p) + x.n;
        SIL_TRY(tpl_charge(ev, 1));
        s = (struct str){s.p + gone, s.n - gone};
    }
    *out = tv_int(n);
    return SIL_OK;
}

static sil_err str_replace(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    struct tv a[STR_ARGS];
    struct str from, to;
    int64_t count;
    SIL_TRY(args_bind(ev, args, "replace", "old new count", 2, a));
    SIL_TRY(arg_str(ev, a[0], "replace: old", STR(""), &from));
    SIL_TRY(arg_str(ev, a[1], "replace: new", STR(""), &to));
    SIL_TRY(arg_int(ev, a[2], "replace: count", -1, &count));
    return tpl_replace(ev, tv_view(self), from, to, count, out);
}

static sil_err remove_end(struct tpl_eval *ev, struct tv self, struct tpl_args *args, bool end, struct tv *out) {
    struct tv a[1];
    struct str x;
    bool yes;
    SIL_TRY(args_bind(ev, args, end ? "removesuffix" : "removeprefix", "text", 1, a));
    SIL_TRY(arg_str(ev, a[0], "the text to remove", STR(""), &x));
    SIL_TRY(has_end(ev, tv_view(self), a[0], end, &yes));
    *out = !yes ? self : tv_str(self.s + (end ? 0 : x.n), self.n - x.n);
    return SIL_OK;
}

static sil_err str_removeprefix(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return remove_end(ev, self, args, false, out);
}

static sil_err str_removesuffix(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return remove_end(ev, self, args, true, out);
}

/* ---- split, join ---- */

static sil_err push_part(struct tpl_eval *ev, struct tv *list, struct str s) {
    SIL_TRY(tpl_charge(ev, 1));
    return seq_push(ev, list->seq, tv_str(s.p, s.n));
}

static sil_err split_space(struct tpl_eval *ev, struct str s, int64_t max, struct tv *list) {
    s = tpl_lstrip_space(s);
    while (s.n) {
        size_t i = 0;
        if (max == 0) return push_part(ev, list, tpl_rstrip_space(s));
        for (uint32_t cp; i < s.n && !tpl_space_at(s, i);) i += tpl_next(s, i, &cp);
        SIL_TRY(push_part(ev, list, (struct str){s.p, i}));
        s = tpl_lstrip_space((struct str){s.p + i, s.n - i});
        max--;
    }
    return SIL_OK;
}

static sil_err rsplit_space(struct tpl_eval *ev, struct str s, int64_t max, struct tv *list) {
    s = tpl_rstrip_space(s);
    while (s.n) {
        size_t i = s.n;
        if (max == 0) {
            SIL_TRY(push_part(ev, list, tpl_lstrip_space(s)));
            break;
        }
        for (size_t j = s.n; j > 0;) {
            do j--;
            while (j > 0 && ((unsigned char)s.p[j] & 0xc0) == 0x80);
            if (tpl_space_at(s, j)) break;
            i = j;
        }
        SIL_TRY(push_part(ev, list, (struct str){s.p + i, s.n - i}));
        s = tpl_rstrip_space((struct str){s.p, i});
        max--;
    }
    return SIL_OK;
}

static sil_err split_on(struct tpl_eval *ev, struct str s, struct str sep, int64_t max, struct tv *list) {
    for (const char *hit; max != 0 && (hit = tpl_find(s, sep)) != NULL; max--) {
        size_t at = (size_t)(hit - s.p);
        SIL_TRY(push_part(ev, list, (struct str){s.p, at}));
        s = (struct str){s.p + at + sep.n, s.n - at - sep.n};
    }
    return push_part(ev, list, s);
}

static sil_err rsplit_on(struct tpl_eval *ev, struct str s, struct str sep, int64_t max, struct tv *list) {
    for (const char *hit; max != 0 && (hit = find_last(s, sep)) != NULL; max--) {
        size_t at = (size_t)(hit - s.p);
        SIL_TRY(tpl_charge(ev, (s.n - at) / 64 * (1 + sep.n / 64)));
        SIL_TRY(push_part(ev, list, (struct str){s.p + at + sep.n, s.n - at - sep.n}));
        s.n = at;
    }
    return push_part(ev, list, s);
}

static sil_err split(struct tpl_eval *ev, struct tv self, struct tpl_args *args, bool right, struct tv *out) {
    struct tv a[2];
    struct str sep;
    int64_t max;
    SIL_TRY(args_bind(ev, args, right ? "rsplit" : "split", "sep maxsplit", 0, a));
    SIL_TRY(arg_int(ev, a[1], "split: maxsplit", -1, &max));
    SIL_TRY(tpl_charge_bytes(ev, self.n));
    SIL_TRY(seq_new(ev, SEQ_LIST, 0, out));
    if (a[0].type == TV_MISSING || a[0].type == TV_NONE) {
        SIL_TRY(right ? rsplit_space(ev, tv_view(self), max, out) : split_space(ev, tv_view(self), max, out));
    } else {
        SIL_TRY(arg_str(ev, a[0], "split: sep", STR(""), &sep));
        if (sep.n == 0) return tpl_fail(ev, SIL_ARG, "split: an empty separator");
        SIL_TRY(right ? rsplit_on(ev, tv_view(self), sep, max, out) : split_on(ev, tv_view(self), sep, max, out));
    }
    for (size_t i = 0, n = out->seq->n; right && i < n / 2; i++) {
        struct tv t = out->seq->v[i];
        out->seq->v[i] = out->seq->v[n - 1 - i];
        out->seq->v[n - 1 - i] = t;
    }
    return SIL_OK;
}

static sil_err str_split(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return split(ev, self, args, false, out);
}

static sil_err str_rsplit(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return split(ev, self, args, true, out);
}

/* The bytes of a line end at i, as str.splitlines knows them; 0 when there is none. */
static size_t line_end(struct str s, size_t i) {
    uint32_t cp;
    size_t n = tpl_next(s, i, &cp);
    if (cp == '\r') return i + 1 < s.n && s.p[i + 1] == '\n' ? 2 : 1;
    bool end = (cp >= 0x0a && cp <= 0x0c) || (cp >= 0x1c && cp <= 0x1e) || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
    return end ? n : 0;
}

sil_err tpl_split_lines(struct tpl_eval *ev, struct str s, bool keep, struct tv *out) {
    size_t from = 0;
    SIL_TRY(tpl_charge_bytes(ev, s.n));
    SIL_TRY(seq_new(ev, SEQ_LIST, 0, out));
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        size_t end = line_end(s, i);
        if (end) SIL_TRY(push_part(ev, out, (struct str){s.p + from, i - from + (keep ? end : 0)}));
        i += end ? end : tpl_next(s, i, &cp);
        if (end) from = i;
    }
    return from < s.n ? push_part(ev, out, (struct str){s.p + from, s.n - from}) : SIL_OK;
}

static sil_err str_splitlines(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    struct tv a[1];
    SIL_TRY(args_bind(ev, args, "splitlines", "keepends", 0, a));
    return tpl_split_lines(ev, tv_view(self), tv_true(a[0]), out);
}

static sil_err partition(struct tpl_eval *ev, struct tv self, struct tpl_args *args, bool right, struct tv *out) {
    struct tv a[1];
    struct str sep, s = tv_view(self);
    SIL_TRY(args_bind(ev, args, "partition", "sep", 1, a));
    SIL_TRY(arg_str(ev, a[0], "partition: sep", STR(""), &sep));
    if (sep.n == 0) return tpl_fail(ev, SIL_ARG, "partition: an empty separator");
    SIL_TRY(tpl_charge(ev, s.n / 64 * (1 + sep.n / 64)));
    const char *hit = right ? find_last(s, sep) : tpl_find(s, sep);
    size_t at = hit ? (size_t)(hit - s.p) : right ? 0 : s.n, len = hit ? sep.n : 0;
    SIL_TRY(seq_new(ev, SEQ_TUPLE, 3, out));
    SIL_TRY(seq_push(ev, out->seq, tv_str(s.p, at)));
    SIL_TRY(seq_push(ev, out->seq, tv_str(s.p + at, len)));
    return seq_push(ev, out->seq, tv_str(s.p + at + len, s.n - at - len));
}

static sil_err str_partition(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return partition(ev, self, args, false, out);
}

static sil_err str_rpartition(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return partition(ev, self, args, true, out);
}

static sil_err str_join(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    struct tv a[1], *items;
    struct tpl_text t = {0};
    size_t n;
    SIL_TRY(args_bind(ev, args, "join", "items", 1, a));
    SIL_TRY(tv_iter(ev, a[0], &items, &n));
    for (size_t i = 0; i < n; i++) {
        struct str s;
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(arg_str(ev, items[i], "join: an item", STR(""), &s));
        if (i) SIL_TRY(text_str(ev, &t, tv_view(self)));
        SIL_TRY(text_str(ev, &t, s));
    }
    *out = text_value(&t);
    return SIL_OK;
}

/* ---- width ---- */

sil_err tpl_pad(struct tpl_eval *ev, struct str s, int64_t width, struct str fill, int where, struct tv *out) {
    int64_t n = (int64_t)tpl_count_chars(s), room = width > n ? width - n : 0;
    /* Python's rule for the odd character of center */
    int64_t left = where < 0 ? 0 : where > 0 ? room : room / 2 + (room & width & 1);
    struct tpl_text t = {0};
    if (tpl_count_chars(fill) != 1) return tpl_fail(ev, SIL_ARG, "the fill must be one character");
    SIL_TRY(tpl_charge(ev, (uint64_t)room));
    for (int64_t i = 0; i < left; i++) SIL_TRY(text_str(ev, &t, fill));
    SIL_TRY(text_str(ev, &t, s));
    for (int64_t i = left; i < room; i++) SIL_TRY(text_str(ev, &t, fill));
    *out = text_value(&t);
    return SIL_OK;
}

static sil_err justify(struct tpl_eval *ev, struct tv self, struct tpl_args *args, int where, struct tv *out) {
    struct tv a[2];
    struct str fill;
    int64_t width;
    SIL_TRY(args_bind(ev, args, "just", "width fillchar", 1, a));
    SIL_TRY(arg_int(ev, a[0], "width", 0, &width));
    SIL_TRY(arg_str(ev, a[1], "fillchar", STR(" "), &fill));
    return tpl_pad(ev, tv_view(self), width, fill, where, out);
}

static sil_err str_ljust(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return justify(ev, self, args, -1, out);
}

static sil_err str_rjust(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return justify(ev, self, args, 1, out);
}

static sil_err str_center(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return justify(ev, self, args, 0, out);
}

static sil_err str_zfill(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    struct tv a[1], rest;
    int64_t width;
    SIL_TRY(args_bind(ev, args, "zfill", "width", 1, a));
    SIL_TRY(arg_int(ev, a[0], "zfill: width", 0, &width));
    bool sign = self.n && (self.s[0] == '-' || self.s[0] == '+');
    if (width <= 0) width = 1;
    SIL_TRY(tpl_pad(ev, (struct str){self.s + sign, self.n - sign}, width - sign, STR("0"), 1, &rest));
    return op_concat(ev, (struct str){self.s, sign}, tv_view(rest), out);
}

static sil_err str_format(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    return tpl_format_braces(ev, tv_view(self), args, out);
}

/* ---- is... ---- */

enum char_class { IS_SPACE, IS_DIGIT, IS_ALPHA, IS_ALNUM, IS_ASCII };

static bool in_class(uint32_t cp, enum char_class c) {
    utf8proc_category_t cat = utf8proc_category((utf8proc_int32_t)cp);
    bool digit = cat == UTF8PROC_CATEGORY_ND, alpha = cat >= UTF8PROC_CATEGORY_LU && cat <= UTF8PROC_CATEGORY_LO;
    switch (c) {
    case IS_SPACE: return tpl_is_space(cp);
    case IS_DIGIT: return digit;
    case IS_ALPHA: return alpha;
    case IS_ALNUM: return alpha || digit;
    default: return cp < 0x80;
    }
}

static sil_err all_in(struct tpl_eval *ev, struct tv self, struct tpl_args *args, enum char_class c, struct tv *out) {
    bool all = self.n > 0 || c == IS_ASCII;
    uint32_t cp;
    SIL_TRY(no_args(ev, args, "is..."));
    SIL_TRY(tpl_charge(ev, self.n / 16));
    for (size_t i = 0; i < self.n && all;) {
        i += tpl_next(tv_view(self), i, &cp);
        all = in_class(cp, c);
    }
    *out = tv_bool(all);
    return SIL_OK;
}

#define CLASS_METHOD(name, c)                                                                                          \
    static sil_err str_##name(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {            \
        return all_in(ev, self, args, c, out);                                                                         \
    }
CLASS_METHOD(isspace, IS_SPACE)
CLASS_METHOD(isdigit, IS_DIGIT)
CLASS_METHOD(isalpha, IS_ALPHA)
CLASS_METHOD(isalnum, IS_ALNUM)
CLASS_METHOD(isascii, IS_ASCII)

bool tpl_all_case(struct str s, bool upper) {
    bool any = false;
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        i += tpl_next(s, i, &cp);
        bool is_upper = utf8proc_isupper((utf8proc_int32_t)cp), is_lower = utf8proc_islower((utf8proc_int32_t)cp);
        if (upper ? is_lower : is_upper) return false;
        any = any || is_upper || is_lower;
    }
    return any;
}

static sil_err str_isupper(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    SIL_TRY(no_args(ev, args, "isupper"));
    *out = tv_bool(tpl_all_case(tv_view(self), true));
    return tpl_charge(ev, self.n / 16);
}

static sil_err str_islower(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    SIL_TRY(no_args(ev, args, "islower"));
    *out = tv_bool(tpl_all_case(tv_view(self), false));
    return tpl_charge(ev, self.n / 16);
}

const struct tpl_func *method_find_str(struct str name) {
    static const struct tpl_func methods[] = {
        {"strip", str_strip},
        {"lstrip", str_lstrip},
        {"rstrip", str_rstrip},
        {"split", str_split},
        {"startswith", str_startswith},
        {"endswith", str_endswith},
        {"replace", str_replace},
        {"upper", str_upper},
        {"lower", str_lower},
        {"title", str_title},
        {"capitalize", str_capitalize},
        {"find", str_find},
        {"count", str_count},
        {"join", str_join},
        {"format", str_format},
        {"splitlines", str_splitlines},
        {"rsplit", str_rsplit},
        {"rfind", str_rfind},
        {"index", str_index},
        {"partition", str_partition},
        {"rpartition", str_rpartition},
        {"removeprefix", str_removeprefix},
        {"removesuffix", str_removesuffix},
        {"isdigit", str_isdigit},
        {"isspace", str_isspace},
        {"isalpha", str_isalpha},
        {"isalnum", str_isalnum},
        {"isdecimal", str_isdigit},
        {"isnumeric", str_isdigit},
        {"isascii", str_isascii},
        {"isupper", str_isupper},
        {"islower", str_islower},
        {"swapcase", str_swapcase},
        {"casefold", str_casefold},
        {"ljust", str_ljust},
        {"rjust", str_rjust},
        {"center", str_center},
        {"zfill", str_zfill},
    };
    return func_find(methods, TPL_COUNT(methods), name);
}
