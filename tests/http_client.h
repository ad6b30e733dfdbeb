/* http_client: requests to a server under test, over its Unix socket, with nothing between the test and the bytes. */
#ifndef SIL_TESTS_HTTP_CLIENT_H
#define SIL_TESTS_HTTP_CLIENT_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"

struct http_reply {
    int status;            /* 0: the server closed without an answer, or nobody listened */
    struct buf head, body; /* the body without the framing of chunks */
    bool whole;            /* the body came to its end as the head promised */
};

/* A connected socket with a receive timeout; fails the test when nobody listens, so only for the test's own thread. */
int http_dial(const char *socket_path);
/* Sends bytes as they are; false when the server does not take them. */
bool http_send(int fd, const void *p, size_t n);
/* Reads one answer (to a request that was no HEAD) up to its end. */
void http_receive(int fd, struct http_reply *r);
void http_reply_free(struct http_reply *r);

/* ---- one request on a connection of its own ---- */

/* Sends it and does not read the answer; the connection. key: or NULL. Fails the test when nobody listens. */
int http_begin(const char *socket_path, const char *method, const char *url, const char *key, const char *body,
               size_t n);
/* Sends it and reads the answer. From any thread: fails no test. key, body: or NULL. */
void http_ask(const char *socket_path, const char *method, const char *url, const char *key, const char *body, size_t n,
              struct http_reply *r);
/* POST of JSON text. */
void http_post(const char *socket_path, const char *url, const char *body, struct http_reply *r);
/* What is answered as JSON, the caller's; fails the test unless it comes with this status. body: JSON text or NULL. */
json_t *http_expect(const char *socket_path, const char *method, const char *url, const char *key, const char *body,
                    int status);
/* Fails the test unless it is refused with this status and, in OpenAI's error object, this code. */
void http_refused(const char *socket_path, const char *method, const char *url, const char *key, const char *body,
                  int status, const char *code);

/* A POST by a thread of its own; the test's thread looks at the answer. */
struct http_aside {
    const char *socket_path, *url, *key, *body; /* key: or NULL; all are the caller's until the end */
    pthread_t thread;
    atomic_bool done;        /* the answer is there */
    struct http_reply reply; /* behind http_aside_end the caller's */
};
void http_aside_begin(struct http_aside *a);
void http_aside_end(struct http_aside *a);

/* ---- what an answer says ---- */

/* The value of a header as a view of r->head, empty when there is none. Names in lower case. */
struct str http_header(const struct http_reply *r, const char *name);
/* The body as JSON, the caller's; NULL when it is none. From any thread. */
json_t *http_try_json(const struct http_reply *r);
/* The same; fails the test when it is none. */
json_t *http_json(const struct http_reply *r);
/* The `data:` objects of an SSE body as a JSON array, the caller's; *done says whether it ends with [DONE]. */
json_t *http_events(const struct http_reply *r, bool *done);

#endif
