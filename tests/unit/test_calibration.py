import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.calibration import point, recommended, thresholds
from onestage.calibration_plot import svg

_SCORED = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: {label for _, label in rows} == {True, False}
)


def _figures(rows: list[tuple[float, bool]], threshold: float) -> tuple[float, float]:
    right = sum(label for score, label in rows if score >= threshold)
    kept = sum(score >= threshold for score, _ in rows)
    return (right / kept if kept else 1.0, right / sum(label for _, label in rows))


@given(_SCORED, st.floats(0, 1))
def test_figures_are_what_counting_gives(rows: list[tuple[float, bool]], threshold: float) -> None:
    scores, labels = [score for score, _ in rows], [label for _, label in rows]
    found = point(scores, labels, threshold)
    precision, recall = _figures(rows, threshold)
    assert (found.precision, found.recall) == (precision, recall)
    if precision + recall:
        assert found.f1 == pytest.approx(2 * precision * recall / (precision + recall))
    else:
        assert found.f1 == 0


def test_the_threshold_lies_between_the_scores_with_few_digits() -> None:
    best = recommended([0.1, 0.2, 0.62, 0.9], [False, False, True, True])
    assert (best.threshold, best.f1) == (0.4, 1.0)
    close = recommended([0.12345, 0.12346], [False, True])
    assert 0.12345 < close.threshold <= 0.12346


def test_a_lone_peak_is_not_taken() -> None:
    """Fifty domain passages: the best F1 stands alone, since the next score is shared by many."""
    labels = [True] * 40 + [False] * 3 + [True] * 7 + [False] * 60 + [True] * 3
    scores = [1 - place / 200 for place in range(43)] + [0.7] * 7 + [0.69] * 60 + [0.5] * 3
    exact = max((point(scores, labels, at) for at in set(scores)), key=lambda found: found.f1)
    assert exact.threshold == 0.7
    best = recommended(scores, labels)
    assert best.f1 < exact.f1
    assert best.threshold > 0.7


@given(_SCORED)
def test_the_recommended_threshold_is_near_the_best(rows: list[tuple[float, bool]]) -> None:
    scores, labels = [score for score, _ in rows], [label for _, label in rows]
    best = recommended(scores, labels)
    assert best == point(scores, labels, best.threshold)
    assert recommended(scores[::-1], labels[::-1]).threshold == pytest.approx(best.threshold)


def test_thresholds_are_round_and_span_the_scores() -> None:
    found = thresholds([place / 1000 for place in range(400)])
    assert found[:5] == [0.005, 0.01, 0.02, 0.04, 0.06]
    assert 15 <= len(found) <= 22
    assert thresholds([0.0, 0.0])[0] > 0


def test_the_drawing_is_an_svg_with_a_panel_a_score() -> None:
    points = [point([0.1, 0.9], [False, True], at) for at in (0.05, 0.5, 0.95)]
    drawn = svg({"plain density": (points, points[1]), "classifier": (points, points[1])})
    root = ET.fromstring(drawn)
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"plain density", "classifier", "0.5", "precision", "recall", "F1"} <= set(texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 6


def test_the_drawing_has_round_ticks_and_holds_the_recommended_point() -> None:
    points = [point([0.1, 0.9], [False, True], at) for at in (0.1, 0.34)]
    best = point([0.1, 0.9], [False, True], 0.013)
    root = ET.fromstring(svg({"classifier": (points, best)}))
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"0", "0.1", "0.2", "0.3", "0.4", "0.013", "threshold"} <= set(texts)
    line = next(root.iter("{http://www.w3.org/2000/svg}polyline")).get("points", "")
    assert len(line.split()) == 3
