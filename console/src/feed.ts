// The last hour as the server keeps it (docs/api.md, "State"): asked for once whole, then only for what is newer.
import { useRef } from "preact/hooks";
import { askJson } from "./api";
import type { Values } from "./chart";
import { useLoaded, type Loaded } from "./load";

export interface Quantiles<T> {
    p50: T;
    p95: T;
    p99: T;
}

type Column = "running" | "waiting" | "pages" | "pages_used" | "answers" | "failed" | "prompt_tokens" | "answer_tokens" | "energy_j";
const columns: Column[] = ["running", "waiting", "pages", "pages_used", "answers", "failed", "prompt_tokens", "answer_tokens", "energy_j"];
type ServerColumn = "seconds" | "connections" | "requests" | "invalid" | "denied" | "limited" | "failed" | "entries" | "commits" | "unrecorded";

export interface ModelState extends Record<Column, Values> {
    model: string;
    now: { running: number; waiting: number; pages: number; pages_used: number; prompt_tokens_per_s: number; answer_tokens_per_s: number; watts: number | null };
    hour: {
        answers: number;
        failed: number;
        prompt_tokens: number;
        answer_tokens: number;
        energy_j: number | null;
        first_token_ms: Quantiles<number | null>;
        between_tokens_ms: Quantiles<number | null>;
    };
    first_token_ms: Quantiles<Values>;
    between_tokens_ms: Quantiles<Values>;
}

export interface TenantSums {
    running: number;
    requests: number;
    failed: number;
    prompt_tokens: number;
    cached_tokens: number;
    answer_tokens: number;
    energy_j: number | null;
    first_token_ms: number | null;
}

export interface Minutes extends TenantSums {
    by_minute: Record<"requests" | "failed" | "prompt_tokens" | "answer_tokens", number[]> & { every_ms: number };
}

export interface TenantState extends TenantSums {
    id: number | null;
    tenant: string | null; // null: those past the first 256
}

interface Head {
    time_ms: number;
    started_s: number;
    every_ms: number;
    metered: boolean;
}

export interface State extends Head {
    first: number;
    next: number;
    now: { connections: number; entries: number; commits: number; unrecorded: number };
    times_ms: number[];
    server: Record<ServerColumn, number[]>;
    models: ModelState[];
    tenants: TenantState[];
    minutes?: Minutes;
}

export interface TenantOnly extends Head {
    tenant: string;
    minutes: Minutes;
}

const samplesMax = 720;
const behind = <T>(old: T[], fresh: T[]): T[] => (fresh.length ? [...old, ...fresh].slice(-samplesMax) : old);

function joinModel(old: ModelState, fresh: ModelState): ModelState {
    const out = { ...fresh };
    for (const c of columns) out[c] = behind(old[c], fresh[c]);
    for (const s of ["first_token_ms", "between_tokens_ms"] as const)
        out[s] = { p50: behind(old[s].p50, fresh[s].p50), p95: behind(old[s].p95, fresh[s].p95), p99: behind(old[s].p99, fresh[s].p99) };
    return out;
}

/** What was known, and behind it what came. A server that was restarted begins anew. */
function join(old: State | null, fresh: State): State {
    if (!old || fresh.started_s !== old.started_s || fresh.first !== old.next || fresh.models.length !== old.models.length) return fresh;
    const server = { ...fresh.server };
    for (const c of Object.keys(server) as ServerColumn[]) server[c] = behind(old.server[c], fresh.server[c]);
    return { ...fresh, times_ms: behind(old.times_ms, fresh.times_ms), server, models: fresh.models.map((m, i) => joinModel(old.models[i]!, m)) };
}

const everyMs = 2000;

/** Of the whole server, and of one tenant in minutes unless null. */
export function useServerState(key: string, tenant: number | null): Loaded<State> {
    const known = useRef<State | null>(null);
    return useLoaded("server", async (signal) => {
        const query = new URLSearchParams();
        if (known.current) query.set("after", String(known.current.next));
        if (tenant !== null) query.set("tenant", String(tenant));
        return (known.current = join(known.current, await askJson<State>(`/admin/state?${query}`, key, undefined, signal)));
    }, everyMs);
}

export const useTenantOnly = (key: string): Loaded<TenantOnly> =>
    useLoaded("tenant", (signal) => askJson<TenantOnly>("/state", key, undefined, signal), everyMs);
