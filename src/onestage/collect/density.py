"""Domain density: the share of a passage's characters that lie in terms of a lexicon."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ahocorasick_rs import AhoCorasick, MatchKind

from onestage.errors import InputError


class Lexicon:
    """Domain terms, matched leftmost-longest, without regard to case.

    A term that begins or ends with an ASCII letter or digit matches whole words only there:
    `ALT` is not in `salt`.
    """

    def __init__(self, terms: Iterable[str]) -> None:
        unique = sorted({term.lower() for term in terms if len(term) > 1})
        self._matcher = AhoCorasick(unique, matchkind=MatchKind.Standard)
        self.size = len(unique)

    def density(self, text: str) -> float:
        """Return characters in terms / characters that are not white space, 0 to 1."""
        lowered = text.lower()
        matched = sum(
            end - start - lowered.count(" ", start, end) for start, end in self._found(lowered)
        )
        visible = sum(not character.isspace() for character in lowered)
        return matched / visible if visible else 0.0

    def _found(self, lowered: str) -> Iterator[tuple[int, int]]:
        """Yield leftmost-longest terms of those at word boundaries.

        All matches are looked at: a longer one within a word must not hide a shorter term.
        """
        matches = self._matcher.find_matches_as_indexes(lowered, overlapping=True)
        end_before = 0
        for start, negative_end in sorted((start, -end) for _, start, end in matches):
            end = -negative_end
            if start < end_before or not _at_boundary(lowered, start):
                continue
            if _at_boundary(lowered, end):
                yield start, end
                end_before = end


def _at_boundary(text: str, index: int) -> bool:
    """Say whether no ASCII word runs across `index`."""
    if not 0 < index < len(text):
        return True
    return not (_is_word(text[index - 1]) and _is_word(text[index]))


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def load_lexicon(path: Path) -> Lexicon:
    """Read one term a line (what follows a tab, such as a frequency, is not part of it).

    Raises:
        InputError: the file is missing, not UTF-8, or holds no term.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such lexicon; mend the source's lexicon") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the lexicon is not UTF-8 ({error}); convert it") from error
    terms = [line.split("\t")[0].strip() for line in lines]
    lexicon = Lexicon(terms)
    if not lexicon.size:
        raise InputError(f"{path}: the lexicon holds no term; expected one a line")
    return lexicon
