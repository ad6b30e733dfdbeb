#include "base/dtype.h"

#include <stddef.h>
#include <strings.h>

/* Block layouts: ggml-common.h of llama.cpp (the format's source). */
static const struct dtype_info infos[DTYPE_COUNT] = {
    [DTYPE_F32] = {"F32", 1, 4},       [DTYPE_F16] = {"F16", 1, 2},       [DTYPE_BF16] = {"BF16", 1, 2},
    [DTYPE_Q4_0] = {"Q4_0", 32, 18},   [DTYPE_Q4_1] = {"Q4_1", 32, 20},   [DTYPE_Q5_0] = {"Q5_0", 32, 22},
    [DTYPE_Q5_1] = {"Q5_1", 32, 24},   [DTYPE_Q8_0] = {"Q8_0", 32, 34},   [DTYPE_Q4_K] = {"Q4_K", 256, 144},
    [DTYPE_Q5_K] = {"Q5_K", 256, 176}, [DTYPE_Q6_K] = {"Q6_K", 256, 210},
};

/* Every number that GGUF has given out; NULL where a number was withdrawn. */
static const char *const gguf_names[] = {
    "F32",    "F16",   "Q4_0",  "Q4_1",   NULL,    NULL,    "Q5_0",    "Q5_1",   "Q8_0",    "Q8_1",
    "Q2_K",   "Q3_K",  "Q4_K",  "Q5_K",   "Q6_K",  "Q8_K",  "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S",
    "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8",    "I16",   "I32",     "I64",    "F64",     "IQ1_M",
    "BF16",   NULL,    NULL,    NULL,     "TQ1_0", "TQ2_0", NULL,      NULL,     NULL,      "MXFP4",
};

const struct dtype_info *dtype_get(uint32_t type) {
    return type < DTYPE_COUNT && infos[type].name ? &infos[type] : NULL;
}

const char *dtype_gguf_name(uint32_t type) {
    return type < sizeof gguf_names / sizeof *gguf_names ? gguf_names[type] : NULL;
}

bool dtype_is_quant(enum dtype type) {
    return type != DTYPE_F32 && type != DTYPE_F16 && type != DTYPE_BF16;
}

bool dtype_parse(const char *name, enum dtype *out) {
    for (uint32_t i = 0; i < DTYPE_COUNT; i++) {
        if (!infos[i].name || strcasecmp(infos[i].name, name) != 0) continue;
        *out = (enum dtype)i;
        return true;
    }
    return false;
}
