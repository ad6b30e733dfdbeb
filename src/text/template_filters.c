/* template_filters: filters of one value: text, numbers, conversions. Those of sequences are in template_filters_seq.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "text/template_impl.h"
#include "utf8proc.h"

#define CASE_FILTER(name, how)                                                                                         \
    static sil_err filter_##name(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {           \
        SIL_TRY(args_bind(ev, args, #name, "", 0, NULL));                                                              \
        SIL_TRY(tv_to_str(ev, in, &in));                                                                               \
        return tpl_case(ev, tv_view(in), how, out);                                                                    \
    }
CASE_FILTER(upper, CASE_UPPER)
CASE_FILTER(lower, CASE_LOWER)
CASE_FILTER(capitalize, CASE_CAPITALIZE)
CASE_FILTER(title, CASE_JINJA_TITLE)

/* ---- text ---- */

static sil_err filter_trim(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    const struct tpl_func *strip = method_find_str(STR("strip"));
    SIL_TRY(tv_to_str(ev, in, &in));
    return strip->fn(ev, in, args, out);
}

static sil_err filter_string(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    SIL_TRY(args_bind(ev, args, "string", "", 0, NULL));
    return tv_to_str(ev, in, out);
}

static sil_err filter_replace(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[3];
    int64_t count;
    SIL_TRY(args_bind(ev, args, "replace", "old new count", 2, a));
    SIL_TRY(arg_int(ev, a[2], "replace: count", -1, &count));
    for (int i = 0; i < 2; i++) SIL_TRY(tv_to_str(ev, a[i], &a[i]));
    SIL_TRY(tv_to_str(ev, in, &in));
    return tpl_replace(ev, tv_view(in), tv_view(a[0]), tv_view(a[1]), count, out);
}

