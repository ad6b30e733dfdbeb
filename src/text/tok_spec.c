/* A tokenizer from a struct tok_spec (GGUF metadata), with llama.cpp's meaning of it. */
#include "base/err.h"
#include "base/utf8.h"
#include "text/split_regex.h"
#include "text/tok_impl.h"

static sil_err check_id(int32_t id, uint32_t n, const char *what, struct sil_error *e) {
    if (id >= -1 && (id < 0 || (uint32_t)id < n)) return SIL_OK;
    return err_set(e, SIL_FORMAT, "the %s token is %d, but the vocabulary has %u tokens", what, id, n);
}

static sil_err check(const struct tok_spec *s, struct sil_error *e) {
    if (!s->tokens || s->n_tokens == 0) return err_set(e, SIL_FORMAT, "a tokenizer without tokens");
    if (s->n_tokens > TOK_TOKENS_MAX)
        return err_set(e, SIL_LIMIT, "a tokenizer of %u tokens; at most %d are allowed", s->n_tokens, TOK_TOKENS_MAX);
    if (s->kind != TOK_BYTE_BPE && !s->scores)
        return err_set(e, SIL_FORMAT, "a %s vocabulary without scores",
                       s->kind == TOK_SPM ? "SentencePiece" : "unigram");
    if (s->n_merges && !s->merges) return err_set(e, SIL_FORMAT, "merges are missing");
    SIL_TRY(check_id(s->bos, s->n_tokens, "BOS", e));
    SIL_TRY(check_id(s->eos, s->n_tokens, "EOS", e));
    SIL_TRY(check_id(s->eot, s->n_tokens, "EOT", e));
    SIL_TRY(check_id(s->unk, s->n_tokens, "unknown", e));
    for (uint32_t i = 0; s->types && i < s->n_tokens; i++)
        if (s->types[i] < TOK_NORMAL || s->types[i] > TOK_BYTE)
            return err_set(e, SIL_FORMAT, "token %u has the unknown type %u", i, s->types[i]);
    return SIL_OK;
}

static sil_err put_merges(struct tokenizer *t, const struct tok_spec *s, struct sil_error *e) {
    if (merge_init(&t->merges, &t->arena, s->n_merges, t->n_tokens, false) != SIL_OK)
        return err_set(e, s->n_merges > MERGE_MAX ? SIL_LIMIT : SIL_NOMEM, "no room for %zu merges", s->n_merges);
    for (size_t i = 0; i < s->n_merges; i++) {
        struct str m = s->merges[i];
        const char *gap = m.n > 1 ? memchr(m.p + 1, ' ', m.n - 1) : NULL;
        if (!gap) return err_set(e, SIL_FORMAT, "merge %zu (\"%.*s\") is not two tokens with a space", i, STR_ARG(m));
        size_t n = (size_t)(gap - m.p);
        SIL_TRY(tok_merge_put(t, (struct str){m.p, n}, (struct str){gap + 1, m.n - n - 1}, false, e));
    }
    return SIL_OK;
}

static sil_err put_added(struct tokenizer *t, const uint8_t *raw, struct sil_error *e) {
    size_t total = 0;
    for (uint32_t i = 0; i < t->n_tokens; i++)
        if (raw[i]) total += tok_text(t, i).n;
    if (added_init(&t->added, &t->arena, total) != SIL_OK) return err_nomem(e, "the added tokens", total);
    for (uint32_t i = 0; i < t->n_tokens; i++) {
        if (!raw[i]) continue;
        unsigned flags = t->type[i] == TOK_USER ? 0 : ADDED_CONTROL;
        if (added_put(&t->added, tok_text(t, i), i, flags) != SIL_OK)
            return err_set(e, SIL_LIMIT, "added token %u is longer than %d bytes", i, ADDED_TEXT_MAX);
    }
    return SIL_OK;
}

static void spm_rules(struct tokenizer *t, bool prefix) {
    struct str bar = STR("\xe2\x96\x81");
    if (prefix) t->norm[t->n_norm++] = (struct norm_step){.kind = NORM_PREPEND, .to = bar};
    t->norm[t->n_norm++] =
        (struct norm_step){.kind = NORM_REPLACE, .match = {.kind = SPLIT_LITERAL, .literal = STR(" ")}, .to = bar};
    t->strip_first_space = prefix;
}

