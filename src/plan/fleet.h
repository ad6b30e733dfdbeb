/* fleet: the GPUs of a design, the services on them, and what they serve and draw in one step of the year.
 *
 * fleet_build turns a configuration into tables (one surface per service, see surface.h); fleet_step is then a look-up
 * per service: demand of the step -> replicas by priority -> power, and when the power would exceed `limit_w`, less
 * work by priority (training and batch first, then slower clocks, then requests refused) until it fits.
 *
 * Units: W, s, requests/s, tokens/s, GPUs. Power is IT power: at the input of the servers, switches and storage, after
 * the distribution losses and before cooling (those belong to the electrical and the cooling model).
 * Threads: a built fleet is read-only; the state belongs to one scenario. fleet_step does not allocate. */
#ifndef SIL_PLAN_FLEET_H
#define SIL_PLAN_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "plan/hw.h"
#include "plan/llm.h"
#include "plan/roof.h"
#include "plan/surface.h"
#include "plan/var.h"
#include "sillok.h"

enum {
    FLEET_POOLS_MAX = 4,
    FLEET_SERVICES_MAX = 12, /* PLAN_SERVICES_MAX of series.h */
};

/* One kind of system in the halls; an element of the list "pools". */
struct fleet_pool {
    char name[PLAN_TEXT_MAX];
    int hardware;            /* index into hw_systems; hw_n_systems: `own` below */
    struct hw_system own;    /* hardware custom: figures given in the file */
    int64_t gpus;            /* installed at full build, spares included; 0: as many as the contract allows (formula) */
    double power_share;      /* of the contract, for the formula */
    double draw_w;           /* measured system draw per GPU at the design point; NAN: from the power model */
    double oversubscription; /* of the measured draw, in the formula */
    double network_w;        /* switches and optics per GPU */
    double storage_w;        /* storage and management per GPU */
    double cpu_w;            /* separate CPU nodes per GPU */
    double spare_share;      /* of the GPUs bought, kept unpowered */
    double failure_per_year; /* of a GPU: hardware out of service */
    double repair_s;         /* until it is back */
    double idle_off_share;   /* of idle systems, switched off rather than left idle */
};

enum fleet_kind { FLEET_CHAT, FLEET_CODE, FLEET_BATCH, FLEET_IMAGES, FLEET_TRAINING };

/* An element of the list "services". Numbers that are NAN take the value of their kind in fleet_resolve. */
struct fleet_service {
    char name[PLAN_TEXT_MAX];
    int kind;                           /* enum fleet_kind */
    int model;                          /* index into llm_models */
    char pool[PLAN_TEXT_MAX];           /* name of a pool; empty: the first */
    int precision;                      /* enum fleet_precision below */
    int64_t replica_gpus;               /* 0: chosen for throughput within the service level */
    int64_t priority;                   /* 1 is served first; batch and training come after every interactive service */
    double input_tokens, output_tokens; /* means per request */
    double input_cv2, output_cv2;       /* squared coefficients of variation */
    double long_input_tokens, long_output_tokens; /* the long class; NAN: no mix */
    double long_share;                            /* of the requests */
    char trace[PLAN_TEXT_MAX];                    /* a file whose lengths and gaps stand instead of the figures above */
    double prefix_hit;                            /* share of input tokens found in the prefix cache */
    double arrival_cv2; /* burstiness inside a step: squared coefficient of variation of the gaps; 1 is Poisson */
    double ttft_s, tpot_s, quantile; /* service level: both hold for this share of the requests */
    double prompt_budget;            /* tokens of prompts that a step takes in */
    double max_batch;                /* sequences per replica that the engine takes */
    /* Demand: the busiest hour of a year with demand scale 1, either as requests/s or as the share of the pool's GPUs
     * that it needs (used when peak_rate is NAN). Training: the share of the GPUs that it holds. */
    double peak_rate, gpu_share;
    double growth;                                      /* per year, on top of the ramp */
    int profile;                                        /* enum fleet_profile: shape of the day */
    double hours[24];                                   /* profile custom: weight of each hour, local time */
    double weekend;                                     /* Saturdays, Sundays and holidays, of a weekday */
    double months[12];                                  /* weight of each month */
    double deadline_s;                                  /* batch: finished within */
    double image_flop;                                  /* images: work per image, FLOP */
    double image_mfu;                                   /* of the bf16 peak */
    double mfu;                                         /* training: model FLOP utilisation */
    double training_power;                              /* of the GPU's limit while it trains */
    int64_t job_gpus;                                   /* training: GPUs of one job */
    double checkpoint_s, restart_s, interruption_per_s; /* training; the rate per GPU */
    double price_input, price_output;                   /* USD per million tokens; for the finance model */
    double price_image;                                 /* USD */
    double price_gpu_hour;                              /* USD; training */
};

enum fleet_precision { FLEET_AUTO, FLEET_BF16, FLEET_FP8, FLEET_FP4 }; /* auto: the lowest that the hardware has */
enum fleet_profile { FLEET_BY_KIND, FLEET_CONSUMER, FLEET_OFFICE, FLEET_FLAT, FLEET_NIGHT, FLEET_CUSTOM };

struct fleet_config {
    uint32_t n_pools, n_services;
    struct fleet_pool pools[FLEET_POOLS_MAX];
    struct fleet_service services[FLEET_SERVICES_MAX];
    double shared_replicas; /* images: GPUs behind one queue */
    double headroom;  /* replicas held over what the service level needs at the step's mean rate: 0.1 is 10 % more */
    double speed_min; /* lowest clock under a power cap, of the highest */
    struct roof_factors roof; /* `compute` and `activation` are starting points of the calibration (calib.h) */
    struct hw_power power;
};

