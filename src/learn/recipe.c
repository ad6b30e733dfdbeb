#include "learn/recipe.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/near.h"
#include "base/yamlx.h"

enum kind { U32, U64, F64, F32, BOOL, CHOICE, TEXT, PATH };
enum { PATH_BYTES = 4096, KEYS_MAX = 64 };

/* One setting. NEED: there is no default. FREE: no bit of the weights depends on it. LATER: it came after runs were
 * begun without it, which its default does not change. */
enum { NEED = 1, FREE = 2, LATER = 4 };
struct field {
    const char *key; /* "model.layers" */
    enum kind kind;
    unsigned flags;
    size_t at;
    double low, high, def; /* numbers; CHOICE, BOOL: def is the index */
    const char *choices;   /* "a|b" */
    const char *text;      /* default of TEXT and PATH; NULL: none */
};

#define AT(member) offsetof(struct recipe, member)
static const struct field fields[] = {
    {"name", TEXT, FREE, AT(name), 0, 0, 0, NULL, "model"},
    {"license", TEXT, FREE, AT(license), 0, 0, 0, NULL, ""},
    {"tokenizer", PATH, NEED | FREE, AT(tokenizer), 0, 0, 0, NULL, NULL},
    {"pre", TEXT, 0, AT(pre), 0, 0, 0, NULL, "qwen2"},
    {"chat_template", PATH, FREE, AT(chat_template), 0, 0, 0, NULL, NULL},
    {"shipped_template", PATH, FREE, AT(shipped_template), 0, 0, 0, NULL, NULL},
    {"init_from", PATH, FREE, AT(init_from), 0, 0, 0, NULL, NULL},
    {"out", PATH, NEED | FREE, AT(out), 0, 0, 0, NULL, NULL},
    {"type", CHOICE, FREE, AT(type), 0, 0, 0, "Q8_0|F32|F16|BF16", NULL},
    {"seed", U64, 0, AT(seed), 0, 9e15, 1, NULL, NULL},
    {"steps", U64, NEED, AT(steps), 1, 1e9, 0, NULL, NULL},
    {"batch", U32, 0, AT(batch), 2, 1 << 20, 4096, NULL, NULL},
    {"accumulate", U32, 0, AT(accumulate), 1, 4096, 1, NULL, NULL},
    {"storage", CHOICE, LATER, AT(storage), 0, 0, 0, "f32|bf16", NULL},
    {"model.family", CHOICE, NEED, AT(shape.family), 0, 0, 0, "llama|qwen3", NULL},
    {"model.layers", U32, NEED, AT(shape.layers), 1, LEARN_LAYERS_MAX, 0, NULL, NULL},
    {"model.width", U32, NEED, AT(shape.width), 1, LEARN_WIDTH_MAX, 0, NULL, NULL},
    {"model.heads", U32, NEED, AT(shape.heads), 1, LEARN_WIDTH_MAX, 0, NULL, NULL},
    {"model.kv_heads", U32, NEED, AT(shape.kv_heads), 1, LEARN_WIDTH_MAX, 0, NULL, NULL},
    {"model.head_dim", U32, NEED, AT(shape.head_dim), 2, 512, 0, NULL, NULL},
    {"model.ffn", U32, NEED, AT(shape.ffn), 1, LEARN_FFN_MAX, 0, NULL, NULL},
    {"model.context", U32, NEED, AT(shape.ctx), 2, LEARN_CTX_MAX, 0, NULL, NULL},
    {"model.eps", F32, 0, AT(shape.eps), 1e-12, 1, 1e-6, NULL, NULL},
    {"model.rope_base", F64, 0, AT(shape.rope_base), 1, 1e12, 10000, NULL, NULL},
    {"model.tied", BOOL, 0, AT(shape.tied), 0, 0, 1, NULL, NULL},
    {"model.bias", BOOL, 0, AT(shape.bias), 0, 0, 0, NULL, NULL},
    {"model.init_std", F64, 0, AT(init_std), 1e-6, 10, 0.02, NULL, NULL},
    {"optimizer.lr", F64, NEED, AT(lr), 0, 10, 0, NULL, NULL},
    {"optimizer.min_lr", F64, 0, AT(min_lr), 0, 10, 0, NULL, NULL},
    {"optimizer.warmup", U64, 0, AT(warmup), 0, 1e9, 0, NULL, NULL},
    {"optimizer.beta1", F64, 0, AT(beta1), 0, 0.999999, 0.9, NULL, NULL},
    {"optimizer.beta2", F64, 0, AT(beta2), 0, 0.999999, 0.95, NULL, NULL},
    {"optimizer.eps", F64, 0, AT(eps), 1e-30, 1, 1e-8, NULL, NULL},
    {"optimizer.decay", F64, 0, AT(decay), 0, 10, 0.1, NULL, NULL},
    {"optimizer.clip", F64, 0, AT(clip), 1e-9, 1e30, 1, NULL, NULL},
    {"eval.every", U64, FREE, AT(eval_every), 1, 1e9, 200, NULL, NULL},
    {"eval.tokens", U64, FREE, AT(eval_tokens), 1, 1e12, 20000, NULL, NULL},
    {"samples.every", U64, FREE, AT(sample_every), 1, 1e9, 500, NULL, NULL},
    {"samples.tokens", U32, FREE, AT(sample_tokens), 1, 4096, 64, NULL, NULL},
    {"checkpoint.every", U64, FREE, AT(checkpoint_every), 1, 1e9, 100, NULL, NULL},
};
enum { FIELDS = sizeof fields / sizeof *fields };
static const enum dtype types[] = {DTYPE_Q8_0, DTYPE_F32, DTYPE_F16, DTYPE_BF16};

