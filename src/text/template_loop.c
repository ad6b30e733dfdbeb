/* template_loop: for loops and what `loop` knows. A loop's filter is evaluated only as far as the loop has come, or as
 * loop.last, nextitem and length must look ahead, because a body may change what the filter sees. */
#include "text/template_impl.h"

/* The next item that passes the filter; *found is false at the end. */
static sil_err take(struct tpl_eval *ev, struct tpl_loop *l, struct tv *out, bool *found) {
    *found = false;
    while (!*found && l->next < l->n) {
        *out = l->items[l->next++];
        *found = true;
        SIL_TRY(tpl_charge(ev, 1));
        if (!l->node->c || l->filtered) break;
        struct tpl_scope *before = ev->scope, *s;
        struct tv test;
        SIL_TRY(scope_push(ev, l->scope, &s));
        ev->scope = s;
        SIL_TRY(tpl_assign(ev, l->node->a, *out));
        SIL_TRY(tpl_eval(ev, l->node->c, &test));
        ev->scope = before;
        scope_drop(ev, s);
        *found = tv_true(test);
    }
    return SIL_OK;
}

/* Looks one item ahead. */
static sil_err peek(struct tpl_eval *ev, struct tpl_loop *l) {
    return l->has_after ? SIL_OK : take(ev, l, &l->after, &l->has_after);
}

static sil_err advance(struct tpl_eval *ev, struct tpl_loop *l, bool *more) {
    SIL_TRY(peek(ev, l));
    *more = l->has_after;
    if (!*more) return SIL_OK;
    l->index0++;
    l->has_prev = l->index0 > 0;
    l->prev = l->cur;
    l->cur = l->after;
    l->has_after = false;
    return SIL_OK;
}

/* How many items come after the current one. With a filter, they are found now and kept. */
static sil_err remaining(struct tpl_eval *ev, struct tpl_loop *l, int64_t *out) {
    if (l->node->c && !l->filtered) {
        struct tv kept, v;
        bool found = l->has_after;
        SIL_TRY(seq_new(ev, SEQ_LIST, 0, &kept));
        v = l->after;
        if (!found) SIL_TRY(take(ev, l, &v, &found));
        while (found) {
            SIL_TRY(seq_push(ev, kept.seq, v));
            SIL_TRY(take(ev, l, &v, &found));
        }
        l->items = kept.seq->v;
        l->n = kept.seq->n;
        l->next = 0;
        l->has_after = false;
        l->filtered = true;
    }
    *out = (int64_t)(l->n - l->next) + l->has_after;
    return SIL_OK;
}

static sil_err loop_cycle(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    if (args->n == 0 || args->n_kw) return tpl_fail(ev, SIL_ARG, "loop.cycle needs values");
    *out = args->pos[(uint64_t)self.loop->index0 % args->n];
    return SIL_OK;
}

static sil_err loop_changed(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    struct tv now;
    bool same = false;
    SIL_TRY(seq_new(ev, SEQ_TUPLE, args->n, &now));
    for (uint32_t i = 0; i < args->n; i++) SIL_TRY(seq_push(ev, now.seq, args->pos[i]));
    if (self.loop->changed.type == TV_SEQ) SIL_TRY(tv_eq(ev, self.loop->changed, now, &same));
    self.loop->changed = now;
    *out = tv_bool(!same);
    return SIL_OK;
}

const struct tpl_func *method_find_loop(struct str name) {
    static const struct tpl_func methods[] = {{"cycle", loop_cycle}, {"changed", loop_changed}};
    return func_find(methods, TPL_COUNT(methods), name);
}

sil_err loop_attr(struct tpl_eval *ev, struct tpl_loop *l, struct str name, struct tv *out) {
    int64_t rest;
    *out = tv_undef(UNDEF_ATTR, TV_LOOP, name);
    if (str_eq(name, STR("index0"))) *out = tv_int(l->index0);
    else if (str_eq(name, STR("index"))) *out = tv_int(l->index0 + 1);
    else if (str_eq(name, STR("first"))) *out = tv_bool(l->index0 == 0);
    else if (str_eq(name, STR("depth0"))) *out = tv_int(0); /* there are no recursive loops */
    else if (str_eq(name, STR("depth"))) *out = tv_int(1);
    else if (str_eq(name, STR("previtem"))) {
        if (l->has_prev) *out = l->prev;
    } else if (str_eq(name, STR("last")) || str_eq(name, STR("nextitem"))) {
        SIL_TRY(peek(ev, l));
        if (name.n == 4) *out = tv_bool(!l->has_after);
        else if (l->has_after) *out = l->after;
    } else if (str_eq(name, STR("length")) || str_eq(name, STR("revindex")) || str_eq(name, STR("revindex0"))) {
        SIL_TRY(remaining(ev, l, &rest));
        *out = tv_int(name.n == 6 ? l->index0 + 1 + rest : name.n == 8 ? rest + 1 : rest);
    }
    return SIL_OK;
}

static sil_err turn(struct tpl_eval *ev, const struct tnode *n, struct tpl_loop *l) {
    SIL_TRY(scope_set(ev, SYM_LOOP, (struct tv){.type = TV_LOOP, .loop = l}));
    SIL_TRY(tpl_assign(ev, n->a, l->cur));
    SIL_TRY(tpl_exec(ev, n->d));
    return SIL_OK;
}

/* Each turn has a scope of its own: what a body sets does not outlive the turn. */
static sil_err turns(struct tpl_eval *ev, const struct tnode *n, struct tpl_loop *l) {
    for (bool more;;) {
        struct tpl_scope *s;
        SIL_TRY(advance(ev, l, &more));
        if (!more) return SIL_OK;
        SIL_TRY(scope_push(ev, l->scope, &s));
        ev->scope = s;
        SIL_TRY(turn(ev, n, l));
        ev->scope = l->scope;
        scope_drop(ev, s);
        bool stop = ev->flow == FLOW_BREAK;
        ev->flow = FLOW_NONE;
        if (stop) return SIL_OK;
    }
}

sil_err tpl_for(struct tpl_eval *ev, const struct tnode *n) {
    struct tpl_loop *l;
    struct tv over;
    SIL_TRY(tpl_eval(ev, n->b, &over));
    SIL_TRY(tpl_alloc(ev, 1, sizeof *l, &l));
    ev->pos = n->b->pos;
    SIL_TRY(tv_iter(ev, over, &l->items, &l->n));
    l->node = n;
    l->scope = ev->scope;
    l->index0 = -1;
    SIL_TRY(turns(ev, n, l));
    l->n = l->next; /* a loop object that a namespace keeps must not look into scopes that are gone */
    if (l->index0 >= 0 || !n->e) return SIL_OK;
    struct tpl_scope *s;
    SIL_TRY(scope_push(ev, l->scope, &s));
    ev->scope = s;
    SIL_TRY(tpl_exec(ev, n->e));
    ev->scope = l->scope;
    scope_drop(ev, s);
    return SIL_OK;
}
