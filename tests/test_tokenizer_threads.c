/* One tokenizer in several threads at once: the same ids as alone (run under ThreadSanitizer too). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "text/encode.h"
#include "text_random.h"

enum { THREADS = 4, TEXTS = 200, TOKENS = 256 + 60, SEED = 99 };

static struct tokenizer *make(void) {
    static const char letters[] = "abcdefghij";
    struct str tokens[TOKENS], merges[60];
    char texts[TOKENS][8], pairs[60][8];
    uint32_t n = 0, next = 0x100;
    size_t n_merges = 0;
    for (uint32_t b = 0; b < 256; b++, n++) {
        bool plain = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        tokens[n] = (struct str){texts[n], utf8_encode(plain ? b : next++, texts[n])};
    }
    for (int i = 0; i < 60; i++, n++) {
        char a = letters[i % 10], b = letters[i / 10];
        tokens[n] = (struct str){texts[n], (size_t)snprintf(texts[n], 8, "%c%c", a, b)};
        merges[n_merges] = (struct str){pairs[i], (size_t)snprintf(pairs[i], 8, "%c %c", a, b)};
        n_merges++;
    }
    struct tok_spec s = {.kind = TOK_BYTE_BPE,
                         .pre = STR("qwen2"),
                         .n_tokens = n,
                         .tokens = tokens,
                         .n_merges = n_merges,
                         .merges = merges,
                         .bos = -1,
                         .eos = -1,
                         .eot = -1,
                         .unk = -1};
    struct tokenizer *t;
    struct sil_error e = {0};
    if (tok_open(mem_libc(), &s, &t, &e) != SIL_OK) fail_msg("%s", e.text);
    return t;
}

struct job {
    const struct tokenizer *t;
    uint64_t digest;
    bool failed;
};

static void *encode_all(void *arg) {
    struct job *j = arg;
    struct rng r = {.seed = SEED};
    struct buf text;
    struct tok_ids ids;
    struct tok_scratch *s = NULL;
    buf_init(&text, mem_libc(), 1 << 20);
    tok_ids_init(&ids, mem_libc(), 1 << 20);
    j->failed = tok_scratch_new(j->t, mem_libc(), true, &s, NULL) != SIL_OK;
    for (int i = 0; i < TEXTS && !j->failed; i++) {
        buf_clear(&text);
        ids.n = 0;
        for (int k = 0; k < 20; k++) {
            char word[] = {(char)('a' + rng_below(&r, 10)), (char)('a' + rng_below(&r, 10)), ' '};
            if (buf_put(&text, word, 3) != SIL_OK) abort();
        }
        text_random(&r, 20, &text);
        j->failed = (i % 2 ? tok_encode_with(s, buf_view(&text), 0, &ids, NULL)
                           : tok_encode(j->t, buf_view(&text), 0, &ids, NULL)) != SIL_OK;
        for (size_t k = 0; k < ids.n; k++) j->digest = (j->digest ^ ids.p[k]) * 0x100000001b3u;
    }
    tok_scratch_free(s);
    tok_ids_free(&ids);
    buf_free(&text);
    return NULL;
}

static void threads_agree(void **state) {
    (void)state;
    struct tokenizer *t = make(), *alone = make();
    struct job jobs[THREADS], single = {.t = alone};
    pthread_t threads[THREADS];
    encode_all(&single);
    assert_false(single.failed);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){.t = t};
        assert_int_equal(pthread_create(&threads[i], NULL, encode_all, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(jobs[i].failed);
        assert_true(jobs[i].digest == single.digest);
    }
    tok_close(t);
    tok_close(alone);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
