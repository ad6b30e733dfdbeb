/* Stop strings: against a plain search over the whole text, for every way of cutting it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "support.h"
#include "text/stop.h"

/* What is left of text, and which word ended it: the first end, of several the longest word, of those the first. */
static size_t plain_search(struct str text, const struct str *words, size_t n_words, int *hit) {
    *hit = -1;
    for (size_t end = 1; end <= text.n; end++) {
        size_t longest = 0;
        for (size_t i = 0; i < n_words; i++) {
            struct str w = words[i];
            if (w.n > end || w.n <= longest || memcmp(text.p + end - w.n, w.p, w.n) != 0) continue;
            longest = w.n;
            *hit = (int)i;
        }
        if (longest) return end - longest;
    }
    return text.n;
}

/* No word may begin in what was given out and go on in what is to come. */
static void check_none_begun(const struct buf *out, struct str text, size_t done, const struct str *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 1; k < words[i].n && k <= done; k++)
            if (memcmp(text.p + done - k, words[i].p, k) == 0) assert_true(out->n <= done - k);
}

static void check_text(struct str text, const struct str *words, size_t n_words, struct rng *r) {
    struct stop s;
    struct buf out;
    int hit;
    size_t want = plain_search(text, words, n_words, &hit);
    assert_int_equal(stop_open(mem_libc(), words, n_words, &s, NULL), SIL_OK);
    buf_init(&out, mem_libc(), 1 << 20);
    for (size_t at = 0; at < text.n;) {
        size_t n = 1 + rng_below(r, 7);
        if (n > text.n - at) n = text.n - at;
        assert_int_equal(stop_push(&s, (struct str){text.p + at, n}, &out), SIL_OK);
        at += n;
        if (s.hit < 0) check_none_begun(&out, text, at, words, n_words);
    }
    assert_int_equal(stop_end(&s, &out), SIL_OK);
    assert_int_equal(s.hit, hit);
    assert_int_equal(out.n, want);
    assert_memory_equal(buf_view(&out).p, text.p, want);
    buf_free(&out);
    stop_close(&s);
}

static void test_random(void **state) {
    (void)state;
    struct rng r = {.seed = 11};
    char text[200], word[8][12];
    struct str words[8];
    for (int round = 0; round < 4000; round++) {
        size_t n_words = rng_below(&r, 8), n = rng_below(&r, sizeof text);
        for (size_t i = 0; i < n_words; i++) {
            words[i] = (struct str){word[i], 1 + rng_below(&r, sizeof word[i])};
            for (size_t k = 0; k < words[i].n; k++) word[i][k] = (char)('a' + rng_below(&r, 2));
        }
        for (size_t i = 0; i < n; i++) text[i] = (char)('a' + rng_below(&r, round % 2 ? 2 : 3));
        check_text((struct str){text, n}, words, n_words, &r);
    }
}

static void test_korean(void **state) {
    (void)state;
    const struct str words[] = {STR("끝."), STR("\n\n")};
    const struct str pieces[] = {STR("이것이 "), STR("끝"), STR("이다. "), STR("끝"), STR("."), STR("뒤")};
    static const size_t given[] = {10, 10, 21, 21, 21, 21};
    struct stop s;
    struct buf out;
    assert_int_equal(stop_open(mem_libc(), words, 2, &s, NULL), SIL_OK);
    buf_init(&out, mem_libc(), 1000);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(stop_push(&s, pieces[i], &out), SIL_OK);
        assert_int_equal(out.n, given[i]);
    }
    assert_string_equal(out.p, "이것이 끝이다. ");
    assert_int_equal(s.hit, 0);
    buf_free(&out);
    stop_close(&s);
}

static void test_refusals(void **state) {
    (void)state;
    static char big[STOP_WORD_BYTES_MAX + 1];
    memset(big, 'x', sizeof big);
    struct str many[STOP_WORDS_MAX + 1];
    for (int i = 0; i <= STOP_WORDS_MAX; i++) many[i] = STR("x");
    struct stop s;
    struct sil_error e = {0};
    assert_int_equal(stop_open(mem_libc(), &(struct str){"", 0}, 1, &s, &e), SIL_ARG);
    assert_int_equal(stop_open(mem_libc(), &STR("\xff"), 1, &s, &e), SIL_ARG);
    assert_int_equal(stop_open(mem_libc(), &(struct str){big, sizeof big}, 1, &s, &e), SIL_LIMIT);
    assert_int_equal(stop_open(mem_libc(), many, STOP_WORDS_MAX + 1, &s, &e), SIL_LIMIT);
}

static sil_err each_allocation(void *ctx, struct mem mem) {
    (void)ctx;
    const struct str words[] = {STR("stop"), STR("halt")};
    struct stop s;
    struct buf out;
    buf_init(&out, mem, 1000);
    sil_err err = stop_open(mem, words, 2, &s, NULL);
    if (err != SIL_OK) return err;
    err = stop_push(&s, STR("a text that has to st"), &out);
    if (err == SIL_OK) err = stop_push(&s, STR("op"), &out);
    if (err == SIL_OK) assert_string_equal(out.p, "a text that has to ");
    buf_free(&out);
    stop_close(&s);
    return err;
}

static void test_allocations(void **state) {
    (void)state;
    assert_true(test_each_allocation(each_allocation, NULL) > 2);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_korean),
                                       cmocka_unit_test(test_refusals), cmocka_unit_test(test_allocations)};
    return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
