import pytest

from onestage.collect.quality import Quality, rejected_for, repeat_share

_RULES = Quality(min_letter_share=0.7, max_repeat_share=0.2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("血压高", "too_short"),
        ("—— ## —— ** —— 血压", "symbols"),
        ("点击这里查看更多内容" * 4, "repetition"),
        ("缺铁性贫血病人应补充铁剂，并查明失血原因。", None),
    ],
)
def test_rules(text: str, reason: str | None) -> None:
    verdict = rejected_for(text, min_chars=10, rules=_RULES)
    assert (verdict and verdict[0]) == reason


def test_repeat_share_counts_every_occurrence() -> None:
    # 11 characters hold two 10-grams; the first occurs again in none
    assert repeat_share("abcdefghijk") == 0.0
    # abcde five-grams of abcdeabcde: abcde twice, bcdea cdeab deabc eabcd once: 2 of 6
    assert repeat_share("abcdeabcde", gram_chars=5) == pytest.approx(2 / 6)
    assert repeat_share("short") == 0.0
