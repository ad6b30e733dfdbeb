// The official client, npm `openai`, against the local server: chat, streams, errors and retries, completions, models.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Server, failure, packages, sleep, until } from "./lib_serve.mjs";
import { test, skip, done } from "./tap.mjs";

const [{ default: OpenAI }] = await packages("openai");
const server = await Server.start({ more: { rates: { concurrent: 8 } } });
const client = new OpenAI({ baseURL: server.baseURL, apiKey: server.key, maxRetries: 0 });

const { json: a } = await server.ask("/tokenize", { content: "a" });
const onlyA = { [a.tokens[0]]: 100 }; // a bias that leaves one token

const messages = [
    { role: "developer", content: "짧게 답하세요." },
    { role: "user", content: [{ type: "text", text: "안녕하세요" }, { type: "text", text: "hello" }] },
];
const ask = { model: "tiny", messages, seed: 5, max_completion_tokens: 24 };
const chat = (more = {}, options) => client.chat.completions.create({ ...ask, ...more }, options);
const textOf = (answer) => answer.choices[0].message.content;

async function collect(stream) {
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    return chunks;
}

const join = (chunks, choice = 0) =>
    chunks.flatMap((c) => c.choices).filter((c) => c.index === choice).map((c) => c.delta?.content ?? c.text ?? "").join("");

// ---- models ----

await test("models.list and models.retrieve, by alias too", async () => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    assert.deepEqual(ids, ["tiny", "gpt-4o-mini"]);
    const m = await client.models.retrieve("gpt-4o-mini");
    assert.equal(m.root, "tiny");
    assert.match(m.sillok.sha256, /^[0-9a-f]{64}$/);
    const e = await failure(client.models.retrieve("gpt-9"));
    assert.ok(e instanceof OpenAI.NotFoundError && e.code === "model_not_found");
});

// ---- chat ----

await test("chat: a whole answer", async () => {
    const a = await chat();
    assert.equal(a.object, "chat.completion");
    assert.match(a.id, /^chatcmpl-[0-9a-f]{24}$/);
    assert.match(a.system_fingerprint, /^fp_[0-9a-f]{16}$/);
    assert.ok(Math.abs(a.created - Date.now() / 1000) < 100);
    assert.equal(a.choices.length, 1);
    assert.equal(a.choices[0].message.role, "assistant");
    assert.equal(a.choices[0].message.refusal, null);
    assert.ok(["stop", "length"].includes(a.choices[0].finish_reason));
    assert.ok(a.usage.completion_tokens > 0 && a.usage.completion_tokens <= 24);
    assert.equal(a.usage.total_tokens, a.usage.prompt_tokens + a.usage.completion_tokens);
    assert.equal(typeof a.usage.prompt_tokens_details.cached_tokens, "number");
    assert.match(a._request_id, /^req_[0-9a-f]{24}$/);
    assert.ok(Number.isInteger(a.sillok.entry) && typeof a.sillok.receipt === "string");
});

await test("chat: the same seed gives the same answer, and its entry is in the headers", async () => {
    const { data: one, response } = await chat({ logprobs: false }).withResponse();
    const two = await chat();
    assert.equal(textOf(one), textOf(two));
    assert.notEqual(textOf(one), textOf(await chat({ seed: 6 })));
    assert.equal(response.headers.get("x-sillok-entry"), String(one.sillok.entry));
    assert.ok(two.sillok.entry > one.sillok.entry);
    assert.ok(Number(response.headers.get("openai-processing-ms")) >= 0);
});

await test("chat: a stream is the whole answer in pieces", async () => {
    const whole = await chat();
    const chunks = await collect(await chat({ stream: true }));
    assert.equal(join(chunks), textOf(whole));
    assert.equal(new Set(chunks.map((c) => c.id)).size, 1);
    assert.ok(chunks.every((c) => c.object === "chat.completion.chunk" && Array.isArray(c.choices) && !("usage" in c)));
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.ok(chunks.slice(1).every((c) => c.choices.every((k) => k.delta.role === undefined)));
    assert.deepEqual(
        chunks.flatMap((c) => c.choices).map((c) => c.finish_reason).filter((r) => r !== null),
        [whole.choices[0].finish_reason],
    );
    assert.ok(Number.isInteger(chunks.at(-1).sillok.entry));
});

