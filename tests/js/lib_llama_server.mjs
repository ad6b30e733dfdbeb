// A minimal HTTP server around llama.cpp (npm node-llama-cpp) with parallel sequences, the peer of bench/serve.mjs:
// POST /v1/completions {prompt: [ids], max_tokens, stream: true} streams one event for each token. Prints its port.
//   node lib_llama_server.mjs MODEL.gguf THREADS SEQUENCES CONTEXT
import { createServer } from "node:http";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const [path, threads, slots, contextSize] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: threads });
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({ contextSize, sequences: slots, batchSize: 512, threads });
const free = Array.from({ length: slots }, () => context.getSequence());
const waiting = [];
const take = () => (free.length ? free.pop() : new Promise((r) => waiting.push(r)));
const give = (sequence) => (waiting.length ? waiting.shift()(sequence) : free.push(sequence));

async function complete(req, res) {
    let body = "";
    for await (const part of req) body += part;
    const { prompt, max_tokens: most } = JSON.parse(body);
    const sequence = await take();
    try {
        await sequence.clearHistory();
        res.writeHead(200, { "content-type": "text/event-stream" });
        let n = 0;
        for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
            const text = model.detokenize([token]);
            res.write(`data: ${JSON.stringify({ object: "text_completion", choices: [{ index: 0, text }] })}\n\n`);
            if (++n >= most || res.destroyed) break;
        }
        res.end("data: [DONE]\n\n");
    } finally {
        give(sequence);
    }
}

const server = createServer((req, res) => complete(req, res).catch((e) => res.destroy(e)));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
