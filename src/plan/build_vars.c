/* build_vars: the declarations of build. */
#include <math.h>

#include "base/err.h"
#include "plan/build.h"

static const struct plan_var vars[] = {
    {.path = "build.decision", .kind = PLAN_MONTH, .lo = 2020 * 12, .hi = 2060 * 12, .def = 2026 * 12 + 6, .source = "assumption: mid-2026", .help_en = "month of the decision to build", .help_ko = "건설 결정 시점", .offset = offsetof(struct build_config, decision)},
    {.path = "build.grid_lead", .kind = PLAN_NUM, .unit = "months", .lo = 0, .hi = 180, .def = 36, .low = 24, .high = 84, .source = "KEPCO practice: notice up to 4 years for 5 MW and more, reinforcement 5-7 years; 40 of 601 planned capital-region centres supplied on time", .help_en = "grid connection: from application to energised", .help_ko = "계통 연계: 신청부터 수전까지", .offset = offsetof(struct build_config, grid_lead_s)},
    {.path = "build.permits", .kind = PLAN_NUM, .unit = "months", .lo = 0, .hi = 120, .def = 12, .low = 6, .high = 24, .source = "assumption: half a year to two years", .help_en = "impact assessment and permits before construction", .help_ko = "영향평가와 인허가", .offset = offsetof(struct build_config, permit_s)},
    {.path = "build.construction", .kind = PLAN_NUM, .unit = "months", .lo = 0, .hi = 120, .def = 20, .low = 15, .high = 30, .source = "assumption: 15-30 months", .help_en = "construction of the halls of a phase", .help_ko = "단계별 전산동 건설", .offset = offsetof(struct build_config, construction_s)},
    {.path = "build.delivery", .kind = PLAN_NUM, .unit = "months", .lo = 0, .hi = 60, .def = 9, .low = 6, .high = 15, .source = "assumption: 6-12 months in 2026", .help_en = "GPUs from order to delivery", .help_ko = "GPU 주문부터 납품까지", .offset = offsetof(struct build_config, delivery_s)},
    {.path = "build.commissioning", .kind = PLAN_NUM, .unit = "months", .lo = 0, .hi = 60, .def = 6, .low = 3, .high = 12, .source = "assumption", .help_en = "from the start of a phase until all its GPUs are in service", .help_ko = "단계 개시부터 전 GPU 가동까지", .offset = offsetof(struct build_config, commissioning_s)},
    {.path = "build.score.grid_margin", .kind = PLAN_NUM, .lo = 0, .hi = 25, .def = 15, .source = "assumption until the ministry scores it; maximum by the Distributed Energy Act", .help_en = "impact assessment: grid supply margin", .help_ko = "영향평가: 계통 여유도", .offset = offsetof(struct build_config, score[0])},
    {.path = "build.score.difficulty", .kind = PLAN_NUM, .lo = 0, .hi = 20, .def = 12, .source = "assumption until the ministry scores it; maximum by the Distributed Energy Act", .help_en = "impact assessment: difficulty of reinforcement", .help_ko = "영향평가: 계통 보강 난이도", .offset = offsetof(struct build_config, score[1])},
    {.path = "build.score.self_generation", .kind = PLAN_NUM, .lo = 0, .hi = 10, .def = NAN, .source = "assumption until the ministry scores it; maximum by the Distributed Energy Act", .help_en = "impact assessment: own generation (default: from the run)", .help_ko = "영향평가: 자가발전(기본: 계산값)", .offset = offsetof(struct build_config, score[2])},
    {.path = "build.score.efficiency", .kind = PLAN_NUM, .lo = 0, .hi = 5, .def = NAN, .source = "assumption until the ministry scores it; maximum by the Distributed Energy Act", .help_en = "impact assessment: energy efficiency (default: from the run)", .help_ko = "영향평가: 에너지 효율(기본: 계산값)", .offset = offsetof(struct build_config, score[3])},
    {.path = "build.score.business", .kind = PLAN_NUM, .lo = 0, .hi = 5, .def = 3, .source = "assumption until the ministry scores it; maximum by the Distributed Energy Act", .help_en = "impact assessment: local business", .help_ko = "영향평가: 지역 산업", .offset = offsetof(struct build_config, score[4])},
    {.path = "build.score.community", .kind = PLAN_NUM, .lo = 0, .hi = 5, .def = 3, .source = "assumption until the ministry scores it; maximum by the Distributed Energy Act", .help_en = "impact assessment: local community", .help_ko = "영향평가: 지역사회", .offset = offsetof(struct build_config, score[5])},
    {.path = "build.score.value", .kind = PLAN_NUM, .lo = 0, .hi = 5, .def = 3, .source = "assumption until the ministry scores it; maximum by the Distributed Energy Act", .help_en = "impact assessment: regional value", .help_ko = "영향평가: 지역 가치", .offset = offsetof(struct build_config, score[6])},
    {.path = "build.score.jobs", .kind = PLAN_NUM, .lo = 0, .hi = 5, .def = 3, .source = "assumption until the ministry scores it; maximum by the Distributed Energy Act", .help_en = "impact assessment: jobs", .help_ko = "영향평가: 고용", .offset = offsetof(struct build_config, score[7])},
    {.path = "build.score.self_sufficiency", .kind = PLAN_NUM, .lo = 0, .hi = 10, .def = 6, .source = "assumption until the ministry scores it; maximum by the Distributed Energy Act", .help_en = "impact assessment: regional self-sufficiency", .help_ko = "영향평가: 지역 자립도", .offset = offsetof(struct build_config, score[8])},
    {.path = "build.score.policy", .kind = PLAN_NUM, .lo = 0, .hi = 10, .def = 6, .source = "assumption until the ministry scores it; maximum by the Distributed Energy Act", .help_en = "impact assessment: policy", .help_ko = "영향평가: 정책", .offset = offsetof(struct build_config, score[9])},
    {.path = "build.score.dispersion", .kind = PLAN_NUM, .lo = -15, .hi = 15, .def = 0, .source = "Distributed Energy Act: -15 to 15", .help_en = "impact assessment: bonus or malus of the region", .help_ko = "영향평가: 분산 가감점", .offset = offsetof(struct build_config, dispersion)},
};

