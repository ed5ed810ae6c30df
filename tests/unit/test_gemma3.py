"""A Gemma 3 out of GGUF, on tiny random weights that transformers itself computes with.

The file is written by the package `gguf`, by its own table of names. The tokenizer is held against
a plain search for the best pair, as sentencepiece and llama.cpp define it.
"""

import json
import random
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import gguf
import pytest
from click.testing import CliRunner, Result
from converting import require_refused
from gguf import GGMLQuantizationType, GGUFWriter

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]

from onestage.offline import go_offline  # noqa: E402

go_offline()

import torch  # noqa: E402
import transformers  # noqa: E402

from onestage import checkpoint, jsonl  # noqa: E402
from onestage.cli import main  # noqa: E402
from onestage.pack.template import ChatTemplate  # noqa: E402
from onestage.records import Message, PackedRow, PackedSample  # noqa: E402
from onestage.train import documents, fitting, serving  # noqa: E402

CONTROL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
USER_DEFINED = ["\n", "\n\n", "  ", "   ", "<table>"]
BYTES = [f"<0x{number:02X}>" for number in range(256)]
NORMAL = [
    "▁t", "he", "in", "▁the", "ing", "th", "▁th", "血压", "高血压", "高血", "▁a", "▁an", "and",
    "▁and", "the", "thing", "▁thing", *"▁thingeado高血压病",
]  # fmt: skip
PIECES = [*CONTROL, *USER_DEFINED, *BYTES, *NORMAL]
TYPES = [3] * len(CONTROL) + [4] * len(USER_DEFINED) + [6] * len(BYTES) + [1] * len(NORMAL)
SCORES = [-1000.0] * (len(PIECES) - len(NORMAL)) + [-float(n) for n in range(len(NORMAL))]
WINDOW = 8
SIZES: dict[str, Any] = {
    "head_dim": 16,
    "hidden_size": 32,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    "num_attention_heads": 4,
    "num_hidden_layers": 7,
    "num_key_value_heads": 2,
    "sliding_window": WINDOW,
}
TEMPLATE = Path("profiles/gemma.jinja")


