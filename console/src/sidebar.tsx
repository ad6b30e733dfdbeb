// The conversations kept in this browser.
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import * as history from "./history";
import { Icon } from "./icons";
import { saveFile } from "./receipt";
import type { Heading } from "./types";
import { useWords } from "./words";

interface Props {
    version: number; // grows with every change of what is kept
    current: string;
    onOpen(id: string): void;
    onNew(): void;
    onDeleted(id: string): void;
    onChanged(): void;
}

const searchAfterMs = 150;
const atOnce = 80; // lines; more when the list is read further down
const nearEnd = 600; // pixels

/** All, or those with the words. */
function useHeadings(version: number, words: string): Heading[] | null {
    const [list, setList] = useState<Heading[] | null>(null);
    useEffect(() => {
        let live = true;
        const timer = setTimeout(
            () => void (words.trim() ? history.search(words.trim()) : history.headings()).then((l) => live && setList(l)),
            words.trim() ? searchAfterMs : 0,
        );
        return () => ((live = false), clearTimeout(timer));
    }, [version, words]);
    return list;
}

export function Sidebar({ version, current, onOpen, onNew, onDeleted, onChanged }: Props): VNode {
    const w = useWords();
    const [words, setWords] = useState("");
    const [said, setSaid] = useState("");
    const file = useRef<HTMLInputElement>(null);
    const list = useHeadings(version, words);
    const [shown, setShown] = useState(atOnce);
    useEffect(() => setShown(atOnce), [words]);
    const onScroll = (e: Event): void => {
        const b = e.currentTarget as HTMLElement;
        if (list && shown < list.length && b.scrollHeight - b.scrollTop - b.clientHeight < nearEnd) setShown(shown + atOnce);
    };
    const drop = async (h: Heading): Promise<void> => {
        if (!confirm(w.deleteAsk)) return;
        await history.remove(h.id);
        onDeleted(h.id);
    };
    const save = async (): Promise<void> => saveFile("sillok-conversations.json", await history.exportAll(), "application/json");
    const take = async (f: File | undefined): Promise<void> => {
        if (!f) return;
        try {
            setSaid(w.imported(await history.importAll(await f.text())));
            onChanged();
        } catch {
            setSaid(w.importFailed);
        }
        file.current!.value = "";
    };
    return (
        <nav class="side" aria-label={w.chats}>
            <button type="button" class="button new-chat" onClick={onNew}>
                <Icon name="plus" />
                {w.newChat}
            </button>
            <label class="search">
                <Icon name="search" />
                <input type="search" placeholder={w.searchChats} aria-label={w.searchChats} value={words} onInput={(e) => setWords(e.currentTarget.value)} />
            </label>
            <ul class="headings" onScroll={onScroll}>
                {list?.slice(0, shown).map((h) => (
                    <li key={h.id} class={h.id === current ? "current" : undefined}>
                        <button type="button" class="heading" aria-current={h.id === current ? "page" : undefined} onClick={() => onOpen(h.id)}>
                            {h.title || w.untitled}
                        </button>
                        <button type="button" class="icon-button" aria-label={`${w.deleteChat}: ${h.title}`} title={w.deleteChat} onClick={() => void drop(h)}>
                            <Icon name="trash" />
                        </button>
                    </li>
                ))}
                {list?.length === 0 && <li class="nothing">{words.trim() ? w.noFound : w.noChats}</li>}
            </ul>
            <div class="side-foot">
                <p>{said || w.keptHere}</p>
                <div>
                    <button type="button" class="text-button" onClick={() => void save()}>
                        <Icon name="save" />
                        {w.exportAll}
                    </button>
                    <button type="button" class="text-button" onClick={() => file.current!.click()}>
                        <Icon name="open" />
                        {w.importAll}
                    </button>
                    <input ref={file} type="file" class="hidden" tabIndex={-1} aria-label={w.importAll} accept="application/json" onChange={(e) => void take(e.currentTarget.files?.[0])} />
                </div>
            </div>
        </nav>
    );
}
