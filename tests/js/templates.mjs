// Chat templates over many conversations, against @huggingface/jinja: our own templates, each in the manner of a family,
// and those of the shared data's models. tests/templates/oracle_differs.json names the cases where that library differs
// from Python's Jinja, which ours follows.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Template } from "@huggingface/jinja";
import { test, skip, done } from "./tap.mjs";

const tool = process.env.TOOL_TEMPLATE ?? "build/tests/tool_template";
const shared = join(process.env.SILLOK_SHARED ?? "../shared", "data/tokenizers");
const now = Date.UTC(2025, 10, 3, 1, 2, 3) / 1000;

const user = (content) => ({ role: "user", content });
const assistant = (content, more = {}) => ({ role: "assistant", content, ...more });
const system = (content) => ({ role: "system", content });
const toolAnswer = (content) => ({ role: "tool", content, tool_call_id: "abcdefghi", name: "weather" });
const call = (name, args, id = "abcdefghi") => ({ id, type: "function", function: { name, arguments: args } });

const conversations = {
    empty: [],
    hello: [user("안녕하세요?")],
    system: [system("  친절하게 답하세요.\n"), user("Hello <b>&amp; \"you\"</b>")],
    twoSystems: [system("A"), user("x"), system("B"), user("y")],
    exchange: [user("한글과 漢字, emoji 👩‍💻"), assistant("  네,\n\n그렇습니다.  "), user("tab\there\\n 'quotes'")],
    longer: [system("S"), user("1"), assistant("2"), user("3"), assistant("4"), user("5")],
    thinking: [user("2+2?"), assistant("<think>\n둘 더하기 둘\n</think>\n\n4"), user("3+3?"), assistant("<think>six</think>6")],
    reasoning: [user("q"), assistant("a", { reasoning_content: "\n왜냐하면\n" })],
    call: [user("서울 날씨?"), assistant("", { tool_calls: [call("weather", { city: "서울", days: 3, detail: { wind: true, none: null } })] })],
    callAndAnswer: [
        system("S"), user("날씨?"), assistant("", { tool_calls: [call("weather", { city: "서울" })] }),
        toolAnswer("맑음, 21.5"), assistant("맑습니다."), user("내일은?"),
    ],
    twoCalls: [user("q"), assistant("보겠습니다", { tool_calls: [call("weather", { city: "a" }), call("time", {})] }), toolAnswer("x"), toolAnswer("y")],
    textArguments: [user("q"), assistant("", { tool_calls: [call("f", '{"a": 1}')] })],
    wrongId: [user("q"), assistant("", { tool_calls: [call("f", {}, "1")] })],
    parts: [user([{ type: "image" }, { type: "text", text: " 이 그림은? " }]), assistant("고양이")],
    notAlternating: [user("a"), user("b")],
    oddRole: [user("a"), { role: "narrator", content: "b" }],
    number: [user("a"), assistant(5)],
};

const weather = {
    type: "function",
    function: {
        name: "weather",
        description: "도시의 날씨를 알려 준다 (\"now\" & later)",
        parameters: {
            type: "object",
            properties: {
                city: { type: "string", description: "도시" },
                days: { type: "integer", default: 3 },
                unit: { type: "string", enum: ["C", "F"], default: "C" },
                tags: { type: "array", items: { type: "string" } },
                boxes: { type: "array", items: { type: "object", properties: { w: { type: "number" } }, required: ["w"] } },
                either: { oneOf: [{ type: "string" }, { type: "boolean" }] },
            },
            required: ["city"],
        },
    },
};
const time = { type: "function", function: { name: "time", description: "지금 시각", parameters: { type: "object", properties: {} } } };

const settings = {
    plain: {},
    prompt: { add_generation_prompt: true },
    tools: { tools: [weather, time], add_generation_prompt: true },
    oneToolNoThinking: { tools: [time], add_generation_prompt: true, enable_thinking: false },
    options: {
        add_generation_prompt: true, enable_thinking: true, date_string: "03 Nov 2025", reasoning_effort: "high",
        tools_in_user_message: false, tools: [weather], builtin_tools: ["weather", "code_interpreter"],
    },
};

// What @huggingface/jinja does otherwise than Python's Jinja, whose texts ours were found equal to. A case is matched by
// its conversation ("parts/") or its setting ("/options").
const known = JSON.parse(readFileSync("tests/templates/oracle_differs.json", "utf8"));
const matches = (key, part) => key.startsWith(part) || key.endsWith(part);
const differs = (name, key) =>
    known.some((k) => k.templates.includes(name) && k.cases.some((c) => matches(key, c)) && !k.but?.includes(key));

function cases() {
    const out = [];
    for (const [c, messages] of Object.entries(conversations))
        for (const [s, more] of Object.entries(settings))
            out.push({ key: `${c}/${s}`, vars: { messages, bos_token: "<s>", eos_token: "</s>", ...more } });
    return out;
}

function ours(template, all) {
    const input = all.map(({ vars }) => JSON.stringify({ template, vars, now })).join("\n") + "\n";
    const r = spawnSync(tool, { input, maxBuffer: 1 << 28 });
    assert.equal(r.status, 0, r.stderr?.toString() || String(r.error ?? r.signal));
    return r.stdout.toString().trimEnd().split("\n").map((line) => JSON.parse(line));
}

// The library formats the present moment in the local zone: give it ours, nine hours east of Greenwich.
const RealDate = Date;
class FixedDate extends RealDate {
    constructor(...args) {
        super(...(args.length ? args : [now * 1000]));
    }
}
process.env.TZ = "Asia/Seoul";

function theirs(parsed, vars) {
    globalThis.Date = FixedDate;
    try {
        return { text: parsed.render(structuredClone(vars)) };
    } catch (e) {
        return { error: String(e.message ?? e) };
    } finally {
        globalThis.Date = RealDate;
    }
}

async function compare(name, template) {
    const all = cases();
    await test(`${name}: ${all.length} conversations`, () => {
        const parsed = new Template(template);
        const got = ours(template, all);
        let texts = 0;
        all.forEach(({ key, vars }, i) => {
            const want = theirs(parsed, vars);
            const same = want.error ? got[i].error !== undefined : got[i].text === want.text;
            assert.equal(!same, differs(name, key), `${key}\nwant ${JSON.stringify(want)}\ngot  ${JSON.stringify(got[i])}`);
            if (got[i].text !== undefined) texts++;
        });
        assert.ok(texts >= all.length / 4, `only ${texts} of ${all.length} gave a text`);
    });
}

for (const file of readdirSync("tests/templates").filter((f) => f.endsWith(".jinja")).sort())
    await compare(file, readFileSync(join("tests/templates", file), "utf8"));

for (const model of ["qwen3", "llama3_1", "gemma3"]) {
    const path = join(shared, model, "tokenizer_config.json.zst");
    if (!existsSync(path)) {
        skip(model, `no ${path}`);
        continue;
    }
    const r = spawnSync("zstd", ["-dqc", path], { maxBuffer: 1 << 28 });
    assert.equal(r.status, 0, "zstd is needed");
    await compare(model, JSON.parse(r.stdout).chat_template);
}
done();
