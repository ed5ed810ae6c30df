import pytest
from given import conversation

from onestage.dedupe.judged import all_texts, comparable, judged_text


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


def test_rewritten_text_is_judged_by_its_passage_and_sft_by_all_turns() -> None:
    rewritten = conversation("问", "改写", source="web", passage="原文")
    sft = conversation("一", "二", "三", "四")
    raw = conversation(source="web", text="原文", passage="原文")
    assert [judged_text(record) for record in (rewritten, sft, raw)] == [
        "原文",
        "一\n二\n三\n四",
        "原文",
    ]
    assert all_texts(rewritten) == ["问\n改写", "原文"]
    assert all_texts(raw) == ["原文", "原文"]
