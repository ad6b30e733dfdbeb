/* A tokenizer from a Hugging Face tokenizer.json. The vocabulary and the merges are read here; what surrounds them
 * (normaliser, pre-tokeniser, decoder, post-processor) in tok_json_rules.c. */
#include "text/tok_json.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/utf8.h"
#include "text/jscan.h"

static const char WHAT[] = "tokenizer.json";

/* The parts of the document, unread. */
struct parts {
    struct str added, normalizer, pre, post, decoder, vocab, merges;
};

struct entry {
    struct str text;
    uint32_t id;
    double score; /* unigram */
};

struct reader {
    struct mem mem;
    struct parts parts;
    json_t *model, *added; /* the model without vocabulary and merges; the added tokens */
    struct buf strings;    /* texts that had escapes */
    struct entry *entries;
    size_t n_entries, cap_entries;
    uint32_t n_tokens;
    struct str *texts;
    uint8_t *types, *in, *raw;
    bool unigram;
};

static void reader_free(struct reader *r) {
    json_decref(r->model);
    json_decref(r->added);
    buf_free(&r->strings);
    mem_free(r->mem, r->entries);
    mem_free(r->mem, r->texts);
    mem_free(r->mem, r->types);
}

static struct jscan scan_of(struct str text) {
    return (struct jscan){.text = text, .what = WHAT};
}

/* The value of every key of an object as an unread part; those that nobody asked for are only passed over. */
static sil_err find_parts(struct str text, size_t n, const char *const *keys, struct str **out, struct buf *b,
                          struct sil_error *e) {
    struct jscan s = scan_of(text);
    bool more;
    SIL_TRY(jscan_open(&s, '{', &more, e));
    while (more) {
        struct str key, value;
        SIL_TRY(jscan_key(&s, b, &key, e));
        SIL_TRY(jscan_skip(&s, &value, e));
        for (size_t i = 0; i < n; i++)
            if (str_eq(key, str_of(keys[i]))) *out[i] = value;
        SIL_TRY(jscan_more(&s, '}', &more, e));
    }
    return jscan_peek(&s) == '\0' && s.i == text.n ? SIL_OK : jscan_fail(&s, "text behind the end", e);
}

/* The small members of "model" as a jansson object. */
static sil_err read_model(struct reader *r, struct str model, struct sil_error *e) {
    static const char *const small[] = {"type",
                                        "unk_token",
                                        "unk_id",
                                        "fuse_unk",
                                        "byte_fallback",
                                        "ignore_merges",
                                        "continuing_subword_prefix",
                                        "end_of_word_suffix",
                                        "dropout"};
    enum { SMALL = sizeof(small) / sizeof(small[0]) };
    struct str value[SMALL] = {0};
    const char *keys[SMALL + 2];
    struct str *out[SMALL + 2];
    for (size_t i = 0; i < SMALL; i++) keys[i] = small[i], out[i] = &value[i];
    keys[SMALL] = "vocab", out[SMALL] = &r->parts.vocab;
    keys[SMALL + 1] = "merges", out[SMALL + 1] = &r->parts.merges;
    SIL_TRY(find_parts(model, SMALL + 2, keys, out, &r->strings, e));
    if (!(r->model = json_object())) return err_nomem(e, WHAT, 0);
    for (size_t i = 0; i < SMALL; i++) {
        json_t *v;
        if (value[i].n == 0) continue;
        SIL_TRY(jsonx_parse(value[i], "tokenizer.json: model", &v, e));
        if (json_object_set_new(r->model, small[i], v) != 0) return err_nomem(e, WHAT, 0);
    }
    return SIL_OK;
}

