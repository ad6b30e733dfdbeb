/* tariff_sheet: KEPCO's rates and the tariff's variables.
 *
 * Rates: KEPCO "electricity rates (all)" of 2024-07-01. Industrial rates since: +16.9 KRW/kWh in October 2024, and with
 * the new hours of 2026-04-16 off-peak +5.1, peak -16.9 in summer and winter and -13.2 in spring and autumn; general
 * rates did not change, only their hours (2026-06-01). For customers with an agreement no newer sheet was at hand:
 * their rates are those of 2024-07, their hours those of the general class. */
#include <math.h>

#include "base/err.h"
#include "plan/tariff.h"

struct row {
    double base;
    double rate[9]; /* off, mid, peak of summer, of spring and autumn, of winter */
};

/* [voltage][option] */
static const struct row general[2][3] = {
    {{7220, {92.8, 145.7, 227.8, 92.8, 115.3, 146.0, 99.8, 145.9, 203.4}},
     {8320, {87.3, 140.2, 222.3, 87.3, 109.8, 140.5, 94.3, 140.4, 197.9}},
     {9810, {86.4, 139.6, 209.9, 86.4, 108.5, 132.2, 93.7, 139.8, 186.7}}},
    {{6630, {95.9, 148.2, 229.4, 95.9, 118.2, 148.5, 102.9, 148.2, 204.4}},
     {7380, {92.1, 144.4, 225.6, 92.1, 114.4, 144.7, 99.1, 144.4, 200.6}},
     {8190, {90.4, 142.7, 224.0, 90.4, 112.8, 143.1, 97.5, 142.7, 198.9}}},
};

static const struct row industrial[3][3] = {
    {{7220, {99.5, 152.4, 234.5, 99.5, 122.0, 152.7, 106.5, 152.6, 210.1}},
     {8320, {94.0, 146.9, 229.0, 94.0, 116.5, 147.2, 101.0, 147.1, 204.6}},
     {9810, {93.1, 146.3, 216.6, 93.1, 115.2, 138.9, 100.4, 146.5, 193.4}}},
    {{6630, {109.4, 161.7, 242.9, 109.4, 131.7, 162.0, 116.4, 161.7, 217.9}},
     {7380, {105.6, 157.9, 239.1, 105.6, 127.9, 158.2, 112.6, 157.9, 214.1}},
     {8190, {103.9, 156.2, 237.5, 103.9, 126.3, 156.6, 111.0, 156.2, 212.4}}},
    {{6590, {108.9, 161.8, 242.7, 108.9, 131.8, 162.2, 115.8, 161.4, 218.0}},
     {7520, {104.2, 157.1, 238.0, 104.2, 127.1, 157.5, 111.1, 156.7, 213.3}},
     {8090, {103.1, 156.0, 236.9, 103.1, 126.0, 156.4, 110.0, 155.6, 212.2}}},
};

/* Customers with a power purchase agreement; no options. */
static const struct row ppa_customer[3] = {
    {10020, {93.9, 130.4, 206.9, 93.9, 99.9, 125.3, 100.9, 130.6, 182.6}},
    {9980, {96.0, 135.1, 212.5, 96.0, 105.2, 131.6, 103.1, 135.1, 187.4}},
    {9670, {95.7, 135.3, 212.2, 95.7, 105.3, 131.7, 102.6, 134.9, 187.5}},
};

/* General (gap) II, contracts below 300 kW with a meter by hours; options I and II. */
static const struct row small[2][2] = {
    {{7170, {89.4, 140.6, 163.1, 89.4, 96.8, 108.1, 98.1, 128.5, 143.3}},
     {8230, {84.1, 135.3, 157.8, 84.1, 91.5, 102.8, 92.8, 123.2, 138.0}}},
    {{7170, {88.8, 137.4, 153.8, 88.8, 94.7, 100.1, 97.8, 125.1, 139.3}},
     {8230, {83.5, 132.1, 148.5, 83.5, 89.4, 94.8, 92.5, 119.8, 134.0}}},
};

static const double industrial_2026[9] = {22.0, 16.9, 0.0, 22.0, 16.9, 3.7, 22.0, 16.9, 0.0};

