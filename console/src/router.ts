// Which page the address names: #/PAGE or #/PAGE/REST. "#ID" of older versions is a conversation.
import { useCallback, useEffect, useState } from "preact/hooks";

export const pageNames = ["chat", "record", "state", "models", "usage", "plan"] as const;
export type PageName = (typeof pageNames)[number];

export interface Place {
    page: PageName;
    rest: string; // "7" in #/record/7
}

function decoded(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

export function placeOf(hash: string): Place {
    const path = hash.replace(/^#/, "");
    if (!path.startsWith("/")) return { page: "chat", rest: decoded(path) };
    const [, name, ...rest] = path.split("/");
    const page = pageNames.find((p) => p === name);
    return page ? { page, rest: decoded(rest.join("/")) } : { page: "chat", rest: "" };
}

export const hashOf = (page: PageName, rest = ""): string => `#/${page}${rest && `/${encodeURIComponent(rest)}`}`;

export interface Router {
    place: Place;
    go(page: PageName, rest?: string): void; // a step that "back" undoes
    replace(page: PageName, rest?: string): void;
}

export function useRouter(): Router {
    const [place, setPlace] = useState(() => placeOf(location.hash));
    useEffect(() => {
        const follow = (): void => setPlace(placeOf(location.hash));
        addEventListener("hashchange", follow);
        return () => removeEventListener("hashchange", follow);
    }, []);
    const go = useCallback((page: PageName, rest = "") => void (location.hash = hashOf(page, rest)), []);
    const replace = useCallback((page: PageName, rest = "") => {
        history.replaceState(null, "", hashOf(page, rest));
        setPlace({ page, rest });
    }, []);
    return { place, go, replace };
}
