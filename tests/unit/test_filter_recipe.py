"""Weights of terms and learned filters, on passages made of two small vocabularies."""

import random
from itertools import pairwise

import pytest

from onestage.collect.density import Lexicon
from onestage.errors import InputError
from onestage.filter_recipe import label_by_lexicon, train
from onestage.labelled import Labelled
from onestage.lexicon_weights import weigh

_DOMAIN = ["患者", "血压", "治疗", "发热", "药物", "fever", "dose"]
_GENERAL = ["市场", "比赛", "电影", "价格", "旅游", "market", "goal"]
_SHARED = ["今天", "我们", "意识", "一次性", "可以", "now"]


def _passages(words: list[str], count: int, seed: int) -> list[str]:
    drawn = random.Random(seed)
    return [" ".join(drawn.choices(words + _SHARED, k=drawn.randint(4, 40))) for _ in range(count)]


def _rows(seed: int = 1, count: int = 80) -> list[Labelled]:
    return [Labelled(text, 1) for text in _passages(_DOMAIN, count, seed)] + [
        Labelled(text, 0) for text in _passages(_GENERAL, count * 2, seed + 1)
    ]


def test_a_filter_tells_unseen_passages_apart_short_and_long() -> None:
    classifier, best = train(_rows())
    assert best.f1 > 0.97
    domain = classifier.probabilities([*_passages(_DOMAIN, 40, 9), " ".join(_DOMAIN[:3])])
    general = classifier.probabilities([*_passages(_GENERAL, 40, 9), " ".join(_GENERAL[:3])])
    # A passage of shared words alone, which the vocabularies allow, may be misjudged.
    assert sum(value >= classifier.facts.threshold for value in domain) >= 40
    assert sum(value < classifier.facts.threshold for value in general) >= 40
    assert domain[-1] > 0.9
    assert general[-1] < 0.1


def test_order_and_repetition_change_no_byte() -> None:
    rows = _rows()
    expected = train(rows)[0].encoded()
    shuffled = [*rows, *rows[:9]]
    random.Random(3).shuffle(shuffled)
    assert train(shuffled)[0].encoded() == expected
    changed = [Labelled(rows[0].text + "。", 1), *rows[1:]]
    assert train(changed)[0].encoded() != expected


def test_too_few_or_contradicting_passages_are_refused() -> None:
    with pytest.raises(InputError, match="at least 50 different passages of label 1, found 49"):
        train(_rows(count=49))
    rows = _rows()
    with pytest.raises(InputError, match="has both labels"):
        train([*rows, Labelled(rows[0].text, 0)])


def test_a_lexicon_labels_what_it_is_surest_of() -> None:
    texts = [*_passages(_DOMAIN, 30, 5), *_passages(_GENERAL, 170, 6)]
    found = label_by_lexicon(texts, Lexicon(["患者", "血压", "治疗"]))
    assert [row.label for row in found] == [1] * 20 + [0] * 100
    assert {row.text for row in found[:20]} <= set(texts[:30])
    # One domain passage that holds no term may stand among the general ones.
    assert len({row.text for row in found[20:]} & set(texts[:30])) <= 1
    assert label_by_lexicon(texts[::-1] + texts[:5], Lexicon(["患者", "血压", "治疗"])) == found
    with pytest.raises(InputError, match="too little apart"):
        label_by_lexicon(texts, Lexicon(["nowhere"]))


def test_general_words_of_a_lexicon_weigh_little() -> None:
    weights = weigh(Lexicon([*_DOMAIN, "意识", "一次性", "nowhere"]), _rows())
    assert all(weights[term] > 0.9 for term in _DOMAIN)
    assert all(0.03 < weights[term] < 0.1 for term in ("意识", "一次性"))
    assert weights["nowhere"] == pytest.approx(0.9**4)
    assert weights == weigh(Lexicon([*_DOMAIN, "意识", "一次性", "nowhere"]), _rows()[::-1])


def test_a_weight_by_hand() -> None:
    rows = [Labelled("ALT now", 1), Labelled("now", 0), Labelled("now", 0)]
    found = weigh(Lexicon(["ALT", "now"]), rows)
    assert found["alt"] == pytest.approx(((1 + 0.9) / 2) ** 4)
    assert found["now"] == pytest.approx(((0.5 * 3 + 0.9) / 4) ** 4)


def test_more_general_passages_that_hold_a_term_lower_its_weight() -> None:
    domain = [Labelled("ALT", 1)] * 8
    found = [
        weigh(Lexicon(["ALT"]), [*domain, *[Labelled("alt", 0)] * count, *[Labelled("x", 0)] * 9])
        for count in range(5)
    ]
    assert all(before["alt"] > after["alt"] for before, after in pairwise(found))
