// Access keys: a list, making one (shown once), revoking one. Administrators only; others are told whom to ask.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { keys, makeKey, revokeKey, type Key, type Keys, type KeyState } from "./admin_api";
import { Failure } from "./api";
import { ConfirmDialog, Dialog } from "./dialog";
import { useFormat } from "./format";
import { Icon } from "./icons";
import { useLoaded } from "./load";
import { Badge, Card, CopyButton, ErrorNote, Field, Shown, Table } from "./page";
import type { Who } from "./types";
import { useWords } from "./words";
import { useAdminWords } from "./words_admin";

const bytesMax = 63;
const lives = [0, 30, 90, 365];
const tones: Record<KeyState, "good" | "warn" | "plain"> = { active: "good", expired: "warn", revoked: "plain" };
const nameOk = (s: string): boolean => new TextEncoder().encode(s).length <= bytesMax && !/["\\\p{Cc}]/u.test(s);

function Secret({ made, onClose }: { made: Key; onClose(): void }): VNode {
    const w = useAdminWords();
    return (
        <Dialog title={w.madeTitle} fixed onClose={onClose}>
            <p class="dialog-text">{w.madeText}</p>
            <p class="dialog-text"><strong>{w.madeFor(made.tenant, made.name)}</strong></p>
            <div class="secret">
                <code class="mono">{made.key}</code>
                <CopyButton text={made.key ?? ""} label={w.copyKey} words />
            </div>
            <div class="dialog-actions"><button type="button" class="button" onClick={onClose}>{w.saved}</button></div>
        </Dialog>
    );
}

interface MakeProps {
    apiKey: string;
    tenants: string[];
    onMade(made: Key): void;
    onClose(): void;
}

function Make({ apiKey, tenants, onMade, onClose }: MakeProps): VNode {
    const words = useWords();
    const w = useAdminWords();
    const [tenant, setTenant] = useState("");
    const [name, setName] = useState("");
    const [life, setLife] = useState(0);
    const [admin, setAdmin] = useState(false);
    const [tried, setTried] = useState(false);
    const [busy, setBusy] = useState(false);
    const [failure, setFailure] = useState<Failure | null>(null);
    const wrongTenant = !tenant.trim() ? w.needTenant : nameOk(tenant.trim()) ? undefined : w.badName;
    const wrongName = nameOk(name.trim()) ? undefined : w.badName;
    const send = async (e: Event): Promise<void> => {
        e.preventDefault();
        setTried(true);
        if (wrongTenant || wrongName) return;
        setBusy(true);
        setFailure(null);
        try {
            onMade(await makeKey(apiKey, { tenant: tenant.trim(), name: name.trim() || undefined, admin, expires_days: life || undefined }));
        } catch (x) {
            setFailure(x instanceof Failure ? x : new Failure("server", String(x)));
            setBusy(false);
        }
    };
    return (
        <Dialog title={w.makeTitle} onClose={onClose}>
            <form class="form" noValidate onSubmit={(e) => void send(e)}>
                <Field label={w.makeTenant} hint={w.makeTenantHint} wrong={tried ? wrongTenant : undefined}>
                    {(ids) => <input type="text" {...ids} list="tenants" autocomplete="off" autofocus required value={tenant} onInput={(e) => setTenant(e.currentTarget.value)} />}
                </Field>
                <datalist id="tenants">{tenants.map((t) => <option value={t} />)}</datalist>
                <Field label={w.makeName} hint={w.makeNameHint} wrong={wrongName}>
                    {(ids) => <input type="text" {...ids} autocomplete="off" value={name} onInput={(e) => setName(e.currentTarget.value)} />}
                </Field>
                <Field label={w.makeExpires}>
                    {(ids) => (
                        <select {...ids} value={String(life)} onChange={(e) => setLife(Number(e.currentTarget.value))}>
                            {lives.map((d) => <option value={String(d)}>{d ? w.expiresIn(d) : w.expiresNever}</option>)}
                        </select>
                    )}
                </Field>
                <label class="check">
                    <input type="checkbox" checked={admin} onChange={(e) => setAdmin(e.currentTarget.checked)} />
                    <span>{w.makeAdmin}<small>{w.makeAdminHint}</small></span>
                </label>
                {failure && <ErrorNote failure={failure} />}
                <div class="dialog-actions">
                    <button type="button" class="button quiet" onClick={onClose}>{words.cancel}</button>
                    <button type="submit" class="button" disabled={busy}>{w.make}</button>
                </div>
            </form>
        </Dialog>
    );
}

function List({ data, who, onRevoke }: { data: Keys; who: Who; onRevoke(k: Key): void }): VNode {
    const w = useAdminWords();
    const f = useFormat();
    const [all, setAll] = useState(false);
    const rows = data.keys.filter((k) => all || k.state === "active").reverse();
    return (
        <>
            <label class="check">
                <input type="checkbox" checked={all} onChange={(e) => setAll(e.currentTarget.checked)} />
                <span>{w.showRevoked}</span>
            </label>
            <Table
                label={w.keysTitle}
                rows={rows}
                id={(k) => k.id}
                empty={w.noKeys}
                columns={[
                    { name: w.keyName, head: true, cell: (k) => k.name },
                    { name: w.tenant, cell: (k) => k.tenant },
                    { name: w.keyKind, cell: (k) => (k.admin ? <Badge tone="accent">{w.keyAdmin}</Badge> : w.keyPlain) },
                    { name: w.keyState, cell: (k) => <Badge tone={tones[k.state]}>{w.keyStates[k.state]}</Badge> },
                    { name: w.created, cell: (k) => f.date(k.created * 1000) },
                    { name: w.expires, cell: (k) => (k.expires ? f.date(k.expires * 1000) : w.never) },
                    {
                        name: <span class="hidden">{w.actions}</span>,
                        end: true,
                        cell: (k) =>
                            k.id === who.key_id ? (
                                <small>{w.keyNow}</small>
                            ) : (
                                k.state === "active" && (
                                    <button type="button" class="text-button" aria-label={w.revokeOf(k.tenant, k.name)} onClick={() => onRevoke(k)}>
                                        <Icon name="trash" />
                                        {w.revoke}
                                    </button>
                                )
                            ),
                    },
                ]}
            />
            {data.left_out > 0 && <p class="nothing">{w.leftOut(data.left_out)}</p>}
        </>
    );
}

function Managed({ apiKey, who }: { apiKey: string; who: Who }): VNode {
    const w = useAdminWords();
    const all = useLoaded("keys", (signal) => keys(apiKey, signal));
    const [making, setMaking] = useState(false);
    const [made, setMade] = useState<Key | null>(null);
    const [leaving, setLeaving] = useState<Key | null>(null);
    return (
        <Card title={w.keysTitle} hint={w.keysLead} actions={<button type="button" class="button small" onClick={() => setMaking(true)}><Icon name="plus" />{w.make}</button>}>
            <Shown of={all}>{(data) => <List data={data} who={who} onRevoke={setLeaving} />}</Shown>
            {making && (
                <Make
                    apiKey={apiKey}
                    tenants={all.data?.tenants.map((t) => t.tenant) ?? []}
                    onMade={(k) => (setMaking(false), setMade(k), all.retry())}
                    onClose={() => setMaking(false)}
                />
            )}
            {made && <Secret made={made} onClose={() => setMade(null)} />}
            {leaving && (
                <ConfirmDialog
                    title={w.revokeTitle}
                    text={<p>{w.revokeAsk(leaving.tenant, leaving.name)}</p>}
                    action={w.revoke}
                    danger
                    onConfirm={async () => {
                        await revokeKey(apiKey, leaving.id);
                        all.retry();
                    }}
                    onClose={() => setLeaving(null)}
                />
            )}
        </Card>
    );
}

export function KeysCard({ apiKey, who }: { apiKey: string; who: Who }): VNode {
    const w = useAdminWords();
    if (who.admin) return <Managed apiKey={apiKey} who={who} />;
    return (
        <Card title={w.keysTitle}>
            <p class="dialog-text">{w.keysPlain}</p>
            <dl class="facts-list">
                <div><dt>{w.keyNow}</dt><dd>{w.madeFor(who.tenant, who.key)}</dd></div>
            </dl>
        </Card>
    );
}
