// The console's plans in a real browser, against a real server: a slider by the keyboard, what is wrong at its field, two
// variants side by side, the report, designs saved and loaded, both languages, a phone, the dark, accessibility.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { drawn, launch, noSerious, picture } from "./lib_browser.mjs";
import { Server, patience, sillok, until } from "./lib_serve.mjs";
import { test, done } from "./tap.mjs";

const { browser, newContext, axeSource } = await launch("console: plans in a browser");
const server = await Server.start({ more: { keys: false } });
const context = await newContext({ viewport: { width: 1440, height: 1000 }, locale: "ko-KR", reducedMotion: "reduce" });
const page = await context.newPage();
const problems = [];
page.on("pageerror", (e) => problems.push(String(e)));
page.on("console", (m) => m.type() === "error" && !/Failed to load resource/.test(m.text()) && problems.push(m.text()));
page.on("request", (r) => !r.url().startsWith(server.origin) && !/^(data|blob):/.test(r.url()) && problems.push(`asks elsewhere: ${r.url()}`));

const settled = async () => {
    await drawn(page); // what was changed has begun to be computed
    await until(async () => (await page.locator(".plan-busy").count()) === 0 && (await page.getByText(/계산하는 중|기다리고 있습니다|Computing/).count()) === 0, "a run's end");
};
const tile = (name) => page.locator(".stat", { has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd").innerText();
const field = (name) => page.getByLabel(name, { exact: true });
const design = async () => {
    const [d] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "설계 내려받기" }).click()]);
    return readFileSync(await d.path(), "utf8");
};

await test("the base design's year is shown, as the command has it", async () => {
    await page.goto(`${server.origin}/#/plan`);
    await page.getByText("GPU", { exact: true }).first().waitFor();
    await settled();
    const r = spawnSync(sillok, ["plan", "run", "examples/korea-250mw.yaml", "--json"], { encoding: "utf8" });
    const { results } = JSON.parse(r.stdout);
    const value = (key) => results.find((x) => x.key === key).value;
    assert.equal(await tile("GPU"), `${value("fleet.gpus").toLocaleString("ko")}장`);
    assert.match(await tile("초기 투자비"), /^[\d.,]+조\s*원$/);
    assert.match(await tile("최대 수전"), /^[\d.]+MW\s*계약전력의 \d+%$/);
    assert.equal(Number((await tile("연간 PUE")).trim()), Number(value("power.pue").toFixed(3)));
    await noSerious(page, axeSource);
    await picture(page, "plan");
});

await test("a slider moved by the keyboard changes the year, and is marked", async () => {
    const before = await tile("연간 전력량");
    const slider = page.getByRole("slider", { name: "자가 태양광 용량 조절" });
    await slider.focus();
    for (let i = 0; i < 10; i++) await slider.press("ArrowRight");
    await settled();
    assert.equal(await field("자가 태양광 용량").inputValue(), "100");
    await page.getByText("바꾼 값 1개").waitFor();
    await page.getByText("자가 태양광", { exact: false }).first().waitFor();
    await until(async () => (await page.locator(".plan-sources").innerText()).includes("자가 태양광"), "PV among the sources");
    assert.equal(await tile("연간 전력량"), before);
    await page.getByRole("button", { name: "자가 태양광 용량 처음 값으로" }).click();
    await until(async () => !(await page.locator(".plan-sources").innerText()).includes("자가 태양광"), "the base again");
    await page.getByText("바꾼 값 없음").waitFor();
});

