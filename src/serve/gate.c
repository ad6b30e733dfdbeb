/* gate: what every request passes: who asks, may they, and what it cost. gate_keep.c keeps it in step with keys.db. */
#include "serve/gate.h"

#include <sodium.h>
#include <stdio.h>

#include "base/mem.h"
#include "serve/catalog.h"
#include "serve/gate_impl.h"

enum { BUSY_MS = 1000 }; /* when to come back where nothing says when there will be room */

/* ---- who ---- */

static void local_caller(const struct gate *g, struct caller *out) {
    *out = (struct caller){
        .weight = 1, .transcript = g->transcript, .tenant_name = "local", .key_name = "local", .admin = true};
}

static void no_key(struct fault *f, struct str secret) {
    if (secret.n == 0)
        fault_set(f, 401, "invalid_api_key", NULL,
                  "You did not give an API key. Send one in the header: Authorization: Bearer sk-sillok-...");
    else fault_set(f, 401, "invalid_api_key", NULL, "This API key is not known here.");
}

static const struct gate_entry *find_entry(const struct gate_table *t, const uint8_t hash[GATE_HASH]) {
    size_t at;
    memcpy(&at, hash, sizeof at);
    for (; t->entries[at & t->mask].account; at++)
        if (sodium_memcmp(t->entries[at & t->mask].hash, hash, GATE_HASH) == 0) return &t->entries[at & t->mask];
    return NULL;
}

static bool check_entry(const struct gate *g, const struct gate_entry *k, struct fault *f) {
    if (k->revoked) return fault_set(f, 403, "key_revoked", NULL, "This API key was revoked.");
    if (k->expires && clock_unix_s(g->clock) >= k->expires)
        return fault_set(f, 403, "key_expired", NULL, "This API key has expired.");
    if (k->account->suspended) return fault_set(f, 403, "tenant_suspended", NULL, "This account is suspended.");
    return true;
}

bool gate_authenticate(struct gate *g, struct str secret, struct caller *out, struct fault *f) {
    uint8_t hash[GATE_HASH];
    bool hashed = gate_secret_hash(secret, g->salt, hash), ok = true;
    pthread_mutex_lock(&g->lock);
    if (!g->keys) {
        local_caller(g, out);
    } else {
        const struct gate_entry *k = hashed ? find_entry(g->table, hash) : NULL;
        if (k) ok = check_entry(g, k, f);
        else {
            ok = false;
            no_key(f, secret);
        }
        if (ok) {
            const struct gate_account *a = k->account;
            *out = (struct caller){.tenant = a->id, .key = k->id, .weight = a->weight, .admin = k->admin};
            out->transcript = a->transcript;
            memcpy(out->tenant_name, a->name, CALLER_NAME);
            memcpy(out->key_name, k->name, CALLER_NAME);
        }
    }
    pthread_mutex_unlock(&g->lock);
    return ok;
}

/* ---- how much ---- */

struct gate_account *gate_account_find(const struct gate *g, uint64_t id) {
    size_t low = 0, high = g->n_accounts;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (g->accounts[mid]->id < id) low = mid + 1;
        else high = mid;
    }
    return low < g->n_accounts && g->accounts[low]->id == id ? g->accounts[low] : NULL;
}

void gate_account_apply(const struct gate *g, struct gate_account *a, uint64_t now_ns) {
    a->rates = g->rates;
    if (a->own & GATE_OWN_REQUESTS) a->rates.requests_minute = a->own_rates.requests_minute;
    if (a->own & GATE_OWN_TOKENS) a->rates.tokens_minute = a->own_rates.tokens_minute;
    if (a->own & GATE_OWN_DAY) a->rates.tokens_day = a->own_rates.tokens_day;
    if (a->own & GATE_OWN_CONCURRENT) a->rates.concurrent = a->own_rates.concurrent;
    a->transcript = a->own & GATE_OWN_TRANSCRIPT ? a->own_transcript : g->transcript;
    gate_bucket_set(&a->requests, a->rates.requests_minute, now_ns);
    gate_bucket_set(&a->tokens, a->rates.tokens_minute, now_ns);
}

/* True when `name` is a line of `list`. */
static bool has_line(const char *list, const char *name) {
    size_t n = strlen(name);
    for (const char *p = list; *p;) {
        size_t k = strcspn(p, "\n");
        if (k == n && memcmp(p, name, n) == 0) return true;
        p += k + (p[k] == '\n');
    }
    return false;
}

