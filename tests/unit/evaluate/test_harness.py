"""Likelihood scoring through lm-eval, against a plain forward pass of the same model."""

import pytest
from given import TOY_BASE

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]

from onestage.benchmarks import Item  # noqa: E402
from onestage.errors import InputError  # noqa: E402
from onestage.evaluate.asking import candidates, question_text  # noqa: E402
from onestage.offline import go_offline  # noqa: E402

go_offline()

import torch  # noqa: E402

from onestage import checkpoint  # noqa: E402
from onestage.evaluate import harness  # noqa: E402

_ITEMS = [
    Item("mc", "1", "zh", "", "成人高血压的界值是", ("130/80", "140/90", "150/95"), "B", "", ""),
    Item("mc", "2", "en", "A case.", "Which drug?", ("Aspirin", "Insulin"), "A", "t", "k"),
    Item("mc", "3", "zh", "", "下列属于β受体阻断药的是", ("甲", "乙", "丙", "丁"), "D", "", ""),
]


def _expected(model: object, tokenizer: object, item: Item, *, multiple: bool) -> str:
    """Return the candidate with the highest likelihood after the rendered question."""
    turn = [{"role": "user", "content": question_text(item, multiple=multiple)}]
    prompt = tokenizer.apply_chat_template(  # type: ignore[attr-defined]
        turn, tokenize=True, return_dict=False, add_generation_prompt=True
    )
    scores = {}
    for answer in candidates(item, multiple=multiple):
        end = tokenizer.eos_token if multiple else ""  # type: ignore[attr-defined]
        ids = tokenizer.encode(answer + end, add_special_tokens=False)  # type: ignore[attr-defined]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + ids])).logits[0]  # type: ignore[operator]
        chances = torch.log_softmax(logits[len(prompt) - 1 : -1], dim=-1)
        scores[answer] = sum(chances[n, token].item() for n, token in enumerate(ids))
    return max(scores, key=lambda answer: scores[answer])


@pytest.mark.parametrize("multiple", [False, True])
def test_answers_are_those_of_a_plain_forward_pass(multiple: bool) -> None:
    model = checkpoint.load_model(TOY_BASE, init="random", seed=3).eval()
    tokenizer = checkpoint.load_tokenizer(TOY_BASE)
    found = harness.answer_items(
        model, tokenizer, _ITEMS, multiple=multiple, batch_size=2, max_length=512
    )
    assert [prediction.item for prediction in found] == ["1", "2", "3"]
    for item, prediction in zip(_ITEMS, found, strict=True):
        assert prediction.predicted == _expected(model, tokenizer, item, multiple=multiple)
        assert prediction.correct == (prediction.predicted == item.answer)
    assert (found[1].track, found[1].type) == ("t", "k")


def test_a_model_that_knows_two_letters_is_right_with_both() -> None:
    """Without the end-of-turn token one letter of two would always be the likelier answer."""
    item = Item("mc", "4", "zh", "", "哪些是", ("甲", "乙", "丙"), "BC", "", "")
    model = checkpoint.load_model(TOY_BASE, init="random", seed=3)
    tokenizer = checkpoint.load_tokenizer(TOY_BASE)
    turn = [{"role": "user", "content": question_text(item, multiple=True)}]
    prompt = tokenizer.apply_chat_template(
        turn, tokenize=True, return_dict=False, add_generation_prompt=True
    )
    answer = tokenizer.encode(item.answer + tokenizer.eos_token, add_special_tokens=False)
    ids = torch.tensor([prompt + answer])
    labels = ids.clone()
    labels[0, : len(prompt)] = -100
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(12):
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    (found,) = harness.answer_items(
        model.eval(), tokenizer, [item], multiple=True, batch_size=8, max_length=512
    )
    assert (found.predicted, found.correct) == ("BC", True)


def test_a_question_that_does_not_fit_is_refused_and_not_cut() -> None:
    model = checkpoint.load_model(TOY_BASE, init="random", seed=3).eval()
    tokenizer = checkpoint.load_tokenizer(TOY_BASE)
    with pytest.raises(InputError, match=r"evaluate\.max_length_tokens"):
        harness.answer_items(model, tokenizer, _ITEMS, multiple=False, batch_size=2, max_length=20)


def test_nothing_asked_gives_nothing() -> None:
    assert harness.answer_items(None, None, [], multiple=False, batch_size=1, max_length=9) == []
