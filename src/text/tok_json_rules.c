#include "base/err.h"
#include "base/jsonx.h"
#include "text/tok_json.h"

enum { NEST_MAX = 8 }; /* Sequence in Sequence */

static sil_err unsupported(const char *what, const json_t *o, const char *known, struct sil_error *e) {
    struct str type = jsonx_str(o, "type");
    return err_set(e, SIL_UNSUPPORTED, "tokenizer.json: the %s \"%.*s\" is not supported; supported are %s", what,
                   STR_ARG(type), known);
}

static bool is_type(const json_t *o, const char *name) {
    return str_eq(jsonx_str(o, "type"), str_of(name));
}

static bool flag_of(const json_t *o, const char *key, bool or_else) {
    const json_t *v = json_object_get(o, key);
    return v && json_is_boolean(v) ? json_is_true(v) : or_else;
}

static sil_err parse(struct str json, const char *what, json_t **out, struct sil_error *e) {
    *out = NULL;
    if (json.n == 0) return SIL_OK;
    SIL_TRY(jsonx_parse(json, what, out, e));
    if (json_is_object(*out)) return SIL_OK;
    bool null = json_is_null(*out);
    json_decref(*out);
    *out = NULL;
    return null ? SIL_OK : err_set(e, SIL_FORMAT, "%s is not an object", what);
}

/* A copy of a string of the document that lives as long as the tokenizer. */
static sil_err keep(struct tokenizer *t, struct str s, struct str *out, struct sil_error *e) {
    char *p = arena_copy(&t->arena, s.p, s.n);
    if (!p) return err_nomem(e, "tokenizer.json", s.n);
    *out = (struct str){p, s.n};
    return SIL_OK;
}

/* {"Regex": "..."} or {"String": "..."} */
static sil_err pattern(struct tokenizer *t, const json_t *o, struct split_step *s, struct sil_error *e) {
    const json_t *p = json_object_get(o, "pattern");
    struct str regex = jsonx_str(p, "Regex");
    if (regex.n == 0) {
        s->kind = SPLIT_LITERAL;
        struct str literal = jsonx_str(p, "String");
        if (literal.n == 0 && json_is_string(p)) literal = (struct str){json_string_value(p), json_string_length(p)};
        if (literal.n == 0) return err_set(e, SIL_FORMAT, "tokenizer.json: a pattern needs \"Regex\" or \"String\"");
        return keep(t, literal, &s->literal, e);
    }
    s->kind = SPLIT_REGEX;
    return split_compile(&t->mem, regex, s, e);
}

/* Sequence members one after the other; others to `one`. */
typedef sil_err (*rule_fn)(struct tokenizer *t, const json_t *o, void *ctx, struct sil_error *e);

static sil_err each(struct tokenizer *t, const json_t *o, const char *members, rule_fn one, void *ctx, int depth,
                    struct sil_error *e) {
    if (!is_type(o, "Sequence")) return one(t, o, ctx, e);
    const json_t *list = json_object_get(o, members);
    if (depth == NEST_MAX)
        return err_set(e, SIL_LIMIT, "tokenizer.json: Sequence is nested more than %d deep", NEST_MAX);
    if (!json_is_array(list)) return err_set(e, SIL_FORMAT, "tokenizer.json: a Sequence needs \"%s\"", members);
    for (size_t i = 0; i < json_array_size(list); i++)
        SIL_TRY(each(t, json_array_get(list, i), members, one, ctx, depth + 1, e));
    return SIL_OK;
}

static sil_err whole(struct tokenizer *t, struct str json, const char *what, const char *members, rule_fn one,
                     void *ctx, struct sil_error *e) {
    json_t *o;
    SIL_TRY(parse(json, what, &o, e));
    sil_err err = o ? each(t, o, members, one, ctx, 0, e) : SIL_OK;
    json_decref(o);
    return err;
}

/* Normalisers */

static sil_err norm_fields(struct tokenizer *t, const json_t *o, struct norm_step *s, struct sil_error *e) {
    if (s->kind == NORM_PREPEND) return keep(t, jsonx_str(o, "prepend"), &s->to, e);
    if (s->kind == NORM_REPLACE) {
        SIL_TRY(keep(t, jsonx_str(o, "content"), &s->to, e));
        return pattern(t, o, &s->match, e);
    }
    if (s->kind == NORM_STRIP) {
        s->left = flag_of(o, "strip_left", true);
        s->right = flag_of(o, "strip_right", true);
    }
    return SIL_OK;
}

