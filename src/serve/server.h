/* server: everything together: models, keys, record, engine thread, workers, HTTP; started, reloaded, drained, stopped.
 */
#ifndef SIL_SERVE_SERVER_H
#define SIL_SERVE_SERVER_H

#include "base/mem.h"
#include "serve/config.h"
#include "serve/log.h"
#include "serve/meter.h"

struct server;

/* Starts everything; when it returns, requests are answered. c and log must outlive the server. The state directory is
 * made when it is not there. mem: for requests and answers; used from several threads. */
sil_err server_open(const struct config *c, struct log *log, struct mem mem, struct server **out, struct sil_error *e);
/* The same with another meter than the machine's: energy as a test has it. Copied. */
sil_err server_open_metered(const struct config *c, struct log *log, struct mem mem, const struct meter *meter,
                            struct server **out, struct sil_error *e);
/* What is listened on, as http_address. */
const char *server_address(const struct server *s, uint32_t i);
/* The gate, for making a first key; the server's. */
struct gate *server_gate(const struct server *s);
/* Keys, rates, certificates anew, from a configuration with the same listeners that outlives the server. */
sil_err server_reload(struct server *s, const struct config *c, struct sil_error *e);
/* True while the engine thread goes round: what a watchdog asks. */
bool server_alive(const struct server *s);
/* Nothing is accepted any more; what runs may end. */
void server_drain(struct server *s);
/* True once every answer has ended. */
bool server_is_idle(const struct server *s);
/* Ends what is left with an error, and frees. NULL is allowed. */
void server_close(struct server *s);

#endif