extern const struct plan_group fleet_group;

struct fleet; /* built tables; read-only */

/* Writes the values of its kind into every service number that is NAN (lengths, level, demand shape), so that a table
 * of assumptions shows what is used. fleet_build does it on a copy. */
void fleet_resolve(struct fleet_config *c);

/* Lengths and burstiness of a service from a trace in the format of trace.h at `path` (already made absolute or
 * relative to the working folder). Errors as trace_read, with the path in front. */
sil_err fleet_take_trace(struct fleet_service *s, const char *path, struct mem mem, struct sil_error *e);

/* Builds the tables. `contract_w` and `design_pue` (facility power / IT power in the design hour) are for pools whose
 * GPU count comes from the formula. SIL_ARG with the path of the variable in words when a service level cannot be
 * reached, a model does not fit, a pool is unknown; SIL_NOMEM. *out is the caller's, fleet_free gives it back. */
sil_err fleet_build(const struct fleet_config *c, double contract_w, double design_pue, struct mem mem,
                    struct fleet **out, struct sil_error *e);
void fleet_free(struct fleet *f);

/* One step. */
struct fleet_in {
    double dt_s;
    int month;                      /* 0 .. 11 */
    bool rest_day;                  /* Saturday, Sunday or holiday */
    double hour;                    /* local time at the middle of the step, [0, 24) */
    double years;                   /* since the start of operation, for growth */
    double ramp;                    /* commissioning/adoption ramp: 1 is full demand */
    double online[FLEET_POOLS_MAX]; /* share of each pool's GPUs delivered and commissioned, 0 .. 1 */
    double limit_w;                 /* IT power that may be drawn; INFINITY: no limit */
    double deferrable; /* share of the batch and training work that the dispatcher lets run, 0 .. 1; usually 1 */
};

struct fleet_service_out {
    double offered; /* requests/s (training: FLOP/s wanted / FLOP/s of one GPU) */
    double served;  /* requests/s */
    double refused; /* requests/s lost: no GPU or no power. Deferred batch work is not lost but in the backlog */
    double in_tokens, out_tokens;                  /* tokens/s served */
    double slo;                                    /* share of the offered requests served within the service level */
    double ttft_p50, ttft_p99, tpot_p50, tpot_p99; /* s; 0 when nothing is served */
    double gpus;                                   /* held */
    double util;                                   /* share of time in which they compute */
    double power_w;                                /* of these GPUs with their hosts */
    double speed;                                  /* clock under the cap, 1 is uncapped */
    double backlog;                                /* batch: requests waiting at the end of the step */
};

struct fleet_out {
    double it_w;     /* never above limit_w unless min_w is */
    double wanted_w; /* without limit_w */
    double min_w;    /* with everything switched off that can be: network and storage */
    double idle_w;   /* of it_w: powered GPUs without work */
    double gpus_online, gpus_used, gpus_idle, gpus_off;
    double util; /* GPU time computing / GPU time online */
    bool capped;
    struct fleet_service_out service[FLEET_SERVICES_MAX]; /* those of the design are set, no others */
};

struct fleet_state {
    double backlog[FLEET_SERVICES_MAX];    /* batch: requests */
    double training_s[FLEET_SERVICES_MAX]; /* GPU-seconds of useful training so far */
};

void fleet_start(struct fleet_state *s); /* zeroes */

/* Pure function of its arguments, but for the state, which it advances by dt_s. With `state` NULL nothing is advanced
 * and the batch backlog counts as empty. */
void fleet_step(const struct fleet *f, struct fleet_state *state, const struct fleet_in *in, struct fleet_out *out);

/* ---- facts of a built fleet, for results and reports ---- */

struct fleet_pool_facts {
    const struct hw_system *hw;
    double gpus;         /* bought */
    double spares;       /* of them kept unpowered */
    double available;    /* mean share of the powered GPUs that are not in repair */
    double formula_gpus; /* what the contract allows: contract / PUE / (draw x oversubscription + network + storage +
                            CPU) - spares */
    double draw_w;       /* system draw per GPU at the design point */
    double idle_w;       /* idle system draw per GPU */
    double nameplate_w;  /* system nameplate per GPU */
};

struct fleet_service_facts {
    const struct llm_model *model;
    const char *precision; /* "fp8" */
    int pool;              /* index */
    double replica_gpus;
    double replica_rate;       /* requests/s per replica within the service level */
    double replica_tokens;     /* output tokens/s per GPU at that rate */
    double peak_rate;          /* requests/s of the busiest hour */
    double peak_gpus;          /* GPUs that it needs */
    double batch_limit;        /* sequences per replica by HBM and engine */
    double ttft_min, tpot_min; /* s, an empty replica */
    double joules_per_token;   /* system energy per output token at that rate */
    double training_goodput;   /* training: useful share of the time */
};

void fleet_pool_at(const struct fleet *f, uint32_t pool, struct fleet_pool_facts *out);
void fleet_service_at(const struct fleet *f, uint32_t service, struct fleet_service_facts *out);

/* IT power (W) with every online GPU idle, and with every one at its busiest; `online` as in fleet_in. */
void fleet_power_range(const struct fleet *f, const double online[FLEET_POOLS_MAX], double *idle_w, double *peak_w);

/* contract / PUE / (draw x oversubscription + network + storage + CPU), whole systems, less the spares.
 * All W per GPU; `system` GPUs per system. Returns whole GPUs, 0 when not even one system fits. */
double fleet_gpu_count(double contract_w, double pue, double draw_w, double oversubscription, double extra_w,
                       double spare_share, double system);

#endif
