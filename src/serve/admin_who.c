/* Who asks, and what they may. */
#include <inttypes.h>

#include "serve/admin.h"
#include "serve/jout.h"

static void put_limit(struct jout *o, const char *name, uint64_t v) {
    if (v) jout_fmt(o, "\"%s\":%" PRIu64, name, v);
    else jout_fmt(o, "\"%s\":null", name);
}

static void put_models(struct jout *o, const struct catalog *c, const struct gate_terms *terms) {
    bool any = false;
    for (uint32_t i = 0; i < c->n; i++) {
        const char *name = c->models[i].config->name;
        if (!gate_terms_allow(terms, name)) continue;
        if (any) jout_raw(o, ",");
        jout_text(o, str_of(name));
        any = true;
    }
}

sil_err admin_whoami(struct gate *g, const struct catalog *c, const struct caller *who, struct buf *out) {
    struct jout o = {.b = out};
    struct gate_terms terms;
    gate_terms(g, who, &terms);
    jout_raw(&o, "{\"tenant\":");
    jout_text(&o, str_of(who->tenant_name));
    jout_raw(&o, ",\"key\":");
    jout_text(&o, str_of(who->key_name));
    jout_fmt(&o, ",\"key_id\":%" PRIu64 ",\"admin\":%s,\"models\":[", who->key, who->admin ? "true" : "false");
    put_models(&o, c, &terms);
    jout_raw(&o, "],\"limits\":{");
    put_limit(&o, "requests_per_minute", terms.rates.requests_minute);
    jout_raw(&o, ",");
    put_limit(&o, "tokens_per_minute", terms.rates.tokens_minute);
    jout_raw(&o, ",");
    put_limit(&o, "tokens_per_day", terms.rates.tokens_day);
    jout_raw(&o, ",");
    put_limit(&o, "concurrent", terms.rates.concurrent);
    jout_fmt(&o, "},\"tokens_today\":%" PRIu64 "}", terms.tokens_today);
    return o.err;
}
