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

/* X(name, title, layers, width, heads, kv_heads, head, latent, attention_params, ffn, experts, top, shared, expert_ffn,
 *   dense_layers, vocab, tied, local_layers, window); one table for the catalogue and for `plan sources`. Attention of
 * the latent kind: q 7168 x 1536 + 1536 x heads x 192, kv 7168 x 576 + 512 x heads x 256, out heads x 128 x 7168. */
#define LLM_CATALOGUE(X)                                                                                               \
    X("llama2-70b", "Llama 2 70B", 80, 8192, 64, 8, 128, 0, 0, 28672, 0, 0, 0, 0, 0, 32000, 0, 0, 0)                   \
    X("llama3.1-8b", "Llama 3.1 8B", 32, 4096, 32, 8, 128, 0, 0, 14336, 0, 0, 0, 0, 0, 128256, 0, 0, 0)                \
    X("llama3.3-70b", "Llama 3.3 70B", 80, 8192, 64, 8, 128, 0, 0, 28672, 0, 0, 0, 0, 0, 128256, 0, 0, 0)              \
    X("llama3.1-405b", "Llama 3.1 405B", 126, 16384, 128, 8, 128, 0, 0, 53248, 0, 0, 0, 0, 0, 128256, 0, 0, 0)         \
    X("qwen3-32b", "Qwen3 32B", 64, 5120, 64, 8, 128, 0, 0, 25600, 0, 0, 0, 0, 0, 151936, 0, 0, 0)                     \
    X("qwen3-235b-a22b", "Qwen3 235B-A22B", 94, 4096, 64, 4, 128, 0, 0, 0, 128, 8, 0, 1536, 0, 151936, 0, 0, 0)        \
    X("gemma3-27b", "Gemma 3 27B", 62, 5376, 32, 16, 128, 0, 0, 21504, 0, 0, 0, 0, 0, 262208, 1, 52, 1024)             \
    X("gpt-oss-120b", "gpt-oss 120B", 36, 2880, 64, 8, 64, 0, 0, 0, 128, 4, 0, 2880, 0, 201088, 0, 18, 128)            \
    X("deepseek-r1", "DeepSeek R1 671B", 61, 7168, 128, 128, 128, 576, 187105280, 18432, 256, 8, 1, 2048, 3, 129280,   \
      0, 0, 0)                                                                                                         \
    X("exaone-4.0-32b", "EXAONE 4.0 32B", 64, 5120, 40, 8, 128, 0, 0, 27392, 0, 0, 0, 0, 0, 102400, 0, 48, 4096)       \
    X("k-exaone-236b", "K-EXAONE 236B-A23B", 48, 6144, 64, 8, 128, 0, 0, 18432, 128, 8, 1, 2048, 1, 153600, 0, 36,     \
      128)                                                                                                             \
    X("solar-open-100b", "Solar Open 100B", 48, 4096, 64, 8, 128, 0, 0, 0, 128, 8, 1, 1280, 0, 196608, 0, 0, 0)        \
    X("ax-k1-519b", "A.X K1 519B", 61, 7168, 64, 64, 128, 576, 101122048, 18432, 192, 8, 1, 2048, 1, 163840, 0, 0, 0)

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
