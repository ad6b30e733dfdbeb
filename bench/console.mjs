// The console in Chromium: the first load, a history of ten thousand messages, and the processor time of a stream.
//   node bench/console.mjs [--loads 9] [--seconds 20]
// A small server of this script stands before `sillok serve`: it passes everything on but the conversation itself, for
// which it sends 100 tokens a second of Korean Markdown. Figures are medians; bench/results/details/console.csv has them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { cpus } from "node:os";

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

const { browser } = await launch("bench");
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

// Processor time of the browser with all its processes, in seconds (Linux: fields 14 and 15 of /proc/PID/stat).
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
    return all.filter((p) => mine.has(p.pid)).reduce((sum, p) => sum + p.ticks, 0) / 100;
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
const fill = (page, list) =>
    page.evaluate(
        (all) =>
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
            }),
        list,
    );
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

async function streaming(name, address, prepare) {
    const { context, page } = await open();
    if (prepare) {
        await prepare(page);
        await page.goto(origin + address);
        await page.reload();
        await page.locator(".answer").last().waitFor();
    }
    const cdp = await context.newCDPSession(page);
    await cdp.send("Performance.enable");
    const main = async () => (await cdp.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
    const box = page.locator(".composer textarea");
    await box.fill("길게 말해 주세요.");
    await box.press("Enter");
    await page.waitForTimeout(1000);
    const [task, cpu, began] = [await main(), browserSeconds(), performance.now()];
    await page.waitForTimeout((seconds - 2) * 1000);
    const took = (performance.now() - began) / 1000;
    const [task2, cpu2] = [await main(), browserSeconds()];
    add(`${name}: the page's thread`, ((task2 - task) / took) * 100, "% of a core", "20");
    add(`${name}: all of the browser`, ((cpu2 - cpu) / took) * 100, "% of a core", "-");
    await page.locator(".answer[aria-busy=true]").waitFor({ state: "detached" });
    assert.match(await page.locator(".figures").last().innerText(), new RegExp((seconds * perSecond).toLocaleString("en")));
    await context.close();
}
await streaming("100 tokens a second", "/");
await streaming("the same behind ten thousand messages", "/#/chat/long", (page) => fill(page, [conversation("long", many)]));

mkdirSync("bench/results/details", { recursive: true });
const machine = cpus()[0]?.model.match(/AMD EPYC|Intel\S* Xeon\S*|\S+ \S+/)?.[0] ?? "?";
const head =
    `# The console in Chromium ${browser.version()}, headless, on ${cpus().length} cores (${machine}): \`node bench/console.mjs\`; medians of ${loads} loads,\n` +
    `# streams of ${perSecond} tokens a second for ${seconds} s; Node ${process.versions.node}; ${new Date().toISOString().slice(0, 10)}.\n`;
writeFileSync("bench/results/details/console.csv", head + "what,figure,unit,limit\n" + rows.map((r) => r.join(",")).join("\n") + "\n");
await browser.close();
front.close();
front.closeAllConnections();
await server.stop();
process.exit(0);
