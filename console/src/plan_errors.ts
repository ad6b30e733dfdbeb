// What is wrong with a plan, in Korean. The planner says it in English and the form's people may not read that: each of its
// sentences that a form or a design file can bring about has its Korean here, with the values and bounds that it names.
// The test of the page has every one of them from the server itself. What is not here is shown in English, and said to be.
import type { Failure } from "./api";
import { formatOf } from "./format";
import type { Variable } from "./plan_data";

export interface Told {
    text: string; // Korean; empty: only the server's own words are there
    paths: string[]; // the variables that it is about, as the form or the design names them
}

interface Names {
    variables: Variable[];
    labels: Record<string, string>; // shorter than the variables' own
    names: Record<string, string>; // of elements of lists
    units: Record<string, string>;
}

type Found = Record<string, string>;

/** A variable's name for people, of a path with or without its element: "services[code].ttft", "site.contract". */
function nameOf(path: string, all: Names): string {
    const place = /^(\w+(?:\.\w+)*)\[([^\]]*)\]\.(.+)$/.exec(path);
    const declared = place ? `${place[1]}[].${place[3]}` : path;
    const variable = all.variables.find((v) => v.path === declared);
    if (!variable) return path;
    const name = all.labels[declared] ?? variable.ko.replace(/\(.*\)$|;.*$/, "").trim();
    const element = place?.[2] ?? "";
    return place ? `${all.names[element] ?? (/^\d+$/.test(element) ? `${Number(element) + 1}번째` : element)} ${name}` : name;
}

function number(text: string): string {
    const v = Number(text);
    return text.trim() && Number.isFinite(v) ? formatOf("ko").number(v, 6) : text;
}

interface Say extends Names {
    param: string; // what the server blames, with its element
}

/** The whole path of a variable that the reader names within its element. */
const whole = (path: string, s: Say): string => (s.param.endsWith(`].${path}`) ? s.param : path);
const called = (path: string, s: Say): string => `‘${nameOf(whole(path, s), s)}’`;
const withUnit = (v: string, unit: string | undefined, s: Say): string => {
    const name = unit?.trim() ? (s.units[unit.trim()] ?? unit.trim()) : "";
    return `${number(v)}${!name ? "" : /^[%개장년원분시°]/.test(name) ? name : ` ${name}`}`;
};
const service = (name: string, s: Say): string => `‘${s.names[name] ?? name}’ 서비스`;

interface Rule {
    form: RegExp;
    say(m: Found, s: Say): string;
    paths?(m: Found, s: Say): string[];
}

const own = (m: Found, s: Say): string[] => [whole(m.path!, s)];

