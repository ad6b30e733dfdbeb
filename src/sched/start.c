/* Who gets a session, and who loses one for it. Sessions beyond max_batch ("guests") go only to flows that are behind
 * another by a slice: the step then gives rows to whom they are owed, and nobody has to wait for the end of another
 * tenant's long answers. */
#include "sched/sched_impl.h"

static bool eligible(const struct sched *s, const struct flow *f) {
    return tenant_may_start(s, f) && s->requests[f->heap].preempted != s->step_no;
}

bool start_wanted(const struct sched *s, uint32_t level) {
    const struct ring *ring = &s->rings[level][WAIT_RING];
    uint32_t at = ring->turn;
    for (uint32_t i = 0; i < ring->n; i++, at = s->flows[at].ring[WAIT_RING].next)
        if (tenant_may_start(s, &s->flows[at])) return true;
    return false;
}

/* The next flow in turn that is owed something; where none is, rounds pass until one is. NONE: nobody may start. */
static uint32_t in_turn(struct sched *s, uint32_t level) {
    const struct ring *ring = &s->rings[level][WAIT_RING];
    if (s->reserved[level] != NONE && eligible(s, &s->flows[s->reserved[level]])) return s->reserved[level];
    uint64_t least = UINT64_MAX;
    uint32_t best = NONE, at = ring->turn;
    for (uint32_t i = 0; i < ring->n && least; i++, at = s->flows[at].ring[WAIT_RING].next) {
        if (!eligible(s, &s->flows[at])) continue;
        uint64_t need = flow_rounds_needed(s, &s->flows[at]);
        if (need >= least) continue;
        least = need;
        best = at;
    }
    if (best != NONE) flow_rounds(s, level, least);
    return best;
}

/* Of those that wait, who is owed most. */
static uint32_t most_owed(struct sched *s, uint32_t level) {
    const struct ring *ring = &s->rings[level][WAIT_RING];
    uint32_t best = NONE, at = ring->turn;
    for (uint32_t i = 0; i < ring->n; i++, at = s->flows[at].ring[WAIT_RING].next)
        if (eligible(s, &s->flows[at]) && (best == NONE || flow_lead(s, &s->flows[at]) > flow_lead(s, &s->flows[best])))
            best = at;
    return best;
}

/* Of those that hold sessions, who owes most; NONE where nobody holds any. */
static uint32_t most_owing(struct sched *s, uint32_t level) {
    const struct ring *ring = &s->rings[level][HELD_RING];
    uint32_t worst = NONE, at = ring->turn;
    for (uint32_t i = 0; i < ring->n; i++, at = s->flows[at].ring[HELD_RING].next)
        if (worst == NONE || flow_lead(s, &s->flows[at]) < flow_lead(s, &s->flows[worst])) worst = at;
    return worst;
}

static bool behind(struct sched *s, uint32_t f, uint32_t other, double tokens) {
    return f != NONE && other != NONE && f != other &&
           flow_lead(s, &s->flows[f]) - flow_lead(s, &s->flows[other]) >= tokens;
}

/* The last in order that has an open session. */
static uint32_t last_open(const struct sched *s, uint32_t f) {
    uint32_t at = s->flows[f].last;
    while (at != NONE && s->requests[at].state != ST_HELD) at = s->requests[at].prev;
    return at;
}

/* The deferrable request that came last. */
static uint32_t last_deferrable(const struct sched *s) {
    uint32_t last = NONE;
    for (uint32_t i = 0; i < s->n_held; i++) {
        const struct request *r = &s->requests[s->held[i]];
        if (r->level && r->state == ST_HELD && (last == NONE || r->seq > s->requests[last].seq)) last = s->held[i];
    }
    return last;
}

/* Takes a session away for the flow's sake: a deferrable one, or one of a flow that had so much more that what has to
 * be computed again is less than what it was ahead. */
static void make_way(struct sched *s, uint32_t level, uint32_t f) {
    uint32_t victim = level == 0 ? last_deferrable(s) : NONE;
    if (victim == NONE) {
        uint32_t other = most_owing(s, level);
        if (!behind(s, f, other, s->c.slice)) return;
        victim = last_open(s, other);
        if (victim == NONE) return;
        if (!behind(s, f, other, (double)s->requests[victim].held / weight_of(s, &s->flows[other]))) return;
    }
    if (!s->preempts_left || !decide(s, SCHED_PREEMPT, victim)) return;
    s->preempts_left--;
    request_preempt(s, victim);
}

/* Pages that prompts which hold a session are still to take. */
static uint32_t promised(const struct sched *s) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->n_held; i++) {
        const struct request *r = &s->requests[s->held[i]];
        if (!decoding(r)) sum += pages_for(s, known(r)) - pages_for(s, r->held);
    }
    return (uint32_t)(sum < UINT32_MAX ? sum : UINT32_MAX);
}

/* Whether the request's tokens have room besides what is promised, and a page to grow into for everyone. */
static bool fits(const struct sched *s, const struct request *r, uint32_t pages) {
    if (s->n_held == 0) return true;
    return pages >= (uint64_t)s->promised + pages_for(s, known(r)) + 1 + s->n_held;
}

static bool start(struct sched *s, uint32_t f) {
    uint32_t at = s->flows[f].heap;
    struct request *r = &s->requests[at];
    struct sched_decision *d = s->starts_left ? decide(s, SCHED_START, at) : NULL;
    if (!d) return false;
    d->n_tokens = known(r);
    s->starts_left--;
    s->promised += pages_for(s, known(r));
    s->rings[r->level][WAIT_RING].turn = s->flows[f].ring[WAIT_RING].next;
    if (s->reserved[r->level] == f) s->reserved[r->level] = NONE;
    r->state = ST_STARTING;
    queue_hold(s, at); /* first, so that the flow does not seem to have gone */
    queue_unwait(s, at);
    return true;
}

/* One START of the level, or a PREEMPT that makes way for one. False where nothing (more) can be done now. */
static bool start_one(struct sched *s, uint32_t level, uint32_t pages) {
    bool full = (level ? s->n_held : s->n_held_at[0]) >= power_batch(s), guest = full;
    uint32_t f = full ? most_owed(s, level) : in_turn(s, level);
    if (f == NONE) return false;
    if (guest && (!s->guests_left || !behind(s, f, most_owing(s, level), s->c.slice))) return false;
    bool has_pages = fits(s, &s->requests[s->flows[f].heap], pages);
    if (has_pages && s->n_held < s->c.max_sessions) {
        if (!start(s, f)) return false;
        if (guest) s->guests_left--;
        return true;
    }
    if (!has_pages && !guest) s->reserved[level] = f;
    make_way(s, level, f);
    return false;
}

void start_some(struct sched *s, uint32_t pages) {
    s->promised = promised(s);
    while (start_one(s, 0, pages)) {
    }
    if (start_wanted(s, 0) || power_wait_deferrable(s, 0) != 0) return;
    while (start_one(s, 1, pages)) {
    }
}
