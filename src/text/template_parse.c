/* template_parse: statements to nodes, and the public face of templates. */
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "text/template_impl.h"

/* A caller's limit on depth is lowered to this: what the C stack of a small thread bears. */
enum { DEPTH_MAX = 1000 };

struct template_limits template_limits_default(void) {
    return (struct template_limits){
        .source = (size_t)1 << 20,
        .steps = 50000000,
        .depth = 200,
        .output = (size_t)64 << 20,
        .memory = (size_t)256 << 20,
    };
}

/* ---- the parser's hands ---- */

void parse_error(struct parser *p, sil_err code, const char *fmt, ...) {
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    bool end = p->cur.kind == TOK_EOF, quote = p->cur.kind >= TOK_PRINT_END && code == SIL_FORMAT;
    int n = (int)(p->cur.s.n < 40 ? p->cur.s.n : 40);
    if (quote) lex_error(&p->lex, code, p->cur.pos, "%s, at '%.*s'", text, n, p->cur.s.p);
    else lex_error(&p->lex, code, p->cur.pos, "%s%s", text, end ? ", at the end" : "");
}

sil_err parse_advance(struct parser *p) {
    if (p->has_peeked) {
        p->has_peeked = false;
        p->cur = p->peeked;
        return SIL_OK;
    }
    return lex_next(&p->lex, &p->cur);
}

sil_err parse_peek(struct parser *p, struct token *t) {
    if (!p->has_peeked) SIL_TRY(lex_next(&p->lex, &p->peeked));
    p->has_peeked = true;
    *t = p->peeked;
    return SIL_OK;
}

sil_err parse_expect(struct parser *p, enum tok_kind kind, const char *what) {
    if (p->cur.kind != kind) return parse_fail(p, SIL_FORMAT, "expected %s", what);
    return parse_advance(p);
}

bool parse_at_name(const struct parser *p, const char *name) {
    return p->cur.kind == TOK_NAME && str_eq(p->cur.s, str_of(name));
}

sil_err parse_enter(struct parser *p) {
    if (p->depth >= p->t->limits.depth) return parse_fail(p, SIL_LIMIT, "nested deeper than %u", p->depth);
    p->depth++;
    return SIL_OK;
}

sil_err parse_node(struct parser *p, enum node_kind kind, uint32_t pos, struct tnode **out) {
    struct tnode *n = ARENA_NEW(&p->t->arena, struct tnode);
    if (!n) return (err_nomem(p->e, "a chat template", sizeof *n), SIL_NOMEM);
    n->kind = (uint8_t)kind;
    n->pos = pos;
    *out = n;
    return SIL_OK;
}

static uint32_t name_hash(struct str s) {
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return h;
}

/* Doubles the table of names; the old ones stay in the arena. */
static sil_err grow_names(struct parser *p) {
    uint32_t cap = p->hash_cap ? p->hash_cap * 2 : 128;
    struct str *syms = ARENA_ARRAY(&p->t->arena, cap / 2, struct str);
    uint32_t *hash = ARENA_ARRAY(&p->t->arena, cap, uint32_t);
    if (!syms || !hash) return (err_nomem(p->e, "the names of a chat template", cap * sizeof *hash), SIL_NOMEM);
    for (uint32_t i = 0; i < p->t->n_syms; i++) {
        uint32_t at = name_hash(p->t->syms[i]) & (cap - 1);
        while (hash[at]) at = (at + 1) & (cap - 1);
        hash[at] = i + 1;
        syms[i] = p->t->syms[i];
    }
    p->t->syms = syms;
    p->hash = hash;
    p->hash_cap = cap;
    p->syms_cap = cap / 2;
    return SIL_OK;
}

sil_err parse_sym(struct parser *p, struct str name, uint32_t *sym) {
    if (p->t->n_syms >= p->syms_cap) SIL_TRY(grow_names(p));
    uint32_t at = name_hash(name) & (p->hash_cap - 1);
    for (; p->hash[at]; at = (at + 1) & (p->hash_cap - 1)) {
        *sym = p->hash[at] - 1;
        if (str_eq(p->t->syms[*sym], name)) return SIL_OK;
    }
    *sym = p->t->n_syms++;
    p->t->syms[*sym] = name;
    p->hash[at] = *sym + 1;
    return SIL_OK;
}

/* ---- statements ---- */

static sil_err parse_statement(struct parser *p, struct tnode **out);

