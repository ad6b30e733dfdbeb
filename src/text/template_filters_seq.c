/* template_filters_seq: filters of sequences and dicts. Those that Jinja writes as generators give SEQ_GEN. */
#include "text/template_impl.h"

/* ---- attributes: "a.b.0" ---- */

enum { ATTR_PARTS_MAX = 32 };

struct attr_path {
    struct tv part[ATTR_PARTS_MAX];
    size_t n;
    struct tv missing; /* what stands for an undefined part, unless TV_MISSING */
};

static sil_err path_of_text(struct tpl_eval *ev, struct str s, struct attr_path *p) {
    for (size_t i = 0; i <= s.n;) {
        size_t end = i;
        int64_t number = 0;
        while (end < s.n && s.p[end] != '.') end++;
        bool digits = end > i && end - i < 10;
        for (size_t k = i; k < end && digits; k++) {
            digits = s.p[k] >= '0' && s.p[k] <= '9';
            number = number * 10 + (s.p[k] - '0');
        }
        if (p->n == ATTR_PARTS_MAX)
            return tpl_fail(ev, SIL_LIMIT, "an attribute of more than %d parts", ATTR_PARTS_MAX);
        p->part[p->n++] = digits ? tv_int(number) : tv_str(s.p + i, end - i);
        i = end + 1;
    }
    return SIL_OK;
}

static sil_err path_of(struct tpl_eval *ev, struct tv attr, struct tv missing, struct attr_path *p) {
    p->n = 0;
    p->missing = missing.type == TV_NONE ? (struct tv){0} : missing;
    if (attr.type == TV_MISSING || attr.type == TV_NONE) return SIL_OK;
    if (attr.type == TV_UNDEF) return tpl_fail_undef(ev, attr);
    if (attr.type == TV_STR) return path_of_text(ev, tv_view(attr), p);
    p->part[p->n++] = attr;
    return SIL_OK;
}

static sil_err path_get(struct tpl_eval *ev, const struct attr_path *p, struct tv v, struct tv *out) {
    *out = v;
    for (size_t i = 0; i < p->n; i++) {
        SIL_TRY(op_item(ev, *out, p->part[i], out));
        if (out->type == TV_UNDEF && p->missing.type != TV_MISSING) *out = p->missing;
    }
    return SIL_OK;
}

static sil_err fold(struct tpl_eval *ev, struct tv v, bool case_sensitive, struct tv *out) {
    *out = v;
    return v.type == TV_STR && !case_sensitive ? tpl_case(ev, tv_view(v), CASE_LOWER, out) : SIL_OK;
}

/* ---- length, first, last, list, join ---- */

static sil_err filter_length(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    int64_t n;
    SIL_TRY(args_bind(ev, args, "length", "", 0, NULL));
    SIL_TRY(tv_len(ev, in, &n));
    *out = tv_int(n);
    return SIL_OK;
}

static sil_err filter_first(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv *items;
    size_t n;
    SIL_TRY(args_bind(ev, args, "first", "", 0, NULL));
    bool gen = in.type == TV_SEQ && in.seq->kind == SEQ_GEN;
    size_t pos = gen ? in.seq->pos : 0;
    SIL_TRY(tv_iter(ev, in, &items, &n));
    if (gen && n) in.seq->pos = pos + 1;
    *out = n ? items[0] : tv_undef(UNDEF_TEXT, TV_UNDEF, STR("first: the sequence is empty"));
    return SIL_OK;
}

static sil_err filter_last(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv *items;
    size_t n;
    SIL_TRY(args_bind(ev, args, "last", "", 0, NULL));
    if (in.type == TV_SEQ && in.seq->kind == SEQ_GEN)
        return tpl_fail(ev, SIL_ARG, "last: a generator has no end; use |list first");
    SIL_TRY(tv_iter(ev, in, &items, &n));
    *out = n ? items[n - 1] : tv_undef(UNDEF_TEXT, TV_UNDEF, STR("last: the sequence is empty"));
    return SIL_OK;
}

