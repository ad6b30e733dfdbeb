/* weather_text: lines, fields and numbers of weather files, shared by the EPW and TMY3 readers. */
#ifndef SIL_PLAN_WEATHER_TEXT_H
#define SIL_PLAN_WEATHER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "plan/weather.h"

struct weather_text {
    struct str rest;
    const char *name; /* of the file, for messages */
    uint32_t line;    /* of the one that weather_line gave last */
};

/* The next line without its end (LF or CR LF); false at the end of the text. */
bool weather_line(struct weather_text *t, struct str *line);

/* Splits a line at commas; blanks around fields are taken off. Returns how many there are, at most max (the rest of the
 * line is left alone). */
size_t weather_fields(struct str line, struct str *out, size_t max);

/* A plain decimal number (sign, digits, fraction, exponent) that is the whole field; whatever the locale. */
bool weather_number(struct str field, double *out);

/* A number within [lo, hi]; at or above `missing` (NAN: no such value) it is a gap. `what` and `unit` are for messages.
 */
struct weather_range {
    const char *what, *unit;
    double lo, hi, missing;
};
sil_err weather_value(const struct weather_text *t, struct str field, const struct weather_range *r, double *out,
                      struct sil_error *e);

/* The order of hours: month 1..12, day, hour 1..24 of row number i of 8,760. */
void weather_moment(uint32_t i, int *month, int *day, int *hour);

/* Takes the place of row *i for a record of that moment: SIL_OK with *skip set for 29 February; an error names what was
 * expected (hours missing or twice, a year that is too long). */
sil_err weather_place(const struct weather_text *t, uint32_t i, int month, int day, int hour, bool *skip,
                      struct sil_error *e);
/* After the last row: SIL_FORMAT unless there were 8,760. */
sil_err weather_complete(const struct weather_text *t, uint32_t rows, struct sil_error *e);

/* Copies a field into out[WEATHER_TEXT]: printable UTF-8 only, cut to fit. Returns the bytes written. */
size_t weather_copy(char out[WEATHER_TEXT], size_t at, struct str field);

#endif
