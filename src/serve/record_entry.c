/* record_entry: one entry, and what is kept beside it. */
#include <inttypes.h>
#include <string.h>

#include "serve/record_impl.h"
#include "text/stream.h"

static const char *const states[] = {[AUDIT_NONE] = "missing", [AUDIT_THERE] = "kept", [AUDIT_ERASED] = "erased"};

const char *record_replay_hindrance(const struct record *rec, const struct ledger_entry *entry, enum audit_kept kept) {
    if (entry->keep == LEDGER_KEEP_NONE) return "no_transcript";
    if (kept != AUDIT_THERE) return kept == AUDIT_ERASED ? "transcript_erased" : "transcript_missing";
    const struct catalog_model *any = record_model(rec, entry, false), *m = record_model(rec, entry, true);
    uint32_t n_ctx = m ? m->n_ctx : 0;
    catalog_release(any);
    catalog_release(m);
    if (!m) return any ? "other_arithmetic" : "model_not_here";
    return (uint64_t)entry->n_in + entry->n_out > n_ctx ? "too_long" : NULL;
}

/* ---- an entry ---- */

static void put_kept(struct jout *o, const struct record *rec, struct ledger *l, uint64_t index,
                     const struct ledger_entry *entry, const struct caller *who) {
    enum audit_kept kept = AUDIT_NONE;
    struct transcript t;
    struct buf body;
    bool own = strcmp(who->tenant_name, entry->tenant) == 0, fits = false;
    buf_init(&body, rec->mem, TRANSCRIPT_FILE_MAX);
    sil_err err = entry->keep == LEDGER_KEEP_NONE ? SIL_OK : audit_transcript(l, index, &body, &kept, NULL);
    bool damaged = err != SIL_OK;
    if (!damaged && kept == AUDIT_THERE) {
        damaged = transcript_decode(buf_view(&body), &t, NULL) != SIL_OK;
        fits = !damaged && transcript_differs(&t, entry) == 0;
    }
    buf_free(&body);
    if (err == SIL_NOMEM) o->err = err;
    const char *state = entry->keep == LEDGER_KEEP_NONE ? "none" : damaged ? "damaged" : states[kept];
    const char *why = damaged ? "transcript_damaged" : record_replay_hindrance(rec, entry, kept);
    jout_fmt(
        o, ",\"transcript\":{\"state\":\"%s\",\"fits\":%s,\"readable\":%s},\"replay\":{\"possible\":%s,\"why\":", state,
        kept != AUDIT_THERE || damaged ? "null"
        : fits                         ? "true"
                                       : "false",
        own && kept == AUDIT_THERE && !damaged ? "true" : "false", why ? "false" : "true");
    jout_text_or_null(o, why);
    jout_raw(o, "}");
}

bool record_put_entry(struct record *rec, struct ledger *l, const struct request *r, struct buf *out, struct fault *f) {
    struct ledger_entry entry;
    struct buf line;
    struct jout o = {.b = out};
    uint8_t leaf[LEDGER_HASH];
    buf_init(&line, rec->mem, LEDGER_ENTRY_BYTES);
    if (!record_entry(l, r->ask.index, &r->caller, &line, &entry, f)) {
        buf_free(&line);
        return false;
    }
    tree_leaf(buf_view(&line), leaf);
    jout_fmt(&o, "{\"object\":\"record.entry\",\"entry\":%" PRIu64 ",\"size\":%" PRIu64 ",\"line\":", r->ask.index,
             ledger_size(l));
    jout_text(&o, buf_view(&line));
    jout_raw(&o, ",\"fields\":"); /* the line is JSON itself */
    if (o.err == SIL_OK) o.err = buf_str(out, buf_view(&line));
    jout_raw(&o, ",\"leaf\":");
    record_put_hex(&o, leaf, sizeof leaf);
    jout_raw(&o, ",\"model_name\":");
    record_put_model(&o, rec, &entry);
    put_kept(&o, rec, l, r->ask.index, &entry, &r->caller);
    jout_raw(&o, "}");
    buf_free(&line);
    return o.err == SIL_OK || record_no_memory(f);
}