await test("a wrong value is told at its field, in its language; what the server refuses too", async () => {
    const contract = field("계약전력");
    await contract.fill("99999");
    await page.getByText("0.01 이상 10,000 이하의 값을 넣어 주세요.").waitFor();
    assert.equal(await contract.getAttribute("aria-invalid"), "true");
    const told = await contract.getAttribute("aria-describedby");
    assert.match(await page.locator(`#${told.split(" ").at(-1)}`).innerText(), /이하의 값/);
    await contract.fill("0.05");
    await page.getByText("이 설계로는 계산할 수 없습니다").waitFor();
    const why = "계약전력이 너무 작습니다. 50 kW로는 전력 설비를 단계마다 한 대도 둘 수 없습니다.";
    assert.equal(await page.locator(".error-note p").innerText(), why);
    assert.equal(await page.locator(".plan-var", { has: contract }).locator(".field-wrong").innerText(), why);
    await page.getByText("아래는 마지막으로 계산된 결과입니다.").waitFor();
    await noSerious(page, axeSource);
    await picture(page, "plan-wrong");
    await contract.fill("200");
    await settled();
    await page.getByText(why).first().waitFor({ state: "detached" });
    assert.match(await design(), /contract: 136 MW/, "the phases keep their shares");
    await page.getByRole("button", { name: "모두 처음 값으로" }).click();
    await settled();
});

await test("two variants stand side by side with their differences", async () => {
    await page.getByRole("button", { name: "B안을 만들어 비교" }).click();
    await page.getByLabel("GPU 시스템", { exact: true }).selectOption("gb300-nvl72");
    await page.getByRole("slider", { name: "배터리 출력 조절" }).press("ArrowRight");
    await field("배터리 용량").fill("40");
    await field("자가 태양광 용량").fill("150");
    await settled();
    const table = page.locator(".table[aria-label='두 안의 비교']");
    await until(async () => /\+[\d.,]+장/.test(await table.innerText()) || /−[\d.,]+장/.test(await table.innerText()), "a difference of GPUs");
    assert.match(await table.innerText(), /[+−][\d.]+%/);
    assert.match(await table.innerText(), /같음/);
    assert.equal(await page.locator(".plot").count(), 6);
    await noSerious(page, axeSource);
    await page.locator(".table").first().scrollIntoViewIfNeeded();
    await picture(page, "plan-compare");
    await page.locator(".plots").scrollIntoViewIfNeeded();
    await picture(page, "plan-figures");
    await page.getByRole("button", { name: "A안을 B안으로 복사" }).click();
    await settled();
    await until(async () => !/[+−][\d.,]+장/.test(await table.innerText()), "equal variants");
    await page.getByRole("button", { name: "B안 없애기" }).click();
    await table.waitFor({ state: "detached" });
});

await test("the figures say in words what they show", async () => {
    const text = await page.getByRole("img", { name: /^일별 전력/ }).getAttribute("aria-label");
    assert.match(text, /일평균 부하 [\d.]+ MW, 최대 수전 [\d.]+ MW, 계약전력 250 MW/);
    await page.getByText("표로 보기").click();
    await page.getByRole("region", { name: "월평균 전력 (MW)" }).waitFor();
});

await test("the design is saved, runs by the command, and is loaded again", async () => {
    await field("환율").fill("1500");
    await settled();
    const text = await design();
    assert.match(text, /finance\.fx: 1500 KRW\/USD/);
    const file = join(server.folder, "mine.yaml");
    writeFileSync(file, text.replace(/name: Korea 250 MW, base design/, "name: 우리 설계"));
    const r = spawnSync(sillok, ["plan", "run", file, "--json"], { encoding: "utf8" });
    const npv = JSON.parse(r.stdout).results.find((x) => x.key === "finance.npv").value;
    const [, number, scale] = /^(-?[\d.,]+)([조억])\s*원$/.exec(await tile("사업 NPV\\(세후\\)"));
    const shown = Number(number.replaceAll(",", "")) * (scale === "조" ? 1000 : 0.1);
    assert.ok(Math.abs(shown - npv) <= 0.006 * Math.abs(npv), `${shown} and ${npv}`);
    await page.locator("input[type=file]").setInputFiles(file);
    await page.getByText("불러온 설계: 우리 설계").waitFor();
    await settled();
    assert.equal(await field("환율").inputValue(), "1500");
    writeFileSync(file, "site: {name: x}\n");
    await page.locator("input[type=file]").setInputFiles(file);
    await page.locator(".error-note", { hasText: "필요한 값이 없습니다: ‘계약전력’ (site.contract)." }).waitFor();
    await page.locator(".plan-designs", { hasText: "필요한 값이 없습니다: ‘계약전력’ (site.contract)." }).waitFor();
    await picture(page, "plan-bad-design");
    await page.getByRole("button", { name: "기본 설계로" }).click();
    await settled();
});

