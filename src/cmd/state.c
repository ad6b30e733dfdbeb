#include "cmd/state.h"

#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "serve/gate_rate.h"

enum { DAY_S = 86400 };

sil_err state_open(struct state *s, bool make, struct sil_error *e) {
    char path[4096];
    config_default(&s->read);
    if (s->config && s->folder) return err_set(e, SIL_ARG, "--state or --config, not both");
    if (s->config) SIL_TRY(config_read(s->config, &s->read, e));
    const char *folder = s->folder ? s->folder : s->read.state;
    if (!folder) return err_set(e, SIL_ARG, "%s names no state directory", s->config);
    int n = snprintf(path, sizeof path, "%s/keys.db", folder);
    if (n < 0 || (size_t)n >= sizeof path) return err_set(e, SIL_LIMIT, "the state directory's path is too long");
    if (!make && !file_exists(path))
        return err_set(e, SIL_IO, "%s is not there; say where the server's state is (--state DIR or --config FILE)",
                       path);
    return gate_db_open(folder, true, &s->db, e);
}

void state_close(struct state *s) {
    gate_db_close(s->db);
    s->db = NULL;
    config_free(&s->read);
}

static void format(int64_t unix_s, const char *form, char out[STATE_DATE]) {
    time_t t = (time_t)unix_s;
    struct tm tm = {0};
    if (!gmtime_r(&t, &tm) || strftime(out, STATE_DATE, form, &tm) == 0) snprintf(out, STATE_DATE, "?");
}

void state_date(int64_t day, char out[STATE_DATE]) {
    format(day > -100000000 && day < 100000000 ? day * DAY_S : 0, "%Y-%m-%d", out);
}

void state_time(int64_t unix_s, char out[STATE_DATE]) {
    format(unix_s, "%Y-%m-%dT%H:%M:%SZ", out);
}

bool state_parse_date(const char *text, int64_t *day) {
    struct tm tm = {0};
    char again[STATE_DATE];
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
    state_date(*day, again);
    return strcmp(again, text) == 0; /* no 31st of February */
}
