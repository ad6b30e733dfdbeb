"""Reads the corpus (README.md gives the format)."""
import pathlib
import re
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
IDENTIFIER = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")


class Block:
    """id; key: list of groups of alternatives; lines: (mark, text) in order; where: file:line."""

    def __init__(self, where, name):
        self.where, self.id = where, name
        self.key, self.lines = [], []

    def texts(self, mark):
        return [text for m, text in self.lines if m == mark]


class Broken(Exception):
    """A file that does not follow the format; the message begins with file:line."""


def squeezed(text):
    """Without spaces, punctuation and case: what two texts are compared by."""
    return "".join(c for c in text.casefold() if unicodedata.category(c)[0] in "LNM")


def right(key, answer):
    """Whether an answer holds an alternative of each group of a key."""
    bare = "".join(answer.casefold().split())
    return all(any("".join(word.casefold().split()) in bare for word in group) for group in key)


def parse_key(text):
    return [[w.strip() for w in group.split(" / ")] for group in text.split(" & ")]


def read(path):
    """The blocks of one file."""
    blocks, block = [], None
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        where = f"{path.relative_to(HERE)}:{number}"
        if line.startswith("## "):
            block = Block(where, line[3:].strip())
            blocks.append(block)
            continue
        if not line.strip() or line.startswith("#"):
            continue
        mark, colon, text = line.partition(": ")
        if not colon or mark not in ("key", "q", "a", "u"):
            raise Broken(f"{where}: a line begins with ##, #, key:, q:, a: or u:, not {line[:40]!r}")
        if block is None:
            raise Broken(f"{where}: a ## line must come first")
        if mark == "key":
            block.key = parse_key(text.strip())
        else:
            block.lines.append((mark, text.strip()))
    return blocks


def read_folder(name):
    return [b for path in sorted((HERE / name).glob("*.txt")) for b in read(path)]


VARIANTS = HERE / "variants.txt"


def read_variants():
    """The generated questions: after each line "## id" one to a line, until an empty one."""
    blocks = []
    for number, line in enumerate(VARIANTS.read_text(encoding="utf-8").split("\n"), 1):
        if line.startswith("## "):
            blocks.append(Block(f"{VARIANTS.name}:{number}", line[3:]))
        elif line:
            blocks[-1].lines.append(("q", line))
    return blocks
