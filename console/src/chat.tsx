// The page of the conversation: those kept at the side, the one shown, its settings.
import type { RefObject, VNode } from "preact";
import { useEffect } from "preact/hooks";
import { Composer } from "./composer";
import { Icon } from "./icons";
import { Panel } from "./panel";
import type { Prefs } from "./prefs";
import { Sidebar } from "./sidebar";
import type { Talk } from "./talk";
import { Thread } from "./thread";
import { useWords } from "./words";

interface Props {
    talk: Talk;
    draft: RefObject<string>; // what is written and not sent outlives this page
    version: number;
    prefs: Prefs;
    set(part: Partial<Prefs>): void;
    ready: boolean;
    online: boolean;
    hasKey: boolean;
    side: boolean;
    onSide(open: boolean): void;
    settings: boolean;
    onSettings(open: boolean): void;
    onOpen(id: string): void;
    onNew(): void;
    onDeleted(id: string): void;
    onChanged(): void;
    onForget(): void;
}

export function Chat(props: Props): VNode {
    const w = useWords();
    const { talk, prefs, side, ready, online, onSide } = props;
    useEffect(() => {
        const onKey = (e: KeyboardEvent): void => void (e.key === "Escape" && onSide(false));
        addEventListener("keydown", onKey);
        return () => removeEventListener("keydown", onKey);
    }, []);
    return (
        <>
            <div class={side ? "body side-open" : "body"}>
                <Sidebar version={props.version} current={talk.conversation.id} onOpen={props.onOpen} onNew={props.onNew} onDeleted={props.onDeleted} onChanged={props.onChanged} />
                {side && <div class="shade" onClick={() => onSide(false)} />}
                <main class="stage">
                    {!online && <p class="offline" role="status"><Icon name="alert" />{w.offline}</p>}
                    <Thread talk={talk} ready={ready} />
                    <Composer draft={props.draft} busy={talk.busy !== null} ready={ready} onSend={(t) => talk.say(t)} onStop={talk.stop} />
                </main>
            </div>
            {props.settings && (
                <Panel
                    system={talk.conversation.system}
                    sampling={prefs.sampling}
                    hasKey={props.hasKey}
                    onSystem={(system) => talk.change({ system })}
                    onSampling={(sampling) => props.set({ sampling })}
                    onForget={props.onForget}
                    onClose={() => props.onSettings(false)}
                />
            )}
        </>
    );
}
