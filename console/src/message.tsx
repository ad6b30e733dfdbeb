// One message: a question with its edit, or an answer with its record.
import type { VNode } from "preact";
import { memo } from "preact/compat";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { Icon, Mark, type IconName } from "./icons";
import { Input } from "./input";
import { Markdown } from "./markdown";
import { Receipt } from "./receipt";
import type { Growing } from "./talk";
import type { Message as Msg } from "./types";
import { useWords } from "./words";

interface Props {
    message: Msg;
    place: number; // among its siblings, from 0
    places: number;
    busy: boolean; // it is being written
    locked: boolean; // another one is
    growing: Growing;
    onGrown(): void; // more of it is shown
    onTurn(step: number): void;
    onAgain(): void;
    onEdit(text: string): void;
}

function Tool({ icon, label, onClick, disabled }: { icon: IconName; label: string; onClick(): void; disabled?: boolean }): VNode {
    return (
        <button type="button" class="icon-button" aria-label={label} title={label} onClick={onClick} disabled={disabled}>
            <Icon name={icon} />
        </button>
    );
}

function Branches({ place, places, locked, onTurn }: Props): VNode | null {
    const w = useWords();
    if (places < 2) return null;
    return (
        <span class="branches">
            <Tool icon="left" label={w.previous} disabled={locked || place === 0} onClick={() => onTurn(-1)} />
            <span>
                {place + 1} / {places}
            </span>
            <Tool icon="right" label={w.next} disabled={locked || place === places - 1} onClick={() => onTurn(1)} />
        </span>
    );
}

function Copy({ text }: { text: string }): VNode {
    const w = useWords();
    const [done, setDone] = useState(false);
    const copy = async (): Promise<void> => {
        await navigator.clipboard.writeText(text);
        setDone(true);
        setTimeout(() => setDone(false), 1500);
    };
    return <Tool icon="copy" label={done ? w.copied : w.copy} onClick={() => void copy()} />;
}

function Question(props: Props): VNode {
    const w = useWords();
    const { message, locked } = props;
    const [draft, setDraft] = useState<string | null>(null);
    if (draft !== null) {
        const send = (): void => {
            if (!draft.trim()) return;
            setDraft(null);
            props.onEdit(draft);
        };
        return (
            <article class="message question editing" aria-label={w.you}>
                <Input label={w.edit} value={draft} onInput={setDraft} onSend={send} focus />
                <div class="edit-actions">
                    <button type="button" class="button quiet" onClick={() => setDraft(null)}>{w.cancel}</button>
                    <button type="button" class="button" disabled={locked || !draft.trim()} onClick={send}>{w.resend}</button>
                </div>
            </article>
        );
    }
    return (
        <article class="message question" aria-label={w.you}>
            <div class="bubble">{message.text}</div>
            <div class="tools">
                <Branches {...props} />
                <Copy text={message.text} />
                <Tool icon="edit" label={w.edit} disabled={locked} onClick={() => setDraft(message.text)} />
            </div>
        </article>
    );
}

/** What came in less time came at once: no speed can be told from it. */
const shortestS = 0.02;

function Figures({ message }: { message: Msg }): VNode | null {
    const w = useWords();
    const t = message.trace;
    if (!t || t.tokensOut === undefined) return null;
    const seconds = ((t.totalMs ?? 0) - (t.firstMs ?? 0)) / 1000;
    const speed = seconds >= shortestS && t.tokensOut > 1 ? (t.tokensOut - 1) / seconds : 0;
    return (
        <span class="figures">
            <span>{w.tokens(t.tokensOut)}</span>
            {speed > 0 && <span>{w.speed(speed < 10 ? speed.toFixed(1) : Math.round(speed).toLocaleString())}</span>}
            {t.seed && <span title={t.seed}>{w.seedUsed} <span class="seed">{t.seed}</span></span>}
        </span>
    );
}

/** An answer as far as it is written: while it grows it alone is drawn again. */
function useGrown({ growing, message, busy, onGrown }: Props): Msg {
    const [, setTimes] = useState(0);
    useEffect(() => (busy ? growing.listen(() => setTimes((n) => n + 1)) : undefined), [growing, busy]);
    const now = busy && growing.message?.id === message.id ? growing.message : message;
    useLayoutEffect(() => {
        if (busy) onGrown();
    }, [now]);
    return now;
}

function Answer(props: Props): VNode {
    const w = useWords();
    const { busy, locked } = props;
    const message = useGrown(props);
    const finish = message.trace?.finish;
    return (
        <article class="message answer" aria-label={w.answerOf} aria-busy={busy}>
            <Mark />
            <div class="answer-body">
                {message.thought && (
                    <details class="thought" open={busy && !message.text}>
                        <summary>{busy && !message.text ? w.thinking : w.thought}</summary>
                        <p>{message.thought}</p>
                    </details>
                )}
                {message.text ? <Markdown text={message.text} /> : busy && !message.thought && (
                    <p class="waiting"><span class="dots" aria-hidden="true"><i /><i /><i /></span><span class="hidden">{w.waiting}</span></p>
                )}
                {finish === "stopped" && <p class="note">{w.stopped}</p>}
                {finish === "length" && <p class="note">{w.cutShort}</p>}
                {!busy && (
                    <div class="tools">
                        <Branches {...props} />
                        <Copy text={message.text} />
                        <Tool icon="again" label={w.again} disabled={locked} onClick={props.onAgain} />
                        <Figures message={message} />
                    </div>
                )}
                {!busy && <Receipt message={message} />}
            </div>
        </article>
    );
}

const View = (props: Props): VNode => (props.message.role === "user" ? <Question {...props} /> : <Answer {...props} />);

/** Drawn again only when it changed. */
export const Message = memo(
    View,
    (a, b) => a.message === b.message && a.busy === b.busy && a.locked === b.locked && a.place === b.place && a.places === b.places,
);
