#!/usr/bin/env python3
"""Holds the corpus to README.md's rules. Prints TAP, or with --counts what there is; exit code 1 when a rule is broken."""
import re
import sys
import unicodedata
from collections import Counter

from textfile import HERE, IDENTIFIER, Broken, read_folder, read_variants, right, squeezed

MIN_QUESTIONS, MIN_ANSWERS, LONGEST, SHARED_WORDS = 12, 2, 400, 5
# Polite Korean ends its sentences so (formal or informal polite), perhaps before an ending mark.
POLITE = re.compile(r"(요|니다|니까|시오|세요|죠|네요|군요)[.!?~)\"'」』…]*$")
HANGUL = re.compile(r"[가-힣]")
PROFANE = ["시발", "씨발", "ㅅㅂ", "병신", "ㅂㅅ", "개새", "좆", "존나", "지랄", "미친놈", "미친년", "엿먹", "꺼져라", "꺼져버려", "닥쳐",
           "fuck", "shit", "bitch", "asshole"]


def words(text):
    return [squeezed(w) for w in text.split() if squeezed(w)]


def shingles(text):
    w = words(text)
    return {tuple(w[i:i + SHARED_WORDS]) for i in range(len(w) - SHARED_WORDS + 1)}


def check_text(block, text, problems):
    if unicodedata.normalize("NFC", text) != text:
        problems.append(f"{block.where}: not in NFC: {text[:40]}")
    if not text or len(text) > LONGEST:
        problems.append(f"{block.where}: {len(text)} characters; 1 to {LONGEST} are allowed: {text[:40]}")
    if re.search(r"[\x00-\x1f\x7f\ufffd]| {2}", text):
        problems.append(f"{block.where}: control characters or double spaces: {text[:40]}")


def profane(text):
    return any(word in text.casefold() for word in PROFANE)


def check_clean(block, text, problems):
    if profane(text):
        problems.append(f"{block.where}: profanity: {text[:40]}")


def check_answer(block, text, problems):
    check_text(block, text, problems)
    check_clean(block, text, problems)
    if HANGUL.search(text) and not POLITE.search(text):
        problems.append(f"{block.where}: an answer ends politely: {text[-40:]}")
    if block.key and not right(block.key, text):
        problems.append(f"{block.where}: the key does not find this answer right: {text[:60]}")


def check_fact(block, problems):
    q, a = block.texts("q"), block.texts("a")
    if not block.key:
        problems.append(f"{block.where}: a fact needs a key")
    if len(q) < MIN_QUESTIONS:
        problems.append(f"{block.where}: {len(q)} questions; at least {MIN_QUESTIONS}")
    if len(a) < MIN_ANSWERS:
        problems.append(f"{block.where}: {len(a)} answers; at least {MIN_ANSWERS}")


def check_turns(block, problems):
    marks = [m for m, _ in block.lines]
    if marks != ["u", "a"] * (len(marks) // 2) or len(marks) < 4:
        problems.append(f"{block.where}: a conversation has u: and a: in turns, at least two of each")


def check_training(folders, problems):
    seen, ids = {}, Counter()
    for name, blocks in folders.items():
        for b in blocks:
            ids[b.id] += 1
            if not IDENTIFIER.fullmatch(b.id):
                problems.append(f"{b.where}: identifiers look like topic.name, not {b.id!r}")
            if name == "facts":
                check_fact(b, problems)
            if b.texts("u"):
                check_turns(b, problems)
            elif not b.texts("q") or not b.texts("a"):
                problems.append(f"{b.where}: a block needs questions and answers")
            for mark, text in b.lines:
                (check_answer if mark == "a" else check_text)(b, text, problems)
                if mark == "q":
                    check_clean(b, text, problems)
                    first = seen.setdefault(squeezed(text), b)
                    if first is not b or sum(squeezed(t) == squeezed(text) for t in b.texts("q")) > 1:
                        problems.append(f"{b.where}: question also in {first.where}: {text[:40]}")
    problems += [f"{i}: {n} blocks have this identifier" for i, n in ids.items() if n > 1]
    return seen


def check_variants(variants, folders, seen, problems):
    """Generated questions: the same rules, but that they may be misspelt in any way that is no profanity."""
    known = {b.id for blocks in folders.values() for b in blocks}
    for b in variants:
        if b.id not in known:
            problems.append(f"{b.where}: there is no block {b.id}")
        for text in b.texts("q"):
            check_text(b, text, problems)
            check_clean(b, text, problems)
            seen.setdefault(squeezed(text), b)


def check_heldout(heldout, facts, seen, trained_blocks, problems):
    known = {b.id for b in facts}
    trained = {}
    for b in trained_blocks:
        for text in b.texts("q") + b.texts("u"):
            for s in shingles(text):
                trained.setdefault(s, b)
    for b in heldout:
        topic = b.id.split(".")[0]
        if b.id not in known and topic not in ("scope", "provocation"):
            problems.append(f"{b.where}: {b.id} is no fact")
        for text in b.texts("q"):
            check_text(b, text, problems)
            if squeezed(text) in seen:
                problems.append(f"{b.where}: held out, but trained on in {seen[squeezed(text)].where}: {text[:40]}")
            for s in shingles(text):
                if s in trained:
                    problems.append(f"{b.where}: shares \"{' '.join(s)}\" with {trained[s].where}")


def counts(folders, variants, heldout):
    for name, blocks in folders.items():
        q, a = sum(len(b.texts("q")) for b in blocks), sum(len(b.texts("a")) for b in blocks)
        turns = sum(bool(b.texts("u")) for b in blocks)
        pairs = sum(len(b.texts("q")) * len(b.texts("a")) for b in blocks)
        print(f"{name}: {len(blocks)} blocks ({turns} conversations), {q} questions, {a} answers, {pairs} pairs")
    print(f"variants: {sum(len(b.texts('q')) for b in variants)} questions, generated")
    kinds = Counter(b.id.split(".")[0] if b.id.split(".")[0] in ("scope", "provocation") else "facts"
                    for b in heldout for _ in b.texts("q"))
    print("held out: " + ", ".join(f"{n} {k}" for k, n in sorted(kinds.items())))


def main():
    try:
        folders = {name: read_folder(name) for name in ("facts", "talk", "english")}
        heldout = read_folder("heldout")
        variants = read_variants()
    except (Broken, UnicodeDecodeError) as e:
        sys.exit(f"{e}")
    if "--counts" in sys.argv:
        return counts(folders, variants, heldout)
    problems = []
    seen = check_training(folders, problems)
    check_variants(variants, folders, seen, problems)
    check_heldout(heldout, folders["facts"], seen, [b for blocks in folders.values() for b in blocks] + variants, problems)
    for p in problems[:200]:
        print(p)
    print(f"{len(problems)} problems in {HERE.name}/")
    return sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
