from pathlib import Path
from typing import Any

import pytest
from given import changed_parameters, parameters

from onestage import params
from onestage.collect.selection import Collect
from onestage.errors import ParamError
from onestage.sample.settings import Sample
from onestage.sources import Source
from onestage.train.settings import Train


def _load(folder: Path, text: str) -> dict[str, Any]:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return params.load_document(path)


def test_yaml_is_read_as_version_1_2(tmp_path: Path) -> None:
    document = _load(tmp_path, "rate: 5e-5\nlang: no\nswitch: on\ntime: 12:30:00\nold: 017\n")
    assert document == {"rate": 5e-5, "lang": "no", "switch": "on", "time": "12:30:00", "old": 17}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "not valid YAML"),
        ("- a\n", "a mapping of sections"),
        ("", "a mapping of sections"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ParamError, match=said):
        _load(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamError, match=r"none\.yaml: no such parameter file"):
        params.load_document(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("document", "name", "kind", "said"),
    [
        (changed_parameters("train", "lr", value=1), "train", Train, "train.lr is unknown"),
        (changed_parameters("train", "seed", drop=True), "train", Train, "train.seed is missing"),
        (changed_parameters("train", drop=True), "train", Train, "train is missing"),
        (
            changed_parameters("train", "seed", value="1"),
            "train",
            Train,
            "train.seed: expected `int`",
        ),
        (
            changed_parameters("train", "seed", value=True),
            "train",
            Train,
            "train.seed: expected `int`",
        ),
        (
            changed_parameters("train", "learning_rate", value="5e-5"),
            "train",
            Train,
            "train.learning_rate: ",
        ),
        (
            changed_parameters("train", "precision", value="fp64"),
            "train",
            Train,
            "train.precision: invalid",
        ),
        (changed_parameters("train", "rows_per_step", value=3), "train", Train, "train: "),
        (
            changed_parameters("collect", "quality", "min_letters", value=1),
            "collect",
            Collect,
            "collect.quality.min_letters is unknown",
        ),
        (
            changed_parameters("collect", "min_chars", "en", drop=True),
            "collect",
            Collect,
            "collect.min_chars.en is missing",
        ),
        (
            changed_parameters("sample", "priority", "web", value="high"),
            "sample",
            Sample,
            "sample.priority.web: expected `float`, got `str`",
        ),
        (parameters(), "sources.nowhere", Source, "sources.nowhere is missing"),
        (
            changed_parameters("collect", "min_chars", value={"zh": 61, "en": 10}),
            "collect",
            Collect,
            "collect: min_chars.zh must not exceed max_chars.zh",
        ),
        (
            changed_parameters("sources", "web", "fields", value={}),
            "sources.web",
            Source,
            "sources.web: kind web needs fields.text",
        ),
    ],
)
def test_a_fault_is_told_by_its_full_name(
    document: dict[str, Any], name: str, kind: type, said: str
) -> None:
    if name == "train" and document.get("train", {}).get("rows_per_step") == 3:
        document["train"]["rows_per_device"] = 2
    with pytest.raises(ParamError) as caught:
        params.section(document, name, kind)
    assert str(caught.value).startswith(f"params: {said}")


def test_a_mapping_keeps_the_order_of_the_file() -> None:
    document = {"models": {"b": {"x": 1}, "a": {"x": 2}}}
    assert list(params.mapping(document, "models", dict[str, int])) == ["b", "a"]


@pytest.mark.parametrize("key", ["web.zh", "Web", "web-zh", "网", ""])
def test_keys_that_dvc_cannot_template_are_refused(key: str) -> None:
    with pytest.raises(ParamError, match="expected a key of a-z, 0-9 and _"):
        params.mapping({"sources": {key: {}}}, "sources", dict[str, int])


def test_a_mapping_without_entries_is_refused() -> None:
    with pytest.raises(ParamError, match="models is empty"):
        params.mapping({"models": {}}, "models", dict[str, int])
