/* One step of the batch: items are checked and given their pages, then their tokens pass through the model in rows of
 * at most n_batch, in the order of the items. */
#include "base/err.h"
#include "engine/engine.h"
#include "model/pack.h"

static bool cancelled(const struct sil_step_item *item) {
    return item->cancel && __atomic_load_n(item->cancel, __ATOMIC_RELAXED) != 0;
}

/* Whether every item of the pass is cancelled; rows are in the order of items. */
static bool all_cancelled(void *ctx) {
    const struct sil_engine *eng = ctx;
    for (size_t i = eng->step.rows[0].tag; i <= eng->step.rows[eng->step.n_rows - 1].tag; i++)
        if (eng->items[i].status == SIL_OK && !cancelled(&eng->items[i])) return false;
    return true;
}

/* Checks an item and takes the pages its tokens need. */
static sil_err admit(struct sil_engine *eng, struct sil_step_item *item, uint32_t *logits_left, struct sil_error *e) {
    struct sil_session *s = item->session;
    if (cancelled(item)) return err_set(e, SIL_CANCELLED, "the caller cancelled the step");
    if (s->stepping) return err_set(e, SIL_ARG, "a session is in the step twice");
    if (item->n_tokens == 0 || item->n_logits > item->n_tokens)
        return err_set(e, SIL_ARG, "%u tokens with logits for %u of them", item->n_tokens, item->n_logits);
    if (item->n_logits > *logits_left)
        return err_set(e, SIL_LIMIT, "%u rows of logits are wanted, %u are left in this step", item->n_logits,
                       *logits_left);
    if (item->n_tokens > eng->n_ctx - s->n)
        return err_set(e, SIL_CONTEXT, "%u tokens and %u more pass the context of %u; shorten the prompt%s", s->n,
                       item->n_tokens, eng->n_ctx, eng->n_ctx < eng->m->shape.n_ctx ? " or open a longer context" : "");
    for (uint32_t i = 0; i < item->n_tokens; i++)
        if (item->tokens[i] >= eng->m->shape.n_vocab)
            return err_set(e, SIL_ARG, "token %u is outside the vocabulary of %u", item->tokens[i],
                           eng->m->shape.n_vocab);
    if (!session_make_room(s, item->n_tokens))
        return err_set(e, SIL_NOMEM, "all KV pages are in use; close a session or open the engine for more");
    *logits_left -= item->n_logits;
    s->stepping = item;
    return SIL_OK;
}

/* Where a step stands: which tokens of which item come next. */
struct cursor {
    size_t item;
    uint32_t token;
    uint32_t logits; /* rows of logits given so far */
};

/* Fills the model's step with the next rows; false when there are none left. */
static bool fill_rows(struct sil_engine *eng, struct sil_step_item *items, size_t n_items, struct cursor *at) {
    struct model_step *ms = &eng->step;
    ms->stop = all_cancelled;
    ms->stop_ctx = eng;
    ms->n_rows = ms->n_logits = 0;
    ms->logits = eng->logits + (size_t)at->logits * eng->m->shape.n_vocab;
    while (at->item < n_items && ms->n_rows < ms->max_rows) {
        struct sil_step_item *item = &items[at->item];
        if (item->status != SIL_OK || at->token == item->n_tokens) {
            at->item++;
            at->token = 0;
            continue;
        }
        struct sil_session *s = item->session;
        ms->rows[ms->n_rows] = (struct step_row){
            .token = item->tokens[at->token], .pos = s->n + at->token, .pages = s->pages, .tag = at->item};
        if (item->n_tokens - at->token <= item->n_logits) {
            if (item->n_tokens - at->token == item->n_logits)
                item->logits = eng->logits + (size_t)at->logits * eng->m->shape.n_vocab;
            ms->logit_rows[ms->n_logits++] = ms->n_rows;
            at->logits++;
        }
        at->token++;
        ms->n_rows++;
    }
    return ms->n_rows > 0;
}

static void collect_failures(struct sil_engine *eng, struct sil_step_item *items, size_t n_items) {
    const struct model_step *ms = &eng->step;
    for (uint32_t r = 0; r < ms->n_rows; r++)
        if (ms->stopped) items[ms->rows[r].tag].status = SIL_CANCELLED;
        else if (ms->rows[r].failed) items[ms->rows[r].tag].status = SIL_NONFINITE;
    for (size_t i = 0; i < n_items; i++)
        if (items[i].status == SIL_OK && cancelled(&items[i])) items[i].status = SIL_CANCELLED;
}

/* Ends an item that was admitted: its session advances or is as before. */
static sil_err finish(struct sil_step_item *item, struct sil_error *e) {
    struct sil_session *s = item->session;
    s->stepping = NULL;
    if (item->status == SIL_OK) {
        session_append(s, item->tokens, item->n_tokens);
        return SIL_OK;
    }
    item->logits = NULL;
    sil_session_truncate(s, s->n); /* gives back the pages that were taken */
    if (item->status == SIL_CANCELLED) return err_set(e, SIL_CANCELLED, "the caller cancelled the step");
    return err_set(e, SIL_NONFINITE,
                   "the model's numbers overflowed (infinity or NaN); the weights are damaged or not made for this "
                   "arithmetic");
}

sil_err sil_step(struct sil_engine *eng, struct sil_step_item *items, size_t n_items, struct sil_error *e) {
    sil_err first_err = SIL_OK;
    uint32_t logits_left = eng->step.max_logits;
    for (size_t i = 0; i < n_items; i++) {
        items[i].logits = NULL;
        items[i].status = admit(eng, &items[i], &logits_left, first_err == SIL_OK ? e : NULL);
        if (first_err == SIL_OK) first_err = items[i].status;
    }
    struct cursor at = {0};
    eng->items = items;
    while (fill_rows(eng, items, n_items, &at)) {
        bool packing = pack_begin(eng->m, eng->pool, eng->step.n_rows);
        step_run(eng->m, &eng->step);
        if (packing) pack_end(eng->m);
        collect_failures(eng, items, n_items);
    }
    for (size_t i = 0; i < n_items; i++) {
        if (items[i].session->stepping != &items[i]) continue; /* not admitted */
        sil_err err = finish(&items[i], first_err == SIL_OK ? e : NULL);
        if (first_err == SIL_OK) first_err = err;
    }
    return first_err;
}
