// Settings of the conversation: system prompt, sampling, seed, key.
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons";
import { defaultSampling } from "./prefs";
import type { Sampling } from "./types";
import { useWords } from "./words";

interface Props {
    system: string;
    sampling: Sampling;
    hasKey: boolean;
    onSystem(text: string): void;
    onSampling(s: Sampling): void;
    onForget(): void;
    onClose(): void;
}

interface Scale {
    id: string;
    name: string;
    hint?: string;
    value: number;
    max: number;
    step: number;
    onChange(v: number): void;
}

function Slider({ id, name, hint, value, max, step, onChange }: Scale): VNode {
    return (
        <div class="field">
            <label for={id}>
                {name}
                <output for={id}>{value}</output>
            </label>
            <input id={id} type="range" min={0} max={max} step={step} value={value} aria-describedby={hint ? `${id}-hint` : undefined} onInput={(e) => onChange(Number(e.currentTarget.value))} />
            {hint && <p class="field-hint" id={`${id}-hint`}>{hint}</p>}
        </div>
    );
}

function Whole({ id, name, hint, value, max, onChange }: Scale): VNode {
    const take = (text: string): void => onChange(Math.min(max, Math.max(0, Math.floor(Number(text)) || 0)));
    return (
        <div class="field">
            <label for={id}>{name}</label>
            <input id={id} type="number" inputMode="numeric" min={0} max={max} value={value} aria-describedby={`${id}-hint`} onChange={(e) => take(e.currentTarget.value)} />
            <p class="field-hint" id={`${id}-hint`}>{hint}</p>
        </div>
    );
}

const seedMax = (1n << 63n) - 1n;
const seedOf = (text: string): string => {
    const digits = text.replace(/\D/g, "").slice(0, 20);
    return digits && BigInt(digits) > seedMax ? seedMax.toString() : digits;
};

function SamplingFields({ s, onChange }: { s: Sampling; onChange(s: Sampling): void }): VNode {
    const w = useWords();
    const set = (part: Partial<Sampling>): void => onChange({ ...s, ...part });
    return (
        <fieldset>
            <legend>{w.sampling}</legend>
            <Slider id="temperature" name={w.temperature} hint={w.temperatureHint} value={s.temperature} max={2} step={0.05} onChange={(temperature) => set({ temperature })} />
            <Slider id="top-p" name={w.topP} value={s.top_p} max={1} step={0.01} onChange={(top_p) => set({ top_p })} />
            <Whole id="top-k" name={w.topK} hint={w.topKHint} value={s.top_k} max={100000} step={1} onChange={(top_k) => set({ top_k })} />
            <Whole id="max-tokens" name={w.maxTokens} hint={w.maxTokensHint} value={s.max_tokens} max={1000000} step={1} onChange={(max_tokens) => set({ max_tokens })} />
            <div class="field">
                <label for="seed">{w.seed}</label>
                <input id="seed" type="text" inputMode="numeric" autocomplete="off" placeholder={w.seedAny} value={s.seed} aria-describedby="seed-hint" onInput={(e) => set({ seed: seedOf(e.currentTarget.value) })} />
                <p class="field-hint" id="seed-hint">{w.seedHint}</p>
            </div>
            <button type="button" class="text-button" onClick={() => onChange(defaultSampling)}>{w.reset}</button>
        </fieldset>
    );
}

export function Panel(props: Props): VNode {
    const w = useWords();
    const box = useRef<HTMLDialogElement>(null);
    useEffect(() => box.current!.showModal(), []);
    return (
        <dialog class="panel" ref={box} aria-label={w.settings} onClose={props.onClose} onClick={(e) => e.target === box.current && box.current?.close()}>
            <div class="panel-body">
                <header>
                    <h2>{w.settings}</h2>
                    <button type="button" class="icon-button" aria-label={w.close} title={w.close} onClick={() => box.current!.close()}>
                        <Icon name="close" />
                    </button>
                </header>
                <div class="field">
                    <label for="system">{w.system}</label>
                    <textarea id="system" rows={4} value={props.system} aria-describedby="system-hint" onInput={(e) => props.onSystem(e.currentTarget.value)} />
                    <p class="field-hint" id="system-hint">{w.systemHint}</p>
                </div>
                <SamplingFields s={props.sampling} onChange={props.onSampling} />
                {props.hasKey && (
                    <fieldset>
                        <legend>{w.key}</legend>
                        <p class="field-hint">{w.keyText}</p>
                        <button type="button" class="button quiet" onClick={props.onForget}>{w.keyForget}</button>
                    </fieldset>
                )}
            </div>
        </dialog>
    );
}
