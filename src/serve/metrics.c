/* metrics: the text that Prometheus scrapes, by tables of names. vLLM's names and their meaning:
 * docs.vllm.ai, "Production metrics". */
#include "serve/metrics.h"

#include <stddef.h>

#include "base/err.h"

const double metrics_bounds_s[METRICS_BUCKETS] = {0.001,  0.002,  0.004,  0.008,   0.016,   0.032,  0.064,
                                                  0.128,  0.256,  0.512,  1.024,   2.048,   4.096,  8.192,
                                                  16.384, 32.768, 65.536, 131.072, 262.144, 524.288};

const char *const metrics_replay_names[METRICS_REPLAYS] = {"equal", "different", "refused", "failed", "cancelled"};

void metrics_observe(struct metrics_histogram *h, uint64_t ns) {
    uint64_t bound = 1000000;
    unsigned i = 0;
    for (; i < METRICS_BUCKETS && ns > bound; i++) bound *= 2;
    metrics_add(&h->bucket[i], 1);
    metrics_add(&h->sum_ns, ns);
}

/* ---- one model's numbers ---- */

enum unit { PLAIN, SECONDS_OF_NS, JOULES_OF_UJ };

struct series {
    const char *name, *type, *help;
    size_t at; /* of the _Atomic uint64_t in struct metrics_model */
    enum unit unit;
};

#define M(member) offsetof(struct metrics_model, member)
static const struct series own[] = {
    {"sillok_requests_running", "gauge", "Answers being written.", M(running), PLAIN},
    {"sillok_requests_waiting", "gauge", "Answers waiting for their turn.", M(waiting), PLAIN},
    {"sillok_kv_pages", "gauge", "Pages for keys and values, 64 positions each.", M(pages), PLAIN},
    {"sillok_kv_pages_used", "gauge", "Of these in use.", M(pages_used), PLAIN},
    {"sillok_prompt_tokens_total", "counter", "Tokens of prompts.", M(prompt_tokens), PLAIN},
    {"sillok_cached_tokens_total", "counter", "Of these not computed again.", M(cached_tokens), PLAIN},
    {"sillok_generation_tokens_total", "counter", "Tokens of answers.", M(generation_tokens), PLAIN},
    {"sillok_prefix_asked_tokens_total", "counter", "Tokens looked for in the prefix cache.", M(prefix_asked), PLAIN},
    {"sillok_prefix_found_tokens_total", "counter", "Of these found.", M(prefix_found), PLAIN},
    {"sillok_preemptions_total", "counter", "Answers that were put off after their beginning.", M(preemptions), PLAIN},
    {"sillok_steps_total", "counter", "Passes through the model.", M(steps), PLAIN},
    {"sillok_step_seconds_total", "counter", "Time of these.", M(step_ns), SECONDS_OF_NS},
    {"sillok_energy_joules_total", "counter", "Energy of the machine while it computed.", M(energy_uj), JOULES_OF_UJ},
    {"sillok_requests_failed_total", "counter", "Requests that a server error ended.", M(failed), PLAIN},
    {"sillok_step_prompt_tokens_total", "counter", "Tokens of prompts, as they are computed.", M(step_prompt_tokens),
     PLAIN},
    {"sillok_step_answer_tokens_total", "counter", "Tokens of answers, as they are made.", M(step_answer_tokens),
     PLAIN},
    {"sillok_step_energy_joules_total", "counter", "Energy of the machine in passes through the model.",
     M(step_energy_uj), JOULES_OF_UJ},
};
/* vLLM's counters end in _total as its clients write them; the two of the prefix cache are charted under both names. */
static const struct series vllm[] = {
    {"vllm:num_requests_running", "gauge", "Requests in execution.", M(running), PLAIN},
    {"vllm:num_requests_waiting", "gauge", "Requests waiting.", M(waiting), PLAIN},
    {"vllm:prefix_cache_queries", "counter", "Tokens looked for in the prefix cache.", M(prefix_asked), PLAIN},
    {"vllm:prefix_cache_queries_total", "counter", "Tokens looked for in the prefix cache.", M(prefix_asked), PLAIN},
    {"vllm:prefix_cache_hits", "counter", "Tokens found in the prefix cache.", M(prefix_found), PLAIN},
    {"vllm:prefix_cache_hits_total", "counter", "Tokens found in the prefix cache.", M(prefix_found), PLAIN},
    {"vllm:prompt_tokens_total", "counter", "Tokens of prompts.", M(prompt_tokens), PLAIN},
    {"vllm:generation_tokens_total", "counter", "Tokens of answers.", M(generation_tokens), PLAIN},
    {"vllm:num_preemptions_total", "counter", "Preemptions.", M(preemptions), PLAIN},
};

struct spread {
    const char *own, *vllm, *help;
    size_t at; /* of the struct metrics_histogram */
};
static const struct spread spreads[] = {
    {"sillok_time_to_first_token_seconds", "vllm:time_to_first_token_seconds", "Arrival to the first token.",
     M(first_token)},
    {"sillok_inter_token_latency_seconds", "vllm:inter_token_latency_seconds", "From a token to the next.",
     M(between_tokens)},
    {"sillok_request_seconds", "vllm:e2e_request_latency_seconds", "Arrival to the end of the answer.", M(whole)},
    {"sillok_queue_seconds", "vllm:request_queue_time_seconds", "Arrival to the first computation.", M(queued)},
};

