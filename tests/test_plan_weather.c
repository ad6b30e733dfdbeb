/* Weather files: what is read, and that every kind of bad file is refused with its line and what is allowed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "plan/psychro.h"
#include "plan/weather.h"
#include "plan/weather_text.h"
#include "support.h"
#include "weather_cases.h"

static struct weather year;
static struct buf text;

static sil_err read_case(const struct weather_case *c, bool epw, struct sil_error *e) {
    buf_clear(&text);
    memset(&year, 0, sizeof year);
    if (epw) weather_case_epw(&text, c);
    else weather_case_tmy3(&text, c);
    return epw ? weather_epw(buf_view(&text), "made.epw", &year, e)
               : weather_tmy3(buf_view(&text), "made.csv", &year, e);
}

static void check_year(enum weather_class class) {
    assert_int_equal(year.class, class);
    assert_true(fabs(year.latitude_deg - 34.817) < 1e-9 && fabs(year.longitude_deg - 126.381) < 3e-4);
    assert_true(year.zone_h == 9.0 && year.height_m == 38.0);
    const struct weather_hour *h = &year.hour[59 * 24 + 11]; /* 1 March, hour 12 */
    assert_true(h->dry_bulb_c == 7.5 && h->pressure_pa == 101000 && h->wind_m_s == 3.5 && h->ghi_w_m2 == 400 &&
                h->dni_w_m2 == 300 && h->dhi_w_m2 == 200);
    assert_true(fabs(psychro_rh(7.5, h->ratio, 101000) - 0.6) < 1e-12);
    assert_true(year.hour[8759].dry_bulb_c == 16.5 && year.hour[0].dry_bulb_c == 5.5 && year.hour[0].ghi_w_m2 == 0);
}

static void good_years(void **state) {
    (void)state;
    static const struct weather_case good[] = {{0}, {.leap = true}, {.crlf = true}, {.leap = true, .crlf = true}};
    struct sil_error e = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (read_case(&good[i], true, &e) != SIL_OK) fail_msg("%s", e.text);
        check_year(WEATHER_EPW);
        assert_string_equal(year.place, "Mokpo, KOR");
        assert_string_equal(year.origin, "EPW, Made 0");
        if (read_case(&good[i], false, &e) != SIL_OK) fail_msg("%s", e.text);
        check_year(WEATHER_TMY3);
        assert_string_equal(year.place, "MOKPO MADE, JN");
    }
    /* Where the relative humidity is missing, the dew point tells it. */
    if (read_case(&(struct weather_case){.at = 100, .field = 8, .value = "999"}, true, &e) != SIL_OK)
        fail_msg("%s", e.text);
    assert_true(fabs(psychro_dew_point(year.hour[99].ratio, 101000) - 1.0) < 1e-5);
}

struct refusal {
    struct weather_case c;
    sil_err err;
    const char *says[3];
};

