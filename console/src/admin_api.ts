// What the pages of models, usage and keys ask of the server (docs/operations.md).
import { ask, askJson } from "./api";

export type ModelState = "loaded" | "unloaded" | "loading" | "unloading" | "failed";

export interface ServedModel {
    name: string;
    aliases: string[];
    state: ModelState;
    since: number; // Unix seconds: when this state began
    seconds: number;
    error: string | null;
    file: string;
    file_bytes: number;
    sha256: string | null; // of the last time that it was loaded
    sha256_before: string | null; // where the file was another before
    in_use: number;
    // While it is loaded only:
    profile?: string;
    family?: string;
    parameters?: number;
    layers?: number;
    context?: number;
    sessions?: number;
    chat?: boolean;
    weights_bytes?: number;
    kv_bytes?: number;
    kv_used_bytes?: number;
    running?: number;
    waiting?: number;
}

export interface ServedModels {
    models: ServedModel[];
    memory: { used_bytes: number; budget_bytes: number | null };
}

export interface UsageRow {
    day?: string;
    tenant?: string;
    key?: string;
    model?: string;
    tenant_id?: number;
    key_id?: number;
    requests: number;
    prompt_tokens: number;
    cached_tokens: number;
    answer_tokens: number;
    energy_j: number;
}

export interface Usage {
    from: string;
    to: string;
    rows: UsageRow[];
    total: UsageRow;
}

export type KeyState = "active" | "expired" | "revoked";

export interface Key {
    id: number;
    tenant: string;
    name: string;
    admin: boolean;
    state: KeyState;
    created: number;
    expires: number | null;
    revoked: number | null;
    key?: string; // the secret, when it was made just now
}

export interface Keys {
    keys: Key[];
    left_out: number;
    tenants: { tenant: string; keys: number; suspended: boolean }[];
}

export interface NewKey {
    tenant: string;
    name?: string;
    admin: boolean;
    expires_days?: number;
}

export const servedModels = (key: string, signal: AbortSignal): Promise<ServedModels> => askJson("/admin/models", key, undefined, signal);

/** Begins; servedModels says when it is done. What runs of a model that is unloaded may end first. */
export async function move(key: string, name: string, load: boolean): Promise<void> {
    await ask(`/admin/models/${encodeURIComponent(name)}/${load ? "load" : "unload?drain=1"}`, key, { method: "POST" });
}

const usagePath = (admin: boolean, from: string, to: string, by: string): string => `${admin ? "/admin/usage" : "/usage"}?from=${from}&to=${to}&by=${by}`;

export const usage = (key: string, admin: boolean, from: string, to: string, by: string, signal: AbortSignal): Promise<Usage> =>
    askJson(usagePath(admin, from, to, by), key, undefined, signal);

export const usageCsv = async (key: string, admin: boolean, from: string, to: string): Promise<string> =>
    (await ask(`${usagePath(admin, from, to, "day,tenant,key,model")}&format=csv`, key)).text();

export const keys = (key: string, signal: AbortSignal): Promise<Keys> => askJson("/admin/keys", key, undefined, signal);
export const makeKey = (key: string, made: NewKey): Promise<Key> => askJson("/admin/keys", key, made);
export const revokeKey = (key: string, id: number): Promise<Key> => askJson(`/admin/keys/${id}/revoke`, key, {});
