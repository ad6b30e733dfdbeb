/* Request traces: statistics by hand, the published traces, and files that are not traces. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plan/trace.h"
#include "support.h"

#define NEAR(got, want, tolerance) assert_true(fabs((got) - (want)) <= (tolerance))
#define HEADER                     "TIMESTAMP,ContextTokens,GeneratedTokens\n"

static const char four[] = HEADER "2023-12-31 23:59:58.0000000,100,10\n"
                                  "2023-12-31 23:59:59.5000000,200,20\r\n"
                                  "2024-01-01 00:00:00,300,30\n"
                                  "2024-01-01 00:01:58.0,400,0";

static void by_hand(void **state) {
    (void)state;
    struct trace_stats s;
    struct sil_error e;
    assert_int_equal(trace_read(str_of(four), mem_libc(), &s, &e), SIL_OK);
    assert_int_equal(s.n, 4);
    NEAR(s.span_s, 120, 1e-6); /* over midnight and New Year */
    NEAR(s.rate, 3.0 / 120, 1e-9);
    NEAR(s.input.mean, 250, 1e-9);
    NEAR(s.input.cv2, 12500.0 / 62500, 1e-12);
    NEAR(s.output.mean, 15, 1e-9);
    NEAR(s.input.p50, 200, 0);
    NEAR(s.input.p90, 400, 0);
    NEAR(s.output.p50, 10, 0);
    /* Gaps 1.5, 0.5, 118: mean 40. */
    NEAR(s.gap_cv2, ((38.5 * 38.5 + 39.5 * 39.5 + 78.0 * 78.0) / 3) / 1600, 1e-6);
    NEAR(s.minute_peak, 3 / (4.0 / 3), 1e-9); /* three in the first of three minutes */
    /* Seconds 0, 1, 2 and 120 of 121 hold one each. */
    NEAR(s.dispersion, 1 - 4.0 / 121, 1e-9);
}

/* Twos in every other second: variance 1, mean 1; a quiet block in between changes nothing but the mean. */
static void dispersion(void **state) {
    (void)state;
    struct buf b;
    struct trace_stats s;
    buf_init(&b, mem_libc(), 1 << 20);
    assert_int_equal(buf_str(&b, STR(HEADER)), SIL_OK);
    for (int i = 0; i <= 900; i += 2) {
        if (i >= 300 && i < 600) continue;
        for (int k = 0; k < 2; k++)
            assert_int_equal(buf_printf(&b, "2024-01-01 00:%02d:%02d,1,1\n", i / 60, i % 60), SIL_OK);
    }
    assert_int_equal(trace_read(buf_view(&b), mem_libc(), &s, NULL), SIL_OK);
    NEAR(s.dispersion, 1, 1e-9);
    buf_free(&b);
}

static void leap_day(void **state) {
    (void)state;
    struct trace_stats s;
    const char *text = HEADER "2024-02-28 00:00:00,1,1\n2024-03-01 00:00:00,1,1\n";
    assert_int_equal(trace_read(str_of(text), mem_libc(), &s, NULL), SIL_OK);
    NEAR(s.span_s, 2 * 86400, 0);
    text = HEADER "2100-02-28 00:00:00,1,1\n2100-03-01 00:00:00,1,1\n";
    assert_int_equal(trace_read(str_of(text), mem_libc(), &s, NULL), SIL_OK);
    NEAR(s.span_s, 86400, 0);
}

static void bad(const char *text, sil_err code, const char *words) {
    struct trace_stats s;
    struct sil_error e = {0};
    assert_int_equal(trace_read(str_of(text), mem_libc(), &s, &e), code);
    if (!strstr(e.text, words)) fail_msg("\"%s\" is not in \"%s\"", words, e.text);
}

static void not_traces(void **state) {
    (void)state;
    bad("", SIL_FORMAT, "line 1: expected TIMESTAMP");
    bad("TIMESTAMP,ContextTokens\n", SIL_FORMAT, "line 1");
    bad(HEADER, SIL_FORMAT, "two requests");
    bad(HEADER "2023-11-16 18:15:46,1,1\n", SIL_FORMAT, "two requests");
    bad(HEADER "2023-11-16 18:15:46,1,1\n2023-11-16 18:15:45,1,1\n", SIL_FORMAT, "line 3: time goes back");
    bad(HEADER "2023-11-16 18:15:46,1\n", SIL_FORMAT, "line 2: expected YYYY-MM-DD");
    bad(HEADER "2023-11-16 18:15:46,1,1,1\n", SIL_FORMAT, "line 2");
    bad(HEADER "2023-13-16 18:15:46,1,1\n", SIL_FORMAT, "line 2");
    bad(HEADER "2023-11-16 25:15:46,1,1\n", SIL_FORMAT, "line 2");
    bad(HEADER "2023-11-16 18:15:46.,1,1\n", SIL_FORMAT, "line 2");
    bad(HEADER "2023-11-16 18:15:46,-1,1\n", SIL_FORMAT, "line 2");
    bad(HEADER "2023-11-16 18:15:46,131072,1\n", SIL_LIMIT, "more than 131071 tokens");
    bad(HEADER "2023-11-16 18:15:46,99999999999999999999,1\n", SIL_FORMAT, "line 2");
    bad(HEADER "\n", SIL_FORMAT, "line 2");
}

/* Whatever is cut off, it is read or refused, never read past. */
static void cut_anywhere(void **state) {
    (void)state;
    char copy[sizeof four];
    for (size_t n = 0; n < sizeof four; n++) {
        struct trace_stats s;
        memcpy(copy, four, n);
        sil_err err = trace_read((struct str){copy, n}, mem_libc(), &s, NULL);
        assert_true(err == SIL_OK || err == SIL_FORMAT);
    }
}

static sil_err read_once(void *ctx, struct mem mem) {
    struct trace_stats s;
    (void)ctx;
    return trace_read(str_of(four), mem, &s, NULL);
}

static void no_memory(void **state) {
    (void)state;
    assert_int_equal(test_each_allocation(read_once, NULL), 1);
}

static void azure(void **state) {
    (void)state;
    static const struct {
        const char *file;
        uint64_t n;
        double input, output;
    } published[] = {{"data/traces/azure/AzureLLMInferenceTrace_conv.csv", 19366, 1155, 211},
                     {"data/traces/azure/AzureLLMInferenceTrace_code.csv", 8819, 2048, 28}};
    for (int i = 0; i < 2; i++) {
        const char *path = test_shared(published[i].file);
        if (!test_exists(path)) TEST_SKIP("no %s", path);
        struct buf b;
        struct trace_stats s;
        buf_init(&b, mem_libc(), 16 << 20);
        test_read_file(path, &b);
        assert_int_equal(trace_read(buf_view(&b), mem_libc(), &s, NULL), SIL_OK);
        assert_int_equal(s.n, published[i].n);
        NEAR(s.input.mean, published[i].input, .5);
        NEAR(s.output.mean, published[i].output, .5);
        assert_true(s.gap_cv2 > 1 && s.minute_peak > 1 && s.dispersion > 1);
        print_message("# dispersion %.2f\n", s.dispersion);
        buf_free(&b);
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),    cmocka_unit_test(leap_day),     cmocka_unit_test(dispersion),
        cmocka_unit_test(not_traces), cmocka_unit_test(cut_anywhere), cmocka_unit_test(no_memory),
        cmocka_unit_test(azure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
