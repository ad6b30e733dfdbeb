// One entry of the record: every field in words, its receipt, its check, the answer run again, what was said.
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure } from "./api";
import { CheckBox } from "./check";
import { useFormat, type Format } from "./format";
import { Icon } from "./icons";
import { useLoaded } from "./load";
import { Badge, Card, CopyButton, Empty, ErrorNote, Loading, Page, Shown } from "./page";
import type { PageProps } from "./pages";
import { saveFile } from "./receipt";
import * as api from "./record_api";
import { ReplayBox } from "./replay";
import { hashOf } from "./router";
import { idsDigest, type Entry } from "./verify";
import { useRecordWords, type RecordWords } from "./words_record";

/* ---- its fields ---- */

const Digest = ({ text }: { text: string }): VNode => (
    <span class="with-copy">
        <span class="mono">{text}</span>
        <CopyButton text={text} />
    </span>
);

const Ids = ({ of, words }: { of: { n: number; sha256: string }; words: string }): VNode => (
    <>
        {words}
        <Digest text={of.sha256} />
    </>
);

function sampling(s: Entry["sampling"]): string {
    const parts = [`temperature ${s.temperature}`, `top_p ${s.top_p}`, `top_k ${s.top_k}`, `min_p ${s.min_p}`];
    if (s.repeat_penalty !== 1) parts.push(`repeat_penalty ${s.repeat_penalty}`);
    if (s.frequency_penalty !== 0) parts.push(`frequency_penalty ${s.frequency_penalty}`);
    if (s.presence_penalty !== 0) parts.push(`presence_penalty ${s.presence_penalty}`);
    return parts.join(" · ");
}

function Kept({ d }: { d: api.Detail }): VNode {
    const r = useRecordWords();
    const { state, fits } = d.transcript;
    const bad = state === "damaged" || fits === false;
    return <Badge tone={bad ? "bad" : state === "kept" ? "good" : "plain"}>{fits === false ? r.fitsNot : `${r.states[state]}${state === "kept" ? ` · ${r.keeps[d.fields.keep]}` : ""}`}</Badge>;
}

function rowsOf(d: api.Detail, r: RecordWords, f: Format): [string, ComponentChildren][] {
    const e = d.fields;
    const rows: [string, ComponentChildren][] = [
        ["number", f.number(d.entry)],
        ["time", f.dateTime(e.time_ms)],
        ["tenant", e.tenant],
        ["request", <Digest text={e.request} />],
        ["choice", f.number(e.choice + 1)],
        ["model", <>{d.model_name ?? ""}<Digest text={e.model} /></>],
    ];
    if (e.tokenizer) rows.push(["tokenizer", <Digest text={e.tokenizer} />]);
    rows.push(["profile", e.profile], ["in", <Ids of={e.in} words={r.tokens(e.in.n)} />], ["out", <Ids of={e.out} words={r.tokens(e.out.n)} />]);
    rows.push(["sampling", sampling(e.sampling)], ["seed", e.sampling.seed]);
    if (e.sampling.bias) rows.push(["bias", <Ids of={e.sampling.bias} words={f.number(e.sampling.bias.n)} />]);
    rows.push(["finish", r.finishes[e.finish] ?? e.finish]);
    if (e.energy_mj !== undefined) rows.push(["energy", `${f.short(e.energy_mj / 1000)} J`]);
    rows.push(["software", e.software], ["kept", <Kept d={d} />], ["leaf", <Digest text={d.leaf} />]);
    return rows;
}

function Contents({ d }: { d: api.Detail }): VNode {
    const r = useRecordWords();
    const f = useFormat();
    return (
        <Card title={r.contents} hint={r.contentsHint}>
            <dl class="facts-list explained">
                {rowsOf(d, r, f).map(([name, value]) => {
                    const [title, note] = r.fields[name]!;
                    return (
                        <div>
                            <dt>{title}</dt>
                            <dd>{value}</dd>
                            {note && <dd class="fact-note">{note}</dd>}
                        </div>
                    );
                })}
            </dl>
        </Card>
    );
}

/* ---- its check ---- */