/* EPW rows begin at line 9, so that hour n is line n + 8. */
static const struct refusal epw_refusals[] = {
    {{.rows = 8759}, SIL_FORMAT, {"made.epw:8767", "8759 hours", "8,760"}},
    {{.rows = 1}, SIL_FORMAT, {"1 hours", "8,760"}},
    {{.rows = 8761}, SIL_FORMAT, {"made.epw:8769", "more than 8,760"}},
    {{.skip = 500}, SIL_FORMAT, {"made.epw:508", "day 21, hour 21 where", "day 21, hour 20 was expected"}},
    {{.at = 24, .field = 6, .value = "99.9"}, SIL_FORMAT, {"made.epw:32", "dry bulb", "missing"}},
    {{.at = 24, .field = 6, .value = "75"}, SIL_FORMAT, {"made.epw:32", "impossible", "-70 to 70 degC"}},
    {{.at = 24, .field = 6, .value = "warm"}, SIL_FORMAT, {"made.epw:32", "'warm' is not a number"}},
    {{.at = 24, .field = 6, .value = ""}, SIL_FORMAT, {"made.epw:32", "not a number"}},
    {{.at = 24, .field = 6, .value = "1e999"}, SIL_FORMAT, {"made.epw:32", "not a number"}},
    {{.at = 24, .field = 6, .value = "nan"}, SIL_FORMAT, {"made.epw:32", "not a number"}},
    {{.at = 8760, .field = 9, .value = "999999"}, SIL_FORMAT, {"made.epw:8768", "pressure", "missing"}},
    {{.at = 2, .field = 9, .value = "1013"}, SIL_FORMAT, {"made.epw:10", "31000 to 120000 Pa"}},
    {{.at = 2, .field = 8, .value = "130"}, SIL_FORMAT, {"relative humidity", "0 to 110 %"}},
    {{.at = 2, .field = 13, .value = "9999"}, SIL_FORMAT, {"global horizontal", "missing"}},
    {{.at = 2, .field = 14, .value = "-1"}, SIL_FORMAT, {"direct normal", "impossible"}},
    {{.at = 2, .field = 15, .value = "9999"}, SIL_FORMAT, {"diffuse", "missing"}},
    {{.at = 2, .field = 21, .value = "999"}, SIL_FORMAT, {"wind speed", "missing"}},
    {{.at = 2, .field = 1, .value = "13"}, SIL_FORMAT, {"month", "1 to 12"}},
    {{.at = 2, .field = 3, .value = "25"}, SIL_FORMAT, {"hour", "1 to 24"}},
    {{.at = 2, .field = 3, .value = "1"}, SIL_FORMAT, {"made.epw:10", "twice"}},
    {{.at = 2, .field = 5, .value = "?\n"}, SIL_FORMAT, {"made.epw:10", "6 fields", "22"}},
    {{.header = "LOCATION,Mokpo\n"}, SIL_FORMAT, {"made.epw:1", "LOCATION"}},
    {{.header = "year,month\n"}, SIL_FORMAT, {"made.epw:1", "not an EPW file"}},
    {{.header = "LOCATION,a,b,c,d,e,north,126,9,38\n"}, SIL_FORMAT, {"latitude", "'north'"}},
    {{.header = "LOCATION,a,b,c,d,e,94,126,9,38\n"}, SIL_FORMAT, {"latitude", "-90 to 90"}},
    {{.periods = "COMMENTS 3\n"}, SIL_FORMAT, {"DATA PERIODS"}},
    {{.periods = "DATA PERIODS,1,4,Data,Sunday,1/1,12/31\n"},
     SIL_UNSUPPORTED,
     {"made.epw:8", "4 records", "one record"}},
    {{.periods = "DATA PERIODS,x\n"}, SIL_FORMAT, {"made.epw:8", "number of periods"}},
};

static const struct refusal tmy3_refusals[] = {
    {{.rows = 100}, SIL_FORMAT, {"made.csv:102", "100 hours"}},
    {{.rows = 8761}, SIL_FORMAT, {"more than 8,760"}},
    {{.skip = 3}, SIL_FORMAT, {"made.csv:5", "hour 3 was expected"}},
    {{.at = 5, .field = 6, .value = "-9900"}, SIL_FORMAT, {"made.csv:7", "Dry-bulb", "-70 to 70"}},
    {{.at = 5, .field = 11, .value = "-9900"}, SIL_FORMAT, {"Wspd"}},
    {{.at = 5, .field = 0, .value = "1/1/1988"}, SIL_FORMAT, {"made.csv:7", "MM/DD/YYYY"}},
    {{.at = 5, .field = 1, .value = "5h:00"}, SIL_FORMAT, {"made.csv:7", "HH:MM"}},
    {{.at = 5, .field = 9, .value = "1010\n"}, SIL_FORMAT, {"made.csv:7", "10 fields", "12"}},
    {{.header = "723815\n"}, SIL_FORMAT, {"made.csv:1", "not a TMY3"}},
    {{.periods = "Date (MM/DD/YYYY),Time (HH:MM)\n"}, SIL_FORMAT, {"made.csv:2", "no column 'GHI (W/m^2)'"}},
};

static void refuse(const struct refusal *r, size_t n, bool epw) {
    for (size_t i = 0; i < n; i++) {
        struct sil_error e = {0};
        sil_err err = read_case(&r[i].c, epw, &e);
        if (err != r[i].err) fail_msg("case %zu gives %d: %s", i, (int)err, e.text);
        for (int k = 0; k < 3 && r[i].says[k]; k++) {
            if (!strstr(e.text, r[i].says[k])) fail_msg("case %zu: '%s' does not say '%s'", i, e.text, r[i].says[k]);
        }
    }
}

static void bad_years(void **state) {
    (void)state;
    refuse(epw_refusals, sizeof epw_refusals / sizeof *epw_refusals, true);
    refuse(tmy3_refusals, sizeof tmy3_refusals / sizeof *tmy3_refusals, false);
    struct sil_error e;
    assert_int_equal(weather_epw(STR(""), "empty", &year, &e), SIL_FORMAT);
    assert_int_equal(weather_tmy3(STR(""), "empty", &year, &e), SIL_FORMAT);
}

