/* fuzz_tokenizer_json: any bytes as a tokenizer.json. What opens must encode and decode without harm, and name its own
 * tokens right. */
#include <stdlib.h>

#include "base/utf8.h"
#include "text/tokenizer.h"

enum { OUT_MAX = 1 << 20, IDS_MAX = 1 << 16 };

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

static void use(const struct tokenizer *t, struct str text, unsigned flags) {
    struct tok_ids ids;
    struct buf out;
    struct sil_error e = {0};
    tok_ids_init(&ids, mem_libc(), IDS_MAX);
    buf_init(&out, mem_libc(), OUT_MAX);
    if (tok_encode(t, text, flags, &ids, &e) == SIL_OK) {
        for (size_t i = 0; i < ids.n; i++) PROMISE(ids.p[i] < tok_count(t));
        if (tok_decode(t, ids.p, ids.n, true, &out) == SIL_OK) PROMISE(utf8_valid(out.p ? out.p : "", out.n, NULL));
    } else {
        PROMISE(ids.n == 0 && e.text[0] != '\0');
    }
    tok_ids_free(&ids);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct tokenizer *t;
    struct sil_error e = {0};
    struct str bytes = {(const char *)p, n};
    if (tok_open_json(mem_libc(), bytes, &t, &e) != SIL_OK) {
        PROMISE(t == NULL && e.text[0] != '\0');
        return 0;
    }
    use(t, STR("a b\n<s> \xed\x95\x9c\xea\xb8\x80 12 ''s \xe2\x96\x81"), TOK_ADD_SPECIAL | TOK_PARSE_SPECIAL);
    use(t, bytes, 0);
    for (uint32_t i = 0; i < tok_count(t) && i < 1000; i++) {
        struct str s = tok_text(t, i);
        if (s.n && tok_type_of(t, i) != TOK_UNUSED) PROMISE(tok_find(t, s) >= 0 || s.n > 4096);
        (void)tok_is_end(t, i);
    }
    tok_close(t);
    return 0;
}