function Checks({ d, apiKey }: { d: api.Detail; apiKey: string }): VNode {
    const r = useRecordWords();
    const [shown, setShown] = useState<"check" | "replay" | null>(null);
    const [times, setTimes] = useState(0);
    const [failure, setFailure] = useState<Failure | null>(null);
    const show = (what: "check" | "replay"): void => (setShown(what), setTimes(times + 1));
    const save = async (): Promise<void> => {
        setFailure(null);
        try {
            saveFile(`sillok-${d.entry}.tlog-proof`, await api.receipt(apiKey, d.entry), "text/plain");
        } catch (e) {
            setFailure(e instanceof Failure ? e : new Failure("server", String(e)));
        }
    };
    const why = d.replay.why;
    return (
        <Card title={r.checkTitle} hint={r.checkHint}>
            <div class="record-actions">
                <button type="button" class="button" onClick={() => show("check")}><Icon name="shield" />{r.checkHere}</button>
                <button type="button" class="button quiet" disabled={!d.replay.possible} aria-describedby={why ? "replay-why" : undefined} onClick={() => show("replay")}>
                    <Icon name="again" />
                    {r.replay}
                </button>
                <button type="button" class="button quiet" onClick={() => void save()}><Icon name="save" />{r.saveReceipt}</button>
            </div>
            {why && (
                <p class={why === "transcript_damaged" ? "signature bad" : "fact-note"} id="replay-why">
                    {why === "transcript_damaged" && <Icon name="alert" />}
                    {r.cannotReplay}: {r.why[why] ?? why}
                </p>
            )}
            {failure && <ErrorNote failure={failure} />}
            <div role="status" class={shown ? undefined : "hidden"}>
                {shown === "check" && (
                    <CheckBox
                        key={times}
                        receipt={() => api.receipt(apiKey, d.entry)}
                        shown={{ entry: d.entry, line: d.line }}
                        onClose={() => setShown(null)}
                    />
                )}
                {shown === "replay" && <ReplayBox key={times} entry={d.entry} onClose={() => setShown(null)} />}
            </div>
        </Card>
    );
}

/* ---- what was said ---- */

async function holds(t: api.Transcript, e: Entry): Promise<boolean | null> {
    const sums = await Promise.all([idsDigest(t.salt, "in", t.in), idsDigest(t.salt, "out", t.out)]);
    if (sums.includes(null)) return null;
    return sums[0] === e.in.sha256 && sums[1] === e.out.sha256;
}

function Words({ t, e }: { t: api.Transcript; e: Entry }): VNode {
    const r = useRecordWords();
    const [good, setGood] = useState<boolean | null>(null);
    useEffect(() => void holds(t, e).then(setGood), [t]);
    return (
        <>
            {good !== null && (
                <p role="status" class={`signature ${good ? "good" : "bad"}`}>
                    <Icon name={good ? "check" : "alert"} />
                    {good ? r.saidFits : r.saidDiffers}
                </p>
            )}
            {t.prompt === null && <p class="fact-note">{r.noModel}</p>}
            {([["prompt", t.prompt, t.in], ["answer", t.answer, t.out]] as const).map(([name, text, ids]) => (
                <section class="said">
                    <h3>{r[name]} <span>{r.tokens(ids.length)}</span></h3>
                    <pre tabIndex={0}>{text ?? ids.join(" ")}</pre>
                </section>
            ))}
        </>
    );
}

function Said({ d, apiKey }: { d: api.Detail; apiKey: string }): VNode {
    const r = useRecordWords();
    const [open, setOpen] = useState(false);
    const words = useLoaded(open ? `said ${d.entry}` : null, (signal) => api.transcript(apiKey, d.entry, signal));
    const { state, readable } = d.transcript;
    const why = state === "none" ? "no_transcript" : state === "kept" ? "not_yours" : `transcript_${state}`;
    return (
        <Card
            title={r.said}
            hint={r.saidHint}
            actions={readable && !open && <button type="button" class="button quiet small" onClick={() => setOpen(true)}>{r.showSaid}</button>}
        >
            {!readable && <p class="fact-note">{r.why[why]}</p>}
            {open && <Shown of={words}>{(t) => <Words t={t} e={d.fields} />}</Shown>}
        </Card>
    );
}

function Raw({ line }: { line: string }): VNode {
    const r = useRecordWords();
    return (
        <Card title={r.raw} hint={r.rawHint} actions={<CopyButton text={line} label={r.copyRaw} words />}>
            <pre class="raw" tabIndex={0}>{line}</pre>
        </Card>
    );
}

/* ---- the page ---- */

export function EntryPage({ apiKey, index }: PageProps & { index: number }): VNode {
    const r = useRecordWords();
    const entry = useLoaded(`entry ${index} ${apiKey}`, (signal) => api.detail(apiKey, index, signal));
    const absent = entry.failure?.code === "no_entry";
    const back = <a class="button quiet small" href={hashOf("record")}><Icon name="left" />{r.back}</a>;
    return (
        <Page title={r.entry(index)} lead={r.lead} actions={back}>
            {absent ? (
                <Card><Empty icon="book" text={r.noEntry(index.toLocaleString())} /></Card>
            ) : entry.data === null && !entry.failure ? (
                <Loading />
            ) : (
                <Shown of={entry}>
                    {(d) => (
                        <>
                            <Checks d={d} apiKey={apiKey} />
                            <Contents d={d} />
                            <Said d={d} apiKey={apiKey} />
                            <Raw line={d.line} />
                        </>
                    )}
                </Shown>
            )}
        </Page>
    );
}
