// The page of usage and keys: what was used in a period, by day and by tenant, model or key; and who may come in.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { usage, usageCsv, type Usage, type UsageRow } from "./admin_api";
import { Failure } from "./api";
import { Bars, type Bar } from "./bars";
import { useFormat } from "./format";
import { Icon } from "./icons";
import { KeysCard } from "./keys";
import { useLoaded } from "./load";
import { Card, Empty, ErrorNote, Field, Page, Shown, Stat, Stats, Table, Tabs, type Column } from "./page";
import type { PageProps } from "./pages";
import type { Who } from "./types";
import { useWords } from "./words";
import { useAdminWords } from "./words_admin";

const dayMs = 86_400_000;
const daysMax = 3660;
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const msOf = (day: string): number => Date.parse(`${day}T00:00:00Z`);
const periods = [7, 30, 90] as const;

interface Span {
    from: string;
    to: string;
}

const lastDays = (n: number): Span => ({ from: dayOf(Date.now() - (n - 1) * dayMs), to: dayOf(Date.now()) });

const isSpan = ({ from, to }: Span): boolean => {
    const days = (msOf(to) - msOf(from)) / dayMs;
    return days >= 0 && days < daysMax;
};

/** Every day of the period, with those on which nothing was used. */
function everyDay({ from, to }: Span, rows: UsageRow[]): UsageRow[] {
    const byDay = new Map(rows.map((r) => [r.day, r]));
    const out: UsageRow[] = [];
    for (let ms = msOf(from); ms <= msOf(to) && out.length < daysMax; ms += dayMs) {
        const day = dayOf(ms);
        out.push(byDay.get(day) ?? { day, requests: 0, prompt_tokens: 0, cached_tokens: 0, answer_tokens: 0, energy_j: 0 });
    }
    return out;
}

const tokensOf = (r: UsageRow): number => r.prompt_tokens + r.answer_tokens;

function Totals({ total }: { total: UsageRow }): VNode {
    const w = useAdminWords();
    const f = useFormat();
    return (
        <Stats>
            <Stat name={w.allRequests} value={f.number(total.requests)} />
            <Stat name={w.promptTokens} value={f.number(total.prompt_tokens)} hint={`${w.cachedTokens} ${f.number(total.cached_tokens)}`} />
            <Stat name={w.answerTokens} value={f.number(total.answer_tokens)} />
            {total.energy_j > 0 && <Stat name={w.energy} value={f.metric(total.energy_j / 3600, "Wh")} />}
        </Stats>
    );
}

function Chart({ days }: { days: UsageRow[] }): VNode {
    const w = useAdminWords();
    const f = useFormat();
    const [what, setWhat] = useState<"tokens" | "requests">("tokens");
    const tokens = what === "tokens";
    const value = tokens ? tokensOf : (r: UsageRow) => r.requests;
    const most = days.reduce((a, b) => (value(b) > value(a) ? b : a), days[0]!);
    const bars: Bar[] = days.map((r) => ({
        label: f.date(msOf(r.day!)),
        parts: tokens ? [r.prompt_tokens, r.answer_tokens] : [r.requests, 0],
        said: tokens
            ? `${f.date(msOf(r.day!))}: ${w.promptTokens} ${f.number(r.prompt_tokens)}, ${w.answerTokens} ${f.number(r.answer_tokens)}`
            : `${f.date(msOf(r.day!))}: ${w.allRequests} ${w.times(r.requests)}`,
    }));
    const name = tokens ? w.showTokens : w.showRequests;
    const said = w.chart(name, bars[0]!.label, bars.at(-1)!.label, f.number(value(most)), f.date(msOf(most.day!)));
    return (
        <Card
            title={w.byDay}
            actions={
                <label class="inline-field">
                    <span class="hidden">{w.show}</span>
                    <select value={what} onChange={(e) => setWhat(e.currentTarget.value === "requests" ? "requests" : "tokens")}>
                        <option value="tokens">{w.showTokens}</option>
                        <option value="requests">{w.showRequests}</option>
                    </select>
                </label>
            }
        >
            <Bars bars={bars} said={said} legend={tokens ? [w.promptTokens, w.answerTokens] : [w.allRequests]} number={(v) => f.number(v)} />
        </Card>
    );
}

type By = "tenant" | "model" | "key";

