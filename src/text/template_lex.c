/* template_lex: source text to tokens, as Jinja does with trim_blocks and lstrip_blocks on: the white space that a tag
 * takes away is decided here, so that the parser sees only text that is printed. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "text/template_impl.h"
#include "utf8proc.h"

enum { MODE_TEXT, MODE_PRINT, MODE_BLOCK, MODE_RAW };

void tpl_position(struct str src, size_t pos, unsigned *line, unsigned *column) {
    *line = *column = 1;
    for (size_t i = 0; i < pos && i < src.n; i++) {
        if (src.p[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)src.p[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

void lex_init(struct lexer *x, struct str src, uint32_t nest_max, struct arena *arena, struct sil_error *e) {
    memset(x, 0, sizeof *x);
    x->src = src;
    x->nest_max = nest_max < LEX_NEST_MAX ? nest_max : LEX_NEST_MAX;
    x->arena = arena;
    x->e = e;
}

void lex_error(struct lexer *x, sil_err code, size_t pos, const char *fmt, ...) {
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    unsigned line, column;
    tpl_position(x->src, pos, &line, &column);
    err_set(x->e, code, "chat template, line %u, column %u: %s", line, column, text);
}

static bool at(const struct lexer *x, size_t i, const char *z) {
    size_t n = strlen(z);
    return i <= x->src.n && x->src.n - i >= n && memcmp(x->src.p + i, z, n) == 0;
}

static size_t skip_space(const struct lexer *x, size_t i) {
    for (size_t n; i < x->src.n && (n = tpl_space_at(x->src, i)) > 0;) i += n;
    return i;
}

/* The end of a tag closed by `close` ("%}") at i, with its sign and the white space it takes; 0 when none is there. */
static size_t tag_end(const struct lexer *x, size_t i, const char *close, bool plus, bool newline) {
    if (i < x->src.n && x->src.p[i] == '-' && at(x, i + 1, close)) return skip_space(x, i + 1 + strlen(close));
    if (plus && i < x->src.n && x->src.p[i] == '+' && at(x, i + 1, close)) return i + 1 + strlen(close);
    if (!at(x, i, close)) return 0;
    i += strlen(close);
    return newline && i < x->src.n && x->src.p[i] == '\n' ? i + 1 : i;
}

/* The text in front of a tag, less what the tag's sign or lstrip_blocks takes away. */
static struct str text_before(const struct lexer *x, size_t from, size_t to, char sign, bool block) {
    struct str text = {x->src.p + from, to - from};
    if (sign == '-') return tpl_rstrip_space(text);
    if (sign == '+' || !block) return text;
    size_t line = text.n;
    while (line > 0 && text.p[line - 1] != '\n') line--;
    if (line == 0 && from > 0 && x->src.p[from - 1] != '\n') return text;
    struct str rest = {text.p + line, text.n - line};
    if (tpl_rstrip_space(rest).n == 0) text.n = line;
    return text;
}

/* After "{%" and its sign at i: the end of a whole `word` tag, or 0. */
static size_t word_tag(const struct lexer *x, size_t i, const char *word, bool plus, bool newline) {
    i = skip_space(x, i);
    if (!at(x, i, word)) return 0;
    return tag_end(x, skip_space(x, i + strlen(word)), "%}", plus, newline);
}

static size_t after_sign(const struct lexer *x, size_t i, char *sign) {
    *sign = i < x->src.n && (x->src.p[i] == '-' || x->src.p[i] == '+') ? x->src.p[i] : '\0';
    return i + (*sign != '\0');
}

static sil_err skip_comment(struct lexer *x, size_t begin, size_t i) {
    for (; i < x->src.n; i++) {
        size_t end = tag_end(x, i, "#}", true, true);
        if (end) {
            x->pos = end;
            return SIL_OK;
        }
    }
    return lex_fail(x, SIL_FORMAT, begin, "comment without end; expected #}");
}

static size_t find_tag(const struct lexer *x, size_t i) {
    for (; i + 1 < x->src.n; i++)
        if (x->src.p[i] == '{' && (x->src.p[i + 1] == '{' || x->src.p[i + 1] == '%' || x->src.p[i + 1] == '#'))
            return i;
    return x->src.n;
}

static sil_err data_token(struct token *t, size_t pos, struct str text) {
    *t = (struct token){.kind = TOK_DATA, .pos = (uint32_t)pos, .s = text};
    return SIL_OK;
}

