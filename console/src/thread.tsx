// The conversation that is shown: its messages, what went wrong, and the empty state.
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon, Mark } from "./icons";
import { Message } from "./message";
import { ServerWords } from "./page";
import type { Talk, Trouble } from "./talk";
import { branchAt, followers, leafBelow, type Message as Msg } from "./types";
import { useWords } from "./words";

const nearEnd = 80; // pixels from the end within which the page follows a growing answer
const nearTop = 400; // pixels from the top within which earlier messages are shown too
const atOnce = 60; // messages

function Welcome({ onSay, ready }: { onSay(text: string): void; ready: boolean }): VNode {
    const w = useWords();
    return (
        <section class="welcome">
            <Mark />
            <h1>{w.welcome}</h1>
            <p>{w.welcomeText}</p>
            <ul class="ideas">
                {w.ideas.map((idea) => (
                    <li>
                        <button type="button" disabled={!ready} onClick={() => onSay(idea)}>
                            {idea}
                            <Icon name="right" />
                        </button>
                    </li>
                ))}
            </ul>
        </section>
    );
}

function TroubleBox({ trouble, onRetry }: { trouble: Trouble; onRetry(): void }): VNode {
    const w = useWords();
    const [left, setLeft] = useState(0);
    useEffect(() => {
        const count = (): void => setLeft(Math.max(0, Math.ceil((trouble.until - Date.now()) / 1000)));
        count();
        const timer = setInterval(count, 500);
        return () => clearInterval(timer);
    }, [trouble]);
    const { kind, message } = trouble.failure;
    return (
        <div class="trouble" role="alert">
            <Icon name="alert" />
            <div>
                <strong>{w.fail[kind]}</strong>
                {left > 0 && <p>{w.retryIn(left)}</p>}
                <ServerWords text={kind !== "offline" && message} />
            </div>
            <button type="button" class="button quiet" disabled={left > 0} onClick={onRetry}>{w.retry}</button>
        </div>
    );
}

export function Thread({ talk, ready }: { talk: Talk; ready: boolean }): VNode {
    const w = useWords();
    const { conversation: c, busy, trouble } = talk;
    const path = useMemo(() => branchAt(c), [c.id, c.messages.length, c.leaf]);
    const after = useMemo(() => followers(c.messages), [c.id, c.messages.length, c.leaf]);
    // A long conversation is drawn from its end, and further back where it is read.
    const [shown, setShown] = useState({ id: c.id, n: atOnce });
    const first = Math.max(0, path.length - (shown.id === c.id ? shown.n : atOnce));
    const fromEnd = useRef(0); // where it was being read, when earlier messages came above it
    const box = useRef<HTMLDivElement>(null);
    const [atEnd, setAtEnd] = useState(true);
    const follows = useRef(true);
    follows.current = atEnd;
    const toEnd = (): void => box.current?.scrollTo({ top: box.current.scrollHeight });
    const onGrown = (): void => void (follows.current && toEnd());
    const onScroll = (): void => {
        const b = box.current!;
        setAtEnd(b.scrollHeight - b.scrollTop - b.clientHeight < nearEnd);
        if (first === 0 || b.scrollTop > nearTop) return;
        fromEnd.current = b.scrollHeight - b.scrollTop;
        setShown({ id: c.id, n: path.length - first + atOnce });
    };
    useLayoutEffect(() => {
        const b = box.current!;
        if (fromEnd.current) b.scrollTop = b.scrollHeight - fromEnd.current;
        fromEnd.current = 0;
    }, [first]);
    useLayoutEffect(() => {
        setAtEnd(true);
        toEnd();
    }, [c.id, busy]);
    useLayoutEffect(() => {
        if (atEnd) toEnd();
    }, [c.messages, trouble]);
    const messages = path.slice(first).map((i) => c.messages[i]!);
    const last = messages.at(-1);
    const view = (m: Msg): VNode => {
        const beside = (after.get(m.parent) ?? []).map((i) => c.messages[i]!).filter((x) => x.role === m.role);
        const place = beside.indexOf(m);
        return (
            <Message
                key={m.id}
                message={m}
                place={place}
                places={beside.length}
                busy={busy === m.id}
                locked={busy !== null}
                growing={talk.growing}
                onGrown={onGrown}
                onTurn={(step) => talk.change({ leaf: leafBelow(c, beside[place + step]!.id) })}
                onAgain={() => talk.again(m)}
                onEdit={(text) => talk.say(text, m.parent)}
            />
        );
    };
    return (
        <div class="thread" ref={box} onScroll={onScroll} tabIndex={-1}>
            <div class="column" id="main">
                {messages.length > 0 && <h1 class="hidden">{c.title || w.untitled}</h1>}
                {messages.length === 0 ? <Welcome onSay={(t) => talk.say(t)} ready={ready} /> : messages.map(view)}
                {trouble && <TroubleBox trouble={trouble} onRetry={() => last && talk.again(last)} />}
                <p class="hidden" role="status">{busy ? w.waiting : ""}</p>
            </div>
            {!atEnd && (
                <button type="button" class="to-end icon-button" onClick={toEnd} aria-label={w.toBottom} title={w.toBottom}>
                    <Icon name="down" />
                </button>
            )}
        </div>
    );
}
