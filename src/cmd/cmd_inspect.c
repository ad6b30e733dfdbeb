/* sillok inspect: what is in a model file, in words. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cpu.h"
#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/inspect.h"

static const char NAME[] = "inspect";
enum { TEXT_SHOWN = 100 };

const char *inspect_type_name(uint32_t type, char out[INSPECT_NUMBER]) {
    const char *name = dtype_gguf_name(type);
    if (name) return name;
    snprintf(out, INSPECT_NUMBER, "type %u", type);
    return out;
}

void inspect_float(double v, bool f32, char out[INSPECT_NUMBER]) {
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(out, INSPECT_NUMBER, "%.*g", digits, v);
        double back = strtod(out, NULL);
        if (back == v || (f32 && (float)back == (float)v)) return;
    }
}

/* A key under the architecture's name: "llama.context_length". */
static const struct gguf_value *arch_key(const struct inspect *s, const char *what) {
    char key[GGUF_NAME_MAX];
    if (s->arch.n == 0 || s->arch.n > 128) return NULL;
    snprintf(key, sizeof key, "%.*s.%s", (int)s->arch.n, s->arch.p, what);
    return gguf_find(s->g, key);
}

#define SET_U32(field, value)                                                                                          \
    do {                                                                                                               \
        const struct gguf_value *set_v = (value);                                                                      \
        (field).has = set_v && is_u32(set_v);                                                                          \
        (field).v = (field).has ? (uint32_t)set_v->as.u : 0;                                                           \
    } while (0)

static bool is_u32(const struct gguf_value *v) {
    return v->type != GGUF_STRING && v->type != GGUF_ARRAY && v->type != GGUF_F32 && v->type != GGUF_F64 &&
           v->type != GGUF_BOOL && v->as.u <= UINT32_MAX;
}

static struct str text_of(const struct gguf *g, const char *key) {
    const struct gguf_value *v = gguf_find(g, key);
    return v && v->type == GGUF_STRING ? v->as.s : STR("");
}

static uint64_t length_of(const struct gguf *g, const char *key) {
    const struct gguf_value *v = gguf_find(g, key);
    return v && v->type == GGUF_ARRAY ? v->as.a->n : 0;
}

static void count_tensor(struct inspect *s, const struct gguf_tensor *t) {
    uint64_t n = t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3]; /* checked by gguf_parse */
    uint32_t i = 0;
    if (!u64_add(s->parameters, n, &s->parameters)) s->parameters = UINT64_MAX;
    while (i < s->n_types && s->types[i].type != t->type) i++;
    if (i == INSPECT_TYPES_MAX) return;
    if (i == s->n_types) s->types[s->n_types++].type = t->type;
    struct inspect_type *k = &s->types[i];
    k->tensors++;
    k->bytes += t->n_bytes; /* all within the file */
    if (!u64_add(k->parameters, n, &k->parameters)) k->parameters = UINT64_MAX;
}

static void gather(const char *path, const struct model_file *f, struct inspect *s) {
    const struct gguf *g = model_file_gguf(f);
    *s = (struct inspect){.path = path, .g = g, .n_files = model_file_shards(f)};
    for (uint32_t i = 0; i < s->n_files; i++) s->bytes += model_file_bytes(f, i).n;
    for (size_t i = 0; i < g->n_tensors; i++) count_tensor(s, &g->tensors[i]);
    s->arch = text_of(g, "general.architecture");
    s->name = text_of(g, "general.name");
    s->tok_model = text_of(g, "tokenizer.ggml.model");
    s->tok_pre = text_of(g, "tokenizer.ggml.pre");
    s->chat_template = text_of(g, "tokenizer.chat_template");
    s->tokens = length_of(g, "tokenizer.ggml.tokens");
    s->merges = length_of(g, "tokenizer.ggml.merges");
    s->has_memory = model_memory(g, cpu_detect(), &s->memory, NULL) == SIL_OK;
    SET_U32(s->context, arch_key(s, "context_length"));
    SET_U32(s->layers, arch_key(s, "block_count"));
    SET_U32(s->width, arch_key(s, "embedding_length"));
    SET_U32(s->ffn, arch_key(s, "feed_forward_length"));
    SET_U32(s->heads, arch_key(s, "attention.head_count"));
    SET_U32(s->kv_heads, arch_key(s, "attention.head_count_kv"));
    SET_U32(s->head_dim, arch_key(s, "attention.key_length"));
    SET_U32(s->bos, gguf_find(g, "tokenizer.ggml.bos_token_id"));
    SET_U32(s->eos, gguf_find(g, "tokenizer.ggml.eos_token_id"));
    if (!s->head_dim.has && s->width.has && s->heads.has && s->heads.v) {
        s->head_dim.has = true;
        s->head_dim.v = s->width.v / s->heads.v;
    }
}

