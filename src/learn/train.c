#include "learn/train.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "learn/ckpt.h"
#include "learn/export.h"
#include "learn/runlog.h"
#include "learn/sample.h"

enum { PATH_BYTES = 4096 };

struct run {
    struct mem mem;
    const struct recipe *r;
    const struct train_options *o;
    const struct train_hooks *h;
    struct sil_error *e;
    char ckpt_path[PATH_BYTES], log_path[PATH_BYTES], svg_path[PATH_BYTES];
    struct learn_vocab vocab;
    struct dataset data, eval;
    struct params params;
    struct pool *pool;
    struct gemm_env env;
    struct net net;
    struct optim optim;
    struct batch batch;
    struct runlog log;
    bool log_open;
    struct ckpt ckpt;
    uint64_t saved_step; /* of the newest checkpoint; UINT64_MAX: none */
    uint64_t began_ns, began_step, began_tokens;
    struct train_status status;
};

__attribute__((format(printf, 2, 3))) static void note(const struct run *x, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    if (!x->h->note) return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    x->h->note(x->h->ctx, text);
}

/* ---- opening ---- */

static sil_err name_files(struct run *x) {
    const struct {
        char *out;
        const char *end;
    } files[] = {{x->ckpt_path, "ckpt"}, {x->log_path, "log.jsonl"}, {x->svg_path, "svg"}};
    for (int i = 0; i < 3; i++) {
        int n = snprintf(files[i].out, PATH_BYTES, "%s.%s", x->r->out, files[i].end);
        if (n < 0 || n >= PATH_BYTES) return err_set(x->e, SIL_ARG, "out: the path is too long");
    }
    return SIL_OK;
}

static enum net_storage storage_of(const struct run *x) {
    return (enum net_storage)x->r->storage;
}

static void describe(const struct run *x) {
    note(x, "model: %zu parameters, %u tokens of vocabulary; activations take %zu MiB, parameters %zu MiB",
         x->params.count, x->params.shape.vocab,
         net_bytes(&x->params.shape, x->r->batch, x->o->n_threads, storage_of(x)) >> 20, (x->params.size * 16) >> 20);
    for (uint32_t i = 0; i < x->data.n; i++) {
        const struct source *s = &x->data.sources[i];
        note(x, "data: %s: %u documents, %zu tokens%s", s->r->path, s->n_docs, s->n_tokens,
             s->n_dropped ? " (some dialogues are longer than the context and left out)" : "");
    }
    note(x, "kernels: %s, %u threads", x->env.k.name, x->o->n_threads);
}

static sil_err open_data(struct run *x) {
    const struct recipe *r = x->r;
    SIL_TRY(learn_vocab_open(x->mem, r->tokenizer, r->pre, r->chat_template, &x->vocab, x->e));
    if (r->shipped_template) SIL_TRY(learn_vocab_ship(&x->vocab, r->shipped_template, x->e));
    SIL_TRY(dataset_open(x->mem, r->data, r->n_data, &x->vocab, r->shape.ctx, r->seed, &x->data, x->e));
    if (r->n_eval) SIL_TRY(dataset_open(x->mem, r->eval, r->n_eval, &x->vocab, r->shape.ctx, r->seed, &x->eval, x->e));
    return batch_open(x->mem, r->batch, &x->batch, x->e);
}

static sil_err open_net(struct run *x) {
    struct learn_shape s = x->r->shape;
    s.vocab = x->vocab.spec.n_tokens;
    SIL_TRY(params_open(x->mem, &s, (float)x->r->init_std, &x->params, x->e));
    SIL_TRY(optim_open(x->mem, &x->params, &x->optim, x->e));
    SIL_TRY(pool_open(x->o->n_threads, &x->pool, x->e));
    SIL_TRY(gemm_open(&x->env, x->mem, x->pool, x->o->cpu_mask, net_packed(&s, x->r->batch), x->e));
    SIL_TRY(net_open(x->mem, &x->params, &x->env, x->o->cpu_mask, x->r->batch, storage_of(x), &x->net, x->e));
    if (x->r->init_from) return import_gguf(x->mem, x->r->init_from, &x->params, x->optim.w, x->e);
    params_init(&x->params, x->r->seed, x->optim.w);
    return SIL_OK;
}

