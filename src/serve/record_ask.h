/* record_ask: what a request asks of the record, as its address says. Pure; filled by the HTTP thread. */
#ifndef SIL_SERVE_RECORD_ASK_H
#define SIL_SERVE_RECORD_ASK_H

#include "ledger/ledger.h"
#include "serve/fault.h"

enum { RECORD_LIMIT = 50, RECORD_LIMIT_MAX = 200 };

enum record_what {
    RECORD_HEAD,       /* GET /record: size, checkpoint, counts */
    RECORD_LIST,       /* GET /record/entries: the latest first */
    RECORD_ENTRY,      /* GET /record/entries/N */
    RECORD_RECEIPT,    /* GET /record/entries/N/receipt: a tlog-proof */
    RECORD_TRANSCRIPT, /* GET /record/entries/N/transcript: ids, salt and words, for who asked them */
    RECORD_REPLAY,     /* POST /record/entries/N/replay */
    RECORD_ERASE       /* DELETE /record/entries/N/transcript */
};

struct record_ask {
    enum record_what what;
    uint64_t index;            /* N */
    uint64_t before;           /* LIST: entries below this number; UINT64_MAX: from the newest on */
    uint32_t limit;            /* LIST: 1 to RECORD_LIMIT_MAX */
    uint64_t from_ms, to_ms;   /* LIST: of the time when they ended, both included; 0 and UINT64_MAX: any */
    char model[LEDGER_NAME];   /* LIST: a model's name or SHA-256; "": any */
    char request[LEDGER_NAME]; /* LIST: the id of a request or its answer; "": any */
    char tenant[LEDGER_NAME];  /* LIST: only an administrator sees others than the own; "": any */
};

/* All defaults: the newest entries. */
void record_ask_init(struct record_ask *a);
/* What comes behind /record/entries/ ("12", "12/receipt"), asked by GET, POST or DELETE. 404 for what is none, 405. */
bool record_ask_path(struct record_ask *a, struct str rest, const char *method, struct fault *f);
/* One parameter of the query, decoded. Unknown ones are ignored. 400 names the one that is out of range. */
bool record_ask_parameter(struct record_ask *a, struct str key, struct str value, struct fault *f);

#endif
