/* args: the option parser and the messages that all subcommands share. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/near.h"
#include "base/utf8.h"
#include "cmd/cmd.h"

enum { NEAREST_NAMES_MAX = 64, WORD_MAX = 32 };

int cmd_fail(const char *name, const struct sil_error *e) {
    fflush(stdout);
    fprintf(stderr, "sillok %s: %s\n", name, e->text);
    return CMD_FAILED;
}

int cmd_usage(const char *name, const char *fmt, ...) {
    va_list ap;
    fflush(stdout);
    fprintf(stderr, "sillok %s: ", name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nTry: sillok %s --help\n", name);
    return CMD_USAGE;
}

const char *cmd_nearest(const char *given, const char *const *names, size_t n) {
    return near_name(given, names, n < NEAREST_NAMES_MAX ? n : NEAREST_NAMES_MAX);
}

void cmd_print_safe(FILE *f, struct str s, bool lines) {
    for (size_t i = 0; i < s.n;) {
        uint32_t cp = 0;
        size_t len = utf8_decode(s.p + i, s.n - i, &cp);
        bool control = len == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
        /* Marks that reorder text could make a name look like another. */
        control = control || (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
        if (!control || (lines && (cp == '\n' || cp == '\t') && len == 1)) fwrite(s.p + i, 1, len, f);
        else if (cp == '\n' && len == 1) fputs("\\n", f);
        else if (cp == '\t' && len == 1) fputs("\\t", f);
        else
            for (size_t k = 0; k < (len ? len : 1); k++) fprintf(f, "\\x%02x", (unsigned char)s.p[i + k]);
        i += len ? len : 1;
    }
}

static void print_help(const struct cmd_spec *s) {
    printf("Usage: sillok %s %s\n\n%s\n", s->name, s->synopsis, s->about);
    printf("\nOptions:\n");
    for (size_t i = 0; i < s->n_opts; i++) {
        const struct cmd_opt *o = &s->opts[i];
        char left[64], letter[8] = "    ";
        if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("%-28s%s%s\n", left, strlen(left) > 27 ? " " : "", o->help);
    }
    printf("%-28s%s\n", "  -h, --help", "this text");
}

static const struct cmd_opt *find_long(const struct cmd_spec *s, const char *name, size_t len) {
    for (size_t i = 0; i < s->n_opts; i++)
        if (strlen(s->opts[i].name) == len && memcmp(s->opts[i].name, name, len) == 0) return &s->opts[i];
    return NULL;
}

static const struct cmd_opt *find_letter(const struct cmd_spec *s, char letter) {
    for (size_t i = 0; i < s->n_opts; i++)
        if (s->opts[i].letter && s->opts[i].letter == letter) return &s->opts[i];
    return NULL;
}

static int unknown(const struct cmd_spec *s, const char *arg) {
    const char *names[NEAREST_NAMES_MAX], *word = arg;
    char name[WORD_MAX + 1];
    size_t n = 0;
    while (*word == '-') word++;
    for (; n < s->n_opts && n < NEAREST_NAMES_MAX - 1; n++) names[n] = s->opts[n].name;
    names[n++] = "help";
    size_t len = strcspn(word, "=");
    if (len > WORD_MAX) len = WORD_MAX;
    memcpy(name, word, len);
    name[len] = '\0';
    const char *near = len > 1 ? cmd_nearest(name, names, n) : NULL;
    if (near) return cmd_usage(s->name, "unknown option %s (did you mean --%s?)", arg, near);
    return cmd_usage(s->name, "unknown option %s", arg);
}

static int out_of_range(const struct cmd_spec *s, const struct cmd_opt *o, const char *text) {
    const char *what = o->kind == CMD_F32 ? "a number" : "a whole number";
    if (o->min == 0 && o->max == 0) return cmd_usage(s->name, "--%s needs %s, not \"%s\"", o->name, what, text);
    if (o->max == 0) return cmd_usage(s->name, "--%s needs %s from %.0f up, not \"%s\"", o->name, what, o->min, text);
    return cmd_usage(s->name, "--%s needs %s from %.10g to %.10g, not \"%s\"", o->name, what, o->min, o->max, text);
}

/* Decimal digits only, to at most `most`. */
static bool read_u64(const char *text, uint64_t most, uint64_t *out) {
    uint64_t v = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (v > (most - digit) / 10) return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

static int store(const struct cmd_spec *s, const struct cmd_opt *o, const char *text) {
    if (o->kind == CMD_TEXT) {
        *(const char **)o->out = text;
        return CMD_GO;
    }
    if (o->kind == CMD_TEXTS) {
        struct cmd_texts *all = o->out;
        if (all->n == CMD_TEXTS_MAX) return cmd_usage(s->name, "--%s more than %d times", o->name, CMD_TEXTS_MAX);
        all->text[all->n++] = text;
        return CMD_GO;
    }
    if (o->kind == CMD_F32) {
        char *end;
        float v = strtof(text, &end);
        bool any = o->min == 0 && o->max == 0;
        if (end == text || *end || !isfinite(v) || (!any && !((double)v >= o->min && (double)v <= o->max)))
            return out_of_range(s, o, text);
        *(float *)o->out = v;
        return CMD_GO;
    }
    uint64_t v;
    if (!read_u64(text, o->kind == CMD_U32 ? UINT32_MAX : UINT64_MAX, &v)) return out_of_range(s, o, text);
    if ((double)v < o->min || (o->max != 0 && (double)v > o->max)) return out_of_range(s, o, text);
    if (o->kind == CMD_U32) *(uint32_t *)o->out = (uint32_t)v;
    else *(uint64_t *)o->out = v;
    return CMD_GO;
}

/* One option at argv[*i]; *i moves on to its value when that is an argument of its own. */
static int option(const struct cmd_spec *s, int argc, char **argv, int *i) {
    const char *arg = argv[*i], *value = NULL;
    const struct cmd_opt *o;
    if (arg[1] == '-') {
        size_t len = strcspn(arg + 2, "=");
        o = find_long(s, arg + 2, len);
        if (arg[2 + len] == '=') value = arg + 2 + len + 1;
    } else {
        o = find_letter(s, arg[1]);
        if (arg[2]) value = arg + 2; /* -n5 */
    }
    if (!o) return unknown(s, arg);
    if (o->kind == CMD_FLAG) {
        if (value) return cmd_usage(s->name, "--%s takes no value", o->name);
        *(bool *)o->out = true;
        return CMD_GO;
    }
    if (!value) {
        if (*i + 1 >= argc) return cmd_usage(s->name, "--%s needs a value (%s)", o->name, o->value);
        value = argv[++*i];
    }
    return store(s, o, value);
}

int cmd_parse(const struct cmd_spec *s, int argc, char **argv, const char **args, int *n_args) {
    bool options = true;
    *n_args = 0;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (options && strcmp(arg, "--") == 0) {
            options = false;
        } else if (options && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
            print_help(s);
            return 0;
        } else if (options && arg[0] == '-' && arg[1]) {
            int rc = option(s, argc, argv, &i);
            if (rc != CMD_GO) return rc;
        } else {
            if (*n_args >= s->max_args) return cmd_usage(s->name, "\"%s\" is one argument too many", arg);
            args[(*n_args)++] = arg;
        }
    }
    if (*n_args < s->min_args) return cmd_usage(s->name, "%s is missing", s->missing);
    return CMD_GO;
}
