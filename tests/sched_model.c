#include "sched_model.h"

#include <string.h>

void sm_open(struct sm_engine *e, uint32_t n_pages, uint32_t page_tokens) {
    *e = (struct sm_engine){.n_pages = n_pages, .page_tokens = page_tokens};
}

uint32_t sm_available(const struct sm_engine *e) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->n_pages; i++) n += e->pages[i].refs == 0;
    return n;
}

static uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t h = (a ^ b * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    return h ^ h >> 31;
}

/* What page i of a text says, with all before it. */
static uint64_t says(const struct sm_engine *e, const struct sm_text *t, uint32_t i) {
    bool shared = (i + 1) * (uint64_t)e->page_tokens <= t->shared;
    return mix(shared ? t->group : t->own, i) | 1;
}

static uint32_t find(const struct sm_engine *e, uint32_t space, uint64_t what) {
    for (uint32_t i = 0; i < e->n_pages; i++)
        if (e->pages[i].in_tree && e->pages[i].space == space && e->pages[i].says == what) return i;
    return SM_NONE;
}

/* A page for writing: a free one, else the idle one that was used longest ago. */
static uint32_t take(struct sm_engine *e, uint32_t space) {
    uint32_t best = SM_NONE;
    for (uint32_t i = 0; i < e->n_pages; i++) {
        const struct sm_page *p = &e->pages[i];
        if (p->refs) continue;
        if (!p->in_tree) {
            best = i;
            break;
        }
        if (best == SM_NONE || p->used < e->pages[best].used) best = i;
    }
    if (best != SM_NONE) e->pages[best] = (struct sm_page){.refs = 1, .space = space};
    return best;
}

static void give(struct sm_engine *e, uint32_t page) {
    e->pages[page].refs--;
    e->pages[page].used = ++e->ticks;
}

uint32_t sm_start(struct sm_engine *e, struct sm_session *s, uint32_t space, struct sm_text text, uint32_t n) {
    *s = (struct sm_session){.open = true, .space = space, .text = text};
    while ((s->n_pages + 1) * (uint64_t)e->page_tokens <= n) {
        uint32_t page = find(e, space, says(e, &text, s->n_pages));
        if (page == SM_NONE) break;
        e->pages[page].refs++;
        s->pages[s->n_pages++] = page;
        s->n = s->n_pages * e->page_tokens;
    }
    s->n_tree = s->n_pages;
    if (s->n == n) {
        s->n--;
        s->n_tree--;
        if (s->n == 0 || s->n % e->page_tokens == 0) give(e, s->pages[--s->n_pages]);
    }
    return s->n;
}

/* Makes the page that the session ends in its own to write. */
static bool own(struct sm_engine *e, struct sm_session *s) {
    uint32_t at = s->n / e->page_tokens;
    if (at >= s->n_pages) return true;
    struct sm_page *p = &e->pages[s->pages[at]];
    if (p->refs == 1 && !p->in_tree) return true;
    uint32_t copy = take(e, s->space);
    if (copy == SM_NONE) {
        if (p->refs > 1) return false;
        p->in_tree = false;
        return true;
    }
    give(e, s->pages[at]);
    s->pages[at] = copy;
    return true;
}

/* Pages that are full become findable; where the tree has one that says the same, that one is held instead. */
static void publish(struct sm_engine *e, struct sm_session *s) {
    for (; (s->n_tree + 1) * (uint64_t)e->page_tokens <= s->n; s->n_tree++) {
        uint64_t what = says(e, &s->text, s->n_tree);
        uint32_t other = find(e, s->space, what), mine = s->pages[s->n_tree];
        if (other == mine) continue;
        if (other == SM_NONE) {
            e->pages[mine].in_tree = true;
            e->pages[mine].says = what;
            continue;
        }
        e->pages[other].refs++;
        give(e, mine);
        s->pages[s->n_tree] = other;
    }
}

bool sm_append(struct sm_engine *e, struct sm_session *s, uint32_t n) {
    uint32_t had = s->n_pages, need = (s->n + n + e->page_tokens - 1) / e->page_tokens;
    bool ok = need <= SM_SESSION_PAGES;
    while (ok && s->n_pages < need) {
        uint32_t page = take(e, s->space);
        ok = page != SM_NONE;
        if (ok) s->pages[s->n_pages++] = page;
    }
    ok = ok && own(e, s);
    if (!ok) {
        while (s->n_pages > had) give(e, s->pages[--s->n_pages]);
        return false;
    }
    s->n += n;
    publish(e, s);
    return true;
}

void sm_close(struct sm_engine *e, struct sm_session *s) {
    while (s->n_pages) give(e, s->pages[--s->n_pages]);
    *s = (struct sm_session){0};
}

bool sm_consistent(const struct sm_engine *e, const struct sm_session *const *sessions, uint32_t n) {
    static uint32_t refs[SM_PAGES], last[SM_PAGES]; /* last: the session, counted from 1, that held it last */
    memset(refs, 0, sizeof refs);
    memset(last, 0, sizeof last);
    for (uint32_t i = 0; i < n; i++) {
        const struct sm_session *s = sessions[i];
        for (uint32_t k = 0; k < s->n_pages; k++) {
            uint32_t page = s->pages[k];
            if (page >= e->n_pages || last[page] == i + 1 || e->pages[page].space != s->space) return false;
            last[page] = i + 1;
            refs[page]++;
        }
        if (s->n > s->n_pages * e->page_tokens) return false;
    }
    for (uint32_t i = 0; i < e->n_pages; i++)
        if (refs[i] != e->pages[i].refs) return false;
    return true;
}

double sm_cost(const struct sched_cost *c, double prefill, double decode, double attend) {
    return c->step + prefill * c->prefill + decode * c->decode + attend * c->attend;
}
