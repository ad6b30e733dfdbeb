/* The stages before merging: Unicode properties, the hand-written scanners against the published regular expressions,
 * other regular expressions, normal forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "support.h"
#include "text/norm.h"
#include "text/split_regex.h"
#include "text_random.h"

enum { SEED = 20240611, TEXTS = 3000, TEXT_MAX = 64 << 20, SECONDS_MAX = 20 };

static struct uchar table;

static int setup(void **state) {
    (void)state;
    uchar_init(&table);
    return 0;
}

static struct mem heap_mem(void) {
    return mem_libc();
}

static double seconds(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

static void compile(const struct mem *mem, const char *pattern, struct split_step *s) {
    struct sil_error e = {0};
    *s = (struct split_step){.kind = SPLIT_REGEX};
    if (split_compile(mem, str_of(pattern), s, &e) != SIL_OK) fail_msg("%s: %s", pattern, e.text);
}

/* Does the expression match the one character? */
static bool matches(const struct split_step *s, struct split_matcher *m, uint32_t cp) {
    char u[4];
    bool found;
    size_t at, end, n = utf8_encode(cp, u);
    assert_int_equal(split_regex_find(s, m, (struct str){u, n}, 0, &found, &at, &end, NULL), SIL_OK);
    return found;
}

static void properties_agree_with_pcre2(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        uint8_t flag;
    } classes[] = {{"\\p{L}", UC_LETTER},
                   {"\\p{N}", UC_NUMBER},
                   {"\\s", UC_SPACE},
                   {"[\\p{Lu}\\p{Lt}]", UC_UPPER},
                   {"\\p{Ll}", UC_LOWER},
                   {"\\p{M}", UC_MARK},
                   {"\\p{P}|[!-/:-@\\[-`{-~]", UC_PUNCT}};
    enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };
    struct mem mem = heap_mem();
    struct split_matcher m = {.mem = mem};
    struct split_step step[CLASSES], unassigned;
    compile(&mem, "\\p{Cn}", &unassigned);
    for (int k = 0; k < CLASSES; k++) compile(&mem, classes[k].pattern, &step[k]);
    size_t compared = 0, newer = 0;
    for (uint32_t c = 0; c < 0x110000; c += c < 0x33480 || c > 0xe0000 ? 1 : 97) {
        if (c >= 0xd800 && c <= 0xdfff) continue;
        uint8_t f = uchar_flags(&table, c);
        if (matches(&unassigned, &m, c)) {
            newer += (f & 0x7f) != 0; /* PCRE2 may be older than utf8proc */
            continue;
        }
        for (int k = 0; k < CLASSES; k++)
            if (((f & classes[k].flag) != 0) != matches(&step[k], &m, c))
                fail_msg("U+%04X differs from PCRE2 in %s", c, classes[k].pattern);
        compared++;
    }
    printf("# %zu characters agree with PCRE2; %zu are newer than its Unicode\n", compared, newer);
    assert_true(compared > 200000);
    for (int k = 0; k < CLASSES; k++) split_step_free(&step[k]);
    split_step_free(&unassigned);
    split_matcher_free(&m);
}

static void fail_pieces(const char *pattern, const char *text, const struct split_list *a, const struct split_list *b) {
    for (size_t i = 0; i < a->n || i < b->n; i++) {
        size_t an = i < a->n ? a->p[i].n : 0, bn = i < b->n ? b->p[i].n : 0;
        if (an == bn) continue;
        const char *at = text + (i < a->n ? a->p[i].at : b->p[i].at);
        fail_msg("seed %d, %s: piece %zu is \"%.*s\" by the scanner, \"%.*s\" by the expression", SEED, pattern, i,
                 (int)an, at, (int)bn, at);
    }
}

