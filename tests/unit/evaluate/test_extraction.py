"""Letters are read from answers as models word them; what cannot be told is None."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onestage.benchmarks import LETTERS
from onestage.evaluate.extraction import Extraction, extract

_LINES = Path(__file__).with_name("wordings.tsv").read_text(encoding="utf-8").splitlines()
_OPTIONS = {
    name: tuple(texts.split("|"))
    for line in _LINES if line.startswith("= ")
    for name, texts in [line[2:].split("\t")]
}  # fmt: skip
_ANSWERS = [tuple(line.split("\t")) for line in _LINES if line[:2] in ("S\t", "M\t")]
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def _read(many: str, options: str, text: str) -> Extraction:
    return extract(text, _OPTIONS[options], multiple=many == "M")


@pytest.mark.parametrize(("many", "options", "letters", "answer"), _ANSWERS)
def test_an_answer_as_models_word_it(many: str, options: str, letters: str, answer: str) -> None:
    assert (_read(many, options, answer.replace("⏎", "\n")).letters or "-") == letters


def test_the_table_holds_both_languages_and_kinds() -> None:
    assert len(_ANSWERS) >= 300
    for many in ("S", "M"):
        assert sum(a[0] == many and a[2] == "-" for a in _ANSWERS) >= 10
        assert sum(a[0] == many and a[2] != "-" for a in _ANSWERS) >= 30


_PIECES = st.sampled_from(
    [
        *"ABCDEFIabc",
        *"、，。；：,.;:()（）\n *和与选是对型肝肺",
        *("故选", "不选", "答案", "正确", "错误", "维生素", "皮肤", "因此", "A. 肝\n", "B. 皮肤\n"),
        *(" and ", " or ", "not ", "answer", " is ", "correct", "wrong", "Option ", "Therefore, "),
        *("<think>", "</think>"),
    ]
)
_TEXTS = st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=14).map("".join))


@given(_TEXTS, st.integers(2, 10), st.booleans())
@example("答案是A、B和E", 4, True)
def test_letters_are_options_in_order_and_one_where_one_is_right(
    text: str, count: int, multiple: bool
) -> None:
    options = ["肝", "皮肤", "肺", "大脑", "肾", "胃", "脾", "心脏", "骨骼", "小肠"][:count]
    found = extract(text, options, multiple=multiple)
    if found.letters is None:
        assert found.rule in ("none", "several", "contradictory")
        return
    assert found.letters
    assert list(found.letters) == sorted(set(found.letters))
    assert set(found.letters) <= set(LETTERS[:count])
    assert multiple or len(found.letters) == 1


@given(st.sampled_from(_ANSWERS), st.text(" \n\t\u3000\u200b", max_size=4))
def test_blanks_around_an_answer_mean_nothing(row: tuple[str, ...], blanks: str) -> None:
    many, options, _, answer = row
    text = answer.replace("⏎", "\n")
    assert _read(many, options, blanks + text + blanks) == _read(many, options, text)


@given(st.sampled_from(_ANSWERS), st.sampled_from(["**{}**", "__{}__", "`{}`", "### {}", "> {}"]))
def test_marks_of_emphasis_mean_nothing(row: tuple[str, ...], mark: str) -> None:
    many, options, _, answer = row
    text = answer.replace("⏎", "\n")
    assert _read(many, options, mark.format(text)) == _read(many, options, text)


@given(st.sampled_from([row for row in _ANSWERS if "<" not in row[3]]))
def test_full_width_means_nothing(row: tuple[str, ...]) -> None:
    many, options, _, answer = row
    text = answer.replace("⏎", "\n")
    assert _read(many, options, text.translate(_WIDE)) == _read(many, options, text)


@pytest.mark.parametrize(
    "piece", ["A and ", "[(", "答案是", "A、", "A错误，", "the answer is ", "(", "\n"]
)
def test_a_model_that_loops_is_read_to_its_end(piece: str) -> None:
    """In squared time this would take minutes, which nobody would miss."""
    text = piece * (40_000 // len(piece)) + "x"
    assert extract(text, _OPTIONS["Z"], multiple=False).letters in (None, "A")