/* Text up to the next tag; *done is false when there was none and the tag itself is next. */
static sil_err lex_text(struct lexer *x, struct token *t, bool *done) {
    size_t from = x->pos, tag = find_tag(x, from);
    *done = true;
    if (tag == x->src.n) {
        x->pos = tag;
        if (tag == from) {
            *t = (struct token){.kind = TOK_EOF, .pos = (uint32_t)from};
            return SIL_OK;
        }
        return data_token(t, from, (struct str){x->src.p + from, tag - from});
    }
    char kind = x->src.p[tag + 1], sign;
    size_t i = after_sign(x, tag + 2, &sign), raw = kind == '%' ? word_tag(x, i, "raw", false, false) : 0;
    struct str text = text_before(x, from, tag, sign, kind != '{');
    if (kind == '#') {
        SIL_TRY(skip_comment(x, tag, i));
    } else if (raw) {
        x->pos = raw;
        x->mode = MODE_RAW;
    } else if (text.n == 0) {
        x->pos = i;
        x->mode = kind == '{' ? MODE_PRINT : MODE_BLOCK;
        *t = (struct token){.kind = kind == '{' ? TOK_PRINT : TOK_BLOCK, .pos = (uint32_t)tag};
        return SIL_OK;
    } else {
        x->pos = tag; /* the tag comes next, with no text before it */
    }
    *done = text.n > 0;
    return data_token(t, from, text);
}

static sil_err lex_raw(struct lexer *x, struct token *t) {
    for (size_t i = x->pos; i + 1 < x->src.n; i++) {
        if (!at(x, i, "{%")) continue;
        char sign;
        size_t end = word_tag(x, after_sign(x, i + 2, &sign), "endraw", true, true);
        if (!end) continue;
        struct str text = text_before(x, x->pos, i, sign, true);
        SIL_TRY(data_token(t, x->pos, text));
        x->pos = end;
        x->mode = MODE_TEXT;
        return SIL_OK;
    }
    return lex_fail(x, SIL_FORMAT, x->pos, "raw without {%% endraw %%}");
}

/* ---- inside tags ---- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static char char_at(const struct lexer *x, size_t i) {
    return i < x->src.n ? x->src.p[i] : '\0';
}

/* Digits of a base with single underscores between them; returns the end, i itself when there is no digit. */
static size_t digits(const struct lexer *x, size_t i, int base, bool lead_underscore) {
    size_t end = i;
    for (size_t j = i; j < x->src.n; j++) {
        char c = (char)(x->src.p[j] | 0x20);
        bool ok = base == 16 ? is_digit(x->src.p[j]) || (c >= 'a' && c <= 'f')
                             : x->src.p[j] >= '0' && x->src.p[j] < '0' + base;
        if (ok) end = j + 1;
        else if (!(x->src.p[j] == '_' && j == end && (j > i || lead_underscore))) break;
    }
    return end;
}

/* The end of a floating-point literal at i, or 0. */
static size_t float_end(const struct lexer *x, size_t i) {
    if (i > 0 && x->src.p[i - 1] == '.') return 0;
    size_t end = digits(x, i, 10, false), whole = end;
    if (end == i) return 0;
    if (char_at(x, end) == '.') {
        size_t frac = digits(x, end + 1, 10, false);
        if (frac > end + 1) end = frac;
    }
    if ((char_at(x, end) | 0x20) == 'e') {
        size_t sign = end + 1;
        if (char_at(x, sign) == '+' || char_at(x, sign) == '-') sign++;
        size_t exp = digits(x, sign, 10, false);
        if (exp > sign) return exp;
    }
    return end > whole ? end : 0;
}

static size_t integer_end(const struct lexer *x, size_t i, int *base) {
    char next = (char)(char_at(x, i + 1) | 0x20);
    *base = 10;
    if (x->src.p[i] != '0') return digits(x, i, 10, false);
    int other = next == 'x' ? 16 : next == 'o' ? 8 : next == 'b' ? 2 : 0;
    if (other) {
        size_t end = digits(x, i + 2, other, true);
        if (end > i + 2) {
            *base = other;
            return end;
        }
    }
    return digits(x, i, 1, false); /* only zeros */
}

static sil_err lex_number(struct lexer *x, struct token *t) {
    char text[80];
    size_t i = x->pos, n = 0, end = float_end(x, i);
    int base = 10;
    bool real = end > 0;
    if (!real) end = integer_end(x, i, &base);
    for (size_t j = i + (base != 10 ? 2 : 0); j < end; j++) {
        if (x->src.p[j] == '_') continue;
        if (n + 1 >= sizeof text) return lex_fail(x, SIL_FORMAT, i, "a number of more than 79 digits");
        text[n++] = x->src.p[j];
    }
    text[n] = '\0';
    *t = (struct token){.kind = real ? TOK_FLOAT : TOK_INT, .pos = (uint32_t)i, .s = {x->src.p + i, end - i}};
    x->pos = end;
    if (real) {
        if (!tpl_parse_float((struct str){text, n}, &t->f)) return lex_fail(x, SIL_FORMAT, i, "not a number: %s", text);
        return SIL_OK;
    }
    for (size_t j = 0; j < n; j++) {
        int digit = is_digit(text[j]) ? text[j] - '0' : (text[j] | 0x20) - 'a' + 10;
        if (__builtin_mul_overflow(t->i, base, &t->i) || __builtin_add_overflow(t->i, digit, &t->i))
            return lex_fail(x, SIL_UNSUPPORTED, i, "an integer above 9223372036854775807");
    }
    return SIL_OK;
}

