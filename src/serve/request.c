#include "serve/request.h"

#include <string.h>

#include "ledger/replay.h"
#include "serve/catalog.h"

sil_err request_new(struct mem mem, struct request **out) {
    struct request *r = mem_array(mem, 1, sizeof *r);
    if (!r) return SIL_NOMEM;
    arena_init(&r->arena, mem, REQUEST_MEMORY_MAX);
    sil_err err = answer_init(&r->answer, mem);
    if (err != SIL_OK) {
        mem_free(mem, r);
        return err;
    }
    atomic_init(&r->refs, 1);
    *out = r;
    return SIL_OK;
}

struct request *request_hold(struct request *r) {
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void request_release(struct request *r) {
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1) return;
    catalog_release(r->model);
    json_decref(r->body);
    json_decref(r->messages);
    json_decref(r->tools);
    json_decref(r->template_vars);
    if (r->replay) replay_free(r->replay);
    mem_free(r->arena.mem, r->replay);
    answer_free(&r->answer);
    struct mem mem = r->arena.mem;
    arena_free(&r->arena);
    mem_free(mem, r);
}

struct str request_copy(struct request *r, struct str s) {
    const char *p = arena_copy(&r->arena, s.p ? s.p : "", s.n);
    return (struct str){p, p ? s.n : 0};
}
