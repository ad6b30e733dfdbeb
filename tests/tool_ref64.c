/* Logits of every position by the float64 oracle: tool_ref64 MODEL.gguf 1,2,3 OUT.f64 [exact|kv|ca1|int8|llama]
 * Little-endian doubles, one row of the vocabulary per token. "write:N" in the tokens' place: N tokens after token 1,
 * drawn from the model, are printed as 1,... and evaluated (the last one is not). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "ref64.h"

enum { TOKENS_MAX = 4096 };

static size_t read_tokens(const char *s, uint32_t *tokens) {
    size_t n = 0;
    while (n < TOKENS_MAX) {
        char *end;
        tokens[n] = (uint32_t)strtoul(s, &end, 10);
        if (end == s) return 0;
        n++;
        if (!*end) return n;
        s = end + 1;
    }
    return 0;
}

/* "write:N" to N; 0 when it is not that. */
static size_t to_write(const char *s) {
    unsigned long n = strncmp(s, "write:", 6) == 0 ? strtoul(s + 6, NULL, 10) : 0;
    return n < TOKENS_MAX ? n : 0;
}

static sil_err evaluate(const struct ref64 *m, const char *what, uint32_t *tokens, size_t n, enum ref64_mode mode,
                        double *out, struct sil_error *e) {
    if (!to_write(what)) return ref64_logits(m, tokens, n, mode, out, e);
    tokens[0] = 1;
    sil_err err = ref64_write(m, 1, n, tokens, out, e);
    for (size_t i = 0; err == SIL_OK && i <= n; i++) printf("%u%c", tokens[i], i < n ? ',' : '\n');
    return err;
}

int main(int argc, char **argv) {
    static uint32_t tokens[TOKENS_MAX];
    struct sil_error e = {0};
    struct ref64 *m = NULL;
    struct file_out f;
    size_t n = argc < 4 ? 0 : to_write(argv[2]) ? to_write(argv[2]) : read_tokens(argv[2], tokens);
    static const char *const modes[] = {"exact", "kv", "ca1", "int8", "llama"};
    int mode = 0;
    while (argc > 4 && mode < 5 && strcmp(argv[4], modes[mode]) != 0) mode++;
    if (!n || mode == 5) {
        fprintf(stderr, "usage: tool_ref64 MODEL.gguf TOKEN,TOKEN,...|write:N OUT.f64 [exact|kv|ca1|int8|llama]\n");
        return 2;
    }
    sil_err err = ref64_open(argv[1], &m, &e);
    double *out = err == SIL_OK ? calloc(n * ref64_vocab(m), sizeof *out) : NULL;
    if (out) err = evaluate(m, argv[2], tokens, n, (enum ref64_mode)mode, out, &e);
    if (out && err == SIL_OK) err = file_create(argv[3], &f, &e);
    if (out && err == SIL_OK) {
        err = file_write(&f, out, n * ref64_vocab(m) * sizeof *out, &e);
        if (err == SIL_OK) err = file_commit(&f, &e);
        else file_discard(&f);
    }
    ref64_close(m);
    free(out);
    if (err == SIL_OK && out) return 0;
    fprintf(stderr, "tool_ref64: %s\n", e.text);
    return 1;
}
