/* wind_vars: the declarations of wind. */
#include "base/err.h"
#include "plan/wind.h"

#define AT(f) .offset = offsetof(struct wind_config, f)
static const struct plan_var vars[] = {
    {.path = "wind.capacity",
     .kind = PLAN_NUM,
     .unit = "MW",
     .lo = 0,
     .hi = 20000,
     .def = 0,
     .source = "the design",
     .help_en = "wind capacity on site",
     .help_ko = "자가 풍력 용량",
     AT(capacity_w)},
    {.path = "wind.offshore",
     .kind = PLAN_BOOL,
     .def = 0,
     .source = "the design",
     .help_en = "wind at sea (for its cost)",
     .help_ko = "해상 풍력 여부(비용)",
     AT(offshore)},
    {.path = "wind.capacity_factor",
     .kind = PLAN_NUM,
     .unit = "%",
     .lo = 1,
     .hi = 70,
     .def = 24,
     .low = 23,
     .high = 35,
     .source = "Korea: onshore 23-25 %, offshore 30-35 % (uncertain)",
     .help_en = "net capacity factor that the shape is scaled to",
     .help_ko = "이용률(형상 보정 기준)",
     AT(capacity_factor)},
    {.path = "wind.cut_in",
     .kind = PLAN_NUM,
     .unit = "m/s",
     .lo = 0,
     .hi = 8,
     .def = 3,
     .source = "assumption: turbines of 4 to 10 MW",
     .help_en = "cut-in wind at the hub",
     .help_ko = "시동 풍속",
     AT(cut_in_m_s)},
    {.path = "wind.rated",
     .kind = PLAN_NUM,
     .unit = "m/s",
     .lo = 5,
     .hi = 20,
     .def = 12,
     .source = "assumption: turbines of 4 to 10 MW",
     .help_en = "wind of rated power",
     .help_ko = "정격 풍속",
     AT(rated_m_s)},
    {.path = "wind.cut_out",
     .kind = PLAN_NUM,
     .unit = "m/s",
     .lo = 15,
     .hi = 40,
     .def = 25,
     .source = "assumption: turbines of 4 to 10 MW",
     .help_en = "cut-out wind",
     .help_ko = "정지 풍속",
     AT(cut_out_m_s)},
    {.path = "wind.losses",
     .kind = PLAN_NUM,
     .unit = "%",
     .lo = 0,
     .hi = 50,
     .def = 12,
     .source = "assumption: wakes 6-8 %, availability 3-4 %, cables 2 %",
     .help_en = "wakes, availability, cables",
     .help_ko = "후류·가동률·선로 손실",
     AT(losses)},
    {.path = "wind.interannual",
     .kind = PLAN_NUM,
     .unit = "%",
     .lo = 0,
     .hi = 40,
     .def = 8,
     .source = "assumption: yearly wind generation varies by 6 to 10 %; never inferred from one typical year",
     .help_en = "standard deviation of yearly generation",
     .help_ko = "연간 발전량 표준편차",
     AT(interannual)},
};

static sil_err check(const void *config, const char **path, struct sil_error *e) {
    const struct wind_config *c = config;
    *path = "wind.rated";
    if (!(c->cut_in_m_s < c->rated_m_s && c->rated_m_s < c->cut_out_m_s)) {
        return err_set(e, SIL_ARG, "wind: cut_in < rated < cut_out is needed");
    }
    *path = "wind.capacity_factor";
    if (c->capacity_factor > 1.0 - c->losses) {
        return err_set(e, SIL_ARG, "wind.capacity_factor: at most 1 - wind.losses = %.3g", 1.0 - c->losses);
    }
    return SIL_OK;
}

const struct plan_group wind_group = {.name = "wind",
                                      .title_en = "Wind on site",
                                      .title_ko = "자가 풍력",
                                      .size = sizeof(struct wind_config),
                                      .vars = vars,
                                      .n_vars = PLAN_COUNT(vars),
                                      .check = check};
