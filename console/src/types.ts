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

/** From the first message to the one shown last: their places among c.messages. */
export function branchAt(c: Conversation): number[] {
    const at = new Map(c.messages.map((m, i) => [m.id, i]));
    const out: number[] = [];
    for (let i = c.leaf ? at.get(c.leaf) : undefined; i !== undefined && out.length <= c.messages.length; ) {
        out.push(i);
        const { parent } = c.messages[i]!;
        i = parent ? at.get(parent) : undefined;
    }
    return out.reverse();
}

export const branch = (c: Conversation): Message[] => branchAt(c).map((i) => c.messages[i]!);

/** What follows each message (null: what begins), by places, in the order of time: one pass, however long it is. */
export function followers(messages: Message[]): Map<string | null, number[]> {
    const out = new Map<string | null, number[]>();
    messages.forEach((m, i) => {
        const list = out.get(m.parent);
        if (list) list.push(i);
        else out.set(m.parent, [i]);
    });
    return out;
}

/** The newest end behind a message. */
export function leafBelow(c: Conversation, id: string): string {
    const after = followers(c.messages);
    for (let n = 0; n < c.messages.length; n++) {
        const next = after.get(id)?.at(-1);
        if (next === undefined) break;
        id = c.messages[next]!.id;
    }
    return id;
}
