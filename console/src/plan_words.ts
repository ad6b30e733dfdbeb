// The words of the plan's page, and its figures as people of either language say them.
import { formatOf } from "./format";
import type { Lang } from "./prefs";
import { ownWords } from "./words";
import type { Result } from "./plan_data";

const ko = {
    title: "계획",
    lead: "AI 데이터센터의 한 해를 5분 간격으로 계산합니다. 값을 바꾸면 바로 다시 계산하며, 결과는 sillok plan run과 같습니다.",
    variants: "비교할 안",
    variant: (v: string) => `${v}안`,
    editing: "바꿀 안",
    makeB: "B안을 만들어 비교",
    copyAB: "A안을 B안으로 복사",
    copyHint: "B안의 값을 A안과 같게 합니다.",
    dropB: "B안 없애기",
    design: "설계 파일",
    designHint: "바뀐 값이 들어간 YAML 파일로, sillok plan run으로 그대로 계산할 수 있습니다.",
    saveDesign: "설계 내려받기",
    openDesign: "설계 불러오기",
    baseDesign: "기본 설계로",
    tooLarge: "설계 파일은 64 KiB까지 불러올 수 있습니다.",
    ownDesign: "불러온 설계",
    changed: "변경됨",
    changes: (n: number) => (n ? `바꾼 값 ${n}개` : "바꾼 값 없음"),
    reset: (name: string) => `${name} 처음 값으로`,
    resetAll: "모두 처음 값으로",
    slider: (name: string) => `${name} 조절`,
    between: (least: string, most: string) => `${least} 이상 ${most} 이하의 값을 넣어 주세요.`,
    needNumber: "숫자를 넣어 주세요.",
    whole: "정수를 넣어 주세요.",
    unset: "자동",
    running: "계산하는 중",
    first: "기본 설계를 계산하는 중",
    done: "새 결과가 나왔습니다.",
    stale: "바뀐 값으로 다시 계산하는 중입니다. 아래는 이전 결과입니다.",
    old: "아래는 마지막으로 계산된 결과입니다.",
    noRun: "이 설계로는 계산할 수 없습니다",
    noReport: "보고서를 만들 수 없습니다",
    fieldWrong: "이 값으로는 계산할 수 없습니다.",
    waits: {
        limit: (s: number) => `요청이 한도를 넘어 기다리고 있습니다. 약 ${s}초 뒤에 다시 계산합니다.`,
        busy: (s: number) => `서버가 다른 일을 하고 있어 기다리고 있습니다. 약 ${s}초 뒤에 다시 시도합니다.`,
    },
    results: "한 해의 결과",
    resultsOf: (year: number) => `${year}년, 모든 단계가 가동된 첫 해`,
    limit: (part: string) => `계약전력의 ${part}`,
    figures: "그림",
    compare: "두 안의 비교",
    compareHint: "차이는 B안에서 A안을 뺀 값입니다.",
    item: "항목",
    difference: "차이",
    ratio: "비율",
    same: "같음",
    all: "모든 결과 보기",
    value: "값",
    notes: "알아 둘 점",
    source: "전력량의 구성",
    report: "전체 보고서",
    reportHint: "그림과 가정, 민감도까지 담은 한 장의 HTML 문서입니다. 만드는 데 몇 초 걸립니다.",
    makeReport: "보고서 만들기",
    makingReport: "보고서를 만드는 중",
    openReport: "보고서 열기 (새 창)",
    saveReport: "보고서 내려받기",
    reportKept: "주소는 10분 동안 열립니다.",
    year: "일별 전력",
    yearText: (load: string, peak: string, limit: string) => `일평균 부하 ${load}, 최대 수전 ${peak}, 계약전력 ${limit}.`,
    week: "수전이 가장 많은 주",
    weekText: (from: string, peak: string) => `${from}부터 이레 동안의 시간별 전력. 시간 평균 최대 수전 ${peak}.`,
    duration: "수전 지속 곡선",
    durationText: (top: string, half: string) => `한 해의 1% 동안 ${top} 이상, 절반 동안 ${half} 이상을 수전합니다.`,
    lines: { load: "시설 부하", import: "수전", pv: "태양광", wind: "풍력", discharge: "배터리 방전", charge: "배터리 충전", contract: "계약전력" },
    month: (m: number) => `${m}월`,
    day: (m: number, d: number) => `${m}월 ${d}일`,
    hours: "시간 비율",
    asTable: "표로 보기",
    monthly: "월평균 전력 (MW)",
    sources: { "energy.import": "수전", "energy.pv": "자가 태양광", "energy.wind": "자가 풍력", "energy.battery_out": "배터리 방전" } as Record<string, string>,
    tiles: {
        "fleet.gpus": "GPU",
        "power.it_mean": "IT 전력(평균)",
        "power.pue": "연간 PUE",
        "power.import_peak": "최대 수전",
        "energy.facility": "연간 전력량",
        "service.all_tokens": "처리 토큰",
        "cost.mtoken": "백만 토큰당 비용",
        "cost.capex": "초기 투자비",
        "cost.power": "연간 전력비",
        "finance.npv": "사업 NPV(세후)",
        "finance.irr": "사업 IRR",
        "carbon.location": "탄소 배출",
    } as Record<string, string>,
    sections: { service: "서비스", fleet: "GPU", power: "전력과 냉각", energy: "에너지와 탄소", cost: "비용", finance: "재무", build: "건설", limit: "제약" } as Record<string, string>,
    hints: {
        "site.contract": "단계별 계약전력도 같은 비율로 바뀝니다.",
        "pools[].gpus": "0이면 계약전력에 맞추어 정합니다.",
        "battery.energy": "출력과 함께 정합니다.",
    } as Record<string, string>,
    labels: {
        "services[].gpu_share": "GPU 비율",
        "weather.normals": "기후(월 평년값)",
        "tariff.class": "전기요금 종별",
        "pools[].hardware": "GPU 시스템",
        "build.grid_lead": "계통 연계 기간",
        "fleet.roof.production": "실제 운영 속도(벤치마크 대비)",
    } as Record<string, string>,
    names: { chat: "대화", code: "코드", batch: "일괄", images: "이미지", training: "학습" } as Record<string, string>,
    choices: {
        seoul: "서울", incheon: "인천", gunsan: "군산", ulsan: "울산", custom: "직접 정함",
        general: "일반용(을)", industrial: "산업용(을)", ppa_customer: "PPA 고객", general_small: "일반용(갑)",
        dry: "건식", adiabatic: "단열(분무)", tower: "냉각탑",
    } as Record<string, string>,
    units: { min: "분", h: "시간", months: "개월", GPUs: "장", "KRW/USD": "원/달러", degC: "°C", "%/year": "%/년" } as Record<string, string>,
};

