"""Plain quality rules for passages: each names the reason for which it rejects."""

from collections import Counter

from onestage.params import Params, Share
from onestage.records import Detail

Verdict = tuple[str, dict[str, Detail]]


class Quality(Params, frozen=True):
    """Limits of the quality rules.

    `min_letter_share` is the share of letters, ideographs and digits among the characters
    that are not white space; `max_repeat_share` that of n-grams which stand more than once.
    """

    min_letter_share: Share
    max_repeat_share: Share


def rejected_for(text: str, *, min_chars: int, rules: Quality) -> Verdict | None:
    """Return the first rule that the passage breaks, with the figure seen, or None."""
    if len(text) < min_chars:
        return "too_short", {"chars": len(text)}
    visible = [character for character in text if not character.isspace()]
    letters = sum(character.isalnum() for character in visible) / len(visible)
    if letters < rules.min_letter_share:
        return "symbols", {"letter_share": round(letters, 4)}
    repeats = repeat_share(text, gram_chars=_gram_chars(visible))
    if repeats > rules.max_repeat_share:
        return "repetition", {"repeat_share": round(repeats, 4)}
    return None


def _gram_chars(visible: list[str]) -> int:
    """Return how long an n-gram is that only repetition repeats: 10 characters, or 30 where
    most are ASCII, since ten letters are hardly more than one word, which any text repeats.
    """
    ascii_share = sum(character.isascii() for character in visible) / len(visible)
    return 30 if ascii_share > 0.5 else 10


def repeat_share(text: str, *, gram_chars: int = 10) -> float:
    """Return the share of n-grams of `gram_chars` characters that stand more than once.

    >>> repeat_share("abcdefghij" * 3)
    1.0
    """
    grams = Counter(text[i : i + gram_chars] for i in range(len(text) - gram_chars + 1))
    repeated = sum(count for count in grams.values() if count > 1)
    return repeated / max(1, sum(grams.values()))
