// The record of one answer: its number, and the check of its receipt.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { recordKey } from "./api";
import { Icon } from "./icons";
import { trustedRecordKey, trustRecordKey } from "./prefs";
import type { Trace } from "./types";
import { verify, type Entry, type Verdict } from "./verify";
import { useWords, type Words } from "./words";

type Shown = Verdict | { state: "checking" } | { state: "changed"; vkey: string } | { state: "none" } | { state: "offline" };

export function saveFile(name: string, text: string, type: string): void {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const a = document.createElement("a");
    a.href = url;
    a.download = name;
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}

async function check(trace: Trace): Promise<Shown> {
    if (!trace.receipt) return { state: "none" };
    let vkey;
    try {
        vkey = await recordKey();
    } catch {
        return { state: "offline" };
    }
    const trusted = trustedRecordKey();
    if (trusted && trusted !== vkey) return { state: "changed", vkey };
    const verdict = await verify(trace.receipt, vkey, trace);
    if (verdict.state === "good") trustRecordKey(vkey);
    return verdict;
}

function Facts({ entry, origin }: { entry: Entry; origin: string }): VNode {
    const w = useWords();
    const rows: [string, string][] = [
        [w.facts.time, new Date(entry.time_ms).toLocaleString(document.documentElement.lang)],
        [w.facts.tokens, `${entry.in.n} · ${entry.out.n}`],
        [w.facts.seed, entry.sampling.seed],
        [w.facts.model, entry.model],
        [w.facts.profile, entry.profile],
        [w.facts.software, entry.software],
        [w.facts.origin, origin],
    ];
    return (
        <details class="facts">
            <summary>{w.provenance}</summary>
            <dl>
                {rows.map(([name, value]) => (
                    <div>
                        <dt>{name}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
            </dl>
        </details>
    );
}

function say(s: Shown, w: Words): { tone: string; title: string; text: string } {
    switch (s.state) {
        case "good":
            return { tone: "good", title: w.good, text: w.goodText(s.index, s.size) };
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
        case "checking":
            return { tone: "plain", title: w.verifying, text: "" };
    }
}

export function Receipt({ trace }: { trace: Trace }): VNode | null {
    const w = useWords();
    const [shown, setShown] = useState<Shown | null>(null);
    if (trace.entry === undefined) return null;
    const run = async (): Promise<void> => {
        setShown({ state: "checking" });
        setShown(await check(trace));
    };
    const words = shown && say(shown, w);
    return (
        <div class="receipt">
            <button type="button" class="record" onClick={() => void run()} title={w.verifyLong}>
                <Icon name="shield" />
                <span>{w.record(trace.entry)}</span>
                <span class="record-verify">{w.verify}</span>
            </button>
            <div role="status">
                {shown && words && (
                    <div class={`verdict ${words.tone}`}>
                        <Icon name={words.tone === "bad" ? "alert" : "shield"} />
                        <div>
                            <strong>{words.title}</strong>
                            {words.text && <p>{words.text}</p>}
                            {shown.state === "good" && <Facts entry={shown.entry} origin={shown.origin} />}
                            <div class="verdict-actions">
                                {shown.state === "changed" && (
                                    <button type="button" class="text-button" onClick={() => (trustRecordKey(shown.vkey), void run())}>
                                        {w.trustNew}
                                    </button>
                                )}
                                {trace.receipt && shown.state !== "checking" && (
                                    <button type="button" class="text-button" onClick={() => saveFile(`sillok-${trace.entry}.tlog-proof`, trace.receipt!, "text/plain")}>
                                        <Icon name="save" />
                                        {w.saveReceipt}
                                    </button>
                                )}
                            </div>
                        </div>
                        <button type="button" class="icon-button" onClick={() => setShown(null)} aria-label={w.close} title={w.close}>
                            <Icon name="close" />
                        </button>
                    </div>
                )}
            </div>
        </div>
    );
}
