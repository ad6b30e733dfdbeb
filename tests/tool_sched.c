/* What the scheduler's settings do, in a simulation, and how long it thinks.
 *   tool_sched chunk|slice|quantum|time        prints lines of CSV
 * The simulated engine costs what the 1.1 billion parameter model of `./dev bench speed` costs on two threads (Q8_0):
 * 41 ms for a step of one answer, 76 ms for one of sixteen, 4.1 ms for each token of a prompt. Clients are closed
 * loops: each asks again after its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "sched_model.h"

enum { CLIENTS = 1024, SAMPLES = 1 << 16, KINDS = 4 };

static const double second = 1e9;

/* What a kind of clients asks. */
struct kind {
    uint32_t n, tenant, n_prompt, max_new, shared;
    double pause_s;
};

struct samples {
    uint32_t n;
    double v[SAMPLES];
};

struct client {
    const struct kind *kind;
    struct sm_session session;
    sched_id id;
    uint64_t asked, last; /* when the question came, when the last token; last 0: none yet */
    uint64_t again;       /* when to ask next */
    uint32_t made;
};

struct world {
    struct sched *s;
    struct sched_config c;
    struct sm_engine engine;
    struct client clients[CLIENTS];
    uint32_t n_clients;
    uint64_t now, asked;
    double lead_least, lead_most;            /* of tenant 0 before tenant 1, in tokens */
    struct samples first[KINDS], gap[KINDS]; /* seconds */
    struct samples plan, report, submit;     /* microseconds that the scheduler took */
};

static void die(const char *what) {
    fprintf(stderr, "tool_sched: %s\n", what);
    exit(1);
}

static void sample(struct samples *s, double v) {
    if (s->n < SAMPLES) s->v[s->n++] = v;
}

static int by_value(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double part(struct samples *s, double p) {
    if (!s->n) return 0;
    qsort(s->v, s->n, sizeof *s->v, by_value);
    return s->v[(uint32_t)(p * (s->n - 1))];
}

static double cpu_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static struct sched_config standard(void) {
    return (struct sched_config){.n_ctx = 4608,
                                 .n_pages = SM_PAGES,
                                 .step_rows = 256,
                                 .max_batch = 16,
                                 .max_requests = CLIENTS,
                                 .max_tenants = CLIENTS,
                                 .time = {.step = 38.7e-3, .prefill = 4.07e-3, .decode = 2.35e-3, .attend = 1e-4}};
}

static void open_world(struct world *w, const struct sched_config *c, const struct kind *kinds, uint32_t n_kinds) {
    struct sil_error e;
    memset(w, 0, sizeof *w);
    w->c = *c;
    if (sched_open(mem_libc(), c, &w->s, &e) != SIL_OK) die(e.text);
    sm_open(&w->engine, c->n_pages, 64);
    for (uint32_t k = 0; k < n_kinds; k++)
        for (uint32_t i = 0; i < kinds[k].n; i++) w->clients[w->n_clients++].kind = &kinds[k];
}

static void ask(struct world *w, uint32_t at) {
    struct client *c = &w->clients[at];
    struct sched_request r = {
        .user = at, .tenant = c->kind->tenant, .n_prompt = c->kind->n_prompt, .max_new = c->kind->max_new};
    struct sched_answer a;
    double from = cpu_us();
    sched_submit(w->s, w->now, &r, &a);
    sample(&w->submit, cpu_us() - from);
    if (a.verdict != SCHED_ACCEPTED) die("a request is refused");
    *c = (struct client){.kind = c->kind, .id = a.id, .asked = w->now};
    w->asked++;
}

static void prepare(struct world *w, const struct sched_decision *d) {
    struct client *c = &w->clients[d->user];
    if (d->kind == SCHED_PREEMPT) sm_close(&w->engine, &c->session);
    if (d->kind != SCHED_START) return;
    struct sm_text text = {.group = c->kind->tenant, .own = w->asked * CLIENTS + d->user, .shared = c->kind->shared};
    sched_started(w->s, d->id, sm_start(&w->engine, &c->session, d->tenant, text, d->n_tokens));
}

static void got_token(struct world *w, struct client *c, uint32_t kind) {
    if (c->last) sample(&w->gap[kind], (double)(w->now - c->last) / second);
    else sample(&w->first[kind], (double)(w->now - c->asked) / second);
    c->last = w->now;
    c->made++;
}

static void step(struct world *w, const struct sched_plan *p, const struct kind *kinds) {
    static struct sched_result results[CLIENTS];
    double prefill = 0, decode = 0, attend = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct sched_decision *d = &p->decisions[i];
        double *rows = d->kind == SCHED_DECODE ? &decode : &prefill;
        *rows += d->n_tokens;
        attend += d->n_tokens * (d->from + d->n_tokens / 2.0) / 1024;
        if (!sm_append(&w->engine, &w->clients[d->user].session, d->n_tokens)) die("pages run out");
    }
    uint64_t took = (uint64_t)(sm_cost(&w->c.time, prefill, decode, attend) * second);
    w->now += took;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct sched_decision *d = &p->decisions[i];
        struct client *c = &w->clients[d->user];
        bool token = d->kind == SCHED_DECODE || d->last;
        if (token) got_token(w, c, (uint32_t)(c->kind - kinds) % KINDS);
        results[i] = (struct sched_result){.id = d->id, .advanced = true, .made = token};
        results[i].ended = c->made == c->kind->max_new;
        if (!results[i].ended) continue;
        sm_close(&w->engine, &c->session);
        c->id = 0;
        c->again = w->now + (uint64_t)(c->kind->pause_s * second);
    }
    double from = cpu_us();
    sched_report(w->s, w->now, &(struct sched_step){results, p->n, 0, took, -1});
    sample(&w->report, cpu_us() - from);
    struct sched_tenant_stats a, b;
    sched_get_tenant(w->s, 0, &a);
    sched_get_tenant(w->s, 1, &b);
    double lead = (double)a.tokens - (double)b.tokens;
    if (lead < w->lead_least) w->lead_least = lead;
    if (lead > w->lead_most) w->lead_most = lead;
}

