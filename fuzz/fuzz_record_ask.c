/* fuzz_record_ask: an address of the record: what comes behind /record/entries/, and after the first '?' parameters
 * joined by '&', decoded already. What is taken keeps the promises of record_ask.h. */
#include <stdlib.h>

#include "serve/record_ask.h"

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

static struct str upto(struct str *rest, char end) {
    const char *at = rest->n ? memchr(rest->p, end, rest->n) : NULL;
    struct str part = {rest->p, at ? (size_t)(at - rest->p) : rest->n};
    *rest = at ? (struct str){at + 1, rest->n - part.n - 1} : (struct str){rest->p + rest->n, 0};
    return part;
}

static void refused(const struct fault *f) {
    PROMISE(f->status == 400 || f->status == 404 || f->status == 405);
    PROMISE(f->type && f->code && f->message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct str rest = {(const char *)p, n};
    struct str path = upto(&rest, '?');
    struct record_ask a;
    static const struct {
        const char *name;
        enum record_what from, to;
    } methods[] = {{"DELETE", RECORD_ERASE, RECORD_ERASE},
                   {"POST", RECORD_REPLAY, RECORD_REPLAY},
                   {"GET", RECORD_ENTRY, RECORD_TRANSCRIPT}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct fault f = {0};
        record_ask_init(&a);
        if (record_ask_path(&a, path, methods[i].name, &f))
            PROMISE(a.what >= methods[i].from && a.what <= methods[i].to);
        else refused(&f);
    }
    while (rest.n) {
        struct fault f = {0};
        struct str value = upto(&rest, '&'), key = upto(&value, '=');
        if (!record_ask_parameter(&a, key, value, &f)) refused(&f);
    }
    PROMISE(a.limit >= 1 && a.limit <= RECORD_LIMIT_MAX);
    PROMISE(memchr(a.model, 0, sizeof a.model) && memchr(a.request, 0, sizeof a.request));
    PROMISE(memchr(a.tenant, 0, sizeof a.tenant));
    return 0;
}
