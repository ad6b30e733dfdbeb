/* The declared variables of the fleet: pools of systems, services, factors of the rooflines and of power. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "plan/fleet.h"

#define POOL(field)    .offset = offsetof(struct fleet_pool, field)
#define OWN(field)     .offset = offsetof(struct fleet_pool, own.field)
#define SERVICE(field) .offset = offsetof(struct fleet_service, field)
#define FLEET(field)   .offset = offsetof(struct fleet_config, field)
#define CUSTOM         .def = NAN, .required_if = "hardware=custom", .source = "declared in the design"
#define BY_KIND        .def = NAN

/* clang-format off */
static const struct plan_var pool_vars[] = {
    {.path = "name", .kind = PLAN_TEXT, .text_def = "main", POOL(name), .help_en = "name", .help_ko = "이름"},
    {.path = "hardware", .kind = PLAN_CHOICE,
     .choices = HW_NAMES "|custom", .text_def = "gb300-nvl72",
     POOL(hardware), .help_en = "kind of system", .help_ko = "시스템 종류"},
    {.path = "gpus", .kind = PLAN_INT, .unit = "GPUs", .lo = 0, .hi = 2e6, .def = 0, POOL(gpus),
     .source = "0: as many as the contract allows", .help_en = "GPUs installed, spares included (0: by the formula)",
     .help_ko = "설치 GPU 수(예비 포함, 0: 공식으로)"},
    {.path = "power_share", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 100, .def = 100, POOL(power_share),
     .help_en = "share of the contract for this pool, in the formula",
     .help_ko = "공식에서 이 풀이 쓰는 계약전력 비율"},
    {.path = "draw", .kind = PLAN_NUM, .unit = "W", .lo = 10, .hi = 10000, .def = NAN, POOL(draw_w),
     .source = "power model at the busiest service, unless measured", .help_en = "measured system draw per GPU",
     .help_ko = "GPU당 실측 시스템 전력"},
    {.path = "oversubscription", .kind = PLAN_NUM, .lo = .5, .hi = 1.5, .def = 1, .low = .9, .high = 1.1,
     POOL(oversubscription), .source = "assumption: 1, no diversity between racks counted on",
     .help_en = "factor on the measured draw in the GPU formula", .help_ko = "GPU 공식의 실측 전력 배율"},
    {.path = "network", .kind = PLAN_NUM, .unit = "W", .lo = 0, .hi = 1000, .def = 110, .low = 60, .high = 160,
     POOL(network_w), .source = "assumption: two 400 or 800 Gb/s ports with optics and their part of leaf and spine",
     .help_en = "switches and optics per GPU", .help_ko = "GPU당 네트워크 전력"},
    {.path = "storage", .kind = PLAN_NUM, .unit = "W", .lo = 0, .hi = 500, .def = 40, .low = 15, .high = 70,
     POOL(storage_w), .source = "assumption: flash storage and management, a fiftieth of the systems",
     .help_en = "storage and management per GPU", .help_ko = "GPU당 저장장치·관리 전력"},
    {.path = "cpu", .kind = PLAN_NUM, .unit = "W", .lo = 0, .hi = 1000, .def = 50, .low = 20, .high = 90,
     POOL(cpu_w), .source = "assumption: one 800 W front-end node per 16 GPUs",
     .help_en = "separate CPU nodes per GPU", .help_ko = "GPU당 CPU 노드 전력"},
    {.path = "spares", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 50, .def = 2, .low = 1, .high = 5,
     POOL(spare_share), .source = "assumption: one system in fifty", .help_en = "GPUs kept unpowered as spares",
     .help_ko = "전원을 켜지 않는 예비 GPU"},
    {.path = "failures", .kind = PLAN_NUM, .unit = "%/year", .lo = 0, .hi = 100, .def = 5, .low = 2, .high = 9,
     POOL(failure_per_year),
     .source = "assumption: hardware out of service per GPU and year (not the job interruptions of training)",
     .help_en = "hardware failures per GPU", .help_ko = "GPU당 하드웨어 고장률"},
    {.path = "repair", .kind = PLAN_NUM, .unit = "h", .lo = 0, .hi = 8760, .def = 72, .low = 24, .high = 336,
     POOL(repair_s), .source = "assumption: exchange from spares on site within three days",
     .help_en = "time until a failed system is back", .help_ko = "고장 복구 시간"},
    {.path = "idle_off", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 100, .def = 0, POOL(idle_off_share),
     .source = "assumption: idle systems stay on", .help_en = "idle systems switched off",
     .help_ko = "끄는 유휴 시스템 비율"},
    {.path = "bf16", .kind = PLAN_NUM, .unit = "PFLOP/s", .lo = .01, .hi = 100, CUSTOM, OWN(flops[HW_BF16]),
     .help_en = "custom: dense bf16 peak per GPU", .help_ko = "사용자 정의: bf16 최대 성능"},
    {.path = "fp8", .kind = PLAN_NUM, .unit = "PFLOP/s", .lo = 0, .hi = 200, .def = 0, OWN(flops[HW_FP8]),
     .help_en = "custom: dense fp8 peak per GPU (0: none)", .help_ko = "사용자 정의: fp8 최대 성능"},
    {.path = "fp4", .kind = PLAN_NUM, .unit = "PFLOP/s", .lo = 0, .hi = 400, .def = 0, OWN(flops[HW_FP4]),
     .help_en = "custom: dense fp4 peak per GPU (0: none)", .help_ko = "사용자 정의: fp4 최대 성능"},
    {.path = "hbm", .kind = PLAN_NUM, .unit = "GB", .lo = 8, .hi = 4096, CUSTOM, OWN(hbm_bytes),
     .help_en = "custom: HBM per GPU", .help_ko = "사용자 정의: GPU당 HBM"},
    {.path = "hbm_rate", .kind = PLAN_NUM, .unit = "TB/s", .lo = .1, .hi = 100, CUSTOM, OWN(hbm_rate),
     .help_en = "custom: HBM bandwidth per GPU", .help_ko = "사용자 정의: HBM 대역폭"},
    {.path = "gpu_power", .kind = PLAN_NUM, .unit = "W", .lo = 50, .hi = 10000, CUSTOM, OWN(gpu_w),
     .help_en = "custom: board power limit", .help_ko = "사용자 정의: GPU 전력 한도"},
    {.path = "system_gpus", .kind = PLAN_NUM, .unit = "GPUs", .lo = 1, .hi = 1024, CUSTOM, OWN(gpus),
     .help_en = "custom: GPUs per system", .help_ko = "사용자 정의: 시스템당 GPU"},
    {.path = "system_power", .kind = PLAN_NUM, .unit = "kW", .lo = .05, .hi = 1000, CUSTOM, OWN(system_w),
     .help_en = "custom: nameplate of a system", .help_ko = "사용자 정의: 시스템 정격 전력"},
    {.path = "link", .kind = PLAN_NUM, .unit = "TB/s", .lo = .01, .hi = 20, CUSTOM, OWN(link_rate),
     .help_en = "custom: GPU-to-GPU links, both directions", .help_ko = "사용자 정의: GPU 연결 대역폭"},
    {.path = "domain", .kind = PLAN_NUM, .unit = "GPUs", .lo = 1, .hi = 1024, .def = 8, OWN(domain),
     .help_en = "custom: GPUs joined by these links", .help_ko = "사용자 정의: 연결 영역의 GPU 수"},
    {.path = "liquid", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 100, .def = 0, OWN(liquid_share),
     .help_en = "custom: heat to the liquid loop", .help_ko = "사용자 정의: 액체 냉각 비율"},
    {.path = "price", .kind = PLAN_NUM, .unit = "USD", .lo = 0, .hi = 1e6, .def = 0, OWN(price_usd),
     .help_en = "custom: price per GPU with its share of the system", .help_ko = "사용자 정의: GPU당 가격"},
};
/* clang-format on */

