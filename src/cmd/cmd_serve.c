/* sillok serve: the server. Signals end and reload it; everything else is in src/serve. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "cmd/cmd.h"
#include "serve/notify.h"
#include "serve/sandbox.h"
#include "serve/server.h"

enum { CHANGES_MAX = 4096 };

struct options {
    const char *path; /* a model instead of `config` */
    const char *config, *name, *listen, *socket, *state, *cpu;
    uint32_t threads, ctx, sessions, port;
    bool check, no_keys, no_sandbox;
};

/* The last part of a path, without ".gguf": what clients call a model that was given by its path. */
static const char *model_name(const char *path, char *out, size_t size) {
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t n = strlen(base);
    if (n > 5 && strcmp(base + n - 5, ".gguf") == 0) n -= 5;
    snprintf(out, size, "%.*s", (int)n, base);
    return out;
}

/* The command line over the configuration. */
static sil_err apply(const struct options *o, struct config *c, char *name, size_t size, struct sil_error *e) {
    const char *path = o->path;
    if (path && o->config) return err_set(e, SIL_ARG, "give a model or --config, not both");
    if (path) {
        config_model_default(&c->models[0]);
        c->n_models = 1;
        c->models[0].path = path;
        c->models[0].name = o->name ? o->name : model_name(path, name, size);
        c->models[0].ctx = o->ctx;
        c->models[0].sessions = o->sessions;
    }
    if (o->listen) c->listen[0].address = o->listen;
    if (o->port != UINT32_MAX) c->listen[0].port = (uint16_t)o->port;
    if (o->socket) {
        if (c->n_listen == CONFIG_LISTEN_MAX) return err_set(e, SIL_LIMIT, "too many addresses");
        c->listen[c->n_listen++] = (struct config_listen){.path = o->socket, .mode = 0660};
    }
    if (o->state) c->state = o->state;
    if (o->cpu) c->cpu = o->cpu;
    if (o->threads) c->threads = o->threads;
    if (o->no_keys) c->keys = false;
    if (o->no_sandbox) c->sandbox = false;
    return config_check(c, e);
}

/* name: room for the name of a model that is given by its path. */
static sil_err settings(const struct options *o, struct config *c, char *name, size_t size, struct sil_error *e) {
    config_default(c);
    if (o->config) SIL_TRY(config_read(o->config, c, e));
    return apply(o, c, name, size, e);
}

static void print_addresses(const struct server *s) {
    const char *address;
    for (uint32_t i = 0; (address = server_address(s, i)) != NULL; i++) printf("listening on %s\n", address);
    fflush(stdout);
}

/* A server that runs, and what it runs by. */
struct running {
    const struct options *options;
    const struct config *config;
    struct config *reloaded; /* the settings of the last SIGHUP, which the server goes by; NULL: none yet */
    struct server *server;
    struct log *log;
    const char *manager; /* NOTIFY_SOCKET */
    char name[128];      /* of a model that was given by its path, in `reloaded` */
};

static void drop_config(struct config *c) {
    if (!c) return;
    config_free(c);
    mem_free(mem_libc(), c);
}

/* What changed and is not taken over. */
static sil_err name_changes(const struct running *r, const struct config *c, struct sil_error *e) {
    struct buf b;
    buf_init(&b, mem_libc(), CHANGES_MAX);
    sil_err err = config_changes(r->config, c, &b);
    if (err == SIL_OK && b.n) LOG(r->log, LOG_WARN, "needs a restart", LOG_S("settings", b.p));
    buf_free(&b);
    return err == SIL_OK ? err : err_set(e, err, "no memory for what changed");
}