static sil_err list_of(struct tpl_eval *ev, struct tv in, enum tpl_seq_kind kind, bool reverse, struct tv *out) {
    struct tv *items;
    size_t n;
    SIL_TRY(tv_iter(ev, in, &items, &n));
    SIL_TRY(seq_new(ev, kind, n, out));
    for (size_t i = 0; i < n; i++) out->seq->v[i] = items[reverse ? n - 1 - i : i];
    out->seq->n = n;
    return SIL_OK;
}

static sil_err filter_list(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    SIL_TRY(args_bind(ev, args, "list", "", 0, NULL));
    return list_of(ev, in, SEQ_LIST, false, out);
}

static sil_err filter_reverse(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv back[3] = {{0}, {0}, tv_int(-1)};
    SIL_TRY(args_bind(ev, args, "reverse", "", 0, NULL));
    if (in.type == TV_STR) return op_slice(ev, in, back, out);
    bool gen = in.type == TV_SEQ && in.seq->kind == SEQ_GEN;
    return list_of(ev, in, gen ? SEQ_LIST : SEQ_GEN, true, out);
}

static sil_err filter_join(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[2], sep = tv_str("", 0), *items;
    struct attr_path path;
    struct tpl_text t = {0};
    size_t n;
    SIL_TRY(args_bind(ev, args, "join", "d attribute", 0, a));
    if (a[0].type != TV_MISSING) SIL_TRY(tv_to_str(ev, a[0], &sep));
    SIL_TRY(path_of(ev, a[1], (struct tv){0}, &path));
    SIL_TRY(tv_iter(ev, in, &items, &n));
    for (size_t i = 0; i < n; i++) {
        struct tv v;
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(path_get(ev, &path, items[i], &v));
        if (i) SIL_TRY(text_str(ev, &t, tv_view(sep)));
        SIL_TRY(tv_print(ev, &t, v));
    }
    *out = text_value(&t);
    return SIL_OK;
}

static sil_err filter_items(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    SIL_TRY(args_bind(ev, args, "items", "", 0, NULL));
    if (in.type == TV_UNDEF) return seq_new(ev, SEQ_GEN, 0, out);
    if (in.type != TV_DICT) return tpl_fail(ev, SIL_ARG, "items: a %s is not a mapping", tv_type_name(in));
    SIL_TRY(method_find(TV_DICT, in, STR("items"))->fn(ev, in, args, out));
    out->seq->kind = SEQ_GEN;
    return SIL_OK;
}

/* ---- map, select, reject ---- */

/* The items of what map and select work on: whatever is false has none, be it iterable or not. */
static sil_err items_if_true(struct tpl_eval *ev, struct tv in, struct tv **items, size_t *n) {
    if (tv_true(in)) return tv_iter(ev, in, items, n);
    *items = NULL;
    *n = 0;
    return SIL_OK;
}

static void drop_first(struct tpl_args *args, uint32_t n) {
    args->pos += n;
    args->n -= n;
    args->cap -= n;
}

static sil_err map_attribute(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[2], *items;
    struct attr_path path;
    size_t n;
    SIL_TRY(args_bind(ev, args, "map", "attribute default", 1, a));
    SIL_TRY(path_of(ev, a[0], a[1], &path));
    SIL_TRY(items_if_true(ev, in, &items, &n));
    SIL_TRY(seq_new(ev, SEQ_GEN, n, out));
    for (size_t i = 0; i < n; i++) {
        struct tv v;
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(path_get(ev, &path, items[i], &v));
        SIL_TRY(seq_push(ev, out->seq, v));
    }
    return SIL_OK;
}

