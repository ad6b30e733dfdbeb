/* template_expr: expressions to nodes, with the precedence of Jinja's own parser:
 * if-else, or, and, not, comparison (chained), + -, ~, * / // %, ** (to the left), unary, postfix, filters and tests.
 */
#include <assert.h>

#include "text/template_impl.h"

static sil_err deepen(struct parser *p, struct tnode *n, const struct tnode *child) {
    if (!child || child->depth < n->depth) return SIL_OK;
    if (child->depth >= p->t->limits.depth) return parse_fail(p, SIL_LIMIT, "expression deeper than %u", child->depth);
    n->depth = (uint16_t)(child->depth + 1);
    return SIL_OK;
}

static sil_err node2(struct parser *p, enum node_kind kind, uint32_t pos, struct tnode *a, struct tnode *b,
                     struct tnode **out) {
    SIL_TRY(parse_node(p, kind, pos, out));
    (*out)->a = a;
    (*out)->b = b;
    SIL_TRY(deepen(p, *out, a));
    for (const struct tnode *n = b; n; n = n->next) SIL_TRY(deepen(p, *out, n));
    return SIL_OK;
}

/* Appends to a list whose end is *tail. */
static void append(struct tnode ***tail, struct tnode *n) {
    assert(n);
    **tail = n;
    *tail = &n->next;
}

/* ---- atoms ---- */

static sil_err parse_const(struct parser *p, struct tv value, struct tnode **out) {
    SIL_TRY(parse_node(p, N_CONST, p->cur.pos, out));
    (*out)->value = value;
    return parse_advance(p);
}

static sil_err parse_strings(struct parser *p, struct tnode **out) {
    SIL_TRY(parse_const(p, tv_str(p->cur.s.p, p->cur.s.n), out));
    if (p->cur.kind != TOK_STRING) return SIL_OK;
    struct buf b;
    buf_init(&b, p->t->mem, p->t->source.n);
    sil_err err = buf_put(&b, (*out)->value.s, (*out)->value.n);
    while (err == SIL_OK && p->cur.kind == TOK_STRING) {
        err = buf_str(&b, p->cur.s);
        if (err == SIL_OK) {
            err = parse_advance(p);
            if (err != SIL_OK) goto done; /* has its text already */
        }
    }
    char *s = err == SIL_OK ? arena_copy(&p->t->arena, b.p, b.n) : NULL;
    if (s) (*out)->value = tv_str(s, b.n);
    else err = err_nomem(p->e, "a chat template", b.n);
done:
    buf_free(&b);
    return err;
}

/* [a, b] and {k: v}, whose opening bracket is current. */
static sil_err parse_display(struct parser *p, bool dict, struct tnode **out) {
    enum tok_kind close = dict ? TOK_RBRACE : TOK_RBRACKET;
    uint32_t pos = p->cur.pos;
    struct tnode *items = NULL, **tail = &items;
    SIL_TRY(parse_advance(p));
    while (p->cur.kind != close) {
        if (items) SIL_TRY(parse_expect(p, TOK_COMMA, "',' or the end of the list"));
        if (p->cur.kind == close) break;
        struct tnode *n, *v;
        SIL_TRY(parse_expr(p, &n));
        if (dict) {
            SIL_TRY(parse_expect(p, TOK_COLON, "':'"));
            SIL_TRY(parse_expr(p, &v));
            SIL_TRY(node2(p, N_PAIR, n->pos, n, v, &n));
        }
        append(&tail, n);
    }
    SIL_TRY(parse_advance(p));
    return node2(p, dict ? N_DICT : N_LIST, pos, NULL, items, out);
}

static sil_err parse_parens(struct parser *p, struct tnode **out) {
    uint32_t pos = p->cur.pos;
    SIL_TRY(parse_advance(p));
    if (p->cur.kind == TOK_RPAREN) {
        SIL_TRY(parse_advance(p));
        return parse_node(p, N_TUPLE, pos, out);
    }
    SIL_TRY(parse_tuple(p, true, NULL, out));
    return parse_expect(p, TOK_RPAREN, "')'");
}

