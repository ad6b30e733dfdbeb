// The server beside llama.cpp (npm node-llama-cpp with parallel sequences behind a minimal HTTP server): the same file,
// threads and prompts, clients in a process of their own, in interleaved pairs; the figure is the median of the ratios.
// Then what the server itself costs.
//   node bench/serve.mjs [--pairs 9] [--type Q8_0] [--threads 2] [--clients 1,4,16,32] [--stages peer,prefix,stall,record,trace,cost,idle,many]
// The model has the shape of 1.1 billion parameters and random weights; cost, idle and many use the guide. trace needs the
// Azure conversation trace (SILLOK_SHARED).
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { owned, temporaryFolder } from "../tests/js/lib_end.mjs";
import { build, option, savedRows, versionOf } from "./lib_bench.mjs";

const version = versionOf("node-llama-cpp");
build("build/sillok", "build/tests/tool_make_model");
const pairs = Number(option("pairs", "9"));
const type = option("type", "Q8_0");
const threads = Number(option("threads", "2"));
const clients = option("clients", "1,4,16,32").split(",").map(Number);
const stages = option("stages", "peer,prefix,stall,record,trace,cost,idle,many").split(",");
const many = Number(option("requests", "200000"));
const preset = option("preset", "1.1b");
const shared = process.env.SILLOK_SHARED ?? "../shared";
const sillok = "build/sillok", guide = option("guide", "models/guide.gguf");
const work = temporaryFolder("serve");

const median = (list) => {
    const s = [...list].sort((a, b) => a - b);
    return s.length ? (s[(s.length - 1) >> 1] + s[s.length >> 1]) / 2 : NaN;
};
const fixed = (x, n = 2) => (Number.isFinite(x) ? x.toFixed(n) : "-");
const rows = [];
function add(...row) {
    rows.push(row);
    console.error(row.join("  "));
}

// A program that answers each line with a line.
class Worker {
    constructor(command, args, log = "inherit") {
        this.child = owned(spawn(command, args, { stdio: ["pipe", "pipe", log] }));
        this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    }
    async line() {
        const { value, done } = await this.lines.next();
        if (done) throw new Error(`${this.child.spawnargs[0]} ended`);
        return value;
    }
    ask(line) {
        this.child.stdin.write(`${line}\n`);
        return this.line();
    }
    memory() { // resident, bytes
        return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"))[1]) * 1024;
    }
    cpu() { // seconds of processor time so far
        const f = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").split(") ")[1].split(" ");
        return (Number(f[11]) + Number(f[12])) / 100;
    }
    close(signal) {
        const ended = new Promise((r) => this.child.on("exit", r));
        if (signal) this.child.kill(signal);
        else this.child.stdin.end();
        return ended;
    }
}

let servers = 0;
async function serveOurs(path, extra = [], folder = work) {
    const state = join(folder, `state-${servers++}`);
    const w = new Worker(sillok, ["serve", path, ...extra, "--port", "0", "--state", state, "--no-keys", "-t", String(threads)].filter(Boolean), "ignore");
    w.port = Number(/listening on http:\/\/[^:]+:(\d+)/.exec(await w.line())[1]);
    w.model = (path ?? "").split("/").pop().replace(/\.gguf$/, "");
    return w;
}
async function serveTheirs(path, sequences, context) {
    const w = new Worker(process.execPath, ["tests/js/lib_llama_server.mjs", path, String(threads), String(sequences), String(context)]);
    w.port = Number(await w.line());
    return w;
}

const load = new Worker(process.execPath, ["bench/lib_load.mjs"]);
async function run(server, spec) {
    const answer = JSON.parse(await load.ask(JSON.stringify({ port: server.port, model: server.model, key: "none", ...spec })));
    if (answer.error) throw new Error(answer.error);
    return { ...answer, rate: answer.tokens / answer.seconds };
}
async function metrics(server) {
    const agent = new Agent();
    const text = await new Promise((resolve, reject) => {
        request({ host: "127.0.0.1", port: server.port, path: "/metrics", agent }, (res) => {
            let body = "";
            res.on("data", (d) => (body += d)).on("end", () => resolve(body));
        }).on("error", reject).end();
    });
    agent.destroy();
    return (name) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, "m").exec(text)?.[1] ?? NaN);
}