static sil_err filter_map(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv *items;
    struct str name;
    size_t n;
    if (args->n == 0) return map_attribute(ev, in, args, out);
    SIL_TRY(arg_str(ev, args->pos[0], "map: the filter's name", STR(""), &name));
    const struct tpl_func *f = filter_find(name);
    if (!f) return tpl_fail(ev, SIL_UNSUPPORTED, "there is no filter '%.*s'", STR_ARG(name));
    drop_first(args, 1);
    SIL_TRY(items_if_true(ev, in, &items, &n));
    SIL_TRY(seq_new(ev, SEQ_GEN, n, out));
    for (size_t i = 0; i < n; i++) {
        struct tpl_args again = *args; /* a filter may take its arguments apart */
        struct tv v;
        if (args->pos >= args->small && args->pos <= args->small + ARGS_SMALL)
            again.pos = again.small + (args->pos - args->small);
        if (args->kw == args->small_kw) again.kw = again.small_kw;
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(tpl_enter(ev));
        SIL_TRY(f->fn(ev, items[i], &again, &v));
        ev->depth--;
        SIL_TRY(seq_push(ev, out->seq, v));
    }
    return SIL_OK;
}

static sil_err choose(struct tpl_eval *ev, struct tv in, struct tpl_args *args, bool attr, bool want, struct tv *out) {
    struct attr_path path = {.n = 0};
    const struct tpl_func *test = NULL;
    struct tv *items;
    struct str name;
    size_t n;
    if (attr && args->n == 0) return tpl_fail(ev, SIL_ARG, "selectattr and rejectattr need an attribute");
    if (attr) {
        SIL_TRY(path_of(ev, args->pos[0], (struct tv){0}, &path));
        drop_first(args, 1);
    }
    if (args->n) {
        SIL_TRY(arg_str(ev, args->pos[0], "select: the test's name", STR(""), &name));
        test = test_find(name);
        if (!test) return tpl_fail(ev, SIL_UNSUPPORTED, "there is no test '%.*s'", STR_ARG(name));
        drop_first(args, 1);
    }
    SIL_TRY(items_if_true(ev, in, &items, &n));
    SIL_TRY(seq_new(ev, SEQ_GEN, 0, out));
    for (size_t i = 0; i < n; i++) {
        struct tv v;
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(path_get(ev, &path, items[i], &v));
        if (test) SIL_TRY(test->fn(ev, v, args, &v));
        if (tv_true(v) == want) SIL_TRY(seq_push(ev, out->seq, items[i]));
    }
    return SIL_OK;
}

static sil_err filter_select(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    return choose(ev, in, args, false, true, out);
}

static sil_err filter_reject(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    return choose(ev, in, args, false, false, out);
}

static sil_err filter_selectattr(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    return choose(ev, in, args, true, true, out);
}

static sil_err filter_rejectattr(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    return choose(ev, in, args, true, false, out);
}

/* ---- sort ---- */

struct keyed {
    struct tv key, item;
};

/* Python compares lists of keys, which asks for equality before order: keys that have no order may still be equal. */
static sil_err key_cmp(struct tpl_eval *ev, struct tv a, struct tv b, int *order) {
    bool same = false;
    if (a.type == b.type && a.type != TV_STR && a.type != TV_INT) SIL_TRY(tv_eq(ev, a, b, &same));
    *order = 0;
    return same ? SIL_OK : tv_cmp(ev, a, b, "<", order);
}

/* Merges two sorted runs; equal keys keep their order, also when reversed. */
static sil_err merge(struct tpl_eval *ev, const struct keyed *a, size_t n, const struct keyed *b, size_t m,
                     bool reverse, struct keyed *out) {
    size_t i = 0, j = 0;
    while (i < n && j < m) {
        int order;
        SIL_TRY(key_cmp(ev, b[j].key, a[i].key, &order));
        bool right = reverse ? order == 1 : order == -1;
        *out++ = right ? b[j++] : a[i++];
    }
    if (i < n) memcpy(out, a + i, (n - i) * sizeof *out);
    if (j < m) memcpy(out + (n - i), b + j, (m - j) * sizeof *out);
    return SIL_OK;
}

static sil_err sort_keyed(struct tpl_eval *ev, struct keyed **v, size_t n, bool reverse) {
    struct keyed *from = *v, *to;
    SIL_TRY(tpl_alloc(ev, n, sizeof *to, &to));
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t i = 0; i < n; i += 2 * run) {
            size_t left = n - i < run ? n - i : run, right = n - i - left < run ? n - i - left : run;
            SIL_TRY(merge(ev, from + i, left, from + i + left, right, reverse, to + i));
        }
        SIL_TRY(tpl_charge(ev, n));
        struct keyed *t = from;
        from = to;
        to = t;
    }
    *v = from;
    return SIL_OK;
}