static void live(struct world *w, const struct kind *kinds, double seconds, uint64_t steps) {
    struct sched_plan p;
    while (steps-- && (double)w->now < seconds * second) {
        for (uint32_t i = 0; i < w->n_clients; i++)
            if (!w->clients[i].id && w->clients[i].again <= w->now) ask(w, i);
        double thought = 0;
        do {
            uint32_t pages = sm_available(&w->engine);
            double from = cpu_us();
            sched_plan(w->s, w->now, pages, &p);
            thought += cpu_us() - from;
            for (uint32_t i = 0; p.again && i < p.n; i++) prepare(w, &p.decisions[i]);
        } while (p.again);
        sample(&w->plan, thought);
        if (p.n) step(w, &p, kinds);
        else w->now += 10000000;
    }
}

static struct world *new_world(void) {
    struct world *w = malloc(sizeof *w);
    if (!w) die("no memory");
    return w;
}

/* Twelve answers are written while a document of 4,000 tokens comes in; its tenant asks short questions too. */
static void chunk(void) {
    static const struct kind kinds[] = {
        {12, 0, 50, 300, 0, 0}, {1, 1, 4000, 10, 0, 5}, {1, 1, 100, 20, 0, 1}, {1, 2, 970, 20, 960, 3}};
    static const uint32_t stalls[] = {110, 150, 160, 170, 180, 200, 250, 400, 10000};
    struct world *w = new_world();
    printf("stall_percent,gap between tokens p50 ms,p99 ms,p99 in undisturbed steps,document's first token p50 s,short "
           "question "
           "of the same tenant p95 s,970 tokens of which 960 cached p50 in steps,tokens/s\n");
    struct sched_config c = standard();
    open_world(w, &c, kinds, 1);
    live(w, kinds, 600, UINT64_MAX);
    double alone = part(&w->gap[0], 0.5);
    sched_close(w->s);
    for (size_t i = 0; i < sizeof stalls / sizeof *stalls; i++) {
        c.stall_percent = stalls[i];
        open_world(w, &c, kinds, 4);
        live(w, kinds, 1200, UINT64_MAX);
        struct sched_stats st;
        sched_get_stats(w->s, &st);
        double p99 = part(&w->gap[0], 0.99);
        printf("%u,%.0f,%.0f,%.2f,%.1f,%.2f,%.2f,%.0f\n", stalls[i], part(&w->gap[0], 0.5) * 1e3, p99 * 1e3,
               p99 / alone, part(&w->first[1], 0.5), part(&w->first[2], 0.95), part(&w->first[3], 0.5) / alone,
               (double)(st.prefilled + st.decoded) / ((double)w->now / second));
        sched_close(w->s);
    }
    free(w);
}

