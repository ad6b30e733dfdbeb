/* Makes a random model for tests and benchmarks: tool_make_model OUT.gguf [--option value ...]; see usage. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "make_model.h"

static const char usage[] =
    "usage: tool_make_model OUT.gguf [options]\n"
    "  --preset tiny|100m|1.1b   sizes, which the options after it may change\n"
    "  --arch llama|qwen3        --type F32|F16|BF16|Q8_0|Q4_0|Q4_1|Q5_0|Q5_1|Q4_K|Q5_K|Q6_K|Q4_K_M\n"
    "  --d N --layers N --heads N --kv-heads N --head-dim N --ffn N --vocab N --ctx N --seed N --eps X\n"
    "  --outliers N              channels with 50 times the activations of the others\n"
    "  --rope none|linear|llama3|yarn      --tokenizer spm|bpe (default: spm for llama, bpe for qwen3)\n"
    "  --tied  --bias  --chat\n";

static int bad(const char *option) {
    fprintf(stderr, "tool_make_model: bad option or value: %s\n%s", option, usage);
    return 2;
}

static bool number(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == 0;
}

static bool set_size(struct mm_spec *s, const char *name, uint64_t v) {
    const struct {
        const char *name;
        uint32_t *to;
    } sizes[] = {{"--d", &s->d},
                 {"--layers", &s->layers},
                 {"--heads", &s->heads},
                 {"--kv-heads", &s->kv_heads},
                 {"--head-dim", &s->head_dim},
                 {"--ffn", &s->ffn},
                 {"--vocab", &s->vocab},
                 {"--ctx", &s->ctx},
                 {"--outliers", &s->outliers}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strcmp(sizes[i].name, name) == 0) return (*sizes[i].to = (uint32_t)v) == v;
    if (strcmp(name, "--seed") != 0) return false;
    s->seed = v;
    return true;
}

/* One of several words, by its index; -1 for none. */
static int choice(const char *value, const char *const *words) {
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], value) == 0) return i;
    return -1;
}

static bool set_word(struct mm_spec *s, const char *name, const char *value, int *tokenizer) {
    int i;
    if (strcmp(name, "--preset") == 0) return mm_preset(value, s);
    if (strcmp(name, "--type") == 0) {
        s->mixture = strcmp(value, "Q4_K_M") == 0;
        return dtype_parse(s->mixture ? "Q4_K" : value, &s->type);
    }
    if (strcmp(name, "--arch") == 0) {
        i = choice(value, (const char *const[]){"llama", "qwen3", NULL});
        s->qwen3 = i == 1;
        return i >= 0;
    }
    if (strcmp(name, "--rope") == 0) {
        i = choice(value, (const char *const[]){"none", "linear", "llama3", "yarn", NULL});
        s->rope = (enum mm_rope)(i < 0 ? 0 : i);
        return i >= 0;
    }
    if (strcmp(name, "--eps") == 0) {
        char *end;
        s->eps = strtof(value, &end);
        return end != value && *end == 0 && s->eps >= 0;
    }
    if (strcmp(name, "--tokenizer") == 0) {
        *tokenizer = choice(value, (const char *const[]){"spm", "bpe", NULL});
        return *tokenizer >= 0;
    }
    return false;
}

int main(int argc, char **argv) {
    struct mm_spec s = mm_default();
    int tokenizer = -1;
    if (argc < 2 || argv[1][0] == '-') return bad("no output file");
    for (int i = 2; i < argc; i++) {
        const char *name = argv[i];
        uint64_t v;
        if (strcmp(name, "--tied") == 0) s.tied = true;
        else if (strcmp(name, "--chat") == 0) s.chat = true;
        else if (strcmp(name, "--bias") == 0) s.bias = true;
        else if (i + 1 >= argc) return bad(name);
        else if (set_word(&s, name, argv[i + 1], &tokenizer)) i++;
        else if (number(argv[i + 1], &v) && set_size(&s, name, v)) i++;
        else return bad(name);
    }
    s.byte_bpe = tokenizer < 0 ? s.qwen3 : tokenizer == 1;
    struct sil_error e = {0};
    if (mm_write_file(&s, argv[1], &e) == SIL_OK) return 0;
    fprintf(stderr, "tool_make_model: %s\n", e.text);
    return 1;
}
