/* Numbers, money and dates as text; escaping; ticks; pictures in PNG. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "base/sha.h"
#include "plan/chart.h"
#include "plan/fmt.h"
#include "plan/plot.h"
#include "plan/png.h"
#include "plan/svg.h"
#include "support.h"

static void fixed_is(double x, int decimals, const char *want) {
    char got[FMT_MAX];
    fmt_fixed(got, x, decimals);
    assert_string_equal(got, want);
}

static void test_fixed(void **state) {
    (void)state;
    fixed_is(0, 0, "0");
    fixed_is(-0.0, 2, "0.00");
    fixed_is(-0.004, 2, "0.00");
    fixed_is(1234.5, 0, "1,235");
    fixed_is(-1234567.891, 2, "−1,234,567.89");
    fixed_is(999.999, 2, "1,000.00");
    fixed_is(1e15, 0, "1,000,000,000,000,000");
    fixed_is(2.5e18, 2, "2.50e18");
    fixed_is(NAN, 2, "–");
    fixed_is(-INFINITY, 2, "−∞");
    fixed_is(123456789.0 * 1e6, 6, "123,456,789,000,000.000");
}

static void test_signif_and_plain(void **state) {
    (void)state;
    static const struct {
        double x;
        int digits;
        const char *want;
    } rows[] = {{0.0123456, 3, "0.0123"},
                {9.996, 3, "10.0"},
                {123456.7, 3, "123,457"},
                {1.10432, 4, "1.104"},
                {99.97, 3, "100"},
                {1.9733e-5, 3, "1.97e−5"},
                {0, 3, "0"}};
    char got[FMT_MAX];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fmt_signif(got, rows[i].x, rows[i].digits);
        assert_string_equal(got, rows[i].want);
    }
    fmt_plain(got, 0.05);
    assert_string_equal(got, "0.05");
    fmt_plain(got, 8190);
    assert_string_equal(got, "8,190");
    fmt_plain(got, 1.0 / 3);
    assert_string_equal(got, "0.333333333");
}

static void krw_is(double won, const char *ko, const char *en) {
    char got[FMT_MAX];
    fmt_krw(got, won, PLAN_KO);
    assert_string_equal(got, ko);
    fmt_krw(got, won, PLAN_EN);
    assert_string_equal(got, en);
}

static void test_krw(void **state) {
    (void)state;
    krw_is(0, "0원", "KRW 0");
    krw_is(0.834, "0.83원", "KRW 0.83");
    krw_is(412.7, "412.7원", "KRW 412.7");
    krw_is(52106522, "5,211만 원", "KRW 52.1 m");
    krw_is(3.21e8, "3.2억 원", "KRW 321.0 m");
    krw_is(67e9, "670억 원", "KRW 67.0 bn");
    krw_is(1.2345e12, "1조 2,345억 원", "KRW 1.23 tn");
    krw_is(-3.2e11, "−3,200억 원", "−KRW 320.0 bn");
    krw_is(1e13, "10조 원", "KRW 10.00 tn");
    krw_is(-1.00004e12, "−1조 원", "−KRW 1.00 tn");
    krw_is(NAN, "–", "–");
}

static void value_is(double x, const char *unit, int digits, const char *ko, const char *en) {
    char got[FMT_MAX];
    fmt_value(got, x, unit, digits, PLAN_KO);
    assert_string_equal(got, ko);
    fmt_value(got, x, unit, digits, PLAN_EN);
    assert_string_equal(got, en);
}

static void test_values(void **state) {
    (void)state;
    value_is(238.72e6, "W", 4, "238.7 MW", "238.7 MW");
    value_is(3.6e12, "J", 3, "1 GWh", "1 GWh");
    value_is(1615, "GWh", 4, "1.615 TWh", "1.615 TWh");
    value_is(513000, "tCO2", 3, "513 kt CO₂", "513 kt CO₂");
    value_is(99.998, "%", 4, "> 99.99 %", "> 99.99 %");
    value_is(139886, "GPUs", 4, "139,886", "139,886");
    value_is(45973, "tn tokens", 4, "45,973조", "45,973 tn");
    value_is(240.1, "M GPU-h", 4, "2.40억 GPU·시간", "240 m GPU-h");
    value_is(99.42, "%", 4, "99.42 %", "99.42 %");
    value_is(0.32, "L/kWh", 4, "0.32 L/kWh", "0.32 L/kWh");
    value_is(3.214e13, "tokens", 3, "32.1조", "32.1 tn");
    value_is(98304, "GPU", 3, "98,304", "98,304");
    value_is(7.25, "year", 4, "7.25년", "7.25 years");
    value_is(10412.5, "KRW bn", 4, "10조 4,125억 원", "KRW 10.41 tn");
    value_is(142.7, "KRW/kWh", 4, "142.7원/kWh", "142.7 KRW/kWh");
    value_is(0.6169, "s", 4, "616.9 ms", "616.9 ms");
    value_is(1.97e-5, "1/GPU-hour", 7, "1.97e−5 1/GPU-hour", "1.97e−5 1/GPU-hour");
    value_is(0, "W", 3, "0 W", "0 W");
    value_is(NAN, "%", 3, "–", "–");
}

static void test_dates_and_columns(void **state) {
    (void)state;
    char got[FMT_MAX];
    fmt_date(got, 2030, 3, 1, PLAN_KO);
    assert_string_equal(got, "2030년 3월 1일");
    fmt_date(got, 2030, 3, 0, PLAN_EN);
    assert_string_equal(got, "March 2030");
    assert_int_equal(fmt_columns("계약전력"), 8);
    assert_int_equal(fmt_columns("PUE 1.1"), 7);
    assert_int_equal(fmt_columns("−1 °C"), 5);
    assert_int_equal(fmt_columns("e\xcc\x81"), 1);
    assert_int_equal(fmt_columns("\xff"), 1);
}

static void test_escape(void **state) {
    (void)state;
    struct buf b;
    struct svg s;
    buf_init(&b, mem_libc(), 1 << 16);
    svg_init(&s, &b);
    svg_esc(&s, "<a href=\"x\">'&' 한\xff\x01\xe2\x80\xae\xc0\xbc</a>");
    assert_int_equal(s.err, SIL_OK);
    assert_string_equal(b.p, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39; 한"
                             "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd&lt;/a&gt;");
    buf_clear(&b);
    svg_text(&s, "tk", 1, 2.345, SVG_END, "</text><script>");
    assert_string_equal(b.p, "<text class=\"tk ae\" x=\"1\" y=\"2.35\">&lt;/text&gt;&lt;script&gt;</text>\n");
    buf_free(&b);
}

static void test_path(void **state) {
    (void)state;
    struct buf b;
    struct svg s;
    buf_init(&b, mem_libc(), 1 << 16);
    svg_init(&s, &b);
    svg_path(&s, "x");
    svg_to(&s, 0.04, 1);
    svg_to(&s, 1.06, 1);   /* horizontal after rounding */
    svg_to(&s, 1.06, 3.5); /* vertical */
    svg_to(&s, 0, -1);
    svg_to(&s, NAN, INFINITY);
    svg_path_close(&s);
    svg_path_end(&s);
    assert_string_equal(b.p, "<path class=\"x\" d=\"M0 1h1.1v2.5l-1.1-4.5v1000001z\"/>\n");
    buf_free(&b);
}

