// The access key of this tab, for parts deep in the page.
import { createContext } from "preact";
import { useContext } from "preact/hooks";

export const KeyContext = createContext("");
export const useKey = (): string => useContext(KeyContext);
