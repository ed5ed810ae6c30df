"""Which text of a conversation is compared, in which form."""

import unicodedata

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


class _Comparable(dict[int, int | str | None]):
    """Per character: None for white space and punctuation, otherwise its folded form."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        kept = unicodedata.category(character)[0] not in "PZC"
        folded = unicodedata.normalize("NFKC", character).casefold() if kept else None
        self[code] = folded
        return folded


_COMPARABLE = _Comparable()


def comparable(text: str) -> str:
    """Return the text as comparisons see it; it is never written anywhere.

    White space, punctuation, case and width (NFKC) do not hide a match.

    >>> comparable("Ｔ细胞： CD4+, 10 mg")
    't细胞cd4+10mg'
    """
    return text.translate(_COMPARABLE)
