/* template_call: arguments, macros, and the global functions. */
#include "text/template_impl.h"

/* ---- arguments ---- */

void args_init(struct tpl_args *args) {
    args->n = args->n_kw = 0;
    args->cap = args->cap_kw = ARGS_SMALL;
    args->pos = args->small;
    args->kw = args->small_kw;
}

sil_err args_push(struct tpl_eval *ev, struct tpl_args *args, struct tv v) {
    if (args->n == args->cap) {
        struct tv *more;
        SIL_TRY(tpl_alloc(ev, (size_t)args->cap * 2, sizeof *more, &more));
        memcpy(more, args->pos, args->n * sizeof *more);
        args->pos = more;
        args->cap *= 2;
    }
    args->pos[args->n++] = v;
    return SIL_OK;
}

sil_err args_push_kw(struct tpl_eval *ev, struct tpl_args *args, struct str name, struct tv v) {
    SIL_TRY(tpl_charge(ev, args->n_kw / 8));
    for (uint32_t i = 0; i < args->n_kw; i++)
        if (str_eq(args->kw[i].name, name)) return tpl_fail(ev, SIL_ARG, "argument '%.*s' twice", STR_ARG(name));
    if (args->n_kw == args->cap_kw) {
        struct tpl_kw *more;
        SIL_TRY(tpl_alloc(ev, (size_t)args->cap_kw * 2, sizeof *more, &more));
        memcpy(more, args->kw, args->n_kw * sizeof *more);
        args->kw = more;
        args->cap_kw *= 2;
    }
    args->kw[args->n_kw++] = (struct tpl_kw){name, v};
    return SIL_OK;
}

/* *list and **dict. */
static sil_err push_spread(struct tpl_eval *ev, struct tpl_args *args, struct tv v, bool keywords) {
    struct tv *items;
    size_t n;
    if (!keywords) {
        SIL_TRY(tv_iter(ev, v, &items, &n));
        if (n > UINT32_MAX / 4) return tpl_fail(ev, SIL_LIMIT, "too many arguments");
        for (size_t i = 0; i < n; i++) SIL_TRY(args_push(ev, args, items[i]));
        return SIL_OK;
    }
    if (v.type != TV_DICT) return tpl_fail(ev, SIL_ARG, "** needs a dict, not a %s", tv_type_name(v));
    for (size_t i = 0; i < v.dict->n; i++) {
        if (v.dict->p[i].k.type != TV_STR) return tpl_fail(ev, SIL_ARG, "** needs keys that are strings");
        SIL_TRY(args_push_kw(ev, args, tv_view(v.dict->p[i].k), v.dict->p[i].v));
    }
    return SIL_OK;
}

sil_err tpl_args_eval(struct tpl_eval *ev, const struct tnode *list, struct tpl_args *args) {
    args_init(args);
    for (const struct tnode *i = list; i; i = i->next) {
        struct tv v;
        SIL_TRY(tpl_eval(ev, i->a, &v));
        ev->pos = i->pos;
        if (i->op) SIL_TRY(push_spread(ev, args, v, i->op == 2));
        else if (i->value.type == TV_STR) SIL_TRY(args_push_kw(ev, args, tv_view(i->value), v));
        else SIL_TRY(args_push(ev, args, v));
    }
    return SIL_OK;
}

/* The parameter number of a keyword in a list of names separated by spaces; -1 when there is none. */
static int find_param(const char *spec, struct str name) {
    int at = 0;
    while (*spec) {
        size_t n = strcspn(spec, " ");
        if (str_eq((struct str){spec, n}, name)) return at;
        at++;
        spec += n + (spec[n] == ' ');
    }
    return -1;
}

static uint32_t count_params(const char *spec) {
    uint32_t n = *spec != '\0';
    for (; *spec; spec++) n += *spec == ' ';
    return n;
}

