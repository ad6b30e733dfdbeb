// Prints accuracy.csv; called by bench/accuracy.sh. Method: docs/accuracy.md.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as peer from "../tests/js/lib_peer.mjs";

const TOKENS = 256;
const SIZES = "--d 512 --layers 4 --heads 8 --kv-heads 4 --ffn 1024 --vocab 512";
const FORMATS = ["F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K_M", "Q4_K", "Q4_1", "Q4_0"];
const MODELS = { plain: "", outliers: "--outliers 4" };

// exp of the mean difference of the text's log probability
function perplexityRatio(tokens, exact, rows) {
    let sum = 0;
    for (let t = 0; t < TOKENS; t++) sum += exact[t][tokens[t + 1]] - rows[t][tokens[t + 1]];
    return Math.exp(sum / TOKENS);
}

async function llamaRows(path, tokens) {
    if (await peer.noLlama()) return null;
    return peer.withLlama(path, (sequence) => peer.llamaRows(sequence, tokens));
}

const sci = (x) => (Math.abs(x) < 1e-12 ? "0" : x.toExponential(1));

async function line(kind, format, tokens, origin) {
    const path = peer.makeModel(`${SIZES} --type ${format} ${MODELS[kind]}`);
    const read = tokens.slice(0, TOKENS);
    const exact = peer.oracle(path, read, "exact");
    const ours = peer.sillokRows(path, read), theirs = await llamaRows(path, read);
    const own = peer.distance(exact, ours), other = theirs && peer.distance(exact, theirs);
    const int8 = peer.distance(exact, peer.sillokRows(path, read, "--kv", "int8"));
    const cells = [kind, format, sci(own.kl), sci(own.klMax), perplexityRatio(tokens, exact, ours).toFixed(4)];
    cells.push(sci(int8.kl));
    cells.push(other ? sci(other.kl) : "-", other ? sci(other.klMax) : "-");
    cells.push(other ? perplexityRatio(tokens, exact, theirs).toFixed(4) : "-");
    cells.push(sci(peer.distance(origin, exact).kl));
    return cells.join(",");
}

const lock = JSON.parse(readFileSync(new URL("../tests/js/package.json", import.meta.url)));
const version = lock.dependencies["node-llama-cpp"];
const profile = execFileSync(peer.sillok, ["--version"]).toString().trim().split("\n")[0];
console.log(
    `# Accuracy (./dev bench accuracy, ${profile}, llama.cpp of node-llama-cpp ${version}, ` +
        `${new Date().toISOString().slice(0, 10)}): divergence from a binary64 evaluation of the same file, ` +
        `${TOKENS} tokens, nats; "int8 KL" is with --kv int8; the last column is what encoding the weights alone costs. See docs/accuracy.md.`,
);
console.log("model,format,Sillok KL,max,perplexity ×,int8 KL,llama.cpp KL,max,perplexity ×,encoding KL");
for (const kind of Object.keys(MODELS)) {
    const path = peer.makeModel(`${SIZES} --type F32 ${MODELS[kind]}`);
    const tokens = peer.written(path, TOKENS);
    const origin = peer.oracle(path, tokens.slice(0, TOKENS), "exact");
    for (const format of FORMATS) console.log(await line(kind, format, tokens, origin));
}
process.exit(0);
