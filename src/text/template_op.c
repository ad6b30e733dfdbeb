/* template_op: the operators: arithmetic with Python's meaning of // and %, concatenation, indices, slices and
 * attributes. Integers have 64 bits; what would not fit is an error, never a wrapped number. */
#include <math.h>

#include "base/checked.h"
#include "text/template_impl.h"

static sil_err overflow(struct tpl_eval *ev) {
    return tpl_fail(ev, SIL_LIMIT, "an integer beyond 64 bits");
}

/* ---- arithmetic ---- */

static sil_err int_floordiv(struct tpl_eval *ev, int64_t a, int64_t b, bool mod, struct tv *out) {
    if (b == 0) return tpl_fail(ev, SIL_ARG, "division by zero");
    if (b == -1) { /* INT64_MIN / -1 traps */
        if (!mod && a == INT64_MIN) return overflow(ev);
        *out = tv_int(mod ? 0 : -a);
        return SIL_OK;
    }
    int64_t q = a / b, r = a % b;
    if (r != 0 && (r < 0) != (b < 0)) {
        q--;
        r += b;
    }
    *out = tv_int(mod ? r : q);
    return SIL_OK;
}

static sil_err int_pow(struct tpl_eval *ev, int64_t a, int64_t b, struct tv *out) {
    int64_t r = 1;
    if (b < 0) {
        if (a == 0) return tpl_fail(ev, SIL_ARG, "zero to a negative power");
        *out = tv_float(pow((double)a, (double)b));
        return SIL_OK;
    }
    while (b > 0) { /* by squaring: at most 63 turns */
        if (b & 1 && __builtin_mul_overflow(r, a, &r)) return overflow(ev);
        b >>= 1;
        if (b > 0 && __builtin_mul_overflow(a, a, &a)) return overflow(ev);
    }
    *out = tv_int(r);
    return SIL_OK;
}

static sil_err int_op(struct tpl_eval *ev, enum node_op op, int64_t a, int64_t b, struct tv *out) {
    int64_t r = 0;
    bool bad = false;
    switch (op) {
    case OP_ADD: bad = __builtin_add_overflow(a, b, &r); break;
    case OP_SUB: bad = __builtin_sub_overflow(a, b, &r); break;
    case OP_MUL: bad = __builtin_mul_overflow(a, b, &r); break;
    case OP_FLOORDIV: return int_floordiv(ev, a, b, false, out);
    case OP_MOD: return int_floordiv(ev, a, b, true, out);
    default: return int_pow(ev, a, b, out);
    }
    *out = tv_int(r);
    return bad ? overflow(ev) : SIL_OK;
}

static double float_mod(double a, double b) {
    double r = fmod(a, b);
    if (r == 0) return copysign(0, b);
    return (r < 0) != (b < 0) ? r + b : r;
}

static double float_floordiv(double a, double b) {
    double q = (a - float_mod(a, b)) / b, f = floor(q);
    if (q == 0) return copysign(0, a / b);
    return q - f > 0.5 ? f + 1 : f;
}

static sil_err float_op(struct tpl_eval *ev, enum node_op op, double a, double b, struct tv *out) {
    bool divides = op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD;
    if (divides && b == 0) return tpl_fail(ev, SIL_ARG, "division by zero");
    switch (op) {
    case OP_ADD: *out = tv_float(a + b); break;
    case OP_SUB: *out = tv_float(a - b); break;
    case OP_MUL: *out = tv_float(a * b); break;
    case OP_DIV: *out = tv_float(a / b); break;
    case OP_FLOORDIV: *out = tv_float(float_floordiv(a, b)); break;
    case OP_MOD: *out = tv_float(float_mod(a, b)); break;
    default:
        if (a == 0 && b < 0) return tpl_fail(ev, SIL_ARG, "zero to a negative power");
        *out = tv_float(pow(a, b));
        if (a < 0 && isnan(out->f) && !isnan(b)) return tpl_fail(ev, SIL_UNSUPPORTED, "a complex power");
    }
    return SIL_OK;
}

static sil_err wrong_types(struct tpl_eval *ev, enum node_op op, struct tv a, struct tv b) {
    static const char *const names[] = {"", "+", "-", "*", "/", "//", "%", "**"};
    if (a.type == TV_UNDEF) return tpl_fail_undef(ev, a);
    if (b.type == TV_UNDEF) return tpl_fail_undef(ev, b);
    return tpl_fail(ev, SIL_ARG, "'%s' does not take a %s and a %s", names[op], tv_type_name(a), tv_type_name(b));
}