sil_err args_bind(struct tpl_eval *ev, const struct tpl_args *args, const char *what, const char *spec, uint32_t min,
                  struct tv *slots) {
    uint32_t n = count_params(spec);
    if (args->n > n) return tpl_fail(ev, SIL_ARG, "%s takes at most %u arguments, not %u", what, n, args->n);
    for (uint32_t i = 0; i < n; i++) slots[i] = i < args->n ? args->pos[i] : (struct tv){0};
    for (uint32_t i = 0; i < args->n_kw; i++) {
        struct str name = args->kw[i].name;
        int at = find_param(spec, name);
        if (at < 0 || (uint32_t)at >= n) return tpl_fail(ev, SIL_ARG, "%s has no argument '%.*s'", what, STR_ARG(name));
        if (slots[at].type != TV_MISSING)
            return tpl_fail(ev, SIL_ARG, "%s: argument '%.*s' twice", what, STR_ARG(name));
        slots[at] = args->kw[i].v;
    }
    for (uint32_t i = 0; i < min && i < n; i++)
        if (slots[i].type == TV_MISSING) return tpl_fail(ev, SIL_ARG, "%s needs argument number %u", what, i + 1);
    return SIL_OK;
}

sil_err arg_int(struct tpl_eval *ev, struct tv v, const char *what, int64_t missing, int64_t *out) {
    *out = missing;
    if (v.type == TV_MISSING || v.type == TV_NONE || tv_index(v, out)) return SIL_OK;
    if (v.type == TV_UNDEF) return tpl_fail_undef(ev, v);
    return tpl_fail(ev, SIL_ARG, "%s must be an integer, not a %s", what, tv_type_name(v));
}

sil_err arg_str(struct tpl_eval *ev, struct tv v, const char *what, struct str missing, struct str *out) {
    *out = missing;
    if (v.type == TV_MISSING) return SIL_OK;
    if (v.type == TV_UNDEF) return tpl_fail_undef(ev, v);
    if (v.type != TV_STR) return tpl_fail(ev, SIL_ARG, "%s must be a string, not a %s", what, tv_type_name(v));
    *out = tv_view(v);
    return SIL_OK;
}

/* ---- macros ---- */

sil_err macro_new(struct tpl_eval *ev, struct str name, const struct tnode *params, const struct tnode *body,
                  uint8_t uses, struct tv *out) {
    struct tpl_macro *m;
    SIL_TRY(tpl_alloc(ev, 1, sizeof *m, &m));
    *m = (struct tpl_macro){.name = name, .params = params, .body = body, .scope = ev->scope, .uses = uses};
    scope_keep(ev->scope);
    *out = (struct tv){.type = TV_MACRO, .macro = m};
    return SIL_OK;
}

static struct tpl_kw *find_kw(const struct tpl_args *args, struct str name) {
    for (uint32_t i = 0; i < args->n_kw; i++)
        if (str_eq(args->kw[i].name, name)) return &args->kw[i];
    return NULL;
}

/* Binds one parameter in the macro's scope, which is the current one; *taken counts keywords that were used. */
static sil_err bind_param(struct tpl_eval *ev, const struct tnode *param, const struct tpl_args *args, uint32_t i,
                          uint32_t *taken) {
    struct str name = ev->t->syms[param->sym];
    struct tpl_kw *kw = find_kw(args, name);
    struct tv v = tv_undef(UNDEF_NAME, TV_UNDEF, name);
    *taken += kw != NULL;
    if (i < args->n && kw) return tpl_fail(ev, SIL_ARG, "argument '%.*s' twice", STR_ARG(name));
    if (i < args->n) v = args->pos[i];
    else if (kw) v = kw->v;
    else if (param->a) SIL_TRY(tpl_eval(ev, param->a, &v));
    return scope_set(ev, param->sym, v);
}

static bool is_param(const struct tpl_eval *ev, const struct tpl_macro *m, struct str name) {
    for (const struct tnode *p = m->params; p; p = p->next)
        if (str_eq(ev->t->syms[p->sym], name)) return true;
    return false;
}

