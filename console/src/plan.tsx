// The page of plans: a design's main variables as a form, the year that they give, two variants side by side, the report.
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./api";
import { Icon } from "./icons";
import { useLoaded } from "./load";
import { Card, ErrorNote, Loading, Page, Shown } from "./page";
import type { PageProps } from "./pages";
import { baseOf, controlsOf, getVariables, makeReport, useRun, type Made, type Running, type Variables, type Variant } from "./plan_data";
import { toldPlan, type Told } from "./plan_errors";
import { PlanForm } from "./plan_form";
import { AllResults, Compared, Figures, Notes, Sources, Tiles } from "./plan_result";
import { usePlanWords, type PlanWords } from "./plan_words";
import type { Lang } from "./prefs";
import { useWords } from "./words";

type Name = "A" | "B";
const designMax = 64 << 10;
const shownWait = 1000; // ms
const begin: { A: Variant; B: Variant | null; at: Name } = { A: { design: null, set: {} }, B: null, at: "A" };
let kept = begin; // while another page is shown

function save(text: string, name: string): void {
    const url = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
    const a = document.createElement("a");
    a.href = url;
    a.download = name;
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Why a plan failed, for people. English is the server's own. */
function told(failure: Failure, all: Variables, variant: Variant, lang: Lang, w: PlanWords): Told {
    const known = toldPlan(failure, { variables: all.variables, labels: w.labels, names: w.names, units: w.units }, variant.design !== null && Object.keys(variant.set).length === 0);
    return lang === "ko" ? known : { ...known, text: "" };
}

/* ---- variants and designs ---- */

interface ChooseProps {
    at: Name;
    both: boolean;
    onAt(name: Name): void;
    onMakeB(): void;
    onCopy(): void;
    onDropB(): void;
}

function Choose({ at, both, onAt, onMakeB, onCopy, onDropB }: ChooseProps): VNode {
    const w = usePlanWords();
    if (!both) return <button type="button" class="button quiet small" onClick={onMakeB}><Icon name="plus" />{w.makeB}</button>;
    return (
        <div class="plan-choose">
            <div class="plan-switch" role="group" aria-label={w.editing}>
                {(["A", "B"] as const).map((name) => (
                    <button type="button" aria-pressed={at === name} onClick={() => onAt(name)}>{w.variant(name)}</button>
                ))}
            </div>
            <button type="button" class="text-button" title={w.copyHint} onClick={onCopy}><Icon name="copy" />{w.copyAB}</button>
            <button type="button" class="text-button" onClick={onDropB}><Icon name="trash" />{w.dropB}</button>
        </div>
    );
}

interface DesignsProps {
    variant: Variant;
    running: Running;
    unreadable: string; // why the design loaded is none
    onVariant(v: Variant): void;
}

function Designs({ variant, running, unreadable, onVariant }: DesignsProps): VNode {
    const w = usePlanWords();
    const [wrong, setWrong] = useState("");
    const open = async (file: File | undefined): Promise<void> => {
        if (!file) return;
        setWrong(file.size > designMax ? w.tooLarge : "");
        if (file.size <= designMax) onVariant({ design: await file.text(), set: {} });
    };
    const n = Object.keys(variant.set).length;
    return (
        <div class="plan-designs">
            <p><strong>{variant.design === null ? (running.run?.site ?? "") : unreadable ? w.ownDesign : `${w.ownDesign}: ${running.run?.site ?? ""}`}</strong> · {w.changes(n)}</p>
            <div class="page-actions">
                {n > 0 && <button type="button" class="text-button" onClick={() => onVariant({ ...variant, set: {} })}><Icon name="again" />{w.resetAll}</button>}
                <button type="button" class="text-button" title={w.designHint} disabled={!running.run} onClick={() => save(running.run!.design, "design.yaml")}><Icon name="save" />{w.saveDesign}</button>
                <label class="text-button plan-file">
                    <Icon name="open" />{w.openDesign}
                    <input type="file" accept=".yaml,.yml,.txt" onChange={(e) => (void open(e.currentTarget.files?.[0]), (e.currentTarget.value = ""))} />
                </label>
                {variant.design !== null && <button type="button" class="text-button" onClick={() => onVariant({ design: null, set: {} })}>{w.baseDesign}</button>}
            </div>
            {(wrong || unreadable) && <p class="field-wrong" role={wrong ? "alert" : undefined}><Icon name="alert" /><span>{wrong || unreadable}</span></p>}
        </div>
    );
}

/* ---- the report ---- */

function Report({ apiKey, all, variant, ready }: { apiKey: string; all: Variables; variant: Variant; ready: boolean }): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const [made, setMade] = useState<{ of: string; report: Made } | null>(null);
    const [failure, setFailure] = useState<Failure | null>(null);
    const [busy, setBusy] = useState<AbortController | null>(null);
    const link = useRef<HTMLAnchorElement>(null);
    const of = JSON.stringify([variant, lang]);
    useEffect(() => () => busy?.abort(), [busy, of]);
    useEffect(() => link.current?.focus(), [made]);
    const make = async (): Promise<void> => {
        const control = new AbortController();
        setBusy(control);
        setFailure(null);
        try {
            setMade({ of, report: await makeReport(apiKey, variant, lang, control.signal) });
        } catch (e) {
            if (!control.signal.aborted) setFailure(e instanceof Failure ? e : new Failure("server", String(e)));
        }
        setBusy(null);
    };
    const here = made?.of === of ? made.report : null;
    return (
        <Card title={w.report} hint={w.reportHint}>
            <div class="page-actions">
                {!here && !busy && <button type="button" class="button" disabled={!ready} onClick={() => void make()}>{w.makeReport}</button>}
                {busy && <Loading text={w.makingReport} />}
                {here && <a class="button" href={here.report} target="_blank" rel="noopener" ref={link}><Icon name="open" />{w.openReport}</a>}
                {here && <a class="button quiet" href={here.report} download="sillok-plan.html"><Icon name="save" />{w.saveReport}</a>}
            </div>
            {here && <p class="field-hint">{w.reportKept}</p>}
            {failure && <ErrorNote failure={failure} title={w.noReport} told={told(failure, all, variant, lang, w).text} onRetry={() => void make()} />}
        </Card>
    );
}