/* What decides the weights: settings, texts as tokens, weights at the beginning. */
static sil_err digest_run(struct run *x) {
    struct buf text;
    struct sha h;
    buf_init(&text, x->mem, 1 << 20);
    sil_err err = recipe_canonical(x->r, &text);
    if (err != SIL_OK) err = err_nomem(x->e, "the recipe's digest", 0);
    if (err == SIL_OK) {
        sha_begin(&h);
        sha_add(&h, text.p, text.n);
        dataset_digest(&x->data, &h);
        sha_add(&h, x->optim.w, x->params.size * sizeof(float));
        sha_end(&h, x->ckpt.run);
    }
    buf_free(&text);
    return err;
}

static sil_err resume(struct run *x) {
    bool found = false;
    x->saved_step = UINT64_MAX;
    if (!x->o->restart) SIL_TRY(ckpt_load(x->ckpt_path, &x->ckpt, &x->optim, &x->data, &found, x->e));
    if (found) {
        x->saved_step = x->ckpt.step;
        note(x, "going on at step %llu of %llu", (unsigned long long)x->ckpt.step, (unsigned long long)x->r->steps);
    }
    return SIL_OK;
}

static sil_err open_all(struct run *x) {
    SIL_TRY(name_files(x));
    SIL_TRY(open_data(x));
    SIL_TRY(open_net(x));
    SIL_TRY(digest_run(x));
    describe(x);
    if (x->o->check) return SIL_OK;
    SIL_TRY(runlog_open(x->log_path, &x->log, x->e));
    x->log_open = true;
    SIL_TRY(resume(x));
    return runlog_keep(&x->log, x->ckpt.log_bytes, x->e);
}

static void close_all(struct run *x) {
    if (x->log_open) runlog_close(&x->log);
    if (x->net.p) net_close(&x->net);
    if (x->env.packed) gemm_close(&x->env);
    pool_close(x->pool);
    if (x->optim.p) optim_close(&x->optim);
    if (x->params.list) params_close(&x->params);
    if (x->batch.ids) batch_close(x->mem, &x->batch);
    if (x->eval.sources) dataset_close(&x->eval);
    if (x->data.sources) dataset_close(&x->data);
    if (x->vocab.tok) learn_vocab_close(&x->vocab);
}

/* ---- a step ---- */

static double seconds_since(const struct run *x) {
    return (double)(clock_now_ns(x->h->clock) - x->began_ns) * 1e-9;
}

static double weight_of(const struct batch *b) {
    double sum = 0;
    for (uint32_t i = 0; i < b->n; i++) sum += (double)b->weights[i];
    return sum;
}

static sil_err not_a_number(const struct run *x, const char *what, double value) {
    char kept[96] = "there is no checkpoint yet";
    if (x->saved_step != UINT64_MAX)
        snprintf(kept, sizeof kept, "the checkpoint of step %llu is kept", (unsigned long long)x->saved_step);
    return err_set(x->e, SIL_NONFINITE, "step %llu: the %s is %g; %s. A lower optimizer.lr or clip may help",
                   (unsigned long long)x->ckpt.step + 1, what, value, kept);
}

static sil_err step(struct run *x) {
    const struct recipe *r = x->r;
    double sum = 0, weight = 0, progress = (double)x->ckpt.step / (double)r->steps;
    for (uint32_t i = 0; i < r->accumulate; i++) {
        dataset_next(&x->data, progress, r->batch, &x->batch);
        if (x->batch.n == 0) break;
        sum += net_pass(&x->net, x->optim.w, &x->batch, 1.0f, x->optim.g);
        weight += weight_of(&x->batch);
        x->ckpt.tokens += x->batch.n;
    }
    if (weight == 0)
        return err_set(x->e, SIL_ARG, "step %llu of %llu: no text is left to learn (data: repeat, from and to)",
                       (unsigned long long)x->ckpt.step + 1, (unsigned long long)r->steps);
    double loss = sum / weight, norm = optim_norm(&x->optim, &x->env) / weight;
    if (!isfinite(loss)) return not_a_number(x, "loss", loss);
    if (!isfinite(norm)) return not_a_number(x, "norm of the gradient", norm);
    double rate = optim_rate(r, x->ckpt.step);
    optim_step(&x->optim, &x->env, r, x->ckpt.step, norm, weight);
    x->ckpt.step++;
    double seconds = seconds_since(x);
    double speed = (double)(x->ckpt.tokens - x->began_tokens) / (seconds > 0 ? seconds : 1e-9);
    x->status.step = x->ckpt.step;
    x->status.tokens = x->ckpt.tokens;
    x->status.loss = loss;
    x->status.rate = rate;
    x->status.tokens_per_s = speed;
    x->status.left_s = seconds / (double)(x->ckpt.step - x->began_step) * (double)(r->steps - x->ckpt.step);
    struct runlog_step l = {x->ckpt.step, x->ckpt.tokens, loss, rate, norm, seconds, speed};
    return runlog_step(&x->log, &l, x->e);
}

