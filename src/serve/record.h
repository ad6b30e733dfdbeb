/* record: the record as clients see it: entries, receipts, the signed checkpoint, and answers computed again. Reads the
 * ledger's files beside its writer with the auditor's own readers; each look opens them as they are just now. A tenant
 * sees what is its own, for others' entries it is as if they were not there; an administrator's key sees all entries,
 * but nobody else's words.
 *
 * Threads: functions that take a struct record from any; the work is done by the workers. */
#ifndef SIL_SERVE_RECORD_H
#define SIL_SERVE_RECORD_H

#include "serve/catalog.h"
#include "serve/log.h"
#include "serve/metrics.h"
#include "serve/request.h"

struct record;
struct record_config {
    struct mem mem;
    const char *dir;  /* the ledger's */
    const char *vkey; /* its public key */
    const struct catalog *catalog;
    struct metrics *metrics; /* replays are counted here */
    uint32_t n_readers;      /* requests that may read at once; further ones are told to come back */
};

enum {
    RECORD_SCAN_MAX = 4096,    /* entries that one list looks at */
    RECORD_COUNT_MAX = 16384,  /* entries that one look at the head counts */
    RECORD_TENANTS_MAX = 1024, /* tenants that are counted one by one */
    RECORD_REPLAYS_MAX = 4,    /* answers that are computed again at the same time, one for each tenant */
    RECORD_REPLAY_LOWEST = -1  /* their priority: deferrable, behind every live request */
};

/* All strings are copied. */
sil_err record_open(const struct record_config *c, struct record **out, struct sil_error *e);
void record_close(struct record *rec); /* NULL is allowed */

/* Answers r->ask with a whole reply: all but RECORD_REPLAY and RECORD_ERASE. */
bool record_read(struct record *rec, struct request *r, struct fault *f);
/* The checkpoint that others see, appended: a small file. 503 when it cannot be read. */
bool record_checkpoint(const struct record *rec, struct buf *out, struct fault *f);

/* Erases what was said in an entry, by the thread that writes the record; notes in the log who did that; replies. For
 * administrators. Whoever has read it before may still be computing with it. 404: no such entry; 409: its file is
 * damaged; 503: not just now; it is kept or erased then, and asking again does no harm. */
bool record_erase(struct record *rec, struct ledger_writer *w, struct log *log, struct request *r, struct fault *f);

/* ---- answers computed again ---- */

/* Makes the request one for the engine: the recorded model, prompt ids, sampling and choice, as many tokens as were
 * drawn, behind everybody else, off the record. body: {"stream": bool} or nothing. 404: no such entry for this caller;
 * 409: no transcript, another model or arithmetic; 429: this tenant's last one still runs. On success
 * record_replay_end is owed. */
bool record_replay_begin(struct record *rec, struct request *r, struct str body, struct fault *f);
/* It runs no more; nothing where it never ran. Before its reply, so that the next one may come at once. */
void record_replay_end(struct record *rec, struct request *r);
/* Gives the reply, and counts what came of it: ids [n] are what was computed. */
sil_err record_replay_tell(struct record *rec, struct request *r, const uint32_t *ids, uint32_t n, double seconds);
/* Counts one that ends without a result, before its client hears of it. Nothing where it was counted already. */
void record_replay_fault(struct record *rec, struct request *r, const struct fault *f);
/* Streams: progress as SSE, then the result. *done: tokens so far. */
sil_err record_replay_event(const struct request *r, const struct answer_event *ev, uint32_t *done, struct buf *out);

#endif
