/* series: the columns of a step. */
#include "plan/series.h"

#include "plan/var.h"

#define COLUMN(f, unit, en, ko)                                                                                        \
    { #f, unit, offsetof(struct plan_step, f), en, ko }
const struct plan_column plan_columns[] = {
    COLUMN(tdb_c, "degC", "dry bulb", "건구온도"),
    COLUMN(twb_c, "degC", "wet bulb", "습구온도"),
    COLUMN(ghi_w_m2, "W/m2", "global irradiance", "수평면 일사"),
    COLUMN(wind_m_s, "m/s", "wind at 10 m", "풍속(10 m)"),
    COLUMN(wanted_w, "W", "facility power wanted", "요구 전력"),
    COLUMN(it_w, "W", "IT", "IT"),
    COLUMN(cooling_w, "W", "cooling", "냉각"),
    COLUMN(loss_w, "W", "electrical losses", "전기 손실"),
    COLUMN(other_w, "W", "other", "기타"),
    COLUMN(facility_w, "W", "facility", "시설 전체"),
    COLUMN(pv_w, "W", "PV", "태양광"),
    COLUMN(wind_w, "W", "wind", "풍력"),
    COLUMN(curtailed_w, "W", "curtailed", "출력제한"),
    COLUMN(charge_w, "W", "battery charge", "배터리 충전"),
    COLUMN(discharge_w, "W", "battery discharge", "배터리 방전"),
    COLUMN(stored_j, "J", "stored", "저장량"),
    COLUMN(import_w, "W", "import", "수전"),
    COLUMN(export_w, "W", "export", "송전"),
    COLUMN(ppa_w, "W", "PPA", "PPA"),
    COLUMN(price_krw_kwh, "KRW/kWh", "energy price", "전력량 단가"),
    COLUMN(carbon_free_w, "W", "carbon-free", "무탄소"),
    COLUMN(emission_kg_s, "kg/s", "CO2", "CO2"),
    COLUMN(water_kg_s, "kg/s", "water", "용수"),
    COLUMN(gpus, "GPUs", "GPUs in service", "가동 GPU"),
    COLUMN(busy, "1", "GPU use", "GPU 이용률"),
    COLUMN(tokens_s, "tokens/s", "tokens", "토큰"),
    COLUMN(slo, "1", "service level met", "서비스 수준 충족"),
};
const size_t plan_n_columns = PLAN_COUNT(plan_columns);

uint32_t plan_series_month(const struct plan_series *s, int month) {
    static const uint16_t first[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    if (month >= 12) return s->n;
    return (uint32_t)((uint64_t)s->n * first[month < 0 ? 0 : month] / 365);
}
