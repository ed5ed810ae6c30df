import re
import time
from typing import Any

import pytest
from given import passage
from hypothesis import given
from hypothesis import strategies as st

from onestage.records import Lang
from onestage.unify.forms import as_raw
from onestage.unify.templates import as_template

_WORDS = [
    "痛风", "高血压", "是一种", "是指", "不是由", "感染引起", "的治疗", "首选", "表现为", "，又称",
    "与", "不同，", "。", "，", "它", "该病", "【治疗】", "Gout", " is a ", "disease ", "It ",
    "Unlike ", "treated with", " is caused by ", ". ", "rest ", "\n", "5 mg", "{0}", "?", "（",
    "symptoms of ",
]  # fmt: skip
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80) | st.lists(
    st.sampled_from(_WORDS), min_size=1, max_size=30
).map("".join)
_PASSAGES = st.builds(
    passage,
    _TEXTS,
    lang=st.sampled_from(["zh", "en"]),
    title=st.sampled_from(["", "高血压", "痛风", "Gout", "Gout {0} {x}?", "。"]),
    span=st.sampled_from([(0, 5), (7, 12)]),
    kind=st.sampled_from(["book", "encyclopedia"]),
)

# lang, title, text; subject and form that are asked for
_MINED = [
    ("zh", "", "痛风是指尿酸盐沉积所致的关节病。", "痛风", "definition"),
    ("zh", "", "蛋白酶抑制剂是一类阻断病毒成熟的药物。", "蛋白酶抑制剂", "definition"),
    ("zh", "麻疹", "麻疹是由麻疹病毒引起的急性呼吸道传染病。", "麻疹", "definition+cause"),
    ("zh", "", "两者之间、肉眼看不出的黄染称为隐性黄疸。", "隐性黄疸", "definition"),
    ("zh", "甲周疣", "甲周疣，又称甲旁疣。", "甲周疣", "name"),
    (
        "zh", "膜性口炎",
        "膜性口炎，又称球菌性口炎。\n膜性口炎的典型症状：拒食。\n常用检查：血常规。\n治疗方法：药物治疗。",
        "膜性口炎", "name+symptom+examination+treatment",
    ),
    ("zh", "", "牙龈出血的原因主要是牙龈炎。及时洁牙即可。", "牙龈出血", "cause"),
    ("zh", "", "军团菌肺炎多由吸入带菌气溶胶引起。", "军团菌肺炎", "cause"),
    ("zh", "", "肾病综合征的主要症状是水肿和大量蛋白尿。", "肾病综合征", "symptom"),
    ("zh", "", "酸中毒表现为呼吸增快。", "酸中毒", "symptom"),
    ("zh", "酸中毒", "多见于少尿期。酸中毒以深大呼吸为主要表现，可伴嗜睡。", "酸中毒", "symptom"),
    ("zh", "肾肿瘤", "肾肿瘤的治疗主要是手术切除，放疗效果不理想。", "肾肿瘤", "treatment"),
    ("zh", "麻疹", "【治疗】对麻疹病毒尚无特效药物，以对症为主。", "麻疹", "treatment"),
    ("zh", "", "治疗梅毒首选青霉素。", "梅毒", "treatment"),
    ("zh", "", "痛风的诊断依据为关节液中的尿酸盐晶体。", "痛风", "diagnosis"),
    ("zh", "", "破伤风的预防主要靠接种。伤口要彻底清创。", "破伤风", "prevention"),
    ("zh", "", "秋水仙碱主要用于治疗痛风急性发作。", "秋水仙碱", "use"),
    ("zh", "虎掌", "味苦，温。主心痛寒热，结气。生山谷。", "虎掌", "nature"),
    ("zh", "石蜜（乳糖）", "味甘，平。主心腹邪气，诸惊。", "石蜜", "nature"),
    ("zh", "", "与类风湿关节炎不同，骨关节炎在活动后加重。", "类风湿关节炎", "comparison"),
    ("zh", "", "哮喘与慢阻肺的区别在于气流受限是否可逆。", "慢阻肺", "comparison"),
    ("zh", "", "带状疱疹应与单纯疱疹鉴别，后者反复发作。", "带状疱疹", "differential"),
    ("zh", "", "痛风是一种代谢病。治疗以降尿酸为主。", "痛风", "definition+treatment"),
    ("en", "", "Insulin is a hormone made in the pancreas.", "Insulin", "definition"),
    ("en", "", "Ataxia refers to a loss of coordination.", "Ataxia", "definition"),
    ("en", "", "Shock is defined as a failure of the circulation.", "Shock", "definition"),
    ("en", "Heart Failure", "Heart failure is treated with rest.", "Heart Failure", "treatment"),
    ("en", "", "An x-ray is a picture recorded on film.", "an x-ray", "definition"),
    ("en", "", "Wilson disease is caused by an inherited mutation.", "Wilson disease", "cause"),
    ("en", "", "Common symptoms of ileus include pain.", "ileus", "symptom"),
    ("en", "", "Croup usually presents with a barking cough.", "Croup", "symptom"),
    ("en", "", "Gout is diagnosed by finding crystals in the joint.", "Gout", "diagnosis"),
    ("en", "", "Treatment of syphilis is penicillin.", "syphilis", "treatment"),
    ("en", "", "Tetanus can be prevented by vaccination.", "Tetanus", "prevention"),
    ("en", "", "Probenecid is used to prevent gout.", "Probenecid", "use"),
    ("en", "", "Unlike gout, pseudogout is often seen in the knee.", "pseudogout", "comparison"),
    ("en", "", "Croup differs from epiglottitis in its slow onset.", "epiglottitis", "comparison"),
    (
        "en", "Hypokalemia",
        "Hypokalemia is a lack of potassium in the blood. Hypokalemia can be caused by diuretics.",
        "Hypokalemia", "definition+cause",
    ),
]  # fmt: skip
_FALLING_BACK = [
    ("zh", "", "它是一种常见的代谢病。"),
    ("zh", "", "该病由病毒引起。"),
    ("zh", "", "其治疗以休息为主。"),
    ("zh", "", "痛风不是由细菌引起的。"),
    ("zh", "", "近年研究认为部分病人可伴有高血压，这不是一种并发症。"),
    ("zh", "", "患者表现为发热。"),
    ("zh", "", "太行山北段多岩石，以湿疹为主要表现的病人不多。"),
    ("zh", "肝炎", "治疗过程中的治疗应定期复查，肝炎可再发。"),
    ("zh", "手足口病", "应与口炎区别。典型表现为口腔小水疱，手足口病则有皮疹。"),  # whose?
    ("zh", "肝炎", "表现为病情突然加重，肝炎亦可如此。"),  # whose?
    ("en", "", "Chronic constipation is a delicate issue that worsens life."),
    ("zh", "", "民族关系指向一种功能。"),
    ("zh", "", "早期表现为乏力。"),
    ("zh", "", "门诊曾见一例，家属说起痛风的治疗。"),
    ("zh", "", "消毒要彻底。肺康复是一种训练。出院后随访。"),  # in passing
    ("zh", "", "痛风是一种什么病？问的人很多。"),
    ("zh", "", "治疗以休息为主，并多饮水。"),  # of what?
    ("zh", "痛风", "治疗以休息为主，并多饮水。"),  # a book's passage that does not name it
    ("zh", "", "本例一般采用药物治疗，效果尚可。"),
    ("en", "", "It is a hormone made in the pancreas."),
    ("en", "", "They are treated with penicillin."),
    ("en", "", "This disease is caused by a virus."),
    ("en", "", "Gout is not caused by bacteria."),
    ("en", "", "Fever is a common cause of dehydration."),
    ("en", "", "The patient is a 40 year old man from Ohio."),
    ("en", "", "Wash your hands. An x-ray is a picture on film. Then rest."),  # in passing
    ("en", "", "He said that gout is treated with colchicine."),
    ("en", "", "What is gout caused by in most people?"),
    ("en", "", "Treatment is rest."),
    ("en", "Nursing Implications of This Drug", "Treatment is rest."),
    ("en", "Gout", "Perched above each joint is a small cap of bone."),
]


