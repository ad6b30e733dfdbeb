// Builds console/dist from console/src: the same bytes from the same sources and package-lock.json.
//   node build.mjs          writes dist/
//   node build.mjs --check  compares dist/ with what would be written; exit status 1 when it differs
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const gzipMax = 300_000;

const result = await build({
    absWorkingDir: here,
    entryPoints: { console: "src/main.tsx", style: "src/style.css" },
    outdir: "dist",
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: ["es2022"],
    charset: "utf8",
    legalComments: "none",
    jsx: "automatic",
    jsxImportSource: "preact",
    logLevel: "warning",
});
const named = (end) => result.outputFiles.find((f) => f.path.endsWith(end)).contents;
const files = {
    "console.js": named("console.js"),
    "console.css": named("style.css"),
    "index.html": readFileSync(join(here, "src/index.html")),
};

let bad = false;
let packed = 0;
mkdirSync(dist, { recursive: true });
for (const [name, bytes] of Object.entries(files)) {
    const path = join(dist, name);
    packed += gzipSync(bytes).length;
    if (!process.argv.includes("--check")) {
        writeFileSync(path, bytes);
        continue;
    }
    if (!Buffer.from(bytes).equals(readFileSync(path))) {
        console.error(`console/dist/${name} is not what console/src gives: ./dev console`);
        bad = true;
    }
}
if (packed >= gzipMax) {
    console.error(`the console takes ${packed} bytes packed, of ${gzipMax}`);
    bad = true;
}
console.log(`console: ${packed} bytes packed`);
process.exit(bad ? 1 : 0);