static void print_bytes(uint64_t n) {
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double v = (double)n / 1024;
    int u = 0;
    while (v >= 1024 && u < 3) {
        v /= 1024;
        u++;
    }
    if (n < 1024) printf("%" PRIu64 " B", n);
    else printf("%.1f %s", v, units[u]);
}

static void print_count(uint64_t n) {
    static const char *const units[] = {"thousand", "million", "billion"};
    double v = (double)n / 1e3;
    int u = 0;
    while (v >= 1000 && u < 2) {
        v /= 1000;
        u++;
    }
    if (n < 10000) printf("%" PRIu64, n);
    else printf("%.2f %s", v, units[u]);
}

static void print_types(const struct inspect *s) {
    char number[INSPECT_NUMBER];
    for (uint32_t i = 0; i < s->n_types; i++) {
        const struct inspect_type *k = &s->types[i];
        printf("%-12s%s: %" PRIu64 " tensors, ", i ? "" : "Weights", inspect_type_name(k->type, number), k->tensors);
        print_count(k->parameters);
        fputs(" parameters, ", stdout);
        if (dtype_get(k->type)) print_bytes(k->bytes);
        else fputs("a type that Sillok does not support", stdout);
        putchar('\n');
    }
    if (s->n_types == 0) puts("Weights     none (a vocabulary only)");
}

static void print_shape(const struct inspect *s) {
    const char *comma = "";
    fputs("Shape       ", stdout);
#define PART(field, words)                                                                                             \
    if (s->field.has) {                                                                                                \
        printf("%s" words, comma, s->field.v);                                                                         \
        comma = ", ";                                                                                                  \
    }
    PART(layers, "%u layers")
    PART(width, "width %u")
    PART(ffn, "feed-forward %u")
    PART(heads, "%u heads")
    PART(head_dim, "head size %u")
    PART(kv_heads, "%u key/value heads")
#undef PART
    puts(*comma ? "" : "not stated");
    if (s->context.has) printf("Context     %u tokens\n", s->context.v);
}

static void print_memory(const struct inspect *s) {
    if (!s->has_memory) return;
    if (s->memory.packed) {
        fputs("Memory      packed weights ", stdout);
        print_bytes(s->memory.packed);
        printf(" (%s), from the file ", cpu_name(cpu_detect()));
    } else {
        fputs("Memory      weights from the file ", stdout);
    }
    print_bytes(s->memory.mapped);
    fputs(", keys and values ", stdout);
    print_bytes(s->memory.kv_per_1000[SIL_KV_F16]);
    fputs(" per 1,000 tokens (", stdout);
    print_bytes(s->memory.kv_per_1000[SIL_KV_INT8]);
    fputs(" with --kv int8), buffers ", stdout);
    print_bytes(s->memory.step_256);
    putchar('\n');
}

static void print_tokenizer(const struct inspect *s) {
    if (s->tokens == 0) {
        puts("Tokenizer   none");
    } else {
        fputs("Tokenizer   ", stdout);
        cmd_print_safe(stdout, s->tok_model.n ? s->tok_model : STR("of unstated kind"), false);
        if (s->tok_pre.n) {
            fputs(" / ", stdout);
            cmd_print_safe(stdout, s->tok_pre, false);
        }
        printf(", %" PRIu64 " tokens", s->tokens);
        if (s->merges) printf(", %" PRIu64 " merges", s->merges);
        if (s->bos.has) printf(", BOS %u", s->bos.v);
        if (s->eos.has) printf(", EOS %u", s->eos.v);
        putchar('\n');
    }
    if (s->chat_template.n) printf("Template    %zu bytes\n", s->chat_template.n);
    else puts("Template    none");
}

static void print_text(struct str s) {
    bool cut = s.n > TEXT_SHOWN;
    putchar('"');
    if (cut) { /* at a character's end */
        s.n = TEXT_SHOWN;
        while (s.n > TEXT_SHOWN - 4 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80) s.n--;
    }
    cmd_print_safe(stdout, s, false);
    fputs(cut ? "\"..." : "\"", stdout);
}

static void print_float(double v, bool f32) {
    char out[INSPECT_NUMBER];
    inspect_float(v, f32, out);
    fputs(out, stdout);
}

