import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.unify.numbers import unsupported

CAUGHT = {
    "ten-fold": ("口服地高辛，每次5 mg。", "", "每次口服50 mg。"),
    "decimal-lost": ("每次0.5 mg。", "", "每次5 mg。"),
    "decimal-moved": ("Give 0.25 mg of digoxin.", "", "Give 2.5 mg of digoxin."),
    "mass-for-volume": ("每次5 mg。", "", "每次5 ml。"),
    "mg-for-ug": ("甲状腺素50 μg。", "", "甲状腺素50 mg。"),
    "mg-for-g": ("阿莫西林500 mg", "", "阿莫西林500 g"),
    "per-kg-lost": ("剂量为10 mg/kg。", "", "剂量为10 mg。"),
    "per-kg-added": ("剂量为10 mg。", "", "剂量为10 mg/kg。"),
    "per-day-lost": ("20 mg/(kg·d)", "", "20 mg/kg"),
    "per-hour-for-minute": ("5 µg/(kg·min)", "", "5 µg/(kg·h)"),
    "exponent": ("白细胞10×10⁹/L。", "", "白细胞10×10¹²/L。"),
    "exponent-lost": ("血小板高于10⁹/L", "", "血小板高于109/L"),
    "mantissa": ("白细胞5×10⁹/L", "", "白细胞15×10⁹/L"),
    "times-for-days": ("共服3次。", "", "共服三天。"),
    "percent": ("死亡率为15%。", "", "死亡率为5%。"),
    "percent-chinese": ("占百分之五", "", "占百分之十五"),
    "percent-point": ("Mortality was 5%.", "", "Mortality was 50 percent."),
    "half-tablet": ("每次1/2片。", "", "每次2片。"),
    "half-word": ("每次半片。", "", "每次一片半。"),
    "tablets-word": ("每次两片。", "", "每次3片。"),
    "frequency": ("每日3次。", "", "每日一次。"),
    "frequency-week": ("每周2次。", "", "每日2次。"),
    "frequency-english": ("Take it twice daily.", "", "Take it three times a day."),
    "frequency-code": ("10 mg t.i.d.", "", "10 mg bid"),
    "weekly-for-daily": ("Inject it once weekly.", "", "Inject it once daily."),
    "period-of-dose": ("甲氨蝶呤每周10 mg。", "", "甲氨蝶呤每日10 mg。"),
    "interval": ("每8小时给药", "", "每6小时给药"),
    "interval-english": ("500 mg q8h", "", "500 mg every 12 hours"),
    "range-widened": ("疗程3～5天。", "", "疗程3～7天。"),
    "range-of-one": ("疗程5天。", "", "疗程3至5天。"),
    "one-end": ("剂量3-5 mg", "", "剂量3 mg"),
    "range-english": ("Give 3 to 5 mg.", "", "Give between 3 and 8 mg."),
    "pressure": ("血压120/80 mmHg", "", "血压130/80 mmHg"),
    "dilution": ("1:1000肾上腺素", "", "1:10000肾上腺素"),
    "deviation": ("血红蛋白132±12 g/L", "", "血红蛋白132±21 g/L"),
    "negative": ("保存于20 ℃", "", "保存于-20 ℃"),
    "negative-lost": ("保存于−20 ℃", "", "保存于20 ℃"),
    "bare-decimal": ("INR应控制。", "", "INR应控制在2.5。"),
    "bare-integer": ("收缩压升高时就诊", "", "收缩压高于180时就诊"),
    "direction": ("血钾>5.5 mmol/L", "", "血钾低于5.5 mmol/L"),
    "direction-not": ("每日不超过4 g", "", "每日至少4 g"),
    "direction-after": ("65岁以上者", "", "65岁以下者"),
    "direction-english": ("at least 30 minutes", "", "less than 30 minutes"),
    "direction-no-more": ("no more than 4 g", "", "more than 4 g"),
    "year": ("2018年发布", "", "2019年发布"),
    "age": ("患者45岁", "", "患者54岁"),
    "age-for-years": ("病程5年", "", "患者5岁"),
    "days": ("十五天为一疗程", "", "50天为一疗程"),
    "classic": ("甘草二两", "", "甘草三两"),
    "ten-thousand": ("青霉素80万U", "", "青霉素800万U"),
    "mmol-for-mg": ("血糖7.0 mmol/L", "", "血糖7.0 mg/dL"),
    "two-mentions": ("每次5 mg，共10片", "", "每次10 mg"),
    "iu-for-u": ("胰岛素10 IU", "", "胰岛素10 g"),
    "per-100-ml": ("20mg/100ml", "", "20 mg/L"),
    "solution": ("5%葡萄糖250ml", "", "10%葡萄糖注射液250 mL"),
    "per-day-added": ("每次5 mg，每日3次", "", "5 mg/d"),
    "significance": ("P<0.05", "", "P>0.05"),
    "twice-a-day-halved": ("每日早晚各1次", "", "每日1次"),
    "twice-a-day-made": ("每日1次", "", "早晚各1次"),
    "twice-a-day-made-in-ideographs": ("每日一次", "", "早晚各一次"),
    "three-times-for-two": ("早、中、晚各服1次", "", "每日2次"),
    "four-times-for-two": ("早晚各1次", "", "早晚各2次"),
    "tablets-morning-and-evening": ("早晚各1片", "", "每次2片"),
    "two-thirds-for-one": ("1/3的患者", "", "two thirds of patients"),
    "third-made-up": ("Some patients recover.", "", "About one third of patients recover."),
    "fraction-chinese": ("三分之一", "", "2/3"),
    "chinese-decimal-cut": ("三点五克", "", "3 g"),
    "chinese-decimal-tail": ("三点五克", "", "5克"),
    "chinese-decimal-made": ("5克", "", "三点五克"),
    "chinese-decimal-ten-fold": ("零点五毫克", "", "5 mg"),
    "chinese-percent": ("百分之三点五", "", "3%"),
    "every-other-day": ("隔日一次", "", "每日一次"),
    "every-day": ("每日1次", "", "隔日1次"),
    "every-other-day-in-ideographs": ("每隔一日一次", "", "每日一次"),
    "every-other-day-dose": ("隔日服5 mg", "", "5 mg/d"),
    "every-other-day-is-no-course": ("隔日一次", "", "服用2天"),
    "every-other-day-english": ("5 mg daily", "", "5 mg every other day"),
    "capitals": ("3 TO 5 MG", "", "5 MG"),
    "weekly-for-daily-dose": ("Daily dose of 5 mg", "", "5 mg weekly"),
    "composed": ("血红蛋白<60 g/L时输血", "", "血红蛋白<90 g/L时输血"),
}
PASSES = {
    "same": ("口服5 mg，每日3次。", "", "口服5 mg，每日3次。"),
    "wide": ("口服５ｍｇ。", "", "口服5 mg。"),
    "thousands": ("共1,000 mg", "", "共1000mg或1 000 mg"),
    "half": ("每次1/2片。", "", "每次半片，即0.5片、½片。"),
    "half-english": ("Take 1/2 tablet.", "", "Take half a tablet."),
    "three-times": ("共3次", "", "共三次"),
    "fifteen-days": ("疗程十五天", "", "疗程15天"),
    "two-tablets": ("每次两片", "", "每次2片"),
    "percent": ("占百分之五", "", "占5%，5 percent"),
    "range-chinese": ("二十至三十天", "", "20-30天"),
    "range-mixed": ("三到五天", "", "3～5天"),
    "hundred": ("一百二十片", "", "120片"),
    "ten-thousand": ("1.5万U", "", "15000单位"),
    "power": ("血小板100×10⁹/L", "", "血小板100*10^9/L"),
    "power-star": ("10⁹/L", "", "10*9/L, 10^9/L"),
    "units": ("5毫克，6克，7公斤", "", "5 mg、6 g、7 kg、7千克"),
    "volumes": ("5 mL，2升", "", "5毫升，2 L"),
    "micrograms": ("50 μg", "", "50 µg, 50 ug, 50 mcg, 50微克"),
    "temperature": ("38.5℃", "", "38.5 °C，38.5摄氏度"),
    "pressure": ("120/80毫米汞柱", "", "120/80 mmHg"),
    "insulin": ("10单位；200国际单位", "", "10 U; 200 IU"),
    "hours": ("24小时，30分钟", "", "24 h, 30 minutes, 24 hours"),
    "weeks": ("2周，3个月，4年", "", "two weeks, 3 months, 4 years"),
    "capsules": ("2粒，3滴", "", "2 capsules, three drops"),
    "area": ("体表面积1.73 m²", "", "1.73m2"),
    "kg-day": ("20 mg/(kg·d)", "", "20 mg/kg/d，20 mg·kg⁻¹·d⁻¹，20mg/(kg.d)"),
    "daily-forms": ("每日3次", "", "一日三次，每天三次，3次/日，3 次/天，日3次"),
    "daily-english": ("三次/日", "", "three times a day, 3 times daily, 3 times per day, t.i.d."),
    "twice": ("每日2次", "", "twice daily (bid)"),
    "once": ("once daily", "", "每日一次"),
    "weekly": ("每周1次", "", "once a week，1次/周"),
    "interval": ("每8小时500 mg", "", "500 mg q8h, every 8 hours"),
    "mass": ("0.5 g", "", "500 mg"),
    "volume": ("0.1 L", "", "100 ml"),
    "concentration": ("1 mg/ml", "", "1 g/L"),
    "range-forms": ("3-5 mg", "", "3～5 mg、3至5 mg、3 mg至5 mg、3 to 5 mg, between 3 and 5 mg"),
    "range-english": ("between 3 and 5 mg", "", "3-5 mg"),
    "markers": ("高血压需控制。", "", "1. 低盐\n2、运动\n(3) 减重；4）随访\n① 复查"),
    "ordinals": ("高血压需控制。", "", "第一，低盐；首先限酒，其次减重；第二，运动。"),
    "counters": ("高血压需控制。", "", "有三个方面、两种治疗、以下三点、几类；3种"),
    "markdown": ("高血压需控制。", "", "**1. 低盐**\n- 2. 运动\n### 3. 减重"),
    "first-day": ("首剂加倍", "", "第一天、第一次"),
    "people": ("2.5 million people", "", "250万人"),
    "main-types": ("Treat it.", "", "There are 3 main types. Step 1: rest."),
    "per-100-ml": ("20mg/100ml", "", "0.2 g/L"),
    "trial": ("男30例，95%CI 1.2-3.4，P<0.05", "", "30例男性（95% CI: 1.2–3.4），P＜0.05"),
    "fever": ("体温38℃~39℃", "", "体温38~39℃"),
    "next-sentence": ("Retest in 1 year. People at risk", "", "a retest in one year"),
    "ways": ("Treat it.", "", "There are three ways and two types."),
    "per-dose": ("5 mg", "", "一次5 mg，每次5 mg"),
    "words": (
        "甘草",
        "",
        "一个一种一般一定统一，十分重要，万一，三七，四肢，五官，六味地黄丸、八珍汤、百合、千金方",
    ),
    "names": (
        "贫血",
        "",
        "维生素B12、CD4、IgG4、COVID-19、HbA1c、T2DM、2型糖尿病、Ⅱ型、H1N1、5-HT、25(OH)D、第3腰椎",
    ),
    "names-english": ("Anaemia", "", "Type 2 diabetes, omega-3, vitamin D3, 5-HT, IL-6, CA19-9"),
    "bare": ("INR维持在2.5～3.5", "", "INR为2.5"),
    "bare-unit": ("收缩压超过180 mmHg", "", "收缩压高于180"),
    "question": ("每次口服。", "孩子15 kg，吃多少？", "体重15公斤的孩子"),
    "direction-none": ("血钾>5.5 mmol/L", "", "血钾5.5 mmol/L"),
    "direction-same": ("血钾>5.5 mmol/L", "", "血钾高于5.5 mmol/L，5.5 mmol/L以上"),
    "direction-not": ("每日不超过4 g", "", "每日至多4 g, no more than 4 g"),
    "list": ("剂量为5、10或20 mg", "", "可用5 mg或10 mg"),
    "age": ("a 45-year-old man", "", "45岁男性, 45 years old"),
    "week": ("疗程一周", "", "疗程1周"),
    "course": ("a 10-day course of 500-mg tablets", "", "10 days, 500 mg"),
    "minus": ("保存于−20℃", "", "保存于-20 °C，零下20℃"),
    "daily-dose": ("每日5 mg", "", "5 mg/d, 5 mg daily, 5 mg"),
    "heart-rate": ("心率80次/分", "", "80次/min, 80 beats per minute"),
    "ratio": ("1：1000", "", "1:1000"),
    "deviation": ("132±12 g/L", "", "132 ± 12 g/L"),
    "approximate": ("三五天即愈", "", "3-5天"),
    "attached": ("Hb90g/L, pH7.35, T38.5℃", "", "90 g/L, 7.35, 38.5 ℃"),
    "mixed-number": ("1½ tablets", "", "1 1/2 tablets, 1.5 tablets"),
    "half-more": ("一年半", "", "1.5年"),
    "morning-and-evening": ("每日早晚各1次", "", "每日2次, twice daily, b.i.d."),
    "twice-a-day": ("每日2次", "", "每日早晚各1次，早晚各一次，早晨和晚上各服1次"),
    "morning-noon-evening": ("早、中、晚各1次", "", "每日3次，3次/日"),
    "each-time": ("每次1片，早晚各1次", "", "早晚各1片，1次"),
    "thirds": ("1/3的患者，2/3的患者", "", "one third of patients, two-thirds"),
    "thirds-english": ("One third of patients, three quarters.", "", "1/3，三分之一，3/4"),
    "third-in-order": ("Drugs", "", "A third dose, one third-line drug, one third dose"),
    "chinese-decimal": ("三点五克，零点五毫克", "", "3.5 g, 0.5 mg"),
    "digits-for-chinese-decimal": ("3.5 g，1.5片，3.5%", "", "三点五克，一点五片，百分之三点五"),
    "clock": ("八时1片", "", "八点一片，下午一点一片"),
    "alternate-days": (
        "隔日一次",
        "",
        "每2日1次，每两天一次，隔天1次, every other day",
    ),
    "two-days": (
        "每2日1次",
        "",
        "隔日一次，每隔一日一次, on alternate days, qod",
    ),
    "two-days-english": ("every 2 days", "", "every second day, q.o.d., 隔日一次"),
    "partition": ("肿物", "", "纵隔周围，阻隔日光，间隔日久"),
    "divided-by-none": ("20 mg/0 ml", "", "20mg/0ml"),
    "little": ("积累", "", "一点一滴"),
    "capitals": ("3 TO 5 MG", "", "3-5 mg"),
    "daily-dose-capital": ("Daily dose of 5 mg", "", "5 mg/d"),
    "year-old-date": ("2019年3月5日", "", "2019年3月"),
}


