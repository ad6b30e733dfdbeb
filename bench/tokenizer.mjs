// Encoding speed of five tokenizers on Korean lines: Sillok and npm @huggingface/tokenizers in turns, best of the rounds.
// Both keep a cache of words from line to line; Sillok's begins empty in each round, the other's too. One thread each.
//   node bench/tokenizer.mjs     (or ./dev bench tokenizer)
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { NAMES, koreanLines, shared, tokenizerFile, toJsonl } from "../tests/js/lib_tokenizers.mjs";

const LINES = 3000, ROUNDS = 5;
if (!existsSync(shared)) {
    console.log(`skipped: no ${shared}`);
    process.exit(0);
}
const build = process.env.SILLOK_BUILD ?? "build";
const folder = `${build}/js-tokenizers`;
const tool = `${build}/tests/tool_tokenize_speed`;
execFileSync("make", ["--no-print-directory", "-s", `B=${build}`, tool], { stdio: ["ignore", "ignore", "inherit"] });
if (!existsSync("tests/js/node_modules/@huggingface/tokenizers"))
    execFileSync("npm", ["ci", "--ignore-scripts"], { cwd: "tests/js", stdio: ["ignore", "ignore", "inherit"] });
const npm = new URL("../tests/js/node_modules/@huggingface/tokenizers/dist/tokenizers.mjs", import.meta.url);
const { Tokenizer } = await import(npm);
const version = JSON.parse(readFileSync(new URL("../package.json", npm))).version;

const lines = koreanLines(20500).filter((_, i) => i % 7 === 0).slice(0, LINES);
const mb = lines.reduce((n, l) => n + Buffer.byteLength(l), 0) / 1e6;
mkdirSync(folder, { recursive: true });
const input = `${folder}/bench.jsonl`;
writeFileSync(input, toJsonl(lines));

const rows = [];
for (const name of NAMES) {
    const file = tokenizerFile(name, folder);
    const oracle = new Tokenizer(JSON.parse(readFileSync(file)), {});
    let ours = Infinity, theirs = Infinity, open = Infinity, ids = 0;
    for (let round = 0; round < ROUNDS; round++) {
        const r = JSON.parse(execFileSync(tool, [file, input, "3"]));
        ours = Math.min(ours, ...r.encode_s);
        open = Math.min(open, r.open_s);
        ids = r.ids;
        oracle.model.clear_cache?.();
        const start = performance.now();
        let count = 0;
        for (const l of lines) count += oracle.encode(l, { add_special_tokens: false }).ids.length;
        theirs = Math.min(theirs, (performance.now() - start) / 1e3);
        if (count !== ids) throw new Error(`${name}: ${ids} tokens against ${count}`);
    }
    rows.push([name, ids, (mb / ours).toFixed(1), (mb / theirs).toFixed(2), (theirs / ours).toFixed(0), (open * 1e3).toFixed(0)]);
    console.log(rows.at(-1).join(", "));
}
mkdirSync("bench/results", { recursive: true });
writeFileSync("bench/results/tokenizer.csv", [
    `# Encoding ${lines.length} Korean lines (${mb.toFixed(2)} MB; film reviews and chat) on one thread: \`node bench/tokenizer.mjs\`;`,
    `# Sillok and npm @huggingface/tokenizers ${version} in turns and the best of ${ROUNDS} rounds; ${cpus()[0].model.trim()}; ` +
        `Node ${process.versions.node}; ${new Date().toISOString().slice(0, 10)}.`,
    "tokenizer,tokens,Sillok MB/s,npm MB/s,times,Sillok opens in ms",
    ...rows.map((r) => r.join(",")),
    "",
].join("\n"));
