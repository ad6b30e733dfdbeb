#define _GNU_SOURCE
#include "cmd/scrape.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

/* ---- Prometheus text ---- */

static const char *const values[SCRAPE_VALUES] = {
    "sillok_requests_running",        "sillok_requests_waiting",    "sillok_kv_pages",
    "sillok_kv_pages_used",           "sillok_prompt_tokens_total", "sillok_cached_tokens_total",
    "sillok_generation_tokens_total", "sillok_steps_total",         "sillok_energy_joules_total",
};
static const char *const spreads[SCRAPE_SPREADS] = {"sillok_time_to_first_token_seconds_bucket",
                                                    "sillok_inter_token_latency_seconds_bucket",
                                                    "sillok_request_seconds_bucket", "sillok_queue_seconds_bucket"};
static const char *const totals[SCRAPE_TOTALS] = {"sillok_http_requests_total",  "sillok_connections",
                                                  "sillok_ledger_entries_total", "sillok_ledger_failures_total",
                                                  "process_start_time_seconds",  "sillok_replays_asked_total"};

static int index_of(const char *const *names, int n, struct str name) {
    for (int i = 0; i < n; i++)
        if (str_eq(name, str_of(names[i]))) return i;
    return -1;
}

/* The value of a label (what is between its quotes), or an empty view. */
static struct str label(struct str labels, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i + n + 2 <= labels.n; i++) {
        if (memcmp(labels.p + i, name, n) != 0 || labels.p[i + n] != '=' || labels.p[i + n + 1] != '"') continue;
        if (i > 0 && labels.p[i - 1] != ',') continue;
        size_t from = i + n + 2, to = from;
        while (to < labels.n && labels.p[to] != '"') to += labels.p[to] == '\\' && to + 1 < labels.n ? 2 : 1;
        return (struct str){labels.p + from, to - from};
    }
    return (struct str){"", 0};
}

static struct scrape_model *model_of(struct scrape *s, struct str name) {
    for (uint32_t i = 0; i < s->n_models; i++)
        if (str_eq(str_of(s->models[i].name), name)) return &s->models[i];
    if (s->n_models == CONFIG_MODELS_MAX || name.n == 0 || name.n >= SCRAPE_NAME) return NULL;
    struct scrape_model *m = &s->models[s->n_models++];
    snprintf(m->name, sizeof m->name, "%.*s", (int)name.n, name.p);
    return m;
}

static bool number(struct str s, double *out) {
    char text[48], *end;
    if (s.n == 0 || s.n >= sizeof text) return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *out = strtod(text, &end); /* the program never leaves the C locale */
    return *end == '\0' && isfinite(*out);
}

/* Which bucket a bound is of, or -1. */
static int bucket_of(struct str le) {
    double v;
    if (str_eq(le, STR("+Inf"))) return METRICS_BUCKETS;
    if (!number(le, &v)) return -1;
    for (int i = 0; i < METRICS_BUCKETS; i++)
        if (fabs(v - metrics_bounds_s[i]) < 1e-3 * metrics_bounds_s[i]) return i;
    return -1;
}

/* True when the line is one of ours. */
static bool parse_line(struct str line, struct scrape *s) {
    const char *brace = memchr(line.p, '{', line.n), *close = brace ? memrchr(line.p, '}', line.n) : NULL;
    const char *space = memrchr(line.p, ' ', line.n);
    double v;
    if (!space || (brace && (!close || close > space))) return false;
    struct str name = {line.p, (size_t)((brace ? brace : space) - line.p)};
    struct str labels = brace ? (struct str){brace + 1, (size_t)(close - brace - 1)} : (struct str){"", 0};
    if (!number((struct str){space + 1, (size_t)(line.p + line.n - space - 1)}, &v)) return false;
    int i = index_of(totals, SCRAPE_TOTALS, name);
    if (i >= 0) {
        s->total[i] = v;
        return true;
    }
    if (str_eq(name, STR("sillok_http_refused_total"))) {
        s->refused += v;
        return true;
    }
    if (str_eq(name, STR("sillok_replays_total"))) {
        i = index_of(metrics_replay_names, METRICS_REPLAYS, label(labels, "result"));
        if (i >= 0) s->replays[i] = v;
        return true;
    }
    int value = index_of(values, SCRAPE_VALUES, name), spread = index_of(spreads, SCRAPE_SPREADS, name);
    if (value < 0 && spread < 0) return false;
    struct scrape_model *m = model_of(s, label(labels, "model_name"));
    if (!m) return false;
    if (value >= 0) m->value[value] = v;
    int b = spread >= 0 ? bucket_of(label(labels, "le")) : -1;
    if (b >= 0) m->bucket[spread][b] = v;
    return true;
}

sil_err scrape_parse(struct str text, struct scrape *out, struct sil_error *e) {
    bool any = false;
    *out = (struct scrape){0};
    for (size_t i = 0; i < text.n;) {
        const char *end = memchr(text.p + i, '\n', text.n - i);
        size_t n = end ? (size_t)(end - text.p) - i : text.n - i;
        if (n > 0 && text.p[i] != '#') any = parse_line((struct str){text.p + i, n}, out) || any;
        i += n + 1;
    }
    return any ? SIL_OK : err_set(e, SIL_FORMAT, "these are no metrics of a Sillok server");
}

double scrape_quantile(const struct scrape_model *now, const struct scrape_model *before, enum scrape_spread s,
                       double q) {
    double below = 0, all = now->bucket[s][METRICS_BUCKETS] - (before ? before->bucket[s][METRICS_BUCKETS] : 0);
    if (!(all > 0)) return -1;
    for (int i = 0; i < METRICS_BUCKETS; i++) {
        double upto = now->bucket[s][i] - (before ? before->bucket[s][i] : 0);
        if (upto >= q * all && upto > below) {
            double low = i > 0 ? metrics_bounds_s[i - 1] : 0;
            return low + (metrics_bounds_s[i] - low) * (q * all - below) / (upto - below);
        }
        below = upto;
    }
    return metrics_bounds_s[METRICS_BUCKETS - 1]; /* or more */
}
