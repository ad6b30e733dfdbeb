/* fuzz_llama2c: bytes of the model as u32, the model, the tokenizer. What parses must become a GGUF file that parses.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "formats/llama2c.h"

enum { OUT_MAX = 1 << 24 };

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

static sil_err to_buf(void *ctx, const void *p, size_t n, struct sil_error *e) {
    (void)e;
    return buf_put(ctx, p, n);
}

static void convert(struct arena *a, const struct llama2c *m, struct str vocab) {
    struct llama2c_vocab v;
    struct gguf_writer *w;
    struct gguf *g;
    struct sil_error e = {0};
    struct buf out;
    sil_err err = llama2c_vocab(a, vocab, m->n_vocab, &v, &e);
    PROMISE(err == SIL_OK || (err == e.code && err != SIL_NOMEM && e.text[0]));
    if (err != SIL_OK || llama2c_gguf(a, m, &v, &w, &e) != SIL_OK) return;
    buf_init(&out, mem_libc(), OUT_MAX);
    PROMISE(gguf_write(w, (struct gguf_sink){.write = to_buf, .ctx = &out}, &e) == SIL_OK);
    PROMISE(gguf_parse(a, buf_view(&out), false, &g, &e) == SIL_OK);
    PROMISE(gguf_tensor(g, "token_embd.weight")->dims[0] == m->dim);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct arena a;
    struct llama2c m;
    struct sil_error e = {0};
    uint32_t n_model = 0;
    if (n < 4) return 0;
    memcpy(&n_model, p, 4);
    if (n_model > n - 4) n_model = (uint32_t)(n - 4);
    arena_init(&a, mem_libc(), OUT_MAX);
    sil_err err = llama2c_parse((struct str){(const char *)p + 4, n_model}, &m, &e);
    PROMISE(err == SIL_OK || (err == e.code && e.text[0]));
    if (err == SIL_OK) convert(&a, &m, (struct str){(const char *)p + 4 + n_model, n - 4 - n_model});
    arena_free(&a);
    return 0;
}
