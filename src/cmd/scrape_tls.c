/* scrape_tls: TLS as a client, by GnuTLS, which the server is behind too. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "cmd/scrape.h"
#include "cmd/scrape_link.h"

enum { CA_BYTES_MAX = 16 << 20 };

/* ---- bytes ---- */

static ssize_t pull(gnutls_transport_ptr_t at, void *p, size_t n) {
    struct scrape_link *l = at;
    if (!scrape_link_time(l)) {
        gnutls_transport_set_errno(l->tls, EAGAIN);
        return -1;
    }
    ssize_t k = recv(l->fd, p, n, 0);
    if (k < 0) gnutls_transport_set_errno(l->tls, errno);
    return k;
}

static ssize_t push(gnutls_transport_ptr_t at, const void *p, size_t n) {
    struct scrape_link *l = at;
    if (!scrape_link_time(l)) {
        gnutls_transport_set_errno(l->tls, EAGAIN);
        return -1;
    }
    ssize_t k = send(l->fd, p, n, MSG_NOSIGNAL);
    if (k < 0) gnutls_transport_set_errno(l->tls, errno);
    return k;
}

static int pull_timeout(gnutls_transport_ptr_t at, unsigned ms) {
    const struct scrape_link *l = at;
    struct pollfd one = {.fd = l->fd, .events = POLLIN};
    const int most = 1000; /* as pull itself looks at the time */
    return poll(&one, 1, ms < (unsigned)most ? (int)ms : most);
}

/* ---- what is wrong ---- */

static sil_err refused(const struct scrape_link *l, const char *host, const char *ca, struct sil_error *e) {
    unsigned why = gnutls_session_get_verify_cert_status(l->tls);
    if (why & GNUTLS_CERT_EXPIRED)
        return err_set(e, SIL_IO, "%s: its certificate has expired; it must be renewed there", l->where);
    if (why & GNUTLS_CERT_NOT_ACTIVATED)
        return err_set(e, SIL_IO, "%s: its certificate is not valid yet; is this machine's clock right?", l->where);
    if (why & GNUTLS_CERT_REVOKED) return err_set(e, SIL_IO, "%s: its certificate was revoked", l->where);
    if (why & GNUTLS_CERT_SIGNER_NOT_FOUND)
        return err_set(e, SIL_IO, "%s: no authority that %s signed its certificate; give the authority's by --ca FILE",
                       l->where, ca ? "that file names" : "this machine trusts");
    if (why & GNUTLS_CERT_UNEXPECTED_OWNER)
        return err_set(e, SIL_IO, "%s: its certificate is not for %s; ask for it by a name that is in it", l->where,
                       host);
    gnutls_datum_t words = {0};
    sil_err err = SIL_IO;
    if (gnutls_certificate_verification_status_print(why, GNUTLS_CRT_X509, &words, 0) == 0)
        err = err_set(e, SIL_IO, "%s: its certificate is refused: %s", l->where, (const char *)words.data);
    else err = err_set(e, SIL_IO, "%s: its certificate is refused", l->where);
    gnutls_free(words.data);
    return err;
}

static sil_err failed(const struct scrape_link *l, int rc, struct sil_error *e) {
    if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_TIMEDOUT)
        return err_set(e, SIL_IO, "%s: it does not answer in time", l->where);
    if (rc == GNUTLS_E_MEMORY_ERROR) return err_nomem(e, "TLS", 0);
    return err_set(e, SIL_IO, "%s: TLS failed: %s", l->where, gnutls_strerror(rc));
}

/* ---- opening ---- */

static sil_err trust_file(struct scrape_link *l, const char *ca, struct sil_error *e) {
    struct buf b;
    buf_init(&b, mem_libc(), CA_BYTES_MAX);
    sil_err err = file_read(ca, &b, e);
    if (err == SIL_OK) {
        gnutls_datum_t pem = {(unsigned char *)b.p, (unsigned)b.n};
        int n = b.n ? gnutls_certificate_set_x509_trust_mem(l->trusted, &pem, GNUTLS_X509_FMT_PEM) : 0;
        if (n <= 0) err = err_set(e, SIL_FORMAT, "%s has no certificate in PEM form (-----BEGIN CERTIFICATE-----)", ca);
    }
    buf_free(&b);
    return err;
}

