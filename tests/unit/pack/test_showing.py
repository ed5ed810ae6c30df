"""A row shown: every sample, every token, and which are trained."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from given import TOY_BASE, conversation, write_records

from onestage import jsonl
from onestage.cli import main
from onestage.errors import InputError
from onestage.pack.rendering import Renderer, Tokens
from onestage.pack.rows import Sample, pack_rows
from onestage.pack.showing import row_at
from onestage.records import Draw, PackedRow

_RECORDS = [
    conversation("头痛怎么办？", "多休息，见⁹⁹ᵐTc。", "又？", "℞"),
    conversation(source="web", text="血压≥140/90 mmHg。"),
]


@pytest.fixture
def packed(renderer: Renderer, tmp_path: Path) -> Path:
    """Return a folder as pack writes it: one row of two samples, one held-out row of one."""
    shutil.copytree(TOY_BASE, tmp_path / "tokenizer")
    samples = [
        Sample(Draw(n, record.id, 0, record.source, 0), found.input_ids, found.trained)
        for n, (record, found) in enumerate(zip(_RECORDS, renderer.tokenize(_RECORDS), strict=True))
        if isinstance(found, Tokens)
    ]
    for stem, chosen in (("rows", samples), ("heldout", samples[1:])):
        rows = pack_rows(chosen, seq_len_tokens=256, max_displacement_rows=1)
        write_records(tmp_path, [row for row, _ in rows], stem)
    return tmp_path


def _show(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["show", "row", *arguments, "--rows", str(folder)])


def test_trained_text_stands_between_brackets(packed: Path) -> None:
    result = _show(packed, "0")
    assert result.exit_code == 0
    head, first, second = result.output.split("\n\nsample ")
    assert head.startswith("row 0: 2 samples, ")
    title, text = first.split("\n", maxsplit=1)
    assert title.startswith(f"1: sft, {_RECORDS[0].id}, copy 0, tokens 0 to ")
    assert text == (
        "<|im_start|>user\n头痛怎么办？<|im_end|>\n<|im_start|>assistant\n"
        "⟦多休息，见⁹⁹ᵐTc。<|im_end|>⟧\n<|im_start|>user\n又？<|im_end|>\n"
        "<|im_start|>assistant\n⟦℞<|im_end|>⟧\n"
    )
    assert second.split("\n")[1] == "⟦血压≥140/90 mmHg。<|im_end|>⟧"


def test_trained_text_is_green_on_a_terminal(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onestage.pack_commands._has_colours", lambda: True)
    result = CliRunner().invoke(main, ["show", "row", "0", "--rows", str(packed)], color=True)
    assert "\x1b[32m℞<|im_end|>\x1b[0m" in result.output
    assert "\x1b[2m<|im_start|>user\n头痛怎么办？" in result.output
    assert "⟦" not in result.output


def test_held_out_rows_are_shown_too(packed: Path) -> None:
    assert _show(packed, "0", "--heldout").output.startswith("row 0: 1 samples, ")


def test_a_row_that_is_not_there_is_one_line(packed: Path) -> None:
    result = _show(packed, "1")
    assert result.exit_code == 1
    assert result.stderr == "Error: row 1: there are 1 rows; the first is number 0\n"
    (packed / "tokenizer" / "tokenizer.json").unlink()
    assert "not a tokenizer file" in _show(packed, "0").stderr
    assert "expected rows-00000.jsonl" in _show(packed / "tokenizer", "0").stderr


def test_rows_are_counted_over_all_parts(tmp_path: Path) -> None:
    rows = [PackedRow([n] * 50, [], 0) for n in range(9)]
    with jsonl.PartWriter(tmp_path, "rows", part_max_bytes=500) as writer:
        for row in rows:
            writer.write(row)
    files = jsonl.part_files(tmp_path, "rows")
    assert len(files) > 1
    assert [row_at(files, n) for n in range(9)] == rows
    files[-1].write_text("{\n" * 9, encoding="utf-8")
    with pytest.raises(InputError, match=rf"{files[-1].name}, line \d: .*dvc repro"):
        row_at(files, 8)
