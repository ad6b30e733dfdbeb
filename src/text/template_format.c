/* template_format: "%s %d" % values, "{} {name}".format(...), and strftime over a given time. */
#include <stdio.h>

#include "text/template_impl.h"

/* ---- % ---- */

struct spec {
    bool minus, zero, plus, space;
    int64_t width, precision; /* precision -1: none */
    char conv;
};

enum { FORMAT_WIDTH_MAX = 1000 };

static sil_err read_count(struct tpl_eval *ev, struct str f, size_t *i, int64_t *out) {
    *out = 0;
    for (; *i < f.n && f.p[*i] >= '0' && f.p[*i] <= '9'; ++*i) {
        *out = *out * 10 + (f.p[*i] - '0');
        if (*out > FORMAT_WIDTH_MAX) return tpl_fail(ev, SIL_LIMIT, "format: a width above %d", FORMAT_WIDTH_MAX);
    }
    return SIL_OK;
}

static sil_err read_spec(struct tpl_eval *ev, struct str f, size_t *i, struct spec *s) {
    *s = (struct spec){.precision = -1};
    for (; *i < f.n && f.p[*i] && strchr("-+ 0#", f.p[*i]); ++*i) {
        if (f.p[*i] == '-') s->minus = true;
        if (f.p[*i] == '+') s->plus = true;
        if (f.p[*i] == ' ') s->space = true;
        if (f.p[*i] == '0') s->zero = true;
    }
    SIL_TRY(read_count(ev, f, i, &s->width));
    if (*i < f.n && f.p[*i] == '.') {
        ++*i;
        SIL_TRY(read_count(ev, f, i, &s->precision));
    }
    s->conv = *i < f.n ? f.p[(*i)++] : '\0';
    return SIL_OK;
}

/* `body`, padded to the width; zeros go between sign and digits. */
static sil_err pad(struct tpl_eval *ev, struct tpl_text *t, const struct spec *s, struct str body, bool number) {
    int64_t n = (int64_t)tpl_count_chars(body), fill = s->width > n ? s->width - n : 0;
    bool zero = s->zero && number && !s->minus;
    if (zero && body.n && (body.p[0] == '-' || body.p[0] == '+' || body.p[0] == ' ')) {
        SIL_TRY(text_char(ev, t, body.p[0]));
        body = (struct str){body.p + 1, body.n - 1};
    }
    for (int64_t k = 0; k < fill && !s->minus; k++) SIL_TRY(text_char(ev, t, zero ? '0' : ' '));
    SIL_TRY(text_str(ev, t, body));
    for (int64_t k = 0; k < fill && s->minus; k++) SIL_TRY(text_char(ev, t, ' '));
    return SIL_OK;
}

static sil_err put_int(struct tpl_eval *ev, struct tpl_text *t, const struct spec *s, struct tv v) {
    int64_t i;
    char text[48];
    if (v.type == TV_FLOAT && v.f > -9e18 && v.f < 9e18) i = (int64_t)v.f;
    else if (!tv_index(v, &i)) return tpl_fail(ev, SIL_ARG, "%%%c needs a number, not a %s", s->conv, tv_type_name(v));
    uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    const char *sign = i < 0 ? "-" : s->plus ? "+" : s->space ? " " : "";
    const char *fmt = s->conv == 'x' ? "%s%llx" : s->conv == 'X' ? "%s%llX" : s->conv == 'o' ? "%s%llo" : "%s%llu";
    int n = snprintf(text, sizeof text, fmt, sign, (unsigned long long)u);
    return pad(ev, t, s, (struct str){text, (size_t)n}, true);
}

