#include "serve/job.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "serve/catalog.h"
#include "serve/record.h"

bool job_open(struct job_env *env, struct request *r, struct job **out, struct fault *f) {
    uint32_t n = request_choices(r);
    struct sil_error e = {0};
    struct job *j = mem_array(env->mem, 1, sizeof *j + n * sizeof j->choices[0]);
    if (!j) {
        err_nomem(&e, "a request", n * sizeof j->choices[0]);
        return fault_from(f, &e, NULL);
    }
    j->env = env;
    for (uint32_t i = 0; i < n; i++) {
        if (choice_open(&j->choices[i], env->mem, j, r, i, &e) == SIL_OK) {
            j->n++;
            continue;
        }
        for (uint32_t k = 0; k < i; k++) choice_close(&j->choices[k]);
        mem_free(env->mem, j);
        return fault_from(f, &e, "stop");
    }
    j->r = request_hold(r);
    atomic_fetch_add(env->n_open, 1);
    *out = j;
    return true;
}

static void job_free(struct job *j) {
    struct job_env *env = j->env;
    for (uint32_t i = 0; i < j->n; i++) {
        choice_close(&j->choices[i]);
        if (j->receipts) mem_free(env->mem, (void *)(uintptr_t)j->receipts[i].p);
    }
    mem_free(env->mem, j->receipts);
    mem_free(env->mem, j->entries);
    request_release(j->r);
    mem_free(env->mem, j);
    atomic_fetch_sub(env->n_open, 1);
}

/* ---- the end, as numbers ---- */

static double seconds(uint64_t from, uint64_t to) {
    return from && to >= from ? (double)(to - from) * 1e-9 : -1;
}

static struct answer_usage usage_of(const struct job *j) {
    struct answer_usage u = {.energy_j = j->metered ? j->joules : -1};
    for (uint32_t p = 0; p < j->r->n_prompts; p++) u.n_prompt += j->r->prompts[p].n_ids;
    for (uint32_t i = 0; i < j->n; i++) {
        u.n_answer += j->choices[i].n_out;
        if (i % j->r->n == 0) u.n_cached += j->choices[i].n_cached;
    }
    return u;
}

static void count(const struct job *j, const struct answer_usage *u) {
    struct metrics_model *m = j->r->model->metrics;
    const struct request *r = j->r;
    metrics_add(&m->prompt_tokens, u->n_prompt);
    metrics_add(&m->generation_tokens, u->n_answer);
    metrics_add(&m->cached_tokens, u->n_cached);
    if (j->metered) metrics_add(&m->energy_uj, (uint64_t)(j->joules * 1e6));
    for (uint32_t i = 0; i < j->n; i++) metrics_add(&m->finished[j->choices[i].finish], 1);
    if (r->admitted_ns) metrics_observe(&m->queued, r->admitted_ns - r->arrival_ns);
    metrics_observe(&m->whole, r->done_ns - r->arrival_ns);
}

static void write_log(const struct job *j, const struct answer_usage *u) {
    const struct request *r = j->r;
    const char *finish = j->fault.status ? "refused" : answer_finish_name(j->choices[0].finish);
    LOG(j->env->log, j->fault.status >= 500 ? LOG_WARN : LOG_INFO, r->replay ? "replay" : "answer",
        LOG_S("request", r->id), LOG_S("tenant", r->caller.tenant_name), LOG_S("key", r->caller.key_name),
        LOG_S("gen_ai.request.model", r->model->config->name), LOG_U("gen_ai.usage.input_tokens", u->n_prompt),
        LOG_U("gen_ai.usage.cached_tokens", u->n_cached), LOG_U("gen_ai.usage.output_tokens", u->n_answer),
        LOG_S("gen_ai.response.finish_reason", finish),
        LOG_U("status", j->fault.status ? (uint64_t)j->fault.status : 200),
        LOG_S("error", j->fault.status ? j->fault.message : NULL), LOG_U("choices", j->n),
        LOG_U("entry", r->replay   ? r->ask.index
                       : j->n_kept ? j->entries[0]
                                   : 0),
        LOG_F("queue_s", seconds(r->arrival_ns, r->admitted_ns)),
        LOG_F("first_token_s", seconds(r->arrival_ns, r->first_token_ns)),
        LOG_F("whole_s", seconds(r->arrival_ns, r->done_ns)),
        LOG_F("energy_j", u->energy_j < 0 ? (double)NAN : u->energy_j));
}

/* The last events. */
static sil_err tell(struct job *j, const struct answer_usage *u) {
    struct answer *a = &j->r->answer;
    if (j->r->replay)
        return record_replay_tell(j->env->record, j->r, j->choices[0].out, j->choices[0].n_out,
                                  seconds(j->r->admitted_ns, j->r->done_ns));
    const struct answer_record record = {.n = j->n, .entries = j->entries, .receipts = j->receipts};
    for (uint32_t i = 0; i < j->n; i++) SIL_TRY(answer_finish(a, i, j->choices[i].finish, j->choices[i].stop_met));
    return answer_done(a, u, &record);
}

