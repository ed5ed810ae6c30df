from given import passage
from hypothesis import given
from hypothesis import strategies as st

from onestage.unify.forms import as_raw, conversation, is_unanswered, turns
from onestage.unify.templates import as_template


def test_raw_text_has_no_instruction() -> None:
    found = passage("缺铁性贫血。")
    record = as_raw(found)
    assert (record.messages, record.text, record.via) == ([], found.text, "raw")
    assert (record.passage, record.parent) == (found.text, found.id)
    assert not is_unanswered(record)


@given(st.text(min_size=1, max_size=9), st.text(min_size=1, max_size=9))
def test_an_id_depends_on_the_passage_alone(text: str, answer: str) -> None:
    found = passage("缺铁性贫血。")
    record = conversation(found, messages=turns("?", answer), text="", via="openai:m")
    assert record.id == as_raw(found).id == as_template(found, seed=3).id
    assert record.id != found.id
    assert (record.id == as_raw(passage(text)).id) == (text == found.text)
    assert [message.content for message in record.messages] == ["?", answer]
