// Writes fuzz/corpus/template/good from tests/templates: each template with a conversation, and the language cases in
// bundles.   node tools/template_corpus.mjs
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const from = "tests/templates";
const to = "fuzz/corpus/template/good";
const lines = (file) => readFileSync(join(from, file), "utf8").trimEnd().split("\n").map((l) => JSON.parse(l));
const put = (name, template, vars) => writeFileSync(join(to, name), template + "\0" + JSON.stringify(vars));

mkdirSync(to, { recursive: true });
const [{ conversations }] = lines("families.jsonl");
for (const file of readdirSync(from).filter((f) => f.endsWith(".jinja")))
    put(file.replace(".jinja", ""), readFileSync(join(from, file), "utf8"), conversations["callAndAnswer/tools"]);
const [{ vars }, ...cases] = lines("language.jsonl");
const good = cases.filter((c) => c.text !== undefined).map((c) => c.template);
for (let i = 0; i < good.length; i += 40) put(`language_${i / 40}`, good.slice(i, i + 40).join("\n"), vars);