await test("chat: the usage chunk is the last, and has no choices", async () => {
    const chunks = await collect(await chat({ stream: true, stream_options: { include_usage: true, unheard_of: 1 } }));
    const last = chunks.pop();
    assert.deepEqual(last.choices, []);
    assert.equal(last.usage.total_tokens, last.usage.prompt_tokens + last.usage.completion_tokens);
    assert.ok(typeof last.sillok.receipt === "string");
    assert.ok(chunks.every((c) => c.usage === null && c.choices.length > 0));
});

await test("chat: the stream helper", async () => {
    const whole = await chat();
    const stream = client.chat.completions.stream({ ...ask, stream_options: { include_usage: true } });
    let text = "";
    stream.on("content", (delta) => (text += delta));
    const final = await stream.finalChatCompletion();
    assert.equal(text, textOf(whole));
    assert.equal(await stream.finalContent(), textOf(whole));
    assert.equal(final.choices[0].finish_reason, whole.choices[0].finish_reason);
    assert.deepEqual((await stream.totalUsage()).completion_tokens, whole.usage.completion_tokens);
});

await test("chat: n answers, streamed and whole; the first is that of n = 1", async () => {
    const one = await chat();
    const three = await chat({ n: 3 });
    const texts = three.choices.map((c) => c.message.content);
    assert.deepEqual(three.choices.map((c) => c.index), [0, 1, 2]);
    assert.equal(texts[0], textOf(one));
    assert.equal(new Set(texts).size, 3);
    assert.equal(three.sillok.entries.length, 3);
    const chunks = await collect(await chat({ n: 3, stream: true }));
    assert.deepEqual([0, 1, 2].map((i) => join(chunks, i)), texts);
});

await test("chat: stop strings end the answer before them", async () => {
    const text = textOf(await chat());
    const at = Math.floor(text.length / 2);
    const stop = text.slice(at, at + 2);
    const cut = await chat({ stop: ["never there", stop] });
    assert.equal(textOf(cut), text.slice(0, text.indexOf(stop)));
    assert.equal(cut.choices[0].finish_reason, "stop");
    assert.equal(cut.choices[0].stop_reason, stop);
    assert.equal(join(await collect(await chat({ stop, stream: true }))), textOf(cut));
});

await test("chat: max_tokens, and logit_bias that leaves one token", async () => {
    const a = await chat({ logit_bias: onlyA, max_completion_tokens: undefined, max_tokens: 7, temperature: 0 });
    assert.equal(textOf(a), "aaaaaaa");
    assert.equal(a.choices[0].finish_reason, "length");
    assert.equal(a.usage.completion_tokens, 7);
});

await test("chat: logprobs with bytes", async () => {
    const a = await chat({ logprobs: true, top_logprobs: 5, temperature: 0 });
    const tokens = a.choices[0].logprobs.content;
    const ended = a.choices[0].finish_reason === "stop" ? 1 : 0; /* the token that ends is not shown */
    assert.equal(tokens.length, a.usage.completion_tokens - ended);
    const text = new TextDecoder().decode(Uint8Array.from(tokens.flatMap((t) => t.bytes)));
    assert.equal(text, textOf(a));
    for (const t of tokens) {
        assert.equal(t.top_logprobs.length, 5);
        assert.equal(t.top_logprobs[0].token, t.token);
        assert.equal(t.top_logprobs[0].logprob, t.logprob);
        assert.deepEqual(t.top_logprobs.map((x) => x.logprob), t.top_logprobs.map((x) => x.logprob).sort((x, y) => y - x));
        assert.ok(t.top_logprobs.reduce((sum, x) => sum + Math.exp(x.logprob), 0) < 1 + 1e-6);
    }
    const chunks = await collect(await chat({ logprobs: true, top_logprobs: 5, temperature: 0, stream: true }));
    const streamed = chunks.flatMap((c) => c.choices).flatMap((c) => c.logprobs?.content ?? []);
    assert.deepEqual(streamed, tokens);
});

