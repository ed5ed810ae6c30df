"""Figures from the literature, to be shown beside a run's accuracies and never tested."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from onestage.comparison.settings import Compare
from onestage.errors import InputError, ParamError
from onestage.records import Record


class PublishedFigure(Record, frozen=True):
    """One model's accuracy in percent, as `source` gives it.

    `benchmark` may go on with an exam's track and type, parted by `/`. `certainty` is `read`
    (in the paper, its figures or its code), `second_hand`, or `doubtful` (the figure seems to
    stand in the wrong row); what was not read has a `warning`.
    """

    benchmark: str
    model: str
    percent: Annotated[float, msgspec.Meta(ge=0, le=100)]
    certainty: Literal["read", "second_hand", "doubtful"]
    source: str
    warning: str

    def __post_init__(self) -> None:
        if self.certainty != "read" and not self.warning:
            raise ValueError(f"a figure that is {self.certainty} needs a warning")


Published = Mapping[str, list[PublishedFigure]]


def read_published(path: Path) -> Published:
    """Return the figures of a JSON Lines file by benchmark, in the order of the file.

    Raises:
        InputError: no such file, or a line that is no figure.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); mend compare.published"
        ) from error
    figures: defaultdict[str, list[PublishedFigure]] = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        try:
            figure = msgspec.json.decode(line, type=PublishedFigure)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}, line {number}: {error}; mend the line") from error
        figures[figure.benchmark].append(figure)
    return dict(figures)


def require_published_names(
    choices: Compare, published: Published, benchmarks: Iterable[str]
) -> None:
    """Raise a ParamError if `published_as` names what is no benchmark here, or not in the file."""
    known = sorted({name.partition("/")[0] for name in published})
    asked = sorted(benchmarks)
    for benchmark, name in choices.published_as.items():
        if benchmark not in asked:
            raise ParamError(
                f"params: compare.published_as.{benchmark}: no benchmark has this key; "
                f"expected one of {', '.join(asked)}"
            )
        if name not in known:
            raise ParamError(
                f"params: compare.published_as.{benchmark}: {choices.published} has no figures "
                f"of {name}; expected one of {', '.join(known) or 'none'}"
            )


def beside(group: str, choices: Compare, published: Published) -> list[dict[str, Any]]:
    """Return the published figures of a group: a benchmark, or an exam's track or type."""
    benchmark, slash, rest = group.partition("/")
    name = choices.published_as.get(benchmark, "")
    return [
        {
            "model": figure.model,
            "accuracy": figure.percent / 100,
            "certainty": figure.certainty,
            "source": figure.source,
            "warning": figure.warning,
        }
        for figure in published.get(f"{name}{slash}{rest}", ())
    ]
