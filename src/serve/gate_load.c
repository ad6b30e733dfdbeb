/* gate_load: tenants and keys from keys.db into the gate's memory. Everything is read and allocated first; then it is
 * taken over at once, so that a failure changes nothing. */
#include <stdio.h>

#include "base/checked.h"
#include "base/err.h"
#include "base/mem.h"
#include "serve/gate_impl.h"

struct tenant {
    uint64_t id;
    char name[CALLER_NAME];
    unsigned own;
    struct config_rates rates;
    enum caller_transcript transcript;
    uint32_t weight;
    bool suspended;
    char *models;
    struct gate_account *account;
};

struct load {
    struct gate *g;
    struct sil_error *e;
    struct tenant *tenants;
    struct gate_key *keys;
    size_t n_tenants, cap_tenants, n_keys, cap_keys;

    struct gate_account **accounts; /* the old ones and the new ones, by id */
    size_t n_accounts;
    struct gate_table *table;
};

/* One more place in a growing array. */
static void *more(struct load *l, void *list, size_t *cap, size_t n, size_t max, size_t size) {
    size_t bytes = 0, next = *cap ? *cap * 2 : 64;
    if (n < *cap) return list;
    if (n >= max) {
        err_set(l->e, SIL_LIMIT, "keys.db has more than %zu tenants or keys", max);
        return NULL;
    }
    void *p = size_mul(next, size, &bytes) ? l->g->mem.resize(l->g->mem.ctx, list, bytes) : NULL;
    if (!p) err_nomem(l->e, "keys.db", bytes);
    else *cap = next;
    return p;
}

static sil_err failed(const struct load *l) {
    return l->e->code;
}

static sil_err each_tenant(void *arg, const struct gate_tenant *t) {
    struct load *l = arg;
    struct tenant *list = more(l, l->tenants, &l->cap_tenants, l->n_tenants, GATE_TENANTS_MAX, sizeof *list);
    if (!list) return failed(l);
    l->tenants = list;
    struct tenant *to = &list[l->n_tenants];
    *to = (struct tenant){.id = t->id,
                          .own = t->own,
                          .rates = t->rates,
                          .transcript = t->transcript,
                          .weight = t->weight,
                          .suspended = t->suspended};
    memcpy(to->name, t->name, CALLER_NAME);
    if (t->own & GATE_OWN_MODELS) {
        size_t n = strlen(t->models) + 1;
        to->models = mem_alloc(l->g->mem, n);
        if (!to->models) return err_nomem(l->e, "keys.db", n);
        memcpy(to->models, t->models, n);
    }
    l->n_tenants++;
    return SIL_OK;
}

static sil_err each_key(void *arg, const struct gate_key *k) {
    struct load *l = arg;
    struct gate_key *list = more(l, l->keys, &l->cap_keys, l->n_keys, GATE_KEYS_MAX, sizeof *list);
    if (!list) return failed(l);
    l->keys = list;
    list[l->n_keys++] = *k;
    return SIL_OK;
}

/* An account for each tenant, and the list of all by id (both lists are sorted). */
static sil_err merge_accounts(struct load *l) {
    struct gate *g = l->g;
    size_t old = 0, n = 0;
    l->accounts = mem_array(g->mem, g->n_accounts + l->n_tenants + 1, sizeof(struct gate_account *));
    if (!l->accounts) return err_nomem(l->e, "accounts", 0);
    for (size_t i = 0; i < l->n_tenants; i++) {
        struct tenant *t = &l->tenants[i];
        while (old < g->n_accounts && g->accounts[old]->id < t->id) l->accounts[n++] = g->accounts[old++];
        if (old < g->n_accounts && g->accounts[old]->id == t->id) t->account = g->accounts[old++];
        else {
            t->account = mem_array(g->mem, 1, sizeof *t->account);
            if (!t->account) return err_nomem(l->e, "accounts", sizeof *t->account);
            t->account->id = t->id;
        }
        l->accounts[n++] = t->account;
        l->n_accounts = n;
    }
    while (old < g->n_accounts) l->accounts[n++] = g->accounts[old++];
    l->n_accounts = n;
    return SIL_OK;
}

static struct gate_account *account_of(const struct load *l, uint64_t id) {
    const struct gate as_loaded = {.accounts = l->accounts, .n_accounts = l->n_accounts};
    return gate_account_find(&as_loaded, id);
}

