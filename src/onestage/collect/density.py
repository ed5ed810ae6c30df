"""Domain density: how much of a passage lies in terms of a lexicon.

A plain lexicon gives the protocol's rule, the share of a passage's visible characters that lie
in terms. A weighted one (`onestage weigh-lexicon`) changes three things, so that a general word
counts little, a passage that repeats one term less than one with many, and a short passage with
a chance hit no more than a long one without:

    sum over terms of  weight x characters x (1 + ln occurrences)  /  (visible characters + 50)
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ahocorasick_rs import AhoCorasick, MatchKind

from onestage.errors import InputError

WEIGHTED_HEADER = "term\tweight"
# A weighted passage is judged as if so many characters without a term stood beside it.
_PRIOR_CHARS = 50
_ASCII_WORDS = re.compile("([0-9a-z]+)")
# Stands at both ends of every ASCII word, in terms and in text: `art` is not in `heart`, since
# |art| is not in |heart|. So the matcher itself sees to the word boundaries.
_EDGE = "\x01"


class Lexicon:
    """Domain terms, matched leftmost-longest, without regard to case.

    A term that begins or ends with an ASCII letter or digit matches whole words only there:
    `ALT` is not in `salt`. Terms of one character are none. A mapping gives each term its
    weight, 0 to 1.

    >>> Lexicon(["高血压"]).density("高血压病人")
    0.6
    """

    def __init__(self, terms: Iterable[str] | Mapping[str, float]) -> None:
        self.weighted = isinstance(terms, Mapping)
        weights = terms if isinstance(terms, Mapping) else dict.fromkeys(terms, 1.0)
        lowered: dict[str, float] = {}
        for term, weight in weights.items():
            if len(term) > 1 and _EDGE not in term:
                lowered[term.lower()] = max(weight, lowered.get(term.lower(), 0.0))
        self.weights = dict(sorted(lowered.items()))
        self.size = len(lowered)
        self._terms = list(self.weights)
        self._chars = [len(term) - term.count(" ") for term in self._terms]
        self._weighed = [
            chars * weight for chars, weight in zip(self._chars, self.weights.values(), strict=True)
        ]
        self._matcher = AhoCorasick(
            [_with_edges(term) for term in self._terms], matchkind=MatchKind.LeftmostLongest
        )

    def unweighted(self) -> "Lexicon":
        """Return the same terms under the protocol's plain rule."""
        return Lexicon(self._terms)

    def density(self, text: str) -> float:
        """Return the domain density, 0 to 1; blanks are no characters."""
        lowered = text.lower()
        visible = len("".join(lowered.split()))
        if not visible:
            return 0.0
        found = self._found(lowered)
        if not self.weighted:
            return sum(self._chars[term] for term in found) / visible
        matched = sum(
            self._weighed[term] * (1 + math.log(count)) for term, count in Counter(found).items()
        )
        return matched / (visible + _PRIOR_CHARS)

    def terms_in(self, text: str) -> set[str]:
        """Return the different terms that a text holds."""
        return {self._terms[term] for term in set(self._found(text.lower()))}

    def _found(self, lowered: str) -> list[int]:
        """Return the places in the lexicon of the terms found, in the order of the text."""
        matches = self._matcher.find_matches_as_indexes(_with_edges(lowered))
        return [term for term, _, _ in matches]


def _with_edges(lowered: str) -> str:
    return _EDGE.join(_ASCII_WORDS.split(lowered))


def load_lexicon(path: Path) -> Lexicon:
    r"""Read one term a line; what follows a tab, such as a frequency, is not part of it.

    A first line `term\tweight` says that the second column holds weights.

    Raises:
        InputError: the file is missing, not UTF-8, or holds no term, or a weight is none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such lexicon; mend the source's lexicon") from error
    except OSError as error:
        raise InputError(f"{path}: no lexicon ({error.strerror}); mend its path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the lexicon is not UTF-8 ({error}); convert it") from error
    if lines and lines[0].strip() == WEIGHTED_HEADER:
        lexicon = Lexicon(_weights(path, lines))
    else:
        lexicon = Lexicon([line.split("\t")[0].strip() for line in lines])
    if not lexicon.size:
        raise InputError(f"{path}: the lexicon holds no term; expected one a line")
    return lexicon


def _weights(path: Path, lines: list[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for number, line in enumerate(lines[1:], start=2):
        term, _, given = line.partition("\t")
        if not term.strip():
            continue
        try:
            weight = float(given)
        except ValueError:
            weight = math.nan
        if not 0 <= weight <= 1:
            raise InputError(
                f"{path}, line {number}: expected a weight from 0 to 1 after the tab, found "
                f"{given!r}; mend it, or remove the first line to use the terms unweighted"
            )
        weights[term.strip()] = max(weight, weights.get(term.strip(), 0.0))
    return weights


def write_weighted(path: Path, weights: Mapping[str, float]) -> None:
    """Write a weighted lexicon, sorted by term, weights to three decimals."""
    lines = [f"{term}\t{weight:.3f}" for term, weight in sorted(weights.items())]
    path.write_text("\n".join([WEIGHTED_HEADER, *lines]) + "\n", encoding="utf-8")
