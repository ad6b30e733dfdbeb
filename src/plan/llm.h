/* llm: shapes of language models as far as speed and memory depend on them, and the roofline of prefill and decode.
 *
 * Shapes come from the models' public configurations. Parameters are counted from the shapes, not typed in, and the
 * counts are tested against the published totals. */
#ifndef SIL_PLAN_LLM_H
#define SIL_PLAN_LLM_H

#include <stddef.h>

#include "plan/hw.h"

struct llm_model {
    const char *name, *title;
    double layers, width;         /* hidden size */
    double heads, kv_heads, head; /* head: dimension */
    double latent;                /* MLA: cached width per layer (512 + 64); 0: ordinary keys and values */
    double attention_params;      /* MLA: weights of one layer's attention; 0: from the heads */
    double ffn;                   /* width of a dense layer's feed-forward */
    double experts, top, shared;  /* MoE: experts per layer, used per token, always used; 0: dense */
    double expert_ffn;
    double dense_layers; /* MoE: leading layers without experts */
    double vocab;
    double tied;                 /* 1: input and output embedding are one matrix */
    double local_layers, window; /* layers whose attention sees only a window */
    const char *source;
};

extern const struct llm_model llm_models[];
extern const size_t llm_n_models;
/* In the order of llm_models. */
#define LLM_NAMES                                                                                                      \
    "llama2-70b|llama3.1-8b|llama3.3-70b|llama3.1-405b|qwen3-32b|qwen3-235b-a22b|gemma3-27b|gpt-oss-120b|"             \
    "deepseek-r1|exaone-4.0-32b|k-exaone-236b|solar-open-100b|ax-k1-519b"

struct llm_count {
    double total;  /* all weights */
    double active; /* used for one token, without the input embedding */
    double fixed;  /* read in every step: all but the experts and the input embedding */
    double expert; /* one expert of all layers together (experts * expert = all experts) */
};

void llm_params(const struct llm_model *m, struct llm_count *out);

/* Bytes in the KV cache per token, and for a whole sequence of `tokens` (local layers keep their window only). */
double llm_kv_bytes(const struct llm_model *m, double bytes_per_value);
double llm_kv_sequence(const struct llm_model *m, double bytes_per_value, double tokens);

#endif
