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
from hypothesis import given
from hypothesis import strategies as st

from onestage.cli import main
from onestage.errors import InputError
from onestage.records import Conversation, Passage
from onestage.unify.budget import money
from onestage.unify.cost import Estimate, estimate, require_context
from onestage.unify.prompts import load_prompts
from onestage.unify.responses import Spent
from onestage.unify.rewriting import Missing
from onestage.unify.settings import Price, Unify
from onestage.unify.tokens import likely_tokens, most_tokens

_PROMPTS = load_prompts(ROOT / "prompts" / "unify")
_CHOICES = msgspec.convert({**parameters()["unify"], "mode": "openai"}, Unify)
_ALL = Missing(0, 0)
_RECORDS = [passage("高血压的诊断。" * 20), conversation("问", "答"), conversation("怎样治疗？")]


def test_the_estimate_counts_each_call() -> None:
    found = estimate(_RECORDS, _PROMPTS, _CHOICES, missing=lambda _: _ALL)
    assert (found.records, found.settled, found.requests, found.most_requests) == (2, 0, 3, 6)
    assert found.most_prompt_tokens == 2 * found.prompt_tokens
    assert found.most_completion_tokens == 2 * 3 * 50
    assert found.completion_tokens <= found.most_completion_tokens
    question = _PROMPTS["question", "zh"].render(passage=_RECORDS[0].text)  # type: ignore[union-attr]
    assert found.prompt_tokens > likely_tokens(question)
    done = estimate(_RECORDS, _PROMPTS, _CHOICES, missing=lambda _: None)
    assert (done.records, done.settled, done.requests, done.prompt_tokens) == (2, 2, 0, 0)


@given(st.text(min_size=1, max_size=300), st.sampled_from(["zh", "en"]), st.text(max_size=10))
def test_the_estimate_covers_the_prompts_that_will_be_sent(
    text: str, lang: str, question: str
) -> None:
    record = passage(text, lang=lang)  # type: ignore[arg-type]
    found = estimate([record], _PROMPTS, _CHOICES, missing=lambda _: _ALL)
    asked = _PROMPTS["question", record.lang].render(passage=text)
    answered = _PROMPTS["answer", record.lang].render(passage=text, question=question)
    assert found.prompt_tokens >= likely_tokens(asked) + likely_tokens(answered)
    assert found.requests == 2


def test_a_reply_is_one_request_and_answers_are_no_longer_than_allowed() -> None:
    asked = conversation("怎样治疗？")
    found = estimate([asked], _PROMPTS, _CHOICES, missing=lambda _: _ALL)
    prompt = likely_tokens(_PROMPTS["reply", "zh"].render(instruction="怎样治疗？"))
    assert found == Estimate(1, 0, 1, prompt, 50, 2, 2 * prompt, 100)


def test_only_what_is_not_settled_costs_and_sums_are_field_by_field() -> None:
    records = [_RECORDS[0], passage("糖尿病的诊断。"), passage("痛风。")]

    def missing(record: Passage | Conversation) -> Missing | None:
        return None if record is records[1] else _ALL

    parts = [estimate([record], _PROMPTS, _CHOICES, missing=missing) for record in records]
    whole = estimate(records, _PROMPTS, _CHOICES, missing=missing)
    assert parts[0].plus(parts[1]).plus(parts[2]) == whole
    assert (whole.records, whole.settled, whole.requests) == (3, 1, 4)
    assert estimate([], _PROMPTS, _CHOICES, missing=lambda _: _ALL) == Estimate()


def test_what_is_missing_of_a_try_and_all_tries_after_it_are_counted() -> None:
    """A try is a question of at most 50 tokens and an answer of at most 50."""
    choices = msgspec.structs.replace(_CHOICES, tries=3)

    def counted(number: int, call: int) -> tuple[int, int, int]:
        first = Missing(number, call)
        found = estimate(_RECORDS[:1], _PROMPTS, choices, missing=lambda _: first)
        return found.requests, found.most_requests, found.most_completion_tokens

    assert counted(0, 0) == (2, 6, 300)
    assert counted(0, 1) == (1, 5, 250)
    assert counted(1, 1) == (1, 3, 150)
    assert counted(2, 0) == (2, 2, 100)
    assert counted(2, 1) == (1, 1, 50)


def test_a_passage_may_fill_the_context_to_the_last_token() -> None:
    record = _RECORDS[0]

    def refusal(tokens: int) -> str:
        choices = msgspec.structs.replace(_CHOICES, context_tokens=tokens)
        try:
            require_context([record], _PROMPTS, choices)
        except InputError as error:
            return str(error)
        return ""

    least = next(tokens for tokens in range(100, 2000) if not refusal(tokens))
    told = refusal(least - 1)
    assert f"unify.context_tokens {least - 1}: {record.id} needs about {least} tokens" in told
    assert "\n" not in told
    # The longer of both prompts, with its answer, stands in it.
    longest = _PROMPTS["answer", "zh"].render(passage=record.text, question="")  # type: ignore[union-attr]
    assert least >= likely_tokens(longest) + 50


def test_the_longest_of_the_passages_is_named() -> None:
    small = msgspec.structs.replace(_CHOICES, context_tokens=300)
    records = [passage("诊断。" * n) for n in (100, 300, 200)]
    with pytest.raises(InputError, match="3 of 3 passages") as caught:
        require_context(records, _PROMPTS, small)
    assert records[1].id in str(caught.value)


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
    assert lines[-3] == "together: 2 to rewrite, 0 of them done; 3 requests (at most 6)"
    twice = CliRunner().invoke(main, ["estimate", "--rate", "10", "web", "sft", "web", "sft"])
    assert sorted(twice.output.splitlines()) == sorted(lines)
    assert CliRunner().invoke(main, ["estimate", "--rate", "nan"]).exit_code == 1
    prompt, completion, cost = re.findall(r"about (\d+) \+ (\d+) tokens, ([\d.]+)", lines[-2])[0]
    assert float(cost) == round((int(prompt) + 2 * int(completion)) / 10**6, 2)


def test_the_command_leaves_out_what_is_not_collected_and_says_so(workplace: Path) -> None:
    write_params(workplace, parameters())
    write_records(workplace / "data/collect/web", _RECORDS[:1])
    result = CliRunner().invoke(main, ["estimate"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "sft: not collected yet (dvc repro collect@sft)"
    assert lines[-4].startswith("together: 1 to rewrite")
    assert lines[-1] == "unify.price is 0, so money is, too"
    chosen = CliRunner().invoke(main, ["estimate", "web"])
    assert chosen.output.splitlines() == lines[1:]
    for name, said in (("sft", "expected part-00000.jsonl"), ("wbe", "no such source; params")):
        refused = CliRunner().invoke(main, ["estimate", name])
        assert refused.exit_code == 1
        assert said in refused.output
        assert len(refused.output.splitlines()) == 1
