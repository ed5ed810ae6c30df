from pathlib import Path

import pytest

from onestage.collect.density import Lexicon, load_lexicon
from onestage.errors import InputError


@pytest.mark.parametrize(
    ("terms", "text", "expected"),
    [
        (["高血压"], "高血压病人", 3 / 5),
        (["高血压", "高血压病"], "高血压病人", 4 / 5),  # the longest term counts, once
        (["ALT"], "salt alt Alt", 6 / 10),  # whole words, any case
        (["heart failure"], "heart failure now", 12 / 15),  # blanks are no characters
        (["CD4"], "CD4细胞", 3 / 5),  # an ASCII word ends where Chinese begins
        (["CD4"], "CD45细胞", 0.0),
        (["血压"], "  \n ", 0.0),
        (["heart", "heart fail"], "heart failure", 5 / 12),  # no word ends after "fail"
        (["art", "heart", "failure now"], "heart failure nowadays", 5 / 20),
        (["ab 血", "血压高"], "ab 血压高血", 3 / 6),  # leftmost first, none overlaps
        (["气"], "气气", None),  # terms of one character are none
    ],
)
def test_density(terms: list[str], text: str, expected: float | None) -> None:
    lexicon = Lexicon(terms)
    if expected is None:
        assert lexicon.size == 0
    else:
        assert lexicon.density(text) == pytest.approx(expected)


def test_a_lexicon_file_may_carry_frequencies(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text("\ufeff高血压\t120\n\n高血压\t3\n糖尿病\n", encoding="utf-8")
    assert load_lexicon(path).size == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no such lexicon"), ("高血压".encode("gbk"), "not UTF-8"), (b"\n\n", "no term")],
)
def test_an_unusable_lexicon_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "lexicon.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        load_lexicon(path)
    assert str(path) in str(caught.value)
