// The oracles that the other programs here compare Sillok with are the pinned ones, and load.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test, skip, done } from "./tap.mjs";

const wanted = JSON.parse(readFileSync(new URL("package.json", import.meta.url))).dependencies;
for (const [name, version] of Object.entries(wanted)) {
    await test(`${name} is ${version}`, () => {
        const path = new URL(`node_modules/${name}/package.json`, import.meta.url);
        assert.equal(JSON.parse(readFileSync(path)).version, version);
    });
}

await test("@huggingface/jinja renders", async () => {
    const { Template } = await import("@huggingface/jinja");
    assert.equal(new Template("{% for x in xs %}<{{ x }}>{% endfor %}").render({ xs: ["실", "록"] }), "<실><록>");
});

if (Number(process.versions.node.split(".")[0]) < 20 || process.arch !== "x64") {
    skip("node-llama-cpp loads", "node-llama-cpp needs Node 20 and, as installed here, x86-64");
} else {
    await test("node-llama-cpp loads its prebuilt program", async () => {
        const { getLlama, LlamaLogLevel } = await import("node-llama-cpp");
        const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
        assert.equal(llama.gpu, false);
        await llama.dispose();
    });
}
done();
