"""Torch at work on the toy base: checkpoints, batches and losses, in one file."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from given import TOY_BASE, conversation, parameters, write_records
from training_runs import random_rows

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]

from onestage import jsonl  # noqa: E402
from onestage.errors import InputError  # noqa: E402
from onestage.offline import go_offline  # noqa: E402
from onestage.pack.rendering import Renderer, Tokens  # noqa: E402
from onestage.pack.rows import Sample, pack_rows  # noqa: E402
from onestage.records import Draw, PackedRow, PackedSample  # noqa: E402
from onestage.train.settings import Train  # noqa: E402
from onestage.train.states import States  # noqa: E402

go_offline()

import torch  # noqa: E402
import transformers  # noqa: E402

from onestage import checkpoint  # noqa: E402
from onestage.train import batches, trainer  # noqa: E402


def _model(**changes: Any) -> Any:
    """Return the toy base with random weights, large enough that a difference would show."""
    config = transformers.AutoConfig.from_pretrained(TOY_BASE, local_files_only=True)
    config.update({"initializer_range": 0.05, **changes})
    torch.manual_seed(7)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def _row(*lengths: int, seed: int = 0) -> PackedRow:
    tokens = torch.randint(3, 256, (sum(lengths),), generator=torch.Generator().manual_seed(seed))
    samples, start = [], 0
    for n, length in enumerate(lengths):
        source = "web" if n % 2 else "sft"
        spans = [(start + length // 3, start + length)]
        samples.append(PackedSample(str(n), 0, source, start, start + length, spans))
        start += length
    return PackedRow(tokens.tolist(), samples, 0)


# Batches and losses


def test_a_position_outside_of_trained_spans_adds_no_loss() -> None:
    model, row = _model(), _row(8, 6)
    batch = batches.collate([batches.row_fields(row, {"web": 0, "sft": 1})])
    losses, sources = batches.token_losses(model, batch)
    expected = []
    for sample in row.samples:
        ids = row.input_ids[sample.start : sample.end]
        scores = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0], dim=-1)
        for start, end in sample.trained:
            places = range(max(start - sample.start, 1), end - sample.start)
            expected += [-scores[place - 1, ids[place]] for place in places]
    torch.testing.assert_close(losses, torch.stack(expected), atol=1e-5, rtol=1e-5)
    assert sources.tolist() == [1] * 6 + [0] * 4


def _files(folder: Path, rows: list[PackedRow]) -> batches.RowFiles:
    write_records(folder, rows, "rows")
    return batches.RowFiles(jsonl.part_files(folder, "rows"), ["sft", "web"])


def _choices(**changes: Any) -> Train:
    section = {**parameters()["train"], "cpu_threads": 1, **changes}
    return msgspec.convert(section, Train)


_ROWS = [_row(11, 7, seed=1), _row(30, seed=2), _row(3, 4, 5, seed=3), _row(24, 2, seed=4)]


def test_the_split_into_micro_batches_changes_nothing(tmp_path: Path) -> None:
    """1x4, 2x2 and 4x1 rows: the same loss, gradients and so the same weights after the step."""
    outcomes = []
    for rows_per_device in (1, 2, 4):
        model = checkpoint.load_model(TOY_BASE, init="random", seed=1)
        choices = _choices(rows_per_step=4, rows_per_device=rows_per_device, warmup_share=0.0)
        rows = _files(tmp_path / str(rows_per_device), _ROWS)
        done, history = trainer.train(
            model,
            rows,
            choices,
            states=States(tmp_path / "scratch", keep=2),
        )
        assert done.state.global_step == 1
        outcomes.append((history, model.state_dict()))
    (first, weights), *others = outcomes
    counted = {step["source"]: step["loss"] for step in first.sources}
    assert set(counted) == {"sft", "web"}
    for history, state in others:
        assert history.steps[0]["loss"] == pytest.approx(first.steps[0]["loss"], abs=1e-5)
        for step in history.sources:
            assert step["loss"] == pytest.approx(counted[step["source"]], abs=1e-5)
        for name, tensor in state.items():
            torch.testing.assert_close(tensor, weights[name], atol=2e-4, rtol=0)


def test_the_split_keeps_the_losses_of_60_steps(tmp_path: Path) -> None:
    """1x8, 2x4 and 8x1: rows train unequally many tokens, and the last step has 3 rows."""
    curves = []
    for rows_per_device in (1, 2, 8):
        folder = tmp_path / str(rows_per_device)
        torch.manual_seed(5)
        choices = _choices(rows_per_step=8, rows_per_device=rows_per_device, learning_rate=1e-3)
        done, history = trainer.train(
            transformers.AutoModelForCausalLM.from_config(_tiny()),
            _files(folder, random_rows(8 * 59 + 3)),
            choices,
            states=States(folder / "states", keep=2),
        )
        assert done.state.global_step == 60
        curves.append([step["loss"] for step in history.steps])
    assert len(curves[0]) == 60
    assert curves[0][-1] < curves[0][0] - 0.05
    for curve in curves[1:]:
        assert curve == pytest.approx(curves[0], abs=1e-5)


def _tiny(kind: str = "llama") -> Any:
    config = {"vocab_size": 256, "hidden_size": 16, "intermediate_size": 32}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 2}
    return transformers.AutoConfig.for_model(kind, **config, **heads)


def test_weight_decay_spares_norms_and_biases() -> None:
    model = transformers.AutoModelForCausalLM.from_config(_tiny("qwen2"))
    decayed = trainer.PackedTrainer.get_decay_parameter_names(None, model)  # type: ignore[arg-type]
    spared = {name for name, _ in model.named_parameters()} - set(decayed)
    assert {name.rsplit(".", 2)[-2] for name in spared if name.endswith("weight")} == {
        "input_layernorm",
        "post_attention_layernorm",
        "norm",
    }
    assert {name for name, _ in model.named_parameters() if name.endswith("bias")} <= spared
    assert any(name.endswith("bias") for name in spared)


def test_the_loss_of_a_step_is_the_mean_over_its_trained_tokens(tmp_path: Path) -> None:
    model = checkpoint.load_model(TOY_BASE, init="random", seed=1)
    rows = _files(tmp_path, _ROWS)
    before = trainer.loss_by_source(model, rows, rows_per_batch=3)
    one_by_one = trainer.loss_by_source(model, rows, rows_per_batch=1)
    assert before == pytest.approx(one_by_one, abs=1e-5)
    choices = _choices(rows_per_step=4, rows_per_device=2)
    _, history = trainer.train(model, rows, choices, states=States(tmp_path / "s", keep=2))
    told = {step["source"]: step["loss"] for step in history.sources}
    assert told == pytest.approx(before, abs=1e-4)
    losses = [
        batches.token_losses(checkpoint.load_model(TOY_BASE, init="random", seed=1), batch)[0]
        for batch in [batches.collate([rows[n] for n in range(4)])]
    ]
    assert history.steps[0]["loss"] == pytest.approx(losses[0].mean().item(), abs=1e-4)


def test_rows_are_trained_in_their_order(tmp_path: Path) -> None:
    seen: list[int] = []

    class Watched(batches.RowFiles):
        def __getitem__(self, index: int) -> batches.Row:
            seen.append(index)
            return super().__getitem__(index)

    write_records(tmp_path, [_row(6, seed=n) for n in range(7)], "rows")
    rows = Watched(jsonl.part_files(tmp_path, "rows"), ["sft", "web"])
    model = _model(num_hidden_layers=1, layer_types=["full_attention"])
    trainer.train(model, rows, _choices(), states=States(tmp_path / "s", keep=2))
    assert seen == list(range(7))


# Checkpoints


def test_random_weights_depend_on_the_seed_alone(tmp_path: Path) -> None:
    first, again, other = (
        checkpoint.load_model(TOY_BASE, init="random", seed=seed).state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_saved_model_comes_back_with_its_weights(tmp_path: Path) -> None:
    model = checkpoint.load_model(TOY_BASE, init="random", seed=1)
    checkpoint.save_model(model, tmp_path)
    loaded = checkpoint.load_model(tmp_path, init="pretrained", seed=5)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name])
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".json", ".safetensors"]
    keys = list(json.loads((tmp_path / "config.json").read_text(encoding="utf-8")))
    assert keys == sorted(keys)


def _folder(tmp_path: Path, **config: Any) -> Path:
    """Return a folder with the toy base's configuration, changed, and no weights."""
    text = json.loads((TOY_BASE / "config.json").read_text(encoding="utf-8"))
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "config.json").write_text(json.dumps({**text, **config}), encoding="utf-8")
    return tmp_path