static bool at_any(const struct parser *p, const char *const *names) {
    for (; *names; names++)
        if (parse_at_name(p, *names)) return true;
    return false;
}

static sil_err parse_text_or_print(struct parser *p, struct tnode **out) {
    SIL_TRY(parse_node(p, p->cur.kind == TOK_DATA ? N_TEXT : N_PRINT, p->cur.pos, out));
    if (p->cur.kind == TOK_DATA) {
        (*out)->value = tv_str(p->cur.s.p, p->cur.s.n);
        return parse_advance(p);
    }
    SIL_TRY(parse_advance(p));
    SIL_TRY(parse_tuple(p, true, NULL, &(*out)->a));
    return parse_expect(p, TOK_PRINT_END, "'}}'");
}

/* Statements until a tag whose name is in `ends`, which becomes the current token; ends NULL: to the end of source. */
static sil_err parse_body(struct parser *p, const char *const *ends, struct tnode **out) {
    struct tnode **tail = out, *n = NULL;
    *out = NULL;
    SIL_TRY(parse_enter(p));
    while (p->cur.kind != TOK_EOF) {
        if (p->cur.kind == TOK_BLOCK) {
            SIL_TRY(parse_advance(p));
            if (ends && at_any(p, ends)) {
                p->depth--;
                return SIL_OK;
            }
            SIL_TRY(parse_statement(p, &n));
            SIL_TRY(parse_expect(p, TOK_BLOCK_END, "'%}'"));
        } else {
            SIL_TRY(parse_text_or_print(p, &n));
        }
        *tail = n;
        tail = &n->next;
    }
    p->depth--;
    return ends ? parse_fail(p, SIL_FORMAT, "expected {%% %s %%}", ends[0]) : SIL_OK;
}

/* "%}", the body, and the name of its end tag. */
static sil_err parse_block(struct parser *p, const char *end, struct tnode **out) {
    const char *const ends[] = {end, NULL};
    SIL_TRY(parse_expect(p, TOK_BLOCK_END, "'%}'"));
    SIL_TRY(parse_body(p, ends, out));
    return parse_advance(p);
}

/* A body that break and continue may not leave; *uses (if not NULL) is told which special names it reads. */
static sil_err parse_closed_block(struct parser *p, const char *end, struct tnode **out, uint8_t *uses) {
    uint32_t loops = p->loops;
    uint8_t outer = p->uses;
    p->loops = 0;
    if (uses) p->uses = 0;
    SIL_TRY(parse_block(p, end, out));
    p->loops = loops;
    if (uses) {
        *uses = p->uses;
        p->uses = outer;
    }
    return SIL_OK;
}

static sil_err parse_if(struct parser *p, struct tnode *n) {
    static const char *const ends[] = {"endif", "elif", "else", NULL}, *const last[] = {"endif", NULL};
    struct tnode **tail = &n->b;
    bool other = false;
    n->kind = N_IF;
    for (;;) {
        SIL_TRY(parse_node(p, N_BRANCH, p->cur.pos, tail));
        if (!other) SIL_TRY(parse_tuple(p, false, NULL, &(*tail)->a));
        SIL_TRY(parse_expect(p, TOK_BLOCK_END, "'%}'"));
        SIL_TRY(parse_body(p, other ? last : ends, &(*tail)->b));
        bool end = parse_at_name(p, "endif");
        other = parse_at_name(p, "else");
        SIL_TRY(parse_advance(p));
        if (end) return SIL_OK;
        tail = &(*tail)->next;
    }
}

static sil_err parse_for(struct parser *p, struct tnode *n) {
    static const char *const ends[] = {"endfor", "else", NULL};
    n->kind = N_FOR;
    SIL_TRY(parse_target(p, false, &n->a));
    if (!parse_at_name(p, "in")) return parse_fail(p, SIL_FORMAT, "expected 'in'");
    SIL_TRY(parse_advance(p));
    SIL_TRY(parse_tuple(p, false, "recursive", &n->b));
    if (parse_at_name(p, "if")) {
        SIL_TRY(parse_advance(p));
        SIL_TRY(parse_expr(p, &n->c));
    }
    if (parse_at_name(p, "recursive")) return parse_fail(p, SIL_UNSUPPORTED, "recursive loops are not supported");
    SIL_TRY(parse_expect(p, TOK_BLOCK_END, "'%}'"));
    p->loops++;
    SIL_TRY(parse_body(p, ends, &n->d));
    p->loops--;
    bool other = parse_at_name(p, "else");
    SIL_TRY(parse_advance(p));
    return other ? parse_block(p, "endfor", &n->e) : SIL_OK;
}

