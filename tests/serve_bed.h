/* serve_bed: a server under test: a small random model, a state directory of its own, a Unix socket. */
#ifndef SIL_TESTS_SERVE_BED_H
#define SIL_TESTS_SERVE_BED_H

#include "serve/config.h"
#include "serve/gate_db.h"
#include "serve/server.h"

struct serve_bed {
    char dir[64], socket[96], state[96], model[96];
    struct config config;
    struct mem mem;     /* the C library's; for requests and answers */
    struct meter meter; /* read NULL: the machine's */
    uint8_t n_keys;     /* that were made */
    struct server *server;
};

/* Makes directory, model and configuration (no keys, one thread); change b->config, then start. */
void serve_bed_open(struct serve_bed *b);
void serve_bed_start(struct serve_bed *b);
void serve_bed_stop(struct serve_bed *b);
/* Waits until every answer has ended. */
void serve_bed_idle(struct serve_bed *b);
/* A key of a tenant, made beside the server as by `sillok key add`. own: the tenant's own limits and what else is set
 * of it, or NULL. */
void serve_bed_key(struct serve_bed *b, const char *tenant, bool admin, const struct gate_tenant *own,
                   char secret[GATE_SECRET]);
/* Stops, and removes everything. */
void serve_bed_close(struct serve_bed *b);

#endif
