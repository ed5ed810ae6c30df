"""Draws precision, recall and F1 by threshold as an SVG that needs nothing else."""

from collections.abc import Mapping, Sequence

from onestage.calibration import Point

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 300, 220, 46, 34, 40
_LINES = (("precision", "#4c78a8"), ("recall", "#f58518"), ("f1", "#54a24b"))


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
    top = max(best.threshold, points[-1].threshold)
    parts = [f'<text y="-14" font-weight="bold">{name}</text>', _axes(top)]
    for measure, colour in _LINES:
        places = " ".join(
            f"{_x(point.threshold, top):.1f},{_y(getattr(point, measure)):.1f}" for point in points
        )
        parts.append(
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
    at, low = _x(best.threshold, top), _HEIGHT - 6
    parts.append(
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{_HEIGHT}" stroke="#555" '
        f'stroke-dasharray="4 3"/><text x="{at + 4:.1f}" y="{low}">{best.threshold:g}</text>'
    )
    return "".join([*parts, _legend()])


def _axes(top: float) -> str:
    parts = []
    for fifth in range(6):
        share = fifth / 5
        x, y = _x(share * top, top), _y(share)
        parts.append(
            f'<line x1="0" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{share:.1f}</text>'
            f'<text x="{x:.1f}" y="{_HEIGHT + 16}" text-anchor="middle">{share * top:.2g}</text>'
        )
    return "".join(parts)


def _legend() -> str:
    return "".join(
        f'<text x="{place * 80}" y="{_HEIGHT + 38}" fill="{colour}">{measure}</text>'
        for place, (measure, colour) in enumerate(_LINES)
    )


def _x(threshold: float, top: float) -> float:
    return threshold / top * _WIDTH


def _y(share: float) -> float:
    return (1 - share) * _HEIGHT
