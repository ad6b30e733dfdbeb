/* sillok plan: a year of an AI data centre from a design file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/plan_print.h"
#include "plan/outcome_report.h"

static const char topics[] =
    "sillok plan: a year of an AI data centre, from megawatts to tokens and won.\n"
    "\n"
    "Usage: sillok plan run FILE.yaml [--report out.html] [--lang ko] [--json] [--csv FILE]\n"
    "       sillok plan check          published numbers against what the models give\n"
    "       sillok plan sources [FILE] every variable and constant: value, unit, range, source\n"
    "       sillok plan help [WORD]    what may stand in a design file\n"
    "\n"
    "Begin with: sillok plan run examples/korea-250mw.yaml\n";

struct run_args {
    const char *csv, *report, *lang;
    bool json, tornado, all, quiet;
    uint32_t threads;
};

struct show {
    struct clock clock;
    uint64_t from;
};

static void show_progress(void *ctx, double done, const char *what) {
    const struct show *s = ctx;
    double spent = (double)(clock_now_ns(s->clock) - s->from) / 1e9;
    if (done >= 1) {
        fputs("\r\033[K", stderr);
    } else {
        fprintf(stderr, "\r\033[K%3.0f %%  %s", 100 * done, what);
        if (done > 0.3 && spent > 1) fprintf(stderr, ", %.0f s to go", ceil(spent * (1 - done) / done));
    }
    fflush(stderr);
}

static sil_err write_report(const struct plan_outcome *o, const char *path, bool ko, struct sil_error *e) {
    struct buf page;
    struct file_out out;
    const char *shared = getenv("SILLOK_SHARED");
    buf_init(&page, mem_libc(), REPORT_BYTES_MAX);
    sil_err rc = plan_outcome_html(o, shared ? shared : "../shared", ko ? PLAN_KO : PLAN_EN, &page, e);
    if (rc == SIL_OK) rc = file_create(path, &out, e);
    if (rc == SIL_OK) {
        rc = file_write(&out, page.p, page.n, e);
        if (rc == SIL_OK) rc = file_commit(&out, e);
        else file_discard(&out);
    }
    buf_free(&page);
    return rc;
}

static int print_run(const struct plan_outcome *o, const struct run_args *a) {
    bool ko = strcmp(a->lang, "ko") == 0;
    struct sil_error e = {0};
    if (a->csv && plan_write_csv(o, a->csv, &e) != SIL_OK) return cmd_fail("plan run", &e);
    if (a->report && write_report(o, a->report, ko, &e) != SIL_OK) return cmd_fail("plan run", &e);
    if (a->json) plan_print_json(o);
    else return plan_print_table(o, ko, a->all);
    return 0;
}

static int run_design(const char *path, const struct run_args *a) {
    struct sil_error e = {0};
    struct plan_design *d = malloc(sizeof *d);
    struct plan_outcome *o = NULL;
    struct pool *pool = NULL;
    if (!d) return cmd_fail("plan run", &(struct sil_error){.text = "no memory for a design"});
    sil_err rc = plan_design_read(path, mem_libc(), d, &e);
    if (rc == SIL_OK) rc = pool_open(a->threads ? a->threads : cpu_threads(), &pool, &e);
    struct outcome_options opt = {.tornado = a->tornado || a->report, .pool = pool};
    struct show show = {.clock = clock_system()};
    show.from = clock_now_ns(show.clock);
    if (plan_show_progress(a->quiet)) {
        opt.progress = show_progress;
        opt.ctx = &show;
    }
    if (rc == SIL_OK) rc = plan_outcome_run(d, &opt, mem_libc(), &o, &e);
    int code = rc == SIL_OK ? print_run(o, a) : cmd_fail("plan run", &e);
    plan_outcome_free(o);
    pool_close(pool);
    free(d);
    return code;
}

static int plan_run(int argc, char **argv) {
    struct run_args a = {.lang = "en"};
    const struct cmd_opt opts[] = {
        PLAN_LANG(a.lang),
        {.name = "json", .kind = CMD_FLAG, .out = &a.json, .help = "print every result as JSON"},
        {.name = "report",
         .kind = CMD_TEXT,
         .out = &a.report,
         .value = "FILE",
         .help = "write the report as one HTML page"},
        {.name = "csv", .kind = CMD_TEXT, .out = &a.csv, .value = "FILE", .help = "write every step of the year"},
        {.name = "all", .kind = CMD_FLAG, .out = &a.all, .help = "every result, not just one screen"},
        {.name = "tornado", .kind = CMD_FLAG, .out = &a.tornado, .help = "vary each uncertain input by itself"},
        {.name = "quiet", .kind = CMD_FLAG, .out = &a.quiet, .help = "no progress"},
        {.name = "threads",
         .letter = 't',
         .kind = CMD_U32,
         .out = &a.threads,
         .value = "N",
         .help = "for the tornado; they change no digit",
         .max = POOL_THREADS_MAX},
    };
    const struct cmd_spec spec = {.name = "plan run",
                                  .synopsis = "FILE.yaml [--report OUT.html] [--lang ko] [--json] [--csv FILE]",
                                  .about = "Simulates a year of the design and prints one screen of results.",
                                  .opts = opts,
                                  .n_opts = sizeof opts / sizeof *opts,
                                  .min_args = 1,
                                  .max_args = 1,
                                  .missing = "a design file"};
    const char *args[1];
    int n, rc = cmd_parse(&spec, argc, argv, args, &n);
    if (rc != CMD_GO) return rc;
    if (!plan_lang_ok(a.lang)) return cmd_usage("plan run", "--lang is en or ko, not \"%s\"", a.lang);
    return run_design(args[0], &a);
}

int cmd_plan(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"run", plan_run}, {"check", plan_check}, {"sources", plan_sources}, {"help", plan_help}};
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(topics, argc < 2 ? stderr : stdout);
        return argc < 2 ? CMD_USAGE : 0;
    }
    const char *names[sizeof verbs / sizeof *verbs];
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        names[i] = verbs[i].name;
        if (strcmp(argv[1], verbs[i].name) == 0) return verbs[i].run(argc - 1, argv + 1);
    }
    const char *near = cmd_nearest(argv[1], names, sizeof verbs / sizeof *verbs);
    if (near) return cmd_usage("plan", "unknown command \"%s\" (did you mean %s?)", argv[1], near);
    return cmd_usage("plan", "unknown command \"%s\": run, check, sources or help", argv[1]);
}
