/* template_eval: expressions to values, statements to text. Every node costs a step and a level of depth. */
#include "text/template_impl.h"

/* ---- scopes ---- */

enum { SCOPE_CAP = 4 };

sil_err scope_push(struct tpl_eval *ev, struct tpl_scope *up, struct tpl_scope **out) {
    struct tpl_scope *s = ev->spare;
    if (s) {
        ev->spare = s->up;
        s->n = 0;
    } else {
        SIL_TRY(tpl_alloc(ev, 1, sizeof *s, &s));
        SIL_TRY(tpl_alloc(ev, SCOPE_CAP, sizeof *s->b, &s->b));
        s->cap = SCOPE_CAP;
    }
    s->kept = false;
    s->up = up;
    *out = s;
    return SIL_OK;
}

/* Gives a scope back for use again, unless a macro still looks into it. */
void scope_drop(struct tpl_eval *ev, struct tpl_scope *s) {
    if (s->kept) return;
    s->up = ev->spare;
    ev->spare = s;
}

void scope_keep(struct tpl_scope *s) {
    for (; s && !s->kept; s = s->up) s->kept = true;
}

static struct tv *scope_find(struct tpl_scope *s, uint32_t sym) {
    for (uint32_t i = 0; i < s->n; i++)
        if (s->b[i].sym == sym) return &s->b[i].v;
    return NULL;
}

sil_err scope_set(struct tpl_eval *ev, uint32_t sym, struct tv v) {
    struct tpl_scope *s = ev->scope;
    if (!s) {
        ev->root[sym] = v;
        return SIL_OK;
    }
    SIL_TRY(tpl_charge(ev, s->n / 16));
    struct tv *old = scope_find(s, sym);
    if (old) {
        *old = v;
        return SIL_OK;
    }
    if (s->n == s->cap) {
        struct tpl_bind *more;
        SIL_TRY(tpl_alloc(ev, (size_t)s->cap * 2, sizeof *more, &more));
        memcpy(more, s->b, s->n * sizeof *more);
        s->b = more;
        s->cap *= 2;
    }
    s->b[s->n++] = (struct tpl_bind){sym, v};
    return SIL_OK;
}

/* A name that no scope has: a variable of the rendering, a global function, or undefined. */
static sil_err root_get(struct tpl_eval *ev, uint32_t sym, struct tv *out) {
    struct tv *v = &ev->root[sym];
    if (v->type == TV_MISSING) {
        struct str name = ev->t->syms[sym];
        const json_t *j = json_object_getn(ev->vars, name.p, name.n);
        bool token = str_eq(name, STR("bos_token")) || str_eq(name, STR("eos_token"));
        if (j) SIL_TRY(tv_from_json(ev, j, v));
        else SIL_TRY(tpl_global(ev, name, v));
        if (j && token) SIL_TRY(tpl_own(ev, v));
    }
    *out = *v;
    return SIL_OK;
}

sil_err scope_get(struct tpl_eval *ev, uint32_t sym, struct tv *out) {
    for (struct tpl_scope *s = ev->scope; s; s = s->up) {
        SIL_TRY(tpl_charge(ev, s->n / 16));
        struct tv *v = scope_find(s, sym);
        if (!v) continue;
        *out = *v;
        return SIL_OK;
    }
    return root_get(ev, sym, out);
}

/* ---- expressions ---- */

static sil_err eval_items(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    size_t count = 0;
    for (const struct tnode *i = n->b; i; i = i->next) count++;
    SIL_TRY(seq_new(ev, n->kind == N_LIST ? SEQ_LIST : SEQ_TUPLE, count, out));
    for (const struct tnode *i = n->b; i; i = i->next) {
        struct tv v;
        SIL_TRY(tpl_eval(ev, i, &v));
        SIL_TRY(seq_push(ev, out->seq, v));
    }
    return SIL_OK;
}

