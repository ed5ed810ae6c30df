"""Packing by hand: each row is drawn as the letters of its samples, one letter a token."""

import pytest

from onestage.pack.rows import Sample, pack_rows
from onestage.records import Draw


def _drawn(lengths: list[int], *, max_displacement_rows: int, phases: str = "") -> list[str]:
    """Return rows of 8 tokens; sample number n is the n-th letter, as often as it is long."""
    samples = [
        Sample(Draw(n, chr(97 + n), 0, "web", int(phases[n : n + 1] or 0)), [n] * length, [])
        for n, length in enumerate(lengths)
    ]
    packed = pack_rows(samples, seq_len_tokens=8, max_displacement_rows=max_displacement_rows)
    return ["".join(chr(97 + token) for token in row.input_ids) for row, _ in packed]


@pytest.mark.parametrize(
    ("lengths", "max_displacement_rows", "expected"),
    [
        ([], 1, []),
        # the example of the docstring
        ([5, 4, 3, 4], 32, ["aaaaaccc", "bbbbdddd"]),
        # c fits both rows and goes into the one that it fills best
        ([4, 6, 2], 32, ["aaaa", "bbbbbbcc"]),
        # of two equally full rows the older one is taken
        ([6, 6, 2], 32, ["aaaaaacc", "bbbbbb"]),
        # two rows at most are open: the third closes the first, into which d would have fitted
        ([6, 6, 6, 2], 1, ["aaaaaa", "bbbbbbdd", "cccccc"]),
        # a row is filled to its last token, and one that is full takes no more
        ([8, 8, 1], 1, ["aaaaaaaa", "bbbbbbbb", "c"]),
        # no displacement is greedy packing in order
        ([3, 6, 2, 5], 0, ["aaa", "bbbbbbcc", "ddddd"]),
    ],
)
def test_rows(lengths: list[int], max_displacement_rows: int, expected: list[str]) -> None:
    assert _drawn(lengths, max_displacement_rows=max_displacement_rows) == expected


def test_a_phase_closes_all_rows() -> None:
    assert _drawn([5, 4, 3, 1], max_displacement_rows=9, phases="0011") == ["aaaaa", "bbbb", "cccd"]
    assert _drawn([5, 4, 3, 1], max_displacement_rows=9, phases="0000") == ["aaaaaccc", "bbbbd"]
