// Tokens per second beside llama.cpp (npm node-llama-cpp, pinned in tests/js): the same file, the same threads, in
// interleaved pairs; the figure is the median of the pairs' ratios. A pair counts only when a fixed piece of integer
// work took the same time before and after it (10 %): shared machines change speed. docs/decisions.md says why.
//   node bench/speed.mjs [--pairs 9] [--types Q8_0,Q4_0,Q4_K_M] [--threads 1,2]
// The model has the shape of 1.1 billion parameters and random weights, made by tests/tool_make_model.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const option = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : process.argv[at + 1];
};
const pairs = Number(option("pairs", "9"));
const types = option("types", "Q8_0,Q4_0,Q4_K_M").split(",");
const threadCounts = option("threads", "1,2").split(",").map(Number);
const preset = option("preset", "1.1b");
const tests = [
    ["prefill 256", "prefill 256", "prefill 256 0"],
    ["decode 1", "decode 24 1 64", "decode 24 1 64"],
    ["decode 16 together", "decode 12 16 64", "decode 12 16 64"],
];
const work = mkdtempSync(join(tmpdir(), "sillok-speed-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
process.on("SIGINT", () => process.exit(130));

const median = (list) => {
    const s = [...list].sort((a, b) => a - b);
    return s.length ? (s[(s.length - 1) >> 1] + s[s.length >> 1]) / 2 : NaN;
};

// A program that answers each line with a line.
class Worker {
    constructor(command, args) {
        this.began = performance.now();
        this.child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
        this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    }
    async ask(line) {
        this.child.stdin.write(`${line}\n`);
        const { value, done } = await this.lines.next();
        if (done || !Number.isFinite(Number(value))) throw new Error(`${line}: ${value ?? "the program ended"}`);
        return Number(value);
    }
    peak() {
        return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"))[1]) * 1024;
    }
    close() {
        this.child.stdin.end();
        return new Promise((r) => this.child.on("exit", r));
    }
}

async function compare(ours, theirs, [, mine, peer]) {
    const kept = [];
    for (let tries = 0; kept.length < pairs && tries < 3 * pairs; tries++) {
        const before = await ours.ask("calibrate");
        const flip = tries % 2 === 1; // who goes first alternates
        const a = flip ? null : await ours.ask(mine);
        const b = await theirs.ask(peer);
        const pair = { ours: a ?? (await ours.ask(mine)), theirs: b };
        const after = await ours.ask("calibrate");
        if (Math.abs(after / before - 1) <= 0.1) kept.push(pair);
    }
    return kept;
}

const sillok = "build/sillok";
const rows = [];
const fixed = (x, n = 2) => (Number.isFinite(x) ? x.toFixed(n) : "-");
for (const type of types) {
    const path = join(work, `${type}.gguf`);
    execFileSync("build/tests/tool_make_model", [path, "--preset", preset, "--type", type], { stdio: "inherit" });
    for (const threads of threadCounts) {
        const limits = JSON.parse(execFileSync(sillok, ["bench", path, "-t", threads, "-p", "256", "-n", "16", "-b", "1,16", "--json"]));
        const theirs = new Worker(process.execPath, ["tests/js/lib_llama_speed.mjs", path, String(threads)]);
        const first = { theirs: await theirs.ask("first") };
        const began = performance.now();
        execFileSync(sillok, ["logits", path, "--tokens", "5", "--hash", "-t", String(threads), "--ctx", "1024"]);
        first.ours = (performance.now() - began) / 1e3;
        const ours = new Worker(sillok, ["bench", path, "--each", "-t", String(threads), "--ctx", "512"]);
        for (const test of tests) {
            const kept = await compare(ours, theirs, test);
            const ratio = median(kept.map((p) => p.ours / p.theirs));
            const share = limits.results.find((r) => (test[0] === "prefill 256" ? r.test === "prefill" : r.test === "decode" && r.batch === (test[0] === "decode 1" ? 1 : 16)));
            const row = [type, threads, test[0], fixed(ratio), fixed(median(kept.map((p) => p.ours)), 1),
                fixed(median(kept.map((p) => p.theirs)), 1), kept.length,
                `${fixed(share.share_of_int8_peak * 100, 0)} %`, `${fixed(share.share_of_read * 100, 0)} %`];
            rows.push(row);
            console.error(row.join("  "));
        }
        rows.push([type, threads, "load to first token", fixed(first.theirs / first.ours), `${fixed(first.ours)} s`,
            `${fixed(first.theirs)} s`, 1, "-", "-"]);
        console.error(rows.at(-1).join("  "), ` peak memory ${fixed(ours.peak() / statSync(path).size)} of the file`);
        await ours.close();
        await theirs.close();
    }
    rmSync(path);
}

const machine = cpus()[0].model.trim();
const slug = machine.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
mkdirSync("bench/results", { recursive: true });
writeFileSync(`bench/results/speed-${slug}.csv`, [
    `# Speed beside llama.cpp (npm node-llama-cpp): Llama shape of 1.1 billion parameters with random weights; ${machine}; median of up to ${pairs} interleaved pairs (node bench/speed.mjs).`,
    "weights,threads,test,times llama.cpp,Sillok tokens/s,llama.cpp tokens/s,pairs,of int8 peak,of read bandwidth",
    ...rows.map((r) => r.join(",")),
].join("\n") + "\n");
