"""`onestage check` tells every fault of the parameter file at once, by full names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from given import ROOT, parameters, write_params

from onestage.cli import main

_PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))


def _check(path: Path) -> Result:
    return CliRunner().invoke(main, ["check", "--params", str(path)])


def test_the_toy_profile_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = _check(Path("profiles/toy.yaml"))
    assert (result.exit_code, result.output) == (0, "")


def test_the_tiny_parameters_are_sound(workplace: Path) -> None:
    result = _check(workplace / "params.yaml")
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize("path", _PROFILES, ids=lambda path: path.stem)
def test_profiles_lack_files_at_most(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles for real corpora name what the team brings in; all else must be right."""
    monkeypatch.chdir(ROOT)
    for line in _check(path).stderr.splitlines():
        assert "does not exist" in line or "no such benchmark file" in line or "holds no" in line


def _drop(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for name in names[:-1]:
            document = document[name]
        del document[names[-1]]

    return change


def _set(value: object, *names: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for name in names[:-1]:
            document = document[name]
        document[names[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_drop("train"), "train is missing"),
        (_set({}, "extra"), "extra is no section"),
        (_set(1, "train", "lr"), "train.lr is unknown"),
        (_set("1e-4", "train", "learning_rate"), "train.learning_rate: expected `float`"),
        (_set("gpt", "unify", "mode"), "unify.mode: invalid"),
        (_set(1, "sources", "web", "colour"), "sources.web.colour is unknown"),
        (_set("x", "sources", "web", "max_bad_records"), "sources.web.max_bad_records: expected"),
        (_set({}, "sources", "Web"), "sources.Web: expected a key of a-z, 0-9 and _"),
        (_drop("sample", "priority", "web"), "sample.priority.web is missing"),
        (_drop("sample", "epochs", "sft"), "sample.epochs.sft is missing"),
        (_set(3, "sample", "priority", "wep"), "sample.priority.wep: no source has this key"),
        (_set(0.1, "sample", "heldout_share", "old"), "sample.heldout_share.old: no source"),
        (_set("gone.jsonl", "sources", "web", "path"), "sources.web.path: gone.jsonl does not"),
        (_set("gone.txt", "sources", "web", "lexicon"), "sources.web.lexicon: gone.txt does not"),
        (_set("both", "collect", "filter"), "none: "),
        (_set("gone", "sources", "web", "classifier"), "sources.web.classifier: gone does not"),
        (_set("gone", "pack", "chat_template"), "pack.chat_template: gone does not exist"),
        (_set("gone", "base", "path"), "base.path: config.json: gone/config.json does not exist"),
        (_set("gone", "dedupe", "semantic", "model"), "dedupe.semantic.model: gone does not exist"),
        (_set(0.9, "dedupe", "semantic", "threshold"), "dedupe.semantic"),
        (_set("pretrained", "base", "init"), "base.init is pretrained but"),
        (_set("gone", "models", "base", "path"), "models.base.path: gone does not exist"),
        (_set("gone.jsonl", "benchmarks", "mc", "file"), "gone.jsonl: no such benchmark file"),
        (_set(["q"], "benchmarks", "mc", "options"), "question 1: no field 'q'"),
    ],
)
def test_a_broken_copy_is_told_by_its_full_name(
    workplace: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    document = parameters()
    change(document)
    result = _check(write_params(workplace, document))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert said in result.stderr
    assert all(line.startswith("Error: ") for line in result.stderr.splitlines())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("collect.min_chars.en", 0),
        ("collect.max_chars.zh", 0),
        ("collect.min_density.zh", -0.1),
        ("collect.quality.min_letter_share", 1.1),
        ("collect.quality.max_repeat_share", -0.1),
        ("unify.budget_tokens", -1),
        ("unify.question.temperature", -0.1),
        ("unify.answer.max_output_tokens", 0),
        ("unify.tries", 0),
        ("unify.checks.question_max_chars", 0),
        ("unify.checks.min_similarity.zh", 1.1),
        ("unify.limits.timeout_s", 0),
        ("unify.price.prompt", -1),
        ("dedupe.near_duplicates.threshold", 0),
        ("dedupe.near_duplicates.threshold", 1.1),
        ("dedupe.near_duplicates.ngram_chars", 0),
        ("dedupe.near_duplicates.seed", -1),
        ("dedupe.contamination.min_chars", 1),
        ("dedupe.contamination.ngram_chars", 0),
        ("dedupe.contamination.ngram_share", 1.1),
        ("pack.seq_len_tokens", 0),
        ("pack.max_displacement_rows", 0),
        ("train.learning_rate", 0),
        ("train.warmup_share", 1.1),
        ("train.weight_decay", -0.1),
        ("train.max_grad_norm", -1),
        ("train.rows_per_step", 0),
        ("train.rows_per_device", 0),
        ("train.log_every_steps", 0),
        ("train.cpu_threads", 0),
        ("evaluate.max_items", -1),
        ("evaluate.batch_size", 0),
        ("evaluate.max_length_tokens", 0),
        ("evaluate.cpu_threads", 0),
        ("compare.confidence", 0),
        ("compare.confidence", 1),
        ("sources.web.min_density", 1.1),
        ("sources.web.max_bad_records", -1),
        ("benchmarks.mc.max_unanswered", -1),
        ("benchmarks.mc.options", []),
        ("sources", {}),
        ("benchmarks", {}),
        ("models", {}),
    ],
)
def test_a_figure_out_of_range_is_told_by_its_full_name(
    workplace: Path, name: str, value: object
) -> None:
    document = parameters()
    _set(value, *name.split("."))(document)
    (line,) = _check(write_params(workplace, document)).stderr.splitlines()
    assert line.startswith(f"Error: params: {name}")
    assert "expected" in line or "is empty" in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("priority", 0),
        ("epochs", 0),
        ("cap", -1),
        ("minimum", -1),
        ("heldout_share", 1),
        ("heldout_share", -0.1),
    ],
)
def test_figures_of_the_curriculum_have_ranges(workplace: Path, name: str, value: float) -> None:
    document = parameters()
    document["sample"].setdefault(name, {})["web"] = value
    (line,) = _check(write_params(workplace, document)).stderr.splitlines()
    assert line.startswith(f"Error: params: sample.{name}.web: expected")


