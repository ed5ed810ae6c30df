"""The sub-commands that make and judge the domain filters of `collect`."""

from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path

import click

from onestage import outputs
from onestage.calibration import Point, point, recommended, thresholds
from onestage.calibration_plot import svg
from onestage.collect.classifier import load_classifier
from onestage.collect.density import load_lexicon, write_weighted
from onestage.collect.evidence import margin
from onestage.command import OneLineCommand
from onestage.errors import InputError
from onestage.labelled import Labelled, read_labelled, read_passages
from onestage.lexicon_weights import weigh

_PATH = click.Path(path_type=Path)
_LABELLED_HELP = 'Lines of {"text": "...", "label": 1}, 0 for general; may be given several times.'


def _labelled_option(*, required: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "--labelled", type=_PATH, required=required, multiple=True, help=_LABELLED_HELP
    )


@click.command("weigh-lexicon", cls=OneLineCommand)
@click.option("--lexicon", type=_PATH, required=True, help="Terms, one a line.")
@_labelled_option(required=True)
@click.option("--out", type=_PATH, required=True, help="Weighted lexicon to write.")
def weigh_lexicon(lexicon: Path, labelled: tuple[Path, ...], out: Path) -> None:
    """Give each term of a lexicon a weight, so that its general words count little.

    A term counts by how much of it labelled passages show to be of the domain. Whole sources
    will do for labels: textbook passages as 1, news as 0. Use passages of the kind that is to
    be told apart, and other ones to calibrate.
    """
    require_ending(out, "lexicon.tsv")
    given = load_lexicon(lexicon)
    weights = weigh(given, read_labelled(labelled))
    with outputs.staged(out) as (part,):
        write_weighted(part, weights)
    low = sum(weight < 0.5 for weight in weights.values())
    click.echo(f"{out}: {len(weights)} terms, {low} of which weigh less than a half")


@click.command("train-filter", cls=OneLineCommand)
@_labelled_option(required=False)
@click.option(
    "--text",
    type=_PATH,
    multiple=True,
    help="Without labels: .jsonl with `text`, else a passage a line; may be given several times.",
)
@click.option("--lexicon", type=_PATH, help="Without labels: the lexicon that labels.")
@click.option("--out", type=_PATH, required=True, help="Filter to write, such as zh.safetensors.")
def train_filter(
    labelled: tuple[Path, ...], text: tuple[Path, ...], lexicon: Path | None, out: Path
) -> None:
    """Train a learned filter, a linear classifier over character n-grams.

    From labelled passages; or, without labels, from what a lexicon is surest of: the tenth of
    the passages with the highest density as domain, the half with the lowest as general. That
    needs text of which the domain is the smaller part. At least 50 different passages of each
    label are needed, and general ones as various as what will be filtered: what no general
    passage resembles may pass. The same passages give the same bytes, whatever their order.
    """
    # Training alone needs scipy, which takes a moment to import.
    from onestage.filter_recipe import label_by_lexicon, train  # noqa: PLC0415

    require_ending(out, "filter.safetensors")
    if labelled and not text and lexicon is None:
        rows = read_labelled(labelled)
    elif text and lexicon is not None and not labelled:
        rows = label_by_lexicon(read_passages(text), load_lexicon(lexicon))
    else:
        raise click.UsageError("give either --labelled, or both --text and --lexicon")
    classifier, best = train(rows)
    with outputs.staged(out) as (part,):
        part.write_bytes(classifier.encoded())
    by = "" if labelled else " (as the lexicon labels them)"
    click.echo(f"{out}: trained on {_counted(rows)}{by}")
    click.echo(f"On passages unseen in training, five folds: {_said(best)}")