static sil_err parse_name(struct parser *p, struct tnode **out) {
    if (parse_at_name(p, "true") || parse_at_name(p, "True")) return parse_const(p, tv_bool(true), out);
    if (parse_at_name(p, "false") || parse_at_name(p, "False")) return parse_const(p, tv_bool(false), out);
    if (parse_at_name(p, "none") || parse_at_name(p, "None")) return parse_const(p, tv_none(), out);
    SIL_TRY(parse_node(p, N_NAME, p->cur.pos, out));
    SIL_TRY(parse_sym(p, p->cur.s, &(*out)->sym));
    if ((*out)->sym == SYM_CALLER) p->uses |= USES_CALLER;
    if ((*out)->sym == SYM_VARARGS) p->uses |= USES_VARARGS;
    if ((*out)->sym == SYM_KWARGS) p->uses |= USES_KWARGS;
    return parse_advance(p);
}

static sil_err parse_primary(struct parser *p, struct tnode **out) {
    switch (p->cur.kind) {
    case TOK_NAME: return parse_name(p, out);
    case TOK_STRING: return parse_strings(p, out);
    case TOK_INT: return parse_const(p, tv_int(p->cur.i), out);
    case TOK_FLOAT: return parse_const(p, tv_float(p->cur.f), out);
    case TOK_LPAREN: return parse_parens(p, out);
    case TOK_LBRACKET: return parse_display(p, false, out);
    case TOK_LBRACE: return parse_display(p, true, out);
    default: return parse_fail(p, SIL_FORMAT, "expected an expression");
    }
}

/* ---- postfix ---- */

static sil_err parse_slice_part(struct parser *p, struct tnode **out) {
    *out = NULL;
    if (p->cur.kind == TOK_COLON || p->cur.kind == TOK_RBRACKET || p->cur.kind == TOK_COMMA) return SIL_OK;
    return parse_expr(p, out);
}

static sil_err parse_subscribed(struct parser *p, struct tnode **out) {
    uint32_t pos = p->cur.pos;
    struct tnode *part[3] = {0};
    SIL_TRY(parse_slice_part(p, &part[0]));
    if (p->cur.kind != TOK_COLON) {
        *out = part[0];
        return part[0] ? SIL_OK : parse_fail(p, SIL_FORMAT, "expected an index");
    }
    for (int i = 1; i < 3 && p->cur.kind == TOK_COLON; i++) {
        SIL_TRY(parse_advance(p));
        SIL_TRY(parse_slice_part(p, &part[i]));
    }
    SIL_TRY(node2(p, N_SLICE, pos, part[0], part[1], out));
    (*out)->c = part[2];
    return deepen(p, *out, part[2]);
}

static sil_err parse_subscript(struct parser *p, struct tnode **node) {
    uint32_t pos = p->cur.pos;
    struct tnode *key, *keys = NULL, **tail = &keys;
    SIL_TRY(parse_advance(p));
    do {
        if (keys) SIL_TRY(parse_expect(p, TOK_COMMA, "','"));
        SIL_TRY(parse_subscribed(p, &key));
        if (key->kind == N_SLICE && (keys || p->cur.kind == TOK_COMMA))
            return parse_fail(p, SIL_UNSUPPORTED, "a slice among several indices");
        append(&tail, key);
    } while (p->cur.kind == TOK_COMMA);
    SIL_TRY(parse_expect(p, TOK_RBRACKET, "']'"));
    assert(keys);
    if (keys->next) SIL_TRY(node2(p, N_TUPLE, pos, NULL, keys, &keys));
    return node2(p, N_ITEM, pos, *node, keys, node);
}

static sil_err parse_attr(struct parser *p, struct tnode **node) {
    SIL_TRY(parse_advance(p));
    uint32_t pos = p->cur.pos;
    if (p->cur.kind == TOK_INT) {
        struct tnode *key;
        SIL_TRY(parse_const(p, tv_int(p->cur.i), &key));
        return node2(p, N_ITEM, pos, *node, key, node);
    }
    if (p->cur.kind != TOK_NAME) return parse_fail(p, SIL_FORMAT, "expected a name or number after '.'");
    SIL_TRY(node2(p, N_ATTR, pos, *node, NULL, node));
    (*node)->value = tv_str(p->cur.s.p, p->cur.s.n);
    return parse_advance(p);
}

