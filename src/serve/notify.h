/* notify: telling the service manager how the server is (sd_notify's protocol: datagrams to the socket that
 * NOTIFY_SOCKET names). Without a manager nothing happens. */
#ifndef SIL_SERVE_NOTIFY_H
#define SIL_SERVE_NOTIFY_H

#include <stdint.h>

/* path: the value of NOTIFY_SOCKET, or NULL. state: "READY=1", "STOPPING=1", "WATCHDOG=1", ... Never waits; what cannot
 * be sent is lost. */
void notify_state(const char *path, const char *state);
/* "RELOADING=1" with the time that the protocol asks for; READY=1 follows when it is done. */
void notify_reloading(const char *path, uint64_t now_ns);

#endif