/* %e, %f, %g. The decimal point of another locale is put right again. */
static sil_err put_float(struct tpl_eval *ev, struct tpl_text *t, const struct spec *s, struct tv v) {
    double f;
    char fmt[8] = "%", text[400];
    int64_t precision = s->precision < 0 ? 6 : s->precision;
    if (!tv_number(v, &f)) return tpl_fail(ev, SIL_ARG, "%%%c needs a number, not a %s", s->conv, tv_type_name(v));
    if (precision > 50) return tpl_fail(ev, SIL_LIMIT, "format: a precision above 50");
    size_t at = 1;
    if (s->plus || s->space) fmt[at++] = s->plus ? '+' : ' ';
    memcpy(fmt + at, (char[]){'.', '*', s->conv, '\0'}, 4);
    int n = snprintf(text, sizeof text, fmt, (int)precision, f);
    if (n < 0 || (size_t)n >= sizeof text) return tpl_fail(ev, SIL_LIMIT, "format: the number is too long");
    char *comma = memchr(text, ',', (size_t)n);
    if (comma) *comma = '.';
    return pad(ev, t, s, (struct str){text, (size_t)n}, true);
}

static sil_err put_spec(struct tpl_eval *ev, struct tpl_text *t, const struct spec *s, struct tv v) {
    struct tpl_text body = {0};
    switch (s->conv) {
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': return put_int(ev, t, s, v);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': return put_float(ev, t, s, v);
    case 's': SIL_TRY(tv_print(ev, &body, v)); break;
    case 'r': SIL_TRY(tv_repr(ev, &body, v)); break;
    default: return tpl_fail(ev, SIL_UNSUPPORTED, "format: unknown conversion '%c'", s->conv ? s->conv : '?');
    }
    struct str text = {body.p, body.n};
    if (s->precision >= 0) text.n = tpl_offset(text, (size_t)s->precision);
    return pad(ev, t, s, text, false);
}

static sil_err find_kw(struct tpl_eval *ev, const struct tpl_args *args, struct str name, struct tv *out) {
    for (uint32_t k = 0; k < args->n_kw; k++) {
        if (!str_eq(args->kw[k].name, name)) continue;
        *out = args->kw[k].v;
        return SIL_OK;
    }
    return tpl_fail(ev, SIL_ARG, "format: there is no argument '%.*s'", STR_ARG(name));
}

sil_err tpl_format_percent(struct tpl_eval *ev, struct str f, const struct tpl_args *args, struct tv *out) {
    struct tpl_text t = {0};
    uint32_t next = 0;
    bool named = false;
    for (size_t i = 0; i < f.n;) {
        struct tv v;
        struct spec s;
        if (f.p[i] != '%') {
            SIL_TRY(text_char(ev, &t, f.p[i++]));
            continue;
        }
        i++;
        struct str name = {0};
        if (i < f.n && f.p[i] == '(') {
            size_t end = ++i;
            while (end < f.n && f.p[end] != ')') end++;
            name = (struct str){f.p + i, end - i};
            i = end < f.n ? end + 1 : end;
        }
        SIL_TRY(read_spec(ev, f, &i, &s));
        SIL_TRY(tpl_charge(ev, 1));
        if (s.conv == '%') {
            SIL_TRY(text_char(ev, &t, '%'));
            continue;
        }
        if (name.p && args->n == 1 && args->pos[0].type == TV_DICT)
            SIL_TRY(op_item(ev, args->pos[0], tv_str(name.p, name.n), &v));
        else if (name.p) SIL_TRY(find_kw(ev, args, name, &v));
        else if (next < args->n) v = args->pos[next++];
        else return tpl_fail(ev, SIL_ARG, "format: too few values");
        named = named || name.p;
        SIL_TRY(put_spec(ev, &t, &s, v));
    }
    /* a list or dict on the right of % may stay unused */
    bool spare = args->n == 1 &&
                 (args->pos[0].type == TV_DICT || (args->pos[0].type == TV_SEQ && args->pos[0].seq->kind != SEQ_TUPLE));
    if (!named && !spare && next < args->n) return tpl_fail(ev, SIL_ARG, "format: too many values");
    *out = text_value(&t);
    return SIL_OK;
}

/* ---- {} ---- */

