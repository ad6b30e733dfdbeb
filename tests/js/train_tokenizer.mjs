// sillok train-tokenizer: what npm @huggingface/tokenizers and Sillok read from its file gives the same ids; the same texts
// give the same bytes; no token mixes parts of characters; and a model trained with it reads texts as the file does.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { koreanLines, randomLines, shared, toJsonl } from "./lib_tokenizers.mjs";
import { test, skip, note, done } from "./tap.mjs";

const sillok = process.env.SILLOK ?? "build/sillok";
const folder = join(process.env.SILLOK_BUILD ?? "build", "js-train-tokenizer");
const file = join(folder, "tokenizer.json");

// Sentences of a small grammar: Korean, English, numbers, signs, rare characters.
function madeLines(n) {
    const who = ["실록은", "이 모델은", "데이터 센터가", "우리는", "세종대왕께서", "The engine", "전력 수요가"];
    const what = ["한국어를", "전기를 1,234kWh", "2026년 11월에", "서버 열일곱 대를", "weights again,", "뷁쒧", "훈민정음(訓民正音)을"];
    const does = ["배웁니다.", "아껴 씁니다!", "기록하였다…", "다시 계산해요 😀", "computes bit for bit.", "  알려 드립니다?", "\t읽었다"];
    return Array.from({ length: n }, (_, i) => `${who[i % 7]} ${what[(i * 3 + (i >> 3)) % 7]} ${does[(i * 5 + (i >> 5)) % 7]} ${i % 13}`);
}

function train(lines, out, ...options) {
    const text = join(folder, "text.txt");
    writeFileSync(text, lines.join("\n") + "\n");
    return execFileSync(sillok, ["train-tokenizer", text, "--out", out, ...options]).toString();
}

function encode(lines) {
    const r = spawnSync(sillok, ["tokenize", file, "--jsonl"], { input: toJsonl(lines), maxBuffer: 1 << 30 });
    assert.equal(r.status, 0, r.stderr.toString());
    return r.stdout.toString().trimEnd().split("\n").map((l) => JSON.parse(l).ids);
}

// The bytes behind GPT-2's alphabet.
const byteOf = new Map();
for (let c = 0, n = 0; c < 256; c++) {
    const visible = (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || c >= 174;
    byteOf.set(String.fromCodePoint(visible ? c : 256 + n++), c);
}
const bytesOf = (token) => Buffer.from([...token].map((c) => byteOf.get(c)));
const isText = (bytes) => bytes.equals(Buffer.from(bytes.toString("utf8"), "utf8"));

mkdirSync(folder, { recursive: true });
const real = existsSync(join(shared, "korean"));
const lines = real ? koreanLines(20000) : madeLines(3000);
if (!real) note(`no ${shared}: made sentences only`);

await test("a tokenizer is made, the same bytes each time", () => {
    const said = train(lines, file, "--vocab", "3000");
    note(said.trim());
    const first = readFileSync(file);
    train(lines, file, "--vocab", "3000");
    assert.ok(first.equals(readFileSync(file)));
});
const json = JSON.parse(readFileSync(file, "utf8"));

await test("ids have no gaps, special tokens are at the end", () => {
    const ids = Object.values(json.model.vocab).concat(json.added_tokens.map((t) => t.id)).sort((a, b) => a - b);
    ids.forEach((id, i) => assert.equal(id, i));
    assert.ok(ids.length <= 3000);
    assert.deepEqual(json.added_tokens.map((t) => t.content), ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]);
});

await test("tokens are whole characters, or the beginning of one, or one byte", () => {
    for (const token of Object.keys(json.model.vocab)) {
        const b = bytesOf(token);
        const begin = b.length < 4 && b[0] >= 0xc2 && b.subarray(1).every((c) => c >= 0x80 && c < 0xc0);
        assert.ok(b.length === 1 || isText(b) || begin, JSON.stringify(token));
    }
});

await test("no token has a digit beside anything, or a space behind something", () => {
    for (const token of Object.keys(json.model.vocab)) {
        const text = bytesOf(token).toString("utf8");
        assert.ok(!/\d./u.test(text) && !/.\d/u.test(text), text);
        assert.ok(!/[^\s] /u.test(text), text);
    }
});

let peer;
try {
    peer = (await import("@huggingface/tokenizers")).Tokenizer;
} catch (e) {
    skip("npm @huggingface/tokenizers reads the same ids", "not installed");
}
if (peer) {
    await test("npm @huggingface/tokenizers reads the same ids", () => {
        const oracle = new peer(json, {});
        const texts = lines.slice(0, 3000).concat(madeLines(500));
        const ours = encode(texts);
        texts.forEach((t, i) => assert.deepEqual(ours[i], oracle.encode(t, { add_special_tokens: false }).ids, JSON.stringify(t)));
    });
    await test("... and texts from ids", () => {
        const oracle = new peer(json, {});
        const texts = lines.slice(0, 500), ids = encode(texts);
        texts.forEach((t, i) => {
            if (ids[i].length) assert.equal(oracle.decode(ids[i], { skip_special_tokens: false, clean_up_tokenization_spaces: false }), t.normalize("NFC"));
        });
    });
}
await test("random texts go there and back", () => {
    const texts = randomLines(500, "sillok-train-tokenizer-1").filter((t) => t.length);
    const ids = encode(texts);
    const r = spawnSync(sillok, ["tokenize", file, "--jsonl"], { input: ids.map((x) => JSON.stringify({ ids: x })).join("\n") + "\n", maxBuffer: 1 << 30 });
    const back = r.stdout.toString().trimEnd().split("\n").map((l) => JSON.parse(l).text);
    texts.forEach((t, i) => assert.equal(back[i], t.toWellFormed ? t.toWellFormed().normalize("NFC") : t.normalize("NFC")));
});

await test("wrong calls say why", () => {
    const text = join(folder, "bad.txt");
    writeFileSync(text, Buffer.from([0x61, 0xff, 0x0a]));
    let r = spawnSync(sillok, ["train-tokenizer", text, "--out", file + ".no"]);
    assert.equal(r.status, 1);
    assert.match(r.stderr.toString(), /bad\.txt:1: not UTF-8 at byte 1/);
    r = spawnSync(sillok, ["train-tokenizer", text]);
    assert.equal(r.status, 2);
    writeFileSync(text, "");
    r = spawnSync(sillok, ["train-tokenizer", text, "--out", file + ".no"]);
    assert.match(r.stderr.toString(), /no text to learn from/);
    assert.ok(!existsSync(file + ".no"));
});
done();
