// @langchain/openai against the local server: ChatOpenAI (chat completions) and OpenAI (completions).
import assert from "node:assert/strict";
import { Server, failure, packages } from "./lib_serve.mjs";
import { test, done } from "./tap.mjs";

const [{ ChatOpenAI, OpenAI }, { HumanMessage, SystemMessage }] = await packages("@langchain/openai", "@langchain/core/messages");
const server = await Server.start();
const settings = { model: "tiny", apiKey: server.key, maxRetries: 0, configuration: { baseURL: server.baseURL } };
const chat = (more = {}, kwargs = {}) => new ChatOpenAI({ ...settings, maxTokens: 20, modelKwargs: { seed: 2, ...kwargs }, ...more });
const messages = [new SystemMessage("짧게"), new HumanMessage("안녕하세요")];

await test("invoke", async () => {
    const a = await chat().invoke(messages);
    assert.ok(a.content.length > 0);
    assert.equal(a.usage_metadata.total_tokens, a.usage_metadata.input_tokens + a.usage_metadata.output_tokens);
    assert.ok(["stop", "length"].includes(a.response_metadata.finish_reason));
    assert.equal(a.response_metadata.model_name, "tiny");
});

await test("stream, with usage", async () => {
    const whole = await chat().invoke(messages);
    let all;
    for await (const chunk of await chat().stream(messages)) all = all ? all.concat(chunk) : chunk;
    assert.equal(all.content, whole.content);
    assert.equal(all.usage_metadata.output_tokens, whole.usage_metadata.output_tokens);
    assert.equal(all.response_metadata.finish_reason, whole.response_metadata.finish_reason);
});

await test("stop, temperature 0, logprobs", async () => {
    const whole = await chat({ temperature: 0 }).invoke(messages);
    assert.equal((await chat({ temperature: 0 }).invoke(messages)).content, whole.content);
    const stop = whole.content.slice(3, 5);
    const cut = await chat({ temperature: 0, stop: [stop] }).invoke(messages);
    assert.equal(cut.content, whole.content.slice(0, whole.content.indexOf(stop)));
    const probable = await chat({ temperature: 0, logprobs: true, topLogprobs: 4 }).invoke(messages);
    assert.ok(probable.response_metadata.logprobs.content.every((t) => t.top_logprobs.length === 4));
});

await test("several messages at once", async () => {
    const one = await chat().invoke(messages);
    const many = await chat().batch([messages, messages, messages]);
    assert.deepEqual(many.map((m) => m.content), [one.content, one.content, one.content]);
});

await test("errors keep status and code", async () => {
    const e = await failure(chat({ model: "gpt-9" }).invoke(messages));
    assert.equal(e.status, 404);
    assert.equal(e.code, "model_not_found");
});

await test("completions", async () => {
    const llm = new OpenAI({ ...settings, maxTokens: 12, temperature: 0 });
    const text = await llm.invoke("가나다");
    let streamed = "";
    for await (const part of await llm.stream("가나다")) streamed += part;
    assert.equal(streamed, text);
});

await test("the server ends on SIGTERM with status 0", async () => {
    assert.equal(await server.stop(), 0);
});
done();