static sil_err eval_dict(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    SIL_TRY(dict_new(ev, TV_DICT, 0, out));
    for (const struct tnode *i = n->b; i; i = i->next) {
        struct tv k, v;
        SIL_TRY(tpl_eval(ev, i->a, &k));
        SIL_TRY(tpl_eval(ev, i->b, &v));
        ev->pos = i->pos;
        SIL_TRY(dict_set(ev, out->dict, k, v));
    }
    return SIL_OK;
}

static sil_err eval_slice(struct tpl_eval *ev, const struct tnode *n, struct tv a, struct tv *out) {
    const struct tnode *parts[3] = {n->b->a, n->b->b, n->b->c};
    struct tv bounds[3] = {{0}};
    for (int i = 0; i < 3; i++)
        if (parts[i]) SIL_TRY(tpl_eval(ev, parts[i], &bounds[i]));
    ev->pos = n->pos;
    return op_slice(ev, a, bounds, out);
}

static sil_err eval_item(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    struct tv a, key;
    SIL_TRY(tpl_eval(ev, n->a, &a));
    if (n->b->kind == N_SLICE) return eval_slice(ev, n, a, out);
    SIL_TRY(tpl_eval(ev, n->b, &key));
    ev->pos = n->pos;
    return op_item(ev, a, key, out);
}

static sil_err eval_concat(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    *out = tv_str("", 0);
    for (const struct tnode *i = n->b; i; i = i->next) {
        struct tv v;
        SIL_TRY(tpl_eval(ev, i, &v));
        SIL_TRY(tv_to_str(ev, v, &v));
        ev->pos = n->pos;
        SIL_TRY(op_concat(ev, tv_view(*out), tv_view(v), out));
    }
    return SIL_OK;
}

static sil_err compare(struct tpl_eval *ev, enum node_op op, struct tv a, struct tv b, bool *out) {
    static const char *const names[] = {"<", "<=", ">", ">="};
    int order;
    if (op == OP_EQ || op == OP_NE) SIL_TRY(tv_eq(ev, a, b, out));
    else if (op == OP_IN || op == OP_NOTIN) SIL_TRY(tv_in(ev, a, b, out));
    if (op == OP_NE || op == OP_NOTIN) *out = !*out;
    if (op < OP_LT || op > OP_GE) return SIL_OK;
    SIL_TRY(tv_cmp(ev, a, b, names[op - OP_LT], &order));
    *out = op == OP_LT ? order == -1 : op == OP_LE ? order <= 0 : op == OP_GT ? order == 1 : order == 0 || order == 1;
    return SIL_OK;
}

/* a < b < c means a < b and b < c, with b evaluated once. */
static sil_err eval_compare(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    struct tv a, b;
    bool ok = true;
    SIL_TRY(tpl_eval(ev, n->a, &a));
    for (const struct tnode *i = n->b; i && ok; i = i->next, a = b) {
        SIL_TRY(tpl_eval(ev, i->a, &b));
        ev->pos = i->pos;
        SIL_TRY(compare(ev, (enum node_op)i->op, a, b, &ok));
    }
    *out = tv_bool(ok);
    return SIL_OK;
}

static sil_err eval_logic(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    SIL_TRY(tpl_eval(ev, n->a, out));
    return tv_true(*out) == (n->kind == N_AND) ? tpl_eval(ev, n->b, out) : SIL_OK;
}

static sil_err eval_cond(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    struct tv test;
    SIL_TRY(tpl_eval(ev, n->a, &test));
    if (tv_true(test)) return tpl_eval(ev, n->b, out);
    if (n->c) return tpl_eval(ev, n->c, out);
    *out = tv_undef(UNDEF_TEXT, TV_UNDEF, STR("an if expression without else had a false condition"));
    return SIL_OK;
}

