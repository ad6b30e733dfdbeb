// Conversations, kept in this browser (IndexedDB). Where it is refused they live as long as the page.
import type { Conversation, Heading } from "./types";

const request = <T>(r: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
        r.onsuccess = () => resolve(r.result);
        r.onerror = () => reject(r.error);
    });

let opened: Promise<IDBDatabase | null> | undefined;
const memory = new Map<string, Conversation>();

function open(): Promise<IDBDatabase | null> {
    opened ??= (async () => {
        try {
            const r = indexedDB.open("sillok", 1);
            r.onupgradeneeded = () => {
                r.result.createObjectStore("conversations", { keyPath: "id" });
                r.result.createObjectStore("headings", { keyPath: "id" }).createIndex("updated", "updated");
            };
            return await request(r);
        } catch {
            return null;
        }
    })();
    return opened;
}

async function stores(mode: IDBTransactionMode): Promise<{ all: IDBObjectStore; heads: IDBObjectStore; done: Promise<void> } | null> {
    const db = await open();
    if (!db) return null;
    const t = db.transaction(["conversations", "headings"], mode);
    const done = new Promise<void>((resolve, reject) => {
        t.oncomplete = () => resolve();
        t.onabort = () => reject(t.error);
    });
    return { all: t.objectStore("conversations"), heads: t.objectStore("headings"), done };
}

const newestFirst = (a: Heading, b: Heading): number => b.updated - a.updated;
const heading = ({ id, title, updated }: Conversation): Heading => ({ id, title, updated });

export async function headings(): Promise<Heading[]> {
    const s = await stores("readonly");
    const list = s ? ((await request(s.heads.getAll())) as Heading[]) : [...memory.values()].map(heading);
    return list.sort(newestFirst);
}

export async function load(id: string): Promise<Conversation | undefined> {
    const s = await stores("readonly");
    return s ? request(s.all.get(id)) : memory.get(id);
}

export async function save(c: Conversation): Promise<void> {
    const s = await stores("readwrite");
    if (!s) {
        memory.set(c.id, c);
        return;
    }
    s.all.put(c);
    s.heads.put(heading(c));
    await s.done;
}

export async function remove(id: string): Promise<void> {
    memory.delete(id);
    const s = await stores("readwrite");
    if (!s) return;
    s.all.delete(id);
    s.heads.delete(id);
    await s.done;
}

export async function everything(): Promise<Conversation[]> {
    const s = await stores("readonly");
    return s ? request(s.all.getAll()) : [...memory.values()];
}

/** Those whose title or any message has the words. */
export async function search(words: string): Promise<Heading[]> {
    const want = words.normalize("NFC").toLowerCase();
    const has = (text: string): boolean => text.normalize("NFC").toLowerCase().includes(want);
    const found = (await everything()).filter((c) => has(c.title) || c.messages.some((m) => has(m.text)));
    return found.map(heading).sort(newestFirst);
}

const isText = (x: unknown): x is string => typeof x === "string";

function isConversation(x: unknown): x is Conversation {
    const c = x as Conversation;
    return (
        !!c && isText(c.id) && isText(c.title) && Number.isFinite(c.updated) && isText(c.system) && Array.isArray(c.messages) &&
        c.messages.every((m) => isText(m?.id) && isText(m.text) && (m.role === "user" || m.role === "assistant") && (m.parent === null || isText(m.parent)))
    );
}

export async function exportAll(): Promise<string> {
    return JSON.stringify({ format: "sillok-conversations", version: 1, conversations: await everything() }, null, 1);
}

/** How many came; throws for a file that is none. One that is here already is kept when it is newer. */
export async function importAll(text: string): Promise<number> {
    const file = JSON.parse(text);
    if (file?.format !== "sillok-conversations" || file.version !== 1 || !Array.isArray(file.conversations)) throw new Error("format");
    if (!file.conversations.every(isConversation)) throw new Error("format");
    let n = 0;
    for (const c of file.conversations as Conversation[]) {
        const old = await load(c.id);
        if (old && old.updated >= c.updated) continue;
        await save(c);
        n++;
    }
    return n;
}
