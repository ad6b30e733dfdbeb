// The console's conversation in a real browser, against a real server: typed Korean, streaming, stop, branches, history,
// receipts that hold and receipts that were changed, both languages, a phone, the dark, accessibility.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { keepTalk, keptTalk, launch, noSerious, picture } from "./lib_browser.mjs";
import { Server, until } from "./lib_serve.mjs";
import { test, done } from "./tap.mjs";

const { browser, newContext, axeSource } = await launch("console: the conversation in a browser");
const server = await Server.start({ model: { max_tokens: 80 } });
const context = await newContext({ viewport: { width: 1280, height: 800 }, locale: "ko-KR", reducedMotion: "reduce" });
const page = await context.newPage();
const problems = [];
page.on("pageerror", (e) => problems.push(String(e)));
page.on("console", (m) => m.type() === "error" && !/Failed to load resource/.test(m.text()) && problems.push(m.text()));
page.on("request", (r) => !r.url().startsWith(server.origin) && !r.url().startsWith("data:") && !r.url().startsWith("blob:") && problems.push(`asks elsewhere: ${r.url()}`));
const cdp = await context.newCDPSession(page);

const slow = (bytesPerSecond) =>
    cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: bytesPerSecond, uploadThroughput: -1 });
const box = page.getByRole("textbox", { name: "메시지" });
const answers = page.locator(".answer");
const finished = (n) => until(async () => (await answers.count()) >= n && (await page.locator(".answer[aria-busy=true]").count()) === 0, "the answer");
const askAbout = async (text) => {
    await box.fill(text);
    await box.press("Enter");
};

await test("the page's headers: a strict policy, no frames, kept by ETag", async () => {
    const r = await fetch(server.origin + "/");
    const csp = r.headers.get("content-security-policy");
    assert.match(csp, /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.match(csp, /frame-ancestors 'none'/);
    assert.doesNotMatch(csp, /unsafe/);
    assert.equal(r.headers.get("x-frame-options"), "DENY");
    assert.equal(r.headers.get("x-content-type-options"), "nosniff");
    assert.equal(r.headers.get("cache-control"), "no-cache");
    assert.doesNotMatch(await r.text(), /<script(?![^>]*src=)|<style|\son\w+=/);
    const again = await fetch(server.origin + "/console.js", { headers: { "if-none-match": (await fetch(server.origin + "/console.js")).headers.get("etag") } });
    assert.equal(again.status, 304);
});

await test("the page asks for the key, and says when it is wrong", async () => {
    await page.goto(server.origin);
    const key = page.getByLabel("접속 키");
    await key.fill("sk-sillok-wrong");
    await page.getByRole("button", { name: "시작하기" }).click();
    await page.getByText("키가 맞지 않습니다").waitFor();
    await noSerious(page, axeSource);
    await picture(page, "door");
    await key.fill(server.key);
    await page.getByRole("button", { name: "시작하기" }).click();
    await page.getByRole("heading", { name: "무엇을 도와드릴까요?" }).waitFor();
    assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage })).then((s) => s.includes("sk-")), false, "a key in lasting storage");
    await noSerious(page, axeSource);
    await picture(page, "empty");
});

await test("Enter ends a Hangul composition and does not send; the next one does", async () => {
    await box.focus();
    await cdp.send("Input.imeSetComposition", { text: "안ㄴ", selectionStart: 2, selectionEnd: 2 });
    await box.dispatchEvent("keydown", { key: "Enter", code: "Enter", isComposing: true, bubbles: true, cancelable: true });
    await box.dispatchEvent("keydown", { key: "Enter", code: "Enter", keyCode: 229, bubbles: true, cancelable: true });
    assert.equal(await page.locator(".question").count(), 0);
    await cdp.send("Input.insertText", { text: "안녕하세요" });
    assert.equal(await box.inputValue(), "안녕하세요");
    await box.press("Enter");
    await finished(1);
    assert.equal(await page.locator(".question .bubble").textContent(), "안녕하세요");
});

await test("an answer has its number, tokens, speed and seed", async () => {
    const text = await answers.first().innerText();
    assert.match(text, /기록 [\d,]+번/);
    assert.match(text, /\d+토큰/);
    assert.match(text, /시드 \d+/);
});

await test("its receipt is verified in the browser", async () => {
    await answers.first().getByRole("button", { name: /^기록 [\d,]+번\s*확인$/ }).click();
    await page.getByText("기록이 확인되었습니다").waitFor();
    await page.getByText("기록의 내용").click();
    await noSerious(page, axeSource);
    await picture(page, "verified");
});

await test("the answer is seen to grow, and can be stopped", async () => {
    await slow(600);
    try {
        await askAbout("천천히 길게 말해 주세요.");
        const growing = answers.nth(1);
        const lengths = new Set();
        await until(async () => lengths.add((await growing.textContent({ timeout: 1000 }).catch(() => "")).length).size >= 5, "a growing answer");
        await picture(page, "streaming");
        await page.getByRole("button", { name: "멈추기" }).click();
        await finished(2);
        await growing.getByText("멈춤.").waitFor();
    } finally {
        await slow(-1);
    }
});

