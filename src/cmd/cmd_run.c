/* sillok run: an answer to one prompt, or a conversation in the terminal. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "cmd/answer.h"
#include "cmd/chat.h"
#include "cmd/each.h"
#include "engine/engine.h"

enum { PROMPT_MAX = 64 << 20 };

struct options {
    struct setup setup;
    struct answer answer;
    const char *prompt, *file, *each, *system;
    bool raw, stats;
};

/* The only state that a signal handler may reach. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static sil_err answer_once(struct options *o, struct str prompt, struct sil_error *e) {
    uint32_t *ids = NULL;
    size_t n = 0;
    SIL_TRY(chat_prompt_ids(o->setup.model, o->system, o->raw, prompt, &ids, &n, e));
    struct sil_session *session = NULL;
    sil_err err = sil_session_open(o->setup.engine, &session, e);
    if (err == SIL_OK) err = answer_run(&o->setup, session, ids, n, &o->answer, e);
    if (err == SIL_OK) {
        fputc('\n', stdout);
        if (o->stats) answer_stats(&o->answer, stderr);
    }
    sil_session_close(session);
    sil_free(ids);
    return err;
}

/* The prompt from -p, from --file or --each, or from standard input when that is not a terminal; *given says whether
 * there is one at all. */
static sil_err read_prompt(struct options *o, struct buf *b, bool *given, struct sil_error *e) {
    *given = true;
    if (o->prompt) return buf_str(b, str_of(o->prompt));
    if (o->file) return file_read(o->file, b, e);
    if (o->each) return file_read(o->each, b, e);
    *given = !isatty(STDIN_FILENO);
    return *given ? file_read("-", b, e) : SIL_OK;
}

static sil_err run(struct options *o, const char *path, struct sil_error *e) {
    struct buf prompt;
    buf_init(&prompt, mem_libc(), PROMPT_MAX);
    bool given = false;
    sil_err err = read_prompt(o, &prompt, &given, e);
    o->setup.soon = given;
    if (err == SIL_OK) err = setup_open(&o->setup, path, SETUP_CTX, e);
    if (err == SIL_OK && !o->setup.model->m->tok)
        err = err_set(e, SIL_UNSUPPORTED, "%s has no tokenizer, so it cannot read text; sillok logits takes token ids",
                      path);
    if (err == SIL_OK && o->each) err = each_run(&o->setup, &o->answer, o->system, o->raw, buf_view(&prompt), e);
    else if (err == SIL_OK && given) err = answer_once(o, buf_view(&prompt), e);
    if (err == SIL_OK && !given) {
        struct chat c = {.setup = &o->setup,
                         .answer = &o->answer,
                         .system = o->system,
                         .raw = o->raw,
                         .stats = o->stats,
                         .interrupted = &interrupted,
                         .path = path};
        err = chat_run(&c, e);
    }
    setup_close(&o->setup);
    buf_free(&prompt);
    return err;
}

int cmd_run(int argc, char **argv) {
    struct options o = {.answer = {.out = stdout, .stop = &interrupted, .sampling = SAMPLING_DEFAULT}};
    const struct cmd_opt opts[] = {
        {.name = "prompt",
         .letter = 'p',
         .kind = CMD_TEXT,
         .out = &o.prompt,
         .value = "TEXT",
         .help = "answer this and exit (default: a conversation, or standard input when it is not a terminal)"},
        {.name = "file",
         .letter = 'f',
         .kind = CMD_TEXT,
         .out = &o.file,
         .value = "FILE",
         .help = "take the prompt from a file"},
        {.name = "each",
         .kind = CMD_TEXT,
         .out = &o.each,
         .value = "FILE",
         .help = "answer each line of a file by itself; prints a line of JSON for each"},
        {.name = "tokens",
         .letter = 'n',
         .kind = CMD_U32,
         .out = &o.answer.n_max,
         .value = "N",
         .min = 1,
         .max = 1 << 30,
         .help = "tokens to generate at most (default: until the model ends or the context is full)"},
        SAMPLING_OPTIONS(o.answer.sampling),
        {.name = "speculate",
         .kind = CMD_U32,
         .out = &o.answer.n_draft,
         .value = "N",
         .min = 1,
         .max = SIL_DRAFT_MAX,
         .help = "guess up to N tokens ahead from the text so far; faster where it repeats itself, the same tokens"},
        {.name = "stop",
         .kind = CMD_TEXTS,
         .out = &o.answer.stops,
         .value = "TEXT",
         .help = "end the answer before this text; may be given several times"},
        {.name = "system", .kind = CMD_TEXT, .out = &o.system, .value = "TEXT", .help = "system message"},
        {.name = "raw",
         .kind = CMD_FLAG,
         .out = &o.raw,
         .help = "continue the text as it is, without the chat template"},
        {.name = "echo", .kind = CMD_FLAG, .out = &o.answer.echo, .help = "print the prompt's text before the answer"},
        {.name = "stats", .kind = CMD_FLAG, .out = &o.stats, .help = "print token counts and speed to standard error"},
        SETUP_OPTIONS(o.setup),
    };
    const struct cmd_spec spec = {
        .name = "run",
        .synopsis = "MODEL [-p PROMPT] [-n N] [--temp T] [--seed S] [--system S] ...",
        .about = "Answers a prompt, or opens a conversation in the terminal. Only the generated text goes to standard "
                 "output.\nCtrl-C stops an answer; /help in a conversation tells more.",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_args = 1,
        .max_args = 1,
        .missing = "a model file"};
    const char *path = NULL;
    int n_args = 0, rc = cmd_parse(&spec, argc, argv, &path, &n_args);
    if (rc != CMD_GO) return rc;
    if ((o.prompt != NULL) + (o.file != NULL) + (o.each != NULL) > 1)
        return cmd_usage("run", "-p, --file and --each exclude each other");
    struct sil_error e = {0};
    if (answer_check(&o.answer, &e) != SIL_OK) return cmd_usage("run", "%s", e.text);
    struct sigaction act = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &act, NULL);
    if (run(&o, path, &e) != SIL_OK) return cmd_fail("run", &e);
    return interrupted ? 130 : 0;
}
