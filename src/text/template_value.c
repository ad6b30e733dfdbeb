/* template_value: the values of templates, with the truth, equality, order and membership of Python's. All memory is
 * the rendering's arena; nothing is given back before the rendering ends. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/checked.h"
#include "text/template_impl.h"

/* ---- errors and limits ---- */

void tpl_error(struct tpl_eval *ev, sil_err code, const char *fmt, ...) {
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    unsigned line, column;
    tpl_position(ev->t->source, ev->pos, &line, &column);
    err_set(ev->e, code, "chat template, line %u, column %u: %s", line, column, text);
}

void tpl_error_undef(struct tpl_eval *ev, struct tv v) {
    const char *owner = tv_type_name((struct tv){.type = v.owner});
    if (v.sub == UNDEF_TEXT) tpl_error(ev, SIL_ARG, "%.*s", STR_ARG(tv_view(v)));
    else if (v.sub == UNDEF_NAME) tpl_error(ev, SIL_ARG, "'%.*s' is undefined", STR_ARG(tv_view(v)));
    else if (v.sub == UNDEF_ITEM) tpl_error(ev, SIL_ARG, "undefined: the %s has no such element", owner);
    else tpl_error(ev, SIL_ARG, "undefined: the %s has no '%.*s'", owner, STR_ARG(tv_view(v)));
}

sil_err tpl_charge(struct tpl_eval *ev, uint64_t steps) {
    if (steps > ev->limits.steps - ev->steps) {
        ev->steps = ev->limits.steps;
        return tpl_fail(ev, SIL_LIMIT, "more than %llu steps", (unsigned long long)ev->limits.steps);
    }
    ev->steps += steps;
    return SIL_OK;
}

sil_err tpl_charge_bytes(struct tpl_eval *ev, size_t bytes) {
    return tpl_charge(ev, bytes / 64);
}

sil_err tpl_enter(struct tpl_eval *ev) {
    if (ev->depth >= ev->limits.depth) return tpl_fail(ev, SIL_LIMIT, "nested deeper than %u", ev->limits.depth);
    ev->depth++;
    return SIL_OK;
}

sil_err tpl_alloc(struct tpl_eval *ev, size_t n, size_t size, void *out) {
    size_t bytes, room = ev->arena.limit - ev->arena.used;
    void *p = size_mul(n, size, &bytes) ? arena_alloc(&ev->arena, bytes, _Alignof(max_align_t)) : NULL;
    if (!p) {
        if (!size_mul(n, size, &bytes) || !size_add(bytes, 64, &bytes) || bytes > room)
            return tpl_fail(ev, SIL_LIMIT, "more than %zu bytes of memory", ev->arena.limit);
        return tpl_fail(ev, SIL_NOMEM, "not enough memory for %zu bytes", bytes);
    }
    memcpy(out, &p, sizeof p);
    return tpl_charge_bytes(ev, bytes);
}

/* ---- properties ---- */

const char *tv_type_name(struct tv v) {
    static const char *const names[TV_TYPES] = {
        "missing value", "Undefined", "NoneType",  "bool",  "int",  "float",    "str",
        "list",          "dict",      "namespace", "macro", "loop", "function", "method",
    };
    static const char *const seqs[] = {"list", "tuple", "range", "generator", "dict_keys", "dict_values", "dict_items"};
    return v.type == TV_SEQ && v.seq ? seqs[v.seq->kind] : names[v.type];
}

bool tv_true(struct tv v) {
    switch (v.type) {
    case TV_BOOL: return v.b;
    case TV_INT: return v.i != 0;
    case TV_FLOAT: return v.f != 0;
    case TV_STR: return v.n > 0;
    case TV_SEQ: return v.seq->kind == SEQ_GEN || v.seq->n > 0;
    case TV_DICT: return v.dict->n > 0;
    default: return v.type > TV_NONE;
    }
}

bool tv_index(struct tv v, int64_t *out) {
    if (v.type == TV_BOOL) *out = v.b;
    else if (v.type == TV_INT) *out = v.i;
    else return false;
    return true;
}

bool tv_number(struct tv v, double *out) {
    int64_t i;
    if (v.type == TV_FLOAT) *out = v.f;
    else if (tv_index(v, &i)) *out = (double)i;
    else return false;
    return true;
}

sil_err tv_len(struct tpl_eval *ev, struct tv v, int64_t *out) {
    if (v.type == TV_UNDEF) *out = 0;
    else if (v.type == TV_SEQ && v.seq->kind != SEQ_GEN) *out = (int64_t)v.seq->n;
    else if (v.type == TV_DICT) *out = (int64_t)v.dict->n;
    else if (v.type != TV_STR) return tpl_fail(ev, SIL_ARG, "a %s has no length", tv_type_name(v));
    else {
        SIL_TRY(tpl_charge_bytes(ev, v.n));
        *out = (int64_t)tpl_count_chars(tv_view(v));
    }
    return SIL_OK;
}

