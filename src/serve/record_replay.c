/* record_replay: an answer of the record as a request to the engine, and what comes of it. */
#include <inttypes.h>
#include <string.h>

#include "serve/openai_impl.h"
#include "serve/record_impl.h"

enum { BUSY_MS = 1000 };

/* ---- numbers ---- */

static void count(struct record *rec, struct request *r, enum metrics_replay result) {
    if (!r->replay_asked || r->replay_counted) return;
    r->replay_counted = true;
    metrics_add(&rec->metrics->replays[result], 1);
}

void record_replay_fault(struct record *rec, struct request *r, const struct fault *f) {
    count(rec, r,
          answer_is_cancelled(&r->answer) ? METRICS_REPLAY_CANCELLED
          : f->status < 500               ? METRICS_REPLAY_REFUSED
                                          : METRICS_REPLAY_FAILED);
}

/* ---- places ---- */

static bool take_place(struct record *rec, uint64_t tenant, struct fault *f) {
    int free = -1;
    bool own = false;
    pthread_mutex_lock(&rec->lock);
    for (int i = 0; i < RECORD_REPLAYS_MAX; i++) {
        if (!rec->replays[i].used) free = i;
        else if (rec->replays[i].tenant == tenant) own = true;
    }
    if (!own && free >= 0) {
        rec->replays[free].used = true;
        rec->replays[free].tenant = tenant;
    }
    pthread_mutex_unlock(&rec->lock);
    if (!own && free >= 0) return true;
    fault_set(f, 429, "replay_busy", NULL,
              own ? "another answer is being computed again for you; one at a time"
                  : "too many answers are being computed again just now");
    f->retry_ms = BUSY_MS;
    return false;
}

void record_replay_end(struct record *rec, struct request *r) {
    if (!r->replaying) return;
    r->replaying = false;
    pthread_mutex_lock(&rec->lock);
    for (int i = 0; i < RECORD_REPLAYS_MAX; i++)
        if (rec->replays[i].used && rec->replays[i].tenant == r->caller.tenant) {
            rec->replays[i].used = false;
            break;
        }
    pthread_mutex_unlock(&rec->lock);
}

/* ---- the request ---- */

static bool hindered(const char *why, uint64_t index, struct fault *f) {
    static const char *const words[][2] = {
        {"no_transcript", "no transcript was kept of it (the setting transcript), so there is nothing to compute from"},
        {"transcript_erased", "its transcript was erased"},
        {"transcript_missing", "its transcript is not here any more"},
        {"transcript_damaged", "its transcript is damaged"},
        {"model_not_here", "its model is not loaded on this server"},
        {"other_arithmetic", "this server computes its model with another arithmetic"},
        {"too_long", "it is longer than the context that this server gives its model"}};
    const char *text = "";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(why, words[i][0]) == 0) text = words[i][1];
    return fault_set(f, 409, why, NULL, "entry %" PRIu64 " cannot be computed again: %s", index, text);
}

static bool load(struct record *rec, struct ledger *l, struct request *r, struct fault *f) {
    enum audit_kept kept = AUDIT_NONE;
    struct ledger_entry entry;
    struct buf line;
    uint64_t index = r->ask.index;
    buf_init(&line, rec->mem, LEDGER_ENTRY_BYTES);
    bool ok = record_entry(l, index, &r->caller, &line, &entry, f);
    buf_free(&line);
    if (!ok) return false;
    struct replay *t = mem_array(rec->mem, 1, sizeof *t);
    if (!t) return record_no_memory(f);
    t->mem = rec->mem;
    r->replay = t; /* the request frees it */
    if (entry.keep == LEDGER_KEEP_NONE) return hindered("no_transcript", index, f);
    sil_err err = replay_load(l, index, rec->mem, t, &kept, NULL);
    if (err == SIL_NOMEM) return record_no_memory(f);
    if (err != SIL_OK) return hindered("transcript_damaged", index, f);
    const char *why = record_replay_hindrance(rec, &entry, kept);
    return !why || hindered(why, index, f);
}

/* Of an altered prompt or bias nothing can be computed that would say more than that. */
static bool needs_engine(const struct replay *t) {
    return t->n_in > 0 && t->entry.n_out > 0 && !(t->altered & (TRANSCRIPT_IN | TRANSCRIPT_BIAS));
}

static bool read_body(struct str body, struct request *r, struct fault *f) {
    if (body.n == 0) return true;
    return openai_parse(body, &r->body, f) && openai_get_bool(r->body, "stream", &r->stream, f);
}

