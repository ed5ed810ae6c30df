"""Counts of tokens without the model's tokenizer: a bound, and a guess on the safe side."""

import pytest
from given import TOY_BASE
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from onestage.unify.tokens import likely_tokens, most_tokens

_TOKENIZER = Tokenizer.from_file(str(TOY_BASE / "tokenizer.json"))
_TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text("高血压 5mg/d³½é\n")


@given(_TEXTS)
def test_a_byte_level_tokenizer_stays_below_the_bound(text: str) -> None:
    assert len(_TOKENIZER.encode(text, add_special_tokens=True).ids) <= most_tokens(text)


@given(_TEXTS)
def test_the_guess_stays_below_the_bound(text: str) -> None:
    assert 0 < likely_tokens("") <= likely_tokens(text) <= most_tokens(text)


@given(_TEXTS, _TEXTS)
def test_parts_cost_no_less_than_the_whole(left: str, right: str) -> None:
    for count in (most_tokens, likely_tokens):
        assert count(left + right) <= count(left) + count(right)
        assert count(left) <= count(left + right)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("", 0),
        ("高血压", 3),
        ("𠀀", 1),
        ("カ", 1),
        ("abc", 1),
        ("abcd", 2),
        ("血 5 mg", 3),
        ("。", 1),
    ],
)
def test_an_ideograph_is_a_token_and_three_other_characters_are_one(text: str, own: int) -> None:
    assert likely_tokens(text) - likely_tokens("") == own
