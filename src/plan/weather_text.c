#include "plan/weather_text.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

bool weather_line(struct weather_text *t, struct str *line) {
    if (t->rest.n == 0) return false;
    const char *end = memchr(t->rest.p, '\n', t->rest.n);
    size_t n = end ? (size_t)(end - t->rest.p) : t->rest.n;
    *line = (struct str){t->rest.p, n};
    if (n > 0 && line->p[n - 1] == '\r') line->n--;
    size_t used = end ? n + 1 : n;
    t->rest.p += used;
    t->rest.n -= used;
    t->line++;
    return true;
}

static struct str trimmed(const char *p, size_t n) {
    while (n > 0 && (*p == ' ' || *p == '\t')) p++, n--;
    while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t')) n--;
    return (struct str){p, n};
}

size_t weather_fields(struct str line, struct str *out, size_t max) {
    size_t n = 0, from = 0;
    for (size_t i = 0; i <= line.n && n < max; i++) {
        if (i < line.n && line.p[i] != ',') continue;
        out[n++] = trimmed(line.p + from, i - from);
        from = i + 1;
    }
    return n;
}

bool weather_number(struct str f, double *out) {
    static const double power[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    size_t i = 0, digits = 0;
    bool negative = false;
    if (i < f.n && (f.p[i] == '-' || f.p[i] == '+')) negative = f.p[i++] == '-';
    uint64_t mantissa = 0;
    int scale = 0;
    for (bool point = false; i < f.n; i++) {
        char c = f.p[i];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            digits++;
            if (mantissa < 100000000000000000u) mantissa = mantissa * 10 + (uint64_t)(c - '0'), scale -= point;
            else scale += !point;
            if (digits > 64) return false;
        } else break;
    }
    if (digits == 0) return false;
    if (i < f.n && (f.p[i] == 'e' || f.p[i] == 'E')) {
        bool down = false;
        int exponent = 0;
        i++;
        if (i < f.n && (f.p[i] == '-' || f.p[i] == '+')) down = f.p[i++] == '-';
        if (i == f.n) return false;
        for (; i < f.n && f.p[i] >= '0' && f.p[i] <= '9'; i++) {
            if (exponent < 1000) exponent = exponent * 10 + (f.p[i] - '0');
        }
        scale += down ? -exponent : exponent;
    }
    if (i != f.n || scale < -22 || scale > 22) return false;
    double v = scale < 0 ? (double)mantissa / power[-scale] : (double)mantissa * power[scale];
    *out = negative ? -v : v;
    return true;
}

sil_err weather_value(const struct weather_text *t, struct str field, const struct weather_range *r, double *out,
                      struct sil_error *e) {
    double v;
    if (!weather_number(field, &v)) {
        return err_set(e, SIL_FORMAT, "%s:%u: %s: '%.*s' is not a number (%g to %g %s)", t->name, t->line, r->what,
                       STR_ARG(field), r->lo, r->hi, r->unit);
    }
    if (v >= r->missing) {
        return err_set(
            e, SIL_FORMAT,
            "%s:%u: %s is missing (%.*s): a year without gaps is needed; fill it from a neighbouring hour or "
            "take another file",
            t->name, t->line, r->what, STR_ARG(field));
    }
    if (!(v >= r->lo && v <= r->hi)) {
        return err_set(e, SIL_FORMAT, "%s:%u: %s: %.*s is impossible (%g to %g %s)", t->name, t->line, r->what,
                       STR_ARG(field), r->lo, r->hi, r->unit);
    }
    *out = v;
    return SIL_OK;
}

void weather_moment(uint32_t i, int *month, int *day, int *hour) {
    int d = (int)(i / 24), m = 0;
    while (m < 11 && d >= month_days[m]) d -= month_days[m++];
    *month = m + 1;
    *day = d + 1;
    *hour = (int)(i % 24) + 1;
}

sil_err weather_place(const struct weather_text *t, uint32_t i, int month, int day, int hour, bool *skip,
                      struct sil_error *e) {
    *skip = false;
    if (month == 2 && day == 29 && hour >= 1 && hour <= 24) {
        *skip = true;
        return SIL_OK;
    }
    if (i >= WEATHER_HOURS) {
        return err_set(e, SIL_FORMAT, "%s:%u: more than 8,760 hours (29 February apart): one year is needed", t->name,
                       t->line);
    }
    int m, d, h;
    weather_moment(i, &m, &d, &h);
    if (m == month && d == day && h == hour) return SIL_OK;
    return err_set(e, SIL_FORMAT,
                   "%s:%u: month %d, day %d, hour %d where month %d, day %d, hour %d was expected: hours are missing, "
                   "twice or out of order (8,760 from 1 January hour 1 are needed)",
                   t->name, t->line, month, day, hour, m, d, h);
}

sil_err weather_complete(const struct weather_text *t, uint32_t rows, struct sil_error *e) {
    if (rows == WEATHER_HOURS) return SIL_OK;
    return err_set(e, SIL_FORMAT, "%s:%u: the file ends after %u hours: 8,760 are needed (29 February is left out)",
                   t->name, t->line, rows);
}

size_t weather_copy(char out[WEATHER_TEXT], size_t at, struct str field) {
    size_t i = 0;
    while (i < field.n && at < WEATHER_TEXT - 1) {
        uint32_t cp;
        size_t k = utf8_decode(field.p + i, field.n - i, &cp);
        if (k == 0 || cp < 0x20 || cp == 0x7f) {
            out[at++] = '?';
            i += k ? k : 1;
            continue;
        }
        if (at + k > WEATHER_TEXT - 1) break;
        memcpy(out + at, field.p + i, k);
        at += k;
        i += k;
    }
    out[at] = 0;
    return at;
}
