#include "serve/record_impl.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"

enum { BUSY_MS = 200 };

sil_err record_open(const struct record_config *c, struct record **out, struct sil_error *e) {
    struct record *rec = mem_array(c->mem, 1, sizeof *rec);
    struct record_tally *tally = rec ? mem_array(c->mem, RECORD_TENANTS_MAX, sizeof *tally) : NULL;
    if (!tally) {
        mem_free(c->mem, rec);
        return err_nomem(e, "the record's readers", RECORD_TENANTS_MAX * sizeof *tally);
    }
    *rec = (struct record){.mem = c->mem, .catalog = c->catalog, .metrics = c->metrics, .tally = tally};
    rec->n_readers = c->n_readers ? c->n_readers : 1;
    pthread_mutex_init(&rec->lock, NULL);
    int n = snprintf(rec->dir, sizeof rec->dir, "%s", c->dir);
    int k = snprintf(rec->vkey, sizeof rec->vkey, "%s", c->vkey);
    sil_err err = n < RECORD_DIR && k < LEDGER_VKEY ? ledger_key_verifier(str_of(rec->vkey), &rec->key, e)
                                                    : err_set(e, SIL_LIMIT, "the path of the record is too long");
    if (err != SIL_OK) record_close(rec);
    else *out = rec;
    return err;
}

void record_close(struct record *rec) {
    if (!rec) return;
    pthread_mutex_destroy(&rec->lock);
    mem_free(rec->mem, rec->tally);
    mem_free(rec->mem, rec);
}

/* ---- looking in ---- */

static void leave(struct record *rec) {
    pthread_mutex_lock(&rec->lock);
    rec->n_reading--;
    pthread_mutex_unlock(&rec->lock);
}

bool record_enter(struct record *rec, struct ledger **l, struct fault *f) {
    struct sil_error e = {0};
    pthread_mutex_lock(&rec->lock);
    bool room = rec->n_reading < rec->n_readers;
    if (room) rec->n_reading++;
    pthread_mutex_unlock(&rec->lock);
    if (!room) {
        fault_set(f, 503, "overloaded", NULL, "too many are reading the record just now");
        f->retry_ms = BUSY_MS;
        return false;
    }
    *l = NULL;
    sil_err err = audit_open(rec->dir, &rec->key, rec->mem, l, &e);
    if (err == SIL_OK) return true;
    leave(rec);
    /* The words name files of the machine: they are the operator's, sillok audit verify says them. */
    if (err == SIL_NOMEM) return record_no_memory(f);
    return fault_set(f, 503, "record_unreadable", NULL,
                     "the record cannot be read; its operator can: sillok audit verify");
}

void record_leave(struct record *rec, struct ledger *l) {
    ledger_close(l);
    leave(rec);
}

bool record_sees(const struct caller *who, const struct ledger_entry *entry) {
    return who->admin || strcmp(who->tenant_name, entry->tenant) == 0;
}

bool record_entry(struct ledger *l, uint64_t index, const struct caller *who, struct buf *b, struct ledger_entry *out,
                  struct fault *f) {
    struct sil_error e = {0};
    sil_err err = audit_entry(l, index, b, out, &e);
    if (err == SIL_OK && record_sees(who, out)) return true;
    if (err == SIL_NOMEM) return record_no_memory(f);
    if (err != SIL_OK && err != SIL_ARG && who->admin)
        return fault_set(f, 503, "record_unreadable", NULL,
                         "entry %llu cannot be read; sillok audit verify says what is wrong",
                         (unsigned long long)index);
    return fault_set(f, 404, "no_entry", NULL, "there is no entry %llu for this key", (unsigned long long)index);
}

const struct catalog_model *record_model(const struct record *rec, const struct ledger_entry *entry, bool exact) {
    for (uint32_t i = 0; i < rec->catalog->n; i++) {
        const struct catalog_model *m = catalog_hold_at(rec->catalog, i);
        if (!m) continue;
        if (strcmp(m->digest, entry->model) == 0 && (!exact || strcmp(m->profile, entry->profile) == 0)) return m;
        catalog_release(m);
    }
    return NULL;
}

void record_put_hex(struct jout *o, const uint8_t *p, size_t n) {
    char hex[2 * LEDGER_HASH + 1];
    sodium_bin2hex(hex, sizeof hex, p, n);
    jout_text(o, str_of(hex));
}

void record_put_model(struct jout *o, const struct record *rec, const struct ledger_entry *entry) {
    const char *name = NULL;
    for (uint32_t i = 0; i < rec->catalog->n && !name; i++) { /* also of one that is not loaded now */
        struct catalog_place place;
        struct catalog_model m;
        catalog_look(rec->catalog, i, &place, &m);
        if (strcmp(place.digest, entry->model) == 0) name = m.config->name;
    }
    jout_text_or_null(o, name);
}

/* ---- views ---- */

static bool put_receipt(struct ledger *l, const struct request *r, struct buf *out, struct fault *f) {
    struct ledger_entry entry;
    struct sil_error e = {0};
    struct buf line;
    buf_init(&line, out->mem, LEDGER_ENTRY_BYTES);
    bool ok = record_entry(l, r->ask.index, &r->caller, &line, &entry, f);
    buf_free(&line);
    if (!ok) return false;
    sil_err err = ledger_receipt(l, r->ask.index, NULL, out, &e);
    return err == SIL_OK || (err == SIL_NOMEM ? record_no_memory(f) : fault_from(f, &e, NULL));
}

static bool put(struct record *rec, struct ledger *l, const struct request *r, struct buf *out, struct fault *f) {
    switch (r->ask.what) {
    case RECORD_HEAD: return record_put_head(rec, l, r, out, f);
    case RECORD_LIST: return record_put_list(rec, l, r, out, f);
    case RECORD_ENTRY: return record_put_entry(rec, l, r, out, f);
    case RECORD_RECEIPT: return put_receipt(l, r, out, f);
    default: return record_put_transcript(rec, l, r, out, f);
    }
}

bool record_read(struct record *rec, struct request *r, struct fault *f) {
    struct ledger *l;
    struct buf out;
    char name[64] = "";
    bool receipt = r->ask.what == RECORD_RECEIPT;
    if (!record_enter(rec, &l, f)) return false;
    buf_init(&out, rec->mem, RECORD_REPLY_MAX);
    bool ok = put(rec, l, r, &out, f);
    record_leave(rec, l);
    if (receipt) snprintf(name, sizeof name, "sillok-%llu.tlog-proof", (unsigned long long)r->ask.index);
    if (ok && answer_reply_as(&r->answer, buf_view(&out), receipt ? "text/plain; charset=utf-8" : NULL, name) != SIL_OK)
        ok = record_no_memory(f);
    buf_free(&out);
    return ok;
}

bool record_checkpoint(const struct record *rec, struct buf *out, struct fault *f) {
    char path[RECORD_DIR + 16];
    struct sil_error e = {0};
    snprintf(path, sizeof path, "%s/checkpoint", rec->dir);
    if (file_read(path, out, &e) == SIL_OK) return true;
    fault_set(f, 503, "record_unreadable", NULL, "the checkpoint cannot be read just now");
    f->retry_ms = 1000;
    return false;
}
