/* scrape_link: a connection to a server whose numbers are asked for: a socket, and TLS on it where the address says
 * https. All of it is over by a set time, however slowly the other side goes. */
#ifndef SIL_CMD_SCRAPE_LINK_H
#define SIL_CMD_SCRAPE_LINK_H

#include <gnutls/gnutls.h>

#include "sillok.h"

struct scrape_link {
    const char *where;    /* as it was given, for errors */
    int fd;               /* -1: none */
    uint64_t until_ns;    /* of the monotonic clock */
    gnutls_session_t tls; /* NULL: none */
    gnutls_certificate_credentials_t trusted;
};

/* Waits for what comes or goes no longer than until then: false, and the calls on fd fail with EAGAIN at once. */
bool scrape_link_time(const struct scrape_link *l);

/* Begins TLS on l->fd. The certificate must be valid now, signed by an authority (of the file ca in PEM form, or of the
 * system where ca is NULL), and for `host`, a name or an IP address. SIL_IO says which of these it is not, and what to
 * do. scrape_tls_close is owed either way. */
sil_err scrape_tls_open(struct scrape_link *l, const char *host, const char *ca, struct sil_error *e);
sil_err scrape_tls_write(struct scrape_link *l, const char *p, size_t n, struct sil_error *e);
/* *n: bytes read, at most max; 0 at the end. *cut: the end was not announced, as whoever cuts a connection would have
 * it. */
sil_err scrape_tls_read(struct scrape_link *l, char *p, size_t max, size_t *n, bool *cut, struct sil_error *e);
void scrape_tls_close(struct scrape_link *l);

#endif