static sil_err check_model(struct reader *r, struct sil_error *e) {
    struct str type = jsonx_str(r->model, "type");
    r->unigram = str_eq(type, STR("Unigram"));
    if (type.n && !r->unigram && !str_eq(type, STR("BPE")))
        return err_set(e, SIL_UNSUPPORTED, "a tokenizer.json with a %.*s model is not supported; BPE and Unigram are",
                       STR_ARG(type));
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (int i = 0; i < 2; i++)
        if (jsonx_str(r->model, affixes[i]).n)
            return err_set(e, SIL_UNSUPPORTED, "a tokenizer.json whose model has a %s is not supported", affixes[i]);
    json_t *dropout = json_object_get(r->model, "dropout");
    if (json_is_number(dropout) && json_number_value(dropout) != 0)
        return err_set(e, SIL_UNSUPPORTED, "a tokenizer.json with dropout is not supported");
    if (r->parts.vocab.n == 0 || (r->parts.merges.n == 0 && !r->unigram))
        return err_set(e, SIL_FORMAT, "tokenizer.json: the model has no \"vocab\" or no \"merges\"");
    return SIL_OK;
}

static sil_err read_document(struct reader *r, struct str json, struct sil_error *e) {
    static const char *const keys[] = {"added_tokens",   "normalizer", "pre_tokenizer",
                                       "post_processor", "decoder",    "model"};
    struct str model = {0};
    struct str *out[] = {&r->parts.added, &r->parts.normalizer, &r->parts.pre,
                         &r->parts.post,  &r->parts.decoder,    &model};
    SIL_TRY(find_parts(json, 6, keys, out, &r->strings, e));
    if (model.n == 0) return err_set(e, SIL_FORMAT, "tokenizer.json: there is no \"model\"");
    SIL_TRY(read_model(r, model, e));
    SIL_TRY(check_model(r, e));
    if (r->parts.added.n == 0) r->parts.added = STR("[]");
    SIL_TRY(jsonx_parse(r->parts.added, "tokenizer.json: added_tokens", &r->added, e));
    return json_is_array(r->added) ? SIL_OK : err_set(e, SIL_FORMAT, "tokenizer.json: added_tokens is not an array");
}

static sil_err entry_put(struct reader *r, struct str text, uint32_t id, double score, struct sil_error *e) {
    if (id >= TOK_TOKENS_MAX)
        return err_set(e, SIL_LIMIT, "tokenizer.json: token id %u; at most %d tokens are allowed", id, TOK_TOKENS_MAX);
    if (r->n_entries == r->cap_entries) {
        size_t cap = r->cap_entries ? r->cap_entries * 2 : 1024;
        struct entry *p = r->mem.resize(r->mem.ctx, r->entries, cap * sizeof(*p));
        if (!p) return err_nomem(e, WHAT, cap * sizeof(*p));
        r->entries = p;
        r->cap_entries = cap;
    }
    r->entries[r->n_entries++] = (struct entry){text, id, score};
    if (id >= r->n_tokens) r->n_tokens = id + 1;
    return SIL_OK;
}

/* One token: "text": id, or of unigram models ["text", score], where the place is the id. */
static sil_err read_entry(struct reader *r, struct jscan *s, struct sil_error *e) {
    struct str text;
    uint32_t id = (uint32_t)r->n_entries;
    double score = 0;
    bool more;
    if (r->unigram) {
        SIL_TRY(jscan_open(s, '[', &more, e));
        if (!more) return jscan_fail(s, "a token needs a text and a score", e);
        SIL_TRY(jscan_string(s, &r->strings, &text, e));
        SIL_TRY(jscan_more(s, ']', &more, e));
        if (!more) return jscan_fail(s, "a token needs a text and a score", e);
        SIL_TRY(jscan_number(s, &score, e));
        SIL_TRY(jscan_more(s, ']', &more, e));
        if (more) return jscan_fail(s, "a token has more than a text and a score", e);
    } else {
        SIL_TRY(jscan_key(s, &r->strings, &text, e));
        SIL_TRY(jscan_u32(s, &id, e));
    }
    if (!utf8_valid(text.p, text.n, NULL)) return jscan_fail(s, "a token that is not valid UTF-8", e);
    return entry_put(r, text, id, score, e);
}

