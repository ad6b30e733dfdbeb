/* The scanners. Each follows one published regular expression, alternative by alternative; backtracking is worked out
 * by hand, so that every scanner looks at each character a bounded number of times. */
#include <assert.h>

#include "text/split.h"

/* 's 't 're 've 'm 'll 'd at p; 0 when there is none. With fold also upper case and U+017F for s, as Unicode case
 * folding has it. */
static size_t contraction(const char *p, size_t n, bool fold) {
    if (n < 2 || p[0] != '\'') return 0;
    unsigned char lower = fold ? 0x20 : 0;
    char a = (char)(p[1] | lower);
    if (p[1] & 0x80) return fold && n >= 3 && (unsigned char)p[1] == 0xc5 && (unsigned char)p[2] == 0xbf ? 3 : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
    if (n < 3 || p[2] & 0x80) return 0;
    char b = (char)(p[2] | lower);
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return 3;
    return 0;
}

/* End of the run, from i on, of characters that have one of the flags (or, with `without`, none of them). */
static inline size_t run_with(const struct uchar *u, const char *p, size_t n, size_t i, uint8_t flags) {
    size_t len;
    while (i < n && (uchar_at(u, p + i, &len) & flags)) i += len;
    return i;
}

static inline size_t run_without(const struct uchar *u, const char *p, size_t n, size_t i, uint8_t flags) {
    size_t len;
    while (i < n && !(uchar_at(u, p + i, &len) & flags)) i += len;
    return i;
}

static size_t numbers(const struct uchar *u, const char *p, size_t n, int most) {
    size_t i = 0, len;
    for (int k = 0; k < most && i < n && (uchar_at(u, p + i, &len) & UC_NUMBER); k++) i += len;
    return i;
}

/* \s+(?!\S)|\s+ , with \s*[\r\n]+ before it if `lines`. p begins with white space. */
static size_t spaces(const struct uchar *u, const char *p, size_t n, bool lines) {
    size_t i = 0, last = 0, line_end = 0, len;
    while (i < n && (uchar_at(u, p + i, &len) & UC_SPACE)) {
        last = i;
        if (p[i] == '\n' || p[i] == '\r') line_end = i + 1;
        i += len;
    }
    if (lines && line_end) return line_end;
    return i == n || last == 0 ? i : last;
}

enum { WORD = UC_LETTER | UC_NUMBER | UC_SPACE };

static size_t scan_gpt2(const struct uchar *u, const char *p, size_t n) {
    size_t len = contraction(p, n, false);
    if (len) return len;
    size_t i = p[0] == ' ' && n > 1 ? 1 : 0;
    uint8_t f = uchar_at(u, p + i, &len);
    if (f & UC_LETTER) return run_with(u, p, n, i + len, UC_LETTER);
    if (f & UC_NUMBER) return run_with(u, p, n, i + len, UC_NUMBER);
    if (!(f & UC_SPACE)) return run_without(u, p, n, i + len, WORD);
    return spaces(u, p, n, false);
}

/* " ?[^\s\p{L}\p{N}]+[\r\n]*" (and '/' in the tail if `slash`); 0 when it does not match. */
static inline size_t symbols(const struct uchar *u, const char *p, size_t n, bool slash) {
    size_t i = p[0] == ' ' ? 1 : 0, len;
    if (i >= n || (uchar_at(u, p + i, &len) & WORD)) return 0;
    i = run_without(u, p, n, i + len, WORD);
    while (i < n && (p[i] == '\r' || p[i] == '\n' || (slash && p[i] == '/'))) i++;
    return i;
}

static inline size_t scan_cl100k(const struct uchar *u, const char *p, size_t n, int digits) {
    size_t len, next;
    uint8_t f = uchar_at(u, p, &len);
    if (f & UC_LETTER) return run_with(u, p, n, len, UC_LETTER);
    if (f & UC_NUMBER) return numbers(u, p, n, digits);
    size_t c = contraction(p, n, true);
    if (c) return c;
    if (p[0] != '\r' && p[0] != '\n' && len < n && (uchar_at(u, p + len, &next) & UC_LETTER))
        return run_with(u, p, n, len + next, UC_LETTER);
    size_t s = symbols(u, p, n, false);
    return s ? s : spaces(u, p, n, true);
}

