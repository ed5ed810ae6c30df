import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect.density import Lexicon, load_lexicon, write_weighted
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


def _found_by_hand(terms: list[str], text: str) -> list[str]:
    """Try every place from the left, the longest term first."""
    text = text.lower()
    lowered = sorted({term.lower() for term in terms if len(term) > 1}, key=len, reverse=True)

    def cuts_a_word(place: int) -> bool:
        beside = text[max(0, place - 1) : place + 1]
        return len(beside) == 2 and place > 0 and beside.isascii() and beside.isalnum()

    found, place = [], 0
    while place < len(text):
        fitting = (
            term
            for term in lowered
            if text.startswith(term, place)
            and not cuts_a_word(place)
            and not cuts_a_word(place + len(term))
        )
        term = next(fitting, "")
        found += [term] if term else []
        place += len(term) or 1
    return found


# Few characters, so that terms are found, lie within one another and touch.
_TEXT = st.text(alphabet="abA1 血压_-é\x01\x02İK\n", max_size=24)
_TERMS = st.lists(st.text(alphabet="abA1 血压_-é", min_size=1, max_size=5), max_size=8)


@given(_TERMS, _TEXT)
def test_what_is_found_is_what_a_search_by_hand_finds(terms: list[str], text: str) -> None:
    found = _found_by_hand(terms, text)
    visible = len([character for character in text.lower() if not character.isspace()])
    chars = sum(len(term) - term.count(" ") for term in found)
    assert Lexicon(terms).density(text) == (chars / visible if visible else 0.0)
    assert Lexicon(terms).terms_in(text) == set(found)


@given(_TERMS, _TEXT)
def test_a_weighted_density_is_the_rule_of_the_docstring(terms: list[str], text: str) -> None:
    found = _found_by_hand(terms, text)
    visible = len([character for character in text.lower() if not character.isspace()])
    chars = sum(
        0.5 * (len(term) - term.count(" ")) * (1 + math.log(found.count(term)))
        for term in set(found)
    )
    expected = chars / (visible + 50) if visible else 0.0
    density = Lexicon(dict.fromkeys(terms, 0.5)).density(text)
    assert density == pytest.approx(expected)
    assert 0 <= density <= 1


def test_general_words_repeats_and_chance_hits_in_short_passages_count_little() -> None:
    lexicon = Lexicon({"意识": 0.1, "高血压": 1.0, "糖尿病": 1.0})
    rest = "甲" * 94
    assert lexicon.density(f"意识{rest}") < lexicon.density(f"高血压{rest}") / 10
    assert lexicon.density(f"高血压高血压{rest}") < lexicon.density(f"高血压糖尿病{rest}")
    assert lexicon.density("高血压" + "甲" * 7) < lexicon.density(("高血压糖尿病" + "甲" * 14) * 5)
    assert lexicon.unweighted().density(f"意识{rest}") == 2 / 96


def test_a_lexicon_file_may_carry_frequencies(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text("\ufeff高血压\t120\n\n高血压\t3\n糖尿病\n", encoding="utf-8")
    lexicon = load_lexicon(path)
    assert (lexicon.size, lexicon.weighted) == (2, False)


def test_weights_are_written_sorted_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.tsv"
    write_weighted(path, {"糖尿病": 0.5, "alt": 1.0, "意识": 0.0})
    assert path.read_text(encoding="utf-8") == (
        "term\tweight\nalt\t1.000\n意识\t0.000\n糖尿病\t0.500\n"
    )
    lexicon = load_lexicon(path)
    assert lexicon.weighted
    assert lexicon.weights == {"alt": 1.0, "意识": 0.0, "糖尿病": 0.5}


@pytest.mark.parametrize("weight", ["", "heavy", "-0.1", "1.5", "nan", "0.5\t1"])
def test_a_weight_that_is_none_is_refused_with_its_line(tmp_path: Path, weight: str) -> None:
    path = tmp_path / "lexicon.tsv"
    path.write_text(f"term\tweight\nalt\t1\n意识\t{weight}\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 3: expected a weight from 0 to 1"):
        load_lexicon(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such lexicon"),
        ("高血压".encode("gbk"), "not UTF-8"),
        (b"\n\n", "no term"),
        (b"term\tweight\n", "no term"),
    ],
)
def test_an_unusable_lexicon_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "lexicon.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        load_lexicon(path)
    assert str(path) in str(caught.value)


def test_a_folder_is_no_lexicon(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no lexicon"):
        load_lexicon(tmp_path)
