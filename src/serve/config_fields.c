/* config_fields: every setting with its key and range. examples/serve.yaml says what each means. */
#include "serve/config_fields.h"

#include <stddef.h>

#include "serve/request.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { DAY_MS = 24 * 3600 * 1000, PORT_MAX = 65535, THREADS_MAX = 1024 };
static const double BYTES_MAX = 1e15, COUNT_MAX = 1e15;

/* Defaults of one listener. */
static void fill_listen(void *one) {
    ((struct config_listen *)one)->mode = 0660;
    ((struct config_listen *)one)->port = 8080;
}

static void fill_model(void *one) {
    config_model_default(one);
}

#define L(member) offsetof(struct config_listen, member)
static const struct config_field listen_fields[] = {
    {.key = "address", .kind = CONFIG_TEXT, .at = L(address)},
    {.key = "port", .kind = CONFIG_U16, .at = L(port), .high = PORT_MAX},
    {.key = "path", .kind = CONFIG_PATH, .at = L(path)},
    {.key = "mode", .kind = CONFIG_MODE, .at = L(mode), .high = 0777},
    {.key = "tls_cert", .kind = CONFIG_PATH, .live = true, .at = L(tls_cert)},
    {.key = "tls_key", .kind = CONFIG_PATH, .live = true, .at = L(tls_key)},
};
static const struct config_table listen_table = {listen_fields, COUNT(listen_fields)};

#define S(member) offsetof(struct sil_sampling, member)
static const struct config_field sampling_fields[] = {
    {.key = "temperature", .kind = CONFIG_F32, .at = S(temperature), .high = 100},
    {.key = "top_k", .kind = CONFIG_U32, .at = S(top_k), .high = UINT32_MAX},
    {.key = "top_p", .kind = CONFIG_F32, .at = S(top_p), .high = 1},
    {.key = "min_p", .kind = CONFIG_F32, .at = S(min_p), .high = 1},
    {.key = "repeat_penalty", .kind = CONFIG_F32, .at = S(repeat_penalty), .low = 0.01, .high = 100},
    {.key = "frequency_penalty", .kind = CONFIG_F32, .at = S(frequency_penalty), .low = -2, .high = 2},
    {.key = "presence_penalty", .kind = CONFIG_F32, .at = S(presence_penalty), .low = -2, .high = 2},
};
static const struct config_table sampling_table = {sampling_fields, COUNT(sampling_fields)};

#define M(member) offsetof(struct config_model, member)
static const struct config_field model_fields[] = {
    {.key = "name", .kind = CONFIG_TEXT, .at = M(name)},
    {.key = "aliases",
     .kind = CONFIG_TEXTS,
     .at = M(aliases),
     .count_at = M(n_aliases),
     .size = sizeof(const char *),
     .max = CONFIG_ALIASES_MAX},
    {.key = "path", .kind = CONFIG_PATH, .at = M(path)},
    {.key = "load", .kind = CONFIG_BOOL, .at = M(load)},
    {.key = "context", .kind = CONFIG_U32, .at = M(ctx), .high = 1 << 24},
    {.key = "sessions", .kind = CONFIG_U32, .at = M(sessions), .high = 1 << 16},
    {.key = "batch", .kind = CONFIG_U32, .at = M(batch), .high = 1 << 16},
    {.key = "kv_memory", .kind = CONFIG_BYTES, .at = M(kv_bytes), .high = BYTES_MAX},
    {.key = "kv", .kind = CONFIG_CHOICE, .at = M(kv), .choices = "f16|int8"},
    {.key = "sampling", .kind = CONFIG_GROUP, .at = M(sampling), .table = &sampling_table},
    {.key = "max_tokens", .kind = CONFIG_U32, .at = M(max_tokens), .high = 1 << 24},
    {.key = "speculate", .kind = CONFIG_U32, .at = M(speculate), .high = SIL_DRAFT_MAX},
    {.key = "think_begin", .kind = CONFIG_TEXT, .at = M(think_begin)},
    {.key = "think_end", .kind = CONFIG_TEXT, .at = M(think_end)},
};
static const struct config_table model_table = {model_fields, COUNT(model_fields)};

#define B(member) offsetof(struct config_limits, member)
static const struct config_field limits_fields[] = {
    {.key = "connections", .kind = CONFIG_U32, .at = B(connections), .low = 1, .high = 1 << 20},
    {.key = "header_bytes", .kind = CONFIG_BYTES, .narrow = true, .at = B(header_bytes), .low = 1024, .high = 1 << 20},
    {.key = "body_bytes", .kind = CONFIG_BYTES, .at = B(body_bytes), .low = 1024, .high = 1 << 30},
    {.key = "header_timeout", .kind = CONFIG_MS, .at = B(header_ms), .low = 1, .high = DAY_MS},
    {.key = "body_timeout", .kind = CONFIG_MS, .at = B(body_ms), .low = 1, .high = DAY_MS},
    {.key = "idle_timeout", .kind = CONFIG_MS, .at = B(idle_ms), .low = 1, .high = DAY_MS},
    {.key = "request_timeout", .kind = CONFIG_MS, .at = B(request_ms), .high = DAY_MS},
    {.key = "shutdown_timeout", .kind = CONFIG_MS, .at = B(drain_ms), .high = DAY_MS},
    {.key = "plan_timeout", .kind = CONFIG_MS, .at = B(plan_ms), .low = 1, .high = DAY_MS},
    {.key = "report_timeout", .kind = CONFIG_MS, .at = B(report_ms), .low = 1, .high = DAY_MS},
    {.key = "waiting", .kind = CONFIG_U32, .at = B(waiting), .low = 1, .high = 1 << 20},
    {.key = "waiting_per_tenant", .kind = CONFIG_U32, .at = B(waiting_tenant), .low = 1, .high = 1 << 20},
    {.key = "choices", .kind = CONFIG_U32, .at = B(choices), .low = 1, .high = REQUEST_CHOICES_MAX},
};
static const struct config_table limits_table = {limits_fields, COUNT(limits_fields)};