static sil_err head(struct buf *b, const char *name, const char *type, const char *help) {
    return buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The inside of a label's quotes. */
static sil_err label(struct buf *b, const char *s) {
    for (; *s; s++) {
        if (*s == '\n') SIL_TRY(buf_str(b, STR("\\n")));
        else {
            if (*s == '"' || *s == '\\') SIL_TRY(buf_char(b, '\\'));
            SIL_TRY(buf_char(b, *s));
        }
    }
    return SIL_OK;
}

static sil_err name_and_model(struct buf *b, const char *name, const char *suffix, const struct metrics_model *m) {
    SIL_TRY(buf_printf(b, "%s%s{model_name=\"", name, suffix));
    SIL_TRY(label(b, m->name));
    return buf_char(b, '"');
}

static sil_err put_value(struct buf *b, uint64_t v, enum unit unit) {
    if (unit == SECONDS_OF_NS) return buf_printf(b, "} %.9f\n", (double)v / 1e9);
    if (unit == JOULES_OF_UJ) return buf_printf(b, "} %.6f\n", (double)v / 1e6);
    return buf_printf(b, "} %llu\n", (unsigned long long)v);
}

static sil_err put_series(const struct metrics *m, const struct series *list, size_t n, struct buf *b) {
    for (size_t i = 0; i < n; i++) {
        SIL_TRY(head(b, list[i].name, list[i].type, list[i].help));
        for (uint32_t k = 0; k < m->n_models; k++) {
            const char *at = (const char *)&m->models[k] + list[i].at;
            SIL_TRY(name_and_model(b, list[i].name, "", &m->models[k]));
            SIL_TRY(put_value(b, metrics_get((const _Atomic uint64_t *)(const void *)at), list[i].unit));
        }
    }
    return SIL_OK;
}

static sil_err put_histogram(const struct metrics *m, const char *name, const char *help, size_t at, struct buf *b) {
    SIL_TRY(head(b, name, "histogram", help));
    for (uint32_t k = 0; k < m->n_models; k++) {
        const struct metrics_model *one = &m->models[k];
        const struct metrics_histogram *h = (const void *)((const char *)one + at);
        uint64_t sum = 0, ns = metrics_get(&h->sum_ns);
        for (int i = 0; i <= METRICS_BUCKETS; i++) {
            sum += metrics_get(&h->bucket[i]);
            SIL_TRY(name_and_model(b, name, "_bucket", one));
            if (i < METRICS_BUCKETS) SIL_TRY(buf_printf(b, ",le=\"%g\"", metrics_bounds_s[i]));
            else SIL_TRY(buf_str(b, STR(",le=\"+Inf\"")));
            SIL_TRY(put_value(b, sum, PLAIN));
        }
        SIL_TRY(name_and_model(b, name, "_sum", one));
        SIL_TRY(put_value(b, ns, SECONDS_OF_NS));
        SIL_TRY(name_and_model(b, name, "_count", one));
        SIL_TRY(put_value(b, sum, PLAIN));
    }
    return SIL_OK;
}

static sil_err put_histograms(const struct metrics *m, bool vllm_names, struct buf *b) {
    for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++) {
        const struct spread *s = &spreads[i];
        SIL_TRY(put_histogram(m, vllm_names ? s->vllm : s->own, s->help, s->at, b));
    }
    return SIL_OK;
}

/* How answers ended, each way under `label`. vLLM knows fewer ways: what a client or a deadline ended is its "abort".
 */
static sil_err put_finished(const struct metrics *m, bool vllm_names, struct buf *b) {
    const char *name = vllm_names ? "vllm:request_success_total" : "sillok_answers_total";
    SIL_TRY(head(b, name, "counter", "Answers, by how they ended."));
    for (uint32_t k = 0; k < m->n_models; k++) {
        const struct metrics_model *one = &m->models[k];
        for (int f = 0; f < FINISH_KINDS; f++) {
            uint64_t v = metrics_get(&one->finished[f]);
            if (vllm_names && f == FINISH_TIMEOUT) continue;
            if (vllm_names && f == FINISH_CANCELLED) v += metrics_get(&one->finished[FINISH_TIMEOUT]);
            SIL_TRY(name_and_model(b, name, "", one));
            SIL_TRY(
                buf_printf(b, ",%s=\"%s\"", vllm_names ? "finished_reason" : "finish",
                           vllm_names && f == FINISH_CANCELLED ? "abort" : answer_finish_name((enum answer_finish)f)));
            SIL_TRY(put_value(b, v, PLAIN));
        }
    }
    return SIL_OK;
}

