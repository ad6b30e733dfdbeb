// Lines over time, drawn by uPlot on a canvas, with a legend that says the numbers and the same as a table.
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { useFormat, type Format } from "./format";
import { Table } from "./page";
import { ownWords } from "./words";

export type Values = (number | null)[];

export interface Line {
    name: string;
    values: Values; // as many as there are times
    dash?: boolean;
}

interface Props {
    title: string;
    hint?: string;
    times: number[]; // ms of Unix time
    lines: Line[];
    say(v: number | null | undefined): string; // a value with its unit
    top?: number; // the axis reaches it at least
    empty?: string;
}

const useOwn = ownWords({
    ko: {
        mean: "평균", most: "최대", now: "지금", at: "시각", asTable: "표로 보기", none: "아직 잰 값이 없습니다.",
        summary: (name: string, now: string, mean: string, most: string) => `${name}: 지금 ${now}, 평균 ${mean}, 최대 ${most}`,
    },
    en: {
        mean: "Mean", most: "Most", now: "Now", at: "Time", asTable: "Show as a table", none: "Nothing was measured yet.",
        summary: (name: string, now: string, mean: string, most: string) => `${name}: now ${now}, mean ${mean}, most ${most}`,
    },
});

const height = 190;
const shortest = 300; // seconds that the axis spans at least; an hour at most
const longest = 3600;

interface Colours {
    font: string;
    text: string;
    grid: string;
    lines: string[];
}

function coloursOf(element: Element): Colours {
    const style = getComputedStyle(element);
    const of = (name: string): string => style.getPropertyValue(name).trim();
    return { font: `12px ${style.fontFamily}`, text: of("--text-subtle"), grid: of("--line"), lines: [1, 2, 3, 4, 5, 6].map((n) => of(`--chart-${n}`)) };
}

/** Changes when the page turns dark or light. */
function useTheme(): number {
    const [n, setN] = useState(0);
    useEffect(() => {
        const changed = (): void => setN((k) => k + 1);
        const system = matchMedia("(prefers-color-scheme: dark)");
        const watch = new MutationObserver(changed);
        watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
        system.addEventListener("change", changed);
        return () => (watch.disconnect(), system.removeEventListener("change", changed));
    }, []);
    return n;
}

const stats = (values: Values): { last: number | null; mean: number | null; most: number | null } => {
    const known = values.filter((v): v is number => v !== null);
    if (!known.length) return { last: null, mean: null, most: null };
    return { last: values.at(-1) ?? null, mean: known.reduce((a, b) => a + b, 0) / known.length, most: known.reduce((a, b) => Math.max(a, b)) };
};

interface Draw {
    colours: Colours;
    width: number;
    lines: Line[];
    format: Format;
    say: Props["say"];
    top: number;
    onAt(i: number | null): void;
}

function optionsOf({ colours, width, lines, format, say, top, onAt }: Draw): uPlot.Options {
    const axis: uPlot.Axis = { stroke: colours.text, font: colours.font, ticks: { show: false }, grid: { stroke: colours.grid, width: 1 } };
    return {
        width,
        height,
        padding: [10, 12, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false, setScale: false }, points: { size: 6 }, y: false, sync: { key: "state" } },
        scales: {
            x: { time: true, range: (_, min, max) => [max - Math.min(longest, Math.max(shortest, max - min)), max] },
            y: { range: (_, __, max) => [0, Math.max(top, (max ?? 0) * 1.08)] },
        },
        axes: [
            { ...axis, values: (_, at) => at.map((t) => format.time(t * 1000).slice(0, 5)), space: 70, size: 26, grid: { show: false } },
            { ...axis, values: (_, at) => at.map((v) => say(v)), size: (_, at) => 16 + 8 * Math.max(0, ...(at ?? []).map((v) => v.length)), space: 44, gap: 6 },
        ],
        series: [{}, ...lines.map((l, i) => ({ label: l.name, stroke: colours.lines[i % 6]!, width: 2, points: { show: false }, ...(l.dash && { dash: [5, 4] }) }))],
        hooks: { setCursor: [(u) => onAt(u.cursor.idx ?? null)] },
    };
}

interface Row {
    time: number;
    values: Values;
}

/** At most a dozen rows of equal times, newest first: means. */
function rowsOf(times: number[], lines: Line[]): Row[] {
    const step = Math.max(1, Math.ceil(times.length / 12));
    const rows: Row[] = [];
    for (let i = 0; i < times.length; i += step)
        rows.push({ time: times[Math.min(i + step, times.length) - 1]!, values: lines.map((l) => stats(l.values.slice(i, i + step)).mean) });
    return rows.reverse();
}

export function Chart({ title, hint, times, lines, say, top = 1, empty }: Props): VNode {
    const w = useOwn();
    const format = useFormat();
    const theme = useTheme();
    const box = useRef<HTMLDivElement>(null);
    const plot = useRef<uPlot | null>(null);
    const [at, setAt] = useState<number | null>(null);
    const [open, setOpen] = useState(false);
    const any = lines.some((l) => l.values.some((v) => v !== null));
    const names = lines.map((l) => l.name).join("\n");
    const data = (): uPlot.AlignedData => [times.map((t) => t / 1000), ...lines.map((l) => l.values)];
    useEffect(() => {
        const b = box.current;
        if (!b || !any) return;
        const draw = { colours: coloursOf(b), width: b.clientWidth, lines, format, say, top, onAt: setAt };
        const u = new uPlot(optionsOf(draw), data(), b);
        const watch = new ResizeObserver(() => u.setSize({ width: b.clientWidth, height }));
        watch.observe(b);
        plot.current = u;
        return () => (watch.disconnect(), u.destroy(), (plot.current = null));
    }, [theme, names, format, any]);
    useEffect(() => plot.current?.setData(data()), [times, lines]);
    const i = at !== null && at < times.length ? at : times.length - 1;
    const told = lines.map((l) => {
        const s = stats(l.values);
        return w.summary(l.name, say(s.last), say(s.mean), say(s.most));
    });
    return (
        <figure class="card chart">
            <figcaption>
                <h2>{title}</h2>
                {hint && <p>{hint}</p>}
            </figcaption>
            {any ? (
                <>
                    <ul class="legend" aria-hidden="true">
                        {lines.map((l, k) => (
                            <li>
                                <i class={`marker colour-${(k % 6) + 1}${l.dash ? " dash" : ""}`} />
                                <span>{l.name}</span>
                                <b>{say(l.values[i])}</b>
                            </li>
                        ))}
                        {at !== null && at < times.length && <li class="legend-time">{format.time(times[i])}</li>}
                    </ul>
                    <div class="plot" ref={box} role="img" aria-label={`${title}. ${told.join(". ")}.`} />
                    <details class="chart-table" onToggle={(e) => setOpen(e.currentTarget.open)}>
                        <summary>{w.asTable}</summary>
                        {open && (
                            <Table<Row>
                                label={title}
                                id={(r) => r.time}
                                rows={rowsOf(times, lines)}
                                columns={[{ name: w.at, head: true, cell: (r) => format.time(r.time) }, ...lines.map((l, k) => ({ name: l.name, end: true, cell: (r: Row) => say(r.values[k]) }))]}
                            />
                        )}
                    </details>
                </>
            ) : (
                <p class="chart-none">{empty ?? w.none}</p>
            )}
        </figure>
    );
}