/* ---- equality and order ---- */

/* Exact, unlike a comparison after rounding the integer. */
static int cmp_int_float(int64_t i, double f) {
    if (isnan(f)) return 2;
    if (f >= 9223372036854775808.0) return -1;
    if (f < -9223372036854775808.0) return 1;
    int64_t t = (int64_t)f;
    if (i != t) return i < t ? -1 : 1;
    double rest = f - (double)t;
    return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

/* False when not both are numbers. */
static bool cmp_numbers(struct tv a, struct tv b, int *out) {
    int64_t i, j;
    bool ai = tv_index(a, &i), bi = tv_index(b, &j);
    if (ai && bi) *out = i < j ? -1 : i > j;
    else if (ai && b.type == TV_FLOAT) *out = cmp_int_float(i, b.f);
    else if (bi && a.type == TV_FLOAT) {
        int r = cmp_int_float(j, a.f);
        *out = r == 2 ? 2 : -r;
    } else if (a.type == TV_FLOAT && b.type == TV_FLOAT)
        *out = isnan(a.f) || isnan(b.f) ? 2 : a.f < b.f ? -1 : a.f > b.f;
    else return false;
    return true;
}

static int cmp_str(struct tv a, struct tv b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int r = n ? memcmp(a.s, b.s, n) : 0; /* the order of bytes is the order of code points */
    return r ? (r < 0 ? -1 : 1) : a.n < b.n ? -1 : a.n > b.n;
}

static sil_err eq_seq(struct tpl_eval *ev, const struct tpl_seq *a, const struct tpl_seq *b, bool *out) {
    *out = a->kind == b->kind && a->n == b->n && (a == b || a->kind != SEQ_GEN);
    for (size_t i = 0; *out && i < a->n && i < b->n; i++) SIL_TRY(tv_eq(ev, a->v[i], b->v[i], out));
    return SIL_OK;
}

static sil_err eq_dict(struct tpl_eval *ev, const struct tpl_dict *a, const struct tpl_dict *b, bool *out) {
    *out = a->n == b->n;
    for (size_t i = 0; *out && i < a->n; i++) {
        struct tv *other;
        SIL_TRY(dict_find(ev, b, a->p[i].k, &other));
        *out = other != NULL;
        if (other) SIL_TRY(tv_eq(ev, a->p[i].v, *other, out));
    }
    return SIL_OK;
}

sil_err tv_eq(struct tpl_eval *ev, struct tv a, struct tv b, bool *out) {
    int order;
    SIL_TRY(tpl_charge(ev, 1));
    if (cmp_numbers(a, b, &order)) {
        *out = order == 0;
        return SIL_OK;
    }
    *out = a.type == b.type;
    if (!*out) return SIL_OK;
    switch (a.type) {
    case TV_STR: *out = str_eq(tv_view(a), tv_view(b)); return tpl_charge_bytes(ev, *out ? a.n : 0);
    case TV_SEQ:
    case TV_DICT: {
        SIL_TRY(tpl_enter(ev));
        sil_err err = a.type == TV_SEQ ? eq_seq(ev, a.seq, b.seq, out) : eq_dict(ev, a.dict, b.dict, out);
        ev->depth--;
        return err;
    }
    case TV_NS: *out = a.dict == b.dict; break;
    case TV_MACRO: *out = a.macro == b.macro; break;
    case TV_LOOP: *out = a.loop == b.loop; break;
    case TV_FUNC: *out = a.func == b.func; break;
    case TV_METHOD: *out = a.bound == b.bound; break;
    default: break; /* none and undefined equal their like */
    }
    return SIL_OK;
}

sil_err tv_cmp(struct tpl_eval *ev, struct tv a, struct tv b, const char *op, int *out) {
    SIL_TRY(tpl_charge(ev, 1));
    if (cmp_numbers(a, b, out)) return SIL_OK;
    if (a.type == TV_UNDEF) return tpl_fail_undef(ev, a);
    if (b.type == TV_UNDEF) return tpl_fail_undef(ev, b);
    if (a.type == TV_STR && b.type == TV_STR) {
        *out = cmp_str(a, b);
        return tpl_charge_bytes(ev, a.n < b.n ? a.n : b.n);
    }
    bool lists = a.type == TV_SEQ && b.type == TV_SEQ && a.seq->kind == b.seq->kind && a.seq->kind <= SEQ_TUPLE;
    if (!lists) return tpl_fail(ev, SIL_ARG, "'%s' does not order a %s and a %s", op, tv_type_name(a), tv_type_name(b));
    for (size_t i = 0; i < a.seq->n && i < b.seq->n; i++) {
        bool same;
        SIL_TRY(tv_eq(ev, a.seq->v[i], b.seq->v[i], &same));
        if (same) continue;
        SIL_TRY(tpl_enter(ev));
        sil_err err = tv_cmp(ev, a.seq->v[i], b.seq->v[i], op, out);
        ev->depth--;
        return err;
    }
    *out = a.seq->n < b.seq->n ? -1 : a.seq->n > b.seq->n;
    return SIL_OK;
}

static sil_err in_seq(struct tpl_eval *ev, struct tv needle, struct tpl_seq *s, bool *out) {
    bool gen = s->kind == SEQ_GEN;
    for (size_t i = gen ? s->pos : 0; i < s->n; i++) {
        SIL_TRY(tv_eq(ev, needle, s->v[i], out));
        if (gen) s->pos = i + 1;
        if (*out) return SIL_OK;
    }
    return SIL_OK;
}

sil_err tv_in(struct tpl_eval *ev, struct tv needle, struct tv hay, bool *out) {
    struct tv *found;
    *out = false;
    switch (hay.type) {
    case TV_UNDEF: return SIL_OK;
    case TV_SEQ: return in_seq(ev, needle, hay.seq, out);
    case TV_DICT:
        SIL_TRY(tv_hashable(ev, needle));
        SIL_TRY(dict_find(ev, hay.dict, needle, &found));
        *out = found != NULL;
        return SIL_OK;
    case TV_STR:
        if (needle.type == TV_UNDEF) return tpl_fail_undef(ev, needle);
        if (needle.type != TV_STR)
            return tpl_fail(ev, SIL_ARG, "'in' a str needs a str on the left, not a %s", tv_type_name(needle));
        SIL_TRY(tpl_charge_bytes(ev, hay.n));
        *out = tpl_find(tv_view(hay), tv_view(needle)) != NULL;
        return SIL_OK;
    default: return tpl_fail(ev, SIL_ARG, "'in' does not look into a %s", tv_type_name(hay));
    }
}

/* ---- sequences ---- */

sil_err seq_new(struct tpl_eval *ev, enum tpl_seq_kind kind, size_t cap, struct tv *out) {
    struct tpl_seq *s = NULL;
    SIL_TRY(tpl_alloc(ev, 1, sizeof *s, &s));
    if (cap) SIL_TRY(tpl_alloc(ev, cap, sizeof *s->v, &s->v));
    s->kind = (uint8_t)kind;
    s->cap = cap;
    *out = (struct tv){.type = TV_SEQ, .seq = s};
    return SIL_OK;
}

sil_err seq_push(struct tpl_eval *ev, struct tpl_seq *s, struct tv v) {
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 4;
        struct tv *more = NULL;
        SIL_TRY(tpl_alloc(ev, cap, sizeof *more, &more));
        if (s->n) memcpy(more, s->v, s->n * sizeof *more);
        s->v = more;
        s->cap = cap;
    }
    s->v[s->n++] = v;
    return SIL_OK;
}

