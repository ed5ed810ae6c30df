"""The sub-command around sample: the mixture along the course, before anything runs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import click
import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from onestage import params
from onestage.command import OneLineCommand, params_option
from onestage.errors import InputError
from onestage.params import NotNegative
from onestage.sample.mixture import Part, Point, expected_parts, mixture_at
from onestage.sample.settings import Sample
from onestage.sources import Source

_POINTS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


class _Kept(msgspec.Struct):
    """A source's entry in the metrics of dedupe."""

    kept: Annotated[int, msgspec.Meta(ge=0)]


@click.command("mixture", cls=OneLineCommand)
@params_option
@click.option(
    "--counts",
    "counts_file",
    type=click.Path(path_type=Path),
    default=Path("metrics/dedupe.json"),
    show_default=True,
    help="JSON or YAML: the records of each source, or the metrics of dedupe.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def mixture(params_file: Path, counts_file: Path, as_json: bool) -> None:
    """Say how the mixture will shift along the course, from counts and the section `sample` alone.

    For points of the course: the share of each source's copies that is consumed by then, and its
    share of the draws there. The figures are the limit of many copies.
    """
    document = params.load_document(params_file)
    choices = params.section(document, "sample", Sample)
    kinds = {
        key: source.kind for key, source in params.mapping(document, "sources", Source).items()
    }
    parts = expected_parts(_records(counts_file, kinds), kinds, choices)
    if not sum(part.copies for part in parts.values()):
        raise InputError(f"{counts_file}: no record to draw; expected a count above 0")
    points = {progress: mixture_at(parts, progress) for progress in _POINTS}
    click.echo(_as_json(parts, points) if as_json else _as_tables(parts, points))


def _records(path: Path, sources: Mapping[str, object]) -> dict[str, int]:
    """Return the count of each source; metrics may hold entries besides the sources."""
    found = _read_counts(path)
    plain = {key: count for key, count in found.items() if isinstance(count, int)}
    if stray := sorted(plain.keys() - sources.keys()):
        raise InputError(f"{path}: {stray[0]} is no source of the params; mend its spelling")
    if missing := [key for key in sources if key not in found]:
        raise InputError(f"{path}: no count of source {missing[0]}; add it, 0 if it has none")
    return {key: _count(found[key]) for key in sources}


def _count(found: int | _Kept) -> int:
    return found.kept if isinstance(found, _Kept) else found


def _read_counts(path: Path) -> dict[str, NotNegative | _Kept]:
    try:
        value = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return msgspec.convert(value, dict[str, NotNegative | _Kept])
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run dvc repro first, or name --counts") from error
    except (YAMLError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InputError(
            f"{path}: expected `source: records` for each source ({error}); mend the file"
        ) from error


def _as_json(parts: Mapping[str, Part], points: Mapping[float, Point]) -> str:
    rows = [
        {
            "progress": progress,
            "source": source,
            "consumed": round(point.consumed[source], 6),
            "share": round(point.share[source], 6),
        }
        for progress, point in points.items()
        for source in parts
    ]
    copies = {source: round(part.copies) for source, part in parts.items()}
    return json.dumps({"copies": copies, "course": rows}, indent=2)


def _as_tables(parts: Mapping[str, Part], points: Mapping[float, Point]) -> str:
    width = max(len("source"), *(len(source) for source in parts)) + 1
    titles = "".join(f"{progress:7.0%}" for progress in points)
    lines: list[str] = []
    for title, field in (("Consumed by then, %", 0), ("Share of the draws there, %", 1)):
        lines += [title, f"{'source':<{width}}{'copies':>12}{titles}"]
        for source, part in parts.items():
            figures = "".join(f"{100 * point[field][source]:7.1f}" for point in points.values())
            lines.append(f"{source:<{width}}{part.copies:>12,.0f}{figures}")
        lines.append("")
    return "\n".join(lines[:-1])
