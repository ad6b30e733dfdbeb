/* record_list: many entries: how many there are of whom, and the latest first. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "serve/record_impl.h"

enum { BEYOND_MS = 24 * 3600 * 1000 /* how far a clock may have been set back */ };

/* ---- counting ---- */

static void count_one(struct record *rec, const char *tenant) {
    uint32_t i = 0;
    while (i < rec->n_tally && strcmp(rec->tally[i].name, tenant) != 0) i++;
    if (i == RECORD_TENANTS_MAX) {
        rec->uncounted++;
        return;
    }
    if (i == rec->n_tally) {
        snprintf(rec->tally[i].name, LEDGER_NAME, "%s", tenant);
        rec->n_tally++;
    }
    rec->tally[i].entries++;
}

/* Adds some of the entries that are not counted yet; another look adds more. */
static void count_on(struct record *rec, struct ledger *l) {
    struct buf line;
    pthread_mutex_lock(&rec->lock);
    bool mine = !rec->counting;
    if (mine) rec->counting = true;
    uint64_t at = rec->counted;
    pthread_mutex_unlock(&rec->lock);
    if (!mine) return;
    uint64_t end = ledger_size(l) > at + RECORD_COUNT_MAX ? at + RECORD_COUNT_MAX : ledger_size(l);
    buf_init(&line, rec->mem, LEDGER_ENTRY_BYTES);
    for (bool ok = true; ok && at < end; at += ok) {
        struct ledger_entry entry;
        buf_clear(&line);
        sil_err err = audit_entry(l, at, &line, &entry, NULL);
        ok = err == SIL_OK || err == SIL_FORMAT || err == SIL_UNSUPPORTED; /* those are nobody's */
        if (err != SIL_OK) entry.tenant[0] = '\0';
        pthread_mutex_lock(&rec->lock);
        if (ok) count_one(rec, entry.tenant), rec->counted = at + 1;
        pthread_mutex_unlock(&rec->lock);
    }
    buf_free(&line);
    pthread_mutex_lock(&rec->lock);
    rec->counting = false;
    pthread_mutex_unlock(&rec->lock);
}

static void put_tally(struct jout *o, struct record *rec, const struct caller *who) {
    bool any = false;
    pthread_mutex_lock(&rec->lock);
    jout_fmt(o, ",\"counted\":%" PRIu64 ",\"tenants\":[", rec->counted);
    for (uint32_t i = 0; i < rec->n_tally; i++) {
        const struct record_tally *t = &rec->tally[i];
        if (!t->name[0] || (!who->admin && strcmp(t->name, who->tenant_name) != 0)) continue;
        jout_raw(o, any ? ",{\"tenant\":" : "{\"tenant\":");
        jout_text(o, str_of(t->name));
        jout_fmt(o, ",\"entries\":%" PRIu64 "}", t->entries);
        any = true;
    }
    jout_raw(o, "]");
    pthread_mutex_unlock(&rec->lock);
}

bool record_put_head(struct record *rec, struct ledger *l, const struct request *r, struct buf *out, struct fault *f) {
    struct checkpoint c;
    struct ledger_entry last;
    struct sil_error e = {0};
    struct buf line;
    struct str note = ledger_checkpoint(l);
    struct jout o = {.b = out};
    char root[NOTE_BASE64_HASH], time[32] = "null";
    if (note_open(note, &rec->key, "the checkpoint", &c, &e) != SIL_OK) return fault_from(f, &e, NULL);
    buf_init(&line, rec->mem, LEDGER_ENTRY_BYTES);
    if (c.size && audit_entry(l, c.size - 1, &line, &last, NULL) == SIL_OK)
        snprintf(time, sizeof time, "%" PRIu64, last.time_ms);
    buf_free(&line);
    count_on(rec, l);
    note_hash_text(c.root, root);
    jout_fmt(&o, "{\"object\":\"record\",\"size\":%" PRIu64 ",\"root\":\"%s\",\"root_hex\":", c.size, root);
    record_put_hex(&o, c.root, sizeof c.root);
    jout_raw(&o, ",\"origin\":");
    jout_text(&o, str_of(c.origin));
    jout_raw(&o, ",\"key\":");
    jout_text(&o, str_of(rec->vkey));
    jout_fmt(&o, ",\"time_ms\":%s,\"checkpoint\":", time);
    jout_text(&o, note);
    put_tally(&o, rec, &r->caller);
    jout_raw(&o, "}");
    return o.err == SIL_OK || record_no_memory(f);
}

