"""Accuracies of predictions: by benchmark, and for exams by track and type of question."""

from collections.abc import Iterable
from typing import Any

from onestage.records import Prediction


def score_groups(predictions: Iterable[Prediction]) -> dict[str, list[Prediction]]:
    """Return predictions by the group they count for, in order of appearance.

    `mc_zh` is a benchmark, `exam_zh/pharmacy` a track of an exam, `exam_zh/pharmacy/matching`
    a type of question in it.
    """
    groups: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        name = prediction.benchmark
        groups.setdefault(name, []).append(prediction)
        for part in (prediction.track, prediction.type):
            if part:
                name = f"{name}/{part}"
                groups.setdefault(name, []).append(prediction)
    return groups


def accuracy(predictions: list[Prediction]) -> dict[str, Any]:
    """Return the number of items, of right ones, and their share."""
    right = sum(prediction.correct for prediction in predictions)
    return {"items": len(predictions), "right": right, "accuracy": right / len(predictions)}
