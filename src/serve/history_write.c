/* history_write: the last hour as JSON: a column of numbers for each series, oldest first. */
#include <inttypes.h>
#include <stddef.h>

#include "serve/history_impl.h"

/* Samples from `first` up to the newest. */
struct span {
    uint64_t first, end;
};

static struct span span_of(const struct history *h, uint64_t after) {
    struct span s = {.first = h->n > HISTORY_SAMPLES ? h->n - HISTORY_SAMPLES : 0, .end = h->n};
    if (after > s.first && after <= s.end) s.first = after;
    return s;
}

static const struct history_sample_server *server_at(const struct history *h, uint64_t k) {
    return &h->servers[k % HISTORY_SAMPLES];
}

static const struct history_sample_model *model_at(const struct history *h, uint64_t k, uint32_t model) {
    return &h->models[(size_t)(k % HISTORY_SAMPLES) * h->n_models + model];
}

/* ---- columns ---- */

struct column {
    const char *name;
    size_t at; /* of a uint32_t */
};

static uint32_t field_of(const void *sample, size_t at) {
    return *(const uint32_t *)(const void *)((const char *)sample + at);
}

static void open_column(struct jout *o, const char *name) {
    jout_fmt(o, ",\"%s\":[", name);
}

static void put_number(struct jout *o, bool first, double v) {
    jout_fmt(o, first ? "%.5g" : ",%.5g", v);
}

static void put_or_null(struct jout *o, bool first, double v) {
    if (v >= 0) put_number(o, first, v);
    else jout_raw(o, first ? "null" : ",null");
}

static void put_server(const struct history *h, struct jout *o, struct span s) {
#define S(member) offsetof(struct history_sample_server, member)
    static const struct column columns[] = {
        {"connections", S(connections)}, {"requests", S(requests)}, {"invalid", S(invalid)},
        {"denied", S(denied)},           {"limited", S(limited)},   {"failed", S(failed)},
        {"entries", S(entries)},         {"commits", S(commits)},   {"unrecorded", S(unrecorded)}};
    jout_raw(o, "\"times_ms\":[");
    for (uint64_t k = s.first; k < s.end; k++)
        jout_fmt(o, k > s.first ? ",%" PRId64 : "%" PRId64, server_at(h, k)->unix_ms);
    jout_raw(o, "],\"server\":{\"seconds\":[");
    for (uint64_t k = s.first; k < s.end; k++) put_number(o, k == s.first, (double)server_at(h, k)->took_s);
    jout_raw(o, "]");
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        open_column(o, columns[c].name);
        for (uint64_t k = s.first; k < s.end; k++)
            jout_fmt(o, k > s.first ? ",%u" : "%u", field_of(server_at(h, k), columns[c].at));
        jout_raw(o, "]");
    }
    jout_raw(o, "}");
}

/* ---- quantiles ---- */

static const double wanted[] = {0.5, 0.95, 0.99};
static const char *const wanted_names[] = {"p50", "p95", "p99"};
enum { WANTED = 3 };
static const char *const spread_names[HISTORY_SPREADS] = {"first_token_ms", "between_tokens_ms"};

static void add_spread(uint64_t sum[METRICS_BUCKETS + 1], const struct history_sample_model *m, int spread) {
    for (int i = 0; i <= METRICS_BUCKETS; i++) sum[i] += m->spread[spread][i];
}

static void take_spread(uint64_t sum[METRICS_BUCKETS + 1], const struct history_sample_model *m, int spread) {
    for (int i = 0; i <= METRICS_BUCKETS; i++) sum[i] -= m->spread[spread][i];
}

/* Of the HISTORY_SMOOTH samples that end with each. */
static void put_quantile(const struct history *h, struct jout *o, struct span s, uint32_t model, int spread, int q) {
    uint64_t sum[METRICS_BUCKETS + 1] = {0};
    uint64_t oldest = h->n > HISTORY_SAMPLES ? h->n - HISTORY_SAMPLES : 0;
    uint64_t from = s.first >= oldest + HISTORY_SMOOTH ? s.first - HISTORY_SMOOTH : oldest;
    jout_fmt(o, "%s\"%s\":[", q ? "," : "", wanted_names[q]);
    for (uint64_t k = from; k < s.end; k++) {
        add_spread(sum, model_at(h, k, model), spread);
        if (k >= oldest + HISTORY_SMOOTH && k - HISTORY_SMOOTH >= from)
            take_spread(sum, model_at(h, k - HISTORY_SMOOTH, model), spread);
        if (k < s.first) continue;
        double v = history_quantile(sum, wanted[q]);
        put_or_null(o, k == s.first, v < 0 ? v : v * 1e3);
    }
    jout_raw(o, "]");
}

static void put_spreads(const struct history *h, struct jout *o, struct span s, uint32_t model) {
    for (int k = 0; k < HISTORY_SPREADS; k++) {
        jout_fmt(o, ",\"%s\":{", spread_names[k]);
        for (int q = 0; q < WANTED; q++) put_quantile(h, o, s, model, k, q);
        jout_raw(o, "}");
    }
}

/* ---- one model ---- */

