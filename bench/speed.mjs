// Tokens per second beside llama.cpp (npm node-llama-cpp, pinned in tests/js): the same file, the same threads, in
// interleaved pairs; the figure is the median of the pairs' ratios. A pair counts only when a fixed piece of integer
// work took the same time before and after it (10 %): shared machines change speed. docs/decisions.md says why.
//   node bench/speed.mjs [--pairs 9] [--types Q8_0,Q4_0,Q4_K_M] [--threads 1,2] [--depths 2048,8192] [--stages speed,load,depth]
// The model has the shape of 1.1 billion parameters and random weights, made by tests/tool_make_model. The first type
// and the last thread count are also measured behind long texts (three pairs: reading the texts takes minutes). Rows of
// an earlier run on the same machine that are not measured again stay.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { owned, temporaryFolder } from "../tests/js/lib_end.mjs";
import { build, option, savedRows, versionOf } from "./lib_bench.mjs";

const version = versionOf("node-llama-cpp");
build("build/sillok", "build/tests/tool_make_model");
const pairs = Number(option("pairs", "9"));
const types = option("types", "Q8_0,Q4_0,Q4_K_M").split(",");
const threadCounts = option("threads", "1,2").split(",").map(Number);
const depths = option("depths", "2048,8192").split(",").filter(Boolean).map(Number);
const preset = option("preset", "1.1b");
const tests = [
    ["prefill 256", "prefill 256", "prefill 256 0"],
    ["decode 1", "decode 24 1 64", "decode 24 1 64"],
    ["decode 16 together", "decode 12 16 64", "decode 12 16 64"],
];
const stages = option("stages", "speed,load,depth").split(",");
const work = temporaryFolder("speed");

const median = (list) => {
    const s = [...list].sort((a, b) => a - b);
    return s.length ? (s[(s.length - 1) >> 1] + s[s.length >> 1]) / 2 : NaN;
};

// A program that answers each line with a line.
class Worker {
    constructor(command, args) {
        this.began = performance.now();
        this.child = owned(spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] }));
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
        const ended = new Promise((r) => this.child.on("exit", r));
        this.child.stdin.end();
        return ended;
    }
}