void gate_terms(struct gate *g, const struct caller *c, struct gate_terms *out) {
    *out = (struct gate_terms){0};
    pthread_mutex_lock(&g->lock);
    struct gate_account *a = gate_account_find(g, c->tenant);
    if (a) {
        out->rates = a->rates;
        out->tokens_today = gate_days_at(&a->days, gate_day_of(clock_unix_s(g->clock)))->used;
        if (a->models) snprintf(out->models, sizeof out->models, "%s", a->models);
        out->some_models = a->models != NULL;
    }
    pthread_mutex_unlock(&g->lock);
}

bool gate_terms_allow(const struct gate_terms *t, const char *model) {
    return !t->some_models || has_line(t->models, model);
}

uint32_t gate_running(struct gate *g, uint64_t tenant) {
    pthread_mutex_lock(&g->lock);
    const struct gate_account *a = gate_account_find(g, tenant);
    uint32_t n = a ? a->running : 0;
    pthread_mutex_unlock(&g->lock);
    return n;
}

static bool too_many(struct fault *f, uint32_t retry_ms, const char *what, uint64_t limit) {
    fault_set(f, 429, "rate_limit_exceeded", NULL, "Rate limit reached: %llu %s. Try again in %.1f s.",
              (unsigned long long)limit, what, retry_ms / 1e3);
    f->retry_ms = retry_ms;
    return false;
}

static bool over_budget(struct fault *f, uint64_t limit, uint64_t left, uint64_t needed) {
    fault_set(
        f, 429, "insufficient_quota", NULL,
        "The budget of %llu tokens a day has %llu left, and this request may need %llu. It is renewed at 00:00 UTC.",
        (unsigned long long)limit, (unsigned long long)left, (unsigned long long)needed);
    f->type = "insufficient_quota";
    f->do_not_retry = true;
    return false;
}

static bool check_day(const struct gate *g, struct gate_account *a, uint64_t n, struct fault *f) {
    const uint64_t limit = a->rates.tokens_day;
    if (limit == 0) return true;
    uint64_t used = gate_days_at(&a->days, gate_day_of(clock_unix_s(g->clock)))->used;
    uint64_t left = used < limit ? limit - used : 0;
    if (n > left) return over_budget(f, limit, left, n);
    /* What runs may give some back. */
    if (a->reserved > left - n)
        return too_many(f, BUSY_MS, "tokens a day, of which requests that run hold the rest", limit);
    return true;
}

static bool check_rates(const struct gate *g, struct gate_account *a, uint64_t n, uint64_t now, struct fault *f) {
    uint32_t requests = gate_bucket_wait(&a->requests, 1, now), tokens = gate_bucket_wait(&a->tokens, n, now);
    if (a->rates.concurrent && a->running >= a->rates.concurrent)
        return too_many(f, BUSY_MS, "requests at once", a->rates.concurrent);
    if (!check_day(g, a, n, f)) return false;
    if (requests) return too_many(f, requests > tokens ? requests : tokens, "requests a minute", a->requests.limit);
    if (tokens) return too_many(f, tokens, "tokens a minute", a->tokens.limit);
    return true;
}

/* ---- rows of usage ---- */

static size_t row_place(const struct gate *g, uint64_t tenant, uint64_t key, const char *model) {
    uint64_t h = 0xcbf29ce484222325u ^ (tenant * 0x9e3779b97f4a7c15u) ^ (key * 0xc2b2ae3d27d4eb4fu); /* FNV-1a */
    for (const char *p = model; *p; p++) h = (h ^ (unsigned char)*p) * 0x100000001b3u;
    size_t at = (size_t)(h ^ (h >> 29)) & g->row_mask;
    for (;; at = (at + 1) & g->row_mask) {
        const struct gate_row *r = g->rows[at];
        if (!r || (r->account->id == tenant && r->key == key && strcmp(r->model, model) == 0)) return at;
    }
}

static bool rows_grow(struct gate *g) {
    size_t places = (g->row_mask + 1) * 2, old = g->row_mask + 1;
    struct gate_row **from = g->rows, **to = mem_array(g->mem, places, sizeof(struct gate_row *));
    if (!to) return false;
    g->rows = to;
    g->row_mask = places - 1;
    for (size_t i = 0; i < old; i++)
        if (from[i]) to[row_place(g, from[i]->account->id, from[i]->key, from[i]->model)] = from[i];
    mem_free(g->mem, from);
    return true;
}