static sil_err put_scores(struct tokenizer *t, const struct tok_spec *s, const uint8_t *in, struct sil_error *e) {
    double *scores = ARENA_ARRAY(&t->arena, s->n_tokens, double);
    if (!scores) return err_nomem(e, "the scores of a tokenizer", s->n_tokens * sizeof *scores);
    for (uint32_t i = 0; i < s->n_tokens; i++) scores[i] = (double)s->scores[i];
    return tok_scores(t, scores, in, e);
}

static sil_err fill(struct tokenizer *t, const struct tok_spec *s, struct sil_error *e) {
    uint8_t *raw = ARENA_ARRAY(&t->arena, s->n_tokens, uint8_t), *in = ARENA_ARRAY(&t->arena, s->n_tokens, uint8_t);
    if (!raw || !in) return err_nomem(e, "a tokenizer", s->n_tokens);
    t->kind = s->kind;
    t->byte_level = s->kind != TOK_SPM;
    t->byte_fallback = s->kind == TOK_SPM;
    t->ignore_merges = s->ignore_merges;
    t->bos = s->bos;
    t->eos = s->eos;
    t->eot = s->eot;
    t->unk = s->unk;
    for (uint32_t i = 0; i < s->n_tokens; i++) {
        uint8_t y = t->type[i];
        raw[i] = y == TOK_CONTROL || y == TOK_USER || y == TOK_UNKNOWN;
        in[i] = y == TOK_NORMAL || y == TOK_USER || y == TOK_UNUSED;
    }
    SIL_TRY(tok_pieces(t, true, raw, in, e));
    SIL_TRY(tok_index(t, in, raw, e));
    SIL_TRY(put_added(t, raw, e));
    if (s->kind == TOK_SPM) {
        spm_rules(t, s->add_space_prefix);
        SIL_TRY(tok_merges_by_score(t, s->scores, e));
    } else {
        SIL_TRY(tok_pre_rules(t, s->pre, e));
        SIL_TRY(s->kind == TOK_UNIGRAM ? put_scores(t, s, in, e) : put_merges(t, s, e));
    }
    if (s->add_bos && s->bos >= 0) t->before[t->n_before++] = (uint32_t)s->bos;
    if (s->add_eos && s->eos >= 0) t->behind[t->n_behind++] = (uint32_t)s->eos;
    return tok_finish(t, e);
}

sil_err tok_open(struct mem mem, const struct tok_spec *spec, struct tokenizer **out, struct sil_error *e) {
    *out = NULL;
    SIL_TRY(check(spec, e));
    struct tokenizer *t = NULL;
    sil_err err = tok_new(mem, spec->n_tokens, spec->tokens, spec->types, &t, e);
    if (err == SIL_OK) err = fill(t, spec, e);
    if (err != SIL_OK) {
        tok_close(t);
        return err;
    }
    *out = t;
    return SIL_OK;
}

/* The rules behind the names in tokenizer.ggml.pre. */
enum rule { R_GPT2, R_LLAMA3, R_QWEN2, R_O200K, R_TEKKEN, R_DIGIT_GPT2, R_FALCON, R_DEFAULT, R_DEEPSEEK, R_DEEPSEEK3 };

static const struct {
    const char *name;
    enum rule rule;
} names[] = {{"gpt-2", R_GPT2},
             {"phi-2", R_GPT2},
             {"gigachat", R_GPT2},
             {"jina-es", R_GPT2},
             {"jina-de", R_GPT2},
             {"jina-v2-es", R_GPT2},
             {"jina-v2-de", R_GPT2},
             {"a.x-4.0", R_GPT2},
             {"mellum", R_GPT2},
             {"exaone4", R_GPT2},
             {"mpt", R_GPT2},
             {"olmo", R_GPT2},
             {"jais", R_GPT2},
             {"trillion", R_GPT2},
             {"granite-docling", R_GPT2},
             {"llama-bpe", R_LLAMA3},
             {"llama3", R_LLAMA3},
             {"llama-v3", R_LLAMA3},
             {"falcon3", R_LLAMA3},
             {"falcon-h1", R_LLAMA3},
             {"pixtral", R_LLAMA3},
             {"midm-2.0", R_LLAMA3},
             {"lfm2", R_LLAMA3},
             {"dbrx", R_LLAMA3},
             {"smaug-bpe", R_LLAMA3},
             {"glm4", R_LLAMA3},
             {"chatglm-bpe", R_LLAMA3},
             {"qwen2", R_QWEN2},
             {"deepseek-r1-qwen", R_QWEN2},
             {"kormo", R_QWEN2},
             {"stablelm2", R_QWEN2},
             {"megrez", R_QWEN2},
             {"hunyuan", R_QWEN2},
             {"solar-open", R_QWEN2},
             {"gpt-4o", R_O200K},
             {"llama4", R_O200K},
             {"kanana2", R_O200K},
             {"tekken", R_TEKKEN},
             {"smollm", R_DIGIT_GPT2},
             {"starcoder", R_DIGIT_GPT2},
             {"refact", R_DIGIT_GPT2},
             {"command-r", R_DIGIT_GPT2},
             {"codeshell", R_DIGIT_GPT2},
             {"exaone", R_DIGIT_GPT2},
             {"minerva-7b", R_DIGIT_GPT2},
             {"falcon", R_FALCON},
             {"default", R_DEFAULT},
             {"", R_DEFAULT},
             {"deepseek-llm", R_DEEPSEEK},
             {"deepseek-v3", R_DEEPSEEK3}};

