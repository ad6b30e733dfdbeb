/* How fast a tokenizer.json opens and encodes.  tool_tokenize_speed TOKENIZER.json LINES.jsonl ROUNDS
 * Prints one line of JSON: the time to open, and for each round the time to encode all lines, with a cache of words
 * that begins empty (as a server's does) and is kept from line to line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonx.h"
#include "text/encode.h"

enum { FILE_MAX = 512 << 20, ROUNDS_MAX = 100, IDS_MAX = 1 << 28 };

struct lines {
    json_t **docs; /* owns the texts */
    struct str *text;
    size_t n, bytes;
};

static int fail(const char *what) {
    fprintf(stderr, "tool_tokenize_speed: %s\n", what);
    return 1;
}

static bool read_lines(const char *path, struct lines *l) {
    FILE *f = fopen(path, "rb");
    char *line = NULL;
    size_t cap = 0, room = 0;
    bool ok = f != NULL;
    for (ssize_t n; ok && (n = getline(&line, &cap, f)) > 0;) {
        if (l->n == room) {
            room = room ? room * 2 : 1024;
            l->docs = realloc(l->docs, room * sizeof(*l->docs));
            l->text = realloc(l->text, room * sizeof(*l->text));
            if (!l->docs || !l->text) abort();
        }
        ok = jsonx_parse((struct str){line, (size_t)n}, path, &l->docs[l->n], NULL) == SIL_OK;
        if (!ok) break;
        l->text[l->n] = jsonx_str(l->docs[l->n], "text");
        l->bytes += l->text[l->n].n;
        l->n++;
    }
    free(line);
    if (f) fclose(f);
    return ok && l->n > 0;
}

static double now(void) {
    return (double)clock_now_ns(clock_system()) / 1e9;
}

/* Seconds for all lines; negative when one cannot be encoded. */
static double encode_all(const struct tokenizer *t, const struct lines *l, size_t *n_ids) {
    struct tok_scratch *s;
    struct tok_ids ids;
    double start = now();
    *n_ids = 0;
    if (tok_scratch_new(t, mem_libc(), true, &s, NULL) != SIL_OK) return -1;
    tok_ids_init(&ids, mem_libc(), IDS_MAX);
    sil_err err = SIL_OK;
    for (size_t i = 0; i < l->n && err == SIL_OK; i++) {
        ids.n = 0;
        err = tok_encode_with(s, l->text[i], TOK_PARSE_SPECIAL, &ids, NULL);
        *n_ids += ids.n;
    }
    tok_ids_free(&ids);
    tok_scratch_free(s);
    return err == SIL_OK ? now() - start : -1;
}

int main(int argc, char **argv) {
    if (argc != 4) return fail("usage: tool_tokenize_speed TOKENIZER.json LINES.jsonl ROUNDS");
    struct buf json;
    struct lines l = {0};
    struct tokenizer *t;
    struct sil_error e = {0};
    long rounds = strtol(argv[3], NULL, 10);
    buf_init(&json, mem_libc(), FILE_MAX);
    FILE *f = fopen(argv[1], "rb");
    if (!f) return fail("no tokenizer");
    char chunk[65536];
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
        if (buf_put(&json, chunk, n) != SIL_OK) return fail("the tokenizer is too large");
    fclose(f);
    if (!read_lines(argv[2], &l) || rounds < 1 || rounds > ROUNDS_MAX) return fail("no lines, or no rounds");
    double start = now();
    if (tok_open_json(mem_libc(), buf_view(&json), &t, &e) != SIL_OK) return fail(e.text);
    printf("{\"open_s\":%.6f,\"bytes\":%zu,\"lines\":%zu,\"encode_s\":[", now() - start, l.bytes, l.n);
    size_t n_ids = 0;
    for (long r = 0; r < rounds; r++) {
        double took = encode_all(t, &l, &n_ids);
        if (took < 0) return fail("a line cannot be encoded");
        printf("%s%.6f", r ? "," : "", took);
    }
    printf("],\"ids\":%zu}\n", n_ids);
    tok_close(t);
    buf_free(&json);
    for (size_t i = 0; i < l.n; i++) json_decref(l.docs[i]);
    free(l.docs);
    free(l.text);
    return 0;
}