static sil_err parse_arg(struct parser *p, int *stage, struct tnode **out) {
    struct tv keyword = {0};
    struct token next;
    uint32_t pos = p->cur.pos;
    int op = p->cur.kind == TOK_MUL ? 1 : p->cur.kind == TOK_POW ? 2 : 0, now = op;
    if (op) {
        SIL_TRY(parse_advance(p));
        now = op == 1 ? 2 : 3;
    } else if (p->cur.kind == TOK_NAME) {
        SIL_TRY(parse_peek(p, &next));
        if (next.kind == TOK_ASSIGN) {
            keyword = tv_str(p->cur.s.p, p->cur.s.n);
            now = *stage > 1 ? *stage : 1;
            SIL_TRY(parse_advance(p));
            SIL_TRY(parse_advance(p));
        }
    }
    /* positions, then keywords, *list once, **dict last */
    if (now < *stage || *stage == 3 || (now == *stage && op)) return parse_fail(p, SIL_FORMAT, "argument out of order");
    *stage = now;
    struct tnode *value;
    SIL_TRY(parse_expr(p, &value));
    SIL_TRY(node2(p, N_ARG, pos, value, NULL, out));
    (*out)->op = (uint8_t)op;
    (*out)->value = keyword;
    return SIL_OK;
}

sil_err parse_call_args(struct parser *p, struct tnode **out) {
    struct tnode *n, **tail = out;
    int stage = 0;
    *out = NULL;
    SIL_TRY(parse_expect(p, TOK_LPAREN, "'('"));
    while (p->cur.kind != TOK_RPAREN) {
        if (*out) SIL_TRY(parse_expect(p, TOK_COMMA, "',' or ')'"));
        if (p->cur.kind == TOK_RPAREN) break;
        SIL_TRY(parse_arg(p, &stage, &n));
        append(&tail, n);
    }
    return parse_advance(p);
}

static sil_err parse_call(struct parser *p, struct tnode **node) {
    uint32_t pos = (*node)->pos;
    struct tnode *args;
    SIL_TRY(parse_call_args(p, &args));
    return node2(p, N_CALL, pos, *node, args, node);
}

static sil_err parse_postfix(struct parser *p, struct tnode **node) {
    for (;;) {
        if (p->cur.kind == TOK_DOT) SIL_TRY(parse_attr(p, node));
        else if (p->cur.kind == TOK_LBRACKET) SIL_TRY(parse_subscript(p, node));
        else if (p->cur.kind == TOK_LPAREN) SIL_TRY(parse_call(p, node));
        else return SIL_OK;
    }
}

/* ---- filters and tests ---- */

static sil_err parse_filter(struct parser *p, struct tnode **node) {
    if (p->cur.kind != TOK_NAME) return parse_fail(p, SIL_FORMAT, "expected the name of a filter");
    const struct tpl_func *func = filter_find(p->cur.s);
    if (!func) return parse_fail(p, SIL_UNSUPPORTED, "there is no filter '%.*s'", STR_ARG(p->cur.s));
    uint32_t pos = p->cur.pos;
    struct tnode *args = NULL;
    SIL_TRY(parse_advance(p));
    if (p->cur.kind == TOK_LPAREN) SIL_TRY(parse_call_args(p, &args));
    SIL_TRY(node2(p, N_FILTER, pos, *node, args, node));
    (*node)->func = func;
    return SIL_OK;
}

sil_err parse_filters(struct parser *p, bool first, struct tnode **node) {
    if (first) SIL_TRY(parse_filter(p, node));
    while (p->cur.kind == TOK_PIPE) {
        SIL_TRY(parse_advance(p));
        SIL_TRY(parse_filter(p, node));
    }
    return SIL_OK;
}

