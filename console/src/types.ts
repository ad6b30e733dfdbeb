// What is kept in the browser.
export type Role = "user" | "assistant";

/** How an answer was made, and where it is on record. */
export interface Trace {
    model: string;
    seed?: string;
    entry?: number;
    receipt?: string;
    request?: string;
    tokensIn?: number;
    tokensOut?: number;
    firstMs?: number;
    totalMs?: number;
    finish?: string;
}

/** A message knows what it follows, so that an edit or another answer is a branch beside the old one. */
export interface Message {
    id: string;
    parent: string | null;
    role: Role;
    text: string;
    thought?: string;
    time: number;
    trace?: Trace;
    failure?: string; // why the answer broke off, for people
}

export interface Conversation {
    id: string;
    title: string;
    updated: number;
    leaf: string | null; // the end of the branch that is shown
    system: string;
    messages: Message[];
}

export interface Heading {
    id: string;
    title: string;
    updated: number;
}

export interface Sampling {
    temperature: number;
    top_p: number;
    top_k: number;
    max_tokens: number; // 0: what the context leaves
    seed: string; // "": the server draws one
}

export interface Model {
    id: string;
    root?: string;
    sha256?: string;
    context?: number;
}

/** Whose key this is, and what it may. */
export interface Who {
    tenant: string;
    key: string;
    key_id: number;
    admin: boolean;
    models: string[];
    limits: Record<"requests_per_minute" | "tokens_per_minute" | "tokens_per_day" | "concurrent", number | null>;
    tokens_today: number;
}

/** Unique, and in the order of time. */
export const newId = (): string =>
    Date.now().toString(36) + Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");

/** From the first message to the one shown last. */
export function branch(c: Conversation): Message[] {
    const byId = new Map(c.messages.map((m) => [m.id, m]));
    const out: Message[] = [];
    for (let m = c.leaf ? byId.get(c.leaf) : undefined; m && out.length <= c.messages.length; m = m.parent ? byId.get(m.parent) : undefined)
        out.push(m);
    return out.reverse();
}

/** The newest end behind a message. */
export function leafBelow(c: Conversation, id: string): string {
    for (let n = 0; n < c.messages.length; n++) {
        const next = c.messages.filter((m) => m.parent === id).at(-1);
        if (!next) break;
        id = next.id;
    }
    return id;
}

export const siblings = (c: Conversation, m: Message): Message[] =>
    c.messages.filter((x) => x.parent === m.parent && x.role === m.role);
