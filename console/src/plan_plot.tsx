// Plots of a plan: lines and areas in SVG, as wide as their place, with words for those who cannot see them.
import type { VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useFormat } from "./format";

export interface Line {
    name: string;
    colour: string; // a class
    of: number[];
    area?: boolean;
}

interface Props {
    title: string;
    text: string; // what it says, in words
    lines: Line[];
    limit?: { name: string; at: number };
    most: number; // of the vertical axis; the same for plots side by side
    ticks: { at: number; name: string }[]; // 0 to 1
}

const height = 220;
const pad = { left: 46, right: 10, top: 12, bottom: 26 };

/** Round steps for an axis up to most. */
export function steps(most: number): number[] {
    const rough = most / 4;
    const ten = 10 ** Math.floor(Math.log10(rough || 1));
    const step = [1, 2, 2.5, 5, 10].map((k) => k * ten).find((s) => s >= rough) ?? ten;
    const all: number[] = [];
    for (let v = 0; v <= most * 1.0001 && all.length < 12; v += step) all.push(v);
    return all;
}

function useWidth(): [number, (e: HTMLElement | null) => void] {
    const [width, setWidth] = useState(560);
    const seen = useRef<HTMLElement | null>(null);
    useLayoutEffect(() => {
        const watch = new ResizeObserver(([entry]) => setWidth(Math.max(240, Math.round(entry!.contentRect.width))));
        if (seen.current) watch.observe(seen.current);
        return () => watch.disconnect();
    }, []);
    return [width, (e) => void (seen.current = e)];
}

export function Plot({ title, text, lines, limit, most, ticks }: Props): VNode {
    const f = useFormat();
    const [width, place] = useWidth();
    const w = width - pad.left - pad.right;
    const h = height - pad.top - pad.bottom;
    const y = (v: number): number => pad.top + h * (1 - v / most);
    const x = (i: number, n: number): number => pad.left + (w * i) / Math.max(1, n - 1);
    const path = (of: number[]): string => of.map((v, i) => `${i ? "L" : "M"}${x(i, of.length).toFixed(1)} ${y(v).toFixed(1)}`).join("");
    return (
        <figure class="plot">
            <figcaption>
                <strong>{title}</strong>
                <span>{text}</span>
            </figcaption>
            <div ref={place}>
                <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={`${title}. ${text}`}>
                    {steps(most).map((v) => (
                        <g class="plot-grid">
                            <line x1={pad.left} x2={width - pad.right} y1={y(v)} y2={y(v)} />
                            <text x={pad.left - 8} y={y(v)} dy="0.35em" text-anchor="end">{f.number(v, v < 10 ? 1 : 0)}</text>
                        </g>
                    ))}
                    {ticks.map((t) => (
                        <text class="plot-tick" x={pad.left + w * t.at} y={height - 6} text-anchor={t.at > 0.97 ? "end" : t.at < 0.03 ? "start" : "middle"}>{t.name}</text>
                    ))}
                    {lines.filter((l) => l.area).map((l) => <path class={`plot-area ${l.colour}`} d={`${path(l.of)}L${x(l.of.length - 1, l.of.length)} ${y(0)}L${pad.left} ${y(0)}Z`} />)}
                    {lines.map((l) => <path class={`plot-line ${l.colour}`} d={path(l.of)} />)}
                    {limit && <line class="plot-limit" x1={pad.left} x2={width - pad.right} y1={y(limit.at)} y2={y(limit.at)} />}
                </svg>
            </div>
            <ul class="plot-key" aria-hidden="true">
                {lines.map((l) => <li class={l.colour}>{l.name}</li>)}
                {limit && <li class="limit">{limit.name}</li>}
            </ul>
        </figure>
    );
}
