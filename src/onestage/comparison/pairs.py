"""Paired tests: two models' answers to the same questions, group by group."""

from collections.abc import Iterable, Mapping
from itertools import combinations, zip_longest
from typing import Any, NamedTuple

from onestage.comparison.settings import Compare
from onestage.errors import InputError
from onestage.intervals import tango_interval
from onestage.records import Prediction
from onestage.scores import score_groups
from onestage.significance import holm, mcnemar_mid_p

Answers = Mapping[str, list[Prediction]]


class Pair(NamedTuple):
    """Keys of two models; differences are the accuracy of `model` less that of `against`."""

    model: str
    against: str


def model_pairs(models: Iterable[str], reference: str) -> list[Pair]:
    """Return each other model against the reference; without one, each against each once.

    Without a reference the later key in the alphabet is set against the earlier, so that
    the order of keys in a parameter file changes nothing.
    """
    keys = sorted(models)
    if reference:
        return [Pair(key, reference) for key in keys if key != reference]
    return [Pair(later, earlier) for earlier, later in combinations(keys, 2)]


def require_same_items(answers: Answers) -> None:
    """Refuse to compare models that were asked different questions, or none.

    Raises:
        InputError: an item, its place, its right answer, track or type differs between two
            models; or no model answered anything.
    """
    first, *others = answers
    if not any(answers.values()):
        raise InputError(
            "no model answered a question: no item of the benchmarks has an answer to score by; "
            "mend benchmarks in params.yaml"
        )
    for key in others:
        for one, other in zip_longest(answers[first], answers[key]):
            if _asked(one) != _asked(other):
                raise InputError(
                    f"models {first} and {key} answered different items "
                    f"({len(answers[first])} and {len(answers[key])}), the first of them "
                    f"{_named(one)} and {_named(other)}; run dvc repro compare"
                )


def _asked(prediction: Prediction | None) -> tuple[str, ...] | None:
    if prediction is None:
        return None
    where = prediction.benchmark, prediction.item, prediction.track, prediction.type
    return (*where, prediction.answer)


def _named(prediction: Prediction | None) -> str:
    if prediction is None:
        return "none"
    return f"{prediction.benchmark} {prediction.item} (answer {prediction.answer})"


def paired_tests(answers: Answers, choices: Compare) -> dict[tuple[Pair, str], dict[str, Any]]:
    """Return for each pair of models and each group of questions how they differ.

    `only_model` and `only_against` count items that one of them alone answered rightly;
    `difference` is that of the accuracies, `low` and `high` its Tango interval, `p` the mid-p
    value of McNemar's test, and `p_holm` that value corrected over all that is returned.
    """
    groups = {key: score_groups(found) for key, found in answers.items()}
    tests = {
        (pair, name): _difference(groups[pair.model][name], groups[pair.against][name], choices)
        for pair in model_pairs(answers, choices.reference)
        for name in groups[pair.model]
    }
    corrected = holm([figures["p"] for figures in tests.values()])
    return {
        place: {**figures, "p_holm": p_holm}
        for (place, figures), p_holm in zip(tests.items(), corrected, strict=True)
    }


def _difference(
    model: list[Prediction], against: list[Prediction], choices: Compare
) -> dict[str, Any]:
    both = list(zip(model, against, strict=True))
    only_model = sum(one.correct and not other.correct for one, other in both)
    only_against = sum(other.correct and not one.correct for one, other in both)
    low, high = tango_interval(only_model, only_against, len(both), confidence=choices.confidence)
    return {
        "only_model": only_model,
        "only_against": only_against,
        "difference": (only_model - only_against) / len(both),
        "low": low,
        "high": high,
        "p": mcnemar_mid_p(only_model, only_against),
    }