static sil_err norm_one(struct tokenizer *t, const json_t *o, void *ctx, struct sil_error *e) {
    (void)ctx;
    static const struct {
        const char *name;
        enum norm_kind kind;
    } kinds[] = {{"NFC", NORM_NFC},         {"NFD", NORM_NFD},         {"NFKC", NORM_NFKC},
                 {"NFKD", NORM_NFKD},       {"Lowercase", NORM_LOWER}, {"Prepend", NORM_PREPEND},
                 {"Replace", NORM_REPLACE}, {"Strip", NORM_STRIP},     {"StripAccents", NORM_STRIP_ACCENTS}};
    if (t->n_norm == NORM_STEPS_MAX)
        return err_set(e, SIL_LIMIT, "tokenizer.json: more than %d normalisers", NORM_STEPS_MAX);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!is_type(o, kinds[i].name)) continue;
        struct norm_step *s = &t->norm[t->n_norm];
        *s = (struct norm_step){.kind = kinds[i].kind};
        SIL_TRY(norm_fields(t, o, s, e));
        t->n_norm++;
        return SIL_OK;
    }
    return unsupported("normaliser", o,
                       "Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip and StripAccents", e);
}

sil_err tok_json_normalizer(struct tokenizer *t, struct str json, struct sil_error *e) {
    return whole(t, json, "tokenizer.json: normalizer", "normalizers", norm_one, NULL, e);
}

/* Pre-tokenizers */

static sil_err behaviour(const json_t *o, enum split_behaviour or_else, enum split_behaviour *out,
                         struct sil_error *e) {
    static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    struct str b = jsonx_str(o, "behavior");
    *out = or_else;
    if (b.n == 0) return SIL_OK;
    for (int i = 0; i < 5; i++) {
        if (!str_eq(b, str_of(names[i]))) continue;
        *out = (enum split_behaviour)i;
        return SIL_OK;
    }
    return err_set(e, SIL_UNSUPPORTED, "tokenizer.json: the split behaviour \"%.*s\" is not known", STR_ARG(b));
}

static sil_err pre_split(struct tokenizer *t, const json_t *o, struct split_step *s, struct sil_error *e) {
    SIL_TRY(behaviour(o, SPLIT_ISOLATED, &s->behaviour, e));
    s->invert = flag_of(o, "invert", false);
    int known = split_known(jsonx_str(json_object_get(o, "pattern"), "Regex"));
    if (known >= 0 && s->behaviour == SPLIT_ISOLATED) {
        s->kind = (enum split_kind)known; /* every character is matched, so `invert` changes nothing */
        return SIL_OK;
    }
    return pattern(t, o, s, e);
}

static struct norm_step *pre_norm(struct tokenizer *t) {
    return t->n_pre_norm < 2 ? &t->pre_norm[t->n_pre_norm++] : NULL;
}

static const char no_rewrite[] = "tokenizer.json: a pre-tokenizer that changes the text (Metaspace, ByteLevel with "
                                 "add_prefix_space) is supported as the first one only";

static sil_err pre_metaspace(struct tokenizer *t, const json_t *o, const struct tok_json_rules *r, struct split_step *s,
                             struct sil_error *e) {
    struct str bar = jsonx_str(o, "replacement"), scheme = jsonx_str(o, "prepend_scheme");
    if (bar.n == 0) bar = STR("\xe2\x96\x81");
    if (scheme.n == 0) scheme = flag_of(o, "add_prefix_space", true) ? STR("always") : STR("never");
    SIL_TRY(keep(t, bar, &s->literal, e));
    s->kind = SPLIT_LITERAL;
    s->behaviour = SPLIT_MERGE_NEXT;
    struct norm_step *replace = r->n_pre == 0 ? pre_norm(t) : NULL;
    if (!replace) return err_set(e, SIL_UNSUPPORTED, "%s", no_rewrite);
    *replace = (struct norm_step){
        .kind = NORM_REPLACE, .to = s->literal, .match = {.kind = SPLIT_LITERAL, .literal = STR(" ")}};
    if (str_eq(scheme, STR("never"))) return SIL_OK;
    struct norm_step *prefix = pre_norm(t);
    if (!prefix) return err_set(e, SIL_UNSUPPORTED, "%s", no_rewrite);
    *prefix =
        (struct norm_step){.kind = str_eq(scheme, STR("first")) ? NORM_PREFIX_FIRST : NORM_PREFIX, .to = s->literal};
    return SIL_OK;
}