/* A writer that is full stays failed and writes nothing more. */
static void test_limit(void **state) {
    (void)state;
    struct buf b;
    struct svg s;
    buf_init(&b, mem_libc(), 64);
    svg_init(&s, &b);
    for (int i = 0; i < 10; i++) svg_rect(&s, "c", 1, 2, 3, 4);
    assert_int_equal(s.err, SIL_LIMIT);
    size_t n = b.n;
    svg_raw(&s, "x");
    assert_int_equal(b.n, n);
    buf_free(&b);
}

static void ticks_are(double lo, double hi, int target, bool inside, double first, double last, int decimals) {
    struct plot_ticks t = plot_ticks_for(lo, hi, target, inside);
    assert_true(fabs(t.first - first) < 1e-9 * (1 + fabs(first)));
    assert_true(fabs(t.first + (t.n - 1) * t.step - last) < 1e-9 * (1 + fabs(last)));
    assert_int_equal(t.decimals, decimals);
}

static void test_ticks(void **state) {
    (void)state;
    ticks_are(0, 250, 5, false, 0, 250, 0);
    ticks_are(1.081, 1.147, 5, false, 1.08, 1.16, 2);
    ticks_are(-16.2, 236, 6, true, 0, 200, 0);
    ticks_are(3, 3, 5, false, 0, 1, 1);
    ticks_are(NAN, 1, 5, false, 0, 1, 1);
    for (int k = 0; k < 2000; k++) { /* never too many, always around the range */
        double lo = sin(k) * pow(10, k % 13 - 6), hi = lo + fabs(cos(k * 1.7)) * pow(10, k % 7 - 3) + 1e-9;
        struct plot_ticks t = plot_ticks_for(lo, hi, 2 + k % 9, false);
        assert_in_range(t.n, 2, PLOT_TICKS_MAX);
        if (hi - lo < 1e-12 * (fabs(lo) + fabs(hi))) continue;
        assert_true(t.first <= lo + 1e-8 * t.step && t.first + (t.n - 1) * t.step >= hi - 1e-8 * t.step);
    }
}

