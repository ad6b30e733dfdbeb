#include "learn/data.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/jsonx.h"
#include "base/rng.h"
#include "text/chat.h"

enum { ORDER_STREAM = 1 << 20, IDS_MAX = 1 << 28, RENDER_MAX = 16 << 20, MESSAGES_MAX = 1024 };
#define NOISE_STREAM 0x8000000000000000u

/* What reading one file needs. */
struct reading {
    struct mem mem;
    const struct learn_vocab *v;
    struct source *s;
    uint32_t ctx;
    struct tok_ids ids;
    struct buf before, after; /* a rendered dialogue up to an answer, and with it */
    struct buf origin;        /* who wrote each byte of `before`, where questions are altered */
    struct sil_error *e;
};

/* ---- growing lists ---- */

static sil_err grow(struct mem mem, void **p, size_t need, size_t *cap, size_t size, struct sil_error *e) {
    if (need <= *cap) return SIL_OK;
    size_t n = *cap ? *cap * 2 : 1024;
    while (n < need) n *= 2;
    void *q = n > SIZE_MAX / size ? NULL : mem.resize(mem.ctx, *p, n * size);
    if (!q) return err_nomem(e, "the texts' tokens", n);
    *p = q;
    *cap = n;
    return SIL_OK;
}

static sil_err put_tokens(struct reading *r, const uint32_t *ids, size_t n, uint32_t flag) {
    struct source *s = r->s;
    void *p = s->tokens;
    SIL_TRY(grow(r->mem, &p, s->n_tokens + n, &s->cap_tokens, sizeof *s->tokens, r->e));
    s->tokens = p;
    for (size_t i = 0; i < n; i++) s->tokens[s->n_tokens++] = ids[i] | flag;
    return SIL_OK;
}

/* The tokens put since the last document are one; fewer than two are dropped again. */
static sil_err end_document(struct reading *r) {
    struct source *s = r->s;
    if (s->n_tokens - s->docs[s->n_docs] < 2) {
        s->n_tokens = s->docs[s->n_docs];
        return SIL_OK;
    }
    size_t cap = s->cap_docs;
    void *p = s->docs;
    if (s->n_docs > UINT32_MAX / 4) return err_set(r->e, SIL_LIMIT, "%s has too many documents", s->r->path);
    SIL_TRY(grow(r->mem, &p, (size_t)s->n_docs + 2, &cap, sizeof *s->docs, r->e));
    s->docs = p;
    s->cap_docs = (uint32_t)cap;
    s->docs[++s->n_docs] = s->n_tokens;
    return SIL_OK;
}

/* ---- plain text ---- */

/* Long texts become pieces that overlap by one token, so that every token but the first is predicted once. */
static sil_err put_text(struct reading *r, struct str text) {
    r->ids.n = 0;
    if (text.n == 0) return SIL_OK;
    SIL_TRY(tok_encode(r->v->tok, text, TOK_ADD_SPECIAL, &r->ids, r->e));
    uint32_t end = (uint32_t)tok_eos(r->v->tok);
    const uint32_t *ids = r->ids.p;
    size_t n = r->ids.n, at = 0;
    r->s->n_cut += n > r->ctx;
    while (n - at > r->ctx) {
        SIL_TRY(put_tokens(r, ids + at, (size_t)r->ctx + 1 < n - at ? (size_t)r->ctx + 1 : n - at, DATA_LEARN));
        SIL_TRY(end_document(r));
        at += r->ctx;
    }
    SIL_TRY(put_tokens(r, ids + at, n - at, DATA_LEARN));
    SIL_TRY(put_tokens(r, &end, 1, DATA_LEARN));
    return end_document(r);
}