static const double flat_hours[24] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* clang-format off */
static const struct plan_var service_vars[] = {
    {.path = "name", .kind = PLAN_TEXT, .required_if = "always", SERVICE(name), .help_en = "name",
     .help_ko = "이름"},
    {.path = "kind", .kind = PLAN_CHOICE, .choices = "chat|code|batch|images|training", .required_if = "always",
     SERVICE(kind), .help_en = "kind of work", .help_ko = "업무 종류"},
    {.path = "model", .kind = PLAN_CHOICE,
     .choices = LLM_NAMES,
     .text_def = "llama3.3-70b", SERVICE(model), .help_en = "language model", .help_ko = "언어 모델"},
    {.path = "pool", .kind = PLAN_TEXT, SERVICE(pool), .help_en = "pool of GPUs (empty: the first)",
     .help_ko = "GPU 풀(비우면 첫째)"},
    {.path = "precision", .kind = PLAN_CHOICE, .choices = "auto|bf16|fp8|fp4", SERVICE(precision),
     .source = "auto: the narrowest format of the hardware; training bf16",
     .help_en = "number format of weights and products", .help_ko = "가중치·연산 정밀도"},
    {.path = "replica_gpus", .kind = PLAN_INT, .unit = "GPUs", .lo = 0, .hi = 1024, .def = 0,
     SERVICE(replica_gpus), .source = "0: the size with the most tokens per GPU within the level",
     .help_en = "GPUs of a replica", .help_ko = "복제본당 GPU"},
    {.path = "priority", .kind = PLAN_INT, .lo = 1, .hi = 100, .def = 10, SERVICE(priority),
     .help_en = "1 is served first; batch and training always last",
     .help_ko = "우선순위(1이 먼저, 일괄·학습은 항상 나중)"},
    {.path = "input_tokens", .kind = PLAN_NUM, .unit = "tokens", .lo = 1, .hi = 1e6, BY_KIND, SERVICE(input_tokens),
     .source = "by kind; chat 1,155 and code 2,048 are the means of the Azure 2023 traces",
     .help_en = "prompt, mean", .help_ko = "입력 토큰 평균"},
    {.path = "output_tokens", .kind = PLAN_NUM, .unit = "tokens", .lo = 1, .hi = 1e6, BY_KIND,
     SERVICE(output_tokens), .source = "by kind; chat 211 and code 28 are the means of the Azure 2023 traces",
     .help_en = "answer, mean", .help_ko = "출력 토큰 평균"},
    {.path = "input_cv2", .kind = PLAN_NUM, .lo = 0, .hi = 20, BY_KIND, SERVICE(input_cv2),
     .source = "by kind, from the Azure 2023 traces", .help_en = "prompt: squared coefficient of variation",
     .help_ko = "입력 길이의 제곱 변동계수"},
    {.path = "output_cv2", .kind = PLAN_NUM, .lo = 0, .hi = 20, BY_KIND, SERVICE(output_cv2),
     .source = "by kind, from the Azure 2023 traces", .help_en = "answer: squared coefficient of variation",
     .help_ko = "출력 길이의 제곱 변동계수"},
    {.path = "long_input_tokens", .kind = PLAN_NUM, .unit = "tokens", .lo = 0, .hi = 1e6, .def = 0,
     SERVICE(long_input_tokens), .help_en = "prompt of the long class (0: none)",
     .help_ko = "긴 요청의 입력 토큰(0: 없음)"},
    {.path = "long_output_tokens", .kind = PLAN_NUM, .unit = "tokens", .lo = 0, .hi = 1e6, .def = 0,
     SERVICE(long_output_tokens), .help_en = "answer of the long class", .help_ko = "긴 요청의 출력 토큰"},
    {.path = "long_share", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 100, .def = 0, SERVICE(long_share),
     .help_en = "share of the long class", .help_ko = "긴 요청의 비율"},
    {.path = "prefix_hit", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 99, .def = 0, SERVICE(prefix_hit),
     .source = "assumption: no reuse; conversations with a shared system prompt reach 30 to 60 %",
     .help_en = "prompt tokens found in the prefix cache", .help_ko = "접두 캐시 적중 비율"},
    {.path = "burstiness", .kind = PLAN_NUM, .lo = 0, .hi = 200, BY_KIND, SERVICE(arrival_cv2),
     .source = "by kind: 1.2 for chat (Azure 2023, requests in a second); 2 for code, whose trace has 13 in one cluster: "
               "assumed that many sources even out",
     .help_en = "burstiness: variance over mean of the requests in a second",
     .help_ko = "초당 요청 수의 분산/평균"},
    {.path = "ttft", .kind = PLAN_NUM, .unit = "s", .lo = .001, .hi = 3600, BY_KIND, SERVICE(ttft_s),
     .source = "by kind: 2 s for chat (MLPerf server level), 1 s for code, 20 s for an image (MLPerf SDXL)",
     .help_en = "service level: time to first token (image: whole)", .help_ko = "서비스 수준: 첫 토큰 시간"},
    {.path = "tpot", .kind = PLAN_NUM, .unit = "ms", .lo = .1, .hi = 60000, BY_KIND, SERVICE(tpot_s),
     .source = "by kind: 50 ms for chat (20 tokens/s, above reading speed), 60 ms for code (short answers)",
     .help_en = "service level: time per output token", .help_ko = "서비스 수준: 출력 토큰당 시간"},
    {.path = "quantile", .kind = PLAN_NUM, .unit = "%", .lo = 50, .hi = 99.9, .def = 99, SERVICE(quantile),
     .source = "MLPerf Inference: 99 %", .help_en = "share of requests that must meet it",
     .help_ko = "충족해야 할 요청 비율"},
    {.path = "trace", .kind = PLAN_PATH, SERVICE(trace), .source = "Azure LLM inference trace format (CSV)",
     .help_en = "take lengths and burstiness from this trace", .help_ko = "길이와 요청 간격을 가져올 추적 파일"},
    {.path = "prompt_budget", .kind = PLAN_NUM, .unit = "tokens", .lo = 16, .hi = 1e6, .def = 2048, .low = 1024, .high = 8192,
     SERVICE(prompt_budget), .source = "chunked prefill of common engines: 2,048 to 8,192",
     .help_en = "tokens of prompts that a step takes in", .help_ko = "스텝당 프롬프트 토큰 한도"},
    {.path = "max_batch", .kind = PLAN_NUM, .lo = 1, .hi = 16384, .def = 1024, SERVICE(max_batch),
     .source = "common engine settings", .help_en = "sequences per replica at most",
     .help_ko = "복제본당 최대 동시 요청"},
    {.path = "peak_rate", .kind = PLAN_NUM, .unit = "requests/s", .lo = 0, .hi = 1e7, .def = NAN, SERVICE(peak_rate),
     .help_en = "demand in the busiest hour (else by gpu_share)", .help_ko = "최번시 수요(없으면 gpu_share로)"},
    {.path = "gpu_share", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 100, BY_KIND, .low = 0, .high = 0,
     SERVICE(gpu_share), .source = "by kind: chat 45, code 15, batch 10, images 2, training 20",
     .help_en = "share of the pool that the busiest hour needs (training: holds)",
     .help_ko = "최번시에 필요한 풀 비율(학습: 점유)"},
    {.path = "growth", .kind = PLAN_NUM, .unit = "%/year", .lo = -90, .hi = 300, .def = 0, SERVICE(growth),
     .source = "assumption: none beyond the ramp", .help_en = "growth of demand", .help_ko = "수요 증가율"},
    {.path = "profile", .kind = PLAN_CHOICE, .choices = "by-kind|consumer|office|flat|night|custom",
     SERVICE(profile), .source = "assumption: consumer peaks at 21 h, office at 10 and 15 h",
     .help_en = "shape of the day", .help_ko = "하루 수요 형태"},
    {.path = "hours", .kind = PLAN_NUMS, .n = 24, .defs = flat_hours, .lo = 0, .hi = 1000, SERVICE(hours),
     .required_if = "profile=custom", .help_en = "weights of the hours, local time", .help_ko = "시간별 가중치"},
    {.path = "weekend", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 500, BY_KIND, SERVICE(weekend),
     .source = "by kind; assumption: chat 85, code 30, batch 100, images 110 % of a weekday",
     .help_en = "Saturdays, Sundays and holidays, of a weekday", .help_ko = "주말·공휴일 수요(평일 대비)"},
    {.path = "months", .kind = PLAN_NUMS, .n = 12, .def = 1, .lo = 0, .hi = 100, SERVICE(months),
     .source = "assumption: no season", .help_en = "weights of the months", .help_ko = "월별 가중치"},
    {.path = "deadline", .kind = PLAN_NUM, .unit = "h", .lo = .1, .hi = 8760, .def = 24, SERVICE(deadline_s),
     .source = "batch interfaces of model providers: 24 h", .help_en = "batch: finished within",
     .help_ko = "일괄: 완료 기한"},
    {.path = "image_work", .kind = PLAN_NUM, .unit = "TFLOP", .lo = .1, .hi = 1e6, .def = 3100, .low = 364,
     .high = 6000, SERVICE(image_flop), .source = "12e9 weights (FLUX.1 class): 2 x 12e9 x 4,608 tokens x 28 steps; SDXL with 30 steps is 364",
     .help_en = "images: work per image", .help_ko = "이미지당 연산"},
    {.path = "image_mfu", .kind = PLAN_NUM, .unit = "%", .lo = 1, .hi = 95, .def = 40, .low = 30, .high = 55,
     SERVICE(image_mfu), .source = "assumption: of the bf16 peak; MLPerf SDXL submissions reach some 50",
     .help_en = "images: share of the peak", .help_ko = "이미지 생성 연산 효율"},
    {.path = "mfu", .kind = PLAN_NUM, .unit = "%", .lo = 1, .hi = 90, .def = 40, .low = 38, .high = 43, SERVICE(mfu),
     .source = "Llama 3 paper: 38 to 43 % (bf16)", .help_en = "training: model FLOP utilisation",
     .help_ko = "학습 연산 효율(MFU)"},
    {.path = "training_power", .kind = PLAN_NUM, .unit = "%", .lo = 10, .hi = 100, .def = 88, .low = 75, .high = 95,
     SERVICE(training_power), .source = "8 x H100 in training draw 76 % of 10.2 kW (arXiv 2506.14551), less the host",
     .help_en = "training: mean GPU power, of its limit", .help_ko = "학습 중 GPU 전력(한도 대비)"},
    {.path = "job_gpus", .kind = PLAN_INT, .unit = "GPUs", .lo = 1, .hi = 1e6, .def = 4096, SERVICE(job_gpus),
     .source = "assumption", .help_en = "training: GPUs of one job", .help_ko = "학습 작업당 GPU"},
    {.path = "checkpoint", .kind = PLAN_NUM, .unit = "s", .lo = 0, .hi = 86400, .def = 30, .low = 5, .high = 120,
     SERVICE(checkpoint_s), .source = "assumption: blocking part of a sharded checkpoint",
     .help_en = "training: time of a checkpoint", .help_ko = "체크포인트 시간"},
    {.path = "restart", .kind = PLAN_NUM, .unit = "min", .lo = 0, .hi = 10080, .def = 10, .low = 5, .high = 30,
     SERVICE(restart_s), .source = "assumption", .help_en = "training: time to restart after an interruption",
     .help_ko = "중단 후 재시작 시간"},
    {.path = "interruptions", .kind = PLAN_NUM, .unit = "1/GPU-hour", .lo = 0, .hi = .01, .def = 1.97e-5,
     .low = 1e-5, .high = 4e-5, SERVICE(interruption_per_s),
     .source = "Llama 3 paper: 419 in 54 days of 16,384 GPUs (job interruptions, 59 % GPU-related)",
     .help_en = "training: job interruptions", .help_ko = "학습 중단율"},
    {.path = "price_input", .kind = PLAN_NUM, .unit = "USD/Mtoken", .lo = 0, .hi = 1000, .def = .2, .low = .1,
     .high = .6, SERVICE(price_input),
     .source = "hosted Llama 3.3 70B at the end of 2025: 0.10 to 0.90, uncertain",
     .help_en = "price of prompt tokens", .help_ko = "입력 토큰 가격"},
    {.path = "price_output", .kind = PLAN_NUM, .unit = "USD/Mtoken", .lo = 0, .hi = 1000, .def = .5, .low = .3,
     .high = .9, SERVICE(price_output),
     .source = "hosted Llama 3.3 70B at the end of 2025: 0.32 to 0.90, uncertain",
     .help_en = "price of answer tokens", .help_ko = "출력 토큰 가격"},
    {.path = "price_image", .kind = PLAN_NUM, .unit = "USD", .lo = 0, .hi = 100, .def = .01, .low = .005,
     .high = .03, SERVICE(price_image), .source = "hosted image models at the end of 2025: 0.003 (SDXL) to 0.03 (FLUX), uncertain", .help_en = "price of an image",
     .help_ko = "이미지 한 장 가격"},
    {.path = "price_gpu_hour", .kind = PLAN_NUM, .unit = "USD/h", .lo = 0, .hi = 100, .def = 3, .low = 2,
     .high = 4.5, SERVICE(price_gpu_hour), .source = "assumption: on-demand prices mid-2026, uncertain",
     .help_en = "training: price of a GPU-hour", .help_ko = "학습 GPU 시간당 가격"},
};
/* clang-format on */