static sil_err unknown_name(struct str name, struct sil_error *e) {
    char list[400];
    size_t n = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i].name);
        if (len == 0 || n + len + 3 > sizeof(list) - 4) continue;
        if (n) list[n++] = ',', list[n++] = ' ';
        memcpy(list + n, names[i].name, len);
        n += len;
    }
    list[n] = '\0';
    return err_set(e, SIL_UNSUPPORTED, "unknown pre-split rules \"%.*s\"; known are %s", STR_ARG(name), list);
}

static void scanner(struct tokenizer *t, enum split_kind kind) {
    t->split[t->n_split++] = (struct split_step){.kind = kind};
}

static void runs(struct tokenizer *t, enum split_kind kind, enum split_behaviour b) {
    t->split[t->n_split++] = (struct split_step){.kind = kind, .behaviour = b};
}

static sil_err regexes(struct tokenizer *t, const char *const *list, size_t n, struct sil_error *e) {
    for (size_t i = 0; i < n; i++) {
        struct split_step *s = &t->split[t->n_split];
        *s = (struct split_step){.kind = SPLIT_REGEX, .behaviour = SPLIT_ISOLATED};
        SIL_TRY(split_compile(&t->mem, str_of(list[i]), s, e));
        t->n_split++;
    }
    return SIL_OK;
}

static const char three_digits[] = "[0-9][0-9][0-9]";

/* DeepSeek LLM: cased letters, punctuation and CJK are separate runs. */
static const char *const deepseek_llm[] = {
    "[\\r\\n]",
    "\\s?[A-Za-z\\x{B5}\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1BA}\\x{1BC}-\\x{1BF}\\x{1C4}-\\x{293}"
    "\\x{295}-\\x{2AF}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37B}-\\x{37D}\\x{37F}\\x{386}\\x{388}-\\x{38A}"
    "\\x{38C}\\x{38E}-\\x{3A1}\\x{3A3}-\\x{3F5}\\x{3F7}-\\x{481}\\x{48A}-\\x{52F}\\x{531}-\\x{556}"
    "\\x{10A0}-\\x{10C5}\\x{13A0}-\\x{13F5}\\x{13F8}-\\x{13FD}\\x{1C90}-\\x{1CBA}\\x{1CBD}-\\x{1CBF}"
    "\\x{1D00}-\\x{1D2B}\\x{1D6B}-\\x{1D77}\\x{1D79}-\\x{1D9A}\\x{1E00}-\\x{1F15}\\x{1F18}-\\x{1F1D}"
    "\\x{1F20}-\\x{1F45}\\x{1F48}-\\x{1F4D}\\x{1F50}-\\x{1F57}\\x{1F59}\\x{1F5B}\\x{1F5D}"
    "\\x{1F5F}-\\x{1F7D}\\x{1F80}-\\x{1FB4}\\x{1FB6}-\\x{1FBC}\\x{1FBE}\\x{1FC2}-\\x{1FC4}"
    "\\x{1FC6}-\\x{1FCC}\\x{1FD0}-\\x{1FD3}\\x{1FD6}-\\x{1FDB}\\x{1FE0}-\\x{1FEC}\\x{1FF2}-\\x{1FF4}"
    "\\x{1FF6}-\\x{1FFC}\\x{2102}\\x{2107}\\x{210A}-\\x{2113}\\x{2115}\\x{2119}-\\x{211D}\\x{2124}"
    "\\x{2126}\\x{2128}\\x{212A}-\\x{212D}\\x{212F}-\\x{2134}\\x{2139}\\x{213C}-\\x{213F}"
    "\\x{2145}-\\x{2149}\\x{214E}\\x{2183}\\x{2184}\\x{2C00}-\\x{2C7B}\\x{2C7E}-\\x{2CE4}"
    "\\x{2CEB}-\\x{2CEE}\\x{2CF2}\\x{2CF3}\\x{A640}-\\x{A66D}\\x{A680}-\\x{A69B}\\x{A722}-\\x{A76F}"
    "\\x{A771}-\\x{A787}\\x{A78B}-\\x{A78E}\\x{AB70}-\\x{ABBF}\\x{FB00}-\\x{FB06}\\x{FB13}-\\x{FB17}"
    "\\x{FF21}-\\x{FF3A}\\x{FF41}-\\x{FF5A}\\x{10400}-\\x{1044F}\\x{104B0}-\\x{104D3}"
    "\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}\\x{10CC0}-\\x{10CF2}\\x{118A0}-\\x{118DF}"
    "\\x{1E900}-\\x{1E943}]+",
    "\\s?[!-/:-~\\x{FF01}-\\x{FF0F}\\x{FF1A}-\\x{FF5E}\\x{2018}-\\x{201F}\\x{3000}-\\x{3002}]+", "\\s+$",
    "[\\x{4E00}-\\x{9FA5}\\x{0800}-\\x{4E00}\\x{AC00}-\\x{D7FF}]+"};

