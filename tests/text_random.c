#include "text_random.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* Ranges of code points, one chosen first, then a point in it. */
static const struct {
    uint32_t first, last;
} ranges[] = {{0x20, 0x7e},       {0x20, 0x7e},       {'a', 'z'},       {'A', 'Z'},         {'0', '9'},
              {0xac00, 0xd7a3},   {0xac00, 0xd7a3},   {0x1100, 0x11ff}, {0x3131, 0x318e},   {0x300, 0x36f},
              {0x1f300, 0x1f64f}, {0x1f3fb, 0x1f3ff}, {0x200b, 0x200d}, {0xfe0e, 0xfe0f},   {1, 0x1f},
              {0x7f, 0xa0},       {0x2000, 0x200a},   {0x2028, 0x202f}, {'\t', '\r'},       {' ', ' '},
              {'\'', '\''},       {0x4e00, 0x9fa5},   {0xc0, 0x24f},    {0x370, 0x3ff},     {0x400, 0x52f},
              {0x900, 0x97f},     {0xe01, 0xe5b},     {0x600, 0x6ff},   {0xff01, 0xff9f},   {0x2460, 0x24ff},
              {0x2190, 0x23ff},   {0x10a0, 0x10ff},   {0x1f80, 0x1fff}, {0x1c4, 0x1cc},     {0x10400, 0x1044f},
              {0x1d400, 0x1d7ff}, {0x20000, 0x2a6df}, {0x2b0, 0x2ff},   {0x1d165, 0x1d172}, {0x3099, 0x30ff}};

static const char *const snippets[] = {"'s",
                                       "'LL",
                                       "'t",
                                       "'\xc5\xbf",
                                       "\r\n",
                                       "\n\n",
                                       "   ",
                                       "  \n",
                                       "\xe2\x96\x81",
                                       "1234567",
                                       "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab",
                                       " ("};

uint32_t text_random_char(struct rng *r) {
    for (;;) {
        size_t k = rng_below(r, sizeof(ranges) / sizeof(ranges[0]));
        uint32_t c = ranges[k].first + (uint32_t)rng_below(r, ranges[k].last - ranges[k].first + 1);
        if (c < 0xd800 || c > 0xdfff) return c;
    }
}

static void put(struct buf *b, const void *p, size_t n) {
    if (buf_put(b, p, n) != SIL_OK) abort();
}

void text_random(struct rng *r, size_t n, struct buf *b) {
    uint32_t c = text_random_char(r);
    for (size_t i = 0; i < n; i++) {
        char u[4];
        if (rng_below(r, 20) == 0) {
            const char *s = snippets[rng_below(r, sizeof(snippets) / sizeof(snippets[0]))];
            put(b, s, strlen(s));
        }
        /* stay in a script for a while: neighbours, or the same again */
        uint64_t kind = rng_below(r, 4);
        if (kind == 0) c = text_random_char(r);
        else if (kind == 1 && c > 0x30 && c < 0xd700) c += (uint32_t)rng_below(r, 3);
        put(b, u, utf8_encode(c, u));
    }
}
