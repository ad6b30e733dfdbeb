/* The step: which of those that hold a session get rows. Answers come first, a row each. Where there are more sequences
 * than places, flows take turns by deficit. Prompts share what the time, the joules and the pages leave: so many rows
 * that the step takes no longer than stall_percent of itself without them, though never fewer than min_chunk. */
#include <math.h>

#include "sched/sched_impl.h"

struct pass {
    struct sched *s;
    uint32_t items, rows, pages; /* left */
    uint32_t free_rows;          /* rows of prompt that are given whatever they cost: what is left of min_chunk */
    bool timed;                  /* answers are in the step: prompts must not hold them up */
    double seconds, joules;      /* left for rows of prompt */
    struct sched_cost time, power;
    struct work work;
    uint32_t lacking; /* the first in order of those that found no page, or NONE */
    bool denied;      /* somebody wanted more than the step had */
    bool turns;       /* places are given in turn: each that is left keeps a row */
};

/* Order of protection: who comes later loses its pages first. By arrival, not by deficit or priority: the first of all
 * can always finish. */
static bool protected_before(const struct request *a, const struct request *b) {
    return a->level != b->level ? a->level < b->level : a->seq < b->seq;
}

static void lack(struct pass *p, uint32_t r) {
    const struct request *q = p->s->requests;
    p->denied = true;
    if (p->lacking == NONE || protected_before(&q[r], &q[p->lacking])) p->lacking = r;
}

/* A page that may have to be copied before it is written. Who is alone needs none: the engine takes the page itself. */
static uint32_t copied_pages(const struct sched *s, const struct request *r) {
    return r->own_page && r->rows == 0 && s->n_held > 1;
}

/* Pages that n rows more take. */
static uint32_t new_pages(const struct sched *s, const struct request *r, uint32_t n) {
    uint32_t had = r->held + r->rows;
    return pages_for(s, had + n) - pages_for(s, had) + copied_pages(s, r);
}

/* How many rows the pages that are left have room for, at most `most`. */
static uint32_t rows_in_pages(const struct pass *p, const struct request *r, uint32_t most) {
    uint32_t own = copied_pages(p->s, r), had = r->held + r->rows;
    if (own > p->pages) return 0;
    uint64_t end = ((uint64_t)pages_for(p->s, had) + p->pages - own) * p->s->c.page_tokens;
    return end - had < most ? (uint32_t)(end - had) : most;
}

static double attended(uint32_t from, uint32_t n) {
    return n * (from + (n + 1) / 2.0) / 1024;
}

static void take(struct pass *p, uint32_t at, uint32_t n, bool decode) {
    struct request *r = &p->s->requests[at];
    double attend = attended(r->held + r->rows, n);
    double row_s = decode ? p->time.decode : p->time.prefill, row_j = decode ? p->power.decode : p->power.prefill;
    if (r->rows == 0) p->items--;
    p->pages -= new_pages(p->s, r, n);
    r->rows += n;
    p->rows -= n;
    p->s->flows[flow_of(r)].planned += n;
    p->work.attend += attend;
    p->joules -= n * row_j + attend * p->power.attend;
    if (decode) {
        p->work.decode += n;
        return;
    }
    p->work.prefill += n;
    p->seconds -= n * row_s + attend * p->time.attend;
    p->free_rows -= least_u32(p->free_rows, n);
}

static void take_decode(struct pass *p, uint32_t at) {
    if (p->rows == 0) p->denied = true;
    else if (new_pages(p->s, &p->s->requests[at], 1) > p->pages) lack(p, at);
    else take(p, at, 1, true);
}

static uint32_t rest_of(const struct request *r) {
    return known(r) - r->held - r->rows;
}

static uint32_t affordable(double left, double each) {
    if (!(left > 0)) return 0;
    return left >= each * UINT32_MAX ? UINT32_MAX : (uint32_t)(left / each);
}

/* How many rows a prompt may still get in this step, at most `most`; counted as if all were as far as the last. */
static uint32_t rows_left(const struct pass *p, const struct request *r, uint32_t most) {
    uint32_t kept = p->turns && p->items ? p->items - (r->rows == 0) : 0;
    most = least_u32(least_u32(most, rest_of(r)), p->rows - least_u32(kept, p->rows));
    double position = ((double)r->held + r->rows + most) / 1024;
    uint32_t n = affordable(p->joules, p->power.prefill + position * p->power.attend);
    if (p->timed) n = least_u32(n, affordable(p->seconds, p->time.prefill + position * p->time.attend));
    return least_u32(most_u32(n, p->free_rows), most);
}

/* Gives a prompt at most `most` rows; returns how many. */
static uint32_t take_prefill(struct pass *p, uint32_t at, uint32_t most) {
    const struct request *r = &p->s->requests[at];
    uint32_t n = r->rows || p->items ? rows_left(p, r, most) : 0;
    if (n == 0) return 0;
    uint32_t room = rows_in_pages(p, r, n);
    if (room == 0) lack(p, at);
    else take(p, at, room, false);
    return room;
}

