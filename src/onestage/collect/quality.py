"""Plain quality rules for passages: each names the reason for which it rejects.

They look at normalised text, whose only white space is the space and the line break.
"""

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from onestage.params import Params, Share
from onestage.records import Detail

Verdict = tuple[str, dict[str, Detail]]


class Quality(Params, frozen=True):
    """Limits of the quality rules, all shares of characters but that of n-grams.

    `min_letter_share`: letters, ideographs and digits among the characters that are not white
    space; `max_digit_share`: ASCII digits among the same. `max_repeat_share`: n-grams that
    stand more than once. `max_repeated_lines_share`: characters in lines that stand more than
    once. `max_navigation_share`: characters in lines of menus, links and imprints.
    """

    min_letter_share: Share
    max_digit_share: Share
    max_repeat_share: Share
    max_repeated_lines_share: Share
    max_navigation_share: Share


def rejected_for(text: str, *, min_chars: int, rules: Quality) -> Verdict | None:
    """Return the first rule that the passage breaks, with the figure seen, or None."""
    if len(text) < min_chars:
        return "too_short", {"chars": len(text)}
    letters = letter_share(text)
    if letters < rules.min_letter_share:
        return "symbols", {"letter_share": round(letters, 4)}
    for reason, measure, limit in (
        ("digits", digit_share, rules.max_digit_share),
        ("repeated_lines", repeated_lines_share, rules.max_repeated_lines_share),
        ("navigation", navigation_share, rules.max_navigation_share),
        ("repetition", _repeat_share_of_language, rules.max_repeat_share),
    ):
        share = measure(text)
        if share > limit:
            return reason, {f"{_FIGURES[reason]}_share": round(share, 4)}
    return None


_FIGURES = {
    "digits": "digit",
    "repeated_lines": "repeated_lines",
    "navigation": "navigation",
    "repetition": "repeat",
}

_SYMBOL = re.compile(r"[^\w\s]")
# Ideographs first: nearly all characters of a Chinese text are told by one comparison.
_SYMBOL_BEYOND_ASCII = re.compile(r"[^\u4e00-\u9fff\x00-\x7f\w\s]")
_DIGITS = b"0123456789"
_ASCII_NO_SYMBOL = bytes(code for code in range(128) if not _SYMBOL.match(chr(code)) and code != 95)


def _visible_chars(text: str) -> int:
    return len(text) - text.count(" ") - text.count("\n")


def letter_share(text: str) -> float:
    """Return the share of letters, ideographs and digits among what is not white space."""
    visible = _visible_chars(text)
    # bytes.translate is many times faster than a regular expression
    symbols = len(text.encode("ascii", "ignore").translate(None, _ASCII_NO_SYMBOL))
    if not text.isascii():
        symbols += len(_SYMBOL_BEYOND_ASCII.findall(text))
    return (visible - symbols) / visible if visible else 0.0


def digit_share(text: str) -> float:
    """Return the share of ASCII digits among what is not white space."""
    visible = _visible_chars(text)
    in_ascii = text.encode("ascii", "ignore")
    digits = len(in_ascii) - len(in_ascii.translate(None, _DIGITS))
    return digits / visible if visible else 0.0


def repeated_lines_share(text: str) -> float:
    r"""Return the share of characters in lines that stand more than once.

    >>> repeated_lines_share("aa\nbbbb\naa")
    0.5
    """
    if "\n" not in text:
        return 0.0
    lines = text.replace("\n\n", "\n").strip("\n").split("\n")
    if len(set(lines)) == len(lines):
        return 0.0
    times = Counter(lines)
    return sum(len(line) for line in lines if times[line] > 1) / sum(map(len, lines))


