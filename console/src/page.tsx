// What every page beside the conversation is made of: frame, cards, tables, fields, figures, states, tabs, copying.
import type { ComponentChildren, VNode } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import type { Failure } from "./api";
import { Icon, type IconName } from "./icons";
import type { Loaded } from "./load";
import { useWords } from "./words";

interface PageFrame {
    title: string;
    lead?: ComponentChildren; // a sentence below the title
    actions?: ComponentChildren; // buttons beside it
    children: ComponentChildren;
}

/** The frame of a page. Its heading takes the focus after a step of the navigation. */
export function Page({ title, lead, actions, children }: PageFrame): VNode {
    return (
        <main class="page" id="main">
            <div class="page-column">
                <header class="page-head">
                    <div>
                        <h1 tabIndex={-1}>{title}</h1>
                        {lead && <p>{lead}</p>}
                    </div>
                    {actions && <div class="page-actions">{actions}</div>}
                </header>
                {children}
            </div>
        </main>
    );
}

interface CardProps {
    title?: ComponentChildren;
    hint?: ComponentChildren;
    actions?: ComponentChildren;
    class?: string;
    children: ComponentChildren;
}

export function Card({ title, hint, actions, class: more, children }: CardProps): VNode {
    const id = useId();
    return (
        <section class={more ? `card ${more}` : "card"} aria-labelledby={title ? id : undefined}>
            {(title || actions) && (
                <header class="card-head">
                    <div>
                        {title && <h2 id={id}>{title}</h2>}
                        {hint && <p>{hint}</p>}
                    </div>
                    {actions && <div class="card-actions">{actions}</div>}
                </header>
            )}
            {children}
        </section>
    );
}

/** Figures side by side. */
export const Stats = ({ children }: { children: ComponentChildren }): VNode => <dl class="stats">{children}</dl>;

interface StatProps {
    name: string;
    value: ComponentChildren;
    unit?: string;
    hint?: ComponentChildren;
    tone?: "plain" | "good" | "bad" | "warn";
}

export function Stat({ name, value, unit, hint, tone = "plain" }: StatProps): VNode {
    return (
        <div class={`stat ${tone}`}>
            <dt>{name}</dt>
            <dd>
                <span class="stat-value">{value}</span>
                {unit && <span class="stat-unit">{unit}</span>}
                {hint && <span class="stat-hint">{hint}</span>}
            </dd>
        </div>
    );
}

export interface Column<T> {
    name: ComponentChildren;
    cell(row: T): ComponentChildren;
    end?: boolean; // numbers, to the right
    head?: boolean; // names the row
}

interface TableProps<T> {
    label: string; // for those who cannot see it
    columns: Column<T>[];
    rows: readonly T[];
    id(row: T): string | number;
    empty?: string;
}

