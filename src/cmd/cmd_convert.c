/* sillok convert: a llama2.c model and its tokenizer to one GGUF file. */
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "formats/llama2c.h"
#include "model/model_file.h"

static const char NAME[] = "convert";
enum { ARENA_EXTRA = 16 << 20 };

static bool same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static struct str view(const struct file_map *m) {
    return (struct str){(const char *)m->p, m->n};
}

static sil_err convert(const char *in, const struct file_map *model, const char *tokenizer,
                       const struct file_map *vocab, const char *out, struct sil_error *e) {
    struct arena a;
    struct llama2c m;
    struct llama2c_vocab v;
    struct gguf_writer *w;
    if (str_starts(view(model), STR("GGUF"))) return err_set(e, SIL_ARG, "%s is a GGUF file already", in);
    sil_err err = llama2c_parse(view(model), &m, e);
    if (err != SIL_OK) return err_prefix(e, err, "%s", in);
    /* Tokens, their records twice over, and names: all in proportion to the tokenizer file and the layers. */
    arena_init(&a, mem_libc(), vocab->n * 64 + (size_t)m.n_layers * 8192 + ARENA_EXTRA);
    err = llama2c_vocab(&a, view(vocab), m.n_vocab, &v, e);
    if (err != SIL_OK) err = err_prefix(e, err, "%s", tokenizer);
    if (err == SIL_OK) err = llama2c_gguf(&a, &m, &v, &w, e);
    if (err == SIL_OK) err = model_file_write(w, out, e);
    arena_free(&a);
    if (err == SIL_OK)
        printf("wrote %s: llama, %u layers, width %u, %u tokens, context %u, F32\n", out, m.n_layers, m.dim, m.n_vocab,
               m.n_ctx);
    return err;
}

int cmd_convert(int argc, char **argv) {
    const char *args[2], *tokenizer = NULL;
    int n_args;
    const struct cmd_opt opts[] = {
        {.name = "tokenizer", .kind = CMD_TEXT, .out = &tokenizer, .value = "FILE", .help = "its tokenizer.bin"}};
    const struct cmd_spec spec = {.name = NAME,
                                  .synopsis = "IN OUT --tokenizer FILE",
                                  .about =
                                      "Turns a llama2.c model (.bin, float32) and its tokenizer into one GGUF file.\n"
                                      "OUT takes its name only when it is whole.",
                                  .opts = opts,
                                  .n_opts = 1,
                                  .min_args = 2,
                                  .max_args = 2,
                                  .missing = "the input or the output file"};
    int rc = cmd_parse(&spec, argc, argv, args, &n_args);
    if (rc != CMD_GO) return rc;
    if (!tokenizer)
        return cmd_usage(NAME, "--tokenizer is missing: llama2.c keeps the vocabulary in a file of its own");
    if (same_file(args[0], args[1]) || same_file(tokenizer, args[1]))
        return cmd_usage(NAME, "%s is an input too; give the output another name", args[1]);
    struct sil_error e = {0};
    struct file_map model, vocab;
    if (file_map_open(args[0], &model, &e) != SIL_OK) return cmd_fail(NAME, &e);
    sil_err err = file_map_open(tokenizer, &vocab, &e);
    if (err == SIL_OK) {
        err = convert(args[0], &model, tokenizer, &vocab, args[1], &e);
        file_map_close(&vocab);
    }
    file_map_close(&model);
    return err == SIL_OK ? 0 : cmd_fail(NAME, &e);
}
