// Test results in TAP, the one protocol of the test programs here (see docs/development.md).
//
//   import { test, skip, done } from "./tap.mjs";
//   await test("name", async () => { assert.equal(1, 1); });   // a thrown error is a failure
//   skip("name", "reason");
//   done();                                                    // prints the plan; without it the program fails
import { writeSync } from "node:fs";

let count = 0;
let failed = 0;

// Written at once, so that nothing is lost when the program crashes afterwards.
function say(line) {
    const bytes = Buffer.from(line + "\n");
    for (let at = 0; at < bytes.length; ) {
        try {
            at += writeSync(1, bytes, at);
        } catch (e) {
            if (e.code !== "EAGAIN") throw e;
        }
    }
}

const oneLine = (text) => String(text).replaceAll("#", "\\#").replaceAll(/\s*\n\s*/g, " ");

export function note(text) {
    for (const line of String(text).split("\n")) say("# " + line);
}

export async function test(name, fn) {
    try {
        await fn();
    } catch (e) {
        failed++;
        say(`not ok ${++count} - ${oneLine(name)}`);
        note(e?.stack ?? e);
        return;
    }
    say(`ok ${++count} - ${oneLine(name)}`);
}

export function skip(name, reason) {
    say(`ok ${++count} - ${oneLine(name)} # SKIP ${oneLine(reason)}`);
}

export function done() {
    say(`1..${count}`);
    process.exit(failed ? 1 : 0);
}
