/* tool_train_dump RECIPE STEPS OUT: what another trainer needs to repeat a run: little-endian u32 family, layers,
 * width, heads, kv_heads, head_dim, ffn, vocab, ctx, tied; f32 eps, f32 rope base; u32 tensors; per tensor u32 rows,
 * cols, decays and its first weights; then per step u32 batches, per batch u32 n, n_docs, doc_at[n_docs + 1], ids[n],
 * targets[n], f32 weights[n]; f64 learning rate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/data.h"
#include "learn/optim.h"

static FILE *out;

static void put(const void *p, size_t n) {
    if (fwrite(p, 1, n, out) != n) exit(3);
}

static void put_u32(uint32_t v) {
    put(&v, sizeof v);
}

static int fail(const struct sil_error *e) {
    fprintf(stderr, "tool_train_dump: %s\n", e->text);
    return 1;
}

int main(int argc, char **argv) {
    static struct recipe r;
    struct arena a;
    struct sil_error e = {0};
    struct learn_vocab v;
    struct dataset d;
    struct params p;
    struct batch b;
    if (argc != 4 || !(out = fopen(argv[3], "wb"))) return 2;
    uint64_t steps = strtoull(argv[2], NULL, 10);
    arena_init(&a, mem_libc(), 64 << 20);
    if (recipe_read(&a, argv[1], &r, &e) != SIL_OK) return fail(&e);
    if (learn_vocab_open(mem_libc(), r.tokenizer, r.pre, r.chat_template, &v, &e) != SIL_OK) return fail(&e);
    if (dataset_open(mem_libc(), r.data, r.n_data, &v, r.shape.ctx, r.seed, &d, &e) != SIL_OK) return fail(&e);
    struct learn_shape s = r.shape;
    s.vocab = v.spec.n_tokens;
    if (params_open(mem_libc(), &s, (float)r.init_std, &p, &e) != SIL_OK) return fail(&e);
    if (batch_open(mem_libc(), r.batch, &b, &e) != SIL_OK) return fail(&e);
    float *w = calloc(p.size, sizeof *w), base = (float)s.rope_base;
    if (!w) return 3;
    params_init(&p, r.seed, w);
    const uint32_t head[] = {s.family,   s.layers, s.width, s.heads, s.kv_heads,
                             s.head_dim, s.ffn,    s.vocab, s.ctx,   s.tied};
    put(head, sizeof head);
    put(&s.eps, sizeof s.eps);
    put(&base, sizeof base);
    put_u32(p.n);
    for (uint32_t i = 0; i < p.n; i++) {
        put_u32(p.list[i].rows);
        put_u32(p.list[i].cols);
        put_u32(p.list[i].decays);
        put(w + p.list[i].at, param_size(&p.list[i]) * sizeof *w);
    }
    for (uint64_t step = 0; step < steps; step++) {
        double rate = optim_rate(&r, step);
        put_u32(r.accumulate);
        for (uint32_t i = 0; i < r.accumulate; i++) {
            dataset_next(&d, (double)step / (double)r.steps, r.batch, &b);
            put_u32(b.n);
            put_u32(b.n_docs);
            put(b.doc_at, ((size_t)b.n_docs + 1) * 4);
            put(b.ids, (size_t)b.n * 4);
            put(b.targets, (size_t)b.n * 4);
            put(b.weights, (size_t)b.n * 4);
        }
        put(&rate, sizeof rate);
    }
    free(w);
    batch_close(mem_libc(), &b);
    params_close(&p);
    dataset_close(&d);
    learn_vocab_close(&v);
    arena_free(&a);
    return fclose(out) == 0 ? 0 : 3;
}
