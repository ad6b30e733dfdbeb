#include "model/shape.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"

/* Where hyperparameters are read from: keys get the architecture as prefix. */
struct reader {
    const struct gguf *g;
    const char *arch;
    struct sil_error *e;
    char key[128];
};

static const char *key_of(struct reader *r, const char *name) {
    snprintf(r->key, sizeof r->key, "%s.%s", r->arch, name);
    return r->key;
}

static bool has(struct reader *r, const char *name) {
    return gguf_find(r->g, key_of(r, name)) != NULL;
}

/* An integer in [1, max]. */
static sil_err need_u32(struct reader *r, const char *name, uint32_t max, uint32_t *out) {
    SIL_TRY(gguf_u32(r->g, key_of(r, name), out, r->e));
    if (*out == 0) return err_set(r->e, SIL_FORMAT, "metadata %s is 0", r->key);
    if (*out > max) return err_set(r->e, SIL_LIMIT, "metadata %s is %u; the limit is %u", r->key, *out, max);
    return SIL_OK;
}

static sil_err opt_u32(struct reader *r, const char *name, uint32_t max, uint32_t fallback, uint32_t *out) {
    *out = fallback;
    return has(r, name) ? need_u32(r, name, max, out) : SIL_OK;
}

/* A finite number in [min, max]. */
static sil_err opt_f64(struct reader *r, const char *name, double min, double max, double fallback, double *out) {
    *out = fallback;
    if (!has(r, name)) return SIL_OK;
    float v = 0;
    SIL_TRY(gguf_f32(r->g, key_of(r, name), &v, r->e));
    if (!((double)v >= min && (double)v <= max))
        return err_set(r->e, SIL_FORMAT, "metadata %s is %g; a number from %g to %g is expected", r->key, (double)v,
                       min, max);
    *out = (double)v;
    return SIL_OK;
}

static sil_err read_heads(struct reader *r, struct model_shape *s) {
    SIL_TRY(need_u32(r, "attention.head_count", MODEL_HEADS_MAX, &s->n_heads));
    SIL_TRY(opt_u32(r, "attention.head_count_kv", MODEL_HEADS_MAX, s->n_heads, &s->n_kv_heads));
    if (s->n_heads % s->n_kv_heads != 0)
        return err_set(r->e, SIL_FORMAT, "%u attention heads cannot share %u KV heads evenly", s->n_heads,
                       s->n_kv_heads);
    if (!has(r, "attention.key_length") && s->d_model % s->n_heads != 0)
        return err_set(r->e, SIL_FORMAT, "width %u is not a multiple of %u heads, and %s is missing", s->d_model,
                       s->n_heads, r->key);
    SIL_TRY(opt_u32(r, "attention.key_length", NUM_HEAD_DIM_MAX, s->d_model / s->n_heads, &s->head_dim));
    uint32_t v_dim = 0;
    SIL_TRY(opt_u32(r, "attention.value_length", NUM_HEAD_DIM_MAX, s->head_dim, &v_dim));
    if (v_dim != s->head_dim)
        return err_set(r->e, SIL_UNSUPPORTED, "keys of %u and values of %u per head; Sillok needs them equal here",
                       s->head_dim, v_dim);
    if (s->head_dim == 0 || s->head_dim > NUM_HEAD_DIM_MAX)
        return err_set(r->e, SIL_LIMIT, "heads of %u values; 1 to %d are possible", s->head_dim, NUM_HEAD_DIM_MAX);
    if ((uint64_t)s->n_heads * s->head_dim > MODEL_WIDTH_MAX)
        return err_set(r->e, SIL_LIMIT, "%u heads of %u values pass the limit of %d", s->n_heads, s->head_dim,
                       MODEL_WIDTH_MAX);
    return SIL_OK;
}

static sil_err read_rope_type(struct reader *r, struct num_rope *rope) {
    rope->scaling = NUM_ROPE_NONE;
    const char *linear = "rope.scale_linear"; /* the old spelling: a bare factor */
    if (has(r, linear)) rope->scaling = NUM_ROPE_LINEAR;
    if (!has(r, "rope.scaling.type")) {
        if (has(r, "rope.scaling.factor")) rope->scaling = NUM_ROPE_LINEAR;
        return SIL_OK;
    }
    struct str type;
    SIL_TRY(gguf_str(r->g, r->key, &type, r->e));
    if (str_eq(type, STR("none"))) rope->scaling = NUM_ROPE_NONE;
    else if (str_eq(type, STR("linear"))) rope->scaling = NUM_ROPE_LINEAR;
    else if (str_eq(type, STR("yarn"))) rope->scaling = NUM_ROPE_YARN;
    else
        return err_set(r->e, SIL_UNSUPPORTED,
                       "rope scaling \"%.*s\" (%s); supported: none, linear, yarn, and "
                       "llama3 through rope_freqs",
                       STR_ARG(type), r->key);
    return SIL_OK;
}