/* The whole hour, whatever span is asked for. */
static void put_hour(const struct history *h, struct jout *o, uint32_t model) {
    struct span s = span_of(h, 0);
    uint64_t sum[HISTORY_SPREADS][METRICS_BUCKETS + 1] = {0}, prompt = 0, answer = 0, answers = 0, failed = 0;
    double joules = 0;
    for (uint64_t k = s.first; k < s.end; k++) {
        const struct history_sample_model *m = model_at(h, k, model);
        prompt += m->prompt_tokens;
        answer += m->answer_tokens;
        answers += m->answers;
        failed += m->failed;
        joules += (double)m->joules;
        for (int i = 0; i < HISTORY_SPREADS; i++) add_spread(sum[i], m, i);
    }
    jout_fmt(o, ",\"hour\":{\"answers\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"prompt_tokens\":%" PRIu64, answers, failed,
             prompt);
    jout_fmt(o, ",\"answer_tokens\":%" PRIu64 ",\"energy_j\":", answer);
    put_or_null(o, true, h->c.metered ? joules : -1);
    for (int i = 0; i < HISTORY_SPREADS; i++) {
        jout_fmt(o, ",\"%s\":{", spread_names[i]);
        for (int q = 0; q < WANTED; q++) {
            double v = history_quantile(sum[i], wanted[q]);
            jout_fmt(o, q ? ",\"%s\":" : "\"%s\":", wanted_names[q]);
            put_or_null(o, true, v < 0 ? v : v * 1e3);
        }
        jout_raw(o, "}");
    }
    jout_raw(o, "}");
}

/* Rates over the time since the last sample but one, so that they are of this moment and yet not of an instant. */
static void put_now(struct history *h, struct jout *o, uint32_t model) {
    const struct metrics_model *m = &h->c.metrics->models[model];
    const struct history_totals_model *a = &h->before.models[model], *b = &h->now.models[model];
    double s = (double)(h->now.at_ns - h->before.at_ns) * 1e-9, per_s = s > 0 ? 1 / s : 0;
    jout_fmt(o, ",\"now\":{\"running\":%" PRIu64 ",\"waiting\":%" PRIu64, metrics_get(&m->running),
             metrics_get(&m->waiting));
    jout_fmt(o, ",\"pages\":%" PRIu64 ",\"pages_used\":%" PRIu64, metrics_get(&m->pages), metrics_get(&m->pages_used));
    jout_fmt(o, ",\"prompt_tokens_per_s\":%.5g,\"answer_tokens_per_s\":%.5g",
             (double)(b->prompt_tokens - a->prompt_tokens) * per_s,
             (double)(b->answer_tokens - a->answer_tokens) * per_s);
    jout_raw(o, ",\"watts\":");
    put_or_null(o, true, h->c.metered ? (double)(b->energy_uj - a->energy_uj) * 1e-6 * per_s : -1);
    jout_raw(o, "}");
}

static void put_model(struct history *h, struct jout *o, struct span s, uint32_t model) {
#define M(member) offsetof(struct history_sample_model, member)
    static const struct column columns[] = {{"running", M(running)},
                                            {"waiting", M(waiting)},
                                            {"pages", M(pages)},
                                            {"pages_used", M(pages_used)},
                                            {"answers", M(answers)},
                                            {"failed", M(failed)},
                                            {"prompt_tokens", M(prompt_tokens)},
                                            {"answer_tokens", M(answer_tokens)}};
    jout_raw(o, "{\"model\":");
    jout_text(o, str_of(h->c.metrics->models[model].name));
    put_now(h, o, model);
    put_hour(h, o, model);
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        open_column(o, columns[c].name);
        for (uint64_t k = s.first; k < s.end; k++)
            jout_fmt(o, k > s.first ? ",%u" : "%u", field_of(model_at(h, k, model), columns[c].at));
        jout_raw(o, "]");
    }
    open_column(o, "energy_j");
    for (uint64_t k = s.first; k < s.end; k++)
        put_or_null(o, k == s.first, h->c.metered ? (double)model_at(h, k, model)->joules : -1);
    jout_raw(o, "]");
    put_spreads(h, o, s, model);
    jout_raw(o, "}");
}

/* ---- all of it ---- */

static void put_head(const struct history *h, struct jout *o, const char *scope) {
    jout_fmt(o, "{\"object\":\"state\",\"scope\":\"%s\",\"time_ms\":%" PRId64 ",\"started_s\":%" PRId64, scope,
             clock_unix_ms(h->c.clock), h->c.metrics->started_unix_s);
    jout_fmt(o, ",\"every_ms\":%u,\"keep_ms\":%u,\"metered\":%s,", HISTORY_EVERY_S * 1000u,
             HISTORY_EVERY_S * HISTORY_SAMPLES * 1000u, h->c.metered ? "true" : "false");
}

sil_err history_write(struct history *h, const struct history_query *q, struct buf *out) {
    struct jout o = {.b = out};
    put_head(h, &o, "server");
    pthread_mutex_lock(&h->lock);
    struct span s = span_of(h, q->after);
    history_totals_take(h, &h->now);
    jout_fmt(&o, "\"first\":%" PRIu64 ",\"next\":%" PRIu64, s.first, s.end);
    jout_fmt(&o,
             ",\"now\":{\"connections\":%" PRIu64 ",\"entries\":%" PRIu64 ",\"commits\":%" PRIu64
             ",\"unrecorded\":%" PRIu64 "},",
             metrics_get(&h->c.metrics->connections), h->now.server.entries, h->now.server.commits,
             h->now.server.unrecorded);
    put_server(h, &o, s);
    jout_raw(&o, ",\"models\":[");
    for (uint32_t k = 0; k < h->n_models; k++) {
        if (k) jout_raw(&o, ",");
        put_model(h, &o, s, k);
    }
    jout_raw(&o, "],");
    pthread_mutex_unlock(&h->lock);
    history_put_tenants(h, &o, q);
    jout_raw(&o, "}");
    return o.err;
}

sil_err history_write_tenant(struct history *h, const struct caller *who, struct buf *out) {
    struct jout o = {.b = out};
    put_head(h, &o, "tenant");
    jout_raw(&o, "\"tenant\":");
    jout_text(&o, str_of(who->tenant_name));
    jout_raw(&o, ",");
    history_put_minutes(h, &o, who->tenant);
    jout_raw(&o, "}");
    return o.err;
}