static void scanner_equals_regex(enum split_kind kind) {
    struct mem mem = heap_mem();
    struct split_matcher m = {.mem = mem};
    struct split_step regex, scanner = {.kind = kind}, unassigned;
    struct split_list a = {.mem = mem}, b = {.mem = mem};
    struct buf text;
    struct rng r = {.seed = SEED, .stream = (uint64_t)kind};
    compile(&mem, split_pattern(kind), &regex);
    compile(&mem, "\\p{Cn}", &unassigned);
    buf_init(&text, mem, TEXT_MAX);
    size_t pieces = 0;
    for (int i = 0; i < TEXTS; i++) {
        buf_clear(&text);
        text_random(&r, 1 + rng_below(&r, 60), &text);
        bool found;
        size_t at, end;
        assert_int_equal(split_regex_find(&unassigned, &m, buf_view(&text), 0, &found, &at, &end, NULL), SIL_OK);
        if (found) continue; /* PCRE2 may know less than we do */
        a.n = b.n = 0;
        struct split_piece all = {0, text.n};
        assert_int_equal(split_apply(&scanner, &table, NULL, text.p, all, &a, NULL), SIL_OK);
        assert_int_equal(split_apply(&regex, &table, &m, text.p, all, &b, NULL), SIL_OK);
        fail_pieces(split_pattern(kind), text.p, &a, &b);
        pieces += a.n;
    }
    assert_true(pieces > TEXTS);
    split_step_free(&regex);
    split_step_free(&unassigned);
    split_matcher_free(&m);
    split_list_free(&a);
    split_list_free(&b);
    buf_free(&text);
}

static void scanners_equal_their_regexes(void **state) {
    (void)state;
    for (int k = 0; k < SPLIT_SCANNERS; k++) {
        assert_int_equal(split_known(str_of(split_pattern((enum split_kind)k))), k);
        scanner_equals_regex((enum split_kind)k);
    }
    assert_int_equal(split_known(STR("\\s+")), -1);
}

/* All strings of up to five characters over an alphabet with one character of each class that the rules tell apart. */
static void scanners_equal_their_regexes_on_all_short_texts(void **state) {
    (void)state;
    static const char *const letters[] = {"a", "B", "\xea\xb0\x80", "\xcc\x81", "7", " ", "\n", "\t", "'",
                                          "s", "/", "\xc2\x85"};
    enum { LETTERS = sizeof(letters) / sizeof(letters[0]), LONGEST = 5 };
    struct mem mem = heap_mem();
    for (int k = 0; k < SPLIT_SCANNERS; k++) {
        struct split_matcher m = {.mem = mem};
        struct split_step regex, scanner = {.kind = (enum split_kind)k};
        struct split_list a = {.mem = mem}, b = {.mem = mem};
        compile(&mem, split_pattern((enum split_kind)k), &regex);
        size_t count = 1;
        for (int n = 1; n <= LONGEST; n++) {
            count *= LETTERS;
            for (size_t i = 0; i < count; i += n == LONGEST ? 3 : 1) {
                char text[4 * LONGEST + 1] = "";
                size_t len = 0;
                for (size_t x = i, j = 0; j < (size_t)n; j++, x /= LETTERS) {
                    memcpy(text + len, letters[x % LETTERS], strlen(letters[x % LETTERS]));
                    len += strlen(letters[x % LETTERS]);
                }
                a.n = b.n = 0;
                struct split_piece all = {0, len};
                assert_int_equal(split_apply(&scanner, &table, NULL, text, all, &a, NULL), SIL_OK);
                assert_int_equal(split_apply(&regex, &table, &m, text, all, &b, NULL), SIL_OK);
                fail_pieces(split_pattern((enum split_kind)k), text, &a, &b);
            }
        }
        split_step_free(&regex);
        split_matcher_free(&m);
        split_list_free(&a);
        split_list_free(&b);
    }
}

static void scanners_are_linear(void **state) {
    (void)state;
    static const char *const units[] = {"a",
                                        "A",
                                        "\xea\xb0\x80",
                                        "\xcc\x81",
                                        "7",
                                        " ",
                                        "\n",
                                        "\t",
                                        "'",
                                        "!",
                                        " \n",
                                        "aA",
                                        "\xea\xb0\x80"
                                        "A",
                                        "\xcc\x81"
                                        "A",
                                        "' ",
                                        "/\n"};
    enum { BYTES = 1 << 20 };
    double start = seconds();
    char *text = malloc(BYTES);
    assert_non_null(text);
    for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
        size_t len = strlen(units[k]), n = BYTES / len * len;
        for (size_t i = 0; i < n; i += len) memcpy(text + i, units[k], len);
        for (int kind = 0; kind < SPLIT_SCANNERS; kind++)
            for (size_t i = 0, piece; i < n; i += piece) {
                piece = split_scan((enum split_kind)kind, &table, text + i, n - i);
                assert_in_range(piece, 1, n - i);
            }
    }
    free(text);
    assert_true(seconds() - start < SECONDS_MAX); /* quadratic would be hours */
}

