// The record of one answer: its number, the check of its receipt, and the answer run again.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { CheckBox } from "./check";
import { Icon } from "./icons";
import { ReplayBox } from "./replay";
import { hashOf } from "./router";
import type { Message } from "./types";
import type { Entry } from "./verify";
import { useWords } from "./words";
import { useRecordWords } from "./words_record";

export function saveFile(name: string, text: string, type: string): void {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const a = document.createElement("a");
    a.href = url;
    a.download = name;
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
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

/** Where an answer that was cut off is on record: its number did not come. */
function Somewhere({ request }: { request: string }): VNode {
    const r = useRecordWords();
    return (
        <p class="receipt">
            <a class="text-button" href={hashOf("record", request)}><Icon name="book" />{r.findEntry}</a>
        </p>
    );
}

export function Receipt({ message }: { message: Message }): VNode | null {
    const w = useWords();
    const r = useRecordWords();
    const [shown, setShown] = useState<"check" | "replay" | null>(null);
    const [times, setTimes] = useState(0);
    const trace = message.trace;
    if (!trace) return null;
    const { entry, receipt } = trace;
    if (entry === undefined) return trace.request && message.text ? <Somewhere request={trace.request} /> : null;
    const show = (what: "check" | "replay"): void => (setShown(what), setTimes(times + 1));
    const close = (): void => setShown(null);
    const actions = (
        <>
            {receipt && (
                <button type="button" class="text-button" onClick={() => saveFile(`sillok-${entry}.tlog-proof`, receipt, "text/plain")}>
                    <Icon name="save" />
                    {w.saveReceipt}
                </button>
            )}
            <a class="text-button" href={hashOf("record", String(entry))}><Icon name="book" />{r.seeEntry}</a>
        </>
    );
    return (
        <div class="receipt">
            <div class="receipt-actions">
                <button type="button" class="record" onClick={() => show("check")} title={w.verifyLong}>
                    <Icon name="shield" />
                    <span>{w.record(entry)}</span>
                    <span class="record-verify">{w.verify}</span>
                </button>
                <button type="button" class="text-button" onClick={() => show("replay")}>
                    <Icon name="again" />
                    {r.replay}
                </button>
            </div>
            <div role="status">
                {shown === "check" && (
                    <CheckBox
                        key={times}
                        receipt={() => Promise.resolve(receipt)}
                        shown={trace}
                        said={{ text: message.text, thought: message.thought }}
                        actions={actions}
                        facts={(c) => <Facts entry={c.entry} origin={c.origin} />}
                        onClose={close}
                    />
                )}
                {shown === "replay" && <ReplayBox key={times} entry={entry} actions={actions} onClose={close} />}
            </div>
        </div>
    );
}
