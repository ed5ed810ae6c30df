import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect import language
from onestage.collect.quality import Verdict
from onestage.records import Lang


def language_verdict(text: str, lang: Lang, *, max_other_share: float = 0.75) -> Verdict | None:
    return language.language_verdict(text, lang, max_other_share=max_other_share)


_FRENCH = [
    "L'hypertension artérielle est souvent asymptomatique pendant plusieurs années.",
    "La dose recommandée est de 500 mg trois fois par jour pendant sept jours.",
    "Une échographie abdominale a montré des calculs dans la vésicule biliaire.",
]
_GERMAN = [
    "Bluthochdruck verursacht oft jahrelang keine Beschwerden.",
    "Im Ultraschall fanden sich mehrere Gallensteine.",
    "Nach der Operation muss der Kranke zwei Wochen im Bett bleiben.",
]
_JAPANESE = [
    "高血圧は長年にわたり症状がないことが多い。",
    "推奨される用量は一日三回五百ミリグラムである。",
    "喘息は気道の慢性的な炎症である。",
]
_KOREAN = [
    "고혈압은 여러 해 동안 증상이 없는 경우가 많다.",
    "항생제는 바이러스 감염에 효과가 없다.",
]
_RUSSIAN = ["Артериальная гипертензия часто протекает без симптомов много лет."]
_CHINESE = [
    "缺铁性贫血病人应补充铁剂，并查明失血原因。",
    "黄帝曰：阴阳者，天地之道也，万物之纲纪，变化之父母，生杀之本始。",
    "麻黃三兩，桂枝二兩，甘草一兩，杏仁七十個，右四味，以水九升，先煮麻黃。",
    "阿莫西林、头孢克肟、布洛芬、对乙酰氨基酚、氨氯地平、缬沙坦",
    "选用阿托伐他汀(atorvastatin)、氯吡格雷(clopidogrel)和阿司匹林(aspirin)治疗。",
    "检测HBsAg、HBeAg、HBV DNA、ALT、AST、TBil、PLT、PTA及AFP水平，",
    "シ例外：日本汉方称“かぜ”者，即感冒，其治法与中医大同小异，方用葛根汤加减。",
]
_ENGLISH = [
    "Iron deficiency anaemia is treated with oral iron; the source of bleeding must be found.",
    "Pt c/o SOB, CP x 2 d. PMH: HTN, DM2, CAD s/p CABG, CKD3. Meds: ASA 81, metoprolol 25 BID.",
    "CBC: WBC 12.3, Hb 9.8, Plt 450. CMP: Na 138, K 4.2, Cl 101, BUN 22, Cr 1.4. CXR: RLL.",
    "amlodipine, atorvastatin, lisinopril, metformin, omeprazole, levothyroxine, simvastatin",
    "Haas, D. M., Marsh, D. J., Dang, D. T., Parker, C. B., Wing, D. A., Simhan, H. N.",
    "α-tocopherol, β-carotene, γ-linolenic acid, µg, Δ9-THC, κ opioid receptor agonists",
    "i have fever and headache since two days. what should i take? thanks doctor",
    "musculus sternocleidomastoideus, arteria carotis communis, vena jugularis interna",
    "1. 12.5 mg; 2. 25 mg; 3. 50 mg",
]


@pytest.mark.parametrize("text", _CHINESE)
def test_chinese(text: str) -> None:
    assert language_verdict(text, "zh") is None
    if not text.startswith(("检测", "选用")):
        assert language_verdict(text, "en") is not None


@pytest.mark.parametrize("text", _ENGLISH)
def test_english(text: str) -> None:
    assert language_verdict(text, "en") is None
    verdict = language_verdict(text, "zh")
    assert verdict is not None
    assert verdict[0] == "wrong_language"


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("text", [*_FRENCH, *_GERMAN, *_JAPANESE, *_KOREAN, *_RUSSIAN])
def test_other_languages(text: str, lang: Lang) -> None:
    verdict = language_verdict(text, lang)
    assert verdict is not None
    assert verdict[0] == "wrong_language"


def test_the_language_found_is_named() -> None:
    assert language_verdict(" ".join(_FRENCH), "en") == (
        "wrong_language",
        {"language": "fr", "other_share": 0.99},
    )
    verdict = language_verdict(_KOREAN[0], "zh")
    assert verdict is not None
    assert verdict[1]["language"] == "ko"


def test_the_share_that_may_be_of_another_language_is_a_choice() -> None:
    mixed = "服用 aspirin and clopidogrel daily"
    assert language_verdict(mixed, "zh") is None
    assert language_verdict(mixed, "zh", max_other_share=0.5) is not None


@given(st.text(max_size=80), st.sampled_from(["zh", "en"]))
def test_any_text_has_an_answer_and_always_the_same(text: str, lang: Lang) -> None:
    assert language_verdict(text, lang) == language_verdict(text, lang)


@pytest.mark.parametrize("text", ["", " ", "37.5", "\ufffe\x01 abc", "\ud800 word", "…"])
def test_texts_without_words_or_with_broken_characters_have_an_answer(text: str) -> None:
    assert language_verdict(text, "en") is None