@click.command(cls=OneLineCommand)
@_labelled_option(required=True)
@click.option("--lexicon", type=_PATH, help="Lexicon to judge, plain or weighted.")
@click.option("--classifier", type=_PATH, help="Learned filter to judge.")
@click.option("--plot", type=_PATH, help="SVG to draw the curves in; their CSV goes beside it.")
def calibrate(
    labelled: tuple[Path, ...], lexicon: Path | None, classifier: Path | None, plot: Path | None
) -> None:
    """Show precision, recall and F1 by threshold, and recommend one.

    The recommended threshold has the best F1, averaged over its neighbours (3 % of the domain
    passages on either side), so that it does not hang on single passages; of equals the lowest.
    It goes into collect.min_density or collect.min_probability of the language. With a lexicon
    and a classifier it also says what filter: both keeps at the two of them. One language a call,
    and passages that neither the weights nor the filter have seen in training: on those
    they look better than they are.
    """
    if plot is not None and plot.suffix != ".svg":
        raise InputError(f"{plot}: expected a name that ends in .svg, such as curve.svg")
    if lexicon is None and classifier is None:
        raise click.UsageError("give --lexicon, --classifier or both")
    rows = read_labelled(labelled)
    labels = [bool(row.label) for row in rows]
    scores = _scores([row.text for row in rows], lexicon, classifier)
    curves = {
        name: ([point(given, labels, at) for at in thresholds(given)], recommended(given, labels))
        for name, given in scores.items()
    }
    click.echo(f"{_counted(rows)}\n")
    _print_table(curves)
    for name, (_, best) in curves.items():
        click.echo(f"{name}: recommended {_said(best)}")
    if len({"classifier", "plain density"} & set(curves)) == 2:
        click.echo(f"both: {_said_both(scores, labels, curves)}")
    if plot is not None:
        _write_plot(plot, curves)


Curves = Mapping[str, tuple[list[Point], Point]]


def _scores(
    texts: list[str], lexicon: Path | None, classifier: Path | None
) -> dict[str, list[float]]:
    scores: dict[str, list[float]] = {}
    if lexicon is not None:
        terms = load_lexicon(lexicon)
        plain = terms.unweighted()
        scores["plain density"] = [plain.density(text) for text in texts]
        if terms.weighted:
            scores["weighted density"] = [terms.density(text) for text in texts]
    if classifier is not None:
        scores["classifier"] = load_classifier(classifier).probabilities(texts)
    return scores


def _print_table(curves: Curves) -> None:
    """Print the scores side by side, each with thresholds of its own."""
    blocks = [_block(name, *given) for name, given in curves.items()]
    for lines in zip_longest(*blocks, fillvalue=" " * len(blocks[0][0])):
        click.echo("   ".join(lines).rstrip())
    click.echo("* recommended\n")


def _block(name: str, points: list[Point], best: Point) -> list[str]:
    rows = sorted({*points, best}, key=lambda row: row.threshold)
    return [
        f"{name:<35}",
        f"{'threshold':>11}{'precision':>10}{'recall':>8}{'F1':>6}",
        *(
            f"{'*' if row == best else ' '}{row.threshold:>10.6g}{row.precision:>10.3f}"
            f"{row.recall:>8.3f}{row.f1:>6.3f}"
            for row in rows
        ),
    ]


def _said(best: Point) -> str:
    return (
        f"threshold {best.threshold:g}, precision {best.precision:.3f}, "
        f"recall {best.recall:.3f}, F1 {best.f1:.3f}"
    )


def _said_both(scores: Mapping[str, list[float]], labels: list[bool], curves: Curves) -> str:
    """Say what is kept when both filters' evidence is added up, as `filter: both` does."""
    name = "weighted density" if "weighted density" in curves else "plain density"
    margins = [
        margin(
            density=density,
            min_density=curves[name][1].threshold,
            probability=probability,
            min_probability=curves["classifier"][1].threshold,
        )
        for density, probability in zip(scores[name], scores["classifier"], strict=True)
    ]
    both = point(margins, labels, 0.0)
    return (
        f"at the recommended thresholds of {name} and classifier, precision "
        f"{both.precision:.3f}, recall {both.recall:.3f}, F1 {both.f1:.3f}"
    )


def _write_plot(path: Path, curves: Curves) -> None:
    rows = [
        {"score": name, "threshold": at.threshold, "precision": at.precision,
         "recall": at.recall, "f1": at.f1, "recommended": int(at == best)}
        for name, (points, best) in curves.items()
        for at in sorted({*points, best}, key=lambda row: row.threshold)
    ]  # fmt: skip
    with outputs.staged(path, path.with_suffix(".csv")) as (drawn, listed):
        drawn.write_text(svg(curves), encoding="utf-8")
        outputs.write_csv(listed, rows)
    click.echo(f"{path}, {path.with_suffix('.csv')}: the curves")


def _counted(rows: list[Labelled]) -> str:
    of_domain = sum(bool(row.label) for row in rows)
    return f"{of_domain} domain and {len(rows) - of_domain} general passages"


def require_ending(out: Path, example: str) -> None:
    """Refuse an output's name without an ending: such a name stands for a folder."""
    if not out.suffix:
        raise InputError(f"{out}: expected a file name with an ending, such as {example}")
