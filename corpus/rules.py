"""The rules by which generate.py rewrites questions. Each takes a question's block, its text and a source of numbers."""
import hashlib
import re
from collections import Counter

from phrases import (AFTERWORDS, ENDINGS, ENGLISH_OPENINGS, OPENINGS, PARTICLES, SITUATIONS, TAILS)
from textfile import squeezed

HANGUL = re.compile(r"[가-힣]")
LONGEST_FIRST = sorted({p for both in PARTICLES for p in both}, key=lambda p: (-len(p), p))
COMMON = 6  # a pair of letters that stands in this many blocks says little about one
# Vowels and final consonants that sound alike, by their number in a syllable.
VOWELS_ALIKE = {1: 5, 5: 1, 3: 7, 7: 3, 10: 15, 11: 10, 15: 10, 8: 4, 4: 8, 18: 20, 20: 18}
FINALS_ALIKE = {19: 20, 20: 19, 7: 19, 22: 19, 23: 7, 6: 4, 15: 8, 2: 1, 18: 17}
FIRST_ALIKE = {0: 1, 1: 0, 3: 4, 4: 3, 7: 8, 9: 10, 10: 9, 12: 13, 13: 12}


class Numbers:
    """Numbers that follow from a text: the same everywhere."""

    def __init__(self, *names):
        self.seed, self.at, self.pool = "\0".join(names).encode(), 0, b""

    def below(self, n):
        if len(self.pool) < 4:
            self.pool = hashlib.sha256(self.seed + self.at.to_bytes(8, "little")).digest()
            self.at += 1
        value, self.pool = int.from_bytes(self.pool[:4], "little"), self.pool[4:]
        return value * n >> 32

    def chance(self, percent):
        return self.below(100) < percent

    def pick(self, items):
        return items[self.below(len(items))]

    def shuffled(self, items):
        items = list(items)
        for i in range(len(items) - 1, 0, -1):
            k = self.below(i + 1)
            items[i], items[k] = items[k], items[i]
        return items


def pairs(word):
    w = squeezed(word)
    return {w[i:i + 2] for i in range(len(w) - 1)} or {w}


class Weights:
    """How much a word says about the block that it stands in."""

    def __init__(self, blocks):
        self.count, self.known = Counter(), {}
        for b in blocks:
            self.count.update({p for _, text in b.lines for w in text.split() for p in pairs(w)})

    def telling(self, word):
        if word not in self.known:
            self.known[word] = bool(squeezed(word)) and min(self.count[p] for p in pairs(word)) <= COMMON
        return self.known[word]


def korean(text):
    return bool(HANGUL.search(text))


def stem(word):
    """The word without punctuation and one particle."""
    word = re.sub(r"^[^\w]+|[^\w]+$", "", word)
    for particle in LONGEST_FIRST:
        if word.endswith(particle) and len(word) - len(particle) >= 2:
            return word[:-len(particle)]
    return word


def with_particle(word, n):
    last = ord(word[-1])
    closed = 0xac00 <= last <= 0xd7a3 and (last - 0xac00) % 28 != 0
    return word + n.pick(PARTICLES)[0 if closed else 1]


def other_ending(block, q, n):
    fits = [(e, group) for group in ENDINGS for e in group if q.endswith(e)]
    if not fits:
        return None
    ending, group = max(fits, key=lambda f: len(f[0]))
    return q[:-len(ending)] + n.pick([e for e in group if e != ending])


def opened(block, q, n):
    return n.pick(OPENINGS if korean(q) else ENGLISH_OPENINGS) + " " + q


def situated(block, q, n):
    if not korean(q):
        return opened(block, q, n)
    q = other_ending(block, q, n) or q if n.chance(50) else q
    if n.chance(25):
        return f"{q} {n.pick(SITUATIONS)} {n.pick(AFTERWORDS)}"
    if n.chance(30):
        return f"{n.pick(SITUATIONS)} {q} {n.pick(AFTERWORDS)}"
    return f"{n.pick(SITUATIONS)} {q}"


def unpunctuated(block, q, n):
    return re.sub(r"[.?!,]+", "", q)


def respaced(block, q, n):
    """Spaces lost: all of them, or some."""
    if not korean(q):
        return q.casefold()
    if n.chance(30):
        return q.replace(" ", "")
    out = q.split(" ")
    for _ in range(1 + n.below(3)):
        if len(out) > 1:
            k = n.below(len(out) - 1)
            out[k:k + 2] = [out[k] + out[k + 1]]
    return " ".join(out)


