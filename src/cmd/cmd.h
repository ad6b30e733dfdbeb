/* cmd: the subcommands of the one binary, and what they share: arguments in, text out. Each subcommand is one function
 * in its own file; argv[0] is the subcommand's name. It returns 0, CMD_FAILED (1) or CMD_USAGE (2). Results go to
 * standard output, everything else to standard error as "sillok NAME: message". */
#ifndef SIL_CMD_CMD_H
#define SIL_CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"
#include "sillok.h"

enum { CMD_FAILED = 1, CMD_USAGE = 2, CMD_GO = -1 };

/* The subcommands. Add yours here and to the table in main.c. */
int cmd_run(int argc, char **argv);
int cmd_tokenize(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_logits(int argc, char **argv);
int cmd_perplexity(int argc, char **argv);
int cmd_kernels(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_train_tokenizer(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_key(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_usage_report(int argc, char **argv); /* sillok usage */

/* What an option takes, which is also the type behind cmd_opt.out. */
enum cmd_kind {
    CMD_FLAG,  /* nothing: bool, set to true */
    CMD_TEXT,  /* const char *: a pointer into argv */
    CMD_TEXTS, /* struct cmd_texts: one more for each time the option is given */
    CMD_U32,   /* uint32_t, min..max; max == 0: any */
    CMD_U64,   /* uint64_t, min..max; max == 0: any */
    CMD_F32    /* float, min..max; min == max == 0: any finite */
};

enum { CMD_TEXTS_MAX = 64 };

struct cmd_texts {
    const char *text[CMD_TEXTS_MAX]; /* pointers into argv */
    size_t n;
};

struct cmd_opt {
    const char *name; /* without the dashes: "tokens" */
    char letter;      /* short form: 'n' for -n; 0 for none */
    enum cmd_kind kind;
    void *out;         /* keeps its value when the option is not given */
    const char *value; /* what the value is called in the help: "FILE"; NULL for flags */
    const char *help;  /* one line */
    double min, max;
};

struct cmd_spec {
    const char *name, *synopsis; /* "inspect", "MODEL [--json] [--tensors]" */
    const char *about;           /* what it does, a sentence or a few lines */
    const struct cmd_opt *opts;  /* n_opts */
    size_t n_opts;
    int min_args, max_args; /* positional arguments */
    const char *missing;    /* what is missing below min_args: "a model file" */
};

/* Reads the arguments: --name value, --name=value, -n value, flags, positional arguments; "--" ends the options, "-"
 * alone is positional; every command has --help. args has room for max_args and gets *n_args. Returns CMD_GO to go on,
 * or the exit code: 0 after printing help, CMD_USAGE after a complaint that names the option and the nearest one. */
int cmd_parse(const struct cmd_spec *spec, int argc, char **argv, const char **args, int *n_args);

/* Prints "sillok NAME: text" to standard error; returns CMD_FAILED. */
int cmd_fail(const char *name, const struct sil_error *e);
/* Prints "sillok NAME: message" and how to get help; returns CMD_USAGE. */
int cmd_usage(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The candidate that the user may have meant, or NULL when none is near. */
const char *cmd_nearest(const char *given, const char *const *names, size_t n);

/* Prints text from a file so that it cannot drive a terminal: control characters (and line ends, unless `lines`) and
 * bytes that are not UTF-8 are written as \n, \t or \xNN. */
void cmd_print_safe(FILE *f, struct str s, bool lines);

#endif
