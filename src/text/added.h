/* added: tokens that are found in the text before anything else ("<|im_end|>", "<think>", runs of spaces): a trie,
 * longest match at the leftmost place, then the flags as Hugging Face applies them. */
#ifndef SIL_TEXT_ADDED_H
#define SIL_TEXT_ADDED_H

#include "base/arena.h"
#include "base/str.h"
#include "sillok.h"
#include "text/uchar.h"

enum { ADDED_TEXT_MAX = 1024 }; /* bytes of one added token: bounds the work at each place of a text */

enum { ADDED_LSTRIP = 1, ADDED_RSTRIP = 2, ADDED_WORD = 4, ADDED_CONTROL = 8 };

struct added {
    struct arena *arena;
    uint32_t n_nodes, cap_nodes;
    uint32_t root[256]; /* child of the root by byte; 0: none */
    struct added_node {
        uint32_t child, sibling; /* 0: none */
        int32_t id;              /* -1: no token ends here */
        uint8_t byte, flags;
    } * nodes; /* node 0 is unused */
};

/* total: bytes of all the tokens that will be put. */
sil_err added_init(struct added *a, struct arena *arena, size_t total);
/* An empty text is ignored; a text longer than ADDED_TEXT_MAX is SIL_LIMIT. */
sil_err added_put(struct added *a, struct str text, uint32_t id, unsigned flags);

struct added_match {
    size_t at, end; /* with the white space that lstrip and rstrip take */
    uint32_t id;
};

/* The next token in text at or after `from`; white space before `from` is never taken. Without `control`, matches of
 * control tokens are passed over as plain text; with it, those that have a byte whose origin (one byte for each of
 * text, or NULL) is not 0. False when there is none. */
bool added_find(const struct added *a, const struct uchar *u, struct str text, size_t from, bool control,
                const uint8_t *origin, struct added_match *out);

#endif
