"""Baichuan2-7B as a Llama, on tiny random weights, against a forward pass written out by hand."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from converting import require_refused

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]

from onestage.offline import go_offline  # noqa: E402

go_offline()

import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from onestage import checkpoint  # noqa: E402
from onestage.cli import main  # noqa: E402

LAYERS, HEADS, WIDTH, INNER, VOCABULARY = 2, 4, 32, 48, 61
CONFIG: dict[str, Any] = {
    "architectures": ["BaichuanForCausalLM"],
    "auto_map": {"AutoModelForCausalLM": "modeling_baichuan.BaichuanForCausalLM"},
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": WIDTH,
    "initializer_range": 0.02,
    "intermediate_size": INNER,
    "max_position_embeddings": 4096,
    "model_max_length": 4096,
    "model_type": "baichuan",
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-06,
    "tie_word_embeddings": False,
    "vocab_size": VOCABULARY,
    "z_loss_weight": 0,
}
Tensors = dict[str, torch.Tensor]


def _weights(dtype: torch.dtype = torch.float32) -> Tensors:
    """Return random weights, sharp enough that a wrong row or position shows."""
    drawing = torch.Generator().manual_seed(5)

    def drawn(*shape: int) -> torch.Tensor:
        return (torch.randn(*shape, generator=drawing) * 0.3).to(dtype)

    tensors = {"model.embed_tokens.weight": drawn(VOCABULARY, WIDTH)}
    for n in range(LAYERS):
        layer = f"model.layers.{n}"
        tensors |= {
            f"{layer}.input_layernorm.weight": 1 + drawn(WIDTH),
            f"{layer}.self_attn.W_pack.weight": drawn(3 * WIDTH, WIDTH),
            f"{layer}.self_attn.o_proj.weight": drawn(WIDTH, WIDTH),
            f"{layer}.post_attention_layernorm.weight": 1 + drawn(WIDTH),
            f"{layer}.mlp.gate_proj.weight": drawn(INNER, WIDTH),
            f"{layer}.mlp.up_proj.weight": drawn(INNER, WIDTH),
            f"{layer}.mlp.down_proj.weight": drawn(WIDTH, INNER),
        }
    return {**tensors, "model.norm.weight": 1 + drawn(WIDTH), "lm_head.weight": drawn(61, WIDTH)}


def _normed(hidden: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return weight * hidden / (hidden.square().mean(-1, keepdim=True) + 1e-6).sqrt()


def _rotated(vector: torch.Tensor, position: int) -> torch.Tensor:
    """Turn each pair (i, i + half) of a head's vector by position / 10000^(i / half)."""
    half = len(vector) // 2
    angle = position / 10000 ** (torch.arange(half) / half)
    first, second = vector[:half], vector[half:]
    return torch.cat(
        [
            first * angle.cos() - second * angle.sin(),
            second * angle.cos() + first * angle.sin(),
        ]
    )


def _attended(hidden: torch.Tensor, fused: torch.Tensor) -> torch.Tensor:
    """Return the heads' outputs side by side, position by position."""
    width, size = hidden.shape[1], hidden.shape[1] // HEADS
    together = hidden @ fused.T
    rows = []
    for place in range(len(hidden)):
        parts = []
        for head in range(HEADS):
            span = slice(head * size, (head + 1) * size)
            query = _rotated(together[place, :width][span], place)
            keys = [_rotated(together[n, width : 2 * width][span], n) for n in range(place + 1)]
            values = together[: place + 1, 2 * width :][:, span]
            scores = torch.stack(keys) @ query / size**0.5
            parts.append(scores.softmax(0) @ values)
        rows.append(torch.cat(parts))
    return torch.stack(rows)


def _reference(tensors: Tensors, tokens: list[int]) -> torch.Tensor:
    """Return logits [tokens, vocabulary] as the published architecture computes them."""
    hidden = tensors["model.embed_tokens.weight"][tokens]
    for n in range(LAYERS):
        of_layer = {
            name.removeprefix(f"model.layers.{n}.").removesuffix(".weight"): tensor
            for name, tensor in tensors.items()
        }
        normed = _normed(hidden, of_layer["input_layernorm"])
        attended = _attended(normed, of_layer["self_attn.W_pack"])
        hidden = hidden + attended @ of_layer["self_attn.o_proj"].T
        normed = _normed(hidden, of_layer["post_attention_layernorm"])
        gate = normed @ of_layer["mlp.gate_proj"].T
        inner = gate * gate.sigmoid() * (normed @ of_layer["mlp.up_proj"].T)
        hidden = hidden + inner @ of_layer["mlp.down_proj"].T
    hidden = _normed(hidden, tensors["model.norm.weight"])
    head = tensors["lm_head.weight"]
    return hidden @ (head / head.square().sum(1, keepdim=True).sqrt()).T


def _folder(tmp_path: Path, **config: Any) -> Path:
    folder = tmp_path / "published"
    folder.mkdir(exist_ok=True)
    changed = {key: value for key, value in {**CONFIG, **config}.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(changed), encoding="utf-8")
    return folder


def _convert(folder: Path, out: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["convert", "baichuan2", str(folder), str(out), *options])


def _require_same(out: Path, tensors: Tensors) -> None:
    model = checkpoint.load_model(out, init="pretrained", seed=1, attention="eager").eval()
    assert model.config.model_type == "llama"
    tokens = torch.randint(VOCABULARY, (23,), generator=torch.Generator().manual_seed(2)).tolist()
    with torch.no_grad():
        found = model(input_ids=torch.tensor([tokens])).logits[0]
    expected = _reference(tensors, tokens)
    assert (found - expected).abs().max() < 1e-5
    assert expected.std() > 0.1  # there is something to differ in


