#include "serve/lane.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "serve/record.h"

/* ---- open, close ---- */

static struct sched_config sched_config(const struct lane *l) {
    const struct config *c = l->env->config;
    const struct config_model *m = l->model->config;
    struct sil_engine_stats stats;
    sil_engine_stats(l->eng, &stats);
    uint32_t batch = m->batch ? m->batch : 256, sessions = l->model->n_sessions;
    uint32_t live = c->limits.waiting + 2 * sessions;
    /* Where learning of what work costs begins, in joules; without a counter there is no energy model. */
    const struct sched_cost joules = {.step = 0.5, .prefill = 0.05, .decode = 0.05, .attend = 0.01};
    return (struct sched_config){.n_ctx = l->model->n_ctx,
                                 .n_pages = stats.n_pages,
                                 .step_rows = batch,
                                 .max_batch = sessions < batch ? sessions : batch,
                                 .max_logits = sessions * (1 + m->speculate),
                                 .max_draft = m->speculate,
                                 .max_requests = live < SCHED_REQUESTS_MAX ? live : SCHED_REQUESTS_MAX,
                                 .max_tenants = LANE_TENANTS,
                                 .power = l->meter.read ? joules : (struct sched_cost){0}};
}

sil_err lane_open(struct lane *l, struct job_env *env, const struct catalog_model *m, struct meter meter,
                  struct sil_error *e) {
    *l = (struct lane){.env = env, .model = m, .eng = m->engine, .meter = meter, .n_vocab = m->info.n_vocab};
    struct sched_config c = sched_config(l);
    l->max_batch = c.max_batch;
    SIL_TRY(sched_open(env->mem, &c, &l->sched, e));
    l->items = mem_array(env->mem, l->max_batch, sizeof *l->items);
    l->stepping = mem_array(env->mem, l->max_batch, sizeof(struct choice *));
    l->results = mem_array(env->mem, l->max_batch, sizeof *l->results);
    if (l->items && l->stepping && l->results) return SIL_OK;
    lane_close(l);
    return err_nomem(e, "the engine's steps", l->max_batch * sizeof *l->items);
}

/* ---- jobs ---- */

static void close_session(struct choice *c) {
    sil_session_close(c->session);
    c->session = NULL;
    c->decoder.session = NULL;
}

/* A job leaves the lane once all of its choices are over. */
static void leave_if_over(struct lane *l, struct job *j) {
    if (j->n_over < j->n) return;
    if (j->prev) j->prev->next = j->next;
    else l->jobs = j->next;
    if (j->next) j->next->prev = j->prev;
    l->tenants[j->slot].n_live--;
    job_end(j);
}

/* A choice is over, and the scheduler does not know it any more. */
static void close_choice(struct choice *c, enum answer_finish why) {
    choice_end(c, why);
    close_session(c);
    c->id = 0;
    c->job->n_over++;
}

/* Those of a prompt that were to follow a first choice end with it, when it has no tokens that they could follow. */
static void end_choice(struct lane *l, struct choice *c, enum answer_finish why) {
    struct job *j = c->job;
    bool first = c->index % c->r->n == 0;
    close_choice(c, why);
    for (uint32_t i = c->index + 1; first && i < c->index + c->r->n; i++)
        if (!j->choices[i].id && !j->choices[i].over) close_choice(&j->choices[i], why);
    leave_if_over(l, j);
}

/* Ends what is left of a job. The job is the ledger's afterwards. */
static void drop_job(struct lane *l, struct job *j, enum answer_finish why) {
    for (uint32_t i = 0; i < j->n; i++) {
        struct choice *c = &j->choices[i];
        if (c->over) continue;
        if (c->id) sched_drop(l->sched, c->id);
        close_choice(c, why);
    }
    leave_if_over(l, j);
}

