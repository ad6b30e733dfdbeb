#!/usr/bin/env python3
"""Makes the training conversations from the corpus, as JSON lines {"messages": [{"role", "content"}, ...]}.

    corpus/generate.py authored    every question with every answer of its block, and the conversations
    corpus/generate.py variants    each question once or more in another dress, made by the rules below

The order is that of the files; a trainer shuffles. The same text gives the same bytes: which rules and which answer a
question gets follows from its digest.
"""
import hashlib
import json
import re
import sys

from textfile import Broken, read_folder

PER_QUESTION = 3
OPENINGS = ["저기요, ", "혹시 ", "안녕하세요. ", "궁금한 게 있는데요, ", "하나만 물어볼게요. ", "실록아, "]
# Endings that mean the same, polite and plain.
ENDINGS = [
    ["뭐예요?", "무엇인가요?", "뭔가요?", "무엇입니까?", "뭐야?", "뭐죠?"],
    ["인가요?", "예요?", "입니까?", "이에요?", "인지 궁금해요."],
    ["알려 주세요.", "알려줘.", "알려 주실 수 있나요?", "알려 줄래요?", "말해 주세요."],
    ["설명해 주세요.", "설명해줘.", "설명 부탁드려요.", "설명해 주실래요?"],
    ["하나요?", "해요?", "합니까?", "하죠?", "해?"],
    ["있나요?", "있어요?", "있습니까?", "있죠?", "있어?"],
    ["되나요?", "돼요?", "됩니까?", "되죠?", "돼?"],
]


def draw(text, purpose, n):
    """A number below n that follows from the text."""
    digest = hashlib.sha256(f"{purpose}\0{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % n


def other_ending(q, k):
    for group in ENDINGS:
        for ending in group:
            if q.endswith(ending):
                others = [e for e in group if e != ending]
                return q[:-len(ending)] + others[k % len(others)]
    return None


def opened(q, k):
    return OPENINGS[k % len(OPENINGS)] + q


def unpunctuated(q, _):
    return re.sub(r"[.?!]+$", "", q)


def unspaced(q, _):
    return q.replace(" ", "") if re.search(r"[가-힣]", q) else q.casefold()


RULES = [other_ending, opened, unpunctuated, unspaced, lambda q, k: other_ending(opened(q, k), k),
         lambda q, k: unpunctuated(other_ending(q, k) or opened(q, k), k)]


def variants(q, taken):
    """Up to PER_QUESTION other dresses of a question that no block has taken."""
    out = []
    for i in range(len(RULES)):
        k = draw(q, "start", len(RULES)) + i
        v = RULES[k % len(RULES)](q, draw(q, f"rule {k}", 1 << 16))
        if v and v != q and v not in taken and len(out) < PER_QUESTION:
            taken.add(v)
            out.append(v)
    return out


def conversation(*texts):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": t} for i, t in enumerate(texts)]}


def authored(blocks):
    for b in blocks:
        if b.texts("u"):
            yield conversation(*(text for _, text in b.lines))
        else:
            for q in b.texts("q"):
                for a in b.texts("a"):
                    yield conversation(q, a)


def dressed(blocks):
    taken = {q for b in blocks for q in b.texts("q")}
    for b in blocks:
        answers = b.texts("a")
        for q in b.texts("q"):
            for v in variants(q, taken):
                yield conversation(v, answers[draw(v, "answer", len(answers))])


def main():
    makers = {"authored": authored, "variants": dressed}
    if len(sys.argv) != 2 or sys.argv[1] not in makers:
        sys.exit(__doc__)
    try:
        blocks = [b for name in ("facts", "talk", "english") for b in read_folder(name)]
    except Broken as e:
        sys.exit(str(e))
    for c in makers[sys.argv[1]](blocks):
        print(json.dumps(c, ensure_ascii=False, separators=(",", ":")))


main()
