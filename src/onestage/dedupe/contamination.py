"""Which benchmark items a text holds, by three rules on comparable text.

A run of 64 or more characters shared with an item (the rule of Med-PaLM 2, arXiv 2305.09617),
its question and all of its options, or a share of its n-grams. White space, punctuation, case
and width hide no match (similarity.comparable).
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from onestage.benchmarks import LETTERS, Item
from onestage.dedupe.judged import seen
from onestage.dedupe.ngram_shares import NgramShares
from onestage.dedupe.questions import PutQuestions, Question
from onestage.dedupe.settings import Contamination
from onestage.dedupe.shared_runs import SharedRuns
from onestage.normalise import normalise
from onestage.similarity import comparable

Rule = Literal["shared_run", "question_and_options", "ngram_share"]
# The clearest first.
RULES: tuple[Rule, ...] = ("shared_run", "question_and_options", "ngram_share")


class Shared(NamedTuple):
    """A benchmark item that a text holds, and what they share, in comparable form.

    Parts that are not one run are joined by `…`, which `chars` does not count.
    """

    benchmark: str
    item: str
    rule: Rule
    text: str

    @property
    def chars(self) -> int:
        """How many characters are shared."""
        return len(self.text.replace("…", ""))


def item_texts(item: Item) -> tuple[str, str]:
    """Return case, question and options in comparable form, without and with their letters.

    As they are put to a model, each on a line: a sign between two numbers is there as well.
    """
    lettered = (f"{letter}. {text}" for letter, text in zip(LETTERS, item.options, strict=False))
    stem = (item.case, item.question)
    return _seen("\n".join((*stem, *item.options))), _seen("\n".join((*stem, *lettered)))


def _seen(text: str) -> str:
    """Return the comparable form that the text would have in a corpus, which is normalised."""
    return comparable(normalise(text))


def _question(item: Item) -> Question:
    return Question(
        _seen(item.case),
        _seen(item.question),
        tuple(_seen(option) for option in item.options),
    )


class ContaminationIndex:
    """All items of all benchmarks, to be searched for in one text after the other."""

    def __init__(self, items: Iterable[Item], choices: Contamination) -> None:
        items = list(items)
        self._names = [(item.benchmark, item.id) for item in items]
        forms = [item_texts(item) for item in items]
        self._runs = SharedRuns(
            [text for pair in forms for text in pair], min_chars=choices.min_chars
        )
        self._questions = PutQuestions(
            [_question(item) for item in items] if choices.short_questions else []
        )
        self._shares = NgramShares(
            [bare for bare, _ in forms] if choices.ngram_share else [],
            ngram_chars=choices.ngram_chars,
            share=choices.ngram_share,
        )

    def find(self, text: str) -> list[Shared]:
        """Return each item that a text holds, once, under the first rule that finds it.

        The clearest first (`clearness`).
        """
        looked = seen(text)
        runs: dict[int, str] = {}
        for form, run in self._runs.find(looked).items():
            number = form // 2
            runs[number] = max(runs.get(number, ""), run, key=len)
        found = self._named("shared_run", runs)
        questions = self._questions.find(looked).items()
        found += self._named(
            "question_and_options", {n: text for n, text in questions if n not in runs}
        )
        known = runs.keys() | dict(questions)
        shares = self._shares.find(looked).items()
        return found + self._named("ngram_share", {n: t for n, t in shares if n not in known})

    def _named(self, rule: Rule, texts: dict[int, str]) -> list[Shared]:
        shared = [Shared(*self._names[number], rule, text) for number, text in texts.items()]
        return sorted(shared, key=clearness)


def clearness(shared: Shared) -> tuple[int, int, str, str, str]:
    """Order findings: by rule, the longest first, then by names."""
    rule = RULES.index(shared.rule)
    return rule, -shared.chars, shared.benchmark, shared.item, shared.text
