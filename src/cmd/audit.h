/* audit: what the verbs of sillok audit share. */
#ifndef SIL_CMD_AUDIT_H
#define SIL_CMD_AUDIT_H

#include "cmd/cmd.h"
#include "ledger/audit.h"

enum { AUDIT_PATH = 900, AUDIT_TIME = 32 };

struct audit_args {
    const char *log, *state, *key, *secret;
    struct cmd_texts against;
    bool salt;
};

#define AUDIT_DIR_OPTIONS(a)                                                                                           \
    {.name = "state",                                                                                                  \
     .kind = CMD_TEXT,                                                                                                 \
     .out = &(a).state,                                                                                                \
     .value = "DIR",                                                                                                   \
     .help = "the server's state directory (default sillok-state); the record is its folder ledger"},                  \
    {                                                                                                                  \
        .name = "log", .kind = CMD_TEXT, .out = &(a).log, .value = "DIR", .help = "the record's own directory"         \
    }
#define AUDIT_KEY_OPTION(a)                                                                                            \
    {                                                                                                                  \
        .name = "key", .kind = CMD_TEXT, .out = &(a).key, .value = "VKEY",                                             \
        .help = "the public key, or a file with it (where it can be found: the DIR.key.pub beside the record)"         \
    }
#define AUDIT_OPTIONS(a) AUDIT_DIR_OPTIONS(a), AUDIT_KEY_OPTION(a)

/* Where the record is. */
sil_err audit_log_dir(const struct audit_args *a, char out[AUDIT_PATH], struct sil_error *e);
/* The public key: --key, or the one beside the record; *out is NULL when there is neither. */
sil_err audit_key(const struct audit_args *a, const char *dir, struct ledger_key *k, const struct ledger_key **out,
                  struct sil_error *e);
/* Opens the record for reading; *signed_by: the checkpoint's signature was checked. */
sil_err audit_look(const struct audit_args *a, struct ledger_key *k, bool *signed_by, struct ledger **out,
                   struct sil_error *e);
/* "2026-11-22T13:37:09.123Z" */
void audit_time(uint64_t ms, char out[AUDIT_TIME]);
void audit_print_entry(const struct ledger_entry *t, uint64_t index);

/* Verbs in files of their own. */
int audit_show(int argc, char **argv);
int audit_replay(int argc, char **argv);

#endif