/* Pieces of text by one step, joined with '|'. */
static void split_is(struct split_step *s, const char *text, const char *want) {
    struct mem mem = heap_mem();
    struct split_matcher m = {.mem = mem};
    struct split_list l = {.mem = mem};
    struct sil_error e = {0};
    char got[200] = "";
    if (split_apply(s, &table, &m, text, (struct split_piece){0, strlen(text)}, &l, &e) != SIL_OK)
        fail_msg("%s", e.text);
    for (size_t i = 0, n = 0; i < l.n; i++)
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%.*s", i ? "|" : "", (int)l.p[i].n, text + l.p[i].at);
    assert_string_equal(got, want);
    split_list_free(&l);
    split_matcher_free(&m);
}

/* Expectations: Hugging Face tokenizers 0.23. */
static void behaviours(void **state) {
    (void)state;
    static const char *const want[] = {"the|-|final|-|-|countdown", "the|final|countdown", "the-|final-|-|countdown",
                                       "the|-final|-|-countdown", "the|-|final|--|countdown"};
    for (int b = 0; b < 5; b++) {
        struct split_step s = {.kind = SPLIT_LITERAL, .literal = STR("-"), .behaviour = (enum split_behaviour)b};
        split_is(&s, "the-final--countdown", want[b]);
    }
    struct split_step digits = {.kind = SPLIT_DIGIT, .behaviour = SPLIT_CONTIGUOUS};
    split_is(&digits, "a12b345", "a|12|b|345");
    digits.behaviour = SPLIT_ISOLATED;
    split_is(&digits, "a12\xc2\xbc", "a|1|2|\xc2\xbc");
    struct split_step punct = {.kind = SPLIT_PUNCT, .behaviour = SPLIT_CONTIGUOUS};
    split_is(&punct, "a+b,,c\xe3\x80\x82", "a|+|b|,,|c|\xe3\x80\x82");
    struct split_step space = {.kind = SPLIT_SPACE, .behaviour = SPLIT_REMOVED};
    split_is(&space, " a \xe3\x80\x80 bc", "a|bc");
    struct split_step regex;
    struct mem mem = heap_mem();
    compile(&mem, "\\w*?(?=b)|\\d", &regex);
    regex.behaviour = SPLIT_REMOVED;
    split_is(&regex, "aab1c", "b|c");
    split_step_free(&regex);
}

static void regexes_that_pcre2_would_read_otherwise_are_refused_or_translated(void **state) {
    (void)state;
    static const char *const refused[] = {"[a-z&&[^c]]", "[a[b]]", "\\Ga", "a\\Kb", "\\X", "[\\H]", "(", "[z-a]"};
    struct mem mem = heap_mem();
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct sil_error e = {0};
        struct split_step s = {.kind = SPLIT_REGEX};
        assert_int_equal(split_compile(&mem, str_of(refused[i]), &s, &e), SIL_UNSUPPORTED);
        assert_true(strlen(e.text) > 10);
    }
    struct split_step s;
    compile(&mem, "[\\s\\h[:digit:]]+", &s); /* U+0085 is \s, \h is a hexadecimal digit */
    split_is(&s,
             "x\xc2\x85"
             "aF09y",
             "x|\xc2\x85"
             "aF09|y");
    split_step_free(&s);
    compile(&mem, "[]x]+", &s);
    split_is(&s, "a]xb", "a|]x|b");
    split_step_free(&s);
    char *big = malloc(SPLIT_PATTERN_MAX + 1);
    assert_non_null(big);
    memset(big, 'a', SPLIT_PATTERN_MAX + 1);
    struct split_step none = {0};
    assert_int_equal(split_compile(&mem, (struct str){big, SPLIT_PATTERN_MAX + 1}, &none, NULL), SIL_LIMIT);
    free(big);
}

