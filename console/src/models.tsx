// The page of models: what is set up on this server, loaded or not, and what of it takes which memory.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { move, servedModels, type ModelState, type ServedModel, type ServedModels } from "./admin_api";
import { ConfirmDialog } from "./dialog";
import { useFormat } from "./format";
import { Icon } from "./icons";
import { useLoaded } from "./load";
import { Badge, Card, CopyButton, Empty, Page, ServerWords, Shown } from "./page";
import type { PageProps } from "./pages";
import type { Model } from "./types";
import { useWords } from "./words";
import { useAdminWords } from "./words_admin";

const calmMs = 5000;
const movingMs = 700;
const tones: Record<ModelState, "plain" | "good" | "bad" | "warn"> = { loaded: "good", unloaded: "plain", loading: "warn", unloading: "warn", failed: "bad" };
const moves = (state: ModelState): boolean => state === "loading" || state === "unloading";
const sum = (m: ServedModel): number => (m.weights_bytes ?? 0) + (m.kv_bytes ?? 0);

/** Parts of a whole as a bar; what each is stands below it in words. */
function MemoryBar({ parts, whole }: { parts: { name: string; bytes: number; tone: string; hint?: string }[]; whole: number }): VNode {
    const f = useFormat();
    return (
        <div class="memory">
            <div class="memory-bar" aria-hidden="true">
                {parts.map((p) => <i class={p.tone} style={{ width: `${whole ? (100 * p.bytes) / whole : 0}%` }} />)}
            </div>
            <ul>
                {parts.map((p) => (
                    <li>
                        <i class={p.tone} aria-hidden="true" />
                        {p.name} <strong>{f.bytes(p.bytes)}</strong>
                        {p.hint && <span>{p.hint}</span>}
                    </li>
                ))}
            </ul>
        </div>
    );
}

const shades = ["one", "two", "three", "four"];

function AllMemory({ data }: { data: ServedModels }): VNode {
    const w = useAdminWords();
    const f = useFormat();
    const { used_bytes: used, budget_bytes: budget } = data.memory;
    const parts = data.models.filter((m) => sum(m) > 0).map((m, i) => ({ name: m.name, bytes: sum(m), tone: shades[i % shades.length]! }));
    if (budget) parts.push({ name: w.free, bytes: Math.max(0, budget - used), tone: "rest" });
    return (
        <Card title={w.memory} hint={budget ? w.memoryOf(f.bytes(used), f.bytes(budget)) : w.memoryFree(f.bytes(used))}>
            {parts.length > 0 && <MemoryBar parts={parts} whole={Math.max(used, budget ?? used)} />}
        </Card>
    );
}

function Digest({ text, label }: { text: string; label: string }): VNode {
    return (
        <span class="digest">
            <span class="mono" title={text}>{text.slice(0, 12)}…</span>
            <CopyButton text={text} label={label} />
        </span>
    );
}

