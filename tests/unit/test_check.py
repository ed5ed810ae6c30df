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
        (_set("gone", "pack", "chat_template"), "pack.chat_template: gone does not exist"),
        (_set("gone", "base", "path"), "base.path: config.json: gone/config.json does not exist"),
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


def test_all_faults_are_told_at_once(workplace: Path) -> None:
    document = parameters()
    document["train"]["lr"] = 1
    del document["pack"]["open_rows"]
    document["benchmarks"]["mc"]["langs"] = "zh"
    lines = _check(write_params(workplace, document)).stderr.splitlines()
    assert len(lines) == 3
    for name in ("train.lr", "pack.open_rows", "benchmarks.mc.langs"):
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