#define IN(member) offsetof(struct recipe_source, member)
static const struct field source_fields[] = {
    {"path", PATH, NEED, IN(path), 0, 0, 0, NULL, NULL},
    {"kind", CHOICE, NEED, IN(kind), 0, 0, 0, "lines|paragraphs|file|dialogue", NULL},
    {"weight", F64, 0, IN(weight), 1e-6, 1e6, 1, NULL, NULL},
    {"from", F64, 0, IN(from), 0, 1, 0, NULL, NULL},
    {"to", F64, 0, IN(to), 0, 1, 1, NULL, NULL},
    {"repeat", F64, 0, IN(repeat), 0, 1e6, 0, NULL, NULL},
    {"answer_tokens", U32, 0, IN(answer_tokens), 0, 65536, 0, NULL, NULL},
    {"drop_tokens", F64, LATER, IN(drop_tokens), 0, 0.9, 0, NULL, NULL},
    {"split_tokens", F64, LATER, IN(split_tokens), 0, 0.9, 0, NULL, NULL},
};
enum { SOURCE_FIELDS = sizeof source_fields / sizeof *source_fields };

struct reader {
    struct yamlx y;
    struct arena *a;
    const char *folder; /* of the recipe, with its slash; "" */
    struct sil_error *e;
};

static int choice_of(const char *choices, struct str given) {
    int index = 0;
    for (const char *p = choices; *p; index++) {
        size_t n = strcspn(p, "|");
        if (str_eq((struct str){p, n}, given)) return index;
        p += n + (p[n] == '|');
    }
    return -1;
}

static sil_err put_number(const struct field *f, double v, void *out) {
    if (f->kind == U32) *(uint32_t *)out = (uint32_t)v;
    else if (f->kind == U64) *(uint64_t *)out = (uint64_t)v;
    else if (f->kind == F32) *(float *)out = (float)v;
    else *(double *)out = v;
    return SIL_OK;
}

static sil_err put_text(struct reader *r, const struct field *f, const yaml_node_t *n, struct str s, void *out) {
    bool joined = f->kind == PATH && s.n > 0 && s.p[0] != '/';
    size_t k = joined ? strlen(r->folder) : 0;
    if (memchr(s.p, '\0', s.n) || s.n + k >= PATH_BYTES)
        return yamlx_error(&r->y, n, r->e, "%s is too long or holds a NUL", f->key);
    char *p = arena_alloc(r->a, k + s.n + 1, 1);
    if (!p) return err_nomem(r->e, "a recipe", s.n);
    memcpy(p, r->folder, k);
    memcpy(p + k, s.p, s.n);
    *(const char **)out = p;
    return SIL_OK;
}