/* Catalogue rows as constants. */
#define CONSTANT(p, u, value, en, ko)                                                                                  \
    {                                                                                                                  \
        .path = (p), .kind = PLAN_NUM, .unit = (u), .def = (value), .constant = true, .offset = PLAN_NO_FIELD,         \
        .source = "vendor data sheet, dense peaks", .help_en = (en), .help_ko = (ko)                                   \
    }
#define HARDWARE(id, name, title, bf16, fp8, fp4, hbm, rate, gpu, gpus, system, link, domain, liquid, price, lowest,   \
                 highest)                                                                                              \
    CONSTANT("hardware." name ".bf16", "PFLOP/s", bf16, title ": bf16", title ": bf16"),                               \
        CONSTANT("hardware." name ".fp8", "PFLOP/s", fp8, title ": fp8", title ": fp8"),                               \
        CONSTANT("hardware." name ".fp4", "PFLOP/s", fp4, title ": fp4 (0: none)", title ": fp4 (0: 없음)"),           \
        CONSTANT("hardware." name ".hbm", "GB", hbm, title ": HBM", title ": HBM"),                                    \
        CONSTANT("hardware." name ".hbm_rate", "TB/s", rate, title ": HBM bandwidth", title ": HBM 대역폭"),           \
        CONSTANT("hardware." name ".gpu_power", "W", gpu, title ": GPU limit", title ": GPU 전력 한도"),               \
        CONSTANT("hardware." name ".system_gpus", "GPUs", gpus, title ": GPUs", title ": GPU 수"),                     \
        CONSTANT("hardware." name ".system_power", "kW", system, title ": nameplate", title ": 정격 전력"),            \
        CONSTANT("hardware." name ".link", "TB/s", link, title ": NVLink", title ": NVLink"),                          \
        {.path = "hardware." name ".price",                                                                            \
         .kind = PLAN_NUM,                                                                                             \
         .unit = "USD",                                                                                                \
         .def = (price),                                                                                               \
         .low = (lowest),                                                                                              \
         .high = (highest),                                                                                            \
         .constant = true,                                                                                             \
         .offset = PLAN_NO_FIELD,                                                                                      \
         .source = "press, mid-2026, uncertain",                                                                       \
         .help_en = title ": price per GPU",                                                                           \
         .help_ko = title ": GPU당 가격"},

