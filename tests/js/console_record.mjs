// The record in a real browser, against a real server: list, search, entries, receipts that hold and that were changed,
// answers run again, a transcript changed on the disk, what other tenants and administrators see; both languages, a phone,
// the dark, accessibility.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keepTalk, keptTalk, launch, noSerious, picture } from "./lib_browser.mjs";
import { Server, until } from "./lib_serve.mjs";
import { test, done } from "./tap.mjs";

const { browser, newContext, axeSource } = await launch("console: the record in a browser");
const server = await Server.start({ model: { max_tokens: 60 } });
const keys = { own: server.key, other: server.addKey("국세청"), admin: server.addKey("운영팀", "--name", "console", "--admin") };
const context = await newContext({ viewport: { width: 1280, height: 900 }, locale: "ko-KR", timezoneId: "Asia/Seoul", reducedMotion: "reduce" });
const page = await context.newPage();
const problems = [];
page.on("pageerror", (e) => problems.push(String(e)));
page.on("console", (m) => m.type() === "error" && !/Failed to load resource/.test(m.text()) && problems.push(m.text()));
page.on("request", (r) => !r.url().startsWith(server.origin) && !r.url().startsWith("data:") && !r.url().startsWith("blob:") && problems.push(`asks elsewhere: ${r.url()}`));

const enter = async (key, hash = "#/record") => {
    await page.goto("about:blank");
    await page.goto(`${server.origin}/${hash}`);
    await page.evaluate((k) => sessionStorage.setItem("sillok.key", k), key);
    await page.reload();
};
const answer = async (key, text, more = {}) => {
    const body = { model: "tiny", messages: [{ role: "user", content: text }], max_tokens: 8, ...more };
    const r = await server.ask("/v1/chat/completions", body, { authorization: `Bearer ${key}` });
    assert.equal(r.status, 200, r.text);
    return { entry: r.json.sillok.entry, id: r.json.id };
};
const rows = page.locator("tbody tr:has(.entry-link)");
const wide = async () => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than the screen");

await test("a record without entries says so", async () => {
    await enter(keys.own);
    await page.getByText("아직 기록이 없습니다.").waitFor();
    await noSerious(page, axeSource);
    await picture(page, "record-empty");
});

const mine = [];
for (let i = 0; i < 4; i++) mine.push(await answer(keys.own, `질문 ${i}`, { seed: 100 + i, ...(i === 1 && { max_tokens: 2 }) }));
const theirs = await answer(keys.other, "다른 기관의 질문");
mine.push(await answer(keys.own, "길게 말해 주세요.", { max_tokens: 50, ignore_eos: true, temperature: 1 }));
const longest = mine.at(-1);

await test("the latest entries come first, of this tenant alone, with the signed head", async () => {
    await page.reload();
    await until(async () => (await rows.count()) === mine.length, "the entries");
    assert.deepEqual(await page.locator(".entry-link").allTextContents(), mine.map((m) => String(m.entry)).reverse());
    await page.getByRole("heading", { name: "서명된 기록" }).waitFor();
    const head = await page.locator(".card").first().innerText();
    assert.match(head, /기록\s+6\s*건/);
    assert.match(head, /내 기관의 기록\s+5\s*건/);
    await page.getByText("뿌리 해시와 공개키").click();
    assert.equal((await page.locator(".with-copy .mono").allTextContents())[1], (await server.ask("/record/key")).text);
    await page.getByRole("button", { name: "서명 확인" }).click();
    await page.getByText("이 브라우저가 서명을 직접 확인했습니다.").waitFor();
    await noSerious(page, axeSource);
    await picture(page, "record");
});

await test("filters by model and day narrow the list; clearing widens it", async () => {
    const today = new Intl.DateTimeFormat("sv", { timeZone: "Asia/Seoul" }).format(Date.now());
    await page.getByText("조건으로 좁히기").click();
    await page.getByLabel("시작일").fill(today);
    await until(async () => (await rows.count()) === mine.length, "today's entries");
    await page.getByLabel("종료일").fill("2020-01-01");
    await page.getByText("조건에 맞는 기록이 없습니다.").waitFor();
    await page.getByRole("button", { name: "조건 지우기" }).click();
    await page.locator(".record-filters").getByLabel("모델").selectOption("tiny");
    await until(async () => (await rows.count()) === mine.length, "the model's entries");
    await page.getByRole("button", { name: "조건 지우기" }).click();
});

