// The console in Chromium: the first load, a history of ten thousand messages, and the processor time of a stream.
//   node bench/console.mjs [--loads 9] [--seconds 20]
// A small server of this script stands before `sillok serve`: it passes everything on but the conversation itself, for
// which it sends 100 tokens a second of Korean Markdown. Figures are medians; bench/results/details/console.csv has them.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

process.chdir(new URL("..", import.meta.url).pathname);
const { launch } = await import("../tests/js/lib_browser.mjs");
const { Server } = await import("../tests/js/lib_serve.mjs");

const option = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const loads = option("loads", 9);
const seconds = option("seconds", 20);
const perSecond = 100;
const many = 10_000;

const build = process.env.SILLOK_BUILD ?? "build";
execFileSync("make", ["--no-print-directory", "-s", `B=${build}`, `${build}/tests/tool_make_model`], { stdio: ["ignore", "ignore", "inherit"] });

const sorted = (list) => [...list].sort((a, b) => a - b);
const quantile = (list, q) => sorted(list)[Math.min(list.length - 1, Math.floor(q * list.length))];
const median = (list) => quantile(list, 0.5);

// ---- the server before the server ----

const words = "**기록**은 모든 답의 지문을 남깁니다. `sillok audit check` 명령으로 누구나 확인할 수 있습니다.\n\n- 첫째, 항목\n- 둘째, 증명\n\n| 이름 | 값 |\n|---|---|\n| 크기 | 12 |\n\n".split(/(?<=[ \n|])/u);

function stream(response) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (o) => response.write(`data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", choices: [{ index: 0, ...o }] })}\n\n`);
    const began = performance.now();
    let n = 0;
    send({ delta: { role: "assistant" } });
    const timer = setInterval(() => {
        for (const due = Math.min(seconds * perSecond, ((performance.now() - began) * perSecond) / 1000); n < due; n++) send({ delta: { content: words[n % words.length] } });
        if (n < seconds * perSecond) return;
        clearInterval(timer);
        send({ delta: {}, finish_reason: "stop" });
        response.end(`data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 9, completion_tokens: n } })}\n\ndata: [DONE]\n\n`);
    }, 5);
    response.on("close", () => clearInterval(timer));
}

