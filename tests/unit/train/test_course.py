"""What a run shows while it goes on: metrics by DVCLive and sample answers, to no effect."""

import csv
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from given import TOY_BASE, parameters, write_records
from training_runs import random_rows

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]

from onestage import jsonl  # noqa: E402
from onestage.errors import InputError  # noqa: E402
from onestage.offline import go_offline  # noqa: E402
from onestage.records import PackedRow, PackedSample  # noqa: E402
from onestage.train.settings import Train  # noqa: E402
from onestage.train.states import States  # noqa: E402

go_offline()

import torch  # noqa: E402
import transformers  # noqa: E402

from onestage.train import batches, trainer  # noqa: E402
from onestage.train.answers import Question, SampleAnswers, first_questions  # noqa: E402
from onestage.train.course import Telling  # noqa: E402

STEPS = 6
QUESTIONS = [
    Question("sft", [5, 9, 30, 7], [40, 41, 42]),
    Question("web", [11, 12], [50] * 100),
]


def _model(width: float = 0.2) -> Any:
    config = transformers.AutoConfig.from_pretrained(TOY_BASE, local_files_only=True)
    config.update({"initializer_range": width})
    torch.manual_seed(3)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def _telling(folder: Path) -> Telling:
    return Telling(SampleAnswers(QUESTIONS, TOY_BASE, "fp32"), folder)


def _train(folder: Path, *, telling: bool = True, failing_at: int = 0) -> trainer.PackedTrainer:
    """Train two rows a step in two phases; the telling goes to `folder`/told."""
    if not (folder / "rows").exists():
        rows = [*random_rows(STEPS), *random_rows(STEPS, seed=1, phase=1)]
        write_records(folder / "rows", rows, "rows")
    section = parameters()["train"] | {
        "log_every_steps": 1,
        "save_every_steps": 2,
        "rows_per_step": 2,
        "rows_per_device": 2,
        "average_last": 0,
        "cpu_threads": 1,
    }
    calls = iter(range(1, 1000))
    original = trainer.token_losses

    def token_losses(*given: Any) -> Any:
        losses, groups = original(*given)
        return (losses * float("nan") if next(calls) == failing_at else losses), groups

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "token_losses", token_losses)
        done, _ = trainer.train(
            _model(),
            batches.RowFiles(jsonl.part_files(folder / "rows", "rows"), ["sft", "web"]),
            msgspec.convert(section, Train),
            states=States(folder / "states", keep=2),
            telling=_telling(folder / "told") if telling else None,
        )
    return done


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, trainer.PackedTrainer]:
    folder = tmp_path_factory.mktemp("run")
    return folder, _train(folder)


def _metric(folder: Path, name: str) -> list[tuple[int, float]]:
    with (folder / "told/plots/metrics" / f"{name}.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return [(int(row["step"]), float(row[Path(name).name])) for row in rows]


def _answers(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "told/answers.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_point_is_shown_with_its_source_and_phase(
    run: tuple[Path, trainer.PackedTrainer],
) -> None:
    folder, done = run
    history = done.course.history
    for name in ("loss", "learning_rate", "grad_norm"):
        assert _metric(folder, name) == [(row["step"], row[name]) for row in history.steps]
    assert [step for step, _ in _metric(folder, "loss")] == list(range(1, STEPS + 1))
    for phase, source in ((0, "sft"), (0, "web"), (1, "sft"), (1, "web")):
        told = _metric(folder, f"source_loss/phase_{phase}/{source}")
        assert told == [
            (row["step"], row["loss"])
            for row in history.sources
            if (row["phase"], row["source"]) == (phase, source)
        ]
        assert {step for step, _ in told} <= {3 * phase + n for n in (1, 2, 3)}
    latest = json.loads((folder / "told/metrics.json").read_text(encoding="utf-8"))
    assert latest["step"] == STEPS
    assert latest["pace"]["seconds_left"] == 0
    assert latest["pace"]["tokens_per_second"] > latest["pace"]["trained_tokens_per_second"] > 0


def test_loss_is_the_mean_of_its_groups_by_tokens(
    run: tuple[Path, trainer.PackedTrainer],
) -> None:
    folder, done = run
    rows = batches.RowFiles(jsonl.part_files(folder / "rows", "rows"), ["sft", "web"])
    groups = [group for row in (0, 1) for group in _trained_groups(rows, row)]
    first = {(row["phase"], row["source"]): row for row in done.course.history.sources[:2]}
    weighted = sum(first[rows.groups[number]]["loss"] for number in groups) / len(groups)
    assert done.course.history.steps[0]["loss"] == pytest.approx(weighted, rel=1e-5)


def _trained_groups(rows: batches.RowFiles, number: int) -> list[int]:
    row = rows[number]
    pairs = zip(row["source_ids"], row["labels"], strict=True)
    return [group for group, label in pairs if label != batches.IGNORED]


def test_the_base_each_state_and_the_end_are_asked(
    run: tuple[Path, trainer.PackedTrainer],
) -> None:
    folder, done = run
    told = _answers(folder)
    assert told == done.course.history.answers
    asked = [(answer["step"], answer["source"]) for answer in told]
    assert asked == [(step, source) for step in (0, 2, 4, 6) for source in ("sft", "web")]
    assert len({answer["answer"] for answer in told if answer["source"] == "web"}) > 1


def test_what_is_told_changes_no_weight(
    run: tuple[Path, trainer.PackedTrainer], tmp_path: Path
) -> None:
    _, done = run
    silent = _train(tmp_path, telling=False)
    theirs: Any = silent.model
    ours: Any = done.model
    for name, weights in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weights)
    assert silent.course.history.steps == done.course.history.steps
    assert not (tmp_path / "told").exists()


