"""Which text of a conversation is compared, in which form."""

import re
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


# Signs that change a number when they stand in it: 12.5 and 1.25, 1-2 and 12, 1:1000, 1/2.
_SIGNS = {".": ".", "-": "-", "–": "-", "—": "-", "/": "/", ":": ":", "∶": ":"}
_SIGNS_OUTSIDE_NUMBERS = re.compile(r"(?<!\d)[-./:]|[-./:](?!\d)")


class _Comparable(dict[int, str | None]):
    """Per character: None for white space and punctuation, otherwise its folded form."""

    def __missing__(self, code: int) -> str | None:
        character = unicodedata.normalize("NFKC", chr(code))
        kept = "".join(part for part in character if unicodedata.category(part)[0] not in "PZC")
        folded = kept.casefold() or _SIGNS.get(character)
        self[code] = folded
        return folded


_COMPARABLE = _Comparable()


def comparable(text: str) -> str:
    """Return the text as comparisons see it; it is never written anywhere.

    White space, punctuation, case and width (NFKC) do not hide a match; the signs within
    numbers stay, since doses differ by them.

    >>> comparable("Ｔ细胞： CD4+, 10 mg."), comparable("12.5 mg, 1-2 片")
    ('t细胞cd4+10mg', '12.5mg1-2片')
    """
    return _SIGNS_OUTSIDE_NUMBERS.sub("", text.translate(_COMPARABLE))