const server = await Server.start({ more: { keys: false } });
const front = createServer((q, r) => {
    if (q.url === "/v1/chat/completions") return q.resume().on("end", () => stream(r));
    q.pipe(request(server.origin + q.url, { method: q.method, headers: q.headers }, (a) => (r.writeHead(a.statusCode, a.headers), a.pipe(r))));
});
await new Promise((done) => front.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${front.address().port}`;

// ---- the browser ----

const { browser, executablePath: chromium } = await launch("bench");
const version = browser.version();
const rows = [];
function add(name, value, unit, limit) {
    rows.push([name, value.toFixed(value < 10 ? 2 : 0), unit, limit]);
    console.log(`${name}: ${rows.at(-1)[1]} ${unit} (limit ${limit})`);
}

/** Milliseconds from the navigation until something can be typed. */
const interactive = () => {
    addEventListener("DOMContentLoaded", () =>
        new MutationObserver((_, watch) => {
            const box = document.querySelector(".composer textarea");
            if (!box) return;
            globalThis.interactiveMs = performance.now();
            watch.disconnect();
        }).observe(document.body, { childList: true, subtree: true }),
    );
};
async function open(address = "/") {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "ko-KR" });
    const page = await context.newPage();
    await page.addInitScript(interactive);
    await page.goto(origin + address);
    await page.locator(".composer textarea").waitFor();
    return { context, page };
}

// Processor time of the browser by kind of process, in seconds (Linux: fields 14 and 15 of /proc/PID/stat).
function browserSeconds() {
    const all = readdirSync("/proc").filter((d) => /^\d+$/.test(d)).map((pid) => {
        try {
            const text = readFileSync(`/proc/${pid}/stat`, "utf8");
            const f = text.slice(text.lastIndexOf(")") + 2).split(" ");
            return { pid: Number(pid), parent: Number(f[1]), ticks: Number(f[11]) + Number(f[12]) };
        } catch {
            return null;
        }
    }).filter(Boolean);
    const mine = new Set([process.pid]);
    for (let grew = true; grew; ) {
        grew = false;
        for (const p of all) if (!mine.has(p.pid) && mine.has(p.parent) && p.pid !== server.child.pid) grew = !!mine.add(p.pid);
    }
    mine.delete(process.pid);
    const spent = { all: 0, page: 0, painting: 0, network: 0, browser: 0 };
    for (const p of all.filter((x) => mine.has(x.pid))) {
        spent.all += p.ticks / 100;
        spent[kindOf(p.pid)] += p.ticks / 100;
    }
    return spent;
}
function kindOf(pid) {
    let command = "";
    try {
        command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
        // it has just ended
    }
    return /--type=renderer/.test(command) ? "page" : /--type=gpu-process/.test(command) ? "painting" : /NetworkService/.test(command) ? "network" : "browser";
}

// ---- first load ----

const times = [];
for (let n = 0; n < loads + 1; n++) {
    const { context, page } = await open();
    times.push(await page.evaluate(() => globalThis.interactiveMs));
    await context.close();
}
add("first load to interactive", median(times.slice(1)), "ms", "500"); // the first one also starts the browser's processes

// ---- ten thousand messages ----

const conversation = (id, n) => ({
    id, title: `대화 ${id}`, updated: Date.now(), leaf: `${id}-${n - 1}`, system: "",
    messages: Array.from({ length: n }, (_, i) => ({
        id: `${id}-${i}`, parent: i ? `${id}-${i - 1}` : null, role: i % 2 ? "assistant" : "user", time: 1,
        text: i % 2 ? words.join("") : `물음 ${i}: 기록은 어떻게 확인하나요?`,
    })),
});
/** Run in the page. */
const putAll = (all) =>
    new Promise((resolve, reject) => {
        const r = indexedDB.open("sillok", 1);
        r.onerror = () => reject(r.error);
        r.onsuccess = () => {
            const t = r.result.transaction(["conversations", "headings"], "readwrite");
            for (const c of all) {
                t.objectStore("conversations").put(c);
                t.objectStore("headings").put({ id: c.id, title: c.title, updated: c.updated });
            }
            t.oncomplete = () => (r.result.close(), resolve());
        };
    });
const fill = (page, list) => page.evaluate(putAll, list);
/** Times between frames while the wheel turns. */
async function frames(page, at, turn) {
    await page.mouse.move(...at);
    const measured = page.evaluate(
        () =>
            new Promise((resolve) => {
                const out = [];
                let last = performance.now();
                const end = last + 4000;
                const step = (now) => {
                    out.push(now - last);
                    last = now;
                    if (now < end) requestAnimationFrame(step);
                    else resolve(out.slice(1));
                };
                requestAnimationFrame(step);
            }),
    );
    for (let n = 0; n < 40; n++) {
        await page.mouse.wheel(0, turn);
        await page.waitForTimeout(90);
    }
    return measured;
}
async function keystroke(page) {
    const box = page.locator(".composer textarea");
    await box.focus();
    const took = [];
    for (let n = 0; n < 20; n++)
        took.push(
            await box.evaluate(
                (b) =>
                    new Promise((resolve) => {
                        const began = performance.now();
                        b.value += "가";
                        b.dispatchEvent(new InputEvent("input", { bubbles: true }));
                        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
                    }),
            ),
        );
    return median(took);
}

{
    const { context, page } = await open();
    await fill(page, [conversation("long", many)]);
    const began = performance.now();
    await page.goto(`${origin}/#/chat/long`);
    await page.reload();
    await page.locator(".answer").last().waitFor();
    add("one conversation of ten thousand messages: open", performance.now() - began, "ms", "1000");
    const list = await frames(page, [800, 400], -600);
    add("the same: frame while scrolling (95th of 100)", quantile(list, 0.95), "ms", "34");
    add("the same: a key typed", await keystroke(page), "ms", "50");
    await context.close();
}
{
    const { context, page } = await open();
    for (let k = 0; k < 10; k++) await fill(page, Array.from({ length: 500 }, (_, i) => conversation(`c${k}-${i}`, 2)));
    const began = performance.now();
    await page.reload();
    await page.locator(".heading").nth(10).waitFor();
    add("five thousand conversations of 2 messages: open", performance.now() - began, "ms", "1000");
    const list = await frames(page, [140, 400], 900);
    add("the same: frame while scrolling the list (95th of 100)", quantile(list, 0.95), "ms", "34");
    await page.getByRole("searchbox").fill("없는 말");
    const found = performance.now();
    await page.locator(".nothing").waitFor();
    add("the same: search through all", performance.now() - found, "ms", "1000");
    await context.close();
}

// ---- a stream ----