function Rows({ data, by }: { data: Usage; by: By }): VNode {
    const w = useAdminWords();
    const f = useFormat();
    const all = tokensOf(data.total);
    const rows = [...data.rows].sort((a, b) => tokensOf(b) - tokensOf(a));
    const id = (r: UsageRow): string => `${r.tenant_id}/${r.key_id}/${r.model}`;
    const name: Column<UsageRow>[] =
        by === "key"
            ? [{ name: w.key, head: true, cell: (r) => r.key }, { name: w.tenant, cell: (r) => r.tenant }]
            : [{ name: w[by], head: true, cell: (r) => (by === "tenant" ? r.tenant : r.model) }];
    return (
        <Table
            label={w.by[by]}
            rows={rows}
            id={id}
            empty={w.noUsage}
            columns={[
                ...name,
                { name: w.allRequests, end: true, cell: (r) => f.number(r.requests) },
                { name: w.promptTokens, end: true, cell: (r) => f.number(r.prompt_tokens) },
                { name: w.answerTokens, end: true, cell: (r) => f.number(r.answer_tokens) },
                { name: w.share, end: true, cell: (r) => f.percent(all ? tokensOf(r) / all : 0, 1) },
            ]}
        />
    );
}

function Detail({ apiKey, who, span }: { apiKey: string; who: Who; span: Span }): VNode {
    const w = useAdminWords();
    const kinds: By[] = who.admin ? ["tenant", "model", "key"] : ["model", "key"];
    const [by, setBy] = useState<By>(kinds[0]!);
    const data = useLoaded(`${by} ${span.from} ${span.to}`, (signal) => usage(apiKey, who.admin, span.from, span.to, by, signal));
    const show = (): VNode => <Shown of={data}>{(d) => <Rows data={d} by={by} />}</Shown>;
    return (
        <Card>
            <Tabs label={w.show} tabs={kinds.map((k) => ({ id: k, name: w.by[k], show }))} current={by} onChange={(k) => setBy(k as By)} />
        </Card>
    );
}

/** Excel reads the file as Korean when it begins with the mark of UTF-8. */
function saveCsv(text: string, { from, to }: Span): void {
    const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
    const a = document.createElement("a");
    a.href = url;
    a.download = `sillok-usage-${from}-${to}.csv`;
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function Period({ span, onChange }: { span: Span; onChange(s: Span): void }): VNode {
    const w = useAdminWords();
    const [choice, setChoice] = useState<number>(30);
    const [own, setOwn] = useState(span);
    const choose = (n: number): void => {
        setChoice(n);
        if (n) onChange(lastDays(n));
        else setOwn(span);
    };
    const set = (part: Partial<Span>): void => {
        const next = { ...own, ...part };
        setOwn(next);
        if (isSpan(next)) onChange(next);
    };
    return (
        <div class="period">
            <div class="choices" role="radiogroup" aria-label={w.period}>
                {[...periods, 0].map((n) => (
                    <label>
                        <input type="radio" name="period" checked={choice === n} onChange={() => choose(n)} />
                        <span>{n ? w.days(n) : w.custom}</span>
                    </label>
                ))}
            </div>
            {choice === 0 && (
                <div class="period-own">
                    <Field label={w.from} wrong={isSpan(own) ? undefined : w.wrongDays}>
                        {(ids) => <input type="date" {...ids} value={own.from} max={own.to} onInput={(e) => set({ from: e.currentTarget.value })} />}
                    </Field>
                    <Field label={w.to}>
                        {(ids) => <input type="date" {...ids} value={own.to} min={own.from} onInput={(e) => set({ to: e.currentTarget.value })} />}
                    </Field>
                </div>
            )}
        </div>
    );
}

function Used({ apiKey, who }: { apiKey: string; who: Who }): VNode {
    const w = useAdminWords();
    const [span, setSpan] = useState(() => lastDays(30));
    const [failure, setFailure] = useState<Failure | null>(null);
    const days = useLoaded(`${span.from} ${span.to}`, (signal) => usage(apiKey, who.admin, span.from, span.to, "day", signal));
    const csv = async (): Promise<void> => {
        setFailure(null);
        try {
            saveCsv(await usageCsv(apiKey, who.admin, span.from, span.to), span);
        } catch (e) {
            setFailure(e instanceof Failure ? e : new Failure("server", String(e)));
        }
    };
    return (
        <>
            <div class="toolbar">
                <Period span={span} onChange={setSpan} />
                <button type="button" class="button quiet small" onClick={() => void csv()}><Icon name="save" />{w.csv}</button>
            </div>
            {failure && <ErrorNote failure={failure} />}
            <Shown of={days}>
                {(d) => (
                    <>
                        <Totals total={d.total} />
                        {d.total.requests > 0 ? <Chart days={everyDay(d, d.rows)} /> : <Card title={w.byDay}><Empty icon="key" text={w.noUsage} /></Card>}
                    </>
                )}
            </Shown>
            <Detail apiKey={apiKey} who={who} span={span} />
        </>
    );
}

export function UsagePage({ apiKey, who }: PageProps): VNode {
    const words = useWords();
    const w = useAdminWords();
    return (
        <Page title={words.pages.usage} lead={who.admin ? w.usageLead : `${w.usageOwn(who.tenant)} ${w.usageLead}`}>
            <Used apiKey={apiKey} who={who} />
            <KeysCard apiKey={apiKey} who={who} />
        </Page>
    );
}
