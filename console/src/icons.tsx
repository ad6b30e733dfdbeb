// Line icons, 20 units wide, drawn in the text's colour; their buttons have the words.
import type { VNode } from "preact";

const paths = {
    chat: "M3.5 4.5h13v9H9l-3.5 3v-3h-2z",
    book: "M4 3.5h9.5a2 2 0 0 1 2 2v11H6a2 2 0 0 1-2-2zM4 14.5a2 2 0 0 1 2-2h9.5M7.5 7h4.5",
    pulse: "M2.5 10.5h3.2l2.1-6 3.6 11 2.2-5h3.9",
    cube: "M10 2.5l6.5 3.7v7.6L10 17.5l-6.5-3.7V6.2zM3.5 6.2L10 10l6.5-3.8M10 10v7.5",
    key: "M7 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10.5 10H17M14.5 10v2.8",
    plan: "M3 16.5h14M5 13.5V9M9 13.5V4M13 13.5V7M16.5 13.5v-3",
    plus: "M10 4v12M4 10h12",
    minus: "M5 10h10",
    send: "M10 16V4M5 9l5-5 5 5",
    stop: "M6 6h8v8H6z",
    menu: "M3 5.5h14M3 10h14M3 14.5h14",
    close: "M5 5l10 10M15 5L5 15",
    search: "M9 15a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM13.5 13.5L17 17",
    trash: "M3.5 5.5h13M8 5.5V3.5h4v2M5 5.5l.8 11h8.4l.8-11M8.5 9v4.5M11.5 9v4.5",
    tune: "M3 6h7M14 6h3M3 14h3M10 14h7M12 4v4M8 12v4",
    copy: "M7 7V3.5h9.5V13H13M3.5 7H13v9.5H3.5z",
    edit: "M4 16l.8-3.6L13.2 4l2.8 2.8-8.4 8.4zM11.5 5.8l2.8 2.8",
    again: "M16 10a6 6 0 1 1-1.8-4.3M16 3v3.5h-3.5",
    check: "M4 10.5l4 4 8-9",
    shield: "M10 2.5l6 2.2v4.6c0 3.9-2.5 6.8-6 8.2-3.5-1.4-6-4.3-6-8.2V4.7zM7.3 9.8l2 2 3.5-3.8",
    alert: "M10 3l8 14H2zM10 8v4M10 14.4v.2",
    left: "M12 5l-5 5 5 5",
    right: "M8 5l5 5-5 5",
    down: "M10 4v12M5 11l5 5 5-5",
    sun: "M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1",
    moon: "M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3z",
    auto: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 3v14M10 6h5.5M10 10h7M10 14h5.5",
    save: "M10 3v9M6 8.5l4 4 4-4M3.5 16.5h13",
    open: "M10 12.5v-9M6 7l4-4 4 4M3.5 16.5h13",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }): VNode {
    return (
        <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
            <path d={paths[name]} />
        </svg>
    );
}

export function Mark(): VNode {
    return (
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M10 9h12M10 16h12M10 23h7" />
        </svg>
    );
}
