// A server to test real clients against: `sillok serve` with a small random model that has a chat template, on a free
// port, with keys, its state in a folder of its own.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { owned, temporaryFolder } from "./lib_end.mjs";
import { done, note, skip } from "./tap.mjs";

export const sillok = process.env.SILLOK ?? "build/sillok";
const tool = process.env.TOOL_MAKE_MODEL ?? "build/tests/tool_make_model";

// Imports the packages of a test, or ends the program with the tests skipped.
export async function packages(...names) {
    try {
        return await Promise.all(names.map((name) => import(name)));
    } catch (e) {
        skip(`clients: ${names.join(", ")}`, `cannot be loaded by Node ${process.version}: ${e.message}`);
        done();
    }
}

function run(program, args) {
    const r = spawnSync(program, args, { encoding: "utf8" });
    assert.equal(r.status, 0, `${program} ${args.join(" ")}: ${r.stderr}`);
    return r.stdout;
}

// A model of 512 tokens: the bytes, aa, ab, ..., and ChatML's marks.
export function makeModel(folder) {
    const path = join(folder, "tiny.gguf");
    run(tool, [path, "--tokenizer", "bpe", "--chat", "--ctx", "512"]);
    return path;
}

export class Server {
    // model: more lines of the model's settings; others: settings of further models of the same file; more: further
    // settings. All as JSON, which is YAML too.
    static async start({ model = {}, others = [], more = {} } = {}) {
        const s = new Server();
        s.folder = temporaryFolder("serve");
        s.config = join(s.folder, "serve.yaml");
        s.state = join(s.folder, "state");
        const settings = {
            listen: [{ address: "127.0.0.1", port: 0 }],
            models: [{ name: "tiny", aliases: ["gpt-4o-mini"], path: makeModel(s.folder), context: 512, ...model }, ...others.map((o) => ({ path: join(s.folder, "tiny.gguf"), context: 512, ...o }))],
            state: s.state,
            threads: 1,
            ...more,
        };
        writeFileSync(s.config, JSON.stringify(settings, null, 1));
        if (settings.keys !== false) s.key = s.addKey("tests");
        await s.#spawn();
        return s;
    }

    // A key of a tenant; options as of `sillok key add`.
    addKey(tenant, ...options) {
        return run(sillok, ["key", "add", "--state", this.state, tenant, ...options]).match(/sk-[\w-]+/)[0];
    }

    // Waits until the running server knows a key.
    async known(key) {
        await until(async () => (await this.ask("/whoami", undefined, { authorization: `Bearer ${key}` })).status === 200, "a new key");
    }

    // What a command of the program prints.
    sillok(...args) {
        return run(sillok, args);
    }

    #spawn() {
        this.child = owned(spawn(sillok, ["serve", "--config", this.config], { stdio: ["ignore", "pipe", "pipe"] }));
        this.log = "";
        this.child.stderr.setEncoding("utf8").on("data", (d) => (this.log += d));
        return new Promise((resolve, reject) => {
            let out = "";
            this.child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${this.log}`)));
            this.child.stdout.setEncoding("utf8").on("data", (d) => {
                out += d;
                const m = out.match(/listening on (http:\S+)\n/);
                if (!m) return;
                this.origin = m[1];
                this.baseURL = m[1] + "/v1";
                resolve();
            });
        });
    }

    // A plain request; body: an object (JSON) or text as it is. Returns status, headers, and the body read as JSON.
    async ask(path, body, headers = {}) {
        const post = body !== undefined;
        const r = await fetch(this.origin + path, {
            method: post ? "POST" : "GET",
            headers: { authorization: `Bearer ${this.key}`, ...(post && { "content-type": "application/json" }), ...headers },
            body: post && typeof body !== "string" ? JSON.stringify(body) : body,
        });
        const text = await r.text();
        let json;
        try {
            json = JSON.parse(text);
        } catch {
            json = undefined;
        }
        return { status: r.status, headers: r.headers, text, json };
    }

    // The number behind a metric's name (all its labels added up).
    async metric(name) {
        if (this.key && !this.operator) {
            this.operator = this.addKey("operator", "--admin");
            await this.known(this.operator);
        }
        const { text } = await this.ask("/metrics", undefined, this.operator && { authorization: `Bearer ${this.operator}` });
        const lines = text.split("\n").filter((l) => l.startsWith(name + "{") || l.startsWith(name + " "));
        assert.ok(lines.length > 0, `no metric ${name}`);
        return lines.reduce((sum, l) => sum + Number(l.slice(l.lastIndexOf(" "))), 0);
    }

    // Asks it to end; returns its exit status, or the signal that ended it.
    async #end() {
        this.child.removeAllListeners("exit");
        const exit = new Promise((resolve) => this.child.on("exit", (code, signal) => resolve(signal ?? code)));
        this.child.kill("SIGTERM");
        const code = await exit;
        if (code !== 0) note(this.log);
        return code;
    }

    // Ends it, lets something be done to its files, and starts it again at the same address.
    async restart(between = () => {}) {
        assert.equal(await this.#end(), 0);
        await between();
        const settings = JSON.parse(readFileSync(this.config, "utf8"));
        settings.listen[0].port = Number(new URL(this.origin).port);
        writeFileSync(this.config, JSON.stringify(settings, null, 1));
        await this.#spawn();
    }

    // Ends it and removes its folder.
    async stop() {
        const code = await this.#end();
        rmSync(this.folder, { recursive: true, force: true });
        return code;
    }
}

// What a promise is rejected with.
export async function failure(promise) {
    try {
        await promise;
    } catch (e) {
        return e;
    }
    throw new Error("it did not fail");
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// How long something that will come is waited for: longer than a loaded machine needs.
export const patience = 60_000;

// Waits until f() holds.
export async function until(f, what) {
    const end = Date.now() + patience;
    while (!(await f())) {
        if (Date.now() > end) throw new Error(`${what}: not within ${patience} ms`);
        await sleep(20);
    }
}
