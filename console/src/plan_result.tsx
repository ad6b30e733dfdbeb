// What a plan gives: tiles, figures, all results; of two variants with their differences.
import type { VNode } from "preact";
import { useFormat } from "./format";
import { Icon } from "./icons";
import { Card, Stat, Stats, Table, type Column } from "./page";
import type { Columns, Result, Run } from "./plan_data";
import { Plot, type Line } from "./plan_plot";
import { resultName, said, saidChange, saidWhole, usePlanWords, type PlanWords } from "./plan_words";
import { useWords } from "./words";

export interface Shown {
    name: string; // "A", "B"
    run: Run;
}

const find = (run: Run, key: string, of = ""): Result | undefined => run.results.find((r) => r.key === key && (r.of ?? "") === of);
const valueOf = (run: Run, key: string): number => find(run, key)?.value ?? NaN;
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/* ---- tiles ---- */

export function Tiles({ run }: { run: Run }): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const f = useFormat();
    const contract = valueOf(run, "power.contract");
    const hint = (r: Result): string | undefined => (r.key === "power.import_peak" && contract > 0 ? w.limit(f.percent(r.value! / contract)) : undefined);
    return (
        <Stats>
            {Object.entries(w.tiles).map(([key, name]) => {
                const r = find(run, key);
                if (!r) return null;
                const [number, unit] = said(r.value, r.unit, lang);
                return <Stat key={key} name={name} value={number} unit={unit} hint={hint(r)} />;
            })}
        </Stats>
    );
}

/* ---- comparison ---- */

interface Row {
    a: Result;
    b: Result;
}

function pairs(a: Run, b: Run, all: boolean): Row[] {
    const rows: Row[] = [];
    for (const r of a.results) {
        const other = find(b, r.key, r.of);
        if (other && r.key !== "constraint.hours" && (all || r.screen || other.screen)) rows.push({ a: r, b: other });
    }
    return rows;
}

function change(row: Row, lang: "ko" | "en", w: PlanWords): string {
    if (row.a.value === null || row.b.value === null) return "–";
    const d = row.b.value - row.a.value;
    return Math.abs(d) < 1e-9 * Math.abs(row.a.value) ? w.same : saidChange(d, row.a.unit, lang);
}

export function Compared({ a, b }: { a: Run; b: Run }): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const f = useFormat();
    const ratio = (row: Row): string => {
        if (!row.a.value || row.b.value === null || row.a.unit === "%") return "";
        const part = row.b.value / row.a.value - 1;
        return Math.abs(part) < 1e-9 ? "" : `${part > 0 ? "+" : "−"}${f.percent(Math.abs(part), 1)}`;
    };
    const columns: Column<Row>[] = [
        { name: w.item, head: true, cell: (r) => resultName(r.a, lang, w) },
        { name: w.variant("A"), end: true, cell: (r) => saidWhole(r.a.value, r.a.unit, lang) },
        { name: w.variant("B"), end: true, cell: (r) => saidWhole(r.b.value, r.b.unit, lang) },
        { name: w.difference, end: true, cell: (r) => change(r, lang, w) },
        { name: w.ratio, end: true, cell: ratio },
    ];
    return (
        <Card title={w.compare} hint={w.compareHint}>
            <Table label={w.compare} columns={columns} rows={pairs(a, b, false)} id={(r) => r.a.key + (r.a.of ?? "")} />
        </Card>
    );
}

/* ---- figures ---- */

const mean = (of: number[]): number => of.reduce((s, v) => s + v, 0) / of.length;
const most = (of: number[]): number => of.reduce((s, v) => Math.max(s, v), 0);
const some = (of: number[]): boolean => most(of) > 0;

function dayName(day: number, w: PlanWords): string {
    let month = 0;
    while (month < 11 && day >= monthDays[month]!) day -= monthDays[month++]!;
    return w.day(month + 1, day + 1);
}

function linesOf(c: Columns, w: PlanWords): Line[] {
    const lines: Line[] = [
        { name: w.lines.load, colour: "load", of: c.load },
        { name: w.lines.import, colour: "import", of: c.import, area: true },
    ];
    if (some(c.pv)) lines.push({ name: w.lines.pv, colour: "pv", of: c.pv, area: true });
    if (some(c.wind)) lines.push({ name: w.lines.wind, colour: "wind", of: c.wind });
    if (some(c.discharge)) lines.push({ name: w.lines.discharge, colour: "battery", of: c.discharge });
    return lines;
}

const monthTicks = (w: PlanWords): { at: number; name: string }[] =>
    [0, 2, 4, 6, 8, 10].map((m) => ({ at: monthDays.slice(0, m).reduce((s, d) => s + d, 0) / 365, name: w.month(m + 1) }));

/** The highest of all variants: their axes are the same. */
const ceiling = (all: Shown[]): number => most(all.flatMap((s) => [most(s.run.series.duration.load), valueOf(s.run, "power.contract") || 0])) * 1.05 || 1;

function Year({ run, top, title }: { run: Run; top: number; title: string }): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const contract = valueOf(run, "power.contract");
    const day = run.series.day;
    const text = w.yearText(saidWhole(mean(day.load), "MW", lang), saidWhole(valueOf(run, "power.import_peak"), "MW", lang), saidWhole(contract, "MW", lang));
    return <Plot title={title} text={text} lines={linesOf(day, w)} limit={{ name: w.lines.contract, at: contract }} most={top} ticks={monthTicks(w)} />;
}

