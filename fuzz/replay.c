/* replay: runs a fuzz target over files without a fuzzer, so that CI can do it with any compiler and sanitizer.
 *   fuzz_NAME [--truncate] PATH...     each PATH a file or a folder (walked in name order, to a bounded depth);
 *                                      --truncate: every file also cut to each shorter length,
 *                                      or for large files to REPLAY_CUTS of them
 * Every input lies in its own exact allocation, so that ASan sees the first byte read past its end. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { REPLAY_DEPTH = 4, REPLAY_PATH = 4096, REPLAY_FILE_BYTES = 64 << 20, REPLAY_CUTS = 4096 };

static size_t replayed;
static bool truncate_too;

/* One run of the target on n bytes in their own allocation. */
static bool replay_bytes(const uint8_t *bytes, size_t n) {
    uint8_t *p = malloc(n ? n : 1);
    if (!p) return false;
    if (n) memcpy(p, bytes, n);
    bool good = LLVMFuzzerTestOneInput(p, n) == 0;
    free(p);
    replayed += good;
    return good;
}

static int replay_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return 1;
    }
    int bad = 1;
    struct stat st;
    uint8_t *p = NULL;
    if (fstat(fileno(f), &st) != 0 || st.st_size < 0 || st.st_size > REPLAY_FILE_BYTES) {
        fprintf(stderr, "%s: cannot be read, or larger than %d bytes\n", path, (int)REPLAY_FILE_BYTES);
        goto out;
    }
    size_t n = (size_t)st.st_size;
    p = malloc(n ? n : 1);
    if (!p || fread(p, 1, n, f) != n) {
        fprintf(stderr, "%s: cannot be read\n", path);
        goto out;
    }
    size_t step = n / REPLAY_CUTS + 1;
    for (size_t cut = truncate_too ? n % step : n; cut <= n; cut += step) {
        if (replay_bytes(p, cut)) continue;
        fprintf(stderr, "%s, %zu bytes: the target did not return 0, or no memory\n", path, cut);
        goto out;
    }
    bad = 0;
out:
    free(p);
    fclose(f);
    return bad;
}

static int replay_path(const char *path, int depth) {
    struct stat st;
    if (stat(path, &st) != 0) {
        fprintf(stderr, "%s: not found\n", path);
        return 1;
    }
    if (!S_ISDIR(st.st_mode)) return replay_file(path);
    if (depth == REPLAY_DEPTH) {
        fprintf(stderr, "%s: folders nest deeper than %d\n", path, REPLAY_DEPTH);
        return 1;
    }
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    if (count < 0) {
        fprintf(stderr, "%s: cannot be listed\n", path);
        return 1;
    }
    int bad = 0;
    for (int i = 0; i < count; i++) {
        char sub[REPLAY_PATH];
        if (names[i]->d_name[0] != '.') {
            int n = snprintf(sub, sizeof sub, "%s/%s", path, names[i]->d_name);
            bad |= n < 0 || n >= REPLAY_PATH || replay_path(sub, depth + 1);
        }
        free(names[i]);
    }
    free(names);
    return bad;
}

int main(int argc, char **argv) {
    int bad = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--truncate") == 0) truncate_too = true;
        else bad |= replay_path(argv[i], 0);
    }
    if (replayed == 0) {
        fprintf(stderr, "usage: %s [--truncate] FILE-OR-FOLDER... (no input was replayed)\n", argv[0]);
        bad = 1;
    }
    printf("%zu inputs replayed\n", replayed);
    return bad ? 1 : 0;
}