await test("search finds an answer by its ID, and an entry by its number", async () => {
    const search = page.getByLabel("기록 번호나 응답 ID로 찾기");
    await search.fill(mine[2].id);
    await page.getByRole("button", { name: "찾기", exact: true }).click();
    await until(async () => (await rows.count()) === 1, "one entry");
    assert.equal(await page.locator(".entry-link").textContent(), String(mine[2].entry));
    await picture(page, "record-found");
    await search.fill("chatcmpl-none");
    await search.press("Enter");
    await page.getByText("조건에 맞는 기록이 없습니다.").waitFor();
    await page.getByRole("button", { name: "조건 지우기" }).click();
    await until(async () => (await rows.count()) === mine.length, "all entries");
    await search.fill(`기록 ${longest.entry}번`);
    await search.press("Enter");
    await page.getByRole("heading", { name: `기록 ${longest.entry}번` }).waitFor();
});

await test("an entry is explained field by field", async () => {
    const text = await page.locator(".explained").innerText();
    for (const word of ["기록 번호", "시각", "tests", "계산 규격", "CA/1", "50토큰", "시드", "길이 제한", "토큰", "잎 해시"]) assert.ok(text.includes(word), `no ${word}`);
    await noSerious(page, axeSource);
    await picture(page, "entry");
});

const receiptOf = (entry) => server.sillok("audit", "prove", String(entry), "--state", server.state);

await test("the receipt that it saves is that of sillok audit prove", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "영수증 내려받기" }).click()]);
    assert.equal(download.suggestedFilename(), `sillok-${longest.entry}.tlog-proof`);
    assert.equal(readFileSync(await download.path(), "utf8"), receiptOf(longest.entry));
    const direct = await server.ask(`/record/entries/${longest.entry}/receipt`);
    assert.equal(direct.headers.get("content-disposition"), `attachment; filename="sillok-${longest.entry}.tlog-proof"`);
    assert.equal(direct.text, receiptOf(longest.entry));
});

await test("the receipt holds in the browser, and so do the kept tokens", async () => {
    await page.getByRole("button", { name: "브라우저에서 확인" }).click();
    await page.getByText("기록이 확인되었습니다").waitFor();
    await page.getByText("보관된 답의 토큰 50개가 기록의 지문과 같습니다").waitFor();
    await page.getByRole("button", { name: "내용 보기" }).click();
    await page.getByText("보관된 질문과 답의 토큰이 기록의 지문과 같음을").waitFor();
    assert.match(await page.locator(".said pre").first().textContent(), /길게 말해 주세요\./);
    await noSerious(page, axeSource);
    await picture(page, "entry-verified");
});

await test("the answer run again is equal, and no new entry comes of it", async () => {
    await page.getByRole("button", { name: "다시 실행해 비교" }).click();
    await page.getByText("다시 실행한 답이 기록과 같습니다").waitFor();
    await page.getByText(/토큰 50개가 모두 기록과 같습니다/).waitFor();
    assert.equal((await server.ask("/record")).json.size, 6);
    await noSerious(page, axeSource);
    await picture(page, "entry-replayed");
});

await test("a receipt changed on its way is shown as broken", async () => {
    const swap = (text, at) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
    const good = receiptOf(longest.entry);
    for (const bad of [swap(good, good.indexOf("extra ") + 40), swap(good, good.length - 30), swap(good, good.lastIndexOf("\n\n") - 30), receiptOf(mine[0].entry)]) {
        await page.route("**/receipt", (r) => r.fulfill({ contentType: "text/plain", body: bad }));
        await page.getByRole("button", { name: "브라우저에서 확인" }).click();
        await page.getByText("기록을 믿을 수 없습니다").waitFor();
        await page.locator(".verdict").getByRole("button", { name: "닫기" }).click();
        await page.unroute("**/receipt");
    }
    await page.getByRole("button", { name: "브라우저에서 확인" }).click();
    await page.getByText("기록이 확인되었습니다").waitFor();
});

/* ---- in the conversation ---- */

const answers = page.locator(".answer");
const finished = () => until(async () => (await answers.count()) >= 1 && (await page.locator(".answer[aria-busy=true]").count()) === 0, "the answer");

await test("beside an answer: run again, equal; checked to the letter", async () => {
    await page.goto(`${server.origin}/#/chat`);
    await page.getByRole("textbox", { name: "메시지" }).fill("기록을 확인해 봅시다.");
    await page.getByRole("textbox", { name: "메시지" }).press("Enter");
    await finished();
    await answers.first().getByRole("button", { name: "다시 실행해 비교" }).click();
    await answers.first().getByText("다시 실행한 답이 기록과 같습니다").waitFor();
    await noSerious(page, axeSource);
    await picture(page, "chat-replayed");
    await answers.first().getByRole("button", { name: /^기록 [\d,]+번\s*확인$/ }).click();
    await answers.first().getByText("그 토큰을 글로 바꾼 것이 화면의 글과 같습니다.").waitFor();
    await answers.first().getByText("확인하지 않음: 이 토큰을 정말 그 모델이 냈는지.").waitFor();
    await noSerious(page, axeSource);
    await picture(page, "chat-checked");
});

