/* gguf_index: private to gguf_*.c. Sorted positions for look-ups by name and for checks of overlap. */
#ifndef SIL_FORMATS_GGUF_INDEX_H
#define SIL_FORMATS_GGUF_INDEX_H

#include "formats/gguf.h"

/* True when element a of ctx comes before element b. */
typedef bool (*gguf_before)(const void *ctx, uint32_t a, uint32_t b);

/* The positions 0..n-1 in the order of `before`; n * log n steps whatever the input. NULL without memory. */
uint32_t *gguf_sorted(struct arena *a, size_t n, gguf_before before, const void *ctx);

/* Fills kv_index and tensor_index; SIL_FORMAT for a key or tensor that is there twice. */
sil_err gguf_index(struct arena *a, struct gguf *g, struct sil_error *e);

/* Byte-wise order: negative, 0, positive. */
int gguf_compare(struct str a, struct str b);

/* Whether a key or a tensor may have this name: UTF-8 without control characters. */
bool gguf_printable(struct str s);

/* Bytes of a tensor: false when dims and type do not go together or the product does not fit. */
bool gguf_tensor_bytes(const struct dtype_info *info, const uint64_t dims[GGUF_DIMS_MAX], uint64_t *out);

#endif
