/* near: the edit distance behind "did you mean". */
#include "base/near.h"

#include <string.h>

enum { WORD_MAX = 32 };

/* Edits (insert, delete, replace) from a to b; WORD_MAX for words too long to compare. */
static size_t edits(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b), row[WORD_MAX + 1];
    if (n > WORD_MAX || m > WORD_MAX) return WORD_MAX;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

const char *near_name(const char *given, const char *const *names, size_t n) {
    const char *best = NULL;
    size_t len = strlen(given), least = len > 4 ? 3 : 2; /* one more than the edits that still count as near */
    for (size_t i = 0; i < n; i++) {
        size_t d = edits(given, names[i]);
        if (len >= 2 && strncmp(given, names[i], len) == 0) d = 0; /* the beginning of a name */
        if (d >= least) continue;
        least = d;
        best = names[i];
    }
    return best;
}