// ---- errors ----

const refusals = [
    [{ temperature: 3 }, "temperature", "invalid_value"],
    [{ messages: [{ role: "user", content: 5 }] }, "messages[0].content", "invalid_type"],
    [{ messages: [...messages, { role: "robot", content: "x" }] }, "messages[2].role", "invalid_value"],
    [{ response_format: { type: "json_object" } }, "response_format.type", "unsupported_value"],
    [{ tools: [{ type: "function", function: { name: "f" } }] }, "tools", "unsupported_parameter"],
    [{ messages: [{ role: "user", content: "aaaaaaaa\n".repeat(1000) }] }, "messages", "context_length_exceeded"],
];
for (const [more, param, code] of refusals)
    await test(`errors: 400 ${code} at ${param}`, async () => {
        for (const stream of [false, true]) {
            const e = await failure(chat({ ...more, stream }));
            assert.ok(e instanceof OpenAI.BadRequestError, e);
            assert.deepEqual([e.param, e.code, e.type], [param, code, "invalid_request_error"]);
            assert.match(e.requestID, /^req_/);
        }
    });

await test("errors: unknown model, wrong key, no key, JSON that is none", async () => {
    const e = await failure(chat({ model: "gpt-9" }));
    assert.ok(e instanceof OpenAI.NotFoundError && e.code === "model_not_found" && e.param === "model");
    const stranger = new OpenAI({ baseURL: server.baseURL, apiKey: "sk-sillok-wrong", maxRetries: 0 });
    assert.ok((await failure(stranger.chat.completions.create(ask))) instanceof OpenAI.AuthenticationError);
    assert.ok((await failure(stranger.models.list())) instanceof OpenAI.AuthenticationError);
    assert.equal((await fetch(server.baseURL + "/models")).status, 401);
    const { status, json } = await server.ask("/v1/chat/completions", '{\n "model": "tiny",\n "messages": [}');
    assert.equal(status, 400);
    assert.equal(json.error.code, "invalid_json");
    assert.match(json.error.message, /line 3, column 15/);
});

await test("errors: endpoints that are not there yet", async () => {
    assert.ok((await failure(client.responses.create({ model: "tiny", input: "a" }))) instanceof OpenAI.NotFoundError);
    assert.ok((await failure(client.embeddings.create({ model: "tiny", input: "a" }))) instanceof OpenAI.NotFoundError);
});

await test("errors: too many at once is 429, and the client's retries bring all through", async () => {
    const long = { ...ask, max_completion_tokens: 400, logit_bias: onlyA, temperature: 0 };
    let refused = [];
    for (let tries = 0; tries < 20 && !refused.length; tries++) { // where this process is slow, they are not at once
        const at_once = await Promise.allSettled(Array.from({ length: 24 }, () => client.chat.completions.create(long)));
        refused = at_once.filter((r) => r.status === "rejected").map((r) => r.reason);
    }
    assert.ok(refused.length > 0 && refused.length <= 16, `${refused.length} refused`);
    for (const e of refused) {
        assert.ok(e instanceof OpenAI.RateLimitError);
        assert.ok(Number(e.headers.get("retry-after-ms")) > 0 && Number(e.headers.get("retry-after")) > 0);
    }
    const patient = new OpenAI({ baseURL: server.baseURL, apiKey: server.key, maxRetries: 10 });
    const all = await Promise.all(Array.from({ length: 16 }, () => patient.chat.completions.create({ ...ask, seed: 9 })));
    assert.equal(new Set(all.map(textOf)).size, 1);
});

await test("abort in mid-stream: the server stops, and goes on with others", async () => {
    const stream = await chat({ stream: true, max_completion_tokens: 400, logit_bias: onlyA, temperature: 0 });
    let n = 0;
    for await (const chunk of stream) if (chunk.choices[0].delta.content && ++n === 3) break;
    assert.equal(n, 3);
    await until(async () => (await server.metric("sillok_requests_running")) === 0, "nothing runs any more");
    const before = new AbortController();
    const pending = chat({ max_completion_tokens: 400, logit_bias: onlyA }, { signal: before.signal });
    await sleep(5);
    before.abort();
    assert.ok((await failure(pending)) instanceof OpenAI.APIUserAbortError);
    assert.ok(textOf(await chat()).length > 0);
});

