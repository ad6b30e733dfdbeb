// The form of a plan: a slider and a field for each main variable, words to choose from, what is changed, what is wrong.
import type { VNode } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useFormat } from "./format";
import { Icon } from "./icons";
import { Badge } from "./page";
import type { Control, Settings, Value, Variables } from "./plan_data";
import { meansPath, type Told } from "./plan_errors";
import { usePlanWords, type PlanWords } from "./plan_words";
import { useWords } from "./words";

interface ControlProps {
    control: Control;
    base: Value; // of the design without changes
    value: number | string | undefined; // when it is changed
    wrong: string;
    onValue(v: number | string | undefined): void;
}

export function labelOf(c: Control, lang: "ko" | "en", w: PlanWords): string {
    const own = w.labels[c.variable.path];
    const label = own ?? c.variable[lang].replace(/\(.*\)$|;.*$/, "").trim();
    const name = c.of && c.path.startsWith("services") ? `${w.names[c.of] ?? c.of} ${label}` : label;
    return name.charAt(0).toUpperCase() + name.slice(1);
}

/** What is wrong with a text as a number of this variable; empty: nothing. */
function mistakeOf(text: string, c: Control, w: PlanWords, number: (v: number, digits?: number) => string): string {
    const v = Number(text);
    if (text.trim() === "" || !Number.isFinite(v)) return w.needNumber;
    const { least, most, kind } = c.variable;
    if (least !== undefined && most !== undefined && (v < least || v > most)) return w.between(number(least, 6), number(most, 6));
    return kind === "whole" && !Number.isInteger(v) ? w.whole : "";
}

function Head({ id, name, changed, onReset }: { id: string; name: string; changed: boolean; onReset(): void }): VNode {
    const w = usePlanWords();
    return (
        <div class="plan-var-head">
            <label for={id}>{name}</label>
            {changed && <Badge tone="accent">{w.changed}</Badge>}
            {changed && (
                <button type="button" class="icon-button" aria-label={w.reset(name)} title={w.reset(name)} onClick={onReset}>
                    <Icon name="again" />
                </button>
            )}
        </div>
    );
}

/** spoken: the mistake is told as it comes. What the server says is told above the results. */
function Notes({ id, hint, wrong, spoken = false }: { id: string; hint: string | undefined; wrong: string; spoken?: boolean }): VNode {
    return (
        <>
            {hint && <p class="field-hint" id={`${id}-hint`}>{hint}</p>}
            {wrong && <p class="field-wrong" id={`${id}-wrong`} role={spoken ? "alert" : undefined}><Icon name="alert" /><span>{wrong}</span></p>}
        </>
    );
}

function NumberControl({ control, base, value, wrong, onValue }: ControlProps): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const f = useFormat();
    const id = useId();
    const now = value ?? base;
    const [text, setText] = useState(now === null ? "" : String(now));
    const [mistake, setMistake] = useState("");
    useEffect(() => {
        if (Number(text) !== now || text === "") setText(now === null || now === undefined ? "" : String(now));
        setMistake("");
    }, [now]);
    const name = labelOf(control, lang, w);
    const unit = control.variable.unit && control.variable.unit !== "1" ? (w.units[control.variable.unit] ?? control.variable.unit) : "";
    const hint = w.hints[control.variable.path];
    const told = mistake || wrong;
    const take = (t: string): void => {
        setText(t);
        const m = mistakeOf(t, control, w, f.number);
        setMistake(m);
        if (!m) onValue(Number(t) === base ? undefined : Number(t));
    };
    const said = [hint && `${id}-hint`, told && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
    const at = typeof now === "number" ? Math.min(control.to, Math.max(control.from, now)) : control.from;
    return (
        <div class={value === undefined ? "plan-var" : "plan-var changed"}>
            <Head id={id} name={name} changed={value !== undefined || mistake !== ""} onReset={() => (onValue(undefined), setText(base === null ? "" : String(base)), setMistake(""))} />
            <div class="plan-var-row">
                <input type="range" min={control.from} max={control.to} step={control.step} value={at} aria-label={w.slider(name)} aria-valuetext={`${f.number(at, 3)} ${unit}`.trim()} onInput={(e) => take(e.currentTarget.value)} />
                <span class="plan-number">
                    <input type="number" id={id} value={text} step="any" placeholder={w.unset} aria-describedby={said} aria-invalid={told ? true : undefined} onInput={(e) => take(e.currentTarget.value)} />
                    <span aria-hidden="true">{unit}</span>
                </span>
            </div>
            <Notes id={id} hint={hint} wrong={told} spoken={mistake !== ""} />
        </div>
    );
}

function ChoiceControl({ control, base, value, wrong, onValue }: ControlProps): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const id = useId();
    const name = labelOf(control, lang, w);
    const now = String(value ?? base ?? "");
    const words = (control.variable.choices ?? []).filter((c) => c !== "custom" || c === base);
    return (
        <div class={value === undefined ? "plan-var" : "plan-var changed"}>
            <Head id={id} name={name} changed={value !== undefined} onReset={() => onValue(undefined)} />
            <select id={id} value={now} aria-describedby={wrong ? `${id}-wrong` : undefined} aria-invalid={wrong ? true : undefined} onChange={(e) => onValue(e.currentTarget.value === base ? undefined : e.currentTarget.value)}>
                {words.map((c) => <option value={c}>{w.choices[c] ?? c.toUpperCase().replaceAll("-", " ")}</option>)}
            </select>
            <Notes id={id} hint={w.hints[control.variable.path]} wrong={wrong} />
        </div>
    );
}

interface Props {
    all: Variables;
    controls: Control[];
    base: Record<string, Value>;
    set: Settings;
    why: Told | null; // why the server could not compute it
    onSet(set: Settings): void;
}

export function PlanForm({ all, controls, base, set, why, onSet }: Props): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const [wide] = useState(() => matchMedia("(min-width: 1101px)").matches); // elsewhere the results are not far below
    const opened = useRef(new Set<string>()); // groups that had to show what is wrong
    const put = (path: string, v: number | string | undefined): void => {
        const next = { ...set };
        if (v === undefined) delete next[path];
        else next[path] = v;
        onSet(next);
    };
    const blamed = controls.filter((c) => why?.paths.some((p) => meansPath(p, c.path)));
    const changedToo = blamed.filter((c) => set[c.path] !== undefined);
    const wrongs = changedToo.length ? changedToo : blamed;
    for (const c of wrongs) opened.current.add(c.group);
    return (
        <form class="plan-form" onSubmit={(e) => e.preventDefault()}>
            {all.groups.map((g, i) => {
                const mine = controls.filter((c) => c.group === g.id);
                const changed = mine.filter((c) => set[c.path] !== undefined).length;
                return mine.length ? (
                    <details open={wide || i === 0 || opened.current.has(g.id)}>
                        <summary>{g[lang]}{changed > 0 && <Badge tone="accent">{changed}</Badge>}</summary>
                        {mine.map((c) => {
                            const View = c.variable.kind === "choice" ? ChoiceControl : NumberControl;
                            const wrong = wrongs.includes(c) ? why!.text || w.fieldWrong : "";
                            return <View key={c.path} control={c} base={base[c.path] ?? null} value={set[c.path]} wrong={wrong} onValue={(v) => put(c.path, v)} />;
                        })}
                    </details>
                ) : null;
            })}
        </form>
    );
}
