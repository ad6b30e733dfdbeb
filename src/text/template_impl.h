/* template_impl: what the files of the template interpreter share. Nothing outside src/text/template*.c includes it.
 *
 * Source -> tokens (template_lex) -> nodes in the template's arena (template_parse, template_expr) -> evaluation
 * (template_eval, template_call) over values (template_value) whose memory is one arena per rendering. */
#ifndef SIL_TEXT_TEMPLATE_IMPL_H
#define SIL_TEXT_TEMPLATE_IMPL_H

#include "base/arena.h"
#include "base/err.h"
#include "text/template.h"

/* ---- values ---- */

enum tv_type {
    TV_MISSING, /* no argument was given; never seen by templates */
    TV_UNDEF,
    TV_NONE,
    TV_BOOL,
    TV_INT,
    TV_FLOAT,
    TV_STR,
    TV_SEQ,
    TV_DICT,
    TV_NS,
    TV_MACRO,
    TV_LOOP,
    TV_FUNC,
    TV_METHOD,
    TV_TYPES
};

/* What is undefined, for the text of an error: a name, an attribute of a type, an element, or a plain sentence. */
enum tv_undef { UNDEF_NAME, UNDEF_ATTR, UNDEF_ITEM, UNDEF_TEXT };

struct tv {
    uint8_t type;
    uint8_t sub;   /* TV_UNDEF: enum tv_undef */
    uint8_t owner; /* TV_UNDEF: the enum tv_type that lacks it */
    union {
        bool b;
        int64_t i;
        double f;
        const char *s; /* valid UTF-8, not NUL-terminated */
        struct tpl_seq *seq;
        struct tpl_dict *dict; /* TV_DICT, TV_NS */
        const struct tpl_macro *macro;
        struct tpl_loop *loop;
        const struct tpl_func *func;
        const struct tpl_bound *bound;
    };
    size_t n; /* TV_STR, TV_UNDEF: bytes at s */
};

/* Python's sequence-like types share one form; they differ in printing, length, truth and indexing. */
enum tpl_seq_kind { SEQ_LIST, SEQ_TUPLE, SEQ_RANGE, SEQ_GEN, SEQ_KEYS, SEQ_VALUES, SEQ_ITEMS };

struct tpl_seq {
    uint8_t kind;
    size_t n, cap;
    size_t pos; /* SEQ_GEN: items already taken */
    struct tv *v;
};

struct tpl_pair {
    struct tv k, v;
};

struct tpl_dict {
    size_t n, cap;
    struct tpl_pair *p; /* in order of insertion */
};

struct tpl_kw {
    struct str name;
    struct tv v;
};

enum { ARGS_SMALL = 4 };

struct tpl_args {
    struct tv *pos;
    struct tpl_kw *kw;
    uint32_t n, n_kw, cap, cap_kw;
    struct tv small[ARGS_SMALL];
    struct tpl_kw small_kw[ARGS_SMALL];
};

struct tpl_eval;

/* A filter, test, method or global function; `in` is the filtered value or the receiver. */
typedef sil_err (*tpl_fn)(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out);

struct tpl_func {
    const char *name;
    tpl_fn fn;
};

struct tpl_bound {
    const struct tpl_func *func;
    struct tv self;
};

/* ---- nodes ---- */

