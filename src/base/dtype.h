/* dtype: the element types of tensors, numbered as in GGUF files. */
#ifndef SIL_BASE_DTYPE_H
#define SIL_BASE_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

enum dtype {
    DTYPE_F32 = 0,
    DTYPE_F16 = 1,
    DTYPE_Q4_0 = 2,
    DTYPE_Q4_1 = 3,
    DTYPE_Q5_0 = 6,
    DTYPE_Q5_1 = 7,
    DTYPE_Q8_0 = 8,
    DTYPE_Q4_K = 12,
    DTYPE_Q5_K = 13,
    DTYPE_Q6_K = 14,
    DTYPE_BF16 = 30,
    DTYPE_COUNT = 31 /* one above the largest; not every number below it is a type */
};

struct dtype_info {
    const char *name;     /* as people write it: "Q4_K" */
    uint32_t block_len;   /* elements in a block; a row is a whole number of blocks */
    uint32_t block_bytes; /* bytes of a block in a file */
};

/* NULL for a number that is not one of enum dtype. */
const struct dtype_info *dtype_get(uint32_t type);

/* The name of any GGUF type number, known to Sillok or not ("IQ2_XXS"); "type 77" is up to the caller: NULL then. */
const char *dtype_gguf_name(uint32_t type);

/* True for the formats whose activations are quantised (rule 2), false for F32, F16, BF16 (rule 3). */
bool dtype_is_quant(enum dtype type);

/* Finds a type by its name, case-insensitively; false when there is none. */
bool dtype_parse(const char *name, enum dtype *out);

#endif
