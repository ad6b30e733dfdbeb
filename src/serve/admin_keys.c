/* Keys and usage for the console, on a worker's thread. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "serve/admin.h"
#include "serve/jout.h"
#include "serve/log.h"
#include "serve/openai_impl.h"
#include "serve/usage.h"

enum { KEYS_MAX = 10000, ROWS_MAX = 100000, WITHIN_MS = 2000, DAY_S = 86400, DAYS_MAX = 36500 };

struct list {
    struct jout o;
    int64_t now;
    uint32_t n, left_out;
    unsigned by;
    bool csv;
    struct gate_usage total;
};

static bool close_fault(sil_err err, const struct sil_error *e, struct fault *f) {
    if (err == SIL_OK) return true;
    if (e->code == err) return fault_from(f, e, NULL);
    return err == SIL_LIMIT ? fault_set(f, 413, "too_large", NULL, "the reply is too large; ask for less")
                            : openai_no_memory(f);
}

/* ---- GET /admin/keys ---- */

static void put_time(struct jout *o, const char *key, int64_t t) {
    if (t) jout_fmt(o, ",\"%s\":%" PRId64, key, t);
    else jout_fmt(o, ",\"%s\":null", key);
}

static void put_key(struct jout *o, const struct gate_key *k, int64_t now) {
    const char *state = k->revoked ? "revoked" : k->expires && now >= k->expires ? "expired" : "active";
    jout_fmt(o, "{\"id\":%" PRIu64 ",\"tenant\":", k->id);
    jout_text(o, str_of(k->tenant_name));
    jout_raw(o, ",\"name\":");
    jout_text(o, str_of(k->name));
    jout_fmt(o, ",\"admin\":%s,\"state\":\"%s\"", k->admin ? "true" : "false", state);
    put_time(o, "created", k->created);
    put_time(o, "expires", k->expires);
    put_time(o, "revoked", k->revoked);
}

static sil_err each_key(void *arg, const struct gate_key *k) {
    struct list *l = arg;
    if (l->n == KEYS_MAX) {
        l->left_out++;
        return SIL_OK;
    }
    if (l->n++) jout_raw(&l->o, ",");
    put_key(&l->o, k, l->now);
    jout_raw(&l->o, "}");
    return l->o.err;
}

static sil_err each_tenant(void *arg, const struct gate_tenant *t) {
    struct list *l = arg;
    if (l->n == KEYS_MAX) return SIL_OK;
    if (l->n++) jout_raw(&l->o, ",");
    jout_raw(&l->o, "{\"tenant\":");
    jout_text(&l->o, str_of(t->name));
    jout_fmt(&l->o, ",\"keys\":%" PRIu64 ",\"suspended\":%s}", t->n_keys, t->suspended ? "true" : "false");
    return l->o.err;
}

bool admin_keys(struct gate *g, const struct request *r, struct buf *out, struct fault *f) {
    struct sil_error e = {0};
    struct list l = {.o = {.b = out}, .now = r->unix_s};
    jout_raw(&l.o, "{\"keys\":[");
    sil_err err = gate_keys(g, each_key, &l, &e);
    jout_fmt(&l.o, "],\"left_out\":%" PRIu32 ",\"tenants\":[", l.left_out);
    l.n = 0;
    if (err == SIL_OK) err = gate_tenants(g, each_tenant, &l, &e);
    jout_raw(&l.o, "]}");
    return close_fault(err != SIL_OK ? err : l.o.err, &e, f);
}

/* ---- changes ---- */

static void say(struct log *log, const char *what, const struct gate_key *k, const struct caller *who) {
    LOG(log, LOG_INFO, "key", LOG_S("what", what), LOG_U("key.id", k->id), LOG_S("key.tenant", k->tenant_name),
        LOG_S("key.name", k->name), LOG_B("key.admin", k->admin), LOG_S("tenant", who->tenant_name),
        LOG_S("key", who->key_name));
}

static bool take_name(const json_t *o, const char *name, char out[CALLER_NAME], struct fault *f) {
    struct str s = {0};
    if (!openai_get_str(o, name, &s, f)) return false;
    if (s.n >= CALLER_NAME || (s.n && memchr(s.p, 0, s.n)))
        return fault_set(f, 400, "invalid_value", name, "%s: 1 to %d bytes", name, CALLER_NAME - 1);
    if (s.n) memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return s.n == 0 || gate_name_ok(out) ||
           fault_set(f, 400, "invalid_value", name, "%s: 1 to %d bytes without quotes and control characters", name,
                     CALLER_NAME - 1);
}

static bool read_key(const json_t *o, int64_t now, struct gate_key *k, struct fault *f) {
    int64_t days = 0;
    bool given = false;
    if (!take_name(o, "tenant", k->tenant_name, f) || !take_name(o, "name", k->name, f) ||
        !openai_get_bool(o, "admin", &k->admin, f) || !openai_get_int(o, "expires_days", 1, DAYS_MAX, &days, &given, f))
        return false;
    if (!k->tenant_name[0])
        return fault_set(f, 400, "missing_required_parameter", "tenant", "tenant: whose key it is to be");
    if (given) k->expires = now + days * DAY_S;
    return true;
}