/* The file and the arguments as at the start, checked as then: a mistake changes nothing. */
static sil_err read_again(struct running *r, struct config **out, struct sil_error *e) {
    struct config *c = mem_array(mem_libc(), 1, sizeof *c);
    if (!c) return err_nomem(e, "settings", sizeof *c);
    sil_err err = settings(r->options, c, r->name, sizeof r->name, e);
    if (err == SIL_OK) err = name_changes(r, c, e);
    if (err == SIL_OK) err = server_reload(r->server, c, e);
    if (err == SIL_OK) log_level_set(r->log, c->log_level);
    *out = err == SIL_OK ? c : NULL;
    if (err != SIL_OK) drop_config(c);
    return err;
}

/* SIGHUP. Keeps the settings that were before when the new ones are wrong. */
static void reload(struct running *r) {
    struct sil_error e = {0};
    struct config *fresh = NULL;
    notify_reloading(r->manager, clock_now_ns(clock_system()));
    if (read_again(r, &fresh, &e) == SIL_OK) {
        drop_config(r->reloaded);
        r->reloaded = fresh;
        LOG(r->log, LOG_INFO, "reloaded", LOG_S("config", r->options->config));
    } else {
        /* The rights that the sandbox left belong to the file that was there, not to its name. */
        const char *hint =
            e.code == SIL_IO && r->config->sandbox
                ? "in the sandbox files that are replaced can be read below /etc only; elsewhere write into them"
                : NULL;
        LOG(r->log, LOG_ERROR, "not reloaded", LOG_S("error", e.text), LOG_S("hint", hint));
    }
    notify_state(r->manager, "READY=1");
}

static void wait_idle(const struct server *s, uint32_t ms) {
    const struct timespec nap = {.tv_nsec = 20000000};
    for (uint32_t waited = 0; waited < ms && !server_is_idle(s); waited += 20) nanosleep(&nap, NULL);
}

/* Until SIGTERM or SIGINT. */
static void run(struct running *r, const sigset_t *signals) {
    const struct timespec second = {.tv_sec = 1};
    notify_state(r->manager, "READY=1");
    for (;;) {
        int sig = sigtimedwait(signals, NULL, &second);
        if (sig == SIGTERM || sig == SIGINT) break;
        if (sig == SIGHUP) reload(r);
        if (server_alive(r->server)) notify_state(r->manager, "WATCHDOG=1");
    }
    notify_state(r->manager, "STOPPING=1");
    LOG(r->log, LOG_INFO, "draining", LOG_U("within_ms", r->config->limits.drain_ms));
    server_drain(r->server);
    wait_idle(r->server, r->config->limits.drain_ms);
}