@pytest.mark.parametrize(("passage", "question", "answer"), CAUGHT.values(), ids=CAUGHT)
def test_a_figure_that_no_source_holds_is_caught(passage: str, question: str, answer: str) -> None:
    assert unsupported(answer, passage, question)


@pytest.mark.parametrize(("passage", "question", "answer"), PASSES.values(), ids=PASSES)
def test_another_spelling_of_a_figure_and_what_is_no_figure_pass(
    passage: str, question: str, answer: str
) -> None:
    assert unsupported(answer, passage, question) == []


def test_figures_are_named_as_written_in_order_and_once() -> None:
    answer = "先用７ｍｇ，再用 0.9 %，后用７ｍｇ和三周。"
    assert unsupported(answer, "无") == ["７ｍｇ", "0.9 %", "三周"]
    assert unsupported("İİ 用Ｘ，7 MG、早晚各１次", "无") == ["7 MG", "１次"]


def test_the_parts_of_a_range_from_two_sources_make_no_range() -> None:
    assert unsupported("3-5 mg", "3 mg", "5 mg") == ["3-5 mg"]


_SIGNS = (
    "5 0.5 1,000 1/2 ½ 半 三 十五 两 10⁹ 5×10⁹ 百分之五 -20 3-5 3～5 二至三 120/80 132±12 1:1000 .5"
)
_SPACED = [
    "twenty-four",
    "half a",
    "between 3 and 5",
    "1 1/2",
    "10 000",
    "9" * 50,
    "三点五",
    "two-thirds",
    "隔日",
]
_NUMBERS = st.sampled_from([*_SIGNS.split(), *_SPACED])
_PLAIN_UNITS = "mg 毫克 /L g/L mg/(kg·d) % ℃ 片 次/日 天 个月 岁 tablets mmHg IU 万U times 种 分"
_SPACED_UNITS = [" mg", "", " times a day", " per day", " years old", "-day", "次，每日", "/100 ml"]
_UNITS = st.sampled_from([*_PLAIN_UNITS.split(), *_SPACED_UNITS])
_BEFORE = [
    "每日",
    "每",
    "第",
    "大于",
    "不超过 ",
    "早晚各",
    "，",
    "。",
    "1. ",
    "以上",
    "或",
    "q",
    "日",
    "-",
    "至",
    "一",
]
_AROUND = st.sampled_from([*_BEFORE, "\n", " "])
_QUANTITIES = st.lists(st.tuples(_AROUND, _NUMBERS, _UNITS).map("".join), max_size=6).map("".join)
_TEXTS = _QUANTITIES | st.text(max_size=60)


