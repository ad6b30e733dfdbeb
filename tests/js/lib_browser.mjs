// A headless Chromium for the console's tests, or the tests skipped with the reason.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { packages, patience, until } from "./lib_serve.mjs";
import { done, skip } from "./tap.mjs";

const places = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = places.find((p) => p && existsSync(p));

// Names the tests that would run, for the list of what is skipped.
export async function launch(what) {
    if (!executablePath) {
        skip(what, "no Chromium here (Debian: chromium)");
        done();
    }
    const [{ chromium }, axe] = await packages("playwright-core", "axe-core");
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
    const newContext = async (options) => {
        const context = await browser.newContext(options);
        context.setDefaultTimeout(patience);
        return context;
    };
    return { browser, executablePath, newContext, axeSource: axe.default.source };
}

// Does one thing with what the browser keeps of conversations; what it gives.
const withKept = (page, what, value) =>
    page.evaluate(
        ([verb, arg]) =>
            new Promise((resolve, reject) => {
                const open = indexedDB.open("sillok");
                open.onerror = () => reject(open.error);
                open.onsuccess = () => {
                    const r = open.result.transaction("conversations", "readwrite").objectStore("conversations")[verb](arg);
                    r.onerror = () => reject(r.error);
                    r.onsuccess = () => (open.result.close(), resolve(verb === "get" ? r.result : undefined));
                };
            }),
        [what, value],
    );

// The conversation shown (or at another address), as the browser keeps it, once an answer that is `whole` is kept with it;
// and what keeps it so changed, as somebody with the browser's files could. The page's policy lets no text run as code,
// so it comes here and goes back.
export async function keptTalk(page, { url = page.url(), whole = (m) => m.trace?.receipt } = {}) {
    const id = new URL(url).hash.split("/").at(-1);
    let talk;
    await until(async () => (talk = await withKept(page, "get", id))?.messages.some((m) => m.role === "assistant" && whole(m)), "the conversation is kept");
    return talk;
}
export const keepTalk = (page, talk) => withKept(page, "put", talk);

// After this, what was done to the page is drawn, and what follows from it has begun.
export const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => setTimeout(done))))));

// What axe-core finds that is serious. It is brought in past the page's own policy, by the debugger.
export async function seriousFindings(page, axeSource) {
    await page.evaluate(axeSource);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
    return violations
        .filter((v) => ["serious", "critical"].includes(v.impact))
        .map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`);
}

export const noSerious = async (page, axeSource) => assert.deepEqual(await seriousFindings(page, axeSource), []);

// With SHOTS=FOLDER the tests leave pictures to look at.
export async function picture(page, name) {
    if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, name + ".png") });
}
