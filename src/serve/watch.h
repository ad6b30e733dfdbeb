/* watch: the thread that looks after connections while libmicrohttpd cannot: a client that goes away while its
 * connection is suspended (the socket is polled for RDHUP), and one that is slower than the limits allow (the socket is
 * shut down, which libmicrohttpd then notices). A client that closes only its sending side counts as gone. */
#ifndef SIL_SERVE_WATCH_H
#define SIL_SERVE_WATCH_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sillok.h"

struct watch;

/* A connection being watched; owned by the HTTP side, between watch_add and watch_remove also looked at by the watcher.
 */
struct watch_line {
    int fd;
    uint32_t slot, generation;    /* private */
    _Atomic uint64_t deadline_ns; /* the socket is shut down then; 0: never. Set from any thread */
    uint64_t gone_ns;             /* private: the client has gone, and the socket is shut down then (libmicrohttpd may
                                     miss the end of what a client sends, if it comes right behind the last bytes) */
    void *owner;                  /* for the callback; changed under watch_set_owner */
};

/* gone: called from the watcher with its lock held, when the client of a line has gone or was shut out, unless its
 * owner is NULL. */
sil_err watch_open(struct mem mem, struct clock clock, uint32_t max_lines, void (*gone)(void *owner),
                   struct watch **out, struct sil_error *e);
void watch_close(struct watch *w); /* NULL is allowed; all lines were removed */

/* False when there are max_lines already. */
bool watch_add(struct watch *w, struct watch_line *line, int fd);
void watch_remove(struct watch *w, struct watch_line *line);
void watch_set_owner(struct watch *w, struct watch_line *line, void *owner);

static inline void watch_deadline(struct watch_line *line, uint64_t at_ns) {
    atomic_store_explicit(&line->deadline_ns, at_ns, memory_order_relaxed);
}

#endif