/* Before any thread is started, so that all inherit it. */
static void block_signals(sigset_t *signals) {
    struct sigaction before;
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
    /* Where it is ignored, as behind a shell's "&", Ctrl-C is meant for somebody else. */
    if (sigaction(SIGINT, NULL, &before) != 0 || before.sa_handler != SIG_IGN) sigaddset(signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static sil_err serve(const struct options *o, const struct config *c, struct sil_error *e) {
    struct running r = {.options = o, .config = c, .manager = getenv("NOTIFY_SOCKET")};
    struct sandbox box = {0};
    sigset_t signals;
    block_signals(&signals);
    SIL_TRY(log_open(STDERR_FILENO, c->log_level, clock_system(), &r.log));
    sil_err err = c->sandbox ? sandbox_files(c, &box, e) : SIL_OK;
    if (err == SIL_OK) err = server_open(c, r.log, mem_libc(), &r.server, e);
    if (err == SIL_OK && c->sandbox) err = sandbox_calls(&box, e);
    if (err == SIL_OK) {
        if (c->sandbox) sandbox_log(&box, r.log);
        print_addresses(r.server);
        run(&r, &signals);
    }
    server_close(r.server);
    drop_config(r.reloaded);
    log_close(r.log);
    return err;
}

enum { OPTIONS = 13 };

static void describe(struct options *o, struct cmd_opt out[OPTIONS]) {
    const struct cmd_opt opts[] = {
        {.name = "config",
         .letter = 'c',
         .kind = CMD_TEXT,
         .out = &o->config,
         .value = "FILE",
         .help = "settings, in YAML (examples/serve.yaml)"},
        {.name = "check", .kind = CMD_FLAG, .out = &o->check, .help = "check the settings and exit"},
        {.name = "name",
         .kind = CMD_TEXT,
         .out = &o->name,
         .value = "NAME",
         .help = "what clients call the model (default: its file's name)"},
        {.name = "listen",
         .kind = CMD_TEXT,
         .out = &o->listen,
         .value = "ADDRESS",
         .help = "address to listen on (default 127.0.0.1)"},
        {.name = "port",
         .letter = 'p',
         .kind = CMD_U32,
         .out = &o->port,
         .value = "N",
         .min = 0,
         .max = 65535,
         .help = "port (default 8080; 0: any free one)"},
        {.name = "socket", .kind = CMD_TEXT, .out = &o->socket, .value = "PATH", .help = "listen on a Unix socket too"},
        {.name = "state",
         .kind = CMD_TEXT,
         .out = &o->state,
         .value = "DIR",
         .help = "keys, usage and the record of answers (default sillok-state)"},
        {.name = "no-keys",
         .kind = CMD_FLAG,
         .out = &o->no_keys,
         .help = "answer everybody: for a machine of one's own only"},
        {.name = "no-sandbox", .kind = CMD_FLAG, .out = &o->no_sandbox, .help = "without seccomp and Landlock"},
        {.name = "ctx",
         .kind = CMD_U32,
         .out = &o->ctx,
         .value = "N",
         .min = 1,
         .max = 1 << 30,
         .help = "longest sequence in tokens (default: the model's, at most 4096)"},
        {.name = "sessions",
         .kind = CMD_U32,
         .out = &o->sessions,
         .value = "N",
         .min = 1,
         .max = 65536,
         .help = "answers written at the same time (default 16)"},
        {.name = "threads",
         .letter = 't',
         .kind = CMD_U32,
         .out = &o->threads,
         .value = "N",
         .min = 1,
         .max = 256,
         .help = "threads of the engine (default: what this process may use)"},
        {.name = "cpu",
         .kind = CMD_TEXT,
         .out = &o->cpu,
         .value = "MASK",
         .help = "scalar, avx2, avx512, neon or native (default)"},
    };
    memcpy(out, opts, sizeof opts);
    static_assert(sizeof opts == OPTIONS * sizeof *out, "one description each");
}

static sil_err prepare_and_serve(const struct options *o, struct config *c, struct sil_error *e) {
    char name[128];
    SIL_TRY(settings(o, c, name, sizeof name, e));
    if (!o->check) return serve(o, c, e);
    puts("ok");
    return SIL_OK;
}

int cmd_serve(int argc, char **argv) {
    struct options o = {.port = UINT32_MAX};
    struct cmd_opt opts[OPTIONS];
    describe(&o, opts);
    const struct cmd_spec spec = {
        .name = "serve",
        .synopsis = "[MODEL | --config FILE] [--port N] [--state DIR] ...",
        .about =
            "Answers over HTTP in OpenAI's form. Every answer is on record before it is finished; see sillok audit.\n"
            "SIGTERM drains, SIGHUP reloads keys, rates and certificates.",
        .opts = opts,
        .n_opts = OPTIONS,
        .max_args = 1};
    int n_args = 0, rc = cmd_parse(&spec, argc, argv, &o.path, &n_args);
    if (rc != CMD_GO) return rc;
    if (!o.path && !o.config) return cmd_usage("serve", "what is missing: a model file, or --config FILE");
    struct sil_error e = {0};
    struct config *c = mem_array(mem_libc(), 1, sizeof *c);
    sil_err err = c ? prepare_and_serve(&o, c, &e) : err_nomem(&e, "settings", sizeof *c);
    drop_config(c);
    return err == SIL_OK ? 0 : cmd_fail("serve", &e);
}
