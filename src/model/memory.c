#include "model/memory.h"

#include <string.h>

#include "base/err.h"
#include "model/shape.h"
#include "model/step.h"

/* Bytes that a tensor takes in the kernels' layout; 0 when they read it as it is. */
static uint64_t packed_bytes(const struct num_kernels *k, const struct gguf_tensor *t) {
    if (t->n_dims != 2 || !t->data || t->dims[0] > INT32_MAX || t->dims[1] > INT32_MAX || k->pack_rows[t->type] == 0)
        return 0;
    struct num_matrix w = {.type = (enum dtype)t->type,
                           .rows = (uint32_t)t->dims[1],
                           .cols = (uint32_t)t->dims[0],
                           .data = t->data,
                           .row_bytes = (size_t)(t->n_bytes / t->dims[1])};
    return k->pack_bytes[t->type](&w);
}

sil_err model_memory(const struct gguf *g, uint32_t cpu_mask, struct model_memory *out, struct sil_error *e) {
    struct str arch;
    char name[64];
    struct model_shape shape = {0};
    struct num_kernels k;
    const struct gguf_tensor *embed = gguf_tensor(g, "token_embd.weight");
    SIL_TRY(gguf_str(g, "general.architecture", &arch, e));
    if (arch.n >= sizeof name || !embed || embed->dims[1] > MODEL_VOCAB_MAX)
        return err_set(e, SIL_UNSUPPORTED, "no shape that Sillok knows");
    memcpy(name, arch.p, arch.n);
    name[arch.n] = '\0';
    SIL_TRY(shape_read(g, name, &shape, e));
    shape.n_vocab = (uint32_t)embed->dims[1];
    num_kernels_init(&k, cpu_mask);
    bool tied = gguf_tensor(g, "output.weight") == NULL;
    *out = (struct model_memory){0};
    for (size_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i];
        uint64_t packed = t == embed && !tied ? 0 : packed_bytes(&k, t);
        out->packed += packed;
        if (packed == 0 || t == embed) out->mapped += t->n_bytes;
    }
    for (int kv = 0; kv < SIL_KV_KINDS; kv++)
        out->kv_per_1000[kv] = (uint64_t)shape.n_layers * shape.n_kv_heads *
                               num_kv_bytes((enum sil_kv)kv, shape.head_dim) * 1000 / NUM_KV_PAGE;
    out->step_256 = step_bytes(&shape, 256, 16);
    return SIL_OK;
}
