// A text field that grows, and that sends on Enter; never while a Hangul syllable is being composed.
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

interface Props {
    label: string;
    placeholder?: string;
    value: string;
    focus?: boolean;
    onInput(text: string): void;
    onSend(): void;
}

const heightMax = 240;

export function Input({ label, placeholder, value, focus, onInput, onSend }: Props): VNode {
    const field = useRef<HTMLTextAreaElement>(null);
    const composing = useRef(false);
    useLayoutEffect(() => {
        const f = field.current!;
        f.style.height = "auto";
        f.style.height = `${Math.min(f.scrollHeight, heightMax)}px`;
    }, [value]);
    useEffect(() => {
        if (focus) field.current!.focus();
    }, [focus]);
    const onKeyDown = (e: KeyboardEvent): void => {
        // Safari ends the composition before this event, and then says 229.
        if (e.key !== "Enter" || e.shiftKey || e.isComposing || composing.current || e.keyCode === 229) return;
        e.preventDefault();
        onSend();
    };
    return (
        <textarea
            ref={field}
            rows={1}
            aria-label={label}
            placeholder={placeholder}
            value={value}
            onInput={(e) => onInput(e.currentTarget.value)}
            onKeyDown={onKeyDown}
            onCompositionStart={() => (composing.current = true)}
            onCompositionEnd={() => (composing.current = false)}
        />
    );
}