static const char *const deepseek_v3[] = {
    "\\p{N}{1,3}", "[\\x{4E00}-\\x{9FA5}\\x{3040}-\\x{309F}\\x{30A0}-\\x{30FF}]+",
    ("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
     "?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")};

static sil_err apply_rule(struct tokenizer *t, enum rule rule, struct sil_error *e) {
    const char *const three[] = {three_digits};
    switch (rule) {
    case R_GPT2: scanner(t, SPLIT_GPT2); return SIL_OK;
    case R_LLAMA3: scanner(t, SPLIT_LLAMA3); return SIL_OK;
    case R_QWEN2: scanner(t, SPLIT_QWEN2); return SIL_OK;
    case R_O200K: scanner(t, SPLIT_O200K); return SIL_OK;
    case R_TEKKEN: scanner(t, SPLIT_TEKKEN); return SIL_OK;
    case R_DIGIT_GPT2:
        runs(t, SPLIT_DIGIT, SPLIT_ISOLATED);
        scanner(t, SPLIT_GPT2);
        return SIL_OK;
    case R_FALCON:
        runs(t, SPLIT_PUNCT, SPLIT_CONTIGUOUS);
        scanner(t, SPLIT_GPT2);
        return regexes(t, three, 1, e);
    case R_DEFAULT:
        runs(t, SPLIT_PUNCT, SPLIT_CONTIGUOUS);
        scanner(t, SPLIT_GPT2);
        runs(t, SPLIT_DIGIT, SPLIT_CONTIGUOUS);
        return regexes(t, three, 1, e);
    case R_DEEPSEEK:
        SIL_TRY(regexes(t, deepseek_llm, sizeof(deepseek_llm) / sizeof(deepseek_llm[0]), e));
        runs(t, SPLIT_DIGIT, SPLIT_CONTIGUOUS);
        return SIL_OK;
    case R_DEEPSEEK3: return regexes(t, deepseek_v3, sizeof(deepseek_v3) / sizeof(deepseek_v3[0]), e);
    }
    return SIL_OK;
}

sil_err tok_pre_rules(struct tokenizer *t, struct str name, struct sil_error *e) {
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!str_eq(name, str_of(names[i].name))) continue;
        /* Qwen's own tokenizer normalises to NFC; llama.cpp leaves that out */
        if (names[i].rule == R_QWEN2 && name.p[0] == 'q') t->norm[t->n_norm++] = (struct norm_step){.kind = NORM_NFC};
        if (names[i].rule == R_LLAMA3 || names[i].rule == R_O200K || names[i].rule == R_TEKKEN) t->ignore_merges = true;
        return apply_rule(t, names[i].rule, e);
    }
    return unknown_name(name, e);
}
