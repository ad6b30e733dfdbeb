/* fuzz_epw: any bytes as a weather file, EPW or TMY3, packed or not. What is read keeps the promises of weather.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "plan/climate.h"
#include "plan/weather.h"

/* A made year of 8,760 short lines has some 600 kB; more only slows the search. */
enum { UNPACKED_MAX = 1 << 20 };

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

static struct weather year;

static void check(void) {
    struct weather_summary s;
    for (int i = 0; i < WEATHER_HOURS; i++) {
        const struct weather_hour *h = &year.hour[i];
        PROMISE(h->dry_bulb_c >= -70 && h->dry_bulb_c <= 70 && h->ratio >= 0 && h->ratio < 12);
        PROMISE(h->pressure_pa >= 31000 && h->pressure_pa <= 120000 && h->wind_m_s >= 0 && h->wind_m_s <= 100);
        /* The clock may gather two rows in an hour, and crowd a row into the minutes of its hour that have sun. */
        PROMISE(h->ghi_w_m2 >= 0 && h->dni_w_m2 >= 0 && h->dhi_w_m2 >= 0 && h->ghi_w_m2 <= 12 * 3000);
    }
    PROMISE(fabs(year.latitude_deg) <= 90 && fabs(year.longitude_deg) <= 180);
    weather_summarise(&year, &s);
    PROMISE(s.wet_max_c <= s.max_c && isfinite(s.wet_mean_c) && s.rh >= 0 && s.rh <= 1.0 + 1e-9);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct str bytes = {(const char *)p, n};
    struct buf b;
    struct sil_error e = {0};
    sil_err err = SIL_OK;
    buf_init(&b, mem_libc(), UNPACKED_MAX);
    if (n >= 4 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd) {
        err = weather_unzstd(bytes, "fuzz.zst", &b, &e);
        PROMISE(err == SIL_OK || (err == e.code && e.text[0]));
        bytes = buf_view(&b);
    }
    for (int epw = 0; epw < 2 && err == SIL_OK; epw++) {
        sil_err got = epw ? weather_epw(bytes, "fuzz.epw", &year, &e) : weather_tmy3(bytes, "fuzz.csv", &year, &e);
        PROMISE(got == SIL_OK || (got == e.code && e.text[0]));
        if (got == SIL_OK) check();
    }
    buf_free(&b);
    return 0;
}
