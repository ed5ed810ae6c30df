import pytest
from given import passage
from hypothesis import given
from hypothesis import strategies as st

from onestage.unify.forms import as_raw, as_template

_PASSAGES = st.builds(
    passage,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    lang=st.sampled_from(["zh", "en"]),
    title=st.sampled_from(["", "高血压", "Gout {0} {x}?", "。"]),
    span=st.sampled_from([(0, 5), (7, 12)]),
)


@given(_PASSAGES, st.integers(0, 5))
def test_a_template_keeps_the_passage_as_output(found, seed: int) -> None:  # type: ignore[no-untyped-def]
    record = as_template(found, seed=seed)
    assert [message.role for message in record.messages] == ["user", "assistant"]
    assert record.messages[1].content == record.passage == found.text
    assert record.messages[0].content.strip()
    assert (record.parent, record.text) == (found.id, "")
    assert as_template(found, seed=seed) == record


def test_raw_text_has_no_instruction() -> None:
    found = passage("缺铁性贫血。")
    record = as_raw(found)
    assert (record.messages, record.text, record.via) == ([], found.text, "raw")
    assert record.id != as_template(found, seed=1).id


def test_the_wording_changes_with_the_passage_and_the_seed() -> None:
    found = [passage(f"第{n}段。", title="痛风") for n in range(40)]
    assert len({as_template(item, seed=1).via for item in found}) == 4
    assert [as_template(i, seed=1).via for i in found] != [
        as_template(i, seed=2).via for i in found
    ]


@pytest.mark.parametrize(
    ("text", "lang", "subject"),
    [
        ("剂量为12.5,每日", "zh", "剂量为12.5"),
        ("Adults take 1,250 mg daily, then stop", "en", "Adults take 1,250 mg daily"),
        ("甲" * 20 + "口服100mg一日", "zh", "甲" * 20 + "口服"),
        ("甲" * 19 + "口服10 mg一日", "zh", "甲" * 19 + "口服"),
        ("甲" * 20 + "5×10⁹/L以上", "zh", "甲" * 20),
        ("甲" * 20 + "100 万U肌注", "zh", "甲" * 20),
        ("word " * 12 + "takes 10 mg daily", "en", "word " * 12 + "takes"),
        ("word " * 30, "en", " ".join(["word"] * 14)),
    ],
)
def test_first_words_end_at_a_clause_and_cut_no_number(text: str, lang: str, subject: str) -> None:
    instruction = as_template(passage(text, lang=lang), seed=1).messages[0].content  # type: ignore[arg-type]
    assert subject in instruction
    assert text[: len(subject) + 2] not in instruction
