#include "weather_cases.h"

#include <stdio.h>
#include <stdlib.h>

static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

#define EPW_HEADER                                                                                                     \
    "LOCATION,Mokpo,JN,KOR,Made,0,34.8170,126.3812,9.0,38.0\n"                                                         \
    "DESIGN CONDITIONS,0\nTYPICAL/EXTREME PERIODS,0\nGROUND TEMPERATURES,0\nHOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0\n"      \
    "COMMENTS 1,\"made, for tests\"\nCOMMENTS 2,\n"
#define EPW_PERIODS "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31\n"
#define TMY3_HEADER "723815,\"MOKPO MADE\",JN,9.0,34.817,126.381,38\n"
#define TMY3_COLUMNS                                                                                                   \
    "Date (MM/DD/YYYY),Time (HH:MM),ETR (W/m^2),GHI (W/m^2),DNI (W/m^2),DHI (W/m^2),Dry-bulb (C),Dew-point (C),RHum "  \
    "(%),Pressure (mbar),Wdir (degrees),Wspd (m/s)\n"

enum { FIELDS_MAX = 24, FIELD_BYTES = 24 };

/* The fields of an hour, joined with commas, with the case's change. */
static void put_row(struct buf *b, const struct weather_case *c, uint32_t i, char f[][FIELD_BYTES], int n) {
    for (int k = 0; k < n; k++) {
        bool changed = c->at == i + 1 && c->field == k;
        if (buf_printf(b, "%s%s", k ? "," : "", changed ? c->value : f[k]) != SIL_OK) abort();
    }
    if (buf_str(b, c->crlf ? STR("\r\n") : STR("\n")) != SIL_OK) abort();
}

static void put_rows(struct buf *b, const struct weather_case *c, bool epw) {
    uint32_t i = 0, rows = c->rows ? c->rows : c->leap ? 8784 : 8760;
    for (int m = 0; m < 12; m++) {
        for (int d = 1; d <= month_days[m] + (c->leap && m == 1); d++) {
            for (int h = 1; h <= 24 && i < rows; h++, i++) {
                char f[FIELDS_MAX][FIELD_BYTES];
                bool day = h > 8 && h < 18;
                if (i + 1 == c->skip) continue;
                int n = 0;
#define PUT(...) snprintf(f[n++], FIELD_BYTES, __VA_ARGS__)
                if (epw) {
                    PUT("2023"), PUT("%d", m + 1), PUT("%d", d), PUT("%d", h), PUT("0"), PUT("?9"), PUT("%d.5", 5 + m);
                    PUT("1.0"), PUT("60"), PUT("101000"), PUT("0"), PUT("0"), PUT("300"), PUT(day ? "400" : "0");
                    PUT(day ? "300" : "0"), PUT(day ? "200" : "0"), PUT("0"), PUT("0"), PUT("0"), PUT("0"), PUT("90");
                    PUT("3.5");
                } else {
                    PUT("%02d/%02d/1988", m + 1, d), PUT("%02d:00", h), PUT("0"), PUT(day ? "400" : "0");
                    PUT(day ? "300" : "0"), PUT(day ? "200" : "0"), PUT("%d.5", 5 + m), PUT("1.0"), PUT("60");
                    PUT("1010"), PUT("90"), PUT("3.5");
                }
#undef PUT
                put_row(b, c, i, f, n);
            }
        }
    }
    /* A year that is too long begins again. */
    if (rows > i && buf_str(b, epw ? STR("2023,1,1,1,0,?9,5.5,1.0,60,101000,0,0,0,0,0,0,0,0,0,0,0,3\n")
                                   : STR("01/01/1988,01:00,0,0,0,0,5,1,60,1010,90,3\n")) != SIL_OK) {
        abort();
    }
}

void weather_case_epw(struct buf *b, const struct weather_case *c) {
    if (buf_printf(b, "%s%s", c->header ? c->header : EPW_HEADER, c->periods ? c->periods : EPW_PERIODS) != SIL_OK)
        abort();
    put_rows(b, c, true);
}

void weather_case_tmy3(struct buf *b, const struct weather_case *c) {
    if (buf_printf(b, "%s%s", c->header ? c->header : TMY3_HEADER, c->periods ? c->periods : TMY3_COLUMNS) != SIL_OK) {
        abort();
    }
    put_rows(b, c, false);
}
