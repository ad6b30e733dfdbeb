#include "cmd/setup.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/err.h"

/* More threads than processors only slow each other down. Some are allowed anywhere, so that results can be compared.
 */
static sil_err check_threads(uint32_t threads, struct sil_error *e) {
    enum { ALWAYS = 4 };
    uint32_t have = cpu_threads();
    if (threads <= have || threads <= ALWAYS) return SIL_OK;
    return err_set(e, SIL_ARG, "--threads %u: this process may use %u processor%s; leave the option out to use all",
                   threads, have, have == 1 ? "" : "s");
}

/* --cpu, else SILLOK_CPU, else the best. */
sil_err setup_open_model(struct setup *s, const char *path, struct sil_error *e) {
    SIL_TRY(check_threads(s->threads, e));
    const char *env = s->cpu ? NULL : getenv("SILLOK_CPU");
    struct sil_model_config c = {.cpu = s->cpu        ? s->cpu
                                        : env && *env ? env
                                                      : NULL,
                                 .n_threads = s->threads,
                                 .pack_later = s->soon};
    sil_err err = sil_model_open(path, &c, &s->model, e);
    return err == SIL_ARG && env ? err_prefix(e, err, "SILLOK_CPU") : err;
}

sil_err setup_kv(const struct setup *s, enum sil_kv *kv, struct sil_error *e) {
    *kv = SIL_KV_F16;
    if (!s->kv || strcmp(s->kv, "f16") == 0) return SIL_OK;
    if (strcmp(s->kv, "int8") != 0)
        return err_set(e, SIL_ARG, "--kv \"%.40s\": keys and values are f16 or int8", s->kv);
    *kv = SIL_KV_INT8;
    return SIL_OK;
}

sil_err setup_open(struct setup *s, const char *path, uint32_t default_ctx, struct sil_error *e) {
    enum sil_kv kv;
    SIL_TRY(setup_kv(s, &kv, e));
    SIL_TRY(setup_open_model(s, path, e));
    struct sil_model_info info;
    sil_model_describe(s->model, &info);
    struct sil_engine_config c = {
        .n_ctx = s->ctx, .n_batch = s->batch, .n_logits = SETUP_LOGITS, .n_threads = s->threads, .kv = kv};
    if (!s->ctx) c.n_ctx = default_ctx < info.n_ctx ? default_ctx : info.n_ctx;
    return sil_engine_open(s->model, &c, &s->engine, e);
}

void setup_close(struct setup *s) {
    sil_engine_close(s->engine);
    sil_model_close(s->model);
    s->engine = NULL;
    s->model = NULL;
}
