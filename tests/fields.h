/* fields: what a test reads of JSON. A path is names and positions joined by dots: "data.0.name". */
#ifndef SIL_TESTS_FIELDS_H
#define SIL_TESTS_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A view; NULL when there is no such field. */
const json_t *field_at(const json_t *j, const char *path);
/* These fail the test when the field is missing or of another type. */
int64_t field_int(const json_t *j, const char *path);
double field_real(const json_t *j, const char *path);
bool field_true(const json_t *j, const char *path);
const char *field_text(const json_t *j, const char *path);
/* Whether it is this text. */
bool field_is(const json_t *j, const char *path, const char *text);

#endif
