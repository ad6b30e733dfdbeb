/* sched_model: an engine without a model, for tests of the scheduler: sessions, KV pages with shared prefixes by
 * tenant, and steps that cost time and joules. Tokens are not stored; what a page holds is told by a number, the same
 * for the same beginning of the same prompt. The rules of pages are those of src/engine/prefix.h. */
#ifndef SIL_TESTS_SCHED_MODEL_H
#define SIL_TESTS_SCHED_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/sched.h"

enum { SM_PAGES = 1024, SM_SESSION_PAGES = 1024, SM_NONE = INT32_MAX };

/* What a sequence says: the first `shared` tokens are those of every sequence of the group, the rest is its own. */
struct sm_text {
    uint64_t group, own;
    uint32_t shared;
};

struct sm_page {
    uint32_t refs;  /* sessions that hold it */
    bool in_tree;   /* can be found */
    uint32_t space; /* of the tenant whose session wrote it */
    uint64_t says, used;
};

struct sm_engine {
    uint32_t n_pages, page_tokens;
    uint64_t ticks;
    struct sm_page pages[SM_PAGES];
};

struct sm_session {
    bool open;
    uint32_t space, n, n_pages, n_tree; /* tokens; pages; of these in the tree */
    struct sm_text text;
    uint32_t pages[SM_SESSION_PAGES];
};

void sm_open(struct sm_engine *e, uint32_t n_pages, uint32_t page_tokens);
/* Pages that a step can take: free ones, and those that only the tree holds. */
uint32_t sm_available(const struct sm_engine *e);
/* Opens the session at the longest beginning of its n tokens that the tree has, at most n - 1 tokens; returns it. */
uint32_t sm_start(struct sm_engine *e, struct sm_session *s, uint32_t space, struct sm_text text, uint32_t n);
/* Appends n tokens; false, with nothing changed, where pages are short. */
bool sm_append(struct sm_engine *e, struct sm_session *s, uint32_t n);
void sm_close(struct sm_engine *e, struct sm_session *s);
/* Whether the pages' references are those of the sessions [n], no page is held twice in one, and none of another
 * tenant's. */
bool sm_consistent(const struct sm_engine *e, const struct sm_session *const *sessions, uint32_t n);

/* What a step costs: the sum over its parts. */
double sm_cost(const struct sched_cost *c, double prefill, double decode, double attend);

#endif