/* ---- the list ---- */

/* A model's name stands for its digest. */
static bool wanted_model(const struct record *rec, const char *given, char out[SIL_DIGEST], struct fault *f) {
    out[0] = '\0';
    if (!given[0]) return true;
    const struct catalog_model *m = catalog_find(rec->catalog, str_of(given));
    struct catalog_place place = {0};
    struct catalog_model now;
    if (m) catalog_look(rec->catalog, m->index, &place, &now);
    bool digest = strlen(given) == SIL_DIGEST - 1 && strspn(given, "0123456789abcdef") == SIL_DIGEST - 1;
    if (!m && !digest)
        return fault_set(f, 400, "invalid_value", "model", "model: no model of that name is here; give its SHA-256");
    snprintf(out, SIL_DIGEST, "%s", !m ? given : place.digest[0] ? place.digest : "never loaded");
    return true;
}

static bool is_wanted(const struct record_ask *a, const char *model, const struct caller *who,
                      const struct ledger_entry *t) {
    return record_sees(who, t) && (!model[0] || strcmp(model, t->model) == 0) &&
           (!a->tenant[0] || strcmp(a->tenant, t->tenant) == 0) && t->time_ms >= a->from_ms && t->time_ms <= a->to_ms &&
           (!a->request[0] || audit_is_request(t, a->request));
}

static void put_row(struct jout *o, const struct record *rec, uint64_t index, const struct ledger_entry *t) {
    static const char *const keep[] = {"none", "ids", "text"};
    jout_fmt(o, "{\"entry\":%" PRIu64 ",\"time_ms\":%" PRIu64 ",\"tenant\":", index, t->time_ms);
    jout_text(o, str_of(t->tenant));
    jout_raw(o, ",\"request\":");
    jout_text(o, str_of(t->request));
    jout_fmt(o, ",\"choice\":%" PRIu32 ",\"model\":\"%s\",\"model_name\":", t->choice, t->model);
    record_put_model(o, rec, t);
    jout_fmt(o, ",\"tokens_in\":%" PRIu32 ",\"tokens_out\":%" PRIu32 ",\"finish\":", t->n_in, t->n_out);
    jout_text(o, str_of(t->finish));
    jout_fmt(o, ",\"keep\":\"%s\"}", keep[t->keep]);
}

bool record_put_list(struct record *rec, struct ledger *l, const struct request *r, struct buf *out, struct fault *f) {
    const struct record_ask *a = &r->ask;
    struct jout o = {.b = out};
    struct buf line;
    char model[SIL_DIGEST];
    uint64_t size = ledger_size(l), at = a->before < size ? a->before : size;
    uint32_t found = 0, looked = 0;
    sil_err err = SIL_OK;
    bool older = false; /* than all that are asked for */
    if (!wanted_model(rec, a->model, model, f)) return false;
    buf_init(&line, rec->mem, LEDGER_ENTRY_BYTES);
    jout_fmt(&o, "{\"object\":\"list\",\"size\":%" PRIu64 ",\"data\":[", size);
    while (at > 0 && found < a->limit && looked < RECORD_SCAN_MAX && !older) {
        struct ledger_entry t;
        buf_clear(&line);
        err = audit_entry(l, at - 1, &line, &t, NULL);
        if (err == SIL_NOMEM || err == SIL_IO) break;
        at--;
        looked++;
        if (err != SIL_OK) continue; /* sillok audit verify names it; the others can be seen all the same */
        older = t.time_ms + BEYOND_MS < a->from_ms;
        if (!is_wanted(a, model, &r->caller, &t)) continue;
        if (found++) jout_raw(&o, ",");
        put_row(&o, rec, at, &t);
    }
    buf_free(&line);
    if (err == SIL_NOMEM) return record_no_memory(f);
    if (err == SIL_IO) return fault_set(f, 503, "record_unreadable", NULL, "the record cannot be read just now");
    jout_fmt(&o, "],\"looked\":%" PRIu32 ",\"next\":", looked);
    if (at > 0 && !older) jout_fmt(&o, "%" PRIu64 "}", at);
    else jout_raw(&o, "null}");
    return o.err == SIL_OK || record_no_memory(f);
}
