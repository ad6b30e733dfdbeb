/* log: lines are put together on the stack and written at once, so that threads need no lock. */
#include "serve/log.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { TEXT_MAX_BYTES = 2048, TAIL = 16 /* room for ,"cut":true}\n */, WRITES_MAX = 8 };

struct log {
    int fd;
    _Atomic int least;
    struct clock clock;
    _Atomic uint64_t lost;
};

struct line {
    char p[LOG_LINE_MAX];
    size_t n;
    bool full; /* something did not fit; it is left out whole */
};

sil_err log_open(int fd, enum log_level least, struct clock clock, struct log **out) {
    struct log *l = mem_alloc(mem_libc(), sizeof *l);
    if (!l) return SIL_NOMEM;
    *l = (struct log){.fd = fd, .clock = clock};
    atomic_init(&l->least, (int)least);
    atomic_init(&l->lost, 0);
    *out = l;
    return SIL_OK;
}

void log_close(struct log *l) {
    mem_free(mem_libc(), l);
}

void log_level_set(struct log *l, enum log_level least) {
    atomic_store_explicit(&l->least, (int)least, memory_order_relaxed);
}

uint64_t log_lost(const struct log *l) {
    return atomic_load_explicit(&l->lost, memory_order_relaxed);
}

static void add(struct line *o, const char *p, size_t n) {
    if (o->full || n > sizeof o->p - TAIL - o->n) {
        o->full = true;
        return;
    }
    memcpy(o->p + o->n, p, n);
    o->n += n;
}

static void add_z(struct line *o, const char *z) {
    add(o, z, strlen(z));
}

/* A JSON string; bytes that are no UTF-8 become U+FFFD, and a long text ends in "...". */
static void add_text(struct line *o, const char *z) {
    size_t n = strlen(z), i = 0;
    add_z(o, "\"");
    while (i < n && i < TEXT_MAX_BYTES) {
        char code[8];
        uint32_t cp = 0;
        size_t len = utf8_decode(z + i, n - i, &cp);
        if (len == 0) {
            add_z(o, "\xef\xbf\xbd");
            len = 1;
        } else if (cp == '"' || cp == '\\') {
            add_z(o, "\\");
            add(o, z + i, 1);
        } else if (cp < 0x20 || cp == 0x7f || (cp >= 0x80 && cp < 0xa0) || cp == 0x2028 || cp == 0x2029) {
            snprintf(code, sizeof code, "\\u%04x", (unsigned)cp);
            add_z(o, code);
        } else {
            add(o, z + i, len);
        }
        i += len;
    }
    add_z(o, i < n ? "...\"" : "\"");
}

static void add_field(struct line *o, const struct log_field *f) {
    char number[40];
    size_t before = o->n;
    if (f->kind == LOG_TEXT && !f->text) return;
    if (f->kind == LOG_NUMBER && !isfinite(f->number)) return;
    add_z(o, ",");
    add_text(o, f->key);
    add_z(o, ":");
    switch (f->kind) {
    case LOG_TEXT: add_text(o, f->text); break;
    case LOG_BOOL: add_z(o, f->uint ? "true" : "false"); break;
    case LOG_UINT:
        snprintf(number, sizeof number, "%llu", (unsigned long long)f->uint);
        add_z(o, number);
        break;
    case LOG_NUMBER:
        snprintf(number, sizeof number, "%.9g", f->number);
        add_z(o, number);
        break;
    }
    if (o->full) o->n = before;
}

static void add_head(struct line *o, const struct log *l, enum log_level level, const char *event) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    int64_t ms = clock_unix_ms(l->clock);
    time_t s = (time_t)(ms / 1000);
    struct tm t = {0};
    char head[96];
    gmtime_r(&s, &t);
    snprintf(head, sizeof head,
             "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\",\"level\":\"%s\",\"event\":", t.tm_year + 1900,
             t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, (int)(ms % 1000), names[level]);
    add_z(o, head);
    add_text(o, event);
}

void log_write(struct log *l, enum log_level level, const char *event, const struct log_field *f, size_t n) {
    if (!l || (int)level < atomic_load_explicit(&l->least, memory_order_relaxed)) return;
    struct line o;
    o.n = 0;
    o.full = false;
    bool cut = false;
    add_head(&o, l, level, event);
    for (size_t i = 0; i < n; i++) {
        add_field(&o, &f[i]);
        cut = cut || o.full;
        o.full = false;
    }
    const char *tail = cut ? ",\"cut\":true}\n" : "}\n";
    memcpy(o.p + o.n, tail, strlen(tail));
    o.n += strlen(tail);
    size_t done = 0;
    for (int i = 0; done < o.n && i < WRITES_MAX; i++) {
        ssize_t k = write(l->fd, o.p + done, o.n - done);
        if (k > 0) done += (size_t)k;
        else if (k == 0 || errno != EINTR) break;
    }
    if (done < o.n) atomic_fetch_add_explicit(&l->lost, 1, memory_order_relaxed);
}