static sil_err eval_func(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    struct tpl_args args;
    struct tv in;
    SIL_TRY(tpl_eval(ev, n->a, &in));
    SIL_TRY(tpl_args_eval(ev, n->b, &args));
    ev->pos = n->pos;
    SIL_TRY(n->func->fn(ev, in, &args, out));
    if (n->kind == N_TEST) *out = tv_bool(tv_true(*out) != (n->op == 1));
    return SIL_OK;
}

static sil_err eval_unary(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    struct tv a;
    SIL_TRY(tpl_eval(ev, n->a, &a));
    ev->pos = n->pos;
    if (n->kind != N_NOT) return op_negate(ev, a, n->kind == N_NEG, out);
    *out = tv_bool(!tv_true(a));
    return SIL_OK;
}

static sil_err eval_binary(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    struct tv a, b;
    SIL_TRY(tpl_eval(ev, n->a, &a));
    SIL_TRY(tpl_eval(ev, n->b, &b));
    ev->pos = n->pos;
    return op_binary(ev, (enum node_op)n->op, a, b, out);
}

static sil_err eval_attr(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    struct tv a;
    SIL_TRY(tpl_eval(ev, n->a, &a));
    ev->pos = n->pos;
    return op_attr(ev, a, tv_view(n->value), out);
}

static sil_err eval_node(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    switch (n->kind) {
    case N_CONST: *out = n->value; return SIL_OK;
    case N_NAME: return scope_get(ev, n->sym, out);
    case N_ATTR: return eval_attr(ev, n, out);
    case N_ITEM: return eval_item(ev, n, out);
    case N_CALL: return tpl_call_node(ev, n, (struct tv){0}, out);
    case N_FILTER:
    case N_TEST: return eval_func(ev, n, out);
    case N_NEG:
    case N_POS:
    case N_NOT: return eval_unary(ev, n, out);
    case N_BINARY: return eval_binary(ev, n, out);
    case N_AND:
    case N_OR: return eval_logic(ev, n, out);
    case N_COMPARE: return eval_compare(ev, n, out);
    case N_CONCAT: return eval_concat(ev, n, out);
    case N_COND: return eval_cond(ev, n, out);
    case N_DICT: return eval_dict(ev, n, out);
    default: return eval_items(ev, n, out); /* N_LIST, N_TUPLE */
    }
}

sil_err tpl_eval(struct tpl_eval *ev, const struct tnode *n, struct tv *out) {
    ev->pos = n->pos;
    SIL_TRY(tpl_charge(ev, 1));
    SIL_TRY(tpl_enter(ev));
    sil_err err = eval_node(ev, n, out);
    ev->depth--;
    return err;
}

/* ---- statements ---- */

sil_err tpl_emit(struct tpl_eval *ev, struct str s) {
    if (ev->capture) return text_str(ev, ev->capture, s);
    SIL_TRY(tpl_charge_bytes(ev, s.n));
    if (s.n > ev->limits.output - (ev->out->n - ev->out_start))
        return tpl_fail(ev, SIL_LIMIT, "more than %zu bytes of output", ev->limits.output);
    sil_err err = buf_str(ev->out, s);
    if (err == SIL_OK) err = tpl_origin_emit(ev, s);
    if (err == SIL_LIMIT) return tpl_fail(ev, err, "more than %zu bytes of output", ev->out->max);
    return err == SIL_OK ? SIL_OK : tpl_fail(ev, err, "not enough memory for the output");
}

static sil_err unpack(struct tpl_eval *ev, const struct tnode *target, struct tv v) {
    struct tv *items;
    size_t n, want = 0, i = 0;
    for (const struct tnode *t = target->b; t; t = t->next) want++;
    SIL_TRY(tv_iter(ev, v, &items, &n));
    if (n != want) return tpl_fail(ev, SIL_ARG, "%zu values for %zu names", n, want);
    for (const struct tnode *t = target->b; t; t = t->next) SIL_TRY(tpl_assign(ev, t, items[i++]));
    return SIL_OK;
}