const rules: Rule[] = [
    // ---- values that a variable does not take ----
    {
        form: /^(?<path>build\.phases\[.*\]\.contract) is (?<given>\S+) MW; allowed: at most site\.contract, (?<most>\S+) MW$/,
        say: (m) => `건설 단계의 계약전력 ${number(m.given!)} MW는 사이트의 계약전력 ${number(m.most!)} MW를 넘을 수 없습니다.`,
        paths: () => ["site.contract"],
    },
    {
        form: /^(?<path>\S.*?) is (?<given>[-+\d.e]+)(?: (?<unit>[^;]+?))?\s*; allowed(?<here> on the server)?: (?<least>\S+) to (?<most>\S+)(?: .*)?$/,
        say: (m, s) =>
            `${called(m.path!, s)} 값은 ${withUnit(m.least!, m.unit, s)} 이상 ${withUnit(m.most!, m.unit, s)} 이하여야 합니다. 지금은 ${withUnit(m.given!, m.unit, s)}입니다.`,
        // The form sends the phases' contracts with the site's.
        paths: (m, s) => (/^build\.phases\[.*\]\.contract$/.test(whole(m.path!, s)) ? ["site.contract", s.param] : own(m, s)),
    },
    {
        form: /^(?<path>\S+) is (?<given>\d{4}[-Q]\d+); allowed: (?<least>\S+) to (?<most>\S+)$/,
        say: (m, s) => `${called(m.path!, s)} 값은 ${m.least}부터 ${m.most}까지 정할 수 있습니다. 지금은 ${m.given}입니다.`,
        paths: own,
    },
    {
        form: /^(?<path>\S+) is "(?<given>.*)"; it must be a month such as/,
        say: (m, s) => `${called(m.path!, s)}에는 ‘${m.given}’ 대신 2028-03 같은 달이나 2028Q1 같은 분기를 적어 주세요.`,
        paths: own,
    },
    { form: /^(?<path>\S+) is "(?<given>.*)"; allowed: (?<all>.*)$/, say: (m, s) => `${called(m.path!, s)}에는 ‘${m.given}’ 값을 쓸 수 없습니다. 쓸 수 있는 값: ${m.all}`, paths: own },
    { form: /^(?<path>\S+) must be a whole number$/, say: (m, s) => `${called(m.path!, s)}에는 정수를 넣어 주세요.`, paths: own },
    { form: /^(?<path>\S+): "(?<given>.*)" is not a number(?: with a unit, such as (?<such>.*))?$/, say: (m, s) => `${called(m.path!, s)}에는 ‘${m.given}’ 대신 ${m.such ? `단위가 있는 수를 적어 주세요. 예: ${m.such}` : "수를 적어 주세요."}`, paths: own },
    { form: /^(?<path>\S+): "(?<given>.*)" is too large$/, say: (m, s) => `${called(m.path!, s)}의 ‘${m.given}’ 값은 너무 큽니다.`, paths: own },
    { form: /^(?<path>\S+): "(?<given>.*)" needs a unit: (?<all>.*)$/, say: (m, s) => `${called(m.path!, s)}의 ‘${m.given}’에 단위를 붙여 주세요. 쓸 수 있는 단위: ${m.all}`, paths: own },
    { form: /^(?<path>\S+): (?:unknown|wrong) unit "?(?<given>[^";]*)"?; allowed: (?<all>.*)$/, say: (m, s) => `${called(m.path!, s)}에는 단위 ‘${m.given}’ 대신 다음 중 하나를 써 주세요. ${m.all}`, paths: own },
    { form: /^(?<path>\S+) must be one value, not a list or mapping$/, say: (m, s) => `${called(m.path!, s)}에는 목록이 아니라 값 하나를 적어 주세요.`, paths: own },
    { form: /^(?<path>\S+) must be a list of (?<n>\d+) numbers/, say: (m, s) => `${called(m.path!, s)}에는 수 ${m.n}개의 목록을 적어 주세요. 예: [1, 2, ...]`, paths: own },
    { form: /^(?<path>\S+) has (?<given>\d+) numbers; it needs (?<least>1 to )?(?<n>\d+)$/, say: (m, s) => `${called(m.path!, s)}에는 수를 ${m.least ? "1개 이상 " : ""}${m.n}개${m.least ? " 이하로" : ""} 적어 주세요. 지금은 ${m.given}개입니다.`, paths: own },
    { form: /^(?<path>\S+) is longer than (?<n>\d+) bytes$/, say: (m, s) => `${called(m.path!, s)}에는 ${m.n}바이트까지 적을 수 있습니다.`, paths: own },
    { form: /^(?<path>\S+): a value has at most (?<n>\d+) bytes and no control characters$/, say: (m, s) => `${called(m.path!, s)}에는 ${m.n}바이트까지 적을 수 있고, 줄 바꿈 같은 제어 문자는 쓸 수 없습니다.`, paths: own },
    { form: /^(?<path>\S+) holds control characters or is not UTF-8$/, say: (m, s) => `${called(m.path!, s)}에 쓸 수 없는 글자가 있습니다.`, paths: own },
    { form: /^(?<path>\S+) is a constant and cannot be set/, say: (m, s) => `${called(m.path!, s)} 값은 바꿀 수 없는 상수입니다.`, paths: own },

    // ---- what a design file lacks, or has too much of ----
    { form: /^(?<path>\S+) must be a list: one/, say: (m) => `‘${m.path}’에는 목록을 적어 주세요. 항목마다 ‘- ’로 시작합니다.` },
    { form: /^(?<path>\S+) has (?<given>\d+) elements; allowed: (?<least>\d+) to (?<most>\d+)$/, say: (m) => `‘${m.path}’ 항목은 ${m.least}개 이상 ${m.most}개 이하여야 합니다. 지금은 ${m.given}개입니다.` },
    { form: /^an element of (?<path>\S+) must be a mapping/, say: (m) => `‘${m.path}’의 항목에는 ‘이름: 값’ 꼴로 적어 주세요.` },
    { form: /^(?<path>\S+) must be a mapping of keys$/, say: (m) => `‘${m.path}’ 아래에는 ‘이름: 값’ 꼴로 적어 주세요.` },
    { form: /^a design is a mapping of keys/, say: () => "설계 파일이 아닙니다. 설계 파일은 site:, services: 같은 ‘이름: 값’으로 이루어집니다." },
    { form: /^the file is empty/, say: () => "설계 파일이 비어 있습니다." },
    {
        form: /^(?:(?<list>[\w.]+): )?(?<path>[\w.]+) is missing(?: \(needed when (?<when>[^)]*)\))?: /,
        say: (m, s) => {
            const name = nameOf(m.list ? `${m.list}[].${m.path}` : m.path!, s).trim();
            return `필요한 값이 없습니다: ‘${name}’${name === m.path ? "" : ` (${m.path})`}.${m.when ? ` ${m.when.replaceAll("|", " 또는 ")}일 때 필요합니다.` : ""}`;
        },
        paths: (m) => {
            const when = m.when?.replace(/=.*/, "");
            return when ? [m.list && !when.includes(".") ? `${m.list}[].${when}` : when] : [];
        },
    },
    { form: /^unknown key "(?<path>[^"]*)"(?: \(did you mean (?<near>[^?]*)\?\))?; allowed here: (?<all>.*)$/, say: (m) => `쓸 수 없는 이름이 있습니다: ‘${m.path}’.${m.near ? ` 혹시 ‘${m.near}’인가요?` : ""} 여기에 쓸 수 있는 이름: ${m.all}` },
    { form: /^(?<path>\S+) was given before, in line (?<line>\d+)$/, say: (m) => `‘${m.path}’ 값이 ${m.line}번째 줄에 이미 있습니다.` },
    { form: /^not YAML: /, say: () => "YAML 형식에 맞지 않습니다. 들여쓰기와 따옴표, 괄호를 확인해 주세요." },
    { form: /: not text in UTF-8/, say: () => "UTF-8로 저장된 글이 아닙니다. 설계 파일을 UTF-8로 저장해 주세요." },
    { form: /^nested too deeply$/, say: () => "단계가 너무 깊습니다." },
    { form: /^a design has at most (?<n>\d+) bytes/, say: (m) => `설계 파일은 ${number(m.n!)}바이트까지 쓸 수 있습니다.` },
    { form: /^a design has at most (?<n>\d+) brackets/, say: (m) => `설계 파일에는 괄호 [ 와 { 를 ${number(m.n!)}개까지 쓸 수 있습니다.` },
    { form: /^(?<path>\S+) names a file, and the server reads none/, say: (m, s) => `서버는 다른 파일을 읽지 않습니다. ${called(m.path!, s)} 값을 빼 주세요. 파일이 필요한 설계는 sillok plan run으로 계산할 수 있습니다.`, paths: own },
    { form: /^(?<path>weather\.source) needs a file; allowed: (?<all>.*)$/, say: (m, s) => `서버는 기상 파일을 읽지 않습니다. ${called(m.path!, s)}에는 ${m.all} 값을 써 주세요.`, paths: own },
    { form: /^(?<path>\S.*) cannot be changed in this design; write it there$/, say: (m, s) => `${called(m.path!, s)} 값은 이 설계에서는 여기서 바꿀 수 없습니다. 설계 파일에서 고쳐 주세요.`, paths: own },
    { form: /^(?<path>\S.*) cannot be changed here: /, say: (m, s) => `${called(m.path!, s)} 값은 이 설계 파일에서는 여기서 바꿀 수 없습니다. 설계 파일에서 고쳐 주세요.`, paths: own },
    { form: /^the design has no (?<path>.*)$/, say: (m) => `이 설계에는 ${m.path} 항목이 없습니다.` },
    { form: /^there is no variable (?<path>[^\s;]+)/, say: (m) => `‘${m.path}’ 변수는 없습니다.` },

    // ---- values that do not go together ----
    {
        form: /^site\.contract of (?<given>\S+) MW is too small: the machines alone take (?<least>\S+) MW/,
        say: (m) => `계약전력 ${number(m.given!)} MW로는 부족합니다. 장비가 쉬고 있을 때도 손실과 냉각을 합쳐 ${number(m.least!)} MW를 씁니다. 계약전력을 늘리거나 GPU 수를 줄여 주세요.`,
        paths: () => ["site.contract", "pools[].gpus"],
    },
    {
        form: /^pools\[(?<name>.*)\]\.gpus: (?<given>\S+) kW of contract at PUE (?<pue>\S+) do not feed one (?<hw>\S+) of (?<least>\S+) kW$/,
        say: (m) => `계약전력이 너무 작습니다. GPU에 쓸 수 있는 ${number(m.given!)} kW로는 ${number(m.least!)} kW가 드는 ${m.hw} 시스템을 한 대도 켤 수 없습니다.`,
        paths: () => ["site.contract"],
    },
    {
        form: /^site\.contract: facility: (?:(?<given>\S+) kW are too little|the (?:contract|design IT) power must be above 0)/,
        say: (m) => `계약전력이 너무 작습니다.${m.given ? ` ${number(m.given)} kW로는 전력 설비를 단계마다 한 대도 둘 수 없습니다.` : ""}`,
        paths: () => ["site.contract"],
    },
    {
        form: /^services\[(?<name>.*)\]\.(?<path>ttft|tpot): (?<given>\S+) (?<unit>m?s) is out of reach; allowed: above (?<least>\S+) m?s, which (?:it takes|the job computes).* (?:\((?<n>\S+) x (?<hw>\S+)\)|on (?<hw2>\S+))$/,
        say: (m, s) => {
            const unit = m.unit === "ms" ? "밀리초" : "초";
            return `${service(m.name!, s)}의 ${m.path === "ttft" ? "첫 토큰 시간" : "출력 토큰당 시간"} 목표 ${number(m.given!)}${unit}를 지킬 수 없습니다. 비어 있는 ${m.hw ?? m.hw2} 시스템에서도 ${number(m.least!)}${unit}가 걸립니다. 더 빠른 GPU 시스템을 고르거나 실제 운영 속도를 높이거나, 설계 파일에서 목표를 늘려 주세요.`;
        },
        paths: () => ["fleet.roof.production", "pools[].hardware"],
    },
    {
        form: /^services\[(?<name>.*)\]\.model: (?<model>\S+) in (?<n>\S+) GPUs of (?<hw>\S+) leaves no HBM/,
        say: (m, s) => `${service(m.name!, s)}의 ${m.model} 모델은 ${m.hw} GPU ${m.n}장의 메모리에 들어가지 않습니다. 메모리가 더 큰 GPU 시스템을 골라 주세요.`,
        paths: () => ["pools[].hardware"],
    },
    {
        form: /^services\[(?<name>.*)\]\.precision: (?<hw>\S+) has no (?<what>\S+); /,
        say: (m, s) => `${service(m.name!, s)}: ${m.hw} 시스템은 ${m.what} 연산을 하지 못합니다.`,
        paths: () => ["pools[].hardware"],
    },
    {
        form: /^battery\.power and battery\.energy: give both or neither$/,
        say: () => "배터리 출력과 용량을 함께 정해 주세요. 배터리를 두지 않으려면 둘 다 0으로 합니다.",
        paths: () => ["battery.power", "battery.energy"],
    },
    {
        form: /^phase (?<n>\d+) starts operating (?<given>\d+) quarters after the first spending, finance\.years \((?<years>\d+)\) end before/,
        say: (m) => `${m.n}단계는 첫 지출에서 ${m.given}분기 뒤에야 가동되는데, 분석 기간 ${m.years}년이 그전에 끝납니다. 계통 연계 기간을 줄이거나 설계 파일에서 분석 기간을 늘려 주세요.`,
        paths: () => ["build.grid_lead"],
    },
    { form: /^the year shown \((?<year>\d+)\) is not within (?<years>\d+) years of build\.decision$/, say: (m) => `결과를 보일 해(${m.year}년)가 건설 결정에서 ${m.years}년을 넘습니다. 건설 기간을 줄여 주세요.`, paths: () => ["build.grid_lead"] },
    { form: /^build\.phases: (?<b>.*) starts before (?<a>.*); phases stand/, say: (m) => `단계는 시간 순서로 적어 주세요. ‘${m.b}’ 단계가 ‘${m.a}’ 단계보다 먼저 시작합니다.` },
    { form: /^build\.phases: (?<b>.*) has fewer GPUs than (?<a>.*); /, say: (m) => `단계의 GPU 비율은 그때까지의 합계입니다. ‘${m.b}’ 단계가 ‘${m.a}’ 단계보다 적습니다.` },
    { form: /^build\.phases: the contract of (?<b>.*) is below that of (?<a>.*); /, say: (m) => `단계의 계약전력은 그때까지의 합계입니다. ‘${m.b}’ 단계가 ‘${m.a}’ 단계보다 작습니다.` },
    { form: /^battery\.soc_min must be below/, say: () => "배터리의 최저 충전율은 최고 충전율보다 낮아야 합니다." },
    { form: /^battery\.soc_start must lie between/, say: () => "배터리의 초기 충전율은 최저 충전율과 최고 충전율 사이여야 합니다." },
    { form: /^finance\.debt_years and finance\.debt_grace are longer/, say: () => "거치 기간과 상환 기간의 합이 분석 기간보다 깁니다." },
    { form: /^two (?<what>pools|services) are named "(?<name>.*)"$/, say: (m) => `이름이 ‘${m.name}’인 ${m.what === "pools" ? "GPU 풀이" : "서비스가"} 둘입니다. 이름을 서로 다르게 해 주세요.` },
    { form: /^services\[(?<name>.*)\]\.pool: there is no pool "(?<pool>.*)"$/, say: (m, s) => `${service(m.name!, s)}가 쓸 GPU 풀이 없습니다: ‘${m.pool}’.` },
    { form: /^services\[(?<name>.*)\]\.(?<what>hours|months) are all 0$/, say: (m, s) => `${service(m.name!, s)}의 ${m.what === "hours" ? "시간별" : "월별"} 가중치가 모두 0입니다.` },
    { form: /^services\[(?<name>.*)\]\.long_share needs/, say: (m, s) => `${service(m.name!, s)}: 긴 요청의 비율을 정하려면 긴 요청의 입력과 출력 토큰도 정해 주세요.` },
    { form: /^tariff\.option: this class has no such option/, say: () => "이 전기요금 종별과 전압에는 고른 선택 요금이 없습니다. cheapest를 써 주세요.", paths: () => ["tariff.class"] },
    { form: /^tariff\.pf_reference must lie between/, say: () => "역률 기준은 역률의 하한과 상한 사이여야 합니다." },
    { form: /^run\.(?:outline_)?step must divide an hour/, say: () => "시간 간격은 한 시간을 나누는 값이어야 합니다. 예: 5, 10, 15, 30, 60 min" },
    { form: /^run\.year must be 0/, say: () => "표시 연도는 0(자동)이거나 2020에서 2060 사이여야 합니다." },
    { form: /^cooling: the (?<what>air|liquid) loop needs/, say: (m) => `${m.what === "air" ? "공기" : "액체"} 냉각의 온도 차는 0보다 커야 합니다.` },
    { form: /^wind: cut_in < rated < cut_out is needed$/, say: () => "풍력 터빈의 시동 풍속, 정격 풍속, 정지 풍속은 이 순서로 커야 합니다." },
    { form: /^wind\.capacity_factor: at most 1 - wind\.losses = (?<most>\S+)$/, say: (m) => `풍력 이용률은 손실을 뺀 ${number(m.most!)} 이하여야 합니다.` },
];

