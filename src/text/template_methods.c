/* template_methods: the methods of lists and dicts. As in Jinja's immutable sandbox nothing that came in can be
 * changed; list.append is there because some templates build lists with it, and changes only the rendering's copy. */
#include "text/template_impl.h"

const struct tpl_func *func_find(const struct tpl_func *table, size_t n, struct str name) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(str_of(table[i].name), name)) return &table[i];
    return NULL;
}

static sil_err dict_view(struct tpl_eval *ev, const struct tpl_dict *d, enum tpl_seq_kind kind, struct tv *out) {
    SIL_TRY(seq_new(ev, kind, d->n, out));
    for (size_t i = 0; i < d->n; i++) {
        struct tv item = kind == SEQ_KEYS ? d->p[i].k : d->p[i].v;
        if (kind == SEQ_ITEMS) {
            SIL_TRY(seq_new(ev, SEQ_TUPLE, 2, &item));
            SIL_TRY(seq_push(ev, item.seq, d->p[i].k));
            SIL_TRY(seq_push(ev, item.seq, d->p[i].v));
        }
        SIL_TRY(seq_push(ev, out->seq, item));
    }
    return SIL_OK;
}

static sil_err dict_get(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    struct tv a[2], *found;
    SIL_TRY(args_bind(ev, args, "get", "key default", 1, a));
    SIL_TRY(tv_hashable(ev, a[0]));
    SIL_TRY(dict_find(ev, self.dict, a[0], &found));
    *out = found ? *found : a[1].type == TV_MISSING ? tv_none() : a[1];
    return SIL_OK;
}

static sil_err dict_items(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    SIL_TRY(args_bind(ev, args, "items", "", 0, NULL));
    return dict_view(ev, self.dict, SEQ_ITEMS, out);
}

static sil_err dict_keys(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    SIL_TRY(args_bind(ev, args, "keys", "", 0, NULL));
    return dict_view(ev, self.dict, SEQ_KEYS, out);
}

static sil_err dict_values(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    SIL_TRY(args_bind(ev, args, "values", "", 0, NULL));
    return dict_view(ev, self.dict, SEQ_VALUES, out);
}

static sil_err dict_copy(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    SIL_TRY(args_bind(ev, args, "copy", "", 0, NULL));
    SIL_TRY(dict_new(ev, TV_DICT, self.dict->n, out));
    if (self.dict->n) memcpy(out->dict->p, self.dict->p, self.dict->n * sizeof *self.dict->p);
    out->dict->n = self.dict->n;
    return SIL_OK;
}

static sil_err refuse(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    (void)args;
    (void)out;
    return tpl_fail(ev, SIL_UNSUPPORTED, "a %s cannot be changed here; build a new one", tv_type_name(self));
}

static sil_err list_append(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    struct tv a[1];
    SIL_TRY(args_bind(ev, args, "append", "item", 1, a));
    *out = tv_none();
    return seq_push(ev, self.seq, a[0]);
}

static sil_err list_count(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    struct tv a[1];
    int64_t n = 0;
    SIL_TRY(args_bind(ev, args, "count", "item", 1, a));
    for (size_t i = 0; i < self.seq->n; i++) {
        bool same;
        SIL_TRY(tv_eq(ev, self.seq->v[i], a[0], &same));
        n += same;
    }
    *out = tv_int(n);
    return SIL_OK;
}

static sil_err list_index(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    struct tv a[1];
    SIL_TRY(args_bind(ev, args, "index", "item", 1, a));
    for (size_t i = 0; i < self.seq->n; i++) {
        bool same;
        SIL_TRY(tv_eq(ev, self.seq->v[i], a[0], &same));
        if (!same) continue;
        *out = tv_int((int64_t)i);
        return SIL_OK;
    }
    return tpl_fail(ev, SIL_ARG, "index: the value is not in the list");
}

static sil_err list_copy(struct tpl_eval *ev, struct tv self, struct tpl_args *args, struct tv *out) {
    SIL_TRY(args_bind(ev, args, "copy", "", 0, NULL));
    SIL_TRY(seq_new(ev, SEQ_LIST, self.seq->n, out));
    if (self.seq->n) memcpy(out->seq->v, self.seq->v, self.seq->n * sizeof *self.seq->v);
    out->seq->n = self.seq->n;
    return SIL_OK;
}

static const struct tpl_func dict_methods[] = {
    {"get", dict_get},  {"items", dict_items}, {"keys", dict_keys}, {"values", dict_values}, {"copy", dict_copy},
    {"update", refuse}, {"pop", refuse},       {"popitem", refuse}, {"clear", refuse},       {"setdefault", refuse},
};

/* Tuples have the first two. */
static const struct tpl_func list_methods[] = {
    {"count", list_count}, {"index", list_index}, {"append", list_append}, {"copy", list_copy},
    {"extend", refuse},    {"insert", refuse},    {"pop", refuse},         {"remove", refuse},
    {"clear", refuse},     {"reverse", refuse},   {"sort", refuse},
};

const struct tpl_func *method_find(enum tv_type type, struct tv self, struct str name) {
    if (type == TV_STR) return method_find_str(name);
    if (type == TV_DICT) return func_find(dict_methods, TPL_COUNT(dict_methods), name);
    if (type == TV_LOOP) return method_find_loop(name);
    if (type != TV_SEQ || self.seq->kind > SEQ_RANGE) return NULL;
    return func_find(list_methods, self.seq->kind == SEQ_LIST ? TPL_COUNT(list_methods) : 2, name);
}