/* The key of an item: one attribute's value, or a list of several's ("age,name"). */
static sil_err sort_key(struct tpl_eval *ev, const struct attr_path *paths, size_t n, struct tv item,
                        bool case_sensitive, struct tv *out) {
    struct tv v;
    if (n == 1) {
        SIL_TRY(path_get(ev, &paths[0], item, &v));
        return fold(ev, v, case_sensitive, out);
    }
    SIL_TRY(seq_new(ev, SEQ_LIST, n, out));
    for (size_t i = 0; i < n; i++) {
        SIL_TRY(path_get(ev, &paths[i], item, &v));
        SIL_TRY(fold(ev, v, case_sensitive, &v));
        SIL_TRY(seq_push(ev, out->seq, v));
    }
    return SIL_OK;
}

static sil_err sort_paths(struct tpl_eval *ev, struct tv attr, struct attr_path **paths, size_t *n) {
    struct str s = attr.type == TV_STR ? tv_view(attr) : STR("");
    *n = 1;
    for (size_t i = 0; i < s.n; i++) *n += s.p[i] == ',';
    SIL_TRY(tpl_alloc(ev, *n, sizeof **paths, paths));
    if (attr.type != TV_STR) return path_of(ev, attr, (struct tv){0}, *paths);
    for (size_t k = 0, i = 0; k < *n; k++) {
        size_t end = i;
        while (end < s.n && s.p[end] != ',') end++;
        SIL_TRY(path_of_text(ev, (struct str){s.p + i, end - i}, &(*paths)[k]));
        i = end + 1;
    }
    return SIL_OK;
}

static sil_err sort_items(struct tpl_eval *ev, const struct tv *items, size_t n, struct tv attr, bool case_sensitive,
                          bool reverse, struct keyed **out) {
    struct attr_path *paths;
    size_t n_paths;
    SIL_TRY(sort_paths(ev, attr, &paths, &n_paths));
    SIL_TRY(tpl_alloc(ev, n, sizeof **out, out));
    for (size_t i = 0; i < n; i++) {
        (*out)[i].item = items[i];
        SIL_TRY(sort_key(ev, paths, n_paths, items[i], case_sensitive, &(*out)[i].key));
    }
    return sort_keyed(ev, out, n, reverse);
}

static sil_err filter_sort(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[3], *items;
    struct keyed *v;
    size_t n;
    SIL_TRY(args_bind(ev, args, "sort", "reverse case_sensitive attribute", 0, a));
    SIL_TRY(tv_iter(ev, in, &items, &n));
    SIL_TRY(sort_items(ev, items, n, a[2], tv_true(a[1]), tv_true(a[0]), &v));
    SIL_TRY(seq_new(ev, SEQ_LIST, n, out));
    for (size_t i = 0; i < n; i++) SIL_TRY(seq_push(ev, out->seq, v[i].item));
    return SIL_OK;
}

static sil_err filter_dictsort(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[3], pairs;
    struct str by;
    struct keyed *v;
    SIL_TRY(args_bind(ev, args, "dictsort", "case_sensitive by reverse", 0, a));
    SIL_TRY(arg_str(ev, a[1], "dictsort: by", STR("key"), &by));
    if (in.type == TV_UNDEF) return tpl_fail_undef(ev, in);
    if (in.type != TV_DICT) return tpl_fail(ev, SIL_ARG, "dictsort: a %s is not a mapping", tv_type_name(in));
    bool value = str_eq(by, STR("value"));
    if (!value && !str_eq(by, STR("key"))) return tpl_fail(ev, SIL_ARG, "dictsort: by is \"key\" or \"value\"");
    struct tpl_args none;
    args_init(&none);
    SIL_TRY(method_find(TV_DICT, in, STR("items"))->fn(ev, in, &none, &pairs));
    size_t n = pairs.seq->n;
    SIL_TRY(sort_items(ev, pairs.seq->v, n, tv_int(value), tv_true(a[0]), tv_true(a[2]), &v));
    SIL_TRY(seq_new(ev, SEQ_LIST, n, out));
    for (size_t i = 0; i < n; i++) SIL_TRY(seq_push(ev, out->seq, v[i].item));
    return SIL_OK;
}