static void numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},
                {"-0.5", -0.5},
                {"+3", 3},
                {"12.", 12},
                {".25", .25},
                {"1e3", 1000},
                {"2.5E-3", 0.0025},
                {"102034", 102034},
                {"99.9", 99.9},
                {"126.8917", 126.8917},
                {"0.1234567890123456789", 0.1234567890123456789}};
    static const char *const bad[] = {"",     "-",   ".",   "e5",  "1e",    "1e+", "1,5",
                                      "0x10", "1 2", "inf", "--1", "1.2.3", "1e99"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double v;
        assert_true(weather_number(str_of(good[i].text), &v));
        assert_true(fabs(v - good[i].value) <= 4e-16 * fabs(v));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double v;
        if (weather_number(str_of(bad[i]), &v)) fail_msg("'%s' was read as %g", bad[i], v);
    }
}

static void packed(void **state) {
    (void)state;
    struct sil_error e = {0};
    struct buf b;
    buf_clear(&text);
    weather_case_epw(&text, &(struct weather_case){0});
    size_t cap = ZSTD_compressBound(text.n);
    char *z = malloc(cap);
    size_t n = ZSTD_compress(z, cap, text.p, text.n, 3);
    assert_false(ZSTD_isError(n));
    buf_init(&b, mem_libc(), WEATHER_BYTES_MAX);
    if (weather_unzstd((struct str){z, n}, "x.zst", &b, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_true(str_eq(buf_view(&b), buf_view(&text)));
    buf_clear(&b);
    assert_int_equal(weather_unzstd((struct str){z, n - 1}, "x.zst", &b, &e), SIL_FORMAT);
    assert_non_null(strstr(e.text, "cut"));
    buf_clear(&b);
    z[0] ^= 1;
    assert_int_equal(weather_unzstd((struct str){z, n}, "x.zst", &b, &e), SIL_FORMAT);
    z[0] ^= 1;
    buf_free(&b);
    buf_init(&b, mem_libc(), 1 << 17);
    assert_int_equal(weather_unzstd((struct str){z, n}, "x.zst", &b, &e), SIL_LIMIT);
    buf_free(&b);
    free(z);
}

static char made_path[512];

static sil_err load_step(void *ctx, struct mem mem) {
    struct weather *w;
    sil_err err = weather_load(ctx, mem, &w, NULL);
    if (err == SIL_OK) mem_free(mem, w);
    return err;
}

static void files(void **state) {
    (void)state;
    struct weather_config c = {.source = WEATHER_FROM_EPW};
    struct weather *w;
    struct sil_error e = {0};
    assert_int_equal(weather_load(&c, mem_libc(), &w, &e), SIL_ARG);
    snprintf(c.file, sizeof c.file, "no/such/file.epw");
    assert_int_equal(weather_load(&c, mem_libc(), &w, &e), SIL_IO);
    assert_non_null(strstr(e.text, "no/such/file.epw"));
    const char *folder = test_folder();
    snprintf(made_path, sizeof made_path, "%s/made.epw", folder);
    if (strlen(made_path) >= sizeof c.file) TEST_SKIP("the temporary folder's path is too long");
    snprintf(c.file, sizeof c.file, "%s", made_path);
    buf_clear(&text);
    weather_case_epw(&text, &(struct weather_case){0});
    FILE *f = fopen(made_path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    fclose(f);
    assert_int_equal(test_each_allocation(load_step, &c), 1);
    c.source = WEATHER_FROM_TMY3; /* the wrong kind */
    assert_int_equal(weather_load(&c, mem_libc(), &w, &e), SIL_FORMAT);
    c.source = WEATHER_FROM_NORMALS;
    plan_defaults(&weather_group, &c);
    assert_int_equal(test_each_allocation(load_step, &c), 1);
    unlink(made_path);
    rmdir(folder);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    buf_init(&text, mem_libc(), 1 << 24);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_years), cmocka_unit_test(bad_years), cmocka_unit_test(numbers),
        cmocka_unit_test(packed),     cmocka_unit_test(files),
    };
    int bad = cmocka_run_group_tests_name("plan_weather", tests, NULL, NULL);
    buf_free(&text);
    return bad;
}
