/* tool_certificate DIR: an authority and certificates for tests, each as NAME.pem and NAME.key:
 *   ca       the authority
 *   good     signed by it, for localhost, 127.0.0.1 and ::1
 *   expired  the same, over since yesterday; early: valid from tomorrow on
 *   other    signed by it, for other.example
 *   self     signed by itself, for localhost
 *   stranger signed by another authority, for localhost */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PEM_MAX = 16384, PATH = 600, DAY = 86400 };

struct pair {
    gnutls_x509_crt_t cert;
    gnutls_x509_privkey_t key;
};

static bool write_file(const char *dir, const char *name, const char *end, const char *p, size_t n) {
    char path[PATH];
    int k = snprintf(path, sizeof path, "%s/%s.%s", dir, name, end);
    FILE *f = k > 0 && (size_t)k < sizeof path ? fopen(path, "wb") : NULL;
    bool ok = f && fwrite(p, 1, n, f) == n;
    return f ? fclose(f) == 0 && ok : false;
}

static bool save(const struct pair *c, const char *dir, const char *name) {
    char pem[PEM_MAX];
    size_t n = sizeof pem;
    if (gnutls_x509_crt_export(c->cert, GNUTLS_X509_FMT_PEM, pem, &n) != 0) return false;
    if (!write_file(dir, name, "pem", pem, n)) return false;
    n = sizeof pem;
    return gnutls_x509_privkey_export(c->key, GNUTLS_X509_FMT_PEM, pem, &n) == 0 &&
           write_file(dir, name, "key", pem, n);
}

/* For so many days from a day on, counted from now. */
static bool begin(struct pair *c, const char *name, char serial, int from, int days) {
    time_t start = time(NULL) + (time_t)from * DAY - 60;
    const unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    return gnutls_x509_privkey_init(&c->key) == 0 && gnutls_x509_crt_init(&c->cert) == 0 &&
           gnutls_x509_privkey_generate(c->key, GNUTLS_PK_ECDSA, bits, 0) == 0 &&
           gnutls_x509_crt_set_version(c->cert, 3) == 0 && gnutls_x509_crt_set_serial(c->cert, &serial, 1) == 0 &&
           gnutls_x509_crt_set_dn_by_oid(c->cert, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name)) == 0 &&
           gnutls_x509_crt_set_key(c->cert, c->key) == 0 && gnutls_x509_crt_set_activation_time(c->cert, start) == 0 &&
           gnutls_x509_crt_set_expiration_time(c->cert, start + (time_t)days * DAY) == 0;
}

static bool add_name(struct pair *c, const char *name) {
    const unsigned char v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
    const unsigned n = (unsigned)strlen(name), more = GNUTLS_FSAN_APPEND;
    if (gnutls_x509_crt_set_subject_alt_name(c->cert, GNUTLS_SAN_DNSNAME, name, n, 0) != 0) return false;
    if (strcmp(name, "localhost") != 0) return true;
    return gnutls_x509_crt_set_subject_alt_name(c->cert, GNUTLS_SAN_IPADDRESS, v4, sizeof v4, more) == 0 &&
           gnutls_x509_crt_set_subject_alt_name(c->cert, GNUTLS_SAN_IPADDRESS, v6, sizeof v6, more) == 0;
}

static bool sign(const struct pair *c, const struct pair *by) {
    return gnutls_x509_crt_sign2(c->cert, by->cert, by->key, GNUTLS_DIG_SHA256, 0) == 0;
}

static bool authority(struct pair *c, const char *name, char serial) {
    return begin(c, name, serial, -10, 100) && gnutls_x509_crt_set_ca_status(c->cert, 1) == 0 &&
           gnutls_x509_crt_set_key_usage(c->cert, GNUTLS_KEY_KEY_CERT_SIGN) == 0 && sign(c, c);
}

static bool drop(struct pair *c, bool ok) {
    if (c->cert) gnutls_x509_crt_deinit(c->cert);
    if (c->key) gnutls_x509_privkey_deinit(c->key);
    return ok;
}

/* by: NULL for itself. */
static bool make(const char *dir, const char *file, const char *name, char serial, int from, const struct pair *by) {
    struct pair c = {0};
    return drop(&c, begin(&c, name, serial, from, 2) && add_name(&c, name) && sign(&c, by ? by : &c) &&
                        save(&c, dir, file));
}

int main(int argc, char **argv) {
    struct pair ca = {0}, stranger = {0};
    if (argc != 2) {
        fputs("usage: tool_certificate DIR\n", stderr);
        return 2;
    }
    const char *dir = argv[1];
    bool ok = authority(&ca, "test authority", 1) && save(&ca, dir, "ca") && authority(&stranger, "stranger", 2) &&
              make(dir, "good", "localhost", 3, 0, &ca) && make(dir, "expired", "localhost", 4, -3, &ca) &&
              make(dir, "early", "localhost", 5, 1, &ca) && make(dir, "other", "other.example", 6, 0, &ca) &&
              make(dir, "self", "localhost", 7, 0, NULL) && make(dir, "stranger", "localhost", 8, 0, &stranger);
    drop(&ca, true);
    drop(&stranger, true);
    if (!ok) fputs("tool_certificate: a certificate could not be made\n", stderr);
    return ok ? 0 : 1;
}