/* `is odd`, `is divisibleby(3)`, `is divisibleby 3`. */
static sil_err parse_test_arg(struct parser *p, struct tnode **args) {
    bool value = p->cur.kind == TOK_STRING || p->cur.kind == TOK_INT || p->cur.kind == TOK_FLOAT ||
                 p->cur.kind == TOK_LBRACKET || p->cur.kind == TOK_LBRACE || p->cur.kind == TOK_NAME;
    *args = NULL;
    if (p->cur.kind == TOK_LPAREN) return parse_call_args(p, args);
    if (!value || parse_at_name(p, "else") || parse_at_name(p, "or") || parse_at_name(p, "and")) return SIL_OK;
    if (parse_at_name(p, "is")) return parse_fail(p, SIL_FORMAT, "tests cannot be chained with 'is'; use 'and'");
    /* Jinja takes any other name for an argument; `x is defined if y` can only mean the condition. */
    if (parse_at_name(p, "if") || parse_at_name(p, "in") || parse_at_name(p, "not")) return SIL_OK;
    struct tnode *v;
    SIL_TRY(parse_primary(p, &v));
    SIL_TRY(parse_postfix(p, &v));
    return node2(p, N_ARG, v->pos, v, NULL, args);
}

static sil_err parse_test(struct parser *p, struct tnode **node) {
    uint32_t pos = p->cur.pos;
    struct tnode *args;
    SIL_TRY(parse_advance(p));
    bool negated = parse_at_name(p, "not");
    if (negated) SIL_TRY(parse_advance(p));
    if (p->cur.kind != TOK_NAME) return parse_fail(p, SIL_FORMAT, "expected the name of a test");
    const struct tpl_func *func = test_find(p->cur.s);
    if (!func) return parse_fail(p, SIL_UNSUPPORTED, "there is no test '%.*s'", STR_ARG(p->cur.s));
    SIL_TRY(parse_advance(p));
    SIL_TRY(parse_test_arg(p, &args));
    SIL_TRY(node2(p, N_TEST, pos, *node, args, node));
    (*node)->func = func;
    (*node)->op = negated;
    return SIL_OK;
}

static sil_err parse_filters_and_tests(struct parser *p, struct tnode **node) {
    for (;;) {
        if (p->cur.kind == TOK_PIPE) SIL_TRY(parse_filters(p, false, node));
        else if (parse_at_name(p, "is")) SIL_TRY(parse_test(p, node));
        else if (p->cur.kind == TOK_LPAREN) SIL_TRY(parse_call(p, node));
        else return SIL_OK;
    }
}

/* ---- operators ---- */

static sil_err parse_unary(struct parser *p, bool filters, struct tnode **out) {
    uint32_t pos = p->cur.pos;
    bool minus = p->cur.kind == TOK_SUB;
    if (minus || p->cur.kind == TOK_ADD) {
        struct tnode *a;
        SIL_TRY(parse_advance(p));
        SIL_TRY(parse_enter(p));
        SIL_TRY(parse_unary(p, false, &a));
        p->depth--;
        SIL_TRY(node2(p, minus ? N_NEG : N_POS, pos, a, NULL, out));
    } else {
        SIL_TRY(parse_primary(p, out));
    }
    SIL_TRY(parse_postfix(p, out));
    return filters ? parse_filters_and_tests(p, out) : SIL_OK;
}

/* Binding strength of the arithmetic operators; 0 for everything else. */
static int strength(enum tok_kind kind) {
    switch (kind) {
    case TOK_ADD:
    case TOK_SUB: return 1;
    case TOK_TILDE: return 2;
    case TOK_MUL:
    case TOK_DIV:
    case TOK_FLOORDIV:
    case TOK_MOD: return 3;
    case TOK_POW: return 4;
    default: return 0;
    }
}

static enum node_op binary_op(enum tok_kind kind) {
    return (enum node_op)(OP_ADD + (kind - TOK_ADD)); /* same order in both */
}