def test_a_run_that_goes_on_shows_each_point_and_answer_once(
    run: tuple[Path, trainer.PackedTrainer], tmp_path: Path
) -> None:
    folder, done = run
    with pytest.raises(InputError):
        _train(tmp_path, failing_at=6)
    assert [step for step, _ in _metric(tmp_path, "loss")] == [1, 2, 3, 4, 5]
    again = _train(tmp_path)
    assert again.first_step == 4
    assert again.course.history == done.course.history
    assert _metric(tmp_path, "loss") == _metric(folder, "loss")
    assert _answers(tmp_path) == _answers(folder)


# Sample answers


def test_answers_asked_together_are_those_asked_alone() -> None:
    model = _model()
    together = SampleAnswers(QUESTIONS, TOY_BASE, "fp32").at(7, model)
    alone = [SampleAnswers([each], TOY_BASE, "fp32").at(7, model)[0] for each in QUESTIONS]
    assert together == alone
    tokenizer = SampleAnswers(QUESTIONS, TOY_BASE, "fp32")._tokenizer
    for answer, question in zip(together, QUESTIONS, strict=True):
        expected = _likeliest(model, question.prompt, tokenizer.eos_token_id)
        assert answer["answer"] == tokenizer.decode(expected, skip_special_tokens=True)
        assert answer["prompt"] == tokenizer.decode(question.prompt, skip_special_tokens=True)
        reference = tokenizer.decode(question.reference[:64], skip_special_tokens=True)
        assert answer["reference"] == reference


@torch.no_grad()
def _likeliest(model: Any, prompt: list[int], end: int) -> list[int]:
    tokens = list(prompt)
    while len(tokens) < len(prompt) + 64:
        logits = model(input_ids=torch.tensor([tokens]), use_cache=False).logits
        tokens.append(int(logits[0, -1].argmax()))
        if tokens[-1] == end:
            break
    return tokens[len(prompt) :]


def test_a_model_in_training_stays_so() -> None:
    model = _model().train()
    SampleAnswers(QUESTIONS, TOY_BASE, "fp32").at(0, model)
    assert model.training


def _row(*samples: PackedSample) -> PackedRow:
    return PackedRow(list(range(700)), list(samples), 0)


def test_the_first_sample_of_each_source_that_is_short_enough(tmp_path: Path) -> None:
    rows = [
        _row(
            PackedSample("long", 0, "web", 0, 620, [(600, 620)]),
            PackedSample("whole", 0, "sft", 620, 630, [(620, 630)]),
            PackedSample("b", 0, "sft", 630, 650, [(635, 640), (645, 650)]),
        ),
        _row(
            PackedSample("c", 0, "web", 0, 9, [(4, 9)]),
            PackedSample("d", 0, "web", 9, 20, [(12, 20)]),
            PackedSample("none", 0, "book", 20, 30, []),
        ),
    ]
    write_records(tmp_path, rows, "heldout")
    assert first_questions(jsonl.part_files(tmp_path, "heldout")) == [
        Question("sft", [630, 631, 632, 633, 634], [635, 636, 637, 638, 639]),
        Question("web", [0, 1, 2, 3], [4, 5, 6, 7, 8]),
    ]
