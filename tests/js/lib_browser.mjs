// A headless Chromium for the console's tests, or the tests skipped with the reason.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { packages } from "./lib_serve.mjs";
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
    return { browser, axeSource: axe.default.source };
}

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