enum node_kind {
    /* expressions */
    N_CONST,   /* value */
    N_NAME,    /* sym */
    N_ATTR,    /* a.value */
    N_ITEM,    /* a[b] */
    N_SLICE,   /* a:b:c, each may be NULL; only as N_ITEM's b */
    N_CALL,    /* a(b...) */
    N_FILTER,  /* a|func(b...); a is NULL for the text of a block */
    N_TEST,    /* a is func(b...); op 1 negates */
    N_NEG,     /* -a */
    N_POS,     /* +a */
    N_NOT,     /* not a */
    N_BINARY,  /* a op b */
    N_AND,     /* a and b */
    N_OR,      /* a or b */
    N_COMPARE, /* a, then b: a list of N_OPERAND */
    N_OPERAND, /* op a */
    N_CONCAT,  /* b ~ ... */
    N_COND,    /* b if a else c; c may be NULL */
    N_LIST,    /* [b...] */
    N_TUPLE,   /* (b...) */
    N_DICT,    /* {b...}: a list of N_PAIR */
    N_PAIR,    /* a: b */
    N_ARG,     /* a; value is the keyword or TV_MISSING; op 1 is *a, 2 is **a */
    /* statements */
    N_TEXT,     /* value */
    N_PRINT,    /* a */
    N_IF,       /* b: a list of N_BRANCH */
    N_BRANCH,   /* a is the test or NULL (else), b the body */
    N_FOR,      /* for a in b if c: d else e */
    N_SET,      /* a = b */
    N_SETTEXT,  /* a = the text of c through the filters b */
    N_MACRO,    /* sym, parameters a, body b; op: enum macro_uses */
    N_PARAM,    /* sym, default a or NULL */
    N_CALLER,   /* call a with parameters b, body c */
    N_FILTERED, /* the text of b through the filters a */
    N_WITH,     /* a: a list of N_PAIR (target, value), body b */
    N_SCOPE,    /* body b in a scope of its own */
    N_BREAK,
    N_CONTINUE,
    N_NSREF /* sym.value, a target of set */
};

enum node_op {
    OP_ADD = 1,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_FLOORDIV,
    OP_MOD,
    OP_POW,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_IN,
    OP_NOTIN
};

struct tnode {
    uint8_t kind, op;
    uint16_t depth; /* of the expression below */
    uint32_t pos;   /* byte in the source, for errors */
    uint32_t sym;
    struct tnode *next; /* in a list of arguments, items, statements */
    struct tnode *a, *b, *c, *d, *e;
    const struct tpl_func *func;
    struct tv value;
};

enum macro_uses { USES_CALLER = 1, USES_VARARGS = 2, USES_KWARGS = 4 };

/* Names are numbered; these have a meaning of their own. */
enum tpl_sym { SYM_LOOP, SYM_CALLER, SYM_VARARGS, SYM_KWARGS, SYM_COMMON };

struct template {
    struct mem mem;
    struct template_limits limits;
    struct arena arena;
    struct str source; /* with line ends as \n */
    struct str *syms;
    uint32_t n_syms;
    struct tnode *body;
};

/* ---- template_lex ---- */

enum tok_kind {
    TOK_EOF,
    TOK_DATA,
    TOK_PRINT,
    TOK_PRINT_END,
    TOK_BLOCK,
    TOK_BLOCK_END,
    TOK_NAME,
    TOK_STRING,
    TOK_INT,
    TOK_FLOAT,
    TOK_ADD,
    TOK_SUB,
    TOK_MUL,
    TOK_DIV,
    TOK_FLOORDIV,
    TOK_MOD,
    TOK_POW,
    TOK_TILDE,
    TOK_LPAREN,
    TOK_RPAREN,
    TOK_LBRACKET,
    TOK_RBRACKET,
    TOK_LBRACE,
    TOK_RBRACE,
    TOK_EQ,
    TOK_NE,
    TOK_LT,
    TOK_LE,
    TOK_GT,
    TOK_GE,
    TOK_ASSIGN,
    TOK_DOT,
    TOK_COLON,
    TOK_PIPE,
    TOK_COMMA
};

struct token {
    uint8_t kind;
    uint32_t pos;
    struct str s; /* TOK_DATA, TOK_NAME, TOK_STRING (unescaped); otherwise as written */
    int64_t i;
    double f;
};

enum { LEX_NEST_MAX = 1024 };

struct lexer {
    struct str src;
    size_t pos;
    uint8_t mode; /* 0 text, 1 in {{ }}, 2 in {% %}, 3 raw text */
    uint32_t nest, nest_max;
    char brackets[LEX_NEST_MAX];
    struct arena *arena; /* for unescaped strings */
    struct sil_error *e;
};