/* clang-format off */
#define SHAPE(p, value, en, ko)                                                                                        \
    {                                                                                                                  \
        .path = (p), .kind = PLAN_NUM, .def = (value), .constant = true, .offset = PLAN_NO_FIELD,                      \
        .source = "the model's public configuration", .help_en = (en), .help_ko = (ko)                                 \
    }
#define MODEL(n, t, l, w, h, kv, d, lat, ap, f, e, k, sh, ef, dl, v, ti, ll, wi)                                       \
    SHAPE("model." n ".layers", l, t ": layers", t ": 층 수"), SHAPE("model." n ".width", w, t ": width", t ": 은닉 폭"),     \
        SHAPE("model." n ".heads", h, t ": heads", t ": 헤드 수"),                                                     \
        SHAPE("model." n ".kv_heads", kv, t ": KV heads", t ": KV 헤드 수"),                                           \
        SHAPE("model." n ".head", d, t ": width of a head", t ": 헤드 폭"),                                            \
        SHAPE("model." n ".latent", lat, t ": latent KV width (0: none)", t ": 잠재 KV 폭(0: 없음)"),                  \
        SHAPE("model." n ".attention", ap, t ": latent attention weights per layer", t ": 층당 잠재 어텐션 가중치"),   \
        SHAPE("model." n ".ffn", f, t ": feed-forward width", t ": FFN 폭"),                                           \
        SHAPE("model." n ".experts", e, t ": experts per layer", t ": 층당 전문가"),                                   \
        SHAPE("model." n ".top", k, t ": experts per token", t ": 토큰당 전문가"),                                     \
        SHAPE("model." n ".shared", sh, t ": shared experts", t ": 공유 전문가"),                                      \
        SHAPE("model." n ".expert_ffn", ef, t ": expert width", t ": 전문가 폭"),                                      \
        SHAPE("model." n ".dense_layers", dl, t ": leading dense layers", t ": 앞쪽 밀집 층"),                         \
        SHAPE("model." n ".vocabulary", v, t ": vocabulary", t ": 어휘 수"),                                           \
        SHAPE("model." n ".tied", ti, t ": tied embeddings", t ": 임베딩 공유"),                                       \
        SHAPE("model." n ".local_layers", ll, t ": layers with a window", t ": 국소 어텐션 층"),                       \
        SHAPE("model." n ".window", wi, t ": window", t ": 창 길이"),

