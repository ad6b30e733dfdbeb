/* tensors: taking a model file's tensors by name with the shape that they must have. */
#ifndef SIL_MODEL_TENSORS_H
#define SIL_MODEL_TENSORS_H

#include "model/model.h"

/* "blk.<layer>.<name>" in a caller's buffer; layer < 0: just the name. */
enum { TENSOR_NAME = 96 };
const char *tensors_name(char out[TENSOR_NAME], int layer, const char *name);

/* [rows][cols] of any weight type. SIL_FORMAT when absent or of another shape, with both in the text. */
sil_err tensors_matrix(struct model *m, const char *name, uint32_t rows, uint32_t cols, struct num_matrix *out,
                       struct sil_error *e);
/* A vector of n elements, converted to f32 in the model's arena. */
sil_err tensors_vector(struct model *m, const char *name, uint32_t n, const float **out, struct sil_error *e);
/* The same, with *out = NULL when the file has no such tensor. */
sil_err tensors_vector_opt(struct model *m, const char *name, uint32_t n, const float **out, struct sil_error *e);
/* <name>.weight and, where the file has it, <name>.bias of a layer (or of the model for layer < 0). */
sil_err tensors_linear(struct model *m, int layer, const char *name, uint32_t rows, uint32_t cols,
                       struct model_linear *out, struct sil_error *e);

/* SIL_UNSUPPORTED naming the first tensor that no one has taken: ignoring it would silently change the model. */
sil_err tensors_all_used(const struct model *m, struct sil_error *e);

#endif
