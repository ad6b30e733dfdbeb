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

function encode(file, lines, ...options) {
    const r = spawnSync(sillok, ["tokenize", file, "--jsonl", ...options], { input: toJsonl(lines), maxBuffer: 1 << 30 });
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

let peer, rust;
try {
    peer = (await import("@huggingface/tokenizers")).Tokenizer;
    rust = (await import("tokenizers")).default.Tokenizer;
} catch (e) {
    note(e.message);
}

for (const kind of ["bpe", "unigram"]) {
    const file = join(folder, `${kind}.json`);
    await test(`${kind}: a tokenizer is made, the same bytes each time`, () => {
        const said = train(lines, file, "--kind", kind, "--vocab", "3000");
        note(said.trim());
        const first = readFileSync(file);
        train(lines, file, "--kind", kind, "--vocab", "3000");
        assert.ok(first.equals(readFileSync(file)));
    });
    const json = JSON.parse(readFileSync(file, "utf8"));
    // BPE: {token: id}; unigram: [[token, score], ...]
    const vocab = Array.isArray(json.model.vocab) ? Object.fromEntries(json.model.vocab.map(([token], i) => [token, i])) : json.model.vocab;

    await test(`${kind}: ids have no gaps, special tokens are at the end`, () => {
        const ids = Object.values(vocab).concat(json.added_tokens.map((t) => t.id)).sort((a, b) => a - b);
        ids.forEach((id, i) => assert.equal(id, i));
        assert.ok(ids.length <= 3000);
        assert.deepEqual(json.added_tokens.map((t) => t.content), ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]);
    });

    await test(`${kind}: tokens are whole characters, or the beginning of one, or one byte`, () => {
        for (const token of Object.keys(vocab)) {
            const b = bytesOf(token);
            const begin = b.length < 4 && b[0] >= 0xc2 && b.subarray(1).every((c) => c >= 0x80 && c < 0xc0);
            assert.ok(b.length === 1 || isText(b) || begin, JSON.stringify(token));
        }
    });

    await test(`${kind}: no token has a digit beside anything, or a space behind something`, () => {
        for (const token of Object.keys(vocab)) {
            const text = bytesOf(token).toString("utf8");
            assert.ok(!/\d./u.test(text) && !/.\d/u.test(text), text);
            assert.ok(!/[^\s] /u.test(text), text);
        }
    });

    if (!peer) skip(`${kind}: npm @huggingface/tokenizers reads the same ids`, "not installed");
    if (peer) {
        await test(`${kind}: npm @huggingface/tokenizers reads the same ids`, () => {
            const oracle = new peer(json, {});
            const texts = lines.slice(0, 3000).concat(madeLines(500));
            const ours = encode(file, texts);
            texts.forEach((t, i) => assert.deepEqual(ours[i], oracle.encode(t, { add_special_tokens: false }).ids, JSON.stringify(t)));
        });
        await test(`${kind}: ... and texts from ids`, () => {
            const oracle = new peer(json, {});
            const texts = lines.slice(0, 500), ids = encode(file, texts);
            texts.forEach((t, i) => {
                if (ids[i].length) assert.equal(oracle.decode(ids[i], { skip_special_tokens: false, clean_up_tokenization_spaces: false }), t.normalize("NFC"));
            });
        });
    }
    if (rust) {
        await test(`${kind}: ... and the Rust library behind it, also of random texts`, async () => {
            const oracle = rust.fromFile(file);
            const texts = lines.slice(0, 1000).concat(randomLines(1000, "sillok-train-tokenizer-2"));
            const ours = encode(file, texts, "--special");
            const theirs = await oracle.encodeBatch(texts, { addSpecialTokens: false });
            texts.forEach((t, i) => assert.deepEqual(ours[i], theirs[i].getIds(), JSON.stringify(t)));
        });
    } else {
        skip(`${kind}: ... and the Rust library behind it, also of random texts`, "not installed");
    }
    await test(`${kind}: random texts go there and back`, () => {
        const texts = randomLines(500, "sillok-train-tokenizer-1").filter((t) => t.length);
        const ids = encode(file, texts);
        const r = spawnSync(sillok, ["tokenize", file, "--jsonl"], { input: ids.map((x) => JSON.stringify({ ids: x })).join("\n") + "\n", maxBuffer: 1 << 30 });
        const back = r.stdout.toString().trimEnd().split("\n").map((l) => JSON.parse(l).text);
        texts.forEach((t, i) => assert.equal(back[i], t.toWellFormed ? t.toWellFormed().normalize("NFC") : t.normalize("NFC")));
    });
}

await test("unigram: scores are exact in binary32", () => {
    const { model } = JSON.parse(readFileSync(join(folder, "unigram.json"), "utf8"));
    assert.equal(model.type, "Unigram");
    for (const [token, score] of model.vocab) {
        assert.ok(Number.isInteger(score * 4096) && score <= 0 && Math.fround(score) === score, `${token} ${score}`);
    }
});

await test("wrong calls say why", () => {
    const text = join(folder, "bad.txt");
    writeFileSync(text, Buffer.from([0x61, 0xff, 0x0a]));
    let r = spawnSync(sillok, ["train-tokenizer", text, "--out", join(folder, "no.json")]);
    assert.equal(r.status, 1);
    assert.match(r.stderr.toString(), /bad\.txt:1: not UTF-8 at byte 1/);
    r = spawnSync(sillok, ["train-tokenizer", text]);
    assert.equal(r.status, 2);
    r = spawnSync(sillok, ["train-tokenizer", text, "--out", join(folder, "no.json"), "--kind", "wordpiece"]);
    assert.equal(r.status, 2);
    assert.match(r.stderr.toString(), /bpe or unigram, not wordpiece/);
    writeFileSync(text, "");
    r = spawnSync(sillok, ["train-tokenizer", text, "--out", join(folder, "no.json")]);
    assert.match(r.stderr.toString(), /no text to learn from/);
    assert.ok(!existsSync(join(folder, "no.json")));
});
done();
