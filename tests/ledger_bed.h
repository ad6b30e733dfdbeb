/* ledger_bed: what the tests of the record share: a key, answers made from a number, folders. */
#ifndef SIL_TESTS_LEDGER_BED_H
#define SIL_TESTS_LEDGER_BED_H

#include "ledger/audit.h"

enum { LB_IDS = 40 };

/* The key of a seed that is the byte `seed`, 32 times. */
struct ledger_key lb_key(uint8_t seed);
/* Answer number i: ids, text and sampling are pure functions of it. Points into *ids and *text. */
struct lb_answer {
    struct ledger_answer answer;
    uint32_t in[LB_IDS], out[LB_IDS];
    struct sil_bias bias[2];
    char text[64];
};
void lb_answer(struct lb_answer *b, uint64_t i, enum ledger_keep keep);

/* Opens, or fails the test with the words. */
struct ledger *lb_open(const char *dir, struct ledger_hooks hooks);
/* Appends answers [from, from + n) as one group and commits it. */
void lb_commit(struct ledger *l, uint64_t from, uint32_t n, enum ledger_keep keep);

/* Findings of an audit with the bed's key 1; the first one's words in `first` (512 bytes). */
uint64_t lb_audit(const char *dir, char *first, struct audit_report *out);

/* As test_folder, but in memory where the system has such a place: most tests here sync thousands of times. */
const char *lb_folder(void);
/* Removes a folder with everything in it. */
void lb_remove(const char *dir);

#endif
