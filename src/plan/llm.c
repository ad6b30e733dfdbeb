#include "plan/llm.h"

#define CONFIG "the model's public config.json"

#define ROW(n, t, l, w, h, kv, d, lat, ap, f, e, k, sh, ef, dl, v, ti, ll, wi)                                         \
    {n, t, l, w, h, kv, d, lat, ap, f, e, k, sh, ef, dl, v, ti, ll, wi, CONFIG},
const struct llm_model llm_models[] = {LLM_CATALOGUE(ROW)};
const size_t llm_n_models = sizeof llm_models / sizeof *llm_models;

void llm_params(const struct llm_model *m, struct llm_count *out) {
    double attention = m->latent > 0 ? m->attention_params : 2 * m->width * m->head * (m->heads + m->kv_heads);
    double moe_layers = m->experts > 0 ? m->layers - m->dense_layers : 0;
    double expert = 3 * m->width * m->expert_ffn; /* gate, up, down */
    double embedding = m->vocab * m->width;
    out->fixed = m->layers * attention + (m->layers - moe_layers) * 3 * m->width * m->ffn +
                 moe_layers * (m->shared * expert + m->width * m->experts) + embedding;
    out->expert = moe_layers * expert;
    out->active = out->fixed + m->top * out->expert;
    out->total = out->fixed + m->experts * out->expert + (m->tied != 0 ? 0 : embedding);
}

/* Of one layer. */
static double kv_layer(const struct llm_model *m, double bytes_per_value) {
    return bytes_per_value * (m->latent > 0 ? m->latent : 2 * m->kv_heads * m->head);
}

double llm_kv_bytes(const struct llm_model *m, double bytes_per_value) {
    return m->layers * kv_layer(m, bytes_per_value);
}

double llm_kv_sequence(const struct llm_model *m, double bytes_per_value, double tokens) {
    double local = tokens < m->window ? tokens : m->window;
    return kv_layer(m, bytes_per_value) * ((m->layers - m->local_layers) * tokens + m->local_layers * local);
}