/* What a service of each kind is without figures of its own: prompt and answer, their squared coefficients of variation,
 * burstiness, level (s), share of the GPUs, rest days of a weekday. No limit: INFINITY. */
#define KINDS(X)                                                                                                       \
    X(FLEET_CHAT, "chat", 1155, 211, .92, .60, 1.2, 2, .05, .45, .85)                                                  \
    X(FLEET_CODE, "code", 2048, 28, .93, 4.6, 2, 1, .06, .15, .3)                                                      \
    X(FLEET_BATCH, "batch", 1155, 211, .92, .60, 1, INFINITY, INFINITY, .1, 1)                                         \
    X(FLEET_IMAGES, "images", 1, 1, 0, 0, 1.2, 20, INFINITY, .02, 1.1)                                                 \
    X(FLEET_TRAINING, "training", 1, 1, 0, 0, 1, INFINITY, INFINITY, .2, 1)
#define OF_KIND(p, u, value, why, en, ko)                                                                              \
    {                                                                                                                  \
        .path = (p), .kind = PLAN_NUM, .unit = (u), .def = (value), .constant = true, .offset = PLAN_NO_FIELD,         \
        .source = (why), .help_en = (en), .help_ko = (ko)                                                              \
    }
#define KIND(id, n, in, out, in2, out2, gaps, ttft, tpot, share, rest)                                                 \
    OF_KIND("kind." n ".input_tokens", "tokens", in, "chat and code: Azure 2023 traces", n ": prompt", n ": 입력"),    \
        OF_KIND("kind." n ".output_tokens", "tokens", out, "chat and code: Azure 2023 traces", n ": answer",           \
                n ": 출력"),                                                                                           \
        OF_KIND("kind." n ".input_cv2", NULL, in2, "Azure 2023 traces", n ": spread of prompts", n ": 입력 분산"),     \
        OF_KIND("kind." n ".output_cv2", NULL, out2, "Azure 2023 traces", n ": spread of answers", n ": 출력 분산"),   \
        OF_KIND("kind." n ".burstiness", NULL, gaps, "chat: Azure 2023 trace; others assumed", n ": burstiness",       \
                n ": 요청 간격 변동"),                                                                                 \
        OF_KIND("kind." n ".ttft", "s", ttft, "MLPerf levels; code assumed", n ": first token", n ": 첫 토큰"),        \
        OF_KIND("kind." n ".tpot", "s", tpot, "assumption: above reading speed", n ": per token", n ": 토큰당"),       \
        OF_KIND("kind." n ".gpu_share", NULL, share, "assumption", n ": share of the GPUs", n ": GPU 비율"),           \
        OF_KIND("kind." n ".weekend", NULL, rest, "assumption", n ": rest days", n ": 휴일 수요"),

