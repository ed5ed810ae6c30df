"""Texts that hold a given share of another text's character n-grams."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from onestage.similarity import ngrams


class NgramShares:
    """Finds the texts of whose distinct character n-grams another one holds at least `share`.

    Only the rarest n-grams of a text are indexed, so many that whoever holds the share holds
    one of them (prefix filtering, Chaudhuri et al. 2006); what comes up is counted exactly.
    Texts shorter than one n-gram are never found.
    """

    def __init__(self, texts: Sequence[str], *, ngram_chars: int, share: float) -> None:
        self._chars, self._share, self._texts = ngram_chars, share, texts
        self._numbers: defaultdict[str, list[int]] = defaultdict(list)
        long_enough = [n for n, text in enumerate(texts) if len(text) >= ngram_chars]
        spread = Counter(gram for n in long_enough for gram in ngrams(texts[n], ngram_chars))
        for number in long_enough:
            grams = ngrams(texts[number], ngram_chars)
            needed = next(n for n in range(1, len(grams) + 1) if n / len(grams) >= share)
            rarest = sorted(grams, key=lambda gram: (spread[gram], gram))
            for gram in rarest[: len(grams) - needed + 1]:
                self._numbers[gram].append(number)

    def find(self, seen: str) -> dict[int, str]:
        """Return by its number each text of which `seen` holds the share, and what it holds.

        That is the stretches that the shared n-grams cover, joined by `…`.
        """
        if not self._numbers:
            return {}
        grams = ngrams(seen, self._chars)
        some = {number for gram in self._numbers.keys() & grams for number in self._numbers[gram]}
        found: dict[int, str] = {}
        for number in sorted(some):
            own = ngrams(self._texts[number], self._chars)
            if len(own & grams) / len(own) >= self._share:
                found[number] = self._covered(self._texts[number], grams)
        return found

    def _covered(self, text: str, grams: set[str]) -> str:
        stretches: list[str] = []
        reached = -1
        for start in range(len(text) - self._chars + 1):
            if text[start : start + self._chars] in grams:
                if start > reached:
                    stretches.append("")
                    reached = start
                stretches[-1] += text[reached : start + self._chars]
                reached = start + self._chars
        return "…".join(stretches)
