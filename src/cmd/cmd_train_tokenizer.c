/* sillok train-tokenizer: a byte-level BPE or unigram tokenizer from texts. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/jsonx.h"
#include "cmd/cmd.h"
#include "learn/unigram.h"

static const char NAME[] = "train-tokenizer";
enum { FILES_MAX = 256, JSON_BYTES = 512 << 20, SPECIAL_BYTES = 8192 };

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

/* The contents of a dialogue's messages. */
static sil_err add_dialogue(struct bpe *b, struct str line, struct sil_error *e) {
    json_t *root;
    SIL_TRY(jsonx_parse(line, "dialogue", &root, e));
    json_t *messages = json_object_get(root, "messages");
    sil_err err = json_is_array(messages) ? SIL_OK : err_set(e, SIL_FORMAT, "there is no array \"messages\"");
    for (size_t i = 0; err == SIL_OK && i < json_array_size(messages); i++)
        err = bpe_add(b, jsonx_str(json_array_get(messages, i), "content"), e);
    json_decref(root);
    return err;
}

static sil_err add_lines(struct bpe *b, struct str rest, const char *path, struct sil_error *e) {
    bool dialogues = ends_with(path, ".jsonl");
    for (size_t number = 1; rest.n; number++) {
        const char *end = memchr(rest.p, '\n', rest.n);
        struct str line = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
        size_t used = line.n + (end != NULL);
        rest.p += used;
        rest.n -= used;
        while (line.n && line.p[line.n - 1] == '\r') line.n--;
        sil_err err = dialogues && line.n ? add_dialogue(b, line, e) : bpe_add(b, line, e);
        if (err != SIL_OK) return err_prefix(e, err, "%s:%zu", path, number);
    }
    return SIL_OK;
}

static sil_err add_file(struct bpe *b, const char *path, struct sil_error *e) {
    struct file_map map;
    SIL_TRY(file_map_open(path, &map, e));
    sil_err err = add_lines(b, (struct str){(const char *)map.p, map.n}, path, e);
    file_map_close(&map);
    return err;
}

static sil_err write_file(const char *path, struct str text, struct sil_error *e) {
    struct file_out out;
    SIL_TRY(file_create(path, &out, e));
    sil_err err = file_write(&out, text.p, text.n, e);
    if (err == SIL_OK) return file_commit(&out, e);
    file_discard(&out);
    return err;
}

typedef sil_err (*train_fn)(struct bpe *b, const struct bpe_options *o, struct buf *out, struct bpe_report *report,
                            struct sil_error *e);

static sil_err run(const char *const *files, int n, train_fn train, const struct bpe_options *o, const char *out,
                   struct sil_error *e) {
    struct bpe *b;
    struct buf json;
    struct bpe_report r = {0};
    SIL_TRY(bpe_new(mem_libc(), &b, e));
    buf_init(&json, mem_libc(), JSON_BYTES);
    sil_err err = SIL_OK;
    for (int i = 0; err == SIL_OK && i < n; i++) err = add_file(b, files[i], e);
    if (err == SIL_OK) err = train(b, o, &json, &r, e);
    if (err == SIL_OK) err = write_file(out, buf_view(&json), e);
    if (err == SIL_OK)
        printf("wrote %s: %u tokens, %u characters with a token of their own; %llu characters, %llu different words, "
               "%.4f tokens per character\n",
               out, r.n_tokens, r.n_own_chars, (unsigned long long)r.n_chars, (unsigned long long)r.n_words,
               (double)r.n_pieces / (double)r.n_chars);
    buf_free(&json);
    bpe_free(b);
    return err;
}

/* Cuts a list at its commas. */
static bool split_names(char *text, const char **names, uint32_t *n) {
    *n = 0;
    for (char *p = text; *p;) {
        size_t len = strcspn(p, ",");
        bool more = p[len] == ',';
        p[len] = '\0';
        if (len == 0 || *n == BPE_SPECIALS_MAX) return false;
        names[(*n)++] = p;
        p += len + more;
    }
    return true;
}

int cmd_train_tokenizer(int argc, char **argv) {
    const char *files[FILES_MAX], *out = NULL, *kind = "bpe", *special = "<|endoftext|>,<|im_start|>,<|im_end|>";
    const char *names[BPE_SPECIALS_MAX];
    char list[SPECIAL_BYTES];
    struct bpe_options o = {.vocab = 8192, .min_count = 2, .specials = names};
    float coverage = 0.9995f;
    int n;
    const struct cmd_opt opts[] = {
        {"out", 'o', CMD_TEXT, &out, "FILE", "the tokenizer.json to write", 0, 0},
        {"kind", 'k', CMD_TEXT, &kind, "KIND", "bpe (default) or unigram", 0, 0},
        {"vocab", 'v', CMD_U32, &o.vocab, "N", "tokens in all (default 8192)", 257, BPE_VOCAB_MAX},
        {"min-count", 0, CMD_U64, &o.min_count, "N", "the least count of a merge, piece or character (default 2)", 1,
         1e15},
        {"coverage", 0, CMD_F32, &coverage, "SHARE", "of characters with a token of their own (default 0.9995)", 1e-6,
         1},
        {"special", 0, CMD_TEXT, &special, "A,B,...", "tokens at the end (default: of ChatML and the end of a text)", 0,
         0}};
    const struct cmd_spec spec = {
        .name = NAME,
        .synopsis = "FILE... --out tokenizer.json [--vocab N]",
        .about =
            "Makes a byte-level BPE or unigram tokenizer from texts (UTF-8; of .jsonl files the messages' contents).\n"
            "Tokens never cross spaces, digits stand alone, no token holds a part of a character beside another.\n"
            "The same texts give the same bytes. Splitting is that of \"qwen2\".",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_args = 1,
        .max_args = FILES_MAX,
        .missing = "a text"};
    int rc = cmd_parse(&spec, argc, argv, files, &n);
    if (rc != CMD_GO) return rc;
    bool unigram = strcmp(kind, "unigram") == 0;
    if (!unigram && strcmp(kind, "bpe") != 0) return cmd_usage(NAME, "--kind is bpe or unigram, not %s", kind);
    if (!out) return cmd_usage(NAME, "--out is missing: the tokenizer.json to write");
    int len = snprintf(list, sizeof list, "%s", special);
    if (len < 0 || (size_t)len >= sizeof list || !split_names(list, names, &o.n_specials))
        return cmd_usage(NAME, "--special is a list of at most %d names with commas between them", BPE_SPECIALS_MAX);
    o.coverage = (double)coverage;
    struct sil_error e = {0};
    return run(files, n, unigram ? unigram_train : bpe_train, &o, out, &e) == SIL_OK ? 0 : cmd_fail(NAME, &e);
}
