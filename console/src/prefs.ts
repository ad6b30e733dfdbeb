// Choices that are remembered. The key of the server lives with the tab alone.
import type { Sampling } from "./types";

export type Lang = "ko" | "en";
export type Theme = "auto" | "light" | "dark";

export interface Prefs {
    lang: Lang;
    theme: Theme;
    model: string;
    system: string;
    sampling: Sampling;
}

const defaults: Prefs = {
    lang: "ko",
    theme: "auto",
    model: "",
    system: "",
    sampling: { temperature: 0.7, top_p: 0.9, top_k: 0, max_tokens: 0, seed: "" },
};

// A browser may refuse storage; the page then works without memory.
function read(store: () => Storage, name: string): string | null {
    try {
        return store().getItem(name);
    } catch {
        return null;
    }
}

function write(store: () => Storage, name: string, value: string): void {
    try {
        store().setItem(name, value);
    } catch {
        // not remembered
    }
}

const local = () => localStorage;
const session = () => sessionStorage;

export function loadPrefs(): Prefs {
    try {
        const kept = JSON.parse(read(local, "sillok.prefs") ?? "{}");
        return { ...defaults, ...kept, sampling: { ...defaults.sampling, ...kept.sampling } };
    } catch {
        return defaults;
    }
}

export const savePrefs = (p: Prefs): void => write(local, "sillok.prefs", JSON.stringify(p));
export const defaultSampling = defaults.sampling;

export const loadKey = (): string => read(session, "sillok.key") ?? "";
export const saveKey = (key: string): void => write(session, "sillok.key", key);

/** The record's public key that this browser saw first. */
export const trustedRecordKey = (): string | null => read(local, "sillok.record-key");
export const trustRecordKey = (vkey: string): void => write(local, "sillok.record-key", vkey);

export function showTheme(p: Prefs): void {
    const root = document.documentElement;
    root.lang = p.lang;
    if (p.theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = p.theme;
}
