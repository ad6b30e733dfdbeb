// Numbers as people of either language read them: separators, units, times. Intl's makers are slow to make, so they are kept.
import type { Lang } from "./prefs";
import { useWords } from "./words";

const units = {
    ko: { ms: "밀리초", s: "초", min: "분", h: "시간", d: "일", now: "방금", ago: (t: string) => `${t} 전`, perS: (v: string, u: string) => `초당 ${v}${u}` },
    en: { ms: "ms", s: "s", min: "min", h: "h", d: "d", now: "just now", ago: (t: string) => `${t} ago`, perS: (v: string, u: string) => `${v} ${u}/s` },
} as const;
const sizes = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const prefixes: [number, string][] = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];

/** Where a number is not known, every one of them says "–". */
export interface Format {
    number(v: number | null | undefined, digits?: number): string; // 1,234.5
    short(v: number | null | undefined): string; // three figures: 0.123, 12.3, 1,235
    percent(part: number | null | undefined, digits?: number): string; // of 0 to 1
    bytes(v: number | null | undefined): string; // 1.5 GiB
    metric(v: number | null | undefined, unit: string): string; // 1.5 MW
    duration(ms: number | null | undefined): string; // 350 ms, 2.5 s, 3 min 20 s, 2 d 4 h
    perSecond(v: number | null | undefined, unit: string): string; // of "토큰", "tokens"
    dateTime(unixMs: number | null | undefined): string;
    date(unixMs: number | null | undefined): string;
    time(unixMs: number | null | undefined): string; // 14:05:09
    ago(unixMs: number | null | undefined, now?: number): string;
}

const none = "–";
type Known = (v: number) => string;
const known = (f: Known) => (v: number | null | undefined): string => (v === null || v === undefined || Number.isNaN(v) ? none : f(v));

function durationIn(lang: Lang, number: (v: number, digits?: number) => string): Known {
    const u = units[lang];
    const gap = lang === "ko" ? "" : " ";
    const two = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
        small ? `${number(big)}${gap}${bigUnit} ${small}${gap}${smallUnit}` : `${number(big)}${gap}${bigUnit}`;
    return (ms) => {
        if (ms < 1000) return `${number(ms, ms < 10 ? 1 : 0)}${gap}${u.ms}`;
        const s = ms / 1000;
        if (s < 59.95) return `${number(s, s < 10 ? 2 : 1)}${gap}${u.s}`;
        const whole = Math.round(s);
        if (whole < 3600) return two(Math.floor(whole / 60), u.min, whole % 60, u.s);
        if (whole < 86400) return two(Math.floor(whole / 3600), u.h, Math.floor(whole / 60) % 60, u.min);
        return two(Math.floor(whole / 86400), u.d, Math.floor(whole / 3600) % 24, u.h);
    };
}

function make(lang: Lang): Format {
    const u = units[lang];
    const digitsOf = new Map<number, Intl.NumberFormat>();
    const number = (v: number, digits = 0): string => {
        let f = digitsOf.get(digits);
        if (!f) digitsOf.set(digits, (f = new Intl.NumberFormat(lang, { maximumFractionDigits: digits })));
        return f.format(v);
    };
    const short = (v: number): string => number(v, Math.abs(v) >= 100 ? 0 : Math.abs(v) >= 10 ? 1 : Math.abs(v) >= 1 ? 2 : 3);
    const times = (options: Intl.DateTimeFormatOptions): Known => {
        const f = new Intl.DateTimeFormat(lang, options);
        return (ms) => f.format(ms);
    };
    const duration = durationIn(lang, number);
    const bytes: Known = (v) => {
        let k = 0;
        for (; v >= 1024 && k < sizes.length - 1; k++) v /= 1024;
        return `${k ? short(v) : number(v)} ${sizes[k]}`;
    };
    const dateTime = times({ dateStyle: "medium", timeStyle: "medium" });
    return {
        number: (v, digits) => known((x) => number(x, digits))(v),
        short: known(short),
        percent: (part, digits = 0) => known((x) => `${number(x * 100, digits)}%`)(part),
        bytes: known(bytes),
        metric: (v, unit) =>
            known((x) => {
                const [scale, prefix] = prefixes.find(([s]) => Math.abs(x) >= s) ?? [1, ""];
                return `${short(x / scale)} ${prefix}${unit}`;
            })(v),
        duration: known(duration),
        perSecond: (v, unit) => known((x) => u.perS(short(x), unit))(v),
        dateTime: known(dateTime),
        date: known(times({ dateStyle: "medium" })),
        time: known(times({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" })),
        ago: (ms, now = Date.now()) => known((x) => (now - x < 1000 ? u.now : u.ago(duration(Math.floor((now - x) / 1000) * 1000))))(ms),
    };
}

const kept = new Map<Lang, Format>();

export function formatOf(lang: Lang): Format {
    let f = kept.get(lang);
    if (!f) kept.set(lang, (f = make(lang)));
    return f;
}

export const useFormat = (): Format => formatOf(useWords().lang);
