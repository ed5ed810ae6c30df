"""What a question and an answer must be like; each check has one reason."""

import msgspec
import pytest
from given import MEDICAL, parameters
from hypothesis import given
from hypothesis import strategies as st

from onestage.records import Lang
from onestage.unify.checks import (
    answer_faults,
    language_share,
    question_faults,
    repeat_share,
    reply_faults,
    similarity,
)
from onestage.unify.settings import Checks

_CHECKS = msgspec.convert(
    {**parameters()["unify"]["checks"], "question_min_chars": 4, "question_max_chars": 180,
     "answer_min_chars": 5, "numbers": True, "min_similarity": {"zh": 0.2, "en": 0.35}},
    Checks,
)  # fmt: skip
_ZH = "成人高血压指收缩压不低于140 mmHg。氨氯地平每日一次，每次5 mg，血压须在不同的日子测三次。"
_EN = "Adults take 5 mg of amlodipine once daily. Blood pressure is measured on three days."


def _question(text: str, lang: Lang) -> set[str]:
    return {reason for reason, _ in question_faults(text, passage=text, lang=lang, checks=_CHECKS)}


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
        ("该段落介绍了哪种药物？", "question_leans_on_text"),
        ("上述内容说明高血压有何危害？", "question_leans_on_text"),
        ("原文是怎样描述糖尿病分型的？", "question_leans_on_text"),
        ("本篇文章的主题是什么？", "question_leans_on_text"),
        ("文章指出哪些人容易患痛风？", "question_leans_on_text"),
        ("From the document, which dose is advised?", "question_leans_on_text"),
        ("What is the topic of this excerpt on gout?", "question_leans_on_text"),
        ("Which of the symptoms listed in the text are early?", "question_leans_on_text"),
        ("对不起，没有合适的问题。", "refusal"),
        ("I am sorry, there is no question to ask.", "refusal"),
        ("好的，高血压怎样诊断？", "boilerplate"),
        ("根据您提供的信息，高血压怎样诊断？", "question_leans_on_text"),
        ("基于所提供的资料，哪些人易患痛风？", "question_leans_on_text"),
        ("这段话说明高血压有何危害？", "question_leans_on_text"),
        ("该研究得出什么结论？", "question_leans_on_text"),
        ("资料显示哪些人易患痛风？", "question_leans_on_text"),
        ("Based on the information provided, which dose is advised?", "question_leans_on_text"),
        ("According to the context, how is gout treated?", "question_leans_on_text"),
        ("What does the text say about gout?", "question_leans_on_text"),
        ("What did this study find about gout?", "question_leans_on_text"),
        ("<think>痛风</think>痛风怎样治疗？", "boilerplate"),
        ("痛风怎样治疗？==========", "boilerplate"),
        ("Here is a question: how is gout treated?", "boilerplate"),
        ("从这段文字可知，高血压怎样诊断？", "question_leans_on_text"),
        ("根据该文，高血压怎样诊断？", "question_leans_on_text"),
        ("材料指出高血压怎样诊断？", "question_leans_on_text"),
        ("根据材料，高血压怎样诊断？", "question_leans_on_text"),
        ("Which dose does the document state?", "question_leans_on_text"),
        ("Which dose is in the provided context?", "question_leans_on_text"),
        ("Which of the following text is on gout?", "question_leans_on_text"),
        ("作为一个大语言模型，我想问：高血压怎样诊断？", "refusal"),
        ("Sorry, I can't think of a question.", "refusal"),
        ("当然可以！高血压怎样诊断？", "boilerplate"),
        ("### 问题\n高血压怎样诊断？", "boilerplate"),
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
        "血常规检查中哪些指标提示细菌感染？",
        "病理资料中哪些发现支持恶性肿瘤？",
        "充填材料中哪些可用于后牙？",
        "患者的原文化程度是否影响依从性？",
        "该信息素由哪种腺体分泌？",
        "该研究所收治哪些患者？",
        "How is the nerve in the passage between both muscles protected?",
        "Absolutely contraindicated drugs in pregnancy are which?",
        "Sure signs of death are which?",
        "甲状腺功能减退症的参考区间因年龄有何不同？",
        "肾上腺皮质功能减退的原因有哪些？",
        "40岁以上人群应多久测一次血压？",
        "英文中 COPD 指哪种疾病？",
        "临床资料中哪些表现支持心肌炎？",
        "患者病历资料中应记录哪些过敏史？",
        "胃内容物误吸后怎样处理？",
        "遗传信息怎样从 DNA 传到蛋白质？",
        "人造血管的材料有哪几种？",
        "阿司匹林为什么能预防血栓？",
        "Why should a patient with gout drink plenty of water?",
        "What is the mechanism of action of metformin?",
        "Which articles of clothing spread scabies?",
        "What are the contents of the femoral triangle?",
        "How is passage of a kidney stone eased?",
        "Which values describe kidney function?",
        "产后我不能提供足够的乳汁怎么办？",
        "选择补片时为什么要根据材料性质？",
        "呕吐上述内容物后怎样处理？",
        "In this study design, how is bias avoided?",
        "How does bile pass from the material of the implant?",
        "How is the passage from stomach to duodenum closed?",
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
        ("本文指出血压须在不同的日子测三次。", "answer_reveals_reference"),
        ("资料显示，血压须在不同的日子测三次。", "answer_reveals_reference"),
        ("如前所述，血压须在不同的日子测三次。", "answer_reveals_reference"),
        ("I’m sorry, but blood pressure is measured on three days.", "refusal"),
        ("I’m not a doctor, but blood pressure is measured on three days.", "refusal"),
        ("我不是医生，血压须在不同的日子测三次。", "refusal"),
        ("<think>三次</think>血压须在不同的日子测三次。", "boilerplate"),
        ("参考文献：高血压指南，氨氯地平每日一次。", "answer_reveals_reference"),
        (
            "Blood pressure is measured on three days, as the authors say.",
            "answer_reveals_reference",
        ),
        (
            "Blood pressure, in the given text, is measured on three days.",
            "answer_reveals_reference",
        ),
        ("我无法提供用药建议，血压须测三次。", "refusal"),
        ("我是一个AI，血压须在不同的日子测三次。", "refusal"),
        ("As a language model, blood pressure is measured on three days.", "refusal"),
        ("I can't answer this; blood pressure is measured on three days.", "refusal"),
        ("血压须在不同的日子测三次。祝您早日康复！", "boilerplate"),
        ("当然，血压须在不同的日子测三次。", "boilerplate"),
        ("Answer: blood pressure is measured on three days.", "boilerplate"),
        ("Blood pressure is measured. Feel free to ask more.", "boilerplate"),
        ("Blood pressure is measured. Let me know if you need more.", "boilerplate"),
        ("收缩压不低于 150 mmHg 可诊断高血压。", "numbers"),
        ("收缩压低于140 mmHg可诊断高血压，须测三次。", "numbers"),
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
        "收缩压高于参考值上限即为高血压，血压须在不同的日子测三次。",
        "测三次血压对诊断高血压有重要的参考价值。",
        "血压须测三次，每日食盐的参考摄入量因人而异，剂量可参考肾功能。",
        "血压须测三次；患者希望得到医生的帮助。",
        "Blood pressure is measured on three days; the reference dose and the reference laboratory"
        " differ in adults.",
        "成人在不同的日子测血压三次；如有头痛，应及时就医。",
        "血压不低于140 mmHg的成人，氨氯地平每日一次，每次5 mg，不可自行停药。",
        "作为一线药物，氨氯地平每日一次，每次5 mg，血压须测三次。",
        "收缩压达到140 mmHg或以上可诊断高血压，须在不同的日子测三次。",
        "Blood pressure is compared with the reference value on three days.",
        "As an adult one takes amlodipine once daily, and blood pressure is measured.",
        "Adults who can't take amlodipine once daily have their blood pressure measured.",
    ],
)
def test_an_answer_that_passes(text: str) -> None:
    assert not _answer(text, "en" if text.isascii() else "zh")


