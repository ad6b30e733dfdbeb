// Makes the pictures of README.md, docs/console-*.png: the console in headless Chromium, with a server of the guide.
//   node tools/pictures.mjs      behind `./dev build` and tools/npm.sh; Korean needs Debian's fonts-noto-cjk
import { spawn } from "node:child_process";
import { owned, temporaryFolder } from "../tests/js/lib_end.mjs";
import { chromium } from "../tests/js/node_modules/playwright-core/index.mjs";

const state = temporaryFolder("pictures");
const server = owned(spawn("build/sillok", ["serve", "models/guide.gguf", "--port", "0", "--state", state, "--no-keys"], { stdio: ["ignore", "pipe", "ignore"] }));
const origin = await new Promise((resolve, reject) => {
    let out = "";
    server.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    server.stdout.setEncoding("utf8").on("data", (d) => {
        out += d;
        const m = /listening on (http:\S+)/.exec(out);
        if (m) resolve(m[1]);
    });
});
server.removeAllListeners("exit");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 920 }, deviceScaleFactor: 1, locale: "ko-KR", reducedMotion: "reduce" });

await page.goto(origin);
const box = page.getByRole("textbox", { name: "메시지" });
const answers = page.locator(".answer");
for (const [i, question] of ["실록이 뭐예요?", "PUE가 뭐예요?"].entries()) {
    await box.fill(question);
    await box.press("Enter");
    await page.waitForFunction((n) => document.querySelectorAll(".answer").length > n && !document.querySelector(".answer[aria-busy=true]"), i);
}
await answers.last().getByRole("button", { name: /^기록 [\d,]+번/ }).click();
await page.waitForTimeout(1000);
await page.screenshot({ path: "docs/console-chat.png" });

await page.setViewportSize({ width: 1200, height: 980 });
await page.goto(`${origin}/#/plan`);
const settled = () => page.waitForFunction(() => /GPU/.test(document.body.innerText) && !document.querySelector("main [aria-busy=true]"));
await settled();
await page.getByRole("button", { name: "B안을 만들어 비교" }).click();
await page.getByRole("spinbutton", { name: /계약전력/ }).fill("300");
await page.keyboard.press("Tab");
await page.waitForTimeout(3000);
await settled();
await page.evaluate(() => scrollTo(0, 0));
await page.screenshot({ path: "docs/console-plan.png" });
await browser.close();
const ended = new Promise((r) => server.on("exit", r));
server.kill();
await ended;
