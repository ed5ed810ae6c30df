from onestage.benchmarks import Item
from onestage.evaluate.asking import (
    candidates,
    chosen_items,
    multiple_answer_groups,
    question_text,
)


def _item(name: str, *, benchmark: str = "mc", answer: str = "A", kind: str = "") -> Item:
    return Item(benchmark, name, "zh", "病例", "题目", ("甲", "乙", "丙"), answer, "", kind)


def test_the_whole_question_as_a_user_would_write_it() -> None:
    text = question_text(_item("1"), multiple=False)
    assert text == "请回答下面的单项选择题，只给出选项字母。\n病例\n题目\nA. 甲\nB. 乙\nC. 丙"
    assert question_text(_item("1"), multiple=True).startswith("请回答下面的多项选择题")


def test_candidates_are_letters_or_all_sets_of_letters() -> None:
    assert candidates(_item("1"), multiple=False) == ["A", "B", "C"]
    several = candidates(_item("1"), multiple=True)
    assert several == ["A", "B", "C", "AB", "AC", "BC", "ABC"]


def test_all_items_of_a_type_with_several_answers_are_asked_that_way() -> None:
    items = [_item("1", answer="AB", kind="x"), _item("2", kind="x"), _item("3", kind="one")]
    assert multiple_answer_groups(items) == {("mc", "x")}


def test_which_items_are_asked_depends_on_no_other_benchmark() -> None:
    items = [_item(str(n)) for n in range(30)] + [_item("none", answer="")]
    few = chosen_items(items, max_items=5)
    other = [_item(str(n), benchmark="other") for n in range(9)]
    assert len(few) == 5
    assert [
        i for i in chosen_items([*other, *items[::-1]], max_items=5) if i.benchmark == "mc"
    ] == [item for item in items[::-1] if item in few]
    assert chosen_items(items, max_items=0) == items[:-1]