static sil_err read_field(struct reader *r, const struct field *f, const yaml_node_t *n, void *base) {
    void *out = (char *)base + f->at;
    double v;
    if (n->type != YAML_SCALAR_NODE) return yamlx_error(&r->y, n, r->e, "%s must be one value", f->key);
    struct str s = yamlx_text(n);
    switch (f->kind) {
    case TEXT:
    case PATH: return put_text(r, f, n, s, out);
    case BOOL: {
        bool yes = str_eq(s, STR("true")) || str_eq(s, STR("yes"));
        if (!yes && !str_eq(s, STR("false")) && !str_eq(s, STR("no")))
            return yamlx_error(&r->y, n, r->e, "%s is \"%.*s\"; allowed: true, false", f->key, STR_ARG(s));
        *(bool *)out = yes;
        return SIL_OK;
    }
    case CHOICE: {
        int index = choice_of(f->choices, s);
        if (index < 0)
            return yamlx_error(&r->y, n, r->e, "%s is \"%.*s\"; allowed: %s", f->key, STR_ARG(s), f->choices);
        *(int *)out = index;
        return SIL_OK;
    }
    default: break;
    }
    if (!yamlx_number(n, &v)) return yamlx_error(&r->y, n, r->e, "%s is \"%.*s\", not a number", f->key, STR_ARG(s));
    if (!(v >= f->low && v <= f->high))
        return yamlx_error(&r->y, n, r->e, "%s is %g; allowed: %g to %g", f->key, v, f->low, f->high);
    if ((f->kind == U32 || f->kind == U64) && v != floor(v))
        return yamlx_error(&r->y, n, r->e, "%s must be a whole number", f->key);
    return put_number(f, v, out);
}

static void put_defaults(const struct field *list, size_t n, void *base) {
    for (size_t i = 0; i < n; i++) {
        void *out = (char *)base + list[i].at;
        switch (list[i].kind) {
        case TEXT:
        case PATH: *(const char **)out = list[i].text; break;
        case BOOL: *(bool *)out = list[i].def != 0; break;
        case CHOICE: *(int *)out = (int)list[i].def; break;
        default: put_number(&list[i], list[i].def, out);
        }
    }
}

/* A complaint with the nearest key that is allowed. */
static sil_err unknown(struct reader *r, const yaml_node_t *key, const char *const *names, size_t n) {
    char given[64], all[400];
    size_t len = 0;
    snprintf(given, sizeof given, "%.*s", (int)(yamlx_text(key).n < 60 ? yamlx_text(key).n : 60), yamlx_text(key).p);
    all[0] = '\0';
    for (size_t i = 0; i < n && len < sizeof all; i++)
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "", names[i]);
    const char *near = near_name(given, names, n);
    return yamlx_error(&r->y, key, r->e, "unknown key \"%s\"%s%s%s; allowed here: %s", given,
                       near ? " (did you mean " : "", near ? near : "", near ? "?)" : "", all);
}

/* The words that may stand below a prefix ("" or "model."), and lists. */
static size_t words_below(const char *prefix, const char **names, char (*words)[32]) {
    static const char *const lists[] = {"data", "eval.data", "samples.prompts"};
    size_t n = 0, skip = strlen(prefix);
    for (size_t i = 0; i < FIELDS + 3; i++) {
        const char *key = i < FIELDS ? fields[i].key : lists[i - FIELDS];
        if (strncmp(key, prefix, skip) != 0) continue;
        size_t len = strcspn(key + skip, ".");
        bool old = false;
        for (size_t k = 0; k < n; k++) old = old || (strlen(names[k]) == len && memcmp(names[k], key + skip, len) == 0);
        if (old) continue;
        assert(n < KEYS_MAX && len < 32);
        memcpy(words[n], key + skip, len);
        words[n][len] = '\0';
        names[n] = words[n];
        n++;
    }
    return n;
}

