import numpy as np
import pytest
from comparison_calibration import Design, drawn_answers, family_errors

from onestage.comparison.pairs import Pair, model_pairs, paired_tests, require_same_items
from onestage.comparison.settings import Compare, require_reference
from onestage.errors import InputError, ParamError
from onestage.intervals import tango_interval
from onestage.records import Prediction
from onestage.significance import holm, mcnemar_mid_p


def _choices(reference: str = "") -> Compare:
    return Compare(confidence=0.95, reference=reference, published="", published_as={})


def _predictions(*items: str) -> list[Prediction]:
    return [Prediction("mc", item, "", "", "A", "A", True) for item in items]


def _answers(right: str, benchmark: str = "mc") -> list[Prediction]:
    """One item a letter: `+` is right."""
    return [
        Prediction(benchmark, str(n), "t", "", "A", "A" if one == "+" else "B", one == "+")
        for n, one in enumerate(right)
    ]


def test_models_must_have_answered_the_same_items() -> None:
    require_same_items({"a": _predictions("1", "2"), "b": _predictions("1", "2")})
    with pytest.raises(InputError, match="models a and b answered different items") as caught:
        require_same_items({"a": _predictions("1", "2"), "b": _predictions("1")})
    assert "mc 2 (answer A) and none" in str(caught.value)


@pytest.mark.parametrize(
    "other",
    [
        Prediction("mc", "2", "", "", "A", "A", True),
        Prediction("mc", "1", "", "", "B", "A", False),
        Prediction("other", "1", "", "", "A", "A", True),
        Prediction("mc", "1", "track", "", "A", "A", True),
        Prediction("mc", "1", "", "type", "A", "A", True),
    ],
)
def test_an_item_of_its_own_or_another_right_answer_is_refused(other: Prediction) -> None:
    with pytest.raises(InputError, match="models a and b answered different items"):
        require_same_items({"a": _predictions("1"), "b": [other]})


def test_no_answers_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="no model answered a question"):
        require_same_items({"a": [], "b": []})


def test_all_pairs_or_those_with_a_reference() -> None:
    models = ["own", "base", "peer"]
    assert model_pairs(models, "") == [("own", "base"), ("peer", "base"), ("peer", "own")]
    assert model_pairs(models, "own") == [("base", "own"), ("peer", "own")]
    assert model_pairs(["own"], "") == model_pairs(["own"], "own") == []


def test_a_reference_must_be_a_model() -> None:
    require_reference(_choices(), ["a"])
    require_reference(_choices("a"), ["a"])
    with pytest.raises(ParamError, match=r"compare.reference: c is no key of models.* a, b"):
        require_reference(_choices("c"), ["b", "a"])


def test_items_are_paired_and_all_tests_corrected_together() -> None:
    answers = {
        "base": _answers("+--+--") + _answers("-" * 12, "hard"),
        "own": _answers("-++++-") + _answers("+" * 12, "hard"),
    }
    found = paired_tests(answers, _choices())
    pair = Pair("own", "base")
    assert list(found) == [(pair, name) for name in ("mc", "mc/t", "hard", "hard/t")]
    mc = found[pair, "mc"]
    assert (mc["only_model"], mc["only_against"]) == (3, 1)
    assert mc["difference"] == pytest.approx(2 / 6)
    assert (mc["low"], mc["high"]) == tango_interval(3, 1, 6, confidence=0.95)
    assert mc["p"] == mcnemar_mid_p(3, 1)
    p_values = [one["p"] for one in found.values()]
    assert [one["p_holm"] for one in found.values()] == holm(p_values)
    assert found[pair, "hard"]["p_holm"] == pytest.approx(4 * mcnemar_mid_p(12, 0))


def test_a_reference_leaves_fewer_tests_to_correct_for() -> None:
    answers = {"a": _answers("+" * 12), "b": _answers("-" * 12), "c": _answers("-" * 12)}
    place = Pair("b", "a"), "mc"
    alone, among = (paired_tests(answers, _choices(key))[place]["p_holm"] for key in ("a", ""))
    p = mcnemar_mid_p(0, 12)
    assert (alone, among) == (pytest.approx(4 * p), pytest.approx(6 * p))


def test_equal_models_differ_seldom_in_any_of_all_tests() -> None:
    """400 families of 4 models with one accuracy: uncorrected tests would often cry wolf."""
    design = Design(equal=4, better=0, gain=0.0, agreement=0.3, items=(40, 120))
    errors = family_errors(design, families=400, seed=1)
    assert errors.tests == 36
    assert errors.corrected <= 0.05 + 2.6 * (0.05 * 0.95 / 400) ** 0.5
    assert errors.raw > 0.3


def test_a_true_difference_is_found() -> None:
    design = Design(equal=1, better=1, gain=0.3, agreement=0.0, items=(300,))
    errors = family_errors(design, families=20, seed=1)
    assert errors.found > 0.9


def test_families_are_drawn_with_the_accuracies_that_they_promise() -> None:
    design = Design(equal=2, better=1, gain=0.2, agreement=0.5, items=(4000,))
    answers = drawn_answers(design, np.random.default_rng(1))
    shares = [sum(one.correct for one in found) / 4000 for found in answers.values()]
    assert abs(shares[0] - shares[1]) < 0.04
    assert shares[2] - shares[0] > 0.1