def _weights(folder: Path, **changes: Any) -> None:
    source = _folder(folder / "source", num_hidden_layers=1, **changes)
    model = checkpoint.load_model(source, init="random", seed=1)
    model.save_pretrained(source)
    shutil.copyfile(source / "model.safetensors", folder / "model.safetensors")
    shutil.rmtree(source)


@pytest.mark.parametrize("init", ["pretrained", "random"])
@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, r"config\.json: missing"),
        ("{", "config.json|does not load"),
        ({"model_type": "nonesuch"}, "nonesuch"),
    ],
)
def test_an_unusable_configuration_is_refused(
    tmp_path: Path, init: Any, config: Any, said: str
) -> None:
    if isinstance(config, dict):
        _folder(tmp_path, **config)
    elif config is not None:
        (tmp_path / "config.json").write_text(config, encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=said):
        checkpoint.load_model(tmp_path, init=init, seed=1)


@pytest.mark.parametrize("init", ["pretrained", "random"])
def test_an_attention_that_the_type_does_not_have_is_refused(tmp_path: Path, init: Any) -> None:
    config = {"model_type": "bloom", "vocab_size": 97, "hidden_size": 8, "n_layer": 1, "n_head": 2}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    checkpoint.load_model(tmp_path, init="random", seed=1, attention="eager").save_pretrained(
        tmp_path
    )
    with pytest.raises(InputError, match=f"{tmp_path}: .*Bloom.*does not support"):
        checkpoint.load_model(tmp_path, init=init, seed=1, attention="sdpa")


