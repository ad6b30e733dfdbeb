/* sillok top: what a running server does, every second or so. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/scrape.h"

static const char NAME[] = "top";

struct top {
    struct scrape_from from;
    float seconds;
    bool once, terminal;
    struct scrape now, before;
    uint64_t now_ns, before_ns; /* before_ns 0: there is none; rates are since the start of the server */
};

static double rate(const struct top *t, double now, double before) {
    double seconds = t->before_ns ? (double)(t->now_ns - t->before_ns) / 1e9
                                  : (double)clock_unix_s(clock_system()) - t->now.total[SCRAPE_STARTED];
    return seconds > 0 && now >= before ? (now - before) / seconds : 0;
}

static const struct scrape_model *model_before(const struct top *t, const struct scrape_model *m) {
    for (uint32_t i = 0; t->before_ns && i < t->before.n_models; i++)
        if (strcmp(t->before.models[i].name, m->name) == 0) return &t->before.models[i];
    return NULL;
}

/* "1.24 s", "38 ms", "-". */
static void print_seconds(double s) {
    if (s < 0) printf("%9s", "-");
    else if (s < 0.1) printf("%6.1f ms", s * 1e3);
    else printf("%7.2f s", s);
}

static void print_quantiles(const struct scrape_model *m, const struct scrape_model *b, enum scrape_spread s,
                            const char *name) {
    printf("  %-22s", name);
    static const double q[] = {0.5, 0.9, 0.99};
    for (int i = 0; i < 3; i++) print_seconds(scrape_quantile(m, b, s, q[i]));
    putchar('\n');
}

static void print_model(const struct top *t, const struct scrape_model *m) {
    const struct scrape_model *b = model_before(t, m);
    static const struct scrape_model zero = {.name = ""};
    const double *v = m->value, *w = b ? b->value : zero.value;
    double answer = rate(t, v[SCRAPE_ANSWER], w[SCRAPE_ANSWER]), steps = rate(t, v[SCRAPE_STEPS], w[SCRAPE_STEPS]);
    double joules = v[SCRAPE_JOULES] - w[SCRAPE_JOULES], tokens = v[SCRAPE_ANSWER] - w[SCRAPE_ANSWER];
    putchar('\n');
    cmd_print_safe(stdout, str_of(m->name), false);
    printf("\n  running %.0f   waiting %.0f   KV %.0f %% of %.0f pages   %.1f steps/s\n", v[SCRAPE_RUNNING],
           v[SCRAPE_WAITING], v[SCRAPE_PAGES] > 0 ? 100 * v[SCRAPE_PAGES_USED] / v[SCRAPE_PAGES] : 0, v[SCRAPE_PAGES],
           steps);
    printf("  tokens/s: answers %.1f   prompts %.1f (of these cached %.1f)\n", answer,
           rate(t, v[SCRAPE_PROMPT], w[SCRAPE_PROMPT]), rate(t, v[SCRAPE_CACHED], w[SCRAPE_CACHED]));
    if (v[SCRAPE_JOULES] > 0) {
        printf("  %.1f W", rate(t, v[SCRAPE_JOULES], w[SCRAPE_JOULES]));
        if (tokens > 0) printf("   %.2f J a token", joules / tokens);
        putchar('\n');
    }
    printf("  %-22s%9s%9s%9s\n", "latency", "half", "9 of 10", "99/100");
    print_quantiles(m, b, SCRAPE_FIRST, "to the first token");
    print_quantiles(m, b, SCRAPE_BETWEEN, "between tokens");
    print_quantiles(m, b, SCRAPE_WHOLE, "whole answer");
    print_quantiles(m, b, SCRAPE_QUEUE, "waiting");
}

/* An answer that came out otherwise is what nobody should miss. */
static void print_replays(const struct scrape *s) {
    const double *n = s->replays;
    if (!(s->total[SCRAPE_REPLAYS] > 0)) return;
    printf("computed again %.0f: equal %.0f, different %.0f", s->total[SCRAPE_REPLAYS], n[METRICS_REPLAY_EQUAL],
           n[METRICS_REPLAY_DIFFERENT]);
    printf(", refused %.0f, failed %.0f, cancelled %.0f\n", n[METRICS_REPLAY_REFUSED], n[METRICS_REPLAY_FAILED],
           n[METRICS_REPLAY_CANCELLED]);
}

