// The check of a receipt in this browser, and of the words that are shown with it.
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useKey } from "./access";
import { checkReceipt, checkWords, type Checked, type Words as Said, type WordsChecked } from "./checks";
import { trustRecordKey } from "./prefs";
import type { Shown } from "./verify";
import { Checklist, VerdictBox, type Item, type Tone } from "./verdict";
import { useWords, type Words } from "./words";
import { useRecordWords, type RecordWords } from "./words_record";

interface Props {
    receipt(): Promise<string | undefined>;
    shown: Shown; // what the receipt must be of
    said?: Said; // the words to compare
    actions?: ComponentChildren;
    facts?: (of: Checked & { state: "good" }) => ComponentChildren;
    onClose?: () => void;
}

type State = { receipt: Checked | null; words: WordsChecked | null };

function verdictWords(s: Checked, words: WordsChecked | null, w: Words, r: RecordWords): { tone: Tone; title: string; text: string } {
    switch (s.state) {
        case "good":
            if (words?.state === "altered") return { tone: "bad", title: r.altered, text: "" };
            if (words?.state === "differs") return { tone: "bad", title: r.checks.wordsDiffer, text: "" };
            return { tone: "good", title: w.good, text: r.checks.here };
        case "broken":
            return { tone: "bad", title: w.broken, text: w.brokenWhy[s.why] };
        case "changed":
            return { tone: "bad", title: w.broken, text: w.keyChanged };
        case "unsupported":
            return { tone: "plain", title: w.unsupported, text: w.unsupportedWhy[s.why] };
        case "none":
            return { tone: "plain", title: w.unsupported, text: w.noReceipt };
        case "offline":
            return { tone: "plain", title: w.unsupported, text: w.fail.offline };
    }
}

function wordItems(s: WordsChecked | null, compared: boolean, r: RecordWords): Item[] {
    const c = r.checks;
    if (!s) return [{ tone: "plain", text: c.checking }];
    if (s.state === "unknown") return [{ tone: "plain", text: c.unknown(r.why[s.why] ?? r.whyElse) }];
    if (s.state === "altered") return [{ tone: "bad", text: c.altered }];
    const items: Item[] = [{ tone: "good", text: c.tokens(s.tokens) }];
    if (!compared) return items;
    if (s.state === "tokens") return [...items, { tone: "plain", text: c.noWords }];
    return [...items, { tone: s.state === "differs" ? "bad" : "good", text: c[s.state] }];
}

export function CheckBox({ receipt, shown, said, actions, facts, onClose }: Props): VNode {
    const w = useWords();
    const r = useRecordWords();
    const key = useKey();
    const [state, setState] = useState<State>({ receipt: null, words: null });
    const [tries, setTries] = useState(0);
    useEffect(() => {
        let live = true;
        const run = async (): Promise<void> => {
            const text = await receipt().catch(() => null);
            const checked: Checked = text === null ? { state: "offline" } : await checkReceipt(text, shown);
            if (!live) return;
            setState({ receipt: checked, words: null });
            if (checked.state !== "good") return;
            const words = await checkWords(key, checked.index, checked.entry, said);
            if (live) setState({ receipt: checked, words });
        };
        setState({ receipt: null, words: null });
        void run();
        return () => void (live = false);
    }, [tries]);
    const checked = state.receipt;
    if (!checked) return <VerdictBox tone="plain" title={w.verifying} onClose={onClose} />;
    const { tone, title, text } = verdictWords(checked, state.words, w, r);
    const trust = checked.state === "changed" && (
        <button type="button" class="text-button" onClick={() => (trustRecordKey(checked.vkey), setTries(tries + 1))}>
            {w.trustNew}
        </button>
    );
    return (
        <VerdictBox tone={tone} title={title} onClose={onClose} actions={<>{trust}{actions}</>}>
            {text && <p>{text}</p>}
            {checked.state === "good" && (
                <Checklist
                    label={r.checks.title}
                    items={[
                        { tone: "good", text: r.checks.signature(checked.size) },
                        { tone: "good", text: r.checks.path(checked.index) },
                        { tone: "good", text: r.checks.belongs },
                        ...wordItems(state.words, said !== undefined, r),
                        { tone: "plain", text: r.checks.not },
                    ]}
                />
            )}
            {checked.state === "good" && facts?.(checked)}
        </VerdictBox>
    );
}