static sil_err read_vocab(struct reader *r, struct sil_error *e) {
    struct jscan s = scan_of(r->parts.vocab);
    const char open = r->unigram ? '[' : '{', close = r->unigram ? ']' : '}';
    bool more;
    /* decoded texts are shorter than their escapes: strings never moves while views of it are held */
    buf_clear(&r->strings);
    if (buf_reserve(&r->strings, r->parts.vocab.n) != SIL_OK) return err_nomem(e, WHAT, r->parts.vocab.n);
    SIL_TRY(jscan_open(&s, open, &more, e));
    while (more) {
        SIL_TRY(read_entry(r, &s, e));
        SIL_TRY(jscan_more(&s, close, &more, e));
    }
    return SIL_OK;
}

static bool flag_of(const json_t *o, const char *key, bool or_else) {
    const json_t *v = json_object_get(o, key);
    return v && json_is_boolean(v) ? json_is_true(v) : or_else;
}

static sil_err check_added(const struct reader *r, size_t i, struct str *text, uint32_t *id, struct sil_error *e) {
    const json_t *o = json_array_get(r->added, i), *n = json_object_get(o, "id");
    *text = jsonx_str(o, "content");
    if (!json_is_integer(n) || json_integer_value(n) < 0 || json_integer_value(n) >= TOK_TOKENS_MAX || text->n == 0)
        return err_set(e, SIL_FORMAT, "tokenizer.json: added_tokens[%zu] needs \"content\" and an \"id\" below %d", i,
                       TOK_TOKENS_MAX);
    *id = (uint32_t)json_integer_value(n);
    return SIL_OK;
}

/* texts, types, in and raw of every id. */
static sil_err lay_out(struct reader *r, struct sil_error *e) {
    size_t n_added = json_array_size(r->added);
    struct str text;
    uint32_t id = 0;
    for (size_t i = 0; i < n_added; i++) {
        SIL_TRY(check_added(r, i, &text, &id, e));
        if (id >= r->n_tokens) r->n_tokens = id + 1;
    }
    r->texts = mem_array(r->mem, (size_t)r->n_tokens + 1, sizeof(struct str));
    r->types = mem_array(r->mem, (size_t)r->n_tokens + 1, 3);
    if (!r->texts || !r->types) return err_nomem(e, WHAT, r->n_tokens);
    r->in = r->types + r->n_tokens;
    r->raw = r->in + r->n_tokens;
    memset(r->types, TOK_UNUSED, r->n_tokens);
    for (size_t i = 0; i < r->n_entries; i++) {
        id = r->entries[i].id;
        if (r->in[id]) return err_set(e, SIL_FORMAT, "tokenizer.json: two tokens of the vocabulary have the id %u", id);
        r->texts[id] = r->entries[i].text;
        r->types[id] = TOK_NORMAL;
        r->in[id] = 1;
    }
    for (size_t i = 0; i < n_added; i++) {
        SIL_TRY(check_added(r, i, &text, &id, e));
        if (r->texts[id].n && !str_eq(r->texts[id], text))
            return err_set(e, SIL_FORMAT, "tokenizer.json: the added token \"%.*s\" has the id %u of another token",
                           STR_ARG(text), id);
        r->texts[id] = text;
        r->types[id] = flag_of(json_array_get(r->added, i), "special", false) ? TOK_CONTROL : TOK_USER;
        r->raw[id] = 1;
    }
    return SIL_OK;
}

/* ["left", "right"] or "left right". */
static sil_err merge_next(struct tokenizer *t, struct jscan *s, struct buf b[2], struct sil_error *e) {
    struct str left, right;
    bool more;
    buf_clear(&b[0]);
    buf_clear(&b[1]);
    if (jscan_peek(s) == '[') {
        SIL_TRY(jscan_open(s, '[', &more, e));
        if (more) SIL_TRY(jscan_string(s, &b[0], &left, e));
        if (more) SIL_TRY(jscan_more(s, ']', &more, e));
        if (!more) return jscan_fail(s, "a merge needs two tokens", e);
        SIL_TRY(jscan_string(s, &b[1], &right, e));
        SIL_TRY(jscan_more(s, ']', &more, e));
        if (more) return jscan_fail(s, "a merge has more than two tokens", e);
    } else {
        struct str both;
        SIL_TRY(jscan_string(s, &b[0], &both, e));
        const char *gap = both.n ? memchr(both.p, ' ', both.n) : NULL;
        if (!gap) return jscan_fail(s, "a merge needs two tokens with a space between", e);
        left = (struct str){both.p, (size_t)(gap - both.p)};
        right = (struct str){gap + 1, both.n - left.n - 1};
    }
    return tok_merge_put(t, left, right, true, e);
}

