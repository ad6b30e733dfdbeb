// Texts and tokenizers for tests/js/tokenizers.mjs and bench/tokenizer.mjs.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const shared = join(process.env.SILLOK_SHARED ?? "../shared", "data");
export const NAMES = ["qwen3", "llama3_1", "gemma3", "gptoss", "smollm2"];

const zstd = (path) => execFileSync("zstd", ["-dcq", path], { maxBuffer: 1 << 30 });

// The unpacked tokenizer.json of a name; null where the shared data are absent.
export function tokenizerFile(name, folder) {
    const from = join(shared, "tokenizers", name, "tokenizer.json");
    if (existsSync(from)) return from;
    if (!existsSync(from + ".zst")) return null;
    mkdirSync(folder, { recursive: true });
    const to = join(folder, `${name}.json`);
    if (!existsSync(to) || statSync(to).mtimeMs < statSync(from + ".zst").mtimeMs) writeFileSync(to, zstd(from + ".zst"));
    return to;
}

const everyNth = (lines, count) => {
    const step = Math.max(1, Math.floor(lines.length / count));
    return lines.filter((_, i) => i % step === 0).slice(0, count);
};

// At least `count` Korean and mixed lines: film reviews, chat, evaluation sets with their English halves.
export function koreanLines(count) {
    const out = [];
    const reviews = zstd(join(shared, "korean/nsmc_reviews.tsv.zst")).toString().split("\n");
    out.push(...everyNth(reviews.map((l) => l.split("\t")[2] ?? ""), Math.ceil(count * 0.7)));
    const chat = readFileSync(join(shared, "korean/songys_chatbot/ChatbotData.csv"), "utf8").split("\n");
    out.push(...everyNth(chat, Math.ceil(count * 0.2)));
    for (const d of ["kobest", "kornlu"]) {
        for (const f of readdirSync(join(shared, "korean", d)).filter((n) => n.endsWith(".tsv")).sort()) {
            out.push(...everyNth(readFileSync(join(shared, "korean", d, f), "utf8").split("\n"), Math.ceil(count * 0.008)));
        }
    }
    return out.filter((l) => l.length > 0);
}

// Numbers from a seed: SHA-256 in counter mode, the same everywhere.
function random(seed) {
    let block = Buffer.alloc(0), at = 0, n = 0;
    return (below) => {
        if (at + 4 > block.length) {
            block = createHash("sha256").update(`${seed}:${n++}`).digest();
            at = 0;
        }
        const v = block.readUInt32LE(at);
        at += 4;
        return v % below;
    };
}

const RANGES = [
    [0x20, 0x7e], [0x20, 0x7e], [0x41, 0x5a], [0x61, 0x7a], [0x30, 0x39], [0xac00, 0xd7a3], [0xac00, 0xd7a3],
    [0x1100, 0x11ff], [0x3131, 0x318e], [0x300, 0x36f], [0x1f300, 0x1f64f], [0x1f3fb, 0x1f3ff], [0x1f466, 0x1f469],
    [0x1f1e6, 0x1f1ff], [0x200b, 0x200f], [0xfe0e, 0xfe0f], [0, 0x1f], [0x7f, 0xa0], [0x2000, 0x200a], [0x2028, 0x202f],
    [0x3000, 0x3000], [0xfeff, 0xfeff], [9, 13], [0x20, 0x20], [0x4e00, 0x9fff], [0xc0, 0x24f], [0x370, 0x52f],
    [0x900, 0x97f], [0xe00, 0xe7f], [0x600, 0x6ff], [0xff00, 0xffef], [0x2460, 0x24ff], [0x2000, 0x2bff],
    [0x1d400, 0x1d7ff], [0x20000, 0x2a6df], [0x10000, 0x1ffff], [0, 0xffff],
];
const SNIPPETS = ["\r\n", "\n\n", "  ", "   \n", "'s", "'LL", "'Re", " '", "<|im_start|>", "<bos>", "<think>", "▁", "▁▁",
    "한", "1234567", "\u200d", "👨‍👩‍👧", "é", "'ſ", " (", "//\n"];

// Texts of jamo, combining marks, emoji sequences, control characters, digits, mixed white space and most scripts.
// Only characters that this Node's Unicode has assigned.
export function randomLines(count, seed) {
    const next = random(seed);
    const out = [];
    while (out.length < count) {
        let s = "";
        let range = RANGES[next(RANGES.length)];
        for (let k = 1 + next(40); k > 0; k--) {
            if (next(3) === 0) range = RANGES[next(RANGES.length)];
            if (next(12) === 0) s += SNIPPETS[next(SNIPPETS.length)];
            const cp = range[0] + next(range[1] - range[0] + 1);
            const c = cp >= 0xd800 && cp <= 0xdfff ? "" : String.fromCodePoint(cp);
            if (!/^\p{Cn}$/u.test(c)) s += c;
        }
        if (s) out.push(s);
    }
    return out;
}

export const toJsonl = (lines) => lines.map((text) => JSON.stringify({ text })).join("\n") + "\n";
export const sameIds = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
