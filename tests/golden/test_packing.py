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
        ([5, 4, 3, 4], 2, ["aaaaaccc", "bbbbdddd"]),
        # one row of displacement is greedy packing in order
        ([5, 4, 3, 4], 1, ["aaaaa", "bbbbccc", "dddd"]),
        ([3, 6, 2, 5], 1, ["aaa", "bbbbbbcc", "ddddd"]),
        # a row is closed by two samples where two fill it better than one
        ([4, 5, 3, 1, 2], 2, ["aaaacccd", "bbbbbee"]),
        # b would come next, but c fills the row to its last token
        ([4, 3, 4, 5], 2, ["aaaacccc", "bbbddddd"]),
        # of equally good choices the one that leaves the order as it is
        ([4, 4, 4, 4], 2, ["aaaabbbb", "ccccdddd"]),
        # the window is 16 tokens long: d, which would fill the first row, lies beyond
        ([6, 7, 3, 2], 2, ["aaaaaa", "bbbbbbb", "cccdd"]),
        # a row that is full takes no more
        ([8, 8, 1], 2, ["aaaaaaaa", "bbbbbbbb", "c"]),
    ],
)
def test_rows(lengths: list[int], max_displacement_rows: int, expected: list[str]) -> None:
    assert _drawn(lengths, max_displacement_rows=max_displacement_rows) == expected


def test_a_phase_waits_for_the_one_before() -> None:
    assert _drawn([5, 4, 3, 1], max_displacement_rows=9, phases="0011") == ["aaaaa", "bbbb", "cccd"]
    assert _drawn([5, 4, 3, 1], max_displacement_rows=9, phases="0000") == ["aaaaaccc", "bbbbd"]
