/* template_tests: what follows `is`. A test gives a value whose truth is the answer. */
#include "text/template_impl.h"

static sil_err yes(struct tpl_eval *ev, struct tpl_args *args, bool answer, struct tv *out) {
    if (args->n || args->n_kw) return tpl_fail(ev, SIL_ARG, "this test takes no argument");
    *out = tv_bool(answer);
    return SIL_OK;
}

#define SIMPLE_TEST(name, answer)                                                                                      \
    static sil_err test_##name(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {             \
        return yes(ev, args, (answer), out);                                                                           \
    }

SIMPLE_TEST(defined, in.type != TV_UNDEF)
SIMPLE_TEST(undefined, in.type == TV_UNDEF)
SIMPLE_TEST(none, in.type == TV_NONE)
SIMPLE_TEST(boolean, in.type == TV_BOOL)
SIMPLE_TEST(true, in.type == TV_BOOL && in.b)
SIMPLE_TEST(false, in.type == TV_BOOL && !in.b)
SIMPLE_TEST(integer, in.type == TV_INT)
SIMPLE_TEST(float, in.type == TV_FLOAT)
SIMPLE_TEST(number, in.type == TV_BOOL || in.type == TV_INT || in.type == TV_FLOAT)
SIMPLE_TEST(string, in.type == TV_STR)
SIMPLE_TEST(mapping, in.type == TV_DICT)
SIMPLE_TEST(iterable, in.type == TV_STR || in.type == TV_SEQ || in.type == TV_DICT || in.type == TV_UNDEF)
/* What has a length and can be indexed; views of dicts and generators do not. */
SIMPLE_TEST(sequence, in.type == TV_STR || in.type == TV_DICT || in.type == TV_UNDEF ||
                          (in.type == TV_SEQ && in.seq->kind <= SEQ_RANGE))
SIMPLE_TEST(callable, in.type == TV_MACRO || in.type == TV_FUNC || in.type == TV_METHOD || in.type == TV_UNDEF)
SIMPLE_TEST(escaped, in.type == TV_MISSING) /* there is no marked-up text here */

static sil_err one_arg(struct tpl_eval *ev, struct tpl_args *args, struct tv *a) {
    return args_bind(ev, args, "this test", "other", 1, a);
}

static sil_err mod_is(struct tpl_eval *ev, struct tv in, struct tv by, int64_t want, struct tv *out) {
    struct tv rest;
    bool same;
    SIL_TRY(op_binary(ev, OP_MOD, in, by, &rest));
    SIL_TRY(tv_eq(ev, rest, tv_int(want), &same));
    *out = tv_bool(same);
    return SIL_OK;
}

static sil_err test_odd(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    SIL_TRY(yes(ev, args, true, out));
    return mod_is(ev, in, tv_int(2), 1, out);
}

static sil_err test_even(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    SIL_TRY(yes(ev, args, true, out));
    return mod_is(ev, in, tv_int(2), 0, out);
}

static sil_err test_divisibleby(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a;
    SIL_TRY(one_arg(ev, args, &a));
    return mod_is(ev, in, a, 0, out);
}

static sil_err test_eq(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a;
    bool same;
    SIL_TRY(one_arg(ev, args, &a));
    SIL_TRY(tv_eq(ev, in, a, &same));
    *out = tv_bool(same);
    return SIL_OK;
}

static sil_err test_ne(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    SIL_TRY(test_eq(ev, in, args, out));
    out->b = !out->b;
    return SIL_OK;
}

static sil_err test_in(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a;
    bool found;
    SIL_TRY(one_arg(ev, args, &a));
    SIL_TRY(tv_in(ev, in, a, &found));
    *out = tv_bool(found);
    return SIL_OK;
}

static sil_err test_sameas(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    struct tv a;
    bool same = false;
    SIL_TRY(one_arg(ev, args, &a));
    if (in.type == TV_SEQ || in.type == TV_DICT) same = in.type == a.type && (const void *)in.seq == a.seq;
    else if (in.type == a.type) SIL_TRY(tv_eq(ev, in, a, &same));
    *out = tv_bool(same);
    return SIL_OK;
}

static sil_err order(struct tpl_eval *ev, struct tv in, struct tpl_args *args, const char *op, int *out) {
    struct tv a;
    SIL_TRY(one_arg(ev, args, &a));
    return tv_cmp(ev, in, a, op, out);
}

#define ORDER_TEST(name, op, answer)                                                                                   \
    static sil_err test_##name(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {             \
        int r;                                                                                                         \
        SIL_TRY(order(ev, in, args, op, &r));                                                                          \
        *out = tv_bool(answer);                                                                                        \
        return SIL_OK;                                                                                                 \
    }
ORDER_TEST(lt, "<", r == -1)
ORDER_TEST(le, "<=", r <= 0)
ORDER_TEST(gt, ">", r == 1)
ORDER_TEST(ge, ">=", r == 0 || r == 1)

static sil_err test_case(struct tpl_eval *ev, struct tv in, struct tpl_args *args, bool upper, struct tv *out) {
    SIL_TRY(tv_to_str(ev, in, &in));
    SIL_TRY(tpl_charge(ev, in.n / 16));
    return yes(ev, args, tpl_all_case(tv_view(in), upper), out);
}

static sil_err test_lower(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    return test_case(ev, in, args, false, out);
}

static sil_err test_upper(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out) {
    return test_case(ev, in, args, true, out);
}

SIMPLE_TEST(filter, in.type == TV_STR && filter_find(tv_view(in)) != NULL)
SIMPLE_TEST(test, in.type == TV_STR && test_find(tv_view(in)) != NULL)

const struct tpl_func *test_find(struct str name) {
    static const struct tpl_func tests[] = {
        {"defined", test_defined},
        {"undefined", test_undefined},
        {"none", test_none},
        {"string", test_string},
        {"mapping", test_mapping},
        {"iterable", test_iterable},
        {"sequence", test_sequence},
        {"number", test_number},
        {"integer", test_integer},
        {"float", test_float},
        {"boolean", test_boolean},
        {"true", test_true},
        {"false", test_false},
        {"odd", test_odd},
        {"even", test_even},
        {"divisibleby", test_divisibleby},
        {"in", test_in},
        {"sameas", test_sameas},
        {"eq", test_eq},
        {"equalto", test_eq},
        {"==", test_eq},
        {"ne", test_ne},
        {"!=", test_ne},
        {"lt", test_lt},
        {"lessthan", test_lt},
        {"<", test_lt},
        {"le", test_le},
        {"<=", test_le},
        {"gt", test_gt},
        {"greaterthan", test_gt},
        {">", test_gt},
        {"ge", test_ge},
        {">=", test_ge},
        {"lower", test_lower},
        {"upper", test_upper},
        {"callable", test_callable},
        {"escaped", test_escaped},
        {"filter", test_filter},
        {"test", test_test},
    };
    return func_find(tests, TPL_COUNT(tests), name);
}