void lane_close(struct lane *l) {
    while (l->jobs) {
        fault_set(&l->jobs->fault, 503, "stopping", NULL, "the server is stopping");
        drop_job(l, l->jobs, FINISH_CANCELLED);
    }
    sched_close(l->sched);
    mem_free(l->env->mem, l->items);
    mem_free(l->env->mem, l->stepping);
    mem_free(l->env->mem, l->results);
    *l = (struct lane){0};
}

/* ---- coming in ---- */

/* The scheduler's number for a tenant; LANE_TENANTS when all places are taken. */
static uint32_t tenant_slot(struct lane *l, const struct caller *c) {
    uint32_t free = LANE_TENANTS;
    for (uint32_t i = 0; i < LANE_TENANTS; i++) {
        if (l->tenants[i].n_live && l->tenants[i].tenant == c->tenant) return i;
        if (!l->tenants[i].n_live && free == LANE_TENANTS) free = i;
    }
    if (free == LANE_TENANTS) return free;
    l->tenants[free].tenant = c->tenant;
    struct sched_tenant terms = {.weight = c->weight, .max_live = l->env->config->limits.waiting_tenant};
    if (sched_set_tenant(l->sched, free, &terms) != SIL_OK) return LANE_TENANTS;
    return free;
}

/* Why nothing new is taken. */
static void draining(struct fault *f, const struct lane *l) {
    if (l->leaving)
        fault_set(f, 503, "model_not_loaded", "model", "the model '%s' is being unloaded", l->model->config->name);
    else fault_set(f, 503, "stopping", NULL, "the server is stopping");
}

static void refuse(struct fault *f, const struct sched_answer *a, const struct lane *l, const struct choice *c) {
    uint64_t ms = a->wait_ns / 1000000 + 1;
    uint32_t retry = ms < 60000 ? (uint32_t)ms : 60000;
    switch (a->verdict) {
    case SCHED_TOO_LONG:
        fault_set(f, 400, "context_length_exceeded", NULL,
                  "the prompt has %u tokens; with its answer it is longer than "
                  "the context of %u",
                  c->prompt->n_ids, l->model->n_ctx);
        return;
    case SCHED_TENANT_FULL:
        fault_set(f, 429, "too_many_waiting", NULL, "too many of your requests are waiting already");
        break;
    case SCHED_DRAINING: draining(f, l); break;
    case SCHED_FULL: fault_set(f, 503, "overloaded", NULL, "too many requests are waiting"); break;
    default: fault_set(f, 500, "internal", NULL, "the scheduler refused the request"); return;
    }
    f->retry_ms = retry;
}

static uint32_t sched_class(int32_t priority) {
    return priority > 0 ? 0 : priority == 0 ? 1 : priority == -1 ? 2 : 3;
}

/* Hands a choice to the scheduler. */
static bool submit(struct lane *l, uint64_t now_ns, struct choice *c, struct fault *f) {
    const struct request *r = c->r;
    uint64_t left = r->deadline_ns > now_ns ? r->deadline_ns - now_ns : 1;
    struct sched_request q = {.user = (uint64_t)(uintptr_t)c,
                              .tenant = c->job->slot,
                              .priority = sched_class(r->priority),
                              .deferrable = r->priority < 0,
                              .n_prompt = c->prompt->n_ids,
                              .max_new = c->max_out,
                              .timeout_ns = r->deadline_ns ? left : 0};
    struct sched_answer a;
    sched_submit(l->sched, now_ns, &q, &a);
    c->id = a.id;
    if (a.verdict == SCHED_ACCEPTED) return true;
    refuse(f, &a, l, c);
    return false;
}

/* The first choice of each prompt goes ahead; the others follow once the prompt is computed, and find it in the cache.
 */
static void follow(struct lane *l, uint64_t now_ns, struct choice *first) {
    struct job *j = first->job;
    if (j->r->n == 1 || first->index % j->r->n || first->n_out == 0) return;
    for (uint32_t i = first->index + 1; i < first->index + j->r->n; i++) {
        struct choice *c = &j->choices[i];
        if (c->id || c->over) continue;
        struct fault f;
        if (submit(l, now_ns, c, &f)) continue;
        if (!j->fault.status) j->fault = f;
        close_choice(c, FINISH_ERROR); /* the first has not left yet, so the job stays */
    }
}