/* ---- prompts ---- */

/* Gives the flow's prompts at most `most` rows. The first in order takes them all, but where another is shorter, it
 * gets up to half: a short question need not wait for a long document of the same tenant. */
static uint32_t flow_prefill(struct pass *p, struct flow *f, uint32_t most) {
    const struct request *q = p->s->requests;
    uint32_t first = NONE, shortest = NONE, given = 0;
    for (uint32_t at = f->first; at != NONE; at = q[at].next) {
        if (decoding(&q[at]) || rest_of(&q[at]) == 0) continue;
        if (first == NONE) first = at;
        if (shortest == NONE || rest_of(&q[at]) < rest_of(&q[shortest])) shortest = at;
    }
    if (first == NONE) return 0;
    if (shortest != first) given += take_prefill(p, shortest, rows_left(p, &q[first], most) / 2);
    for (uint32_t at = first; at != NONE && given < most; at = q[at].next)
        if (!decoding(&q[at]) && rest_of(&q[at])) given += take_prefill(p, at, most - given);
    return given;
}

static bool has_prompt(const struct sched *s, const struct flow *f) {
    for (uint32_t at = f->first; at != NONE; at = s->requests[at].next)
        if (!decoding(&s->requests[at]) && rest_of(&s->requests[at])) return true;
    return false;
}

/* Flows take turns with what is left for prompts, each as far as its deficit goes. cursor: NONE where a flow is done.
 */
static void share_prefill(struct pass *p, uint32_t level) {
    struct sched *s = p->s;
    struct ring *ring = &s->rings[level][HELD_RING];
    uint32_t at = ring->turn, wanting = 0;
    for (uint32_t i = 0; i < ring->n; i++, at = s->flows[at].ring[HELD_RING].next) {
        struct flow *f = &s->flows[at];
        f->cursor = has_prompt(s, f) ? f->first : NONE;
        wanting += f->cursor != NONE;
    }
    while (wanting) {
        uint64_t least = UINT64_MAX;
        for (uint32_t i = 0; i < ring->n && wanting; i++, at = s->flows[at].ring[HELD_RING].next) {
            struct flow *f = &s->flows[at];
            if (f->cursor == NONE) continue;
            uint64_t need = flow_rounds_needed(s, f);
            if (need && wanting > 1) {
                if (need < least) least = need;
                continue;
            }
            uint32_t most = wanting > 1 ? (uint32_t)flow_credit(s, f) : UINT32_MAX;
            uint32_t given = flow_prefill(p, f, most);
            if (given < most) {
                f->cursor = NONE;
                wanting--;
            }
            if (given) ring->turn = f->ring[HELD_RING].next;
            least = 0;
        }
        if (least && wanting) flow_rounds(s, level, least);
    }
}

/* ---- sequences ---- */

/* More sequences than places: flows that are owed something take turns, a sequence each, until the places are taken. */
static void take_turns(struct pass *p, uint32_t level) {
    struct sched *s = p->s;
    struct ring *ring = &s->rings[level][HELD_RING];
    uint32_t at = ring->turn, wanting = ring->n;
    p->denied = p->turns = true;
    for (uint32_t i = 0; i < ring->n; i++, at = s->flows[at].ring[HELD_RING].next)
        s->flows[at].cursor = s->flows[at].first;
    while (wanting && p->items) {
        uint64_t least = UINT64_MAX;
        for (uint32_t i = 0; i < ring->n && p->items; i++, at = s->flows[at].ring[HELD_RING].next) {
            struct flow *f = &s->flows[at];
            if (f->cursor == NONE) continue;
            uint64_t need = flow_rounds_needed(s, f);
            if (need && wanting > 1) {
                if (need < least) least = need;
                continue;
            }
            uint32_t r = f->cursor, most = wanting > 1 ? (uint32_t)flow_credit(s, f) : UINT32_MAX;
            f->cursor = s->requests[r].next;
            wanting -= f->cursor == NONE;
            if (decoding(&s->requests[r])) take_decode(p, r);
            else take_prefill(p, r, most);
            ring->turn = f->ring[HELD_RING].next;
            least = 0;
        }
        if (least && wanting) flow_rounds(s, level, least);
    }
    p->turns = false;
}

/* What the step's answers leave to prompts. */
static void allow_prompts(struct pass *p, double decode, double attend) {
    if (p->work.prefill > 0) return; /* said before */
    double step_s = p->time.step + decode * p->time.decode + attend * p->time.attend;
    p->timed = decode > 0;
    p->seconds = step_s * (p->s->c.stall_percent / 100.0 - 1);
}

