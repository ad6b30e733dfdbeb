/* tool_weather_corpus DIR: writes the corpus of fuzz_epw into DIR (fuzz/corpus/epw). Whole years are packed with zstd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <zstd.h>

#include "weather_cases.h"

static int save(const char *dir, const char *name, const struct buf *b, int pack) {
    char path[1024];
    size_t cap = ZSTD_compressBound(b->n), n = b->n;
    char *z = malloc(cap);
    if (!z) return 1;
    if (pack) n = ZSTD_compress(z, cap, b->p, b->n, 19);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    int bad = !f || ZSTD_isError(n) || fwrite(pack ? z : b->p, 1, n, f) != n;
    if (f && fclose(f) != 0) bad = 1;
    if (bad) fprintf(stderr, "%s cannot be written\n", path);
    free(z);
    return bad;
}

struct entry {
    const char *name;
    int epw, pack;
    struct weather_case c;
};

static const struct entry entries[] = {
    {"good/year.epw.zst", 1, 1, {0}},
    {"good/year.csv.zst", 0, 1, {0}},
    {"bad/short.epw", 1, 0, {.rows = 3}},
    {"bad/gap.epw", 1, 0, {.rows = 9, .skip = 5}},
    {"bad/missing.epw", 1, 0, {.rows = 3, .at = 2, .field = 6, .value = "99.9"}},
    {"bad/number.epw", 1, 0, {.rows = 3, .at = 2, .field = 9, .value = "1e+"}},
    {"bad/periods.epw", 1, 0, {.rows = 2, .periods = "DATA PERIODS,1,4,Data,Sunday,1/1,12/31\n"}},
    {"bad/location.epw", 1, 0, {.rows = 1, .header = "LOCATION,,,,,,91,0,0,0\n"}},
    {"bad/short.csv", 0, 0, {.rows = 3}},
    {"bad/columns.csv", 0, 0, {.rows = 1, .periods = "Date (MM/DD/YYYY),Time (HH:MM)\n"}},
    {"bad/date.csv", 0, 0, {.rows = 2, .at = 1, .field = 0, .value = "1/1/88"}},
};

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: tool_weather_corpus DIR\n");
        return 2;
    }
    char path[1024];
    snprintf(path, sizeof path, "%s/good", argv[1]);
    mkdir(argv[1], 0777);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/bad", argv[1]);
    mkdir(path, 0777);
    struct buf b;
    int bad = 0;
    buf_init(&b, mem_libc(), 1 << 24);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        buf_clear(&b);
        if (entries[i].epw) weather_case_epw(&b, &entries[i].c);
        else weather_case_tmy3(&b, &entries[i].c);
        bad |= save(argv[1], entries[i].name, &b, entries[i].pack);
    }
    buf_free(&b);
    return bad;
}