/* The o200k word from i on, [Lu Lt Lm Lo M]*[Ll Lm Lo M]+ : 0 when it does not match. *upper_end is where the run of
 * the first class ends, for the other alternative. */
static size_t o200k_word(const struct uchar *u, const char *p, size_t n, size_t i, size_t *upper_end) {
    size_t len, both_end = 0;
    for (; i < n; i += len) {
        uint8_t f = uchar_at(u, p + i, &len);
        if (!(f & (UC_LETTER | UC_MARK)) || (f & UC_LOWER)) break;
        if (!(f & UC_UPPER)) both_end = i + len; /* Lm, Lo, M stand in both classes */
    }
    *upper_end = i;
    if (i >= n || !(uchar_at(u, p + i, &len) & UC_LOWER)) return both_end;
    for (; i < n; i += len) {
        uint8_t f = uchar_at(u, p + i, &len);
        if (!(f & (UC_LETTER | UC_MARK)) || (f & UC_UPPER)) break;
    }
    return i;
}

static inline size_t scan_o200k(const struct uchar *u, const char *p, size_t n, int digits, bool contractions) {
    size_t len, upper = 0, plain_upper = 0;
    uint8_t f = uchar_at(u, p, &len);
    if (f & UC_NUMBER) return numbers(u, p, n, digits);
    bool prefix = !(f & UC_LETTER) && p[0] != '\r' && p[0] != '\n';
    size_t end = prefix ? o200k_word(u, p, n, len, &upper) : 0;
    if (!end && (f & (UC_LETTER | UC_MARK))) end = o200k_word(u, p, n, 0, &plain_upper);
    if (!end && prefix && upper > len) end = upper; /* second alternative: upper case only */
    if (!end && plain_upper > 0) end = plain_upper;
    if (end) return end + (contractions ? contraction(p + end, n - end, true) : 0);
    size_t s = symbols(u, p, n, true);
    return s ? s : spaces(u, p, n, true);
}

size_t split_scan(enum split_kind kind, const struct uchar *u, const char *p, size_t n) {
    switch (kind) {
    case SPLIT_GPT2: return scan_gpt2(u, p, n);
    case SPLIT_LLAMA3: return scan_cl100k(u, p, n, 3);
    case SPLIT_QWEN2: return scan_cl100k(u, p, n, 1);
    case SPLIT_O200K: return scan_o200k(u, p, n, 3, true);
    case SPLIT_TEKKEN: return scan_o200k(u, p, n, 1, false);
    default: break;
    }
    assert(!"not a scanner");
    return n;
}

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define UPPER        "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER        "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define PREFIX       "[^\\r\\n\\p{L}\\p{N}]?"
#define TAIL         "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define CL100K(num)  CONTRACTIONS "|" PREFIX "\\p{L}+|" num "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" TAIL

static const struct {
    enum split_kind kind;
    const char *pattern;
} known[] = {
    {SPLIT_GPT2, "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
    {SPLIT_GPT2, "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
    {SPLIT_LLAMA3, CL100K("\\p{N}{1,3}")},
    {SPLIT_QWEN2, CL100K("\\p{N}")},
    {SPLIT_O200K, PREFIX UPPER "*" LOWER "+" CONTRACTIONS "?|" PREFIX UPPER "+" LOWER "*" CONTRACTIONS
                               "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" TAIL},
    {SPLIT_TEKKEN, PREFIX UPPER "*" LOWER "+|" PREFIX UPPER "+" LOWER "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" TAIL},
};

int split_known(struct str pattern) {
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (str_eq(pattern, str_of(known[i].pattern))) return (int)known[i].kind;
    return -1;
}

const char *split_pattern(enum split_kind kind) {
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].kind == kind) return known[i].pattern;
    return NULL;
}
