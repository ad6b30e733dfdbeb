// The page of the state: what the server does now and did in the last hour; for an ordinary key, what its tenant did.
import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Chart, type Line, type Values } from "./chart";
import { useServerState, useTenantOnly, type Minutes, type ModelState, type State, type TenantState } from "./feed";
import { useFormat, type Format } from "./format";
import { Card, Empty, Page, Shown, Stat, Stats, Table } from "./page";
import type { PageProps } from "./pages";
import { useStateWords, type StateWords } from "./words_state";
import { useWords } from "./words";

/* ---- many models as one ---- */

const sum = (list: (number | null)[]): number => list.reduce<number>((a, b) => a + (b ?? 0), 0);

const added = (models: ModelState[], n: number, of: (m: ModelState) => Values): Values =>
    models.length === 1 ? of(models[0]!) : Array.from({ length: n }, (_, i) => sum(models.map((m) => of(m)[i] ?? 0)));

/** Counts of samples as counts per second or minute, whatever time each sample took. */
const per = (seconds: number, counts: Values, took: number[]): Values => counts.map((v, i) => (v === null || !took[i] ? null : (v * seconds) / took[i]!));

const lineMax = 6;

/** One model: its quantiles. Several: the 95th percentile of each. */
function quantiles(models: ModelState[], of: (m: ModelState) => ModelState["first_token_ms"], w: StateWords): Line[] {
    if (models.length > 1) return models.slice(0, lineMax).map((m) => ({ name: w.p95Of(m.model), values: of(m).p95 }));
    const q = of(models[0]!);
    return [{ name: "p50", values: q.p50 }, { name: "p95", values: q.p95 }, { name: "p99", values: q.p99, dash: true }];
}

/* ---- tiles ---- */

function Tiles({ state, models }: { state: State; models: ModelState[] }): VNode {
    const w = useStateWords();
    const f = useFormat();
    const total = (of: (m: ModelState) => number | null): number => sum(models.map(of));
    const pages = total((m) => m.now.pages);
    const used = total((m) => m.now.pages_used);
    const slowest = models.reduce<number | null>((most, m) => (m.hour.first_token_ms.p95 === null ? most : Math.max(most ?? 0, m.hour.first_token_ms.p95)), null);
    const waiting = total((m) => m.now.waiting);
    return (
        <div class="tiles"><Stats>
            <Stat name={w.running} value={f.number(total((m) => m.now.running))} />
            <Stat name={w.waiting} value={f.number(waiting)} tone={waiting > 0 ? "warn" : "plain"} />
            <Stat name={w.speedOut} value={f.short(total((m) => m.now.answer_tokens_per_s))} unit={w.tokensPerS} />
            <Stat name={w.speedIn} value={f.short(total((m) => m.now.prompt_tokens_per_s))} unit={w.tokensPerS} />
            <Stat name={w.kv} value={pages ? f.percent(used / pages, 1) : f.percent(null)} hint={pages ? w.kvHint(f.number(used), f.number(pages)) : undefined} />
            <Stat name={w.firstToken} value={f.duration(slowest)} hint={w.lastHour} />
            <Stat name={w.entries} value={f.number(state.now.entries)} hint={w.entriesHint(f.number(state.now.commits))} tone={state.now.unrecorded ? "bad" : "plain"} />
            {state.metered ? (
                <Stat name={w.power} value={f.metric(total((m) => m.now.watts), "W")} hint={w.powerHint} />
            ) : (
                <Stat name={w.uptime} value={f.duration(Math.floor(state.time_ms / 1000 - state.started_s) * 1000)} />
            )}
        </Stats></div>
    );
}

/* ---- charts ---- */

interface Drawn {
    title: string;
    hint: string;
    lines: Line[];
    say(v: number | null | undefined): string;
    top?: number;
    empty?: string;
}

