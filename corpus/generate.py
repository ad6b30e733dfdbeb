#!/usr/bin/env python3
"""Makes variants of the corpus' questions, and of all of it the conversations that a model is trained on.

    corpus/generate.py variants            prints corpus/variants.txt anew: every question in other dress, by rules.py
    corpus/generate.py check               whether corpus/variants.txt is what the corpus gives
    corpus/generate.py counts              how many there are
    corpus/generate.py training FOLDER     FOLDER/{plain,authored,variants,refusals,turns}.jsonl, the training text: JSON lines
                                           {"messages": [{"role", "content"}, ...]}; and validation.jsonl: one question
                                           in 24, which is in none of the others, neither as it is nor rewritten

The same text gives the same bytes: what a rule draws follows from digests of the texts.
"""
import json
import pathlib
import sys

from check import profane
from rules import BLOCK_RULES, RULES, Numbers, Weights, dress
from textfile import VARIANTS, Broken, read_folder, read_variants, squeezed

PER_QUESTION, PER_BLOCK, TRIES = 6, 30, 4
VALIDATION = 24


def held_back(q):
    return Numbers("validation", q).below(VALIDATION) == 0


def prepare(blocks):
    """Gives each block with questions those that it may use, and what the rules need."""
    weights = Weights(blocks)
    asking = [b for b in blocks if b.texts("q")]
    for b in asking:
        b.weights = weights
        b.questions = [q for q in b.texts("q") if not held_back(q)]
    everything = [q for b in asking for q in b.questions]
    for b in asking:
        b.others = everything
    return asking


def rewritten(asking):
    """(block, question): the variants. No two are alike, and none is a question as it was written."""
    taken = {squeezed(q) for b in asking for q in b.texts("q")}

    def fresh(b, q, rules, n):
        for _ in range(TRIES):
            v = dress(b, q, rules, n)
            if v and v not in taken and not profane(v):
                taken.add(v)
                return v
        return None

    for b in asking:
        for q in b.questions:
            n = Numbers("variant", b.id, q)
            for _ in range(PER_QUESTION):
                v = fresh(b, q, RULES, n)
                if v:
                    yield b, v
        n = Numbers("block", b.id)
        for _ in range(PER_BLOCK):
            v = fresh(b, n.pick(b.questions), BLOCK_RULES, n)
            if v:
                yield b, v


def as_text(variants):
    """Grouped by block: a line "## id", then a question to a line."""
    out, last = [], None
    for b, v in variants:
        if b is not last:
            out.append(f"\n## {b.id}" if out else f"## {b.id}")
        out.append(v)
        last = b
    return "\n".join(out) + "\n"


def conversation(*texts):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": t} for i, t in enumerate(texts)]}


def authored(blocks):
    for b in blocks:
        if b.texts("u"):
            yield conversation(*(text for _, text in b.lines))
        else:
            for q in b.questions:
                for a in b.texts("a"):
                    yield conversation(q, a)


def with_first_answer(questions):
    """One answer for all: which question wants which is learnt sooner so."""
    for b, q in questions:
        yield conversation(q, b.texts("a")[0])


def turns(asking, variants):
    """Two or three unrelated questions in one conversation: the last one is to be answered, whatever came before."""
    pairs = variants + [(b, q) for b in asking for q in b.questions]
    n = Numbers("turns", str(len(pairs)))
    for _ in range(len(pairs) // 5):
        texts = []
        for _ in range(2 + n.below(2)):
            b, q = n.pick(pairs)
            texts += [q, b.texts("a")[0]]
        yield conversation(*texts)


def write(path, conversations):
    with path.open("w", encoding="utf-8") as f:
        for c in conversations:
            f.write(json.dumps(c, ensure_ascii=False, separators=(",", ":")) + "\n")


def training(folder, blocks, asking, variants):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "plain.jsonl", with_first_answer((b, q) for b in asking for q in b.questions))
    write(folder / "authored.jsonl", authored(blocks))
    write(folder / "variants.jsonl", with_first_answer(variants))
    write(folder / "refusals.jsonl", with_first_answer(
        [(b, q) for b, q in variants if b.id.startswith("refuse.")] +
        [(b, q) for b in asking if b.id.startswith("refuse.") for q in b.questions]))
    write(folder / "turns.jsonl", turns(asking, variants))
    write(folder / "validation.jsonl",
          with_first_answer((b, q) for b in asking for q in b.texts("q") if held_back(q)))


def main(command, *rest):
    blocks = [b for name in ("facts", "talk", "english") for b in read_folder(name)]
    asking = prepare(blocks)
    if command == "variants":
        sys.stdout.write(as_text(rewritten(asking)))
    elif command == "check":
        same = VARIANTS.read_text(encoding="utf-8") == as_text(rewritten(asking))
        print("variants.txt is what the corpus gives" if same else
              "variants.txt is not what the corpus gives: corpus/generate.py variants >corpus/variants.txt")
        sys.exit(0 if same else 1)
    elif command == "counts":
        authored_n = sum(len(b.texts("q")) for b in asking)
        print(f"authored: {authored_n} questions, {authored_n - sum(len(b.questions) for b in asking)} of them for validation; "
              f"generated: {sum(len(b.texts('q')) for b in read_variants())} variants")
    else:
        by_id = {b.id: b for b in asking}
        training(rest[0], blocks, asking, [(by_id[b.id], v) for b in read_variants() for v in b.texts("q")])


if __name__ == "__main__":
    if len(sys.argv) < 2 or (sys.argv[1], len(sys.argv)) not in (("variants", 2), ("check", 2), ("counts", 2),
                                                                 ("training", 3)):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (Broken, OSError) as error:
        sys.exit(str(error))
