// What came of a check: good, bad, or neither, with what was and was not checked.
import type { ComponentChildren, VNode } from "preact";
import { Icon, type IconName } from "./icons";
import { useWords } from "./words";

export type Tone = "good" | "bad" | "plain";

interface Props {
    tone: Tone;
    title: string;
    children?: ComponentChildren;
    actions?: ComponentChildren;
    onClose?: () => void;
}

export function VerdictBox({ tone, title, children, actions, onClose }: Props): VNode {
    const w = useWords();
    return (
        <div class={`verdict ${tone}`}>
            <Icon name={tone === "bad" ? "alert" : "shield"} />
            <div>
                <strong>{title}</strong>
                {children}
                {actions && <div class="verdict-actions">{actions}</div>}
            </div>
            {onClose && (
                <button type="button" class="icon-button" onClick={onClose} aria-label={w.close} title={w.close}>
                    <Icon name="close" />
                </button>
            )}
        </div>
    );
}

export interface Item {
    tone: Tone; // plain: neither good nor bad, not checked
    text: string;
}

const icons: Record<Tone, IconName> = { good: "check", bad: "alert", plain: "minus" };

export const Checklist = ({ label, items }: { label: string; items: Item[] }): VNode => (
    <ul class="checklist" aria-label={label}>
        {items.map((i) => (
            <li class={i.tone}>
                <Icon name={icons[i.tone]} />
                <span>{i.text}</span>
            </li>
        ))}
    </ul>
);
