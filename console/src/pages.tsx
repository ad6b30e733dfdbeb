// The pages beside the conversation. A line here is a page: in the navigation, at #/NAME, with a title.
import type { ComponentType } from "preact";
import type { IconName } from "./icons";
import { ModelsPage } from "./models";
import { Plan } from "./plan";
import { RecordPage } from "./record";
import type { PageName } from "./router";
import { StatePage } from "./state";
import type { Model, Who } from "./types";
import { UsagePage } from "./usage";

export interface PageProps {
    apiKey: string;
    who: Who; // an ordinary key sees its own tenant's, an administrator's everything
    models: Model[];
    rest: string; // of the address, behind the page's name: "7" in #/record/7
    online: boolean;
    go(page: PageName, rest?: string): void;
}

export interface PageEntry {
    name: Exclude<PageName, "chat">;
    icon: IconName;
    View: ComponentType<PageProps>;
}

/** In the order of the navigation; the names that people read are `pages` in words.ts. */
export const pages: readonly PageEntry[] = [
    { name: "record", icon: "book", View: RecordPage },
    { name: "state", icon: "pulse", View: StatePage },
    { name: "models", icon: "cube", View: ModelsPage },
    { name: "usage", icon: "key", View: UsagePage },
    { name: "plan", icon: "plan", View: Plan },
];
