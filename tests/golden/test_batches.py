"""Rows and batches as literal matrices."""

import pytest

pytestmark = pytest.mark.xdist_group("torch")

from onestage.offline import go_offline  # noqa: E402
from onestage.records import PackedRow, PackedSample  # noqa: E402

go_offline()

from onestage.train.batches import collate, row_fields  # noqa: E402

_SOURCES = {"web": 0, "sft": 1}
# Samples of 3 and 4 tokens, trained on their last two and last three.
_ROW = PackedRow(
    [11, 12, 13, 21, 22, 23, 24],
    [
        PackedSample("a", 0, "sft", 0, 3, [(1, 3)]),
        PackedSample("b", 0, "web", 3, 7, [(4, 7)]),
    ],
    0,
)
# Raw text is trained whole, and two outputs in one conversation; no first token has a label.
_OTHER = PackedRow(
    [31, 32, 41, 42, 43, 44, 45, 46, 47],
    [
        PackedSample("c", 0, "web", 0, 2, [(0, 2)]),
        PackedSample("d", 0, "sft", 2, 9, [(3, 5), (7, 9)]),
    ],
    0,
)


def test_the_example_of_the_docstring() -> None:
    assert row_fields(_ROW, _SOURCES) == {
        "input_ids": [11, 12, 13, 21, 22, 23, 24],
        "position_ids": [0, 1, 2, 0, 1, 2, 3],
        "labels": [-100, 12, 13, -100, 22, 23, 24],
        "source_ids": [1, 1, 1, 0, 0, 0, 0],
    }


def test_a_first_token_is_never_a_label() -> None:
    fields = row_fields(_OTHER, _SOURCES)
    assert fields["labels"] == [-100, 32, -100, 42, 43, -100, -100, 46, 47]
    assert fields["position_ids"] == [0, 1, 0, 1, 2, 3, 4, 5, 6]


def test_padding_is_a_document_of_its_own_without_labels() -> None:
    batch = collate([row_fields(_ROW, _SOURCES), row_fields(_OTHER, _SOURCES)])
    assert set(batch) == {"input_ids", "position_ids", "labels", "source_ids"}
    assert batch["input_ids"].tolist() == [
        [11, 12, 13, 21, 22, 23, 24, 0, 0],
        [31, 32, 41, 42, 43, 44, 45, 46, 47],
    ]
    assert batch["position_ids"].tolist() == [
        [0, 1, 2, 0, 1, 2, 3, 0, 1],
        [0, 1, 0, 1, 2, 3, 4, 5, 6],
    ]
    assert batch["labels"].tolist() == [
        [-100, 12, 13, -100, 22, 23, 24, -100, -100],
        [-100, 32, -100, 42, 43, -100, -100, 46, 47],
    ]
    assert batch["source_ids"].tolist() == [
        [1, 1, 1, 0, 0, 0, 0, -1, -1],
        [0, 0, 1, 1, 1, 1, 1, 1, 1],
    ]