export type PlanWords = typeof ko;

const en: PlanWords = {
    title: "Plan",
    lead: "A year of an AI data centre in steps of five minutes. Change a value and it is computed again, with the results of sillok plan run.",
    variants: "Variants",
    variant: (v) => `Variant ${v}`,
    editing: "Variant to change",
    makeB: "Compare with a variant B",
    copyAB: "Copy A to B",
    copyHint: "Gives variant B the values of variant A.",
    dropB: "Remove variant B",
    design: "Design file",
    designHint: "A YAML file with the changed values, which sillok plan run computes as it is.",
    saveDesign: "Download design",
    openDesign: "Load design",
    baseDesign: "Base design",
    tooLarge: "A design file may have 64 KiB.",
    ownDesign: "Loaded design",
    changed: "changed",
    changes: (n) => (n ? `${n} ${n === 1 ? "value" : "values"} changed` : "Nothing changed"),
    reset: (name) => `Reset ${name}`,
    resetAll: "Reset all",
    slider: (name) => `${name}, slider`,
    between: (least, most) => `Enter a value from ${least} to ${most}.`,
    needNumber: "Enter a number.",
    whole: "Enter a whole number.",
    unset: "automatic",
    running: "Computing",
    first: "Computing the base design",
    done: "New results are here.",
    stale: "Computing with the changed values. Below is the result before.",
    old: "Below is the last result that was computed.",
    noRun: "This design cannot be computed",
    noReport: "The report cannot be made",
    fieldWrong: "Nothing can be computed with this value.",
    waits: {
        limit: (s) => `Over the limit of requests; computing again in about ${s} s.`,
        busy: (s) => `The server is busy; trying again in about ${s} s.`,
    },
    results: "Results of a year",
    resultsOf: (year) => `${year}, the first year with all phases in operation`,
    limit: (part) => `${part} of the contract`,
    figures: "Figures",
    compare: "The two variants compared",
    compareHint: "Differences are variant B less variant A.",
    item: "Item",
    difference: "Difference",
    ratio: "Ratio",
    same: "equal",
    all: "All results",
    value: "Value",
    notes: "What to know",
    source: "Where the energy comes from",
    report: "Full report",
    reportHint: "One HTML document with figures, assumptions and sensitivities. It takes some seconds to make.",
    makeReport: "Make the report",
    makingReport: "Making the report",
    openReport: "Open the report (new window)",
    saveReport: "Download the report",
    reportKept: "The address works for 10 minutes.",
    year: "Power by day",
    yearText: (load, peak, limit) => `Mean load ${load}, highest import ${peak}, contract ${limit}.`,
    week: "The week of the highest import",
    weekText: (from, peak) => `Hours of the seven days from ${from}. Highest hourly import ${peak}.`,
    duration: "Duration curve of import",
    durationText: (top, half) => `Import is at least ${top} during 1% of the year, and at least ${half} during half of it.`,
    lines: { load: "Facility load", import: "Import", pv: "PV", wind: "Wind", discharge: "Battery discharge", charge: "Battery charge", contract: "Contract" },
    month: (m) => ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][m - 1]!,
    day: (m, d) => `${en.month(m)} ${d}`,
    hours: "share of the hours",
    asTable: "As a table",
    monthly: "Mean power by month (MW)",
    sources: { "energy.import": "Import", "energy.pv": "Own PV", "energy.wind": "Own wind", "energy.battery_out": "Through the battery" },
    tiles: {
        "fleet.gpus": "GPUs",
        "power.it_mean": "IT power, mean",
        "power.pue": "PUE of the year",
        "power.import_peak": "Highest import",
        "energy.facility": "Energy of the year",
        "service.all_tokens": "Tokens served",
        "cost.mtoken": "Cost per million tokens",
        "cost.capex": "First capex",
        "cost.power": "Power a year",
        "finance.npv": "NPV after tax",
        "finance.irr": "IRR",
        "carbon.location": "Carbon",
    },
    sections: { service: "Services", fleet: "GPUs", power: "Power and cooling", energy: "Energy and carbon", cost: "Cost", finance: "Finance", build: "Build", limit: "What binds" },
    hints: {
        "site.contract": "The contracts of the phases keep their shares of it.",
        "pools[].gpus": "0: as many as the contract carries.",
        "battery.energy": "Goes with its power.",
    },
    labels: {
        "services[].gpu_share": "share of the GPUs",
        "weather.normals": "Climate (monthly normals)",
        "tariff.class": "Tariff",
        "pools[].hardware": "GPU system",
        "build.grid_lead": "Time to the grid connection",
        "fleet.roof.production": "Speed in production, of benchmarks",
    },
    names: {},
    choices: {
        seoul: "Seoul", incheon: "Incheon", gunsan: "Gunsan", ulsan: "Ulsan", custom: "Custom",
        general: "General (eul)", industrial: "Industrial (eul)", ppa_customer: "PPA customer", general_small: "General (gap)",
        dry: "Dry", adiabatic: "Adiabatic", tower: "Cooling towers",
    },
    units: { degC: "°C", GPUs: "" },
};