static sil_err pre_byte_level(struct tokenizer *t, const json_t *o, struct tok_json_rules *r, struct sil_error *e) {
    r->byte_level = true;
    if (!flag_of(o, "add_prefix_space", true)) return SIL_OK;
    struct norm_step *prefix = r->n_pre == 0 ? pre_norm(t) : NULL;
    if (!prefix) return err_set(e, SIL_UNSUPPORTED, "%s", no_rewrite);
    *prefix = (struct norm_step){.kind = NORM_PREFIX, .to = STR(" ")};
    return SIL_OK;
}

/* What Rust's regex crate calls \w. */
#define WORD_CLASS "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}"

/* One pre-tokenizer into *s; *use says whether it splits at all. */
static sil_err pre_step(struct tokenizer *t, const json_t *o, struct tok_json_rules *r, struct split_step *s, bool *use,
                        struct sil_error *e) {
    *use = true;
    if (is_type(o, "Split")) return pre_split(t, o, s, e);
    if (is_type(o, "Metaspace")) {
        *use = flag_of(o, "split", true);
        return pre_metaspace(t, o, r, s, e);
    }
    if (is_type(o, "ByteLevel")) {
        *s = (struct split_step){.kind = SPLIT_GPT2};
        *use = flag_of(o, "use_regex", true);
        return pre_byte_level(t, o, r, e);
    }
    if (is_type(o, "Digits")) {
        bool one = flag_of(o, "individual_digits", false);
        *s = (struct split_step){.kind = SPLIT_DIGIT, .behaviour = one ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS};
        return SIL_OK;
    }
    if (is_type(o, "Punctuation")) {
        s->kind = SPLIT_PUNCT;
        return behaviour(o, SPLIT_ISOLATED, &s->behaviour, e);
    }
    if (is_type(o, "WhitespaceSplit")) {
        *s = (struct split_step){.kind = SPLIT_SPACE, .behaviour = SPLIT_REMOVED};
        return SIL_OK;
    }
    if (is_type(o, "Whitespace")) {
        *s = (struct split_step){.kind = SPLIT_REGEX, .behaviour = SPLIT_REMOVED, .invert = true};
        return split_compile(&t->mem, STR("[" WORD_CLASS "]+|[^" WORD_CLASS "\\s]+"), s, e);
    }
    return unsupported("pre-tokenizer", o,
                       "Sequence, Split, ByteLevel, Metaspace, Digits, Punctuation, Whitespace and WhitespaceSplit", e);
}

static sil_err pre_one(struct tokenizer *t, const json_t *o, void *ctx, struct sil_error *e) {
    struct tok_json_rules *r = ctx;
    if (r->byte_level)
        return err_set(e, SIL_UNSUPPORTED, "tokenizer.json: a pre-tokenizer behind ByteLevel is not supported");
    if (t->n_split == SPLIT_STEPS_MAX)
        return err_set(e, SIL_LIMIT, "tokenizer.json: more than %d pre-tokenizers", SPLIT_STEPS_MAX);
    struct split_step *s = &t->split[t->n_split];
    bool use;
    *s = (struct split_step){.kind = SPLIT_LITERAL};
    SIL_TRY(pre_step(t, o, r, s, &use, e));
    t->n_split += use;
    r->n_pre++;
    return SIL_OK;
}

sil_err tok_json_pre(struct tokenizer *t, struct str json, struct tok_json_rules *r, struct sil_error *e) {
    return whole(t, json, "tokenizer.json: pre_tokenizer", "pretokenizers", pre_one, r, e);
}

/* Decoders */

struct decoder {
    struct tok_json_rules *rules;
    struct tokenizer *t;
    bool byte_level, fused;
};

static sil_err dec_strip(struct tokenizer *t, const json_t *o, const struct decoder *d, struct sil_error *e) {
    const json_t *start = json_object_get(o, "start"), *stop = json_object_get(o, "stop");
    bool usual = str_eq(jsonx_str(o, "content"), STR(" ")) && json_integer_value(start) == 1 &&
                 json_integer_value(stop) == 0 && d->fused;
    if (!usual)
        return err_set(e, SIL_UNSUPPORTED,
                       "tokenizer.json: the decoder Strip is supported for one space at the start, behind Fuse");
    t->strip_first_space = true;
    return SIL_OK;
}