/* ---- text and lists ---- */

/* a + b. When a is what the last call made, b goes behind it in place, so that a text built up piece by piece is
 * copied once and not once per piece. Views of the old, shorter text stay as they are. */
sil_err op_concat(struct tpl_eval *ev, struct str a, struct str b, struct tv *out) {
    size_t n;
    char *p;
    if (!size_add(a.n, b.n, &n)) return tpl_fail(ev, SIL_LIMIT, "a text beyond all memory");
    if (a.n == 0 || b.n == 0) {
        *out = a.n ? tv_str(a.p, a.n) : tv_str(b.p, b.n);
        return SIL_OK;
    }
    if (ev->tail == a.p + a.n && ev->tail_room >= b.n) {
        size_t at = (size_t)(ev->tail - ev->tail_base);
        SIL_TRY(tpl_charge_bytes(ev, b.n));
        memcpy(ev->tail_base + at, b.p, b.n);
        tpl_origin_copy(ev, ev->tail_base + at, b);
        *out = tv_str(a.p, n);
        ev->tail_room -= b.n;
        ev->tail += b.n;
        return SIL_OK;
    }
    size_t room = n < 64 || n > SIZE_MAX / 2 ? 0 : n;
    SIL_TRY(tpl_text_alloc(ev, n + room, &p));
    memcpy(p, a.p, a.n);
    memcpy(p + a.n, b.p, b.n);
    tpl_origin_copy(ev, p, a);
    tpl_origin_copy(ev, p + a.n, b);
    if (room) {
        ev->tail_base = p;
        ev->tail = p + n;
        ev->tail_room = room;
    }
    *out = tv_str(p, n);
    return SIL_OK;
}

static sil_err seq_concat(struct tpl_eval *ev, const struct tpl_seq *a, const struct tpl_seq *b, struct tv *out) {
    size_t n;
    if (!size_add(a->n, b->n, &n)) return tpl_fail(ev, SIL_LIMIT, "a list beyond all memory");
    SIL_TRY(seq_new(ev, (enum tpl_seq_kind)a->kind, n, out));
    if (a->n) memcpy(out->seq->v, a->v, a->n * sizeof *a->v);
    if (b->n) memcpy(out->seq->v + a->n, b->v, b->n * sizeof *b->v);
    out->seq->n = n;
    return SIL_OK;
}

static sil_err repeat(struct tpl_eval *ev, struct tv a, int64_t times, struct tv *out) {
    bool text = a.type == TV_STR;
    size_t n = text ? a.n : a.seq->n, total, size = text ? 1 : sizeof(struct tv);
    char *p = NULL;
    if (times < 0 || n == 0) times = 0;
    if (!size_mul(n, (size_t)times, &total)) return tpl_fail(ev, SIL_LIMIT, "a repetition beyond all memory");
    SIL_TRY(tpl_charge(ev, (uint64_t)times));
    if (!text) {
        SIL_TRY(seq_new(ev, (enum tpl_seq_kind)a.seq->kind, total, out));
        out->seq->n = total;
        p = (char *)out->seq->v;
    } else {
        if (total) SIL_TRY(tpl_text_alloc(ev, total, &p));
        *out = tv_str(p, total);
    }
    for (size_t i = 0; i < total; i += n) {
        memcpy(p + i * size, text ? (const void *)a.s : a.seq->v, n * size);
        if (text) tpl_origin_copy(ev, p + i, tv_view(a));
    }
    return SIL_OK;
}

static bool is_list(struct tv v) {
    return v.type == TV_SEQ && v.seq->kind <= SEQ_TUPLE;
}

/* str % values: a tuple gives several, everything else one. */
static sil_err percent(struct tpl_eval *ev, struct tv a, struct tv b, struct tv *out) {
    struct tpl_args args;
    args_init(&args);
    if (b.type == TV_SEQ && b.seq->kind == SEQ_TUPLE) {
        for (size_t i = 0; i < b.seq->n; i++) SIL_TRY(args_push(ev, &args, b.seq->v[i]));
    } else {
        SIL_TRY(args_push(ev, &args, b));
    }
    return tpl_format_percent(ev, tv_view(a), &args, out);
}