export const usePlanWords = ownWords({ ko, en });

/* ---- figures ---- */

const myriads: [number, string][] = [[1e16, "경"], [1e12, "조"], [1e8, "억"], [1e4, "만"]];
const thousands: [number, string][] = [[1e12, " tn"], [1e9, " bn"], [1e6, " M"]];

/** 1.27e13 as "12.7조", "12.7 tn". */
function large(v: number, lang: Lang): string {
    const { short } = formatOf(lang);
    const [scale, name] = (lang === "ko" ? myriads : thousands).find(([s]) => Math.abs(v) >= s) ?? [1, ""];
    return `${short(v / scale)}${name}`;
}

type Said = [string, string]; // number, unit

const scales: Record<string, [number, string, string]> = { // factor, unit in Korean, in English
    "KRW bn": [1e9, "원", "KRW"],
    "KRW tn": [1e12, "원", "KRW"],
    "bn tokens": [1e9, "토큰", "tokens"],
    "tn tokens": [1e12, "토큰", "tokens"],
    M: [1e6, "건", ""],
    "M GPU-h": [1e6, "GPU·시간", "GPU-h"],
    "kt CO2": [1e3, "tCO₂", "tCO₂"],
    "USD M": [1e6, "달러", "USD"],
};
const plain: Record<string, [string, string]> = { // unit in Korean, in English
    "%": ["%", "%"],
    "1": ["", ""],
    KRW: ["원", "KRW"],
    "KRW/kWh": ["원/kWh", "KRW/kWh"],
    "USD/h": ["달러/시간", "USD/h"],
    GPUs: ["장", ""],
    h: ["시간", "h"],
    years: ["년", "years"],
    months: ["개월", "months"],
    year: ["년", ""],
    points: ["점", "points"],
};

/** A value of a result's unit: number and unit apart. */
export function said(v: number | null, unit: string, lang: Lang): Said {
    if (v === null) return ["–", ""];
    const f = formatOf(lang);
    const at = lang === "ko" ? 0 : 1;
    const scale = scales[unit];
    if (scale) return [large(v * scale[0], lang), scale[1 + at] as string];
    const name = plain[unit];
    if (unit === "1") return [f.number(v, 3), ""];
    if (unit === "GPUs") return [f.number(v), name![at]!];
    if (unit === "year") return [f.number(v, 1).replace(",", ""), name![at]!];
    return [Math.abs(v) >= 1e6 ? large(v, lang) : f.short(v), name ? name[at]! : unit];
}

const tight = /^[%원년장건점토개시달]/;

export function saidWhole(v: number | null, unit: string, lang: Lang): string {
    const [number, name] = said(v, unit, lang);
    return !name ? number : `${number}${tight.test(name) && /\d$/.test(number) ? "" : " "}${name}`;
}

/** The sign is told too. */
export const saidChange = (v: number, unit: string, lang: Lang): string => `${v > 0 ? "+" : v < 0 ? "−" : ""}${saidWhole(Math.abs(v), unit === "%" ? "%p" : unit, lang)}`;

export const resultName = (r: Result, lang: Lang, w: PlanWords): string => {
    const name = r[lang];
    const first = name.charAt(0).toUpperCase() + name.slice(1);
    return r.of ? `${w.names[r.of] ?? r.of} · ${first}` : first;
};
