"""Samples longer than a row cut in two, where a reader would cut them."""

from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from onestage.quantities import parted
from onestage.records import Conversation, Message
from onestage.sentences import sentences

_TURN = 2  # instruction and output


def halves(conversation: Conversation, *, by_turns: bool) -> tuple[Conversation, ...]:
    """Return a sample's two halves, about equally long; nothing if it cannot be cut.

    Raw text is cut at the sentence end nearest to its middle. So is the output of a single
    turn, and both halves keep its instruction. With `by_turns` the cut falls between two
    turns, for what follows a turn may refer to what was said in it, and a turn by itself is
    not cut. No number is cut, nor parted from its unit. White space at the cut is dropped.
    """
    if conversation.text:
        return tuple(replace(conversation, text=text) for text in _cut_text(conversation.text))
    messages = conversation.messages
    if by_turns:
        return tuple(replace(conversation, messages=part) for part in _cut_turns(messages))
    instruction, output = messages
    return tuple(
        replace(conversation, messages=[instruction, Message(output.role, text)])
        for text in _cut_text(output.content)
    )


def _cut_text(text: str) -> tuple[str, ...]:
    spans = list(sentences(text))
    between = ((left[1], right[0]) for left, right in pairwise(spans))
    borders = [(end, start) for end, start in between if not parted(text, end, start)]
    if not borders:
        return ()
    end, start = min(borders, key=lambda border: abs(border[0] + border[1] - len(text)))
    return text[:end], text[start:]


def _cut_turns(messages: Sequence[Message]) -> tuple[list[Message], ...]:
    places = range(_TURN, len(messages), _TURN)
    if not places:
        return ()
    chars = [len(message.content) for message in messages]
    middle = sum(chars) / 2
    place = min(places, key=lambda place: abs(sum(chars[:place]) - middle))
    return list(messages[:place]), list(messages[place:])


def own_chars(conversation: Conversation, *, by_turns: bool) -> int:
    """Return the characters that halves share out; both have the instruction of a single turn."""
    messages = conversation.messages if by_turns else conversation.messages[1:]
    return len(conversation.text) + sum(len(message.content) for message in messages)