static const struct row *find_row(const struct tariff_config *c, enum tariff_option option) {
    int o = (int)option - TARIFF_I, v = c->voltage, low = v > TARIFF_HV_B ? TARIFF_HV_B : v;
    if (o < 0 || o > 2) return NULL;
    switch ((enum tariff_class)c->klass) {
    case TARIFF_GENERAL: return &general[low][o];
    case TARIFF_INDUSTRIAL: return &industrial[v][o];
    case TARIFF_PPA_CUSTOMER: return o == 0 ? &ppa_customer[v] : NULL;
    case TARIFF_GENERAL_SMALL: return o < 2 ? &small[low][o] : NULL;
    case TARIFF_CUSTOM: break;
    }
    return NULL;
}

bool tariff_rates(const struct tariff_config *c, enum tariff_option option, struct tariff_rates *out) {
    const struct row custom = {c->custom_base,
                               {c->custom_rate[0], c->custom_rate[1], c->custom_rate[2], c->custom_rate[3],
                                c->custom_rate[4], c->custom_rate[5], c->custom_rate[6], c->custom_rate[7],
                                c->custom_rate[8]}};
    const struct row *r = c->klass == TARIFF_CUSTOM && option == TARIFF_I ? &custom : find_row(c, option);
    if (!r) return false;
    bool raised = c->klass == TARIFF_INDUSTRIAL && c->sheet == TARIFF_2026;
    out->base_krw_kw = r->base;
    for (int i = 0; i < 9; i++) out->krw_kwh[i / 3][i % 3] = r->rate[i] + (raised ? industrial_2026[i] : 0);
    return true;
}

#define HOURS_JEJU   "ooooooooMMMMMMMMPPPPPPoo" /* 22-08, 08-16, 16-22 */
#define HOURS_2024   "ooooooooMMMPMPPPPPMMMMoo" /* peak 11-12, 13-18 */
#define HOURS_2026   "ooooooooMMMMMMMPPPPPPMoo" /* mid 08-15, 21-22; peak 15-21 */
#define HOURS_WINTER "ooooooooMPPPMMMMPPPMMMoo" /* peak 09-12, 16-19 */

const char *tariff_hours(const struct tariff_config *c, enum tariff_season season) {
    if (c->region == TARIFF_JEJU) return HOURS_JEJU;
    if (season == TARIFF_WINTER) return HOURS_WINTER;
    return c->sheet == TARIFF_2024 ? HOURS_2024 : HOURS_2026;
}

#define SHEET "KEPCO electricity rates 2024-07-01"
#define AT(f) .offset = offsetof(struct tariff_config, f)

/* What is in the code, for `plan sources`. */
#define CONSTANT .constant = true, .offset = PLAN_NO_FIELD
#define RATES(name, row, ko)                                                                                           \
    {.path = "tariff.sheet." name ".base",                                                                             \
     .kind = PLAN_NUMS,                                                                                                \
     .unit = "KRW/kW-month",                                                                                           \
     .n = 1,                                                                                                           \
     .defs = &(row).base,                                                                                              \
     .source = SHEET,                                                                                                  \
     .help_en = name ": base rate",                                                                                    \
     .help_ko = ko ": 기본요금",                                                                                       \
     CONSTANT},                                                                                                        \
    {                                                                                                                  \
        .path = "tariff.sheet." name ".rates", .kind = PLAN_NUMS, .unit = "KRW/kWh", .n = 9, .defs = (row).rate,       \
        .source = SHEET, .help_en = name ": off, mid, peak of summer, of spring and autumn, of winter",                \
        .help_ko = ko ": 경·중간·최대, 여름·봄가을·겨울", CONSTANT                                                     \
    }
#define HOURS(p, hours, en, ko, from)                                                                                  \
    {                                                                                                                  \
        .path = (p), .kind = PLAN_TEXT, .text_def = (hours), .source = (from), .help_en = (en), .help_ko = (ko),       \
        CONSTANT                                                                                                       \
    }

static const double custom_rates[9] = {90.4, 142.7, 224.0, 90.4, 112.8, 143.1, 97.5, 142.7, 198.9};