/* a ~ b ~ c is one node, so that the text is joined once. */
static sil_err concat_node(struct parser *p, uint32_t pos, struct tnode *a, struct tnode *b, struct tnode **out) {
    if (a->kind == N_CONCAT && a->op) {
        a->a->next = b;
        a->a = b; /* the last operand, while the list grows */
        *out = a;
        return deepen(p, a, b);
    }
    a->next = b;
    SIL_TRY(node2(p, N_CONCAT, pos, NULL, a, out));
    (*out)->a = b;
    (*out)->op = 1;
    return SIL_OK;
}

/* Operators at least as strong as `least`, all associating to the left. */
static sil_err parse_binary(struct parser *p, int least, struct tnode **out) {
    SIL_TRY(parse_unary(p, true, out));
    for (int s; (s = strength(p->cur.kind)) >= least && s > 0;) {
        enum tok_kind kind = p->cur.kind;
        uint32_t pos = p->cur.pos;
        struct tnode *right;
        SIL_TRY(parse_advance(p));
        SIL_TRY(parse_binary(p, s + 1, &right));
        if (kind == TOK_TILDE) {
            SIL_TRY(concat_node(p, pos, *out, right, out));
            continue;
        }
        SIL_TRY(node2(p, N_BINARY, pos, *out, right, out));
        (*out)->op = (uint8_t)binary_op(kind);
    }
    if ((*out)->kind == N_CONCAT) (*out)->op = 0; /* finished: what follows is another expression */
    return SIL_OK;
}

/* The comparison at the current token, consumed, or 0. */
static sil_err compare_op(struct parser *p, int *op) {
    *op = 0;
    if (p->cur.kind >= TOK_EQ && p->cur.kind <= TOK_GE) {
        *op = OP_EQ + (p->cur.kind - TOK_EQ);
    } else if (parse_at_name(p, "in")) {
        *op = OP_IN;
    } else if (parse_at_name(p, "not")) {
        struct token next;
        SIL_TRY(parse_peek(p, &next));
        if (next.kind != TOK_NAME || !str_eq(next.s, STR("in"))) return SIL_OK;
        *op = OP_NOTIN;
        SIL_TRY(parse_advance(p));
    }
    return *op ? parse_advance(p) : SIL_OK;
}

static sil_err parse_compare(struct parser *p, struct tnode **out) {
    struct tnode *ops = NULL, **tail = &ops, *n;
    SIL_TRY(parse_binary(p, 1, out));
    for (;;) {
        uint32_t pos = p->cur.pos;
        int op;
        SIL_TRY(compare_op(p, &op));
        if (!op) break;
        SIL_TRY(parse_binary(p, 1, &n));
        SIL_TRY(node2(p, N_OPERAND, pos, n, NULL, &n));
        n->op = (uint8_t)op;
        append(&tail, n);
    }
    return ops ? node2(p, N_COMPARE, ops->pos, *out, ops, out) : SIL_OK;
}

static sil_err parse_not(struct parser *p, struct tnode **out) {
    if (!parse_at_name(p, "not")) return parse_compare(p, out);
    uint32_t pos = p->cur.pos;
    struct tnode *a;
    SIL_TRY(parse_advance(p));
    SIL_TRY(parse_enter(p));
    SIL_TRY(parse_not(p, &a));
    p->depth--;
    return node2(p, N_NOT, pos, a, NULL, out);
}

static sil_err parse_and(struct parser *p, struct tnode **out) {
    SIL_TRY(parse_not(p, out));
    while (parse_at_name(p, "and")) {
        uint32_t pos = p->cur.pos;
        struct tnode *b;
        SIL_TRY(parse_advance(p));
        SIL_TRY(parse_not(p, &b));
        SIL_TRY(node2(p, N_AND, pos, *out, b, out));
    }
    return SIL_OK;
}

static sil_err parse_or(struct parser *p, struct tnode **out) {
    SIL_TRY(parse_and(p, out));
    while (parse_at_name(p, "or")) {
        uint32_t pos = p->cur.pos;
        struct tnode *b;
        SIL_TRY(parse_advance(p));
        SIL_TRY(parse_and(p, &b));
        SIL_TRY(node2(p, N_OR, pos, *out, b, out));
    }
    return SIL_OK;
}

