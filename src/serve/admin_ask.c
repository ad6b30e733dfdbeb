#include "serve/admin_ask.h"

#include <stdio.h>
#include <string.h>

#include "serve/gate_rate.h"
#include "serve/usage.h"

enum { DAYS = 30, DIGITS_MAX = 18 };

void admin_ask_init(struct admin_ask *a, int64_t unix_s, bool all) {
    int64_t today = gate_day_of(unix_s);
    *a = (struct admin_ask){.by = USAGE_BY_DAY | USAGE_BY_TENANT | USAGE_BY_MODEL,
                            .from_day = today - DAYS + 1,
                            .to_day = today,
                            .all = all};
}

static bool date(const char *key, const char *value, int64_t *day, struct fault *f) {
    return usage_parse_date(value, day) ||
           fault_set(f, 400, "invalid_value", key, "%s: a day as 2026-11-22 (UTC)", key);
}

bool admin_ask_parameter(struct admin_ask *a, const char *key, const char *value, struct fault *f) {
    if (strcmp(key, "from") == 0) return date(key, value, &a->from_day, f);
    if (strcmp(key, "to") == 0) return date(key, value, &a->to_day, f);
    if (strcmp(key, "by") == 0)
        return usage_by_parse(str_of(value), &a->by) ||
               fault_set(f, 400, "invalid_value", key, "by: some of day, tenant, model, key, joined by commas");
    if (strcmp(key, "format") == 0) {
        a->csv = strcmp(value, "csv") == 0;
        return a->csv || strcmp(value, "json") == 0 || fault_set(f, 400, "invalid_value", key, "format: json or csv");
    }
    if (strcmp(key, "tenant") == 0 && a->all) {
        if (strlen(value) >= sizeof a->tenant) return fault_set(f, 400, "invalid_value", key, "tenant: no such name");
        snprintf(a->tenant, sizeof a->tenant, "%s", value);
    }
    return true;
}

bool admin_ask_key(struct admin_ask *a, const char *name, struct fault *f) {
    size_t n = strspn(name, "0123456789");
    a->key = 0;
    if (n == 0 || name[n] || n > DIGITS_MAX) return fault_set(f, 404, "no_key", NULL, "there is no such key");
    for (; *name; name++) a->key = a->key * 10 + (uint64_t)(*name - '0');
    return true;
}
