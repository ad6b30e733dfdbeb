// The console's pages of models, usage and keys in a real browser: loading and unloading beside a stream, keys shown once,
// revoked at once, the CSV of the command line, what an ordinary key sees, both languages, a phone, the dark, accessibility.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { launch, noSerious, picture } from "./lib_browser.mjs";
import { Server, sillok, sleep, until } from "./lib_serve.mjs";
import { test, done } from "./tap.mjs";

const { browser, newContext, axeSource } = await launch("console: models, usage and keys in a browser");
const server = await Server.start({ model: { max_tokens: 60 }, others: [{ name: "둘째", sessions: 4 }, { name: "spare", load: false }] });
const adminKey = server.addKey("operator", "--admin");
await server.known(adminKey);
const context = await newContext({ viewport: { width: 1280, height: 900 }, locale: "ko-KR", reducedMotion: "reduce", acceptDownloads: true });
const page = await context.newPage();
const problems = [];
page.on("pageerror", (e) => problems.push(String(e)));
page.on("console", (m) => m.type() === "error" && !/Failed to load resource/.test(m.text()) && problems.push(m.text()));

const admin = (path, body) => server.ask(path, body, { authorization: `Bearer ${adminKey}` });
const complete = (model, tokens, key = server.key) =>
    server.ask("/v1/completions", { model, prompt: "가", seed: 7, max_tokens: tokens, ignore_eos: true }, { authorization: `Bearer ${key}` });
const card = (name) => page.locator(".model-card").filter({ has: page.locator("h2", { hasText: name }) });
const enter = async (key) => {
    await page.evaluate(() => sessionStorage.clear());
    await page.goto(server.origin);
    await page.getByLabel("접속 키").fill(key);
    await page.getByRole("button", { name: "시작하기" }).click();
    await page.getByRole("textbox", { name: "메시지" }).waitFor();
};
const open = async (name) => {
    await page.getByRole("navigation", { name: "주 메뉴" }).getByRole("link", { name }).click();
    await page.getByRole("heading", { level: 1, name }).waitFor();
};

await page.goto(server.origin);

await test("an administrator sees every model with its state, digest and memory", async () => {
    await enter(adminKey);
    await open("모델");
    await card("tiny").getByText("사용 중", { exact: true }).waitFor();
    await card("spare").getByText("내려 있음").waitFor();
    const { json } = await admin("/admin/models");
    assert.deepEqual(json.models.map((m) => m.state), ["loaded", "loaded", "unloaded"]);
    const text = await card("둘째").innerText();
    assert.match(text, /llama/);
    assert.ok(text.includes(json.models[1].sha256.slice(0, 12)));
    assert.match(text, /512토큰/);
    assert.match(text, /가중치/);
    await noSerious(page, axeSource);
    await picture(page, "models");
});

await test("a model is loaded, and can be talked with", async () => {
    assert.equal((await complete("spare", 2)).json.error.code, "model_not_loaded");
    await card("spare").getByRole("button", { name: "spare 모델 올리기" }).click();
    await page.getByRole("dialog").getByText("spare 모델을 메모리에 올립니다").waitFor();
    await noSerious(page, axeSource);
    await picture(page, "models-ask");
    await page.getByRole("dialog").getByRole("button", { name: "올리기", exact: true }).click();
    await card("spare").getByText("사용 중", { exact: true }).waitFor();
    assert.equal((await complete("spare", 2)).status, 200);
});

await test("unloading disturbs no stream of another model; the unloaded one says so", async () => {
    const alone = (await complete("tiny", 400)).json.choices[0].text;
    const streaming = complete("tiny", 400);
    await page.goto(server.origin + "/#/models");
    await card("둘째").getByRole("button", { name: "둘째 모델 내리기" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "내리기", exact: true }).click();
    await card("둘째").getByText("내려 있음").waitFor();
    const r = await complete("둘째", 2);
    assert.equal(r.status, 404);
    assert.equal(r.json.error.code, "model_not_loaded");
    assert.equal((await streaming).json.choices[0].text, alone);
    assert.deepEqual((await server.ask("/v1/models")).json.data.map((m) => m.id).sort(), ["gpt-4o-mini", "spare", "tiny"]);
});