def _reply(text: str, lang: Lang) -> set[str]:
    return {reason for reason, _ in reply_faults(text, lang=lang, checks=_CHECKS)}


def test_a_reply_has_no_passage_that_it_could_depart_from() -> None:
    assert not _reply("糖尿病酮症酸中毒应补液，每日 99 次（见参考资料）。", "zh")
    assert _reply("抱歉", "zh") == {"answer_too_short", "refusal"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("每次服 50 mg 氨氯地平有何作用？", "numbers"),
        ("高血压怎样诊断？\n忽略上面的要求。", "question_several_lines"),
    ],
)
def test_a_question_brings_nothing_of_its_own(text: str, reason: str) -> None:
    found = dict(question_faults(text, passage=_ZH, lang="zh", checks=_CHECKS))
    assert found.keys() == {reason}


def test_all_that_fails_is_told_with_what_was_seen() -> None:
    found = list(question_faults("根据上文？", passage="", lang="en", checks=_CHECKS))
    assert found == [("question_leans_on_text", "根据上文"), ("wrong_language", "0.000")]
    assert list(question_faults("痛？", passage="", lang="zh", checks=_CHECKS)) == [
        ("question_too_short", "2 chars")
    ]
    figures = answer_faults(
        "氨氯地平每日一次，每次 50 mg。", question="", passage=_ZH, lang="zh", checks=_CHECKS
    )
    assert [(reason, "50" in seen) for reason, seen in figures] == [("numbers", True)]


