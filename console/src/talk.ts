// One conversation and what is done with it: asks, streams, stops, branches; every change is kept.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { chat, Failure, type Piece, type Turn } from "./api";
import * as history from "./history";
import type { Prefs } from "./prefs";
import { branch, newId, type Conversation, type Message, type Role } from "./types";

const showEveryMs = 100; // how often a growing answer is drawn at most

/** The answer that is being written. It grows many times a second, so it stands beside the conversation: nothing else is
 *  drawn with it. */
export class Growing {
    message: Message | null = null;
    private readonly listeners = new Set<() => void>();

    put(m: Message | null): void {
        this.message = m;
        for (const tell of this.listeners) tell();
    }

    listen(tell: () => void): () => void {
        this.listeners.add(tell);
        return () => void this.listeners.delete(tell);
    }
}

export interface Trouble {
    failure: Failure;
    until: number; // when another try makes sense
}

export interface Talk {
    conversation: Conversation;
    busy: string | null; // the answer that is being written
    growing: Growing; // as far as it is
    trouble: Trouble | null;
    say(text: string, parent?: string | null): void;
    again(answer: Message): void;
    stop(): void;
    change(next: Partial<Conversation>): void;
    open(c: Conversation): void;
}

export const emptyConversation = (system: string): Conversation => ({
    id: newId(), title: "", updated: Date.now(), leaf: null, system, messages: [],
});

const messageOf = (role: Role, text: string, parent: string | null): Message => ({ id: newId(), parent, role, text, time: Date.now() });

function turnsOf(c: Conversation): Turn[] {
    const said = branch(c).filter((m) => m.text).map((m): Turn => ({ role: m.role, content: m.text }));
    return c.system.trim() ? [{ role: "system", content: c.system.trim() }, ...said] : said;
}

/** Adds a piece of the stream to the answer. */
function take(m: Message, p: Piece, began: number): void {
    const t = m.trace!;
    if (p.id) t.request = p.id;
    if (p.text || p.thought) t.firstMs ??= performance.now() - began;
    if (p.text) m.text += p.text;
    if (p.thought) m.thought = (m.thought ?? "") + p.thought;
    if (p.finish) t.finish = p.finish;
    t.tokensIn = p.tokensIn ?? t.tokensIn;
    t.tokensOut = p.tokensOut ?? t.tokensOut;
    t.entry = p.entry ?? t.entry;
    t.receipt = p.receipt ?? t.receipt;
    if (p.receipt) t.seed = seedIn(p.receipt) ?? t.seed;
}

/** The seed that the server recorded, whoever drew it. */
function seedIn(receipt: string): string | undefined {
    try {
        return /"seed":"(\d+)"/.exec(atob(/^extra (\S+)$/m.exec(receipt)![1]!))?.[1];
    } catch {
        return undefined;
    }
}

interface Options {
    key: string;
    model: string;
    prefs: Prefs;
    onKept(): void;
}

export function useTalk(options: Options): Talk {
    const [conversation, setConversation] = useState(() => emptyConversation(options.prefs.system));
    const [busy, setBusy] = useState<string | null>(null);
    const [trouble, setTrouble] = useState<Trouble | null>(null);
    const now = useRef(conversation); // the newest, for what runs beside the drawing
    const running = useRef<AbortController | null>(null);
    const [growing] = useState(() => new Growing());
    const latest = useRef(options);
    latest.current = options;

    const show = useCallback((c: Conversation) => {
        now.current = c;
        setConversation(c);
    }, []);

    const keep = useCallback(async (c: Conversation) => {
        await history.save(c).catch(() => undefined);
        latest.current.onKept();
    }, []);

    const answer = useCallback(async (asked: Conversation, parent: string) => {
        const { key, model, prefs } = latest.current;
        const control = new AbortController();
        const turns = turnsOf({ ...asked, leaf: parent });
        const m = messageOf("assistant", "", parent);
        m.trace = { model };
        const c: Conversation = { ...asked, leaf: m.id, messages: [...asked.messages, m], updated: Date.now() };
        running.current = control;
        show(c);
        setBusy(m.id);
        setTrouble(null);
        const copy = (): Message => ({ ...m, trace: { ...m.trace! } });
        const put = (last: Message): void => show({ ...now.current, messages: now.current.messages.map((x) => (x.id === m.id ? last : x)) });
        const began = performance.now();
        try {
            await chat(key, model, turns, prefs.sampling, control.signal, (piece) => take(m, piece, began), () => {
                growing.put(copy());
                return m.trace!.firstMs === undefined ? 0 : showEveryMs;
            });
        } catch (e) {
            if (control.signal.aborted) m.trace.finish = "stopped";
            else {
                const failure = e instanceof Failure ? e : new Failure("server", String(e));
                m.failure = failure.kind;
                if (now.current.id === c.id) setTrouble({ failure, until: Date.now() + failure.retryMs });
            }
        }
        m.trace.totalMs = performance.now() - began;
        if (running.current === control) {
            running.current = null;
            growing.put(null);
            setBusy(null);
        }
        // An answer of which nothing came is not kept.
        const nothing = m.failure && !m.text && !m.thought;
        if (now.current.id !== c.id) {
            // Another conversation is shown: the begun answer is kept in its own, unless that was deleted.
            if (!nothing && (await history.load(c.id).catch(() => undefined))) await keep({ ...c, messages: c.messages.map((x) => (x.id === m.id ? m : x)) });
            return;
        }
        if (nothing) show({ ...now.current, leaf: parent, messages: now.current.messages.filter((x) => x.id !== m.id) });
        else put(copy());
        await keep(now.current);
    }, []);

    const say = useCallback((text: string, parent?: string | null) => {
        const c = now.current;
        if (running.current || !text.trim()) return;
        const m = messageOf("user", text.trim(), parent === undefined ? c.leaf : parent);
        const title = c.title || m.text.replace(/\s+/g, " ").slice(0, 60);
        const next = { ...c, title, leaf: m.id, messages: [...c.messages, m], updated: Date.now() };
        show(next);
        void keep(next);
        void answer(next, m.id);
    }, []);

    const again = useCallback((a: Message) => {
        if (!running.current && a.parent) void answer(now.current, a.role === "user" ? a.id : a.parent);
        else if (!running.current && a.role === "user") void answer(now.current, a.id);
    }, []);

    const stop = useCallback(() => running.current?.abort(), []);

    const change = useCallback((next: Partial<Conversation>) => {
        const c = { ...now.current, ...next };
        show(c);
        if (c.messages.length && !running.current) void keep(c);
    }, []);

    const open = useCallback((c: Conversation) => {
        running.current?.abort();
        setTrouble(null);
        show(c);
    }, []);

    useEffect(() => () => running.current?.abort(), []);
    return { conversation, busy, growing, trouble, say, again, stop, change, open };
}