static const struct plan_var fleet_vars[] = {
    {.path = "fleet.headroom", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 200, .def = 10, .low = 0, .high = 25,
     FLEET(headroom), .source = "assumption: for swings inside a step", .help_en = "replicas held over the need",
     .help_ko = "여유 복제본"},
    {.path = "fleet.shared_replicas", .kind = PLAN_NUM, .lo = 1, .hi = 256, .def = 4, .low = 1, .high = 16,
     FLEET(shared_replicas), .source = "assumption: a router that sees the queues; 1 is random routing",
     .help_en = "images: GPUs behind one queue", .help_ko = "이미지: 한 대기열을 나누는 GPU"},
    {.path = "fleet.speed_min", .kind = PLAN_NUM, .unit = "%", .lo = 20, .hi = 100, .def = 50, FLEET(speed_min),
     .source = "assumption: lower clocks save little", .help_en = "lowest clock under a power cap",
     .help_ko = "전력 제한 시 최저 클록"},
    {.path = "fleet.roof.attention", .kind = PLAN_NUM, .lo = .05, .hi = 1, .def = ROOF_ATTENTION, .low = .35,
     .high = .7, FLEET(roof.attention),
     .source = "published fused kernels: 50 to 75 % of the bf16 peak on long prompts",
     .help_en = "attention: share of the bf16 peak", .help_ko = "어텐션 효율"},
    {.path = "fleet.roof.memory", .kind = PLAN_NUM, .lo = .1, .hi = 1, .def = ROOF_MEMORY, .low = .8, .high = .92,
     FLEET(roof.memory), .source = "streaming kernels: 85 to 92 % of the nominal bandwidth",
     .help_en = "share of the HBM bandwidth", .help_ko = "HBM 대역폭 효율"},
    {.path = "fleet.roof.link", .kind = PLAN_NUM, .lo = .05, .hi = 2, .def = ROOF_LINK, .low = .7, .high = 1.5,
     FLEET(roof.link),
     .source = "assumption: ring all-reduce at one direction of the data sheet; in-switch reduction does better",
     .help_en = "share of one direction of the links", .help_ko = "GPU 연결 효율"},
    {.path = "fleet.roof.hop", .kind = PLAN_NUM, .unit = "us", .lo = 0, .hi = 1000, .def = ROOF_HOP_S * 1e6,
     .low = 4, .high = 15, FLEET(roof.hop_s),
     .source = "small all-reduce inside one NVLink domain, order of magnitude",
     .help_en = "fixed delay of an all-reduce", .help_ko = "all-reduce 고정 지연"},
    {.path = "fleet.roof.step", .kind = PLAN_NUM, .unit = "ms", .lo = 0, .hi = 100, .def = ROOF_STEP_S * 1e3,
     .low = .5, .high = 4, FLEET(roof.step_s),
     .source = "host work between steps with CUDA graphs, order of magnitude", .help_en = "engine time per step",
     .help_ko = "엔진 스텝 고정 시간"},
    {.path = "fleet.roof.hbm", .kind = PLAN_NUM, .lo = .1, .hi = 1, .def = ROOF_HBM, .low = .85, .high = .95,
     FLEET(roof.hbm), .source = "common engine settings", .help_en = "share of the HBM for weights and KV cache",
     .help_ko = "가중치·KV용 HBM 비율"},
    {.path = "fleet.roof.production", .kind = PLAN_NUM, .unit = "%", .lo = 10, .hi = 100, .def = 65, .low = 50, .high = 90,
     FLEET(roof.production),
     .source = "assumption: the calibration is to tuned submissions; on the same H200 and R1 one open engine takes 1.5 "
               "times the time of another, and R1 on GB300 gained 1.5 times in half a year",
     .help_en = "speed in production, of a tuned benchmark", .help_ko = "벤치마크 대비 실제 운영 속도"},
    {.path = "fleet.roof.compute", .kind = PLAN_NUM, .lo = .05, .hi = .95, .def = ROOF_COMPUTE, FLEET(roof.compute),
     .source = "start of the calibration to MLPerf v5.1", .help_en = "products: share of the peak (start)",
     .help_ko = "행렬곱 효율(보정 시작값)"},
    {.path = "fleet.roof.activation", .kind = PLAN_NUM, .lo = 0, .hi = 1000, .def = ROOF_ACTIVATION,
     FLEET(roof.activation), .source = "start of the calibration to MLPerf v5.1",
     .help_en = "hidden-state traffic per token and layer (start)", .help_ko = "은닉 상태 메모리 이동(보정 시작값)"},
    {.path = "fleet.roof.routing", .kind = PLAN_NUM, .lo = 0, .hi = 20, .def = ROOF_ROUTING, FLEET(roof.routing),
     .source = "start of the calibration to DeepSeek R1", .help_en = "experts: work outside products per expert (start)",
     .help_ko = "전문가 라우팅 비용(보정 시작값)"},
    {.path = "fleet.power.idle", .kind = PLAN_NUM, .lo = 0, .hi = 1, .def = HW_IDLE, .low = .08, .high = .16,
     FLEET(power.idle), .source = "H100 with a model loaded: 70 to 115 W of 700",
     .help_en = "GPU idle, of its limit", .help_ko = "GPU 유휴 전력 비율"},
    {.path = "fleet.power.active", .kind = PLAN_NUM, .lo = 0, .hi = 1, .def = HW_ACTIVE, .low = .15, .high = .22,
     FLEET(power.active), .source = "arXiv 2605.11999: decode draws from 137 of 700 W (H200)",
     .help_en = "GPU clocks up, of its limit", .help_ko = "GPU 활성 기본 전력 비율"},
    {.path = "fleet.power.memory", .kind = PLAN_NUM, .lo = 0, .hi = 1, .def = HW_MEMORY, .low = .18, .high = .32,
     FLEET(power.memory), .source = "arXiv 2605.11999: decode draws up to 300 of 700 W (H200)",
     .help_en = "added at full HBM bandwidth", .help_ko = "HBM 최대 사용 시 추가 비율"},
    {.path = "fleet.power.compute", .kind = PLAN_NUM, .lo = 0, .hi = 3, .def = HW_COMPUTE, .low = .85, .high = 1.25,
     FLEET(power.compute), .source = "large dense products meet the limit at some 70 % of the peak",
     .help_en = "added at the peak FLOP rate", .help_ko = "최대 연산 시 추가 비율"},
    {.path = "fleet.power.host_idle", .kind = PLAN_NUM, .lo = 0, .hi = 1, .def = HW_HOST_IDLE, .low = .25,
     .high = .45, FLEET(power.host_idle), .source = "assumption",
     .help_en = "host idle, of the nameplate beyond GPUs", .help_ko = "호스트 유휴 전력 비율"},
    {.path = "fleet.power.host_active", .kind = PLAN_NUM, .lo = 0, .hi = 1, .def = HW_HOST_ACTIVE, .low = .4,
     .high = .7, FLEET(power.host_active),
     .source = "8 x H100 with busy GPUs draw 8.4 of 10.2 kW (Latif et al., IEEE Access 2025)",
     .help_en = "host busy, of the nameplate beyond GPUs", .help_ko = "호스트 활성 전력 비율"},
    {.path = "fleet.power.voltage", .kind = PLAN_NUM, .lo = 0, .hi = 3, .def = HW_VOLTAGE, .low = 1, .high = 2,
     FLEET(power.voltage),
     .source = "assumption: energy per operation ~ clock^1.5 over the upper half of the range (steps of a half)",
     .help_en = "exponent of energy per operation over clock", .help_ko = "클록에 대한 연산 에너지 지수"},
    HW_CATALOGUE(HARDWARE)
    LLM_CATALOGUE(MODEL)
    KINDS(KIND)
};
/* clang-format on */