/** What the server has a word for. */
const codes: Record<string, (f: Failure) => string> = {
    plan_too_long: (f) => `계산이 ${/more than (\d+) s/.exec(f.message)?.[1] ?? ""}초를 넘겨 멈추었습니다. 마지막 단계까지의 기간을 줄이거나, 설계 파일에서 시간 간격을 늘리거나 서비스를 줄여 주세요.`,
    plan_too_large: (f) => `계산에 메모리가 ${/more than (\d+) MiB/.exec(f.message)?.[1] ?? ""} MiB보다 많이 듭니다. 설계 파일에서 시간 간격을 늘리거나 서비스를 줄여 주세요.`,
    plan_running: () => "이 키로 이미 계획을 계산하고 있습니다. 끝난 뒤에 다시 시도해 주세요.",
    plans_full: () => "다른 계획들을 계산하고 있습니다. 잠시 뒤에 다시 시도해 주세요.",
    rate_limit_exceeded: () => "짧은 시간에 요청을 너무 많이 보냈습니다. 잠시 뒤에 다시 시도해 주세요.",
    insufficient_quota: () => "오늘 쓸 수 있는 양을 모두 썼습니다.",
    draining: () => "서버가 멈추고 있습니다. 서버가 다시 열리면 시도해 주세요.",
    report_gone: () => "보고서는 10분 동안만 보관됩니다. 다시 만들어 주세요.",
};

/** A failure of a plan in Korean. own: the design is a file of one's own as it was written,
 *  whose lines mean something to its owner. */
export function toldPlan(f: Failure, all: Names, own: boolean): Told {
    const known = codes[f.code];
    if (known) return { text: known(f), paths: [] };
    const at = /^design\.yaml(?::(\d+))?(?::\d+)?: /.exec(f.message);
    const message = f.message.slice(at?.[0].length ?? 0);
    const say: Say = { ...all, param: f.param };
    const blamed = f.param && f.param !== "design" ? [f.param] : [];
    for (const rule of rules) {
        const found = rule.form.exec(message);
        if (!found) continue;
        const m = (found.groups ?? {}) as Found;
        const line = own && at?.[1] && at[1] !== "1" ? `설계 파일 ${at[1]}번째 줄: ` : "";
        return { text: line + rule.say(m, say), paths: [...blamed, ...(rule.paths?.(m, say) ?? [])] };
    }
    return { text: "", paths: blamed };
}

/** Does a path of an error mean a control's? "pools[].gpus" means it in every element. */
export const meansPath = (path: string, control: string): boolean => path === control || path === control.replace(/\[[^\]]*\]/, "[]");
