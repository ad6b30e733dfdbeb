// The page of the record: the signed head, the latest entries, search; #/record/N is one entry.
import type { VNode } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./api";
import { checkNote } from "./verify";
import { useFormat } from "./format";
import { Icon } from "./icons";
import { useLoaded, type Loaded } from "./load";
import { Badge, Card, CopyButton, Empty, ErrorNote, Field, Loading, Page, Shown, Stat, Stats, Table, type Column } from "./page";
import type { PageProps } from "./pages";
import { trustedRecordKey } from "./prefs";
import { EntryPage } from "./record_entry";
import * as api from "./record_api";
import { saveFile } from "./receipt";
import { hashOf } from "./router";
import { useRecordWords } from "./words_record";

const everyMs = 10_000;
const atOnce = 50;
const callsAtOnce = 8; // each looks at some thousand entries

/* ---- the signed head ---- */

function Signature({ head }: { head: api.Head }): VNode {
    const r = useRecordWords();
    const [said, setSaid] = useState<{ good: boolean | null; text: string } | null>(null);
    const check = async (): Promise<void> => {
        const trusted = trustedRecordKey();
        if (trusted && trusted !== head.key) return setSaid({ good: false, text: r.signatureOther });
        const good = await checkNote(head.checkpoint, head.key);
        setSaid({ good, text: good ? r.signatureGood : good === null ? r.signatureUnknown : r.signatureBad });
    };
    return (
        <>
            <div class="record-actions">
                <button type="button" class="button quiet small" onClick={() => void check()}>
                    <Icon name="shield" />
                    {r.checkSignature}
                </button>
                <button type="button" class="button quiet small" onClick={() => saveFile(`checkpoint-${head.size}`, head.checkpoint, "text/plain")}>
                    <Icon name="save" />
                    {r.saveCheckpoint}
                </button>
            </div>
            <p role="status" class={said ? `signature ${said.good ? "good" : said.good === false ? "bad" : ""}` : "hidden"}>
                {said && <Icon name={said.good ? "check" : "alert"} />}
                {said?.text}
            </p>
        </>
    );
}

function Tenants({ head }: { head: api.Head }): VNode {
    const r = useRecordWords();
    const f = useFormat();
    const rows = [...head.tenants].sort((a, b) => b.entries - a.entries);
    const columns: Column<api.Head["tenants"][number]>[] = [
        { name: r.tenant, head: true, cell: (t) => t.tenant },
        { name: r.size, end: true, cell: (t) => f.number(t.entries) },
    ];
    return (
        <details class="facts">
            <summary>{r.byTenant}</summary>
            <p class="fact-note">{r.tenantsHint(head.counted, head.size)}</p>
            <Table label={r.byTenant} columns={columns} rows={rows} id={(t) => t.tenant} />
        </details>
    );
}

function HeadCard({ head, admin }: { head: api.Head; admin: boolean }): VNode {
    const r = useRecordWords();
    const f = useFormat();
    const own = head.tenants.reduce((n, t) => n + t.entries, 0);
    const mono: [string, string][] = [[r.root, head.root], [r.publicKey, head.key]];
    return (
        <Card title={r.head} hint={r.headHint}>
            <Stats>
                <Stat name={r.size} value={f.number(head.size)} unit={r.sizeUnit} />
                {!admin && <Stat name={r.own} value={f.number(own)} unit={r.sizeUnit} hint={head.counted < head.size ? r.tenantsHint(head.counted, head.size) : undefined} />}
                <Stat name={r.last} value={<span class="stat-time">{head.time_ms === null ? "–" : f.ago(head.time_ms)}</span>} hint={head.time_ms === null ? undefined : f.dateTime(head.time_ms)} />
            </Stats>
            <Signature head={head} />
            <details class="facts">
                <summary>{r.signed}</summary>
                <dl class="facts-list">
                    <div>
                        <dt>{r.origin}</dt>
                        <dd>{head.origin}</dd>
                    </div>
                    {mono.map(([name, value]) => (
                        <div>
                            <dt>{name}</dt>
                            <dd class="with-copy">
                                <span class="mono">{value}</span>
                                <CopyButton text={value} />
                            </dd>
                        </div>
                    ))}
                </dl>
            </details>
            {admin && head.tenants.length > 0 && <Tenants head={head} />}
        </Card>
    );
}