static sil_err trust(struct scrape_link *l, const char *ca, struct sil_error *e) {
    if (ca) return trust_file(l, ca, e);
    if (gnutls_certificate_set_x509_system_trust(l->trusted) > 0) return SIL_OK;
    return err_set(e, SIL_IO,
                   "this machine has no list of authorities (the package ca-certificates); give one by --ca FILE");
}

static bool is_address(const char *host) {
    struct in6_addr any;
    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static sil_err prepare(struct scrape_link *l, const char *host, const char *ca, struct sil_error *e) {
    if (gnutls_certificate_allocate_credentials(&l->trusted) != 0 || gnutls_init(&l->tls, GNUTLS_CLIENT) != 0)
        return err_nomem(e, "TLS", 0);
    SIL_TRY(trust(l, ca, e));
    int rc = gnutls_set_default_priority_append(l->tls, "-VERS-TLS1.0:-VERS-TLS1.1", NULL, 0);
    if (rc == 0) rc = gnutls_credentials_set(l->tls, GNUTLS_CRD_CERTIFICATE, l->trusted);
    if (rc == 0 && !is_address(host)) rc = gnutls_server_name_set(l->tls, GNUTLS_NAME_DNS, host, strlen(host));
    if (rc != 0) return failed(l, rc, e);
    gnutls_session_set_verify_cert(l->tls, host, 0);
    gnutls_transport_set_ptr(l->tls, l);
    gnutls_transport_set_pull_function(l->tls, pull);
    gnutls_transport_set_push_function(l->tls, push);
    gnutls_transport_set_pull_timeout_function(l->tls, pull_timeout);
    return SIL_OK;
}

sil_err scrape_tls_open(struct scrape_link *l, const char *host, const char *ca, struct sil_error *e) {
    SIL_TRY(prepare(l, host, ca, e));
    int rc;
    do rc = gnutls_handshake(l->tls);
    while (rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED ||
           (rc == GNUTLS_E_AGAIN && scrape_link_time(l)));
    switch (rc) {
    case GNUTLS_E_SUCCESS: return SIL_OK;
    case GNUTLS_E_CERTIFICATE_ERROR:
    case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR: return refused(l, host, ca, e);
    case GNUTLS_E_UNEXPECTED_PACKET:
    case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
    case GNUTLS_E_RECORD_OVERFLOW:
    case GNUTLS_E_PREMATURE_TERMINATION:
        return err_set(e, SIL_FORMAT, "%s does not speak TLS; is it http:// there?", l->where);
    default: return failed(l, rc, e);
    }
}

/* ---- talking ---- */

sil_err scrape_tls_write(struct scrape_link *l, const char *p, size_t n, struct sil_error *e) {
    for (size_t done = 0; done < n;) {
        ssize_t k = gnutls_record_send(l->tls, p + done, n - done);
        if (k == GNUTLS_E_INTERRUPTED || (k == GNUTLS_E_AGAIN && scrape_link_time(l))) continue;
        if (k <= 0) return failed(l, (int)k, e);
        done += (size_t)k;
    }
    return SIL_OK;
}

sil_err scrape_tls_read(struct scrape_link *l, char *p, size_t max, size_t *n, bool *cut, struct sil_error *e) {
    ssize_t k;
    do k = gnutls_record_recv(l->tls, p, max); /* again, too, behind what TLS says between the bytes */
    while (k == GNUTLS_E_INTERRUPTED || (k == GNUTLS_E_AGAIN && scrape_link_time(l)));
    *cut = k == GNUTLS_E_PREMATURE_TERMINATION;
    *n = k > 0 ? (size_t)k : 0;
    return k >= 0 || *cut ? SIL_OK : failed(l, (int)k, e);
}

void scrape_tls_close(struct scrape_link *l) {
    if (l->tls) gnutls_deinit(l->tls);
    if (l->trusted) gnutls_certificate_free_credentials(l->trusted);
    l->tls = NULL;
    l->trusted = NULL;
}
