// What a program must not leave behind when it ends, also by a signal: children and temporary folders.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const children = new Set();
const folders = new Set();

process.on("exit", () => {
    for (const child of children) child.kill("SIGKILL");
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
for (const [signal, number] of [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]]) process.on(signal, () => process.exit(128 + number));

// A started program, which is killed if it outlives this one.
export function owned(child) {
    children.add(child);
    child.once("close", () => children.delete(child));
    return child;
}

// A new folder for the time of this program.
export function temporaryFolder(name) {
    const folder = mkdtempSync(join(tmpdir(), `sillok-${name}-`));
    folders.add(folder);
    return folder;
}