static void select_level(struct pass *p, uint32_t level) {
    struct sched *s = p->s;
    uint32_t n_decode = 0;
    if (s->n_held_at[level] == 0) return;
    for (uint32_t i = 0; i < s->n_held; i++) {
        const struct request *r = &s->requests[s->held[i]];
        n_decode += r->level == level && decoding(r);
    }
    if (s->n_held_at[level] > p->items) {
        double decode = p->work.decode > 0 ? p->work.decode : n_decode > 0; /* as many as are certain */
        allow_prompts(p, decode, p->work.attend);
        take_turns(p, level);
        return;
    }
    for (uint32_t i = 0; i < s->n_held; i++) {
        const struct request *r = &s->requests[s->held[i]];
        if (r->level == level && decoding(r)) take_decode(p, s->held[i]);
    }
    allow_prompts(p, p->work.decode, p->work.attend);
    share_prefill(p, level);
}

/* ---- the whole step ---- */

/* Pages are short: the last in order of protection loses its session, unless it is the very one that lacks. */
static bool preempt_for(struct sched *s, uint32_t lacking) {
    uint32_t last = lacking;
    for (uint32_t i = 0; i < s->n_held; i++)
        if (protected_before(&s->requests[last], &s->requests[s->held[i]])) last = s->held[i];
    if (last == lacking || !s->preempts_left || !decide(s, SCHED_PREEMPT, last)) return false;
    s->preempts_left--;
    request_preempt(s, last);
    return true;
}

/* How long nothing will happen by itself. */
static uint64_t quiet_time(const struct sched *s) {
    uint64_t at, wait = SCHED_FOREVER;
    if (timer_first(s, &at) != NONE) wait = at > s->time ? at - s->time : 0;
    if (s->n_live && s->drain_at != SCHED_FOREVER) {
        uint64_t drain = s->drain_at > s->time ? s->drain_at - s->time : 0;
        if (drain < wait) wait = drain;
    }
    if (s->n_deferred || s->n_held_at[1]) {
        uint64_t power = power_wait_deferrable(s, 0);
        if (power && power < wait) wait = power;
    }
    return wait == SCHED_FOREVER || wait < s->c.max_gap_ns ? wait : s->c.max_gap_ns;
}

/* Guesses fill places that a step has left, when no prompt is in it and nobody counts joules. */
static uint32_t drafts_each(const struct pass *p, uint32_t n_items) {
    const struct sched_config *c = &p->s->c;
    if (p->work.prefill > 0 || power_capped(p->s) || !c->max_draft || !n_items) return 0;
    return least_u32(c->max_draft, least_u32((c->max_logits - n_items) / n_items, p->rows / n_items));
}

static void decide_rows(struct pass *p, uint32_t n_items) {
    struct sched *s = p->s;
    uint32_t drafts = drafts_each(p, n_items);
    for (uint32_t i = 0; i < s->n_held; i++) {
        struct request *r = &s->requests[s->held[i]];
        if (r->rows == 0) continue;
        bool decode = decoding(r);
        struct sched_decision *d = decide(s, decode ? SCHED_DECODE : SCHED_PREFILL, s->held[i]);
        d->from = r->held;
        d->n_tokens = r->rows;
        d->last = !decode && r->held + r->rows == known(r);
        d->n_draft = r->draft = decode ? least_u32(drafts, r->max_new - r->made - 1) : 0;
    }
    s->planned = p->work;
    s->stepping = true;
}

uint64_t rows_plan(struct sched *s, uint32_t pages) {
    budget_need(s, 0);
    if (!s->n_held) return quiet_time(s);
    struct pass p = {.s = s,
                     .items = power_batch(s),
                     .rows = s->c.step_rows,
                     .pages = pages,
                     .free_rows = s->c.min_chunk,
                     .time = cost_now(&s->time_cost),
                     .power = cost_now(&s->power_cost),
                     .work = {.steps = 1},
                     .lacking = NONE};
    uint32_t items = p.items;
    p.joules = power_step_budget(s) - p.power.step;
    select_level(&p, 0);
    /* What others could use is not spent on what can wait. */
    double urgent_j = p.items < items ? cost_of(&s->power_cost, &p.work) : 0;
    bool defer = p.items && power_wait_deferrable(s, urgent_j) == 0;
    if (defer) select_level(&p, 1);
    if (p.lacking != NONE && preempt_for(s, p.lacking)) return 0;
    if (p.items == items) return quiet_time(s);
    uint64_t wait = power_wait(s, cost_of(&s->power_cost, &p.work)), quiet = wait ? quiet_time(s) : 0;
    if (wait) budget_need(s, urgent_j); /* what can wait keeps nobody waiting */
    if (wait) return wait < quiet ? wait : quiet;
    decide_rows(&p, items - p.items);
    for (uint32_t level = 0; level < LEVELS; level++)
        if (!p.denied && p.work.prefill == 0 && !start_wanted(s, level)) flow_forgive(s, level);
    return 0;
}
