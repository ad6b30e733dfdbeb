// Sillok beside llama.cpp, for both families and every weight format, with an oracle between them.
//
// Neither engine is right to the last digit: both round activations to 8 bits before quantised matrices, and keys and
// values to binary16. How much that must cost is not guessed: the oracle computes it, by rounding the same things in
// binary64 (tests/ref64.h). Two runs with the same roundings do not have the same errors, since a value beside a
// rounding boundary goes either way and the difference spreads through the layers, but errors of the same size: so an
// engine passes when its rms error against the exact oracle is at most 1.25 times (KL divergence, a square: 1.6 times)
// what the oracle with its roundings shows on the same tokens, and Sillok's and llama.cpp's difference at most 1.25
// times the two together. Any slip in a formula, a layout or a scale is orders of magnitude above that.
//
// And where no value came to lie beside a boundary, Sillok and the oracle with its roundings must agree to the
// precision of binary32: demanded of the nearest row, or where one such value at the very first token spoils all rows,
// of another first token.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test, skip, note, done } from "./tap.mjs";
import * as peer from "./lib_peer.mjs";

const PROMPT = 40, STEPS = 64, VOCAB = 512;
const SLACK = 1.25, KL_SLACK = 1.6, NEAREST = 1e-4;
const formats = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K", "Q4_K_M"];

const configs = [];
for (const arch of ["llama", "qwen3"]) {
    for (const type of formats) configs.push(`--arch ${arch} --type ${type}`);
    for (const type of ["Q8_0", "Q4_0", "Q4_K"]) configs.push(`--arch ${arch} --type ${type} --outliers 2`);
    configs.push(`--arch ${arch} --type F16 --tied --eps 0.01`);
    configs.push(`--arch ${arch} --type Q4_K_M --tied`);
    configs.push(`--arch ${arch} --type F32 --head-dim 128`);
    configs.push(`--arch ${arch} --type Q5_1 --head-dim 96 --heads 8 --kv-heads 8`);
    configs.push(`--arch ${arch} --type F32 --rope linear`);
    configs.push(`--arch ${arch} --type F32 --rope yarn`);
    configs.push(`--arch ${arch} --type Q8_0 --rope yarn --kv-heads 1`);
}
configs.push("--arch llama --type F32 --rope llama3 --tokenizer bpe");
configs.push("--arch llama --type Q8_0 --rope llama3 --tokenizer bpe");
configs.push("--arch llama --type F32 --bias");
configs.push("--arch llama --type Q6_K --bias --tokenizer bpe");

const close = (what, got, expected) => {
    assert.ok(got.rms <= SLACK * expected.rms, `${what}: rms error ${got.rms}, of the oracle ${expected.rms}`);
    assert.ok(got.kl <= KL_SLACK * expected.kl, `${what}: KL ${got.kl}, of the oracle ${expected.kl}`);
};

// Every one of the steps, not only those before the first difference: Sillok reads llama.cpp's tokens. Where it would
// have chosen another, the exact oracle must hold the two nearly equal: their difference is within four deviations of
// the combined error of two logits in two engines.
function checkGreedy(tokens, ours, exact, deviation) {
    let ties = 0, widest = 0;
    for (let t = PROMPT - 1; t < PROMPT + STEPS - 1; t++) {
        const theirs = tokens[t + 1], mine = peer.argmax(ours[t]);
        if (mine === theirs) continue;
        ties++;
        const margin = Math.abs(exact[t][mine] - exact[t][theirs]);
        widest = Math.max(widest, margin);
        const limit = 4 * Math.SQRT2 * deviation;
        assert.ok(margin <= limit, `step ${t}: ${mine} against ${theirs}, margin ${margin} above ${limit}`);
    }
    return ties ? `greedy ${STEPS - ties}/${STEPS}, near ties up to ${peer.sci(widest)}` : `greedy ${STEPS}/${STEPS}`;
}

// The least distance between Sillok and the oracle with its roundings: of the rows at hand, and while that is above
// NEAREST of single tokens, eight at most.
function nearestRow(path, ca1, ours) {
    let nearest = peer.distance(ca1, ours).nearest;
    for (let token = 8; token < 16 && nearest > NEAREST; token++) {
        const alone = peer.distance(peer.oracle(path, [token], "ca1"), peer.sillokRows(path, [token]));
        nearest = Math.min(nearest, alone.nearest);
    }
    return nearest;
}

async function compare(name, path, prompt) {
    const { tokens, rows: theirs } = await peer.withLlama(path, (seq) => peer.llamaGreedy(seq, prompt, STEPS));
    const ours = peer.sillokRows(path, tokens);
    const exact = peer.oracle(path, tokens, "exact");
    const ca1 = peer.oracle(path, tokens, "ca1"), llama = peer.oracle(path, tokens, "llama");
    const expectedOurs = peer.distance(exact, ca1), expectedTheirs = peer.distance(exact, llama);
    const errorOurs = peer.distance(exact, ours), errorTheirs = peer.distance(exact, theirs);
    const between = peer.distance(theirs, ours), nearest = nearestRow(path, ca1, ours);
    const deviation = Math.hypot(expectedOurs.rms, expectedTheirs.rms);
    const greedy = checkGreedy(tokens, ours, exact, deviation);
    note(
        `${name}: Sillok rms ${peer.sci(errorOurs.rms)} (expected ${peer.sci(expectedOurs.rms)})` +
            ` max ${peer.sci(errorOurs.worst)} KL ${peer.sci(errorOurs.kl)}, nearest row ${peer.sci(nearest)};` +
            ` llama.cpp rms ${peer.sci(errorTheirs.rms)} (expected ${peer.sci(expectedTheirs.rms)})` +
            ` KL ${peer.sci(errorTheirs.kl)}; between them rms ${peer.sci(between.rms)} max ${peer.sci(between.worst)}` +
            ` KL ${peer.sci(between.kl)}; ${greedy}`,
    );
    close("Sillok", errorOurs, expectedOurs);
    close("llama.cpp", errorTheirs, expectedTheirs);
    assert.ok(between.rms <= SLACK * deviation, `between them: rms ${between.rms} above ${SLACK} * ${deviation}`);
    assert.ok(nearest <= NEAREST, `the nearest row to the oracle with the same roundings is ${nearest} away`);
}

const reason = await peer.noLlama();
const prompt = Array.from({ length: PROMPT }, (_, i) => (i * i * 37 + i * 11 + 5) % VOCAB);

async function compareWithLlama(name, path) {
    const title = `logits and greedy tokens beside llama.cpp: ${name}`;
    if (reason) skip(title, reason);
    else await test(title, () => compare(name, path(), prompt));
}

for (const args of configs) {
    const name = args.replaceAll("--", "");
    await compareWithLlama(name, () => peer.makeModel(`--layers 2 --vocab ${VOCAB} ${args}`));
}
await compareWithLlama("guide.gguf", () => "models/guide.gguf");
const tiny = join(process.env.SILLOK_SHARED ?? "../shared", "data/models/llama-2-tiny-random.gguf");
if (existsSync(tiny)) await compareWithLlama("llama-2-tiny-random.gguf", () => tiny);
else skip("logits and greedy tokens beside llama.cpp: llama-2-tiny-random.gguf", `there is no ${tiny}`);
done();
