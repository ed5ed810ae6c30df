"""How an item is put to a model, and which answers it may give."""

from collections.abc import Iterable
from itertools import combinations

from onestage.benchmarks import LETTERS, Item
from onestage.identity import keyed_fraction
from onestage.params import NotNegative, Params, Positive


class Evaluate(Params, frozen=True):
    """The `evaluate` section; `max_items` of each benchmark are asked (0: all of them)."""

    max_items: NotNegative
    batch_size: Positive
    max_length_tokens: Positive
    cpu_threads: Positive


_FORMS = {
    ("zh", False): "请回答下面的单项选择题，只给出选项字母。",
    ("zh", True): "请回答下面的多项选择题，给出所有正确选项的字母。",
    ("en", False): "Answer this multiple-choice question with the letter of the right option only.",
    ("en", True): "Answer this question with the letters of all right options.",
}


def chosen_items(items: Iterable[Item], *, max_items: int) -> list[Item]:
    """Return the items that have an answer, at most `max_items` a benchmark.

    Which ones are left out depends on a hash of their ids: another benchmark or another
    order changes nothing.
    """
    by_benchmark: dict[str, list[Item]] = {}
    for item in items:
        if item.answer:
            by_benchmark.setdefault(item.benchmark, []).append(item)
    if max_items:
        for name, found in by_benchmark.items():
            kept = {i.id for i in sorted(found, key=lambda i: keyed_fraction(i.id))[:max_items]}
            by_benchmark[name] = [item for item in found if item.id in kept]
    return [item for found in by_benchmark.values() for item in found]


def multiple_answer_groups(items: Iterable[Item]) -> set[tuple[str, str]]:
    """Return the (benchmark, type) groups in which some item has several right answers.

    All items of such a group are asked for every right option: who sits the exam is told
    the type of a question, not how many options of this one are right.
    """
    return {(item.benchmark, item.type) for item in items if len(item.answer) > 1}


def question_text(item: Item, *, multiple: bool) -> str:
    """Return what a user would write: the form, the case, the question, the options."""
    options = (f"{LETTERS[i]}. {option}" for i, option in enumerate(item.options))
    parts = (_FORMS[item.lang, multiple], item.case, item.question, *options)
    return "\n".join(part for part in parts if part)


def candidates(item: Item, *, multiple: bool) -> list[str]:
    """Return the answers that are scored: each letter, or each non-empty set of letters.

    >>> candidates(Item("b", "1", "en", "", "q", ("x", "y"), "A", "", ""), multiple=True)
    ['A', 'B', 'AB']
    """
    letters = LETTERS[: len(item.options)]
    if not multiple:
        return list(letters)
    return [
        "".join(chosen)
        for size in range(1, len(letters) + 1)
        for chosen in combinations(letters, size)
    ]