/* caller, varargs and kwargs, for macros that read them; what nobody takes is an error. */
static sil_err bind_rest(struct tpl_eval *ev, const struct tpl_macro *m, const struct tpl_args *args, uint32_t n,
                         uint32_t taken) {
    struct tpl_kw *caller = find_kw(args, STR("caller"));
    struct tv list, dict;
    if (caller && is_param(ev, m, STR("caller"))) caller = NULL;
    if (args->n > n && !(m->uses & USES_VARARGS))
        return tpl_fail(ev, SIL_ARG, "macro '%.*s' takes at most %u arguments, not %u", STR_ARG(m->name), n, args->n);
    if (args->n_kw > taken + (caller != NULL) && !(m->uses & USES_KWARGS))
        return tpl_fail(ev, SIL_ARG, "macro '%.*s' was given an argument that it does not have", STR_ARG(m->name));
    if (m->uses & USES_CALLER) {
        struct tv none = tv_undef(UNDEF_NAME, TV_UNDEF, STR("caller"));
        if (caller || !is_param(ev, m, STR("caller"))) SIL_TRY(scope_set(ev, SYM_CALLER, caller ? caller->v : none));
    }
    if (m->uses & USES_VARARGS) {
        SIL_TRY(seq_new(ev, SEQ_TUPLE, 0, &list));
        for (uint32_t i = n; i < args->n; i++) SIL_TRY(seq_push(ev, list.seq, args->pos[i]));
        SIL_TRY(scope_set(ev, SYM_VARARGS, list));
    }
    if (!(m->uses & USES_KWARGS)) return SIL_OK;
    SIL_TRY(dict_new(ev, TV_DICT, 0, &dict));
    for (uint32_t i = 0; i < args->n_kw; i++) {
        struct str name = args->kw[i].name;
        if (is_param(ev, m, name) || &args->kw[i] == caller) continue;
        SIL_TRY(dict_set(ev, dict.dict, tv_str(name.p, name.n), args->kw[i].v));
    }
    return scope_set(ev, SYM_KWARGS, dict);
}

static sil_err call_macro(struct tpl_eval *ev, const struct tpl_macro *m, const struct tpl_args *args, struct tv *out) {
    struct tpl_scope *before = ev->scope, *s;
    uint32_t n = 0, taken = 0;
    SIL_TRY(tpl_enter(ev));
    SIL_TRY(scope_push(ev, m->scope, &s));
    ev->scope = s;
    for (const struct tnode *p = m->params; p; p = p->next) SIL_TRY(bind_param(ev, p, args, n++, &taken));
    SIL_TRY(bind_rest(ev, m, args, n, taken));
    SIL_TRY(tpl_exec_captured(ev, m->body, out));
    ev->scope = before;
    scope_drop(ev, s);
    ev->depth--;
    return SIL_OK;
}

/* ---- calls ---- */

sil_err tpl_call(struct tpl_eval *ev, struct tv callee, struct tpl_args *args, struct tv *out) {
    switch (callee.type) {
    case TV_MACRO: return call_macro(ev, callee.macro, args, out);
    case TV_FUNC: return callee.func->fn(ev, callee, args, out);
    case TV_METHOD: return callee.bound->func->fn(ev, callee.bound->self, args, out);
    case TV_UNDEF: return tpl_fail_undef(ev, callee);
    default: return tpl_fail(ev, SIL_ARG, "a %s cannot be called", tv_type_name(callee));
    }
}

/* A method is called without first becoming a value. */
sil_err tpl_call_node(struct tpl_eval *ev, const struct tnode *n, struct tv caller, struct tv *out) {
    struct tpl_args args;
    struct tv self, callee = {0};
    const struct tpl_func *method = NULL;
    if (n->a->kind == N_ATTR) {
        SIL_TRY(tpl_eval(ev, n->a->a, &self));
        ev->pos = n->a->pos;
        method = method_find((enum tv_type)self.type, self, tv_view(n->a->value));
        if (!method) SIL_TRY(op_attr(ev, self, tv_view(n->a->value), &callee));
    } else {
        SIL_TRY(tpl_eval(ev, n->a, &callee));
    }
    uint32_t pos = n->a->pos;
    SIL_TRY(tpl_args_eval(ev, n->b, &args));
    ev->pos = pos;
    if (caller.type != TV_MISSING) SIL_TRY(args_push_kw(ev, &args, STR("caller"), caller));
    return method ? method->fn(ev, self, &args, out) : tpl_call(ev, callee, &args, out);
}

/* ---- global functions ---- */

enum { RANGE_MAX = 100000 }; /* as Jinja's sandbox */

