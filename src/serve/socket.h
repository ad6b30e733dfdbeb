/* socket: the listening sockets, with errors that say what to do. */
#ifndef SIL_SERVE_SOCKET_H
#define SIL_SERVE_SOCKET_H

#include "serve/config.h"

/* A socket that listens as asked. text[size] gets what clients connect to: "http://127.0.0.1:8080" (with the port that
 * was chosen where 0 was asked for), "https://...", "unix:PATH". A socket file that nobody listens on is replaced. */
sil_err socket_listen(const struct config_listen *c, int *fd, char *text, size_t size, struct sil_error *e);
/* Removes the file of a Unix socket; nothing for TCP. The socket itself is closed by who listens. */
void socket_forget(const struct config_listen *c);

#endif