static sil_err parse_set(struct parser *p, struct tnode *n) {
    n->kind = N_SET;
    SIL_TRY(parse_target(p, true, &n->a));
    if (p->cur.kind == TOK_ASSIGN) {
        SIL_TRY(parse_advance(p));
        return parse_tuple(p, true, NULL, &n->b);
    }
    n->kind = N_SETTEXT;
    SIL_TRY(parse_filters(p, false, &n->b));
    return parse_block(p, "endset", &n->c);
}

static sil_err parse_params(struct parser *p, struct tnode **out) {
    struct tnode **tail = out;
    bool defaults = false;
    SIL_TRY(parse_expect(p, TOK_LPAREN, "'('"));
    while (p->cur.kind != TOK_RPAREN) {
        if (*out) SIL_TRY(parse_expect(p, TOK_COMMA, "',' or ')'"));
        if (p->cur.kind != TOK_NAME) return parse_fail(p, SIL_FORMAT, "expected the name of a parameter");
        SIL_TRY(parse_node(p, N_PARAM, p->cur.pos, tail));
        SIL_TRY(parse_sym(p, p->cur.s, &(*tail)->sym));
        SIL_TRY(parse_advance(p));
        if (p->cur.kind == TOK_ASSIGN) {
            SIL_TRY(parse_advance(p));
            SIL_TRY(parse_expr(p, &(*tail)->a));
            defaults = true;
        } else if (defaults) {
            return parse_fail(p, SIL_FORMAT, "a parameter without default after one with a default");
        }
        tail = &(*tail)->next;
    }
    return parse_advance(p);
}

static sil_err parse_macro(struct parser *p, struct tnode *n) {
    n->kind = N_MACRO;
    if (p->cur.kind != TOK_NAME) return parse_fail(p, SIL_FORMAT, "expected the name of the macro");
    SIL_TRY(parse_sym(p, p->cur.s, &n->sym));
    SIL_TRY(parse_advance(p));
    SIL_TRY(parse_params(p, &n->a));
    return parse_closed_block(p, "endmacro", &n->b, &n->op);
}

static sil_err parse_caller(struct parser *p, struct tnode *n) {
    n->kind = N_CALLER;
    if (p->cur.kind == TOK_LPAREN) SIL_TRY(parse_params(p, &n->b));
    SIL_TRY(parse_expr(p, &n->a));
    if (n->a->kind != N_CALL) return parse_fail(p, SIL_FORMAT, "expected a call after 'call'");
    return parse_closed_block(p, "endcall", &n->c, &n->op);
}

static sil_err parse_with(struct parser *p, struct tnode *n) {
    struct tnode **tail = &n->a;
    n->kind = N_WITH;
    while (p->cur.kind != TOK_BLOCK_END) {
        if (n->a) SIL_TRY(parse_expect(p, TOK_COMMA, "',' or '%}'"));
        SIL_TRY(parse_node(p, N_PAIR, p->cur.pos, tail));
        SIL_TRY(parse_target(p, false, &(*tail)->a));
        SIL_TRY(parse_expect(p, TOK_ASSIGN, "'='"));
        SIL_TRY(parse_expr(p, &(*tail)->b));
        tail = &(*tail)->next;
    }
    return parse_block(p, "endwith", &n->b);
}

static sil_err parse_filtered(struct parser *p, struct tnode *n) {
    n->kind = N_FILTERED;
    SIL_TRY(parse_filters(p, true, &n->a));
    return parse_block(p, "endfilter", &n->b);
}

/* transformers marks what an assistant said with this tag; it changes nothing in the text. */
static sil_err parse_generation(struct parser *p, struct tnode *n) {
    n->kind = N_SCOPE;
    return parse_closed_block(p, "endgeneration", &n->b, NULL);
}

static sil_err parse_jump(struct parser *p, struct tnode *n, enum node_kind kind) {
    n->kind = (uint8_t)kind;
    return p->loops ? SIL_OK : parse_fail(p, SIL_FORMAT, "break and continue need a loop around them");
}

static sil_err parse_break(struct parser *p, struct tnode *n) {
    return parse_jump(p, n, N_BREAK);
}

static sil_err parse_continue(struct parser *p, struct tnode *n) {
    return parse_jump(p, n, N_CONTINUE);
}

