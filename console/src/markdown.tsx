// Markdown of a model's answer, as elements: text of an answer never becomes markup, links go to http(s) only, and
// pictures are not loaded. Blocks: headings, lists, quotes, tables, code, rules; inline: code, strong, em, del, links.
import type { ComponentChildren, VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import { useWords } from "./words";

const depthMax = 8;

// ---- inline ----

const inlineForm =
    /(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)|\*\*(?=\S)([\s\S]*?\S)\*\*|__(?=\S)([\s\S]*?\S)__|~~(?=\S)([\s\S]*?\S)~~|\*(?=[^\s*])([^*]*[^\s*])\*|!?\[([^\]\n]*)\]\(([^()\s]+)\)|(https?:\/\/[^\s<>"'`)\]]+)|\\([\\`*_{}[\]()#+\-.!|~>])/;

function link(url: string, words: ComponentChildren): ComponentChildren {
    let safe = false;
    try {
        safe = ["https:", "http:"].includes(new URL(url).protocol);
    } catch {
        // not absolute: shown as text
    }
    if (!safe) return words;
    return (
        <a href={url} target="_blank" rel="noopener noreferrer nofollow">
            {words}
        </a>
    );
}

function inline(text: string, depth = 0): ComponentChildren[] {
    const out: ComponentChildren[] = [];
    for (let rest = text; rest; ) {
        const m = depth < depthMax ? inlineForm.exec(rest) : null;
        if (!m) {
            out.push(rest);
            break;
        }
        if (m.index) out.push(rest.slice(0, m.index));
        const [whole, , code, strong, strong2, del, em, label, url, bare, escaped] = m;
        if (code !== undefined) out.push(<code>{code.replace(/^ (.*) $/, "$1")}</code>);
        else if ((strong ?? strong2) !== undefined) out.push(<strong>{inline((strong ?? strong2)!, depth + 1)}</strong>);
        else if (del !== undefined) out.push(<del>{inline(del, depth + 1)}</del>);
        else if (em !== undefined) out.push(<em>{inline(em, depth + 1)}</em>);
        else if (url !== undefined) out.push(link(url, label ? inline(label, depth + 1) : url));
        else if (bare !== undefined) out.push(link(bare, bare));
        else out.push(escaped);
        rest = rest.slice(m.index + whole.length);
    }
    return out;
}

// ---- blocks ----

function CodeBlock({ language, text }: { language: string; text: string }): VNode {
    const w = useWords();
    const [copied, setCopied] = useState(false);
    const copy = async (): Promise<void> => {
        await navigator.clipboard.writeText(text);
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
    };
    return (
        <div class="code">
            <div class="code-head">
                <span>{language || w.code}</span>
                <button type="button" class="text-button" onClick={() => void copy()}>
                    {copied ? w.copied : w.copy}
                </button>
            </div>
            <pre tabIndex={0}>
                <code>{text}</code>
            </pre>
        </div>
    );
}

const cells = (row: string): string[] =>
    row.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "").split(/(?<!\\)\|/).map((c) => c.trim().replaceAll("\\|", "|"));

function table(rows: string[]): VNode {
    const head = cells(rows[0]!);
    const side = cells(rows[1]!).map((c) => (/^:-+:$/.test(c) ? "center" : /-:$/.test(c) ? "end" : undefined));
    return (
        <div class="table" tabIndex={0} role="group">
            <table>
                <thead>
                    <tr>{head.map((c, i) => <th scope="col" class={side[i]}>{inline(c)}</th>)}</tr>
                </thead>
                <tbody>
                    {rows.slice(2).map((r) => (
                        <tr>{cells(r).slice(0, head.length).map((c, i) => <td class={side[i]}>{inline(c)}</td>)}</tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

const fence = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)/;
const item = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const rule = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const divider = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?\s*$|^\s*\|\s*:?-+:?\s*\|\s*$/;

class Reader {
    private at = 0;
    constructor(
        private readonly lines: string[],
        private readonly depth: number,
    ) {}

    private code(open: RegExpExecArray): VNode {
        const from = ++this.at;
        const mark = open[1]!;
        while (this.at < this.lines.length && !this.lines[this.at]!.trim().startsWith(mark)) this.at++;
        return <CodeBlock language={open[2]!} text={this.lines.slice(from, this.at++).join("\n")} />;
    }

    private quote(): VNode {
        const inner: string[] = [];
        while (this.at < this.lines.length && /^ {0,3}>/.test(this.lines[this.at]!)) inner.push(this.lines[this.at++]!.replace(/^ {0,3}> ?/, ""));
        return <blockquote>{blocks(inner, this.depth + 1)}</blockquote>;
    }

    private list(first: RegExpExecArray): VNode {
        const ordered = /\d/.test(first[2]!);
        const indent = first[1]!.length;
        const items: string[][] = [];
        while (this.at < this.lines.length) {
            const line = this.lines[this.at]!;
            const m = item.exec(line);
            if (m && m[1]!.length <= indent + 1 && /\d/.test(m[2]!) === ordered) items.push([m[3]!]);
            else if (m && m[1]!.length > indent + 1) items.at(-1)!.push(line.slice(indent + 2));
            else if (/^\s{2,}\S/.test(line) && items.length) items.at(-1)!.push(line.slice(Math.min(line.search(/\S/), indent + 3)));
            else if (!line.trim() && item.test(this.lines[this.at + 1] ?? "")) items.at(-1)!.push("");
            else break;
            this.at++;
        }
        const rows = items.map((lines) => {
            const inner = lines.join("\n").trim();
            return <li>{inner.includes("\n") ? blocks(inner.split("\n"), this.depth + 1) : inline(inner)}</li>;
        });
        return ordered ? <ol start={parseInt(first[2]!, 10)}>{rows}</ol> : <ul>{rows}</ul>;
    }

    private tableRows(): VNode {
        const from = this.at;
        while (this.at < this.lines.length && this.lines[this.at]!.includes("|")) this.at++;
        return table(this.lines.slice(from, this.at));
    }

    private starts(line: string): boolean {
        return !line.trim() || fence.test(line) || /^ {0,3}(#{1,6}\s|>)/.test(line) || item.test(line) || rule.test(line);
    }

    private paragraph(): VNode {
        const from = this.at++;
        while (this.at < this.lines.length && !this.starts(this.lines[this.at]!)) this.at++;
        const out: ComponentChildren[] = [];
        this.lines.slice(from, this.at).forEach((line, i) => out.push(i ? <br /> : null, ...inline(line.trim())));
        return <p>{out}</p>;
    }

    /** How many lines are read. */
    get line(): number {
        return this.at;
    }

    next(): VNode | null {
        while (this.at < this.lines.length && !this.lines[this.at]!.trim()) this.at++;
        const line = this.lines[this.at];
        if (line === undefined) return null;
        const open = fence.exec(line);
        if (open) return this.code(open);
        const h = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/.exec(line);
        if (h) {
            this.at++;
            const Tag = `h${Math.min(6, h[1]!.length + 2)}` as "h3";
            return <Tag>{inline(h[2]!)}</Tag>;
        }
        if (rule.test(line)) {
            this.at++;
            return <hr />;
        }
        if (this.depth < depthMax && /^ {0,3}>/.test(line)) return this.quote();
        const m = this.depth < depthMax ? item.exec(line) : null;
        if (m) return this.list(m);
        if (line.includes("|") && divider.test(this.lines[this.at + 1] ?? "")) return this.tableRows();
        return this.paragraph();
    }
}

function blocks(lines: string[], depth = 0): VNode[] {
    const reader = new Reader(lines, depth);
    const out: VNode[] = [];
    for (let b = reader.next(); b; b = reader.next()) out.push(b);
    return out;
}

export interface Kept {
    text: string;
    blocks: VNode[];
}

/** The blocks of a text that grows. What cannot change any more is neither read nor drawn again: a block ends by the line
 *  behind it and the one after that, and the last line may still be growing. */
export function grown(kept: Kept, text: string): VNode[] {
    if (!text.startsWith(kept.text)) {
        kept.text = "";
        kept.blocks = [];
    }
    const lines = text.slice(kept.text.length).split("\n");
    const reader = new Reader(lines, 0);
    const fresh: VNode[] = [];
    let done = 0;
    let read = 0;
    for (let b = reader.next(); b; b = reader.next()) {
        fresh.push(b);
        if (reader.line + 3 > lines.length) continue;
        done = fresh.length;
        read = reader.line;
    }
    const all = [...kept.blocks, ...fresh];
    if (done) {
        kept.blocks = all.slice(0, kept.blocks.length + done);
        kept.text += `${lines.slice(0, read).join("\n")}\n`;
    }
    return all;
}

export function Markdown({ text }: { text: string }): VNode {
    const kept = useRef<Kept>({ text: "", blocks: [] });
    return <div class="markdown">{grown(kept.current, text.replaceAll("\r\n", "\n"))}</div>;
}
