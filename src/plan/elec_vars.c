/* elec_vars: the declarations of the power chain. */
#include "base/err.h"
#include "plan/elec.h"

#define AT(f) .offset = offsetof(struct elec_config, f)
#define UNIT(p, f, d, s, en, ko)                                                                                       \
    {                                                                                                                  \
        .path = (p), .kind = PLAN_NUM, .unit = "MW", .lo = 0, .hi = 1000, .def = (d), .source = (s), .help_en = (en),  \
        .help_ko = (ko), AT(f)                                                                                         \
    }
#define SHARE(p, f, h, d, lw, hg, s, en, ko)                                                                           \
    {                                                                                                                  \
        .path = (p), .kind = PLAN_NUM, .unit = "%", .lo = 0, .hi = (h), .def = (d), .low = (lw), .high = (hg),         \
        .source = (s), .help_en = (en), .help_ko = (ko), AT(f)                                                         \
    }
#define WHICH(p, f, t, s, en, ko)                                                                                      \
    {                                                                                                                  \
        .path = (p), .kind = PLAN_CHOICE, .choices = "N|N+1|2N", .text_def = (t), .source = (s), .help_en = (en),      \
        .help_ko = (ko), AT(f)                                                                                         \
    }
#define MOST(p, f, d)                                                                                                  \
    {                                                                                                                  \
        .path = (p), .kind = PLAN_NUM, .unit = "%", .lo = 10, .hi = 100, .def = (d),                                   \
        .source = "assumption: planning practice", .help_en = "design load over rating, spare units apart",            \
        .help_ko = "설계 부하율(예비 제외)", AT(f)                                                                     \
    }

/* Constants of the check on Frontier, in raps.c. */
#define FRONTIER(p, u, v, en, ko)                                                                                      \
    {                                                                                                                  \
        .path = (p), .kind = PLAN_NUM, .unit = (u), .lo = (v), .hi = (v), .def = (v),                                  \
        .source = "ExaDigiT RAPS, Frontier (SC24)", .help_en = (en), .help_ko = (ko), .constant = true,                \
        .offset = PLAN_NO_FIELD                                                                                        \
    }

#define TRANSFORMER                                                                                                    \
    "two steps, 154/22.9 kV and 22.9/0.4 kV in one: 0.2 % no-load and 0.7 % load loss, the pair of pvlib's example"
#define UPS "assumption: double conversion, 96-97.5 % between half and full load (data sheets, 2023)"
#define PDU "assumption: busway and cables, 0.5-1 % at full load"

