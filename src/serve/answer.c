#include "serve/answer.h"

#include <string.h>

const char *answer_finish_name(enum answer_finish f) {
    static const char *const names[FINISH_KINDS] = {"stop", "length", "cancelled", "timeout", "error"};
    return names[f];
}

sil_err answer_init(struct answer *a, struct mem mem) {
    memset(a, 0, sizeof *a);
    arena_init(&a->arena, mem, ANSWER_MEMORY_MAX);
    return pthread_mutex_init(&a->lock, NULL) == 0 ? SIL_OK : SIL_NOMEM;
}

void answer_free(struct answer *a) {
    pthread_mutex_destroy(&a->lock);
    arena_free(&a->arena);
}

/* ---- the writer ---- */

static void wake(struct answer *a) {
    if (!a->asleep) return;
    a->asleep = false;
    if (a->wake) a->wake(a->wake_arg);
}

/* Puts an event at the end of the list. The reader may look at it from then on. */
static void append(struct answer *a, struct answer_event *ev, bool end) {
    pthread_mutex_lock(&a->lock);
    if (!a->ended) {
        if (a->last) a->last->next = ev;
        else a->first = ev;
        a->last = ev;
        a->ended = end;
        if (end || !a->until_end) wake(a);
    }
    pthread_mutex_unlock(&a->lock);
}

static bool copy_str(struct answer *a, struct str *s) {
    if (s->n == 0) return true;
    s->p = arena_copy(&a->arena, s->p, s->n);
    return s->p != NULL;
}

/* Only the one writer of the moment takes from the arena, so no lock. */
static struct answer_event *event_new(struct answer *a, enum answer_kind kind, uint32_t choice) {
    struct answer_event *ev = ARENA_NEW(&a->arena, struct answer_event);
    if (!ev) return NULL;
    ev->kind = kind;
    ev->choice = choice;
    return ev;
}

static bool copy_tops(struct answer *a, struct answer_token *t) {
    if (t->n_top == 0) return true;
    struct sil_logprob *top = ARENA_ARRAY(&a->arena, t->n_top, struct sil_logprob);
    if (!top) return false;
    memcpy(top, t->top, t->n_top * sizeof *top);
    t->top = top;
    return true;
}

sil_err answer_delta(struct answer *a, uint32_t choice, struct str text, const struct answer_token *tokens,
                     uint32_t n_tokens) {
    struct answer_event *ev = event_new(a, ANSWER_DELTA, choice);
    struct answer_token *copy = n_tokens ? ARENA_ARRAY(&a->arena, n_tokens, struct answer_token) : NULL;
    if (!ev || (n_tokens && !copy) || !copy_str(a, &text)) return SIL_NOMEM;
    for (uint32_t i = 0; i < n_tokens; i++) {
        copy[i] = tokens[i];
        if (!copy_tops(a, &copy[i])) return SIL_NOMEM;
    }
    ev->text = text;
    ev->tokens = copy;
    ev->n_tokens = n_tokens;
    append(a, ev, false);
    return SIL_OK;
}

sil_err answer_finish(struct answer *a, uint32_t choice, enum answer_finish finish, const char *stop) {
    struct answer_event *ev = event_new(a, ANSWER_FINISH, choice);
    if (!ev) return SIL_NOMEM;
    ev->finish = finish;
    ev->stop = stop;
    append(a, ev, false);
    return SIL_OK;
}

static struct answer_record *copy_record(struct answer *a, const struct answer_record *r) {
    struct answer_record *copy = ARENA_NEW(&a->arena, struct answer_record);
    uint64_t *entries = ARENA_ARRAY(&a->arena, r->n, uint64_t);
    struct str *receipts = ARENA_ARRAY(&a->arena, r->n, struct str);
    if (!copy || !entries || !receipts) return NULL;
    for (uint32_t i = 0; i < r->n; i++) {
        entries[i] = r->entries[i];
        receipts[i] = r->receipts[i];
        if (!copy_str(a, &receipts[i])) return NULL;
    }
    *copy = (struct answer_record){.n = r->n, .entries = entries, .receipts = receipts};
    return copy;
}

sil_err answer_done(struct answer *a, const struct answer_usage *usage, const struct answer_record *record) {
    struct answer_event *ev = event_new(a, ANSWER_DONE, 0);
    struct answer_usage *copy = ARENA_NEW(&a->arena, struct answer_usage);
    const struct answer_record *kept = ev && copy ? copy_record(a, record) : NULL;
    if (!kept) return SIL_NOMEM;
    *copy = *usage;
    ev->usage = copy;
    ev->record = kept;
    append(a, ev, true);
    return SIL_OK;
}

sil_err answer_reply_as(struct answer *a, struct str body, const char *type, const char *file) {
    struct answer_event *ev = event_new(a, ANSWER_REPLY, 0);
    struct str name = {file, strlen(file) + 1}; /* its NUL too */
    if (!ev || !copy_str(a, &body) || !copy_str(a, &name)) return SIL_NOMEM;
    ev->text = body;
    ev->type = type;
    ev->file = (struct str){name.p, name.n - 1};
    append(a, ev, true);
    return SIL_OK;
}

sil_err answer_reply(struct answer *a, struct str body) {
    return answer_reply_as(a, body, NULL, "");
}

void answer_fault(struct answer *a, const struct fault *f) {
    if (a->fault_event.fault) return;
    a->fault = *f;
    a->fault_event = (struct answer_event){.kind = ANSWER_FAULT, .fault = &a->fault};
    append(a, &a->fault_event, true);
}

/* ---- the reader ---- */

const struct answer_event *answer_next(struct answer *a) {
    pthread_mutex_lock(&a->lock);
    const struct answer_event *ev = a->read ? a->read->next : a->first;
    if (ev) a->read = ev;
    pthread_mutex_unlock(&a->lock);
    return ev;
}

const struct answer_event *answer_first(struct answer *a) {
    pthread_mutex_lock(&a->lock);
    const struct answer_event *ev = a->first;
    pthread_mutex_unlock(&a->lock);
    return ev;
}

const struct answer_event *answer_end(struct answer *a) {
    pthread_mutex_lock(&a->lock);
    const struct answer_event *ev = a->ended ? a->last : NULL;
    pthread_mutex_unlock(&a->lock);
    return ev;
}

const struct answer_event *answer_after(const struct answer *a, const struct answer_event *e) {
    return e ? e->next : a->first;
}

bool answer_sleep(struct answer *a, bool until_end, void (*sleep)(void *arg), void *arg) {
    pthread_mutex_lock(&a->lock);
    bool something = until_end ? a->ended : (a->read ? a->read->next : a->first) != NULL;
    bool sleeps = !something && !answer_is_cancelled(a);
    if (sleeps) {
        a->asleep = true;
        a->until_end = until_end;
        sleep(arg);
    }
    pthread_mutex_unlock(&a->lock);
    return sleeps;
}

void answer_cancel(struct answer *a) {
    pthread_mutex_lock(&a->lock);
    __atomic_store_n(&a->cancelled, 1, __ATOMIC_RELAXED);
    wake(a);
    pthread_mutex_unlock(&a->lock);
}

bool answer_detach(struct answer *a) {
    pthread_mutex_lock(&a->lock);
    a->asleep = false;
    a->wake = NULL;
    bool open = !a->ended;
    if (open) __atomic_store_n(&a->cancelled, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&a->lock);
    return open;
}