sil_err op_binary(struct tpl_eval *ev, enum node_op op, struct tv a, struct tv b, struct tv *out) {
    int64_t i, j;
    double x, y;
    if (op == OP_ADD && a.type == TV_STR && b.type == TV_STR) return op_concat(ev, tv_view(a), tv_view(b), out);
    if (tv_index(a, &i) && tv_index(b, &j)) {
        if (op == OP_DIV) return float_op(ev, op, (double)i, (double)j, out);
        return int_op(ev, op, i, j, out);
    }
    if (tv_number(a, &x) && tv_number(b, &y)) return float_op(ev, op, x, y, out);
    if (op == OP_ADD && is_list(a) && is_list(b) && a.seq->kind == b.seq->kind)
        return seq_concat(ev, a.seq, b.seq, out);
    if (op == OP_MUL && (a.type == TV_STR || is_list(a)) && tv_index(b, &j)) return repeat(ev, a, j, out);
    if (op == OP_MUL && (b.type == TV_STR || is_list(b)) && tv_index(a, &i)) return repeat(ev, b, i, out);
    if (op == OP_MOD && a.type == TV_STR) return percent(ev, a, b, out);
    return wrong_types(ev, op, a, b);
}

sil_err op_negate(struct tpl_eval *ev, struct tv a, bool minus, struct tv *out) {
    int64_t i;
    if (tv_index(a, &i)) {
        if (minus && i == INT64_MIN) return overflow(ev);
        *out = tv_int(minus ? -i : i);
    } else if (a.type == TV_FLOAT) {
        *out = tv_float(minus ? -a.f : a.f);
    } else if (a.type == TV_UNDEF) {
        return tpl_fail_undef(ev, a);
    } else {
        return tpl_fail(ev, SIL_ARG, "a %s has no sign", tv_type_name(a));
    }
    return SIL_OK;
}

/* ---- attributes and items ---- */

static sil_err bind_method(struct tpl_eval *ev, struct tv self, const struct tpl_func *func, struct tv *out) {
    struct tpl_bound *b;
    SIL_TRY(tpl_alloc(ev, 1, sizeof *b, &b));
    b->func = func;
    b->self = self;
    *out = (struct tv){.type = TV_METHOD, .bound = b};
    return SIL_OK;
}

static sil_err dict_item(struct tpl_eval *ev, struct tv a, struct tv key, struct tv *out) {
    struct tv *found;
    SIL_TRY(dict_find(ev, a.dict, key, &found));
    if (found) *out = *found;
    else if (key.type == TV_STR) *out = tv_undef(UNDEF_ATTR, (enum tv_type)a.type, tv_view(key));
    else *out = tv_undef(UNDEF_ITEM, (enum tv_type)a.type, STR(""));
    return SIL_OK;
}

/* As Jinja: a method of the type first, then a member; whatever is not there is undefined. */
sil_err op_attr(struct tpl_eval *ev, struct tv a, struct str name, struct tv *out) {
    const struct tpl_func *method = method_find((enum tv_type)a.type, a, name);
    if (method) return bind_method(ev, a, method, out);
    if (a.type == TV_UNDEF) return tpl_fail_undef(ev, a);
    if (a.type == TV_DICT || a.type == TV_NS) return dict_item(ev, a, tv_str(name.p, name.n), out);
    if (a.type == TV_LOOP) return loop_attr(ev, a.loop, name, out);
    if (a.type == TV_MACRO && str_eq(name, STR("name"))) {
        *out = tv_str(a.macro->name.p, a.macro->name.n);
        return SIL_OK;
    }
    *out = tv_undef(UNDEF_ATTR, (enum tv_type)a.type, name);
    return SIL_OK;
}

static sil_err char_at(struct tpl_eval *ev, struct str s, int64_t i, struct tv *out) {
    uint32_t cp;
    SIL_TRY(tpl_charge_bytes(ev, s.n));
    if (i < 0) {
        int64_t n = (int64_t)tpl_count_chars(s);
        if (i < -n) i = n; /* none */
        else i += n;
    }
    size_t at = tpl_offset(s, (size_t)i);
    if (at >= s.n) *out = tv_undef(UNDEF_ITEM, TV_STR, STR(""));
    else *out = tv_str(s.p + at, tpl_next(s, at, &cp));
    return SIL_OK;
}