void lane_admit(struct lane *l, uint64_t now_ns, struct request *r) {
    struct fault f = {0};
    struct job *j = NULL;
    uint32_t slot = tenant_slot(l, &r->caller);
    bool ok = slot < LANE_TENANTS || fault_set(&f, 503, "overloaded", NULL, "too many tenants at the same time");
    ok = ok && job_open(l->env, r, &j, &f);
    if (!ok) {
        if (r->ticket.admitted) gate_settle(l->env->gate, r, &(struct answer_usage){0});
        record_replay_end(l->env->record, r);
        record_replay_fault(l->env->record, r, &f);
        answer_fault(&r->answer, &f);
        request_release(r);
        return;
    }
    request_release(r); /* the job has its own */
    j->slot = slot;
    l->tenants[slot].n_live++;
    j->next = l->jobs;
    if (l->jobs) l->jobs->prev = j;
    l->jobs = j;
    for (uint32_t p = 0; p < r->n_prompts && ok; p++) ok = submit(l, now_ns, &j->choices[(size_t)p * r->n], &j->fault);
    if (!ok) drop_job(l, j, FINISH_ERROR);
}

void lane_cancels(struct lane *l) {
    for (struct job *j = l->jobs, *next; j; j = next) {
        next = j->next;
        if (answer_is_cancelled(&j->r->answer)) drop_job(l, j, FINISH_CANCELLED);
    }
}

/* ---- what the scheduler decides ---- */

static struct choice *choice_of(const struct sched_decision *d) {
    return (struct choice *)(uintptr_t)d->user;
}

static void ended(struct lane *l, const struct sched_decision *d) {
    static const enum answer_finish finish[] = {[SCHED_CANCELLED] = FINISH_CANCELLED,
                                                [SCHED_DEADLINE] = FINISH_TIMEOUT,
                                                [SCHED_LENGTH] = FINISH_LENGTH,
                                                [SCHED_DRAINED] = FINISH_CANCELLED};
    struct choice *c = choice_of(d);
    struct job *j = c->job;
    c->id = 0;
    if (c->n_out == 0 && !j->fault.status && d->why == SCHED_DEADLINE)
        fault_set(&j->fault, 503, "timeout", NULL, "the request waited for its whole time without an answer");
    if (c->n_out == 0 && !j->fault.status && d->why == SCHED_DRAINED) draining(&j->fault, l);
    end_choice(l, c, finish[d->why]);
}

static sil_err open_session(struct lane *l, struct choice *c, uint32_t *cached, struct sil_error *e) {
    const uint32_t *tokens;
    uint32_t n;
    if (choice_tokens(c, &tokens, &n) != SIL_OK) return err_nomem(e, "an answer", sizeof *tokens);
    bool alone = c->r->replay; /* nothing is taken over from the answer that it is compared with */
    SIL_TRY(alone ? sil_session_open(l->eng, &c->session, e)
                  : sil_session_open_shared(l->eng, c->r->caller.tenant, &c->session, e));
    c->decoder.session = c->session;
    *cached = alone ? 0 : sil_session_reuse(c->session, tokens, n);
    return SIL_OK;
}

static void started(struct lane *l, uint64_t now_ns, const struct sched_decision *d) {
    struct choice *c = choice_of(d);
    struct sil_error e = {0};
    uint32_t cached = 0;
    if (open_session(l, c, &cached, &e) != SIL_OK) {
        fault_from(&c->job->fault, &e, NULL);
        sched_drop(l->sched, c->id);
        end_choice(l, c, FINISH_ERROR);
        return;
    }
    if (c->n_out == 0) {
        c->n_cached = cached;
        if (!c->r->admitted_ns) c->r->admitted_ns = now_ns;
        if (!c->r->replay) metrics_add(&l->model->metrics->prefix_asked, c->prompt->n_ids);
        metrics_add(&l->model->metrics->prefix_found, cached);
    }
    sched_started(l->sched, d->id, cached);
}