static bool is_name_char(uint32_t cp, bool first) {
    if (cp < 0x80)
        return cp == '_' || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') || (!first && cp >= '0' && cp <= '9');
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    if (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) return true;
    return c == UTF8PROC_CATEGORY_NL || (!first && (c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_MC ||
                                                    c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_PC));
}

static bool lex_name(struct lexer *x, struct token *t) {
    size_t i = x->pos;
    uint32_t cp;
    while (i < x->src.n) {
        size_t n = tpl_next(x->src, i, &cp);
        if (!is_name_char(cp, i == x->pos)) break;
        i += n;
    }
    if (i == x->pos) return false;
    *t = (struct token){.kind = TOK_NAME, .pos = (uint32_t)x->pos, .s = {x->src.p + x->pos, i - x->pos}};
    x->pos = i;
    return true;
}

static int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    char l = (char)(c | 0x20);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* The code of \xHH, \uHHHH or \UHHHHHHHH whose digits begin at i. */
static sil_err hex_escape(struct lexer *x, size_t i, size_t n, uint32_t *cp) {
    *cp = 0;
    for (size_t j = 0; j < n; j++) {
        int h = hex_value(char_at(x, i + j));
        if (h < 0) return lex_fail(x, SIL_FORMAT, i - 2, "an escape of fewer than %zu hexadecimal digits", n);
        *cp = *cp << 4 | (uint32_t)h;
    }
    if (*cp > 0x10ffff) return lex_fail(x, SIL_FORMAT, i - 2, "an escape above U+10FFFF");
    return SIL_OK;
}

/* A surrogate escape: must be followed by its other half. */
static sil_err surrogate(struct lexer *x, size_t *i, uint32_t *cp) {
    uint32_t low = 0;
    if (*cp > 0xdbff || char_at(x, *i) != '\\' || char_at(x, *i + 1) != 'u')
        return lex_fail(x, SIL_FORMAT, *i, "half of a surrogate pair");
    SIL_TRY(hex_escape(x, *i + 2, 4, &low));
    if (low < 0xdc00 || low > 0xdfff) return lex_fail(x, SIL_FORMAT, *i, "half of a surrogate pair");
    *cp = 0x10000 + ((*cp & 0x3ff) << 10) + (low & 0x3ff);
    *i += 6;
    return SIL_OK;
}

/* The escape whose letter is at *i; writes at out and returns through *n how many bytes (an unknown one stays). */
static sil_err unescape(struct lexer *x, size_t *i, char *out, size_t *n) {
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    char c = x->src.p[*i];
    const char *simple = c ? strchr(from, c) : NULL;
    uint32_t cp = 0;
    ++*i;
    *n = 1;
    if (simple) {
        out[0] = to[simple - from];
        return SIL_OK;
    }
    if (c == '\n') {
        *n = 0;
        return SIL_OK;
    }
    size_t hex = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (hex) {
        SIL_TRY(hex_escape(x, *i, hex, &cp));
        *i += hex;
        if (cp >= 0xd800 && cp <= 0xdfff) SIL_TRY(surrogate(x, i, &cp));
    } else if (c >= '0' && c <= '7') {
        cp = (uint32_t)(c - '0');
        for (int k = 0; k < 2 && char_at(x, *i) >= '0' && char_at(x, *i) <= '7'; k++)
            cp = cp * 8 + (uint32_t)(x->src.p[(*i)++] - '0');
    } else if (c == 'N') {
        return lex_fail(x, SIL_UNSUPPORTED, *i - 1, "\\N{name} escapes; write \\u and the number");
    } else {
        out[0] = '\\';
        out[1] = c; /* continuation bytes follow as ordinary ones */
        *n = 2;
        return SIL_OK;
    }
    *n = utf8_encode(cp, out);
    return SIL_OK;
}

