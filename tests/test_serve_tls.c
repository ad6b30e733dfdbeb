/* The server behind TLS and over TCP: the same answers, and a client that leaves in the middle is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/socket.h>

#include "base/file.h"
#include "serve/http.h"
#include "serve_bed.h"

enum { PEM_MAX = 16384, REPLY_MAX = 1 << 18 };

static void write_file(const char *path, const void *p, size_t n) {
    struct file_out out;
    struct sil_error e = {0};
    assert_int_equal(file_create(path, &out, &e), SIL_OK);
    assert_int_equal(file_write(&out, p, n, &e), SIL_OK);
    assert_int_equal(file_commit(&out, &e), SIL_OK);
}

/* A certificate that signs itself, for an hour. */
static void make_certificate(const char *cert_path, const char *key_path) {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;
    char pem[PEM_MAX];
    size_t n = sizeof pem;
    time_t now = time(NULL);
    gnutls_x509_privkey_init(&key);
    gnutls_x509_crt_init(&cert);
    assert_int_equal(
        gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
    assert_int_equal(gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, "localhost", 9), 0);
    assert_int_equal(gnutls_x509_crt_set_key(cert, key), 0);
    assert_int_equal(gnutls_x509_crt_set_version(cert, 3), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(cert, "1", 1), 0);
    assert_int_equal(gnutls_x509_crt_set_activation_time(cert, now - 60), 0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(cert, now + 3600), 0);
    assert_int_equal(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crt_export(cert, GNUTLS_X509_FMT_PEM, pem, &n), 0);
    write_file(cert_path, pem, n);
    n = sizeof pem;
    assert_int_equal(gnutls_x509_privkey_export(key, GNUTLS_X509_FMT_PEM, pem, &n), 0);
    write_file(key_path, pem, n);
    gnutls_x509_crt_deinit(cert);
    gnutls_x509_privkey_deinit(key);
}

struct tls {
    gnutls_session_t session;
    gnutls_certificate_credentials_t cred;
    int fd;
};

static void dial(struct tls *t, uint16_t port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(t->fd, (struct sockaddr *)&a, sizeof a), 0);
    gnutls_init(&t->session, GNUTLS_CLIENT);
    gnutls_certificate_allocate_credentials(&t->cred);
    gnutls_set_default_priority(t->session);
    gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->cred);
    gnutls_transport_set_int(t->session, t->fd);
    int rc;
    do rc = gnutls_handshake(t->session);
    while (rc < 0 && !gnutls_error_is_fatal(rc));
    if (rc < 0) fail_msg("handshake: %s", gnutls_strerror(rc));
}

static void hang_up(struct tls *t) {
    close(t->fd);
    gnutls_deinit(t->session);
    gnutls_certificate_free_credentials(t->cred);
}

/* Sends a request and reads until `end` has come, or the reply is over. */
static void ask(struct tls *t, const char *method, const char *url, const char *body, const char *end, char *reply) {
    char head[512];
    size_t n = 0;
    int k = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", method, url,
                     strlen(body), body);
    assert_true(k > 0 && (size_t)k < sizeof head);
    assert_int_equal(gnutls_record_send(t->session, head, (size_t)k), k);
    reply[0] = '\0';
    while (n < REPLY_MAX - 1 && !strstr(reply, end)) {
        ssize_t got = gnutls_record_recv(t->session, reply + n, REPLY_MAX - 1 - n);
        if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED) continue;
        if (got <= 0) break;
        n += (size_t)got;
        reply[n] = '\0';
    }
}

