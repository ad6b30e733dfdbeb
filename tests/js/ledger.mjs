// The record, verified by another program: a few dozen lines on Node's own cryptography, written after docs/record.md, RFC
// 6962 and the C2SP formats. It reads what sillok wrote, checks signatures, tree, entries, receipts and transcripts, and
// says no to what was tampered with.
import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, done } from "./tap.mjs";

const sillok = process.env.SILLOK ?? "build/sillok";
const tool = join(process.env.SILLOK_BUILD ?? "build", "tests/tool_ledger");
const folder = mkdtempSync(join(tmpdir(), "sillok-ledger-"));

// ---- the verifier ----
const sha = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const leafHash = (entry) => sha(Buffer.from([0]), entry);
const join2 = (l, r) => sha(Buffer.from([1]), l, r);

// Checks the note's signature by the key; returns origin, size and root.
function openCheckpoint(note, vkey) {
    const [name, id, key64] = vkey.trim().split(/\+(?=[0-9a-f]{8}\+)|(?<=\+[0-9a-f]{8})\+/);
    const key = Buffer.from(key64, "base64");
    assert.equal(key.length, 33);
    assert.equal(key[0], 1);
    assert.equal(sha(Buffer.from(name + "\n"), key).subarray(0, 4).toString("hex"), id);
    const at = note.lastIndexOf("\n\n");
    const text = note.slice(0, at + 1);
    const line = note.slice(at + 2).split("\n").find((l) => l.startsWith(`\u2014 ${name} `));
    const signature = Buffer.from(line.split(" ")[2], "base64");
    assert.equal(signature.subarray(0, 4).toString("hex"), id);
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.subarray(1)]);
    const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
    assert.ok(verify(null, Buffer.from(text), publicKey, signature.subarray(4)), "the signature is wrong");
    const [origin, size, root] = text.split("\n");
    assert.equal(origin, name);
    return { size: Number(size), root: Buffer.from(root, "base64") };
}

function treeRoot(leaves) {
    if (leaves.length === 0) return sha();
    if (leaves.length === 1) return leaves[0];
    let k = 1;
    while (k * 2 < leaves.length) k *= 2;
    return join2(treeRoot(leaves.slice(0, k)), treeRoot(leaves.slice(k)));
}

// RFC 9162, section 2.1.3.2.
function rootOfPath(leaf, index, size, path) {
    let fn = index, sn = size - 1, r = leaf;
    for (const p of path) {
        assert.ok(sn > 0);
        if (fn % 2 === 1 || fn === sn) {
            r = join2(p, r);
            while (fn % 2 === 0 && fn > 0) {
                fn = Math.floor(fn / 2);
                sn = Math.floor(sn / 2);
            }
        } else r = join2(r, p);
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
    }
    assert.equal(sn, 0);
    return r;
}

function checkReceipt(text, vkey) {
    const at = text.indexOf("\n\n");
    const [magic, extra, index, ...path] = text.slice(0, at).split("\n");
    assert.equal(magic, "c2sp.org/tlog-proof@v1");
    const [entry, salt] = Buffer.from(extra.replace(/^extra /, ""), "base64").toString().split("\n");
    const { size, root } = openCheckpoint(text.slice(at + 2), vkey);
    const i = Number(index.replace(/^index /, ""));
    const hashes = path.map((p) => Buffer.from(p, "base64"));
    assert.deepEqual(rootOfPath(leafHash(Buffer.from(entry)), i, size, hashes), root);
    return { index: i, entry: JSON.parse(entry), salt };
}

const tilePath = (n, w) => {
    const digits = String(n).padStart(Math.ceil(String(n).length / 3) * 3, "0").match(/.../g);
    return digits.map((d, i) => (i < digits.length - 1 ? "x" : "") + d).join("/") + (w ? `.p/${w}` : "");
};

function checkLog(dir, vkey) {
    const { size, root } = openCheckpoint(readFileSync(join(dir, "checkpoint"), "utf8"), vkey);
    const entries = [];
    for (let t = 0; t * 256 < size; t++) {
        const w = Math.min(256, size - t * 256);
        const bundle = readFileSync(join(dir, "tile/entries", tilePath(t, w % 256)));
        const tile = readFileSync(join(dir, "tile/0", tilePath(t, w % 256)));
        assert.equal(tile.length, 32 * w);
        let at = 0;
        for (let i = 0; i < w; i++) {
            const n = bundle.readUInt16BE(at);
            const entry = bundle.subarray(at + 2, at + 2 + n);
            assert.deepEqual(leafHash(entry), tile.subarray(i * 32, i * 32 + 32), `entry ${t * 256 + i}`);
            entries.push(entry);
            at += 2 + n;
        }
        assert.equal(at, bundle.length);
    }
    const leaves = entries.map(leafHash);
    assert.deepEqual(treeRoot(leaves), root);
    for (let level = 1; size >> (8 * level) > 0; level++) { // the tiles above are roots of full tiles below
        const count = size >> (8 * level), width = 256 ** level;
        for (let t = 0; t * 256 < count; t++) {
            const w = Math.min(256, count - t * 256);
            const tile = readFileSync(join(dir, `tile/${level}`, tilePath(t, w % 256)));
            for (let i = 0; i < w; i++) {
                const from = (t * 256 + i) * width;
                assert.deepEqual(tile.subarray(i * 32, i * 32 + 32), treeRoot(leaves.slice(from, from + width)));
            }
        }
    }
    return entries.map((e) => JSON.parse(e));
}

