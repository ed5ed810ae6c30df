"""Shares of n-grams, held against counting them one by one."""

from hypothesis import given
from hypothesis import strategies as st
from plain_contamination import gram_share

from onestage.dedupe.ngram_shares import NgramShares

_TEXT = st.text("甲乙", max_size=20)


@given(
    st.lists(_TEXT, max_size=5),
    _TEXT,
    st.integers(1, 5),
    st.sampled_from([0.01, 0.25, 1 / 3, 0.5, 0.7, 1.0]),
)
def test_counting_finds_the_same(texts: list[str], seen: str, chars: int, share: float) -> None:
    shares = NgramShares(texts, ngram_chars=chars, share=share)
    held = [float(gram_share(text, seen, chars)) for text in texts]
    assert set(shares.find(seen)) == {n for n, part in enumerate(held) if part >= share}


def test_what_is_shared_is_shown() -> None:
    shares = NgramShares(["甲乙丙丁戊己庚辛壬"], ngram_chars=3, share=0.5)
    assert shares.find("己庚辛壬甲乙丙丁") == {0: "甲乙丙丁…己庚辛壬"}
    assert shares.find("己庚辛甲乙丙") == {}
    assert shares.find("甲乙丙丁戊己") == {0: "甲乙丙丁戊己"}