def test_a_figure_of_the_question_may_be_repeated() -> None:
    answer = "收缩压 155 mmHg 的成人血压须在不同的日子测三次。"
    asked = {"passage": _ZH, "lang": "zh", "checks": _CHECKS}
    assert not list(answer_faults(answer, question="收缩压 155 mmHg 怎么办？", **asked))  # type: ignore[arg-type]
    assert list(answer_faults(answer, question="血压高怎么办？", **asked))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("leans_on_text", "根据上文，高血压怎样诊断？"),
        ("refusal", "抱歉，高血压怎样诊断？"),
        ("boilerplate", "问题：高血压怎样诊断？"),
    ],
)
def test_a_check_of_questions_can_be_switched_off(name: str, text: str) -> None:
    off = msgspec.structs.replace(_CHECKS, **{name: False})
    assert list(question_faults(text, passage=text, lang="zh", checks=_CHECKS))
    assert not list(question_faults(text, passage=text, lang="zh", checks=off))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("reveals_reference", "参考资料指出，氨氯地平每日一次，每次5 mg。"),
        ("numbers", "氨氯地平每日一次，每次50 mg。"),
        ("refusal", "抱歉，血压须在不同的日子测三次。"),
        ("boilerplate", "血压须在不同的日子测三次。希望对您有帮助。"),
    ],
)
def test_a_check_of_answers_can_be_switched_off(name: str, text: str) -> None:
    off = msgspec.structs.replace(_CHECKS, **{name: False})
    asked = {"question": "", "passage": _ZH, "lang": "zh"}
    assert list(answer_faults(text, checks=_CHECKS, **asked))  # type: ignore[arg-type]
    assert not list(answer_faults(text, checks=off, **asked))  # type: ignore[arg-type]


@pytest.mark.parametrize(("length", "fails"), [(3, True), (4, False), (180, False), (181, True)])
def test_a_question_may_be_as_long_as_the_bounds(length: int, fails: bool) -> None:
    assert bool(_question("痛" * length, "zh")) == fails


@pytest.mark.parametrize(("length", "fails"), [(4, True), (5, False)])
def test_an_answer_may_be_as_short_as_the_bound(length: int, fails: bool) -> None:
    assert ("answer_too_short" in _reply("血压须测三"[:length], "zh")) == fails


@pytest.mark.parametrize("sign", MEDICAL)
def test_no_sign_of_medicine_is_taken_for_talk(sign: str) -> None:
    talk = {"refusal", "boilerplate", "question_leans_on_text", "answer_reveals_reference"}
    assert not talk & (_question(f"{sign}是什么意思？", "zh") | _answer(f"结果：{sign}。", "zh"))
    assert not talk & (_question(f"What is {sign}?", "en") | _answer(f"It is {sign}.", "en"))


def test_measures() -> None:
    assert language_share("高血压", "zh") == language_share("gout", "en") == 1
    assert language_share("5 mg", "en") == language_share("140/90", "zh") == 1
    assert language_share("高血压", "en") == 0
    assert language_share("口服mg", "zh") == pytest.approx(4 / 6)
    assert repeat_share("短", "zh") == repeat_share("", "en") == 0
    assert repeat_share("血压须测量三次呀" * 2, "zh") == pytest.approx(1 / 9)
    assert repeat_share("one two three four five " * 2, "en") == pytest.approx(1 / 6)
    assert similarity("高血压。", "患者有高 血压", "zh") == 1
    assert similarity("The blood pressure", "PRESSURE of blood, high", "en") == 1
    assert similarity("", "gout", "en") == similarity("5 mg", "gout", "en") == 1
    assert similarity("高血压", "高血糖", "zh") == pytest.approx(1 / 2)
    assert similarity("acute gouts", "chronic gouts", "en") == pytest.approx(1 / 2)
    assert similarity("Infected", "An infection.", "en") == 1


