#include "serve/meter.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

enum { SOURCES_MAX = 64, PACKAGES_MAX = 32, PARTS_MAX = 4, PATH_BYTES = 512, NUMBER_BYTES = 32 };

struct source {
    struct file_in file;  /* energy_uj */
    uint64_t last, range; /* microjoules; the counter goes from 0 to range, and begins again */
};

struct meter_machine {
    struct mem mem;
    struct source sources[SOURCES_MAX];
    size_t n;
    double joules;
};

static bool parse(const char *p, size_t n, uint64_t *out) {
    uint64_t v = 0;
    size_t i = 0;
    for (; i < n && p[i] >= '0' && p[i] <= '9' && i < 19; i++) v = v * 10 + (uint64_t)(p[i] - '0');
    *out = v;
    return i > 0 && (i == n || p[i] == '\n');
}

static bool read_counter(int fd, uint64_t *out) {
    char text[NUMBER_BYTES];
    ssize_t n = pread(fd, text, sizeof text, 0);
    return n > 0 && parse(text, (size_t)n, out);
}

/* The text of a small file, NUL-terminated; false when it is not there. */
static bool read_small(const char *folder, const char *name, char *out, size_t size) {
    char path[PATH_BYTES];
    struct file_in in;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return false;
    if (file_open(path, &in, NULL) != SIL_OK) return false;
    ssize_t n = pread(in.fd, out, size - 1, 0);
    file_close(&in);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Adds a domain that is a package or memory. True when the folder is a domain at all. *locked: it is one of ours, and
 * may not be read. */
static bool add(struct meter_machine *m, const char *folder, bool *locked) {
    char name[NUMBER_BYTES], range[NUMBER_BYTES], path[PATH_BYTES];
    if (!read_small(folder, "name", name, sizeof name)) return false;
    if (strncmp(name, "package", 7) != 0 && strncmp(name, "dram", 4) != 0) return true;
    struct source *s = &m->sources[m->n];
    if (m->n == SOURCES_MAX || !read_small(folder, "max_energy_range_uj", range, sizeof range) ||
        !parse(range, strlen(range), &s->range) ||
        snprintf(path, sizeof path, "%s/energy_uj", folder) >= (int)sizeof path)
        return true;
    if (file_open(path, &s->file, NULL) != SIL_OK) {
        *locked = true;
        return true;
    }
    if (read_counter(s->file.fd, &s->last)) m->n++;
    else file_close(&s->file);
    return true;
}

static bool read_joules(void *ctx, double *joules) {
    struct meter_machine *m = ctx;
    bool all = true;
    for (size_t i = 0; i < m->n; i++) {
        struct source *s = &m->sources[i];
        uint64_t now;
        if (!read_counter(s->file.fd, &now)) {
            all = false;
            continue;
        }
        uint64_t more = now >= s->last ? now - s->last : s->range >= s->last ? s->range - s->last + now : now;
        m->joules += (double)more / 1e6;
        s->last = now;
    }
    *joules = m->joules;
    return all;
}

sil_err meter_open(struct mem mem, const char *powercap, struct meter_machine **out, struct meter *meter,
                   const char **why, struct sil_error *e) {
    struct meter_machine *m = mem_array(mem, 1, sizeof *m);
    char folder[PATH_BYTES];
    bool locked = false, any = false;
    if (!m) return err_nomem(e, "energy counters", sizeof *m);
    m->mem = mem;
    for (int i = 0; i < PACKAGES_MAX; i++) {
        if (snprintf(folder, sizeof folder, "%s/intel-rapl:%d", powercap, i) >= (int)sizeof folder) break;
        if (!add(m, folder, &locked)) break;
        any = true;
        for (int k = 0; k < PARTS_MAX; k++) {
            if (snprintf(folder, sizeof folder, "%s/intel-rapl:%d/intel-rapl:%d:%d", powercap, i, i, k) >=
                    (int)sizeof folder ||
                !add(m, folder, &locked))
                break;
        }
    }
    *why = m->n     ? NULL
           : locked ? "the energy counters may be read by root only (chmod or a udev rule opens energy_uj)"
           : any    ? "the energy counters cannot be read"
                    : "this machine shows no energy counters";
    *meter = m->n ? (struct meter){read_joules, m} : (struct meter){0};
    *out = m;
    return SIL_OK;
}

void meter_close(struct meter_machine *m) {
    if (!m) return;
    for (size_t i = 0; i < m->n; i++) file_close(&m->sources[i].file);
    mem_free(m->mem, m);
}