/* "{name[.attr]...[:spec]}": the text between the braces. A spec is [<>][0][width][.precision][type]. */
static sil_err put_field(struct tpl_eval *ev, struct tpl_text *t, struct str field, const struct tpl_args *args,
                         uint32_t *next) {
    const char *colon = field.n ? memchr(field.p, ':', field.n) : NULL;
    struct str path = {field.p, colon ? (size_t)(colon - field.p) : field.n};
    struct str spec = {path.p + path.n + (colon != NULL), field.n - path.n - (colon != NULL)};
    size_t head = 0;
    struct tv v;
    while (head < path.n && path.p[head] != '.') head++;
    if (head < path.n || memchr(field.p ? field.p : "", '[', field.n) || memchr(field.p ? field.p : "", '!', field.n))
        return tpl_fail(ev, SIL_UNSUPPORTED, "format: only {}, {0} and {name}, not {%.*s}", STR_ARG(field));
    int64_t number = (int64_t)*next;
    size_t i = 0;
    SIL_TRY(read_count(ev, path, &i, path.n ? &number : &(int64_t){0}));
    if (i == path.n) {
        if (path.n == 0) ++*next;
        if (number >= args->n) return tpl_fail(ev, SIL_ARG, "format: there is no value number %d", (int)number);
        v = args->pos[number];
    } else {
        SIL_TRY(find_kw(ev, args, path, &v));
    }
    struct spec s = {.precision = -1};
    bool number_like = v.type == TV_INT || v.type == TV_FLOAT;
    s.minus = !number_like;
    i = 0;
    if (spec.n && (spec.p[0] == '<' || spec.p[0] == '>')) s.minus = spec.p[i++] == '<';
    struct str rest = {spec.p + i, spec.n - i};
    bool minus = s.minus;
    i = 0;
    SIL_TRY(read_spec(ev, rest, &i, &s));
    s.minus = minus;
    if (i != rest.n) return tpl_fail(ev, SIL_UNSUPPORTED, "format: the specification '%.*s'", STR_ARG(spec));
    if (!s.conv) s.conv = v.type == TV_FLOAT && s.precision >= 0 ? 'g' : 's';
    return put_spec(ev, t, &s, v);
}

sil_err tpl_format_braces(struct tpl_eval *ev, struct str f, const struct tpl_args *args, struct tv *out) {
    struct tpl_text t = {0};
    uint32_t next = 0;
    for (size_t i = 0; i < f.n; i++) {
        char c = f.p[i];
        if (c != '{' && c != '}') {
            SIL_TRY(text_char(ev, &t, c));
            continue;
        }
        if (i + 1 < f.n && f.p[i + 1] == c) {
            SIL_TRY(text_char(ev, &t, c));
            i++;
            continue;
        }
        const char *end = c == '{' ? memchr(f.p + i, '}', f.n - i) : NULL;
        if (!end) return tpl_fail(ev, SIL_ARG, "format: a single '%c'", c);
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(put_field(ev, &t, (struct str){f.p + i + 1, (size_t)(end - f.p) - i - 1}, args, &next));
        i = (size_t)(end - f.p);
    }
    *out = text_value(&t);
    return SIL_OK;
}

/* ---- strftime ---- */

struct civil {
    int64_t year;
    int month, day, hour, minute, second, weekday, yday; /* month 1-12, weekday 0 Sunday, yday 1-366 */
};

/* Days since 1970-01-01 to the proleptic Gregorian date: counted in eras of 400 years (146,097 days) from 0000-03-01,
 * so that the leap day ends a year. */
static struct civil civil_from_unix(int64_t s) {
    int64_t days = s / 86400, rest = s % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
    static const int before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int day = (int)(doy - (153 * mp + 2) / 5 + 1);
    return (struct civil){
        .year = year,
        .month = (int)month,
        .day = day,
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
        .weekday = (int)(((days % 7) + 11) % 7), /* the first day was a Thursday */
        .yday = before[month - 1] + day + (leap && month > 2),
    };
}

