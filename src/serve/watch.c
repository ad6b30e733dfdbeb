#include "serve/watch.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

enum {
    EVENTS = 64,
    LOOK_MS = 250, /* between two looks at the deadlines */
    GONE_MS = 1000 /* what is being sent to a client that has closed its side may still get there */
};

struct slot {
    struct watch_line *line; /* NULL: free */
    uint32_t generation;
};

struct watch {
    struct mem mem;
    struct clock clock;
    void (*gone)(void *owner);
    int epoll, stop;
    pthread_t thread;
    pthread_mutex_t lock; /* of the slots and the lines' owners */
    uint32_t n_slots, n_used, next;
    struct slot *slots;
};

static uint64_t key_of(const struct watch_line *l) {
    return (uint64_t)l->generation << 32 | l->slot;
}

bool watch_add(struct watch *w, struct watch_line *line, int fd) {
    bool ok = false;
    pthread_mutex_lock(&w->lock);
    if (w->n_used < w->n_slots) {
        while (w->slots[w->next].line) w->next = (w->next + 1) % w->n_slots;
        struct slot *s = &w->slots[w->next];
        s->line = line;
        s->generation++;
        w->n_used++;
        line->fd = fd;
        line->slot = w->next;
        line->generation = s->generation;
        line->owner = NULL;
        line->gone_ns = 0;
        w->next = (w->next + 1) % w->n_slots;
        struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLONESHOT, .data.u64 = key_of(line)};
        ok = epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
        if (!ok) {
            s->line = NULL;
            w->n_used--;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return ok;
}

void watch_remove(struct watch *w, struct watch_line *line) {
    pthread_mutex_lock(&w->lock);
    w->slots[line->slot].line = NULL;
    w->n_used--;
    epoll_ctl(w->epoll, EPOLL_CTL_DEL, line->fd, NULL);
    pthread_mutex_unlock(&w->lock);
}

void watch_set_owner(struct watch *w, struct watch_line *line, void *owner) {
    pthread_mutex_lock(&w->lock);
    line->owner = owner;
    pthread_mutex_unlock(&w->lock);
}

/* ---- the thread ---- */

static void gone(struct watch *w, uint64_t key) {
    uint32_t slot = (uint32_t)key, generation = (uint32_t)(key >> 32);
    pthread_mutex_lock(&w->lock);
    struct slot *s = &w->slots[slot];
    if (s->line && s->generation == generation) {
        s->line->gone_ns = clock_now_ns(w->clock) + GONE_MS * UINT64_C(1000000);
        if (s->line->owner) w->gone(s->line->owner);
    }
    pthread_mutex_unlock(&w->lock);
}

static void look_at_deadlines(struct watch *w, uint64_t now) {
    pthread_mutex_lock(&w->lock);
    for (uint32_t i = 0; i < w->n_slots; i++) {
        struct watch_line *l = w->slots[i].line;
        uint64_t at = l ? atomic_load_explicit(&l->deadline_ns, memory_order_relaxed) : 0;
        bool late = at && at <= now, gone_long = l && l->gone_ns && l->gone_ns <= now;
        if (!late && !gone_long) continue;
        watch_deadline(l, 0);
        l->gone_ns = 0;
        shutdown(l->fd, SHUT_RDWR);
        if (l->owner) w->gone(l->owner);
    }
    pthread_mutex_unlock(&w->lock);
}

static void *watch_main(void *arg) {
    struct watch *w = arg;
    struct epoll_event ev[EVENTS];
    uint64_t next = 0;
    for (;;) {
        int n = epoll_wait(w->epoll, ev, EVENTS, LOOK_MS);
        for (int i = 0; i < n; i++) {
            if (ev[i].data.u64 == UINT64_MAX) return NULL;
            gone(w, ev[i].data.u64);
        }
        uint64_t now = clock_now_ns(w->clock);
        if (now < next) continue;
        look_at_deadlines(w, now);
        next = now + (uint64_t)LOOK_MS * 1000000u;
    }
}

/* ---- open, close ---- */

static void release(struct watch *w) {
    if (w->epoll >= 0) close(w->epoll);
    if (w->stop >= 0) close(w->stop);
    pthread_mutex_destroy(&w->lock);
    mem_free(w->mem, w->slots);
    mem_free(w->mem, w);
}

sil_err watch_open(struct mem mem, struct clock clock, uint32_t max_lines, void (*gone_fn)(void *owner),
                   struct watch **out, struct sil_error *e) {
    struct watch *w = mem_array(mem, 1, sizeof *w);
    if (!w) return err_nomem(e, "the watch over connections", sizeof *w);
    *w = (struct watch){.mem = mem, .clock = clock, .gone = gone_fn, .n_slots = max_lines};
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->slots = mem_array(mem, max_lines, sizeof *w->slots);
    pthread_mutex_init(&w->lock, NULL);
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
    bool ok = w->slots && w->epoll >= 0 && w->stop >= 0 && epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->stop, &ev) == 0 &&
              pthread_create(&w->thread, NULL, watch_main, w) == 0;
    if (!ok) {
        release(w);
        return err_set(e, SIL_NOMEM, "the watch over connections could not be started");
    }
    *out = w;
    return SIL_OK;
}

void watch_close(struct watch *w) {
    if (!w) return;
    uint64_t one = 1;
    ssize_t n = write(w->stop, &one, sizeof one);
    (void)n; /* an eventfd takes it */
    pthread_join(w->thread, NULL);
    release(w);
}