static const struct plan_var phase_vars[] = {
    {.path = "name", .kind = PLAN_TEXT, .source = "the design", .help_en = "name of the phase", .help_ko = "단계 이름", .required_if = "always", .offset = offsetof(struct build_phase, name)},
    {.path = "start", .kind = PLAN_MONTH, .lo = 2020 * 12, .hi = 2060 * 12, .def = NAN, .source = "the design", .help_en = "wanted start of operation", .help_ko = "희망 가동 시점", .required_if = "always", .offset = offsetof(struct build_phase, start)},
    {.path = "contract", .kind = PLAN_NUM, .unit = "MW", .lo = 0.01, .hi = 10000, .def = NAN, .source = "the design", .help_en = "contract power after this phase (default: the whole)", .help_ko = "단계 후 계약전력", .offset = offsetof(struct build_phase, contract_w)},
    {.path = "gpus", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 100, .def = 100, .source = "the design", .help_en = "share of all GPUs after this phase", .help_ko = "단계 후 GPU 비율", .offset = offsetof(struct build_phase, gpu_share)},
    {.path = "pv", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 100, .def = NAN, .source = "the design", .help_en = "share of PV after this phase (default: as the GPUs)", .help_ko = "단계 후 태양광 비율", .offset = offsetof(struct build_phase, pv_share)},
    {.path = "wind", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 100, .def = NAN, .source = "the design", .help_en = "share of wind after this phase (default: as the GPUs)", .help_ko = "단계 후 풍력 비율", .offset = offsetof(struct build_phase, wind_share)},
    {.path = "battery", .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = 100, .def = NAN, .source = "the design", .help_en = "share of the battery after this phase (default: as the GPUs)", .help_ko = "단계 후 배터리 비율", .offset = offsetof(struct build_phase, battery_share)},
    {.path = "grid_order", .kind = PLAN_MONTH, .lo = 2020 * 12, .hi = 2060 * 12, .def = NAN, .source = "the design", .help_en = "when the connection is applied for (default: the decision)", .help_ko = "계통 연계 신청 시점", .offset = offsetof(struct build_phase, grid_order)},
};

static const struct plan_list lists[] = {
    {.path = "build.phases",
     .vars = phase_vars,
     .n_vars = PLAN_COUNT(phase_vars),
     .offset = offsetof(struct build_config, phases),
     .elem_size = sizeof(struct build_phase),
     .count_offset = offsetof(struct build_config, n_phases),
     .max = BUILD_PHASES_MAX,
     .help_en = "phases in order; without any, everything starts as early as the lead times allow",
     .help_ko = "건설 단계"},
};

static sil_err check(const void *config, const char **path, struct sil_error *e) {
    const struct build_config *c = config;
    *path = "build.phases";
    for (uint32_t i = 1; i < c->n_phases; i++) {
        const struct build_phase *a = &c->phases[i - 1], *b = &c->phases[i];
        if (b->start < a->start) return err_set(e, SIL_ARG, "build.phases: %s starts before %s; phases stand in order of time", b->name, a->name);
        if (b->gpu_share < a->gpu_share)
            return err_set(e, SIL_ARG, "build.phases: %s has fewer GPUs than %s; shares are of everything built so far", b->name, a->name);
        if (b->contract_w < a->contract_w)
            return err_set(e, SIL_ARG, "build.phases: the contract of %s is below that of %s; it is the sum so far", b->name, a->name);
    }
    return SIL_OK;
}

const struct plan_group build_group = {.name = "build",
                                       .title_en = "Phases and lead times",
                                       .title_ko = "단계와 소요 기간",
                                       .size = sizeof(struct build_config),
                                       .vars = vars,
                                       .n_vars = PLAN_COUNT(vars),
                                       .lists = lists,
                                       .n_lists = PLAN_COUNT(lists),
                                       .check = check};