static const struct plan_list fleet_lists[] = {
    {.path = "pools",
     .vars = pool_vars,
     .n_vars = PLAN_COUNT(pool_vars),
     .offset = offsetof(struct fleet_config, pools),
     .elem_size = sizeof(struct fleet_pool),
     .count_offset = offsetof(struct fleet_config, n_pools),
     .min = 1,
     .max = FLEET_POOLS_MAX,
     .help_en = "GPU systems",
     .help_ko = "GPU 시스템"},
    {.path = "services",
     .vars = service_vars,
     .n_vars = PLAN_COUNT(service_vars),
     .offset = offsetof(struct fleet_config, services),
     .elem_size = sizeof(struct fleet_service),
     .count_offset = offsetof(struct fleet_config, n_services),
     .min = 1,
     .max = FLEET_SERVICES_MAX,
     .help_en = "services",
     .help_ko = "서비스"},
};

static sil_err check(const void *config, const char **path, struct sil_error *e) {
    const struct fleet_config *c = config;
    for (uint32_t i = 0; i < c->n_pools; i++) {
        for (uint32_t j = 0; j < i; j++) {
            *path = "pools";
            if (strcmp(c->pools[i].name, c->pools[j].name) == 0)
                return err_set(e, SIL_ARG, "two pools are named \"%s\"", c->pools[i].name);
        }
    }
    for (uint32_t i = 0; i < c->n_services; i++) {
        const struct fleet_service *s = &c->services[i];
        bool known = s->pool[0] == '\0';
        *path = "services";
        for (uint32_t j = 0; j < c->n_pools; j++) known = known || strcmp(s->pool, c->pools[j].name) == 0;
        if (!known) return err_set(e, SIL_ARG, "services[%s].pool: there is no pool \"%s\"", s->name, s->pool);
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(s->name, c->services[j].name) == 0)
                return err_set(e, SIL_ARG, "two services are named \"%s\"", s->name);
        }
        double most = 0;
        for (int h = 0; h < 24; h++) most = s->hours[h] > most ? s->hours[h] : most;
        if (!(most > 0)) return err_set(e, SIL_ARG, "services[%s].hours are all 0", s->name);
        most = 0;
        for (int m = 0; m < 12; m++) most = s->months[m] > most ? s->months[m] : most;
        if (!(most > 0)) return err_set(e, SIL_ARG, "services[%s].months are all 0", s->name);
        if (s->long_share > 0 && !(s->long_input_tokens > 0 && s->long_output_tokens > 0))
            return err_set(e, SIL_ARG, "services[%s].long_share needs long_input_tokens and long_output_tokens",
                           s->name);
    }
    *path = NULL;
    return SIL_OK;
}