static sil_err global_range(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[3] = {{0}};
    int64_t v[3] = {0, 0, 1};
    (void)in;
    SIL_TRY(args_bind(ev, args, "range", "start stop step", 1, a));
    for (int i = 0; i < 3; i++) SIL_TRY(arg_int(ev, a[i], "range: argument", v[i], &v[i]));
    if (a[1].type == TV_MISSING) {
        v[1] = v[0];
        v[0] = 0;
    }
    if (v[2] == 0) return tpl_fail(ev, SIL_ARG, "range: the step is zero");
    uint64_t span = v[2] > 0 ? (v[1] > v[0] ? (uint64_t)v[1] - (uint64_t)v[0] : 0)
                             : (v[0] > v[1] ? (uint64_t)v[0] - (uint64_t)v[1] : 0);
    uint64_t step = v[2] > 0 ? (uint64_t)v[2] : 0 - (uint64_t)v[2], n = span ? (span - 1) / step + 1 : 0;
    if (n > RANGE_MAX) return tpl_fail(ev, SIL_LIMIT, "range: more than %d numbers", RANGE_MAX);
    SIL_TRY(seq_new(ev, SEQ_RANGE, n, out));
    for (uint64_t i = 0; i < n; i++) out->seq->v[i] = tv_int((int64_t)((uint64_t)v[0] + i * (uint64_t)v[2]));
    out->seq->n = n;
    return SIL_OK;
}

/* dict(pairs or dict, name=value, ...), also for namespace. */
static sil_err make_dict(struct tpl_eval *ev, const struct tpl_args *args, enum tv_type type, struct tv *out) {
    SIL_TRY(dict_new(ev, type, 0, out));
    if (args->n > 1) return tpl_fail(ev, SIL_ARG, "dict and namespace take at most one value without name");
    if (args->n == 1 && args->pos[0].type == TV_DICT) {
        const struct tpl_dict *d = args->pos[0].dict;
        for (size_t i = 0; i < d->n; i++) SIL_TRY(dict_set(ev, out->dict, d->p[i].k, d->p[i].v));
    } else if (args->n == 1) {
        struct tv *items, *pair;
        size_t n, two;
        SIL_TRY(tv_iter(ev, args->pos[0], &items, &n));
        for (size_t i = 0; i < n; i++) {
            SIL_TRY(tv_iter(ev, items[i], &pair, &two));
            if (two != 2) return tpl_fail(ev, SIL_ARG, "dict needs pairs");
            SIL_TRY(dict_set(ev, out->dict, pair[0], pair[1]));
        }
    }
    for (uint32_t i = 0; i < args->n_kw; i++) {
        struct str name = args->kw[i].name;
        SIL_TRY(dict_set(ev, out->dict, tv_str(name.p, name.n), args->kw[i].v));
    }
    return SIL_OK;
}

static sil_err global_dict(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    (void)in;
    return make_dict(ev, args, TV_DICT, out);
}

static sil_err global_namespace(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    (void)in;
    return make_dict(ev, args, TV_NS, out);
}

static sil_err global_raise(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[1] = {{0}};
    (void)in;
    (void)out;
    SIL_TRY(args_bind(ev, args, "raise_exception", "message", 1, a));
    SIL_TRY(tv_to_str(ev, a[0], &a[0]));
    return tpl_fail(ev, SIL_ARG, "%.*s", STR_ARG(tv_view(a[0])));
}

enum { SEOUL_OFFSET_S = 9 * 3600, OFFSET_MAX_S = 24 * 3600 };

static sil_err global_strftime(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[1] = {{0}};
    struct str format;
    (void)in;
    SIL_TRY(args_bind(ev, args, "strftime_now", "format", 1, a));
    SIL_TRY(arg_str(ev, a[0], "strftime_now: format", STR(""), &format));
    const json_t *j = json_object_get(ev->vars, "timezone_offset_s");
    int64_t offset = json_is_integer(j) ? json_integer_value(j) : SEOUL_OFFSET_S;
    if (offset < -OFFSET_MAX_S || offset > OFFSET_MAX_S)
        return tpl_fail(ev, SIL_ARG, "timezone_offset_s is beyond a day");
    return tpl_strftime(ev, format, ev->now, (int32_t)offset, out);
}

sil_err tpl_global(struct tpl_eval *ev, struct str name, struct tv *out) {
    static const struct tpl_func functions[] = {
        {"range", global_range},           {"dict", global_dict},
        {"namespace", global_namespace},   {"raise_exception", global_raise},
        {"strftime_now", global_strftime},
    };
    (void)ev;
    const struct tpl_func *f = func_find(functions, TPL_COUNT(functions), name);
    if (f) *out = (struct tv){.type = TV_FUNC, .func = f};
    else *out = tv_undef(UNDEF_NAME, TV_UNDEF, name);
    return SIL_OK;
}