static sil_err build_table(struct load *l) {
    size_t places = 16;
    while (places < l->n_keys * 2) places *= 2;
    struct gate_table *t = mem_array(l->g->mem, 1, sizeof *t + places * sizeof t->entries[0]);
    if (!t) return err_nomem(l->e, "keys", places * sizeof t->entries[0]);
    l->table = t;
    t->mask = places - 1;
    for (size_t i = 0; i < l->n_keys; i++) {
        const struct gate_key *k = &l->keys[i];
        struct gate_account *a = account_of(l, k->tenant);
        size_t at;
        if (!a) continue; /* another process made it between the two readings: next time */
        memcpy(&at, k->hash, sizeof at);
        while (t->entries[at & t->mask].account) at++;
        struct gate_entry *to = &t->entries[at & t->mask];
        *to = (struct gate_entry){
            .id = k->id, .account = a, .expires = k->expires, .revoked = k->revoked, .admin = k->admin};
        memcpy(to->hash, k->hash, GATE_HASH);
        memcpy(to->name, k->name, CALLER_NAME);
    }
    return SIL_OK;
}

/* Cannot fail. What was there before is left in l, to be freed. */
static void take_over(struct load *l, const struct config *c) {
    struct gate *g = l->g;
    uint64_t now = clock_now_ns(g->clock);
    pthread_mutex_lock(&g->lock);
    if (c) {
        g->keys = c->keys;
        g->rates = c->rates;
        g->transcript = c->transcript;
    }
    for (size_t i = 0; i < l->n_tenants; i++) {
        struct tenant *t = &l->tenants[i];
        struct gate_account *a = t->account;
        memcpy(a->name, t->name, CALLER_NAME);
        a->weight = t->weight;
        a->suspended = t->suspended;
        a->own = t->own;
        a->own_rates = t->rates;
        a->own_transcript = t->transcript;
        char *old = a->models;
        a->models = t->models;
        t->models = old;
        t->account = NULL;
    }
    struct gate_account **accounts = g->accounts;
    struct gate_table *table = g->table;
    g->accounts = l->accounts;
    g->n_accounts = l->n_accounts;
    g->table = l->table;
    for (size_t i = 0; i < g->n_accounts; i++) gate_account_apply(g, g->accounts[i], now);
    pthread_mutex_unlock(&g->lock);
    l->accounts = accounts;
    l->table = table;
}

static void load_free(struct load *l) {
    struct gate *g = l->g;
    for (size_t i = 0; i < l->n_tenants; i++) {
        struct tenant *t = &l->tenants[i];
        mem_free(g->mem, t->models);
        if (t->account && !gate_account_find(g, t->id)) mem_free(g->mem, t->account); /* made in vain */
    }
    mem_free(g->mem, l->tenants);
    mem_free(g->mem, l->keys);
    mem_free(g->mem, l->accounts);
    mem_free(g->mem, l->table);
}

sil_err gate_load(struct gate *g, const struct config *c, struct sil_error *e) {
    struct sil_error own = {0};
    struct load l = {.g = g, .e = e ? e : &own};
    int64_t version = 0;
    /* Before the reading: what changes during it is read again. */
    sil_err err = gate_db_version(g->db, &version, l.e);
    if (err == SIL_OK) err = gate_db_tenants(g->db, each_tenant, &l, l.e);
    if (err == SIL_OK) err = gate_db_keys(g->db, each_key, &l, l.e);
    if (err == SIL_OK) err = merge_accounts(&l);
    if (err == SIL_OK) err = build_table(&l);
    if (err == SIL_OK) {
        take_over(&l, c);
        g->version = version;
    }
    load_free(&l);
    return err;
}

struct today {
    struct gate *g;
    int64_t day;
};

static sil_err each_used(void *arg, const struct gate_usage *u) {
    const struct today *t = arg;
    struct gate_account *a = gate_account_find(t->g, u->tenant);
    if (a) gate_days_at(&a->days, t->day)->used += u->prompt_tokens + u->answer_tokens;
    return SIL_OK;
}

sil_err gate_load_today(struct gate *g, struct sil_error *e) {
    struct today t = {g, gate_day_of(clock_unix_s(g->clock))};
    return gate_db_usage(g->db, t.day, t.day, each_used, &t, e);
}