sil_err tpl_assign(struct tpl_eval *ev, const struct tnode *target, struct tv v) {
    struct tv ns;
    ev->pos = target->pos;
    if (target->kind == N_NAME) return scope_set(ev, target->sym, v);
    if (target->kind == N_NSREF) {
        SIL_TRY(scope_get(ev, target->sym, &ns));
        if (ns.type != TV_NS) return tpl_fail(ev, SIL_ARG, "only a namespace's attributes can be set");
        return dict_set(ev, ns.dict, target->value, v);
    }
    SIL_TRY(tpl_enter(ev));
    SIL_TRY(unpack(ev, target, v));
    ev->depth--;
    return SIL_OK;
}

sil_err tpl_exec_captured(struct tpl_eval *ev, const struct tnode *list, struct tv *out) {
    struct tpl_text text = {0}, *before = ev->capture;
    ev->capture = &text;
    sil_err err = tpl_exec(ev, list);
    ev->capture = before;
    *out = text_value(&text);
    return err;
}

/* A body in a scope of its own, its text captured when out is not NULL. */
static sil_err exec_scoped(struct tpl_eval *ev, const struct tnode *list, struct tv *out) {
    struct tpl_scope *outer = ev->scope, *s;
    SIL_TRY(scope_push(ev, outer, &s));
    ev->scope = s;
    SIL_TRY(out ? tpl_exec_captured(ev, list, out) : tpl_exec(ev, list));
    ev->scope = outer;
    scope_drop(ev, s);
    return SIL_OK;
}

static sil_err exec_print(struct tpl_eval *ev, const struct tnode *n) {
    struct tv v;
    SIL_TRY(tpl_eval(ev, n->a, &v));
    ev->pos = n->pos;
    SIL_TRY(tv_to_str(ev, v, &v));
    return tpl_emit(ev, tv_view(v));
}

static sil_err exec_if(struct tpl_eval *ev, const struct tnode *n) {
    for (const struct tnode *b = n->b; b; b = b->next) {
        struct tv test = tv_bool(true);
        if (b->a) SIL_TRY(tpl_eval(ev, b->a, &test));
        if (tv_true(test)) return tpl_exec(ev, b->b);
    }
    return SIL_OK;
}

/* Applies a chain of filters, innermost first, whose first has no operand, to a text. */
static sil_err apply_filters(struct tpl_eval *ev, const struct tnode *n, struct tv in, struct tv *out) {
    struct tpl_args args;
    *out = in;
    if (!n) return SIL_OK;
    SIL_TRY(tpl_enter(ev));
    SIL_TRY(apply_filters(ev, n->a, in, &in));
    ev->depth--;
    SIL_TRY(tpl_args_eval(ev, n->b, &args));
    ev->pos = n->pos;
    return n->func->fn(ev, in, &args, out);
}

static sil_err exec_set(struct tpl_eval *ev, const struct tnode *n) {
    struct tv v;
    if (n->kind == N_SET) {
        SIL_TRY(tpl_eval(ev, n->b, &v));
        return tpl_assign(ev, n->a, v);
    }
    SIL_TRY(exec_scoped(ev, n->c, &v));
    if (ev->flow != FLOW_NONE) return SIL_OK;
    SIL_TRY(apply_filters(ev, n->b, v, &v));
    return tpl_assign(ev, n->a, v);
}

static sil_err exec_filtered(struct tpl_eval *ev, const struct tnode *n) {
    struct tv v;
    SIL_TRY(exec_scoped(ev, n->b, &v));
    if (ev->flow != FLOW_NONE) return SIL_OK;
    SIL_TRY(apply_filters(ev, n->a, v, &v));
    SIL_TRY(tv_to_str(ev, v, &v));
    return tpl_emit(ev, tv_view(v));
}