/* One tenant fills every place with long answers; another asks short questions. Pages for half of them, then for all.
 */
static void slice(void) {
    static const struct kind kinds[] = {{32, 0, 200, 800, 0, 0}, {2, 1, 100, 50, 0, 2}};
    static const uint32_t slices[] = {16, 64, 256, 1024, 1 << 20};
    struct world *w = new_world();
    printf("slice,pages,short question's first token p50 s,p95 s,sessions taken away per 1000 tokens,computed again %%,"
           "tokens/s\n");
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
        for (uint32_t pages = 128; pages <= SM_PAGES; pages *= 8) {
            struct sched_config c = standard();
            c.slice = slices[i];
            c.n_pages = pages;
            c.n_ctx = 1024;
            open_world(w, &c, kinds, 2);
            live(w, kinds, 2000, UINT64_MAX);
            struct sched_stats st;
            sched_get_stats(w->s, &st);
            double fresh = (double)(st.prefilled + st.decoded);
            printf("%u,%u,%.2f,%.2f,%.2f,%.1f,%.0f\n", slices[i], pages, part(&w->first[1], 0.5),
                   part(&w->first[1], 0.95), (double)st.n_preempted / fresh * 1e3, 100 * (double)st.recomputed / fresh,
                   fresh / ((double)w->now / second));
            sched_close(w->s);
        }
    free(w);
}

/* Two tenants always have more to ask: one documents, the other long answers. */
static void quantum(void) {
    static const struct kind kinds[] = {{40, 0, 1000, 20, 0, 0}, {40, 1, 50, 500, 0, 0}};
    static const uint32_t quanta[] = {1, 4, 16, 64, 256, 1024};
    struct world *w = new_world();
    printf("quantum,largest lead of a tenant tokens,gap between tokens of long answers p50 ms,p99 ms,document's first "
           "token p50 s,tokens/s\n");
    for (size_t i = 0; i < sizeof quanta / sizeof *quanta; i++) {
        struct sched_config c = standard();
        c.quantum = quanta[i];
        open_world(w, &c, kinds, 2);
        live(w, kinds, 2000, UINT64_MAX);
        struct sched_stats st;
        sched_get_stats(w->s, &st);
        printf("%u,%.0f,%.0f,%.0f,%.1f,%.0f\n", quanta[i], w->lead_most - w->lead_least, part(&w->gap[1], 0.5) * 1e3,
               part(&w->gap[1], 0.99) * 1e3, part(&w->first[0], 0.5),
               (double)(st.prefilled + st.decoded) / ((double)w->now / second));
        sched_close(w->s);
    }
    free(w);
}

/* A thousand requests are alive all the time. */
static void think(void) {
    static const uint32_t cases[][2] = {{16, 1}, {16, 1000}, {64, 10}, {256, 10}, {256, 1000}};
    static struct kind kinds[1000];
    struct world *w = new_world();
    printf("sequences in a step,tenants,plan p50 us,plan p99 us,report p50 us,submit p50 us\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sched_config c = standard();
        c.max_batch = cases[i][0];
        c.step_rows = 1024;
        for (uint32_t k = 0; k < 1000; k++)
            kinds[k] = (struct kind){1, k % cases[i][1], 30 + k % 50, 20 + k % 60, 0, 0};
        open_world(w, &c, kinds, 1000);
        live(w, kinds, 1e9, 300);
        w->plan.n = w->report.n = w->submit.n = 0;
        for (uint32_t k = 0; k < KINDS; k++) w->gap[k].n = w->first[k].n = 0;
        live(w, kinds, 1e9, 2000);
        printf("%u,%u,%.1f,%.1f,%.1f,%.2f\n", cases[i][0], cases[i][1], part(&w->plan, 0.5), part(&w->plan, 0.99),
               part(&w->report, 0.5), part(&w->submit, 0.5));
        sched_close(w->s);
    }
    free(w);
}

int main(int argc, char **argv) {
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "chunk") == 0) chunk();
    else if (strcmp(what, "slice") == 0) slice();
    else if (strcmp(what, "quantum") == 0) quantum();
    else if (strcmp(what, "time") == 0) think();
    else die("chunk, slice, quantum or time");
    return 0;
}
