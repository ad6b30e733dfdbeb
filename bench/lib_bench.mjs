// What the benchmarks in JavaScript share. All paths are relative to the repository, where ./dev bench starts them.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

// The value behind --NAME on the command line.
export function option(name, otherwise) {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : process.argv[at + 1];
}

// Builds programs in build/, named as make names them.
export function build(...targets) {
    execFileSync("make", ["--no-print-directory", "-s", "B=build", ...targets], { stdio: ["ignore", "ignore", "inherit"] });
}

// The version of an installed npm package; without it, says what to do and ends the program.
export function versionOf(name) {
    const file = `tests/js/node_modules/${name}/package.json`;
    if (!existsSync(file)) {
        console.error(`${process.argv[1]}: the npm package ${name} is not installed: run \`sh tools/npm.sh\` in the repository first`);
        process.exit(1);
    }
    return JSON.parse(readFileSync(file, "utf8")).version;
}

// The rows of an earlier run's CSV; none when there is no such file.
export function savedRows(file) {
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").split("\n").filter((l) => l && !l.startsWith("#"));
    return lines.slice(1).map((l) => l.split(","));
}
