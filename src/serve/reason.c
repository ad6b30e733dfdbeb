#include "serve/reason.h"

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_mark(struct str s) {
    return s.n > 0 && s.n <= REASON_MARK_MAX && !is_space(s.p[0]);
}

bool reason_open(struct reason *r, struct str begin, struct str end, bool inside) {
    *r = (struct reason){.begin = begin, .end = end, .state = inside ? REASON_INSIDE : REASON_START, .trim = inside};
    return is_mark(begin) && is_mark(end);
}

/* Is what is held white space and then the beginning of the mark? *whole: all of it. */
static bool may_become(const struct reason *r, struct str mark, bool *whole) {
    size_t space = 0;
    while (space < r->n && is_space(r->held[space])) space++;
    size_t n = r->n - space;
    *whole = n == mark.n;
    return space <= REASON_SPACE_MAX && n <= mark.n && memcmp(r->held + space, mark.p, n) == 0;
}

/* Gives out the first n bytes of what is held. */
static size_t give(struct reason *r, size_t n, char *out) {
    memcpy(out, r->held, n);
    r->n -= n;
    memmove(r->held, r->held + n, r->n);
    return n;
}

static void enter(struct reason *r, enum reason_state state) {
    r->state = state;
    r->trim = true;
    r->n = 0;
}

size_t reason_push(struct reason *r, char c, char *out, bool *reasoning) {
    bool whole;
    *reasoning = r->state == REASON_INSIDE;
    if (r->trim && is_space(c)) return 0;
    r->trim = false;
    if (r->state == REASON_OUTSIDE) {
        *out = c;
        return 1;
    }
    r->held[r->n++] = c;
    if (r->state == REASON_START) {
        if (may_become(r, r->begin, &whole)) {
            if (whole) enter(r, REASON_INSIDE);
            return 0;
        }
        r->state = REASON_OUTSIDE;
        return give(r, r->n, out);
    }
    size_t n = 0;
    while (r->n && !may_become(r, r->end, &whole)) n += give(r, 1, out + n);
    if (r->n && whole) enter(r, REASON_OUTSIDE);
    return n;
}

size_t reason_plain(const struct reason *r, const char *p, size_t n) {
    if (r->trim || r->n || r->state == REASON_START) return 0;
    if (r->state == REASON_OUTSIDE) return n;
    size_t k = 0;
    while (k < n && p[k] != r->end.p[0] && !is_space(p[k])) k++;
    return k;
}

size_t reason_end(struct reason *r, char *out, bool *reasoning) {
    *reasoning = r->state == REASON_INSIDE;
    return give(r, r->n, out);
}
