// The server, as this page needs it.
import type { Model, Sampling, Who } from "./types";

export type FailureKind = "key" | "limit" | "busy" | "offline" | "request" | "server";

export class Failure extends Error {
    constructor(
        readonly kind: FailureKind,
        message: string,
        readonly retryMs = 0,
        readonly code = "", // the server's word for it
        readonly param = "", // the field or variable that it is about
    ) {
        super(message);
    }
}

const kindOf = (status: number): FailureKind =>
    status === 401 || status === 403 ? "key" : status === 429 ? "limit" : status === 503 ? "busy" : status >= 500 ? "server" : "request";

async function failureOf(r: Response): Promise<Failure> {
    let message = `HTTP ${r.status}`;
    let code = "";
    let param = "";
    try {
        const { error } = await r.json();
        message = error.message;
        code = error.code ?? "";
        param = error.param ?? "";
    } catch {
        // no words
    }
    return new Failure(kindOf(r.status), message, Number(r.headers.get("retry-after-ms") ?? 0), code, param);
}

/** Asks the server; throws a Failure with its words, or the AbortError of init.signal. */
export async function ask(path: string, key: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (key) headers.set("authorization", `Bearer ${key}`);
    let r: Response;
    try {
        r = await fetch(path, { ...init, headers, credentials: "omit", cache: "no-store" });
    } catch (e) {
        if ((e as Error).name === "AbortError") throw e;
        throw new Failure("offline", String(e));
    }
    if (!r.ok) throw await failureOf(r);
    return r;
}

/** A JSON answer of the server. With a body: a POST of it as JSON. */
export async function askJson<T>(path: string, key: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const init: RequestInit = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    return (await ask(path, key, { ...init, ...(signal && { signal }) })).json();
}

export async function models(key: string): Promise<Model[]> {
    const { data } = await (await ask("/v1/models", key)).json();
    return data.map((m: { id: string; root?: string; sillok?: { sha256?: string }; max_model_len?: number }) => ({
        id: m.id,
        root: m.root,
        sha256: m.sillok?.sha256,
        context: m.max_model_len,
    }));
}

export const whoami = (key: string): Promise<Who> => askJson<Who>("/whoami", key);

export const recordKey = async (): Promise<string> => (await (await ask("/record/key", "")).text()).trim();

export interface Turn {
    role: "system" | "user" | "assistant";
    content: string;
}

/** A piece of an answer; the last one has usage and record. */
export interface Piece {
    id?: string;
    text?: string;
    thought?: string;
    finish?: string;
    tokensIn?: number;
    tokensOut?: number;
    entry?: number;
    receipt?: string;
}

function pieceOf(data: string): Piece {
    const d = JSON.parse(data);
    if (d.error) throw new Failure("server", d.error.message ?? "error");
    const choice = d.choices?.[0];
    return {
        id: d.id,
        text: choice?.delta?.content,
        thought: choice?.delta?.reasoning_content,
        finish: choice?.finish_reason ?? undefined,
        tokensIn: d.usage?.prompt_tokens,
        tokensOut: d.usage?.completion_tokens,
        entry: d.sillok?.entry,
        receipt: d.sillok?.receipt ?? undefined,
    };
}

/** A seed may be larger than JavaScript's whole numbers: its digits go into the JSON as they are. */
function body(model: string, turns: Turn[], s: Sampling): string {
    const fields: Record<string, unknown> = {
        model,
        messages: turns,
        temperature: s.temperature,
        top_p: s.top_p,
        stream: true,
        stream_options: { include_usage: true },
    };
    if (s.top_k > 0) fields.top_k = s.top_k;
    if (s.max_tokens > 0) fields.max_completion_tokens = s.max_tokens;
    const text = JSON.stringify(fields);
    return /^\d+$/.test(s.seed) ? `${text.slice(0, -1)},"seed":${BigInt(s.seed)}}` : text;
}

/** Reads a stream of events to its end; fails where the connection breaks. take has the data of those that have come since
 *  it was asked, and says for how many milliseconds more of them may gather: tokens come a hundred times a second, and a
 *  browser that does something for each of them is busy. */
export async function listen(r: Response, take: (data: string[]) => number): Promise<void> {
    const reader = r.body!.getReader();
    const decoder = new TextDecoder();
    let come = "";
    let restMs = 0;
    let taken = 0;
    let timer = 0;
    let wrong: unknown;
    const pass = (): void => {
        timer = 0;
        taken = performance.now();
        const events = come.split("\n\n");
        come = events.pop()!;
        try {
            restMs = take(events.map((e) => e.replace(/^data: ?/, "")).filter(Boolean));
        } catch (e) {
            wrong = e;
            void reader.cancel().catch(() => undefined);
        }
    };
    let broken: unknown;
    for (;;) {
        const piece = await reader.read().catch((e: unknown) => void (broken = e));
        if (!piece || piece.done || wrong) break;
        come += decoder.decode(piece.value, { stream: true });
        if (!restMs) pass();
        else timer ||= window.setTimeout(pass, Math.max(0, taken + restMs - performance.now()));
    }
    clearTimeout(timer);
    if (!wrong) pass();
    if (wrong) throw wrong;
    if (broken) throw (broken as Error).name === "AbortError" ? broken : new Failure("offline", String(broken));
}

/** Asks for an answer and takes its pieces as they come; after those of a time, rest says for how many milliseconds more
 *  of them may gather. */
export async function chat(key: string, model: string, turns: Turn[], s: Sampling, signal: AbortSignal, take: (p: Piece) => void, rest: () => number): Promise<void> {
    const r = await ask("/v1/chat/completions", key, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: body(model, turns, s),
        signal,
    });
    let done = false;
    await listen(r, (data) => {
        for (const d of data) {
            done ||= d === "[DONE]";
            if (!done) take(pieceOf(d));
        }
        return rest();
    });
    if (!done) throw new Failure("offline", "the stream ended early");
}