/* Mean loss over the first documents of each evaluation source, eval_tokens in all at most. */
static sil_err evaluate(struct run *x) {
    double sum = 0, weight = 0;
    uint64_t share = x->r->eval_tokens / x->eval.n;
    for (uint32_t i = 0; i < x->eval.n; i++) {
        uint64_t done = 0;
        for (uint32_t doc = 0; doc < x->eval.sources[i].n_docs && (doc == 0 || done < share);) {
            uint64_t room = share - done < x->r->batch ? share - done : x->r->batch;
            if (room < x->r->shape.ctx) room = x->r->shape.ctx;
            source_batch(&x->eval.sources[i], &doc, (uint32_t)room, &x->batch);
            sum += net_pass(&x->net, x->optim.w, &x->batch, 0, NULL);
            weight += weight_of(&x->batch);
            done += x->batch.n;
        }
    }
    x->status.eval = weight > 0 ? sum / weight : (double)NAN;
    if (!isfinite(x->status.eval)) return not_a_number(x, "evaluation loss", x->status.eval);
    return runlog_eval(&x->log, x->ckpt.step, x->status.eval, x->e);
}

static sil_err write_model(struct run *x) {
    return export_gguf(x->mem, x->r, &x->vocab, &x->params, x->optim.w, x->r->out, x->e);
}

static sil_err save(struct run *x) {
    x->ckpt.log_bytes = runlog_bytes(&x->log);
    SIL_TRY(ckpt_save(x->ckpt_path, &x->ckpt, &x->optim, &x->data, x->e));
    x->saved_step = x->ckpt.step;
    return SIL_OK;
}

static bool due(uint64_t every, const struct run *x) {
    return x->ckpt.step % every == 0 || x->ckpt.step == x->r->steps;
}

static sil_err steps(struct run *x) {
    const struct train_options *o = x->o;
    x->began_ns = clock_now_ns(x->h->clock);
    x->began_step = x->ckpt.step;
    x->began_tokens = x->ckpt.tokens;
    while (x->ckpt.step < x->r->steps) {
        SIL_TRY(step(x));
        if (x->eval.n && due(x->r->eval_every, x)) SIL_TRY(evaluate(x));
        if (x->r->n_prompts && due(x->r->sample_every, x)) {
            SIL_TRY(write_model(x));
            SIL_TRY(sample_texts(x->mem, x->r, &x->vocab, o->n_threads, x->ckpt.step, &x->log, x->e));
        }
        bool stop = (x->h->stop && *x->h->stop) || (o->minutes > 0 && seconds_since(x) > o->minutes * 60) ||
                    (o->until && x->ckpt.step >= o->until);
        if (stop || due(x->r->checkpoint_every, x)) SIL_TRY(save(x));
        if (x->h->progress) x->h->progress(x->h->ctx, &x->status);
        if (stop) break;
    }
    return SIL_OK;
}

static sil_err finish(struct run *x, struct train_result *out) {
    out->finished = x->ckpt.step == x->r->steps;
    x->status.step = x->ckpt.step;
    x->status.tokens = x->ckpt.tokens;
    out->status = x->status;
    /* Also where a run was whole already: the file may have been lost. */
    if (out->finished) SIL_TRY(write_model(x));
    return runlog_curve(x->mem, x->log_path, x->svg_path, x->r->name, x->e);
}

sil_err train_run(struct mem mem, const struct recipe *r, const struct train_options *o, const struct train_hooks *h,
                  struct train_result *out, struct sil_error *e) {
    struct run *x = mem_array(mem, 1, sizeof *x);
    if (!x) return err_nomem(e, "a run", sizeof *x);
    x->mem = mem;
    x->r = r;
    x->o = o;
    x->h = h;
    x->e = e;
    x->status =
        (struct train_status){.steps = r->steps, .loss = (double)NAN, .eval = (double)NAN, .left_s = (double)NAN};
    *out = (struct train_result){0};
    sil_err err = open_all(x);
    if (err == SIL_OK && !o->check) {
        err = steps(x);
        /* What was learnt since the last checkpoint is not lost where only something beside it failed. */
        if (err == SIL_OK) err = finish(x, out);
    }
    close_all(x);
    mem_free(mem, x);
    return err;
}