await test("the chat offers what is loaded", async () => {
    await page.goto(server.origin + "/#/chat");
    const options = page.getByRole("combobox", { name: "모델" }).locator("option");
    await until(async () => !(await options.allTextContents()).includes("둘째"), "the list of models");
    assert.ok((await options.allTextContents()).includes("spare"));
});

await test("a model that cannot be loaded says why, and loads again when it is mended", async () => {
    const file = join(server.folder, "tiny.gguf");
    await page.goto(server.origin + "/#/models");
    renameSync(file, file + ".away");
    await card("둘째").getByRole("button", { name: "둘째 모델 올리기" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "올리기", exact: true }).click();
    await card("둘째").getByText("올리지 못함").waitFor();
    await card("둘째").getByText("tiny.gguf").first().waitFor();
    await noSerious(page, axeSource);
    await picture(page, "models-failed");
    renameSync(file + ".away", file);
    await card("둘째").getByRole("button", { name: "둘째 모델 올리기" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "올리기", exact: true }).click();
    await card("둘째").getByText("사용 중", { exact: true }).waitFor();
    assert.equal((await complete("둘째", 2)).status, 200);
});

await test("a key is made, shown once, works, and is refused as soon as it is revoked", async () => {
    await page.goto(server.origin + "/#/usage");
    await page.getByRole("button", { name: "키 만들기" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "키 만들기" }).click();
    await dialog.getByText("기관 이름을 적으세요").waitFor();
    await dialog.getByRole("combobox", { name: "기관" }).fill("감사실");
    await dialog.getByRole("textbox", { name: "이름" }).fill("노트북");
    await dialog.getByRole("combobox", { name: "만료" }).selectOption("90");
    await noSerious(page, axeSource);
    await picture(page, "key-form");
    await dialog.getByRole("button", { name: "키 만들기" }).click();
    await page.getByText("키를 만들었습니다").waitFor();
    const secret = await page.locator(".secret code").textContent();
    assert.match(secret, /^sk-sillok-[\w-]{43}$/);
    await noSerious(page, axeSource);
    await picture(page, "key-made");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(".secret").count(), 1, "Escape loses the secret");
    assert.equal((await complete("tiny", 2, secret)).status, 200);
    await page.getByRole("button", { name: "옮겨 두었습니다" }).click();
    await page.locator(".secret").waitFor({ state: "detached" });
    assert.ok(!(await page.content()).includes(secret), "the secret is still in the page");
    const row = page.getByRole("row").filter({ hasText: "감사실" }).filter({ hasText: "노트북" });
    await row.getByText("사용 중").waitFor();
    await row.getByRole("button", { name: "감사실의 노트북 키 폐기" }).click();
    await page.getByRole("dialog").getByText("되돌릴 수 없습니다").waitFor();
    await picture(page, "key-revoke");
    await page.getByRole("dialog").getByRole("button", { name: "폐기", exact: true }).click();
    await row.waitFor({ state: "detached" });
    assert.equal((await complete("tiny", 2, secret)).status, 403);
    await page.getByText("폐기되거나 만료된 키도 보기").click();
    await row.getByText("폐기됨").waitFor();
    for (const said of [/"what":"added".*노트북/, /"what":"revoked".*노트북/]) await until(async () => said.test(server.log), `${said} in the log`);
    assert.ok(!server.log.includes(secret), "the secret is in the log");
});

await test("the key in use cannot be revoked by itself", async () => {
    await page.getByRole("row").filter({ hasText: "operator" }).getByText("지금 쓰는 키").waitFor();
});

await test("usage: totals, days, by tenant, model and key", async () => {
    const { json } = await admin("/admin/usage?by=tenant");
    await page.reload();
    await page.locator(".stat").filter({ hasText: "요청" }).getByText(json.total.requests.toLocaleString("ko"), { exact: true }).waitFor();
    await page.getByRole("img", { name: /날짜별 토큰 막대그래프/ }).waitFor();
    assert.equal(await page.locator(".bar").count(), 30);
    await page.getByRole("tab", { name: "모델별" }).click();
    await page.getByRole("rowheader", { name: "tiny" }).waitFor();
    await page.getByRole("tab", { name: "키별" }).click();
    await page.getByRole("rowheader", { name: "노트북" }).first().waitFor();
    await page.getByRole("radio", { name: "7일" }).check();
    await until(async () => (await page.locator(".bar").count()) === 7, "seven days");
    await noSerious(page, axeSource);
    await picture(page, "usage");
});

