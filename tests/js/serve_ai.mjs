// Vercel's AI SDK against the local server: @ai-sdk/openai's chat and completion models, and @ai-sdk/openai-compatible,
// which also reads reasoning.
import assert from "node:assert/strict";
import { Server, failure, packages } from "./lib_serve.mjs";
import { test, done } from "./tap.mjs";

const [ai, { createOpenAI }, { createOpenAICompatible }] = await packages("ai", "@ai-sdk/openai", "@ai-sdk/openai-compatible");
const { generateText, streamText } = ai;
const server = await Server.start();
const openai = createOpenAI({ baseURL: server.baseURL, apiKey: server.key });
const ask = { system: "짧게", prompt: "안녕하세요", seed: 4, maxOutputTokens: 20, maxRetries: 0 };

await test("generateText with openai.chat", async () => {
    const a = await generateText({ model: openai.chat("tiny"), ...ask });
    assert.ok(a.text.length > 0);
    assert.ok(["stop", "length"].includes(a.finishReason));
    assert.ok(a.usage.inputTokens > 0 && a.usage.outputTokens > 0 && a.usage.outputTokens <= 20);
    assert.equal(a.usage.totalTokens, a.usage.inputTokens + a.usage.outputTokens);
    assert.equal(a.response.modelId, "tiny");
});

await test("streamText with openai.chat", async () => {
    const whole = await generateText({ model: openai.chat("tiny"), ...ask });
    const s = streamText({ model: openai.chat("tiny"), ...ask });
    let text = "";
    for await (const part of s.textStream) text += part;
    assert.equal(text, whole.text);
    assert.equal(await s.finishReason, whole.finishReason);
    assert.equal((await s.usage).outputTokens, whole.usage.outputTokens);
});

await test("a conversation of several turns, stop sequences, logprobs", async () => {
    const messages = [
        { role: "user", content: [{ type: "text", text: "하나" }, { type: "text", text: "둘" }] },
        { role: "assistant", content: "셋" },
        { role: "user", content: "넷" },
    ];
    const model = openai.chat("tiny");
    const base = { model, messages, seed: 8, maxOutputTokens: 20, maxRetries: 0 };
    const whole = await generateText(base);
    const stop = whole.text.slice(Math.floor(whole.text.length / 2)).slice(0, 2);
    const cut = await generateText({ ...base, stopSequences: [stop] });
    assert.equal(cut.text, whole.text.slice(0, whole.text.indexOf(stop)));
    assert.equal(cut.finishReason, "stop");
    const probable = await generateText({ ...base, providerOptions: { openai: { logprobs: 3 } } });
    const logprobs = probable.providerMetadata.openai.logprobs;
    assert.ok(logprobs.length > 0 && logprobs.every((t) => t.top_logprobs.length === 3));
});

await test("errors come as APICallError with status and message", async () => {
    const e = await failure(generateText({ model: openai.chat("gpt-9"), ...ask }));
    assert.ok(ai.APICallError.isInstance(e));
    assert.equal(e.statusCode, 404);
    assert.equal(e.isRetryable, false);
    assert.match(e.message, /'gpt-9' does not exist/);
    const s = streamText({ model: openai.chat("tiny"), ...ask, temperature: 9, onError() {} });
    const parts = [];
    for await (const part of s.fullStream) parts.push(part);
    const error = parts.find((p) => p.type === "error");
    assert.equal(error.error.statusCode, 400);
    assert.match(error.error.message, /temperature is 9/);
});

await test("abort in mid-stream", async () => {
    const { json } = await server.ask("/tokenize", { content: "a" });
    let text = "";
    for (let tries = 0; tries < 20 && !(text && text.length < 400); tries++) { // all of it may have come before the abort
        const abort = new AbortController();
        const s = streamText({
            model: openai.chat("tiny"),
            ...ask,
            maxOutputTokens: 400,
            abortSignal: abort.signal,
            providerOptions: { openai: { logitBias: { [json.tokens[0]]: 100 } } },
            onError() {},
        });
        text = "";
        for await (const part of s.fullStream) {
            if (part.type === "text-delta") text += part.text;
            if (text.length >= 3) abort.abort();
        }
    }
    assert.ok(text.length >= 3 && text.length < 400);
    assert.ok((await generateText({ model: openai.chat("tiny"), ...ask })).text.length > 0);
});

await test("openai.completion", async () => {
    const a = await generateText({ model: openai.completion("tiny"), prompt: "가나다", seed: 4, maxOutputTokens: 12, maxRetries: 0 });
    const s = streamText({ model: openai.completion("tiny"), prompt: "가나다", seed: 4, maxOutputTokens: 12, maxRetries: 0 });
    let text = "";
    for await (const part of s.textStream) text += part;
    assert.equal(text, a.text);
});

await test("openai-compatible", async () => {
    const provider = createOpenAICompatible({ name: "sillok", baseURL: server.baseURL, apiKey: server.key, includeUsage: true });
    const a = await generateText({ model: provider("tiny"), ...ask });
    const s = streamText({ model: provider("tiny"), ...ask });
    let text = "";
    for await (const part of s.textStream) text += part;
    assert.equal(text, a.text);
    assert.equal((await s.usage).outputTokens, a.usage.outputTokens);
});

// A model's answer with letters of its own as the marks of reasoning: the whole way of reasoning without a model that
// was taught any.
await test("openai-compatible reads reasoning", async () => {
    const plain = { ...ask, maxOutputTokens: 60 };
    let text, seed, begin, end;
    for (seed = 0; seed < 50 && !end; seed++) {
        text = (await generateText({ model: openai.chat("tiny"), ...plain, seed })).text;
        begin = text[0];
        end = [...text].slice(3).find((c, i) => !/\s/.test(c) && text.indexOf(c) === i + 3 && text.length > i + 5);
        if (/\s/.test(begin) || [...text].length !== text.length) end = undefined;
    }
    assert.ok(end, "no answer that can be cut in three");
    seed--;
    const marked = await Server.start({ model: { think_begin: begin, think_end: end } });
    const provider = createOpenAICompatible({ name: "sillok", baseURL: marked.baseURL, apiKey: marked.key });
    const at = text.indexOf(end);
    const thought = text.slice(1, at).trim(), said = text.slice(at + end.length).trimStart();
    const a = await generateText({ model: provider("tiny"), ...plain, seed });
    assert.deepEqual([a.reasoningText, a.text], [thought, said]);
    const s = streamText({ model: provider("tiny"), ...plain, seed });
    assert.deepEqual([await s.reasoningText, await s.text], [thought, said]);
    assert.equal(await marked.stop(), 0);
});

await test("the server ends on SIGTERM with status 0", async () => {
    assert.equal(await server.stop(), 0);
});
done();