// Closed loops of clients against both; at one client also the engine without a server.
async function peer(path) {
    const [ours, theirs] = [await serveOurs(path, ["--ctx", "256", "--sessions", "32"]), await serveTheirs(path, 32, 256)];
    for (const n of clients) {
        const spec = { clients: n, requests: Math.max(2, n), prompt: 64, answer: 32 };
        const kept = [];
        for (let i = 0; i < pairs; i++) {
            const pair = {};
            for (const who of i % 2 ? ["theirs", "ours"] : ["ours", "theirs"]) pair[who] = await run(who === "ours" ? ours : theirs, spec);
            kept.push(pair);
        }
        const of = (f) => fixed(median(kept.map(f)), 1);
        add(`${n} clients`, `${fixed(median(kept.map((p) => p.ours.rate / p.theirs.rate)))} ×`, `${of((p) => p.ours.rate)} tokens/s`,
            `${of((p) => p.theirs.rate)} tokens/s`, `${of((p) => p.ours.first_ms[0])} ms to the first token; ${of((p) => p.ours.between_ms[0])} ms between; ${kept.length} pairs`);
    }
    await theirs.close();
    await ours.close("SIGTERM");
    const [server, engine] = [await serveOurs(path, ["--ctx", "256", "--sessions", "1"]),
        new Worker(sillok, ["bench", path, "--each", "-t", String(threads), "--ctx", "256"])];
    const kept = [];
    for (let i = 0; i < pairs; i++) {
        const alone = Number(await engine.ask("decode 48 1 64"));
        kept.push({ alone, served: 1e3 / (await run(server, { clients: 1, requests: 1, prompt: 64, answer: 48 })).between_ms[0] });
    }
    add("decode through the server / engine alone, 1 client", fixed(median(kept.map((p) => p.served / p.alone)), 3),
        `${fixed(median(kept.map((p) => p.served)), 1)} tokens/s`, `${fixed(median(kept.map((p) => p.alone)), 1)} tokens/s`, `wanted: 0.97; ${kept.length} pairs`);
    await engine.close();
    await server.close("SIGTERM");
}

// A prompt of 1,000 tokens that is known already, and the steps of the answer behind it.
async function prefix(path) {
    const server = await serveOurs(path, ["--ctx", "2048", "--sessions", "2"]);
    const spec = { clients: 1, requests: 1, prompt: 1001, prefix: 1000, answer: 16 };
    await run(server, spec);
    const kept = [];
    for (let i = 0; i < pairs; i++) kept.push(await run(server, spec));
    add("first token behind 1000 known tokens / a decode step", fixed(median(kept.map((k) => k.first_ms[0] / k.between_ms[0]))),
        `${fixed(median(kept.map((k) => k.first_ms[0])), 1)} ms`, "-", "wanted: 1.5");
    await server.close("SIGTERM");
}

// How long running answers wait for their next token while a prompt of 4,000 tokens is read, each time another one.
async function stall(path) {
    const server = await serveOurs(path, ["--ctx", "8192", "--sessions", "5"]);
    const spec = { clients: 4, requests: 4, prompt: 32, answer: 200 };
    const other = new Worker(process.execPath, ["bench/lib_load.mjs"]);
    const kept = [];
    for (let i = 0; i < Math.min(5, pairs); i++) {
        const calm = await run(server, spec), both = [run(server, spec)];
        await new Promise((r) => setTimeout(r, 1000));
        both.push(other.ask(JSON.stringify({ port: server.port, model: server.model, key: "none", clients: 1, requests: 1, prompt: 4000, answer: 1 })));
        const [busy, read] = await Promise.all(both);
        kept.push({ calm: calm.between_ms, busy: busy.between_ms, read: JSON.parse(read).seconds });
    }
    await other.close();
    const of = (f) => median(kept.map(f));
    for (const [i, name] of [[0, "median"], [1, "p99"]])
        add(`${name} between tokens while 4000 are read / undisturbed`, fixed(of((k) => k.busy[i] / k.calm[i])), `${fixed(of((k) => k.busy[i]), 0)} ms`,
            `${fixed(of((k) => k.calm[i]), 0)} ms`, i ? `wanted: 2; read in ${fixed(of((k) => k.read), 1)} s` : "-");
    await server.close("SIGTERM");
}