/* eval: the source is read to measure, not to learn. */
static sil_err read_source(struct reader *r, const yaml_node_t *n, bool eval, struct recipe_source *out) {
    const char *names[SOURCE_FIELDS];
    bool given[SOURCE_FIELDS] = {false};
    SIL_TRY(yamlx_check_keys(&r->y, n, r->e));
    put_defaults(source_fields, SOURCE_FIELDS, out);
    for (size_t i = 0; i < SOURCE_FIELDS; i++) names[i] = source_fields[i].key;
    for (size_t p = 0; p < yamlx_count(n); p++) {
        const yaml_node_t *key, *value;
        size_t i = 0;
        yamlx_pair(&r->y, n, p, &key, &value);
        while (i < SOURCE_FIELDS && !str_eq(yamlx_text(key), str_of(names[i]))) i++;
        if (i == SOURCE_FIELDS) return unknown(r, key, names, SOURCE_FIELDS);
        SIL_TRY(read_field(r, &source_fields[i], value, out));
        given[i] = true;
    }
    for (size_t i = 0; i < SOURCE_FIELDS; i++)
        if (source_fields[i].flags & NEED && !given[i])
            return yamlx_error(&r->y, n, r->e, "%s is missing", source_fields[i].key);
    if (out->from >= out->to) return yamlx_error(&r->y, n, r->e, "from must be less than to");
    if ((out->kind != SOURCE_DIALOGUE || eval) && (out->drop_tokens > 0 || out->split_tokens > 0))
        return yamlx_error(&r->y, n, r->e, "drop_tokens and split_tokens alter questions of dialogues that are learnt");
    return SIL_OK;
}

static sil_err read_sources(struct reader *r, const yaml_node_t *n, bool eval, struct recipe_source *out,
                            uint32_t *count) {
    size_t k = yamlx_count(n);
    if (n->type != YAML_SEQUENCE_NODE || k < 1 || k > RECIPE_SOURCES_MAX)
        return yamlx_error(&r->y, n, r->e, "a list of 1 to %d sources is needed here", RECIPE_SOURCES_MAX);
    for (size_t i = 0; i < k; i++) SIL_TRY(read_source(r, yamlx_item(&r->y, n, i), eval, &out[i]));
    *count = (uint32_t)k;
    return SIL_OK;
}

static sil_err read_prompts(struct reader *r, const yaml_node_t *n, struct recipe *out) {
    static const struct field f = {.key = "samples.prompts", .kind = TEXT};
    size_t k = yamlx_count(n);
    if (n->type != YAML_SEQUENCE_NODE || k > RECIPE_PROMPTS_MAX)
        return yamlx_error(&r->y, n, r->e, "a list of at most %d prompts is needed here", RECIPE_PROMPTS_MAX);
    for (size_t i = 0; i < k; i++) SIL_TRY(read_field(r, &f, yamlx_item(&r->y, n, i), &out->prompts[i]));
    out->n_prompts = (uint32_t)k;
    return SIL_OK;
}

/* One key; *nested when it is a mapping of further ones. */
static sil_err read_key(struct reader *r, const char *prefix, const yaml_node_t *key, const yaml_node_t *value,
                        struct recipe *out, bool *given, bool *nested) {
    const char *names[KEYS_MAX];
    char words[KEYS_MAX][32], path[80];
    size_t n = words_below(prefix, names, words), i = 0;
    struct str k = yamlx_text(key);
    while (i < n && !str_eq(k, str_of(names[i]))) i++;
    if (i == n) return unknown(r, key, names, n);
    snprintf(path, sizeof path, "%s%s", prefix, names[i]);
    if (strcmp(path, "data") == 0) return read_sources(r, value, false, out->data, &out->n_data);
    if (strcmp(path, "eval.data") == 0) return read_sources(r, value, true, out->eval, &out->n_eval);
    if (strcmp(path, "samples.prompts") == 0) return read_prompts(r, value, out);
    for (i = 0; i < FIELDS; i++) {
        if (strcmp(fields[i].key, path) != 0) continue;
        given[i] = true;
        return read_field(r, &fields[i], value, out);
    }
    *nested = true;
    return SIL_OK;
}

static sil_err read_group(struct reader *r, const char *prefix, const yaml_node_t *map, struct recipe *out,
                          bool *given) {
    const yaml_node_t *key, *value, *inner_key, *inner;
    SIL_TRY(yamlx_check_keys(&r->y, map, r->e));
    for (size_t i = 0; i < yamlx_count(map); i++) {
        bool nested = false, deeper = false;
        char below[64];
        yamlx_pair(&r->y, map, i, &key, &value);
        SIL_TRY(read_key(r, prefix, key, value, out, given, &nested));
        if (!nested) continue;
        snprintf(below, sizeof below, "%.*s.", STR_ARG(yamlx_text(key)));
        SIL_TRY(yamlx_check_keys(&r->y, value, r->e));
        for (size_t k = 0; k < yamlx_count(value); k++) {
            yamlx_pair(&r->y, value, k, &inner_key, &inner);
            SIL_TRY(read_key(r, below, inner_key, inner, out, given, &deeper));
        }
    }
    return SIL_OK;
}

