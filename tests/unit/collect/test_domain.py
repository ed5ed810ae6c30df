"""One filter, the other, or both: who judges, and what a rejection says."""

import pytest

from onestage.collect.classifier import Classifier
from onestage.collect.density import Lexicon
from onestage.collect.domain import DomainFilter


class _Fixed(Classifier):
    """Gives every text the same probability."""

    def __init__(self, probability: float) -> None:
        self._fixed = probability

    def probabilities(self, texts: object) -> list[float]:
        return [self._fixed]


_LEXICON = Lexicon(["高血压"])
_MEDICAL, _OTHER = "高血压要治疗", "今天去公园"


def _reason(text: str, *, lexicon: bool, probability: float | None) -> str | None:
    judge = DomainFilter(
        _LEXICON if lexicon else None,
        None if probability is None else _Fixed(probability),
        min_density=0.4,
        min_probability=0.6,
    )
    verdict = judge.verdict(text)
    return None if verdict is None else verdict[0]


@pytest.mark.parametrize(
    ("text", "lexicon", "probability", "reason"),
    [
        (_MEDICAL, True, None, None),
        (_OTHER, True, None, "low_density"),
        (_OTHER, False, 0.6, None),
        (_MEDICAL, False, 0.59, "low_probability"),
        (_MEDICAL, True, 0.6, None),
        (_MEDICAL, True, 0.56, None),  # half a passage of terms makes up for a little doubt
        (_MEDICAL, True, 0.3, "low_evidence"),
        (_OTHER, True, 0.999, None),
        (_OTHER, True, 0.7, "low_evidence"),
    ],
)
def test_who_judges(text: str, lexicon: bool, probability: float | None, reason: str) -> None:
    assert _reason(text, lexicon=lexicon, probability=probability) == reason


def test_a_rejection_says_what_was_found() -> None:
    both = DomainFilter(_LEXICON, _Fixed(0.25), min_density=0.4, min_probability=0.6)
    assert both.verdict(_OTHER) == ("low_evidence", {"density": 0.0, "probability": 0.25})
