"""MinHash only proposes: who is a near-duplicate is decided by the exact similarity."""

import random
from fractions import Fraction

import pytest
from brute_force import similarity_by_windows

from onestage.dedupe.duplicates import DuplicateIndex
from onestage.similarity import NearDuplicates

_CHOICES = NearDuplicates(threshold=0.8, ngram_chars=5, seed=1)


def test_verdicts_agree_with_comparing_all_pairs() -> None:
    """60 texts of 60 letters, each with variants that change 1 to 12 of them."""
    draw = random.Random(7)
    texts: list[str] = []
    for _ in range(20):
        stem = [draw.choice("abcdefghijklmnopqrst") for _ in range(60)]
        for changes in (0, draw.randint(1, 2), draw.randint(3, 12)):
            variant = list(stem)
            for _ in range(changes):
                variant[draw.randrange(60)] = draw.choice("uvwxyz")
            texts.append("".join(variant))
    index = DuplicateIndex(_CHOICES)
    kept: list[str] = []
    verdicts: list[bool] = []
    for text in texts:
        best = max((similarity_by_windows(text, other, 5) for other in kept), default=Fraction(0))
        match = index.add(text, text)
        verdicts.append(match is not None)
        assert (match is not None) == (best >= Fraction(4, 5))
        if match is None:
            kept.append(text)
        else:
            assert match.similarity == pytest.approx(float(best))
            assert match.exact == (best == 1)
    assert 5 < sum(verdicts) < 40  # both outcomes occur


def test_equal_texts_are_exact_duplicates_of_the_first() -> None:
    index = DuplicateIndex(_CHOICES)
    assert index.add("a", "高血压的诊断，") is None
    match = index.add("b", "高血压 的诊断。")
    assert match is not None
    assert (match.kept, match.similarity, match.exact) == ("a", 1.0, True)