await test("a text changed in the browser's own keeping is told", async () => {
    const talk = await keptTalk(page);
    talk.messages.find((m) => m.role === "assistant").text = "그런 말은 한 적이 없습니다.";
    await keepTalk(page, talk);
    await page.reload();
    await finished();
    await answers.first().getByRole("button", { name: /^기록 [\d,]+번\s*확인$/ }).click();
    await answers.first().getByText("화면의 글이 기록된 토큰을 글로 바꾼 것과 다릅니다.").waitFor();
    await answers.first().getByText("화면의 글이 기록과 다릅니다", { exact: true }).waitFor();
    await picture(page, "chat-differs");
    await answers.first().getByRole("link", { name: "기록에서 보기" }).click();
    await page.getByRole("heading", { name: /^기록 \d+번$/ }).waitFor();
});

await test("an answer that was stopped is found in the record by its request", async () => {
    const cdp = await context.newCDPSession(page);
    const slow = (rate) => cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: rate, uploadThroughput: -1 });
    await page.goto(`${server.origin}/#/chat`);
    await page.getByRole("button", { name: "새 대화" }).click();
    await page.getByRole("textbox", { name: "메시지" }).fill("멈출 답");
    await slow(600);
    try {
        await page.getByRole("textbox", { name: "메시지" }).press("Enter");
        await until(async () => (await answers.first().locator(".markdown").textContent({ timeout: 1000 }).catch(() => "")).length > 0, "its beginning");
        await page.getByRole("button", { name: "멈추기" }).click();
    } finally {
        await slow(-1);
        await cdp.detach();
    }
    await answers.first().getByRole("link", { name: "기록에서 찾기" }).click();
    await until(async () => (await rows.count()) === 1, "its entry");
});

/* ---- others ---- */

await test("another tenant's key sees nothing of it", async () => {
    await enter(keys.other);
    await until(async () => (await rows.count()) === 1, "its own entry");
    assert.equal(await page.locator(".entry-link").textContent(), String(theirs.entry));
    await enter(keys.other, `#/record/${longest.entry}`);
    await page.getByText(`이 키로 볼 수 있는 기록 ${longest.entry}번이 없습니다.`).waitFor();
    await noSerious(page, axeSource);
    await picture(page, "entry-absent");
    const by = { authorization: `Bearer ${keys.other}` };
    for (const view of ["", "/receipt", "/transcript"]) assert.equal((await server.ask(`/record/entries/${longest.entry}${view}`, undefined, by)).status, 404);
    assert.equal((await server.ask(`/record/entries/${longest.entry}/replay`, "", by)).status, 404);
    assert.equal((await server.ask("/record/entries", undefined, { authorization: "Bearer none" })).status, 401);
});

await test("an administrator sees all entries, runs them again, and reads nobody's words", async () => {
    await enter(keys.admin);
    await until(async () => (await rows.count()) === 8, "all entries");
    await page.getByText("기관별 기록").click();
    await page.locator(".facts tbody tr").nth(1).waitFor();
    await noSerious(page, axeSource);
    await picture(page, "record-admin");
    await page.getByText("기관별 기록").click();
    await page.getByText("조건으로 좁히기").click();
    await page.locator(".record-filters").getByLabel("기관").selectOption("국세청");
    await until(async () => (await page.locator(".entry-link").count()) === 1, "the tenant's entry");
    await page.locator(".entry-link").click();
    await page.getByText("다른 기관의 대화 내용은 관리자에게도 보이지 않습니다.").waitFor();
    await page.getByRole("button", { name: "다시 실행해 비교" }).click();
    await page.getByText("다시 실행한 답이 기록과 같습니다").waitFor();
});

/* ---- a transcript that was changed ---- */

// Changes the first id of an answer in the file of transcripts, with its checksum, as somebody would who knows the format.
function changeTranscript(entry, sealed) {
    const path = join(server.state, "ledger/transcripts/000");
    const file = readFileSync(path);
    for (let at = 0; at < file.length; ) {
        const index = Number(file.readBigUInt64LE(at + 8));
        const bytes = Number(file.readBigUInt64LE(at + 16));
        if (index === entry) {
            const body = file.subarray(at + 56, at + 56 + bytes);
            body[32 + 20 + 4 * body.readUInt32LE(32)] ^= 1;
            if (sealed) createHash("sha256").update(body).digest().copy(file, at + 24);
        }
        at += 56 + bytes;
    }
    writeFileSync(path, file);
}

