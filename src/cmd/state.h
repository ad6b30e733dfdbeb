/* state: which state directory a command means: --state DIR, or that of --config FILE, or the default. */
#ifndef SIL_CMD_STATE_H
#define SIL_CMD_STATE_H

#include "serve/gate_db.h"

struct state {
    const char *config, *folder; /* of the options; NULL: not given */
    struct config read;
    struct gate_db *db;
};

#define STATE_OPTIONS(s)                                                                                               \
    {"state", 0, CMD_TEXT, &(s)->folder, "DIR", "the server's state directory (default sillok-state)", 0, 0}, {        \
        "config", 0, CMD_TEXT, &(s)->config, "FILE", "or the server's settings, which name it", 0, 0                   \
    }

/* Opens keys.db; without `make` it must be there. On success and failure state_close. */
sil_err state_open(struct state *s, bool make, struct sil_error *e);
void state_close(struct state *s);

#endif