static sil_err filter_groupby(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[3], *items, group = {0};
    struct attr_path path;
    struct keyed *v;
    size_t n;
    SIL_TRY(args_bind(ev, args, "groupby", "attribute default case_sensitive", 1, a));
    SIL_TRY(path_of(ev, a[0], a[1], &path));
    SIL_TRY(tv_iter(ev, in, &items, &n));
    SIL_TRY(tpl_alloc(ev, n, sizeof *v, &v));
    for (size_t i = 0; i < n; i++) {
        v[i].item = items[i];
        SIL_TRY(sort_key(ev, &path, 1, items[i], tv_true(a[2]), &v[i].key));
    }
    SIL_TRY(sort_keyed(ev, &v, n, false));
    SIL_TRY(seq_new(ev, SEQ_LIST, 0, out));
    for (size_t i = 0; i < n; i++) {
        bool same = false;
        if (i) SIL_TRY(tv_eq(ev, v[i - 1].key, v[i].key, &same));
        if (!same) {
            struct tv key, pair;
            SIL_TRY(path_get(ev, &path, v[i].item, &key));
            SIL_TRY(seq_new(ev, SEQ_LIST, 0, &group));
            SIL_TRY(seq_new(ev, SEQ_TUPLE, 2, &pair));
            SIL_TRY(seq_push(ev, pair.seq, key));
            SIL_TRY(seq_push(ev, pair.seq, group));
            SIL_TRY(seq_push(ev, out->seq, pair));
        }
        SIL_TRY(seq_push(ev, group.seq, v[i].item));
    }
    return SIL_OK;
}

/* ---- unique, min, max, sum ---- */

static sil_err filter_unique(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[2], *items, seen;
    struct attr_path path;
    size_t n;
    SIL_TRY(args_bind(ev, args, "unique", "case_sensitive attribute", 0, a));
    SIL_TRY(path_of(ev, a[1], (struct tv){0}, &path));
    SIL_TRY(tv_iter(ev, in, &items, &n));
    SIL_TRY(seq_new(ev, SEQ_LIST, 0, &seen));
    SIL_TRY(seq_new(ev, SEQ_GEN, 0, out));
    for (size_t i = 0; i < n; i++) {
        struct tv key;
        bool known;
        SIL_TRY(path_get(ev, &path, items[i], &key));
        SIL_TRY(fold(ev, key, tv_true(a[0]), &key));
        SIL_TRY(tv_in(ev, key, seen, &known));
        if (known) continue;
        SIL_TRY(seq_push(ev, seen.seq, key));
        SIL_TRY(seq_push(ev, out->seq, items[i]));
    }
    return SIL_OK;
}

static sil_err extreme(struct tpl_eval *ev, struct tv in, struct tpl_args *args, int want, struct tv *out) {
    struct tv a[2], *items, best = {0};
    struct attr_path path;
    size_t n;
    SIL_TRY(args_bind(ev, args, want < 0 ? "min" : "max", "case_sensitive attribute", 0, a));
    SIL_TRY(path_of(ev, a[1], (struct tv){0}, &path));
    SIL_TRY(tv_iter(ev, in, &items, &n));
    *out = tv_undef(UNDEF_TEXT, TV_UNDEF, STR("min or max of an empty sequence"));
    for (size_t i = 0; i < n; i++) {
        struct tv key;
        int order = want;
        SIL_TRY(path_get(ev, &path, items[i], &key));
        SIL_TRY(fold(ev, key, tv_true(a[0]), &key));
        if (i) SIL_TRY(tv_cmp(ev, key, best, want < 0 ? "<" : ">", &order));
        if (order != want) continue;
        best = key;
        *out = items[i];
    }
    return SIL_OK;
}