def test_a_converted_model_gives_the_logits_of_the_published_architecture(tmp_path: Path) -> None:
    folder, tensors, out = _folder(tmp_path), _weights(), tmp_path / "llama-7.b"
    save_file(tensors, folder / "model.safetensors")
    result = _convert(folder, out)
    assert result.exit_code == 0, result.output
    assert "tokenizer.json is still to come" in result.output
    _require_same(out, tensors)
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert "auto_map" not in config
    assert (config["num_key_value_heads"], config["dtype"]) == (HEADS, "float32")
    lengths = load_file(out / "model.safetensors")["lm_head.weight"].norm(dim=1)
    assert torch.allclose(lengths, torch.ones(VOCABULARY))


def test_pickled_shards_are_read_on_demand_only(tmp_path: Path) -> None:
    folder, tensors, out = _folder(tmp_path), _weights(), tmp_path / "llama"
    names = sorted(tensors)
    frequencies = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    for number, part in enumerate((names[:7], names[7:]), start=1):
        shard = {name: tensors[name] for name in part} | frequencies
        torch.save(shard, folder / f"pytorch_model-{number:05d}-of-00002.bin")
    require_refused(_convert(folder, out), out, "weights are pickled", "add --pickled")
    result = _convert(folder, out, "--pickled")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.glob("*.safetensors")) == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]
    _require_same(out, tensors)


class _Calls:
    """A pickle that calls something when it is read."""

    def __init__(self, touched: Path) -> None:
        self._touched = touched

    def __reduce__(self) -> Any:
        return Path.touch, (self._touched,)


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    folder, out, touched = _folder(tmp_path), tmp_path / "llama", tmp_path / "touched"
    torch.save({**_weights(), "x": _Calls(touched)}, folder / "pytorch_model.bin")
    require_refused(_convert(folder, out, "--pickled"), out, "not a pickle of tensors alone")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(_Calls(touched)))
    require_refused(_convert(folder, out, "--pickled"), out, "not a pickle of tensors alone")
    assert not touched.exists()


def test_numbers_keep_their_type(tmp_path: Path) -> None:
    folder, out = _folder(tmp_path), tmp_path / "llama"
    tensors = _weights(torch.bfloat16)
    save_file(tensors, folder / "model.safetensors")
    assert _convert(folder, out).exit_code == 0
    found = load_file(out / "model.safetensors")
    assert {tensor.dtype for tensor in found.values()} == {torch.bfloat16}
    fused = tensors["model.layers.1.self_attn.W_pack.weight"]
    parts = [found[f"model.layers.1.self_attn.{part}_proj.weight"] for part in "qkv"]
    assert torch.equal(torch.cat(parts), fused)
    head = tensors["lm_head.weight"].double()
    exact = head / head.norm(dim=1, keepdim=True)
    difference = (found["lm_head.weight"].double() - exact).abs() / exact.abs().clamp_min(1e-9)
    assert difference.max() <= 2**-8  # one rounding to 8 bits


def test_the_tokenizer_comes_along_without_its_code(tmp_path: Path) -> None:
    folder, out = _folder(tmp_path), tmp_path / "llama"
    save_file(_weights(), folder / "model.safetensors")
    (folder / "tokenizer.model").write_bytes(b"pieces")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    config = {"auto_map": {"AutoTokenizer": ["t.T", None]}, "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    result = _convert(folder, out)
    assert result.exit_code == 0
    assert "still to come" not in result.output
    assert (out / "tokenizer.model").read_bytes() == b"pieces"
    named = json.loads((out / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert named == {"eos_token": "</s>", "tokenizer_class": "PreTrainedTokenizerFast"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"max_position_embeddings": None}, "Baichuan 13B, whose ALiBi positions"),
        ({"hidden_size": 5120}, "Baichuan 13B, whose ALiBi positions"),
        ({"architectures": ["BaiChuanForCausalLM"]}, "expected a Baichuan2-7B"),
        ({"model_type": "llama"}, "expected a Baichuan2-7B (model_type baichuan"),
        ({"model_type": None}, "no model_type"),
        ({"num_hidden_layers": "2"}, "num_hidden_layers is missing or no whole number"),
        ({"num_hidden_layers": 3}, "weights lack model.layers.2.input_layernorm.weight"),
        ({"num_hidden_layers": 1}, "model.layers.1.input_layernorm.weight is no tensor of"),
    ],
)
def test_other_models_are_refused(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    folder, out = _folder(tmp_path, **config), tmp_path / "llama"
    save_file(_weights(), folder / "model.safetensors")
    require_refused(_convert(folder, out), out, str(folder), said)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    folder, out = _folder(tmp_path), tmp_path / "llama"
    save_file(_weights(), folder / "model.safetensors")
    out.mkdir()
    (out / "mine").touch()
    result = _convert(folder, out)
    assert result.exit_code == 1
    assert "there is something already" in result.stderr
    assert (out / "mine").exists()


def test_a_folder_without_weights_isrequire_refused(tmp_path: Path) -> None:
    out = tmp_path / "llama"
    require_refused(_convert(_folder(tmp_path), out), out, "no *.safetensors")
    require_refused(_convert(tmp_path / "nowhere", out), out, "config.json: missing")