# A line that begins like one of these, and is no longer than a link or an imprint, is no text.
_LINK_MAX_CHARS = 60
_ASCII_LINK_MAX_CHARS = 120
_LEADS_ZH = (
    r"[上下]一[篇页条章节则](?:\W|$)|返回(?:首页|顶部|列表|上一?页|目录)|回到(?:顶部|首页)"
    r"|版权(?:所有|声明)|(?:网站)?首页(?:\W|$)|[您你]?的?(?:现在|当前|所在)的?位置 ?[:：>]"
    r"|您的位置|相关(?:阅读|文章|推荐|链接|新闻|资讯|专题|搜索)|(?:推荐|延伸|扩展)阅读"
    r"|热门(?:推荐|文章|标签|搜索|问题)|猜你喜欢|大家都在看|点击(?:查看|进入|这里|此处|下载|阅读)"
    r"|(?:责任)?编辑 ?[:：]|(?:文章|本文|信息|稿件|新闻)来源 ?[:：]|转载请|分享[到至](?:\W|$|微|朋)"
    r"|(?:阅读|查看|展开)(?:全文|更多|详情)|更多 ?[>»›]|加入收藏|设为首页|打印[本此]页"
    r"|网站(?:地图|导航)|(?:关于|联系|关注)我们(?:\W|$)|扫一扫|[^。]{0,12}icp备|[^。]{0,8}公网安备"
)
_LEADS_EN = (
    r"copyright (?:©|\(c\)|notice|[12])|©|all rights reserved|home ?[>»›|]|you are here"
    r"|skip to (?:main|content|navigation)|back to (?:top|home)"
    r"|(?:previous|next) (?:article|post|page|chapter|section)\b|(?:previous|next) ?(?:[»›>]|$)"
    r"|related (?:articles?|posts?|links?|topics|stories|reading|pages)\b|see also ?:"
    r"|(?:click|tap) here|read more\b|continue reading|learn more ?[>»›]?$"
    r"|share (?:this (?:page|article|post)|on (?:facebook|twitter|x)\b|via )"
    r"|(?:follow|contact|about) us\b|terms of (?:use|service)|privacy policy"
    r"|cookie (?:policy|settings)|site ?map|(?:sign|log) ?in\b|subscribe (?:now|to our)"
    r"|print this|filed under|posted (?:in|by|on)\b|tags ?:|advertisement\b"
)
_LEADS = re.compile(rf"[\W_]*(?:{_LEADS_ZH}|{_LEADS_EN})")  # of lower-case lines
# Words of menus: a line of little else is one, wherever they stand in it.
_MENU_WORDS = re.compile(
    r"首页|登录|登陆|注册|网站地图|关于我们|联系我们|加入收藏|设为首页|返回顶部|上一页|下一页|更多"
    r"|微信|微博|论坛|下载|搜索|分享|收藏|打印|客服|帮助中心|免责声明|隐私政策|广告服务|人才招聘"
    r"|\b(?:home|log ?in|sign ?(?:in|up)|register|about us|contact(?: us)?|site ?map|search|menu"
    r"|privacy(?: policy)?|terms(?: of use)?|faqs?|help|facebook|twitter|instagram|youtube|linkedin"
    r"|pinterest|share|print|e-?mail|rss|next|previous|subscribe|newsletter|careers|advertise)\b"
)
# No menu is without one of these, which is found faster.
_MENU_ANCHORS = ("首页", "登", "注册", "我们", "home", "log", "sign", "contact", "share", "search")
_MENU_MIN_WORDS = 3
_LETTER = re.compile(r"[^\W\d_]")


def navigation_share(text: str) -> float:
    r"""Return the share of characters in lines of menus, links to other pages and imprints.

    >>> navigation_share("返回首页\n血压高。\n")
    0.5
    """
    lines = text.split("\n")
    found = sum(len(line) for line in lines if _is_link(line))
    return found / sum(map(len, lines)) if found else 0.0


def _is_link(line: str) -> bool:
    if len(line) > (_ASCII_LINK_MAX_CHARS if line.isascii() else _LINK_MAX_CHARS):
        return False
    lowered = line.lower()
    return _LEADS.match(lowered) is not None or _is_menu(lowered)


