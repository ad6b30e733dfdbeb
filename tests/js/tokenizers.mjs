// Token ids against npm @huggingface/tokenizers, on 20,000 Korean and mixed lines and 5,000 random texts, for five
// tokenizers. Where the two differ, the Rust library that both follow (npm "tokenizers") decides: it must agree with
// Sillok on every such line, and on all random texts. What the JavaScript one is known to do differently:
//   - byte-level splitting with use_regex takes \s as JavaScript does (with U+FEFF, without U+0085), and Digits takes \d as
//     ASCII only (both in smollm2);
//   - (?i:'s) does not take U+017F, the long s, which folds to s (Qwen 3, Llama 3.1);
//   - its Unicode is Node's, maybe newer or older than the Rust library's 16.0.
import assert from "node:assert/strict";
import { spawnSync, execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NAMES, koreanLines, randomLines, sameIds, shared, tokenizerFile, toJsonl } from "./lib_tokenizers.mjs";
import { test, skip, note, done } from "./tap.mjs";

const SEED = "sillok-tokenizers-1";
const sillok = process.env.SILLOK ?? "build/sillok";
const build = process.env.SILLOK_BUILD ?? "build";
const folder = join(build, "js-tokenizers");

function encodeWithSillok(file, lines, ...options) {
    const r = spawnSync(sillok, ["tokenize", file, "--jsonl", ...options], { input: toJsonl(lines), maxBuffer: 1 << 30 });
    assert.equal(r.status, 0, r.stderr.toString());
    const out = r.stdout.toString().split("\n");
    assert.equal(out.pop(), "");
    assert.equal(out.length, lines.length);
    return out.map((l) => JSON.parse(l).ids);
}

function textsOfSillok(file, lists) {
    const input = lists.map((ids) => JSON.stringify({ ids })).join("\n") + "\n";
    const r = spawnSync(sillok, ["tokenize", file, "--jsonl"], { input, maxBuffer: 1 << 30 });
    assert.equal(r.status, 0, r.stderr.toString());
    return r.stdout.toString().trimEnd().split("\n").map((l) => JSON.parse(l).text);
}

async function encodeWithRust(rust, lines) {
    const out = [];
    for (let i = 0; i < lines.length; i += 1000) {
        const part = await rust.encodeBatch(lines.slice(i, i + 1000), { addSpecialTokens: false });
        out.push(...part.map((e) => e.getIds()));
    }
    return out;
}

const show = (text) => `${JSON.stringify(text)} ${[...text].map((c) => c.codePointAt(0).toString(16)).join(" ")}`;

// In turns, so that a busy machine slows both: our tool, then the oracle, on the same lines.
function speed(name, file, oracle, lines) {
    const input = join(folder, "speed.jsonl");
    writeFileSync(input, toJsonl(lines));
    const mb = lines.reduce((n, l) => n + Buffer.byteLength(l), 0) / 1e6;
    let ours = Infinity, theirs = Infinity, open = Infinity;
    for (let round = 0; round < 2; round++) {
        const r = JSON.parse(execFileSync(join(build, "tests/tool_tokenize_speed"), [file, input, "3"]));
        ours = Math.min(ours, ...r.encode_s);
        open = Math.min(open, r.open_s);
        oracle.model.clear_cache?.();
        const start = performance.now();
        for (const l of lines) oracle.encode(l, { add_special_tokens: false });
        theirs = Math.min(theirs, (performance.now() - start) / 1e3);
    }
    note(`${name}: Sillok ${(mb / ours).toFixed(1)} MB/s, npm ${(mb / theirs).toFixed(2)} MB/s, ` +
        `${(theirs / ours).toFixed(0)} times; opened in ${(open * 1e3).toFixed(0)} ms`);
}

async function compare(name, korean, random, JsTokenizer, RustTokenizer) {
    const file = tokenizerFile(name, folder);
    const oracle = new JsTokenizer(JSON.parse(readFileSync(file)), {});
    const rust = RustTokenizer.fromFile(file);
    const lines = [...korean, ...random];
    let ids;
    await test(`${name}: ${korean.length} Korean and mixed lines`, async () => {
        ids = encodeWithSillok(file, lines, "--special");
        const theirs = korean.map((l) => oracle.encode(l, { add_special_tokens: false }).ids);
        const differ = korean.map((_, i) => i).filter((i) => !sameIds(ids[i], theirs[i]));
        const judged = await encodeWithRust(rust, differ.map((i) => korean[i]));
        differ.forEach((i, k) => assert.deepEqual(ids[i], judged[k], `line ${i}: ${show(korean[i])}`));
        if (differ.length) note(`${name}: npm @huggingface/tokenizers differs from the Rust library on ${differ.length} lines`);
        assert.ok(differ.length < korean.length / 1000, `${differ.length} lines differ from the oracle`);
    });
    await test(`${name}: ${random.length} random texts, seed ${SEED}`, async () => {
        const judged = await encodeWithRust(rust, random);
        let differ = 0;
        random.forEach((text, k) => {
            const ours = ids[korean.length + k];
            assert.deepEqual(ours, judged[k], `text ${k}: ${show(text)}`);
            differ += !sameIds(ours, oracle.encode(text, { add_special_tokens: false }).ids);
        });
        if (differ) note(`${name}: npm @huggingface/tokenizers differs from the Rust library on ${differ} random texts`);
        assert.ok(differ < random.length / 10, `${differ} texts differ from the oracle`);
    });
    await test(`${name}: decoding gives the same text`, async () => {
        const some = ids.filter((_, i) => i % 9 === 0 && ids[i].length > 0);
        const ours = textsOfSillok(file, some);
        const theirs = await rust.decodeBatch(some, true);
        some.forEach((list, i) => assert.equal(ours[i], theirs[i], list.join(" ")));
    });
    speed(name, file, oracle, korean.slice(0, 1500));
}

if (!existsSync(shared)) {
    skip("tokenizers", `no ${shared}`);
} else {
    const { Tokenizer: JsTokenizer } = await import("@huggingface/tokenizers");
    const { default: rustPackage } = await import("tokenizers");
    const korean = koreanLines(20500), random = randomLines(5000, SEED);
    await test("there are at least 20,000 Korean and mixed lines", () => assert.ok(korean.length >= 20000));
    for (const name of NAMES) await compare(name, korean, random, JsTokenizer, rustPackage.Tokenizer);
}
done();