static sil_err count_items(struct str list, size_t *n, struct sil_error *e) {
    struct jscan s = scan_of(list);
    bool more;
    struct str value;
    *n = 0;
    SIL_TRY(jscan_open(&s, '[', &more, e));
    while (more) {
        SIL_TRY(jscan_skip(&s, &value, e));
        ++*n;
        SIL_TRY(jscan_more(&s, ']', &more, e));
    }
    return SIL_OK;
}

static sil_err read_merges(struct reader *r, struct tokenizer *t, struct sil_error *e) {
    size_t n;
    SIL_TRY(count_items(r->parts.merges, &n, e));
    sil_err err = merge_init(&t->merges, &t->arena, n, t->n_tokens, false);
    if (err != SIL_OK) return err_set(e, err, "tokenizer.json: no room for %zu merges", n);
    struct jscan s = scan_of(r->parts.merges);
    struct buf b[2];
    bool more = false;
    buf_init(&b[0], r->mem, r->parts.merges.n + 4096);
    buf_init(&b[1], r->mem, r->parts.merges.n + 4096);
    err = jscan_open(&s, '[', &more, e);
    while (err == SIL_OK && more) {
        err = merge_next(t, &s, b, e);
        if (err == SIL_OK) err = jscan_more(&s, ']', &more, e);
    }
    buf_free(&b[0]);
    buf_free(&b[1]);
    return err;
}

static sil_err read_scores(struct reader *r, struct tokenizer *t, struct sil_error *e) {
    const json_t *unk = json_object_get(r->model, "unk_id");
    double *scores = ARENA_ARRAY(&t->arena, t->n_tokens, double);
    if (!scores) return err_nomem(e, WHAT, t->n_tokens * sizeof *scores);
    for (size_t i = 0; i < r->n_entries; i++) scores[r->entries[i].id] = r->entries[i].score;
    if (json_is_integer(unk)) {
        json_int_t id = json_integer_value(unk);
        if (id < 0 || id >= (json_int_t)r->n_entries)
            return err_set(e, SIL_FORMAT, "tokenizer.json: the unknown token %lld is not in the vocabulary",
                           (long long)id);
        t->unk = (int32_t)id;
    }
    t->fuse_unk = true; /* as the Rust library has it, whatever the file says */
    return tok_scores(t, scores, r->in, e);
}

/* The added tokens into the two tries; those that are normalised, by their normalised text. */
static sil_err put_added(struct reader *r, struct tokenizer *t, struct norm_scratch *ns, struct split_matcher *m,
                         struct sil_error *e) {
    size_t total[2] = {0, 0};
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < json_array_size(r->added); i++) {
            const json_t *o = json_array_get(r->added, i);
            struct str text;
            uint32_t id;
            SIL_TRY(check_added(r, i, &text, &id, e));
            bool special = flag_of(o, "special", false), norm = flag_of(o, "normalized", !special);
            if (norm) SIL_TRY(norm_apply(t->norm, t->n_norm, &t->uchar, ns, m, text, false, &text, e));
            unsigned flags = (flag_of(o, "lstrip", false) ? ADDED_LSTRIP : 0) |
                             (flag_of(o, "rstrip", false) ? ADDED_RSTRIP : 0) |
                             (flag_of(o, "single_word", false) ? ADDED_WORD : 0) | (special ? ADDED_CONTROL : 0);
            total[norm] += text.n;
            if (pass == 1 && added_put(norm ? &t->added_norm : &t->added, text, id, flags) != SIL_OK)
                return err_set(e, SIL_LIMIT, "tokenizer.json: added_tokens[%zu] is longer than %d bytes", i,
                               ADDED_TEXT_MAX);
        }
        if (pass == 0 && (added_init(&t->added, &t->arena, total[0]) != SIL_OK ||
                          added_init(&t->added_norm, &t->arena, total[1]) != SIL_OK))
            return err_nomem(e, WHAT, total[0] + total[1]);
    }
    return SIL_OK;
}