/* ---- the entries ---- */

interface Found {
    rows: api.Row[];
    next: number | null;
    size: number;
    looked: number;
    full: boolean; // a page came, as far as was asked
}

/** Goes on until a page is full, the record ends, or it has asked often enough. */
function useEntries(key: string, filter: api.Filter): Found & { busy: boolean; failure: Failure | null; more(): void; again(): void } {
    const none: Found = { rows: [], next: null, size: 0, looked: 0, full: false };
    const [found, setFound] = useState(none);
    const [busy, setBusy] = useState(true);
    const [failure, setFailure] = useState<Failure | null>(null);
    const control = useRef<AbortController | null>(null);
    const run = useCallback(
        async (from: Found | null) => {
            control.current?.abort();
            const mine = (control.current = new AbortController());
            let now = from ?? none;
            let before = from?.next ?? null;
            setBusy(true);
            setFailure(null);
            try {
                for (let calls = 0, got = 0; calls < callsAtOnce; calls++) {
                    const page = await api.list(key, filter, before, atOnce - got, mine.signal);
                    if (mine.signal.aborted) return;
                    got += page.data.length;
                    before = page.next;
                    now = {
                        rows: [...now.rows, ...page.data],
                        next: before,
                        size: now.size || page.size, // what came since is not in the list
                        looked: now.looked + page.looked,
                        full: got >= atOnce,
                    };
                    setFound(now);
                    if (before === null || got >= atOnce) break;
                }
            } catch (e) {
                if (mine.signal.aborted) return;
                setFailure(e instanceof Failure ? e : new Failure("server", String(e)));
            }
            setBusy(false);
        },
        [key, filter],
    );
    useEffect(() => {
        setFound(none);
        void run(null);
        return () => control.current?.abort();
    }, [run]);
    return { ...found, busy, failure, more: () => void run(found), again: () => void run(null) };
}

function useColumns(admin: boolean): Column<api.Row>[] {
    const r = useRecordWords();
    const f = useFormat();
    const tone = (finish: string): "plain" | "warn" | "bad" => (finish === "stop" ? "plain" : finish === "error" ? "bad" : "warn");
    return [
        { name: r.number, head: true, cell: (e) => <a class="entry-link" href={hashOf("record", String(e.entry))}>{f.number(e.entry)}</a> },
        { name: r.time, cell: (e) => f.dateTime(e.time_ms) },
        ...(admin ? [{ name: r.tenant, cell: (e: api.Row) => e.tenant }] : []),
        { name: r.model, cell: (e) => e.model_name ?? <span class="mono" title={e.model}>{e.model.slice(0, 12)}…</span> },
        { name: r.tokensIn, end: true, cell: (e) => f.number(e.tokens_in) },
        { name: r.tokensOut, end: true, cell: (e) => f.number(e.tokens_out) },
        { name: r.finish, cell: (e) => <Badge tone={tone(e.finish)}>{r.finishes[e.finish] ?? e.finish}</Badge> },
        { name: r.kept, cell: (e) => r.keeps[e.keep] ?? e.keep },
    ];
}

const noFilter: api.Filter = { request: "", model: "", tenant: "", from: "", to: "" };

interface FiltersProps extends PageProps {
    filter: api.Filter;
    set(f: api.Filter): void;
    tenants: string[];
}

