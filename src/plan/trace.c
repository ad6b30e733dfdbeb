#include "plan/trace.h"

#include <math.h>

#include "base/err.h"

#define HEADER "TIMESTAMP,ContextTokens,GeneratedTokens"
enum { LINES_MAX = 64 << 20, MINUTE_S = 60, BLOCK_S = 300 };

struct reader {
    const char *p, *end;
    uint64_t line;
};

/* Mean and squared deviations, updated one by one (Welford 1962). */
struct moments {
    double n, mean, square;
};

static void moments_add(struct moments *m, double x) {
    double d = x - m->mean;
    m->n++;
    m->mean += d / m->n;
    m->square += d * (x - m->mean);
}

static double moments_cv2(const struct moments *m) {
    return m->mean > 0 ? m->square / m->n / (m->mean * m->mean) : 0;
}

struct counts {
    uint32_t *input, *output;
    struct moments in, out, gap;
    double first_s, last_s;
    double minute, in_minute, busiest; /* minutes since the first request */
    double second, in_second;          /* seconds since the first request */
    double block, sum, squares;        /* five minutes: requests, and squares of those of each second */
    double variance, mean, blocks;     /* summed over blocks that are over */
    uint64_t n;
};

static bool take(struct reader *r, char c) {
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    return true;
}

