/* str: a view of bytes that somebody else owns; not NUL-terminated, may hold any byte. */
#ifndef SIL_BASE_STR_H
#define SIL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* For "%.*s": a length that printf can take. */
#define STR_ARG(s) (int)((s).n < 200 ? (s).n : 200), (s).p

static inline struct str str_of(const char *z) {
    return (struct str){z, strlen(z)};
}

static inline bool str_eq(struct str a, struct str b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(struct str s, struct str prefix) {
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

#endif