/* The digest is that of the same picture put together by another program (zlib's checksums, RFC 4648). */
static void test_png(void **state) {
    (void)state;
    struct buf b;
    uint32_t colour[256] = {0, 0x123456};
    const uint8_t index[4] = {0, 1, 2, 255};
    buf_init(&b, mem_libc(), 1 << 16);
    assert_int_equal(png_base64(&b, 0, 1, index, colour), SIL_ARG);
    assert_int_equal(png_base64(&b, 1, PNG_SIDE_MAX + 1, index, colour), SIL_ARG);
    assert_int_equal(b.n, 0);
    assert_int_equal(png_base64(&b, 2, 2, index, colour), SIL_OK);
    char digest[SHA_HEX];
    sha_hex(b.p, b.n, digest);
    assert_string_equal(digest, "0c03d63c0b5ef7d8538d9b265fbaf05de24bc4932d251d4acf4b29cc6c86ced4");
    buf_free(&b);
}

/* Whatever the values are, a chart is finite numbers and closed tags. */
static void test_charts_survive(void **state) {
    (void)state;
    static const double odd[12] = {NAN, INFINITY, -INFINITY, 0, -1, 1e300, -1e300, 1e-300, 5, NAN, 7, 8};
    struct buf b;
    struct svg s;
    buf_init(&b, mem_libc(), 1 << 20);
    svg_init(&s, &b);
    struct plan_label l = plan_label_same("x");
    for (int narrow = 0; narrow < 2; narrow++) {
        struct chart_size z = {"id", narrow ? 356 : 920, narrow};
        struct plan_label days[2] = {l, l};
        chart_balance(&s,
                      &(struct chart_balance){.n = 12,
                                              .days = 2,
                                              .up = {{l, "pv", odd}},
                                              .n_up = 1,
                                              .line = {{l, "load", odd}},
                                              .n_line = 1,
                                              .limit = NAN,
                                              .limit_name = l,
                                              .unit = l,
                                              .day = days},
                      z);
        chart_months(&s, &(struct chart_months){.layer = {{l, "pv", odd}}, .n = 1, .unit = l}, z);
        chart_duration(&s,
                       &(struct chart_duration){.n = 12,
                                                .hours = 8760,
                                                .limit = 1,
                                                .curve = {{l, "it", odd}},
                                                .n_curves = 1,
                                                .limit_name = l,
                                                .unit = l,
                                                .x_title = l},
                       z);
        chart_waterfall(&s,
                        &(struct chart_waterfall){
                            .n = 2, .row = {{l, NAN, false}, {l, 0, true}}, .unit = "KRW", .axis = l, .axis_scale = 1},
                        z);
        chart_tornado(&s,
                      &(struct chart_tornado){.n = 1,
                                              .row = {{l, {"1", "1"}, {"2", "2"}, 3, 3}},
                                              .base = 3,
                                              .unit = "KRW",
                                              .axis = l,
                                              .axis_scale = 1},
                      z);
        chart_cash(
            &s,
            &(struct chart_cash){
                .first_year = 2030, .n = 12, .party = {{l, "tech", odd}, {l, "low", odd}}, .axis = l, .axis_scale = 1},
            z);
        chart_cloud(&s, &(struct chart_cloud){.x = odd, .y = odd, .n = 12, .step_h = 1, .x_title = l, .y_title = l}, z);
        chart_sankey(
            &s,
            &(struct chart_sankey){
                .n_nodes = 2, .node = {{l, "pv", 0}, {l, "it", 1}}, .n_links = 1, .link = {{0, 1, 5}}, .unit = "GWh"},
            z);
    }
    assert_int_equal(s.err, SIL_OK);
    assert_null(strstr(b.p, "nan"));
    assert_null(strstr(b.p, "inf"));
    size_t open = 0, closed = 0;
    for (const char *p = b.p; (p = strstr(p, "<svg")); p++) open++;
    for (const char *p = b.p; (p = strstr(p, "</svg>")); p++) closed++;
    assert_int_equal(open, 16);
    assert_int_equal(closed, open);
    buf_free(&b);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_signif_and_plain),
        cmocka_unit_test(test_krw),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_dates_and_columns),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_charts_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
