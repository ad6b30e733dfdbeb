/* planner: `sillok plan` inside the server: a design in, a year's results or its report out. Runs are bounded in text,
 * memory, time (struct config_limits) and number, read no file, and end when their client goes away. Everybody with a
 * key may plan: a run sees nothing but its own design.
 *
 * Threads: planner_begin from HTTP threads, planner_do and planner_end from the workers for long work (work.c), the
 * rest from any. */
#ifndef SIL_SERVE_PLANNER_H
#define SIL_SERVE_PLANNER_H

#include "base/buf.h"
#include "plan/design.h"
#include "plan/label.h"
#include "serve/job.h"

enum {
    PLANNER_DESIGN_MAX = 64 << 10, /* bytes of a design, before and after it is changed */
    PLANNER_BODY_MAX = 4 * PLANNER_DESIGN_MAX,
    PLANNER_BRACKETS_MAX = 1024,     /* [ and { in it */
    PLANNER_SETS_MAX = 64,           /* values changed in one request */
    PLANNER_STEP_MIN = 5,            /* minutes of run.step and run.outline_step */
    PLANNER_PLACES = 4,              /* runs at once, those that wait included; each of another key */
    PLANNER_THREADS = 2,             /* runs that compute at once */
    PLANNER_MEMORY_MAX = 192 << 20,  /* bytes of one run */
    PLANNER_REPLY_MAX = 8 << 20,     /* bytes of a reply */
    PLANNER_REPORTS = 8,             /* kept, the oldest goes first */
    PLANNER_REPORT_KEPT_S = 10 * 60, /* and for so long */
    PLANNER_ID = 33                  /* of a report: 32 hexadecimal digits and a NUL */
};

enum planner_what { PLANNER_RUN, PLANNER_REPORT };

struct planner;

sil_err planner_open(struct job_env *env, struct planner **out, struct sil_error *e);
/* No new runs; those that compute end within a moment, as stopped. */
void planner_stop(struct planner *p);
/* No run may be left. NULL is allowed. */
void planner_close(struct planner *p);

/* The design that the program carries, and every variable as JSON; as long as the planner. */
struct str planner_base(void);
struct str planner_variables(const struct planner *p);

/* Takes a place for a caller's run: false with f (429: this key's own run is there; 503: too many). planner_end gives
 * it back. */
bool planner_begin(struct planner *p, const struct caller *c, struct fault *f);
void planner_end(struct planner *p, const struct caller *c);

/* Computes what a body asks for and appends the JSON reply. */
bool planner_do(struct planner *p, enum planner_what what, struct str body, const struct request *r, struct buf *out,
                struct fault *f);

/* Appends the HTML of a report that is kept; false with f (404) when there is none of that id. */
bool planner_report(struct planner *p, const char *id, struct buf *out, struct fault *f);

/* ---- planner_read.c: bodies ---- */

/* What a body asks for. */
struct planner_ask {
    struct buf text; /* the design with the changes in it: what runs */
    struct plan_design design;
    enum plan_lang lang;
    json_t *set; /* what is changed, or NULL */
};

/* {"design": YAML, the base where absent; "set": {variable: number, word or switch}; "lang": "ko" or "en"}. On failure
 * f names the variable or field. The caller frees it in either case. */
bool planner_read(struct mem mem, struct str body, struct planner_ask *a, struct fault *f);
void planner_ask_free(struct planner_ask *a);
/* The changed variable that an error's text is about, as far as it says; else "design". */
const char *planner_blame(const struct planner_ask *a, const char *text);

#endif
