"""The `dedupe` section."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Annotated, Literal

import msgspec

from onestage.errors import ParamError
from onestage.params import NotNegative, Params, Positive, Share
from onestage.similarity import NearDuplicates

Choice = Literal["keep", "remove"]


class TextGrams(NearDuplicates, frozen=True):
    """Near-duplicates; `english_ngram_words` 0 compares English by characters, too."""

    english_ngram_words: NotNegative


class Repeats(Params, frozen=True):
    """What becomes of SFT conversations that repeat one another in part.

    Those that repeat both instruction and output are always removed.
    """

    same_instruction: Choice
    same_output: Choice


class Contamination(Params, frozen=True):
    """What counts as holding a benchmark item; an `ngram_share` of 0 turns that rule off."""

    min_chars: Annotated[int, msgspec.Meta(ge=8)]
    short_questions: bool
    ngram_chars: Positive
    ngram_share: Share


class Semantic(Params, frozen=True):
    """Duplicates by meaning; a `threshold` of 0 turns them off.

    `model` is a sentence-transformers folder. From `exact_below` records on a graph finds the
    neighbours, almost all of them, instead of a comparison with every one.
    """

    threshold: Share
    model: str
    exact_below: Positive


class Dedupe(Params, frozen=True):
    """The `dedupe` section.

    Of two texts SFT stays, then the one whose source stands first in `ranking`. The list names
    every source: the order of the keys of `sources` would be invisible to DVC.
    """

    ranking: list[str]
    near_duplicates: TextGrams
    sft: Repeats
    semantic: Semantic
    contamination: Contamination


def require_ranking(ranking: Sequence[str], sources: Collection[str]) -> None:
    """Refuse a ranking that does not name every source once and nothing else.

    Raises:
        ParamError: with the first name that is missing, stray or named twice.
    """
    for source in sources:
        if source not in ranking:
            raise ParamError(f"params: dedupe.ranking: source {source} is missing; add it")
    for name, times in Counter(ranking).items():
        if name not in sources or times > 1:
            fault = "is named twice" if times > 1 else "is no source"
            raise ParamError(f"params: dedupe.ranking: {name} {fault}; remove it")