// A Chromium of its own, told what to do through its pipe alone: Playwright has itself told of every piece that comes over
// the network, which costs the browser as much again as the piece itself, and nobody's browser does that.
async function plain() {
    const folder = mkdtempSync(join(tmpdir(), "sillok-bench-"));
    const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars", "--force-color-profile=srgb", "--window-size=1280,943"];
    const child = spawn(chromium, [...args, `--user-data-dir=${folder}`, "--remote-debugging-pipe", "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const waiting = new Map();
    let rest = "";
    child.stdio[4].setEncoding("utf8").on("data", (text) => {
        const whole = (rest + text).split("\0");
        rest = whole.pop();
        for (const { id, result, error } of whole.map((m) => JSON.parse(m))) {
            const [resolve, reject] = waiting.get(id) ?? [];
            if (error) reject?.(new Error(error.message));
            else resolve?.(result);
            waiting.delete(id);
        }
    });
    let last = 0;
    const send = (method, params = {}, sessionId = undefined) =>
        new Promise((...ends) => {
            waiting.set(++last, ends);
            child.stdio[3].write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
        });
    const { targetInfos } = await send("Target.getTargets");
    const { sessionId } = await send("Target.attachToTarget", { targetId: targetInfos.find((t) => t.type === "page").targetId, flatten: true });
    const tell = (method, params) => send(method, params, sessionId);
    const run = async (expression) => {
        const { result, exceptionDetails } = await tell("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
        assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
        return result.value;
    };
    const seen = async (expression) => {
        for (const until = performance.now() + 30_000; !(await run(expression)); await pause(100)) assert.ok(performance.now() < until, `never: ${expression}`);
    };
    const close = async () => {
        const over = new Promise((done) => child.on("exit", done));
        child.kill();
        await over;
        rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    };
    return { tell, run, seen, close };
}

async function streaming(name, list) {
    const { tell, run, seen, close } = await plain();
    await tell("Page.navigate", { url: origin });
    await seen(`!!document.querySelector(".composer textarea")`);
    if (list) {
        await run(`(${putAll})(${JSON.stringify(list)})`);
        await run(`location.hash = "#/chat/${list[0].id}"`);
        await seen(`!!document.querySelector(".answer")`);
    }
    await tell("Performance.enable");
    const main = async () => (await tell("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
    await run(`document.querySelector(".composer textarea").focus()`);
    await tell("Input.insertText", { text: "길게 말해 주세요." });
    await seen(`!document.querySelector(".send").disabled`);
    await tell("Input.dispatchKeyEvent", { type: "keyDown", key: "Enter", code: "Enter", windowsVirtualKeyCode: 13, text: "\r" });
    await seen(`!!document.querySelector(".answer[aria-busy=true] .markdown")`);
    await pause(1000);
    const [task, cpu, began] = [await main(), browserSeconds(), performance.now()];
    await pause((seconds - 3) * 1000);
    const took = (performance.now() - began) / 1000;
    const [task2, cpu2] = [await main(), browserSeconds()];
    const part = (kind) => ((cpu2[kind] - cpu[kind]) / took) * 100;
    add(`${name}: the page's thread`, ((task2 - task) / took) * 100, "% of a core", "20");
    add(`${name}: all of the browser`, part("all"), "% of a core", "20");
    console.log(`    the page's process ${part("page").toFixed(1)}, painting ${part("painting").toFixed(1)}, network ${part("network").toFixed(1)}, the rest ${part("browser").toFixed(1)}`);
    await seen(`!document.querySelector(".answer[aria-busy=true]") && !!document.querySelector(".figures")`);
    assert.match(await run(`[...document.querySelectorAll(".figures")].at(-1).innerText`), new RegExp((seconds * perSecond).toLocaleString("en")));
    await close();
}
await browser.close();
await streaming("100 tokens a second");
await streaming("the same behind ten thousand messages", [conversation("long", many)]);

mkdirSync("bench/results/details", { recursive: true });
const machine = cpus()[0]?.model.match(/AMD EPYC|Intel\S* Xeon\S*|\S+ \S+/)?.[0] ?? "?";
const head =
    `# The console in Chromium ${version}, headless, on ${cpus().length} cores (${machine}): \`node bench/console.mjs\`; medians of ${loads} loads,\n` +
    `# streams of ${perSecond} tokens a second for ${seconds} s; Node ${process.versions.node}; ${new Date().toISOString().slice(0, 10)}.\n`;
writeFileSync("bench/results/details/console.csv", head + "what,figure,unit,limit\n" + rows.map((r) => r.join(",")).join("\n") + "\n");
front.close();
front.closeAllConnections();
await server.stop();
process.exit(0);
