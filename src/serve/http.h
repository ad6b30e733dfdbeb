/* http: connections, bytes in and bytes out, through libmicrohttpd. Each listening address is a daemon with its
 * threads; a connection that waits for its answer is suspended and costs no thread. */
#ifndef SIL_SERVE_HTTP_H
#define SIL_SERVE_HTTP_H

#include "serve/keeper.h"
#include "serve/watch.h"
#include "serve/work.h"

struct http;

enum { HTTP_RETIRED_MAX = 16 };

/* What requests are handed to. All of it outlives the daemons. */
struct http_env {
    struct job_env *env;
    const struct catalog *catalog;
    struct loop *loop;
    struct keeper *keeper;
    struct work *work;
    struct planner *planner;
    const char *record_key; /* the record's verifier key, public */
};

/* Listens on every address of the configuration. SIL_IO names the address that cannot be had. */
sil_err http_open(const struct http_env *env, struct http **out, struct sil_error *e);
/* What is listened on, "http://127.0.0.1:8080" or "unix:PATH"; NULL past the last. Valid until http_close. */
const char *http_address(const struct http *h, uint32_t i);
/* Takes over certificates and keys that have changed: connections that are there keep theirs, new ones get the new. c
 * has the same listeners; only its tls_cert and tls_key are read. On failure (SIL_IO, SIL_LIMIT while too many older
 * ones have clients) the listener named keeps its certificate. One thread at a time. */
sil_err http_reload(struct http *h, const struct config *c, struct sil_error *e);
/* No new connections; /ready says no. */
void http_drain(struct http *h);
/* Every answer must have ended before (loop_close). NULL is allowed. */
void http_close(struct http *h);

#endif