static const struct {
    const char *name;
    sil_err (*parse)(struct parser *p, struct tnode *n);
} statements[] = {
    {"if", parse_if},
    {"for", parse_for},
    {"set", parse_set},
    {"macro", parse_macro},
    {"call", parse_caller},
    {"filter", parse_filtered},
    {"with", parse_with},
    {"break", parse_break},
    {"continue", parse_continue},
    {"generation", parse_generation},
};

static sil_err parse_statement(struct parser *p, struct tnode **out) {
    static const char *const others[] = {"block", "extends", "include", "import", "from", "autoescape",
                                         "print", "do",      "trans",   "debug",  NULL};
    if (p->cur.kind != TOK_NAME) return parse_fail(p, SIL_FORMAT, "expected the name of a tag");
    if (at_any(p, others)) return parse_fail(p, SIL_UNSUPPORTED, "the tag '%.*s' is not supported", STR_ARG(p->cur.s));
    for (size_t i = 0; i < TPL_COUNT(statements); i++) {
        if (!parse_at_name(p, statements[i].name)) continue;
        SIL_TRY(parse_node(p, N_TEXT, p->cur.pos, out));
        SIL_TRY(parse_advance(p));
        return statements[i].parse(p, *out);
    }
    return parse_fail(p, SIL_FORMAT, "unknown tag '%.*s'", STR_ARG(p->cur.s));
}

/* ---- open and close ---- */

/* Copies the source with every line end as \n, and without the last one, as Jinja does. */
static sil_err copy_source(struct template *t, struct str source, struct sil_error *e) {
    size_t bad, n = 0;
    unsigned line, column;
    if (!utf8_valid(source.p, source.n, &bad)) {
        tpl_position(source, bad, &line, &column);
        return err_set(e, SIL_FORMAT, "chat template, line %u, column %u: not UTF-8", line, column);
    }
    char *p = arena_alloc(&t->arena, source.n + 1, 1);
    if (!p) return (err_nomem(e, "a chat template", source.n), SIL_NOMEM);
    for (size_t i = 0; i < source.n; i++) {
        bool cr = source.p[i] == '\r';
        if (cr && i + 1 < source.n && source.p[i + 1] == '\n') i++;
        p[n++] = cr ? '\n' : source.p[i];
    }
    if (n > 0 && p[n - 1] == '\n') n--;
    t->source = (struct str){p, n};
    return SIL_OK;
}

static sil_err parse_all(struct template *t, struct str source, struct sil_error *e) {
    static const char *const common[SYM_COMMON] = {"loop", "caller", "varargs", "kwargs"};
    uint32_t sym;
    SIL_TRY(copy_source(t, source, e));
    struct parser *p = mem_array(t->mem, 1, sizeof *p);
    if (!p) return (err_nomem(e, "a chat template", sizeof *p), SIL_NOMEM);
    p->t = t;
    p->e = e;
    lex_init(&p->lex, t->source, t->limits.depth, &t->arena, e);
    sil_err err = SIL_OK;
    for (uint32_t i = 0; i < SYM_COMMON && err == SIL_OK; i++) err = parse_sym(p, str_of(common[i]), &sym);
    if (err == SIL_OK) err = parse_advance(p);
    if (err == SIL_OK) err = parse_body(p, NULL, &t->body);
    mem_free(t->mem, p);
    return err;
}

sil_err template_parse(struct mem mem, struct str source, const struct template_limits *limits, struct template **out,
                       struct sil_error *e) {
    struct template_limits l = limits ? *limits : template_limits_default();
    *out = NULL;
    if (l.depth > DEPTH_MAX) l.depth = DEPTH_MAX;
    if (source.n > l.source || source.n > UINT32_MAX / 2)
        return err_set(e, SIL_LIMIT, "chat template: %zu bytes, at most %zu are allowed", source.n, l.source);
    struct template *t = mem_array(mem, 1, sizeof *t);
    if (!t) return (err_nomem(e, "a chat template", sizeof *t), SIL_NOMEM);
    t->mem = mem;
    t->limits = l;
    arena_init(&t->arena, mem, l.memory);
    sil_err err = parse_all(t, source, e);
    if (err != SIL_OK) {
        template_free(t);
        return err;
    }
    *out = t;
    return SIL_OK;
}

void template_free(struct template *t) {
    if (!t) return;
    arena_free(&t->arena);
    mem_free(t->mem, t);
}
