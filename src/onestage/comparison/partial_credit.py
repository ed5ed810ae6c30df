"""Partial credit for questions with several right answers, apart from the exact set."""

from typing import Any

from onestage.records import Prediction
from onestage.scores import accuracy


def credit(answer: str, predicted: str) -> float:
    """Return the share of the right options that were chosen, or 0 once a wrong one was.

    So do exams that give part of the points for an incomplete answer, such as the Chinese
    constructors' qualification (half a point for each right option, none with a wrong one).

    >>> [credit("ACD", chosen) for chosen in ("ACD", "A", "AB", "")]
    [1.0, 0.3333333333333333, 0.0, 0.0]
    """
    right, chosen = set(answer), set(predicted)
    return len(chosen) / len(right) if chosen <= right else 0.0


def several_answers(predictions: list[Prediction]) -> dict[str, Any] | None:
    """Return how a group's questions with several right answers were answered, if it has any.

    `accuracy` is the share answered with the exact set, `partial_credit` the mean credit.
    """
    found = [prediction for prediction in predictions if len(prediction.answer) > 1]
    if not found:
        return None
    credits_given = sum(credit(prediction.answer, prediction.predicted) for prediction in found)
    return {**accuracy(found), "partial_credit": credits_given / len(found)}
