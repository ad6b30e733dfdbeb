// What the server refuses of a plan is told in Korean: each mistake that the form or a design file can bring about is made
// against a real server, and the sentence that the page shows for it is read.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server } from "./lib_serve.mjs";
import { skip, test, done } from "./tap.mjs";

const npm = spawnSync("sh", ["tools/npm.sh", "console"], { encoding: "utf8" });
if (npm.status !== 0) {
    skip("a plan's mistakes are told in Korean", npm.stdout.trim());
    done();
}
const { build } = createRequire(new URL("../../console/package.json", import.meta.url))("esbuild");
const folder = mkdtempSync(join(tmpdir(), "sillok-plan-errors-"));
const { outputFiles } = await build({ entryPoints: ["console/src/plan_errors.ts"], bundle: true, write: false, format: "esm", jsx: "automatic", jsxImportSource: "preact", logLevel: "error" });
writeFileSync(join(folder, "plan_errors.mjs"), outputFiles[0].contents);
const { toldPlan, meansPath } = await import(join(folder, "plan_errors.mjs"));
rmSync(folder, { recursive: true });

const server = await Server.start({ more: { keys: false } });
const { variables } = await (await fetch(`${server.origin}/plan/variables`)).json();
const names = { variables, labels: {}, names: { code: "코드" }, units: { months: "개월", min: "분" } };
const base = readFileSync("examples/korea-250mw.yaml", "utf8");

