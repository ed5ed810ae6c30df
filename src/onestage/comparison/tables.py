"""What compare writes: all figures by model and group, and tables for plots."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from onestage.comparison.pairs import Answers, paired_tests
from onestage.comparison.partial_credit import several_answers
from onestage.comparison.published import Published, beside
from onestage.comparison.settings import Compare
from onestage.intervals import wilson_interval
from onestage.models import Model
from onestage.records import Prediction
from onestage.scores import accuracy, score_groups

Tables = dict[str, dict[str, dict[str, Any]]]


class Context(NamedTuple):
    """What stands beside accuracies: published figures, and contamination by benchmark."""

    published: Published
    contamination: Mapping[str, dict[str, Any]]


def with_interval(figures: dict[str, Any], choices: Compare) -> dict[str, Any]:
    """Return accuracy figures with the bounds of their Wilson interval."""
    low, high = wilson_interval(figures["right"], figures["items"], confidence=choices.confidence)
    return {**figures, "low": low, "high": high}


def comparison(answers: Answers, choices: Compare, context: Context) -> Tables:
    """Return by model and group its accuracy and all that stands beside it.

    Always {items, right, accuracy, low, high}; where there is any: `several_answers`,
    `contamination` (whole benchmarks), `against` (paired tests, by the other model's key),
    `published` (a list).
    """
    tables: Tables = {
        key: {
            name: {
                **with_interval(accuracy(group), choices),
                **_beside(name, group, choices, context),
            }
            for name, group in score_groups(found).items()
        }
        for key, found in answers.items()
    }
    for (pair, name), figures in paired_tests(answers, choices).items():
        tables[pair.model][name].setdefault("against", {})[pair.against] = figures
    return tables


def _beside(
    name: str, group: list[Prediction], choices: Compare, context: Context
) -> dict[str, Any]:
    found = {
        "several_answers": several_answers(group),
        "contamination": context.contamination.get(name),
        "published": beside(name, choices, context.published),
    }
    return {key: figures for key, figures in found.items() if figures}


def plot_rows(tables: Tables, models: Mapping[str, Model]) -> list[dict[str, Any]]:
    """Return {benchmark, model, accuracy, low, high} for whole benchmarks and tracks."""
    return [
        {
            "benchmark": name,
            "model": models[key].label,
            **_fields(figures, ("accuracy", "low", "high")),
        }
        for key, table in tables.items()
        for name, figures in table.items()
        if name.count("/") < 2
    ]


SUBJECT_COLUMNS = (
    "group", "model", "items", "right", "accuracy", "low", "high",
    "several_answers_items", "several_answers_right", "partial_credit", "contaminated_items",
)  # fmt: skip


def subject_rows(tables: Tables, models: Mapping[str, Model]) -> list[dict[str, Any]]:
    """Return one row a group and model, models of a group one after the other."""
    return [_subject(name, models[key], tables[key][name]) for name, key in _by_group(tables)]


def _subject(name: str, model: Model, figures: dict[str, Any]) -> dict[str, Any]:
    several = figures.get("several_answers", {})
    found = figures.get("contamination", {})
    values = (
        name,
        model.label,
        *_fields(figures, SUBJECT_COLUMNS[2:7]).values(),
        *(several.get(field, "") for field in ("items", "right", "partial_credit")),
        found.get("items_found", ""),
    )
    return dict(zip(SUBJECT_COLUMNS, values, strict=True))


DIFFERENCE_COLUMNS = (
    "group", "pair", "items", "only_model", "only_against", "difference", "low", "high",
    "p", "p_holm",
)  # fmt: skip


def difference_rows(tables: Tables, models: Mapping[str, Model]) -> list[dict[str, Any]]:
    """Return one row a group and pair of models, pairs of a group one after the other."""
    return [
        {
            "group": name,
            "pair": f"{models[key].label} − {models[against].label}",
            "items": tables[key][name]["items"],
            **_fields(figures, DIFFERENCE_COLUMNS[3:]),
        }
        for name, key in _by_group(tables)
        for against, figures in tables[key][name].get("against", {}).items()
    ]


def _by_group(tables: Tables) -> Iterable[tuple[str, str]]:
    groups = next(iter(tables.values()))
    return ((name, key) for name in groups for key in tables)


def _fields(figures: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: figures[name] for name in names}