await test("answers are the same alone and among neighbours", async () => {
    const patient = new OpenAI({ baseURL: server.baseURL, apiKey: server.key, maxRetries: 20 });
    const asks = Array.from({ length: 16 }, (_, i) => ({
        model: "tiny",
        messages: [{ role: "user", content: "q".repeat(1 + 13 * i) }],
        seed: i,
        temperature: i % 3 ? 1 : 0,
        max_completion_tokens: 8 + i,
    }));
    const alone = [];
    for (const a of asks) alone.push(textOf(await patient.chat.completions.create(a)));
    const together = await Promise.all(asks.map((a) => patient.chat.completions.create(a)));
    assert.deepEqual(together.map(textOf), alone);
});

// ---- completions ----

const complete = (more) => client.completions.create({ model: "tiny", prompt: "가나다", seed: 3, max_tokens: 12, ...more });

await test("completions: whole, streamed, echoed", async () => {
    const a = await complete();
    assert.equal(a.object, "text_completion");
    assert.match(a.id, /^cmpl-[0-9a-f]{24}$/);
    const text = a.choices[0].text;
    assert.equal(join(await collect(await complete({ stream: true }))), text);
    assert.equal((await complete({ echo: true })).choices[0].text, "가나다" + text);
    assert.equal(join(await collect(await complete({ echo: true, stream: true }))), "가나다" + text);
});

await test("completions: several prompts, token ids, n", async () => {
    const { json } = await server.ask("/tokenize", { prompt: "가나다" });
    const one = (await complete()).choices[0].text;
    assert.equal((await complete({ prompt: json.tokens })).choices[0].text, one);
    const four = await complete({ prompt: ["가나다", "abc"], n: 2 });
    assert.deepEqual(four.choices.map((c) => c.index), [0, 1, 2, 3]);
    assert.equal(four.choices[0].text, one);
    assert.deepEqual((await complete({ prompt: [json.tokens, json.tokens] })).choices.map((c) => c.text), [one, one]);
});

await test("completions: logprobs and text_offset", async () => {
    const a = await complete({ logprobs: 3, temperature: 0 });
    const { tokens, token_logprobs, top_logprobs, text_offset } = a.choices[0].logprobs;
    assert.equal(tokens.length, token_logprobs.length);
    assert.equal(tokens.length, top_logprobs.length);
    assert.equal(tokens.length, text_offset.length);
    assert.equal(text_offset[0], 0);
    assert.deepEqual(text_offset, [...text_offset].sort((x, y) => x - y));
    tokens.forEach((t, i) => assert.equal(top_logprobs[i][t], token_logprobs[i]));
});

// ---- limits ----

// A request to a server of its own, with settings that make it end early.
async function withServer(more, f) {
    const other = await Server.start({ more });
    try {
        await f(new OpenAI({ baseURL: other.baseURL, apiKey: other.key, maxRetries: 3 }), other);
    } finally {
        assert.equal(await other.stop(), 0);
    }
}

await test("headers say what is left", async () => {
    await withServer({ rates: { requests_per_minute: 100, tokens_per_minute: 100000 } }, async (mine) => {
        const left = [];
        for (let i = 0; i < 2; i++) {
            const { response } = await mine.chat.completions.create(ask).withResponse();
            assert.equal(response.headers.get("x-ratelimit-limit-requests"), "100");
            assert.equal(response.headers.get("x-ratelimit-limit-tokens"), "100000");
            assert.match(response.headers.get("x-ratelimit-reset-tokens"), /^\d+(\.\d+)?m?s$/);
            left.push(Number(response.headers.get("x-ratelimit-remaining-requests")));
        }
        assert.ok(left[0] < 100 && left[1] < left[0], `${left}`);
    });
});

