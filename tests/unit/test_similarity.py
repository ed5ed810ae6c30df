"""What counts as the same text."""

import numpy as np
import pytest
from brute_force import similarity_by_windows
from hypothesis import given
from hypothesis import strategies as st

from onestage.similarity import BANDS, band_keys, comparable, jaccard, minhash, ngrams


@given(st.text("abc", max_size=25), st.text("abc", max_size=25), st.integers(1, 6))
def test_similarity_is_exact(left: str, right: str, length: int) -> None:
    expected = similarity_by_windows(left, right, length)
    assert jaccard(ngrams(left, length), ngrams(right, length)) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Ｔ细胞： CD4+, 10 mg", "t细胞cd4+10mg"),
        ("血压（140／90）", "血压140/90"),
        ("A\u200bB\nC", "abc"),
        ("“高血压”，", "高血压"),
    ],
)
def test_lay_out_hides_no_match(left: str, right: str) -> None:
    assert comparable(left) == comparable(right)


def test_equal_sets_share_every_band_and_different_ones_none() -> None:
    one = band_keys(minhash({"甲乙", "乙丙"}, 1))
    assert one.shape == (BANDS,)
    assert (one == band_keys(minhash({"乙丙", "甲乙"}, 1))).all()
    assert not np.intersect1d(one, band_keys(minhash({"丁戊", "戊己"}, 1))).size
