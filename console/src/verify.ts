// Checks a receipt in the browser: that the entry is a leaf of the tree whose root the record's key signed.
// The form is docs/record.md: a tlog-proof with the entry in its extra line, and a signed checkpoint behind it.

export interface Entry {
    request: string;
    tenant: string;
    choice: number;
    model: string;
    tokenizer?: string;
    in: { n: number; sha256: string };
    out: { n: number; sha256: string };
    sampling: {
        seed: string;
        temperature: number;
        top_p: number;
        top_k: number;
        min_p: number;
        repeat_penalty: number;
        frequency_penalty: number;
        presence_penalty: number;
        bias?: { n: number; sha256: string };
    };
    time_ms: number;
    finish: string;
    software: string;
    profile: string;
    energy_mj?: number;
    keep: "none" | "ids" | "text";
}

export type Verdict =
    | { state: "good"; index: number; size: number; origin: string; entry: Entry; line: string }
    | { state: "broken"; why: "form" | "path" | "signature" | "answer" | "key" }
    | { state: "unsupported"; why: "context" | "ed25519" };

class Broken extends Error {
    constructor(readonly why: "form" | "path" | "signature" | "answer" | "key") {
        super(why);
    }
}

type Bytes = Uint8Array<ArrayBuffer>;

const utf8 = new TextEncoder();

function base64(text: string): Bytes {
    try {
        const raw = atob(text);
        if (btoa(raw) !== text) throw new Broken("form");
        return Uint8Array.from(raw, (c) => c.charCodeAt(0));
    } catch {
        throw new Broken("form");
    }
}

function joined(...parts: Uint8Array[]): Bytes {
    const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of parts) {
        out.set(p, at);
        at += p.length;
    }
    return out;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);
const sha256 = async (...parts: Uint8Array[]): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));

function number(text: string | undefined): number {
    if (!text || !/^(0|[1-9]\d{0,15})$/.test(text) || !Number.isSafeInteger(Number(text))) throw new Broken("form");
    return Number(text);
}

interface Receipt {
    entry: Bytes;
    index: number;
    path: Bytes[];
    note: string;
}

function read(text: string): Receipt {
    const gap = text.indexOf("\n\n");
    const [first, extra, index, ...path] = text.slice(0, gap).split("\n");
    if (gap < 0 || first !== "c2sp.org/tlog-proof@v1" || !extra?.startsWith("extra ") || !index?.startsWith("index "))
        throw new Broken("form");
    if (path.length > 64) throw new Broken("form");
    const bytes = base64(extra.slice(6));
    const end = bytes.indexOf(10); // behind it, the salt
    return {
        entry: end < 0 ? bytes : bytes.slice(0, end),
        index: number(index.slice(6)),
        path: path.map(base64),
        note: text.slice(gap + 2),
    };
}

/** RFC 6962, 2.1.1: from the leaf up, with the neighbours given. */
async function rootOf(r: Receipt, size: number): Promise<Bytes> {
    if (r.index >= size) throw new Broken("path");
    let hash = await sha256(Uint8Array.of(0), r.entry);
    let at = r.index;
    let last = size - 1;
    for (const sibling of r.path) {
        if (last === 0) throw new Broken("path");
        if (at % 2 === 1 || at === last) {
            hash = await sha256(Uint8Array.of(1), sibling, hash);
            while (at % 2 === 0 && at > 0) {
                at = Math.floor(at / 2);
                last = Math.floor(last / 2);
            }
        } else hash = await sha256(Uint8Array.of(1), hash, sibling);
        at = Math.floor(at / 2);
        last = Math.floor(last / 2);
    }
    if (last !== 0) throw new Broken("path");
    return hash;
}

/** A verifier key is name+id+base64(1, public key); the id is the beginning of a hash of the rest. */
async function readKey(vkey: string): Promise<{ name: string; id: Bytes; raw: Bytes }> {
    const m = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey);
    if (!m) throw new Broken("key");
    const typed = base64(m[3]!);
    const id = (await sha256(utf8.encode(m[1] + "\n"), typed)).slice(0, 4);
    const hex = Array.from(id, (b) => b.toString(16).padStart(2, "0")).join("");
    if (typed.length !== 33 || typed[0] !== 1 || hex !== m[2]) throw new Broken("key");
    return { name: m[1]!, id, raw: typed.slice(1) };
}