static const struct plan_var vars[] = {
    UNIT("electrical.transformer.unit", transformer.unit_w, 40, "assumption: 154 kV units of 40-60 MVA",
         "rating of one transformer (0: none)", "변압기 단위 용량"),
    SHARE("electrical.transformer.no_load", transformer.a, 5, 0.2, 0.1, 0.3, TRANSFORMER, "no-load loss over rating",
          "변압기 무부하손"),
    SHARE("electrical.transformer.load", transformer.c, 5, 0.7, 0.4, 1.0, TRANSFORMER,
          "load loss at the rating, over rating", "변압기 부하손"),
    WHICH("electrical.transformer.redundancy", transformer.redundancy, "N+1", "assumption: one spare",
          "spare transformers", "변압기 예비"),
    MOST("electrical.transformer.load_max", transformer.load_max, 80),
    UNIT("electrical.ups.unit", ups.unit_w, 1.5, "assumption: modules of 1-2 MW", "rating of one UPS (0: none)",
         "UPS 단위 용량"),
    SHARE("electrical.ups.no_load", ups.a, 10, 0.8, 0, 0, UPS, "loss at no load, over rating", "UPS 무부하손"),
    SHARE("electrical.ups.linear", ups.b, 10, 0.9, 0.3, 2.0, UPS, "loss in proportion to load", "UPS 비례손"),
    SHARE("electrical.ups.square", ups.c, 10, 1.1, 0, 0, UPS, "loss with the square of the load, at the rating",
          "UPS 제곱손"),
    WHICH("electrical.ups.redundancy", ups.redundancy, "N+1", "assumption: block redundancy for AI halls",
          "spare UPS units", "UPS 예비"),
    MOST("electrical.ups.load_max", ups.load_max, 90),
    UNIT("electrical.pdu.unit", pdu.unit_w, 2, "assumption: one hall busway",
         "rating of one distribution path (0: none)", "배전 단위 용량"),
    SHARE("electrical.pdu.no_load", pdu.a, 5, 0, 0, 0, PDU, "loss at no load, over rating", "배전 무부하손"),
    SHARE("electrical.pdu.linear", pdu.b, 5, 0, 0, 0, PDU, "loss in proportion to load", "배전 비례손"),
    SHARE("electrical.pdu.square", pdu.c, 5, 0.8, 0.4, 1.5, PDU, "loss with the square of the load, at the rating",
          "배전 제곱손"),
    WHICH("electrical.pdu.redundancy", pdu.redundancy, "2N", "assumption: every rack has an A and a B feed",
          "spare paths", "배전 예비"),
    MOST("electrical.pdu.load_max", pdu.load_max, 90),
    UNIT("electrical.rectifier.unit", rectifier.unit_w, 0,
         "none: measured system power is at the rack's input, its supplies are inside it",
         "rating of one rectifier of a direct-current bus (0: none)", "정류기 단위 용량"),
    SHARE("electrical.rectifier.no_load", rectifier.a, 10, 0.3, 0, 0, "assumption: 97.5 % power supplies",
          "loss at no load, over rating", "정류기 무부하손"),
    SHARE("electrical.rectifier.linear", rectifier.b, 10, 1.2, 0, 0, "assumption: 97.5 % power supplies",
          "loss in proportion to load", "정류기 비례손"),
    SHARE("electrical.rectifier.square", rectifier.c, 10, 1.0, 0, 0, "assumption: 97.5 % power supplies",
          "loss with the square of the load, at the rating", "정류기 제곱손"),
    WHICH("electrical.rectifier.redundancy", rectifier.redundancy, "N+1", "assumption: one spare", "spare rectifiers",
          "정류기 예비"),
    MOST("electrical.rectifier.load_max", rectifier.load_max, 90),
    FRONTIER("frontier.sivoc_offset", "W", 13, "RAPS: converter of a node, fixed loss", "노드 변환기 고정 손실"),
    FRONTIER("frontier.sivoc_efficiency", "%", 98, "RAPS: converter of a node, efficiency", "노드 변환기 효율"),
    FRONTIER("frontier.rectifier_offset", "W", 17, "RAPS: rectifier, fixed loss", "정류기 고정 손실"),
    FRONTIER("frontier.rectifier_efficiency", "%", 96, "RAPS: rectifier, efficiency", "정류기 효율"),
    FRONTIER("frontier.switch", "W", 250, "RAPS: one switch per rectifier", "정류기당 스위치"),
    FRONTIER("frontier.racks", "racks", 74, "RAPS: racks of 32 rectifiers of 4 nodes", "랙 수"),
    FRONTIER("frontier.cdu", "W", 8473.47, "RAPS: each of 25 CDUs", "CDU 소비전력"),
    FRONTIER("frontier.node_idle", "W", 626.26, "RAPS: a node, idle", "노드 유휴 전력"),
    FRONTIER("frontier.node_peak", "W", 2704.26, "RAPS: a node, at peak", "노드 최대 전력"),
};

const struct plan_group elec_group = {.name = "electrical",
                                      .title_en = "Power chain",
                                      .title_ko = "전력 계통",
                                      .size = sizeof(struct elec_config),
                                      .vars = vars,
                                      .n_vars = PLAN_COUNT(vars)};
