// Clients of a completions server, in a process of their own. Reads one JSON line for each run from standard input:
//   {"port", "key", "clients", "requests", "prompt", "answer", "prefix", "vocab", "model", "arrivals"}
// requests: in all, shared by the clients, each of which sends its next when its last is answered (closed loop);
// arrivals: [[seconds, prompt, answer], ...] instead, each sent at its time whatever the others do. prompt, answer:
// tokens; prefix: of the prompt the tokens that all share;
// vocab: token ids are below it (20,000). Answers with one JSON line: tokens, seconds, and the
// quantiles of the time to the first token and between tokens.
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";

let serial = 1;
function promptOf(n, prefix, vocab) {
    const own = serial++ * 7919, id = (x) => 300 + (Math.imul(x, 2654435761) >>> 0) % (vocab - 300); // some ordinary token
    return Array.from({ length: n }, (_, i) => (i < prefix ? id(i) : id(own + i)));
}

// One request; resolves to the moments at which tokens came (milliseconds).
function ask(run, agent, n, answer) {
    const { model, port, key, prefix, vocab } = run;
    const body = JSON.stringify({ model, prompt: promptOf(n, prefix ?? 0, vocab ?? 20000), max_tokens: answer, temperature: 0, ignore_eos: true, stream: true });
    return new Promise((resolve, reject) => {
        const sent = performance.now(), times = [];
        let rest = "", ended = false;
        const req = request({ host: "127.0.0.1", port, agent, method: "POST", path: "/v1/completions", headers: {
            "content-type": "application/json", "content-length": Buffer.byteLength(body), authorization: `Bearer ${key}` } }, (res) => {
            res.setEncoding("utf8");
            res.on("data", (part) => {
                rest += part;
                const lines = rest.split("\n\n");
                rest = lines.pop();
                for (const line of lines) {
                    if (line === "data: [DONE]") ended = true;
                    else if (line.includes('"error"')) reject(new Error(line));
                    else if (!line.includes('"choices":[]') && !line.includes('"finish_reason":"')) times.push(performance.now());
                }
            });
            res.on("end", () => (res.statusCode === 200 && ended ? resolve({ sent, times })
                : reject(new Error(`status ${res.statusCode}: ${rest.slice(0, 300)}`))));
            res.on("error", reject);
        });
        req.on("error", reject);
        req.end(body);
    });
}

const quantile = (sorted, q) => (sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : NaN);

async function perform(run) {
    const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
    const began = performance.now();
    let done = [];
    if (run.arrivals) {
        done = await Promise.all(run.arrivals.map(async ([at, n, answer]) => {
            await new Promise((r) => setTimeout(r, at * 1e3));
            return ask(run, agent, n, answer);
        }));
    } else {
        let left = run.requests;
        const client = async () => {
            while (left-- > 0) done.push(await ask(run, agent, run.prompt, run.answer));
        };
        await Promise.all(Array.from({ length: run.clients }, client));
    }
    const seconds = (performance.now() - began) / 1e3;
    agent.destroy();
    const first = done.filter((d) => d.times.length).map((d) => d.times[0] - d.sent).sort((a, b) => a - b);
    const between = done.flatMap((d) => d.times.slice(1).map((t, i) => t - d.times[i])).sort((a, b) => a - b);
    const wanted = run.arrivals ? run.arrivals.reduce((n, a) => n + a[2], 0) : run.requests * run.answer;
    return { tokens: wanted, events: done.reduce((n, d) => n + d.times.length, 0), seconds,
        first_ms: [quantile(first, 0.5), quantile(first, 0.99)], between_ms: [quantile(between, 0.5), quantile(between, 0.99)] };
}

for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await perform(JSON.parse(line)).catch((e) => ({ error: String(e.message) }))));
}
