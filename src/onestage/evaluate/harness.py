"""Scores candidates by likelihood through lm-eval, on tasks made of this project's items."""

import logging
import sys
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.metrics import mean
from lm_eval.api.task import Task, TaskConfig
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM

from onestage.benchmarks import Item
from onestage.errors import InputError
from onestage.evaluate.asking import candidates, question_text
from onestage.records import Prediction

logging.getLogger("lm_eval").setLevel(logging.ERROR)


class _ItemTask(Task):  # type: ignore[misc]
    """An lm-eval task over items in memory; the candidate with the highest likelihood counts.

    Sets of letters end with the end-of-turn token: without it A could never lose to AB,
    whose likelihood cannot be higher.
    """

    VERSION = 1
    OUTPUT_TYPE = "multiple_choice"

    def __init__(self, name: str, items: list[Item], *, multiple: bool, end_token: str) -> None:
        self._items = items
        self._multiple = multiple
        self._end_token = end_token if multiple else ""
        super().__init__()
        self._config = TaskConfig(task=name, output_type="multiple_choice", num_fewshot=0)

    def download(self, *_: Any, **__: Any) -> None:
        self.dataset = None

    def has_training_docs(self) -> bool:
        return False

    def has_validation_docs(self) -> bool:
        return False

    def has_test_docs(self) -> bool:
        return True

    def test_docs(self) -> list[Item]:
        return self._items

    def doc_to_text(self, doc: Item) -> str:
        return question_text(doc, multiple=self._multiple)

    def doc_to_target(self, doc: Item) -> int:
        return candidates(doc, multiple=self._multiple).index(doc.answer)

    def fewshot_context(
        self,
        doc: Item,
        *_: Any,
        apply_chat_template: bool = False,
        chat_template: Any = None,
        **__: Any,
    ) -> str:
        text = self.doc_to_text(doc)
        if not apply_chat_template:
            return f"{text}\n"
        rendered: str = chat_template([{"role": "user", "content": text}])
        return rendered

    def construct_requests(self, doc: Item, ctx: str, **more: Any) -> list[Instance]:
        kept = {name: more[name] for name in ("metadata",) if name in more}
        return [
            Instance(
                request_type="loglikelihood",
                doc=doc,
                arguments=(ctx, answer + self._end_token),
                idx=number,
                **kept,
            )
            for number, answer in enumerate(candidates(doc, multiple=self._multiple))
        ]

    def process_results(self, doc: Item, results: list[tuple[float, bool]]) -> dict[str, Any]:
        return {"acc": float(best(doc, results, self._multiple) == doc.answer)}

    def aggregation(self) -> dict[str, Any]:
        return {"acc": mean}

    def higher_is_better(self) -> dict[str, bool]:
        return {"acc": True}


class _SeparateHFLM(HFLM):  # type: ignore[misc]
    """Context and answer are tokenized apart, as they are when the model generates.

    Together, a mark at the end of the context could merge with the letter.
    """

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        left: list[int] = self.tok_encode(context, add_special_tokens=False)
        right: list[int] = self.tok_encode(continuation, add_special_tokens=False)
        if len(left) + len(right) > self.max_length:
            raise InputError(
                f"evaluate.max_length_tokens: a question has {len(left)} tokens with an answer "
                f"of {len(right)}, at most {self.max_length} fit; raise it"
            )
        return left, right

    def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> Any:
        quiet = disable_tqdm or not sys.stderr.isatty()
        return super().loglikelihood(requests, disable_tqdm=quiet)


def best(item: Item, results: list[tuple[float, bool]], multiple: bool) -> str:
    """Return the candidate with the highest likelihood, the first of equals."""
    scores = [likelihood for likelihood, _ in results]
    return candidates(item, multiple=multiple)[scores.index(max(scores))]


def answer_items(  # noqa: PLR0913  (one call of a foreign library needs them all)
    model: Any,
    tokenizer: Any,
    items: list[Item],
    *,
    multiple: bool,
    batch_size: int,
    max_length: int,
) -> list[Prediction]:
    """Return the model's answer to each item, in the order of the items."""
    if not items:
        return []
    language_model = _SeparateHFLM(
        pretrained=model, tokenizer=tokenizer, batch_size=batch_size, max_length=max_length
    )
    task = _ItemTask("items", items, multiple=multiple, end_token=tokenizer.eos_token)
    with torch.no_grad():
        results = evaluate(
            lm=language_model,
            task_dict={"items": task},
            bootstrap_iters=0,
            log_samples=True,
            apply_chat_template=bool(tokenizer.chat_template),
        )
    samples = sorted(results["samples"]["items"], key=lambda sample: int(sample["doc_id"]))
    return [
        _prediction(item, best(item, sample["filtered_resps"], multiple))
        for item, sample in zip(items, samples, strict=True)
    ]


def _prediction(item: Item, predicted: str) -> Prediction:
    return Prediction(
        benchmark=item.benchmark,
        item=item.id,
        track=item.track,
        type=item.type,
        answer=item.answer,
        predicted=predicted,
        correct=predicted == item.answer,
    )
