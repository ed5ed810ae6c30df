"""Sample answers to the same questions at every state: what the losses do not tell."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from onestage import checkpoint, jsonl
from onestage.records import PackedRow
from onestage.train.devices import arithmetic
from onestage.train.serving import end_of_turn

_NEW_TOKENS = 64
_PROMPT_TOKENS = 512
_AT_ONCE = 8


class Question(NamedTuple):
    """The first turn of a held-out sample: its prompt and its own answer, as tokens."""

    source: str
    prompt: list[int]
    reference: list[int]


def first_questions(files: Sequence[Path]) -> list[Question]:
    """Return one question for each source: of its first held-out sample that is short enough."""
    found: dict[str, Question] = {}
    for row in jsonl.read_records(files, PackedRow):
        for question in _questions(row):
            if 0 < len(question.prompt) <= _PROMPT_TOKENS:
                found.setdefault(question.source, question)
    return [found[source] for source in sorted(found)]


def _questions(row: PackedRow) -> Iterable[Question]:
    for sample in row.samples:
        for start, end in sample.trained[:1]:
            prompt, reference = row.input_ids[sample.start : start], row.input_ids[start:end]
            yield Question(sample.source, prompt, reference)


class SampleAnswers:
    """Asks the questions in the rows' own tokens, each time the same; draws nothing at random."""

    def __init__(self, questions: list[Question], tokenizer: Path, precision: str) -> None:
        self._questions = questions
        self._tokenizer = checkpoint.load_tokenizer(tokenizer)
        self._end = end_of_turn(self._tokenizer)
        self._precision = precision

    def at(self, step: int, model: Any) -> list[dict[str, Any]]:
        """Return {step, source, prompt, answer, reference} for each question, as text.

        Where ranks share the weights, all of them have to ask.
        """
        training = model.training
        model.eval()
        answers: list[list[int]] = []
        for start in range(0, len(self._questions), _AT_ONCE):
            some = self._questions[start : start + _AT_ONCE]
            answers += self._answers(model, [question.prompt for question in some])
        model.train(training)
        return [
            {
                "step": step,
                "source": question.source,
                "prompt": self._text(question.prompt),
                "answer": self._text(answer),
                "reference": self._text(question.reference[:_NEW_TOKENS]),
            }
            for question, answer in zip(self._questions, answers, strict=True)
        ]

    @torch.no_grad()
    def _answers(self, model: Any, prompts: list[list[int]]) -> list[list[int]]:
        """Return at most 64 tokens after each prompt, the likeliest one after the other."""
        longest = max(map(len, prompts))
        gaps = [longest - len(prompt) for prompt in prompts]
        padded = [[self._end] * gap + prompt for gap, prompt in zip(gaps, prompts, strict=True)]
        seen = [[0] * gap + [1] * (longest - gap) for gap in gaps]
        device = next(model.parameters()).device
        with arithmetic(self._precision):
            generated = model.generate(
                input_ids=torch.tensor(padded, device=device),
                attention_mask=torch.tensor(seen, device=device),
                do_sample=False,
                max_new_tokens=_NEW_TOKENS,
                eos_token_id=self._end,
                pad_token_id=self._end,
                use_cache=True,
            )
        answers: list[list[int]] = generated[:, longest:].tolist()
        return answers

    def _text(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))
