// Where a question is written.
import type { RefObject, VNode } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./icons";
import { Input } from "./input";
import { useWords } from "./words";

interface Props {
    draft: RefObject<string>; // what is written and not sent yet, also while another page is shown
    busy: boolean;
    ready: boolean;
    onSend(text: string): void;
    onStop(): void;
}

export function Composer({ draft, busy, ready, onSend, onStop }: Props): VNode {
    const w = useWords();
    const [text, setText] = useState(draft.current ?? "");
    draft.current = text;
    const send = (): void => {
        if (busy || !ready || !text.trim()) return;
        onSend(text);
        setText("");
    };
    return (
        <form class={busy ? "composer busy" : "composer"} onSubmit={(e) => (e.preventDefault(), send())}>
            <div class="composer-box">
                <Input label={w.message} placeholder={w.placeholder} value={text} onInput={setText} onSend={send} focus />
                {busy ? (
                    <button type="button" class="send stop" onClick={onStop} aria-label={w.stop} title={w.stop}>
                        <Icon name="stop" />
                    </button>
                ) : (
                    <button type="submit" class="send" disabled={!ready || !text.trim()} aria-label={w.send} title={w.send}>
                        <Icon name="send" />
                    </button>
                )}
            </div>
            <p class="hint">
                <span>{w.mistakes}</span>
                <span class="hint-keys">{w.enterHint}</span>
            </p>
        </form>
    );
}