static void hostile_regexes_end_in_an_error(void **state) {
    (void)state;
    static const char *const bad[] = {"(a+)+$", "(a|aa)+b", "((a*)*)*b", "(?:a?){60}a{60}b"};
    struct mem mem = heap_mem();
    double start = seconds();
    size_t stopped = 0;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct split_step s;
        struct split_matcher m = {.mem = mem};
        struct split_list l = {.mem = mem};
        struct sil_error e = {0};
        char text[3000];
        memset(text, 'a', sizeof(text));
        memcpy(text + sizeof(text) - 2, "cb", 2);
        compile(&mem, bad[i], &s);
        sil_err err = split_apply(&s, &table, &m, text, (struct split_piece){0, sizeof(text)}, &l, &e);
        if (err != SIL_OK) assert_int_equal(err, SIL_LIMIT);
        stopped += err != SIL_OK;
        split_list_free(&l);
        split_step_free(&s);
        split_matcher_free(&m);
    }
    assert_int_equal(stopped, 4);
    assert_true(seconds() - start < SECONDS_MAX);
}

static struct str normal(const struct norm_step *step, size_t n, struct norm_scratch *s, struct str text, bool first) {
    struct str out;
    struct sil_error e = {0};
    if (norm_apply(step, n, &table, s, NULL, text, first, &out, &e) != SIL_OK) fail_msg("%s", e.text);
    return out;
}

static void normal_forms_equal_utf8proc(void **state) {
    (void)state;
    static const struct {
        enum norm_kind kind;
        int options;
    } forms[] = {{NORM_NFC, UTF8PROC_COMPOSE},
                 {NORM_NFD, UTF8PROC_DECOMPOSE},
                 {NORM_NFKC, UTF8PROC_COMPOSE | UTF8PROC_COMPAT},
                 {NORM_NFKD, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT}};
    struct rng r = {.seed = SEED};
    struct norm_scratch s;
    struct buf text;
    norm_scratch_init(&s, mem_libc());
    buf_init(&text, mem_libc(), TEXT_MAX);
    size_t changed = 0;
    for (int i = 0; i < TEXTS; i++) {
        buf_clear(&text);
        text_random(&r, 1 + rng_below(&r, 40), &text);
        for (int k = 0; k < 4; k++) {
            utf8proc_uint8_t *want = NULL;
            utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text.p, (utf8proc_ssize_t)text.n, &want,
                                              (utf8proc_option_t)(UTF8PROC_STABLE | forms[k].options));
            assert_true(n >= 0);
            struct norm_step step = {.kind = forms[k].kind};
            struct str got = normal(&step, 1, &s, buf_view(&text), true);
            if (!str_eq(got, (struct str){(char *)want, (size_t)n}))
                fail_msg("seed %d, form %d: \"%.*s\" became \"%.*s\"", SEED, k, (int)text.n, text.p, (int)got.n, got.p);
            changed += !str_eq(got, buf_view(&text));
            free(want);
        }
    }
    assert_true(changed > TEXTS / 2);
    norm_scratch_free(&s);
    buf_free(&text);
}