function Week({ run, top, title }: { run: Run; top: number; title: string }): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const { week, week_from_day: from } = run.series;
    const ticks = [0, 2, 4, 6].map((d) => ({ at: d / 7, name: dayName(from + d, w) }));
    const text = w.weekText(dayName(from, w), saidWhole(most(week.import), "MW", lang));
    return <Plot title={title} text={text} lines={linesOf(week, w)} limit={{ name: w.lines.contract, at: valueOf(run, "power.contract") }} most={top} ticks={ticks} />;
}

function Duration({ run, top, title }: { run: Run; top: number; title: string }): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const d = run.series.duration;
    const ticks = [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, name: `${100 * at}%` }));
    const text = w.durationText(saidWhole(d.import[2]!, "MW", lang), saidWhole(d.import[100]!, "MW", lang));
    const lines: Line[] = [
        { name: w.lines.load, colour: "load", of: d.load },
        { name: w.lines.import, colour: "import", of: d.import, area: true },
    ];
    return <Plot title={title} text={text} lines={lines} limit={{ name: w.lines.contract, at: valueOf(run, "power.contract") }} most={top} ticks={ticks} />;
}

interface Month {
    month: number;
    of: Columns;
    from: number;
}

function MonthTable({ run }: { run: Run }): VNode {
    const w = usePlanWords();
    const f = useFormat();
    const rows: Month[] = monthDays.map((_, m) => ({ month: m + 1, of: run.series.day, from: monthDays.slice(0, m).reduce((s, d) => s + d, 0) }));
    const column = (name: string, key: keyof Columns): Column<Month> => ({ name, end: true, cell: (r) => f.number(mean(r.of[key].slice(r.from, r.from + monthDays[r.month - 1]!)), 1) });
    const columns = [
        { name: "", head: true, cell: (r: Month) => w.month(r.month) },
        column(w.lines.load, "load"),
        column(w.lines.import, "import"),
        column(w.lines.pv, "pv"),
        column(w.lines.wind, "wind"),
        column(w.lines.discharge, "discharge"),
    ];
    return <Table label={w.monthly} columns={columns} rows={rows} id={(r) => r.month} />;
}

export function Figures({ shown }: { shown: Shown[] }): VNode {
    const w = usePlanWords();
    const top = ceiling(shown);
    const name = (title: string, s: Shown): string => (shown.length > 1 ? `${title} · ${w.variant(s.name)}` : title);
    return (
        <Card title={w.figures}>
            <div class={shown.length > 1 ? "plots pair" : "plots"}>
                {shown.map((s) => <Year run={s.run} top={top} title={name(w.year, s)} />)}
                {shown.map((s) => <Week run={s.run} top={top} title={name(w.week, s)} />)}
                {shown.map((s) => <Duration run={s.run} top={top} title={name(w.duration, s)} />)}
            </div>
            {shown.map((s) => (
                <details class="plan-more">
                    <summary>{name(w.asTable, s)}: {w.monthly}</summary>
                    <MonthTable run={s.run} />
                </details>
            ))}
        </Card>
    );
}

/* ---- the rest ---- */

/** Where the energy comes from, as one bar and in words. */
export function Sources({ run }: { run: Run }): VNode | null {
    const w = usePlanWords();
    const { lang } = useWords();
    const f = useFormat();
    const parts = Object.entries(w.sources).map(([key, name]) => ({ key, name, gwh: valueOf(run, key) || 0 })).filter((p) => p.gwh > 0);
    const all = parts.reduce((s, p) => s + p.gwh, 0);
    if (!all) return null;
    const colours: Record<string, string> = { "energy.import": "import", "energy.pv": "pv", "energy.wind": "wind", "energy.battery_out": "battery" };
    let from = 0;
    return (
        <div class="plan-sources">
            <h3>{w.source}</h3>
            <svg viewBox="0 0 1000 28" preserveAspectRatio="none" aria-hidden="true">
                {parts.map((p) => {
                    const at = from;
                    from += (1000 * p.gwh) / all;
                    return <rect class={colours[p.key]} x={at} width={Math.max(0, from - at - (from < 999 ? 3 : 0))} height="28" />;
                })}
            </svg>
            <ul class="plot-key">
                {parts.map((p) => <li class={colours[p.key]}>{p.name} {saidWhole(p.gwh, "GWh", lang)} ({f.percent(p.gwh / all, 1)})</li>)}
            </ul>
        </div>
    );
}

export function AllResults({ run }: { run: Run }): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    const columns: Column<Result>[] = [
        { name: w.item, head: true, cell: (r) => resultName(r, lang, w) },
        { name: w.value, end: true, cell: (r) => saidWhole(r.value, r.unit, lang) },
    ];
    return (
        <details class="plan-more">
            <summary>{w.all}</summary>
            {Object.entries(w.sections).map(([id, name]) => {
                const rows = run.results.filter((r) => r.section === id);
                return rows.length > 0 && (
                    <section>
                        <h3>{name}</h3>
                        <Table label={name} columns={columns} rows={rows} id={(r) => r.key + (r.of ?? "") + r.en} />
                    </section>
                );
            })}
        </details>
    );
}

export function Notes({ run }: { run: Run }): VNode {
    const w = usePlanWords();
    const { lang } = useWords();
    return (
        <Card title={w.notes}>
            <ul class="plan-notes">
                {run.notes.map((n) => <li><Icon name="alert" /><span>{n[lang]}</span></li>)}
            </ul>
        </Card>
    );
}
