/* weather_cases: weather files made for tests and for the fuzz corpus. */
#ifndef SIL_TESTS_WEATHER_CASES_H
#define SIL_TESTS_WEATHER_CASES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* A year with one thing changed. Zero: a plain good year. */
struct weather_case {
    uint32_t rows; /* so many hours; 0: 8,760 (8,784 when leap) */
    bool leap, crlf;
    uint32_t skip;       /* this hour (from 1) is left out */
    uint32_t at;         /* in this hour (from 1) ... */
    int field;           /* ... this field (from 0) ... */
    const char *value;   /* ... is this */
    const char *header;  /* instead of the first lines, without DATA PERIODS (EPW) or column names (TMY3) */
    const char *periods; /* instead of the DATA PERIODS line or the column names */
};

void weather_case_epw(struct buf *b, const struct weather_case *c);
void weather_case_tmy3(struct buf *b, const struct weather_case *c);

#endif
