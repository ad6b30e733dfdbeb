#include "fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const json_t *field_at(const json_t *j, const char *path) {
    char name[64];
    while (j && *path) {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        path += n + (path[n] == '.');
        j = json_is_array(j) ? json_array_get(j, strtoul(name, NULL, 10)) : json_object_get(j, name);
    }
    return j;
}

static const json_t *wanted(const json_t *j, const char *path, bool right) {
    if (!right) {
        char *all = json_dumps(j, JSON_ENCODE_ANY);
        fail_msg("no such field %s in %.600s", path, all ? all : "nothing");
    }
    return field_at(j, path);
}

int64_t field_int(const json_t *j, const char *path) {
    return json_integer_value(wanted(j, path, json_is_integer(field_at(j, path))));
}

double field_real(const json_t *j, const char *path) {
    return json_number_value(wanted(j, path, json_is_number(field_at(j, path))));
}

bool field_true(const json_t *j, const char *path) {
    return json_is_true(wanted(j, path, json_is_boolean(field_at(j, path))));
}

const char *field_text(const json_t *j, const char *path) {
    return json_string_value(wanted(j, path, json_is_string(field_at(j, path))));
}

bool field_is(const json_t *j, const char *path, const char *text) {
    const char *v = json_string_value(field_at(j, path));
    return v && strcmp(v, text) == 0;
}