def _form(via: str) -> str:
    match = re.fullmatch(r"template:([a-z+-]+)-\d", via)
    assert match, via
    return match[1]


def _asked(lang: Any, title: str, text: str, **more: Any) -> tuple[str, str]:
    record = as_template(passage(text, lang=lang, title=title, **more), seed=1)
    return record.messages[0].content, _form(record.via)


@given(_PASSAGES, st.integers(0, 5))
def test_a_template_keeps_the_passage_as_output(found, seed: int) -> None:  # type: ignore[no-untyped-def]
    record = as_template(found, seed=seed)
    assert [message.role for message in record.messages] == ["user", "assistant"]
    assert record.messages[1].content == record.passage == found.text
    assert 0 < len(record.messages[0].content.strip()) <= 200
    assert (record.parent, record.text) == (found.id, "")
    assert as_template(found, seed=seed) == record
    assert record.id == as_raw(found).id
    assert _form(record.via)


@pytest.mark.parametrize(("lang", "title", "text", "subject", "form"), _MINED)
def test_a_question_asks_what_the_passage_says(
    lang: str, title: str, text: str, subject: str, form: str
) -> None:
    instruction, found = _asked(lang, title, text)
    assert found == form
    assert subject in instruction
    assert not re.search(r"[{}\n]", instruction)


@pytest.mark.parametrize(("lang", "title", "text"), _FALLING_BACK)
def test_without_a_clean_subject_the_title_or_first_words_are_asked(
    lang: str, title: str, text: str
) -> None:
    assert _asked(lang, title, text)[1] == "opening"