async function compare(ours, theirs, [, mine, peer], wanted = pairs) {
    const kept = [];
    for (let tries = 0; kept.length < wanted && tries < 3 * wanted; tries++) {
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
const percent = (x) => (Number.isFinite(x) ? `${fixed(x * 100, 0)} %` : "-");
const gib = (x) => `${fixed(x / 2 ** 30)} GiB`;
const peerOf = (path, threads, prompt = 1) =>
    new Worker(process.execPath, ["tests/js/lib_llama_speed.mjs", path, String(threads), String(prompt)]);
const oursOf = (path, threads, ctx) => new Worker(sillok, ["bench", path, "--each", "-t", String(threads), "--ctx", String(ctx)]);

function add(...row) {
    rows.push(row);
    console.error(row.join("  "));
}

const figures = (kept) => [fixed(median(kept.map((p) => p.ours / p.theirs))), fixed(median(kept.map((p) => p.ours)), 1),
    fixed(median(kept.map((p) => p.theirs)), 1), kept.length];

// From the start of opening the file (page cache warm) to the first token behind a prompt; ours with the start of the
// process.
async function loading(path, threads, prompt) {
    const ours = [], theirs = [], ids = Array.from({ length: prompt }, (_, i) => 5 + i).join(",");
    for (let i = 0; i < Math.min(5, pairs); i++) {
        const peer = peerOf(path, threads, prompt);
        theirs.push(await peer.ask("first"));
        await peer.close();
        const began = performance.now();
        execFileSync(sillok, ["logits", path, "--tokens", ids, "--hash", "-t", String(threads), "--ctx", "1024"]);
        ours.push((performance.now() - began) / 1e3);
    }
    const ratio = median(theirs.map((t, i) => t / ours[i]));
    return [fixed(ratio), `${fixed(median(ours))} s`, `${fixed(median(theirs))} s`, ours.length];
}

// Peak memory of one sequence of 512 tokens; the last field is the goal's own measure: (peak - keys and values) / file.
async function memory(path, threads) {
    const [ours, peer] = [oursOf(path, threads, 512), peerOf(path, threads)];
    await ours.ask("prefill 256");
    await peer.ask("prefill 256");
    const stated = JSON.parse(execFileSync(sillok, ["inspect", path, "--json"])).memory;
    const [mine, its] = [ours.peak(), peer.peak()];
    await ours.close();
    await peer.close();
    const kv = (stated.kv_per_1000_tokens * 512) / 1000;
    return [fixed(its / mine), gib(mine), gib(its), 1, `${percent((mine - kv) / statSync(path).size)} of the file`];
}

// Shares of the machine's limits that `sillok bench` states, in a run of its own.
function limits(path, threads) {
    const run = execFileSync(sillok, ["bench", path, "-t", threads, "-p", "256", "-n", "16", "-b", "1,16", "--json"]);
    const find = (what, batch) => JSON.parse(run).results.find((r) => r.test === what && (what === "prefill" || r.batch === batch));
    return [find("prefill"), find("decode", 1), find("decode", 16)];
}

async function behindText(path, type, threads) {
    for (const depth of depths) {
        const [ours, peer] = [oursOf(path, threads, depth + 272), peerOf(path, threads)];
        for (const [name, line] of [[`prefill 256 behind ${depth}`, `prefill 256 ${depth}`], [`decode 1 behind ${depth}`, `decode 12 1 ${depth}`]]) {
            await Promise.all([ours.ask(line), peer.ask(line)]); // reads the text
            add(type, threads, name, ...figures(await compare(ours, peer, [name, line, line], 3)), "-", "-");
        }
        await ours.close();
        await peer.close();
    }
}

async function speed(path, type, threads) {
    const shares = limits(path, threads);
    const [ours, theirs] = [oursOf(path, threads, 512), peerOf(path, threads)];
    for (const [i, test] of tests.entries()) {
        const kept = await compare(ours, theirs, test);
        add(type, threads, test[0], ...figures(kept), percent(shares[i].share_of_int8_peak), percent(shares[i].share_of_read));
    }
    await ours.close();
    await theirs.close();
}

async function load(path, type, threads) {
    for (const [name, prompt] of [["load to first token", 1], ["load and read 64 tokens", 64]])
        add(type, threads, name, ...(await loading(path, threads, prompt)), "-", "-");
    if (threads !== threadCounts.at(-1)) return;
    const room = await memory(path, threads);
    add(type, threads, "peak memory", ...room.slice(0, 4), "-", room[4]);
}

const machine = cpus()[0].model.trim();
const slug = machine.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
const what = `Llama shape of 1.1 billion parameters with random weights; ${machine}; ${new Date().toISOString().slice(0, 10)}`;
const write = (name, ...lines) => writeFileSync(`bench/results/${name}.csv`, `${lines.join("\n")}\n`);
const details = `details/speed-${slug}`;

// This run's rows, and of an earlier run on this machine those that were not measured now.
function merged() {
    const key = (r) => r.slice(0, 3).join();
    const now = new Map([...savedRows(`bench/results/${details}.csv`), ...rows].map((r) => [key(r), r]));
    const order = ["Q8_0", "Q4_0", "Q4_K_M"];
    return [...now.values()].sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]) || a[1] - b[1]);
}

// The ratios alone, a row for each type and thread count: the table that README.md opens with.
function summary(all) {
    const wanted = ["prefill 256", "decode 1", "decode 16 together", "load to first token"];
    const settings = new Map(all.map((r) => [`${r[0]},${r[1]}`, r]));
    return [...settings.values()].map(([type, threads]) => [type, threads, ...wanted.map((w) => {
        const row = all.find((r) => r[0] === type && String(r[1]) === String(threads) && r[2] === w);
        if (!row) return "-";
        return row[4].endsWith(" s") ? `${row[3]} ×` : `${row[3]} × (${row[4]} tokens/s)`;
    })]);
}

function save() {
    mkdirSync("bench/results/details", { recursive: true });
    const all = merged();
    write("speed",
        `# Speed as a multiple of llama.cpp's (node-llama-cpp ${version}) on the same file and threads: ${what}; medians of up to`,
        `# ${pairs} interleaved pairs (./dev bench speed).`,
        `weights,threads,${["prefill of 256 tokens", "decode of one sequence", "decode of 16 together", "load to first token"].join(",")}`,
        ...summary(all).map((r) => r.join(",")));
    write(details, `# Speed beside llama.cpp in full: ${what}.`,
        "weights,threads,test,times llama.cpp,Sillok tokens/s,llama.cpp tokens/s,pairs,of int8 peak,of read bandwidth",
        ...all.map((r) => r.join(",")));
}

for (const type of types) {
    const path = join(work, `${type}.gguf`);
    execFileSync("build/tests/tool_make_model", [path, "--preset", preset, "--type", type], { stdio: "inherit" });
    for (const threads of threadCounts) {
        if (stages.includes("speed")) await speed(path, type, threads);
        if (stages.includes("load")) await load(path, type, threads);
    }
    if (stages.includes("depth") && type === types[0]) await behindText(path, type, threadCounts.at(-1));
    rmSync(path);
    save();
}
