// The console's pages as a whole, and the page of the state: navigation by keyboard and by address, an answer that goes on
// while other pages are shown, live numbers, charts and their tables, what an ordinary key sees, both languages, a phone,
// the dark, accessibility.
import assert from "node:assert/strict";
import { keptTalk, launch, noSerious, picture } from "./lib_browser.mjs";
import { Server, until } from "./lib_serve.mjs";
import { test, done } from "./tap.mjs";

const { browser, newContext, axeSource } = await launch("console: pages and the state in a browser");
const server = await Server.start({ model: { max_tokens: 450 } });
const admin = server.addKey("운영", "--admin");
await server.known(admin);

const problems = [];
async function enter(key, options = {}) {
    const context = await newContext({ viewport: { width: 1280, height: 800 }, locale: "ko-KR", reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    page.on("pageerror", (e) => problems.push(String(e)));
    page.on("console", (m) => m.type() === "error" && !/Failed to load resource/.test(m.text()) && problems.push(m.text()));
    page.on("request", (r) => !r.url().startsWith(server.origin) && !/^(data|blob):/.test(r.url()) && problems.push(`asks elsewhere: ${r.url()}`));
    await page.goto(server.origin);
    await page.getByLabel("접속 키").fill(key);
    await page.getByRole("button", { name: "시작하기" }).click();
    await page.getByRole("heading", { name: "무엇을 도와드릴까요?" }).waitFor();
    return { context, page };
}

const { context, page } = await enter(admin);
const nav = page.getByRole("navigation", { name: "주 메뉴" });
const tile = async (name) => (await page.locator(".stat", { has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator(".stat-value").innerText()).trim();
const heading = () => page.evaluate(() => document.querySelector("#main h1")?.textContent);
const wide = () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);

await test("every page of the navigation is reached by the keyboard alone, with its heading, title and mark", async () => {
    const names = await nav.getByRole("link").allInnerTexts();
    assert.ok(names.length >= 2 && names[0] === "대화");
    for (const name of names.slice(1)) {
        await page.locator("body").press("Tab"); // somewhere in the page; the link is then found by its focus
        const link = nav.getByRole("link", { name, exact: true });
        for (let n = 0; n < 60 && !(await link.evaluate((a) => a === document.activeElement)); n++) await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await until(async () => (await heading()) === name, `the page ${name}`);
        assert.equal(await link.getAttribute("aria-current"), "page");
        assert.equal(await nav.locator("[aria-current]").count(), 1);
        await until(async () => (await page.title()).startsWith(`${name} · `), "its title");
        assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1", "the heading has the focus");
        await page.waitForTimeout(300);
        await noSerious(page, axeSource);
    }
});

await test("the browser's way back goes through the pages, and an address opens its page", async () => {
    await page.goto(`${server.origin}/#/chat`);
    await nav.getByRole("link", { name: "상태" }).click();
    await page.goBack();
    await page.getByRole("textbox", { name: "메시지" }).waitFor();
    await page.goForward();
    await page.getByRole("heading", { name: "상태", exact: true }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "상태", exact: true }).waitFor();
    await page.goto(`${server.origin}/#/nowhere`);
    await page.getByRole("textbox", { name: "메시지" }).waitFor();
});

await test("an answer goes on while other pages are shown, what is written stays, and the numbers are live", async () => {
    const cdp = await context.newCDPSession(page);
    const before = (await (await fetch(`${server.origin}/admin/state`, { headers: { authorization: `Bearer ${admin}` } })).json()).now.entries;
    await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: 6000, uploadThroughput: -1 });
    const box = page.getByRole("textbox", { name: "메시지" });
    await box.fill("길게 말해 주세요.");
    await box.press("Enter");
    const answer = page.locator(".answer .markdown");
    await until(async () => ((await answer.textContent().catch(() => "")) ?? "").length > 10, "a growing answer");
    await box.fill("이어서 물을 말");
    const grown = (await answer.textContent()).length;
    await nav.getByRole("link", { name: "상태" }).click();
    await page.getByRole("heading", { name: "상태", exact: true }).waitFor();
    await nav.getByText("(답하는 중)").waitFor({ state: "attached" });
    await until(async () => Number((await tile("기록된 답").catch(() => "0")).replaceAll(",", "")) > before, "the answer's entry");
    await until(async () => {
        await server.ask("/v1/completions", { prompt: "ab", max_tokens: 100, ignore_eos: true }, { authorization: `Bearer ${admin}` }); // the speed is that of the last seconds
        return Number((await tile("답변 속도")).replaceAll(",", "")) > 0;
    }, "tokens per second");
    await nav.getByRole("link", { name: "대화" }).click();
    await until(async () => (await answer.textContent()).length > grown, "more of the answer");
    assert.equal(await box.inputValue(), "이어서 물을 말");
    assert.equal(await page.locator(".answer").count(), 1);
    await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    await until(async () => (await page.locator(".answer[aria-busy=true]").count()) === 0, "its end");
    await page.locator(".answer .record").waitFor();
});

