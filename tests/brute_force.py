"""Slow ways to figures that the library reaches fast, sharing no code with it."""

from fractions import Fraction


def similarity_by_windows(left: str, right: str, length: int) -> Fraction:
    """Jaccard similarity by counting each window of either text, without sets of grams."""

    def windows(text: str) -> list[str]:
        if len(text) < length:
            return [text]
        return [text[i : i + length] for i in range(len(text)) if i + length <= len(text)]

    one, other = windows(left), windows(right)
    both = [gram for n, gram in enumerate(one) if gram in other and gram not in one[:n]]
    either = one + other
    all_of_them = [gram for n, gram in enumerate(either) if gram not in either[:n]]
    return Fraction(len(both), len(all_of_them))
