/* Saving and restoring sessions: session_file over files and KV pages. */
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "engine/engine.h"
#include "engine/session_file.h"

static struct session_shape shape_of(struct sil_engine *eng) {
    const struct model_shape *m = &eng->m->shape;
    if (!eng->model_digest[0]) model_digest(eng->m, eng->model_digest);
    struct session_shape out = {.profile = sil_engine_profile(eng),
                                .kv = eng->kv_type,
                                .n_layers = m->n_layers,
                                .n_kv_heads = m->n_kv_heads,
                                .head_dim = m->head_dim,
                                .n_vocab = m->n_vocab,
                                .page_bytes = model_kv_page_bytes(eng->m, eng->kv_type)};
    memcpy(out.model, eng->model_digest, sizeof out.model);
    return out;
}

/* Writes zeros where no token is yet: what lies there is left over from whoever had the page before. */
static void clear_end(const struct model *m, enum sil_kv kv, uint8_t *page, uint32_t from) {
    static const float zeros[NUM_HEAD_DIM_MAX];
    size_t part = num_kv_bytes(kv, m->shape.head_dim), n = model_kv_page_bytes(m, kv);
    for (size_t at = 0; at < n; at += part)
        for (uint32_t pos = from; pos < NUM_KV_PAGE; pos++)
            m->k.kv_store[kv](page + at, pos, zeros, zeros, m->shape.head_dim);
}

struct saving {
    const struct sil_session *s;
    uint8_t *last; /* the session's last page, cleared behind its end */
};

static uint8_t *page_to_write(void *ctx, uint32_t i) {
    const struct saving *v = ctx;
    return i + 1 == v->s->n_pages ? v->last : v->s->pages[i];
}

static sil_err write_file(void *ctx, const void *p, size_t n, struct sil_error *e) {
    return file_write(ctx, p, n, e);
}

static sil_err save_to(struct saving *v, const struct session_shape *shape, const char *path, struct sil_error *e) {
    struct file_out out;
    SIL_TRY(file_create(path, &out, e));
    sil_err err = session_file_write((struct session_sink){write_file, &out}, shape, v->s->tokens, v->s->n,
                                     (struct session_pages){page_to_write, v}, e);
    if (err == SIL_OK) return file_commit(&out, e);
    file_discard(&out);
    return err;
}

sil_err sil_session_save(const struct sil_session *s, const char *path, struct sil_error *e) {
    const struct session_shape shape = shape_of(s->eng);
    struct saving v = {.s = s, .last = mem_alloc(s->eng->mem, shape.page_bytes)};
    if (!v.last) return err_nomem(e, "saving a session", shape.page_bytes);
    if (s->n_pages) {
        memcpy(v.last, s->pages[s->n_pages - 1], shape.page_bytes);
        clear_end(s->eng->m, s->eng->kv_type, v.last, (s->n - 1) % NUM_KV_PAGE + 1);
    }
    sil_err err = save_to(&v, &shape, path, e);
    mem_free(s->eng->mem, v.last);
    return err;
}

static uint8_t *page_to_fill(void *ctx, uint32_t i) {
    struct sil_session *s = ctx;
    (void)i; /* ascending */
    uint8_t *page = prefix_take(&s->eng->prefix);
    if (page) s->pages[s->n_pages++] = page;
    return page;
}

static sil_err read_file(void *ctx, void *p, size_t n, struct sil_error *e) {
    return file_get(ctx, p, n, e);
}

static sil_err load_from(struct file_in *in, struct sil_session *s, struct sil_error *e) {
    const struct session_shape shape = shape_of(s->eng);
    uint32_t n = 0;
    SIL_TRY(session_file_read((struct session_source){read_file, in, in->size}, &shape, s->tokens, s->eng->n_ctx, &n,
                              (struct session_pages){page_to_fill, s}, e));
    s->n = n;
    return SIL_OK;
}

sil_err sil_session_load(struct sil_engine *eng, const char *path, struct sil_session **out, struct sil_error *e) {
    struct file_in in;
    struct sil_session *s;
    SIL_TRY(file_open(path, &in, e));
    sil_err err = sil_session_open(eng, &s, e);
    if (err == SIL_OK) {
        err = load_from(&in, s, e);
        if (err == SIL_OK) *out = s;
        else sil_session_close(s);
        if (err != SIL_OK && e && !strstr(e->text, path)) err_prefix(e, err, "%s", path);
    }
    file_close(&in);
    return err;
}
