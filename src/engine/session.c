#include <assert.h>

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

void sil_session_close(struct sil_session *s) {
    if (!s) return;
    if (s->pages) sil_session_truncate(s, 0);
    mem_free(s->eng->mem, s->pages);
    mem_free(s->eng->mem, s->tokens);
    mem_free(s->eng->mem, s);
}

const uint32_t *sil_session_tokens(const struct sil_session *s, uint32_t *n) {
    *n = s->n;
    return s->tokens;
}

void sil_session_truncate(struct sil_session *s, uint32_t n) {
    assert(n <= s->n);
    s->n = n;
    uint32_t keep = n ? (n - 1) / NUM_KV_PAGE + 1 : 0;
    while (s->n_pages > keep) kv_give(&s->eng->kv, s->pages[--s->n_pages]);
}
