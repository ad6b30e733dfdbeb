/* exchange: one HTTP request and its response: from its head to the last byte sent. Belongs to the HTTP thread of its
 * connection; the watcher and the writers of its answer reach only the request inside. */
#ifndef SIL_SERVE_EXCHANGE_H
#define SIL_SERVE_EXCHANGE_H

#include <microhttpd.h>

#include "base/sha.h"
#include "serve/http.h"
#include "serve/openai.h"
#include "serve/page.h"
#include "serve/route.h"

enum exchange_stage {
    STAGE_HEAD,    /* nothing is known yet */
    STAGE_BODY,    /* the body is being read */
    STAGE_DISCARD, /* it is refused; a short body is read before the refusal is sent, so that it is not lost */
    STAGE_WAIT,    /* the workers or the engine have it; suspended */
    STAGE_SENT     /* a response is queued */
};

struct http {
    struct http_env env;
    struct mem mem;
    struct watch *watch;
    struct MHD_Daemon *daemons[CONFIG_LISTEN_MAX];
    char pem[CONFIG_LISTEN_MAX][SHA_HEX]; /* digests of certificates and keys in use */
    struct MHD_Daemon
        *retired[HTTP_RETIRED_MAX]; /* with an older certificate: accept nothing, end with their clients */
    uint32_t n_retired;
    char address[CONFIG_LISTEN_MAX][160];
    uint32_t n;
    struct page pages[PAGE_FILES];
    _Atomic bool draining;
};

struct exchange {
    struct http *http;
    struct MHD_Connection *conn;
    struct watch_line *line;
    const struct route *route;
    enum exchange_stage stage;
    struct request *r; /* NULL until the head is read */
    char name[128];    /* what comes behind a prefix route */
    struct buf body;
    struct fault fault;
    const char *allow;
    struct openai_writer writer;
    struct buf out; /* of a stream: formatted, not sent yet, from out_at on */
    size_t out_at;
    bool out_ended;
    uint32_t replayed; /* of a replay's stream: tokens that were told */
};

/* What libmicrohttpd calls for each request, in turn: head, pieces of the body, end of the body, and again after each
 * resume until a response is queued. */
enum MHD_Result exchange_handle(struct exchange *x, const char *url, const char *method, const char *data, size_t *n);
/* The response is sent, or the connection is gone. Frees it. */
void exchange_end(struct exchange *x);

/* ---- reply: responses ---- */

/* Queues an error, a whole body, or the stream of x->r's answer. */
enum MHD_Result reply_fault(struct exchange *x, const struct fault *f);
enum MHD_Result reply_body(struct exchange *x, int status, const char *type, struct str body,
                           const struct answer_record *record);
enum MHD_Result reply_stream(struct exchange *x);
/* What an endpoint wrote, an ANSWER_REPLY. */
enum MHD_Result reply_event(struct exchange *x, const struct answer_event *ev);
/* A file of the console, or that the browser's copy of it is still good. */
enum MHD_Result reply_page(struct exchange *x, const struct page *p);

/* A plan's report: HTML as a document of its own, without scripts. */
enum MHD_Result reply_report(struct exchange *x, struct str html);

/* Suspends the connection until the answer goes on (until_end: until its end). False when it did already. */
bool exchange_sleep(struct exchange *x, bool until_end);

#endif