static sil_err iter_chars(struct tpl_eval *ev, struct str s, struct tv **items, size_t *n) {
    *n = tpl_count_chars(s);
    SIL_TRY(tpl_alloc(ev, *n, sizeof **items, items));
    for (size_t i = 0, k = 0; i < s.n; k++) {
        uint32_t cp;
        size_t len = tpl_next(s, i, &cp);
        (*items)[k] = tv_str(s.p + i, len);
        i += len;
    }
    return SIL_OK;
}

sil_err tv_iter(struct tpl_eval *ev, struct tv v, struct tv **items, size_t *n) {
    *items = NULL;
    *n = 0;
    switch (v.type) {
    case TV_UNDEF: return SIL_OK;
    case TV_STR: return iter_chars(ev, tv_view(v), items, n);
    case TV_SEQ:
        *n = v.seq->n - v.seq->pos;
        if (*n) *items = v.seq->v + v.seq->pos;
        if (v.seq->kind == SEQ_GEN) v.seq->pos = v.seq->n;
        return SIL_OK;
    case TV_DICT:
        SIL_TRY(tpl_alloc(ev, v.dict->n, sizeof **items, items));
        for (size_t i = 0; i < v.dict->n; i++) (*items)[i] = v.dict->p[i].k;
        *n = v.dict->n;
        return SIL_OK;
    default: return tpl_fail(ev, SIL_ARG, "a %s is not iterable", tv_type_name(v));
    }
}

/* ---- dicts ---- */

sil_err dict_new(struct tpl_eval *ev, enum tv_type type, size_t cap, struct tv *out) {
    struct tpl_dict *d = NULL;
    SIL_TRY(tpl_alloc(ev, 1, sizeof *d, &d));
    if (cap) SIL_TRY(tpl_alloc(ev, cap, sizeof *d->p, &d->p));
    d->cap = cap;
    *out = (struct tv){.type = (uint8_t)type, .dict = d};
    return SIL_OK;
}

