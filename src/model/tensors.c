#include "model/tensors.h"

#include <assert.h>
#include <stdio.h>

#include "base/err.h"

const char *tensors_name(char out[TENSOR_NAME], int layer, const char *name) {
    int n = layer < 0 ? snprintf(out, TENSOR_NAME, "%s", name) : snprintf(out, TENSOR_NAME, "blk.%d.%s", layer, name);
    assert(n > 0 && n < TENSOR_NAME); /* names come from our own code */
    (void)n;
    return out;
}

/* Finds a tensor and marks it as taken; NULL when there is none. */
static const struct gguf_tensor *take(struct model *m, const char *name) {
    const struct gguf_tensor *t = gguf_tensor(m->gguf, name);
    if (t) m->tensor_used[t - m->gguf->tensors] = 1;
    return t;
}

static sil_err missing(const char *name, struct sil_error *e) {
    return err_set(e, SIL_FORMAT, "tensor %s is missing; the file is incomplete or not of this architecture", name);
}

static bool is_shape(const struct gguf_tensor *t, uint32_t rows, uint32_t cols) {
    return t->dims[0] == cols && t->dims[1] == rows && t->dims[2] == 1 && t->dims[3] == 1;
}

sil_err tensors_matrix(struct model *m, const char *name, uint32_t rows, uint32_t cols, struct num_matrix *out,
                       struct sil_error *e) {
    const struct gguf_tensor *t = take(m, name);
    if (!t) return missing(name, e);
    if (!is_shape(t, rows, cols))
        return err_set(e, SIL_FORMAT, "tensor %s is %llu x %llu x %llu x %llu; the metadata ask for %u x %u", name,
                       (unsigned long long)t->dims[0], (unsigned long long)t->dims[1], (unsigned long long)t->dims[2],
                       (unsigned long long)t->dims[3], cols, rows);
    const struct dtype_info *info = dtype_get(t->type);
    *out = (struct num_matrix){.type = (enum dtype)t->type,
                               .rows = rows,
                               .cols = cols,
                               .data = t->data,
                               .row_bytes = (size_t)cols / info->block_len * info->block_bytes};
    return SIL_OK;
}

sil_err tensors_vector(struct model *m, const char *name, uint32_t n, const float **out, struct sil_error *e) {
    struct num_matrix row = {0};
    SIL_TRY(tensors_matrix(m, name, 1, n, &row, e));
    float *v = ARENA_ARRAY(&m->arena, n, float);
    if (!v) return err_nomem(e, name, (size_t)n * sizeof(float));

    m->k.row[row.type](&row, 0, v);
    if (!m->k.finite(v, n)) return err_set(e, SIL_NONFINITE, "tensor %s holds an infinity or NaN", name);
    *out = v;
    return SIL_OK;
}

sil_err tensors_vector_opt(struct model *m, const char *name, uint32_t n, const float **out, struct sil_error *e) {
    *out = NULL;
    return gguf_tensor(m->gguf, name) ? tensors_vector(m, name, n, out, e) : SIL_OK;
}

sil_err tensors_linear(struct model *m, int layer, const char *name, uint32_t rows, uint32_t cols,
                       struct model_linear *out, struct sil_error *e) {
    char full[TENSOR_NAME], part[TENSOR_NAME / 2];
    snprintf(part, sizeof part, "%s.weight", name);
    SIL_TRY(tensors_matrix(m, tensors_name(full, layer, part), rows, cols, &out->w, e));
    snprintf(part, sizeof part, "%s.bias", name);
    return tensors_vector_opt(m, tensors_name(full, layer, part), rows, &out->bias, e);
}

sil_err tensors_all_used(const struct model *m, struct sil_error *e) {
    for (size_t i = 0; i < m->gguf->n_tensors; i++) {
        if (m->tensor_used[i]) continue;
        struct str name = m->gguf->tensors[i].name;
        return err_set(e, SIL_UNSUPPORTED,
                       "tensor %.*s is not part of the %s family as Sillok knows it; "
                       "leaving it out would change the model",
                       STR_ARG(name), m->family->arch);
    }
    return SIL_OK;
}
