#include "learn/ckpt.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"

static const char MAGIC[8] = "SILCKPT1";
enum { PATH_BYTES = 4096, HEAD = 5, PER_SOURCE = 4 };

/* Both directions give every byte to the digest. */
struct stream {
    struct file_out out;
    struct file_in in;
    struct sha sha;
    struct sil_error *e;
};

static sil_err put(struct stream *s, const void *p, size_t n) {
    sha_add(&s->sha, p, n);
    return file_write(&s->out, p, n, s->e);
}

static sil_err get(struct stream *s, void *p, size_t n) {
    SIL_TRY(file_get(&s->in, p, n, s->e));
    sha_add(&s->sha, p, n);
    return SIL_OK;
}

static sil_err put_all(struct stream *s, const struct ckpt *c, const struct optim *o, const struct dataset *d) {
    const uint64_t head[HEAD] = {c->step, c->tokens, c->log_bytes, d->n, o->p->size};
    const float *const arrays[] = {o->w, o->m, o->v};
    char end[SHA_HEX];
    SIL_TRY(put(s, MAGIC, sizeof MAGIC));
    SIL_TRY(put(s, c->run, SHA_HEX - 1));
    SIL_TRY(put(s, head, sizeof head));
    for (uint32_t i = 0; i < d->n; i++) {
        uint64_t v[PER_SOURCE] = {d->state[i].reading, d->state[i].next, d->state[i].given};
        memcpy(&v[3], &d->state[i].credit, sizeof v[3]);
        SIL_TRY(put(s, v, sizeof v));
    }
    for (int i = 0; i < 3; i++) SIL_TRY(put(s, arrays[i], o->p->size * sizeof(float)));
    sha_end(&s->sha, end);
    return file_write(&s->out, end, SHA_HEX - 1, s->e);
}

static bool old_name(const char *path, char out[PATH_BYTES]) {
    int n = snprintf(out, PATH_BYTES, "%s.old", path);
    return n > 0 && n < PATH_BYTES;
}

sil_err ckpt_save(const char *path, const struct ckpt *c, const struct optim *o, const struct dataset *d,
                  struct sil_error *e) {
    struct stream s = {.e = e};
    char old[PATH_BYTES];
    if (!old_name(path, old)) return err_set(e, SIL_ARG, "the name of the checkpoint is too long");
    SIL_TRY(file_create(path, &s.out, e));
    sha_begin(&s.sha);
    sil_err err = put_all(&s, c, o, d);
    /* Killed between the two renames, a run finds the old file. */
    if (err == SIL_OK) err = file_move(path, old, e);
    if (err == SIL_OK) return file_commit(&s.out, e);
    file_discard(&s.out);
    return err;
}

static sil_err get_all(struct stream *s, struct ckpt *c, struct optim *o, struct dataset *d) {
    char magic[sizeof MAGIC], end[SHA_HEX], want[SHA_HEX], run[SHA_HEX];
    uint64_t head[HEAD];
    float *const arrays[] = {o->w, o->m, o->v};
    SIL_TRY(get(s, magic, sizeof magic));
    if (memcmp(magic, MAGIC, sizeof magic) != 0) return err_set(s->e, SIL_FORMAT, "%s is no checkpoint", s->in.path);
    SIL_TRY(get(s, run, SHA_HEX - 1));
    SIL_TRY(get(s, head, sizeof head));
    if (memcmp(run, c->run, SHA_HEX - 1) != 0 || head[3] != d->n || head[4] != o->p->size)
        return err_set(s->e, SIL_ARG,
                       "%s belongs to another run: recipe, tokenizer or texts have changed. Move it away, or begin "
                       "anew with --restart",
                       s->in.path);
    for (uint32_t i = 0; i < d->n; i++) {
        uint64_t v[PER_SOURCE];
        SIL_TRY(get(s, v, sizeof v));
        d->state[i] = (struct source_state){.reading = v[0], .next = v[1], .given = v[2]};
        memcpy(&d->state[i].credit, &v[3], sizeof v[3]);
    }
    for (int i = 0; i < 3; i++) SIL_TRY(get(s, arrays[i], o->p->size * sizeof(float)));
    sha_end(&s->sha, want);
    SIL_TRY(file_get(&s->in, end, SHA_HEX - 1, s->e));
    if (memcmp(end, want, SHA_HEX - 1) != 0) return err_set(s->e, SIL_FORMAT, "%s is damaged", s->in.path);
    for (uint32_t i = 0; i < d->n; i++)
        if (d->state[i].next >= d->sources[i].n_docs) return err_set(s->e, SIL_FORMAT, "%s is damaged", s->in.path);
    c->step = head[0];
    c->tokens = head[1];
    c->log_bytes = head[2];
    return SIL_OK;
}

static sil_err load(const char *path, struct ckpt *c, struct optim *o, struct dataset *d, struct sil_error *e) {
    struct stream s = {.e = e};
    SIL_TRY(file_open(path, &s.in, e));
    sha_begin(&s.sha);
    sil_err err = get_all(&s, c, o, d);
    file_close(&s.in);
    return err;
}

sil_err ckpt_load(const char *path, struct ckpt *c, struct optim *o, struct dataset *d, bool *found,
                  struct sil_error *e) {
    char old[PATH_BYTES];
    if (!old_name(path, old)) return err_set(e, SIL_ARG, "the name of the checkpoint is too long");
    file_sweep(path);
    *found = file_exists(path) || file_exists(old);
    if (!*found) return SIL_OK;
    sil_err err = file_exists(path) ? load(path, c, o, d, e) : SIL_FORMAT;
    if (err != SIL_FORMAT || !file_exists(old)) return err;
    return load(old, c, o, d, e);
}
