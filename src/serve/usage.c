#include "serve/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "serve/gate_rate.h"
#include "serve/jout.h"

enum { DAY_S = 86400 };
static const int64_t DAYS_MAX = 100000000; /* either way: years of six digits */

/* ---- rows ---- */

bool usage_by_parse(struct str text, unsigned *by) {
    static const struct {
        const char *name;
        unsigned flags;
    } names[] = {{"day", USAGE_BY_DAY},
                 {"tenant", USAGE_BY_TENANT},
                 {"model", USAGE_BY_MODEL},
                 {"key", USAGE_BY_KEY | USAGE_BY_TENANT}};
    *by = 0;
    for (size_t at = 0; at <= text.n;) {
        const char *comma = at < text.n ? memchr(text.p + at, ',', text.n - at) : NULL;
        size_t end = comma ? (size_t)(comma - text.p) : text.n;
        unsigned found = 0;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (str_eq((struct str){text.p + at, end - at}, str_of(names[i].name))) found = names[i].flags;
        if (!found) return false;
        *by |= found;
        at = end + 1;
    }
    return *by != 0;
}

static void csv_text(struct jout *o, const char *s) {
    jout_raw(o, "\"");
    for (; *s && o->err == SIL_OK; s++) o->err = buf_put(o->b, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
    jout_raw(o, "\",");
}

sil_err usage_csv(struct buf *out, unsigned by, const struct gate_usage *u) {
    struct jout o = {.b = out};
    char day[USAGE_DATE];
    if (!u) {
        jout_fmt(&o, "%s%s%s%srequests,prompt_tokens,cached_tokens,answer_tokens,energy_j\n",
                 by & USAGE_BY_DAY ? "day," : "", by & USAGE_BY_TENANT ? "tenant," : "",
                 by & USAGE_BY_KEY ? "key," : "", by & USAGE_BY_MODEL ? "model," : "");
        return o.err;
    }
    usage_date(u->day, day);
    if (by & USAGE_BY_DAY) jout_fmt(&o, "%s,", day);
    if (by & USAGE_BY_TENANT) csv_text(&o, u->tenant_name);
    if (by & USAGE_BY_KEY) csv_text(&o, u->key_name);
    if (by & USAGE_BY_MODEL) csv_text(&o, u->model);
    jout_fmt(&o, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.3f\n", u->requests, u->prompt_tokens,
             u->cached_tokens, u->answer_tokens, u->energy_j);
    return o.err;
}

static void json_text(struct jout *o, const char *key, const char *text) {
    jout_fmt(o, "\"%s\":", key);
    jout_text(o, str_of(text));
    jout_raw(o, ",");
}

sil_err usage_json(struct buf *out, unsigned by, bool ids, const struct gate_usage *u) {
    struct jout o = {.b = out};
    char day[USAGE_DATE];
    usage_date(u->day, day);
    jout_raw(&o, "{");
    if (by & USAGE_BY_DAY) json_text(&o, "day", day);
    if (by & USAGE_BY_TENANT) json_text(&o, "tenant", u->tenant_name);
    if (by & USAGE_BY_KEY) json_text(&o, "key", u->key_name);
    if (by & USAGE_BY_MODEL) json_text(&o, "model", u->model);
    if (ids && by & USAGE_BY_TENANT) jout_fmt(&o, "\"tenant_id\":%" PRIu64 ",", u->tenant);
    if (ids && by & USAGE_BY_KEY) jout_fmt(&o, "\"key_id\":%" PRIu64 ",", u->key);
    jout_fmt(&o, "\"requests\":%" PRIu64 ",\"prompt_tokens\":%" PRIu64 ",\"cached_tokens\":%" PRIu64, u->requests,
             u->prompt_tokens, u->cached_tokens);
    jout_fmt(&o, ",\"answer_tokens\":%" PRIu64 ",\"energy_j\":%.3f}", u->answer_tokens, u->energy_j);
    return o.err;
}

/* ---- days ---- */

static void format(int64_t unix_s, const char *form, char out[USAGE_DATE]) {
    time_t t = (time_t)unix_s;
    struct tm tm = {0};
    if (!gmtime_r(&t, &tm) || strftime(out, USAGE_DATE, form, &tm) == 0) snprintf(out, USAGE_DATE, "?");
}

void usage_date(int64_t day, char out[USAGE_DATE]) {
    format(day > -DAYS_MAX && day < DAYS_MAX ? day * DAY_S : 0, "%Y-%m-%d", out);
}

void usage_time(int64_t unix_s, char out[USAGE_DATE]) {
    format(unix_s, "%Y-%m-%dT%H:%M:%SZ", out);
}

bool usage_parse_date(const char *text, int64_t *day) {
    struct tm tm = {0};
    char again[USAGE_DATE];
    int part[3] = {0};
    static const char form[] = "dddd-dd-dd";
    if (strlen(text) != sizeof form - 1) return false;
    for (int i = 0, k = 0; form[i]; i++) {
        if (form[i] == '-') {
            if (text[i] != '-') return false;
            k++;
        } else {
            if (text[i] < '0' || text[i] > '9') return false;
            part[k] = part[k] * 10 + (text[i] - '0');
        }
    }
    tm.tm_year = part[0] - 1900;
    tm.tm_mon = part[1] - 1;
    tm.tm_mday = part[2];
    *day = gate_day_of((int64_t)timegm(&tm));
    usage_date(*day, again);
    return strcmp(again, text) == 0; /* no 31st of February */
}
