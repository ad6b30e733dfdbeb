#include "serve/record_ask.h"

#include "ledger/note.h"

void record_ask_init(struct record_ask *a) {
    *a = (struct record_ask){.before = UINT64_MAX, .limit = RECORD_LIMIT, .to_ms = UINT64_MAX};
}

bool record_ask_path(struct record_ask *a, struct str rest, const char *method, struct fault *f) {
    static const struct {
        const char *name, *method;
        enum record_what what;
        const char *takes; /* all methods of this name */
    } views[] = {{"", "GET", RECORD_ENTRY, "GET"},
                 {"receipt", "GET", RECORD_RECEIPT, "GET"},
                 {"transcript", "GET", RECORD_TRANSCRIPT, "GET or DELETE"},
                 {"transcript", "DELETE", RECORD_ERASE, "GET or DELETE"},
                 {"replay", "POST", RECORD_REPLAY, "POST"}};
    const char *takes = NULL;
    const char *slash = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
    struct str number = {rest.p, slash ? (size_t)(slash - rest.p) : rest.n};
    struct str view = slash ? (struct str){slash + 1, rest.n - number.n - 1} : STR("");
    bool ok = note_number(number, &a->index) && (!slash || view.n);
    for (size_t i = 0; ok && i < sizeof views / sizeof *views; i++) {
        if (!str_eq(view, str_of(views[i].name))) continue;
        a->what = views[i].what;
        if (strcmp(views[i].method, method) == 0) return true;
        takes = views[i].takes;
    }
    if (takes) return fault_set(f, 405, "method_not_allowed", NULL, "this takes %s", takes);
    return fault_set(f, 404, "unknown_url", NULL,
                     "there is no such view of the record; see /record/entries/N, and receipt, transcript or replay "
                     "behind it");
}

static bool number(const char *name, struct str value, uint64_t low, uint64_t high, uint64_t *out, struct fault *f) {
    uint64_t n;
    if (note_number(value, &n) && n >= low && n <= high) return *out = n, true;
    return fault_set(f, 400, "invalid_value", name, "%s: expected a number from %llu to %llu", name,
                     (unsigned long long)low, (unsigned long long)high);
}

static bool text(const char *name, struct str value, char out[LEDGER_NAME], struct fault *f) {
    if (value.n >= LEDGER_NAME || (value.n && memchr(value.p, 0, value.n)))
        return fault_set(f, 400, "invalid_value", name, "%s: expected at most %d bytes of text", name, LEDGER_NAME - 1);
    if (value.n) memcpy(out, value.p, value.n);
    out[value.n] = '\0';
    return true;
}

bool record_ask_parameter(struct record_ask *a, struct str key, struct str value, struct fault *f) {
    const uint64_t most = (UINT64_C(1) << 53) - 1;
    uint64_t limit = 0;
    if (str_eq(key, STR("before"))) return number("before", value, 0, most, &a->before, f);
    if (str_eq(key, STR("from"))) return number("from", value, 0, most, &a->from_ms, f);
    if (str_eq(key, STR("to"))) return number("to", value, 0, most, &a->to_ms, f);
    if (str_eq(key, STR("model"))) return text("model", value, a->model, f);
    if (str_eq(key, STR("request"))) return text("request", value, a->request, f);
    if (str_eq(key, STR("tenant"))) return text("tenant", value, a->tenant, f);
    if (!str_eq(key, STR("limit"))) return true;
    if (!number("limit", value, 1, RECORD_LIMIT_MAX, &limit, f)) return false;
    a->limit = (uint32_t)limit;
    return true;
}
