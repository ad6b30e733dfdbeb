// The whole page: the door, then the console: head, navigation, and the page that the address names. The conversation lives
// here, above the pages, so that an answer goes on being written while another page is shown.
import type { VNode } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { KeyContext } from "./access";
import { Failure, models as askModels, whoami } from "./api";
import { Chat } from "./chat";
import { Connecting, KeyForm, Unreachable } from "./door";
import { Head } from "./head";
import * as history from "./history";
import { Icon } from "./icons";
import { pages } from "./pages";
import { loadKey, loadPrefs, saveKey, savePrefs, showTheme, type Prefs } from "./prefs";
import { useRouter, type Place, type Router } from "./router";
import { emptyConversation, useTalk, type Talk } from "./talk";
import type { Model, Who } from "./types";
import { useWords, WordsContext, wordsOf } from "./words";

interface Server {
    models: Model[] | null; // null: not known yet
    who: Who | null;
    failure: Failure | null;
    retry(): void;
}

function useServer(key: string): Server {
    const [known, setKnown] = useState<[Model[], Who] | null>(null);
    const [failure, setFailure] = useState<Failure | null>(null);
    const [tries, setTries] = useState(0);
    useEffect(() => {
        let live = true;
        setFailure(null);
        Promise.all([askModels(key), whoami(key)]).then(
            (both) => live && setKnown(both),
            (e) => live && setFailure(e instanceof Failure ? e : new Failure("server", String(e))),
        );
        return () => void (live = false);
    }, [key, tries]);
    useEffect(() => {
        const again = (): void => setTries((n) => n + 1); // the page of models has loaded or unloaded one
        addEventListener("sillok-models", again);
        return () => removeEventListener("sillok-models", again);
    }, []);
    return { models: known?.[0] ?? null, who: known?.[1] ?? null, failure, retry: () => setTries((n) => n + 1) };
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

/** Keeps the address and the conversation together: an address opens one, a begun one has its address. */
function useAddress(router: Router, talk: Talk, system: string): void {
    const { place, replace } = router;
    const { id, messages } = talk.conversation;
    const begun = messages.length > 0;
    useEffect(() => {
        if (place.page !== "chat" || place.rest === id) return;
        if (!place.rest) {
            if (begun && !talk.busy) talk.open(emptyConversation(system));
            return;
        }
        let live = true;
        void history.load(place.rest).then((c) => {
            if (!live) return;
            if (c) talk.open(c);
            else replace("chat", begun ? id : "");
        });
        return () => void (live = false);
    }, [place]);
    useEffect(() => {
        if (begun && place.page === "chat") replace("chat", id);
    }, [id, begun]);
}

/** The title of the window, and after a step to another page the focus on its heading. */
function useAnnounced(place: Place, title: string): void {
    const w = useWords();
    const first = useRef(true);
    useEffect(() => {
        document.title = title ? `${title} · ${w.product}` : `${w.product} · ${w.tagline}`;
    }, [title, w]);
    useEffect(() => {
        if (!first.current && place.page !== "chat") document.querySelector<HTMLElement>("#main h1")?.focus();
        first.current = false;
    }, [place.page]);
}

interface Props {
    prefs: Prefs;
    set(part: Partial<Prefs>): void;
    apiKey: string;
    who: Who;
    models: Model[];
    onForget(): void;
}

function Console({ prefs, set, apiKey, who, models, onForget }: Props): VNode {
    const w = useWords();
    const router = useRouter();
    const [version, setVersion] = useState(0);
    const [side, setSide] = useState(false);
    const [settings, setSettings] = useState(false);
    const draft = useRef("");
    const online = useOnline();
    const changed = useCallback(() => setVersion((n) => n + 1), []);
    const model = models.some((m) => m.id === prefs.model) ? prefs.model : (models[0]?.id ?? "");
    const talk = useTalk({ key: apiKey, model, prefs, onKept: changed });
    const { id, title, messages } = talk.conversation;
    const entry = pages.find((p) => p.name === router.place.page);
    const place: Place = entry ? router.place : { page: "chat", rest: router.place.rest };
    useAddress({ ...router, place }, talk, prefs.system);
    useAnnounced(place, entry ? w.pages[entry.name] : title);
    const begin = (): void => {
        talk.open(emptyConversation(prefs.system));
        router.go("chat");
        setSide(false);
    };
    const frame = {
        prefs,
        set,
        nav: { page: place.page, chat: messages.length ? id : "", busy: talk.busy !== null },
    };
    if (entry)
        return (
            <>
                <Head {...frame} />
                <div class="stage">
                    {!online && <p class="offline" role="status"><Icon name="alert" />{w.offlinePage}</p>}
                    <entry.View key={entry.name} apiKey={apiKey} who={who} models={models} rest={place.rest} online={online} go={router.go} />
                </div>
            </>
        );
    return (
        <>
            <Head {...frame} models={models} model={model} onMenu={() => setSide(!side)} onSettings={() => setSettings(true)} />
            <Chat
                talk={talk}
                draft={draft}
                version={version}
                prefs={prefs}
                set={set}
                ready={model !== "" && online}
                online={online}
                hasKey={apiKey !== ""}
                side={side}
                onSide={setSide}
                settings={settings}
                onSettings={setSettings}
                onOpen={(c) => (router.go("chat", c), setSide(false))}
                onNew={begin}
                onDeleted={(c) => (changed(), c === id && begin())}
                onChanged={changed}
                onForget={onForget}
            />
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
            <Head prefs={prefs} set={set} />
            {inside}
        </>
    );
    const page = (): VNode => {
        if (server.failure?.kind === "key") return door(<KeyForm wrong={key !== ""} onKey={take} />);
        if (server.failure && !server.models) return door(<Unreachable failure={server.failure} onRetry={server.retry} />);
        if (!server.models || !server.who) return door(<Connecting />);
        return <Console prefs={prefs} set={set} apiKey={key} who={server.who} models={server.models} onForget={() => take("")} />;
    };
    const skip = (e: Event): void => {
        e.preventDefault();
        document.querySelector<HTMLElement>(".composer textarea, #key, #main h1, #main button")?.focus();
    };
    return (
        <WordsContext.Provider value={words}>
            <KeyContext.Provider value={key}>
                <a class="skip" href="#main" onClick={skip}>{words.skip}</a>
                {page()}
            </KeyContext.Provider>
        </WordsContext.Provider>
    );
}