static void preempted(struct lane *l, const struct sched_decision *d) {
    close_session(choice_of(d));
    metrics_add(&l->model->metrics->preemptions, 1);
}

/* The decisions of one plan, in order. Returns how many items there are to step. */
static uint32_t carry_out(struct lane *l, uint64_t now_ns, const struct sched_plan *plan) {
    uint32_t n = 0;
    l->n_drafted = 0;
    for (uint32_t i = 0; i < plan->n; i++) {
        const struct sched_decision d = plan->decisions[i];
        if (d.kind == SCHED_END) ended(l, &d);
        else if (d.kind == SCHED_PREEMPT) preempted(l, &d);
        else if (d.kind == SCHED_START) started(l, now_ns, &d);
        if (d.kind < SCHED_PREFILL) continue;
        struct choice *c = choice_of(&d);
        struct sil_step_item *item = &l->items[n];
        const uint32_t *tokens;
        uint32_t n_tokens;
        *item = (struct sil_step_item){.session = c->session, .cancel = &c->r->answer.cancelled};
        if (d.kind == SCHED_DECODE) {
            c->decoder.n_draft = d.n_draft;
            sil_decode_item(&c->decoder, item);
            l->n_drafted += item->n_tokens - 1;
        } else if (choice_tokens(c, &tokens, &n_tokens) == SIL_OK) {
            item->tokens = tokens + d.from;
            item->n_tokens = d.n_tokens;
            item->n_logits = d.last;
        } else {
            continue; /* planned again */
        }
        l->stepping[n] = c;
        l->results[n++] = (struct sched_result){.id = d.id};
    }
    return n;
}

/* ---- a step ---- */

static void first_token(struct lane *l, uint64_t now_ns, struct choice *c) {
    struct request *r = c->r;
    if (!r->first_token_ns) {
        r->first_token_ns = now_ns;
        if (!r->replay) metrics_observe(&l->model->metrics->first_token, now_ns - r->arrival_ns);
    }
}

/* The new tokens of one item. */
static sil_err take(struct lane *l, uint64_t now_ns, struct choice *c, const struct sil_step_item *item,
                    struct sched_result *result, struct sil_error *e) {
    uint32_t tokens[1 + SIL_DRAFT_MAX], n = 1;
    bool decode = item->tokens == c->decoder.tokens;
    if (!decode && item->status == SIL_OK) metrics_add(&l->model->metrics->step_prompt_tokens, item->n_tokens);
    if (item->n_logits == 0 && item->status == SIL_OK) { /* a part of a prompt */
        result->advanced = true;
        return SIL_OK;
    }
    if (decode) SIL_TRY(sil_decode_take(&c->decoder, item, c->max_out - c->n_out, tokens, &n, e));
    else if (item->status != SIL_OK) return err_set(e, item->status, "the prompt could not be computed");
    else SIL_TRY(sil_decode_first(&c->decoder, item->logits, tokens, e));
    bool first = c->n_out == 0;
    SIL_TRY(choice_take(c, l->eng, tokens, n, item->logits, l->n_vocab, &result->made, e));
    result->advanced = n > 0;
    if (first && n) first_token(l, now_ns, c);
    else if (n && !c->r->replay) metrics_observe(&l->model->metrics->between_tokens, now_ns - c->r->last_token_ns);
    if (n) c->r->last_token_ns = now_ns;
    metrics_add(&l->model->metrics->step_answer_tokens, n);
    return SIL_OK;
}

static enum answer_finish finish_of(sil_err err) {
    return err == SIL_CANCELLED ? FINISH_CANCELLED : err == SIL_CONTEXT ? FINISH_LENGTH : FINISH_ERROR;
}