static sil_err exec_macro(struct tpl_eval *ev, const struct tnode *n) {
    struct tv v;
    SIL_TRY(macro_new(ev, ev->t->syms[n->sym], n->a, n->b, n->op, &v));
    return scope_set(ev, n->sym, v);
}

static sil_err exec_caller(struct tpl_eval *ev, const struct tnode *n) {
    struct tv caller, v;
    SIL_TRY(macro_new(ev, STR("caller"), n->b, n->c, n->op, &caller));
    SIL_TRY(tpl_call_node(ev, n->a, caller, &v));
    SIL_TRY(tv_to_str(ev, v, &v));
    return tpl_emit(ev, tv_view(v));
}

/* Values are evaluated outside of the names that they are given to. */
static sil_err exec_with(struct tpl_eval *ev, const struct tnode *n) {
    struct tpl_scope *outer = ev->scope, *s;
    SIL_TRY(scope_push(ev, outer, &s));
    for (const struct tnode *i = n->a; i; i = i->next) {
        struct tv v;
        ev->scope = outer;
        SIL_TRY(tpl_eval(ev, i->b, &v));
        ev->scope = s;
        SIL_TRY(tpl_assign(ev, i->a, v));
    }
    ev->scope = s;
    SIL_TRY(tpl_exec(ev, n->b));
    ev->scope = outer;
    scope_drop(ev, s);
    return SIL_OK;
}

static sil_err exec_node(struct tpl_eval *ev, const struct tnode *n) {
    switch (n->kind) {
    case N_TEXT: return tpl_emit(ev, tv_view(n->value));
    case N_PRINT: return exec_print(ev, n);
    case N_IF: return exec_if(ev, n);
    case N_FOR: return tpl_for(ev, n);
    case N_SET:
    case N_SETTEXT: return exec_set(ev, n);
    case N_MACRO: return exec_macro(ev, n);
    case N_CALLER: return exec_caller(ev, n);
    case N_FILTERED: return exec_filtered(ev, n);
    case N_WITH: return exec_with(ev, n);
    case N_SCOPE: return exec_scoped(ev, n->b, NULL);
    default: ev->flow = n->kind == N_BREAK ? FLOW_BREAK : FLOW_CONTINUE; return SIL_OK;
    }
}

sil_err tpl_exec(struct tpl_eval *ev, const struct tnode *list) {
    SIL_TRY(tpl_enter(ev));
    for (const struct tnode *n = list; n && ev->flow == FLOW_NONE; n = n->next) {
        ev->pos = n->pos;
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(exec_node(ev, n));
    }
    ev->depth--;
    return SIL_OK;
}

/* ---- rendering ---- */

static void cut(struct buf *b, size_t n) {
    if (!b || !b->p) return;
    b->n = n;
    b->p[n] = '\0';
}

sil_err template_render_marked(const struct template *t, const json_t *vars, int64_t now_unix_s, struct buf *out,
                               struct buf *origin, struct sil_error *e) {
    struct tpl_eval ev = {
        .t = t, .limits = t->limits, .vars = vars, .now = now_unix_s, .e = e, .out = out, .origin = origin};
    if (vars && !json_is_object(vars)) return err_set(e, SIL_ARG, "chat template: the variables are not an object");
    arena_init(&ev.arena, t->mem, t->limits.memory);
    ev.out_start = out->n;
    ev.origin_start = origin ? origin->n : 0;
    sil_err err = tpl_alloc(&ev, t->n_syms, sizeof *ev.root, &ev.root);
    if (err == SIL_OK) err = tpl_exec(&ev, t->body);
    arena_free(&ev.arena);
    if (err != SIL_OK) { /* nothing half done */
        cut(out, ev.out_start);
        cut(origin, ev.origin_start);
    }
    return err;
}

sil_err template_render(const struct template *t, const json_t *vars, int64_t now_unix_s, struct buf *out,
                        struct sil_error *e) {
    return template_render_marked(t, vars, now_unix_s, out, NULL, e);
}