static struct str trim_line(struct str s) {
    while (s.n && (s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n')) s.n--;
    return s;
}

/* The next line of *rest, without its end. */
static struct str take_line(struct str *rest) {
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    struct str line = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t used = line.n + (end != NULL);
    rest->p += used;
    rest->n -= used;
    return trim_line(line);
}

/* ---- dialogues ---- */

static struct str piece_of(const struct learn_vocab *v, int32_t id) {
    return id < 0 ? (struct str){0} : tok_text(v->tok, (uint32_t)id);
}

static bool alters(const struct recipe_source *r) {
    return r->drop_tokens > 0 || r->split_tokens > 0;
}

static sil_err render(struct reading *r, json_t *messages, bool answer_follows, struct buf *out) {
    struct str bos = piece_of(r->v, tok_bos(r->v->tok)), eos = piece_of(r->v, tok_eos(r->v->tok));
    buf_clear(out);
    if (!answer_follows || !alters(r->s->r))
        return chat_render(r->v->chat, messages, NULL, answer_follows, bos, eos, NULL, 0, out, r->e);
    buf_clear(&r->origin);
    return chat_render_marked(r->v->chat, messages, NULL, answer_follows, bos, eos, NULL, 0, out, &r->origin, r->e);
}

/* What stands before an answer, from byte `done` of r->before on. */
static sil_err put_prompt(struct reading *r, size_t done) {
    struct str text = {r->before.p + done, r->before.n - done};
    r->ids.n = 0;
    SIL_TRY(tok_encode(r->v->tok, text, TOK_PARSE_SPECIAL | (done ? 0 : TOK_ADD_SPECIAL), &r->ids, r->e));
    if (alters(r->s->r)) SIL_TRY(noise_mark(r->v, text, r->origin.p + done, r->ids.p, r->ids.n, r->e));
    return put_tokens(r, r->ids.p, r->ids.n, 0);
}

/* most: tokens of the answer that are taken, the rest is left out; 0: all. */
static sil_err put_answer(struct reading *r, struct str text, size_t most) {
    r->ids.n = 0;
    SIL_TRY(tok_encode(r->v->tok, text, TOK_PARSE_SPECIAL, &r->ids, r->e));
    size_t learnt = 0;
    while (learnt < r->ids.n && !tok_is_end(r->v->tok, r->ids.p[learnt])) learnt++;
    if (learnt == r->ids.n)
        return err_set(r->e, SIL_ARG,
                       "the chat template puts no end token behind an answer: the model could not learn to stop");
    learnt++;
    if (most && most < learnt) learnt = r->ids.n = most;
    SIL_TRY(put_tokens(r, r->ids.p, learnt, DATA_LEARN));
    return put_tokens(r, r->ids.p + learnt, r->ids.n - learnt, 0);
}

/* Prompt and answer are tokenized apart, as they are when the model runs. */
static sil_err put_answers(struct reading *r, json_t *all) {
    json_t *some = json_array();
    size_t done = 0; /* bytes of the text that are tokens already */
    sil_err err = some ? SIL_OK : err_nomem(r->e, "a dialogue", 0);
    for (size_t i = 0; err == SIL_OK && i < json_array_size(all); i++) {
        json_t *m = json_array_get(all, i);
        bool answer = str_eq(jsonx_str(m, "role"), STR("assistant"));
        if (answer) err = render(r, some, true, &r->before);
        if (err == SIL_OK && json_array_append(some, m) != 0) err = err_nomem(r->e, "a dialogue", 0);
        if (!answer || err != SIL_OK) continue;
        err = render(r, some, false, &r->after);
        if (err != SIL_OK) break;
        struct str before = buf_view(&r->before), after = buf_view(&r->after);
        if (before.n < done || !str_starts(after, before)) {
            err = err_set(r->e, SIL_ARG,
                          "the chat template writes a dialogue with its answer otherwise than the prompt before it");
            break;
        }
        err = put_prompt(r, done);
        size_t most = i + 1 == json_array_size(all) ? r->s->r->answer_tokens : 0;
        if (err == SIL_OK) err = put_answer(r, (struct str){after.p + before.n, after.n - before.n}, most);
        done = after.n;
    }
    json_decref(some);
    return err;
}

static sil_err put_dialogue(struct reading *r, struct str line) {
    json_t *root;
    struct source *s = r->s;
    SIL_TRY(jsonx_parse(line, "dialogue", &root, r->e));
    json_t *messages = json_object_get(root, "messages");
    size_t n = json_array_size(messages), first = s->n_tokens;
    sil_err err = SIL_OK;
    if (n < 1 || n > MESSAGES_MAX)
        err = err_set(r->e, SIL_FORMAT, "\"messages\" must be an array of 1 to %d messages", MESSAGES_MAX);
    for (size_t i = 0; err == SIL_OK && i < n; i++) {
        const json_t *m = json_array_get(messages, i);
        if (jsonx_str(m, "role").n == 0 || !json_is_string(json_object_get(m, "content")))
            err = err_set(r->e, SIL_FORMAT, "message %zu needs \"role\" and \"content\"", i + 1);
    }
    if (err == SIL_OK) err = put_answers(r, messages);
    json_decref(root);
    if (err != SIL_OK) return err;
    if (s->n_tokens - first > (size_t)r->ctx + 1) {
        s->n_tokens = first;
        s->n_dropped++;
        return SIL_OK;
    }
    return end_document(r);
}

/* ---- files ---- */

static sil_err put_all(struct reading *r, struct str rest) {
    size_t line = 0;
    int kind = r->s->r->kind;
    if (kind == SOURCE_FILE) return put_text(r, rest);
    const char *begin = NULL, *end = NULL;
    while (rest.n) {
        struct str s = take_line(&rest);
        sil_err err = SIL_OK;
        line++;
        if (kind == SOURCE_DIALOGUE && s.n) err = put_dialogue(r, s);
        else if (kind == SOURCE_LINES) err = put_text(r, s);
        else if (kind == SOURCE_PARAGRAPHS) {
            if (s.n && !begin) begin = s.p;
            if (s.n) end = s.p + s.n;
            if (begin && (s.n == 0 || rest.n == 0)) {
                err = put_text(r, (struct str){begin, (size_t)(end - begin)});
                begin = NULL;
            }
        }
        if (err != SIL_OK) return err_prefix(r->e, err, "%s:%zu", r->s->r->path, line);
    }
    return SIL_OK;
}

static sil_err read_source(struct reading *r) {
    struct file_map map;
    struct source *s = r->s;
    s->cap_docs = 64;
    s->docs = mem_array(r->mem, s->cap_docs, sizeof *s->docs);
    if (!s->docs) return err_nomem(r->e, "the documents", s->cap_docs);
    if (s->r->kind == SOURCE_DIALOGUE && !r->v->chat)
        return err_set(r->e, SIL_ARG, "%s holds dialogues, but the recipe names no chat_template", s->r->path);
    SIL_TRY(file_map_open(s->r->path, &map, r->e));
    sil_err err = map.n > DATA_FILE_MAX ? err_set(r->e, SIL_LIMIT, "%s: at most %d bytes", s->r->path, DATA_FILE_MAX)
                                        : put_all(r, (struct str){(const char *)map.p, map.n});
    file_map_close(&map);
    if (err == SIL_OK && s->n_docs == 0)
        err = err_set(r->e, SIL_FORMAT, "%s holds no document that fits the context", s->r->path);
    if (err != SIL_OK) return err;
    s->order = mem_array(r->mem, s->n_docs, sizeof *s->order);
    return s->order ? SIL_OK : err_nomem(r->e, "the order of documents", s->n_docs);
}

/* What altering documents needs, where a source does it. */
static sil_err open_noise(struct dataset *d, const struct learn_vocab *v, struct sil_error *e) {
    bool some = false, split = false;
    for (uint32_t i = 0; i < d->n; i++) {
        some = some || alters(d->sources[i].r);
        split = split || d->sources[i].r->split_tokens > 0;
    }
    if (!some) return SIL_OK;
    d->altered = mem_array(d->mem, (size_t)d->ctx + 1, sizeof *d->altered);
    if (!d->altered) return err_nomem(e, "a document", (size_t)d->ctx + 1);
    return split ? parts_open(d->mem, v, &d->parts, e) : SIL_OK;
}

sil_err dataset_open(struct mem mem, const struct recipe_source *list, uint32_t n, const struct learn_vocab *v,
                     uint32_t ctx, uint64_t seed, struct dataset *out, struct sil_error *e) {
    struct dataset d = {.mem = mem, .n = n, .seed = seed, .ctx = ctx};
    struct reading r = {.mem = mem, .v = v, .ctx = ctx, .e = e};
    tok_ids_init(&r.ids, mem, IDS_MAX);
    buf_init(&r.before, mem, RENDER_MAX);
    buf_init(&r.after, mem, RENDER_MAX);
    buf_init(&r.origin, mem, RENDER_MAX);
    d.sources = mem_array(mem, n, sizeof *d.sources);
    d.state = mem_array(mem, n, sizeof *d.state);
    sil_err err = SIL_OK;
    if (!d.sources || !d.state) {
        dataset_close(&d);
        return err_nomem(e, "the sources", n);
    }
    for (uint32_t i = 0; err == SIL_OK && i < n; i++) {
        r.s = &d.sources[i];
        r.s->r = &list[i];
        err = read_source(&r);
    }
    tok_ids_free(&r.ids);
    buf_free(&r.before);
    buf_free(&r.after);
    buf_free(&r.origin);
    if (err == SIL_OK) err = open_noise(&d, v, e);
    if (err != SIL_OK) dataset_close(&d);
    else *out = d;
    return err;
}

void dataset_close(struct dataset *d) {
    for (uint32_t i = 0; d->sources && i < d->n; i++) {
        mem_free(d->mem, d->sources[i].tokens);
        mem_free(d->mem, d->sources[i].docs);
        mem_free(d->mem, d->sources[i].order);
    }
    mem_free(d->mem, d->sources);
    mem_free(d->mem, d->state);
    mem_free(d->mem, d->altered);
    parts_close(&d->parts);
    *d = (struct dataset){0};
}

void dataset_digest(const struct dataset *d, struct sha *h) {
    for (uint32_t i = 0; i < d->n; i++) {
        const struct source *s = &d->sources[i];
        sha_add(h, &s->n_docs, sizeof s->n_docs);
        sha_add(h, s->docs, ((size_t)s->n_docs + 1) * sizeof *s->docs);
        sha_add(h, s->tokens, s->n_tokens * sizeof *s->tokens);
    }
}

/* ---- batches ---- */

sil_err batch_open(struct mem mem, uint32_t n, struct batch *b, struct sil_error *e) {
    *b = (struct batch){.doc_at = mem_array(mem, (size_t)n + 1, sizeof *b->doc_at),
                        .ids = mem_array(mem, n, sizeof *b->ids),
                        .targets = mem_array(mem, n, sizeof *b->targets),
                        .weights = mem_array(mem, n, sizeof *b->weights)};
    if (b->doc_at && b->ids && b->targets && b->weights) return SIL_OK;
    batch_close(mem, b);
    return err_nomem(e, "a batch", n * sizeof *b->ids);
}

void batch_close(struct mem mem, struct batch *b) {
    mem_free(mem, b->doc_at);
    mem_free(mem, b->ids);
    mem_free(mem, b->targets);
    mem_free(mem, b->weights);
    *b = (struct batch){0};
}

/* Tokens that go into a batch: the last one is only predicted. */
static uint32_t length_of(const struct source *s, uint32_t doc) {
    return (uint32_t)(s->docs[doc + 1] - s->docs[doc] - 1);
}

static void put_document(const uint32_t *t, uint32_t n, struct batch *b) {
    for (uint32_t i = 0; i < n; i++) {
        b->ids[b->n] = t[i] & DATA_ID;
        b->targets[b->n] = t[i + 1] & DATA_ID;
        b->weights[b->n++] = t[i + 1] & DATA_LEARN ? 1.0f : 0.0f;
    }
    b->doc_at[++b->n_docs] = b->n;
}

static void batch_clear(struct batch *b) {
    b->n = b->n_docs = 0;
    b->doc_at[0] = 0;
}

void source_batch(const struct source *s, uint32_t *doc, uint32_t n_max, struct batch *b) {
    batch_clear(b);
    for (; *doc < s->n_docs && b->n + length_of(s, *doc) <= n_max; ++*doc)
        put_document(s->tokens + s->docs[*doc], length_of(s, *doc), b);
}

/* Fisher and Yates, by the generator's stream of this source and reading. */
static void shuffle(const struct dataset *d, uint32_t index, uint64_t reading) {
    struct source *s = &d->sources[index];
    struct rng r = {.seed = d->seed, .stream = ORDER_STREAM + ((uint64_t)index << 32) + reading};
    if (s->order_of == reading + 1) return;
    for (uint32_t i = 0; i < s->n_docs; i++) s->order[i] = i;
    for (uint32_t i = s->n_docs; i > 1; i--) {
        uint32_t k = (uint32_t)rng_below(&r, i), t = s->order[k];
        s->order[k] = s->order[i - 1];
        s->order[i - 1] = t;
    }
    s->order_of = reading + 1;
}

static bool active(const struct dataset *d, uint32_t i, double progress) {
    const struct recipe_source *r = d->sources[i].r;
    const struct source_state *s = &d->state[i];
    double read = (double)s->reading + (double)s->next / (double)d->sources[i].n_docs;
    return progress >= r->from && progress < r->to && (r->repeat == 0 || read < r->repeat);
}

/* The active source that is most behind its share; n: none. */
static uint32_t choose(const struct dataset *d, double progress) {
    uint32_t best = d->n;
    for (uint32_t i = 0; i < d->n; i++)
        if (active(d, i, progress) && (best == d->n || d->state[i].credit > d->state[best].credit)) best = i;
    return best;
}

static void account(struct dataset *d, uint32_t chosen, double progress, uint32_t length) {
    double total = 0;
    for (uint32_t i = 0; i < d->n; i++) total += active(d, i, progress) ? d->sources[i].r->weight : 0;
    for (uint32_t i = 0; i < d->n; i++)
        if (active(d, i, progress)) d->state[i].credit += (double)length * (d->sources[i].r->weight / total);
    struct source_state *s = &d->state[chosen];
    s->credit -= length;
    s->given += length;
    if (++s->next == d->sources[chosen].n_docs) {
        s->next = 0;
        s->reading++;
    }
}

/* Document `doc` of source i as this reading has it; *length as length_of. The stream's number has a place for each
 * source, reading (of its last 24 bits) and document, and is none of those that order and first weights use. */
static const uint32_t *document(struct dataset *d, uint32_t i, uint32_t doc, uint32_t *length) {
    const struct source *s = &d->sources[i];
    const struct noise x = {.drop = s->r->drop_tokens, .split = s->r->split_tokens};
    const uint32_t *t = s->tokens + s->docs[doc];
    *length = length_of(s, doc);
    if (!alters(s->r)) return t;
    struct rng r = {.seed = d->seed,
                    .stream = NOISE_STREAM | (uint64_t)i << 56 | (d->state[i].reading & 0xffffff) << 32 | doc};
    *length = noise_apply(&x, d->parts.of ? &d->parts : NULL, &r, t, *length + 1, d->ctx + 1, d->altered) - 1;
    return d->altered;
}

void dataset_next(struct dataset *d, double progress, uint32_t n_max, struct batch *b) {
    batch_clear(b);
    for (;;) {
        uint32_t i = choose(d, progress);
        if (i == d->n) return;
        shuffle(d, i, d->state[i].reading);
        uint32_t length;
        const uint32_t *t = document(d, i, d->sources[i].order[d->state[i].next], &length);
        if (b->n + length > n_max) return;
        put_document(t, length, b);
        account(d, i, progress, length);
    }
}
