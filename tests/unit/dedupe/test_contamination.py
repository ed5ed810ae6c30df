"""The index finds what comparing every pair of places finds."""

from given import ROOT
from hypothesis import example, given
from hypothesis import strategies as st

from onestage.benchmarks import Benchmark, Item, read_all
from onestage.dedupe.contamination import ContaminationIndex
from onestage.params import load_document, mapping
from onestage.similarity import comparable


def _item(name: str, text: str) -> Item:
    return Item("mc", name, "en", "", text, (), "A", "", "")


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


# Letters of which comparison changes nothing, few enough that runs are shared by chance.
_TEXT = st.text("ab", max_size=70)


@given(st.lists(_TEXT, min_size=1, max_size=4), _TEXT, st.integers(2, 12))
@example(["aabbbabab"], "babbaabbbab", 7)
def test_the_index_agrees_with_brute_force(items: list[str], text: str, min_chars: int) -> None:
    index = ContaminationIndex(
        [_item(str(n), item) for n, item in enumerate(items)], min_chars=min_chars
    )
    shared = [_longest_common(text, item) for item in items]
    found = index.find(text)
    if max(shared) < min_chars:
        assert found is None
    else:
        assert found is not None
        assert len(found.text) == max(shared)
        assert found.text in text
        assert found.text in items[int(found.item)]


def test_the_whole_item_counts_and_punctuation_hides_nothing() -> None:
    item = Item("mc", "7", "zh", "患者，男。", "诊断是？", ("高血压", "糖尿病"), "A", "", "")
    index = ContaminationIndex([item], min_chars=10)
    found = index.find("题目：患者男 诊断是: 高血压…糖尿病！")
    assert found is not None
    assert (found.benchmark, found.item, found.text) == ("mc", "7", "患者男诊断是高血压糖尿病")
    assert index.find("患者男，诊断是高血脂") is None


def test_a_run_of_63_stays_and_one_of_64_goes() -> None:
    question = "".join(chr(0x4E00 + n) for n in range(200))
    index = ContaminationIndex([_item("1", question)], min_chars=64)
    for offset in range(40):
        before = "x" * offset
        assert index.find(before + question[37:100] + "y") is None
        assert index.find(before + question[37:101] + "y") is not None


def test_items_are_found_as_they_are_put_to_a_model() -> None:
    """Every toy item of enough characters, with its options bare and behind their letters."""
    document = load_document(ROOT / "profiles" / "toy.yaml")
    benchmarks = mapping(document, "benchmarks", Benchmark)
    items = read_all(benchmarks, ROOT / document["benchmarks_dir"])
    index = ContaminationIndex(items, min_chars=64)
    for item in items:
        stem = f"{item.case}\n{item.question}\n"
        bare = stem + "\n".join(item.options)
        if len(comparable(bare)) < 64:
            continue
        lettered = zip("ABCDE", item.options, strict=False)
        shown = stem + "\n".join(f"({letter}) {option}" for letter, option in lettered)
        assert index.find(f"before {bare} after")
        assert index.find(f"before {shown} after")