const struct plan_group fleet_group = {.name = "fleet",
                                       .title_en = "GPU systems and services",
                                       .title_ko = "GPU 시스템과 서비스",
                                       .size = sizeof(struct fleet_config),
                                       .vars = fleet_vars,
                                       .n_vars = PLAN_COUNT(fleet_vars),
                                       .lists = fleet_lists,
                                       .n_lists = PLAN_COUNT(fleet_lists),
                                       .check = check};

static const struct by_kind {
    double input, output, input_cv2, output_cv2, arrival_cv2, ttft_s, tpot_s, gpu_share, weekend;
} by_kind[] = {
#define VALUES(id, n, ...) [id] = {__VA_ARGS__},
    KINDS(VALUES)};

static void fill(double *field, double value) {
    if (isnan(*field)) *field = value;
}

void fleet_resolve(struct fleet_config *c) {
    for (uint32_t i = 0; i < c->n_services; i++) {
        struct fleet_service *s = &c->services[i];
        const struct by_kind *k = &by_kind[s->kind];
        fill(&s->input_tokens, k->input);
        fill(&s->output_tokens, k->output);
        fill(&s->input_cv2, k->input_cv2);
        fill(&s->output_cv2, k->output_cv2);
        fill(&s->arrival_cv2, k->arrival_cv2);
        fill(&s->ttft_s, k->ttft_s);
        fill(&s->tpot_s, k->tpot_s);
        fill(&s->gpu_share, k->gpu_share);
        fill(&s->weekend, k->weekend);
    }
}
