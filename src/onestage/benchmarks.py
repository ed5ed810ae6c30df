"""The `benchmarks` section and its items: questions with options, in whatever layout they come.

dedupe removes training text that contains them, evaluate asks them.
"""

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec

from onestage.errors import InputError
from onestage.params import NotNegative, Params
from onestage.question_files import QuestionFormat, read_rows
from onestage.records import Lang

LETTERS = "ABCDEFGHIJ"


class Benchmark(Params, frozen=True):
    """One file of questions, relative to `benchmarks_dir`, and where its fields are.

    `encoding` is a codec of Python; without a `header` the columns of csv are called 0, 1, ...
    `options` is one field that holds a list, an object by letter, or a string parted by
    `options_separator`; or several columns, one an option. `answer` holds letters (`C`, `(C)`,
    `A、C`), with `answer_base` the number of the right option counted from there, or with
    `answer_text` its text; a list holds several of them. `id`, `case`, `track`
    and `type` may be empty: the id is then the item's number, the others are blank, as they
    are where the file holds null.
    """

    file: str
    lang: Lang
    format: QuestionFormat
    question: str
    options: Annotated[list[str], msgspec.Meta(min_length=1)]
    answer: str
    encoding: str = "utf-8"
    header: bool = True
    options_separator: str = ""
    answer_base: int = -1
    answer_text: bool = False
    id: str = ""
    case: str = ""
    track: str = ""
    type: str = ""
    max_unanswered: NotNegative = 0

    def __post_init__(self) -> None:
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise ValueError(f"encoding {self.encoding!r} is not known to Python") from error
        if self.answer_text and self.answer_base >= 0:
            raise ValueError("the answer is a number (answer_base) or a text (answer_text)")
        if self.options_separator and len(self.options) > 1:
            raise ValueError("options_separator parts one field, but options names several")
        if not self.header and self.format != "csv":
            raise ValueError(f"header: false is for csv, not for {self.format}")


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
    rows = read_rows(path, benchmark.format, benchmark.encoding, header=benchmark.header)
    for number, raw in enumerate(rows, start=1):
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


def _item(name: str, benchmark: Benchmark, raw: Any, place: _Place) -> Item:
    if not isinstance(raw, dict):
        raise place.fault(f"expected an object, found {type(raw).__name__}")

    def field(key: str) -> Any:
        if key not in raw:
            found = ", ".join(map(repr, raw))
            raise place.fault(f"no field {key!r}, found {found}")
        return raw[key]

    def text(key: str) -> str:
        return _written(field(key)) if key else ""

    question = text(benchmark.question)
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
        answer=_answer(field(benchmark.answer), options, benchmark, place),
        track=text(benchmark.track),
        type=text(benchmark.type),
    )


def _written(value: Any) -> str:
    """Return a value as text; empty for null and for what pandas writes in its place."""
    text = "" if value is None else str(value).strip()
    return "" if text == "nan" else text


def _options(values: list[Any], benchmark: Benchmark, place: _Place) -> tuple[str, ...]:
    found = values if len(values) > 1 else _one_field(values[0], benchmark, place)
    options = [_written(option) for option in found]
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
    text = _written(value)
    # Blank lines are lay-out; between separators that were chosen, an option is missing.
    if benchmark.options_separator:
        return text.split(benchmark.options_separator)
    return [line for line in text.split("\n") if line.strip()]


def _unprefixed(options: list[str]) -> tuple[str, ...]:
    """Drop letters that are part of the options' texts: `A. x`, `A x`, `(A) x`, `A、x`, `（a）x`.

    Only where every option bears its own: "A beta blocker" may just be an English sentence.
    """
    prefixes = [_prefix(letter, option) for letter, option in zip(LETTERS, options, strict=False)]
    if not all(prefixes):
        return tuple(options)
    bare = tuple(option[len(prefix) :] for prefix, option in zip(prefixes, options, strict=True))
    return bare if all(bare) else tuple(options)


def _prefix(letter: str, option: str) -> str:
    wide = chr(ord(letter) + 0xFEE0)
    found = re.match(
        rf"[(（\[【]?\s*(?:[{letter}{letter.lower()}{wide}]\s*[.)．）、:：\]】]\s*|{letter}\s+)",
        option,
    )
    return found[0] if found else ""


def _answer(value: Any, options: tuple[str, ...], benchmark: Benchmark, place: _Place) -> str:
    """Return the right letters in order; none where the file gives no answer."""
    letters: set[str] = set()
    for one in value if isinstance(value, list) else [value]:
        text = _written(one)
        if not text:
            continue
        if benchmark.answer_text:
            letters.add(_letter_of_text(text, options, place))
        elif benchmark.answer_base >= 0:
            letters.add(_letter_of_number(text, len(options), benchmark.answer_base, place))
        else:
            letters |= _letters(text, len(options), place)
    return "".join(sorted(letters))


def _letters(text: str, options: int, place: _Place) -> set[str]:
    plain = unicodedata.normalize("NFKC", text).upper()
    letters = set(re.sub(r"[\s,、;/|.()\[\]【】]", "", plain))
    if not letters or not letters <= set(LETTERS[:options]):
        raise place.fault(f"answer {text!r} is none of the options A-{LETTERS[options - 1]}")
    return letters


def _letter_of_number(text: str, options: int, base: int, place: _Place) -> str:
    if not re.fullmatch(r"-?[0-9]{1,9}(\.0+)?", text):  # pandas writes whole numbers as 1.0
        raise place.fault(f"answer {text!r} is no number, as answer_base says it is")
    index = int(text.partition(".")[0]) - base
    if not 0 <= index < options:
        raise place.fault(f"answer {text!r} is none of the {options} options, counted from {base}")
    return LETTERS[index]


def _letter_of_text(text: str, options: tuple[str, ...], place: _Place) -> str:
    wanted = " ".join(text.split())
    found = [
        letter
        for letter, option in zip(LETTERS, options, strict=False)
        if " ".join(option.split()) in (wanted, wanted.removeprefix(_prefix(letter, wanted)))
    ]
    if len(found) != 1:
        raise place.fault(f"answer {text!r} is the text of {len(found)} options, expected 1")
    return found[0]