await test("another answer and an edited question are branches beside the old", async () => {
    const first = await answers.first().locator(".markdown").textContent();
    await answers.first().getByRole("button", { name: "다시 답하기" }).click();
    await finished(1);
    assert.match(await answers.first().innerText(), /2 \/ 2/);
    await answers.first().getByRole("button", { name: "이전 갈래" }).click();
    assert.equal(await answers.first().locator(".markdown").textContent(), first);
    await page.locator(".question").first().hover();
    await page.locator(".question").first().getByRole("button", { name: "고치기" }).click();
    const edit = page.getByRole("textbox", { name: "고치기" });
    await edit.fill("안녕히 가세요");
    await edit.press("Enter");
    await finished(1);
    assert.equal(await page.locator(".question .bubble").first().textContent(), "안녕히 가세요");
    assert.match(await page.locator(".question").first().innerText(), /2 \/ 2/);
});

await test("a seed gives the same answer again", async () => {
    await page.getByRole("button", { name: "새 대화" }).click();
    await page.getByRole("button", { name: "설정" }).click();
    await page.getByLabel("시드").fill("9223372036854775783");
    await page.getByLabel("답의 최대 토큰").fill("24");
    await page.getByLabel("시스템 지침").fill("짧게 답하세요.");
    await noSerious(page, axeSource);
    await picture(page, "settings");
    await page.getByRole("dialog").getByRole("button", { name: "닫기" }).click();
    await askAbout("같은 답을 주나요?");
    await finished(1);
    const one = await answers.first().locator(".markdown").textContent();
    await answers.first().getByRole("button", { name: "다시 답하기" }).click();
    await finished(1);
    assert.match(await answers.first().innerText(), /2 \/ 2/);
    assert.equal(await answers.first().locator(".markdown").textContent(), one);
    assert.match(await answers.first().innerText(), /시드 9223372036854775783/);
});

await test("a reload keeps the conversation; search finds it, export and import bring it back", async () => {
    await page.reload();
    await finished(1);
    await page.getByLabel("대화 검색").fill("안녕히");
    await until(async () => (await page.locator(".heading").count()) === 1, "one conversation found");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "내보내기" }).click()]);
    const file = await download.path();
    assert.equal(JSON.parse(readFileSync(file, "utf8")).conversations.length, 2);
    page.once("dialog", (d) => d.accept());
    await page.locator(".headings li").hover();
    await page.getByRole("button", { name: /^대화 삭제/ }).click();
    await page.getByText("찾은 대화가 없습니다.").waitFor();
    await page.locator("input[type=file]").setInputFiles(file);
    await page.getByText("대화 1개를 가져왔습니다.").waitFor();
    await until(async () => (await page.locator(".heading").count()) === 1, "it is back");
    await page.getByLabel("대화 검색").fill("");
});

const swap = (text, at) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
for (const [what, place] of [
    ["entry", (r) => r.indexOf("extra ") + 40],
    ["root", (r) => r.lastIndexOf("\n\n") - 30],
    ["signature", (r) => r.length - 30],
]) {
    await test(`a receipt with a changed ${what} is shown as broken`, async () => {
        await page.getByRole("button", { name: "새 대화" }).click();
        await askAbout("또 하나의 영수증");
        await finished(1);
        const talk = await keptTalk(page);
        for (const { trace } of talk.messages) if (trace?.receipt) trace.receipt = swap(trace.receipt, place(trace.receipt));
        await keepTalk(page, talk);
        await page.reload();
        await finished(1);
        await answers.first().getByRole("button", { name: /^기록 [\d,]+번\s*확인$/ }).click();
        await page.getByText("기록을 믿을 수 없습니다").waitFor();
        await noSerious(page, axeSource);
        await picture(page, "broken");
    });
}

await test("over the limit, and offline, say so", async () => {
    await page.route("**/v1/chat/completions", (r) =>
        r.fulfill({ status: 429, headers: { "retry-after-ms": "9000" }, contentType: "application/json", body: '{"error":{"message":"60 requests a minute"}}' }));
    await askAbout("한도");
    await page.getByText("요청이 한도를 넘었습니다.").waitFor();
    await page.getByText(/초 뒤에 다시 시도/).waitFor();
    await noSerious(page, axeSource);
    await picture(page, "limited");
    await page.unroute("**/v1/chat/completions");
    await context.setOffline(true);
    await page.getByText("연결이 끊겼습니다.").waitFor();
    await context.setOffline(false);
});

await test("English is a click away and remembered", async () => {
    await page.getByRole("button", { name: "English" }).click();
    await page.reload();
    await page.getByRole("textbox", { name: "Message" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    const texts = await page.locator(".brand, .side-foot, .composer").allInnerTexts();
    assert.doesNotMatch(texts.join(" "), /[가-힣]/u);
});

await test("a phone in the dark: nothing is cut off, the list opens and closes", async () => {
    await page.getByRole("button", { name: "한국어" }).click();
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: "dark" });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than the screen");
    await noSerious(page, axeSource);
    await picture(page, "phone");
    await page.getByRole("button", { name: "대화 목록 열기" }).click();
    await page.getByRole("button", { name: "새 대화" }).click();
    await page.getByRole("heading", { name: "무엇을 도와드릴까요?" }).waitFor();
    await noSerious(page, axeSource);
    await picture(page, "phone-empty");
});

await test("nothing failed on the page, and nothing was asked of others", () => assert.deepEqual(problems, []));

await browser.close();
await server.stop();
done();
