// What a page shows of the server: asked once or again and again, with its failure beside the newest that came.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./api";

export interface Loaded<T> {
    data: T | null; // the newest; stays while it is asked for again, and when that fails
    failure: Failure | null; // of the last try
    busy: boolean;
    at: number; // when data came, 0: never
    retry(): void; // ask now
}

const failureOf = (e: unknown): Failure => (e instanceof Failure ? e : new Failure("server", String(e)));

/** Asks by `load` when `of` changes (null: asks nothing), and every everyMs while the page is seen. `load` must use the signal. */
export function useLoaded<T>(of: string | null, load: (signal: AbortSignal) => Promise<T>, everyMs = 0): Loaded<T> {
    const [state, setState] = useState<Omit<Loaded<T>, "retry">>({ data: null, failure: null, busy: of !== null, at: 0 });
    const [tries, setTries] = useState(0);
    const latest = useRef(load);
    latest.current = load;
    const shown = useRef(of);
    useEffect(() => {
        if (shown.current !== of) setState({ data: null, failure: null, busy: of !== null, at: 0 });
        shown.current = of;
        if (of === null) return;
        const control = new AbortController();
        let timer = 0;
        const again = (ms: number): void => {
            clearTimeout(timer);
            if (everyMs && !document.hidden) timer = window.setTimeout(() => void ask(), ms);
        };
        const ask = async (): Promise<void> => {
            setState((s) => ({ ...s, busy: true }));
            let wait = everyMs;
            try {
                const data = await latest.current(control.signal);
                if (control.signal.aborted) return;
                setState({ data, failure: null, busy: false, at: Date.now() });
            } catch (e) {
                if (control.signal.aborted) return;
                const failure = failureOf(e);
                wait = Math.max(everyMs, failure.retryMs);
                setState((s) => ({ ...s, failure, busy: false }));
            }
            again(wait);
        };
        const seen = (): void => (document.hidden ? clearTimeout(timer) : again(0));
        void ask();
        if (everyMs) document.addEventListener("visibilitychange", seen);
        return () => {
            control.abort();
            clearTimeout(timer);
            document.removeEventListener("visibilitychange", seen);
        };
    }, [of, everyMs, tries]);
    return { ...state, retry: useCallback(() => setTries((n) => n + 1), []) };
}