await test("a transcript changed on the disk: not equal, and the record stands", async () => {
    await server.restart(() => (changeTranscript(longest.entry, true), changeTranscript(mine[0].entry, false)));
    await enter(keys.own, `#/record/${longest.entry}`);
    await page.getByText("기록과 다름").waitFor();
    await page.getByRole("button", { name: "다시 실행해 비교" }).click();
    await page.getByText("보관된 내용이 기록과 다릅니다").waitFor();
    await page.getByText("바뀐 것은 보관된 사본입니다.").waitFor();
    await page.getByText(/처음 다른 곳: 1번째 토큰/).waitFor();
    await noSerious(page, axeSource);
    await picture(page, "entry-altered");
    await page.getByRole("button", { name: "브라우저에서 확인" }).click();
    await page.getByText("서버에 보관된 답의 토큰이 기록의 지문과 다릅니다.").waitFor();
    await enter(keys.own, `#/record/${mine[0].entry}`);
    await page.getByText("보관된 내용이 손상되었습니다.").first().waitFor();
    assert.ok(await page.getByRole("button", { name: "다시 실행해 비교" }).isDisabled());
    await picture(page, "entry-damaged");
});

/* ---- many, languages, sizes ---- */

await test("more than a page: the rest is a click away, and new entries are told", async () => {
    for (let i = 0; i < 4; i++) await answer(keys.own, "많이", { n: 15, max_tokens: 2 });
    await enter(keys.own);
    await until(async () => (await rows.count()) === 50, "a page");
    await page.getByRole("button", { name: "더 보기" }).click();
    await until(async () => (await rows.count()) === 67, "the rest");
    await answer(keys.own, "새 질문");
    await page.getByRole("button", { name: "새 기록 1건 보기" }).click();
    await until(async () => (await rows.count()) === 50, "the newest");
});

await test("a long search says how far it looked and goes on; a failure says so and is tried again", async () => {
    const page_ = (route, body, status = 200) => route.fulfill({ status, contentType: "application/json", body: JSON.stringify(body) });
    let next = 90_000;
    await page.route("**/record/entries?**", (r) => page_(r, { size: 100_000, data: [], looked: 4096, next: (next -= 4096) }));
    await page.getByLabel("기록 번호나 응답 ID로 찾기").fill("chatcmpl-long-ago");
    await page.getByRole("button", { name: "찾기", exact: true }).click();
    await page.getByText("기록 100,000건 가운데 32,768건을 살펴보았습니다.").waitFor();
    await noSerious(page, axeSource);
    await picture(page, "record-looking");
    await page.getByRole("button", { name: "더 찾기" }).click();
    await page.getByText("기록 100,000건 가운데 65,536건을 살펴보았습니다.").waitFor();
    await page.unroute("**/record/entries?**");
    await page.route("**/record/entries?**", (r) => page_(r, { error: { message: "too many requests", code: "rate_limit_exceeded" } }, 429));
    await page.getByRole("button", { name: "조건 지우기" }).click();
    await page.getByText("요청이 한도를 넘었습니다.").waitFor();
    await noSerious(page, axeSource);
    await picture(page, "record-limited");
    await page.unroute("**/record/entries?**");
    await page.getByRole("button", { name: "다시 시도" }).click();
    await until(async () => (await rows.count()) === 50, "the entries");
});

await test("English is complete", async () => {
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: "Signed record" }).waitFor();
    assert.doesNotMatch(await page.locator("#main").innerText(), /[가-힣]/u);
    await picture(page, "record-en");
    await enter(keys.own, `#/record/${mine[1].entry}`);
    await page.getByRole("heading", { name: `Record no. ${mine[1].entry}` }).waitFor();
    await page.getByRole("button", { name: "Verify in the browser" }).click();
    await page.getByText("The record is verified").waitFor();
    await page.getByRole("button", { name: "Run again and compare" }).click();
    await page.getByText("The same answer came out again").waitFor();
    assert.doesNotMatch(await page.locator("#main").innerText(), /[가-힣]/u);
    await noSerious(page, axeSource);
    await picture(page, "entry-en");
});

await test("a phone in the dark: nothing is cut off", async () => {
    await page.getByRole("button", { name: "한국어" }).click();
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: "dark" });
    await enter(keys.own);
    await rows.first().waitFor();
    await wide();
    await noSerious(page, axeSource);
    await picture(page, "record-phone");
    await page.locator(".record-search").scrollIntoViewIfNeeded();
    await picture(page, "record-phone-list");
    await enter(keys.own, `#/record/${mine[1].entry}`);
    await page.getByRole("button", { name: "브라우저에서 확인" }).click();
    await page.getByText("기록이 확인되었습니다").waitFor();
    await page.getByText("개가 기록의 지문과 같습니다").waitFor();
    await wide();
    await noSerious(page, axeSource);
    await picture(page, "entry-phone");
});

await test("nothing failed on the page, and nothing was asked of others", () => assert.deepEqual(problems, []));

await browser.close();
await server.stop();
done();
