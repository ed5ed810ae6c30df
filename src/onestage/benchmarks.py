"""The `benchmarks` section and its items: questions with options, in whatever layout they come.

dedupe removes training text that contains them, evaluate asks them.
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from onestage.errors import InputError
from onestage.params import NotNegative, Params
from onestage.records import Lang

LETTERS = "ABCDEFGHIJ"


class Benchmark(Params, frozen=True):
    """One file of questions, relative to `benchmarks_dir`, and where its fields are.

    `options` is one field that holds a list, an object by letter, or a string parted by
    `options_separator`; or several columns, one an option. `answer` holds letters, or with
    `answer_base` the number of the right option counted from there. `id`, `case`, `track`
    and `type` may be empty: the id is then the item's number, the others are blank, as they
    are where the file holds null.
    """

    file: str
    lang: Lang
    format: Literal["jsonl", "csv"]
    question: str
    options: Annotated[list[str], msgspec.Meta(min_length=1)]
    answer: str
    options_separator: str = ""
    answer_base: int = -1
    id: str = ""
    case: str = ""
    track: str = ""
    type: str = ""
    max_unanswered: NotNegative = 0


class Item(msgspec.Struct, frozen=True):
    """A question: `options` by letter from A on, `answer` one letter or several in order.

    `answer` is empty where the file has none (counted against `max_unanswered`); such an
    item is guarded against contamination but not scored.
    """

    benchmark: str
    id: str
    lang: Lang
    case: str
    question: str
    options: tuple[str, ...]
    answer: str
    track: str
    type: str


class _Place(NamedTuple):
    path: Path
    number: int

    def fault(self, message: str) -> InputError:
        return InputError(
            f"{self.path}, question {self.number}: {message}; mend the file or its benchmarks entry"
        )


def read_items(name: str, benchmark: Benchmark, folder: Path) -> list[Item]:
    """Return a benchmark's items in file order.

    Raises:
        InputError: file or field missing, a question without text, without options or
            without an answer beyond `max_unanswered`, a blank option before others, an answer
            that is none of the options, an id twice.
    """
    path = folder / benchmark.file
    items: list[Item] = []
    for number, raw in enumerate(_raw_items(path, benchmark), start=1):
        items.append(_item(name, benchmark, raw, _Place(path, number)))
    if not items:
        raise InputError(f"{path}: no questions; mend the file or remove benchmarks.{name}")
    if len({item.id for item in items}) < len(items):
        raise InputError(f"{path}: an id occurs twice; mend benchmarks.{name}.id")
    unanswered = sum(not item.answer for item in items)
    if unanswered > benchmark.max_unanswered:
        raise InputError(
            f"{path}: {unanswered} questions without a usable answer, expected at most "
            f"{benchmark.max_unanswered}; mend the file or benchmarks.{name}.max_unanswered"
        )
    return items


def read_all(benchmarks: dict[str, Benchmark], folder: Path) -> list[Item]:
    """Return the items of all benchmarks, these in name order.

    Not in the order of the parameter file: DVC does not see when that changes, and models
    evaluated before and after could not be compared.
    """
    return [
        item
        for name, benchmark in sorted(benchmarks.items())
        for item in read_items(name, benchmark, folder)
    ]


def _raw_items(path: Path, benchmark: Benchmark) -> Iterator[Any]:
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            if benchmark.format == "csv":
                number = 1
                # Strict: a stray quote must not swallow the questions that follow it.
                rows = csv.DictReader(stream, strict=True)
                for row in rows:
                    yield row
                    number = rows.line_num + 1
                return
            for number, line in enumerate(stream, start=1):  # noqa: B007  (told in the error)
                if line.strip():
                    yield json.loads(line)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such benchmark file; mend benchmarks_dir or file") from error
    except (ValueError, csv.Error) as error:  # wrong UTF-8 or JSON, a number of 5000 digits
        place = f", line {number}" if number else ""
        raise InputError(f"{path}{place}: not {benchmark.format} in UTF-8 ({error})") from error


def _item(name: str, benchmark: Benchmark, raw: Any, place: _Place) -> Item:
    if not isinstance(raw, dict):
        raise place.fault(f"expected an object, found {type(raw).__name__}")

    def field(key: str) -> Any:
        if key not in raw:
            found = ", ".join(map(repr, raw))
            raise place.fault(f"no field {key!r}, found {found}")
        return raw[key]

    def text(key: str) -> str:
        value = field(key) if key else None
        return "" if value is None else str(value)

    question = text(benchmark.question).strip()
    if not question:
        raise place.fault("the question is empty")
    options = _options([field(key) for key in benchmark.options], benchmark, place)
    return Item(
        benchmark=name,
        id=text(benchmark.id) or f"{name}_{place.number:05d}",
        lang=benchmark.lang,
        case=text(benchmark.case),
        question=question,
        options=options,
        answer=_answer(field(benchmark.answer), len(options), benchmark, place),
        track=text(benchmark.track),
        type=text(benchmark.type),
    )


def _options(values: list[Any], benchmark: Benchmark, place: _Place) -> tuple[str, ...]:
    found = values if len(values) > 1 else _one_field(values[0], benchmark, place)
    options = ["" if option is None else str(option).strip() for option in found]
    while options and not options[-1]:  # columns that only questions with more options fill
        options.pop()
    if not all(options):
        raise place.fault(f"option {options.index('') + 1} of {len(options)} is blank")
    if not 2 <= len(options) <= len(LETTERS):
        raise place.fault(f"expected 2 to {len(LETTERS)} options, found {len(options)}")
    return _unprefixed(options)


def _one_field(value: Any, benchmark: Benchmark, place: _Place) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        keys = sorted(value)
        if keys != list(LETTERS)[: len(keys)]:
            raise place.fault(f"expected options by letter from A on, found {', '.join(keys)}")
        return [value[key] for key in keys]
    text = "" if value is None else str(value).strip()
    # Blank lines are lay-out; between separators that were chosen, an option is missing.
    if benchmark.options_separator:
        return text.split(benchmark.options_separator)
    return [line for line in text.split("\n") if line.strip()]


def _unprefixed(options: list[str]) -> tuple[str, ...]:
    """Drop letters that are part of the options' texts: `A. x`, `A x`, `(A) x`, `A、x`.

    Only where every option bears its own: "A beta blocker" may just be an English sentence.
    """
    found = [
        re.match(rf"\(?{LETTERS[i]}(?:[.)．、:：]\s*|\s+)", option)
        for i, option in enumerate(options)
    ]
    return tuple(
        option[prefix.end() :] if prefix and all(found) else option
        for option, prefix in zip(options, found, strict=True)
    )


def _answer(value: Any, options: int, benchmark: Benchmark, place: _Place) -> str:
    if benchmark.answer_base >= 0:
        try:
            index = int(value) - benchmark.answer_base
        except (TypeError, ValueError):
            return ""
        if not 0 <= index < options:
            raise place.fault(f"answer {value!r} is none of the {options} options")
        return LETTERS[index]
    text = "" if value is None else str(value).strip().upper()
    if not text or text == "NAN":
        return ""
    letters = sorted(set(text))
    if any(letter not in LETTERS[:options] for letter in letters):
        raise place.fault(f"answer {value!r} is none of the options A-{LETTERS[options - 1]}")
    return "".join(letters)
