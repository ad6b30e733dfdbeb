// A bar for each day, of one or two parts. The picture is told in one sentence; the figures stand in a table beside it.
import type { VNode } from "preact";

export interface Bar {
    label: string; // the day
    parts: [number, number];
    said: string; // the figures, when the pointer is on it
}

/** A round number at least as large: 1, 2 or 5 and zeros. */
export function roundUp(v: number): number {
    if (v <= 0) return 1;
    const unit = 10 ** Math.floor(Math.log10(v));
    return [1, 2, 5, 10].map((k) => k * unit).find((k) => k >= v)!;
}

interface Props {
    bars: Bar[];
    said: string;
    legend: string[];
    number(v: number): string;
}

export function Bars({ bars, said, legend, number }: Props): VNode {
    const top = roundUp(Math.max(...bars.map((b) => b.parts[0] + b.parts[1]), 0));
    const marks = [...new Set([0, Math.floor((bars.length - 1) / 2), bars.length - 1])];
    return (
        <figure class="bars-figure">
            {legend.length > 1 && (
                <ul class="bars-legend" aria-hidden="true">
                    {legend.map((name, i) => <li><i class={i ? "two" : "one"} />{name}</li>)}
                </ul>
            )}
            <div class="bars" role="img" aria-label={said}>
                <div class="bars-scale" aria-hidden="true"><span>{number(top)}</span><span>{number(top / 2)}</span><span>0</span></div>
                <div class="bars-plot" aria-hidden="true">
                    {bars.map((b) => (
                        <div class="bar" title={b.said}>
                            <i class="two" style={{ height: `${(100 * b.parts[1]) / top}%` }} />
                            <i class="one" style={{ height: `${(100 * b.parts[0]) / top}%` }} />
                        </div>
                    ))}
                </div>
                <div class="bars-days" aria-hidden="true">{marks.map((i) => <span>{bars[i]?.label}</span>)}</div>
            </div>
        </figure>
    );
}