static int32_t first_of(const struct tokenizer *t, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int32_t id = tok_find(t, str_of(names[i]));
        if (id >= 0) return id;
    }
    return -1;
}

/* tokenizer.json does not say which tokens begin and end a text; the post-processor does for some. */
static void guess_ends(struct tokenizer *t) {
    static const char *const bos[] = {"<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>"};
    static const char *const eos[] = {"</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>", "<|im_end|>", "<|return|>"};
    t->bos = t->n_before ? (int32_t)t->before[0] : first_of(t, bos, sizeof(bos) / sizeof(bos[0]));
    t->eos = t->n_behind ? (int32_t)t->behind[t->n_behind - 1] : first_of(t, eos, sizeof(eos) / sizeof(eos[0]));
}

static sil_err fill(struct reader *r, struct tokenizer *t, struct sil_error *e) {
    struct tok_json_rules rules = {0};
    SIL_TRY(tok_json_pre(t, r->parts.pre, &rules, e));
    SIL_TRY(tok_json_normalizer(t, r->parts.normalizer, e));
    SIL_TRY(tok_json_decoder(t, r->parts.decoder, &rules, e));
    t->byte_level = rules.byte_level;
    t->kind = r->unigram ? TOK_UNIGRAM : t->byte_level ? TOK_BYTE_BPE : TOK_SPM;
    t->byte_fallback = flag_of(r->model, "byte_fallback", false) && !t->byte_level;
    t->fuse_unk = flag_of(r->model, "fuse_unk", false);
    t->ignore_merges = flag_of(r->model, "ignore_merges", false);
    /* the decoder sees added tokens too; in GPT-2's alphabet that would only garble them */
    SIL_TRY(tok_pieces(t, rules.metaspace, t->byte_level ? r->raw : NULL, r->in, e));
    SIL_TRY(tok_index(t, r->in, r->raw, e));
    struct str unk = jsonx_str(r->model, "unk_token");
    if (unk.n && !r->unigram) {
        t->unk = tok_find(t, unk);
        if (t->unk < 0)
            return err_set(e, SIL_FORMAT, "tokenizer.json: the unknown token \"%.*s\" is not in the vocabulary",
                           STR_ARG(unk));
    }
    SIL_TRY(r->unigram ? read_scores(r, t, e) : read_merges(r, t, e));
    SIL_TRY(tok_json_post(t, r->parts.post, e));
    struct norm_scratch ns;
    struct split_matcher m = {.mem = r->mem};
    norm_scratch_init(&ns, r->mem);
    sil_err err = put_added(r, t, &ns, &m, e);
    norm_scratch_free(&ns);
    split_matcher_free(&m);
    if (err != SIL_OK) return err;
    guess_ends(t);
    return tok_finish(t, e);
}

sil_err tok_open_json(struct mem mem, struct str json, struct tokenizer **out, struct sil_error *e) {
    struct reader r = {.mem = mem};
    struct tokenizer *t = NULL;
    *out = NULL;
    buf_init(&r.strings, mem, json.n + 4096);
    sil_err err = read_document(&r, json, e);
    if (err == SIL_OK) err = read_vocab(&r, e);
    if (err == SIL_OK) err = lay_out(&r, e);
    if (err == SIL_OK) err = tok_new(mem, r.n_tokens, r.texts, r.types, &t, e);
    if (err == SIL_OK) err = fill(&r, t, e);
    reader_free(&r);
    if (err != SIL_OK) {
        tok_close(t);
        return err;
    }
    *out = t;
    return SIL_OK;
}
