// An answer computed again by the server: how far it is, and whether it is the same.
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useKey } from "./access";
import { Failure } from "./api";
import { useFormat } from "./format";
import { replay, type Progress, type Replayed } from "./record_api";
import { VerdictBox } from "./verdict";
import { useRecordWords } from "./words_record";
import { useWords } from "./words";

interface Props {
    entry: number;
    actions?: ComponentChildren;
    onClose?: () => void;
}

function Result({ of: c, ...box }: { of: Replayed } & Omit<Props, "entry">): VNode {
    const r = useRecordWords();
    const f = useFormat();
    const d = c.first_difference;
    const where = d && <p>{r.firstDifference(d.at + 1, d.kept, d.computed)}</p>;
    if (c.equal)
        return (
            <VerdictBox tone="good" title={r.equal} {...box}>
                <p>{r.equalText(c.tokens, c.model, c.profile, f.duration(c.seconds * 1000))}</p>
            </VerdictBox>
        );
    if (c.reason === "transcript_altered")
        return (
            <VerdictBox tone="bad" title={r.altered} {...box}>
                <p>{c.altered.includes("prompt") ? r.alteredPrompt : c.altered.includes("logit_bias") ? r.alteredBias : r.alteredAnswer}</p>
                {c.computed && <p>{c.on_record ? r.recordStands : r.recordFalls}</p>}
                {where}
            </VerdictBox>
        );
    return (
        <VerdictBox tone="bad" title={r.other} {...box}>
            {where}
            <p>{r.otherText}</p>
        </VerdictBox>
    );
}

export function ReplayBox({ entry, actions, onClose }: Props): VNode {
    const w = useWords();
    const r = useRecordWords();
    const key = useKey();
    const [progress, setProgress] = useState<Progress | null>(null);
    const [result, setResult] = useState<Replayed | null>(null);
    const [failure, setFailure] = useState<Failure | null>(null);
    const [tries, setTries] = useState(0);
    useEffect(() => {
        const control = new AbortController();
        const run = async (): Promise<void> => {
            try {
                await replay(key, entry, control.signal, (ev) => {
                    if (control.signal.aborted) return;
                    if (ev.object === "record.replay") setResult(ev);
                    else setProgress(ev);
                });
            } catch (e) {
                if (!control.signal.aborted) setFailure(e instanceof Failure ? e : new Failure("server", String(e)));
            }
        };
        setProgress(null);
        setResult(null);
        setFailure(null);
        void run();
        return () => control.abort();
    }, [entry, tries]);
    if (result) return <Result of={result} actions={actions} onClose={onClose} />;
    if (failure) {
        const never = failure.code in r.why && failure.code !== "replay_busy";
        const again = !never && <button type="button" class="text-button" onClick={() => setTries(tries + 1)}>{r.retry}</button>;
        return (
            <VerdictBox tone={failure.code === "transcript_damaged" ? "bad" : "plain"} title={never ? r.cannotReplay : r.replayFailed} onClose={onClose} actions={<>{again}{actions}</>}>
                <p>{r.why[failure.code] ?? w.fail[failure.kind]}</p>
            </VerdictBox>
        );
    }
    const stop = onClose && <button type="button" class="text-button" onClick={onClose}>{r.stop}</button>;
    return (
        <VerdictBox tone="plain" title={r.replaying} actions={stop}>
            <progress aria-label={r.replaying} max={progress?.tokens ?? 1} value={progress?.done} />
            <p>{progress ? r.replayProgress(progress.done, progress.tokens) : r.replayingText}</p>
        </VerdictBox>
    );
}
