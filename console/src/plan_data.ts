// Plans as the server has them: variables, runs one after another (it computes one at a time for a key), reports.
import { useEffect, useState } from "preact/hooks";
import { askJson, Failure } from "./api";
import type { Lang } from "./prefs";

export type Value = number | string | boolean | null;
export type Settings = Record<string, number | string>;

export interface Variable {
    path: string;
    kind: "number" | "whole" | "switch" | "choice" | "text" | "month" | "numbers";
    ko: string;
    en: string;
    unit?: string;
    least?: number;
    most?: number;
    choices?: string[];
    source?: string;
}

interface Main {
    path: string; // "pools[0].gpus": the first element; "services[*].gpu_share": each
    variable: string;
    group: string;
    from?: number;
    to?: number;
    step?: number;
}

export interface Variables {
    groups: { id: string; ko: string; en: string }[];
    main: Main[];
    variables: Variable[];
}

export interface Result {
    key: string;
    of?: string;
    value: number | null;
    unit: string;
    ko: string;
    en: string;
    section: string;
    screen: boolean;
}

/** MW; `stored` MWh. Of each day or hour. */
export type Columns = Record<"load" | "it" | "import" | "pv" | "wind" | "charge" | "discharge" | "stored" | "import_most", number[]>;

export interface Run {
    site: string;
    design: string; // what ran, as a file
    sha256: string;
    year: number;
    results: Result[];
    notes: { ko: string; en: string }[];
    values: Record<string, Value>;
    series: { day: Columns; week: Columns; week_from_day: number; duration: { load: number[]; import: number[] } };
}

/** One variant: a design (null: the one that the program carries) and what is changed in it. */
export interface Variant {
    design: string | null;
    set: Settings;
}

/** A control of the form: a variable of this very design. */
export interface Control {
    path: string;
    group: string;
    of: string; // the element's name, for lists
    variable: Variable;
    from: number;
    to: number;
    step: number;
}

export const getVariables = (key: string, signal: AbortSignal): Promise<Variables> => askJson("/plan/variables", key, undefined, signal);

/** Paths of the design that a main path stands for. */
function pathsOf(main: Main, values: Record<string, Value>): [string, string][] {
    const place = /^(\w+)\[(0|\*)\]\.(.+)$/.exec(main.path);
    if (!place) return [[main.path, ""]];
    const found: [string, string][] = [];
    for (const path of Object.keys(values)) {
        if (!path.startsWith(`${place[1]}[`) || !path.endsWith(`].${place[3]}`)) continue;
        found.push([path, path.slice(place[1]!.length + 1, -place[3]!.length - 2)]);
    }
    return place[2] === "0" ? found.slice(0, 1) : found;
}

export function controlsOf(all: Variables, values: Record<string, Value>): Control[] {
    const controls: Control[] = [];
    for (const main of all.main) {
        const variable = all.variables.find((v) => v.path === main.variable);
        if (!variable) continue;
        for (const [path, of] of pathsOf(main, values))
            controls.push({ path, group: main.group, of, variable, from: main.from ?? 0, to: main.to ?? 0, step: main.step ?? 1 });
    }
    return controls;
}

/** What is sent: with another contract the phases of the build keep their shares of it. */
function settingsOf(variant: Variant, base: Record<string, Value> | undefined): Settings {
    const contract = variant.set["site.contract"];
    const before = base?.["site.contract"];
    if (typeof contract !== "number" || typeof before !== "number" || !before) return variant.set;
    const phases: Settings = {};
    for (const [path, value] of Object.entries(base!))
        if (/^build\.phases\[.*\]\.contract$/.test(path) && typeof value === "number")
            phases[path] = Number(((value * contract) / before).toFixed(3));
    return { ...phases, ...variant.set };
}

const triesMax = 60;
const waitMax = 60_000; // ms; who must wait longer is told, and tries again when it suits

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener("abort", () => (clearTimeout(timer), reject(new DOMException("aborted", "AbortError"))), { once: true });
    });

let turn: Promise<unknown> = Promise.resolve(); // one after another in this tab; other tabs are told to wait