function chartsOf(state: State, models: ModelState[], w: StateWords, f: Format): Drawn[] {
    const { server, times_ms } = state;
    const all = (of: (m: ModelState) => Values): Values => added(models, times_ms.length, of);
    const pages = all((m) => m.pages);
    const count = (v: number | null | undefined): string => f.short(v);
    const minutely = (v: number[]): Values => per(60, v, server.seconds);
    const out: Drawn[] = [
        { title: w.requestsTitle, hint: w.requestsHint, say: count, top: 4, lines: [{ name: w.running, values: all((m) => m.running) }, { name: w.waiting, values: all((m) => m.waiting) }] },
        {
            title: w.speedTitle, hint: w.speedHint, say: count, top: 10,
            lines: [{ name: w.output, values: per(1, all((m) => m.answer_tokens), server.seconds) }, { name: w.input, values: per(1, all((m) => m.prompt_tokens), server.seconds) }],
        },
        { title: w.firstTitle, hint: w.firstHint, say: f.duration, lines: quantiles(models, (m) => m.first_token_ms, w) },
        { title: w.betweenTitle, hint: w.betweenHint, say: f.duration, lines: quantiles(models, (m) => m.between_tokens_ms, w) },
        { title: w.kvTitle, hint: w.kvChartHint, say: (v) => f.percent(v, 1), top: 0.1, lines: [{ name: w.used, values: all((m) => m.pages_used).map((v, i) => (pages[i] ? (v ?? 0) / pages[i]! : null)) }] },
        {
            title: w.errorsTitle, hint: w.errorsHint, say: count, top: 4,
            lines: [
                { name: w.failed, values: minutely(server.failed) },
                { name: w.limited, values: minutely(server.limited) },
                { name: w.denied, values: minutely(server.denied), dash: true },
                { name: w.invalid, values: minutely(server.invalid), dash: true },
            ],
        },
        {
            title: w.recordTitle, hint: w.recordHint, say: count, top: 4,
            lines: [{ name: w.recorded, values: minutely(server.entries) }, { name: w.commits, values: minutely(server.commits) }, { name: w.unrecorded, values: minutely(server.unrecorded), dash: true }],
        },
    ];
    const watts: Values = state.metered ? per(1, all((m) => m.energy_j), server.seconds) : [];
    out.push({ title: w.powerTitle, hint: w.powerHint, say: (v) => f.metric(v, "W"), top: 10, lines: [{ name: w.power, values: watts }], ...(!state.metered && { empty: w.powerNone }) });
    return out;
}

function Charts({ state, models, chosen }: { state: State; models: ModelState[]; chosen: string }): VNode {
    const w = useStateWords();
    const f = useFormat();
    // The tiles are drawn every two seconds, the charts when there is a new sample.
    const drawn = useMemo(() => chartsOf(state, models, w, f), [state.next, state.started_s, chosen, w, f]);
    const times = useMemo(() => state.times_ms, [state.next, state.started_s]);
    return <div class="cards">{drawn.map((d) => <Chart key={d.title} {...d} times={times} />)}</div>;
}

/* ---- tables ---- */

function Models({ models, metered }: { models: ModelState[]; metered: boolean }): VNode {
    const w = useStateWords();
    const f = useFormat();
    return (
        <Card title={w.modelsTitle} hint={w.modelsHint}>
            <Table
                label={w.modelsTitle}
                rows={models}
                id={(m) => m.model}
                columns={[
                    { name: w.model, head: true, cell: (m) => m.model },
                    { name: w.running, end: true, cell: (m) => f.number(m.now.running) },
                    { name: w.waiting, end: true, cell: (m) => f.number(m.now.waiting) },
                    { name: w.tokensPerS, end: true, cell: (m) => f.short(m.now.answer_tokens_per_s) },
                    { name: w.answers, end: true, cell: (m) => f.number(m.hour.answers) },
                    { name: w.errors, end: true, cell: (m) => f.number(m.hour.failed) },
                    { name: w.tokensIn, end: true, cell: (m) => f.number(m.hour.prompt_tokens) },
                    { name: w.tokensOut, end: true, cell: (m) => f.number(m.hour.answer_tokens) },
                    { name: w.firstMiddle, end: true, cell: (m) => f.duration(m.hour.first_token_ms.p50) },
                    { name: w.firstHigh, end: true, cell: (m) => f.duration(m.hour.first_token_ms.p95) },
                    ...(metered ? [{ name: w.energy, end: true, cell: (m: ModelState) => f.metric(m.hour.energy_j, "J") }] : []),
                ]}
            />
        </Card>
    );
}

interface TenantsProps {
    tenants: TenantState[];
    metered: boolean;
    chosen: number | null;
    onChoose(id: number | null): void;
}

function Tenants({ tenants, metered, chosen, onChoose }: TenantsProps): VNode {
    const w = useStateWords();
    const f = useFormat();
    const named = tenants.filter((t) => t.id !== null);
    const choose = (
        <select aria-label={w.chooseTenant} value={chosen ?? ""} onChange={(e) => onChoose(e.currentTarget.value === "" ? null : Number(e.currentTarget.value))}>
            <option value="">{w.chooseTenant}</option>
            {named.map((t) => <option value={t.id!}>{t.tenant}</option>)}
        </select>
    );
    return (
        <Card title={w.tenantsTitle} hint={w.tenantsHint} actions={named.length > 0 ? choose : undefined}>
            <Table
                label={w.tenantsTitle}
                empty={w.noTenants}
                rows={[...tenants].sort((a, b) => b.answer_tokens - a.answer_tokens)}
                id={(t) => t.id ?? "others"}
                columns={[
                    { name: w.tenant, head: true, cell: (t) => t.tenant ?? w.others },
                    { name: w.running, end: true, cell: (t) => f.number(t.running) },
                    { name: w.requests, end: true, cell: (t) => f.number(t.requests) },
                    { name: w.errors, end: true, cell: (t) => f.number(t.failed) },
                    { name: w.tokensIn, end: true, cell: (t) => f.number(t.prompt_tokens) },
                    { name: w.cached, end: true, cell: (t) => f.number(t.cached_tokens) },
                    { name: w.tokensOut, end: true, cell: (t) => f.number(t.answer_tokens) },
                    { name: w.firstMean, end: true, cell: (t) => f.duration(t.first_token_ms) },
                    ...(metered ? [{ name: w.energy, end: true, cell: (t: TenantState) => f.metric(t.energy_j, "J") }] : []),
                ]}
            />
        </Card>
    );
}