@given(_TEXTS)
def test_a_text_holds_its_own_figures(text: str) -> None:
    assert unsupported(text, text) == []


@given(_QUANTITIES, _TEXTS, _TEXTS)
def test_sources_are_equal_and_another_never_takes_support_away(
    answer: str, first: str, second: str
) -> None:
    both = unsupported(answer, first, second)
    assert both == unsupported(answer, second, first)
    assert set(both) <= set(unsupported(answer, first))


_RUNS = "1 1, 1- 1,000 mg / ( ) 1) 一 半 万 百分之 A1- kg· 1/ 1mg/ twenty- 至 10^ . q 每日 - 第 不"


@pytest.mark.parametrize("unit", [*_RUNS.split(), " ", "\n", "1 000 "])
def test_time_grows_with_the_length(unit: str) -> None:
    lengths = (4_500, 13_500)
    seconds = [min(_seconds(unit * (n // len(unit))) for _ in range(2)) for n in lengths]
    assert seconds[1] < 6 * seconds[0] + 0.05


@pytest.mark.parametrize("unit", ["1", "mg", "(", "[", "一", "次/"])
def test_a_long_run_is_read_in_a_moment(unit: str) -> None:
    assert _seconds(unit * (200_000 // len(unit))) < 5


def _seconds(text: str) -> float:
    start = time.perf_counter()
    unsupported(text, text)
    return time.perf_counter() - start