/* "line 3, column 7: " of a byte offset; columns count characters from 1. */
void tpl_position(struct str src, size_t pos, unsigned *line, unsigned *column);
void lex_init(struct lexer *x, struct str src, uint32_t nest_max, struct arena *arena, struct sil_error *e);
sil_err lex_next(struct lexer *x, struct token *t);
#define lex_fail(x, code, pos, ...) (lex_error((x), (code), (pos), __VA_ARGS__), (code))
void lex_error(struct lexer *x, sil_err code, size_t pos, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ---- template_parse, template_expr ---- */

struct parser {
    struct template *t;
    struct lexer lex;
    struct token cur, peeked;
    bool has_peeked;
    uint32_t depth, loops; /* open nesting; loops that break may leave */
    uint8_t uses;          /* of the innermost open macro: enum macro_uses */
    uint32_t *hash;        /* of names: index + 1 */
    uint32_t hash_cap, syms_cap;
    struct sil_error *e;
};

sil_err parse_advance(struct parser *p);
sil_err parse_peek(struct parser *p, struct token *t);
sil_err parse_expect(struct parser *p, enum tok_kind kind, const char *what);
bool parse_at_name(const struct parser *p, const char *name);
#define parse_fail(p, code, ...) (parse_error((p), (code), __VA_ARGS__), (code))
void parse_error(struct parser *p, sil_err code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
sil_err parse_enter(struct parser *p);
sil_err parse_sym(struct parser *p, struct str name, uint32_t *sym);
sil_err parse_node(struct parser *p, enum node_kind kind, uint32_t pos, struct tnode **out);
sil_err parse_expr(struct parser *p, struct tnode **out);        /* with `x if y else z` */
sil_err parse_expr_nocond(struct parser *p, struct tnode **out); /* without */
sil_err parse_tuple(struct parser *p, bool cond, const char *stop, struct tnode **out);
sil_err parse_target(struct parser *p, bool ns, struct tnode **out);
sil_err parse_call_args(struct parser *p, struct tnode **out);
sil_err parse_filters(struct parser *p, bool first, struct tnode **node);

/* ---- template_value ---- */

/* A text being made, in the rendering's arena. */
struct tpl_text {
    char *p;
    size_t n, cap;
};

/* One set of names. Root names live in tpl_eval.root instead. */
struct tpl_bind {
    uint32_t sym;
    struct tv v;
};

struct tpl_scope {
    struct tpl_scope *up;
    uint32_t n, cap;
    bool kept; /* a macro may still look into it */
    struct tpl_bind *b;
};

struct tpl_macro {
    struct str name;
    const struct tnode *params, *body;
    struct tpl_scope *scope; /* where it was defined */
    uint8_t uses;
};

struct tpl_loop {
    struct tv *items;
    size_t n, next; /* items not yet looked at begin at next */
    const struct tnode *node;
    struct tpl_scope *scope; /* around the loop */
    struct tv prev, cur, after;
    bool has_prev, has_after;
    bool filtered; /* items already passed the filter */
    int64_t index0;
    struct tv changed;
};

enum tpl_flow { FLOW_NONE, FLOW_BREAK, FLOW_CONTINUE };

struct tpl_eval {
    const struct template *t;
    struct template_limits limits;
    struct arena arena;
    const json_t *vars;
    int64_t now;
    struct sil_error *e;
    uint64_t steps;
    uint32_t depth;
    uint32_t pos;    /* of the node at work, for errors */
    struct tv *root; /* by symbol; TV_MISSING until looked up or set */
    struct tpl_scope *scope, *spare;
    struct buf *out;
    size_t out_start;
    struct tpl_text *capture; /* where text goes instead of out, when not NULL */
    uint8_t flow;
    char *tail_base, *tail; /* the string that concat made last, its end, and the room behind it */
    size_t tail_room;
    struct buf *origin; /* who wrote each byte of out; NULL: nobody asks */
    size_t origin_start;
    struct tpl_chunk *chunks; /* template_origin */
};

static inline struct tv tv_none(void) {
    return (struct tv){.type = TV_NONE};
}
static inline struct tv tv_bool(bool b) {
    return (struct tv){.type = TV_BOOL, .b = b};
}
static inline struct tv tv_int(int64_t i) {
    return (struct tv){.type = TV_INT, .i = i};
}
static inline struct tv tv_float(double f) {
    return (struct tv){.type = TV_FLOAT, .f = f};
}
static inline struct tv tv_str(const char *s, size_t n) {
    return (struct tv){.type = TV_STR, .s = s ? s : "", .n = n};
}
static inline struct str tv_view(struct tv v) {
    return (struct str){v.s, v.n};
}
static inline struct tv tv_undef(enum tv_undef sub, enum tv_type owner, struct str name) {
    return (struct tv){.type = TV_UNDEF, .sub = (uint8_t)sub, .owner = (uint8_t)owner, .s = name.p, .n = name.n};
}
static inline bool tv_is(struct tv v, enum tv_type type) {
    return v.type == type;
}

/* `return tpl_fail(...)`: macros, so that a static analyser sees that a failure is never SIL_OK. */
#define tpl_fail(ev, code, ...)   (tpl_error((ev), (code), __VA_ARGS__), (code))
#define tpl_fail_undef(ev, value) (tpl_error_undef((ev), (value)), SIL_ARG)
void tpl_error(struct tpl_eval *ev, sil_err code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void tpl_error_undef(struct tpl_eval *ev, struct tv v);
sil_err tpl_charge(struct tpl_eval *ev, uint64_t steps);
sil_err tpl_charge_bytes(struct tpl_eval *ev, size_t bytes);
sil_err tpl_enter(struct tpl_eval *ev); /* one level deeper; the caller gives back with ev->depth-- */
sil_err tpl_alloc(struct tpl_eval *ev, size_t n, size_t size, void *out); /* *out: n elements, cleared */

const char *tv_type_name(struct tv v); /* as Python names it */
bool tv_true(struct tv v);
sil_err tv_eq(struct tpl_eval *ev, struct tv a, struct tv b, bool *out);
sil_err tv_cmp(struct tpl_eval *ev, struct tv a, struct tv b, const char *op, int *out); /* -1, 0, 1; 2 unordered */
sil_err tv_in(struct tpl_eval *ev, struct tv needle, struct tv hay, bool *out);
sil_err tv_len(struct tpl_eval *ev, struct tv v, int64_t *out);
bool tv_number(struct tv v, double *out); /* bool, int, float */
bool tv_index(struct tv v, int64_t *out); /* bool, int */

sil_err seq_new(struct tpl_eval *ev, enum tpl_seq_kind kind, size_t cap, struct tv *out);
sil_err seq_push(struct tpl_eval *ev, struct tpl_seq *s, struct tv v);
/* The items that a loop over v would see; takes them from a generator. */
sil_err tv_iter(struct tpl_eval *ev, struct tv v, struct tv **items, size_t *n);
sil_err dict_new(struct tpl_eval *ev, enum tv_type type, size_t cap, struct tv *out);
sil_err dict_set(struct tpl_eval *ev, struct tpl_dict *d, struct tv k, struct tv v);
sil_err dict_find(struct tpl_eval *ev, const struct tpl_dict *d, struct tv k, struct tv **out); /* NULL: not there */
sil_err tv_hashable(struct tpl_eval *ev, struct tv k);
sil_err tv_from_json(struct tpl_eval *ev, const json_t *j, struct tv *out);

sil_err text_put(struct tpl_eval *ev, struct tpl_text *t, const void *p, size_t n);
sil_err text_str(struct tpl_eval *ev, struct tpl_text *t, struct str s);
sil_err text_char(struct tpl_eval *ev, struct tpl_text *t, char c);
sil_err text_cp(struct tpl_eval *ev, struct tpl_text *t, uint32_t cp);
sil_err text_printf(struct tpl_eval *ev, struct tpl_text *t, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static inline struct tv text_value(const struct tpl_text *t) {
    return tv_str(t->p, t->n);
}

/* ---- template_origin: who wrote what ---- */

sil_err tpl_text_alloc(struct tpl_eval *ev, size_t n, char **out);          /* room for a text that is made */
void tpl_origin_copy(struct tpl_eval *ev, const char *to, struct str from); /* after each copy into such room */
sil_err tpl_origin_emit(struct tpl_eval *ev, struct str s);                 /* what is emitted goes to ev->origin */
bool tpl_is_own(const struct tpl_eval *ev, struct str s);                   /* no byte of it is data */
void tpl_origin_own(struct tpl_eval *ev, struct str s); /* a text that was made becomes the template's own */
sil_err tpl_own(struct tpl_eval *ev, struct tv *v);     /* the same text as the template's own */
bool tpl_is_role(struct str s);                         /* "system", "user", ... */

/* ---- template_print: Python's str() and repr(), JSON ---- */

sil_err tv_print(struct tpl_eval *ev, struct tpl_text *t, struct tv v); /* str(v) */
sil_err tv_repr(struct tpl_eval *ev, struct tpl_text *t, struct tv v);  /* repr(v) */
sil_err tv_to_str(struct tpl_eval *ev, struct tv v, struct tv *out);    /* str(v) as a value; v itself when a string */
size_t tpl_float_repr(double f, char out[40]);
bool tpl_parse_float(struct str s, double *out); /* decimal text, whatever the locale; false when it is not a number */
sil_err json_print(struct tpl_eval *ev, struct tv in, struct tpl_args *args, struct tv *out); /* the filter tojson */

/* ---- template_string: text by characters ---- */

bool tpl_is_space(uint32_t cp);              /* as Python's str.isspace */
size_t tpl_space_at(struct str s, size_t i); /* bytes of the white space at i, 0 when there is none */
struct str tpl_rstrip_space(struct str s);
struct str tpl_lstrip_space(struct str s);
struct str tpl_strip(struct str s, const struct str *chars, bool left, bool right); /* chars NULL: white space */
size_t tpl_count_chars(struct str s);
size_t tpl_next(struct str s, size_t i, uint32_t *cp);   /* bytes of the character at i < s.n */
size_t tpl_offset(struct str s, size_t chars);           /* byte offset of the character number `chars`, at most s.n */
const char *tpl_find(struct str hay, struct str needle); /* NULL when not there */
enum tpl_case { CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_CAPITALIZE, CASE_SWAP, CASE_FOLD, CASE_JINJA_TITLE };
sil_err tpl_case(struct tpl_eval *ev, struct str s, enum tpl_case how, struct tv *out);
sil_err tpl_replace(struct tpl_eval *ev, struct str s, struct str old, struct str new_, int64_t count, struct tv *out);
bool tpl_all_case(struct str s, bool upper); /* as str.isupper, islower */
sil_err tpl_split_lines(struct tpl_eval *ev, struct str s, bool keep, struct tv *out);
/* where: -1 text at the left, 1 at the right, 0 in the middle */
sil_err tpl_pad(struct tpl_eval *ev, struct str s, int64_t width, struct str fill, int where, struct tv *out);
sil_err tpl_format_percent(struct tpl_eval *ev, struct str fmt, const struct tpl_args *args, struct tv *out);
sil_err tpl_format_braces(struct tpl_eval *ev, struct str fmt, const struct tpl_args *args, struct tv *out);
sil_err tpl_strftime(struct tpl_eval *ev, struct str fmt, int64_t unix_s, int32_t offset_s, struct tv *out);

/* ---- template_op: operators ---- */

sil_err op_binary(struct tpl_eval *ev, enum node_op op, struct tv a, struct tv b, struct tv *out);
sil_err op_negate(struct tpl_eval *ev, struct tv a, bool minus, struct tv *out);
sil_err op_concat(struct tpl_eval *ev, struct str a, struct str b, struct tv *out);
sil_err op_item(struct tpl_eval *ev, struct tv a, struct tv key, struct tv *out);
sil_err op_attr(struct tpl_eval *ev, struct tv a, struct str name, struct tv *out);
sil_err op_slice(struct tpl_eval *ev, struct tv a, const struct tv bounds[3], struct tv *out);

/* ---- template_eval, template_call ---- */

sil_err tpl_eval(struct tpl_eval *ev, const struct tnode *n, struct tv *out);
sil_err tpl_exec(struct tpl_eval *ev, const struct tnode *list);
sil_err tpl_exec_captured(struct tpl_eval *ev, const struct tnode *list, struct tv *out);
sil_err tpl_emit(struct tpl_eval *ev, struct str s);
sil_err tpl_assign(struct tpl_eval *ev, const struct tnode *target, struct tv v);
sil_err tpl_for(struct tpl_eval *ev, const struct tnode *n);
sil_err loop_attr(struct tpl_eval *ev, struct tpl_loop *loop, struct str name, struct tv *out);
sil_err scope_push(struct tpl_eval *ev, struct tpl_scope *up, struct tpl_scope **out);
void scope_drop(struct tpl_eval *ev, struct tpl_scope *s);
sil_err scope_set(struct tpl_eval *ev, uint32_t sym, struct tv v);
sil_err scope_get(struct tpl_eval *ev, uint32_t sym, struct tv *out);
void scope_keep(struct tpl_scope *s);

sil_err tpl_args_eval(struct tpl_eval *ev, const struct tnode *list, struct tpl_args *args);
void args_init(struct tpl_args *args);
sil_err args_push(struct tpl_eval *ev, struct tpl_args *args, struct tv v);
sil_err args_push_kw(struct tpl_eval *ev, struct tpl_args *args, struct str name, struct tv v);
/* Sorts arguments into the parameters named in `spec` ("reverse case_sensitive attribute"); those not given are
 * TV_MISSING. An argument too many, unknown or given twice is an error, as are fewer than min. */
sil_err args_bind(struct tpl_eval *ev, const struct tpl_args *args, const char *what, const char *spec, uint32_t min,
                  struct tv *slots);
sil_err tpl_call_node(struct tpl_eval *ev, const struct tnode *n, struct tv caller, struct tv *out);
sil_err tpl_call(struct tpl_eval *ev, struct tv callee, struct tpl_args *args, struct tv *out);
sil_err tpl_global(struct tpl_eval *ev, struct str name, struct tv *out);
/* A macro of a node's parameters and body, closed over the scope at hand. */
sil_err macro_new(struct tpl_eval *ev, struct str name, const struct tnode *params, const struct tnode *body,
                  uint8_t uses, struct tv *out);

/* ---- tables ---- */

const struct tpl_func *filter_find(struct str name);                                    /* template_filters */
const struct tpl_func *filter_find_seq(struct str name);                                /* template_filters_seq */
const struct tpl_func *test_find(struct str name);                                      /* template_tests */
const struct tpl_func *method_find(enum tv_type type, struct tv self, struct str name); /* template_methods */
const struct tpl_func *method_find_str(struct str name);                                /* template_methods_str */
const struct tpl_func *method_find_loop(struct str name);                               /* template_loop */
const struct tpl_func *func_find(const struct tpl_func *table, size_t n, struct str name);

/* Argument readers: the value, a default when it is TV_MISSING, or an error that names `what`. */
sil_err arg_int(struct tpl_eval *ev, struct tv v, const char *what, int64_t missing, int64_t *out);
sil_err arg_str(struct tpl_eval *ev, struct tv v, const char *what, struct str missing, struct str *out);

#define TPL_COUNT(a) (sizeof(a) / sizeof *(a))

#endif