/** A tenant's last sixty minutes. */
function MinuteCharts({ name, minutes, until }: { name: string; minutes: Minutes; until: number }): VNode {
    const w = useStateWords();
    const f = useFormat();
    const { by_minute: by } = minutes;
    const n = by.requests.length;
    const times = by.requests.map((_, i) => until - (n - 1 - i) * by.every_ms);
    return (
        <div class="cards">
            <Chart title={w.minutesTitle(name)} hint={w.minutesHint} times={times} top={10} say={(v) => f.short(v)} lines={[{ name: w.output, values: by.answer_tokens }, { name: w.input, values: by.prompt_tokens }]} />
            <Chart title={w.minuteRequests(name)} hint={w.lastHour} times={times} top={4} say={(v) => f.short(v)} lines={[{ name: w.requestsEnded, values: by.requests }, { name: w.failed, values: by.failed, dash: true }]} />
        </div>
    );
}

/* ---- pages ---- */

function ServerState({ apiKey }: PageProps): VNode {
    const w = useStateWords();
    const title = useWords().pages.state;
    const [model, setModel] = useState("");
    const [tenant, setTenant] = useState<number | null>(null);
    const loaded = useServerState(apiKey, tenant);
    const names = loaded.data?.models.map((m) => m.model) ?? [];
    const chosen = names.includes(model) ? model : "";
    const choose = (
        <select aria-label={w.model} value={chosen} onChange={(e) => setModel(e.currentTarget.value)}>
            <option value="">{w.allModels}</option>
            {names.map((n) => <option value={n}>{n}</option>)}
        </select>
    );
    return (
        <Page title={title} lead={w.lead} actions={names.length > 1 ? choose : undefined}>
            <Shown of={loaded}>
                {(state) => {
                    const models = chosen ? state.models.filter((m) => m.model === chosen) : state.models;
                    const of = state.tenants.find((t) => t.id === tenant);
                    return (
                        <>
                            <Tiles state={state} models={models} />
                            {models.length > 0 && <Charts state={state} models={models} chosen={chosen} />}
                            <Models models={models} metered={state.metered} />
                            <Tenants tenants={state.tenants} metered={state.metered} chosen={of ? tenant : null} onChoose={setTenant} />
                            {of && state.minutes && <MinuteCharts key={tenant} name={of.tenant ?? ""} minutes={state.minutes} until={state.time_ms} />}
                        </>
                    );
                }}
            </Shown>
        </Page>
    );
}

function TenantPage({ apiKey, who }: PageProps): VNode {
    const w = useStateWords();
    const f = useFormat();
    const title = useWords().pages.state;
    const loaded = useTenantOnly(apiKey);
    return (
        <Page title={title} lead={w.leadTenant(who.tenant)}>
            <Shown of={loaded}>
                {({ minutes, metered, time_ms }) => (
                    <>
                        <Stats>
                            <Stat name={w.running} value={f.number(minutes.running)} />
                            <Stat name={w.requests} value={f.number(minutes.requests)} hint={w.lastHour} />
                            <Stat name={w.tokensOut} value={f.number(minutes.answer_tokens)} hint={w.lastHour} />
                            <Stat name={w.tokensIn} value={f.number(minutes.prompt_tokens)} hint={w.lastHour} />
                            <Stat name={w.firstMean} value={f.duration(minutes.first_token_ms)} hint={w.lastHour} />
                            <Stat name={w.errors} value={f.number(minutes.failed)} hint={w.lastHour} tone={minutes.failed ? "bad" : "plain"} />
                            {metered && <Stat name={w.energy} value={f.metric(minutes.energy_j, "J")} hint={w.lastHour} />}
                        </Stats>
                        {minutes.requests === 0 && <Card><Empty icon="pulse" text={w.quiet} /></Card>}
                        {minutes.requests > 0 && <MinuteCharts name={who.tenant} minutes={minutes} until={time_ms} />}
                    </>
                )}
            </Shown>
        </Page>
    );
}

export const StatePage = (props: PageProps): VNode => (props.who.admin ? <ServerState {...props} /> : <TenantPage {...props} />);