await test("the report opens as a document of its own", async () => {
    await page.getByRole("button", { name: "보고서 만들기" }).click();
    const link = page.getByRole("link", { name: /보고서 열기/ });
    await link.waitFor({ timeout: 2 * patience });
    const [report] = await Promise.all([context.waitForEvent("page"), link.click()]);
    await report.waitForLoadState();
    assert.match(await report.title(), /Korea 250 MW/);
    const style = await report.evaluate(() => [getComputedStyle(document.body).fontFamily, document.querySelectorAll("svg").length, document.scripts.length]);
    assert.ok(style[1] > 5, "its figures are there");
    assert.equal(style[2], 0);
    await picture(report, "plan-report");
    await report.close();
});

await test("what was computed stays while another page is shown; the server away is told", async () => {
    let asked = 0;
    const count = (r) => r.url().endsWith("/plan/run") && asked++;
    page.on("request", count);
    await page.getByRole("link", { name: "대화" }).click();
    await page.getByRole("textbox", { name: "메시지" }).waitFor();
    await page.getByRole("link", { name: "계획" }).click();
    await page.locator(".stat").first().waitFor();
    assert.equal(asked, 0, "nothing is computed again");
    page.off("request", count);
    await context.setOffline(true);
    await page.getByText("연결이 끊겼습니다.", { exact: false }).first().waitFor();
    await context.setOffline(false);
    await page.route("**/plan/run", (r) => r.fulfill({ status: 503, contentType: "application/json", body: '{"error":{"message":"no"}}' }));
    await field("환율").fill("1450");
    await page.getByText("서버가 지금은 답할 수 없습니다.").waitFor();
    await page.unroute("**/plan/run");
    await page.route("**/plan/run", (r) => r.fulfill({ status: 400, contentType: "application/json", body: '{"error":{"message":"design.yaml: something new","code":"invalid_design","param":"finance.fx"}}' }));
    await page.getByRole("button", { name: "다시 시도" }).click();
    await page.getByText("서버의 설명(영어): design.yaml: something new").waitFor();
    await page.getByText("이 값으로는 계산할 수 없습니다.").waitFor();
    assert.equal(await page.getByRole("button", { name: "다시 시도" }).count(), 0, "the same design would be refused again");
    await page.unroute("**/plan/run");
    let times = 0;
    await page.route("**/plan/run", (r) => (times++ ? r.continue() : r.fulfill({ status: 429, headers: { "retry-after-ms": "2500" }, contentType: "application/json", body: '{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}' })));
    await field("환율").fill("1460");
    await page.getByText("요청이 한도를 넘어 기다리고 있습니다. 약 3초 뒤에 다시 계산합니다.").waitFor();
    await picture(page, "plan-waits");
    await settled();
    assert.ok(times >= 2, "it was asked again");
    await page.unroute("**/plan/run");
    await page.getByRole("button", { name: "모두 처음 값으로" }).click();
    await settled();
});

await test("English, the dark, and a phone", async () => {
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: "Plan", level: 1 }).waitFor();
    assert.match(await page.locator(".stat", { hasText: "First capex" }).innerText(), /[\d.]+ tn\s*KRW/);
    await noSerious(page, axeSource);
    await picture(page, "plan-english");
    await page.emulateMedia({ colorScheme: "dark" });
    await noSerious(page, axeSource);
    await picture(page, "plan-dark");
    await page.setViewportSize({ width: 390, height: 844 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    await noSerious(page, axeSource);
    await picture(page, "plan-phone");
    await page.locator(".stats").first().scrollIntoViewIfNeeded();
    await picture(page, "plan-phone-results");
    await page.locator(".plots").scrollIntoViewIfNeeded();
    await picture(page, "plan-phone-figures");
});

await test("no errors, and nothing asked of others", () => assert.deepEqual(problems, []));

await browser.close();
await server.stop();
done();