def _model(**changes: Any) -> Any:
    """Return random weights, sharp enough that a wrong norm, window or rotation shows."""
    torch.manual_seed(11)
    config = transformers.Gemma3TextConfig(
        **{**SIZES, "vocab_size": len(PIECES), "query_pre_attn_scalar": 16, **changes},
        initializer_range=0.2,
        rope_parameters={
            "full_attention": {"rope_type": "default", "rope_theta": 5000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    )
    model = transformers.Gemma3ForCausalLM(config).eval()
    for name, weights in model.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(weights, std=0.3)
    return model


def _write(
    file: Path,
    model: Any,
    *,
    quantised: bool = False,
    architecture: str = "gemma3",
    without: str = "",
    settings: dict[str, int] | None = None,
) -> Any:
    """Write the model as GGUF; with `quantised` also make its matrices what the blocks hold."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GEMMA3, SIZES["num_hidden_layers"])
    writer = GGUFWriter(file, architecture)
    writer.add_context_length(SIZES["max_position_embeddings"])
    writer.add_embedding_length(SIZES["hidden_size"])
    writer.add_block_count(SIZES["num_hidden_layers"])
    writer.add_feed_forward_length(SIZES["intermediate_size"])
    writer.add_head_count(SIZES["num_attention_heads"])
    writer.add_head_count_kv(SIZES["num_key_value_heads"])
    writer.add_key_length(SIZES["head_dim"])
    writer.add_value_length(SIZES["head_dim"])
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(5000.0)
    writer.add_sliding_window(WINDOW)
    for key, value in (settings or {}).items():
        writer.add_uint32(key, value)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(PIECES)
    writer.add_token_scores(SCORES)
    writer.add_token_types(TYPES)
    for number, add in enumerate(
        (writer.add_pad_token_id, writer.add_eos_token_id, writer.add_bos_token_id)
    ):
        add(number)
    writer.add_unk_token_id(CONTROL.index("<unk>"))
    for name, weights in model.named_parameters():
        given = names.get_name(name, try_suffixes=(".weight",))
        numbers = weights.detach().numpy()
        if given == without:
            continue
        if weights.ndim == 1:
            writer.add_tensor(given, numbers + 1)
        elif quantised:
            blocks = gguf.quantize(numbers, GGMLQuantizationType.Q8_0)
            writer.add_tensor(given, blocks, raw_dtype=GGMLQuantizationType.Q8_0)
            held = gguf.dequantize(blocks, GGMLQuantizationType.Q8_0)
            weights.data.copy_(torch.tensor(held))
        else:
            writer.add_tensor(given, numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _convert(file: Path, out: Path) -> Result:
    return CliRunner().invoke(main, ["convert", "gguf", str(file), "--out", str(out)])


def _converted(tmp_path: Path) -> Path:
    out = tmp_path / "base"
    _write(tmp_path / "model.gguf", _model())
    result = _convert(tmp_path / "model.gguf", out)
    assert result.exit_code == 0, result.output
    return out


@pytest.mark.parametrize("quantised", [False, True])
def test_logits_are_those_of_the_model_that_was_written(tmp_path: Path, quantised: bool) -> None:
    model = _write(tmp_path / "model.gguf", _model(), quantised=quantised)
    result = _convert(tmp_path / "model.gguf", tmp_path / "base-1.0")
    assert result.exit_code == 0, result.output
    found = checkpoint.load_model(tmp_path / "base-1.0", init="pretrained", seed=1).eval()
    assert found.config.model_type == "gemma3_text"
    assert found.lm_head.weight is found.model.embed_tokens.weight
    tokens = torch.randint(len(PIECES), (1, 5 * WINDOW), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        difference = (found(tokens).logits - model(tokens).logits).abs().max()
        unlike = (_model(sliding_window=99)(tokens).logits - model(tokens).logits).abs().max()
    assert difference < 1e-4
    assert unlike > 0.1  # the tokens reach beyond the window


def _pieces_of(text: str) -> list[str]:
    """Return a text's pieces: of two neighbours those are joined whose union scores highest."""
    scores = {piece: -score for piece, score in zip(NORMAL, range(len(NORMAL)), strict=True)}
    parts = list(text.replace(" ", "▁"))
    while True:
        pairs = [(scores[a + b], -n) for n, (a, b) in enumerate(pairwise(parts)) if a + b in scores]
        if not pairs:
            break
        place = -max(pairs)[1]
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return [
        piece
        for part in parts
        for piece in ([part] if part in scores else [f"<0x{b:02X}>" for b in part.encode()])
    ]


def _expected(text: str) -> list[int]:
    whole = sorted(USER_DEFINED, key=len, reverse=True)
    cut = re.split("(" + "|".join(map(re.escape, whole)) + ")", text)
    found = [
        piece for part in cut for piece in ([part] if part in USER_DEFINED else _pieces_of(part))
    ]
    return [PIECES.index(piece) for piece in found]


def test_texts_are_cut_as_sentencepiece_cuts_them(tmp_path: Path) -> None:
    tokenizer = checkpoint.load_tokenizer(_converted(tmp_path))
    drawing = random.Random(4)
    alphabet = ["t", "h", "e", "i", "n", "g", "a", "d", " ", " ", "\n", "高", "血", "压", "é", "🫀"]
    texts = ["the thing and 高血压病", "  a\n\n\nb   <table> the", "é🫀"]
    texts += ["".join(drawing.choices(alphabet, k=drawing.randrange(1, 40))) for _ in range(400)]
    for text in texts:
        expected = _expected(text)
        assert tokenizer.encode(text, add_special_tokens=False) == expected, text
        assert tokenizer.encode(text) == [CONTROL.index("<bos>"), *expected]
        assert tokenizer.decode(expected) == text
    assert tokenizer.encode("<end_of_turn>", add_special_tokens=False) == [5]
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token) == (
        "<bos>", "<eos>", "<pad>", "<unk>",
    )  # fmt: skip


def test_the_folder_is_a_base_that_train_takes(tmp_path: Path) -> None:
    """Samples of a row are longer than the window, and the plain class cuts as this one does."""
    base = _converted(tmp_path)
    assert not list(base.glob("*.bin"))
    assert "auto_map" not in json.loads((base / "config.json").read_text(encoding="utf-8"))
    model = checkpoint.load_model(base, init="pretrained", seed=1)
    documents.require_separate_documents(model, rows_per_device=2, tolerance=1e-5)
    rows = tmp_path / "rows"
    rows.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (rows / "tokenizer").mkdir(exist_ok=True)
        (rows / "tokenizer" / name).write_bytes((base / name).read_bytes())
    template = Path(__file__).parents[2] / TEMPLATE
    (rows / "tokenizer" / "chat_template.jinja").write_bytes(template.read_bytes())
    row = PackedRow([2, 9], [PackedSample("a", 0, "s", 0, 2, [(0, 2)])], 0)
    for name in ("rows", "heldout"):
        with jsonl.PartWriter(rows, name) as writer:
            writer.write(row)
    fitting.require_fitting(model, rows)
    tokenizer = checkpoint.load_tokenizer(rows / "tokenizer")
    assert serving.end_of_turn(tokenizer) == CONTROL.index("<end_of_turn>")
    turns = [Message("user", "the thing"), Message("assistant", "高血压")]
    rendered = ChatTemplate(str(tokenizer.chat_template), {"bos_token": "<bos>"}, CONTROL).render(
        turns
    )
    assert rendered is not None
    assert rendered.text == (
        "<bos><start_of_turn>user\nthe thing<end_of_turn>\n"
        "<start_of_turn>model\n高血压<end_of_turn>\n"
    )


def test_what_is_no_gguf_or_was_cut_short_isrequire_refused(tmp_path: Path) -> None:
    file, out = tmp_path / "model.gguf", tmp_path / "base"
    require_refused(_convert(file, out), out, "model.gguf: missing")
    _write(file, _model())
    whole = file.read_bytes()
    file.write_bytes(b"PK\x03\x04" + whole[4:])
    require_refused(_convert(file, out), out, "no GGUF file", "PK")
    # within the magic's neighbours, the settings, the list of tensors, and the numbers
    for length in (4, 30, len(whole) // 50, len(whole) // 20, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        require_refused(
            _convert(file, out), out, "model.gguf: cut short, or not whole", "fetch it again"
        )


def test_another_architecture_isrequire_refused(tmp_path: Path) -> None:
    file, out = tmp_path / "model.gguf", tmp_path / "base"
    _write(file, _model(), architecture="llama")
    require_refused(_convert(file, out), out, "architecture llama, expected gemma3")


def test_a_setting_that_is_not_known_isrequire_refused(tmp_path: Path) -> None:
    file, out = tmp_path / "model.gguf", tmp_path / "base"
    _write(file, _model(), settings={"gemma3.rope.scaling.factor": 8})
    require_refused(_convert(file, out), out, "gemma3.rope.scaling.factor", "does not know")


def test_missing_tensors_and_other_shapes_are_refused(tmp_path: Path) -> None:
    file, out = tmp_path / "model.gguf", tmp_path / "base"
    _write(file, _model(), without="blk.3.attn_q_norm.weight")
    require_refused(_convert(file, out), out, "lacks blk.3.attn_q_norm.weight")
    _write(file, _model(intermediate_size=96))
    require_refused(
        _convert(file, out), out, "blk.0.ffn_gate.weight has shape (96, 32)", "(64, 32)"
    )


def test_a_folder_that_is_there_stays(tmp_path: Path) -> None:
    out = tmp_path / "base"
    out.mkdir()
    result = _convert(tmp_path / "model.gguf", out)
    assert result.exit_code == 1
    assert "there is something already" in result.stderr
    assert out.is_dir()


def test_without_the_package_its_name_is_said(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['gguf'] = None; sys.argv = ['onestage', 'convert', 'gguf', 'f', "
        "'--out', 'g']; from onestage.cli import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "needs the package gguf" in ended.stderr
    assert ".[gguf]" in ended.stderr