@pytest.mark.parametrize(
    ("lang", "title", "text", "expected"),
    [
        ("zh", "麻疹", "麻疹是由病毒引起的传染病。", {"麻疹的定义和原因"}),
        ("en", "Gout", "Gout is treated with colchicine.",
         {"What is the treatment of Gout?", "How does one treat Gout?"}),
        ("en", "Cough", "Cough is a reflex of the airways. Treatment is rest.",
         {"the meaning and the treatment of Cough"}),
    ],
)  # fmt: skip
def test_the_question_in_full(lang: str, title: str, text: str, expected: set[str]) -> None:
    instruction, _ = _asked(lang, title, text)
    assert any(part in instruction for part in expected)


def test_in_an_encyclopedia_a_sentence_without_a_subject_is_about_the_title() -> None:
    text = "治疗以休息为主，并多饮水。"
    assert _asked("zh", "痛风", text, kind="encyclopedia")[1] == "treatment"
    assert _asked("zh", "痛风", text, kind="book")[1] == "opening"


def test_a_title_that_is_a_question_stays_the_instruction() -> None:
    text = "痛风是一种代谢病。"
    assert _asked("zh", "痛风要忌口吗？", text) == ("痛风要忌口吗？", "question-opening")
    assert _asked("zh", "痛风要忌口吗？", text, span=(7, 16))[1] == "question-sequel"


def test_a_sequel_in_which_nothing_is_found_continues_the_title() -> None:
    assert _asked("zh", "痛风", "多饮水，少饮酒。", span=(7, 15))[1] == "sequel"


@pytest.mark.parametrize(
    "pieces",
    [
        ["痛风，"] * 20_000 + ["痛风是"] * 20_000,
        [f"它很少见。病{n:05}号是一种病。" for n in range(2_000)],
        ["a "] * 40_000,
        [f"Rare. Disorder{n} is a kind of thing here. " for n in range(1_000)],
        ["（"] * 40_000,
        ["味甘"] * 40_000,
    ],
)
def test_a_long_text_takes_time_in_proportion(pieces: list[str]) -> None:
    short, long = "".join(pieces[::10]), "".join(pieces)
    for lang in ("zh", "en"):
        spent = [min(_seconds(lang, text) for _ in range(3)) for text in (short, long)]
        assert spent[1] < 40 * spent[0] + 0.01


def _seconds(lang: str, text: str) -> float:
    start = time.process_time()
    _asked(lang, "", text)
    return time.process_time() - start


def test_the_wording_changes_with_the_passage_and_the_seed() -> None:
    found = [passage(f"第{n}段。", title="痛风") for n in range(40)]
    assert len({as_template(item, seed=1).via for item in found}) == 4
    assert [as_template(i, seed=1).via for i in found] != [
        as_template(i, seed=2).via for i in found
    ]


@pytest.mark.parametrize(
    ("text", "lang", "subject"),
    [
        ("剂量为12.5,每日", "zh", "剂量为12.5"),
        ("Adults take 1,250 mg daily, then stop", "en", "Adults take 1,250 mg daily"),
        ("甲" * 20 + "口服100mg一日", "zh", "甲" * 20 + "口服"),
        ("甲" * 19 + "口服10 mg一日", "zh", "甲" * 19 + "口服"),
        ("甲" * 20 + "5×10⁹/L以上", "zh", "甲" * 20),
        ("甲" * 20 + "100 万U肌注", "zh", "甲" * 20),
        ("word " * 12 + "takes 10 mg daily", "en", "word " * 12 + "takes"),
        ("word " * 30, "en", " ".join(["word"] * 14)),
    ],
)
def test_first_words_end_at_a_clause_and_cut_no_number(text: str, lang: str, subject: str) -> None:
    instruction = _asked(lang, "", text)[0]
    assert subject in instruction
    assert text[: len(subject) + 2] not in instruction


@pytest.mark.parametrize(
    ("lang", "title", "asked"),
    [
        ("zh", "查出结石，要开刀吗", "查出结石，要开刀吗？"),
        ("zh", "高血压怎么办", "高血压怎么办？"),
        ("en", "how do i stop smoking now", "how do i stop smoking now?"),
        ("en", "Is my rash dangerous", "Is my rash dangerous?"),
    ],
)
def test_a_title_that_asks_without_a_mark_is_asked(lang: Lang, title: str, asked: str) -> None:
    found = as_template(passage("治疗以手术为主。" * 3, lang=lang, title=title), seed=1)
    assert found.messages[0].content == asked


@pytest.mark.parametrize("title", ["How insulin works: an overview", "What is known.", "痛风"])
def test_other_titles_are_no_questions(title: str) -> None:
    lang: Lang = "en" if title.isascii() else "zh"
    found = as_template(passage("治疗以手术为主。" * 3, lang=lang, title=title), seed=1)
    assert not found.messages[0].content.startswith(f"{title}?")


@pytest.mark.parametrize(
    ("lang", "text"),
    [("en", "However, the drug acts fast, and stays."), ("zh", "总之，药物起效很快，作用持久。")],
)
def test_what_joins_a_passage_to_the_former_is_no_subject(lang: Lang, text: str) -> None:
    found = as_template(passage(text, lang=lang), seed=1)
    asked = found.messages[0].content
    assert "However" not in asked
    assert "总之" not in asked
    assert found.messages[1].content == text