sil_err parse_expr_nocond(struct parser *p, struct tnode **out) {
    SIL_TRY(parse_enter(p));
    SIL_TRY(parse_or(p, out));
    p->depth--;
    return SIL_OK;
}

sil_err parse_expr(struct parser *p, struct tnode **out) {
    SIL_TRY(parse_enter(p));
    SIL_TRY(parse_or(p, out));
    while (parse_at_name(p, "if")) {
        uint32_t pos = p->cur.pos;
        struct tnode *test, *other = NULL;
        SIL_TRY(parse_advance(p));
        SIL_TRY(parse_or(p, &test));
        if (parse_at_name(p, "else")) {
            SIL_TRY(parse_advance(p));
            SIL_TRY(parse_expr(p, &other));
        }
        SIL_TRY(node2(p, N_COND, pos, test, *out, out));
        (*out)->c = other;
        SIL_TRY(deepen(p, *out, other));
    }
    p->depth--;
    return SIL_OK;
}

/* Where an unparenthesised tuple may end after a comma. */
static bool tuple_end(const struct parser *p, const char *stop) {
    return p->cur.kind == TOK_PRINT_END || p->cur.kind == TOK_BLOCK_END || p->cur.kind == TOK_RPAREN ||
           (stop && parse_at_name(p, stop));
}

sil_err parse_tuple(struct parser *p, bool cond, const char *stop, struct tnode **out) {
    struct tnode *items = NULL, **tail = &items;
    uint32_t pos = p->cur.pos;
    bool tuple = false;
    for (;;) {
        struct tnode *n;
        SIL_TRY(cond ? parse_expr(p, &n) : parse_expr_nocond(p, &n));
        append(&tail, n);
        if (p->cur.kind != TOK_COMMA) break;
        tuple = true;
        SIL_TRY(parse_advance(p));
        if (tuple_end(p, stop)) break;
    }
    *out = items;
    return tuple ? node2(p, N_TUPLE, pos, NULL, items, out) : SIL_OK;
}

/* ---- targets of set, for, with ---- */

static sil_err target_item(struct parser *p, bool ns, struct tnode **out) {
    if (p->cur.kind == TOK_LPAREN) {
        SIL_TRY(parse_enter(p));
        SIL_TRY(parse_advance(p));
        SIL_TRY(parse_target(p, ns, out));
        p->depth--;
        return parse_expect(p, TOK_RPAREN, "')'");
    }
    if (p->cur.kind != TOK_NAME) return parse_fail(p, SIL_FORMAT, "expected a name to assign to");
    SIL_TRY(parse_name(p, out));
    if ((*out)->kind != N_NAME) return parse_fail(p, SIL_FORMAT, "a constant cannot be assigned to");
    if (p->cur.kind != TOK_DOT) return SIL_OK;
    if (!ns) return parse_fail(p, SIL_FORMAT, "an attribute cannot be assigned to here");
    SIL_TRY(parse_advance(p));
    if (p->cur.kind != TOK_NAME) return parse_fail(p, SIL_FORMAT, "expected a name after '.'");
    (*out)->kind = N_NSREF;
    (*out)->value = tv_str(p->cur.s.p, p->cur.s.n);
    return parse_advance(p);
}

sil_err parse_target(struct parser *p, bool ns, struct tnode **out) {
    struct tnode *items = NULL, **tail = &items, *n;
    uint32_t pos = p->cur.pos;
    bool tuple = false;
    for (;;) {
        SIL_TRY(target_item(p, ns, &n));
        append(&tail, n);
        if (p->cur.kind != TOK_COMMA) break;
        tuple = true;
        SIL_TRY(parse_advance(p));
        if (p->cur.kind != TOK_NAME && p->cur.kind != TOK_LPAREN) break;
        if (parse_at_name(p, "in")) break;
    }
    *out = items;
    return tuple ? node2(p, N_TUPLE, pos, NULL, items, out) : SIL_OK;
}
