// What this browser can check of an answer by itself: its receipt, and the words that are shown against the record.
import { Failure, recordKey } from "./api";
import { trustedRecordKey, trustRecordKey } from "./prefs";
import { transcript } from "./record_api";
import { idsDigest, verify, type Entry, type Shown, type Verdict } from "./verify";

export type Checked = Verdict | { state: "changed"; vkey: string } | { state: "none" } | { state: "offline" };

/** The receipt against the key that this browser saw first. */
export async function checkReceipt(receipt: string | undefined, shown: Shown): Promise<Checked> {
    if (!receipt) return { state: "none" };
    let vkey;
    try {
        vkey = await recordKey();
    } catch {
        return { state: "offline" };
    }
    const trusted = trustedRecordKey();
    if (trusted && trusted !== vkey) return { state: "changed", vkey };
    const verdict = await verify(receipt, vkey, shown);
    if (verdict.state === "good") trustRecordKey(vkey);
    return verdict;
}

export type WordsChecked =
    | { state: "same" | "begins" | "differs"; tokens: number } // the kept tokens are those on record; the words are, begin with, are not those shown
    | { state: "tokens"; tokens: number } // they are, but nobody here can turn them into words
    | { state: "altered" } // the kept tokens are not those on record
    | { state: "unknown"; why: string }; // not compared: the server's word for the reason

/** Reasoning and answer as one text, as far as marks and white space between them may differ. */
function compare(answer: string, text: string, thought: string): "same" | "begins" | "differs" {
    if (!thought) return answer.trim() === text.trim() ? "same" : text.trim() && answer.trimStart().startsWith(text.trim()) ? "begins" : "differs";
    const at = answer.indexOf(thought.trim());
    const behind = at < 0 ? "" : answer.slice(at + thought.trim().length);
    const said = behind.lastIndexOf(text.trim());
    if (at < 0 || said < 0) return "differs";
    const marks = (answer.slice(0, at) + behind.slice(0, said)).replace(/<[^<>\s]*>|\[[^[\]\s]*\]/g, "").trim();
    const rest = behind.slice(said + text.trim().length).trim();
    return marks ? "differs" : rest ? "begins" : "same";
}

export interface Words {
    text: string;
    thought?: string;
}

/** The kept tokens against the entry that was checked before, and the words shown against those. */
export async function checkWords(key: string, index: number, entry: Entry, shown: Words | undefined): Promise<WordsChecked> {
    let kept;
    try {
        kept = await transcript(key, index);
    } catch (e) {
        return { state: "unknown", why: e instanceof Failure ? e.code || e.kind : "server" };
    }
    if (kept.out.length !== entry.out.n || (await idsDigest(kept.salt, "out", kept.out)) !== entry.out.sha256) return { state: "altered" };
    if (kept.answer === null || !shown) return { state: "tokens", tokens: kept.out.length };
    return { state: compare(kept.answer, shown.text, shown.thought ?? ""), tokens: kept.out.length };
}
