/* job: a request on the engine thread, with its choices, and its end: record, last events, accounts, log line.
 * The engine thread makes it and fills it; job_end hands it to the ledger's writer, whose thread publishes and frees
 * it. */
#ifndef SIL_SERVE_JOB_H
#define SIL_SERVE_JOB_H

#include "base/clock.h"
#include "ledger/ledger.h"
#include "serve/choice.h"
#include "serve/gate.h"
#include "serve/history.h"
#include "serve/log.h"
#include "serve/metrics.h"

struct record;

/* What the end of a job touches; all of it outlives every job. Used from the engine thread and the ledger's. */
struct job_env {
    struct mem mem;
    struct clock clock;
    const struct config *config;
    struct ledger_writer *ledger;
    struct record *record;
    struct gate *gate;
    struct metrics *metrics;
    struct log *log;
    struct history *history;  /* NULL: nothing is kept of the last hour */
    _Atomic uint64_t *n_open; /* jobs that are not published yet */
};

struct job {
    struct job_env *env;
    struct request *r; /* one reference */
    struct job *next, *prev;
    uint32_t slot;      /* the tenant's number for the scheduler */
    uint32_t n, n_over; /* choices, and those that are over */
    double joules;      /* of steps, this job's share */
    bool metered;
    struct fault fault;      /* status 0: none; else the job ends with it and without a record */
    _Atomic uint32_t n_owed; /* outcomes of entries that are to come; who brings it to 0 publishes */
    uint32_t n_kept;         /* entries that are durable */
    struct fault unrecorded; /* why an entry was not even taken */
    uint64_t *entries;       /* [n] */
    struct str *receipts;    /* [n], each its own allocation */
    struct choice choices[]; /* [n] */
};

/* Takes a reference to the request. On failure f says why. */
bool job_open(struct job_env *env, struct request *r, struct job **out, struct fault *f);

/* All choices are over (or there is a fault) and their sessions closed: puts them on record (an answer that was
 * computed again is not another answer: it is compared instead); when that is durable, gives the client the last
 * events, settles the accounts, writes the log line, frees the job. Returns at once. */
void job_end(struct job *j);

#endif