async function refused(body) {
    const r = await fetch(`${server.origin}/plan/run`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const answer = await r.json();
    assert.equal(r.ok, false, `this runs: ${JSON.stringify(body).slice(0, 200)}`);
    return { kind: "request", code: answer.error.code ?? "", param: answer.error.param ?? "", message: answer.error.message };
}

/** The Korean for what comes of a body, and the controls that it marks. */
async function told(body) {
    const failure = await refused(body);
    const said = toldPlan(failure, names, body.design !== undefined && !body.set);
    assert.notEqual(said.text, "", `no Korean for: ${failure.message}`);
    return said;
}

const design = (change) => {
    const text = change(base);
    assert.notEqual(text, base, "nothing was changed");
    return { design: text };
};
const more = (text) => design((b) => `${b}\n${text}\n`);

const cases = [
    // What the form can ask for.
    [{ set: { "site.contract": 0.001 } }, /^‘계약전력’ 값은 0\.01 MW 이상 10,000 MW 이하여야 합니다\. 지금은 0\.001 MW입니다\.$/, "site.contract"],
    [{ set: { "site.contract": 0.01, "build.phases[first hall].contract": 0.003, "build.phases[second hall].contract": 0.007 } }, /^‘first hall 단계 후 계약전력’ 값은 0\.01 MW 이상/, "site.contract"],
    [{ set: { "site.contract": 100 } }, /^건설 단계의 계약전력 170 MW는 사이트의 계약전력 100 MW를 넘을/, "site.contract"],
    [{ set: { "pools[halls].gpus": 2000000 } }, /계약전력 250 MW로는 부족합니다\. .*[\d,.]+ MW를 씁니다/, "pools[halls].gpus"],
    [{ set: { "site.contract": 0.05, "build.phases[first hall].contract": 0.016, "build.phases[second hall].contract": 0.034 } }, /계약전력/, "site.contract"],
    [{ set: { "build.grid_lead": 180 } }, /^1단계는 첫 지출에서 \d+분기 뒤에야 가동되는데, 분석 기간 15년이 그전에 끝납니다/, "build.grid_lead"],
    [{ set: { "build.grid_lead": 200 } }, /0개월 이상 180개월 이하/, "build.grid_lead"],
    [{ set: { "battery.power": 10 } }, /^배터리 출력과 용량을 함께/, "battery.energy"],
    [{ set: { "fleet.roof.production": 10 } }, /^‘코드’ 서비스의 첫 토큰 시간 목표 1초를 지킬 수 없습니다\. 비어 있는 dgx-b300 시스템에서도 [\d.]+초가 걸립니다/, "fleet.roof.production"],
    [{ set: { "pools[halls].gpus": 1.5 } }, /^‘halls 설치 GPU 수’에는 정수를/, "pools[halls].gpus"],
    [{ set: { "weather.normals": "custom" } }, /^필요한 값이 없습니다: ‘.*월평균 기온’ \(weather\.temperature\)\. weather\.normals=custom일 때/, "weather.normals"],
    [{ set: { "pools[halls].hardware": "custom" } }, /^필요한 값이 없습니다: .*bf16/, "pools[halls].hardware"],
    [{ set: { "pools[halls].hardware": "abacus" } }, /시스템 종류’에는 ‘abacus’ 값을 쓸 수 없습니다\. 쓸 수 있는 값: dgx-h100/, "pools[halls].hardware"],
    [{ set: { "run.step": 1 } }, /시간 간격’ 값은 5분 이상 60분 이하여야 합니다\. 지금은 1분/, "run.step"],
    [{ set: { "run.step": 7 } }, /한 시간을 나누는/],
    [{ set: { "weather.source": "epw" } }, /^필요한 값이 없습니다: ‘weather\.file’\. weather\.source=epw 또는 tmy3일 때/],
    [{ set: { "no.such": 1 } }, /‘no\.such’ 변수는 없습니다/],
    [{ set: { "services[nobody].gpu_share": 10 } }, /services\[nobody\] 항목이 없습니다/],

    // What a design file may have.
    [{ design: "site: {name: x}\n" }, /^필요한 값이 없습니다: ‘계약전력’ \(site\.contract\)\.$/],
    [{ design: "- a\n- b\n" }, /설계 파일이 아닙니다/],
    [{ design: " " }, /비어 있습니다/],
    [{ design: "site: [\n" }, /^설계 파일 \d+번째 줄: YAML 형식에 맞지 않습니다/],
    [design((b) => b.replace("contract: 250 MW", "contract: 250")), /^설계 파일 11번째 줄: ‘계약전력’의 ‘250’에 단위를 붙여 주세요\. 쓸 수 있는 단위: .*MW/],
    [design((b) => b.replace("contract: 250 MW", "contract: 250 km")), /단위 ‘km’ 대신/],
    [design((b) => b.replace("contract: 250 MW", "contract: 250 GPUs")), /단위 ‘GPUs?’ 대신/],
    [design((b) => b.replace("contract: 250 MW", "contract: many")), /‘many’ 대신 단위가 있는 수를/],
    [design((b) => b.replace("contract: 250 MW", "contract: 1e999 MW")), /너무 큽니다/],
    [design((b) => b.replace("contract: 250 MW", "contract: [1, 2]")), /값 하나를/],
    [design((b) => b.replace("contract: 250 MW", "contrakt: 250 MW")), /쓸 수 없는 이름이 있습니다: ‘site\.contrakt’\. 혹시 ‘contract’인가요/],
    [design((b) => b.replace("gpu_share: 30 %", "gpu_share: 300 %")), /^설계 파일 \d+번째 줄: ‘gpu_share’ 값은 0% 이상 100% 이하/],
    [design((b) => b.replace("decision: 2026Q3", "decision: soon")), /건설 결정 시점’에는 ‘soon’ 대신 2028-03 같은 달이나/],
    [design((b) => b.replace("decision: 2026Q3", "decision: 1999Q3")), /건설 결정 시점’ 값은 \d{4}-\d\d부터/],
    [design((b) => b.replace("start: 2031Q3", "start: 2028Q3")), /시간 순서로/],
    [design((b) => b.replace("gpus: 65 %", "gpus: 20 %")), /단계의 GPU 비율은 그때까지의 합계/],
    [design((b) => b.replace("contract: 170 MW", "contract: 70 MW")), /단계의 계약전력은 그때까지의 합계/],
    [design((b) => b.replace("- name: code", "- name: chat")), /이름이 ‘chat’인 서비스가 둘입니다/],
    [design((b) => b.replace("    gpu_share: 10 %", "    gpu_share: 10 %\n    pool: attic")), /GPU 풀이 없습니다: ‘attic’/],
    [design((b) => b.replace("    gpu_share: 10 %", "    gpu_share: 10 %\n    tpot: 0.1 ms")), /출력 토큰당 시간 목표 0\.1밀리초를 지킬 수 없습니다/],
    [design((b) => b.replace("    gpu_share: 10 %", "    gpu_share: 10 %\n    months: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]")), /월별 가중치가 모두 0/],
    [design((b) => b.replace("    gpu_share: 10 %", "    gpu_share: 10 %\n    months: [1, 2]")), /수를 12개 적어 주세요\. 지금은 2개/],
    [design((b) => b.replace("    gpu_share: 10 %", "    gpu_share: 10 %\n    months: 3")), /수 12개의 목록/],
    [design((b) => b.replace("    gpu_share: 10 %", "    gpu_share: 10 %\n    long_share: 10 %\n    long_input_tokens: 0 tokens\n    long_output_tokens: 0 tokens")), /긴 요청의 입력과 출력 토큰도/],
    [design((b) => b.replace("    gpu_share: 10 %", "    gpu_share: 10 %\n    trace: trace.csv")), /서버는 다른 파일을 읽지 않습니다\. ‘services\[code\]\.trace’ 값을/],
    [more("site:\n  name: twice"), /이미 있습니다/],
    [more("services: 3"), /이미 있습니다/],
    [more("battery: {soc_min: 90 %, soc_max: 10 %}"), /최저 충전율은 최고 충전율보다/],
    [more("battery: {soc_start: 1 %, soc_min: 20 %}"), /초기 충전율은/],
    [more("finance: {debt_years: 14, debt_grace: 5}"), /거치 기간과 상환 기간의 합/],
    [more("tariff: {option: 3, voltage: low}"), /‘선택요금’에는 ‘3’ 값을 쓸 수 없습니다/],
    [more("run: {year: 3}"), /표시 연도/],
    [more("wind: {cut_in: 20 m/s, rated: 10 m/s}"), /‘시동 풍속’ 값은 0 m\/s 이상/],
    [{ design: `${base}\n# ${"x".repeat(70_000)}\n` }, /65,536바이트까지/],
    [{ design: `${base}\n# ${"[".repeat(2000)}\n` }, /괄호 \[ 와 \{ 를 1,024개까지/],
    [{ set: { "site.name": "a\nb" } }, /^‘사이트 이름’에는 \d+바이트까지 적을 수 있고/],
    [{ design: `${base}\nwind: {capacity: &p 10 MW}\npv: {capacity: *p}\n`, set: { "pv.capacity": 1 } }, /‘자가 태양광 용량’ 값은 이 설계 파일에서는 여기서 바꿀 수 없습니다/],
];

const leftOver = /\b(?:is|are|must|allowed|needs?|missing|the|than|line)\b/;
for (const [body, form, marks] of cases) {
    await test(`told in Korean: ${body.set ? JSON.stringify(body.set) : form}`, async () => {
        const said = await told(body);
        if (process.env.SHOW) console.log(`# ${said.text} [${said.paths}]`);
        assert.match(said.text, form);
        assert.match(said.text, /[가-힣].*[.?]?$/u);
        assert.doesNotMatch(said.text.replace(/쓸 수 있는 (?:값|단위|이름): .*/, ""), leftOver);
        if (marks) assert.ok(said.paths.some((p) => meansPath(p, marks)), `${said.paths} and ${marks}`);
    });
}

await test("what has a code is told by it, with its figures", () => {
    const of = (code, message = "") => toldPlan({ kind: "request", code, param: "", message }, names, false).text;
    assert.match(of("plan_too_long", "the run took more than 20 s and was ended; a shorter time"), /^계산이 20초를 넘겨/);
    assert.match(of("plan_too_large", "the run needs more than 192 MiB"), /192 MiB보다/);
    for (const code of ["plan_running", "plans_full", "rate_limit_exceeded", "insufficient_quota", "draining", "report_gone"]) assert.match(of(code), /[가-힣]/u);
});

await test("what is not known here is left to the server's own words", () => {
    assert.deepEqual(toldPlan({ kind: "request", code: "invalid_design", param: "design", message: "design.yaml:3: something quite new" }, names, false), { text: "", paths: [] });
});

await server.stop();
done();
