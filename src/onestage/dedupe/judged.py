"""Which texts of a conversation are compared, and by what n-grams."""

from enum import IntEnum
from functools import lru_cache

import numpy as np

from onestage.dedupe.settings import TextGrams
from onestage.identity import hash64
from onestage.records import Conversation, Lang
from onestage.similarity import Hashes, comparable, gram_hashes

# A record's texts are looked at several times, one right after the other.
seen = lru_cache(maxsize=8)(comparable)


class View(IntEnum):
    """A text of a conversation; only SFT has the last two."""

    WHOLE = 0
    INSTRUCTION = 1
    OUTPUT = 2


def judged_text(record: Conversation, view: View = View.WHOLE) -> str:
    """Return the passage of rewritten text, so that every mode keeps the same passages.

    SFT is judged by its turns: all of them, those of the user, or those of the assistant.
    """
    if record.passage:
        return record.passage
    roles = {View.WHOLE: ("user", "assistant"), View.INSTRUCTION: ("user",)}
    taken = roles.get(view, ("assistant",))
    return "\n".join(message.content for message in record.messages if message.role in taken)


def all_texts(record: Conversation) -> list[str]:
    """Return every text that training could show the model, and the passage behind it."""
    turns = "\n".join(message.content for message in record.messages)
    return [text for text in dict.fromkeys((turns, record.text, record.passage)) if text]


def hashed_grams(text: str, lang: Lang, choices: TextGrams) -> Hashes:
    """Return 64 bits for each n-gram of a text: of its characters, or of its English words."""
    if lang == "en" and choices.english_ngram_words:
        words = _word_grams(text, choices.english_ngram_words)
        return np.array([hash64(gram) for gram in words], dtype=np.uint64)
    return gram_hashes(seen(text), choices.ngram_chars)


def _word_grams(text: str, length: int) -> set[str]:
    words = [word for part in text.split() if (word := comparable(part))]
    return {" ".join(words[at : at + length]) for at in range(max(1, len(words) - length + 1))}