static sil_err filter_min(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    return extreme(ev, in, args, -1, out);
}

static sil_err filter_max(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    return extreme(ev, in, args, 1, out);
}

static sil_err filter_sum(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[2], *items;
    struct attr_path path;
    size_t n;
    SIL_TRY(args_bind(ev, args, "sum", "attribute start", 0, a));
    SIL_TRY(path_of(ev, a[0], (struct tv){0}, &path));
    SIL_TRY(tv_iter(ev, in, &items, &n));
    *out = a[1].type == TV_MISSING ? tv_int(0) : a[1];
    for (size_t i = 0; i < n; i++) {
        struct tv v;
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(path_get(ev, &path, items[i], &v));
        SIL_TRY(op_binary(ev, OP_ADD, *out, v, out));
    }
    return SIL_OK;
}

/* ---- batch, slice ---- */

static sil_err filter_batch(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[2], *items, row = {0};
    int64_t width;
    size_t n;
    SIL_TRY(args_bind(ev, args, "batch", "linecount fill_with", 1, a));
    SIL_TRY(arg_int(ev, a[0], "batch: linecount", 0, &width));
    SIL_TRY(tv_iter(ev, in, &items, &n));
    SIL_TRY(seq_new(ev, SEQ_GEN, 0, out));
    for (size_t i = 0; i < n; i++) {
        SIL_TRY(tpl_charge(ev, 1));
        if (i == 0 || (int64_t)row.seq->n == width) {
            SIL_TRY(seq_new(ev, SEQ_LIST, 0, &row));
            SIL_TRY(seq_push(ev, out->seq, row));
        }
        SIL_TRY(seq_push(ev, row.seq, items[i]));
    }
    while (n && a[1].type > TV_NONE && (int64_t)row.seq->n < width) {
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(seq_push(ev, row.seq, a[1]));
    }
    return SIL_OK;
}

static sil_err filter_slice(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a[2], *items;
    int64_t slices;
    size_t n, at = 0;
    SIL_TRY(args_bind(ev, args, "slice", "slices fill_with", 1, a));
    SIL_TRY(arg_int(ev, a[0], "slice: slices", 0, &slices));
    SIL_TRY(tv_iter(ev, in, &items, &n));
    SIL_TRY(seq_new(ev, SEQ_GEN, 0, out));
    if (slices == 0) return tpl_fail(ev, SIL_ARG, "slice: into no slices");
    for (int64_t k = 0; k < slices; k++) {
        size_t extra = n % (size_t)slices, len = n / (size_t)slices + ((size_t)k < extra);
        struct tv row;
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(seq_new(ev, SEQ_LIST, len, &row));
        for (size_t i = 0; i < len; i++) SIL_TRY(seq_push(ev, row.seq, items[at++]));
        if (a[1].type > TV_NONE && (size_t)k >= extra) SIL_TRY(seq_push(ev, row.seq, a[1]));
        SIL_TRY(seq_push(ev, out->seq, row));
    }
    return SIL_OK;
}

const struct tpl_func *filter_find_seq(struct str name) {
    static const struct tpl_func filters[] = {
        {"length", filter_length},
        {"count", filter_length},
        {"first", filter_first},
        {"last", filter_last},
        {"list", filter_list},
        {"reverse", filter_reverse},
        {"join", filter_join},
        {"items", filter_items},
        {"map", filter_map},
        {"select", filter_select},
        {"reject", filter_reject},
        {"selectattr", filter_selectattr},
        {"rejectattr", filter_rejectattr},
        {"sort", filter_sort},
        {"dictsort", filter_dictsort},
        {"groupby", filter_groupby},
        {"unique", filter_unique},
        {"min", filter_min},
        {"max", filter_max},
        {"sum", filter_sum},
        {"batch", filter_batch},
        {"slice", filter_slice},
    };
    return func_find(filters, TPL_COUNT(filters), name);
}
