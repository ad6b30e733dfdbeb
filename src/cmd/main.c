/* sillok: one binary, one subcommand each time. */
#include <errno.h>
#include <string.h>

#include "cmd/cmd.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    /* In the order of a newcomer's needs. */
    {"run", cmd_run, "answer a prompt, or talk in the terminal"},
    {"serve", cmd_serve, "answer over HTTP in OpenAI's form, every answer on record"},
    {"inspect", cmd_inspect, "what is in a model file"},
    {"tokenize", cmd_tokenize, "text to token ids and back"},
    {"logits", cmd_logits, "what a model thinks comes next, as numbers or a digest"},
    {"perplexity", cmd_perplexity, "how well a model predicts a text"},
    {"train", cmd_train, "make a model from texts, by a recipe, the same bytes everywhere"},
    {"train-tokenizer", cmd_train_tokenizer, "make a tokenizer from texts"},
    {"convert", cmd_convert, "make a GGUF file of a llama2.c model"},
    {"kernels", cmd_kernels, "test and measure the arithmetic on this processor"},
    {"bench", cmd_bench, "tokens per second, and shares of what this machine can do"},
    {"key", cmd_key, "API keys of the server, and limits of their tenants"},
    {"top", cmd_top, "what a running server does just now"},
    {"usage", cmd_usage_report, "what tenants of the server used"},
    {"audit", cmd_audit, "check the record of answers, prove an entry, compute an answer again"},
    {"plan", cmd_plan, "a year of an AI data centre: power, tokens, money"},
    {NULL, NULL, NULL},
};

static void print_help(FILE *f) {
    fputs("Sillok " SIL_VERSION ": language models whose answers can be computed again, bit for bit.\n\n"
          "Usage: sillok COMMAND ...\n\nCommands:\n",
          f);
    for (const struct command *c = commands; c->name; c++) fprintf(f, "  %-17s%s\n", c->name, c->help);
    fputs("\nsillok COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage.\n", f);
}

static int unknown_command(const char *name) {
    const char *names[sizeof commands / sizeof *commands] = {NULL};
    size_t n = 0;
    for (const struct command *c = commands; c->name; c++) names[n++] = c->name;
    const char *near = cmd_nearest(name, names, n);
    fprintf(stderr, "sillok: unknown command \"%s\"", name);
    if (near) fprintf(stderr, " (did you mean %s?)", near);
    fputs("\nTry: sillok --help\n", stderr);
    return CMD_USAGE;
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return CMD_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        puts("sillok " SIL_VERSION " (arithmetic " SIL_PROFILE ")");
        return 0;
    }
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(name, c->name) == 0) return c->run(argc - 1, argv + 1);
    return unknown_command(name);
}

int main(int argc, char **argv) {
    int rc = dispatch(argc, argv);
    /* A full disk behind standard output shows only now. */
    int bad = fflush(stdout) != 0 ? errno : ferror(stdout) ? EIO : 0;
    if (bad) {
        fprintf(stderr, "sillok: cannot write standard output: %s\n", strerror(bad));
        if (rc == 0) rc = CMD_FAILED;
    }
    return rc;
}