static uint16_t port_of(const struct server *s, uint32_t i) {
    const char *address = server_address(s, i);
    assert_non_null(address);
    return (uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

static void answers_over_tls(void **state) {
    (void)state;
    static char reply[REPLY_MAX];
    struct serve_bed b;
    struct tls t;
    char cert[96], key[96];
    serve_bed_open(&b);
    snprintf(cert, sizeof cert, "%s/cert.pem", b.dir);
    snprintf(key, sizeof key, "%s/key.pem", b.dir);
    make_certificate(cert, key);
    b.config.listen[b.config.n_listen++] =
        (struct config_listen){.address = "127.0.0.1", .tls_cert = cert, .tls_key = key};
    serve_bed_start(&b);
    assert_int_equal(strncmp(server_address(b.server, 1), "https://127.0.0.1:", 18), 0);
    dial(&t, port_of(b.server, 1));
    ask(&t, "GET", "/health", "", "\"ok\"", reply);
    assert_non_null(strstr(reply, "200 OK"));
    static const char body[] = "{\"model\":\"test\",\"prompt\":\"x\",\"max_tokens\":8,\"stream\":true}";
    ask(&t, "POST", "/v1/completions", body, "data: [DONE]\n\n", reply); /* on the same connection */
    assert_non_null(strstr(reply, "data: [DONE]\n\n"));
    static const char endless[] =
        "{\"model\":\"test\",\"prompt\":\"x\",\"max_tokens\":1000,\"ignore_eos\":true,\"stream\":true}";
    ask(&t, "POST", "/v1/completions", endless, "data: ", reply);
    hang_up(&t);
    serve_bed_idle(&b);
    serve_bed_close(&b);
}

/* The certificate that a server showed, in out; its bytes. */
static size_t shown(struct tls *t, unsigned char *out, size_t size) {
    unsigned n = 0;
    const gnutls_datum_t *d = gnutls_certificate_get_peers(t->session, &n);
    assert_true(d && n == 1 && d->size <= size);
    memcpy(out, d->data, d->size);
    return d->size;
}

/* A renewed certificate: new connections see it, old ones go on, and a broken one changes nothing. */
static void certificates_are_renewed(void **state) {
    (void)state;
    static char reply[REPLY_MAX];
    unsigned char first[4096], second[4096];
    struct serve_bed b;
    struct tls old, fresh;
    struct sil_error e = {0};
    char cert[96], key[96];
    serve_bed_open(&b);
    snprintf(cert, sizeof cert, "%s/cert.pem", b.dir);
    snprintf(key, sizeof key, "%s/key.pem", b.dir);
    make_certificate(cert, key);
    b.config.listen[0] = (struct config_listen){.address = "127.0.0.1", .tls_cert = cert, .tls_key = key};
    serve_bed_start(&b);
    dial(&old, port_of(b.server, 0));
    ask(&old, "GET", "/health", "", "\"ok\"", reply);
    size_t n = shown(&old, first, sizeof first);
    assert_int_equal(server_reload(b.server, &b.config, &e), SIL_OK); /* nothing changed */
    make_certificate(cert, key);
    if (server_reload(b.server, &b.config, &e) != SIL_OK) fail_msg("%s", e.text);
    for (int i = 0; i < 20; i++) {
        dial(&fresh, port_of(b.server, 0));
        size_t m = shown(&fresh, second, sizeof second);
        assert_true(m != n || memcmp(first, second, n) != 0);
        ask(&fresh, "GET", "/health", "", "\"ok\"", reply);
        assert_non_null(strstr(reply, "200 OK"));
        hang_up(&fresh);
    }
    ask(&old, "GET", "/health", "", "\"ok\"", reply);
    assert_non_null(strstr(reply, "200 OK"));
    write_file(key, "no key\n", 7);
    assert_int_equal(server_reload(b.server, &b.config, &e), SIL_IO);
    assert_non_null(strstr(e.text, "certificate"));
    dial(&fresh, port_of(b.server, 0));
    ask(&fresh, "GET", "/health", "", "\"ok\"", reply);
    assert_non_null(strstr(reply, "200 OK"));
    hang_up(&fresh);
    /* Again and again, with the first client still there: those without clients are swept. */
    for (int i = 0; i < HTTP_RETIRED_MAX + 4; i++) {
        make_certificate(cert, key);
        if (server_reload(b.server, &b.config, &e) != SIL_OK) fail_msg("%s", e.text);
    }
    ask(&old, "GET", "/health", "", "\"ok\"", reply);
    assert_non_null(strstr(reply, "200 OK"));
    hang_up(&old);
    serve_bed_close(&b);
}

static void certificates_are_checked(void **state) {
    (void)state;
    struct serve_bed b;
    struct sil_error e = {0};
    char path[96];
    serve_bed_open(&b);
    snprintf(path, sizeof path, "%s/no.pem", b.dir);
    write_file(path, "no certificate\n", 15);
    b.config.listen[0] = (struct config_listen){.address = "127.0.0.1", .tls_cert = path, .tls_key = path};
    assert_int_equal(server_open(&b.config, NULL, b.mem, &b.server, &e), SIL_IO);
    assert_non_null(strstr(e.text, "certificate"));
    b.server = NULL;
    b.config.listen[0] = (struct config_listen){.address = "999.1.1.1"};
    assert_int_equal(server_open(&b.config, NULL, b.mem, &b.server, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "999.1.1.1"));
    b.server = NULL;
    serve_bed_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_over_tls), cmocka_unit_test(certificates_are_renewed),
                                       cmocka_unit_test(certificates_are_checked)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