static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* Numbers: the letter, the value and its width; false when the letter is none of these. */
static bool number_field(const struct civil *c, char letter, int *value, int *width) {
    int hour12 = c->hour % 12 ? c->hour % 12 : 12;
    const struct {
        char letter;
        int value, width;
    } fields[] = {
        {'Y', (int)c->year, 4},
        {'m', c->month, 2},
        {'d', c->day, 2},
        {'H', c->hour, 2},
        {'I', hour12, 2},
        {'M', c->minute, 2},
        {'S', c->second, 2},
        {'y', (int)(c->year % 100), 2},
        {'j', c->yday, 3},
        {'w', c->weekday, 1},
        {'u', c->weekday ? c->weekday : 7, 1},
        {'C', (int)(c->year / 100), 2},
        {'U', (c->yday + 6 - c->weekday) / 7, 2},
        {'W', (c->yday + 6 - (c->weekday + 6) % 7) / 7, 2},
    };
    for (size_t i = 0; i < TPL_COUNT(fields); i++) {
        if (fields[i].letter != letter) continue;
        *value = fields[i].value;
        *width = fields[i].width;
        return true;
    }
    return false;
}

/* Letters that stand for a longer format. */
static const char *composite(char letter) {
    switch (letter) {
    case 'F': return "%Y-%m-%d";
    case 'T':
    case 'X': return "%H:%M:%S";
    case 'R': return "%H:%M";
    case 'D':
    case 'x': return "%m/%d/%y";
    case 'c': return "%a %b %e %H:%M:%S %Y";
    case 'r': return "%I:%M:%S %p";
    default: return NULL;
    }
}

static sil_err put_time(struct tpl_eval *ev, struct tpl_text *t, struct str f, const struct civil *c);

static sil_err put_time_letter(struct tpl_eval *ev, struct tpl_text *t, char letter, bool bare, const struct civil *c) {
    int value, width;
    const char *longer = composite(letter);
    if (longer) return put_time(ev, t, str_of(longer), c);
    if (number_field(c, letter, &value, &width)) return text_printf(ev, t, "%0*d", bare ? 1 : width, value);
    switch (letter) {
    case 'B': return text_str(ev, t, str_of(months[c->month - 1]));
    case 'b':
    case 'h': return text_put(ev, t, months[c->month - 1], 3);
    case 'A': return text_str(ev, t, str_of(weekdays[c->weekday]));
    case 'a': return text_put(ev, t, weekdays[c->weekday], 3);
    case 'e': return text_printf(ev, t, bare ? "%d" : "%2d", c->day);
    case 'p': return text_str(ev, t, c->hour < 12 ? STR("AM") : STR("PM"));
    case 'f': return text_str(ev, t, STR("000000"));
    case 'Z':
    case 'z': return SIL_OK; /* Python's naive datetime prints nothing */
    case 'n': return text_char(ev, t, '\n');
    case 't': return text_char(ev, t, '\t');
    case '%': return text_char(ev, t, '%');
    default: return tpl_fail(ev, SIL_UNSUPPORTED, "strftime_now: unknown conversion '%%%c'", letter);
    }
}

static sil_err put_time(struct tpl_eval *ev, struct tpl_text *t, struct str f, const struct civil *c) {
    for (size_t i = 0; i < f.n; i++) {
        if (f.p[i] != '%') {
            SIL_TRY(text_char(ev, t, f.p[i]));
            continue;
        }
        bool bare = i + 1 < f.n && f.p[i + 1] == '-';
        i += 1 + bare;
        if (i >= f.n) return tpl_fail(ev, SIL_ARG, "strftime_now: the format ends in '%%'");
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(put_time_letter(ev, t, f.p[i], bare, c));
    }
    return SIL_OK;
}

sil_err tpl_strftime(struct tpl_eval *ev, struct str fmt, int64_t unix_s, int32_t offset_s, struct tv *out) {
    struct tpl_text t = {0};
    /* years 1 to 9999, as Python's */
    if (unix_s < -62135596800 + 86400 || unix_s > 253402300799 - 86400)
        return tpl_fail(ev, SIL_ARG, "strftime_now: the time is outside the years 1 to 9999");
    struct civil c = civil_from_unix(unix_s + offset_s);
    SIL_TRY(put_time(ev, &t, fmt, &c));
    *out = text_value(&t);
    return SIL_OK;
}
