"""Which text of a conversation is compared."""

from onestage.records import Conversation


def judged_text(record: Conversation) -> str:
    """Return the passage of rewritten text, so that every mode keeps the same passages.

    SFT conversations are judged by all their turns.
    """
    if record.passage:
        return record.passage
    return "\n".join(message.content for message in record.messages)


def all_texts(record: Conversation) -> list[str]:
    """Return every text that training could show the model, and the passage behind it."""
    turns = "\n".join(message.content for message in record.messages)
    return [text for text in (turns, record.text, record.passage) if text]
