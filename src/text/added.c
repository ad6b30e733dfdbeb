#include "text/added.h"

#include <assert.h>

#include "base/checked.h"

sil_err added_init(struct added *a, struct arena *arena, size_t total) {
    *a = (struct added){.arena = arena, .n_nodes = 1};
    if (total >= UINT32_MAX) return SIL_LIMIT;
    a->cap_nodes = (uint32_t)total + 1;
    a->nodes = ARENA_ARRAY(arena, a->cap_nodes, struct added_node);
    return a->nodes ? SIL_OK : SIL_NOMEM;
}

static uint32_t child_of(const struct added *a, uint32_t node, uint8_t byte) {
    uint32_t c = a->nodes[node].child;
    while (c && a->nodes[c].byte != byte) c = a->nodes[c].sibling;
    return c;
}

static uint32_t node_new(struct added *a, uint8_t byte) {
    assert(a->n_nodes < a->cap_nodes);
    a->nodes[a->n_nodes] = (struct added_node){.id = -1, .byte = byte};
    return a->n_nodes++;
}

sil_err added_put(struct added *a, struct str text, uint32_t id, unsigned flags) {
    if (text.n > ADDED_TEXT_MAX) return SIL_LIMIT;
    uint32_t at = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t byte = (uint8_t)text.p[i];
        uint32_t c = i ? child_of(a, at, byte) : a->root[byte];
        if (!c) {
            c = node_new(a, byte);
            if (i) {
                a->nodes[c].sibling = a->nodes[at].child;
                a->nodes[at].child = c;
            } else {
                a->root[byte] = c;
            }
        }
        at = c;
    }
    if (at) {
        a->nodes[at].id = (int32_t)id;
        a->nodes[at].flags = (uint8_t)flags;
    }
    return SIL_OK;
}

/* The longest token at p; its end is *len. 0 when there is none. */
static uint32_t longest(const struct added *a, const char *p, size_t n, size_t *len) {
    uint32_t best = 0, at = a->root[(uint8_t)p[0]];
    for (size_t i = 1; at; i++) {
        if (a->nodes[at].id >= 0) {
            best = at;
            *len = i;
        }
        if (i >= n) break;
        at = child_of(a, at, (uint8_t)p[i]);
    }
    return best;
}

/* Letters, numbers, marks, '_': what a word is made of. */
static bool word_char(const struct uchar *u, const char *p) {
    size_t len;
    return *p == '_' || (uchar_at(u, p, &len) & (UC_LETTER | UC_NUMBER | UC_MARK));
}

static size_t back(const char *p, size_t i) {
    do i--;
    while (((unsigned char)p[i] & 0xc0) == 0x80);
    return i;
}

static bool stands_alone(const struct uchar *u, struct str t, size_t at, size_t end) {
    return (at == 0 || !word_char(u, t.p + back(t.p, at))) && (end == t.n || !word_char(u, t.p + end));
}

static bool all_own(const uint8_t *origin, size_t at, size_t end) {
    if (!origin) return true;
    while (at < end && origin[at] == 0) at++;
    return at == end;
}

bool added_find(const struct added *a, const struct uchar *u, struct str text, size_t from, bool control,
                const uint8_t *origin, struct added_match *out) {
    if (a->n_nodes <= 1) return false;
    for (size_t i = from, len = 0; i < text.n;) {
        uint32_t node = a->root[(uint8_t)text.p[i]] ? longest(a, text.p + i, text.n - i, &len) : 0;
        if (!node) {
            i++;
            continue;
        }
        unsigned flags = a->nodes[node].flags;
        size_t at = i, end = i + len, l;
        i = end;
        if ((flags & ADDED_CONTROL) && !(control && all_own(origin, at, end))) continue;
        if ((flags & ADDED_WORD) && !stands_alone(u, text, at, end)) continue;
        if (flags & ADDED_LSTRIP)
            while (at > from && (uchar_at(u, text.p + back(text.p, at), &l) & UC_SPACE)) at = back(text.p, at);
        if (flags & ADDED_RSTRIP)
            while (end < text.n && (uchar_at(u, text.p + end, &l) & UC_SPACE)) end += l;
        *out = (struct added_match){at, end, (uint32_t)a->nodes[node].id};
        return true;
    }
    return false;
}