function Facts({ m }: { m: ServedModel }): VNode {
    const w = useAdminWords();
    const f = useFormat();
    const rows: [string, VNode | string][] = [];
    if (m.family) rows.push([w.family, `${m.family} · ${w.layers(m.layers ?? 0)}`], [w.parameters, w.parametersOf(m.parameters ?? 0)]);
    rows.push([w.file, `${m.file} · ${f.bytes(m.file_bytes)}`]);
    if (m.aliases.length) rows.push([w.aliases, m.aliases.join(", ")]);
    if (m.sha256) rows.push([w.digest, <Digest text={m.sha256} label={w.copyDigest} />]);
    if (m.sha256_before) rows.push([w.before, <Digest text={m.sha256_before} label={w.copyDigest} />]);
    if (m.profile) rows.push([w.profile, m.profile]);
    if (m.context) rows.push([w.context, w.tokens(m.context)], [w.sessions, w.sessionsOf(m.sessions ?? 0)]);
    if (m.running !== undefined) rows.push([w.requests, w.requestsOf(m.running, m.waiting ?? 0)]);
    return <dl class="facts-list">{rows.map(([name, value]) => <div><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function ModelCard({ m, onMove }: { m: ServedModel; onMove(load: boolean): void }): VNode {
    const w = useAdminWords();
    const f = useFormat();
    const load = m.state === "unloaded" || m.state === "failed";
    const title = (
        <span class="model-name">
            {m.name}
            <span role="status"><Badge tone={tones[m.state]}>{w.state[m.state]}</Badge></span>
            {moves(m.state) && <small>{w.for(f.duration(m.seconds * 1000))}</small>}
        </span>
    );
    const button = (
        <button type="button" class={load ? "button small" : "button quiet small"} aria-label={load ? w.loadOf(m.name) : w.unloadOf(m.name)} disabled={moves(m.state)} onClick={() => onMove(load)}>
            {load ? w.load : w.unload}
        </button>
    );
    return (
        <Card title={title} actions={button} class="model-card">
            {moves(m.state) && <div class="moving" aria-hidden="true"><i /></div>}
            {m.state === "failed" && (
                <div class="error-note">
                    <Icon name="alert" />
                    <div>
                        <strong>{w.failedText}</strong>
                        <ServerWords text={m.error} />
                    </div>
                </div>
            )}
            {m.sha256_before && <p class="note-line"><Icon name="alert" />{w.changedText}</p>}
            {m.chat === false && <p class="note-line"><Icon name="alert" />{w.noChat}</p>}
            <Facts m={m} />
            {sum(m) > 0 && (
                <MemoryBar
                    whole={sum(m)}
                    parts={[
                        { name: w.weights, bytes: m.weights_bytes ?? 0, tone: "one" },
                        { name: w.kv, bytes: m.kv_bytes ?? 0, tone: "two", hint: w.kvUsed(f.bytes(m.kv_used_bytes)) },
                    ]}
                />
            )}
        </Card>
    );
}

function Ask({ m, load, apiKey, onDone, onClose }: { m: ServedModel; load: boolean; apiKey: string; onDone(): void; onClose(): void }): VNode {
    const w = useAdminWords();
    const f = useFormat();
    const text = load ? (
        <p>{w.loadAsk(m.name, f.bytes(m.file_bytes))}</p>
    ) : (
        <>
            <p>{w.unloadAsk(m.name)}</p>
            {m.in_use > 0 && <p>{w.unloadBusy(m.in_use)}</p>}
        </>
    );
    const run = async (): Promise<void> => {
        await move(apiKey, m.name, load);
        onDone();
    };
    return <ConfirmDialog title={load ? w.loadOf(m.name) : w.unloadOf(m.name)} text={text} action={load ? w.load : w.unload} danger={!load} onConfirm={run} onClose={onClose} />;
}

function Managed({ apiKey }: { apiKey: string }): VNode {
    const [wait, setWait] = useState(calmMs);
    const [asked, setAsked] = useState<{ name: string; load: boolean } | null>(null);
    const all = useLoaded(
        apiKey || "local",
        async (signal) => {
            const data = await servedModels(apiKey, signal);
            const next = data.models.some((m) => moves(m.state)) ? movingMs : calmMs;
            if (next === calmMs && wait === movingMs) dispatchEvent(new Event("sillok-models")); // those to talk with are others now
            setWait(next);
            return data;
        },
        wait,
    );
    const model = asked && all.data?.models.find((m) => m.name === asked.name);
    return (
        <Shown of={all}>
            {(data) => (
                <>
                    <AllMemory data={data} />
                    <div class="cards">
                        {data.models.map((m) => <ModelCard key={m.name} m={m} onMove={(load) => setAsked({ name: m.name, load })} />)}
                    </div>
                    {asked && model && (
                        <Ask m={model} load={asked.load} apiKey={apiKey} onDone={() => (setWait(movingMs), all.retry())} onClose={() => setAsked(null)} />
                    )}
                </>
            )}
        </Shown>
    );
}

/** What an ordinary key sees: the models that it can talk with. */
function Listed({ models }: { models: Model[] }): VNode {
    const w = useAdminWords();
    const own = models.filter((m) => !m.root || m.root === m.id);
    if (own.length === 0) return <Empty icon="cube" />;
    return (
        <div class="cards">
            {own.map((m) => (
                <Card title={m.id} key={m.id}>
                    <dl class="facts-list">
                        {m.context && <div><dt>{w.context}</dt><dd>{w.tokens(m.context)}</dd></div>}
                        {m.sha256 && <div><dt>{w.digest}</dt><dd><Digest text={m.sha256} label={w.copyDigest} /></dd></div>}
                    </dl>
                </Card>
            ))}
        </div>
    );
}

export function ModelsPage({ apiKey, who, models }: PageProps): VNode {
    const words = useWords();
    const w = useAdminWords();
    return (
        <Page title={words.pages.models} lead={who.admin ? w.modelsLead : w.modelsPlain}>
            {who.admin ? <Managed apiKey={apiKey} /> : <Listed models={models} />}
        </Page>
    );
}
