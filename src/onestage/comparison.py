"""Several models' answers to the same items, side by side."""

from typing import Annotated, Any

import msgspec

from onestage.errors import InputError
from onestage.intervals import wilson_interval
from onestage.models import Model
from onestage.params import Params
from onestage.records import Prediction


class Compare(Params, frozen=True):
    """The `compare` section; `confidence` is that of the intervals, such as 0.95."""

    confidence: Annotated[float, msgspec.Meta(gt=0, lt=1)]


def with_interval(figures: dict[str, Any], choices: Compare) -> dict[str, Any]:
    """Return accuracy figures with the bounds of their Wilson interval."""
    low, high = wilson_interval(figures["right"], figures["items"], confidence=choices.confidence)
    return {**figures, "low": low, "high": high}


def require_same_items(answers: dict[str, list[Prediction]]) -> None:
    """Refuse to compare models that were asked different questions."""
    asked = {
        key: [(prediction.benchmark, prediction.item) for prediction in found]
        for key, found in answers.items()
    }
    first = next(iter(asked))
    for key, items in asked.items():
        if items != asked[first]:
            raise InputError(
                f"models {first} and {key} answered different items ({len(asked[first])} and "
                f"{len(items)}); run dvc repro compare"
            )


def plot_rows(tables: dict[str, Any], models: dict[str, Model]) -> list[dict[str, Any]]:
    """Return {benchmark, model, accuracy, low, high} for whole benchmarks and tracks."""
    return [
        {
            "benchmark": name,
            "model": models[key].label,
            **{field: figures[field] for field in ("accuracy", "low", "high")},
        }
        for key, table in tables.items()
        for name, figures in table.items()
        if name.count("/") < 2
    ]
