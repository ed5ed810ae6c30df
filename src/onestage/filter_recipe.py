"""Trains the learned filter of `collect` from labelled passages, or from a lexicon's judgement.

Logistic regression with an L2 penalty over the n-grams of `collect.classifier`, each scaled by
its rarity (inverse document frequency); both labels weigh the same, however many passages they
have. Of a long passage a cut of random place and length is learned too, so that short passages
are judged as well as long ones. Order and repetition of the passages do not matter: they are
sorted by hash, which also takes the place of a seed, so the same passages give the same bytes.
The recommended threshold and the figures printed come from five folds, each judged by a filter
that has not seen it.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from onestage.calibration import Point, recommended
from onestage.collect.classifier import BUCKETS, FORMAT, Classifier, Facts, features
from onestage.collect.density import Lexicon
from onestage.errors import InputError
from onestage.labelled import Labelled

_FOLDS = 5
_MIN_PASSAGES = 50
# Passages that hold an n-gram, below which it says more about a passage than about the domain.
_MIN_HOLDING = 2
_MAX_WEIGHT = 2**7 - 1
_CUT_FROM_CHARS = 60
_CUT_MIN_CHARS = 20
_MEMORY = 10
_MAX_STEPS = 300
_LEAST_GAIN = 1e-7

Floats = npt.NDArray[np.float64]


def train(rows: Sequence[Labelled]) -> tuple[Classifier, Point]:
    """Return the filter, and what it does at its recommended threshold on passages unseen.

    Raises:
        InputError: fewer than 50 different passages of a label, or passages of both labels.
    """
    passages = _different(rows)
    texts = [text for _, text, _ in passages]
    labels = np.array([label for _, _, label in passages])
    unseen = _out_of_fold(passages, labels)
    best = recommended(unseen, labels.tolist())
    trained_on = hashlib.sha256(repr([(name, label) for name, _, label in passages]).encode())
    names = [name for name, _, _ in passages]
    weights, bias = _fit(*_with_cuts(names, texts, labels))
    return _quantised(weights, bias, best.threshold, trained_on.hexdigest()), best


def label_by_lexicon(
    texts: Sequence[str], lexicon: Lexicon, *, surest_share: float = 0.1
) -> list[Labelled]:
    """Return the passages of which the lexicon is surest, labelled by it.

    Of the domain: the share `surest_share` of highest density; general: the half of lowest.
    What lies between is left out. So the domain must be the smaller part of the texts.

    Raises:
        InputError: the densities do not part the two.
    """
    different = sorted(set(texts))
    densities = np.array([lexicon.density(text) for text in different])
    order = np.argsort(-densities, kind="stable")
    top = order[: int(len(order) * surest_share)]
    bottom = order[(len(order) + 1) // 2 :]
    lowest = float(densities[top].min()) if top.size else 0.0
    if lowest <= densities[bottom].max(initial=0.0):
        raise InputError(
            "the lexicon tells the passages too little apart: expected the densest "
            f"{surest_share:.0%} above the lower half, found {lowest:.3f} at the border; "
            "give more text, or a lexicon that fits it"
        )
    return [Labelled(different[place], 1) for place in top] + [
        Labelled(different[place], 0) for place in bottom
    ]


_Passages = list[tuple[str, str, bool]]


def _different(rows: Sequence[Labelled]) -> _Passages:
    """Return (hash, text, label) of the different passages, sorted by hash."""
    labels: dict[str, bool] = {}
    for row in rows:
        if labels.setdefault(row.text, bool(row.label)) != bool(row.label):
            raise InputError(f"passage {row.text[:40]!r} has both labels; mend one")
    for label in (True, False):
        found = sum(value == label for value in labels.values())
        if found < _MIN_PASSAGES:
            raise InputError(
                f"expected at least {_MIN_PASSAGES} different passages of label {int(label)}, "
                f"found {found}; give more passages"
            )
    return sorted((_hash(text), text, label) for text, label in labels.items())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _out_of_fold(passages: _Passages, labels: npt.NDArray[np.bool_]) -> list[float]:
    """Return the probability of each passage by a filter trained on the other folds."""
    folds = np.array([int(name[:8], 16) % _FOLDS for name, _, _ in passages])
    found = np.zeros(len(passages))
    for fold in range(_FOLDS):
        seen, unseen = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        names = [passages[place][0] for place in seen]
        texts = [passages[place][1] for place in seen]
        weights, bias = _fit(*_with_cuts(names, texts, labels[seen]))
        judge = _quantised(weights, bias, 0.5, "")
        found[unseen] = judge.probabilities([passages[place][1] for place in unseen])
    return [float(value) for value in found]


def _with_cuts(
    names: Sequence[str], texts: Sequence[str], labels: npt.NDArray[np.bool_]
) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Add a cut of each long passage, its place and length drawn by the passage's hash."""
    places = [place for place, text in enumerate(texts) if len(text) >= _CUT_FROM_CHARS]
    cuts = [_cut(names[place], texts[place]) for place in places]
    return [*texts, *cuts], np.concatenate([labels, labels[places]])