function readTranscripts(dir) {
    const all = new Map();
    for (let t = 0; existsSync(join(dir, "transcripts", tilePath(t))); t++) {
        const b = readFileSync(join(dir, "transcripts", tilePath(t)));
        for (let at = 0; at < b.length; ) {
            assert.equal(b.toString("latin1", at, at + 4), "SJT1");
            const n = Number(b.readBigUInt64LE(at + 16)), body = b.subarray(at + 56, at + 56 + n);
            if (b.readUInt32LE(at + 4) === 1) {
                assert.deepEqual(sha(body), b.subarray(at + 24, at + 56));
                const [nIn, nOut] = [body.readUInt32LE(32), body.readUInt32LE(36)];
                const ids = body.subarray(52);
                all.set(Number(b.readBigUInt64LE(at + 8)), {
                    salt: body.subarray(0, 32),
                    in: ids.subarray(0, nIn * 4),
                    out: ids.subarray(nIn * 4, (nIn + nOut) * 4),
                });
            }
            at += 56 + n;
        }
    }
    return all;
}
const salted = (salt, label, ids) => sha(salt, Buffer.from(label + "\n"), ids).toString("hex");

// ---- the tests ----
const make = (name, n, group, keep) => {
    const dir = join(folder, name);
    execFileSync(tool, ["plain", dir, String(n), String(group), keep]);
    return { dir, vkey: readFileSync(dir + ".key.pub", "utf8") };
};

for (const [n, group] of [[0, 1], [1, 1], [255, 50], [256, 256], [257, 100], [1300, 333]]) {
    await test(`a log of ${n} entries`, () => {
        const { dir, vkey } = make(`log-${n}`, n, group, "ids");
        const entries = checkLog(dir, vkey);
        assert.equal(entries.length, n);
        entries.forEach((e, i) => {
            assert.equal(e.v, 1);
            assert.equal(e.request, `req-${i} "한\\`);
            assert.equal(e.time_ms, 1700000000000 + i * 1000);
            assert.equal(e.energy_mj, i % 3 ? i * 7 : undefined);
            assert.equal(BigInt(e.sampling.seed), 2n ** 64n - 1n - BigInt(i));
            assert.equal(e.sampling.temperature, i % 2 ? 0.7 : 0);
        });
        const kept = readTranscripts(dir);
        assert.equal(kept.size, n);
        for (const [i, t] of kept) {
            assert.equal(t.in.length, entries[i].in.n * 4);
            assert.equal(salted(t.salt, "in", t.in), entries[i].in.sha256);
            assert.equal(salted(t.salt, "out", t.out), entries[i].out.sha256);
        }
    });
}

await test("receipts of sillok audit prove", () => {
    const { dir, vkey } = make("receipts", 700, 300, "ids");
    const kept = readTranscripts(dir);
    for (const i of [0, 1, 255, 256, 511, 512, 699]) {
        const text = execFileSync(sillok, ["audit", "prove", String(i), "--log", dir, "--salt"], { encoding: "utf8" });
        const r = checkReceipt(text, vkey);
        assert.equal(r.index, i);
        assert.equal(r.entry.time_ms, 1700000000000 + i * 1000);
        assert.equal(salted(Buffer.from(r.salt, "hex"), "in", kept.get(i).in), r.entry.in.sha256);
        assert.throws(() => checkReceipt(text.replace(`index ${i}\n`, `index ${i + 1}\n`), vkey));
    }
});

await test("what was tampered with", () => {
    const { dir, vkey } = make("tampered", 20, 7, "none");
    const other = make("other", 1, 1, "none");
    const note = readFileSync(join(dir, "checkpoint"), "utf8");
    openCheckpoint(note, vkey);
    assert.throws(() => openCheckpoint(note.replace("\n20\n", "\n19\n"), vkey), /signature/);
    assert.throws(() => openCheckpoint(note, other.vkey));
});

rmSync(folder, { recursive: true });
done();