/* Exactly `digits` digits, or with digits 0 one to ten of them. */
static bool number(struct reader *r, int digits, uint64_t *out) {
    uint64_t v = 0;
    int n = 0;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9' && n < (digits ? digits : 10); r->p++, n++)
        v = v * 10 + (uint64_t)(*r->p - '0');
    *out = v;
    return digits ? n == digits : n > 0;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, year >= 1970 (counting years from March). */
static uint64_t days_of(uint64_t y, uint64_t m, uint64_t d) {
    uint64_t shifted = m > 2 ? m - 3 : m + 9, year = m > 2 ? y : y - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + (153 * shifted + 2) / 5 + d - 1 - 719468;
}

/* Seconds since 1970; fractions of up to ten digits. */
static bool timestamp(struct reader *r, double *s) {
    uint64_t y, mo, d, h, mi, sec, fraction = 0;
    if (!number(r, 4, &y) || !take(r, '-') || !number(r, 2, &mo) || !take(r, '-') || !number(r, 2, &d)) return false;
    if (!take(r, ' ') || !number(r, 2, &h) || !take(r, ':') || !number(r, 2, &mi) || !take(r, ':')) return false;
    if (!number(r, 2, &sec) || y < 1970 || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60)
        return false;
    double scale = 1;
    if (take(r, '.')) {
        const char *from = r->p;
        if (!number(r, 0, &fraction)) return false;
        for (const char *c = from; c < r->p; c++) scale *= 10;
    }
    *s = (double)(((days_of(y, mo, d) * 24 + h) * 60 + mi) * 60 + sec) + (double)fraction / scale;
    return true;
}

static bool line_end(struct reader *r) {
    take(r, '\r');
    return r->p == r->end || take(r, '\n');
}

static void count_minute(struct counts *c, double t) {
    double minute = floor((t - c->first_s) / MINUTE_S);
    if (minute > c->minute) c->minute = minute, c->in_minute = 0;
    if (++c->in_minute > c->busiest) c->busiest = c->in_minute;
}

static void end_block(struct counts *c, double seconds) {
    double mean = c->sum / seconds;
    c->squares += c->in_second * c->in_second;
    c->variance += c->squares / seconds - mean * mean;
    c->mean += mean;
    c->blocks++;
    c->sum = c->squares = c->in_second = 0;
}

static void count_second(struct counts *c, double t) {
    double second = floor(t - c->first_s), block = floor(second / BLOCK_S);
    if (block > c->block) {
        end_block(c, BLOCK_S);
        c->block = block;
        c->second = second;
    } else if (second > c->second) {
        c->squares += c->in_second * c->in_second;
        c->in_second = 0;
        c->second = second;
    }
    c->in_second++;
    c->sum++;
}

static sil_err read_line(struct reader *r, struct counts *c, struct sil_error *e) {
    double t;
    uint64_t in, out;
    const char *allowed = "YYYY-MM-DD HH:MM:SS.fffffff,tokens,tokens";
    if (!timestamp(r, &t) || !take(r, ',') || !number(r, 0, &in) || !take(r, ',') || !number(r, 0, &out) ||
        !line_end(r))
        return err_set(e, SIL_FORMAT, "line %llu: expected %s", (unsigned long long)r->line, allowed);
    if (in >= TRACE_TOKENS || out >= TRACE_TOKENS)
        return err_set(e, SIL_LIMIT, "line %llu: more than %d tokens", (unsigned long long)r->line, TRACE_TOKENS - 1);
    if (c->n == 0) c->first_s = t;
    else if (t < c->last_s) return err_set(e, SIL_FORMAT, "line %llu: time goes back", (unsigned long long)r->line);
    else moments_add(&c->gap, t - c->last_s);
    c->last_s = t;
    c->n++;
    c->input[in]++;
    c->output[out]++;
    moments_add(&c->in, (double)in);
    moments_add(&c->out, (double)out);
    count_minute(c, t);
    count_second(c, t);
    return SIL_OK;
}

/* The smallest length that at least a share q does not exceed. */
static double quantile(const uint32_t *count, uint64_t n, double q) {
    uint64_t below = 0;
    double want = q * (double)n;
    for (uint32_t i = 0; i < TRACE_TOKENS; i++) {
        below += count[i];
        if ((double)below >= want) return i;
    }
    return TRACE_TOKENS - 1;
}

static void lengths(const uint32_t *count, const struct moments *m, uint64_t n, struct trace_lengths *out) {
    *out = (struct trace_lengths){.mean = m->mean,
                                  .cv2 = moments_cv2(m),
                                  .p50 = quantile(count, n, .5),
                                  .p90 = quantile(count, n, .9),
                                  .p99 = quantile(count, n, .99)};
}

static sil_err read_all(struct str text, struct counts *c, struct trace_stats *out, struct sil_error *e) {
    struct reader r = {.p = text.p, .end = text.p + text.n, .line = 1};
    if (!str_starts(text, STR(HEADER))) return err_set(e, SIL_FORMAT, "line 1: expected %s", HEADER);
    r.p += sizeof HEADER - 1;
    if (!line_end(&r)) return err_set(e, SIL_FORMAT, "line 1: expected %s", HEADER);
    while (r.p < r.end) {
        if (++r.line > LINES_MAX) return err_set(e, SIL_LIMIT, "more than %d lines", LINES_MAX);
        SIL_TRY(read_line(&r, c, e));
    }
    if (c->n < 2) return err_set(e, SIL_FORMAT, "a trace needs two requests at least");
    double span = c->last_s - c->first_s, minutes = c->minute + 1;
    if (c->blocks == 0) end_block(c, floor(span) + 1); /* a last block that is not whole does not count */
    *out = (struct trace_stats){.n = c->n,
                                .span_s = span,
                                .rate = span > 0 ? (double)(c->n - 1) / span : 0,
                                .gap_cv2 = moments_cv2(&c->gap),
                                .dispersion = c->mean > 0 ? c->variance / c->mean : 1,
                                .minute_peak = c->busiest / ((double)c->n / minutes)};
    lengths(c->input, &c->in, c->n, &out->input);
    lengths(c->output, &c->out, c->n, &out->output);
    return SIL_OK;
}

sil_err trace_read(struct str text, struct mem mem, struct trace_stats *out, struct sil_error *e) {
    uint32_t *both = mem_array(mem, 2 * (size_t)TRACE_TOKENS, sizeof *both);
    if (!both) return err_nomem(e, "counts of a trace", 2 * (size_t)TRACE_TOKENS * sizeof *both);
    struct counts c = {.input = both, .output = both + TRACE_TOKENS};
    sil_err err = read_all(text, &c, out, e);
    mem_free(mem, both);
    return err;
}