def _cut(name: str, text: str) -> str:
    longest = len(text) // 2
    length = _CUT_MIN_CHARS + int(name[8:16], 16) % (longest - _CUT_MIN_CHARS + 1)
    start = int(name[16:24], 16) % (len(text) - length + 1)
    return text[start : start + length]


def _fit(texts: Sequence[str], labels: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    """Return one weight a bucket and the bias."""
    found = [features(text) for text in texts]
    sizes = np.array([len(buckets) for buckets in found])
    columns = np.concatenate(found).astype(np.int64)
    holding = np.bincount(columns, minlength=BUCKETS)
    rarity = np.where(holding >= _MIN_HOLDING, np.log((1 + len(texts)) / (1 + holding)) + 1, 0.0)
    values = rarity[columns] / np.repeat(np.sqrt(np.maximum(sizes, 1)), sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    matrix = csr_matrix((values, columns, starts), shape=(len(texts), BUCKETS))
    used = np.flatnonzero(rarity)
    solution = _minimum(matrix[:, used], labels)
    weights = np.zeros(BUCKETS)
    weights[used] = solution[:-1] * rarity[used]
    return weights, float(solution[-1])


def _minimum(matrix: Any, labels: npt.NDArray[np.bool_]) -> Floats:
    """Minimise the mean logistic loss, both labels alike, plus |weights|^2 / (2 passages)."""
    count = len(labels)
    signs = np.where(labels, 1.0, -1.0)
    share = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())
    turned = matrix.T.tocsr()

    def loss(solution: Floats) -> tuple[float, Floats]:
        weights = solution[:-1]
        margins = signs * (matrix @ weights + solution[-1])
        pull = -share * signs * np.exp(-np.logaddexp(0, margins))
        gradient = np.append(turned @ pull + weights / count, pull.sum())
        penalty = float((weights * weights).sum()) / (2 * count)
        return float((share * np.logaddexp(0, -margins)).sum()) + penalty, gradient

    return _descended(loss, np.zeros(matrix.shape[1] + 1))


def _descended(loss: Callable[[Floats], tuple[float, Floats]], start: Floats) -> Floats:
    """Return where a convex loss is least, by limited-memory BFGS with halved steps.

    Sums are taken by numpy and not by BLAS, whose order of adding, and so the last bits, would
    depend on the number of threads.
    """
    place, (value, gradient) = start, loss(start)
    pairs: deque[tuple[Floats, Floats, float]] = deque(maxlen=_MEMORY)
    for _ in range(_MAX_STEPS):
        direction = _direction(gradient, pairs)
        slope = _dot(gradient, direction)
        step = 1.0 if pairs else 1.0 / max(1.0, _dot(gradient, gradient) ** 0.5)
        while True:
            there = place + step * direction
            there_value, there_gradient = loss(there)
            if there_value <= value + 1e-4 * step * slope or step < 1e-12:
                break
            step /= 2
        moved, turned = there - place, there_gradient - gradient
        gained = value - there_value
        place, value, gradient = there, there_value, there_gradient
        if gained <= _LEAST_GAIN * max(abs(value), 1e-3):
            break
        if (curvature := _dot(moved, turned)) > 0:
            pairs.append((moved, turned, curvature))
    return place


def _direction(gradient: Floats, pairs: deque[tuple[Floats, Floats, float]]) -> Floats:
    """Return the quasi-Newton direction from the last moves and turns of the gradient."""
    direction = -gradient
    shares = []
    for moved, turned, curvature in reversed(pairs):
        shares.append(_dot(moved, direction) / curvature)
        direction = direction - shares[-1] * turned
    if pairs:
        _, turned, curvature = pairs[-1]
        direction = direction * (curvature / _dot(turned, turned))
    for (moved, turned, curvature), share in zip(pairs, reversed(shares), strict=True):
        direction = direction + (share - _dot(turned, direction) / curvature) * moved
    return direction


def _dot(left: Floats, right: Floats) -> float:
    return float((left * right).sum())


def _quantised(weights: Floats, bias: float, threshold: float, trained_on: str) -> Classifier:
    scale = float(np.abs(weights).max(initial=0.0)) / _MAX_WEIGHT or 1.0
    facts = Facts(FORMAT, BUCKETS, scale, bias, threshold, trained_on)
    return Classifier(np.round(weights / scale).astype(np.int8), facts)
