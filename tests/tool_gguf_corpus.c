/* tool_gguf_corpus DIR: writes the corpora of fuzz_gguf and fuzz_llama2c into DIR (fuzz/corpus).
 * tool_gguf_corpus --llama2c MODEL TOKENIZER: writes one small llama2c model and its tokenizer. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gguf_cases.h"
#include "llama2c_cases.h"

static int failed;

static void save_at(const char *path, struct buf *b) {
    FILE *f = fopen(path, "wb");
    if (!f || b->max == 0 || (b->n && fwrite(b->p, 1, b->n, f) != b->n)) {
        fprintf(stderr, "%s cannot be written\n", path);
        failed = 1;
    }
    if (f && fclose(f) != 0) failed = 1;
    buf_free(b);
}

static void save(const char *dir, const char *target, bool good, const char *name, struct buf *b) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", dir, target, good ? "good" : "bad");
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s/%s", dir, target, good ? "good" : "bad", name);
    save_at(path, b);
}

static int save_llama2c(const char *model, const char *vocab) {
    struct buf b;
    buf_init(&b, mem_libc(), 1 << 20);
    llama2c_make_model(&b, &llama2c_small);
    save_at(model, &b);
    llama2c_make_vocab(&b);
    save_at(vocab, &b);
    return failed;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "--llama2c") == 0) return save_llama2c(argv[2], argv[3]);
    if (argc != 2) {
        fprintf(stderr, "usage: %s fuzz/corpus\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < gguf_n_good + gguf_n_bad; i++) {
        const struct gguf_case *c = i < gguf_n_good ? &gguf_good[i] : &gguf_bad[i - gguf_n_good];
        struct buf b;
        buf_init(&b, mem_libc(), 1 << 20);
        c->make(&b);
        save(argv[1], "gguf", i < gguf_n_good, c->name, &b);
    }
    for (size_t i = 0; i < llama2c_n_cases; i++) {
        struct buf b;
        buf_init(&b, mem_libc(), 1 << 20);
        llama2c_make_case(&llama2c_cases[i], &b);
        save(argv[1], "llama2c", llama2c_cases[i].good, llama2c_cases[i].name, &b);
    }
    return failed;
}
