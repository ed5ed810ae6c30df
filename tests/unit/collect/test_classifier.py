import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from onestage.collect.classifier import (
    BUCKETS,
    FORMAT,
    Classifier,
    Facts,
    features,
    load_classifier,
    sigmoid,
)
from onestage.errors import InputError

_FACTS = Facts(FORMAT, BUCKETS, scale=0.01, bias=-0.25, threshold=0.4, trained_on="ab")


def _classifier() -> Classifier:
    drawn = np.random.default_rng(7).integers(-127, 128, BUCKETS)
    return Classifier(drawn.astype(np.int8), _FACTS)


_ANY = st.text(alphabet=st.characters(), max_size=60)  # lone surrogates too


@given(st.lists(_ANY, max_size=6), st.data())
def test_a_text_has_the_same_probability_in_whatever_batch(
    texts: list[str], data: st.DataObject
) -> None:
    classifier = _classifier()
    order = data.draw(st.permutations(range(len(texts))))
    alone = [classifier.probabilities([text])[0] for text in texts]
    assert classifier.probabilities(texts) == alone
    assert classifier.probabilities([texts[place] for place in order]) == [
        alone[place] for place in order
    ]
    assert all(0 <= probability <= 1 for probability in alone)


@given(st.text(alphabet="ab 血压9。", min_size=1, max_size=30))
def test_the_probability_is_the_rule_of_the_docstring(text: str) -> None:
    classifier = _classifier()
    folded = f" {' '.join(text.split())} ".replace("9", "0") if text.strip() else ""
    grams = set()
    for length in range(1, 6):
        for start in range(len(folded) - length + 1):
            gram = folded[start : start + length]
            if (length <= 2) == any(character in "血压。" for character in gram):
                grams.add(gram)
    # A gram alone shows the bucket that it has: only whole texts are surrounded by blanks.
    assert len(features(text)) <= len(grams)
    assert len(features(text)) >= len(grams) - 1  # two may share a bucket
    if grams:
        total = int(classifier.weights[features(text)].sum(dtype=np.int64))
        expected = 1 / (1 + math.exp(0.25 - 0.01 * total / math.sqrt(len(features(text)))))
        assert classifier.probabilities([text]) == [pytest.approx(expected)]
    else:
        assert classifier.probabilities([text]) == [0.0]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Fever", "fEVER"),
        ("120 mg", "350 mg"),
        ("ＡＬＴ１２", "alt34"),
        ("发热\n\n 咳嗽", "发热\u3000咳嗽"),
        ("发热发热发热", "发热发热"),  # an n-gram counts once
    ],
)
def test_what_is_folded_is_alike(left: str, right: str) -> None:
    assert features(left).tolist() == features(right).tolist()


@pytest.mark.parametrize(("left", "right"), [("发热", "热发"), ("fever", "fevers"), ("μg", "mg")])
def test_what_differs_differs(left: str, right: str) -> None:
    assert features(left).tolist() != features(right).tolist()


@pytest.mark.parametrize("text", ["", " \n\t", "\u3000"])
def test_a_text_without_a_character_is_not_of_the_domain(text: str) -> None:
    assert _classifier().probabilities([text]) == [0.0]


def test_sigmoid_bears_large_odds() -> None:
    assert sigmoid(-800) == 0.0
    assert sigmoid(800) == 1.0
    assert sigmoid(0) == 0.5


def test_a_filter_is_stored_and_loaded_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "filter.safetensors"
    path.write_bytes(_classifier().encoded())
    loaded = load_classifier(path)
    assert loaded.facts == _FACTS
    assert loaded.facts.threshold == 0.4
    assert loaded.probabilities(["发热 fever"]) == _classifier().probabilities(["发热 fever"])
    assert loaded.encoded() == path.read_bytes()


_OTHER = Classifier(np.zeros(8, np.int8), Facts(FORMAT, BUCKETS, 1.0, 0.0, 0.5, ""))
_NEWER = Classifier(np.zeros(BUCKETS, np.int8), Facts(FORMAT + 1, BUCKETS, 1.0, 0.0, 0.5, ""))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such learned filter"),
        (b"", "a blank file"),
        (b"\n", "a blank file"),
        (b"\x80\x04pickle", "not a learned filter"),
        (save({"weights": np.zeros(3)}), "missing required field `format`"),
        (save({"other": np.zeros(3)}, metadata={"onestage": "{}"}), "not a learned filter"),
        (_OTHER.encoded(), "expected format"),
        (_NEWER.encoded(), "expected format"),
        (_classifier().encoded()[:-9], "not a learned filter"),
    ],
)
def test_an_unusable_filter_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "filter.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        load_classifier(path)
    assert str(path) in str(caught.value)
    assert "train-filter" in str(caught.value)
