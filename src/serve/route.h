/* route: which endpoint a path is, and who may ask it. */
#ifndef SIL_SERVE_ROUTE_H
#define SIL_SERVE_ROUTE_H

#include "serve/request.h"
#include "serve/work.h"

enum route_does {
    ROUTE_WORK,       /* a body for the workers: `work` */
    ROUTE_HEALTH,     /* alive */
    ROUTE_READY,      /* takes requests: 200, else 503 */
    ROUTE_METRICS,    /* Prometheus text */
    ROUTE_MODELS,     /* all, or the one behind the prefix */
    ROUTE_PAGE,       /* a file of the console */
    ROUTE_CHECKPOINT, /* the newest signed one that is published */
    ROUTE_RECORD_KEY, /* the public key of the record, as a verifier key */
    ROUTE_WHOAMI,     /* what the key may */
    ROUTE_ADMIN_MODELS,
    ROUTE_MODEL_LOAD, /* the one behind the prefix */
    ROUTE_MODEL_UNLOAD,
    ROUTE_STATE,     /* the last hour in numbers: of the caller's tenant, or (admin) of everything */
    ROUTE_PLAN_BASE, /* the design that plans begin with, YAML */
    ROUTE_PLAN_VARIABLES,
    ROUTE_PLAN_REPORT /* the report behind the prefix, whose name is its key */
};

struct route {
    const char *method, *path;
    const char *suffix; /* with a prefix: and this is the end, behind the name; NULL: none */
    bool prefix;        /* path is the beginning; the rest is a name */
    bool open;          /* no key asked for */
    bool admin;         /* an administrator's key only: 403 admin_only for others */
    enum route_does does;
    enum work_kind work;
    enum request_kind kind;
};

/* NULL with f set: 404 for an unknown path, 405 for a known one; *allow is then the method that would do. */
const struct route *route_find(const char *method, const char *path, const char **allow, struct fault *f);
/* Of a path that matches a prefix route: the name in it. */
struct str route_name(const struct route *r, const char *path);

#endif
