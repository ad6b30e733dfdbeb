/* record_erase: what sillok audit erase does, while the server runs. */
#include <inttypes.h>

#include "serve/record_impl.h"

enum { RETRY_MS = 1000 };

/* What is kept of it before; *keep: what the entry says of that. */
static bool look(struct record *rec, struct request *r, enum ledger_keep *keep, enum audit_kept *kept,
                 struct fault *f) {
    struct ledger *l;
    struct ledger_entry entry;
    struct buf b;
    if (!record_enter(rec, &l, f)) return false;
    buf_init(&b, rec->mem, TRANSCRIPT_FILE_MAX);
    bool ok = record_entry(l, r->ask.index, &r->caller, &b, &entry, f);
    if (ok) {
        *keep = entry.keep;
        buf_clear(&b);
        *kept = AUDIT_THERE; /* what is damaged can be erased too */
        sil_err err = entry.keep == LEDGER_KEEP_NONE ? SIL_OK : audit_transcript(l, r->ask.index, &b, kept, NULL);
        if (err == SIL_NOMEM) ok = record_no_memory(f);
    }
    buf_free(&b);
    record_leave(rec, l);
    return ok;
}

static bool refused(sil_err err, uint64_t index, struct fault *f) {
    if (err == SIL_FORMAT)
        return fault_set(f, 409, "transcript_damaged", NULL,
                         "the file that holds the transcript of entry %" PRIu64
                         " is damaged; sillok audit verify says where",
                         index);
    fault_set(f, 503, "not_erased", NULL,
              "the transcript of entry %" PRIu64 " could not be erased just now (is the disk full?); ask again", index);
    f->retry_ms = RETRY_MS;
    return false;
}

/* Never what it was. */
static void note(struct log *log, const struct request *r, bool had, const struct sil_error *e) {
    LOG(log, e ? LOG_WARN : LOG_INFO, "erase", LOG_S("request", r->id), LOG_S("tenant", r->caller.tenant_name),
        LOG_S("key", r->caller.key_name), LOG_U("entry", r->ask.index), LOG_B("had", had),
        LOG_S("error", e ? e->text : NULL));
}

bool record_erase(struct record *rec, struct ledger_writer *w, struct log *log, struct request *r, struct fault *f) {
    enum ledger_keep keep = LEDGER_KEEP_NONE;
    enum audit_kept kept = AUDIT_NONE;
    struct buf out;
    struct jout o = {.b = &out};
    struct sil_error e = {0};
    uint64_t index = r->ask.index;
    bool had = false;
    if (!look(rec, r, &keep, &kept, f)) return false;
    sil_err err = keep == LEDGER_KEEP_NONE ? SIL_OK : ledger_writer_erase(w, index, &had, &e);
    if (keep != LEDGER_KEEP_NONE) note(log, r, had, err == SIL_OK ? NULL : &e);
    if (err != SIL_OK) return refused(err, index, f);
    const char *state = keep == LEDGER_KEEP_NONE ? "none" : had || kept != AUDIT_NONE ? "erased" : "missing";
    buf_init(&out, rec->mem, 1024);
    jout_fmt(&o, "{\"object\":\"record.erasure\",\"entry\":%" PRIu64 ",\"had\":%s,\"transcript\":\"%s\"}", index,
             had ? "true" : "false", state);
    bool ok = o.err == SIL_OK && answer_reply(&r->answer, buf_view(&out)) == SIL_OK;
    buf_free(&out);
    return ok || record_no_memory(f);
}