static sil_err check(struct reader *r, const yaml_node_t *root, struct recipe *out, const bool *given) {
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].flags & NEED && !given[i]) return yamlx_error(&r->y, root, r->e, "%s is missing", fields[i].key);
    if (out->n_data == 0) return yamlx_error(&r->y, root, r->e, "data is missing: a list of files to learn from");
    if (out->batch < out->shape.ctx)
        return yamlx_error(&r->y, root, r->e, "batch is %u tokens; it must hold a document of model.context (%u)",
                           out->batch, out->shape.ctx);
    if (out->min_lr > out->lr) return yamlx_error(&r->y, root, r->e, "optimizer.min_lr is above optimizer.lr");
    bool begins = false;
    for (uint32_t i = 0; i < out->n_data; i++) begins = begins || out->data[i].from == 0;
    if (!begins) return yamlx_error(&r->y, root, r->e, "data: no source is used from the beginning (from: 0)");
    struct learn_shape s = out->shape;
    s.vocab = 2; /* comes later */
    struct sil_error why = {0};
    if (learn_shape_check(&s, &why) != SIL_OK) return yamlx_error(&r->y, root, r->e, "%s", why.text);
    out->type = (int)types[out->type];
    const uint32_t block = dtype_get((uint32_t)out->type)->block_len;
    if (s.width % block || s.ffn % block || s.heads * s.head_dim % block)
        return yamlx_error(&r->y, root, r->e, "type %s needs width, ffn and heads * head_dim to be multiples of %u",
                           dtype_get((uint32_t)out->type)->name, block);
    return SIL_OK;
}

sil_err recipe_parse(struct arena *a, struct str yaml, const char *path, struct recipe *out, struct sil_error *e) {
    struct reader r = {.a = a, .e = e};
    bool given[FIELDS] = {false};
    const char *slash = strrchr(path, '/');
    r.folder = slash ? arena_copy(a, path, (size_t)(slash - path) + 1) : "";
    if (!r.folder) return err_nomem(e, "a recipe", strlen(path));
    memset(out, 0, sizeof *out);
    put_defaults(fields, FIELDS, out);
    SIL_TRY(yamlx_parse(yaml, RECIPE_BYTES_MAX, path, "a recipe", &r.y, e));
    const yaml_node_t *root = yaml_document_get_root_node(&r.y.doc);
    sil_err err = read_group(&r, "", root, out, given);
    if (err == SIL_OK) err = check(&r, root, out, given);
    yamlx_free(&r.y);
    return err;
}

sil_err recipe_read(struct arena *a, const char *path, struct recipe *out, struct sil_error *e) {
    struct buf text;
    buf_init(&text, a->mem, RECIPE_BYTES_MAX + 1);
    sil_err err = file_read(path, &text, e);
    if (err == SIL_OK) err = recipe_parse(a, buf_view(&text), path, out, e);
    buf_free(&text);
    return err;
}

static sil_err put_canonical(const struct field *list, size_t n, const void *base, struct buf *out) {
    for (size_t i = 0; i < n; i++) {
        const void *p = (const char *)base + list[i].at;
        double v = 0;
        if (list[i].flags & FREE || list[i].kind == PATH) continue;
        if (list[i].kind == TEXT) {
            SIL_TRY(buf_printf(out, "%s %s\n", list[i].key, *(const char *const *)p));
            continue;
        }
        if (list[i].kind == U32) v = *(const uint32_t *)p;
        else if (list[i].kind == U64) v = (double)*(const uint64_t *)p;
        else if (list[i].kind == F32) v = (double)*(const float *)p;
        else if (list[i].kind == F64) v = *(const double *)p;
        else if (list[i].kind == BOOL) v = *(const bool *)p;
        else v = *(const int *)p;
        if (list[i].flags & LATER && v == list[i].def) continue;
        SIL_TRY(buf_printf(out, "%s %a\n", list[i].key, v));
    }
    return SIL_OK;
}

sil_err recipe_canonical(const struct recipe *r, struct buf *out) {
    SIL_TRY(put_canonical(fields, FIELDS, r, out));
    for (uint32_t i = 0; i < r->n_data; i++) SIL_TRY(put_canonical(source_fields, SOURCE_FIELDS, &r->data[i], out));
    return SIL_OK;
}
