"""What a question and an answer must be like; each check has one reason."""

import msgspec
import pytest
from given import parameters

from onestage.records import Lang
from onestage.unify.checks import (
    answer_faults,
    language_share,
    question_faults,
    repeat_share,
    similarity,
)
from onestage.unify.settings import Checks

_CHECKS = msgspec.convert(
    {**parameters()["unify"]["checks"], "question_min_chars": 4, "question_max_chars": 180,
     "answer_min_chars": 5, "numbers": True, "min_similarity": {"zh": 0.1, "en": 0.05}},
    Checks,
)  # fmt: skip
_ZH = "成人高血压指收缩压不低于140 mmHg。氨氯地平每日一次，每次5 mg，血压须在不同的日子测三次。"
_EN = "Adults take 5 mg of amlodipine once daily. Blood pressure is measured on three days."


def _question(text: str, lang: Lang) -> set[str]:
    return {reason for reason, _ in question_faults(text, lang=lang, checks=_CHECKS)}


def _answer(text: str, lang: Lang) -> set[str]:
    passage = _ZH if lang == "zh" else _EN
    found = answer_faults(text, question="", passage=passage, lang=lang, checks=_CHECKS)
    return {reason for reason, _ in found}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("痛？", "question_too_short"),
        ("高血压" * 61, "question_too_long"),
        ("根据上文，高血压怎样诊断？", "question_leans_on_text"),
        ("根据以上资料，如何用药？", "question_leans_on_text"),
        ("文中提到的药物每日几次？", "question_leans_on_text"),
        ("这段资料的主要内容是什么？", "question_leans_on_text"),
        ("资料中的药物如何使用？", "question_leans_on_text"),
        ("作者认为应当怎样治疗？", "question_leans_on_text"),
        ("本文讨论了哪些并发症？", "question_leans_on_text"),
        ("According to the passage, how is gout treated?", "question_leans_on_text"),
        ("What does the article say about gout?", "question_leans_on_text"),
        ("Based on the given text, which drug is used?", "question_leans_on_text"),
        ("What do the authors recommend?", "question_leans_on_text"),
        ("Which drug is mentioned above?", "question_leans_on_text"),
        ("抱歉，我无法提供问题。", "refusal"),
        ("As an AI, I would ask about gout.", "refusal"),
        ("问题：高血压怎样诊断？", "boilerplate"),
        ("Question: how is gout treated?", "boilerplate"),
        ("Sure, here is a question about gout.", "boilerplate"),
        ("How is hypertension treated?", "wrong_language"),
    ],
)
def test_a_question_that_is_caught(text: str, reason: str) -> None:
    lang: Lang = "zh" if reason == "wrong_language" or not text.isascii() else "en"
    assert reason in _question(text, lang)


@pytest.mark.parametrize(
    "text",
    [
        "血钾的正常参考值是多少？",
        "高血压有哪些典型症状，怎样治疗？",
        "急性胰腺炎的诊断依据是什么？",
        "HbA1c 的参考范围是多少？",
        "慢性乙型肝炎患者HBsAg阳性说明什么？",
        "How is gout treated in the acute phase?",
        "What information does a CT scan give?",
        "Which reference range applies to potassium?",
        "Why is the passage of urine painful in cystitis?",
        "What is the source of infection in typhoid fever?",
        "How is the suture material chosen after surgery?",
        "日本文化对饮食与高血压的发生有何影响？",
    ],
)
def test_a_question_that_passes(text: str) -> None:
    assert not _question(text, "en" if text.isascii() else "zh")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("测量", "answer_too_short"),
        ("参考资料指出，氨氯地平每日一次，每次5 mg。", "answer_reveals_reference"),
        ("根据所给资料，血压须测三次，收缩压不低于140 mmHg。", "answer_reveals_reference"),
        ("氨氯地平每日一次，每次5 mg（见文中）。", "answer_reveals_reference"),
        ("According to the reference, adults take 5 mg daily.", "answer_reveals_reference"),
        ("The provided text says adults take amlodipine.", "answer_reveals_reference"),
        ("抱歉，高血压的问题请咨询医生。", "refusal"),
        ("作为一个人工智能，我建议测量血压。", "refusal"),
        ("I cannot provide medical advice on blood pressure.", "refusal"),
        ("I'm sorry, blood pressure is complicated for adults.", "refusal"),
        ("血压须测三次。希望以上回答对您有所帮助。", "boilerplate"),
        ("血压须测三次。如果您还有其他问题，请告诉我。", "boilerplate"),
        ("回答：血压须测三次，每次相隔几日。", "boilerplate"),
        ("Blood pressure is measured. I hope this helps.", "boilerplate"),
        ("Certainly! Blood pressure is measured on three days.", "boilerplate"),
        ("Adults take amlodipine once daily for the pressure.", "wrong_language"),
        ("血压须在不同的日子测三次。" * 8, "repetition"),
        ("Blood pressure is measured on three days. " * 6, "repetition"),
        ("糖尿病酮症酸中毒应补液并静脉滴注胰岛素。", "low_similarity"),
        ("Febrile seizures rarely need anticonvulsants.", "low_similarity"),
        ("氨氯地平每日一次，每次50 mg。", "numbers"),
        ("氨氯地平每日两次，每次5 mg。", "numbers"),
        ("Adults take 50 mg of amlodipine once daily.", "numbers"),
    ],
)
def test_an_answer_that_is_caught(text: str, reason: str) -> None:
    lang: Lang = "zh" if reason == "wrong_language" or not text.isascii() else "en"
    assert reason in _answer(text, lang)


@pytest.mark.parametrize(
    "text",
    [
        "成人收缩压不低于140 mmHg可诊断高血压，须在不同的日子测三次；氨氯地平每日1次，每次5毫克。",
        "收缩压的诊断界值是140 mmHg，参考范围因人而异，血压须测三次。",
        "On three days blood pressure is measured; the reference range differs in adults.",
        "Amlodipine is taken once daily; adults take 5 mg, and blood pressure is measured.",
    ],
)
def test_an_answer_that_passes(text: str) -> None:
    assert not _answer(text, "en" if text.isascii() else "zh")


def test_measures() -> None:
    assert language_share("高血压", "zh") == language_share("gout", "en") == 1
    assert language_share("5 mg", "en") == language_share("140/90", "zh") == 1
    assert language_share("高血压", "en") == 0
    assert repeat_share("短", "zh") == repeat_share("", "en") == 0
    assert similarity("血压高", "高血压", "zh") == 1
    assert similarity("High blood pressure", "blood PRESSURE, high", "en") == 1
    assert similarity("", "gout", "en") == 0