/* ---- a transcript ---- */

static void put_ids(struct jout *o, const char *key, const uint32_t *ids, uint32_t n) {
    jout_fmt(o, ",\"%s\":[", key);
    for (uint32_t i = 0; i < n; i++) jout_fmt(o, i ? ",%" PRIu32 : "%" PRIu32, ids[i]);
    jout_raw(o, "]");
}

/* As answers are shown: without what ends them; of a prompt with its control tokens. */
static void put_words(struct jout *o, const char *key, const struct catalog_model *m, const uint32_t *ids, uint32_t n,
                      bool answer, struct mem mem) {
    struct stream s;
    struct buf text;
    sil_err err = SIL_OK;
    jout_fmt(o, ",\"%s\":", key);
    if (!m) {
        jout_raw(o, "null");
        return;
    }
    if (answer && n && sil_is_end(m->model, ids[n - 1])) n--;
    buf_init(&text, mem, RECORD_REPLY_MAX);
    stream_init(&s, mem, m->tok, !answer);
    for (uint32_t i = 0; i < n && err == SIL_OK; i++)
        if (ids[i] < m->info.n_vocab) err = stream_push(&s, ids[i], &text); /* an altered one may have any */
    if (err == SIL_OK) err = stream_end(&s, &text);
    if (err == SIL_OK) jout_text(o, buf_view(&text));
    else o->err = err;
    stream_free(&s);
    buf_free(&text);
}

static bool not_yours(struct fault *f) {
    return fault_set(f, 403, "not_yours", NULL,
                     "what was asked and answered is shown to the tenant that asked, not to administrators of others");
}

bool record_put_transcript(struct record *rec, struct ledger *l, const struct request *r, struct buf *out,
                           struct fault *f) {
    struct replay t = {.mem = rec->mem};
    enum audit_kept kept = AUDIT_NONE;
    struct ledger_entry entry;
    struct jout o = {.b = out};
    struct buf line;
    buf_init(&line, rec->mem, LEDGER_ENTRY_BYTES);
    bool ok = record_entry(l, r->ask.index, &r->caller, &line, &entry, f);
    buf_free(&line);
    if (!ok) return false;
    if (strcmp(entry.tenant, r->caller.tenant_name) != 0) return not_yours(f);
    sil_err err = replay_load(l, r->ask.index, rec->mem, &t, &kept, NULL);
    if (err == SIL_NOMEM) ok = record_no_memory(f);
    else if (err != SIL_OK)
        ok = fault_set(f, 409, "transcript_damaged", NULL, "the transcript of entry %" PRIu64 " is damaged",
                       r->ask.index);
    else if (kept != AUDIT_THERE)
        ok = fault_set(f, 404, kept == AUDIT_ERASED ? "transcript_erased" : "no_transcript", NULL,
                       "no transcript of entry %" PRIu64 " is kept%s", r->ask.index,
                       kept == AUDIT_ERASED ? ": it was erased" : "");
    if (ok) {
        const struct catalog_model *m = record_model(rec, &entry, false);
        jout_fmt(&o, "{\"object\":\"record.transcript\",\"entry\":%" PRIu64 ",\"salt\":", r->ask.index);
        record_put_hex(&o, t.salt, sizeof t.salt);
        put_ids(&o, "in", t.in, t.n_in);
        put_ids(&o, "out", t.out, t.n_out);
        put_words(&o, "prompt", m, t.in, t.n_in, false, rec->mem);
        put_words(&o, "answer", m, t.out, t.n_out, true, rec->mem);
        catalog_release(m);
        jout_raw(&o, "}");
        ok = o.err == SIL_OK || record_no_memory(f);
    }
    replay_free(&t);
    return ok;
}