/* The row where a request will be counted; made now, so that its end needs no memory. */
static struct gate_row *row_of(struct gate *g, struct gate_account *a, uint64_t key, const char *model) {
    size_t at = row_place(g, a->id, key, model), n = strlen(model) + 1;
    if (g->rows[at]) return g->rows[at];
    if (g->n_rows >= GATE_ROWS_MAX) return NULL;
    if (g->n_rows * 2 > g->row_mask) {
        if (!rows_grow(g)) return NULL;
        at = row_place(g, a->id, key, model);
    }
    struct gate_row *r = mem_array(g->mem, 1, sizeof *r + n);
    if (!r) return NULL;
    r->account = a;
    r->key = key;
    memcpy(r->model, model, n);
    g->rows[at] = r;
    g->n_rows++;
    return r;
}

static void counts_add(struct gate_counts *to, const struct gate_counts *c) {
    to->requests += c->requests;
    to->prompt_tokens += c->prompt_tokens;
    to->cached_tokens += c->cached_tokens;
    to->answer_tokens += c->answer_tokens;
    to->energy_j += c->energy_j;
}

void gate_row_add(struct gate *g, struct gate_row *row, const struct gate_counts *c) {
    struct gate_counts *a = &row->slot[0], *b = &row->slot[1], *to = NULL;
    if (a->requests && a->day == c->day) to = a;
    if (b->requests && b->day == c->day) to = b;
    if (!to) to = !a->requests ? a : !b->requests ? b : NULL;
    /* A third day while nothing could be written: counted, on the later of the two. */
    if (!to) to = a->day > b->day ? a : b;
    if (!to->requests) to->day = c->day;
    counts_add(to, c);
    if (row->dirty) return;
    row->dirty = true;
    row->dirty_next = g->dirty;
    g->dirty = row;
}

/* ---- a request's beginning and end ---- */

static bool admit(struct gate *g, struct request *r, uint64_t n, struct fault *f) {
    const char *model = r->model ? r->model->config->name : "";
    struct gate_account *a = gate_account_find(g, r->caller.tenant);
    if (!a) return fault_set(f, 403, "tenant_unknown", NULL, "This account is no longer there.");
    uint64_t now = clock_now_ns(g->clock);
    bool ok;
    struct gate_row *row = NULL;
    if (a->models && !has_line(a->models, model))
        ok = fault_set(f, 403, "model_not_allowed", "model", "This account may not use the model \"%s\".", model);
    else if (!(row = row_of(g, a, r->caller.key, model))) {
        ok = fault_set(f, 503, "unavailable", NULL, "There is no memory to count this request.");
        f->retry_ms = BUSY_MS;
    } else ok = check_rates(g, a, n, now, f);
    if (ok) {
        gate_bucket_take(&a->requests, 1);
        gate_bucket_take(&a->tokens, n);
        a->running++;
        a->reserved += n;
    }
    r->ticket = (struct gate_ticket){.admitted = ok,
                                     .tokens = n,
                                     .at_ns = now,
                                     .requests = gate_bucket_rate(&a->requests),
                                     .tokens_rate = gate_bucket_rate(&a->tokens),
                                     .account = row};
    return ok;
}

bool gate_admit(struct gate *g, struct request *r, uint64_t n_tokens, struct fault *f) {
    pthread_mutex_lock(&g->lock);
    bool ok = admit(g, r, n_tokens, f);
    pthread_mutex_unlock(&g->lock);
    return ok;
}

void gate_settle(struct gate *g, struct request *r, const struct answer_usage *u) {
    if (!r->ticket.admitted) return;
    struct gate_row *row = r->ticket.account;
    struct gate_account *a = row->account;
    uint64_t used = (uint64_t)u->n_prompt + u->n_answer, held = r->ticket.tokens;
    struct gate_counts c = {.day = gate_day_of(clock_unix_s(g->clock)),
                            .requests = 1,
                            .prompt_tokens = u->n_prompt,
                            .cached_tokens = u->n_cached,
                            .answer_tokens = u->n_answer,
                            .energy_j = u->energy_j > 0 ? u->energy_j : 0};
    pthread_mutex_lock(&g->lock);
    if (used < held) gate_bucket_give(&a->tokens, held - used);
    else gate_bucket_take(&a->tokens, used - held);
    a->reserved -= held < a->reserved ? held : a->reserved;
    if (a->running) a->running--;
    gate_days_at(&a->days, c.day)->used += used;
    gate_row_add(g, row, &c);
    r->ticket.admitted = false;
    pthread_mutex_unlock(&g->lock);
}