await test("an answer that is left for another conversation keeps what was said", async () => {
    const cdp = await context.newCDPSession(page);
    await page.getByRole("button", { name: "새 대화" }).click();
    await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: 600, uploadThroughput: -1 });
    const box = page.getByRole("textbox", { name: "메시지" });
    await box.fill("떠나는 대화");
    await box.press("Enter");
    await until(async () => ((await page.locator(".answer .markdown").textContent().catch(() => "")) ?? "").length > 10, "a growing answer");
    const left = page.url();
    await page.getByRole("button", { name: "새 대화" }).click();
    await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    await page.getByRole("heading", { name: "무엇을 도와드릴까요?" }).waitFor();
    await keptTalk(page, { url: left, whole: (m) => m.text });
    await page.goto(left.replace("#/chat/", "#")); // as older versions wrote it
    await page.getByText("멈춤.").waitFor();
    assert.ok((await page.locator(".answer .markdown").textContent()).length > 10);
    assert.match(page.url(), /#\/chat\/\w+$/);
});

await test("charts have their numbers in words and as a table", async () => {
    await nav.getByRole("link", { name: "상태" }).click();
    const chart = page.locator("figure.chart", { has: page.getByRole("heading", { name: "토큰 처리 속도" }) });
    await chart.locator("canvas").waitFor();
    assert.match(await chart.getByRole("img").getAttribute("aria-label"), /답변: 지금 .+, 평균 .+, 최대 /);
    await chart.getByText("표로 보기").click();
    await chart.getByRole("region").getByRole("row").nth(1).waitFor();
    await until(async () => (await page.locator("canvas").count()) >= 6, "the charts");
    await noSerious(page, axeSource);
    await picture(page, "state");
    await page.getByRole("region", { name: "모델별 현황" }).getByRole("rowheader", { name: "tiny" }).waitFor();
    await page.getByLabel("그래프로 볼 기관").selectOption({ label: "운영" });
    await page.getByRole("heading", { name: "운영: 분당 토큰" }).waitFor();
    await noSerious(page, axeSource);
    await page.getByRole("heading", { name: "운영: 분당 토큰" }).scrollIntoViewIfNeeded();
    await picture(page, "state-tables");
});

await test("a hidden page asks nothing; a failing server is told, and what was there stays", async () => {
    let asked = 0;
    await page.route("**/admin/state*", (r) => (asked++, r.continue()));
    await page.evaluate(() => {
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    });
    await page.waitForTimeout(2000);
    asked = 0;
    await page.waitForTimeout(3000);
    assert.equal(asked, 0);
    await page.unroute("**/admin/state*");
    await page.route("**/admin/state*", (r) => r.fulfill({ status: 500, contentType: "application/json", body: '{"error":{"message":"broken"}}' }));
    await page.evaluate(() => {
        delete document.hidden;
        document.dispatchEvent(new Event("visibilitychange"));
    });
    await page.getByText("서버에 문제가 생겼습니다.").waitFor();
    assert.ok((await page.locator("canvas").count()) >= 6);
    await picture(page, "state-error");
    await page.unroute("**/admin/state*");
    await page.getByRole("button", { name: "다시 시도" }).click();
    await page.getByText("서버에 문제가 생겼습니다.").waitFor({ state: "detached" });
    await context.setOffline(true);
    await page.getByText("마지막으로 받은 내용을 보이고 있습니다").waitFor();
    await context.setOffline(false);
    await page.getByText("마지막으로 받은 내용을 보이고 있습니다").waitFor({ state: "detached" });
});

await test("English", async () => {
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: "State", exact: true }).waitFor();
    await page.getByRole("heading", { name: "Time to the first token" }).waitFor();
    assert.equal(await page.title(), "State · Sillok");
    const text = (await page.locator(".page").innerText()).replaceAll("운영", "").replaceAll("tests", "");
    assert.doesNotMatch(text, /[가-힣]/u);
    await picture(page, "state-english");
    await page.getByRole("button", { name: "한국어" }).click();
});

await test("a phone in the dark: navigation at the bottom, nothing cut off", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.waitForTimeout(300);
    const names = await nav.getByRole("link").allInnerTexts();
    for (const name of names) {
        await nav.getByRole("link", { name, exact: true }).click();
        await page.waitForTimeout(500);
        assert.equal(await wide(), false, `${name} is wider than the screen`);
        const bar = await nav.boundingBox();
        assert.ok(bar.y + bar.height <= 740 && bar.y > 600, "the navigation lies at the bottom");
        await noSerious(page, axeSource);
        await picture(page, `phone-${names.indexOf(name)}`);
    }
});

await test("an ordinary key sees its own tenant's numbers and nobody else's", async () => {
    const own = await enter(server.key);
    await own.page.getByRole("navigation", { name: "주 메뉴" }).getByRole("link", { name: "상태" }).click();
    await own.page.getByText("아직 들어온 요청이 없습니다.").waitFor();
    await noSerious(own.page, axeSource);
    await picture(own.page, "state-tenant-empty");
    await server.ask("/v1/completions", { prompt: "ab", max_tokens: 8 });
    await own.page.getByRole("heading", { name: "tests: 분당 토큰" }).waitFor();
    assert.doesNotMatch(await own.page.locator(".page").innerText(), /운영/);
    await noSerious(own.page, axeSource);
    await picture(own.page, "state-tenant");
    await own.context.close();
});

await test("nothing failed on the pages, and nothing was asked of others", () => assert.deepEqual(problems, []));

await browser.close();
await server.stop();
done();
