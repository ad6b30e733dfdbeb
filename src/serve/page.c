#include "serve/page.h"

#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/embed.h"

EMBED(page_html, "console/dist/index.html");
EMBED(page_js, "console/dist/console.js");
EMBED(page_css, "console/dist/console.css");

static void fill(struct page *p, const char *path, const char *type, const char *body, uint64_t n) {
    uint8_t hash[crypto_hash_sha256_BYTES];
    char hex[PAGE_ETAG - 3];
    *p = (struct page){.path = path, .type = type, .body = {body, (size_t)n}};
    crypto_hash_sha256(hash, (const unsigned char *)body, n);
    sodium_bin2hex(hex, sizeof hex, hash, (sizeof hex - 1) / 2);
    snprintf(p->etag, sizeof p->etag, "\"%s\"", hex);
}

void page_files(struct page out[PAGE_FILES]) {
    fill(&out[0], "/", "text/html; charset=utf-8", page_html, page_html_size);
    fill(&out[1], "/console.js", "text/javascript; charset=utf-8", page_js, page_js_size);
    fill(&out[2], "/console.css", "text/css; charset=utf-8", page_css, page_css_size);
}

/* What a page may do and how long browsers keep it, then what holds for all. */
static bool header_of(unsigned i, const char *policy, const char *kept, const char **name, const char **value) {
    const char *const headers[][2] = {
        {"Content-Security-Policy", policy},
        {"Cache-Control", kept},
        {"X-Frame-Options", "DENY"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    };
    if (i >= sizeof headers / sizeof *headers) return false;
    *name = headers[i][0];
    *value = headers[i][1];
    return true;
}

bool page_header(unsigned i, const char **name, const char **value) {
    /* Only its own files, no inline script or style, in nobody's frame, and no word of it to other sites; kept, and
     * asked for again by ETag. */
    return header_of(i,
                     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                     "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                     "require-trusted-types-for 'script'",
                     "no-cache", name, value);
}

bool page_report_header(unsigned i, const char **name, const char **value) {
    return header_of(i,
                     "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
                     "form-action 'none'; frame-ancestors 'none'; sandbox",
                     "no-store", name, value);
}

bool page_is_same(const char *if_none_match, const char *etag) {
    return if_none_match && strstr(if_none_match, etag);
}