// What the record costs: 16 clients of a server whose record is on the disk, and of one whose record is in memory, where a sync
// is nothing; and the processor time of the record's thread.
async function record(path) {
    const memory = mkdtempSync("/dev/shm/sillok-serve-");
    try {
        const extra = ["--ctx", "256", "--sessions", "16"];
        const [disk, none] = [await serveOurs(path, extra), await serveOurs(path, extra, memory)];
        const spec = { clients: 16, requests: 32, prompt: 64, answer: 32 };
        const kept = [];
        for (let i = 0; i < pairs; i++) {
            const pair = {}, before = await metrics(disk);
            for (const who of i % 2 ? ["none", "disk"] : ["disk", "none"]) pair[who] = await run(who === "disk" ? disk : none, spec);
            const of = ((after) => (name) => after(name) - before(name))(await metrics(disk));
            kept.push({ ...pair, thread: of("sillok_ledger_cpu_seconds_total") / (pair.disk.seconds * threads), entries: of("sillok_ledger_entries_total") });
        }
        const cost = (f) => `${fixed(median(kept.map(f)) * 100)} %`;
        add("16 clients: tokens/s lost to the record being durable", cost((k) => 1 - k.disk.rate / k.none.rate), `${fixed(median(kept.map((k) => k.disk.rate)), 1)} tokens/s`,
            `${fixed(median(kept.map((k) => k.none.rate)), 1)} tokens/s in memory`, "wanted: 1 %");
        add("16 clients: processor time of the record's thread", cost((k) => k.thread), `${fixed(median(kept.map((k) => k.entries)), 0)} entries`, "-", "of all the threads' time; wanted: 1 %");
        for (const s of [disk, none]) await s.close("SIGTERM");
    } finally {
        rmSync(memory, { recursive: true, force: true });
    }
}

// The shape of the Azure conversation trace: its first requests, lengths and times scaled to this machine.
async function trace(path) {
    const file = join(shared, "data/traces/azure/AzureLLMInferenceTrace_conv.csv");
    if (!existsSync(file)) return console.error(`serve: ${file} is not there; trace left out`);
    const [server, theirs] = [await serveOurs(path, ["--ctx", "1024", "--sessions", "16"]), await serveTheirs(path, 16, 1024)];
    const lines = readFileSync(file, "utf8").split("\n").slice(1, 41).map((l) => l.trim().split(","));
    const began = Date.parse(`${lines[0][0]}Z`);
    const arrivals = lines.map(([at, n, answer]) => [(Date.parse(`${at}Z`) - began) / 1e3 * 4, Math.max(8, Math.min(512, n >> 2)), Math.max(4, Math.min(64, answer >> 2))]);
    const [a, b] = [await run(server, { arrivals }), await run(theirs, { arrivals })];
    add(`${arrivals.length} requests of the Azure trace (lengths / 4, times × 4)`, `${fixed(b.seconds / a.seconds)} ×`, `${fixed(a.seconds, 1)} s`, `${fixed(b.seconds, 1)} s`,
        `first token p50 ${fixed(a.first_ms[0], 0)} / ${fixed(b.first_ms[0], 0)} ms; p99 ${fixed(a.first_ms[1], 0)} / ${fixed(b.first_ms[1], 0)} ms`);
    await theirs.close();
    await server.close("SIGTERM");
}

// All that is not the model: processor time of the server for a token, less that of the engine's steps.
async function cost() {
    const server = await serveOurs(guide, ["--ctx", "512", "--sessions", "16"]);
    await run(server, { clients: 1, requests: 2, vocab: 2000, prompt: 16, answer: 100 });
    for (const n of [1, 16]) {
        const before = await metrics(server);
        const r = await run(server, { clients: n, requests: 4 * n, vocab: 2000, prompt: 16, answer: 200 });
        const after = await metrics(server);
        const stepped = after("sillok_step_seconds_total") - before("sillok_step_seconds_total");
        add(`all but the model, for each token, ${n} clients (guide)`, `${fixed(((r.seconds - stepped) / r.tokens) * 1e6, 1)} µs`,
            `${fixed(r.rate, 0)} tokens/s`, "-", "wanted: 50 µs");
    }
    await server.close("SIGTERM");
}

