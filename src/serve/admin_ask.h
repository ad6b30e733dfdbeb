/* admin_ask: what a request asks of keys and usage, as its address says. Pure; filled by the HTTP thread. */
#ifndef SIL_SERVE_ADMIN_ASK_H
#define SIL_SERVE_ADMIN_ASK_H

#include "serve/caller.h"
#include "serve/fault.h"

struct admin_ask {
    uint64_t key;             /* POST /admin/keys/N/revoke */
    unsigned by;              /* usage: USAGE_BY_ */
    int64_t from_day, to_day; /* usage: both included */
    bool csv;                 /* usage */
    bool all;                 /* usage: of every tenant that the caller may see */
    char tenant[CALLER_NAME]; /* usage: only this one; "": any */
};

/* The last 30 days, by day, tenant and model, as JSON. all: GET /admin/usage. */
void admin_ask_init(struct admin_ask *a, int64_t unix_s, bool all);
/* One parameter of the query: from, to, by, format, tenant; unknown ones are ignored. 400 names the one that is wrong.
 */
bool admin_ask_parameter(struct admin_ask *a, const char *key, const char *value, struct fault *f);
/* The number in /admin/keys/N/revoke. 404. */
bool admin_ask_key(struct admin_ask *a, const char *name, struct fault *f);

#endif
