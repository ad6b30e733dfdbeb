/* Models for the console: what there is, loaded or not. */
#include <inttypes.h>
#include <string.h>

#include "serve/admin.h"
#include "serve/jout.h"
#include "serve/metrics.h"

static void put_name(struct jout *o, const char *key, const char *text) {
    jout_fmt(o, ",\"%s\":", key);
    jout_text_or_null(o, text && *text ? text : NULL);
}

static void put_number(struct jout *o, const char *key, uint64_t v) {
    jout_fmt(o, ",\"%s\":%" PRIu64, key, v);
}

static void put_aliases(struct jout *o, const struct config_model *k) {
    jout_raw(o, ",\"aliases\":[");
    for (uint32_t i = 0; i < k->n_aliases; i++) {
        if (i) jout_raw(o, ",");
        jout_text(o, str_of(k->aliases[i]));
    }
    jout_raw(o, "]");
}

/* What is known while it is loaded only. */
static void put_loaded(struct jout *o, const struct catalog_model *m) {
    const struct metrics_model *now = m->metrics;
    uint64_t pages = m->kv_pages ? m->kv_pages : 1;
    put_name(o, "tokenizer_sha256", m->tokenizer_digest);
    put_name(o, "profile", m->profile);
    put_name(o, "fingerprint", m->fingerprint);
    put_name(o, "family", m->info.architecture);
    put_number(o, "parameters", m->info.n_params);
    put_number(o, "layers", m->info.n_layers);
    put_number(o, "context", m->n_ctx);
    put_number(o, "sessions", m->n_sessions);
    jout_fmt(o, ",\"chat\":%s", m->chat ? "true" : "false");
    put_number(o, "weights_bytes", m->info.n_bytes);
    put_number(o, "kv_bytes", m->kv_bytes);
    put_number(o, "kv_used_bytes", m->kv_bytes / pages * metrics_get(&now->pages_used));
    put_number(o, "running", metrics_get(&now->running));
    put_number(o, "waiting", metrics_get(&now->waiting));
}

sil_err admin_model(const struct catalog *c, uint32_t index, struct clock clock, struct buf *out) {
    struct jout o = {.b = out};
    struct catalog_place p;
    struct catalog_model m;
    catalog_look(c, index, &p, &m);
    const char *slash = strrchr(m.config->path, '/');
    uint64_t now = clock_now_ns(clock);
    jout_raw(&o, "{\"name\":");
    jout_text(&o, str_of(m.config->name));
    put_aliases(&o, m.config);
    put_name(&o, "state", catalog_state_name(p.state));
    jout_fmt(&o, ",\"since\":%" PRId64 ",\"seconds\":%.1f", p.since_s,
             now > p.since_ns ? (double)(now - p.since_ns) * 1e-9 : 0.0);
    put_name(&o, "error", p.why);
    put_name(&o, "file", slash ? slash + 1 : m.config->path);
    put_number(&o, "file_bytes", p.file_bytes);
    put_name(&o, "sha256", p.digest);
    put_name(&o, "sha256_before", p.before);
    put_number(&o, "in_use", p.n_held);
    if (m.model) put_loaded(&o, &m);
    jout_raw(&o, "}");
    return o.err;
}

sil_err admin_models(const struct catalog *c, const struct config *config, struct clock clock, struct buf *out) {
    struct jout o = {.b = out};
    uint64_t used = 0;
    jout_raw(&o, "{\"models\":[");
    for (uint32_t i = 0; i < c->n && o.err == SIL_OK; i++) {
        struct catalog_place p;
        struct catalog_model m;
        catalog_look(c, i, &p, &m);
        used += m.info.n_bytes + m.kv_bytes;
        if (i) jout_raw(&o, ",");
        if (o.err == SIL_OK) o.err = admin_model(c, i, clock, out);
    }
    jout_fmt(&o, "],\"memory\":{\"used_bytes\":%" PRIu64 ",\"budget_bytes\":", used);
    if (config->memory_bytes) jout_fmt(&o, "%" PRIu64 "}}", config->memory_bytes);
    else jout_raw(&o, "null}}");
    return o.err;
}