static sil_err dec_one(struct tokenizer *t, const json_t *o, void *ctx, struct sil_error *e) {
    struct decoder *d = ctx;
    if (is_type(o, "ByteLevel")) {
        d->byte_level = true;
    } else if (is_type(o, "ByteFallback")) {
        /* the pieces of <0xNN> tokens are their bytes whenever the model has byte_fallback */
    } else if (is_type(o, "Fuse")) {
        d->fused = true;
    } else if (is_type(o, "Metaspace")) {
        struct str bar = jsonx_str(o, "replacement"), scheme = jsonx_str(o, "prepend_scheme");
        if (bar.n && !str_eq(bar, STR("\xe2\x96\x81")))
            return err_set(e, SIL_UNSUPPORTED, "tokenizer.json: the decoder Metaspace is supported for U+2581 only");
        d->rules->metaspace = true;
        t->strip_first_space = scheme.n ? !str_eq(scheme, STR("never")) : flag_of(o, "add_prefix_space", true);
    } else if (is_type(o, "Replace")) {
        if (!str_eq(jsonx_str(json_object_get(o, "pattern"), "String"), STR("\xe2\x96\x81")) ||
            !str_eq(jsonx_str(o, "content"), STR(" ")))
            return err_set(e, SIL_UNSUPPORTED,
                           "tokenizer.json: the decoder Replace is supported for U+2581 to a space");
        d->rules->metaspace = true;
    } else if (is_type(o, "Strip")) {
        return dec_strip(t, o, d, e);
    } else {
        return unsupported("decoder", o, "Sequence, ByteLevel, ByteFallback, Fuse, Metaspace, Replace and Strip", e);
    }
    return SIL_OK;
}

sil_err tok_json_decoder(struct tokenizer *t, struct str json, struct tok_json_rules *r, struct sil_error *e) {
    struct decoder d = {.rules = r, .t = t};
    SIL_TRY(whole(t, json, "tokenizer.json: decoder", "decoders", dec_one, &d, e));
    if (d.byte_level != r->byte_level)
        return err_set(e, SIL_UNSUPPORTED,
                       "tokenizer.json: ByteLevel is supported as pre-tokenizer and decoder together");
    return SIL_OK;
}

/* Post-processors */

static sil_err put_around(struct tokenizer *t, bool behind, int64_t id, struct sil_error *e) {
    size_t *n = behind ? &t->n_behind : &t->n_before;
    if (id < 0 || id >= t->n_tokens)
        return err_set(e, SIL_FORMAT, "tokenizer.json: the post-processor adds token %lld, which does not exist",
                       (long long)id);
    if (*n == TOK_AROUND_MAX)
        return err_set(e, SIL_LIMIT, "tokenizer.json: the post-processor adds more than %d tokens", TOK_AROUND_MAX);
    (behind ? t->behind : t->before)[(*n)++] = (uint32_t)id;
    return SIL_OK;
}

static sil_err post_template(struct tokenizer *t, const json_t *o, struct sil_error *e) {
    const json_t *single = json_object_get(o, "single"), *special = json_object_get(o, "special_tokens");
    bool behind = false;
    if (!json_is_array(single)) return err_set(e, SIL_FORMAT, "tokenizer.json: TemplateProcessing needs \"single\"");
    for (size_t i = 0; i < json_array_size(single); i++) {
        const json_t *item = json_array_get(single, i), *token = json_object_get(item, "SpecialToken");
        if (json_object_get(item, "Sequence")) {
            behind = true;
            continue;
        }
        const char *name = json_string_value(json_object_get(token, "id"));
        const json_t *ids = name ? json_object_get(json_object_get(special, name), "ids") : NULL;
        if (!json_is_array(ids))
            return err_set(e, SIL_FORMAT, "tokenizer.json: TemplateProcessing names a special token without ids");
        for (size_t k = 0; k < json_array_size(ids); k++)
            SIL_TRY(put_around(t, behind, (int64_t)json_integer_value(json_array_get(ids, k)), e));
    }
    return SIL_OK;
}

/* ["</s>", 2] */
static int64_t pair_id(const json_t *o, const char *key) {
    const json_t *id = json_array_get(json_object_get(o, key), 1);
    return json_is_integer(id) ? (int64_t)json_integer_value(id) : -1;
}

static sil_err post_one(struct tokenizer *t, const json_t *o, void *ctx, struct sil_error *e) {
    (void)ctx;
    if (is_type(o, "ByteLevel")) return SIL_OK; /* about offsets only */
    if (is_type(o, "TemplateProcessing")) return post_template(t, o, e);
    if (is_type(o, "BertProcessing") || is_type(o, "RobertaProcessing")) {
        SIL_TRY(put_around(t, false, pair_id(o, "cls"), e));
        return put_around(t, true, pair_id(o, "sep"), e);
    }
    return unsupported("post-processor", o,
                       "Sequence, ByteLevel, TemplateProcessing, BertProcessing and RobertaProcessing", e);
}

sil_err tok_json_post(struct tokenizer *t, struct str json, struct sil_error *e) {
    return whole(t, json, "tokenizer.json: post_processor", "processors", post_one, NULL, e);
}