/* Nothing is owed to the ledger any more. */
static void publish(struct job *j) {
    struct answer_usage u = usage_of(j);
    if (j->unrecorded.status) j->fault = j->unrecorded;
    j->r->done_ns = clock_now_ns(j->env->clock);
    record_replay_end(j->env->record, j->r);
    if (!j->fault.status && tell(j, &u) != SIL_OK)
        fault_set(&j->fault, 503, "unavailable", NULL, "not enough memory to finish the answer");
    if (j->fault.status) record_replay_fault(j->env->record, j->r, &j->fault);
    if (j->fault.status) answer_fault(&j->r->answer, &j->fault);
    else if (!j->r->replay) count(j, &u);
    if (!j->r->replay) {
        bool failed = j->fault.status >= 500;
        if (failed) metrics_add(&j->r->model->metrics->failed, 1);
        history_count(j->env->history, j->r, &u, failed);
    }
    if (j->r->ticket.admitted) gate_settle(j->env->gate, j->r, &u);
    write_log(j, &u);
    job_free(j);
}

/* ---- the record ---- */

static void no_record(struct fault *f, const struct sil_error *e) {
    if (f->status) return;
    fault_set(f, 503, "no_record", NULL,
              "the answer could not be put on record, so it does not count: %s; try again later", e->text);
    f->retry_ms = 5000;
}

static void settle(struct job *j, uint32_t outcomes) {
    if (atomic_fetch_sub_explicit(&j->n_owed, outcomes, memory_order_acq_rel) == outcomes) publish(j);
}

/* The ledger's thread: entry by entry, in the order of submission. */
static void recorded(void *ctx, const struct ledger_outcome *o) {
    struct job *j = ctx;
    if (o->err != SIL_OK) {
        no_record(&j->fault, o->error);
    } else {
        uint32_t i = j->n_kept++;
        j->entries[i] = o->index;
        if (j->env->config->receipts && o->receipt.n) {
            char *p = mem_alloc(j->env->mem, o->receipt.n);
            if (p) memcpy(p, o->receipt.p, o->receipt.n);
            j->receipts[i] = (struct str){p, p ? o->receipt.n : 0};
        }
    }
    settle(j, 1);
}

static void put(char *out, size_t size, const char *text) {
    size_t n = strlen(text);
    if (n >= size) n = size - 1;
    memcpy(out, text, n);
    out[n] = '\0';
}

static void fill_entry(const struct job *j, const struct choice *c, struct ledger_answer *a) {
    const struct request *r = j->r;
    struct ledger_entry *e = &a->entry;
    e->time_ms = (uint64_t)clock_unix_ms(j->env->clock);
    put(e->tenant, sizeof e->tenant, r->caller.tenant_name);
    put(e->request, sizeof e->request, r->id);
    e->choice = c->index % r->n;
    put(e->model, sizeof e->model, r->model->digest);
    put(e->tokenizer, sizeof e->tokenizer, r->model->tokenizer_digest);
    put(e->profile, sizeof e->profile, r->model->profile);
    e->sampling = r->sampling;
    put(e->finish, sizeof e->finish, answer_finish_name(c->finish));
    put(e->software, sizeof e->software, "sillok " SIL_VERSION);
    e->energy_mj = j->metered ? (int64_t)(j->joules * 1e3 / j->n) : -1;
    a->in = c->prompt->ids;
    a->n_in = c->prompt->n_ids;
    a->out = c->out;
    a->n_out = c->n_out;
    static const enum ledger_keep keep[] = {LEDGER_KEEP_NONE, LEDGER_KEEP_IDS, LEDGER_KEEP_TEXT};
    a->keep = keep[r->caller.transcript];
    a->prompt = c->prompt->text;
    a->text = buf_view(&c->text);
}

/* The client went away, or its time was over, before there was anything to record. */
static bool is_empty(const struct job *j) {
    for (uint32_t i = 0; i < j->n; i++)
        if (j->choices[i].n_out) return false;
    return true;
}

void job_end(struct job *j) {
    struct job_env *env = j->env;
    struct sil_error e = {0};
    if (!j->fault.status && is_empty(j))
        fault_set(&j->fault, 408, "cancelled", NULL, "the request ended before its answer began");
    if (!j->fault.status && j->r->replay && j->choices[0].n_out < j->r->max_tokens)
        fault_set(&j->fault, 503, "unfinished", NULL, "the answer could not be computed again to its end: %s",
                  answer_finish_name(j->choices[0].finish));
    if (!j->fault.status && !j->r->replay) {
        j->entries = mem_array(env->mem, j->n, sizeof *j->entries);
        j->receipts = mem_array(env->mem, j->n, sizeof *j->receipts);
        if (!j->entries || !j->receipts) {
            err_nomem(&e, "a record", j->n * sizeof *j->receipts);
            fault_from(&j->fault, &e, NULL);
        }
    }
    if (j->fault.status || j->r->replay) {
        publish(j);
        return;
    }
    uint32_t n = j->n; /* once all are submitted, the job is the other thread's */
    atomic_store(&j->n_owed, n);
    for (uint32_t i = 0; i < n; i++) {
        struct ledger_answer a = {0};
        fill_entry(j, &j->choices[i], &a);
        if (ledger_writer_submit(env->ledger, &a, recorded, j, &e) == SIL_OK) continue;
        no_record(&j->unrecorded, &e);
        settle(j, n - i);
        break;
    }
}
