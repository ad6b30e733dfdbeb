// The record, as the server shows it (docs/record.md, "Over HTTP").
import { ask, askJson, Failure, listen } from "./api";
import type { Entry } from "./verify";

export interface Head {
    size: number;
    root: string; // base64, as the checkpoint has it
    origin: string;
    key: string;
    time_ms: number | null; // of the newest entry
    checkpoint: string;
    counted: number; // entries that are in the counts so far
    tenants: { tenant: string; entries: number }[];
}

export interface Row {
    entry: number;
    time_ms: number;
    tenant: string;
    request: string;
    choice: number;
    model: string;
    model_name: string | null;
    tokens_in: number;
    tokens_out: number;
    finish: string;
    keep: "none" | "ids" | "text";
}

export interface List {
    size: number;
    data: Row[];
    looked: number;
    next: number | null;
}

export type Kept = "kept" | "none" | "erased" | "missing" | "damaged";

export interface Detail {
    entry: number;
    size: number;
    line: string;
    fields: Entry;
    leaf: string;
    model_name: string | null;
    transcript: { state: Kept; fits: boolean | null; readable: boolean };
    replay: { possible: boolean; why: string | null };
}

export interface Transcript {
    salt: string;
    in: number[];
    out: number[];
    prompt: string | null; // null: the model is not here to say
    answer: string | null;
}

export interface Replayed {
    object: "record.replay";
    equal: boolean;
    reason: "transcript_altered" | "other_tokens" | null;
    altered: ("prompt" | "answer" | "logit_bias")[];
    computed: boolean;
    on_record: boolean;
    tokens: number;
    same: number;
    prompt_tokens: number;
    first_difference: { at: number; kept: number; computed: number } | null;
    model: string;
    profile: string;
    cpu: string;
    seconds: number;
}

export interface Progress {
    object: "record.replay.progress";
    done: number;
    tokens: number;
}

export interface Filter {
    request: string;
    model: string;
    tenant: string;
    from: string; // a day, YYYY-MM-DD, of this place
    to: string;
}

/** Asks again, a few times, where the server says that it will have time in a moment. */
async function patiently<T>(f: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
        try {
            return await f();
        } catch (e) {
            const soon = e instanceof Failure && e.kind === "busy" && e.retryMs > 0 && e.retryMs <= 1000;
            if (!soon || tries === 5) throw e;
            await new Promise((done) => setTimeout(done, (e as Failure).retryMs * (1 + tries)));
        }
    }
}

const json = <T>(path: string, key: string, signal?: AbortSignal): Promise<T> => patiently(() => askJson<T>(path, key, undefined, signal));
const of = (n: number, view = ""): string => `/record/entries/${n}${view && `/${view}`}`;

export const head = (key: string, signal: AbortSignal): Promise<Head> => json("/record", key, signal);
export const detail = (key: string, n: number, signal: AbortSignal): Promise<Detail> => json(of(n), key, signal);
export const transcript = (key: string, n: number, signal?: AbortSignal): Promise<Transcript> => json(of(n, "transcript"), key, signal);
export const receipt = (key: string, n: number): Promise<string> => patiently(async () => (await ask(of(n, "receipt"), key)).text());

const dayStart = (day: string, more = 0): number => {
    const [y, m, d] = day.split("-").map(Number);
    return new Date(y!, m! - 1, d! + more).getTime();
};

export function list(key: string, f: Filter, before: number | null, limit: number, signal: AbortSignal): Promise<List> {
    const q = new URLSearchParams({ limit: String(limit) });
    if (before !== null) q.set("before", String(before));
    if (f.request) q.set("request", f.request);
    if (f.model) q.set("model", f.model);
    if (f.tenant) q.set("tenant", f.tenant);
    if (f.from) q.set("from", String(Math.max(0, dayStart(f.from))));
    if (f.to) q.set("to", String(Math.max(0, dayStart(f.to, 1) - 1)));
    return json(`/record/entries?${q}`, key, signal);
}

/** The answer computed again: take has how far it is, then what came of it. Leaving ends it on the server too. */
export async function replay(key: string, n: number, signal: AbortSignal, take: (news: Progress | Replayed) => void): Promise<void> {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"stream":true}', signal };
    const r = await patiently(() => ask(of(n, "replay"), key, init));
    let done = false;
    await listen(r, (data) => {
        for (const text of data) {
            const d = JSON.parse(text);
            if (d.error) throw new Failure("busy", d.error.message ?? "error", 0, d.error.code ?? "");
            take(d);
            done ||= d.object === "record.replay";
        }
        return 0;
    });
    if (!done) throw new Failure("offline", "the stream ended early");
}
