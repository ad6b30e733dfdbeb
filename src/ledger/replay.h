/* replay: an answer of the record that is to be computed again, and what comes of comparing the two. The one who has
 * an engine computes: replay_run here, token by token, or a server in its own steps; both compare with replay_compare.
 *
 * A replay belongs to one thread at a time. */
#ifndef SIL_LEDGER_REPLAY_H
#define SIL_LEDGER_REPLAY_H

#include "ledger/audit.h"

struct replay {
    struct mem mem;
    uint64_t index;
    struct ledger_entry entry; /* sampling with its bias, that below */
    uint8_t salt[LEDGER_SALT];
    uint32_t *in, *out; /* [n_in], [n_out] ids as the transcript has them; out with what ended the answer */
    uint32_t n_in, n_out;
    struct sil_bias *bias;
    unsigned altered; /* TRANSCRIPT_* of the parts that the entry's digests deny: the transcript is not that answer's */
};

/* Fills out from a log that is open for reading. *kept: whether there is a transcript; only when it is AUDIT_THERE has
 * out more than the entry. SIL_ARG: no such entry. SIL_FORMAT: damaged. Free it in every case. */
sil_err replay_load(struct ledger *l, uint64_t index, struct mem mem, struct replay *out, enum audit_kept *kept,
                    struct sil_error *e);
void replay_free(struct replay *r);

/* Whether this program has the entry's arithmetic: "f16" or "int8", how keys and values were stored, or NULL. */
const char *replay_kv(const struct ledger_entry *entry);

struct replay_result {
    bool equal;      /* everything is: transcript and record agree, and these ids came out again */
    bool on_record;  /* the ids computed are those that the entry has the digest of, whatever the transcript says */
    uint32_t n_same; /* ids from the first on that are those of the transcript */
    bool other;      /* behind them came `computed` where the transcript has `kept` */
    uint32_t kept, computed;
};

/* ids [n]: what was computed from r->in, the entry's sampling and choice. A length other than the transcript's is
 * unequal too; then `other` is false when one is the beginning of the other. */
void replay_compare(const struct replay *r, const uint32_t *ids, uint32_t n, struct replay_result *out);

/* Computes on an engine of the entry's model and arithmetic, up to the first id that differs. on_record is only known
 * when none does. SIL_FORMAT: there is no prompt. */
sil_err replay_run(const struct replay *r, struct sil_engine *engine, struct replay_result *out, struct sil_error *e);

#endif