static void print_all(const struct top *t) {
    const double *v = t->now.total, *w = t->before.total;
    double up = (double)clock_unix_s(clock_system()) - v[SCRAPE_STARTED];
    if (t->terminal) fputs("\033[H\033[J", stdout);
    printf("%s   up %.0f:%02d   %.0f connections   %.1f requests/s   refused %.0f\n", t->from.where, floor(up / 3600),
           (int)fmod(up / 60, 60), v[SCRAPE_CONNECTIONS], rate(t, v[SCRAPE_HTTP], w[SCRAPE_HTTP]), t->now.refused);
    printf("on record %.0f answers, %.1f/s%s", v[SCRAPE_ENTRIES], rate(t, v[SCRAPE_ENTRIES], w[SCRAPE_ENTRIES]),
           v[SCRAPE_FAILURES] > 0 ? "" : "\n");
    if (v[SCRAPE_FAILURES] > 0) printf(", %.0f could not be: see the server's log\n", v[SCRAPE_FAILURES]);
    print_replays(&t->now);
    for (uint32_t i = 0; i < t->now.n_models; i++) print_model(t, &t->now.models[i]);
    if (!t->before_ns) printf("\nRates and latencies are since the server started.\n");
    fflush(stdout);
}

static sil_err look(struct top *t, struct sil_error *e) {
    struct buf b;
    buf_init(&b, mem_libc(), SCRAPE_BYTES_MAX);
    sil_err err = scrape_get(&t->from, "/metrics", &b, e);
    t->now_ns = clock_now_ns(clock_system());
    if (err == SIL_OK) err = scrape_parse(buf_view(&b), &t->now, e);
    buf_free(&b);
    return err;
}

static int run(struct top *t) {
    struct sil_error e = {0};
    for (;;) {
        if (look(t, &e) != SIL_OK) return cmd_fail(NAME, &e);
        /* A server that was started again begins at nothing. */
        if (t->before_ns && t->now.total[SCRAPE_STARTED] != t->before.total[SCRAPE_STARTED]) {
            t->before_ns = 0;
            t->before = (struct scrape){0};
        }
        print_all(t);
        if (t->once || ferror(stdout)) return 0;
        t->before = t->now;
        t->before_ns = t->now_ns;
        struct timespec nap = {.tv_sec = (time_t)t->seconds, .tv_nsec = (long)(fmodf(t->seconds, 1) * 1e9f)};
        nanosleep(&nap, NULL); /* Ctrl-C ends the program */
    }
}

int cmd_top(int argc, char **argv) {
    struct top *t = calloc(1, sizeof *t);
    struct sil_error e = {0};
    if (!t) {
        err_nomem(&e, NAME, sizeof *t);
        return cmd_fail(NAME, &e);
    }
    t->seconds = 2;
    t->from.seconds = SCRAPE_TIMEOUT_S;
    t->from.where = "http://127.0.0.1:8080";
    const struct cmd_opt opts[] = {
        {"interval", 'i', CMD_F32, &t->seconds, "S", "seconds between two looks (default 2)", 0.1, 3600},
        {"timeout", 0, CMD_F32, &t->from.seconds, "S", "seconds to wait for an answer at most (default 10)", 0.1, 3600},
        {"ca", 0, CMD_TEXT, &t->from.ca, "FILE", "https: trust these authorities (PEM) instead of the system's", 0, 0},
        {"once", 0, CMD_FLAG, &t->once, NULL, "one look, at all since the server started", 0, 0},
    };
    const struct cmd_spec spec = {
        .name = NAME,
        .synopsis =
            "[http://HOST:PORT | https://HOST:PORT | unix:PATH] [--ca FILE] [--interval S] [--timeout S] [--once]",
        .about =
            "Shows what a running server does: answers running and waiting, tokens per second, memory of keys and\n"
            "values, latencies, energy. The key, an administrator's, is taken from SILLOK_KEY, so that no list of "
            "processes shows it.",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .max_args = 1,
    };
    int n_args = 0, rc = cmd_parse(&spec, argc, argv, &t->from.where, &n_args);
    if (rc == CMD_GO) {
        t->from.key = getenv("SILLOK_KEY");
        if (t->from.key && !*t->from.key) t->from.key = NULL;
        t->terminal = isatty(STDOUT_FILENO) && !t->once;
        rc = run(t);
    }
    free(t);
    return rc;
}