static void print_array(const struct gguf_array *a, unsigned depth) {
    uint64_t shown = a->n < INSPECT_FIRST ? a->n : INSPECT_FIRST;
    putchar('[');
    for (uint64_t i = 0; i < shown; i++) {
        if (i) fputs(", ", stdout);
        if (a->type == GGUF_STRING) print_text(a->strings[i]);
        else if (a->type == GGUF_ARRAY && depth < GGUF_DEPTH_MAX) print_array(&a->arrays[i], depth + 1);
        else if (a->type == GGUF_F32 || a->type == GGUF_F64) print_float(gguf_array_float(a, i), a->type == GGUF_F32);
        else if (a->type == GGUF_BOOL) fputs(gguf_array_int(a, i) ? "true" : "false", stdout);
        else if (a->type == GGUF_U64) printf("%" PRIu64, (uint64_t)gguf_array_int(a, i));
        else printf("%" PRId64, gguf_array_int(a, i));
    }
    fputs(shown < a->n ? ", ...]" : "]", stdout);
}

static void print_value(const struct gguf_value *v) {
    switch (v->type) {
    case GGUF_STRING: print_text(v->as.s); break;
    case GGUF_ARRAY: print_array(v->as.a, 1); break;
    case GGUF_F32:
    case GGUF_F64: print_float(v->as.f, v->type == GGUF_F32); break;
    case GGUF_BOOL: fputs(v->as.u ? "true" : "false", stdout); break;
    case GGUF_I8:
    case GGUF_I16:
    case GGUF_I32:
    case GGUF_I64: printf("%" PRId64, v->as.i); break;
    default: printf("%" PRIu64, v->as.u);
    }
}

static void print_metadata(const struct gguf *g) {
    printf("\nMetadata (%zu keys)\n", g->n_kv);
    for (size_t i = 0; i < g->n_kv; i++) {
        const struct gguf_value *v = &g->kv[i].value;
        fputs("  ", stdout);
        cmd_print_safe(stdout, g->kv[i].key, false);
        if (v->type == GGUF_ARRAY) printf("  %s[%" PRIu64 "]  ", gguf_type_name(v->as.a->type), v->as.a->n);
        else printf("  %s  ", gguf_type_name(v->type));
        print_value(v);
        putchar('\n');
    }
}

static void print_tensors(const struct gguf *g) {
    char number[INSPECT_NUMBER];
    printf("\nTensors (%zu)\n", g->n_tensors);
    for (size_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i];
        fputs("  ", stdout);
        cmd_print_safe(stdout, t->name, false);
        printf("  %s  [", inspect_type_name(t->type, number));
        for (uint32_t d = 0; d < t->n_dims; d++) printf("%s%" PRIu64, d ? ", " : "", t->dims[d]);
        fputs("]  ", stdout);
        if (t->data) print_bytes(t->n_bytes);
        else fputs("unsupported", stdout);
        if (g->n_shards > 1) printf("  file %u", t->shard + 1);
        putchar('\n');
    }
}

static void print_all(const struct inspect *s, bool tensors) {
    printf("File        ");
    cmd_print_safe(stdout, str_of(s->path), false);
    printf(": GGUF %u, ", s->g->version);
    print_bytes(s->bytes);
    if (s->n_files > 1) printf(" in %u files", s->n_files);
    fputs("\nModel       ", stdout);
    cmd_print_safe(stdout, s->arch.n ? s->arch : STR("architecture not stated"), false);
    if (s->name.n) {
        fputs(", ", stdout);
        print_text(s->name);
    }
    fputs(", ", stdout);
    print_count(s->parameters);
    puts(" parameters");
    print_types(s);
    print_shape(s);
    print_memory(s);
    print_tokenizer(s);
    print_metadata(s->g);
    if (tensors) print_tensors(s->g);
}

int cmd_inspect(int argc, char **argv) {
    const char *path;
    int n_args;
    bool json = false, tensors = false;
    const struct cmd_opt opts[] = {
        {.name = "json", .kind = CMD_FLAG, .out = &json, .help = "print JSON"},
        {.name = "tensors", .kind = CMD_FLAG, .out = &tensors, .help = "list every tensor too"},
    };
    const struct cmd_spec spec = {
        .name = NAME,
        .synopsis = "FILE [--json] [--tensors]",
        .about = "Says what is in a GGUF file: architecture, sizes, tokenizer, every metadata key (long arrays cut).\n"
                 "Of a model in several files, give the first.",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_args = 1,
        .max_args = 1,
        .missing = "a model file"};
    int rc = cmd_parse(&spec, argc, argv, &path, &n_args);
    if (rc != CMD_GO) return rc;
    struct sil_error e = {0};
    struct model_file *f;
    if (model_file_inspect(path, mem_libc(), &f, &e) != SIL_OK) return cmd_fail(NAME, &e);
    struct inspect s;
    gather(path, f, &s);
    sil_err err = SIL_OK;
    if (json) err = inspect_json(&s, tensors, &e);
    else print_all(&s, tensors);
    model_file_close(f);
    return err == SIL_OK ? 0 : cmd_fail(NAME, &e);
}