static sil_err lex_string(struct lexer *x, struct token *t) {
    size_t begin = x->pos, i = begin + 1, n = 0;
    char quote = x->src.p[begin];
    bool escapes = false;
    for (; i < x->src.n && x->src.p[i] != quote; i++)
        if (x->src.p[i] == '\\') escapes = true, i++;
    if (i >= x->src.n) return lex_fail(x, SIL_FORMAT, begin, "string without end; expected %c", quote);
    size_t end = i;
    *t = (struct token){.kind = TOK_STRING, .pos = (uint32_t)begin, .s = {x->src.p + begin + 1, end - begin - 1}};
    x->pos = end + 1;
    if (!escapes) return SIL_OK;
    char *p = arena_alloc(x->arena, t->s.n + 4, 1); /* an escape is never shorter than what it stands for */
    if (!p) return (err_nomem(x->e, "a chat template", t->s.n), SIL_NOMEM);
    for (i = begin + 1; i < end;) {
        size_t k = 1;
        if (x->src.p[i] != '\\') {
            p[n] = x->src.p[i++];
        } else {
            i++;
            SIL_TRY(unescape(x, &i, p + n, &k));
        }
        n += k;
    }
    t->s = (struct str){p, n};
    return SIL_OK;
}

static const struct {
    char text[3];
    uint8_t kind;
} operators[] = {
    {"//", TOK_FLOORDIV}, {"**", TOK_POW},   {"==", TOK_EQ},    {"!=", TOK_NE},    {"<=", TOK_LE},
    {">=", TOK_GE},       {"+", TOK_ADD},    {"-", TOK_SUB},    {"*", TOK_MUL},    {"/", TOK_DIV},
    {"%", TOK_MOD},       {"~", TOK_TILDE},  {"(", TOK_LPAREN}, {")", TOK_RPAREN}, {"[", TOK_LBRACKET},
    {"]", TOK_RBRACKET},  {"{", TOK_LBRACE}, {"}", TOK_RBRACE}, {"<", TOK_LT},     {">", TOK_GT},
    {"=", TOK_ASSIGN},    {".", TOK_DOT},    {":", TOK_COLON},  {"|", TOK_PIPE},   {",", TOK_COMMA},
};

static sil_err balance(struct lexer *x, char c) {
    if (c == '(' || c == '[' || c == '{') {
        if (x->nest >= x->nest_max) return lex_fail(x, SIL_LIMIT, x->pos, "more than %u open brackets", x->nest_max);
        x->brackets[x->nest++] = c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
        if (x->nest == 0) return lex_fail(x, SIL_FORMAT, x->pos, "unexpected '%c'", c);
        if (x->brackets[--x->nest] != c)
            return lex_fail(x, SIL_FORMAT, x->pos, "unexpected '%c', expected '%c'", c, x->brackets[x->nest]);
    }
    return SIL_OK;
}

static sil_err lex_operator(struct lexer *x, struct token *t) {
    for (size_t k = 0; k < TPL_COUNT(operators); k++) {
        if (!at(x, x->pos, operators[k].text)) continue;
        size_t n = strlen(operators[k].text);
        if (n == 1) SIL_TRY(balance(x, operators[k].text[0]));
        *t = (struct token){.kind = operators[k].kind, .pos = (uint32_t)x->pos, .s = {x->src.p + x->pos, n}};
        x->pos += n;
        return SIL_OK;
    }
    size_t n = tpl_next(x->src, x->pos, &(uint32_t){0});
    return lex_fail(x, SIL_FORMAT, x->pos, "unexpected character '%.*s'", (int)n, x->src.p + x->pos);
}

static sil_err lex_tag(struct lexer *x, struct token *t) {
    size_t i = x->pos = skip_space(x, x->pos);
    bool print = x->mode == MODE_PRINT;
    if (i >= x->src.n)
        return lex_fail(x, SIL_FORMAT, i, "the template ends inside a tag; expected %s", print ? "}}" : "%}");
    size_t end = x->nest ? 0 : tag_end(x, i, print ? "}}" : "%}", !print, !print);
    if (end) {
        *t = (struct token){.kind = print ? TOK_PRINT_END : TOK_BLOCK_END, .pos = (uint32_t)i};
        t->s = (struct str){x->src.p + i, 2};
        x->pos = end;
        x->mode = MODE_TEXT;
        return SIL_OK;
    }
    char c = x->src.p[i];
    if (is_digit(c)) return lex_number(x, t);
    if (c == '\'' || c == '"') return lex_string(x, t);
    return lex_name(x, t) ? SIL_OK : lex_operator(x, t);
}

sil_err lex_next(struct lexer *x, struct token *t) {
    for (;;) {
        if (x->mode == MODE_PRINT || x->mode == MODE_BLOCK) return lex_tag(x, t);
        bool done = true;
        if (x->mode == MODE_RAW) SIL_TRY(lex_raw(x, t));
        else SIL_TRY(lex_text(x, t, &done));
        if (done && !(t->kind == TOK_DATA && t->s.n == 0)) return SIL_OK;
    }
}
