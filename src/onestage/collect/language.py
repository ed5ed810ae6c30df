"""Whether a passage is in the language that its source is said to have.

Writing tells Chinese from all others; what is written in Latin letters is English if it has
English function words enough, and only the rest is asked of a detector, CLD2. Lists of names,
abbreviations and references, of which it is not sure, pass.
"""

import re

import pycld2

from onestage.collect.quality import Verdict
from onestage.records import Lang

# Japanese is written in ideographs too, but hardly a sentence of it is without kana.
_MAX_KANA_HANGUL_SHARE = 0.2

_HAN = "\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA_HANGUL = "\u3041-\u3096\u30a1-\u30fa\u30fc\u1100-\u11ff\uac00-\ud7af"
_LATIN = "A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff\u0300-\u036f"
_HAN_RUNS = re.compile(f"[{_HAN}]+")
_KANA_HANGUL_RUNS = re.compile(f"[{_KANA_HANGUL}]+")
_OTHER_WORDS = re.compile(rf"[^{_HAN}{_KANA_HANGUL}\W\d_]+")
_LATIN_WORDS = re.compile(f"[{_LATIN}]+")
# Letters of other scripts but Greek, which any medical text may hold.
_NON_LATIN = re.compile(rf"[^{_LATIN}\u0370-\u03ff\u1f00-\u1fff{_HAN}{_KANA_HANGUL}\W\d_]+")

# No other language of Latin letters has these as words so often.
_FUNCTION_WORDS = (" the ", " and ", " of ", " with ", " is ")
_FUNCTION_WORD_CHARS = 125


def language_verdict(text: str, lang: Lang, *, max_other_share: float) -> Verdict | None:
    """Return `wrong_language` if more than a share of the words are not of `lang`.

    An ideograph, a kana and a syllable of Hangul count as a word.
    """
    found = _not_chinese(text) if lang == "zh" else _not_english(text)
    if found is None:
        return None
    language, share = found
    if language in ("ja", "ko") or share > max_other_share:
        return "wrong_language", {"language": language, "other_share": round(share, 4)}
    return None


def _chars(runs: re.Pattern[str], text: str) -> int:
    return sum(map(len, runs.findall(text)))


def _not_chinese(text: str) -> tuple[str, float] | None:
    syllables = _chars(_KANA_HANGUL_RUNS, text) if _KANA_HANGUL_RUNS.search(text) else 0
    words = len(_OTHER_WORDS.findall(text))
    if not syllables + words:
        return None
    ideographs = _chars(_HAN_RUNS, text)
    if syllables > _MAX_KANA_HANGUL_SHARE * (syllables + ideographs):
        hangul = re.search("[\uac00-\ud7af]", text)
        return "ko" if hangul else "ja", syllables / (syllables + ideographs)
    return "other", (syllables + words) / (syllables + words + ideographs)


def _not_english(text: str) -> tuple[str, float] | None:
    if not text.isascii():
        foreign = _chars(_HAN_RUNS, text) + _chars(_KANA_HANGUL_RUNS, text)
        foreign += len(_NON_LATIN.findall(text))
        if foreign:
            return "other", foreign / (foreign + len(_LATIN_WORDS.findall(text)))
    if _FUNCTION_WORD_CHARS * sum(map(text.count, _FUNCTION_WORDS)) >= len(text):
        return None
    reliable, _, languages = _detected(text)
    if not reliable:
        return None
    others = [(code, percent) for _, code, percent, _ in languages if code not in ("en", "un")]
    return (others[0][0], sum(percent for _, percent in others) / 100) if others else None


def _detected(text: str) -> tuple[bool, int, tuple[tuple[str, str, int, float], ...]]:
    """Return what CLD2 says; characters that it refuses (controls, non-characters) are left out."""
    try:
        return pycld2.detect(text)  # type: ignore[no-any-return]
    except (pycld2.error, UnicodeEncodeError):
        return pycld2.detect("".join(filter(str.isprintable, text)))  # type: ignore[no-any-return]