/* Every character alone, and before each kind of character that may join it. */
static void nfc_of_every_character_equals_utf8proc(void **state) {
    (void)state;
    static const uint32_t follow[] = {'a', 0x301, 0x327, 0x11a8, 0x1161, 0x9be, 0x3099, 0xac00};
    struct norm_scratch s;
    struct norm_step step = {.kind = NORM_NFC};
    norm_scratch_init(&s, mem_libc());
    for (uint32_t c = 1; c < 0x30000; c++) {
        if (c >= 0xd800 && c <= 0xdfff) continue;
        for (size_t k = 0; k < sizeof(follow) / sizeof(follow[0]); k++) {
            char text[9];
            size_t n = utf8_encode(c, text);
            n += utf8_encode(follow[k], text + n);
            utf8proc_uint8_t *want = NULL;
            utf8proc_ssize_t wn = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &want,
                                               (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
            struct str got = normal(&step, 1, &s, (struct str){text, n}, true);
            if (!str_eq(got, (struct str){(char *)want, (size_t)wn})) fail_msg("U+%04X U+%04X", c, follow[k]);
            free(want);
        }
    }
    norm_scratch_free(&s);
}

/* Marks in the worst order: sorting them one by one would take minutes. */
static void long_runs_of_marks_are_linear(void **state) {
    (void)state;
    struct buf text;
    struct norm_scratch s;
    norm_scratch_init(&s, mem_libc());
    buf_init(&text, mem_libc(), TEXT_MAX);
    for (int i = 0; i < 250000; i++)
        assert_int_equal(buf_str(&text, i % 2 ? STR("\xcc\x81") : STR("\xcc\xa7")), SIL_OK);
    double start = seconds();
    for (int k = NORM_NFC; k <= NORM_NFKD; k++) {
        struct norm_step step = {.kind = (enum norm_kind)k};
        assert_int_equal(normal(&step, 1, &s, buf_view(&text), true).n, text.n);
    }
    assert_true(seconds() - start < SECONDS_MAX);
    norm_scratch_free(&s);
    buf_free(&text);
}

static void norm_is(const struct norm_step *step, size_t n, const char *text, bool first, const char *want) {
    struct norm_scratch s;
    norm_scratch_init(&s, mem_libc());
    struct str got = normal(step, n, &s, str_of(text), first);
    if (!str_eq(got, str_of(want))) fail_msg("\"%s\" became \"%.*s\", not \"%s\"", text, (int)got.n, got.p, want);
    norm_scratch_free(&s);
}

static void other_normalisers(void **state) {
    (void)state;
    struct norm_step prepend = {.kind = NORM_PREPEND, .to = STR("_")};
    norm_is(&prepend, 1, "ab", true, "_ab");
    norm_is(&prepend, 1, "_ab", true, "__ab");
    norm_is(&prepend, 1, "", true, "");
    struct norm_step prefix = {.kind = NORM_PREFIX, .to = STR("_")};
    norm_is(&prefix, 1, "_ab", true, "_ab");
    norm_is(&prefix, 1, "ab", false, "_ab");
    prefix.kind = NORM_PREFIX_FIRST;
    norm_is(&prefix, 1, "ab", false, "ab");
    norm_is(&prefix, 1, "ab", true, "_ab");
    struct norm_step lower = {.kind = NORM_LOWER};
    norm_is(&lower, 1, "A\xc3\x89\xc4\xb0\xce\xa3", true, "a\xc3\xa9i\xcc\x87\xcf\x83");
    struct norm_step strip = {.kind = NORM_STRIP, .left = true, .right = true};
    norm_is(&strip, 1, "\xe3\x80\x80 a b\xc2\x85\n", true, "a b");
    norm_is(&strip, 1, " \n", true, "");
    struct norm_step accents[] = {{.kind = NORM_NFD}, {.kind = NORM_STRIP_ACCENTS}};
    norm_is(accents, 2, "\xc3\xa9t\xc3\xa9", true, "ete");
    struct norm_step chain[] = {
        {.kind = NORM_PREPEND, .to = STR(" ")},
        {.kind = NORM_REPLACE, .to = STR("--"), .match = {.kind = SPLIT_LITERAL, .literal = STR(" ")}}};
    norm_is(chain, 2, "a  b", true, "--a----b");
    struct norm_step gone = {
        .kind = NORM_REPLACE, .to = STR(""), .match = {.kind = SPLIT_LITERAL, .literal = STR("a")}};
    norm_is(&gone, 1, "aa", true, "");
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_agree_with_pcre2),
        cmocka_unit_test(scanners_equal_their_regexes),
        cmocka_unit_test(scanners_equal_their_regexes_on_all_short_texts),
        cmocka_unit_test(scanners_are_linear),
        cmocka_unit_test(behaviours),
        cmocka_unit_test(regexes_that_pcre2_would_read_otherwise_are_refused_or_translated),
        cmocka_unit_test(hostile_regexes_end_in_an_error),
        cmocka_unit_test(normal_forms_equal_utf8proc),
        cmocka_unit_test(nfc_of_every_character_equals_utf8proc),
        cmocka_unit_test(long_runs_of_marks_are_linear),
        cmocka_unit_test(other_normalisers),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
