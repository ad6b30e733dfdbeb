// llama.cpp (npm node-llama-cpp) timed in a process of its own, one measurement for each line of standard input, as
// `sillok bench --each` does: prefill N [DEPTH], decode N SEQUENCES [DEPTH], first. Answers in tokens per second.
//   node lib_llama_speed.mjs MODEL.gguf THREADS [TOKENS]      TOKENS: of the prompt whose first answer "first" times (1)
import { createInterface } from "node:readline";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const [path, threads, promptTokens] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4] ?? 1)];
const SEQUENCES = 16;
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: threads });
const began = performance.now();
const model = await llama.loadModel({ modelPath: path });
let one = await model.createContext({ contextSize: 1024, batchSize: 512, threads });
let sequence = one.getSequence();
const ids = (n, from = 0) => Array.from({ length: n }, (_, i) => 5 + ((from + i) % 20000));
for await (const _ of sequence.evaluate(ids(promptTokens), { temperature: 0 })) break;
const first = performance.now() - began;
let many; // made when it is asked for: it takes memory of its own

// Brings a sequence to depth tokens; a text that is there already stays.
async function bring(seq, depth) {
    if (seq.nextTokenIndex > depth && depth > 0) await seq.eraseContextTokenRanges([{ start: depth, end: seq.nextTokenIndex }]);
    else if (seq.nextTokenIndex !== depth) {
        await seq.clearHistory();
        await seq.evaluateWithoutGeneratingNewTokens(ids(depth));
    }
}

// The one sequence at depth tokens, in a longer context if that is needed.
async function reach(depth, room) {
    if (depth + room > one.contextSize) {
        await one.dispose();
        one = await model.createContext({ contextSize: depth + room, batchSize: 512, threads });
        sequence = one.getSequence();
    }
    await bring(sequence, depth);
}

async function prefill(n, depth = 0) {
    await reach(depth, n + 16);
    if (depth === 0) await sequence.clearHistory();
    const t = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(ids(n, depth));
    return (n / (performance.now() - t)) * 1e3;
}

async function steps(seq, n) {
    let k = 0;
    for await (const _ of seq.evaluate([7], { temperature: 0 })) if (++k >= n) break;
}

async function decode(n, batch, depth = 0) {
    if (batch === 1) await reach(depth, n + 16);
    let seqs = [sequence];
    if (batch > 1) {
        many ??= await model.createContext({ contextSize: 256, sequences: SEQUENCES, batchSize: 512, threads });
        decode.seqs ??= Array.from({ length: SEQUENCES }, () => many.getSequence());
        seqs = decode.seqs.slice(0, batch);
    }
    if (batch > 1) await Promise.all(seqs.map((s) => bring(s, depth)));
    const t = performance.now();
    await Promise.all(seqs.map((s) => steps(s, n)));
    return ((n * batch) / (performance.now() - t)) * 1e3;
}

for await (const line of createInterface({ input: process.stdin })) {
    const [what, ...args] = line.trim().split(/\s+/);
    const n = args.map(Number);
    const done = { prefill: () => prefill(...n), decode: () => decode(...n), first: () => first / 1e3 }[what];
    console.log(done ? await done() : `unknown: ${line}`);
}
process.exit(0);