async function signedBy(raw: Bytes, signature: Bytes, text: string): Promise<boolean | null> {
    let key;
    try {
        key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
    } catch {
        return null; // this browser has no Ed25519
    }
    return crypto.subtle.verify("Ed25519", key, signature, utf8.encode(text));
}

/** The signed tree head: origin, size, root; then a blank line and signatures. */
async function openNote(note: string, vkey: string): Promise<{ origin: string; size: number; root: Bytes } | null> {
    const key = await readKey(vkey);
    const gap = note.indexOf("\n\n");
    if (gap < 0) throw new Broken("form");
    const text = note.slice(0, gap + 1);
    const [origin, size, root] = text.split("\n");
    if (origin !== key.name) throw new Broken("key");
    for (const line of note.slice(gap + 2).split("\n")) {
        if (!line.startsWith(`\u2014 ${key.name} `)) continue;
        const typed = base64(line.slice(key.name.length + 3));
        if (!same(typed.slice(0, 4), key.id)) continue;
        const good = await signedBy(key.raw, typed.slice(4), text);
        if (good === null) return null;
        if (!good) break;
        return { origin, size: number(size), root: base64(root ?? "") };
    }
    throw new Broken("signature");
}

/** What the page knows of the answer that the receipt is for. */
export interface Shown {
    entry?: number;
    request?: string;
    tokensOut?: number;
    line?: string; // the entry's bytes
}

function belongs(e: Entry, line: string, r: Receipt, shown: Shown): boolean {
    const id = shown.request?.split("-").at(-1);
    if (shown.entry !== undefined && shown.entry !== r.index) return false;
    if (id && !e.request.endsWith(id)) return false;
    if (shown.line !== undefined && shown.line !== line) return false;
    return shown.tokensOut === undefined || shown.tokensOut === e.out.n;
}

export async function verify(receipt: string, vkey: string, shown: Shown): Promise<Verdict> {
    if (!globalThis.crypto?.subtle) return { state: "unsupported", why: "context" };
    try {
        const r = read(receipt);
        const head = await openNote(r.note, vkey);
        if (!head) return { state: "unsupported", why: "ed25519" };
        if (!same(await rootOf(r, head.size), head.root)) throw new Broken("path");
        const line = new TextDecoder("utf-8", { fatal: true }).decode(r.entry);
        const entry: Entry = JSON.parse(line);
        if (!belongs(entry, line, r, shown)) throw new Broken("answer");
        return { state: "good", index: r.index, size: head.size, origin: head.origin, entry, line };
    } catch (e) {
        return { state: "broken", why: e instanceof Broken ? e.why : "form" };
    }
}

/** Whether the record's key signed a checkpoint; null: this browser cannot say. */
export async function checkNote(note: string, vkey: string): Promise<boolean | null> {
    if (!globalThis.crypto?.subtle) return null;
    try {
        return (await openNote(note, vkey)) && true;
    } catch {
        return false;
    }
}

const hex = (b: Uint8Array): string => Array.from(b, (v) => v.toString(16).padStart(2, "0")).join("");

/** The salted digest of token ids that an entry has, in hexadecimal. null: this browser cannot compute it. */
export async function idsDigest(salt: string, part: "in" | "out", ids: number[]): Promise<string | null> {
    if (!globalThis.crypto?.subtle) return null;
    const bytes = new DataView(new ArrayBuffer(ids.length * 4));
    ids.forEach((id, i) => bytes.setUint32(i * 4, id, true));
    const raw = Uint8Array.from(salt.match(/../g) ?? [], (x) => parseInt(x, 16));
    return hex(await sha256(raw, utf8.encode(`${part}\n`), new Uint8Array(bytes.buffer)));
}
