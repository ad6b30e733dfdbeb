#include "serve/route.h"

#include <string.h>

#define MIDDLE(end) .prefix = true, .suffix = (end)

static const struct route routes[] = {
    {.method = "GET", .path = "/", .open = true, .does = ROUTE_PAGE},
    {.method = "GET", .path = "/console.js", .open = true, .does = ROUTE_PAGE},
    {.method = "GET", .path = "/console.css", .open = true, .does = ROUTE_PAGE},
    {.method = "GET", .path = "/record/key", .open = true, .does = ROUTE_RECORD_KEY},
    {.method = "GET", .path = "/record/checkpoint", .open = true, .does = ROUTE_CHECKPOINT},
    {.method = "GET", .path = "/record", .work = WORK_RECORD, .kind = REQUEST_OTHER},
    {.method = "GET", .path = "/record/entries", .work = WORK_RECORD, .kind = REQUEST_OTHER},
    {.method = "GET", .path = "/record/entries/", .prefix = true, .work = WORK_RECORD, .kind = REQUEST_OTHER},
    {.method = "POST", .path = "/record/entries/", .prefix = true, .work = WORK_RECORD, .kind = REQUEST_OTHER},
    {.method = "DELETE",
     .path = "/record/entries/",
     .prefix = true,
     .admin = true,
     .work = WORK_RECORD,
     .kind = REQUEST_OTHER},
    {.method = "GET", .path = "/health", .open = true, .does = ROUTE_HEALTH},
    {.method = "GET", .path = "/ready", .open = true, .does = ROUTE_READY},
    {.method = "GET", .path = "/metrics", .admin = true, .does = ROUTE_METRICS},
    {.method = "GET", .path = "/whoami", .does = ROUTE_WHOAMI},
    {.method = "GET", .path = "/state", .does = ROUTE_STATE},
    {.method = "GET", .path = "/admin/state", .admin = true, .does = ROUTE_STATE},
    {.method = "GET", .path = "/plan/base", .does = ROUTE_PLAN_BASE},
    {.method = "GET", .path = "/plan/variables", .does = ROUTE_PLAN_VARIABLES},
    {.method = "GET", .path = "/plan/report/", .prefix = true, .open = true, .does = ROUTE_PLAN_REPORT},
    {.method = "POST", .path = "/plan/run", .work = WORK_PLAN_RUN, .kind = REQUEST_OTHER},
    {.method = "POST", .path = "/plan/report", .work = WORK_PLAN_REPORT, .kind = REQUEST_OTHER},
    {.method = "GET", .path = "/v1/models", .does = ROUTE_MODELS},
    {.method = "GET", .path = "/v1/models/", .prefix = true, .does = ROUTE_MODELS},
    {.method = "GET", .path = "/usage", .work = WORK_USAGE, .kind = REQUEST_OTHER},
    {.method = "GET", .path = "/admin/usage", .admin = true, .work = WORK_USAGE, .kind = REQUEST_OTHER},
    {.method = "GET", .path = "/admin/keys", .admin = true, .work = WORK_KEYS, .kind = REQUEST_OTHER},
    {.method = "POST", .path = "/admin/keys", .admin = true, .work = WORK_KEY_ADD, .kind = REQUEST_OTHER},
    {.method = "POST",
     .path = "/admin/keys/",
     MIDDLE("/revoke"),
     .admin = true,
     .work = WORK_KEY_REVOKE,
     .kind = REQUEST_OTHER},
    {.method = "GET", .path = "/admin/models", .admin = true, .does = ROUTE_ADMIN_MODELS},
    {.method = "POST", .path = "/admin/models/", MIDDLE("/load"), .admin = true, .does = ROUTE_MODEL_LOAD},
    {.method = "POST", .path = "/admin/models/", MIDDLE("/unload"), .admin = true, .does = ROUTE_MODEL_UNLOAD},
    {.method = "POST", .path = "/v1/chat/completions", .work = WORK_CHAT, .kind = REQUEST_CHAT},
    {.method = "POST", .path = "/v1/completions", .work = WORK_COMPLETION, .kind = REQUEST_COMPLETION},
    {.method = "POST", .path = "/tokenize", .work = WORK_TOKENIZE, .kind = REQUEST_OTHER},
    {.method = "POST", .path = "/detokenize", .work = WORK_DETOKENIZE, .kind = REQUEST_OTHER},
    {.method = "POST", .path = "/apply-template", .work = WORK_TEMPLATE, .kind = REQUEST_OTHER},
};

static bool matches(const struct route *r, const char *path) {
    size_t n = strlen(r->path), all = strlen(path), end = r->suffix ? strlen(r->suffix) : 0;
    if (!r->prefix) return strcmp(path, r->path) == 0;
    return all > n + end && strncmp(path, r->path, n) == 0 && (!end || strcmp(path + all - end, r->suffix) == 0);
}

struct str route_name(const struct route *r, const char *path) {
    size_t n = strlen(r->path), end = r->suffix ? strlen(r->suffix) : 0;
    return (struct str){path + n, strlen(path) - n - end};
}

const struct route *route_find(const char *method, const char *path, const char **allow, struct fault *f) {
    *allow = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const struct route *r = &routes[i];
        if (!matches(r, path)) continue;
        if (strcmp(r->method, method) == 0) return r;
        /* HEAD is GET without the body, which libmicrohttpd leaves out. */
        if (strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0) return r;
        *allow = r->method;
    }
    if (*allow) fault_set(f, 405, "method_not_allowed", NULL, "%s takes %s, not %.16s", path, *allow, method);
    else fault_set(f, 404, "unknown_url", NULL, "there is no %.100s here; see /v1/models, /v1/chat/completions", path);
    return NULL;
}
