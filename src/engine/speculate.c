/* Decoding with guesses: each step computes the next token and, behind it, tokens guessed from the sequence itself. The
 * logits of a row are those of plain decoding as long as the guesses before it came true, and the draw is keyed by the
 * token's index, so the tokens are those of plain decoding. */
#include "engine/speculate.h"

#include "base/err.h"
#include "engine/engine.h"

/* How many tokens before tokens[at] equal those at the end, at most SPEC_MATCH_MAX. */
static uint32_t match(const uint32_t *tokens, uint32_t n, uint32_t at) {
    uint32_t k = 0;
    while (k < SPEC_MATCH_MAX && k < at && tokens[at - 1 - k] == tokens[n - 1 - k]) k++;
    return k;
}

uint32_t spec_draft(const uint32_t *tokens, uint32_t n, uint32_t n_draft, uint32_t *draft) {
    uint32_t best = SPEC_MATCH_MIN - 1, from = 0;
    for (uint32_t at = n ? n - 1 : 0; at > 0 && best < SPEC_MATCH_MAX; at--) {
        uint32_t k = match(tokens, n, at);
        if (k <= best) continue;
        best = k;
        from = at;
    }
    if (from == 0) return 0;
    for (uint32_t i = 0; i < n_draft; i++) draft[i] = from + i < n ? tokens[from + i] : draft[from + i - n];
    return n_draft;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* How many guesses a step of one token has room for. They never take a page that the token does not need anyway, so
 * that guessing cannot run out of memory where plain decoding does not. */
static uint32_t room_for_drafts(const struct sil_session *s) {
    if (s->n + 1 >= s->eng->n_ctx) return 0;
    uint32_t in_context = s->eng->n_ctx - s->n - 1, in_page = NUM_KV_PAGE - 1 - s->n % NUM_KV_PAGE;
    return least(least(in_context, in_page), s->eng->step.max_logits - 1);
}

sil_err sil_decode_first(struct sil_decoder *d, const float *logits, uint32_t *token, struct sil_error *e) {
    if (d->n_draft > SIL_DRAFT_MAX)
        return err_set(e, SIL_ARG, "%u guesses a step; at most %d are possible", d->n_draft, SIL_DRAFT_MAX);
    SIL_TRY(sil_sample(d->session, &d->sampling, logits, d->prompt_length, d->choice, token, e));
    d->tokens[0] = *token;
    d->window = d->n_draft;
    d->plain = false;
    return SIL_OK;
}

void sil_decode_item(struct sil_decoder *d, struct sil_step_item *item) {
    struct sil_session *s = d->session;
    uint32_t n_draft = d->plain ? 0 : least(least(d->window, d->n_draft), room_for_drafts(s));
    if (n_draft) {
        s->tokens[s->n] = d->tokens[0]; /* behind the session's end: a place to see the whole sequence in one piece */
        n_draft = spec_draft(s->tokens, s->n + 1, n_draft, d->tokens + 1);
    }
    item->session = s;
    item->tokens = d->tokens;
    item->n_tokens = item->n_logits = 1 + n_draft;
}

/* What guessed well goes on with more, what guessed badly with fewer. Only speed depends on it. */
static void adapt(struct sil_decoder *d, uint32_t drafted, uint32_t accepted) {
    d->n_drafted += drafted;
    d->n_accepted += accepted;
    if (drafted == 0) return;
    if (accepted == drafted) d->window = least(d->window * 2, d->n_draft);
    else if (accepted == 0 && d->window > 1) d->window /= 2;
}

sil_err sil_decode_take(struct sil_decoder *d, const struct sil_step_item *item, uint32_t max, uint32_t *tokens,
                        uint32_t *n, struct sil_error *e) {
    struct sil_session *s = d->session;
    uint32_t drafted = item->n_tokens - 1, n_vocab = s->eng->m->shape.n_vocab;
    *n = 0;
    if (item->status != SIL_OK) { /* a wrong guess may overflow where the sequence does not */
        d->plain = drafted > 0 && item->status != SIL_CANCELLED;
        return d->plain ? SIL_OK : item->status;
    }
    uint32_t base = s->n - drafted; /* tokens with the one that is certain */
    sil_err err = SIL_OK;
    d->plain = false;
    while (err == SIL_OK && *n < max) {
        uint32_t i = *n, t = 0;
        err = session_sample(s, base + i, &d->sampling, item->logits + (size_t)i * n_vocab, d->prompt_length, d->choice,
                             &t, e);
        if (err != SIL_OK) break;
        tokens[(*n)++] = t;
        if (i == drafted || t != d->tokens[1 + i] || (s->eng->m->tok && tok_is_end(s->eng->m->tok, t))) break;
    }
    if (*n == 0) return err;
    if (err != SIL_OK) d->plain = true; /* comes again, behind the tokens that are good */
    adapt(d, drafted, *n - 1);
    sil_session_truncate(s, base + *n - 1);
    d->tokens[0] = tokens[*n - 1];
    return SIL_OK;
}
