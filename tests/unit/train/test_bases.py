"""Bases of each supported type: from their folder over rows and training to plain chat."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import RunStage
from given import ROOT, TOY_BASE, conversation, parameters, write_params, write_records

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]

from onestage.offline import go_offline  # noqa: E402

go_offline()

import torch  # noqa: E402
from plain_chat import MAX_NEW_TOKENS, MESSAGES  # noqa: E402
from safetensors import safe_open  # noqa: E402
from small_tokenizers import Kind, kinds  # noqa: E402
from tiny_bases import TYPES, kind, write_base  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast  # noqa: E402

from onestage import checkpoint  # noqa: E402
from onestage.errors import InputError  # noqa: E402
from onestage.records import Draw, PackedRow, PackedSample  # noqa: E402
from onestage.train import fitting, serving  # noqa: E402


def _parameters(name: str) -> dict[str, Any]:
    document = parameters()
    document["base"] = {"path": f"base_{name}", "init": "pretrained", "seed": 1}
    document["pack"] |= {"chat_template": f"base_{name}/chat.jinja", "seq_len_tokens": 128}
    document["pack"]["max_displacement_rows"] = 1
    document["train"] |= {"rows_per_step": 1, "rows_per_device": 1, "warmup_share": 0.0}
    return document


def _rows(run_stage: RunStage) -> Result:
    """Pack six conversations, some of which are held out."""
    records = [
        conversation(f"头痛第{n}天怎么办？", f"服{n}.5 mg，血压≥140/90 mmHg时请就医。")
        for n in range(6)
    ]
    draws = [Draw(n, record.id, 0, record.source, 0) for n, record in enumerate(records)]
    write_records(Path("curated"), records)
    write_records(Path("drawn"), draws[:5])
    write_records(Path("drawn"), draws[5:], "heldout")
    names = {"sample": "drawn", "conversations": "curated", "out": "rows"}
    return run_stage("pack", **names, rejected="rejected", metrics="pack.json", plot="pack.csv")


def _train(run_stage: RunStage) -> Result:
    return run_stage("train", rows="rows", out="model", plots="plots/train", metrics="train.json")


def _trained(run_stage: RunStage, folder: Path, name: str) -> Path:
    """Return the model that pack and train make of a base of this type in a new folder."""
    folder.mkdir()
    os.chdir(folder)
    write_base(folder / f"base_{name}", name)
    write_params(folder, _parameters(name))
    for result in (_rows(run_stage), _train(run_stage)):
        assert (result.exit_code, result.output) == (0, "")
    assert json.loads(Path("train.json").read_text("utf-8"))["steps"] >= 2
    return folder / "model"


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def test_models_of_each_type_chat_in_plain_transformers(
    tmp_path: Path, run_stage: RunStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    models = {name: _trained(run_stage, tmp_path / name, name) for name in TYPES}
    monkeypatch.chdir(tmp_path)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    called = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "tests" / "plain_chat.py"), *models.values()],
        env={**environment, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert called.returncode == 0, called.stderr
    answers = json.loads(called.stdout)
    for name, folder in models.items():
        _require_chat(name, answers[str(folder)])
        _require_folder(name, folder)


def _require_chat(name: str, answer: dict[str, Any]) -> None:
    of_kind = kind(TYPES[name].tokenizer)
    tokenizer = of_kind.tokenizer
    end = tokenizer.token_to_id(of_kind.end)
    assert answer["ends"][0] == answer["config_end"] == answer["tokenizer_end"] == end
    assert set(answer["ends"]) == {end, tokenizer.token_to_id(TYPES[name].text_end)}
    # It stops at once, well before it would have to.
    assert len(answer["answer_tokens"]) == 3 < MAX_NEW_TOKENS
    assert answer["answer_tokens"][-1] == end
    assert answer["answer"].endswith(of_kind.end)
    rendered = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **of_kind.named)
    rendered.chat_template = of_kind.template
    text = rendered.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True)
    assert answer["prompt"] == tokenizer.encode(text, add_special_tokens=False).ids, name


def _require_folder(name: str, folder: Path) -> None:
    files = {path.name for path in folder.iterdir()}
    assert files == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    base, trained = _tensors(folder.parent / f"base_{name}"), _tensors(folder)
    assert base.keys() == trained.keys()
    assert ("lm_head.weight" in trained) != TYPES[name].config.get("tie_word_embeddings", False)
    assert any(not torch.equal(base[key], trained[key]) for key in base)
    # What training wrote is what a library of its own kind reads, and what the project reads.
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()
    own = checkpoint.load_model(folder, init="pretrained", seed=1).state_dict()
    for key, tensor in trained.items():
        assert torch.equal(plain[key], tensor)
        assert torch.equal(own[key], tensor)


@pytest.mark.parametrize("of_kind", kinds(), ids=lambda found: found.name)
def test_the_end_of_a_turn_is_the_last_token_that_is_trained(of_kind: Any) -> None:
    from onestage.pack.rendering import Renderer, Tokens  # noqa: PLC0415

    renderer = Renderer(of_kind.tokenizer, of_kind.template, of_kind.named)
    (found,) = renderer.tokenize([conversation("is it safe", "yes")])
    assert isinstance(found, Tokens)
    copied = Tokenizer.from_str(of_kind.tokenizer.to_str())
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=copied, **of_kind.named)
    tokenizer.chat_template = of_kind.template
    last = found.input_ids[found.trained[-1][1] - 1]
    assert serving.end_of_turn(tokenizer) == last == copied.token_to_id(of_kind.end)


def test_a_tokenizer_that_is_plain_already_keeps_its_bytes(tmp_path: Path) -> None:
    tokenizer, out = tmp_path / "tokenizer", tmp_path / "model"
    tokenizer.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(TOY_BASE / name, tokenizer / name)
    checkpoint.save_model(checkpoint.load_model(TOY_BASE, init="random", seed=1), out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    serving.save_tokenizer(tokenizer, out)
    before |= {path.name: path.read_bytes() for path in tokenizer.iterdir()}
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


# Bases, tokenizers and rows that do not go together


def _qwen2(folder: Path, **config: Any) -> Any:
    """Return a tiny model of the toy base's kind, with random weights."""
    named = json.loads((TOY_BASE / "config.json").read_text(encoding="utf-8"))
    folder.mkdir()
    small = {"num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2}
    (folder / "config.json").write_text(json.dumps({**named, **small, **config}), encoding="utf-8")
    return checkpoint.load_model(folder, init="random", seed=1)


def _row_of(tmp_path: Path, row: PackedRow, tokenizer: Kind | None = None) -> Path:
    """Return a folder as pack writes it, with one row, and the toy tokenizer or another one."""
    rows = write_records(tmp_path / "rows", [row], "rows")
    write_records(rows, [], "heldout")
    (rows / "tokenizer").mkdir()
    if tokenizer is None:
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            shutil.copyfile(TOY_BASE / name, rows / "tokenizer" / name)
    else:
        tokenizer.tokenizer.save(str(rows / "tokenizer" / "tokenizer.json"))
        (rows / "tokenizer" / "tokenizer_config.json").write_text("{}", encoding="utf-8")
        (rows / "tokenizer" / "chat_template.jinja").touch()
    return rows


def _row(tokens: list[int], *lengths: int) -> PackedRow:
    samples, start = [], 0
    for length in lengths:
        samples.append(PackedSample("", 0, "sft", start, start + length, []))
        start += length
    return PackedRow(tokens, samples, 0)


def test_tokens_beyond_the_embedding_are_refused(tmp_path: Path) -> None:
    model = _qwen2(tmp_path / "base", vocab_size=1000)
    rows = _row_of(tmp_path, _row([7, 999, 1000], 3))
    with pytest.raises(InputError, match=r"rows-00000\.jsonl:1: token 1000, but .* ends at 999"):
        fitting.require_fitting(model, rows)
    write_records(rows, [_row([7, 999, 9], 3)], "rows")
    fitting.require_fitting(model, rows)


def test_samples_beyond_the_positions_are_refused(tmp_path: Path) -> None:
    model = _qwen2(tmp_path / "base", max_position_embeddings=8)
    rows = _row_of(tmp_path, _row([5] * 12, 3, 9))
    with pytest.raises(InputError, match=r"rows-00000\.jsonl:1: a sample of 9 tokens, .* has 8 po"):
        fitting.require_fitting(model, rows)
    # Positions begin anew with each sample: the row may be longer than they reach.
    write_records(rows, [_row([5] * 16, 8, 8)], "rows")
    fitting.require_fitting(model, rows)


def test_a_tokenizer_that_the_type_would_split_otherwise_is_refused(tmp_path: Path) -> None:
    model = _qwen2(tmp_path / "base")
    rows = _row_of(tmp_path, _row([5], 1), kind("llama-3"))
    with pytest.raises(InputError, match=r"other rules in a model of type qwen2.*belongs"):
        fitting.require_fitting(model, rows)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
def test_a_tokenizer_that_lacks_a_file_is_told_before_training(tmp_path: Path, name: str) -> None:
    rows = _row_of(tmp_path, _row([5], 1))
    (rows / "tokenizer" / name).unlink()
    with pytest.raises(InputError, match=f"tokenizer/{name}: missing; run dvc repro pack"):
        fitting.require_fitting(_qwen2(tmp_path / "base"), rows)


def test_a_base_that_needs_code_of_its_own_is_refused(tmp_path: Path) -> None:
    """Not even asked for: transformers would put the question to the terminal."""
    code = tmp_path / "modeling_own.py"
    code.write_text("import pathlib\npathlib.Path('ran').touch()\n", encoding="utf-8")
    config = {"model_type": "own", "auto_map": {"AutoConfig": "modeling_own.OwnConfig"}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for init in ("pretrained", "random"):
        with pytest.raises(InputError, match="type own needs code that comes with the model"):
            checkpoint.load_model(tmp_path, init=init, seed=1)  # type: ignore[arg-type]
    # A native type is read natively, whatever else its folder offers.
    named = json.loads((TOY_BASE / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, **named}), encoding="utf-8")
    model = checkpoint.load_model(tmp_path, init="random", seed=1)
    assert type(model).__module__.startswith("transformers.")
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("break_base", "said"),
    [
        (lambda base: (base / "config.json").unlink(), "config.json: missing"),
        (lambda base: _cut(base / "model.safetensors"), "not a whole safetensors file"),
        (
            lambda base: (base / "model.safetensors").rename(base / "pytorch_model.bin"),
            "its weights are pickled",
        ),
        (
            lambda base: (base / "config.json").write_text('{"model_type": "baichuan"}'),
            "13B has ALiBi positions",
        ),
    ],
)
def test_train_tells_a_broken_base_in_one_line(
    workplace: Path, run_stage: RunStage, break_base: Callable[[Path], Any], said: str
) -> None:
    base = write_base(workplace / "base_llama", "llama")
    write_params(workplace, _parameters("llama"))
    assert _rows(run_stage).exit_code == 0
    break_base(base)
    result = _train(run_stage)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "base_llama" in line
    assert said in line
    assert not Path("model").exists()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])