bool admin_key_add(struct gate *g, struct log *log, const struct request *r, struct str body, struct buf *out,
                   struct fault *f) {
    struct sil_error e = {0};
    struct gate_key k = {0};
    struct jout o = {.b = out};
    char secret[GATE_SECRET];
    json_t *j = NULL;
    bool ok = openai_parse(body, &j, f) && read_key(j, r->unix_s, &k, f);
    json_decref(j);
    if (!ok) return false;
    sil_err err = gate_key_make(g, &k, secret, &e);
    if (err == SIL_ARG) return fault_set(f, 409, "key_exists", "name", "%s", e.text);
    if (err != SIL_OK) return fault_from(f, &e, NULL);
    say(log, "added", &k, &r->caller);
    put_key(&o, &k, r->unix_s);
    jout_raw(&o, ",\"key\":");
    jout_text(&o, str_of(secret));
    jout_raw(&o, "}");
    sodium_memzero(secret, sizeof secret);
    return close_fault(o.err, &e, f);
}

bool admin_key_revoke(struct gate *g, struct log *log, const struct request *r, struct buf *out, struct fault *f) {
    struct sil_error e = {0};
    struct gate_key k;
    struct jout o = {.b = out};
    if (r->caller.key == r->admin.key)
        return fault_set(f, 409, "own_key", NULL,
                         "this is the key that you are using; revoke it with another one, or by sillok key revoke");
    sil_err err = gate_key_revoke(g, r->admin.key, &k, &e);
    if (err == SIL_ARG) return fault_set(f, 404, "no_key", NULL, "%s", e.text);
    if (err != SIL_OK) return fault_from(f, &e, NULL);
    if (!k.revoked) {
        say(log, "revoked", &k, &r->caller);
        k.revoked = r->unix_s;
    }
    put_key(&o, &k, r->unix_s);
    jout_raw(&o, "}");
    return close_fault(o.err, &e, f);
}

/* ---- usage ---- */

static sil_err each_row(void *arg, const struct gate_usage *u) {
    struct list *l = arg;
    if (l->n == ROWS_MAX) return SIL_LIMIT;
    if (l->n++ && !l->csv) jout_raw(&l->o, ",");
    l->total.requests += u->requests;
    l->total.prompt_tokens += u->prompt_tokens;
    l->total.cached_tokens += u->cached_tokens;
    l->total.answer_tokens += u->answer_tokens;
    l->total.energy_j += u->energy_j;
    if (l->o.err == SIL_OK) l->o.err = l->csv ? usage_csv(l->o.b, l->by, u) : usage_json(l->o.b, l->by, true, u);
    return l->o.err;
}

static void put_head(struct list *l, const struct admin_ask *a) {
    char from[USAGE_DATE], to[USAGE_DATE];
    if (a->csv) {
        l->o.err = usage_csv(l->o.b, a->by, NULL);
        return;
    }
    usage_date(a->from_day, from);
    usage_date(a->to_day, to);
    jout_fmt(&l->o, "{\"from\":\"%s\",\"to\":\"%s\",\"rows\":[", from, to);
}

static void put_foot(struct list *l) {
    if (l->csv) return;
    jout_raw(&l->o, "],\"total\":");
    if (l->o.err == SIL_OK) l->o.err = usage_json(l->o.b, 0, false, &l->total);
    jout_raw(&l->o, "}");
}

bool admin_usage(struct gate *g, const struct request *r, struct buf *out, struct fault *f) {
    const struct admin_ask *a = &r->admin;
    struct sil_error e = {0};
    struct list l = {.o = {.b = out}, .by = a->by, .csv = a->csv};
    struct gate_usage_query q = {.by = a->by,
                                 .from_day = a->from_day,
                                 .to_day = a->to_day,
                                 .all = a->all && !a->tenant[0],
                                 .tenant = r->caller.tenant,
                                 .limit = ROWS_MAX + 1,
                                 .within_ms = WITHIN_MS};
    if (a->from_day > a->to_day) return fault_set(f, 400, "invalid_value", "from", "from is later than to");
    if (a->all && a->tenant[0]) {
        q.tenant = 0; /* "local": of a server without keys */
        bool local = strcmp(a->tenant, "local") == 0;
        if (gate_tenant_id(g, a->tenant, &q.tenant, &e) != SIL_OK && !local)
            return fault_set(f, 404, "no_tenant", "tenant", "%s", e.text);
    }
    put_head(&l, a);
    sil_err err = l.o.err != SIL_OK ? l.o.err : gate_usage(g, &q, each_row, &l, &e);
    put_foot(&l);
    if (err == SIL_LIMIT && l.n == ROWS_MAX)
        return fault_set(f, 413, "too_large", NULL, "more than %d rows; ask for fewer days or less detail", ROWS_MAX);
    return close_fault(err != SIL_OK ? err : l.o.err, &e, f);
}
