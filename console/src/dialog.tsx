// Windows above the page: the browser keeps the focus inside, Escape closes, and the focus goes back where it was.
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Failure } from "./api";
import { Icon } from "./icons";
import { ErrorNote } from "./page";
import { useWords } from "./words";

interface DialogProps {
    title: string;
    wide?: boolean;
    fixed?: boolean; // neither Escape nor a click beside it closes: something would be lost
    onClose(): void;
    children: ComponentChildren;
}

export function Dialog({ title, wide, fixed, onClose, children }: DialogProps): VNode {
    const w = useWords();
    const id = useId();
    const box = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        const before = document.activeElement as HTMLElement | null;
        box.current!.showModal();
        return () => before?.focus();
    }, []);
    return (
        <dialog
            class={wide ? "dialog wide-dialog" : "dialog"}
            ref={box}
            aria-labelledby={id}
            onCancel={(e) => fixed && e.target === box.current && e.preventDefault()}
            onClose={(e) => e.target === box.current && onClose()}
            onMouseDown={(e) => !fixed && e.target === box.current && box.current?.close()}
        >
            <div class="dialog-body">
                <header>
                    <h2 id={id}>{title}</h2>
                    <button type="button" class="icon-button" aria-label={w.close} title={w.close} onClick={() => box.current!.close()}>
                        <Icon name="close" />
                    </button>
                </header>
                {children}
            </div>
        </dialog>
    );
}

interface ConfirmProps {
    title: string;
    text: ComponentChildren;
    action: string; // what the button does, in words
    danger?: boolean;
    onConfirm(): Promise<void> | void; // shown as busy until it ends; its Failure is shown
    onClose(): void; // cancelled, or done
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog({ title, text, action, danger, onConfirm, onClose }: ConfirmProps): VNode {
    const w = useWords();
    const [busy, setBusy] = useState(false);
    const [failure, setFailure] = useState<Failure | null>(null);
    const run = async (): Promise<void> => {
        setBusy(true);
        setFailure(null);
        try {
            await onConfirm();
            onClose();
        } catch (e) {
            setFailure(e instanceof Failure ? e : new Failure("server", String(e)));
            setBusy(false);
        }
    };
    return (
        <Dialog title={title} onClose={onClose}>
            <div class="dialog-text">{text}</div>
            {failure && <ErrorNote failure={failure} />}
            <div class="dialog-actions">
                <button type="button" class="button quiet" autofocus onClick={onClose}>{w.cancel}</button>
                <button type="button" class={danger ? "button danger" : "button"} disabled={busy} onClick={() => void run()}>{action}</button>
            </div>
        </Dialog>
    );
}