sil_err tv_hashable(struct tpl_eval *ev, struct tv k) {
    bool tuple = k.type == TV_SEQ && k.seq->kind == SEQ_TUPLE;
    if (k.type == TV_DICT || (k.type == TV_SEQ && !tuple && k.seq->kind != SEQ_GEN && k.seq->kind != SEQ_RANGE))
        return tpl_fail(ev, SIL_ARG, "a %s cannot be a key", tv_type_name(k));
    if (!tuple) return SIL_OK;
    SIL_TRY(tpl_enter(ev));
    for (size_t i = 0; i < k.seq->n; i++) SIL_TRY(tv_hashable(ev, k.seq->v[i]));
    ev->depth--;
    return tpl_charge(ev, k.seq->n);
}

sil_err dict_find(struct tpl_eval *ev, const struct tpl_dict *d, struct tv k, struct tv **out) {
    *out = NULL;
    SIL_TRY(tpl_charge(ev, d->n / 8)); /* in line: dicts here have few members */
    for (size_t i = 0; i < d->n; i++) {
        bool same = k.type == TV_STR && d->p[i].k.type == TV_STR;
        if (same) same = k.n == d->p[i].k.n && (k.n == 0 || memcmp(k.s, d->p[i].k.s, k.n) == 0);
        else if (k.type != TV_STR) SIL_TRY(tv_eq(ev, k, d->p[i].k, &same));
        if (!same) continue;
        *out = &d->p[i].v;
        return SIL_OK;
    }
    return SIL_OK;
}

static sil_err dict_append(struct tpl_eval *ev, struct tpl_dict *d, struct tv k, struct tv v) {
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 4;
        struct tpl_pair *more = NULL;
        SIL_TRY(tpl_alloc(ev, cap, sizeof *more, &more));
        if (d->n) memcpy(more, d->p, d->n * sizeof *more);
        d->p = more;
        d->cap = cap;
    }
    d->p[d->n++] = (struct tpl_pair){k, v};
    return SIL_OK;
}

sil_err dict_set(struct tpl_eval *ev, struct tpl_dict *d, struct tv k, struct tv v) {
    struct tv *old;
    SIL_TRY(tv_hashable(ev, k));
    SIL_TRY(dict_find(ev, d, k, &old));
    if (!old) return dict_append(ev, d, k, v);
    *old = v;
    return SIL_OK;
}

/* ---- from JSON ---- */

static sil_err array_from_json(struct tpl_eval *ev, const json_t *j, struct tv *out) {
    size_t n = json_array_size(j);
    SIL_TRY(seq_new(ev, SEQ_LIST, n, out));
    for (size_t i = 0; i < n; i++) SIL_TRY(tv_from_json(ev, json_array_get(j, i), &out->seq->v[i]));
    out->seq->n = n;
    return SIL_OK;
}

static sil_err object_from_json(struct tpl_eval *ev, const json_t *j, struct tv *out) {
    SIL_TRY(dict_new(ev, TV_DICT, json_object_size(j), out));
    json_t *o =
        (json_t *)(uintptr_t)j; /* jansson iterates through a pointer that may change the object; ours does not */
    for (void *at = json_object_iter(o); at; at = json_object_iter_next(o, at)) {
        struct tv v, k = tv_str(json_object_iter_key(at), json_object_iter_key_len(at));
        SIL_TRY(tv_from_json(ev, json_object_iter_value(at), &v));
        if (v.type == TV_STR && str_eq(tv_view(k), STR("role")) && tpl_is_role(tv_view(v))) SIL_TRY(tpl_own(ev, &v));
        SIL_TRY(dict_append(ev, out->dict, k, v)); /* keys of an object differ already */
    }
    return SIL_OK;
}

sil_err tv_from_json(struct tpl_eval *ev, const json_t *j, struct tv *out) {
    SIL_TRY(tpl_charge(ev, 1));
    switch (json_typeof(j)) {
    case JSON_NULL: *out = tv_none(); return SIL_OK;
    case JSON_TRUE: *out = tv_bool(true); return SIL_OK;
    case JSON_FALSE: *out = tv_bool(false); return SIL_OK;
    case JSON_INTEGER: *out = tv_int(json_integer_value(j)); return SIL_OK;
    case JSON_REAL: *out = tv_float(json_real_value(j)); return SIL_OK;
    case JSON_STRING: *out = tv_str(json_string_value(j), json_string_length(j)); return SIL_OK;
    default: break;
    }
    SIL_TRY(tpl_enter(ev));
    sil_err err = json_is_array(j) ? array_from_json(ev, j, out) : object_from_json(ev, j, out);
    ev->depth--;
    return err;
}