async function inTurn<T>(what: () => Promise<T>): Promise<T> {
    const mine = turn.then(what, what);
    turn = mine.catch(() => undefined);
    return mine;
}

/** Until when a full server is waited for, and why. */
export interface Waits {
    failure: Failure;
    until: number;
}

async function patient<T>(path: string, key: string, body: unknown, signal: AbortSignal, onWait: (w: Waits | null) => void): Promise<T> {
    for (let tries = 0; ; tries++) {
        try {
            signal.throwIfAborted();
            return await inTurn(() => (signal.throwIfAborted(), askJson<T>(path, key, body, signal)));
        } catch (e) {
            const full = e instanceof Failure && (e.kind === "limit" || e.kind === "busy") && e.retryMs > 0;
            if (!full || tries >= triesMax || e.retryMs > waitMax) throw e;
            onWait({ failure: e, until: Date.now() + e.retryMs });
            await wait(e.retryMs, signal);
            onWait(null);
        }
    }
}

const bodyOf = (variant: Variant, set: Settings): Record<string, unknown> => ({ ...(variant.design !== null && { design: variant.design }), set });

/** Values of designs without changes, by the design's text; asked for once. */
const bases = new Map<string, Record<string, Value>>();

export const baseOf = (variant: Variant): Record<string, Value> | undefined => bases.get(variant.design ?? "");

async function run(key: string, variant: Variant, signal: AbortSignal, onWait: (w: Waits | null) => void): Promise<Run> {
    if (!baseOf(variant)) {
        const plain = await patient<Run>("/plan/run", key, bodyOf(variant, {}), signal, onWait);
        bases.set(variant.design ?? "", plain.values);
        if (!Object.keys(variant.set).length) return plain;
    }
    return patient<Run>("/plan/run", key, bodyOf(variant, settingsOf(variant, baseOf(variant))), signal, onWait);
}

export interface Made {
    report: string;
    bytes: number;
    kept_s: number;
}

export const makeReport = (key: string, variant: Variant, lang: Lang, signal: AbortSignal): Promise<Made> =>
    patient("/plan/report", key, { ...bodyOf(variant, settingsOf(variant, baseOf(variant))), lang }, signal, () => undefined);

export interface Running {
    run: Run | null; // the newest that came
    of: string; // what it is of; another than now while a new one is computed
    failure: Failure | null;
    busy: boolean;
    waits: Waits | null; // while the server is full
}

const none: Running = { run: null, of: "", failure: null, busy: false, waits: null };
const kept: Record<string, Running> = {}; // while another page is shown

/** Runs a variant when it has changed and rested a moment. null: nothing is run. */
export function useRun(name: string, key: string, variant: Variant | null, online: boolean): Running & { retry(): void } {
    const [state, setState] = useState<Running>(kept[name] ?? none);
    const [tries, setTries] = useState(0);
    const of = variant ? JSON.stringify(variant) : "";
    const put = (next: Running): void => setState((kept[name] = next));
    useEffect(() => {
        const before = kept[name] ?? none;
        if (!variant) return put(none);
        if (!online || (before.of === of && !before.failure)) return;
        const control = new AbortController();
        put({ ...before, failure: null, busy: true, waits: null });
        const go = async (): Promise<void> => {
            try {
                await wait(before.run ? 300 : 0, control.signal);
                const onWait = (waits: Waits | null): void => put({ ...(kept[name] ?? none), waits });
                put({ run: await run(key, variant, control.signal, onWait), of, failure: null, busy: false, waits: null });
            } catch (e) {
                if (control.signal.aborted) return;
                const failure = e instanceof Failure ? e : new Failure("server", String(e));
                put({ ...(kept[name] ?? none), of, failure, busy: false, waits: null });
            }
        };
        void go();
        return () => {
            control.abort();
            if (kept[name]?.busy) kept[name] = { ...kept[name]!, busy: false };
        };
    }, [of, key, online, tries]);
    return { ...state, retry: () => setTries((n) => n + 1) };
}
