#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "engine/engine.h"

sil_err sil_session_open(struct sil_engine *eng, struct sil_session **out, struct sil_error *e) {
    struct sil_session *s = mem_array(eng->mem, 1, sizeof *s);
    if (!s) return err_nomem(e, "a session", sizeof *s);
    s->eng = eng;
    s->tokens = mem_array(eng->mem, eng->n_ctx, sizeof *s->tokens);
    s->pages = mem_array(eng->mem, eng->pages_per_session, sizeof *s->pages);
    if (!s->tokens || !s->pages) {
        sil_session_close(s);
        return err_nomem(e, "a session", eng->n_ctx * sizeof *s->tokens);
    }
    *out = s;
    return SIL_OK;
}

sil_err sil_session_open_shared(struct sil_engine *eng, uint64_t space, struct sil_session **out, struct sil_error *e) {
    SIL_TRY(sil_session_open(eng, out, e));
    (*out)->shared = true;
    (*out)->space = space;
    return SIL_OK;
}

/* The end of a shared session stays for others to begin with. */
static void leave_end(struct sil_session *s) {
    uint32_t i = s->n / NUM_KV_PAGE, n = s->n % NUM_KV_PAGE;
    if (!s->shared || n < PREFIX_END_MIN || s->n_in_tree != i) return;
    prefix_leave(&s->eng->prefix, s->space, i ? s->pages[i - 1] : NULL, s->tokens + s->n - n, n, s->pages[i]);
}

void sil_session_close(struct sil_session *s) {
    if (!s) return;
    if (s->pages) {
        leave_end(s);
        sil_session_truncate(s, 0);
    }
    mem_free(s->eng->mem, s->pages);
    mem_free(s->eng->mem, s->tokens);
    mem_free(s->eng->mem, s);
}

const uint32_t *sil_session_tokens(const struct sil_session *s, uint32_t *n) {
    *n = s->n;
    return s->tokens;
}

static uint32_t pages_for(uint32_t n_tokens) {
    return n_tokens ? (n_tokens - 1) / NUM_KV_PAGE + 1 : 0;
}

/* Gives pages back from the end. */
static void keep_pages(struct sil_session *s, uint32_t n) {
    while (s->n_pages > n) prefix_give(&s->eng->prefix, s->pages[--s->n_pages]);
    if (s->n_in_tree > s->n_pages) s->n_in_tree = s->n_pages;
}

void sil_session_truncate(struct sil_session *s, uint32_t n) {
    assert(n <= s->n);
    s->n = n;
    keep_pages(s, pages_for(n));
    /* A page that the session ends in may be the tree's; it is not the page of the tokens that will follow. */
    if (s->n_in_tree > n / NUM_KV_PAGE) s->n_in_tree = n / NUM_KV_PAGE;
}

sil_err sil_session_drop(struct sil_session *s, uint32_t from, uint32_t to, const volatile int *cancel,
                         const float **logits, struct sil_error *e) {
    if (from > to || to > s->n || (logits && from == 0 && to == s->n))
        return err_set(e, SIL_ARG, "tokens %u to %u cannot be dropped from %u", from, to, s->n);
    uint32_t n = s->n - to;
    if (!logits && (n == 0 || from == to)) {
        sil_session_truncate(s, n == 0 ? from : s->n);
        return SIL_OK;
    }
    if (n == 0) { /* the last token that stays is computed again for its logits */
        to = --from;
        n = 1;
    }
    struct sil_step_item item = {
        .session = s, .tokens = s->tokens + to, .n_tokens = n, .n_logits = logits != NULL, .cancel = cancel};
    sil_session_truncate(s, from); /* the tokens behind stay where they are until the step appends them */
    SIL_TRY(sil_step(s->eng, &item, 1, e));
    if (logits) *logits = item.logits;
    return SIL_OK;
}

bool session_make_room(struct sil_session *s, uint32_t n_tokens) {
    struct prefix *p = &s->eng->prefix;
    uint32_t had = s->n_pages, need = pages_for(s->n + n_tokens), half = s->n / NUM_KV_PAGE;
    for (; s->n_pages < need; s->n_pages++)
        if (!(s->pages[s->n_pages] = prefix_take(p))) break;
    if (s->n_pages == need && half < had) { /* the page that the session ends in */
        uint8_t *own = prefix_own(p, s->pages[half]);
        if (own) {
            s->pages[half] = own;
            return true;
        }
        keep_pages(s, had);
        return false;
    }
    if (s->n_pages == need) return true;
    keep_pages(s, had);
    return false;
}

void session_append(struct sil_session *s, const uint32_t *tokens, uint32_t n_tokens) {
    memmove(s->tokens + s->n, tokens, n_tokens * sizeof *tokens);
    s->n += n_tokens;
    if (!s->shared) return;
    for (uint32_t *i = &s->n_in_tree; (*i + 1) * NUM_KV_PAGE <= s->n; ++*i)
        s->pages[*i] = prefix_put(&s->eng->prefix, s->space, *i ? s->pages[*i - 1] : NULL,
                                  s->tokens + (size_t)*i * NUM_KV_PAGE, s->pages[*i]);
}

/* How many tokens two sequences have in common. */
static uint32_t common(const uint32_t *a, uint32_t n_a, const uint32_t *b, uint32_t n_b) {
    uint32_t i = 0, n = n_a < n_b ? n_a : n_b;
    while (i < n && a[i] == b[i]) i++;
    return i;
}

/* Pages behind those that the session has in the tree. What it has of its own there goes when the tree has more. */
static void reuse_pages(struct sil_session *s, const uint32_t *tokens, uint32_t n) {
    struct prefix *p = &s->eng->prefix;
    for (;;) {
        uint32_t i = s->n_in_tree, from = i * NUM_KV_PAGE, same = NUM_KV_PAGE;
        if (n <= from) return;
        const uint8_t *parent = i ? s->pages[i - 1] : NULL;
        uint8_t *page = n - from < NUM_KV_PAGE ? NULL : prefix_find(p, s->space, parent, tokens + from);
        if (!page) page = prefix_begin(p, s->space, parent, tokens + from, n - from, s->n - from, &same);
        if (!page) return;
        keep_pages(s, i);
        s->pages[s->n_pages++] = page;
        memmove(s->tokens + from, tokens + from, same * sizeof *tokens);
        s->n = from + same;
        if (same < NUM_KV_PAGE) return;
        s->n_in_tree = i + 1;
    }
}

uint32_t sil_session_reuse(struct sil_session *s, const uint32_t *tokens, uint32_t n) {
    struct sil_engine *eng = s->eng;
    uint32_t same = common(s->tokens, s->n, tokens, n ? n - 1 : 0);
    if (same < s->n) leave_end(s);
    sil_session_truncate(s, same);
    if (!s->shared) return s->n;
    eng->reuse_asked += n;
    reuse_pages(s, tokens, n < eng->n_ctx ? n : eng->n_ctx);
    if (n && s->n == n) sil_session_truncate(s, n - 1);
    eng->reuse_found += s->n;
    return s->n;
}