static const struct plan_var vars[] = {
    {.path = "tariff.class",
     .kind = PLAN_CHOICE,
     .choices = "general|industrial|ppa_customer|general_small|custom",
     .source = "KEPCO terms of supply: industrial is for mining and manufacturing",
     .help_en = "contract class",
     .help_ko = "계약종별",
     AT(klass)},
    {.path = "tariff.voltage",
     .kind = PLAN_CHOICE,
     .choices = "A|B|C",
     .text_def = "B",
     .source = SHEET ": A 3.3-66 kV, B 154 kV, C 345 kV",
     .help_en = "supply voltage",
     .help_ko = "수전전압 구분",
     AT(voltage)},
    {.path = "tariff.option",
     .kind = PLAN_CHOICE,
     .choices = "cheapest|I|II|III",
     .source = SHEET,
     .help_en = "rate option",
     .help_ko = "선택요금",
     AT(option)},
    {.path = "tariff.sheet",
     .kind = PLAN_CHOICE,
     .choices = "2026|2024",
     .source = "ministry and KEPCO, 2026-03-13: hours and industrial rates from 2026-04-16, general hours 2026-06-01",
     .help_en = "rates and hours in force",
     .help_ko = "요금표",
     AT(sheet)},
    {.path = "tariff.region",
     .kind = PLAN_CHOICE,
     .choices = "mainland|jeju",
     .source = SHEET ": Jeju has its own hours",
     .help_en = "region of the hours",
     .help_ko = "시간대 지역",
     AT(region)},
    {.path = "tariff.labour_day",
     .kind = PLAN_BOOL,
     .def = 0,
     .source = "assumption: a bill, not law, in the sources read",
     .help_en = "1 May is a public holiday",
     .help_ko = "노동절 공휴일",
     AT(labour_day)},
    {.path = "tariff.custom_base",
     .kind = PLAN_NUM,
     .unit = "KRW/kW-month",
     .lo = 0,
     .hi = 100000,
     .def = 8190,
     .source = SHEET ": general B-III",
     .help_en = "base rate of class custom",
     .help_ko = "기본요금(직접 입력)",
     AT(custom_base)},
    {.path = "tariff.custom_rates",
     .kind = PLAN_NUMS,
     .unit = "KRW/kWh",
     .lo = 0,
     .hi = 2000,
     .n = 9,
     .defs = custom_rates,
     .source = SHEET ": general B-III; off, mid, peak of summer, of spring and autumn, of winter",
     .help_en = "rates of class custom, as on the sheet",
     .help_ko = "전력량요금(직접 입력): 경·중간·최대, 여름·봄가을·겨울",
     AT(custom_rate)},
    {.path = "tariff.climate",
     .kind = PLAN_NUM,
     .unit = "KRW/kWh",
     .lo = 0,
     .hi = 100,
     .def = 9,
     .low = 7,
     .high = 15,
     .source = "KEPCO 2026: climate and environment charge",
     .help_en = "climate and environment charge",
     .help_ko = "기후환경요금",
     AT(climate)},
    {.path = "tariff.fuel",
     .kind = PLAN_NUM,
     .unit = "KRW/kWh",
     .lo = -5,
     .hi = 5,
     .def = 5,
     .source = SHEET ": within 5 KRW/kWh either way; +5 since 2022",
     .help_en = "fuel cost adjustment",
     .help_ko = "연료비조정요금",
     AT(fuel)},
    {.path = "tariff.fund",
     .kind = PLAN_NUM,
     .unit = "%",
     .lo = 0,
     .hi = 10,
     .def = 2.7,
     .source = "Electric Utility Act decree: 2.7 % from 2025-07",
     .help_en = "electric power industry fund, of the charge",
     .help_ko = "전력산업기반기금",
     AT(fund)},
    {.path = "tariff.vat",
     .kind = PLAN_NUM,
     .unit = "%",
     .lo = 0,
     .hi = 30,
     .def = 10,
     .source = "Value-Added Tax Act",
     .help_en = "value-added tax, of the charge",
     .help_ko = "부가가치세",
     AT(vat)},
    {.path = "tariff.demand_in_offpeak",
     .kind = PLAN_BOOL,
     .def = 0,
     .source = SHEET ": holiday demand is metered as off-peak demand, which is not billed",
     .help_en = "off-peak demand counts for the billing demand",
     .help_ko = "경부하 최대수요 반영",
     AT(demand_in_offpeak)},
    {.path = "tariff.demand_floor",
     .kind = PLAN_NUM,
     .unit = "%",
     .lo = 0,
     .hi = 100,
     .def = 30,
     .source = "KEPCO terms of supply: at least 30 % of contract power",
     .help_en = "least billing demand, of the contract",
     .help_ko = "요금적용전력 하한",
     AT(demand_floor)},
    {.path = "tariff.power_factor",
     .kind = PLAN_NUM,
     .unit = "1",
     .lo = 0.5,
     .hi = 1,
     .def = 0.95,
     .source = "assumption: servers with active front ends",
     .help_en = "power factor of the site, lagging",
     .help_ko = "역률",
     AT(power_factor)},
    {.path = "tariff.pf_reference",
     .kind = PLAN_NUM,
     .unit = "1",
     .lo = 0.8,
     .hi = 1,
     .def = 0.90,
     .source = "KEPCO terms of supply",
     .help_en = "reference power factor",
     .help_ko = "기준역률",
     AT(pf_reference)},
    {.path = "tariff.pf_low",
     .kind = PLAN_NUM,
     .unit = "1",
     .lo = 0.3,
     .hi = 1,
     .def = 0.60,
     .source = "KEPCO terms of supply",
     .help_en = "power factor of the highest surcharge",
     .help_ko = "역률 하한",
     AT(pf_low)},
    {.path = "tariff.pf_high",
     .kind = PLAN_NUM,
     .unit = "1",
     .lo = 0.8,
     .hi = 1,
     .def = 0.95,
     .source = "KEPCO terms of supply",
     .help_en = "power factor of the highest discount",
     .help_ko = "역률 상한",
     AT(pf_high)},
    {.path = "tariff.pf_rate",
     .kind = PLAN_NUM,
     .unit = "%",
     .lo = 0,
     .hi = 2,
     .def = 0.2,
     .source = "KEPCO terms of supply: 0.2 % of the base charge for each 1 %",
     .help_en = "base charge per 1 % of power factor",
     .help_ko = "역률 1 %당 기본요금 증감",
     AT(pf_rate)},
    {.path = "tariff.weekend_discount",
     .kind = PLAN_NUM,
     .unit = "%",
     .lo = 0,
     .hi = 100,
     .def = 50,
     .source = "ministry and KEPCO, 2026-03-13: industrial, spring and autumn, 11-14 h",
     .help_en = "weekend discount, industrial",
     .help_ko = "봄·가을 주말 할인(산업용)",
     AT(weekend_discount)},
    {.path = "tariff.weekend_discount_to",
     .kind = PLAN_INT,
     .lo = 2020,
     .hi = 2100,
     .def = 2030,
     .source = "ministry and KEPCO, 2026-03-13: until 2030-12-31",
     .help_en = "last year of that discount",
     .help_ko = "봄·가을 주말 할인 종료 연도",
     AT(weekend_discount_to)},
    RATES("general_A_I", general[0][0], "일반용(을) 고압A 선택I"),
    RATES("general_A_II", general[0][1], "일반용(을) 고압A 선택II"),
    RATES("general_A_III", general[0][2], "일반용(을) 고압A 선택III"),
    RATES("general_B_I", general[1][0], "일반용(을) 고압B 선택I"),
    RATES("general_B_II", general[1][1], "일반용(을) 고압B 선택II"),
    RATES("general_B_III", general[1][2], "일반용(을) 고압B 선택III"),
    RATES("industrial_A_I", industrial[0][0], "산업용(을) 고압A 선택I"),
    RATES("industrial_A_II", industrial[0][1], "산업용(을) 고압A 선택II"),
    RATES("industrial_A_III", industrial[0][2], "산업용(을) 고압A 선택III"),
    RATES("industrial_B_I", industrial[1][0], "산업용(을) 고압B 선택I"),
    RATES("industrial_B_II", industrial[1][1], "산업용(을) 고압B 선택II"),
    RATES("industrial_B_III", industrial[1][2], "산업용(을) 고압B 선택III"),
    RATES("industrial_C_I", industrial[2][0], "산업용(을) 고압C 선택I"),
    RATES("industrial_C_II", industrial[2][1], "산업용(을) 고압C 선택II"),
    RATES("industrial_C_III", industrial[2][2], "산업용(을) 고압C 선택III"),
    RATES("ppa_customer_A", ppa_customer[0], "재생에너지 전력 사용고객 고압A"),
    RATES("ppa_customer_B", ppa_customer[1], "재생에너지 전력 사용고객 고압B"),
    RATES("ppa_customer_C", ppa_customer[2], "재생에너지 전력 사용고객 고압C"),
    RATES("general_small_A_I", small[0][0], "일반용(갑)II 고압A 선택I"),
    RATES("general_small_A_II", small[0][1], "일반용(갑)II 고압A 선택II"),
    RATES("general_small_B_I", small[1][0], "일반용(갑)II 고압B 선택I"),
    RATES("general_small_B_II", small[1][1], "일반용(갑)II 고압B 선택II"),
    {.path = "tariff.sheet.industrial_2026",
     .kind = PLAN_NUMS,
     .unit = "KRW/kWh",
     .n = 9,
     .defs = industrial_2026,
     .source =
         "KEPCO 2024-10: +16.9; ministry and KEPCO 2026-03-13: off-peak +5.1, peak -16.9, spring and autumn -13.2",
     .help_en = "industrial rates of 2026 less those of 2024-07",
     .help_ko = "산업용 2026년 단가 증감",
     CONSTANT},
    HOURS("tariff.hours.2024", HOURS_2024, "o off-peak, M mid, P peak from 0 h: summer, spring, autumn",
          "시간대(2024): 여름·봄·가을", SHEET),
    HOURS("tariff.hours.2026", HOURS_2026, "o off-peak, M mid, P peak from 0 h: summer, spring, autumn",
          "시간대(2026): 여름·봄·가을", "ministry and KEPCO, 2026-03-13"),
    HOURS("tariff.hours.winter", HOURS_WINTER, "o off-peak, M mid, P peak from 0 h: winter", "시간대: 겨울", SHEET),
    HOURS("tariff.hours.jeju", HOURS_JEJU, "o off-peak, M mid, P peak from 0 h: Jeju, all seasons", "시간대: 제주",
          SHEET),
    HOURS("tariff.ratchet", "Dec, Jan, Feb, Jul, Aug, Sep", "months whose demand binds for twelve months",
          "요금적용전력 기준월", "KEPCO terms of supply, billing demand"),
    {.path = "tariff.window",
     .unit = "min",
     .def = 15,
     .source = "KEPCO terms of supply: mean of 15 minutes",
     .help_en = "window of demand",
     .help_ko = "최대수요 산정 시간",
     CONSTANT},
};

static sil_err check(const void *config, const char **path, struct sil_error *e) {
    const struct tariff_config *c = config;
    struct tariff_rates r;
    if (c->option != TARIFF_CHEAPEST && !tariff_rates(c, (enum tariff_option)c->option, &r)) {
        *path = "tariff.option";
        return err_set(e, SIL_ARG, "tariff.option: this class has no such option; allowed: cheapest, I%s",
                       c->klass == TARIFF_GENERAL_SMALL ? ", II" : "");
    }
    if (!(c->pf_low <= c->pf_reference && c->pf_reference <= c->pf_high)) {
        *path = "tariff.pf_reference";
        return err_set(e, SIL_ARG, "tariff.pf_reference must lie between tariff.pf_low and tariff.pf_high");
    }
    return SIL_OK;
}

const struct plan_group tariff_group = {
    .name = "tariff",
    .title_en = "Electricity tariff",
    .title_ko = "전기요금",
    .size = sizeof(struct tariff_config),
    .vars = vars,
    .n_vars = PLAN_COUNT(vars),
    .check = check,
};
