"""The longest shared runs are what comparing every pair of places finds."""

from hypothesis import example, given
from hypothesis import strategies as st

from onestage.dedupe.shared_runs import SharedRuns


def _longest_common(left: str, right: str) -> int:
    """Length of the longest common substring, by a table of all pairs of places."""
    best, above = 0, [0] * (len(right) + 1)
    for a in left:
        row = [0] * (len(right) + 1)
        for j, b in enumerate(right, start=1):
            if a == b:
                row[j] = above[j - 1] + 1
                best = max(best, row[j])
        above = row
    return best


# Few letters, so that runs are shared by chance, of one, two and four bytes.
_TEXT = st.text("a汉𠀀", max_size=70) | st.text("a汉", max_size=70)


@given(st.lists(_TEXT, max_size=4), _TEXT, st.integers(2, 12))
@example(["aabbbabab"], "babbaabbbab", 7)
def test_brute_force_finds_the_same(texts: list[str], seen: str, min_chars: int) -> None:
    found = SharedRuns(texts, min_chars=min_chars).find(seen)
    longest = {n: _longest_common(seen, text) for n, text in enumerate(texts)}
    assert {n: len(run) for n, run in found.items()} == {
        n: chars for n, chars in longest.items() if chars >= min_chars
    }
    for number, run in found.items():
        assert run in seen
        assert run in texts[number]


def test_a_run_of_63_is_none_and_one_of_64_is_wherever_it_stands() -> None:
    text = "".join(chr(0x4E00 + n) for n in range(200))
    runs = SharedRuns([text], min_chars=64)
    for offset in range(40):
        before = "x" * offset
        assert runs.find(before + text[37:100] + "y") == {}
        assert runs.find(before + text[37:101] + "y") == {0: text[37:101]}


def test_a_run_goes_over_no_edge_between_two_texts() -> None:
    runs = SharedRuns(["甲" * 10, "乙" * 10], min_chars=12)
    assert runs.find("甲" * 10 + "乙" * 10) == {}
    assert SharedRuns([], min_chars=12).find("甲" * 20) == {}


def test_monotonous_text_takes_no_time() -> None:
    """Every window is found at every place; no run is walked through twice."""
    runs = SharedRuns(["甲" * 300], min_chars=64)
    assert runs.find("甲" * 10_000) == {0: "甲" * 300}
