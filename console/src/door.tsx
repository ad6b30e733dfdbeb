// Before the conversation: connecting, the access key, or why the server cannot be had.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Failure } from "./api";
import { Icon, Mark } from "./icons";
import { useWords } from "./words";

export function KeyForm({ wrong, onKey }: { wrong: boolean; onKey(key: string): void }): VNode {
    const w = useWords();
    const [text, setText] = useState("");
    return (
        <main class="door" id="main">
            <form class="door-card" onSubmit={(e) => (e.preventDefault(), text.trim() && onKey(text.trim()))}>
                <Mark />
                <h1>{w.keyTitle}</h1>
                <p id="key-hint">{w.keyText}</p>
                <label class="hidden" for="key">{w.key}</label>
                <input id="key" type="password" autocomplete="off" spellcheck={false} placeholder="sk-sillok-…" value={text} aria-describedby="key-hint" aria-invalid={wrong} autofocus onInput={(e) => setText(e.currentTarget.value)} />
                {wrong && <p class="wrong" role="alert"><Icon name="alert" />{w.keyWrong}</p>}
                <button type="submit" class="button" disabled={!text.trim()}>{w.keyEnter}</button>
            </form>
        </main>
    );
}

export function Unreachable({ failure, onRetry }: { failure: Failure; onRetry(): void }): VNode {
    const w = useWords();
    return (
        <main class="door" id="main">
            <div class="door-card" role="alert">
                <Icon name="alert" />
                <h1>{w.fail[failure.kind]}</h1>
                {failure.kind !== "offline" && <p lang="en">{failure.message}</p>}
                <button type="button" class="button" onClick={onRetry}>{w.retry}</button>
            </div>
        </main>
    );
}

export function Connecting(): VNode {
    const w = useWords();
    return (
        <main class="door" id="main">
            <p class="connecting" role="status"><span class="dots" aria-hidden="true"><i /><i /><i /></span>{w.connecting}</p>
        </main>
    );
}
