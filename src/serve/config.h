/* config: every setting of the server, with its default and range. Read from YAML by config_read, which knows the line
 * and column of each mistake; `sillok serve MODEL` without a file uses config_default and the command line.
 * Immutable once read; SIGHUP reads a new one, of which keys, rates, transcript, log level and certificates are taken
 * over (what needs a restart is named in the log). */
#ifndef SIL_SERVE_CONFIG_H
#define SIL_SERVE_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "serve/caller.h"
#include "serve/log.h"
#include "sillok.h"

enum { CONFIG_MODELS_MAX = 64, CONFIG_LISTEN_MAX = 8, CONFIG_ALIASES_MAX = 8, CONFIG_BYTES_MAX = 1 << 20 };

/* Where in the file something stands; line 0: it did not come from a file. */
struct config_place {
    uint32_t line, column;
};

struct config_listen {
    const char *address;            /* "127.0.0.1", "::1", "0.0.0.0"; NULL for a Unix socket */
    uint16_t port;                  /* 0: any free one */
    const char *path;               /* Unix socket; NULL for TCP */
    uint32_t mode;                  /* of the socket's file, octal 0660 */
    const char *tls_cert, *tls_key; /* PEM files, both or none */
    struct config_place place;
};

struct config_model {
    const char *name; /* as clients call it */
    const char *aliases[CONFIG_ALIASES_MAX];
    uint32_t n_aliases;
    const char *path;  /* GGUF */
    bool load;         /* at the start: true; otherwise an administrator loads it when it is wanted */
    uint32_t ctx;      /* 0: the model's, at most 4096 */
    uint32_t sessions; /* answers that run at once, each with a full context's memory; 0: 16 */
    uint32_t batch;    /* tokens of a step; 0: 256 */
    uint64_t kv_bytes; /* instead of sessions: memory for keys and values; 0: from sessions */
    enum sil_kv kv;
    struct sil_sampling sampling;        /* defaults where the client says nothing; OpenAI's: temperature 1, top_p 1 */
    uint32_t max_tokens;                 /* of an answer, when the client says nothing; 0: what the context leaves */
    uint32_t speculate;                  /* guesses ahead in a step, 0 to 15: speed only */
    const char *think_begin, *think_end; /* marks of reasoning, "<think>" and "</think>"; NULL: none */
    struct config_place place;
};

struct config_limits {
    uint32_t connections;    /* 4096 */
    uint32_t header_bytes;   /* 32 KiB */
    uint64_t body_bytes;     /* 16 MiB */
    uint32_t header_ms;      /* from the first byte to the end of the head: 10 s */
    uint32_t body_ms;        /* from there to the end of the body: 60 s */
    uint32_t idle_ms;        /* between requests, and without a byte read by a client that is sent something: 75 s */
    uint32_t request_ms;     /* the longest that an answer may take, queueing included; 0: no limit. 10 min */
    uint32_t drain_ms;       /* after SIGTERM: 30 s (shutdown_timeout) */
    uint32_t plan_ms;        /* the longest run of the planner: 20 s (plan_timeout) */
    uint32_t report_ms;      /* the longest one for a report, whose variables are varied one by one: 120 s */
    uint32_t waiting;        /* requests queued, all tenants together: 1024 */
    uint32_t waiting_tenant; /* and of one tenant: 256 */
    uint32_t choices;        /* n times prompts in one request: 16 */
};

/* Limits of a tenant that has no others in its row; 0: none. */
struct config_rates {
    uint64_t requests_minute, tokens_minute, tokens_day;
    uint32_t concurrent;
};

struct config {
    struct arena arena; /* owns all texts; empty for config_default */
    const char *file;   /* that it was read from; NULL: none */

    struct config_listen listen[CONFIG_LISTEN_MAX];
    uint32_t n_listen;
    struct config_model models[CONFIG_MODELS_MAX];
    uint32_t n_models;
    uint64_t memory_bytes; /* budget for all models, KV included; 0: no check */
    const char *cpu;       /* kernels; NULL: native */
    uint32_t threads;      /* of the engine; 0: what the process may use */
    uint32_t http_threads; /* 2 */
    uint32_t workers;      /* threads that parse and tokenize: 2 */

    struct config_limits limits;
    struct config_rates rates;

    const char *state;                 /* directory: keys.db, ledger/; "sillok-state" */
    const char *origin;                /* name of the log in its checkpoints: "sillok.local/log" */
    enum caller_transcript transcript; /* where a tenant says nothing: ids */
    bool receipts;                     /* each answer carries its receipt, not its entry's index alone: true */

    bool keys;               /* ask for keys: true */
    const char *cors_origin; /* NULL: no CORS headers at all */
    bool vllm_metrics;       /* /metrics also under vLLM's names: true */
    bool metrics_open;       /* /metrics without a key: false */
    bool sandbox;            /* seccomp and Landlock: true */
    double watts_max;        /* power budget for the scheduler; 0: none */
    enum log_level log_level;
};

/* The defaults above: 127.0.0.1:8080, no model. */
void config_default(struct config *c);
/* Those of one model, which has no name and no path yet. */
void config_model_default(struct config_model *m);
/* Reads a YAML file over the defaults; *c is overwritten, not freed. Paths in it are relative to the file's folder.
 * Errors name file, line, column and what would be right; *c then holds the defaults. */
sil_err config_read(const char *path, struct config *c, struct sil_error *e);
/* The same of a text; name is what errors call it, and its folder. */
sil_err config_parse(struct mem mem, struct str yaml, const char *name, struct config *c, struct sil_error *e);
/* What the server checks whether it came from a file or from arguments: ranges, names given twice, files that are
 * there. Errors name the place in the file where there is one. */
sil_err config_check(const struct config *c, struct sil_error *e);
void config_free(struct config *c);

/* Appends the keys of settings that differ and that a running server does not take over ("models, limits"), joined by
 * ", "; nothing when there are none. */
sil_err config_changes(const struct config *a, const struct config *b, struct buf *out);

#endif
