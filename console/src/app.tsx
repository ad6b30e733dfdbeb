// The whole page: head, conversations, the one that is shown, and its settings.
import type { VNode } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { Failure, models as askModels } from "./api";
import { Composer } from "./composer";
import { Connecting, KeyForm, Unreachable } from "./door";
import * as history from "./history";
import { Icon, Mark } from "./icons";
import { Panel } from "./panel";
import { loadKey, loadPrefs, saveKey, savePrefs, showTheme, type Prefs, type Theme } from "./prefs";
import { Sidebar } from "./sidebar";
import { emptyConversation, useTalk } from "./talk";
import { Thread } from "./thread";
import type { Model } from "./types";
import { useWords, WordsContext, wordsOf } from "./words";

const themes: Theme[] = ["auto", "light", "dark"];
const themeIcons = { auto: "auto", light: "sun", dark: "moon" } as const;

interface HeadProps {
    prefs: Prefs;
    set(part: Partial<Prefs>): void;
    models: Model[];
    model: string;
    onMenu?: () => void;
    onSettings?: () => void;
}

function Head({ prefs, set, models, model, onMenu, onSettings }: HeadProps): VNode {
    const w = useWords();
    const nextTheme = themes[(themes.indexOf(prefs.theme) + 1) % themes.length]!;
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
            {models.length > 0 && (
                <select class="models" aria-label={w.model} value={model} onChange={(e) => set({ model: e.currentTarget.value })}>
                    {models.map((m) => <option value={m.id}>{m.id}</option>)}
                </select>
            )}
            <button type="button" class="text-button language" title={w.languageLabel} lang={prefs.lang === "ko" ? "en" : "ko"} onClick={() => set({ lang: prefs.lang === "ko" ? "en" : "ko" })}>
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
        </header>
    );
}

interface Server {
    models: Model[] | null; // null: not known yet
    failure: Failure | null;
    retry(): void;
}

function useServer(key: string): Server {
    const [models, setModels] = useState<Model[] | null>(null);
    const [failure, setFailure] = useState<Failure | null>(null);
    const [tries, setTries] = useState(0);
    useEffect(() => {
        let live = true;
        setFailure(null);
        askModels(key).then(
            (m) => live && setModels(m),
            (e) => live && setFailure(e instanceof Failure ? e : new Failure("server", String(e))),
        );
        return () => void (live = false);
    }, [key, tries]);
    return { models, failure, retry: () => setTries((n) => n + 1) };
}

function useOnline(): boolean {
    const [online, setOnline] = useState(navigator.onLine);
    useEffect(() => {
        const update = (): void => void setOnline(navigator.onLine);
        addEventListener("online", update);
        addEventListener("offline", update);
        return () => (removeEventListener("online", update), removeEventListener("offline", update));
    }, []);
    return online;
}

interface ChatProps {
    prefs: Prefs;
    set(part: Partial<Prefs>): void;
    apiKey: string;
    models: Model[];
    onForget(): void;
}

function Chat({ prefs, set, apiKey, models, onForget }: ChatProps): VNode {
    const w = useWords();
    const [version, setVersion] = useState(0);
    const [side, setSide] = useState(false);
    const [settings, setSettings] = useState(false);
    const online = useOnline();
    const changed = useCallback(() => setVersion((n) => n + 1), []);
    const model = models.some((m) => m.id === prefs.model) ? prefs.model : (models[0]?.id ?? "");
    const talk = useTalk({ key: apiKey, model, prefs, onKept: changed });
    const current = talk.conversation.id;

    const show = async (id: string): Promise<void> => {
        const c = await history.load(id);
        if (c) talk.open(c);
        location.hash = id;
        setSide(false);
    };
    const begin = (): void => {
        talk.open(emptyConversation(prefs.system));
        window.history.replaceState(null, "", "/");
        setSide(false);
    };
    useEffect(() => {
        const id = location.hash.slice(1);
        if (id) void history.load(id).then((c) => c && talk.open(c));
    }, []);
    useEffect(() => {
        if (talk.conversation.messages.length) window.history.replaceState(null, "", `#${current}`);
    }, [current, talk.conversation.messages.length]);
    useEffect(() => {
        const onKey = (e: KeyboardEvent): void => void (e.key === "Escape" && setSide(false));
        addEventListener("keydown", onKey);
        return () => removeEventListener("keydown", onKey);
    }, []);

    return (
        <>
            <Head prefs={prefs} set={set} models={models} model={model} onMenu={() => setSide(!side)} onSettings={() => setSettings(true)} />
            <div class={side ? "body side-open" : "body"}>
                <Sidebar version={version} current={current} onOpen={(id) => void show(id)} onNew={begin} onDeleted={(id) => (changed(), id === current && begin())} onChanged={changed} />
                {side && <div class="shade" onClick={() => setSide(false)} />}
                <main class="stage">
                    {!online && <p class="offline" role="status"><Icon name="alert" />{w.offline}</p>}
                    <Thread talk={talk} ready={model !== "" && online} />
                    <Composer busy={talk.busy !== null} ready={model !== "" && online} onSend={(t) => talk.say(t)} onStop={talk.stop} />
                </main>
            </div>
            {settings && (
                <Panel
                    system={talk.conversation.system}
                    sampling={prefs.sampling}
                    hasKey={apiKey !== ""}
                    onSystem={(system) => talk.change({ system })}
                    onSampling={(sampling) => set({ sampling })}
                    onForget={onForget}
                    onClose={() => setSettings(false)}
                />
            )}
        </>
    );
}

export function App(): VNode {
    const [prefs, setPrefs] = useState(loadPrefs);
    const [key, setKey] = useState(loadKey);
    const server = useServer(key);
    const words = wordsOf(prefs.lang);
    const set = (part: Partial<Prefs>): void => {
        const next = { ...prefs, ...part };
        setPrefs(next);
        savePrefs(next);
    };
    const take = (k: string): void => {
        saveKey(k);
        setKey(k);
        server.retry();
    };
    useEffect(() => showTheme(prefs), [prefs]);
    const door = (inside: VNode): VNode => (
        <>
            <Head prefs={prefs} set={set} models={[]} model="" />
            {inside}
        </>
    );
    const page = (): VNode => {
        if (server.failure?.kind === "key") return door(<KeyForm wrong={key !== ""} onKey={take} />);
        if (server.failure && !server.models) return door(<Unreachable failure={server.failure} onRetry={server.retry} />);
        if (!server.models) return door(<Connecting />);
        return <Chat prefs={prefs} set={set} apiKey={key} models={server.models} onForget={() => take("")} />;
    };
    return (
        <WordsContext.Provider value={words}>
            <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), document.querySelector<HTMLElement>("textarea, #key")?.focus())}>{words.skip}</a>
            {page()}
        </WordsContext.Provider>
    );
}
