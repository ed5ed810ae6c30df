"""collect with each of its filters, trained and weighed by the commands on tiny labels."""

import json
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from conftest import RunStage
from given import parameters, read_lines, write_lines, write_params

from onestage.cli import main

_OUTS = {"out": "o/out", "rejected": "o/rejected", "metrics": "o/m.json"}
_REASONS = {"lexicon": "low_density", "classifier": "low_probability", "both": "low_evidence"}

_MEDICAL = [
    f"{who}{sign}，医生给予{drug}治疗。"
    for who, sign, drug in product(
        ("患者", "病人", "患儿", "产妇"),
        ("血压升高", "反复发热", "胸痛三天", "尿量减少"),
        ("抗生素", "利尿药", "阿司匹林", "胰岛素"),
    )
]
_GENERAL = [
    f"{who}{when}{what}，大家都说好看。"
    for who, when, what in product(
        ("球队", "导演", "游客", "市政府"),
        ("昨天", "去年春天", "比赛后", "今天早晨"),
        ("参观了老街", "买了新手机", "谈到票价", "推出一部电影"),
    )
]
# In the words of the labelled passages, but none of them.
_UNSEEN_MEDICAL = [f"产妇{sign}，医生改用利尿药。" for sign in ("反复胸痛", "血压又升高", "发热")]
_UNSEEN_GENERAL = [f"导演今天{what}，游客都说好看。" for what in ("买了票", "参观电影院", "谈球队")]


def _command(*arguments: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output


@pytest.fixture
def labelled(workplace: Path) -> Path:
    """Return labelled passages; the web source holds others, and the lexicon knows some."""
    rows = [{"text": text, "label": 1} for text in _MEDICAL]
    rows += [{"text": text, "label": 0} for text in _GENERAL]
    texts = [*_UNSEEN_MEDICAL, *_UNSEEN_GENERAL]
    write_lines(workplace / "web.jsonl", [{"title": "", "text": text} for text in texts])
    (workplace / "lexicon.txt").write_text("血压\n发热\n胸痛\n医生\n今天\n", encoding="utf-8")
    return write_lines(workplace / "rows.jsonl", rows)


def _collect(
    workplace: Path, run_stage: RunStage, kind: str, *, classifier: str, lexicon: str
) -> Result:
    document = parameters()
    document["collect"]["filter"] = kind
    document["sources"]["web"] |= {"classifier": classifier, "lexicon": lexicon}
    write_params(workplace, document)
    return run_stage("collect", source="web", **_OUTS)


def _counts() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("o/m.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("kind", ["classifier", "both"])
def test_collect_keeps_what_the_trained_filter_takes_for_medical(
    labelled: Path, workplace: Path, run_stage: RunStage, kind: str
) -> None:
    _command("train-filter", "--labelled", str(labelled), "--out", "zh.safetensors")
    _command(
        *("weigh-lexicon", "--lexicon", "lexicon.txt", "--labelled", str(labelled)),
        *("--out", "weighted.tsv"),
    )
    result = _collect(
        workplace, run_stage, kind, classifier="zh.safetensors", lexicon="weighted.tsv"
    )
    assert (result.exit_code, result.output) == (0, "")
    kept, rejected = read_lines(Path("o/out")), read_lines(Path("o/rejected"))
    assert [line["text"] for line in kept] == _UNSEEN_MEDICAL
    assert Counter(line["reason"] for line in rejected) == {_REASONS[kind]: 3}
    for line in rejected:
        assert 0 <= line["detail"]["probability"] < 0.5
        assert ("density" in line["detail"]) == (kind == "both")
    counts = _counts()
    assert counts["passages_rejected"] == {_REASONS[kind]: 3}
    assert counts["passages"] == counts["passages_kept"] + 3 == 6
    assert counts["chars"] == sum(
        counts[name] for name in ("chars_kept", "chars_rejected", "chars_between")
    )


def test_each_filter_leaves_a_trace_of_its_own(
    labelled: Path, workplace: Path, run_stage: RunStage
) -> None:
    """The lexicon alone is deceived by `今天`; both together are not."""
    _command("train-filter", "--labelled", str(labelled), "--out", "zh.safetensors")
    kept: dict[str, set[str]] = {}
    for kind, reason in _REASONS.items():
        result = _collect(
            workplace, run_stage, kind, classifier="zh.safetensors", lexicon="lexicon.txt"
        )
        assert (result.exit_code, result.output) == (0, "")
        kept[kind] = {line["text"] for line in read_lines(Path("o/out"))}
        assert set(_counts()["passages_rejected"]) <= {reason}
    assert kept["lexicon"] > kept["classifier"] == kept["both"] == set(_UNSEEN_MEDICAL)


@pytest.mark.parametrize("kind", ["classifier", "both"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\n", "a blank file"),
        (b"\x00" * 64, "not a learned filter of onestage"),
        (None, "no such learned filter"),
    ],
)
def test_a_wrong_classifier_is_one_line(
    workplace: Path, run_stage: RunStage, kind: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        Path("filter").write_bytes(content)
    result = _collect(workplace, run_stage, kind, classifier="filter", lexicon="lexicon.txt")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: filter: ")
    assert said in line
    assert "onestage train-filter" in line
    assert not [path for path in Path("o").rglob("*") if path.is_file()]