def test_missing_weights_are_never_a_silent_random_model(tmp_path: Path) -> None:
    _folder(tmp_path, num_hidden_layers=2)
    with pytest.raises(InputError, match=r"no \*\.safetensors.*init: random"):
        checkpoint.load_model(tmp_path, init="pretrained", seed=1)
    _weights(tmp_path)  # of one layer only
    with pytest.raises(InputError, match=r"weights lack model\.layers\.1\."):
        checkpoint.load_model(tmp_path, init="pretrained", seed=1)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    _folder(tmp_path, num_hidden_layers=1, intermediate_size=128)
    _weights(tmp_path, intermediate_size=64)
    with pytest.raises(InputError, match=f"{tmp_path}: the model does not load"):
        checkpoint.load_model(tmp_path, init="pretrained", seed=1)
    (tmp_path / "model.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(InputError, match=f"{tmp_path}/model.safetensors: not a whole"):
        checkpoint.load_model(tmp_path, init="pretrained", seed=1)


# Tokens


@pytest.mark.parametrize(
    "turns",
    [
        ("头痛怎么办？", "血压≥140/90 mmHg时就医。"),
        ("What is H₂O?", "Water.\n\nIt boils at 100℃ "),
        ("一", "二", "三", "四\n", "五", " 六"),
        ("  先空格", "  也先空格"),
    ],
)
def test_ids_are_those_of_the_library_that_will_serve_the_model(
    renderer: Renderer, turns: tuple[str, ...]
) -> None:
    tokenizer = checkpoint.load_tokenizer(TOY_BASE)
    record = conversation(*turns)
    (found,) = renderer.tokenize([record])
    assert isinstance(found, Tokens)
    messages = [{"role": m.role, "content": m.content} for m in record.messages]
    whole = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
    assert found.input_ids == whole
    prompt = tokenizer.apply_chat_template(
        messages[:-1], tokenize=True, return_dict=False, add_generation_prompt=True
    )
    assert found.trained[-1][0] == len(prompt)


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tokenizer\.json: missing"):
        checkpoint.load_tokenizer(tmp_path)


def test_rows_of_packed_conversations_train_what_was_rendered(renderer: Renderer) -> None:
    """From conversation to labels: what is not -100 decodes to the outputs."""
    records = [conversation("一", "二三", "四", "五"), conversation("六", "七八九")]
    samples = []
    for order, (record, tokens) in enumerate(zip(records, renderer.tokenize(records), strict=True)):
        assert isinstance(tokens, Tokens)
        draw = Draw(order, record.id, 0, "sft", 0)
        samples.append(Sample(draw, tokens.input_ids, tokens.trained))
    ((row, _),) = pack_rows(samples, seq_len_tokens=256, max_displacement_rows=1)
    labels = batches.row_fields(row, {"sft": 0})["labels"]
    tokenizer = checkpoint.load_tokenizer(TOY_BASE)
    kept = [label for label in labels if label != batches.IGNORED]
    assert tokenizer.decode(kept) == "二三<|im_end|>五<|im_end|>七八九<|im_end|>"