sil_err op_item(struct tpl_eval *ev, struct tv a, struct tv key, struct tv *out) {
    int64_t i;
    if (a.type == TV_UNDEF) return tpl_fail_undef(ev, a);
    if (a.type == TV_DICT) {
        struct tv *found;
        bool list = key.type == TV_DICT || (key.type == TV_SEQ && key.seq->kind == SEQ_LIST);
        found = NULL; /* an unhashable key is in no dict */
        if (!list) SIL_TRY(dict_find(ev, a.dict, key, &found));
        if (found) {
            *out = *found;
            return SIL_OK;
        }
    } else if (tv_index(key, &i) && a.type == TV_STR) {
        return char_at(ev, tv_view(a), i, out);
    } else if (tv_index(key, &i) && a.type == TV_SEQ && a.seq->kind <= SEQ_RANGE) {
        if (i < 0) i += (int64_t)a.seq->n;
        if (i >= 0 && (uint64_t)i < a.seq->n) *out = a.seq->v[i];
        else *out = tv_undef(UNDEF_ITEM, TV_SEQ, STR(""));
        return SIL_OK;
    }
    if (key.type == TV_STR) return op_attr(ev, a, tv_view(key), out);
    *out = tv_undef(UNDEF_ITEM, (enum tv_type)a.type, STR(""));
    return SIL_OK;
}

/* ---- slices ---- */

/* Python's slice.indices(): where to begin and how many elements. */
static sil_err slice_range(struct tpl_eval *ev, const struct tv bounds[3], int64_t n, int64_t *from, int64_t *step,
                           size_t *count) {
    *step = 1;
    tv_index(bounds[2], step);
    if (*step == 0) return tpl_fail(ev, SIL_ARG, "the step of a slice is zero");
    bool back = *step < 0;
    if (*step < -INT64_MAX) *step = -INT64_MAX;
    int64_t v[2] = {back ? n - 1 : 0, back ? -1 : n};
    for (int k = 0; k < 2; k++) {
        if (!tv_index(bounds[k], &v[k])) continue;
        if (v[k] < 0) v[k] += n;
        if (v[k] < 0) v[k] = back ? -1 : 0;
        if (v[k] >= n) v[k] = back ? n - 1 : n;
    }
    *from = v[0];
    int64_t span = back ? v[0] - v[1] : v[1] - v[0], by = back ? -*step : *step;
    *count = span > 0 ? (size_t)((span - 1) / by + 1) : 0;
    return SIL_OK;
}

static sil_err slice_str(struct tpl_eval *ev, struct str s, int64_t from, int64_t step, size_t count, struct tv *out) {
    struct tv *chars;
    size_t n;
    if (step == 1 || count == 0) {
        size_t at = tpl_offset(s, count ? (size_t)from : 0);
        struct str rest = {s.p + at, s.n - at};
        *out = tv_str(rest.p, tpl_offset(rest, count));
        return SIL_OK;
    }
    struct tpl_text t = {0};
    SIL_TRY(tv_iter(ev, tv_str(s.p, s.n), &chars, &n));
    for (size_t k = 0; k < count; k++) {
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(text_str(ev, &t, tv_view(chars[from + (int64_t)k * step])));
    }
    *out = text_value(&t);
    return SIL_OK;
}

sil_err op_slice(struct tpl_eval *ev, struct tv a, const struct tv bounds[3], struct tv *out) {
    int64_t n, from = 0, step = 1;
    size_t count = 0;
    if (a.type == TV_UNDEF) return tpl_fail_undef(ev, a);
    if (a.type != TV_STR && !(a.type == TV_SEQ && a.seq->kind <= SEQ_RANGE))
        return tpl_fail(ev, SIL_ARG, "a %s cannot be sliced", tv_type_name(a));
    for (int k = 0; k < 3; k++) {
        if (bounds[k].type == TV_UNDEF) return tpl_fail_undef(ev, bounds[k]);
        if (bounds[k].type > TV_NONE && !tv_index(bounds[k], &n))
            return tpl_fail(ev, SIL_ARG, "a slice needs integers, not a %s", tv_type_name(bounds[k]));
    }
    SIL_TRY(tv_len(ev, a, &n));
    SIL_TRY(slice_range(ev, bounds, n, &from, &step, &count));
    if (a.type == TV_STR) return slice_str(ev, tv_view(a), from, step, count, out);
    SIL_TRY(seq_new(ev, (enum tpl_seq_kind)a.seq->kind, count, out));
    for (size_t k = 0; k < count; k++) out->seq->v[k] = a.seq->v[from + (int64_t)k * step];
    out->seq->n = count;
    return SIL_OK;
}