bool record_replay_begin(struct record *rec, struct request *r, struct str body, struct fault *f) {
    struct ledger *l;
    r->replay_asked = true;
    metrics_add(&rec->metrics->replays_asked, 1);
    if (!read_body(body, r, f) || !record_enter(rec, &l, f)) return false;
    bool ok = load(rec, l, r, f);
    record_leave(rec, l);
    if (!ok) return false;
    const struct replay *t = r->replay;
    r->model = record_model(rec, &t->entry, true);
    if (!r->model) /* unloaded a moment ago */
        return fault_set(f, 409, "model_not_here", NULL, "its model is not loaded on this server");
    r->max_tokens = t->entry.n_out;
    if (!needs_engine(t)) return true;
    r->prompts = ARENA_ARRAY(&r->arena, 1, struct request_prompt);
    if (!r->prompts) return record_no_memory(f);
    r->prompts[0] = (struct request_prompt){.ids = t->in, .n_ids = t->n_in};
    r->n_prompts = r->n = 1;
    r->sampling = t->entry.sampling;
    r->ignore_end = true; /* it ends where it ended, for whatever reason */
    r->priority = RECORD_REPLAY_LOWEST;
    if (!take_place(rec, r->caller.tenant, f)) return false;
    r->replaying = true;
    return true;
}

/* ---- the result ---- */

static void put_altered(struct jout *o, unsigned altered) {
    static const char *const parts[] = {"prompt", "answer", "logit_bias"};
    bool any = false;
    jout_raw(o, ",\"altered\":[");
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!(altered & (1u << i))) continue;
        jout_fmt(o, any ? ",\"%s\"" : "\"%s\"", parts[i]);
        any = true;
    }
    jout_raw(o, "]");
}

sil_err record_replay_tell(struct record *rec, struct request *r, const uint32_t *ids, uint32_t n, double seconds) {
    const struct replay *t = r->replay;
    struct replay_result c;
    struct buf out;
    struct jout o = {.b = &out};
    buf_init(&out, t->mem, 1 << 16);
    replay_compare(t, ids, n, &c);
    count(rec, r, c.equal ? METRICS_REPLAY_EQUAL : METRICS_REPLAY_DIFFERENT);
    jout_fmt(&o, "{\"object\":\"record.replay\",\"entry\":%" PRIu64 ",\"equal\":%s,\"reason\":", t->index,
             c.equal ? "true" : "false");
    jout_text_or_null(&o, c.equal ? NULL : t->altered ? "transcript_altered" : "other_tokens");
    put_altered(&o, t->altered);
    jout_fmt(&o,
             ",\"computed\":%s,\"on_record\":%s,\"tokens\":%" PRIu32 ",\"same\":%" PRIu32 ",\"prompt_tokens\":%" PRIu32,
             n ? "true" : "false", c.on_record ? "true" : "false", t->entry.n_out, c.n_same, t->entry.n_in);
    if (c.other)
        jout_fmt(&o, ",\"first_difference\":{\"at\":%" PRIu32 ",\"kept\":%" PRIu32 ",\"computed\":%" PRIu32 "}",
                 c.n_same, c.kept, c.computed);
    else jout_raw(&o, ",\"first_difference\":null");
    jout_raw(&o, ",\"model\":");
    jout_text(&o, str_of(r->model->config->name));
    jout_fmt(&o, ",\"sha256\":\"%s\",\"profile\":", t->entry.model);
    jout_text(&o, str_of(t->entry.profile));
    jout_raw(&o, ",\"cpu\":");
    jout_text_or_null(&o, r->model->info.cpu);
    jout_fmt(&o, ",\"seconds\":%.3f}", seconds);
    sil_err err = o.err == SIL_OK ? answer_reply(&r->answer, buf_view(&out)) : o.err;
    buf_free(&out);
    return err;
}

sil_err record_replay_event(const struct request *r, const struct answer_event *ev, uint32_t *done, struct buf *out) {
    struct jout o = {.b = out};
    if (ev->kind == ANSWER_DELTA) {
        *done += ev->n_tokens;
        jout_fmt(&o, "data: {\"object\":\"record.replay.progress\",\"done\":%" PRIu32 ",\"tokens\":%" PRIu32 "}\n\n",
                 *done, r->max_tokens);
        return o.err;
    }
    if (ev->kind != ANSWER_REPLY && ev->kind != ANSWER_FAULT) return SIL_OK;
    jout_raw(&o, "data: ");
    if (o.err == SIL_OK) o.err = ev->kind == ANSWER_REPLY ? buf_str(out, ev->text) : openai_fault(ev->fault, out);
    jout_raw(&o, "\n\n");
    return o.err;
}
