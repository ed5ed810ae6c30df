"""A base's folder that cannot be used is told in one line, without a weight being loaded."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from given import TOY_BASE, parameters, write_params
from safetensors.numpy import save_file

from onestage import base_folder
from onestage.cli import main
from onestage.errors import InputError

_TENSORS = {"a": np.arange(64, dtype=np.float32)}
# As published, as far as they tell the sizes apart.
_BAICHUAN2_13B = {"model_type": "baichuan", "hidden_size": 5120, "model_max_length": 4096}
_BAICHUAN2_7B = {"model_type": "baichuan", "hidden_size": 4096, "max_position_embeddings": 4096}


def _folder(tmp_path: Path, **config: Any) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return tmp_path


def _index(folder: Path, *shards: str) -> None:
    text = json.dumps({"weight_map": {f"t{n}": shard for n, shard in enumerate(shards)}})
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")


def test_whole_weights_are_found(tmp_path: Path) -> None:
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for name in names:
        save_file(_TENSORS, tmp_path / name)
    _index(tmp_path, *names, names[0])
    assert base_folder.weight_files(tmp_path) == [tmp_path / name for name in names]
    save_file(_TENSORS, tmp_path / "model.safetensors")
    assert base_folder.weight_files(tmp_path) == [tmp_path / "model.safetensors"]


@pytest.mark.parametrize("length", [0, 4, 8, 40, -1])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, length: int) -> None:
    file = tmp_path / "model.safetensors"
    save_file(_TENSORS, file)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(InputError, match=f"{file}: not a whole safetensors file"):
        base_folder.weight_files(tmp_path)


def test_a_corrupt_header_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_file(_TENSORS, file)
    file.write_bytes(file.read_bytes().replace(b"data_offsets", b"data_offzets"))
    with pytest.raises(InputError, match="not a whole safetensors file"):
        base_folder.weight_files(tmp_path)


def test_a_missing_shard_is_told_by_name(tmp_path: Path) -> None:
    save_file(_TENSORS, tmp_path / "a.safetensors")
    _index(tmp_path, "a.safetensors", "b.safetensors", "c.safetensors", "b.safetensors")
    with pytest.raises(InputError, match=r"index\.json: 2 of 3 files are missing, first b\.safet"):
        base_folder.weight_files(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "not JSON"), ("[]", "expected a JSON object"), ("{}", "no weight_map")],
)
def test_a_broken_index_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"index.json: {said}"):
        base_folder.weight_files(tmp_path)


def test_pickled_weights_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \*\.safetensors"):
        base_folder.weight_files(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(InputError, match=r"weights are pickled \(pytorch_model\.bin\)"):
        base_folder.weight_files(tmp_path)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (_BAICHUAN2_13B, "13B has ALiBi positions.*take Qwen2.5-14B"),
        (_BAICHUAN2_13B | {"hidden_size": 4096}, "13B has ALiBi positions"),
        (_BAICHUAN2_7B, "onestage convert baichuan2 FOLDER OUT"),
        ({"model_type": "qwen"}, "type qwen needs code.*take Qwen2.5 or Qwen3"),
        ({"model_type": "Yi"}, "type Yi needs code.*whose type is llama"),
    ],
)
def test_types_that_need_something_else_are_refused_by_name(
    tmp_path: Path, config: dict[str, Any], said: str
) -> None:
    folder = _folder(tmp_path, **config)
    with pytest.raises(InputError, match=said):
        base_folder.require_trainable_type(folder, base_folder.read_config(folder))


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "mistral"])
def test_native_types_pass(tmp_path: Path, kind: str) -> None:
    base_folder.require_trainable_type(tmp_path, {"model_type": kind})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "config.json: missing; expected a Hugging Face model folder"),
        ("{", "config.json: not JSON in UTF-8"),
        ("3", "config.json: expected a JSON object"),
        ("{}", "config.json: no model_type"),
    ],
)
def test_an_unusable_configuration_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        base_folder.read_config(tmp_path)


def _check_base(workplace: Path, *, seq_len_tokens: int = 64, **config: Any) -> list[str]:
    """Return what `onestage check` says of the toy base with another configuration."""
    base = workplace / "base"
    base.mkdir()
    for file in TOY_BASE.iterdir():
        (base / file.name).write_bytes(file.read_bytes())
    known = json.loads((base / "config.json").read_text(encoding="utf-8"))
    _folder(base, **{**known, **config})
    document = parameters()
    document["base"]["path"] = "base"
    document["pack"]["seq_len_tokens"] = seq_len_tokens
    write_params(workplace, document)
    return CliRunner().invoke(main, ["check"]).stderr.splitlines()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (_BAICHUAN2_13B, "13B has ALiBi positions"),
        ({"max_position_embeddings": 63}, "seq_len_tokens is 64, but base/config.json has 63"),
        ({"vocab_size": 1020}, "a vocabulary of 1024 tokens, but config.json has vocab_size 1020"),
    ],
)
def test_check_tells_it_before_anything_runs(
    workplace: Path, config: dict[str, Any], said: str
) -> None:
    (line,) = _check_base(workplace, **config)
    assert line.startswith("Error: ")
    assert said in line


def test_check_looks_at_the_weights_of_a_pretrained_base(workplace: Path) -> None:
    assert _check_base(workplace) == []
    document = parameters()
    document["base"] |= {"path": "base", "init": "pretrained"}
    write_params(workplace, document)

    def told() -> list[str]:
        return CliRunner().invoke(main, ["check"]).stderr.splitlines()

    (line,) = told()
    assert "base.init is pretrained but base holds no *.safetensors" in line
    (workplace / "base" / "pytorch_model.bin").touch()
    (line,) = told()
    assert "its weights are pickled" in line
    save_file(_TENSORS, workplace / "base" / "model.safetensors")
    assert told() == []
    whole = (workplace / "base" / "model.safetensors").read_bytes()
    (workplace / "base" / "model.safetensors").write_bytes(whole[:-1])
    (line,) = told()
    assert "base/model.safetensors: not a whole safetensors file" in line
