/* history_tenants: what each tenant asked in each of the last sixty minutes. */
#include <inttypes.h>
#include <string.h>

#include "serve/gate.h"
#include "serve/history_impl.h"

static uint64_t minute_now(const struct history *h) {
    return clock_now_ns(h->c.clock) / UINT64_C(60000000000) + 1;
}

/* Still within the hour that ends with the minute `now`. */
static bool is_recent(uint64_t minute, uint64_t now) {
    return minute && now - minute < HISTORY_MINUTES;
}

/* Its place, a free or an old one made its own, or the place of those that have none. */
static struct history_tenant *place_of(struct history *h, const struct caller *who, uint64_t now) {
    struct history_tenant *free = &h->tenants[HISTORY_TENANTS];
    for (uint32_t i = 0; i < HISTORY_TENANTS; i++) {
        struct history_tenant *t = &h->tenants[i];
        if (t->used && t->id == who->tenant) return t;
        if (free == &h->tenants[HISTORY_TENANTS] && (!t->used || !is_recent(t->latest, now))) free = t;
    }
    if (free == &h->tenants[HISTORY_TENANTS]) {
        free->used = true;
        return free;
    }
    *free = (struct history_tenant){.used = true, .id = who->tenant};
    memcpy(free->name, who->tenant_name, CALLER_NAME);
    return free;
}

void history_count(struct history *h, const struct request *r, const struct answer_usage *u, bool failed) {
    if (!h) return;
    pthread_mutex_lock(&h->tenants_lock);
    uint64_t now = minute_now(h);
    struct history_tenant *t = place_of(h, &r->caller, now);
    struct history_minute *m = &t->minutes[now % HISTORY_MINUTES];
    if (m->minute != now) *m = (struct history_minute){.minute = now};
    t->latest = now;
    m->requests++;
    m->failed += failed;
    m->prompt_tokens += u->n_prompt;
    m->cached_tokens += u->n_cached;
    m->answer_tokens += u->n_answer;
    if (u->energy_j > 0) m->joules += (float)u->energy_j;
    if (r->first_token_ns > r->arrival_ns) {
        m->n_first++;
        m->first_s += (float)((double)(r->first_token_ns - r->arrival_ns) * 1e-9);
    }
    pthread_mutex_unlock(&h->tenants_lock);
}

/* ---- writing ---- */

static struct history_minute sum_of(const struct history_tenant *t, uint64_t now) {
    struct history_minute sum = {0};
    for (uint32_t i = 0; i < HISTORY_MINUTES; i++) {
        const struct history_minute *m = &t->minutes[i];
        if (!is_recent(m->minute, now)) continue;
        sum.requests += m->requests;
        sum.failed += m->failed;
        sum.prompt_tokens += m->prompt_tokens;
        sum.cached_tokens += m->cached_tokens;
        sum.answer_tokens += m->answer_tokens;
        sum.n_first += m->n_first;
        sum.first_s += m->first_s;
        sum.joules += m->joules;
    }
    return sum;
}

static void put_sum(const struct history *h, struct jout *o, const struct history_tenant *t, uint64_t now) {
    struct history_minute s = sum_of(t, now);
    uint32_t running = h->c.gate ? gate_running(h->c.gate, t->id) : 0;
    jout_fmt(o, "\"running\":%u,\"requests\":%u,\"failed\":%u,\"prompt_tokens\":%u,\"cached_tokens\":%u", running,
             s.requests, s.failed, s.prompt_tokens, s.cached_tokens);
    jout_fmt(o, ",\"answer_tokens\":%u", s.answer_tokens);
    if (h->c.metered) jout_fmt(o, ",\"energy_j\":%.6g", (double)s.joules);
    else jout_raw(o, ",\"energy_j\":null");
    if (s.n_first) jout_fmt(o, ",\"first_token_ms\":%.6g", (double)s.first_s * 1e3 / s.n_first);
    else jout_raw(o, ",\"first_token_ms\":null");
}

/* A copy, so that nobody waits while it is written; false: it asked nothing in the last hour. */
static bool copy_of(struct history *h, uint32_t i, uint64_t now, struct history_tenant *out) {
    pthread_mutex_lock(&h->tenants_lock);
    const struct history_tenant *t = &h->tenants[i];
    bool ok = t->used && is_recent(t->latest, now);
    if (ok) *out = *t;
    pthread_mutex_unlock(&h->tenants_lock);
    return ok;
}

void history_put_tenants(struct history *h, struct jout *o, const struct history_query *q) {
    struct history_tenant t;
    uint64_t now = minute_now(h);
    bool any = false;
    jout_raw(o, "\"tenants\":[");
    for (uint32_t i = 0; i <= HISTORY_TENANTS; i++) {
        if (!copy_of(h, i, now, &t)) continue;
        jout_raw(o, any ? ",{" : "{");
        any = true;
        if (i < HISTORY_TENANTS) {
            jout_fmt(o, "\"id\":%" PRIu64 ",\"tenant\":", t.id);
            jout_text(o, str_of(t.name));
        } else jout_raw(o, "\"id\":null,\"tenant\":null"); /* those without a place */
        jout_raw(o, ",");
        put_sum(h, o, &t, now);
        jout_raw(o, "}");
    }
    jout_raw(o, "]");
    if (!q->minutes) return;
    jout_raw(o, ",");
    history_put_minutes(h, o, q->tenant);
}

/* Oldest first. */
static void put_column(struct jout *o, const struct history_tenant *t, uint64_t now, const char *name, size_t at) {
    jout_fmt(o, ",\"%s\":[", name);
    for (uint32_t back = HISTORY_MINUTES; back-- > 0;) {
        const struct history_minute *m = &t->minutes[(now + HISTORY_MINUTES - back) % HISTORY_MINUTES];
        bool here = now > back && m->minute == now - back;
        const char *field = (const char *)m + at;
        jout_fmt(o, back + 1 < HISTORY_MINUTES ? ",%u" : "%u", here ? *(const uint32_t *)(const void *)field : 0);
    }
    jout_raw(o, "]");
}

void history_put_minutes(struct history *h, struct jout *o, uint64_t tenant) {
    static const struct {
        const char *name;
        size_t at;
    } columns[] = {{"requests", offsetof(struct history_minute, requests)},
                   {"failed", offsetof(struct history_minute, failed)},
                   {"prompt_tokens", offsetof(struct history_minute, prompt_tokens)},
                   {"answer_tokens", offsetof(struct history_minute, answer_tokens)}};
    struct history_tenant t = {.id = tenant};
    uint64_t now = minute_now(h);
    for (uint32_t i = 0; i < HISTORY_TENANTS; i++)
        if (copy_of(h, i, now, &t) && t.id == tenant) break;
        else t = (struct history_tenant){.id = tenant};
    jout_raw(o, "\"minutes\":{");
    put_sum(h, o, &t, now);
    jout_raw(o, ",\"by_minute\":{\"every_ms\":60000");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        put_column(o, &t, now, columns[i].name, columns[i].at);
    jout_raw(o, "}}");
}
