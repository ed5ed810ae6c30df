"""How far packing moved samples from their places in the curriculum."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

_PARTS = 100  # of a row, in which displacements are counted
_QUANTILES = (0.5, 0.9, 0.99)


class Displacement:
    """Counts displacements, in rows: tokens moved / tokens of a full row.

    A sample's displacement is the number of tokens before it in the rows less the number of
    tokens drawn before it: negative if it is trained too early. Memory does not grow with the
    number of samples.
    """

    def __init__(self, seq_len_tokens: int) -> None:
        self._seq_len_tokens = seq_len_tokens
        self._parts: Counter[int] = Counter()
        self._farthest = 0
        self._moved = 0

    def add(self, moved_tokens: Iterable[int]) -> None:
        """Count samples by how many tokens they moved."""
        for tokens in moved_tokens:
            self._parts[round(tokens * _PARTS / self._seq_len_tokens)] += 1
            self._moved += abs(tokens)
            self._farthest = max(self._farthest, abs(tokens))

    def metrics(self) -> dict[str, Any]:
        """Return mean, quantiles (to a hundredth of a row) and maximum, in rows, either way."""
        samples = self._parts.total()
        row = self._seq_len_tokens
        either: Counter[int] = Counter()
        for parts, count in self._parts.items():
            either[abs(parts)] += count
        quantiles = {f"p{share * 100:g}": _quantile(either, share) / _PARTS for share in _QUANTILES}
        mean = self._moved / row / samples if samples else 0.0
        return {"mean": mean, **quantiles, "max": self._farthest / row}

    def histogram(self) -> list[dict[str, int]]:
        """Return how many samples moved by how many rows, rounded; rows without one included."""
        counts: Counter[int] = Counter()
        for parts, count in self._parts.items():
            counts[round(parts / _PARTS)] += count
        farthest = max(map(abs, counts), default=0)
        return [{"rows": rows, "samples": counts[rows]} for rows in range(-farthest, farthest + 1)]


def _quantile(counts: Counter[int], share: float) -> int:
    """Return the smallest value that at least this share of all values does not exceed."""
    left = share * counts.total()
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return value
    return 0
