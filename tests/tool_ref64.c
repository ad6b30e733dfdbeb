/* Logits of every position by the float64 oracle: tool_ref64 MODEL.gguf 1,2,3 OUT.f64 [exact|kv|ca1|llama]
 * Little-endian doubles, one row of the vocabulary per token. */
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

int main(int argc, char **argv) {
    static uint32_t tokens[TOKENS_MAX];
    struct sil_error e = {0};
    struct ref64 *m = NULL;
    struct file_out f;
    size_t n = argc >= 4 ? read_tokens(argv[2], tokens) : 0;
    static const char *const modes[] = {"exact", "kv", "ca1", "llama"};
    int mode = 0;
    while (argc > 4 && mode < 4 && strcmp(argv[4], modes[mode]) != 0) mode++;
    if (!n || mode == 4) {
        fprintf(stderr, "usage: tool_ref64 MODEL.gguf TOKEN,TOKEN,... OUT.f64 [exact|kv|ca1|llama]\n");
        return 2;
    }
    sil_err err = ref64_open(argv[1], &m, &e);
    double *out = err == SIL_OK ? calloc(n * ref64_vocab(m), sizeof *out) : NULL;
    if (out) err = ref64_logits(m, tokens, n, (enum ref64_mode)mode, out, &e);
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
