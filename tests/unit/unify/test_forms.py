from given import passage
from hypothesis import given
from hypothesis import strategies as st

from onestage.unify.forms import as_raw, conversation, is_unanswered, turns


def test_raw_text_has_no_instruction() -> None:
    found = passage("缺铁性贫血。")
    record = as_raw(found)
    assert (record.messages, record.text, record.via) == ([], found.text, "raw")
    assert (record.passage, record.parent) == (found.text, found.id)
    assert not is_unanswered(record)


@given(st.sampled_from(["raw", "template", "openai"]), st.text(min_size=1, max_size=9))
def test_an_id_depends_on_the_passage_and_the_form_alone(form: str, answer: str) -> None:
    found = passage("缺铁性贫血。")
    record = conversation(found, messages=turns("?", answer), text="", form=form, via=answer)
    again = conversation(found, messages=turns("?", "!"), text="", form=form, via="other")
    assert record.id == again.id
    assert (record.id == as_raw(found).id) == (form == "raw")
    assert [message.content for message in record.messages] == ["?", answer]