static sil_err put_kv_usage(const struct metrics *m, struct buf *b) {
    SIL_TRY(head(b, "vllm:kv_cache_usage_perc", "gauge", "Part of the KV memory in use, 0 to 1."));
    for (uint32_t k = 0; k < m->n_models; k++) {
        const struct metrics_model *one = &m->models[k];
        uint64_t pages = metrics_get(&one->pages), used = metrics_get(&one->pages_used);
        SIL_TRY(name_and_model(b, "vllm:kv_cache_usage_perc", "", one));
        SIL_TRY(buf_printf(b, "} %.6f\n", pages ? (double)used / (double)pages : 0));
    }
    return SIL_OK;
}

/* All energy over the tokens of answers: what an answer costs, prompts included. Nothing where nothing is measured. */
static sil_err put_energy(const struct metrics *m, struct buf *b) {
    bool begun = false;
    for (uint32_t k = 0; k < m->n_models; k++) {
        const struct metrics_model *one = &m->models[k];
        uint64_t uj = metrics_get(&one->energy_uj), tokens = metrics_get(&one->generation_tokens);
        if (!uj || !tokens) continue;
        if (!begun)
            SIL_TRY(
                head(b, "sillok_energy_joules_per_token", "gauge", "Energy for a token of answer, since the start."));
        begun = true;
        SIL_TRY(name_and_model(b, "sillok_energy_joules_per_token", "", one));
        SIL_TRY(buf_printf(b, "} %.6f\n", (double)uj / 1e6 / (double)tokens));
    }
    return SIL_OK;
}

/* ---- the whole server ---- */

static sil_err put_seconds(struct buf *b, const char *name, const char *help, uint64_t ns) {
    SIL_TRY(head(b, name, "counter", help));
    return buf_printf(b, "%s %.6f\n", name, (double)ns / 1e9);
}

/* What was asked less the sum of the results runs now. */
static sil_err put_replays(const struct metrics *m, struct buf *b) {
    SIL_TRY(head(b, "sillok_replays_asked_total", "counter", "Answers of the record asked to be computed again."));
    SIL_TRY(buf_printf(b, "sillok_replays_asked_total %llu\n", (unsigned long long)metrics_get(&m->replays_asked)));
    SIL_TRY(head(b, "sillok_replays_total", "counter", "What became of these."));
    for (int i = 0; i < METRICS_REPLAYS; i++)
        SIL_TRY(buf_printf(b, "sillok_replays_total{result=\"%s\"} %llu\n", metrics_replay_names[i],
                           (unsigned long long)metrics_get(&m->replays[i])));
    return SIL_OK;
}

static sil_err put_server(const struct metrics *m, struct buf *b) {
    static const char *const refused[] = {"other_4xx", "401", "403", "429", "other_5xx", "503"};
    const struct {
        const char *name, *type, *help;
        const _Atomic uint64_t *v;
    } list[] = {
        {"sillok_http_requests_total", "counter", "HTTP requests.", &m->http_requests},
        {"sillok_connections", "gauge", "Open connections.", &m->connections},
        {"sillok_ledger_entries_total", "counter", "Answers put on record.", &m->ledger_entries},
        {"sillok_ledger_commits_total", "counter", "Times that the record was made durable.", &m->ledger_commits},
        {"sillok_ledger_failures_total", "counter", "Answers that could not be put on record.", &m->ledger_failures},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        SIL_TRY(head(b, list[i].name, list[i].type, list[i].help));
        SIL_TRY(buf_printf(b, "%s %llu\n", list[i].name, (unsigned long long)metrics_get(list[i].v)));
    }
    SIL_TRY(put_replays(m, b));
    SIL_TRY(put_seconds(b, "sillok_ledger_sync_seconds_total", "Time spent in making the record durable.",
                        metrics_get(&m->ledger_sync_ns)));
    SIL_TRY(put_seconds(b, "sillok_ledger_cpu_seconds_total", "Processor time of the record's thread.",
                        metrics_get(&m->ledger_cpu_ns)));
    SIL_TRY(head(b, "sillok_http_refused_total", "counter", "HTTP requests that were refused, by status."));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        SIL_TRY(buf_printf(b, "sillok_http_refused_total{status=\"%s\"} %llu\n", refused[i],
                           (unsigned long long)metrics_get(&m->http_refused[i])));
    SIL_TRY(head(b, "process_start_time_seconds", "gauge", "When the server started, Unix time."));
    SIL_TRY(buf_printf(b, "process_start_time_seconds %lld\n", (long long)m->started_unix_s));
    SIL_TRY(head(b, "sillok_build_info", "gauge", "Always 1."));
    return buf_str(b, STR("sillok_build_info{version=\"" SIL_VERSION "\",profile=\"" SIL_PROFILE "\"} 1\n"));
}

sil_err metrics_write(const struct metrics *m, bool vllm_names, struct buf *out) {
    SIL_TRY(put_server(m, out));
    SIL_TRY(put_series(m, own, sizeof own / sizeof *own, out));
    SIL_TRY(put_finished(m, false, out));
    SIL_TRY(put_energy(m, out));
    SIL_TRY(put_histograms(m, false, out));
    if (!vllm_names) return SIL_OK;
    SIL_TRY(put_series(m, vllm, sizeof vllm / sizeof *vllm, out));
    SIL_TRY(put_kv_usage(m, out));
    SIL_TRY(put_finished(m, true, out));
    return put_histograms(m, true, out);
}
