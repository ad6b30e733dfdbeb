/* Queues: inside a flow a skew heap of those that wait (Sleator and Tarjan, "Self-adjusting heaps", 1986) and a sorted
 * list of those that hold a session; between flows rings and deficits.
 * Deficit round robin (Shreedhar and Varghese, 1995) with tokens for bytes: each round gives a flow its quantum times
 * its weight; what it gets is taken off, after the fact where it is not known before, so that a deficit can become a
 * debt (surplus round robin). Rounds are counted, not walked: a flow takes its quanta when it is looked at. */
#include <assert.h>

#include "sched/sched_impl.h"

static bool before(const struct request *a, const struct request *b) {
    return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

/* ---- rings ---- */

static void ring_join(struct sched *s, uint32_t at, int kind) {
    struct flow *f = &s->flows[at];
    struct ring *ring = &s->rings[f->level][kind];
    if (f->in_ring[kind]) return;
    f->in_ring[kind] = true;
    if (ring->n++ == 0) {
        ring->turn = f->ring[kind].prev = f->ring[kind].next = at;
        return;
    }
    /* just behind everyone else: its turn comes last */
    uint32_t next = ring->turn, prev = s->flows[next].ring[kind].prev;
    f->ring[kind].prev = prev;
    f->ring[kind].next = next;
    s->flows[prev].ring[kind].next = s->flows[next].ring[kind].prev = at;
}

static void ring_leave(struct sched *s, uint32_t at, int kind) {
    struct flow *f = &s->flows[at];
    struct ring *ring = &s->rings[f->level][kind];
    if (!f->in_ring[kind]) return;
    f->in_ring[kind] = false;
    s->flows[f->ring[kind].prev].ring[kind].next = f->ring[kind].next;
    s->flows[f->ring[kind].next].ring[kind].prev = f->ring[kind].prev;
    if (ring->turn == at) ring->turn = f->ring[kind].next;
    if (--ring->n == 0) ring->turn = NONE;
}

/* ---- deficits ---- */

static void settle(struct sched *s, struct flow *f) {
    uint64_t rounds = s->rounds[f->level] - f->seen;
    f->seen = s->rounds[f->level];
    int64_t weight = weight_of(s, f), gain = s->c.quantum * weight, debt = s->debt_max * weight;
    int64_t most = tenant_may_start(s, f) ? debt : f->n_held ? gain + f->planned : 0;
    if (rounds >> 31) f->deficit = most; /* gain is below 2^31, a debt below 2^60 */
    else f->deficit += (int64_t)rounds * gain;
    if (f->deficit > most) f->deficit = most;
    if (f->deficit < -debt) f->deficit = -debt;
}

int64_t flow_credit(struct sched *s, struct flow *f) {
    settle(s, f);
    return f->deficit - f->planned;
}

double flow_lead(struct sched *s, struct flow *f) {
    return (double)flow_credit(s, f) / weight_of(s, f);
}

void flow_charge(struct sched *s, struct flow *f, uint32_t tokens) {
    settle(s, f);
    f->deficit -= tokens;
    settle(s, f);
}

void flow_rounds(struct sched *s, uint32_t level, uint64_t n) {
    s->rounds[level] += n;
}

uint64_t flow_rounds_needed(struct sched *s, struct flow *f) {
    int64_t credit = flow_credit(s, f), gain = (int64_t)s->c.quantum * weight_of(s, f);
    return credit > 0 ? 0 : (uint64_t)(-credit / gain) + 1;
}

void flow_forgive(struct sched *s, uint32_t level) {
    s->rounds[level] += (uint64_t)(s->debt_max / s->c.quantum) + 2;
}

/* ---- those that wait ---- */

/* Joins two heaps, top down: the right spine is merged, and each node's children change places on the way. */
static uint32_t merge(struct sched *s, uint32_t a, uint32_t b) {
    struct request *q = s->requests;
    uint32_t root = NONE, up = NONE;
    while (a != NONE && b != NONE) {
        if (before(&q[b], &q[a])) {
            uint32_t t = a;
            a = b;
            b = t;
        }
        q[a].up = up;
        if (up == NONE) root = a;
        else q[up].left = a;
        up = a;
        uint32_t rest = q[a].right;
        q[a].right = q[a].left;
        q[a].left = NONE;
        a = rest;
    }
    uint32_t rest = a != NONE ? a : b;
    if (rest != NONE) q[rest].up = up;
    if (up == NONE) return rest;
    q[up].left = rest;
    return root;
}

static void account(struct sched *s, struct flow *f, const struct request *r, bool in) {
    uint64_t prompt = r->n_prompt + r->made, answer = r->max_new - r->made;
    f->prompt = in ? f->prompt + prompt : f->prompt - prompt;
    f->answer = in ? f->answer + answer : f->answer - answer;
    uint32_t by = in ? 1 : UINT32_MAX; /* or less one */
    f->n_waiting += by;
    s->n_waiting += by;
    if (r->level) s->n_deferred += by;
}

void queue_wait(struct sched *s, uint32_t r) {
    struct request *q = &s->requests[r];
    struct flow *f = &s->flows[flow_of(q)];
    settle(s, f);
    q->left = q->right = q->up = NONE;
    f->heap = merge(s, f->heap, r);
    account(s, f, q, true);
    ring_join(s, flow_of(q), WAIT_RING);
}

void queue_unwait(struct sched *s, uint32_t r) {
    struct request *q = &s->requests[r];
    struct flow *f = &s->flows[flow_of(q)];
    settle(s, f);
    uint32_t rest = merge(s, q->left, q->right), up = q->up;
    if (rest != NONE) s->requests[rest].up = up;
    if (up == NONE) f->heap = rest;
    else if (s->requests[up].left == r) s->requests[up].left = rest;
    else s->requests[up].right = rest;
    account(s, f, q, false);
    if (!f->n_waiting) {
        ring_leave(s, flow_of(q), WAIT_RING);
        if (s->reserved[f->level] == flow_of(q)) s->reserved[f->level] = NONE;
    }
}

/* ---- those that hold a session ---- */

void queue_hold(struct sched *s, uint32_t r) {
    struct request *q = &s->requests[r];
    struct flow *f = &s->flows[flow_of(q)];
    settle(s, f);
    uint32_t after = f->last;
    while (after != NONE && before(q, &s->requests[after])) after = s->requests[after].prev;
    q->prev = after;
    q->next = after == NONE ? f->first : s->requests[after].next;
    if (q->prev == NONE) f->first = r;
    else s->requests[q->prev].next = r;
    if (q->next == NONE) f->last = r;
    else s->requests[q->next].prev = r;
    f->n_held++;
    s->tenants[q->tenant].n_held++;
    s->n_held_at[f->level]++;
    assert(s->n_held < s->c.max_sessions);
    q->held_at = s->n_held;
    s->held[s->n_held++] = r;
    ring_join(s, flow_of(q), HELD_RING);
}

void queue_unhold(struct sched *s, uint32_t r) {
    struct request *q = &s->requests[r];
    struct flow *f = &s->flows[flow_of(q)];
    settle(s, f);
    if (q->prev == NONE) f->first = q->next;
    else s->requests[q->prev].next = q->next;
    if (q->next == NONE) f->last = q->prev;
    else s->requests[q->next].prev = q->prev;
    f->planned -= least_u32(f->planned, q->rows);
    q->rows = q->draft = 0;
    f->n_held--;
    s->tenants[q->tenant].n_held--;
    s->n_held_at[f->level]--;
    uint32_t moved = s->held[--s->n_held];
    s->held[q->held_at] = moved;
    s->requests[moved].held_at = q->held_at;
    if (!f->n_held) ring_leave(s, flow_of(q), HELD_RING);
}
