/* record_impl: what the files behind record.h share. */
#ifndef SIL_SERVE_RECORD_IMPL_H
#define SIL_SERVE_RECORD_IMPL_H

#include <pthread.h>

#include "ledger/replay.h"
#include "serve/jout.h"
#include "serve/record.h"

enum { RECORD_DIR = 600, RECORD_REPLY_MAX = 64 << 20 };

struct record_tally {
    char name[LEDGER_NAME];
    uint64_t entries;
};

struct record {
    struct mem mem;
    char dir[RECORD_DIR], vkey[LEDGER_VKEY];
    struct ledger_key key;
    const struct catalog *catalog;
    struct metrics *metrics;
    uint32_t n_readers;

    pthread_mutex_t lock; /* of all below */
    uint32_t n_reading;
    uint64_t counted;           /* entries of the log that are in the tallies; the log only grows */
    bool counting;              /* one thread at a time adds to them */
    struct record_tally *tally; /* [n_tally], room for RECORD_TENANTS_MAX */
    uint32_t n_tally;
    uint64_t uncounted; /* entries of tenants beyond that */
    struct {
        bool used;
        uint64_t tenant;
    } replays[RECORD_REPLAYS_MAX];
};

/* A look into the ledger as it is now; *l is closed by record_leave. 503 while too many look. */
bool record_enter(struct record *rec, struct ledger **l, struct fault *f);
void record_leave(struct record *rec, struct ledger *l);

bool record_sees(const struct caller *who, const struct ledger_entry *entry);
/* The entry, which the caller may see; its line appended to b. 404 without a word of whether it is there. */
bool record_entry(struct ledger *l, uint64_t index, const struct caller *who, struct buf *b, struct ledger_entry *out,
                  struct fault *f);
/* The model of an entry's digest among those that are loaded, held for the caller; exact: with its arithmetic too. Or
 * NULL. */
const struct catalog_model *record_model(const struct record *rec, const struct ledger_entry *entry, bool exact);
void record_put_hex(struct jout *o, const uint8_t *p, size_t n); /* with quotes; at most 32 bytes */
void record_put_model(struct jout *o, const struct record *rec, const struct ledger_entry *entry); /* name or null */

/* Views, each appended to out. */
bool record_put_head(struct record *rec, struct ledger *l, const struct request *r, struct buf *out, struct fault *f);
bool record_put_list(struct record *rec, struct ledger *l, const struct request *r, struct buf *out, struct fault *f);
bool record_put_entry(struct record *rec, struct ledger *l, const struct request *r, struct buf *out, struct fault *f);
bool record_put_transcript(struct record *rec, struct ledger *l, const struct request *r, struct buf *out,
                           struct fault *f);

/* Why a replay cannot be: a word for programs, and NULL where it can. kept: of its transcript. */
const char *record_replay_hindrance(const struct record *rec, const struct ledger_entry *entry, enum audit_kept kept);

static inline bool record_no_memory(struct fault *f) {
    return fault_set(f, 503, "unavailable", NULL, "not enough memory for the reply");
}

#endif