def alike(c, n):
    """A syllable as it is misspelt."""
    code = ord(c) - 0xac00
    if not 0 <= code < 11172:
        return c.swapcase() if c.isascii() else c
    first, vowel, final = code // 588, code % 588 // 28, code % 28
    kinds = [k for k, known in ((0, vowel in VOWELS_ALIKE), (1, final in FINALS_ALIKE), (2, first in FIRST_ALIKE), (3, final)) if known]
    if not kinds:
        return c
    kind = n.pick(kinds)
    if kind == 0:
        vowel = VOWELS_ALIKE[vowel]
    elif kind == 1:
        final = FINALS_ALIKE[final]
    elif kind == 2:
        first = FIRST_ALIKE[first]
    else:
        final = 0
    return chr(0xac00 + first * 588 + vowel * 28 + final)


def misspelt(block, q, n):
    out = list(q)
    for _ in range(1 + len(q) // 14):
        k = n.below(len(out))
        if n.chance(15) and k + 1 < len(out) and " " not in (out[k], out[k + 1]):
            out[k], out[k + 1] = out[k + 1], out[k]
        elif n.chance(10) and len(out) > 4 and out[k] != " ":
            del out[k]
        else:
            out[k] = alike(out[k], n)
    return "".join(out)


def thinned(block, q, n):
    """Words left out, rather those that say little; sometimes in another order."""
    words = q.split()
    kept = [w for w in words if not n.chance(20 if block.weights.telling(w) else 45)]
    if not any(block.weights.telling(w) for w in kept) or len(kept) == len(words):
        return None
    return " ".join(n.shuffled(kept) if n.chance(35) else kept)


def reordered(block, q, n):
    words = q.split()
    if len(words) < 3:
        return None
    k = 1 + n.below(len(words) - 1)
    return " ".join(n.shuffled(words) if n.chance(40) else words[k:] + words[:k])


def mixed(block, q, n):
    """Words of two questions of the block, or of a question and an answer."""
    other = n.pick(block.questions if n.chance(60) else block.texts("a"))
    words = [w for w in q.split() + other.split() if not n.chance(30 if block.weights.telling(w) else 60)]
    if not any(block.weights.telling(w) for w in words):
        return None
    return " ".join((n.shuffled(words) if n.chance(50) else words)[:14])


def keywords(block, q, n):
    """A few telling words of the block with other particles and an end."""
    source = q if n.chance(30) else " ".join(n.shuffled(block.questions)[:3] + block.texts("a"))
    stems = sorted({stem(w) for w in source.split() if block.weights.telling(w)} - {""})
    if not stems:
        return None
    some = n.shuffled(stems)[:1 + n.below(4)]
    if not korean(block.texts("a")[0]):
        return " ".join(some)
    some = [with_particle(w, n) if n.chance(70) else w for w in some]
    some[1:1] = [n.pick(OPENINGS)] if n.chance(10) else []
    out = " ".join(some + [n.pick(TAILS)]).strip()
    return f"{n.pick(SITUATIONS)} {out}" if n.chance(35) else out


def from_answer(block, q, n):
    """Some words of an answer in a row, asked for."""
    words = n.pick(block.texts("a")).split()
    size = 2 + n.below(5)
    k = n.below(max(1, len(words) - size + 1))
    some = words[k:k + size]
    if not any(block.weights.telling(w) for w in some):
        return None
    some[-1] = stem(some[-1]) or some[-1]
    if not korean(" ".join(words)):
        return " ".join(some)
    return " ".join(([n.pick(SITUATIONS)] if n.chance(30) else []) + some + [n.pick(TAILS)]).strip()


def distracted(block, q, n):
    """Words of elsewhere that say little, between those of the question."""
    words = q.split()
    for w in n.pick(block.others).split():
        if not block.weights.telling(w) and n.chance(60):
            words.insert(n.below(len(words) + 1), w)
    out = " ".join(words)
    return out if out != q else None


def retouched(block, q, n):
    """Other particles behind the telling words."""
    words = q.split()
    out = [with_particle(stem(w), n) if i + 1 < len(words) and n.chance(55) and korean(w) and len(stem(w)) > 1 else w
           for i, w in enumerate(words)]
    return (other_ending(block, " ".join(out), n) or " ".join(out)) if out != words else None


# The rule and how often it is tried, of 100.
RULES = [(other_ending, 7), (opened, 5), (situated, 20), (unpunctuated, 3), (respaced, 6), (misspelt, 6), (thinned, 10),
         (reordered, 5), (mixed, 8), (retouched, 10), (distracted, 20)]
# Of a block's own, not of one question.
BLOCK_RULES = [(keywords, 50), (from_answer, 25), (mixed, 25)]


def draw(rules, n):
    k = n.below(sum(share for _, share in rules))
    for rule, share in rules:
        if k < share:
            return rule
        k -= share
    raise AssertionError


def dress(block, q, rules, n):
    """A question rewritten by one rule, and sometimes by another after it."""
    v = draw(rules, n)(block, q, n)
    if v and n.chance(40):
        v = n.pick([situated, unpunctuated, respaced, misspelt, other_ending, opened])(block, v, n) or v
    return " ".join(v.split())[:200] if v and len(v) > 1 else None
