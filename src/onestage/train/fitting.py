"""Whether rows and tokenizer belong to the base, looked at before the first step."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transformers import AutoTokenizer

from onestage import checkpoint, jsonl
from onestage.errors import InputError
from onestage.records import PackedRow
from onestage.train.serving import copy_tokenizer

# All of them are needed where the model is saved, which may be days later.
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
# Where rules of splitting differ they differ on such text.
_PROBES = (
    "血压≥140/90 mmHg时，服氨氯地平5 mg，每日1次；Ⅱ型糖尿病HbA1c≥6.5％。",
    "  Take 12.5 mg t.i.d. (2.5×10⁻³ mol/L), don't chew\n\n\tNo. 2024 ",
)


def require_fitting(model: Any, rows: Path) -> None:
    """Refuse rows and a tokenizer that are not this model's; `rows` is the folder of pack.

    Raises:
        InputError: a token beyond the embedding, a sample longer than the model's positions, a
            tokenizer that lacks a file, or one that transformers reads by other rules in a folder
            of this type.
    """
    _require_fitting_rows(model, rows)
    _require_same_tokens(model, rows / "tokenizer")


def _require_fitting_rows(model: Any, rows: Path) -> None:
    vocabulary: int = model.get_input_embeddings().num_embeddings
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    for file in (*jsonl.part_files(rows, "rows"), *jsonl.part_files(rows, "heldout")):
        for number, row in enumerate(jsonl.read_records([file], PackedRow), start=1):
            highest = max(row.input_ids, default=0)
            if highest >= vocabulary:
                raise InputError(
                    f"{file}:{number}: token {highest}, but the base's embedding ends at "
                    f"{vocabulary - 1}; take the tokenizer that belongs to the base, and pack again"
                )
            longest = max((sample.end - sample.start for sample in row.samples), default=0)
            if positions is not None and longest > positions:
                raise InputError(
                    f"{file}:{number}: a sample of {longest} tokens, but the base has {positions} "
                    "positions (max_position_embeddings); lower pack.seq_len_tokens to that, and "
                    "pack again"
                )


def _require_same_tokens(model: Any, tokenizer: Path) -> None:
    """Compare tokens of rows with those that transformers will make for this type of model."""
    for name in _TOKENIZER_FILES:
        if not (tokenizer / name).is_file():
            raise InputError(f"{tokenizer / name}: missing; run dvc repro pack")
    trained = checkpoint.load_tokenizer(tokenizer)
    with TemporaryDirectory() as folder:
        copy_tokenizer(tokenizer, Path(folder))
        served = AutoTokenizer.from_pretrained(
            folder, config=model.config, local_files_only=True, trust_remote_code=False
        )
    for probe in _PROBES:
        expected = trained.encode(probe, add_special_tokens=False)
        if served.encode(probe, add_special_tokens=False) != expected:
            raise InputError(
                f"{tokenizer}/tokenizer.json: transformers splits text by other rules in a model "
                f"of type {model.config.model_type}, so the model would be asked in other tokens "
                "than it was trained on; take the tokenizer that belongs to the base"
            )
