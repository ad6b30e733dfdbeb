// The top of every page: name, navigation (on a phone it lies at the bottom), model, language, light and dark.
import type { VNode } from "preact";
import { Icon, Mark, type IconName } from "./icons";
import { pages } from "./pages";
import type { Prefs, Theme } from "./prefs";
import { hashOf, type PageName } from "./router";
import type { Model } from "./types";
import { useWords } from "./words";

const themes: Theme[] = ["auto", "light", "dark"];
const themeIcons = { auto: "auto", light: "sun", dark: "moon" } as const;

interface NavProps {
    page: PageName;
    chat: string; // the conversation that the chat's link comes back to, or ""
    busy: boolean; // an answer is being written there
}

function Nav({ page, chat, busy }: NavProps): VNode | null {
    const w = useWords();
    if (pages.length === 0) return null;
    const all: { name: PageName; icon: IconName }[] = [{ name: "chat", icon: "chat" }, ...pages];
    return (
        <nav class="nav" aria-label={w.navigation}>
            <ul>
                {all.map(({ name, icon }) => (
                    <li>
                        <a href={hashOf(name, name === "chat" ? chat : "")} aria-current={name === page ? "page" : undefined}>
                            <Icon name={icon} />
                            <span>{w.pages[name]}</span>
                            {name === "chat" && busy && page !== "chat" && <i class="nav-busy" title={w.answering}><span class="hidden">({w.answering})</span></i>}
                        </a>
                    </li>
                ))}
            </ul>
        </nav>
    );
}

interface HeadProps {
    prefs: Prefs;
    set(part: Partial<Prefs>): void;
    nav?: NavProps;
    models?: Model[];
    model?: string;
    onMenu?: () => void;
    onSettings?: () => void;
}

export function Head({ prefs, set, nav, models, model, onMenu, onSettings }: HeadProps): VNode {
    const w = useWords();
    const nextTheme = themes[(themes.indexOf(prefs.theme) + 1) % themes.length]!;
    const other = prefs.lang === "ko" ? "en" : "ko";
    return (
        <header class="head">
            {onMenu && (
                <button type="button" class="icon-button menu" onClick={onMenu} aria-label={w.menu} title={w.menu}>
                    <Icon name="menu" />
                </button>
            )}
            <div class="brand">
                <Mark />
                <strong>{w.product}</strong>
                <span>{w.tagline}</span>
            </div>
            {nav && <Nav {...nav} />}
            <div class="head-end">
                {models && models.length > 0 && (
                    <select class="models" aria-label={w.model} value={model} onChange={(e) => set({ model: e.currentTarget.value })}>
                        {models.map((m) => <option value={m.id}>{m.id}</option>)}
                    </select>
                )}
                <button type="button" class="text-button language" title={w.languageLabel} lang={other} onClick={() => set({ lang: other })}>
                    <span class="wide">{w.language}</span>
                    <span class="narrow">{w.languageShort}</span>
                </button>
                <button type="button" class="icon-button" aria-label={w.theme[prefs.theme]} title={w.theme[prefs.theme]} onClick={() => set({ theme: nextTheme })}>
                    <Icon name={themeIcons[prefs.theme]} />
                </button>
                {onSettings && (
                    <button type="button" class="icon-button" aria-label={w.settings} title={w.settings} onClick={onSettings}>
                        <Icon name="tune" />
                    </button>
                )}
            </div>
        </header>
    );
}