def test_a_chat_template_that_cannot_be_used_is_told(workplace: Path) -> None:
    (workplace / "t.jinja").write_text("{{ messages[0].content }}", encoding="utf-8")
    document = parameters()
    document["pack"]["chat_template"] = "t.jinja"
    (line,) = _check(write_params(workplace, document)).stderr.splitlines()
    assert line.startswith("Error: chat template: ")


def test_all_faults_are_told_at_once(workplace: Path) -> None:
    document = parameters()
    document["train"]["lr"] = 1
    del document["pack"]["max_displacement_rows"]
    document["benchmarks"]["mc"]["langs"] = "zh"
    lines = _check(write_params(workplace, document)).stderr.splitlines()
    assert len(lines) == 3
    for name in ("train.lr", "pack.max_displacement_rows", "benchmarks.mc.langs"):
        assert any(name in line for line in lines)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: [", encoding="utf-8")
    for path in (tmp_path / "params.yaml", tmp_path / "none.yaml"):
        result = _check(path)
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        assert str(path) in result.stderr


def test_help_and_version() -> None:
    for option in ("--help", "--version"):
        assert CliRunner().invoke(main, [option]).exit_code == 0
    assert CliRunner().invoke(main, ["nonsense"]).exit_code == 2


@pytest.mark.parametrize("files", [None, {}, {"train.json": "{}"}, {"train.json": "{"}])
def test_results_without_metrics_are_one_line(tmp_path: Path, files: dict[str, str] | None) -> None:
    metrics = tmp_path / "metrics"
    if files is not None:
        metrics.mkdir()
        for name, text in files.items():
            (metrics / name).write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["results", "--metrics", str(metrics)])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert str(metrics) in line
    assert "dvc repro" in line


@pytest.mark.parametrize(
    ("compare", "said"),
    [
        ({"reference": "peer"}, "compare.reference: peer is no key of models"),
        ({"published": "nowhere"}, "nowhere: cannot be read"),
        ({"published_as": {"mmlu": "mmlu"}}, "compare.published_as.mmlu: no benchmark"),
        ({"published_as": {"mc": "mmlu"}}, "none has no figures of mmlu"),
    ],
)
def test_what_a_comparison_names_must_be_there(
    workplace: Path, compare: dict[str, object], said: str
) -> None:
    document = parameters()
    document["compare"] |= compare
    (line,) = _check(write_params(workplace, document)).stderr.splitlines()
    assert said in line
