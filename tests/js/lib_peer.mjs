// Four evaluations of one model on the same tokens: Sillok, llama.cpp (npm node-llama-cpp), the binary64 oracle
// (tests/ref64.c), and the oracle with the roundings of either engine. Rows are logarithms of probabilities.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const build = process.env.SILLOK_BUILD ?? "build";
export const sillok = process.env.SILLOK ?? join(build, "sillok");
const work = mkdtempSync(join(tmpdir(), "sillok-peer-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

export const scratch = (name) => join(work, name);
const tool = (name, args) => execFileSync(join(build, "tests", name), args, { stdio: ["ignore", "pipe", "pipe"] });

// args: options of tests/tool_make_model.c as one string. The file is replaced by the next call.
export function makeModel(args) {
    const path = scratch("model.gguf");
    tool("tool_make_model", [path, ...args.split(" ").filter(Boolean)]);
    return path;
}

function logSoftmax(row) {
    const max = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0));
    return Float64Array.from(row, (x) => x - total);
}

function rowsOf(values, n) {
    const width = values.length / n;
    return Array.from({ length: n }, (_, t) => logSoftmax(values.subarray(t * width, (t + 1) * width)));
}

// mode: exact, kv, ca1, llama (tests/ref64.h)
export function oracle(path, tokens, mode) {
    const out = scratch("logits.f64");
    tool("tool_ref64", [path, tokens.join(","), out, mode]);
    return rowsOf(new Float64Array(new Uint8Array(readFileSync(out)).buffer), tokens.length);
}

// n + 1 tokens that the model draws itself, in exact arithmetic.
export function written(path, n) {
    return String(tool("tool_ref64", [path, `write:${n}`, scratch("logits.f64")])).trim().split(",").map(Number);
}

export function sillokRows(path, tokens, ...options) {
    const out = scratch("logits.f32");
    execFileSync(sillok, ["logits", path, "--tokens", tokens.join(","), "--all", "--out", out, ...options], { stdio: "pipe" });
    return rowsOf(new Float32Array(new Uint8Array(readFileSync(out)).buffer), tokens.length);
}

// Why llama.cpp cannot be asked here, or null.
export async function noLlama() {
    if (Number(process.versions.node.split(".")[0]) < 20 || process.arch !== "x64")
        return "node-llama-cpp needs Node 20 and, as installed here, x86-64";
    try {
        await import("node-llama-cpp");
    } catch (e) {
        return `node-llama-cpp is not installed (npm ci in tests/js): ${e.code ?? e.message}`;
    }
    return null;
}

let runtime = null;
async function llamaRuntime() {
    const { getLlama, LlamaLogLevel } = await import("node-llama-cpp");
    runtime ??= await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: 1 });
    return runtime;
}

// Without flash attention, whose sums in binary16 are coarser than anything else here.
export async function withLlama(path, fn) {
    const llama = await llamaRuntime();
    const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
    try {
        const context = await model.createContext({ contextSize: 512, batchSize: 512, threads: 1, flashAttention: false });
        return await fn(context.getSequence(), model);
    } finally {
        await model.dispose();
    }
}

const everything = {
    generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } },
};

function rowOf(next) {
    const row = new Float64Array(next.probabilities.size).fill(-Infinity);
    for (const [token, p] of next.probabilities) row[token] = Math.log(p);
    return row;
}

export async function llamaRows(sequence, tokens) {
    const out = await sequence.controlledEvaluate(tokens.map((t) => [t, everything]));
    return out.map((o) => rowOf(o.next));
}

export const argmax = (row) => row.reduce((best, x, i) => (x > row[best] ? i : best), 0);

// The prompt and n tokens that llama.cpp finds likeliest, with its rows after each.
export async function llamaGreedy(sequence, prompt, n) {
    const tokens = [...prompt];
    const rows = await llamaRows(sequence, prompt);
    for (let i = 0; i < n; i++) {
        tokens.push(argmax(rows.at(-1)));
        rows.push(...(await llamaRows(sequence, [tokens.at(-1)])));
    }
    return { tokens, rows };
}

// How far rows b are from rows a: root mean square and greatest difference of log probabilities, KL(a || b), and the
// rms of the nearest row. Probabilities that a float cannot hold (below 1e-37) are left out.
export function distance(a, b) {
    let square = 0, count = 0, worst = 0, kl = 0, klMax = 0, nearest = Infinity;
    a.forEach((row, t) => {
        let rowSquare = 0, rowCount = 0, rowKl = 0;
        row.forEach((x, i) => {
            if (x < -80 || b[t][i] < -80) return;
            const d = b[t][i] - x;
            rowSquare += d * d;
            rowCount++;
            rowKl -= Math.exp(x) * d;
            worst = Math.max(worst, Math.abs(d));
        });
        square += rowSquare;
        count += rowCount;
        kl += rowKl / a.length;
        klMax = Math.max(klMax, rowKl);
        nearest = Math.min(nearest, Math.sqrt(rowSquare / rowCount));
    });
    return { rms: Math.sqrt(square / count), worst, kl, klMax, nearest };
}

export const sci = (x) => x.toExponential(1);