// Connections whose streams have begun and wait: 1,000 requests in the queue of a server that writes one answer.
async function idle() {
    const config = join(work, "idle.yaml");
    writeFileSync(config, `models: [{name: guide, path: "${resolve(guide)}", context: 512, sessions: 1}]\nlimits: {waiting: 2000, waiting_per_tenant: 2000}\n`);
    const server = await serveOurs(null, ["--config", config]);
    server.model = "guide";
    await run(server, { clients: 1, requests: 2, vocab: 2000, prompt: 16, answer: 100 });
    const before = server.memory(), agent = new Agent({ maxSockets: Infinity });
    const body = JSON.stringify({ model: server.model, prompt: [300], max_tokens: 400, ignore_eos: true, stream: true });
    const open = Array.from({ length: 1000 }, () => {
        const req = request({ host: "127.0.0.1", port: server.port, agent, method: "POST", path: "/v1/completions",
            headers: { "content-type": "application/json", "content-length": body.length } }, (res) => res.resume());
        req.on("error", () => {});
        req.end(body);
        return req;
    });
    await new Promise((r) => setTimeout(r, 3000));
    const m = await metrics(server);
    add("1000 streams that wait (guide)", `${fixed((server.memory() - before) / 1e6, 1)} MB`, `${m("sillok_connections")} connections`, "-", "wanted: 100 MB");
    for (const req of open) req.destroy();
    await server.close("SIGTERM");
}

async function flat() {
    const server = await serveOurs(guide, ["--ctx", "256", "--sessions", "16"]);
    const part = (n) => run(server, { clients: 16, requests: n, vocab: 2000, prompt: 12, answer: 2 });
    await part(many / 20);
    const before = server.memory();
    const r = await part((many * 19) / 20);
    add(`${many} short requests (guide): memory grows by`, `${fixed((server.memory() - before) / 1e6, 1)} MB`,
        `${fixed(((many * 19) / 20) / r.seconds, 0)} requests/s`, "-", "-");
    await server.close("SIGTERM");
}

const path = join(work, "bench.gguf");
if (stages.some((s) => ["peer", "prefix", "stall", "record", "trace"].includes(s)))
    execFileSync("build/tests/tool_make_model", [path, "--preset", preset, "--type", type], { stdio: "inherit" });
if (stages.includes("peer")) await peer(path);
if (stages.includes("prefix")) await prefix(path);
if (stages.includes("stall")) await stall(path);
if (stages.includes("record")) await record(path);
if (stages.includes("trace")) await trace(path);
rmSync(path, { force: true });
const small = ["cost", "idle", "many"].filter((s) => stages.includes(s));
if (small.length && !existsSync(guide)) console.error(`serve: ${guide} is not there; ${small.join(", ")} left out`);
else for (const s of small) await { cost, idle, many: flat }[s]();
await load.close();

// This run's rows, and of an earlier run those that were not measured now.
const file = "bench/results/serve.csv";
const all = new Map([...savedRows(file), ...rows.map((r) => r.map((f) => String(f).replaceAll(",", ";")))].map((r) => [r[0], r]));
mkdirSync("bench/results", { recursive: true });
writeFileSync(file, [
    `# The server beside llama.cpp (node-llama-cpp ${version} with parallel sequences behind a minimal HTTP server): ${type}, 1.1 billion parameters,`,
    `# ${threads} threads, prompts of 64 tokens, answers of 32; medians of interleaved pairs; ${cpus()[0].model.trim()};`,
    `# ${new Date().toISOString().slice(0, 10)} (./dev bench serve).`,
    "what,figure,Sillok,beside it,more", ...[...all.values()].map((r) => r.join(",")), ""].join("\n"));
