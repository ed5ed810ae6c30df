"""What a source needs is told before it is asked for, and what cannot be held is refused."""

import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from given import (
    ROOT,
    conversation,
    parameters,
    passage,
    write_params,
    write_records,
)

from onestage.cli import main
from onestage.errors import InputError
from onestage.unify.budget import money
from onestage.unify.cost import estimate, require_context
from onestage.unify.prompts import load_prompts
from onestage.unify.responses import Spent
from onestage.unify.settings import Price, Unify
from onestage.unify.tokens import likely_tokens, most_tokens

_PROMPTS = load_prompts(ROOT / "prompts" / "unify")
_CHOICES = msgspec.convert({**parameters()["unify"], "mode": "openai"}, Unify)
_RECORDS = [passage("高血压的诊断。" * 20), conversation("问", "答"), conversation("怎样治疗？")]


def test_the_estimate_counts_each_call() -> None:
    found = estimate(_RECORDS, _PROMPTS, _CHOICES, is_settled=lambda _: False)
    assert (found.records, found.settled, found.requests, found.most_requests) == (2, 0, 3, 6)
    assert found.most_prompt_tokens == 2 * found.prompt_tokens
    assert found.most_completion_tokens == 2 * 3 * 50
    assert found.completion_tokens <= found.most_completion_tokens
    question = _PROMPTS["question", "zh"].render(passage=_RECORDS[0].text)  # type: ignore[union-attr]
    assert found.prompt_tokens > likely_tokens(question)
    done = estimate(_RECORDS, _PROMPTS, _CHOICES, is_settled=lambda _: True)
    assert (done.records, done.settled, done.requests, done.prompt_tokens) == (2, 2, 0, 0)


def test_a_passage_that_the_model_cannot_hold_is_refused() -> None:
    assert require_context(_RECORDS, _PROMPTS, _CHOICES) == 3
    small = msgspec.structs.replace(_CHOICES, context_tokens=400)
    with pytest.raises(InputError, match="1 of 3 passages are too long") as caught:
        require_context([*_RECORDS[1:], passage("诊断。" * 200)], _PROMPTS, small)
    assert "lower collect.max_chars" in str(caught.value)


def test_tokens_are_bounded_from_above() -> None:
    for text in ("", "高血压", "Blood pressure 140/90 mmHg", "𠀀é"):
        assert likely_tokens(text) <= most_tokens(text)
        assert most_tokens(text) - most_tokens("") == len(text.encode())


def test_money() -> None:
    assert money(Spent(2_000_000, 500_000), Price(0.5, 2.0)) == 2.0


def test_the_command_says_what_each_source_needs(workplace: Path) -> None:
    document = parameters()
    document["unify"] |= {"price": {"prompt": 1.0, "completion": 2.0}}
    document["unify"]["budget_tokens"] = {"web": 777}
    write_params(workplace, document)
    for source in ("web", "sft"):
        records = _RECORDS[:1] if source == "web" else _RECORDS[1:]
        write_records(workplace / "data/collect" / source, records)
    result = CliRunner().invoke(main, ["estimate", "--rate", "10"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "web: 1 to rewrite, 0 of them done; 2 requests (at most 4)"
    assert "budget 777 tokens" in lines[3]
    assert lines[-3] == "all sources: 2 to rewrite, 0 of them done; 3 requests (at most 6)"
    prompt, completion, cost = re.findall(r"about (\d+) \+ (\d+) tokens, ([\d.]+)", lines[-2])[0]
    assert float(cost) == round((int(prompt) + 2 * int(completion)) / 10**6, 2)
