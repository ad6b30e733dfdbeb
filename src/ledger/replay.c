#include "ledger/replay.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"

/* ---- from the log ---- */

static sil_err words(struct mem mem, const uint8_t *p, uint32_t n, uint32_t **out, struct sil_error *e) {
    *out = mem_array(mem, n ? n : 1, sizeof **out);
    if (!*out) return err_nomem(e, "token ids", (size_t)n * 4);
    for (uint32_t i = 0; i < n; i++) (*out)[i] = get_u32(p + (size_t)i * 4);
    return SIL_OK;
}

static sil_err biases(struct replay *r, const struct transcript *t, struct sil_error *e) {
    if (t->n_bias == 0) return SIL_OK;
    r->bias = mem_array(r->mem, t->n_bias, sizeof *r->bias);
    if (!r->bias) return err_nomem(e, "the logit bias", t->n_bias * sizeof *r->bias);
    for (uint32_t i = 0; i < t->n_bias; i++) {
        uint32_t bits = get_u32(t->bias + (size_t)i * 8 + 4);
        r->bias[i].token = get_u32(t->bias + (size_t)i * 8);
        memcpy(&r->bias[i].bias, &bits, sizeof bits);
    }
    r->entry.sampling.bias = r->bias;
    r->entry.sampling.n_bias = t->n_bias;
    return SIL_OK;
}

static sil_err take(struct replay *r, struct str body, struct sil_error *e) {
    struct transcript t;
    SIL_TRY(transcript_decode(body, &t, e));
    r->altered = transcript_differs(&t, &r->entry);
    memcpy(r->salt, t.salt, sizeof r->salt);
    SIL_TRY(words(r->mem, t.in, t.n_in, &r->in, e));
    SIL_TRY(words(r->mem, t.out, t.n_out, &r->out, e));
    r->n_in = t.n_in;
    r->n_out = t.n_out;
    return biases(r, &t, e);
}

sil_err replay_load(struct ledger *l, uint64_t index, struct mem mem, struct replay *out, enum audit_kept *kept,
                    struct sil_error *e) {
    struct buf text, body;
    *out = (struct replay){.mem = mem, .index = index};
    *kept = AUDIT_NONE;
    buf_init(&text, mem, LEDGER_ENTRY_BYTES);
    buf_init(&body, mem, TRANSCRIPT_FILE_MAX);
    sil_err err = audit_entry(l, index, &text, &out->entry, e);
    if (err == SIL_OK) err = audit_transcript(l, index, &body, kept, e);
    if (err == SIL_OK && *kept == AUDIT_THERE) err = take(out, buf_view(&body), e);
    buf_free(&body);
    buf_free(&text);
    return err;
}

void replay_free(struct replay *r) {
    mem_free(r->mem, r->bias);
    mem_free(r->mem, r->in);
    mem_free(r->mem, r->out);
    r->bias = NULL;
    r->in = r->out = NULL;
}

const char *replay_kv(const struct ledger_entry *entry) {
    return strcmp(entry->profile, SIL_PROFILE) == 0              ? "f16"
           : strcmp(entry->profile, SIL_PROFILE ";kv=int8") == 0 ? "int8"
                                                                 : NULL;
}

/* ---- comparing ---- */

void replay_compare(const struct replay *r, const uint32_t *ids, uint32_t n, struct replay_result *out) {
    uint8_t sum[LEDGER_HASH];
    uint32_t i = 0, least = n < r->n_out ? n : r->n_out;
    *out = (struct replay_result){0};
    while (i < least && ids[i] == r->out[i]) i++;
    out->n_same = i;
    if (i < least) {
        out->other = true;
        out->kept = r->out[i];
        out->computed = ids[i];
    }
    ledger_ids_digest(r->salt, LEDGER_OUT, ids, n, sum);
    bool from_record = !(r->altered & (TRANSCRIPT_IN | TRANSCRIPT_BIAS));
    out->on_record = from_record && n == r->entry.n_out && memcmp(sum, r->entry.out_digest, sizeof sum) == 0;
    out->equal = out->on_record && !r->altered && i == n && n == r->n_out;
}

/* ---- computing, one token at a time ---- */

static sil_err read_prompt(const struct replay *r, struct sil_engine *engine, struct sil_session *s,
                           const float **logits, struct sil_error *e) {
    enum { CHUNK = 1024 };
    for (uint32_t at = 0; at < r->n_in; at += CHUNK) {
        uint32_t n = r->n_in - at < CHUNK ? r->n_in - at : CHUNK;
        struct sil_step_item item = {.session = s, .tokens = r->in + at, .n_tokens = n, .n_logits = at + n == r->n_in};
        SIL_TRY(sil_step(engine, &item, 1, e));
        *logits = item.logits;
    }
    return SIL_OK;
}

static sil_err compute(const struct replay *r, struct sil_engine *engine, struct sil_session *s, uint32_t *ids,
                       uint32_t *n, struct sil_error *e) {
    const float *logits = NULL;
    SIL_TRY(read_prompt(r, engine, s, &logits, e));
    for (*n = 0; *n < r->n_out;) {
        uint32_t *next = &ids[*n];
        SIL_TRY(sil_sample(s, &r->entry.sampling, logits, r->n_in, r->entry.choice, next, e));
        ++*n;
        if (*next != r->out[*n - 1] || *n == r->n_out) return SIL_OK;
        struct sil_step_item item = {.session = s, .tokens = next, .n_tokens = 1, .n_logits = 1};
        SIL_TRY(sil_step(engine, &item, 1, e));
        logits = item.logits;
    }
    return SIL_OK;
}

sil_err replay_run(const struct replay *r, struct sil_engine *engine, struct replay_result *out, struct sil_error *e) {
    struct sil_session *s = NULL;
    uint32_t n = 0;
    *out = (struct replay_result){0};
    if (r->n_in == 0) return err_set(e, SIL_FORMAT, "entry %" PRIu64 " has no prompt to begin with", r->index);
    uint32_t *ids = mem_array(r->mem, r->n_out ? r->n_out : 1, sizeof *ids);
    if (!ids) return err_nomem(e, "token ids", (size_t)r->n_out * sizeof *ids);
    sil_err err = sil_session_open(engine, &s, e);
    if (err == SIL_OK) err = compute(r, engine, s, ids, &n, e);
    if (err == SIL_OK) replay_compare(r, ids, n, out);
    sil_session_close(s);
    mem_free(r->mem, ids);
    return err;
}
