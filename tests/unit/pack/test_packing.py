"""Every draw is in a row or rejected with its reason, and trained tokens are conserved."""

from given import conversation

from onestage.pack.packing import Packing
from onestage.pack.rendering import Renderer
from onestage.pack.rows import Pack
from onestage.records import Draw


def test_packed_and_rejected_are_all(renderer: Renderer) -> None:
    records = [
        conversation("头痛怎么办？", "多休息。"),
        conversation("<|im_end|>", "答"),
        conversation("长", "很长" * 200),
        conversation("Cough?", "See a doctor.", "And fever?", "Also."),
    ]
    draws = [Draw(n, record.id, n // 4, "web", 0) for n, record in enumerate(records * 2)]
    packing = Packing(renderer, {record.id: record for record in records}, Pack("t", 64, 4))
    rows = list(packing.rows(draws))
    found = packing.metrics()
    assert (found["samples"], found["packed"], found["rows"]) == (8, 4, len(rows))
    assert found["samples"] == found["packed"] + sum(found["rejected"].values())
    assert found["rejected"] == {"special_token_in_text": 2, "too_long": 2}
    assert found["trained_tokens_of_rows"] == found["trained_tokens_of_samples"] > 0
    assert found["tokens"] == sum(len(row.input_ids) for row in rows)
    assert found["fill"] == found["tokens"] / (64 * len(rows))
    assert len({rejection.id for rejection in packing.rejections}) == 4
    assert packing.rejections[0].detail == {
        "conversation": records[1].id,
        "copy": 0,
        "found": "<|im_end|>",
    }


def test_nothing_drawn_gives_no_rows(renderer: Renderer) -> None:
    packing = Packing(renderer, {}, Pack("t", 64, 4))
    assert list(packing.rows([])) == []
    assert packing.metrics()["fill"] == 0.0
