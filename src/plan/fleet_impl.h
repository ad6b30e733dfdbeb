/* fleet_impl: the built tables, shared by fleet.c (building) and fleet_step.c (the step). Private to them. */
#ifndef SIL_PLAN_FLEET_IMPL_H
#define SIL_PLAN_FLEET_IMPL_H

#include "plan/fleet.h"
#include "plan/train.h"

struct fleet_pool_built {
    struct hw_system own; /* facts.hw points here for custom hardware: a built fleet is not copied */
    struct fleet_pool_facts facts;
    double powered;   /* GPUs with power when all is delivered: bought less spares */
    double fixed_w;   /* network, storage, CPU nodes per powered GPU */
    double off_share; /* of idle GPUs */
    double peak_w;    /* per GPU at the busiest service */
};

struct fleet_service_built {
    int kind, pool;
    double replica_gpus, rate; /* requests/s of a replica within the level */
    double growth;
    double need;         /* replicas per request/s: (1 + headroom) / rate */
    double per_replica;  /* 1 / replica_gpus */
    double hour[25];     /* demand at the middle of each hour, of the busiest = 1; [24] = [0] */
    double level[2][12]; /* busiest hour of weekdays and days of rest by month, 1/s */
    double input, output, quantile, deadline_s;
    double gpu_share, goodput, flop_share; /* training: useful FLOP of a GPU over its bf16 peak */
    double tokens_per_gpu;                 /* training: tokens per GPU-second of useful work */
    double gpu_w;                          /* training: system power per GPU */
    struct fleet_service_facts facts;
    struct surface surface; /* training: power and use of one GPU in its first two points */
};

struct fleet {
    struct mem mem;
    uint32_t n_pools, n_services;
    uint32_t order[FLEET_SERVICES_MAX]; /* as they are given GPUs: interactive by priority, then batch and training */
    double headroom, speed_min;
    struct fleet_pool_built pool[FLEET_POOLS_MAX];
    struct fleet_service_built service[FLEET_SERVICES_MAX];
};

/* Work that can wait. */
static inline bool fleet_defers(int kind) {
    return kind == FLEET_BATCH || kind == FLEET_TRAINING;
}

#endif
