// The bundle that the binary carries is what its sources give, and the sources hold by their types.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { skip, test, done } from "./tap.mjs";

const run = (program, ...args) => spawnSync(program, args, { encoding: "utf8", cwd: program === "sh" ? "." : "console" });
const said = (r) => r.stdout + r.stderr;

const npm = run("sh", "tools/npm.sh", "console");
if (npm.status === 3) {
    skip("console/dist is what console/src gives", npm.stdout.trim());
    done();
}
await test("the packages that build the console", () => assert.equal(npm.status, 0, said(npm)));
await test("console/dist is what console/src gives", () => {
    const r = run(process.execPath, "build.mjs", "--check");
    assert.equal(r.status, 0, said(r));
});
await test("types", () => {
    const r = run(process.execPath, "node_modules/typescript/bin/tsc", "-p", ".");
    assert.equal(r.status, 0, said(r));
});
done();