/** A table that scrolls sideways in itself when the screen is narrow. */
export function Table<T>({ label, columns, rows, id, empty }: TableProps<T>): VNode {
    if (rows.length === 0) return <Empty text={empty} />;
    return (
        <div class="table" role="region" aria-label={label} tabIndex={0}>
            <table>
                <thead>
                    <tr>{columns.map((c) => <th scope="col" class={c.end ? "end" : undefined}>{c.name}</th>)}</tr>
                </thead>
                <tbody>
                    {rows.map((row) => (
                        <tr key={id(row)}>
                            {columns.map((c) =>
                                c.head ? <th scope="row">{c.cell(row)}</th> : <td class={c.end ? "end" : undefined}>{c.cell(row)}</td>,
                            )}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

interface FieldProps {
    label: ComponentChildren;
    hint?: ComponentChildren;
    wrong?: string; // what is not right with it
    value?: ComponentChildren; // said beside the label
    children(ids: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean | undefined }): VNode; // the control takes these
}

/** A control with its label, hint and mistake tied to it. */
export function Field({ label, hint, wrong, value, children }: FieldProps): VNode {
    const id = useId();
    const said = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
    return (
        <div class="field">
            <label for={id}>
                <span>{label}</span>
                {value !== undefined && <output for={id}>{value}</output>}
            </label>
            {children({ id, "aria-describedby": said, "aria-invalid": wrong ? true : undefined })}
            {hint && <p class="field-hint" id={`${id}-hint`}>{hint}</p>}
            {wrong && <p class="field-wrong" id={`${id}-wrong`} role="alert"><Icon name="alert" />{wrong}</p>}
        </div>
    );
}

/* ---- states ---- */

export function Loading({ text }: { text?: string }): VNode {
    const w = useWords();
    return (
        <p class="loading" role="status">
            <span class="dots" aria-hidden="true"><i /><i /><i /></span>
            {text ?? w.loading}
        </p>
    );
}

export function Empty({ text, icon, children }: { text?: string; icon?: IconName; children?: ComponentChildren }): VNode {
    const w = useWords();
    return (
        <div class="empty">
            {icon && <Icon name={icon} />}
            <p>{text ?? w.empty}</p>
            {children}
        </div>
    );
}

/** What the server says itself, in its language. */
export function ServerWords({ text }: { text: string | false | null | undefined }): VNode | null {
    const w = useWords();
    return text ? <p class="server-words">{w.serverSays && `${w.serverSays} `}<span lang="en">{text}</span></p> : null;
}

interface ErrorProps {
    failure: Failure;
    title?: string;
    told?: string; // why, in the page's language; empty: not known, and the server's own words stand there
    onRetry?: () => void;
}

/** What went wrong, in the page's language, and another try. */
export function ErrorNote({ failure, title, told, onRetry }: ErrorProps): VNode {
    const w = useWords();
    return (
        <div class="error-note" role="alert">
            <Icon name="alert" />
            <div>
                <strong>{title ?? w.fail[failure.kind]}</strong>
                {told ? <p>{told}</p> : <ServerWords text={failure.kind !== "offline" && failure.message} />}
            </div>
            {onRetry && <button type="button" class="button quiet small" onClick={onRetry}>{w.retry}</button>}
        </div>
    );
}

/** Loading, failed, or what was loaded; a failure of a later try is told above what came before. */
export function Shown<T>({ of, children }: { of: Loaded<T>; children(data: T): ComponentChildren }): VNode {
    return (
        <>
            {of.failure && <ErrorNote failure={of.failure} onRetry={of.retry} />}
            {of.data !== null ? children(of.data) : !of.failure && <Loading />}
        </>
    );
}

export function Badge({ tone = "plain", children }: { tone?: "plain" | "good" | "bad" | "warn" | "accent"; children: ComponentChildren }): VNode {
    return <span class={`badge ${tone}`}>{children}</span>;
}

/* ---- doing ---- */

export function CopyButton({ text, label, words }: { text: string; label?: string; words?: boolean }): VNode {
    const w = useWords();
    const [done, setDone] = useState(false);
    const copy = async (): Promise<void> => {
        try {
            await navigator.clipboard.writeText(text);
        } catch {
            return; // no clipboard on an insecure address: the text can be selected
        }
        setDone(true);
        setTimeout(() => setDone(false), 1500);
    };
    const name = label ?? w.copy;
    return (
        <button type="button" class={words ? "text-button" : "icon-button"} aria-label={words ? undefined : name} title={done ? w.copied : name} onClick={() => void copy()}>
            <Icon name={done ? "check" : "copy"} />
            {words && name}
            <span class="hidden" role="status">{done ? w.copied : ""}</span>
        </button>
    );
}

export interface Tab {
    id: string;
    name: string;
    show(): ComponentChildren;
}

/** Tabs by the usual keys: arrows, Home, End; one stop for the Tab key. */
export function Tabs({ label, tabs, current, onChange }: { label: string; tabs: Tab[]; current: string; onChange(id: string): void }): VNode {
    const base = useId();
    const list = useRef<HTMLDivElement>(null);
    const at = Math.max(0, tabs.findIndex((t) => t.id === current));
    const onKeyDown = (e: KeyboardEvent): void => {
        const step: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1 + tabs.length, Home: 0, End: tabs.length - 1 };
        const to = step[e.key];
        if (to === undefined) return;
        e.preventDefault();
        const i = to % tabs.length;
        onChange(tabs[i]!.id);
        list.current!.querySelectorAll<HTMLElement>("[role=tab]")[i]!.focus();
    };
    return (
        <div class="tabs">
            <div class="tab-list" role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
                {tabs.map((t, i) => (
                    <button type="button" role="tab" id={`${base}-${t.id}`} aria-controls={`${base}-panel`} aria-selected={i === at} tabIndex={i === at ? 0 : -1} onClick={() => onChange(t.id)}>
                        {t.name}
                    </button>
                ))}
            </div>
            <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${tabs[at]!.id}`} tabIndex={0} class="tab-panel">
                {tabs[at]!.show()}
            </div>
        </div>
    );
}
