"""Draws precision, recall and F1 by threshold as an SVG that needs nothing else."""

import math
from collections.abc import Mapping, Sequence

from onestage.calibration import Point, round_step

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 300, 220, 46, 34, 40
_LINES = (
    ("precision", "precision", "#4c78a8"),
    ("recall", "recall", "#f58518"),
    ("F1", "f1", "#54a24b"),
)
_MOST_TICKS = 6


def svg(curves: Mapping[str, tuple[Sequence[Point], Point]]) -> str:
    """Return one panel a score, side by side: its curve, its recommended threshold dashed.

    `curves` maps the score's name to the points, by rising threshold, and the recommended one.
    """
    step = _WIDTH + _LEFT + _GAP
    panels = [
        f'<g transform="translate({_LEFT + place * step},{_TOP})">{_panel(name, *given)}</g>'
        for place, (name, given) in enumerate(curves.items())
    ]
    width, height = step * len(curves) + _GAP, _HEIGHT + _TOP + 56
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="11">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n'
        + "\n".join(panels)
        + "\n</svg>\n"
    )


def _panel(name: str, points: Sequence[Point], best: Point) -> str:
    highest = max(best.threshold, points[-1].threshold)
    step = round_step(highest, _MOST_TICKS)
    ticks = math.ceil(highest / step - 1e-9)
    top = step * ticks
    parts = [f'<text y="-14" font-weight="bold">{name}</text>', _axes(step, ticks)]
    drawn = sorted({*points, best}, key=lambda point: point.threshold)
    for _, measure, colour in _LINES:
        places = " ".join(
            f"{_x(point.threshold, top):.1f},{_y(getattr(point, measure)):.1f}" for point in drawn
        )
        parts.append(
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
    parts.append(_mark(_x(best.threshold, top), f"{best.threshold:g}"))
    return "".join([*parts, _legend()])


def _mark(x: float, text: str) -> str:
    """Draw a dashed line, and its threshold on the side where there is more room."""
    beside, anchor = (x + 4, "start") if x < _WIDTH / 2 else (x - 4, "end")
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{_HEIGHT}" stroke="#555" '
        f'stroke-dasharray="4 3"/><text x="{beside:.1f}" y="{_HEIGHT - 6}" '
        f'text-anchor="{anchor}">{text}</text>'
    )


def _axes(step: float, ticks: int) -> str:
    """Draw fifths of a share upwards, and round thresholds, `step` apart, to the right."""
    parts = []
    for fifth in range(6):
        y = _y(fifth / 5)
        parts.append(
            f'<line x1="0" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{fifth / 5:.1f}</text>'
        )
    parts += [
        f'<text x="{_x(tick, ticks):.1f}" y="{_HEIGHT + 16}" text-anchor="middle">'
        f"{round(tick * step, 9):g}</text>"
        for tick in range(ticks + 1)
    ]
    return "".join(parts)


def _legend() -> str:
    y = _HEIGHT + 38
    names = [
        f'<text x="{place * 80}" y="{y}" fill="{colour}">{name}</text>'
        for place, (name, _, colour) in enumerate(_LINES)
    ]
    return "".join([*names, f'<text x="{_WIDTH}" y="{y}" text-anchor="end">threshold</text>'])


def _x(threshold: float, top: float) -> float:
    return threshold / top * _WIDTH


def _y(share: float) -> float:
    return (1 - share) * _HEIGHT
