"""Bad input is one clear line, exit code 1 (wrong usage 2), and leaves no partial output."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result
from conftest import RunStage
from given import (
    TOY_BASE,
    changed_parameters,
    conversation,
    parameters,
    passage,
    write_params,
    write_records,
)

from onestage.records import Draw, Prediction

_OUTS = {"out": "o/out", "rejected": "o/rejected", "metrics": "o/m.json"}
_STAGES: dict[str, dict[str, str]] = {
    "collect": {"source": "web", **_OUTS},
    "unify": {"passages": "in", "responses": "o/responses", "store": "s/r.sqlite", **_OUTS},
    "dedupe": {
        "conversations": "in",
        "benchmarks_dir": "benchmarks",
        "contamination": "o/c.json",
        **_OUTS,
    },
    "sample": {"conversations": "in", "out": "o/out", "plot": "o/p.csv", "metrics": "o/m.json"},
    "pack": {"sample": "drawn", "conversations": "in", "plot": "o/p.csv", **_OUTS},
    "train": {"rows": "in", "out": "o/out", "plots": "o/plots", "metrics": "o/m.json"},
    "evaluate": {
        "model": "base",
        "benchmarks_dir": "benchmarks",
        "out": "o/out",
        "metrics": "o/m.json",
    },
    "compare": {
        "predictions": "in",
        "contamination": "contamination.json",
        "plot": "o/p.csv",
        "differences": "o/d.csv",
        "subjects": "o/s.csv",
        "metrics": "o/m.json",
    },
}


@pytest.fixture
def fails(workplace: Path, run_stage: RunStage) -> Callable[..., str]:
    """Return a call that runs a stage, expects one line of error, and returns that line."""

    def run(stage: str, *, exit_code: int = 1, **options: str) -> str:
        result: Result = run_stage(stage, **{**_STAGES[stage], **options})
        assert result.exit_code == exit_code, result.output
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        assert not [path for path in Path("o").rglob("*") if path.is_file()]
        assert not list(Path().rglob("*.partial"))
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("Error: ")
        return lines[0]

    return run


def _has(line: str, *parts: str) -> None:
    for part in parts:
        assert part in line


def _change(workplace: Path, *path: str, value: Any = None, drop: bool = False) -> None:
    write_params(workplace, changed_parameters(*path, value=value, drop=drop))


Fails = Callable[..., str]


# Raw input


def test_missing_file(fails: Fails) -> None:
    Path("web.jsonl").unlink()
    _has(fails("collect"), "web.jsonl", "no such file or folder", "mend the source's path")


def test_empty_file(fails: Fails) -> None:
    Path("web.jsonl").write_bytes(b"")
    _has(fails("collect"), "web.jsonl", "the file is empty", "remove it or fetch it again")


def test_wrong_field_name_in_jsonl(workplace: Path, fails: Fails) -> None:
    _change(workplace, "sources", "web", "fields", value={"text": ["body"]})
    line = fails("collect")
    _has(line, "web.jsonl, record 1", "no field 'body'; found 'title', 'text'", "mend")


def test_wrong_column_name_in_csv(workplace: Path, fails: Fails) -> None:
    (workplace / "web.jsonl").write_text("titel,text\na,b\n", encoding="utf-8")
    _change(workplace, "sources", "web", "format", value="csv")
    _has(fails("collect"), "web.jsonl", "no column 'title'; found 'titel', 'text'", "mend")


def test_invalid_json_is_told_by_file_and_record(fails: Fails) -> None:
    lines = Path("web.jsonl").read_text("utf-8").splitlines()
    lines[6] = lines[6][:-1]
    Path("web.jsonl").write_text("\n".join(lines), encoding="utf-8")
    # as a killed run would leave it: the next one sweeps it away, also when it fails
    Path("o/out.partial").mkdir(parents=True)
    Path("o/m.json.partial").write_text("{", encoding="utf-8")
    _has(fails("collect"), "web.jsonl", "record 7", "invalid JSON", "max_bad_records")


def test_wrong_encoding(fails: Fails) -> None:
    text = Path("web.jsonl").read_text("utf-8")
    Path("web.jsonl").write_bytes(text.encode("gb18030"))
    _has(fails("collect"), "web.jsonl", "record 1", "does not decode", "mend")


def test_missing_lexicon(fails: Fails) -> None:
    Path("lexicon.txt").unlink()
    _has(fails("collect"), "lexicon.txt", "no such lexicon", "mend")


def test_unknown_source(fails: Fails) -> None:
    _has(fails("collect", source="webb"), "sources.webb is missing", "add it to params.yaml")


# Parameters


@pytest.mark.parametrize(
    ("stage", "section", "said"),
    [
        ("collect", "collect", "collect.extra is unknown"),
        ("collect", "sources.web.fields", "sources.web.fields.extra is unknown"),
        ("unify", "unify.limits", "unify.limits.extra is unknown"),
        ("dedupe", "dedupe.near_duplicates", "dedupe.near_duplicates.extra is unknown"),
        ("dedupe", "dedupe.contamination", "dedupe.contamination.extra is unknown"),
        ("dedupe", "benchmarks.mc", "benchmarks.mc.extra is unknown"),
        ("sample", "sample", "sample.extra is unknown"),
        ("pack", "pack", "pack.extra is unknown"),
        ("pack", "base", "base.extra is unknown"),
        ("train", "train", "train.extra is unknown"),
        ("train", "base", "base.extra is unknown"),
        ("evaluate", "models.base", "models.base.extra is unknown"),
        ("evaluate", "evaluate", "evaluate.extra is unknown"),
        ("compare", "compare", "compare.extra is unknown"),
        ("compare", "models.base", "models.base.extra is unknown"),
    ],
)
def test_unknown_parameter(
    workplace: Path, fails: Fails, stage: str, section: str, said: str
) -> None:
    _change(workplace, *section.split("."), "extra", value=1)
    _has(fails(stage), said, "remove it or mend its spelling")


@pytest.mark.parametrize(
    ("stage", "name", "value"),
    [
        ("collect", "collect.min_chars.zh", "five"),
        ("unify", "unify.seed", "1"),
        ("dedupe", "dedupe.contamination.min_chars", 6.5),
        ("sample", "sample.seed", None),
        ("pack", "pack.seq_len_tokens", "128"),
        ("train", "train.learning_rate", "1e-4"),
        ("evaluate", "evaluate.batch_size", "auto"),
        ("compare", "compare.confidence", "95%"),
    ],
)
def test_mistyped_parameter(
    workplace: Path, fails: Fails, stage: str, name: str, value: Any
) -> None:
    _change(workplace, *name.split("."), value=value)
    _has(fails(stage), f"params: {name}: expected")


@pytest.mark.parametrize("stage", _STAGES)
def test_missing_parameter_file(fails: Fails, stage: str) -> None:
    Path("params.yaml").unlink()
    _has(fails(stage), "params.yaml: no such parameter file")


@pytest.mark.parametrize("stage", _STAGES)
def test_wrong_usage_is_code_2(workplace: Path, run_stage: RunStage, stage: str) -> None:
    for options in ({}, {**_STAGES[stage], "nonsense": "1"}):
        result = run_stage(stage, **options)
        assert result.exit_code == 2
        assert "Traceback" not in result.stderr
        assert result.stderr.splitlines()[-1].startswith("Error: ")
        assert not Path("o").exists()


def test_source_without_priority(workplace: Path, fails: Fails) -> None:
    write_records(Path("in"), [conversation("问", "答", source="web")])
    _change(workplace, "sample", "priority", "web", drop=True)
    _has(fails("sample"), "sample.priority.web is missing", "add it to params.yaml")


def test_nothing_left_to_draw(workplace: Path, fails: Fails) -> None:
    write_records(Path("in"), [])
    _has(fails("sample"), "in:", "no record to draw")
    write_records(Path("in"), [conversation("问", "答", source="web")])
    _change(workplace, "sample", "heldout_share", "web", value=0.999999)
    _has(fails("sample"), "no record to draw", "sample.heldout_share")


def test_a_source_that_vanished(workplace: Path, fails: Fails) -> None:
    write_records(Path("in"), [conversation("问", "答", source="web")])
    _change(workplace, "sample", "minimum", value={"web": 1, "sft": 2})
    _has(fails("sample"), "source sft: expected at least 2", "sample.minimum.sft", "found 0")


def test_an_id_that_is_none(workplace: Path, fails: Fails) -> None:
    record = conversation("问", "答", source="web")
    write_records(Path("in"), [msgspec.structs.replace(record, id="x1")])
    _has(fails("sample"), "id x1", "expected 24 hexadecimal digits", "run dvc")
    other = conversation("又问", "答", source="web")
    write_records(Path("in"), [record, msgspec.structs.replace(other, kind="book")])
    _has(fails("sample"), "source web: expected records of one kind", "book")


# Benchmarks


@pytest.mark.parametrize("stage", ["dedupe", "evaluate"])
def test_benchmark_question_without_options(fails: Fails, stage: str) -> None:
    path = Path("benchmarks/mc.jsonl")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    lines[1]["options"] = {}
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    _has(fails(stage), "benchmarks/mc.jsonl, question 2", "options, found 0", "mend")


@pytest.mark.parametrize("stage", ["dedupe", "evaluate"])
def test_missing_benchmark(fails: Fails, stage: str) -> None:
    Path("benchmarks/mc.jsonl").unlink()
    _has(fails(stage), "benchmarks/mc.jsonl", "no such benchmark file", "mend")


# Folders of several outputs


def _unified(*names: str) -> None:
    for name in names:
        write_records(Path("in") / name, [conversation("问", f"答{name}", source=name)])


def test_missing_folder_of_a_source(fails: Fails) -> None:
    _unified("web")
    _has(fails("dedupe"), "in/sft: missing", "dvc repro unify@sft")


def test_stray_folder_of_a_source(fails: Fails) -> None:
    _unified("web", "sft", "old")
    _has(fails("dedupe"), "in/old: no key of params.yaml", "rm -r in/old")


def test_missing_and_stray_folder_of_a_model(fails: Fails) -> None:
    Path("in").mkdir()
    _has(fails("compare"), "in/base: missing", "dvc repro evaluate@base")
    write_records(Path("in/base"), [])
    write_records(Path("in/old"), [])
    _has(fails("compare"), "in/old: no key", "rm -r in/old")


def _answered(model: str, *items: str) -> None:
    write_records(
        Path("in") / model, [Prediction("mc", item, "", "", "A", "A", True) for item in items]
    )


def _two_models(workplace: Path, **compare: Any) -> None:
    document = parameters()
    document["models"]["own"] = {**document["models"]["base"], "label": "own"}
    document["compare"] |= compare
    write_params(workplace, document)


def test_models_that_answered_different_questions(workplace: Path, fails: Fails) -> None:
    _two_models(workplace)
    _answered("base", "1", "2")
    _answered("own", "1", "3")
    _has(fails("compare"), "models base and own answered different items", "mc 2", "mc 3")


def test_models_that_answered_nothing(workplace: Path, fails: Fails) -> None:
    _two_models(workplace)
    _answered("base")
    _answered("own")
    _has(fails("compare"), "no model answered a question", "mend benchmarks")


@pytest.mark.parametrize(
    ("compare", "said"),
    [
        ({"reference": "peer"}, "compare.reference: peer is no key of models"),
        ({"published_as": {"mmlu": "mmlu"}}, "compare.published_as.mmlu: no benchmark"),
        ({"published_as": {"mc": "mmlu"}}, "none has no figures of mmlu"),
        ({"published": "nowhere"}, "nowhere: cannot be read"),
        ({"published": "params.yaml"}, "params.yaml, line 1: "),
    ],
)
def test_a_comparison_with_what_does_not_exist(
    workplace: Path, fails: Fails, compare: dict[str, Any], said: str
) -> None:
    _two_models(workplace, **compare)
    _answered("base", "1")
    _answered("own", "1")
    _has(fails("compare"), said)


def test_counts_of_contamination_must_be_there_and_of_these_benchmarks(
    workplace: Path, fails: Fails
) -> None:
    _two_models(workplace)
    _answered("base", "1")
    _answered("own", "1")
    _has(fails("compare"), "contamination.json: no such file", "dvc repro dedupe")
    Path("contamination.json").write_text("{}", encoding="utf-8")
    _has(fails("compare"), "contamination.json: no counts of benchmark mc", "dvc repro dedupe")


@pytest.mark.parametrize("stage", ["unify", "sample", "pack", "train"])
def test_missing_folder_of_the_stage_before(fails: Fails, stage: str) -> None:
    _has(fails(stage), "expected", "-00000.jsonl and found none", "dvc repro")


@pytest.mark.parametrize("stage", ["unify", "dedupe", "sample", "pack", "train", "compare"])
def test_a_damaged_artifact_is_told_by_file_and_line(fails: Fails, stage: str) -> None:
    folders = {"dedupe": ["in/web", "in/sft"], "compare": ["in/base"], "pack": ["in", "drawn"]}
    stems = ("part", "rows", "heldout")
    for folder in folders.get(stage, ["in"]):
        for stem in stems:
            write_records(Path(folder), [], stem)
            (Path(folder) / f"{stem}-00000.jsonl").write_text('{"id": "a"', encoding="utf-8")
    _has(fails(stage), "-00000.jsonl, line 1: ", "dvc checkout or dvc repro")


# Base, model and endpoint


def _base(folder: Path, *, without: str = "") -> Path:
    shutil.copytree(TOY_BASE, folder)
    if without:
        (folder / without).unlink()
    return folder


def _drawn() -> None:
    record = conversation("问", "答", source="web")
    write_records(Path("in"), [record])
    write_records(Path("drawn"), [Draw(0, record.id, 0, "web", 0)])
    write_records(Path("drawn"), [], "heldout")


def test_base_without_tokenizer(workplace: Path, fails: Fails) -> None:
    _base(Path("base"), without="tokenizer.json")
    _change(workplace, "base", "path", value="base")
    _drawn()
    _has(fails("pack"), "base/tokenizer.json", "the base has no tokenizer", "save_pretrained")


def test_missing_chat_template(workplace: Path, fails: Fails) -> None:
    _change(workplace, "pack", "chat_template", value="gone.jinja")
    _drawn()
    _has(fails("pack"), "gone.jinja: no such chat template", "mend pack.chat_template")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for m in messages %}{{ m.content }}|{% endfor %}", "ends without a special token"),
        ("{{ messages[0].content }}<|im_end|>", "the text of each turn once"),
    ],
)
def test_a_template_that_does_not_fit_is_refused_before_anything_is_drawn(
    workplace: Path, fails: Fails, template: str, said: str
) -> None:
    Path("t.jinja").write_text(template, encoding="utf-8")
    _change(workplace, "pack", "chat_template", value="t.jinja")
    _drawn()
    _has(fails("pack"), "chat template", said)


def test_drawn_but_not_there(fails: Fails) -> None:
    _drawn()
    write_records(Path("in"), [conversation("另", "答", source="web")])
    _has(fails("pack"), "drawn by sample but not in dedupe's output", "run dvc repro")


def _passages() -> None:
    write_records(Path("in"), [passage("头痛的常见原因有很多。"), passage("发热超过三天要就医。")])


def test_endpoint_that_is_down(
    workplace: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    _passages()
    document = parameters()
    document["unify"] |= {"mode": "openai", "budget_tokens": {"out": 10**6}}
    write_params(workplace, document)
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    Path("o/out.partial").mkdir(parents=True)
    line = fails("unify")
    _has(line, f"http://127.0.0.1:{port}/v1", "no answer from the endpoint", "OPENAI_BASE_URL")
    assert "secret-key" not in line


def test_endpoint_without_budget(
    workplace: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    _passages()
    _change(workplace, "unify", "mode", value="openai")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    _has(fails("unify"), "unify.budget_tokens.out is 0", "set it to")


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "OPENAI_API_KEY"])
def test_endpoint_without_address_or_key(
    workplace: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _passages()
    document = parameters()
    document["unify"] |= {"mode": "openai", "budget_tokens": {"out": 10**6}}
    write_params(workplace, document)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    monkeypatch.delenv(name)
    _has(fails("unify"), f"{name} is not set")


def test_no_rows_to_train(fails: Fails) -> None:
    write_records(Path("in"), [], "rows")
    write_records(Path("in"), [], "heldout")
    _has(fails("train"), "in: no rows to train on")