static sil_err filter_escape(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    static const char from[] = "&<>'\"";
    static const char *const to[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    struct tpl_text t = {0};
    SIL_TRY(args_bind(ev, args, "escape", "", 0, NULL));
    SIL_TRY(tv_to_str(ev, in, &in));
    SIL_TRY(tpl_charge(ev, in.n / 16));
    for (size_t i = 0; i < in.n; i++) {
        const char *hit = in.s[i] ? strchr(from, in.s[i]) : NULL;
        SIL_TRY(hit ? text_str(ev, &t, str_of(to[hit - from])) : text_char(ev, &t, in.s[i]));
    }
    *out = text_value(&t);
    return SIL_OK;
}

static sil_err filter_indent(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[3], lines, pad;
    struct str s;
    struct tpl_text t = {0};
    SIL_TRY(args_bind(ev, args, "indent", "width first blank", 0, a));
    SIL_TRY(arg_str(ev, in, "indent: its value", STR(""), &s));
    pad = a[0];
    if (pad.type != TV_STR) {
        int64_t width;
        SIL_TRY(arg_int(ev, pad, "indent: width", 4, &width));
        SIL_TRY(tpl_pad(ev, STR(""), width, STR(" "), -1, &pad));
    }
    SIL_TRY(tpl_split_lines(ev, s, false, &lines));
    /* Jinja adds a line end before it splits: one that is there becomes an empty last line */
    if (s.n == 0 || s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r') SIL_TRY(seq_push(ev, lines.seq, tv_str("", 0)));
    if (s.n && s.p[s.n - 1] == '\r') lines.seq->n--;
    for (size_t i = 0; i < lines.seq->n; i++) {
        struct tv line = lines.seq->v[i];
        bool indent = i == 0 ? tv_true(a[1]) : line.n > 0 || tv_true(a[2]);
        SIL_TRY(tpl_charge(ev, 1));
        if (i) SIL_TRY(text_char(ev, &t, '\n'));
        if (indent) SIL_TRY(text_str(ev, &t, tv_view(pad)));
        SIL_TRY(text_str(ev, &t, tv_view(line)));
    }
    *out = text_value(&t);
    return SIL_OK;
}

static sil_err filter_center(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[1];
    int64_t width;
    SIL_TRY(args_bind(ev, args, "center", "width", 0, a));
    SIL_TRY(arg_int(ev, a[0], "center: width", 80, &width));
    SIL_TRY(tv_to_str(ev, in, &in));
    return tpl_pad(ev, tv_view(in), width, STR(" "), 0, out);
}

static sil_err filter_truncate(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[4];
    struct str s, end;
    int64_t length, leeway, n = 0;
    SIL_TRY(args_bind(ev, args, "truncate", "length killwords end leeway", 0, a));
    SIL_TRY(arg_int(ev, a[0], "truncate: length", 255, &length));
    SIL_TRY(arg_str(ev, a[2], "truncate: end", STR("..."), &end));
    SIL_TRY(arg_int(ev, a[3], "truncate: leeway", 5, &leeway));
    if (in.type != TV_STR) SIL_TRY(tv_len(ev, in, &n));
    if (in.type != TV_STR && (n <= length || n - length <= leeway)) {
        *out = in;
        return SIL_OK;
    }
    SIL_TRY(arg_str(ev, in, "truncate: its value", STR(""), &s));
    SIL_TRY(tpl_charge_bytes(ev, s.n));
    int64_t tail = (int64_t)tpl_count_chars(end);
    n = (int64_t)tpl_count_chars(s);
    if (length < tail || leeway < 0)
        return tpl_fail(ev, SIL_ARG, "truncate: length below the end's, or leeway below 0");
    if (n <= length || n - length <= leeway) {
        *out = in;
        return SIL_OK;
    }
    s.n = tpl_offset(s, (size_t)(length - tail));
    if (!tv_true(a[1])) {
        size_t cut = s.n;
        while (cut > 0 && s.p[cut - 1] != ' ') cut--;
        if (cut > 0) s.n = cut - 1;
    }
    return op_concat(ev, s, end, out);
}

static bool is_word(uint32_t cp) {
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return cp == '_' || (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) ||
           (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO);
}

static sil_err filter_wordcount(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    int64_t n = 0;
    bool inside = false;
    SIL_TRY(args_bind(ev, args, "wordcount", "", 0, NULL));
    SIL_TRY(tv_to_str(ev, in, &in));
    SIL_TRY(tpl_charge(ev, in.n / 16));
    for (size_t i = 0; i < in.n;) {
        uint32_t cp;
        i += tpl_next(tv_view(in), i, &cp);
        bool word = is_word(cp);
        n += word && !inside;
        inside = word;
    }
    *out = tv_int(n);
    return SIL_OK;
}

static sil_err filter_format(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    SIL_TRY(tv_to_str(ev, in, &in));
    return tpl_format_percent(ev, tv_view(in), args, out);
}

/* ---- values ---- */

static sil_err filter_default(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[2];
    SIL_TRY(args_bind(ev, args, "default", "default_value boolean", 0, a));
    if (a[0].type == TV_MISSING) a[0] = tv_str("", 0);
    *out = in.type == TV_UNDEF || (tv_true(a[1]) && !tv_true(in)) ? a[0] : in;
    return SIL_OK;
}

static sil_err filter_attr(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[1];
    struct str name;
    SIL_TRY(args_bind(ev, args, "attr", "name", 1, a));
    SIL_TRY(arg_str(ev, a[0], "attr: name", STR(""), &name));
    if (in.type != TV_DICT || method_find(TV_DICT, in, name)) return op_attr(ev, in, name, out);
    *out = tv_undef(UNDEF_ATTR, TV_DICT, name);
    return SIL_OK;
}

static sil_err filter_abs(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    double f;
    SIL_TRY(args_bind(ev, args, "abs", "", 0, NULL));
    bool negative = tv_number(in, &f) && (f < 0 || (f == 0 && signbit(f)));
    return op_negate(ev, in, negative, out);
}

/* A whole number in a base, with Python's sign, spaces and underscores; *fits is false beyond 64 bits. */
static bool parse_int(struct str s, int64_t base, int64_t *out, bool *fits) {
    s = tpl_strip(s, NULL, true, true);
    bool minus = s.n && s.p[0] == '-', digit = false;
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
    char mark = i + 1 < s.n && s.p[i] == '0' ? (char)(s.p[i + 1] | 0x20) : '\0';
    int64_t prefix = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (prefix && (base == prefix || base == 0)) i += 2;
    if (base == 0) base = prefix ? prefix : 10;
    *out = 0;
    *fits = true;
    for (; i < s.n; i++) {
        char c = (char)(s.p[i] | 0x20);
        int d = s.p[i] >= '0' && s.p[i] <= '9' ? s.p[i] - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
        if (s.p[i] == '_' && digit && i + 1 < s.n) {
            digit = false;
            continue;
        }
        if (d >= base) return false;
        digit = true;
        if (__builtin_mul_overflow(*out, base, out) || __builtin_sub_overflow(*out, d, out)) *fits = false;
    }
    if (!minus && __builtin_sub_overflow(0, *out, out)) *fits = false;
    return digit;
}

/* Python's float(text), without its spelled-out forms but inf and nan. */
static bool parse_float(struct str s, double *out) {
    s = tpl_strip(s, NULL, true, true);
    if (tpl_parse_float(s, out)) return true;
    bool minus = s.n && s.p[0] == '-';
    size_t sign = s.n && (s.p[0] == '-' || s.p[0] == '+');
    struct str word = {s.p + sign, s.n - sign};
    bool inf =
        (word.n == 3 && strncasecmp(word.p, "inf", 3) == 0) || (word.n == 8 && strncasecmp(word.p, "infinity", 8) == 0);
    if (!inf && !(word.n == 3 && strncasecmp(word.p, "nan", 3) == 0)) return false;
    *out = inf ? (minus ? -HUGE_VAL : HUGE_VAL) : (double)NAN;
    return true;
}

static sil_err filter_int(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[2];
    int64_t i = 0, base;
    double f;
    bool fits = true;
    SIL_TRY(args_bind(ev, args, "int", "default base", 0, a));
    SIL_TRY(arg_int(ev, a[1], "int: base", 10, &base));
    *out = a[0].type == TV_MISSING ? tv_int(0) : a[0];
    if (base != 0 && (base < 2 || base > 36)) return tpl_fail(ev, SIL_ARG, "int: base must be 0 or 2 to 36");
    if (in.type == TV_UNDEF) return tpl_fail_undef(ev, in);
    if (tv_index(in, &i) || (in.type == TV_STR && parse_int(tv_view(in), base, &i, &fits))) {
        *out = tv_int(i);
        return fits ? SIL_OK : tpl_fail(ev, SIL_LIMIT, "an integer beyond 64 bits");
    }
    if (in.type == TV_FLOAT) f = in.f;
    else if (in.type != TV_STR || !parse_float(tv_view(in), &f)) return SIL_OK;
    if (!isfinite(f)) return SIL_OK;
    if (f < -9223372036854775808.0 || f >= 9223372036854775808.0)
        return tpl_fail(ev, SIL_LIMIT, "an integer beyond 64 bits");
    *out = tv_int((int64_t)f);
    return SIL_OK;
}

static sil_err filter_float(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[1];
    double f;
    SIL_TRY(args_bind(ev, args, "float", "default", 0, a));
    if (in.type == TV_UNDEF) return tpl_fail_undef(ev, in);
    if (tv_number(in, &f) || (in.type == TV_STR && parse_float(tv_view(in), &f))) *out = tv_float(f);
    else *out = a[0].type == TV_MISSING ? tv_float(0) : a[0];
    return SIL_OK;
}

/* printf rounds the exact binary value, half to even, as Python's round does; strtod reads it back in one locale. */
static double round_decimal(double f, int precision) {
    char text[400];
    int n = snprintf(text, sizeof text, "%.*f", precision, f);
    return n > 0 && (size_t)n < sizeof text ? strtod(text, NULL) : f;
}

static sil_err filter_round(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[2];
    struct str method;
    int64_t precision;
    double f;
    SIL_TRY(args_bind(ev, args, "round", "precision method", 0, a));
    SIL_TRY(arg_int(ev, a[0], "round: precision", 0, &precision));
    SIL_TRY(arg_str(ev, a[1], "round: method", STR("common"), &method));
    if (in.type == TV_UNDEF) return tpl_fail_undef(ev, in);
    if (!tv_number(in, &f)) return tpl_fail(ev, SIL_ARG, "round: a %s is not a number", tv_type_name(in));
    if (precision > 50 || precision < -50) return tpl_fail(ev, SIL_LIMIT, "round: precision beyond 50");
    double scale = pow(10, (double)precision);
    bool up = str_eq(method, STR("ceil")), down = str_eq(method, STR("floor"));
    if (!up && !down && !str_eq(method, STR("common"))) return tpl_fail(ev, SIL_ARG, "round: unknown method");
    if (up || down) *out = tv_float((up ? ceil(f * scale) : floor(f * scale)) / scale);
    else if (in.type != TV_FLOAT && precision >= 0)
        *out = (struct tv){.type = TV_INT, .i = in.type == TV_INT ? in.i : in.b};
    else if (precision >= 0) *out = tv_float(round_decimal(f, (int)precision));
    else *out = tv_float(rint(f * scale) / scale);
    if (in.type != TV_FLOAT && !up && !down && precision < 0) *out = tv_int((int64_t)out->f);
    return SIL_OK;
}

const struct tpl_func *filter_find(struct str name) {
    static const struct tpl_func filters[] = {
        {"trim", filter_trim},
        {"tojson", json_print},
        {"upper", filter_upper},
        {"lower", filter_lower},
        {"capitalize", filter_capitalize},
        {"title", filter_title},
        {"replace", filter_replace},
        {"string", filter_string},
        {"safe", filter_string},
        {"e", filter_escape},
        {"escape", filter_escape},
        {"forceescape", filter_escape},
        {"indent", filter_indent},
        {"center", filter_center},
        {"truncate", filter_truncate},
        {"wordcount", filter_wordcount},
        {"format", filter_format},
        {"default", filter_default},
        {"d", filter_default},
        {"attr", filter_attr},
        {"abs", filter_abs},
        {"int", filter_int},
        {"float", filter_float},
        {"round", filter_round},
    };
    const struct tpl_func *f = func_find(filters, TPL_COUNT(filters), name);
    return f ? f : filter_find_seq(name);
}
