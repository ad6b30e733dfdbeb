/* library: the functions of sillok.h that are thin over model, text and num. */
#include <string.h>

#include "base/cpu.h"
#include "base/err.h"
#include "engine/engine.h"
#include "num/sample.h"

enum { TEXT_MAX = 1 << 30 };

sil_err sil_model_open(const char *path, const struct sil_model_config *c, struct sil_model **out,
                       struct sil_error *e) {
    uint32_t mask = cpu_detect();
    if (c && c->cpu) SIL_TRY(cpu_parse(c->cpu, mask, &mask, e));
    uint32_t threads = c && c->pack_later ? 0 : c && c->n_threads ? c->n_threads : cpu_threads();
    struct sil_model *m = mem_array(mem_libc(), 1, sizeof *m);
    if (!m) return err_nomem(e, "a model", sizeof *m);
    sil_err err = model_open(mem_libc(), path, mask, threads, &m->m, e);
    if (err != SIL_OK) {
        mem_free(mem_libc(), m);
        return err;
    }
    *out = m;
    return SIL_OK;
}

void sil_model_close(struct sil_model *m) {
    if (!m) return;
    model_close(m->m);
    mem_free(mem_libc(), m);
}

void sil_model_describe(const struct sil_model *m, struct sil_model_info *out) {
    const struct model *k = m->m;
    *out = (struct sil_model_info){.architecture = k->family->arch,
                                   .n_vocab = k->shape.n_vocab,
                                   .n_ctx = k->shape.n_ctx,
                                   .n_layers = k->shape.n_layers,
                                   .d_model = k->shape.d_model,
                                   .cpu = cpu_name(k->cpu_mask),
                                   .has_tokenizer = k->tok != NULL,
                                   .has_chat_template = k->chat != NULL};
    model_size(k, &out->n_params, &out->n_bytes);
}

void sil_model_digest(const struct sil_model *m, char out[SIL_DIGEST]) {
    model_digest(m->m, out);
}

static sil_err no_tokenizer(struct sil_error *e) {
    return err_set(e, SIL_UNSUPPORTED, "the model file has no tokenizer; give token ids instead of text");
}

sil_err sil_tokenize(const struct sil_model *m, const char *text, size_t n, unsigned flags, uint32_t **ids,
                     size_t *n_ids, struct sil_error *e) {
    if (!m->m->tok) return no_tokenizer(e);
    struct tok_ids list;
    tok_ids_init(&list, mem_libc(), TEXT_MAX);
    unsigned tok_flags =
        (flags & SIL_ADD_SPECIAL ? TOK_ADD_SPECIAL : 0u) | (flags & SIL_PARSE_SPECIAL ? TOK_PARSE_SPECIAL : 0u);
    sil_err err = tok_encode(m->m->tok, (struct str){text, n}, tok_flags, &list, e);
    if (err != SIL_OK) {
        tok_ids_free(&list);
        return err;
    }
    *ids = list.p;
    *n_ids = list.n;
    return SIL_OK;
}

sil_err sil_detokenize(const struct sil_model *m, const uint32_t *ids, size_t n, char **text, size_t *n_text,
                       struct sil_error *e) {
    if (!m->m->tok) return no_tokenizer(e);
    struct buf b;
    buf_init(&b, mem_libc(), TEXT_MAX);
    sil_err err = tok_decode(m->m->tok, ids, n, false, &b);
    if (err == SIL_OK) err = buf_reserve(&b, 0); /* a NUL even for no text */
    if (err != SIL_OK) {
        buf_free(&b);
        if (err == SIL_ARG) return err_set(e, err, "a token id is outside the vocabulary of %u", tok_count(m->m->tok));
        return err_nomem(e, "text", n);
    }
    *text = b.p;
    *n_text = b.n;
    return SIL_OK;
}

bool sil_is_end(const struct sil_model *m, uint32_t id) {
    return m->m->tok && id < tok_count(m->m->tok) && tok_is_end(m->m->tok, id);
}

void sil_free(void *p) {
    mem_free(mem_libc(), p);
}

struct sil_sampling sil_sampling_default(void) {
    return num_sampling_default();
}

sil_err session_sample(const struct sil_session *s, uint32_t n, const struct sil_sampling *p, const float *logits,
                       uint32_t prompt_length, uint32_t choice, uint32_t *token, struct sil_error *e) {
    struct sil_engine *eng = s->eng;
    SIL_TRY(num_sampling_check(p, e));
    if (prompt_length > n) return err_set(e, SIL_ARG, "a prompt of %u in a sequence of %u", prompt_length, n);
    uint32_t n_vocab = eng->m->shape.n_vocab;
    memcpy(eng->sample_logits, logits, n_vocab * sizeof(float));
    struct num_history h = {.tokens = s->tokens, .n = n, .n_prompt = prompt_length};
    sil_err err = num_sample(p, eng->sample_logits, n_vocab, &h, n, choice, eng->sample_scratch, token);
    if (err == SIL_ARG) return err_set(e, err, "a logit bias is for a token outside the vocabulary of %u", n_vocab);
    return err == SIL_OK ? SIL_OK : err_set(e, err, "a logit is not finite");
}

sil_err sil_sample(const struct sil_session *s, const struct sil_sampling *p, const float *logits,
                   uint32_t prompt_length, uint32_t choice, uint32_t *token, struct sil_error *e) {
    return session_sample(s, s->n, p, logits, prompt_length, choice, token, e);
}

sil_err sil_logprobs(const struct sil_engine *eng, const float *logits, uint32_t token, struct sil_logprob *chosen,
                     uint32_t n_top, struct sil_logprob *top, struct sil_error *e) {
    uint32_t n_vocab = eng->m->shape.n_vocab;
    sil_err err = num_logprobs(logits, n_vocab, token, chosen, n_top, top);
    if (err == SIL_ARG)
        return err_set(e, err, "logprobs of token %u and the best %u; the vocabulary has %u, and at most %d are listed",
                       token, n_top, n_vocab, SIL_TOP_MAX);
    return err == SIL_OK ? SIL_OK : err_set(e, err, "a logit is not finite");
}
