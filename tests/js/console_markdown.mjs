// The console reads a growing answer piece by piece: after every piece the blocks are those of the whole text read at once.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip, test, done } from "./tap.mjs";

const npm = spawnSync("sh", ["tools/npm.sh", "console"], { encoding: "utf8" });
if (npm.status !== 0) {
    skip("a growing answer is read as the whole", npm.stdout.trim());
    done();
}
const { build } = createRequire(new URL("../../console/package.json", import.meta.url))("esbuild");
const folder = mkdtempSync(join(tmpdir(), "sillok-markdown-"));
const { outputFiles } = await build({ entryPoints: ["console/src/markdown.tsx"], bundle: true, write: false, format: "esm", jsx: "automatic", jsxImportSource: "preact", logLevel: "error" });
writeFileSync(join(folder, "markdown.mjs"), outputFiles[0].contents);
const { grown } = await import(join(folder, "markdown.mjs"));
rmSync(folder, { recursive: true });

const fresh = () => ({ text: "", blocks: [] });
const shape = (blocks) => JSON.stringify(blocks, (key, v) => (key.startsWith("__") ? undefined : typeof v === "function" ? v.name : v));
const whole = (text) => shape(grown(fresh(), text));

const pieces = [
    "# 제목\n", "#", "## 둘\n", "문단 하나\n", "이어지는 줄\n", "\n", "\n\n", "- 하나\n", "- 둘\n", "  이어서\n", "    - 안쪽\n", "-", "--", "---\n", "1. 첫째\n", "2. 둘째\n", "> 인용\n",
    ">", "```js\n", "let x = 1;\n", "```\n", "``", "~~~\n", "| 이름 | 값 |\n", "|---|---:|\n", "|---", "| 가 | 1 |\n", "|", "**굵게** 글\n", "* * *\n", "  ", "끝", "\n- ", "a | b\n", "___",
];
let seed = 20261123;
const draw = (n) => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % n;

await test("a growing answer is read as the whole", () => {
    for (let round = 0; round < 400; round++) {
        const kept = fresh();
        let text = "";
        for (let n = 0; n < 40; n++) {
            text += pieces[draw(pieces.length)];
            assert.equal(shape(grown(kept, text)), whole(text), `round ${round}: ${JSON.stringify(text)}`);
        }
        assert.ok(text.startsWith(kept.text));
    }
});

await test("letter by letter, too, and most of it is read once", () => {
    const text = "# 제목\n\n문단 **굵게**\n둘째 줄\n\n- 하나\n- 둘\n\n\n1. 첫째\n\n```c\nint x;\n\n\ny\n```\n\n| 가 | 나 |\n|---|---|\n| 1 | 2 |\n\n끝의 문단\n\n하나 더\n\n또 하나\n";
    const kept = fresh();
    for (let n = 1; n <= text.length; n++) assert.equal(shape(grown(kept, text.slice(0, n))), whole(text.slice(0, n)), JSON.stringify(text.slice(0, n)));
    assert.ok(kept.text.length > text.length / 2);
});

await test("another text in its place is read anew", () => {
    const kept = fresh();
    grown(kept, "하나\n\n둘\n\n셋\n\n넷\n\n");
    assert.equal(shape(grown(kept, "다섯\n")), whole("다섯\n"));
});
done();
