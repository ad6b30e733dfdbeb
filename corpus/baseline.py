"""BM25: the nearest known question, and what it would answer. What a model of the corpus has to beat."""
import math
import re
from collections import Counter, defaultdict

K1, B = 1.2, 0.75


def terms(text):
    """Pairs of letters within words (for Korean, which inflects, better than whole words), and the letters."""
    out = []
    for word in re.findall(r"\w+", text.casefold()):
        out += word
        out += [pair for pair in zip("^" + word, word)]
    return out


class Nearest:
    """questions: (text, what it belongs to)."""

    def __init__(self, questions):
        self.questions, self.found = questions, defaultdict(list)
        lengths = []
        for i, (text, _) in enumerate(questions):
            count = Counter(terms(text))
            lengths.append(sum(count.values()))
            for term, n in count.items():
                self.found[term].append((i, n))
        mean = sum(lengths) / len(lengths)
        self.norm = [K1 * (1 - B + B * length / mean) for length in lengths]

    def of(self, text):
        """What the nearest question belongs to; None when no letter is shared."""
        score, total = defaultdict(float), len(self.questions)
        for term in sorted(set(terms(text)), key=str):
            found = self.found.get(term, ())
            rarity = math.log(1 + (total - len(found) + 0.5) / (len(found) + 0.5))
            for i, n in found:
                score[i] += rarity * n * (K1 + 1) / (n + self.norm[i])
        if not score:
            return None
        return self.questions[min(score, key=lambda i: (-score[i], i))][1]