static void take_all(struct lane *l, uint64_t now_ns, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        struct choice *c = l->stepping[i];
        struct sil_error e = {0};
        sil_err err = take(l, now_ns, c, &l->items[i], &l->results[i], &e);
        if (err == SIL_NOMEM && l->items[i].status == SIL_NOMEM) continue; /* no pages: planned again */
        if (err == SIL_OK && !c->over) continue;
        if (err != SIL_OK && err != SIL_CANCELLED && c->n_out == 0 && !c->job->fault.status)
            fault_from(&c->job->fault, &e, NULL);
        l->results[i].ended = true;
        choice_end(c, finish_of(err));
    }
}

static double joules_now(const struct lane *l) {
    double j = -1;
    return l->meter.read && l->meter.read(l->meter.ctx, &j) ? j : -1;
}

/* Each item's share of the step's energy is its share of the rows. */
static void share_energy(struct lane *l, uint32_t n, double joules) {
    double rows = 0;
    for (uint32_t i = 0; i < n; i++) rows += l->items[i].n_tokens;
    for (uint32_t i = 0; i < n; i++) {
        struct job *j = l->stepping[i]->job;
        j->joules += joules * l->items[i].n_tokens / rows;
        j->metered = true;
    }
}

void lane_enter(struct lane *l, struct sched_budget *b) {
    sil_err err = sched_join(l->sched, b);
    assert(err == SIL_OK); /* it has places for all models, and all have the same meter */
}

void lane_exit(struct lane *l) {
    sched_leave(l->sched);
}

void lane_idle_power(struct lane *l, double watts) {
    sched_idle_power(l->sched, watts);
}

static void step(struct lane *l, uint64_t now_ns, uint32_t n) {
    struct sil_error e = {0};
    double before = joules_now(l);
    (void)sil_step(l->eng, l->items, n, &e); /* each item's status says it too */
    double after = joules_now(l);
    uint64_t then = clock_now_ns(l->env->clock);
    bool metered = before >= 0 && after >= before;
    if (metered) share_energy(l, n, after - before);
    take_all(l, then, n);
    struct sched_step s = {.results = l->results,
                           .n = n,
                           .n_drafted = l->n_drafted,
                           .took_ns = then - now_ns,
                           .joules = metered ? after - before : -1};
    sched_report(l->sched, then, &s);
    for (uint32_t i = 0; i < n; i++) {
        follow(l, then, l->stepping[i]);
        if (l->results[i].ended) end_choice(l, l->stepping[i], l->stepping[i]->finish);
    }
    metrics_add(&l->model->metrics->steps, 1);
    metrics_add(&l->model->metrics->step_ns, then - now_ns);
    if (metered) metrics_add(&l->model->metrics->step_energy_uj, (uint64_t)((after - before) * 1e6));
}

static void gauges(const struct lane *l, const struct sil_engine_stats *pages) {
    struct metrics_model *m = l->model->metrics;
    struct sched_stats s;
    sched_get_stats(l->sched, &s);
    metrics_set(&m->running, s.n_running);
    metrics_set(&m->waiting, s.n_waiting);
    metrics_set(&m->pages, pages->n_pages);
    metrics_set(&m->pages_used, pages->n_pages - pages->n_free - pages->n_idle);
}

uint64_t lane_turn(struct lane *l, uint64_t now_ns) {
    struct sched_plan plan;
    struct sil_engine_stats pages;
    uint32_t n = 0;
    do {
        sil_engine_stats(l->eng, &pages);
        sched_plan(l->sched, now_ns, pages.n_free + pages.n_idle, &plan);
        n = carry_out(l, now_ns, &plan);
    } while (plan.again);
    if (n > 0) step(l, now_ns, n);
    gauges(l, &pages);
    return n > 0 ? 0 : plan.wait_ns;
}

void lane_drain(struct lane *l, uint64_t now_ns, uint64_t within_ns) {
    sched_drain(l->sched, now_ns, within_ns, false);
}

void lane_leave(struct lane *l, uint64_t now_ns, uint64_t within_ns) {
    l->leaving = true;
    lane_drain(l, now_ns, within_ns);
}
