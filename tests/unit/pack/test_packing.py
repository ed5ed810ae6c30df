"""Every draw is in a row or rejected with its reason, and trained tokens are conserved."""

from typing import Any, Literal

import pytest
from given import TOY_BASE, conversation
from tokenizers import Tokenizer

from onestage.pack.packing import Packing
from onestage.pack.rendering import Renderer, Tokens
from onestage.pack.rows import Pack
from onestage.records import Conversation, Draw, PackedRow

_TOKENIZER = Tokenizer.from_file(str(TOY_BASE / "tokenizer.json"))
_CHOICES = Pack("t", 64, "reject", 4)
_PRIVATE = "\U000f0002" * len("<|im_end|>")  # by what name the end token goes in a hostile sample


def test_packed_and_rejected_are_all(renderer: Renderer) -> None:
    records = [
        conversation("头痛怎么办？", "多休息。"),
        conversation(f"<|im_end|>{_PRIVATE}", "答"),
        conversation("长", "很长" * 200),
        conversation("Cough?", "See a doctor.", "And fever?", "Also."),
    ]
    draws = [Draw(n, record.id, n // 4, "web", 0) for n, record in enumerate(records * 2)]
    packing = Packing(renderer, {record.id: record for record in records}, _CHOICES)
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
        "found": "not to be told apart",
    }


def test_nothing_drawn_gives_no_rows(renderer: Renderer) -> None:
    packing = Packing(renderer, {}, _CHOICES)
    assert list(packing.rows([])) == []
    assert packing.metrics()["fill"] == 0.0


_SENTENCES = [f"第{n}条：血压≥140/90 mmHg时，服氨氯地平{n}.5 mg。" for n in range(12)]
_TEXT = "\n".join(_SENTENCES)


def _pack(
    renderer: Renderer, too_long: Literal["reject", "split", "truncate"], *records: Conversation
) -> tuple[list[PackedRow], Packing]:
    choices = Pack("t", 64, too_long, 4)
    packing = Packing(renderer, {record.id: record for record in records}, choices)
    draws = [Draw(n, record.id, 0, "web", 0) for n, record in enumerate(records)]
    return list(packing.rows(draws)), packing


def _texts(rows: list[PackedRow]) -> list[str]:
    """Return the decoded samples, in the order of the draws that they came from."""
    return [
        _TOKENIZER.decode(row.input_ids[sample.start : sample.end], skip_special_tokens=False)
        for row in rows
        for sample in row.samples
    ]


def _conserved(packing: Packing, rows: list[PackedRow]) -> dict[str, Any]:
    found = packing.metrics()
    rejected = sum(found["rejected"].values())
    samples = [sample for row in rows for sample in row.samples]
    assert found["samples"] - found["split"] + found["pieces"] == found["packed"] + rejected
    assert found["packed"] == len(samples)
    assert found["tokens_of_samples"] == found["tokens"] + found["tokens_lost"]
    assert found["tokens"] == sum(len(row.input_ids) for row in rows)
    assert found["trained_tokens_of_rows"] == found["trained_tokens_of_samples"]
    pieces = found["chars_of_pieces"] + found["chars_between_pieces"]
    assert found["chars_of_split"] == pieces
    assert found["displacement_rows"]["max"] < 4
    assert sum(line["samples"] for line in packing.displacements()) == len(samples)
    assert all(len(row.input_ids) <= 64 for row in rows)
    return found


def test_long_raw_text_is_split_at_sentence_ends(renderer: Renderer) -> None:
    rows, packing = _pack(renderer, "split", conversation(source="web", text=_TEXT))
    found = _conserved(packing, rows)
    texts = sorted(_texts(rows), key=_TEXT.find)
    pieces = [text.removesuffix("<|im_end|>") for text in texts]
    assert all(text.endswith("<|im_end|>") for text in texts)
    assert sorted(pieces, key=_TEXT.index) == pieces
    assert "\n".join(pieces) == _TEXT
    assert (found["split"], found["pieces"]) == (1, len(pieces))
    assert found["chars_of_split"] == len(_TEXT)
    assert found["chars_between_pieces"] == len(pieces) - 1


def test_a_long_output_is_split_and_each_piece_keeps_the_instruction(renderer: Renderer) -> None:
    rows, packing = _pack(renderer, "split", conversation("用药？", _TEXT))
    found = _conserved(packing, rows)
    begin = "<|im_start|>user\n用药？<|im_end|>\n<|im_start|>assistant\n"
    texts = _texts(rows)
    assert all(text.startswith(begin) and text.endswith("<|im_end|>\n") for text in texts)
    outputs = [text.removeprefix(begin).removesuffix("<|im_end|>\n") for text in texts]
    assert "\n".join(sorted(outputs, key=_TEXT.index)) == _TEXT
    assert found["chars_of_split"] == len(_TEXT)
    assert found["rejected"] == {}


def test_a_long_conversation_is_split_between_turns(renderer: Renderer) -> None:
    turns = [part for n in range(6) for part in (f"问{n}？", _SENTENCES[n])]
    rows, packing = _pack(renderer, "split", conversation(*turns))
    found = _conserved(packing, rows)
    texts = sorted(_texts(rows), key=lambda text: text[text.index("问") + 1])
    whole = "".join(
        f"<|im_start|>{role}\n{turn}<|im_end|>\n"
        for role, turn in zip(("user", "assistant") * 6, turns, strict=True)
    )
    assert "".join(texts) == whole
    assert found["chars_of_split"] == found["chars_of_pieces"] == sum(map(len, turns))
    assert found["pieces"] == len(texts) > 1


def test_what_cannot_be_split_is_rejected_whole(renderer: Renderer) -> None:
    """A sentence longer than a row; a long turn among several; an instruction that fills a row."""
    records = [
        conversation("问", "第一句。" + "很长" * 100 + "。第三句。"),
        conversation("问", "答。", "又问", _TEXT),
        conversation("问" * 100, "一。二。三。"),
        conversation("问", "答"),
    ]
    rows, packing = _pack(renderer, "split", *records)
    found = _conserved(packing, rows)
    assert found["rejected"] == {"too_long": 3}
    assert found["chars_of_split"] == found["split"] == found["pieces"] == 0
    assert [sample.id for row in rows for sample in row.samples] == [records[3].id]


def test_a_truncated_output_loses_its_end_and_is_not_taught_to_stop(renderer: Renderer) -> None:
    records = [
        conversation("用药？", _TEXT),
        conversation("问" * 100, "答"),
        conversation("q", "a"),
    ]
    rows, packing = _pack(renderer, "truncate", *records)
    found = _conserved(packing, rows)
    whole, *_ = renderer.tokenize(records)
    assert isinstance(whole, Tokens)
    assert found["rejected"] == {"too_long": 1}
    assert found["truncated"] == 1
    (cut, short) = sorted((s for row in rows for s in row.samples), key=lambda s: s.start - s.end)
    assert found["tokens_lost"] == len(whole.input_ids) - (cut.end - cut.start) > 0
    (text,) = [text for text in _texts(rows) if "用药" in text]
    output = text.split("assistant\n")[1]
    assert _TEXT.startswith(output)
    assert "<|im_end|>" not in output
    assert short.id == records[2].id


@pytest.mark.parametrize("too_long", ["reject", "split", "truncate"])
@pytest.mark.parametrize("batch", [1, 3])
def test_rows_do_not_depend_on_the_batch(
    renderer: Renderer,
    monkeypatch: pytest.MonkeyPatch,
    too_long: Literal["reject", "split", "truncate"],
    batch: int,
) -> None:
    records = [
        conversation("用药？", _TEXT),
        conversation("<|im_end|>", "多休息。<|im_start|>"),
        *(conversation(f"问{n}", text) for n, text in enumerate(_SENTENCES)),
        conversation(source="web", text=_TEXT),
    ]
    expected, packing = _pack(renderer, too_long, *records)
    monkeypatch.setattr("onestage.pack.packing._BATCH", batch)
    rows, other = _pack(renderer, too_long, *records)
    assert rows == expected
    assert other.metrics() == packing.metrics()
    assert other.rejections == packing.rejections