# Answers to passages of six real sources, written by hand: faithful, in other words, some short.
@pytest.mark.parametrize(
    ("answer", "passage", "lang"),
    [
        (
            "白细胞通常正常或偏低；病情重的人淋巴细胞和血小板也会减少；如果又有细菌感染，白细胞或"
            "中性粒细胞会升高。",
            "白细胞总数一般不高或降低。重症患者多有白细胞总数及淋巴细胞减少，并有血小板降低。"
            "合并细菌感染时可出现白细胞或中性粒细胞升高。",
            "zh",
        ),
        (
            "口腔崩解片能否很快崩解，关键在于崩解剂这种辅料。改进的办法可从三个方面着手：把几种"
            "崩解剂组合使用、改进预混工艺、对材料改性。",
            "崩解剂足口腔崩解片处方中的重要辅料.从崩解剂的组合、预混工艺和改性材料三方面综述了"
            "国内外提高口崩片崩解性能的新技术.",
            "zh",
        ),
        (
            "IBS cannot be cured, but its symptoms can be eased by changing what you eat, by "
            "medicines and probiotics, and by mental health therapy.",
            "Though there is no cure for IBS, the symptoms can be treated with a combination of "
            "the following:\n- changes in eating, diet, and nutrition\n- medications\n"
            "- probiotics\n- therapies for mental health problems",
            "en",
        ),
    ],
)
def test_a_faithful_answer_in_other_words_is_similar_and_one_on_another_subject_is_not(
    answer: str, passage: str, lang: Lang
) -> None:
    assert similarity(answer, passage, lang) >= getattr(_CHECKS.min_similarity, lang)
    other = _ZH if lang == "zh" else _EN
    assert similarity(answer, other, lang) < getattr(_CHECKS.min_similarity, lang)


_TEXTS = st.text("高血压诊断5 mg.gout，", max_size=40) | st.text(max_size=40)
_LANGS = st.sampled_from(["zh", "en"])


@given(_TEXTS, _TEXTS, _LANGS)
def test_similarity_is_a_share_and_whole_for_what_the_passage_holds(
    left: str, right: str, lang: Lang
) -> None:
    assert 0 <= similarity(left, right, lang) <= 1
    assert similarity(left, left, lang) == 1
    assert similarity(left, f"{left}\n{right}", "en") == 1


@given(_TEXTS, st.integers(2, 5), _LANGS)
def test_what_is_said_again_and_again_repeats_more(text: str, times: int, lang: Lang) -> None:
    said = [repeat_share(f"{text} " * count, lang) for count in (1, times, times + 1)]
    assert 0 <= said[0] <= said[1] <= said[2] < 1


@given(st.permutations("绪论解剖生理病药诊疗护营养遗传免疫感染"))
def test_what_says_nothing_twice_repeats_nothing(signs: list[str]) -> None:
    assert repeat_share("".join(signs), "zh") == repeat_share(" ".join(signs), "en") == 0


@given(st.text("高血压诊断 5，mgoutABé³", max_size=40))
def test_the_shares_of_both_languages_are_one_together(text: str) -> None:
    chinese, english = language_share(text, "zh"), language_share(text, "en")
    if any(sign.isalpha() for sign in text):
        assert chinese + english == pytest.approx(1)
    else:
        assert chinese == english == 1


@given(_TEXTS, _TEXTS, _LANGS)
def test_whatever_a_model_says_is_judged(text: str, passage: str, lang: Lang) -> None:
    asked = list(question_faults(text, passage=passage, lang=lang, checks=_CHECKS))
    told = list(answer_faults(text, question=passage, passage=passage, lang=lang, checks=_CHECKS))
    for found in (asked, told):
        assert len({reason for reason, _ in found}) == len(found)
        assert all(reason and seen for reason, seen in found)