static sil_err read_rope(struct reader *r, struct model_shape *s) {
    struct num_rope *rope = &s->rope;
    SIL_TRY(opt_u32(r, "rope.dimension_count", s->head_dim, s->head_dim, &rope->n_rot));
    if (rope->n_rot % 2 != 0)
        return err_set(r->e, SIL_FORMAT, "%u values of a head are rotated in pairs: an even number is needed",
                       rope->n_rot);
    SIL_TRY(opt_f64(r, "rope.freq_base", 1.0, 1e12, 10000.0, &rope->base));
    SIL_TRY(read_rope_type(r, rope));
    double factor = 1.0;
    SIL_TRY(opt_f64(r, "rope.scale_linear", 0x1p-20, 0x1p20, 1.0, &factor));
    SIL_TRY(opt_f64(r, "rope.scaling.factor", 0.0, 0x1p20, factor, &factor));
    if (factor == 0.0) factor = 1.0; /* some files write 0 for "none" */
    rope->factor = rope->scaling == NUM_ROPE_NONE ? 1.0 : factor;
    SIL_TRY(opt_u32(r, "rope.scaling.original_context_length", MODEL_CTX_MAX, s->n_ctx, &rope->orig_ctx));
    SIL_TRY(opt_f64(r, "rope.scaling.attn_factor", 0x1p-20, 0x1p20, 1.0, &rope->attn_factor));
    SIL_TRY(opt_f64(r, "rope.scaling.yarn_ext_factor", 0.0, 1.0, 1.0, &rope->ext_factor));
    SIL_TRY(opt_f64(r, "rope.scaling.yarn_attn_factor", 0x1p-20, 0x1p20, rope->attn_factor, &rope->attn_factor));
    SIL_TRY(opt_f64(r, "rope.scaling.yarn_beta_fast", 0x1p-20, 0x1p20, 32.0, &rope->beta_fast));
    return opt_f64(r, "rope.scaling.yarn_beta_slow", 0x1p-20, 0x1p20, 1.0, &rope->beta_slow);
}

/* Features that would change the result and that the dense families do not have. */
static sil_err refuse_others(struct reader *r) {
    uint32_t experts = 0;
    if (has(r, "expert_count")) SIL_TRY(gguf_u32(r->g, r->key, &experts, r->e));
    if (experts > 0)
        return err_set(r->e, SIL_UNSUPPORTED, "a mixture of %u experts; Sillok runs dense %s models so far", experts,
                       r->arch);
    static const char *const multipliers[] = {"embedding_scale", "residual_scale", "logit_scale",
                                              "attention.max_alibi_bias", "attention.clamp_kqv"};
    for (size_t i = 0; i < sizeof multipliers / sizeof *multipliers; i++) {
        if (!has(r, multipliers[i])) continue;
        float v = 0;
        SIL_TRY(gguf_f32(r->g, r->key, &v, r->e));
        if (v != 0.0f && v != 1.0f)
            return err_set(r->e, SIL_UNSUPPORTED, "metadata %s = %g; Sillok has no such multiplier yet", r->key,
                           (double)v);
    }
    return SIL_OK;
}

sil_err shape_read(const struct gguf *g, const char *arch, struct model_shape *s, struct sil_error *e) {
    struct reader r = {.g = g, .arch = arch, .e = e};
    *s = (struct model_shape){0};
    SIL_TRY(need_u32(&r, "block_count", MODEL_LAYERS_MAX, &s->n_layers));
    SIL_TRY(need_u32(&r, "embedding_length", MODEL_WIDTH_MAX, &s->d_model));
    SIL_TRY(need_u32(&r, "feed_forward_length", MODEL_FFN_MAX, &s->d_ffn));
    SIL_TRY(need_u32(&r, "context_length", MODEL_CTX_MAX, &s->n_ctx));
    SIL_TRY(read_heads(&r, s));
    SIL_TRY(read_rope(&r, s));
    double eps = 0, scale = 0;
    SIL_TRY(opt_f64(&r, "attention.layer_norm_rms_epsilon", 0.0, 1.0, 1e-5, &eps));
    s->norm_eps = (float)eps;
    SIL_TRY(opt_f64(&r, "attention.scale", 0.0, 0x1p20, 0.0, &scale));
    s->attn_scale = (float)(scale > 0 ? scale : 1.0 / sqrt((double)s->head_dim));
    if (has(&r, "attention.sliding_window")) SIL_TRY(gguf_u32(g, r.key, &s->window, e));
    return refuse_others(&r);
}
