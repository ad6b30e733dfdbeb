/* config: the declarations of run and site. */
#include "plan/config.h"

#include <math.h>

#include "base/err.h"

#define RUN(f) .offset = offsetof(struct run_config, f)
static const struct plan_var run_vars[] = {
    {.path = "run.step",
     .kind = PLAN_NUM,
     .unit = "min",
     .lo = 1,
     .hi = 60,
     .def = 5,
     .source = "choice: the shortest step for which weather and load profiles have a meaning",
     .help_en = "time step of the year shown",
     .help_ko = "표시 연도의 시간 간격",
     RUN(step_s)},
    {.path = "run.outline_step",
     .kind = PLAN_NUM,
     .unit = "min",
     .lo = 1,
     .hi = 60,
     .def = 60,
     .source = "choice: other years only feed yearly sums",
     .help_en = "time step of the other years",
     .help_ko = "그 밖의 연도의 시간 간격",
     RUN(outline_s)},
    {.path = "run.year",
     .kind = PLAN_INT,
     .lo = 0,
     .hi = 2060,
     .def = 0,
     .source = "choice: 0 is the first full year after the last phase",
     .help_en = "calendar year shown",
     .help_ko = "표시 연도",
     RUN(year)},
};

static sil_err run_check(const void *config, const char **path, struct sil_error *e) {
    const struct run_config *c = config;
    *path = "run.step";
    if (fmod(3600, c->step_s) != 0)
        return err_set(e, SIL_ARG, "run.step must divide an hour: 1, 2, 3, 5, 10, 15, 30, 60 min ...");
    *path = "run.outline_step";
    if (fmod(3600, c->outline_s) != 0) return err_set(e, SIL_ARG, "run.outline_step must divide an hour");
    *path = "run.year";
    if (c->year != 0 && c->year < 2020) return err_set(e, SIL_ARG, "run.year must be 0 (automatic) or 2020 to 2060");
    return SIL_OK;
}

const struct plan_group run_group = {.name = "run",
                                     .title_en = "Simulation",
                                     .title_ko = "모의 계산",
                                     .size = sizeof(struct run_config),
                                     .vars = run_vars,
                                     .n_vars = PLAN_COUNT(run_vars),
                                     .check = run_check};

#define SITE(f) .offset = offsetof(struct site_config, f)
static const struct plan_var site_vars[] = {
    {.path = "site.name",
     .kind = PLAN_TEXT,
     .text_def = "",
     .source = "the design",
     .help_en = "name of the site",
     .help_ko = "사이트 이름",
     .required_if = "always",
     SITE(name)},
    {.path = "site.place",
     .kind = PLAN_TEXT,
     .text_def = "",
     .source = "the design",
     .help_en = "where it is, for the report",
     .help_ko = "위치(보고서용)",
     SITE(place)},
    {.path = "site.contract",
     .kind = PLAN_NUM,
     .unit = "MW",
     .lo = 0.01,
     .hi = 10000,
     .def = 250,
     .source = "the design",
     .help_en = "contract power; import never passes it",
     .help_ko = "계약전력(수전 상한)",
     .required_if = "always",
     SITE(contract_w)},
    {.path = "site.export",
     .kind = PLAN_NUM,
     .unit = "MW",
     .lo = 0,
     .hi = 10000,
     .def = 0,
     .source = "assumption: no feed-in without an agreement",
     .help_en = "most power fed into the grid",
     .help_ko = "역송전 상한",
     SITE(export_w)},
    {.path = "site.other_load",
     .kind = PLAN_NUM,
     .unit = "%",
     .lo = 0,
     .hi = 20,
     .def = 0.5,
     .low = 0.3,
     .high = 1.5,
     .source = "assumption: lighting, offices and security of large halls take less than 1 % of the IT power",
     .help_en = "lighting, offices, security, of the design IT power",
     .help_ko = "조명·사무·보안 부하(설계 IT 전력 대비)",
     SITE(other_share)},
    {.path = "site.design_pue",
     .kind = PLAN_NUM,
     .lo = 1,
     .hi = 3,
     .def = NAN,
     .source = "default: from the electrical and cooling models at the design wet and dry bulb",
     .help_en = "PUE in the design hour, for the GPU count",
     .help_ko = "설계 시각 PUE(GPU 수 산정용)",
     SITE(design_pue)},
};

const struct plan_group site_group = {.name = "site",
                                      .title_en = "Site and connection",
                                      .title_ko = "부지와 수전",
                                      .size = sizeof(struct site_config),
                                      .vars = site_vars,
                                      .n_vars = PLAN_COUNT(site_vars)};
