// A converted llama2.c model, read by llama.cpp: it loads, its tokenizer splits as llama2.c does, and greedy decoding
// writes the text of llama2.c's own program.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, skip, done } from "./tap.mjs";

const sillok = process.env.SILLOK ?? "build/sillok";
const from = join(process.env.SILLOK_SHARED ?? "../shared", "data/models/stories260K");
const folder = mkdtempSync(join(tmpdir(), "sillok-convert-"));
const out = join(folder, "stories260K.gguf");
const [major] = process.versions.node.split(".").map(Number);

if (!existsSync(from)) {
    skip("convert stories260K", `no ${from}`);
} else {
    await test("convert stories260K", () => {
        execFileSync(sillok, ["convert", join(from, "stories260K.bin"), out, "--tokenizer", join(from, "tok512.bin")]);
    });
    await test("inspect --json describes it", () => {
        const j = JSON.parse(execFileSync(sillok, ["inspect", out, "--json", "--tensors"]));
        assert.equal(j.architecture, "llama");
        assert.equal(j.parameters, 260032);
        assert.equal(j.tensors.length, 47);
        assert.deepEqual(j.tensors[1], {
            name: "blk.0.attn_norm.weight", type: "F32", shape: [64], offset: 131072, bytes: 256, file: 0,
        });
        assert.deepEqual(j.shape, {
            context_length: 512, layers: 5, width: 64, feed_forward: 172, heads: 8, kv_heads: 4, head_dim: 8,
        });
        assert.equal(j.metadata["tokenizer.ggml.tokens"].value.length, 512);
        assert.equal(j.metadata["llama.attention.layer_norm_rms_epsilon"].value, 1e-5);
    });
    if (major < 20 || process.arch !== "x64") {
        skip("llama.cpp reads it", "node-llama-cpp needs Node 20 and, as installed here, x86-64");
    } else {
        await test("llama.cpp reads it and writes the reference text", async () => {
            const { getLlama, LlamaLogLevel } = await import("node-llama-cpp");
            const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
            const model = await llama.loadModel({ modelPath: out });
            const context = await model.createContext({ contextSize: 512, threads: 1 });
            const ids = [model.tokens.bos, ...model.tokenizer("Once upon a time")];
            assert.deepEqual(ids, [1, 403, 407, 261, 378]);
            // llama2.c's "-n 256" are 256 tokens after BOS, those of the prompt included.
            for await (const id of context.getSequence().evaluate(ids.slice(), { temperature: 0 })) {
                ids.push(id);
                if (ids.length === 257) break;
            }
            const want = readFileSync(join(from, "greedy-256.txt"), "utf8").trimEnd();
            assert.equal(model.detokenize(ids).trim(), want);
            await llama.dispose();
        });
    }
}
rmSync(folder, { recursive: true });
done();