function Search({ go, filter }: FiltersProps): VNode {
    const r = useRecordWords();
    const [text, setText] = useState(filter.request);
    const find = (e: Event): void => {
        e.preventDefault();
        const id = text.trim();
        const digits = /^(?:기록\s*|no\.?\s*|#)?([\d,]+)\s*번?$/i.exec(id)?.[1]?.replaceAll(",", "");
        go("record", digits ? String(Number(digits)) : id);
    };
    return (
        <form class="record-search" role="search" onSubmit={find}>
            <Field label={r.searchLabel}>
                {(ids) => <input type="text" spellcheck={false} autocomplete="off" maxLength={128} placeholder={r.searchHint} value={text} onInput={(e) => setText(e.currentTarget.value)} {...ids} />}
            </Field>
            <button type="submit" class="button"><Icon name="search" />{r.find}</button>
        </form>
    );
}

function Filters({ filter, set, tenants, models, go }: FiltersProps): VNode {
    const r = useRecordWords();
    const pick = (name: "model" | "tenant", values: string[]): VNode => (
        <Field label={r[name]}>
            {(ids) => (
                <select value={filter[name]} onChange={(e) => set({ ...filter, [name]: e.currentTarget.value })} {...ids}>
                    <option value="">{r.all}</option>
                    {values.map((v) => <option value={v}>{v}</option>)}
                </select>
            )}
        </Field>
    );
    const day = (name: "from" | "to"): VNode => (
        <Field label={r[name]}>
            {(ids) => <input type="date" value={filter[name]} onChange={(e) => set({ ...filter, [name]: e.currentTarget.value })} {...ids} />}
        </Field>
    );
    const any = Object.values(filter).some(Boolean);
    const [open, setOpen] = useState(any);
    return (
        <>
            <details class="facts" open={open} onToggle={(e) => setOpen(e.currentTarget.open)}>
                <summary>{r.narrow}</summary>
                <div class="record-filters">
                    {pick("model", models.map((m) => m.id))}
                    {tenants.length > 1 && pick("tenant", tenants)}
                    {day("from")}
                    {day("to")}
                </div>
            </details>
            {any && (
                <p class="record-clear">
                    <button type="button" class="text-button" onClick={() => (set(noFilter), go("record"))}><Icon name="close" />{r.clear}</button>
                </p>
            )}
        </>
    );
}

function Entries(props: FiltersProps & { head: api.Head | null }): VNode {
    const r = useRecordWords();
    const { apiKey, filter, head } = props;
    const found = useEntries(apiKey, filter);
    const columns = useColumns(props.who.admin);
    const fresh = head && found.size > 0 ? head.size - found.size : 0;
    const filtered = Object.values(filter).some(Boolean);
    return (
        <Card
            title={r.entries}
            actions={fresh > 0 && !found.busy && <button type="button" class="button quiet small" onClick={found.again}><Icon name="again" />{r.fresh(fresh)}</button>}
        >
            <Search key={filter.request} {...props} />
            <Filters {...props} />
            {found.failure && <ErrorNote failure={found.failure} onRetry={found.again} />}
            {found.rows.length > 0 && <Table label={r.entries} columns={columns} rows={found.rows} id={(e) => e.entry} />}
            {found.busy && <Loading text={r.looking} />}
            {!found.busy && !found.failure && found.rows.length === 0 && found.next === null && (
                <Empty icon="book" text={filtered ? r.nothingFound : r.nothing}>
                    {!filtered && <a class="button quiet small" href={hashOf("chat")}>{r.toChat}</a>}
                </Empty>
            )}
            {!found.busy && found.next !== null && (
                <div class="record-more">
                    {!found.full && <p role="status">{r.looked(found.looked, found.size)}</p>}
                    <button type="button" class="button quiet" onClick={found.more}>{found.full ? r.more : r.goOn}</button>
                </div>
            )}
        </Card>
    );
}

/* ---- the page ---- */

function List(props: PageProps): VNode {
    const { apiKey, rest } = props;
    const { admin } = props.who;
    const [filter, set] = useState<api.Filter>({ ...noFilter, request: rest });
    const head: Loaded<api.Head> = useLoaded(`head ${apiKey}`, (signal) => api.head(apiKey, signal), everyMs);
    useEffect(() => {
        if (rest !== filter.request) set({ ...filter, request: rest });
    }, [rest]);
    const tenants = admin ? (head.data?.tenants.map((t) => t.tenant).sort() ?? []) : [];
    return (
        <>
            <Shown of={head}>{(h) => <HeadCard head={h} admin={admin} />}</Shown>
            <Entries {...props} filter={filter} set={set} tenants={tenants} head={head.data} />
        </>
    );
}

export function RecordPage(props: PageProps): VNode {
    const r = useRecordWords();
    if (/^\d{1,16}$/.test(props.rest)) return <EntryPage key={props.rest} {...props} index={Number(props.rest)} />;
    return (
        <Page title={r.title} lead={r.lead}>
            <List {...props} />
        </Page>
    );
}
