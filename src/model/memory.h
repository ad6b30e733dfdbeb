/* memory: what a model will need, worked out from its file without opening it. */
#ifndef SIL_MODEL_MEMORY_H
#define SIL_MODEL_MEMORY_H

#include "formats/gguf.h"
#include "sillok.h"

struct model_memory {
    uint64_t packed; /* weights rearranged for the kernels; their pages of the file are given back */
    uint64_t mapped; /* tensors that are read from the file as they are (embedding: only the rows that come up) */
    uint64_t kv_per_1000[SIL_KV_KINDS]; /* keys and values of 1,000 tokens */
    uint64_t step_256;                  /* buffers of a step of 256 rows and 16 rows of logits: an engine's defaults */
};

/* For the kernels of a CPU mask. Errors as model_open gives them for the shape; tensors are not checked further. */
sil_err model_memory(const struct gguf *g, uint32_t cpu_mask, struct model_memory *out, struct sil_error *e);

#endif
