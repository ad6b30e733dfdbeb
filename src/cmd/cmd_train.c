/* sillok train: a model from a recipe. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/pool.h"
#include "cmd/cmd.h"
#include "learn/train.h"

static const char NAME[] = "train";
enum { ARENA_BYTES = 64 << 20, BAR = 24 };

static volatile sig_atomic_t stop_asked;

static void on_signal(int number) {
    (void)number;
    stop_asked = 1;
}

struct shown {
    bool terminal, quiet;
    uint64_t last_ns;
    struct clock clock;
};

static void duration(double s, char *out, size_t n) {
    if (!(s >= 0) || s > 1e8) snprintf(out, n, "?");
    else if (s < 60) snprintf(out, n, "%.0fs", s);
    else if (s < 3600) snprintf(out, n, "%dm%02ds", (int)s / 60, (int)s % 60);
    else snprintf(out, n, "%dh%02dm", (int)s / 3600, (int)s / 60 % 60);
}

static void progress(void *ctx, const struct train_status *s) {
    struct shown *d = ctx;
    char bar[BAR + 1], left[32], eval[32] = "";
    uint64_t now = clock_now_ns(d->clock);
    bool last = s->step == s->steps;
    /* A terminal is redrawn a few times a second; a file gets a line a minute. */
    if (d->quiet || (!last && d->last_ns && now - d->last_ns < (d->terminal ? 200000000u : 60000000000u))) return;
    d->last_ns = now;
    size_t full = (size_t)(BAR * s->step / s->steps);
    memset(bar, '.', BAR);
    memset(bar, '#', full);
    bar[BAR] = '\0';
    duration(s->left_s, left, sizeof left);
    if (!isnan(s->eval)) snprintf(eval, sizeof eval, ", eval %.4f", s->eval);
    fprintf(stderr, "%s[%s] %llu/%llu  loss %.4f%s, lr %.2e, %.0f tok/s, %s left%s", d->terminal ? "\r\033[K" : "", bar,
            (unsigned long long)s->step, (unsigned long long)s->steps, s->loss, eval, s->rate, s->tokens_per_s, left,
            d->terminal && !last ? "" : "\n");
}

static void print_note(void *ctx, const char *text) {
    const struct shown *d = ctx;
    if (!d->quiet) fprintf(stderr, "%s\n", text);
}

static sil_err run(const char *path, struct train_options *o, const char *cpu, struct shown *d,
                   struct train_result *result, struct sil_error *e) {
    struct arena a;
    struct train_hooks h = {.clock = d->clock, .ctx = d, .progress = progress, .note = print_note, .stop = &stop_asked};
    SIL_TRY(cpu_parse(cpu ? cpu : "native", cpu_detect(), &o->cpu_mask, e));
    if (!pool_fp_mode()) return err_set(e, SIL_UNSUPPORTED, "this processor's rounding mode cannot be set");
    arena_init(&a, mem_libc(), ARENA_BYTES);
    struct recipe *r = ARENA_NEW(&a, struct recipe);
    sil_err err = r ? recipe_read(&a, path, r, e) : err_nomem(e, "a recipe", sizeof *r);
    if (err == SIL_OK) err = train_run(mem_libc(), r, o, &h, result, e);
    if (err == SIL_OK && result->finished && !d->quiet) printf("wrote %s\n", r->out);
    arena_free(&a);
    return err;
}

int cmd_train(int argc, char **argv) {
    const char *args[1], *cpu = NULL;
    struct train_options o = {.n_threads = cpu_threads()};
    struct shown d = {.terminal = isatty(STDERR_FILENO), .clock = clock_system()};
    struct train_result result = {0};
    float minutes = 0;
    int n_args;
    const struct cmd_opt opts[] = {
        {"threads", 't', CMD_U32, &o.n_threads, "N", "threads (default: what this process may use)", 1, 256},
        {"cpu", 0, CMD_TEXT, &cpu, "MASK", "scalar, avx2, avx512, neon or native (default; also SILLOK_CPU)", 0, 0},
        {"minutes", 0, CMD_F32, &minutes, "M", "stop after M minutes; the next call goes on", 0, 1e6},
        {"until", 0, CMD_U64, &o.until, "STEP", "stop after this step; the next call goes on", 0, 0},
        {"restart", 0, CMD_FLAG, &o.restart, NULL, "begin anew, though there is a checkpoint", 0, 0},
        {"check", 0, CMD_FLAG, &o.check, NULL, "read recipe and data, say what would be learnt, and end", 0, 0},
        {"quiet", 'q', CMD_FLAG, &d.quiet, NULL, "no progress", 0, 0}};
    const struct cmd_spec spec = {
        .name = NAME,
        .synopsis = "RECIPE.yaml [--threads N] [--minutes M]",
        .about =
            "Trains a Llama or Qwen3 model. The same recipe, texts and seed give the same bytes, with any number of\n"
            "threads, on any processor, and however often the run was stopped (Ctrl-C, kill -9) and called again.\n"
            "Beside the model it keeps a checkpoint (.ckpt), the log (.log.jsonl) and the loss curve (.svg).",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_args = 1,
        .max_args = 1,
        .missing = "a recipe"};
    int rc = cmd_parse(&spec, argc, argv, args, &n_args);
    if (rc != CMD_GO) return rc;
    struct sil_error e = {0};
    struct sigaction on = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND}; /* the second Ctrl-C ends at once */
    if (!cpu) cpu = getenv("SILLOK_CPU");
    sigaction(SIGINT, &on, NULL);
    sigaction(SIGTERM, &on, NULL);
    o.minutes = (double)minutes;
    sil_err err = run(args[0], &o, cpu, &d, &result, &e);
    if (err != SIL_OK) {
        if (d.terminal) fputc('\n', stderr);
        return cmd_fail(NAME, &e);
    }
    if (!result.finished && !o.check)
        fprintf(stderr, "\nstopped after step %llu of %llu; call it again to go on\n",
                (unsigned long long)result.status.step, (unsigned long long)result.status.steps);
    return 0;
}
