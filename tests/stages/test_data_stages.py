"""collect, unify, dedupe, sample and pack, each run through its command on tiny inputs."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from chat_server import Answer, chat_server
from conftest import RunStage
from given import (
    ROOT,
    conversation,
    parameters,
    read_lines,
    write_lines,
    write_params,
    write_records,
)


def _metrics(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found


def _outs(name: str) -> dict[str, str]:
    outs = {"out": f"data/{name}", "rejected": f"rejected/{name}", "metrics": f"m/{name}.json"}
    if name.startswith("unify/"):
        outs |= {"responses": f"data/responses/{name[6:]}", "store": "scratch/responses.sqlite"}
    return outs


def _collect(run_stage: RunStage, source: str) -> None:
    result = run_stage("collect", source=source, **_outs(f"collect/{source}"))
    assert (result.exit_code, result.output) == (0, "")


def test_collect_writes_what_is_kept_and_what_is_not(workplace: Path, run_stage: RunStage) -> None:
    lines = (workplace / "web.jsonl").read_text(encoding="utf-8")
    extra = [
        {"title": "球", "text": "昨天的足球比赛很好看，大家都很高兴。"},
        {"title": "", "text": ""},
    ]
    write_lines(workplace / "extra", extra)
    text = lines + (workplace / "extra").read_text(encoding="utf-8")
    (workplace / "web.jsonl").write_text(text, encoding="utf-8")
    _collect(run_stage, "web")
    kept, rejected = read_lines(Path("data/collect/web")), read_lines(Path("rejected/collect/web"))
    found = _metrics("m/collect/web.json")
    assert found["records"] == found["documents"] == 14
    assert found["documents_rejected"] == {"empty": 1, "low_density": 1}
    assert len(kept) == found["passages_kept"]
    assert found["chars"] == sum(
        found[name] for name in ("chars_kept", "chars_rejected", "chars_between")
    )
    raw = [json.loads(line)["text"] for line in text.splitlines()]
    for line in kept:
        start, end = line["span"]
        assert raw[line["record"] - 1][start:end] == line["text"]
        assert line["type"] == "passage"
    assert {line["reason"] for line in rejected} == {"low_density", "empty"}


def test_collect_turns_sft_into_conversations(workplace: Path, run_stage: RunStage) -> None:
    _collect(run_stage, "sft")
    kept = read_lines(Path("data/collect/sft"))
    assert len(kept) == 14
    assert all(line["type"] == "conversation" and line["parent"] for line in kept)


@pytest.mark.parametrize("mode", ["raw", "template"])
def test_unify_keeps_each_passage_in_order(workplace: Path, run_stage: RunStage, mode: str) -> None:
    document = parameters()
    document["unify"]["mode"] = mode
    write_params(workplace, document)
    for source in ("web", "sft"):
        _collect(run_stage, source)
        result = run_stage("unify", passages=f"data/collect/{source}", **_outs(f"unify/{source}"))
        assert (result.exit_code, result.output) == (0, "")
    before, after = read_lines(Path("data/collect/web")), read_lines(Path("data/unify/web"))
    assert [line["parent"] for line in after] == [line["id"] for line in before]
    for passage, line in zip(before, after, strict=True):
        output = line["text"] if mode == "raw" else line["messages"][1]["content"]
        assert output == line["passage"] == passage["text"]
    assert read_lines(Path("data/unify/sft")) == read_lines(Path("data/collect/sft"))
    counts = _metrics("m/unify/web.json")
    assert counts == {"records": len(before), "conversations": len(after), "rejected": {}}


def _openai(workplace: Path, monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    document = parameters()
    document["unify"] |= {"mode": "openai", "budget_tokens": {"web": 10**6}}
    write_params(workplace, document)
    monkeypatch.setenv("OPENAI_BASE_URL", base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")


def test_unify_by_an_endpoint(
    workplace: Path, run_stage: RunStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(prompt: str, number: int) -> Answer:
        return "根据文中所述" if "高血压" in prompt else f"第{len(prompt)}问"

    _collect(run_stage, "web")
    before = read_lines(Path("data/collect/web"))
    with chat_server(answer) as server:
        _openai(workplace, monkeypatch, server.base_url)
        result = run_stage("unify", passages="data/collect/web", **_outs("unify/web"))
    assert (result.exit_code, result.output) == (0, "")
    after, rejected = read_lines(Path("data/unify/web")), read_lines(Path("rejected/unify/web"))
    counts = _metrics("m/unify/web.json")
    assert counts["records"] == len(before) == len(after) + len(rejected)
    assert counts["rejected"] == {"question_leans_on_text": len(rejected)}
    gone = {line["id"] for line in rejected}
    assert [line["parent"] for line in after] == [
        line["id"] for line in before if line["id"] not in gone
    ]
    assert gone == {line["id"] for line in before if "高血压" in line["text"]}


def _curated(workplace: Path, run_stage: RunStage) -> None:
    """Run everything up to dedupe."""
    for source in ("web", "sft"):
        _collect(run_stage, source)
        result = run_stage("unify", passages=f"data/collect/{source}", **_outs(f"unify/{source}"))
        assert result.exit_code == 0
    _dedupe(run_stage)


def _dedupe(run_stage: RunStage) -> None:
    names = {"conversations": "data/unify", "benchmarks_dir": "benchmarks"}
    names["contamination"] = "m/contamination.json"
    result = run_stage("dedupe", **names, **_outs("dedupe"))
    assert (result.exit_code, result.output) == (0, "")


def test_dedupe_says_who_duplicates_or_contaminates_whom(
    workplace: Path, run_stage: RunStage
) -> None:
    lines = [json.loads(line) for line in Path("web.jsonl").read_text("utf-8").splitlines()]
    leaked = "成人高血压的诊断界值是下列哪一项？130/80 mmHg，140/90 mmHg，150/95 mmHg。"
    sft = json.loads(Path("sft.jsonl").read_text("utf-8").splitlines()[0])
    said = "".join(message["content"] for message in sft["messages"])
    more = [{"title": "", "text": text} for text in (said, leaked)]
    write_lines(Path("web.jsonl"), [*lines, *more])
    _curated(workplace, run_stage)
    kept, rejected = read_lines(Path("data/dedupe")), read_lines(Path("rejected/dedupe"))
    assert Counter(line["reason"] for line in rejected) == {"exact_duplicate": 1, "contaminated": 1}
    (contaminated,) = (line for line in rejected if line["reason"] == "contaminated")
    assert (contaminated["detail"]["benchmark"], contaminated["detail"]["item"]) == ("mc", "q1")
    (duplicate,) = (line for line in rejected if line["reason"] == "exact_duplicate")
    assert duplicate["detail"]["kept"] in {line["id"] for line in kept}
    for source, counts in _metrics("m/dedupe.json").items():
        here = read_lines(Path(f"data/unify/{source}"))
        assert counts["records"] == len(here) == counts["kept"] + sum(counts["rejected"].values())
    found = {"items": 2, "items_found": 1, "sources": {"web": {"records": 1, "items": 1}}}
    assert _metrics("m/contamination.json") == {"mc": found}


def test_a_benchmark_that_is_added_removes_what_it_asks(
    workplace: Path, run_stage: RunStage
) -> None:
    asked = "肾在液为（ ）A.唾 B.泪 C.涎 D.尿"
    lines = [json.loads(line) for line in Path("web.jsonl").read_text("utf-8").splitlines()]
    write_lines(Path("web.jsonl"), [*lines, {"title": "", "text": f"高血压病人常问：{asked}。"}])
    _curated(workplace, run_stage)
    before = read_lines(Path("data/dedupe"))
    assert any(asked in line["passage"] for line in before)

    options = {"A": "唾", "B": "泪", "C": "涎", "D": "尿"}
    item = {"id": "t1", "question": "肾在液为", "options": options, "answer": "A", "type": "one"}
    write_lines(Path("benchmarks/tcm.jsonl"), [item])
    document = parameters()
    document["benchmarks"]["tcm"] = {**document["benchmarks"]["mc"], "file": "tcm.jsonl"}
    write_params(workplace, document)
    _dedupe(run_stage)
    (removed,) = (r for r in read_lines(Path("rejected/dedupe")) if r["reason"] == "contaminated")
    assert removed["detail"] == {
        "benchmark": "tcm",
        "item": "t1",
        "rule": "question_and_options",
        "shared_chars": 8,
        "shared": "肾在液为…唾…泪…涎…尿",
        "items": 1,
    }
    assert [line for line in before if asked not in line["passage"]] == read_lines(
        Path("data/dedupe")
    )
    found = _metrics("m/contamination.json")
    assert found["mc"] == {"items": 2, "items_found": 0, "sources": {}}
    assert found["tcm"]["sources"] == {"web": {"records": 1, "items": 1}}


def _sample(run_stage: RunStage) -> Any:
    return run_stage(
        "sample",
        conversations="data/dedupe",
        out="data/sample",
        plot="plots/curriculum.csv",
        metrics="m/sample.json",
    )


def _pack(run_stage: RunStage) -> Any:
    names = {"sample": "data/sample", "conversations": "data/dedupe"}
    return run_stage("pack", **names, **_outs("pack"), plot="p/pack_displacement.csv")


def test_sample_conserves_copies(workplace: Path, run_stage: RunStage) -> None:
    _curated(workplace, run_stage)
    result = _sample(run_stage)
    assert (result.exit_code, result.output) == (0, "")
    draws, held = read_lines(Path("data/sample")), read_lines(Path("data/sample"), "heldout")
    for source, counts in _metrics("m/sample.json").items():
        ended = counts["drawn"] + counts["capped"] + counts["heldout"]
        assert counts["records"] * counts["epochs"] == ended
        assert counts["drawn"] == sum(line["source"] == source for line in draws)
    assert {line["id"] for line in draws} | {line["id"] for line in held} == {
        line["id"] for line in read_lines(Path("data/dedupe"))
    }
    header = Path("plots/curriculum.csv").read_text("utf-8").splitlines()[0]
    assert header == "progress,source,share,expected"


def test_two_stages_are_two_phases_of_rows(workplace: Path, run_stage: RunStage) -> None:
    _curated(workplace, run_stage)
    document = parameters()
    document["sample"]["strategy"] = "two_stage"
    write_params(workplace, document)
    assert _sample(run_stage).exit_code == 0
    assert _pack(run_stage).exit_code == 0
    for stem in ("rows", "heldout"):
        rows = read_lines(Path("data/pack"), stem)
        phases = [row["phase"] for row in rows]
        assert phases == sorted(phases)
        assert all(
            {sample["source"] for sample in row["samples"]} == {("web", "sft")[row["phase"]]}
            for row in rows
        )
    assert {row["phase"] for row in read_lines(Path("data/pack"), "rows")} == {0, 1}


def test_pack_writes_rows_heldout_rows_and_the_tokenizer(
    workplace: Path, run_stage: RunStage
) -> None:
    _curated(workplace, run_stage)
    _sample(run_stage)
    result = _pack(run_stage)
    assert (result.exit_code, result.output) == (0, "")
    found = _metrics("m/pack.json")
    for stem in ("rows", "heldout"):
        rows = read_lines(Path("data/pack"), stem)
        drawn = read_lines(Path("data/sample"), "part" if stem == "rows" else stem)
        packed = [(s["id"], s["copy"]) for row in rows for s in row["samples"]]
        assert sorted(packed) == sorted((line["id"], line["copy"]) for line in drawn)
        assert found[stem]["packed"] == found[stem]["samples"] == len(drawn)
        assert found[stem]["trained_tokens_of_rows"] == found[stem]["trained_tokens_of_samples"]
        assert all(len(row["input_ids"]) <= 128 for row in rows)
    names = {path.name for path in Path("data/pack/tokenizer").iterdir()}
    assert names == {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
    assert read_lines(Path("rejected/pack")) == []


def test_samples_that_do_not_fit_are_rejected_by_pack(workplace: Path, run_stage: RunStage) -> None:
    write_records(
        Path("data/dedupe"),
        [
            conversation("问", "答" * 300),
            conversation("问<|im_end|>", "答"),
            conversation("问<|im_end|>" + "\U000f0002" * len("<|im_end|>"), "答"),
        ],
    )
    document = parameters()
    document["sample"]["heldout_share"] = {}
    write_params(workplace, document)
    assert _sample(run_stage).exit_code == 0
    assert _pack(run_stage).exit_code == 0
    rejected = read_lines(Path("rejected/pack"))
    assert Counter(line["reason"] for line in rejected) == {
        "too_long": 2,
        "special_token_in_text": 2,
    }
    found = _metrics("m/pack.json")["rows"]
    assert (found["samples"], found["packed"]) == (6, 2)


@pytest.mark.parametrize(
    "environment",
    [
        {"TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "7"},
        {"RAYON_NUM_THREADS": "3", "LC_ALL": "C", "PYTHONHASHSEED": "0"},
    ],
)
def test_rows_do_not_depend_on_threads_locale_or_hash_seed(
    workplace: Path, run_stage: RunStage, environment: dict[str, str]
) -> None:
    _curated(workplace, run_stage)
    assert _sample(run_stage).exit_code == 0
    assert _pack(run_stage).exit_code == 0
    expected = {path.name: path.read_bytes() for path in Path("data/pack").glob("*.jsonl")}
    assert len(expected) == 2
    command = [sys.executable, "-m", "stages.pack", "--sample", "data/sample"]
    command += ["--conversations", "data/dedupe", "--out", "again/pack", "--rejected", "again/no"]
    command += ["--metrics", "again/m.json", "--plot", "again/p.csv"]
    python_path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    environment = {**os.environ, "PYTHONPATH": python_path, **environment}
    subprocess.run(command, check=True, env=environment)
    found = {path.name: path.read_bytes() for path in Path("again/pack").glob("*.jsonl")}
    assert found == expected
    assert Path("again/p.csv").read_bytes() == Path("p/pack_displacement.csv").read_bytes()


def test_the_same_inputs_give_the_same_bytes_anywhere(
    workplace: Path, run_stage: RunStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_all() -> dict[str, bytes]:
        _curated(workplace, run_stage)
        assert _sample(run_stage).exit_code == 0
        assert _pack(run_stage).exit_code == 0
        files = [path for root in ("data", "rejected", "m") for path in Path(root).rglob("*.json*")]
        return {str(path): path.read_bytes() for path in files}

    first = run_all()
    elsewhere = workplace / "elsewhere with blanks"
    elsewhere.mkdir()
    for name in ("web.jsonl", "sft.jsonl", "lexicon.txt", "none", "params.yaml", "benchmarks"):
        (workplace / name).rename(elsewhere / name)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    monkeypatch.setenv("LC_ALL", "C")
    assert run_all() == first