#define R(member) offsetof(struct config_rates, member)
static const struct config_field rates_fields[] = {
    {.key = "requests_per_minute", .kind = CONFIG_U64, .at = R(requests_minute), .high = COUNT_MAX},
    {.key = "tokens_per_minute", .kind = CONFIG_U64, .at = R(tokens_minute), .high = COUNT_MAX},
    {.key = "tokens_per_day", .kind = CONFIG_U64, .at = R(tokens_day), .high = COUNT_MAX},
    {.key = "concurrent", .kind = CONFIG_U32, .at = R(concurrent), .high = 1 << 20},
};
static const struct config_table rates_table = {rates_fields, COUNT(rates_fields)};

/* Groups that are none in the struct: offset 0. */
#define C(member) offsetof(struct config, member)
static const struct config_field ledger_fields[] = {
    {.key = "origin", .kind = CONFIG_TEXT, .at = C(origin)},
    {.key = "transcript", .kind = CONFIG_CHOICE, .live = true, .at = C(transcript), .choices = "none|ids|text"},
    {.key = "receipts", .kind = CONFIG_BOOL, .at = C(receipts)},
};
static const struct config_table ledger_table = {ledger_fields, COUNT(ledger_fields)};
static const struct config_field metrics_fields[] = {
    {.key = "vllm_names", .kind = CONFIG_BOOL, .at = C(vllm_metrics)},
    {.key = "open", .kind = CONFIG_BOOL, .at = C(metrics_open)},
};
static const struct config_table metrics_table = {metrics_fields, COUNT(metrics_fields)};
static const struct config_field power_fields[] = {
    {.key = "watts_max", .kind = CONFIG_F64, .at = C(watts_max), .high = 1e9},
};
static const struct config_table power_table = {power_fields, COUNT(power_fields)};
static const struct config_field log_fields[] = {
    {.key = "level", .kind = CONFIG_CHOICE, .live = true, .at = C(log_level), .choices = "debug|info|warn|error"},
};
static const struct config_table log_table = {log_fields, COUNT(log_fields)};

static const struct config_field root_fields[] = {
    {.key = "listen",
     .kind = CONFIG_LIST,
     .at = C(listen),
     .table = &listen_table,
     .count_at = C(n_listen),
     .size = sizeof(struct config_listen),
     .max = CONFIG_LISTEN_MAX,
     .fill = fill_listen,
     .place_at = L(place)},
    {.key = "models",
     .kind = CONFIG_LIST,
     .at = C(models),
     .table = &model_table,
     .count_at = C(n_models),
     .size = sizeof(struct config_model),
     .max = CONFIG_MODELS_MAX,
     .fill = fill_model,
     .place_at = M(place)},
    {.key = "memory", .kind = CONFIG_BYTES, .at = C(memory_bytes), .high = BYTES_MAX},
    {.key = "cpu", .kind = CONFIG_TEXT, .at = C(cpu)},
    {.key = "threads", .kind = CONFIG_U32, .at = C(threads), .high = THREADS_MAX},
    {.key = "http_threads", .kind = CONFIG_U32, .at = C(http_threads), .low = 1, .high = 64},
    {.key = "workers", .kind = CONFIG_U32, .at = C(workers), .low = 1, .high = 64},
    {.key = "limits", .kind = CONFIG_GROUP, .at = C(limits), .table = &limits_table},
    {.key = "rates", .kind = CONFIG_GROUP, .live = true, .at = C(rates), .table = &rates_table},
    {.key = "state", .kind = CONFIG_PATH, .at = C(state)},
    {.key = "ledger", .kind = CONFIG_GROUP, .at = 0, .table = &ledger_table},
    {.key = "keys", .kind = CONFIG_BOOL, .live = true, .at = C(keys)},
    {.key = "cors_origin", .kind = CONFIG_TEXT, .at = C(cors_origin)},
    {.key = "metrics", .kind = CONFIG_GROUP, .at = 0, .table = &metrics_table},
    {.key = "sandbox", .kind = CONFIG_BOOL, .at = C(sandbox)},
    {.key = "power", .kind = CONFIG_GROUP, .at = 0, .table = &power_table},
    {.key = "log", .kind = CONFIG_GROUP, .at = 0, .table = &log_table},
};
const struct config_table config_root = {root_fields, COUNT(root_fields)};

bool config_is_number(const struct config_field *f) {
    return f->kind <= CONFIG_F64 || f->kind == CONFIG_MODE || f->kind == CONFIG_MS || f->kind == CONFIG_BYTES;
}

double config_number(const struct config_field *f, const void *base) {
    const char *p = (const char *)base + f->at;
    switch (f->kind) {
    case CONFIG_U16: return *(const uint16_t *)(const void *)p;
    case CONFIG_U64: return (double)*(const uint64_t *)(const void *)p;
    case CONFIG_F32: return (double)*(const float *)(const void *)p;
    case CONFIG_F64: return *(const double *)(const void *)p;
    case CONFIG_BYTES:
        if (!f->narrow) return (double)*(const uint64_t *)(const void *)p;
        return *(const uint32_t *)(const void *)p;
    default: return *(const uint32_t *)(const void *)p;
    }
}