def _is_menu(line: str) -> bool:
    if not any(anchor in line for anchor in _MENU_ANCHORS):
        return False
    words: list[str] = _MENU_WORDS.findall(line)
    if len(words) < _MENU_MIN_WORDS:
        return False
    return sum(map(_letters, words)) >= _letters(line) / 2


def _letters(text: str) -> int:
    return len(_LETTER.findall(text))


_ENDS_OPEN = re.compile(
    r"(?:\.\s?\.\s?\.|…|。。。|[\[【(（]\s*(?:详细|更多|详情|全文|more|continued)\s*[\]】)）]"
    r"|(?:^|[\s。！？；，、.!?;,\]】>])(?:请?点击)?(?:阅读全文|查看全文|查看更多|查看详情|展开全文"
    r"|阅读更多|了解更多|更多详情|未完待续|待续)"
    r"|(?:^|[\n.!?…\]>]\s*)(?i:read more|continue reading|see more|(?:click here )?to read more"
    r"|to be continued))[\s>»›→)\]）】”’\"'。.]*\Z"
)
_ENDING_CHARS = 60


def unfinished(text: str) -> bool:
    """Say whether a text breaks off: an ellipsis at its end, or a link to the rest of it.

    >>> unfinished("口服阿司匹林，每日... [详细]")
    True
    """
    return _ENDS_OPEN.search(text[-_ENDING_CHARS:]) is not None


def _repeat_share_of_language(text: str) -> float:
    """Return the share of n-grams so long that only repetition repeats them: 10 characters,
    or 30 where most are ASCII, since ten letters are hardly more than one word.
    """
    ascii_chars = len(text.encode("ascii", "ignore")) - len(text) + _visible_chars(text)
    return repeat_share(text, gram_chars=30 if 2 * ascii_chars > _visible_chars(text) else 10)


def repeat_share(text: str, *, gram_chars: int = 10) -> float:
    """Return the share of n-grams of at least two characters that stand more than once.

    >>> repeat_share("abcdefghij" * 3)
    1.0
    """
    if len(text) < gram_chars:
        return 0.0
    hashes = _gram_hashes(text, gram_chars)
    hashes.sort()
    same = hashes[1:] == hashes[:-1]
    again = int(np.count_nonzero(same))
    if not again:
        return 0.0
    first = int(same[0]) + int(np.count_nonzero(same[1:] > same[:-1]))
    return (again + first) / len(hashes)


# Odd numbers without a pattern, to weigh the parts of an n-gram.
_WEIGHTS = [
    np.uint64(weight)
    for weight in (
        0x9E3779B97F4A7C15,
        0xD6E8FEB86659FD93,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0xFF51AFD7ED558CCD,
        0xC4CEB9FE1A85EC53,
    )
]
_HALF = np.uint64(32)


def _gram_hashes(text: str, gram_chars: int) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each n-gram; equal n-grams have equal ones.

    The text's bytes are seen as overlapping words of 8: 8 ASCII characters, 4 of UTF-16 or 2
    of UTF-32. Two words that stand side by side, or overlap, make a longer one.
    """
    encoded, char_bytes = _encoded(text, gram_chars)
    chars = 8 // char_bytes
    words = np.ndarray(len(text) - chars + 1, np.uint64, encoded, strides=(char_bytes,))
    hashes = words * _WEIGHTS[0]
    hashes ^= hashes >> _HALF  # so that high bytes count in the low half too
    for weight in _WEIGHTS[1:]:
        if chars == gram_chars:
            break
        step = min(chars, gram_chars - chars)
        longer = hashes[step:] * weight
        longer += hashes[:-step]
        hashes = longer
        chars += step
    return hashes


def _encoded(text: str, gram_chars: int) -> tuple[bytes, int]:
    """Return fixed-width bytes and the width, so that a word is no longer than an n-gram."""
    if gram_chars >= 8 and text.isascii():
        return text.encode("ascii"), 1
    if gram_chars >= 4:
        encoded = text.encode("utf-16-le", "surrogatepass")
        if len(encoded) == 2 * len(text):
            return encoded, 2
    return text.encode("utf-32-le", "surrogatepass"), 4