await test("a day's budget that is used up is 429, and the client does not try again", async () => {
    await withServer({ rates: { tokens_per_day: 60 } }, async (mine, other) => {
        const before = await other.metric("sillok_http_requests_total");
        const e = await failure(mine.chat.completions.create({ ...ask, max_completion_tokens: 400 }));
        assert.ok(e instanceof OpenAI.RateLimitError);
        assert.equal(e.headers.get("x-should-retry"), "false");
        assert.equal((await other.metric("sillok_http_requests_total")) - before, 2); // this one is the second
    });
});

// A part of the time that the answer needs; less of it when the machine has become faster meanwhile, more where that
// was too little for a beginning.
await test("an answer that takes too long ends with its own reason, whole and streamed", async () => {
    const long = { ...ask, max_completion_tokens: 400, logit_bias: onlyA, temperature: 0 };
    const began = Date.now();
    assert.equal(textOf(await client.chat.completions.create(long)).length, 400);
    const needed = Date.now() - began;
    const reasons = [];
    let part = 2;
    for (let tries = 0; tries < 12 && !reasons.includes("timeout timeout"); tries++)
        await withServer({ limits: { request_timeout: `${Math.ceil(needed / part)}ms` } }, async (mine) => {
            let whole, chunks;
            try {
                whole = await mine.chat.completions.create(long, { maxRetries: 0 });
                chunks = await collect(await mine.chat.completions.create({ ...long, stream: true }, { maxRetries: 0 }));
            } catch (e) {
                assert.equal(e.status, 408);
                part /= 1.5;
                return;
            }
            part *= 2;
            assert.match(textOf(whole), /^a+$/);
            assert.match(join(chunks), /^a+$/);
            const pair = [whole.choices[0].finish_reason, chunks.at(-1).choices[0].finish_reason];
            assert.equal(pair[0] === "timeout", textOf(whole).length < 400);
            assert.equal(pair[1] === "timeout", join(chunks).length < 400);
            reasons.push(pair.join(" "));
        });
    assert.ok(reasons.includes("timeout timeout"), `${reasons}`);
});

// ---- Korean ----

const guide = process.env.SILLOK_GUIDE ?? "models/guide.gguf";
if (!existsSync(guide)) skip("the guide answers in Korean", `no ${guide}`);
else
    await test("the guide answers in Korean, and no chunk cuts a character", async () => {
        const other = await Server.start({ model: { path: resolve(guide), context: 1024 } });
        const mine = new OpenAI({ baseURL: other.baseURL, apiKey: other.key });
        const question = { model: "tiny", messages: [{ role: "user", content: "안녕하세요?" }], temperature: 0, max_tokens: 64 };
        const whole = await mine.chat.completions.create(question);
        assert.match(textOf(whole), /\p{Script=Hangul}/u);
        const chunks = await collect(await mine.chat.completions.create({ ...question, stream: true }));
        assert.equal(join(chunks), textOf(whole));
        assert.ok(chunks.every((c) => !JSON.stringify(c).includes("\ufffd")));
        assert.equal(await other.stop(), 0);
    });

// ---- endpoints that generate nothing ----

await test("tokenize, detokenize, apply-template", async () => {
    const text = "한글 hello <|im_end|> 🙂";
    const { json } = await server.ask("/tokenize", { content: text, with_pieces: true });
    assert.equal(json.count, json.tokens.length);
    const back = await server.ask("/detokenize", { tokens: json.tokens.map((t) => t.id) });
    assert.equal(back.json.content, text);
    const { json: rendered } = await server.ask("/apply-template", { messages });
    assert.equal(
        rendered.prompt,
        "<|im_start|>system\n짧게 답하세요.<|im_end|>\n<|im_start|>user\n안녕하세요\nhello<|im_end|>\n<|im_start|>assistant\n",
    );
    const { json: ids } = await server.ask("/tokenize", { messages });
    assert.equal(ids.count, (await chat()).usage.prompt_tokens);
});

await test("the server ends on SIGTERM with status 0", async () => {
    assert.equal(await server.stop(), 0);
});
done();