/* ---- the page ---- */

interface StatusProps {
    running: Running & { retry(): void };
    first: boolean; // nothing is known of the design yet
    why: string; // it failed, for people
}

/** What stands above the results: that they are being computed, or why they are not. */
function Status({ running, first, why }: StatusProps): VNode | null {
    const w = usePlanWords();
    const { failure, run, busy, waits } = running;
    const again = failure?.kind !== "request" || failure.code === "plan_too_long"; // the same design is refused again
    if (failure)
        return (
            <>
                <ErrorNote failure={failure} {...(failure.kind === "request" && { title: w.noRun })} told={why} {...(again && { onRetry: running.retry })} />
                {run && <p class="plan-status">{w.old}</p>}
            </>
        );
    const waiting = waits && waits.failure.retryMs >= shownWait ? w.waits[waits.failure.kind === "limit" ? "limit" : "busy"](Math.ceil(waits.failure.retryMs / 1000)) : "";
    return <p class="plan-status" role="status">{waiting || (busy ? (first ? w.first : run ? w.stale : w.running) : <span class="hidden">{run ? w.done : ""}</span>)}</p>;
}

function Planned({ all, apiKey, online }: { all: Variables; apiKey: string; online: boolean }): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const [state, setState] = useState(kept);
    const put = (part: Partial<typeof begin>): void => setState((s) => (kept = { ...s, ...part }));
    const a = useRun("A", apiKey, state.A, online);
    const b = useRun("B", apiKey, state.B, online);
    const at: Name = state.B ? state.at : "A";
    const variant = (at === "B" ? state.B : state.A)!;
    const running = at === "B" ? b : a;
    const base = baseOf(variant);
    const shown = [...(a.run ? [{ name: "A", run: a.run }] : []), ...(state.B && b.run ? [{ name: "B", run: b.run }] : [])];
    const onVariant = (v: Variant): void => put(at === "A" ? { A: v } : { B: v });
    const why = running.failure && told(running.failure, all, variant, lang, w);
    const run = running.run;
    return (
        <div class="plan">
            <section class="plan-side" aria-label={w.variants}>
                <Choose
                    at={at}
                    both={state.B !== null}
                    onAt={(name) => put({ at: name })}
                    onMakeB={() => put({ B: { ...state.A }, at: "B" })}
                    onCopy={() => put({ B: { ...state.A } })}
                    onDropB={() => put({ B: null, at: "A" })}
                />
                <Designs variant={variant} running={running} unreadable={variant.design !== null && !base && why ? why.text || running.failure!.message : ""} onVariant={onVariant} />
                {base && <PlanForm key={at} all={all} controls={controlsOf(all, base)} base={base} set={variant.set} why={why} onSet={(set) => onVariant({ ...variant, set })} />}
            </section>
            <div class="plan-main">
                <Status running={running} first={!base} why={why?.text ?? ""} />
                {!run && !running.failure && <Loading text={online ? w.running : undefined} />}
                {run && (
                    <>
                        <Card class={running.busy ? "plan-busy" : ""} title={state.B ? `${w.results} · ${w.variant(at)}` : w.results} hint={w.resultsOf(run.year)}>
                            <Tiles run={run} />
                            <Sources run={run} />
                            <AllResults run={run} />
                        </Card>
                        {state.B && a.run && b.run && <Compared a={a.run} b={b.run} />}
                        <Figures shown={shown} />
                        <Notes run={run} />
                        <Report apiKey={apiKey} all={all} variant={variant} ready={online && !running.failure} />
                    </>
                )}
            </div>
        </div>
    );
}

export function Plan({ apiKey, online }: PageProps): VNode {
    const w = usePlanWords();
    const variables = useLoaded(online ? apiKey || "-" : null, (signal) => getVariables(apiKey, signal));
    const last = useRef<Variables | null>(null);
    if (variables.data) last.current = variables.data;
    return (
        <Page title={w.title} lead={w.lead}>
            {last.current ? <Planned all={last.current} apiKey={apiKey} online={online} /> : <Shown of={variables}>{() => null}</Shown>}
        </Page>
    );
}
