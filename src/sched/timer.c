/* Timers: a binary heap of requests by the time at which something is due. */
#include "sched/sched_impl.h"

static uint64_t due(const struct sched *s, uint32_t place) {
    const struct request *r = &s->requests[s->timers[place]];
    return r->deadline < r->promote ? r->deadline : r->promote;
}

static void put(struct sched *s, uint32_t place, uint32_t r) {
    s->timers[place] = r;
    s->requests[r].timer = place;
}

static void swap(struct sched *s, uint32_t a, uint32_t b) {
    uint32_t r = s->timers[a];
    put(s, a, s->timers[b]);
    put(s, b, r);
}

/* Brings the entry at a place to where it belongs. */
static void settle(struct sched *s, uint32_t at) {
    for (; at && due(s, at) < due(s, (at - 1) / 2); at = (at - 1) / 2) swap(s, at, (at - 1) / 2);
    for (;;) {
        uint32_t first = at, child = 2 * at + 1;
        if (child < s->n_timers && due(s, child) < due(s, first)) first = child;
        if (child + 1 < s->n_timers && due(s, child + 1) < due(s, first)) first = child + 1;
        if (first == at) return;
        swap(s, at, first);
        at = first;
    }
}

void timer_clear(struct sched *s, uint32_t r) {
    uint32_t at = s->requests[r].timer;
    if (at == NONE) return;
    s->requests[r].timer = NONE;
    if (at == --s->n_timers) return;
    put(s, at, s->timers[s->n_timers]);
    settle(s, at);
}

void timer_set(struct sched *s, uint32_t r) {
    timer_clear(s, r);
    if (s->requests[r].deadline == SCHED_FOREVER && s->requests[r].promote == SCHED_FOREVER) return;
    put(s, s->n_timers, r);
    settle(s, s->n_timers++);
}

uint32_t timer_first(const struct sched *s, uint64_t *at) {
    if (!s->n_timers) return NONE;
    *at = due(s, 0);
    return s->timers[0];
}
