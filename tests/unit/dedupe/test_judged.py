from given import conversation

from onestage.dedupe.judged import View, all_texts, judged_text


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
    assert all_texts(raw) == ["原文"]
    assert [judged_text(sft, view) for view in View] == ["一\n二\n三\n四", "一\n三", "二\n四"]