await test("the CSV is that of the command line", async () => {
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "CSV 내려받기" }).click();
    const file = await coming;
    const cli = spawnSync(sillok, ["usage", "--csv", "--by-key", "--state", server.state], { encoding: "utf8" });
    assert.equal(cli.status, 0, cli.stderr);
    assert.ok(cli.stdout.split("\n").length > 3);
    assert.equal(readFileSync(await file.path(), "utf8"), "\ufeff" + cli.stdout);
});

await test("days of one's own choice", async () => {
    await page.getByRole("radio", { name: "직접 고르기" }).check();
    await page.getByLabel("첫날").fill("2020-01-01");
    await page.getByLabel("마지막 날").fill("2020-01-31");
    await page.getByText("이 기간에는 사용한 것이 없습니다").first().waitFor();
    await page.getByLabel("마지막 날").fill("2019-12-31");
    await page.getByText("첫날이 마지막 날보다 늦습니다").waitFor();
    await noSerious(page, axeSource);
});

await test("an ordinary key sees its own, and nothing of /admin", async () => {
    await enter(server.key);
    for (const path of ["/admin/models", "/admin/keys", "/admin/usage"]) assert.equal((await server.ask(path)).status, 403);
    for (const path of ["/admin/models/tiny/unload", "/admin/keys", "/admin/keys/1/revoke"]) assert.equal((await server.ask(path, {})).status, 403);
    await open("모델");
    await page.getByText("모델을 올리고 내리는 일은 관리자가 합니다").waitFor();
    assert.equal(await page.getByRole("button", { name: /내리기|올리기/ }).count(), 0);
    await noSerious(page, axeSource);
    await picture(page, "models-ordinary");
    await open("사용량·키");
    await page.getByText("tests의 사용량입니다").waitFor();
    await page.getByText("접속 키는 관리자가 만들고 폐기합니다").waitFor();
    assert.equal(await page.getByRole("button", { name: "키 만들기" }).count(), 0);
    assert.ok(!(await page.locator("main").innerText()).includes("감사실"));
    await noSerious(page, axeSource);
    await picture(page, "usage-ordinary");
});

await test("English, and the dark", async () => {
    await enter(adminKey);
    await open("모델");
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { level: 1, name: "Models" }).waitFor();
    await page.emulateMedia({ colorScheme: "dark" });
    await card("tiny").getByText("Loaded", { exact: true }).waitFor();
    await noSerious(page, axeSource);
    await picture(page, "models-dark-en");
    await page.goto(server.origin + "/#/usage");
    await page.getByRole("img", { name: /Bar chart of Tokens/ }).waitFor();
    await noSerious(page, axeSource);
    await picture(page, "usage-dark-en");
    assert.doesNotMatch(await page.locator("main").innerText(), /undefined|NaN/);
});

await test("a phone: nothing is wider than the screen", async () => {
    await page.emulateMedia({ colorScheme: "light" });
    await page.getByRole("button", { name: /한국어/ }).first().click();
    await page.setViewportSize({ width: 360, height: 740 });
    for (const [hash, name] of [["models", "모델"], ["usage", "사용량·키"]]) {
        await page.goto(`${server.origin}/#/${hash}`);
        await page.getByRole("heading", { level: 1, name }).waitFor();
        await sleep(300);
        await picture(page, `${hash}-phone`);
        const wide = await page.evaluate(() => [...document.querySelectorAll("main *")].filter((e) => !e.closest(".table table") && e.getBoundingClientRect().right > 361).map((e) => `${e.tagName} ${e.className}`));
        assert.deepEqual(wide, []);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
        assert.ok(await page.evaluate(() => document.querySelector(".page").scrollWidth <= 360));
        await noSerious(page, axeSource);
    }
    await page.evaluate(() => document.querySelector(".page").scrollTo(0, 1200));
    await picture(page, "usage-phone-2");
});

await test("a server that is gone: what was there stays, with a word about it", async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(server.origin + "/#/models");
    await card("tiny").waitFor();
    await context.setOffline(true);
    await page.getByText("서버와 연결이 끊겼습니다").first().waitFor();
    await card("tiny").waitFor();
    await picture(page, "models-offline");
    await context.setOffline(false);
});

await test("nothing went wrong in the page", async () => assert.deepEqual(problems, []));
await test("the server ends well", async () => assert.equal(await server.stop(), 0));
await browser.close();
done();
