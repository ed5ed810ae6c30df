"""Numbers of persons are masked; doses, values and numbers of papers are not."""

import pytest
from given import MEDICAL
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect.personal import mask
from onestage.normalise import normalise

_PERSONAL = [
    # e-mail
    ("信箱 zhang.san@hospital.com.cn。", "信箱 [EMAIL]。"),
    ("邮箱zhang@hospital.cn，请写信", "邮箱[EMAIL]，请写信"),
    ("Email: a.b+c@med.uni-x.edu.", "Email: [EMAIL]."),
    ("write to gd1981@gmail. com please", "write to [EMAIL] please"),
    ("JOHN@CLINIC.ORG; x_y@163.com", "[EMAIL]; [EMAIL]"),
    # Chinese mobile numbers
    ("电话13800138000转2", "电话[PHONE]转2"),
    ("Tel.13800138000.", "Tel.[PHONE]."),
    ("手机+8613800138000", "手机[PHONE]"),
    ("+86 138-0013-8000", "[PHONE]"),
    ("0086-13800138000", "[PHONE]"),
    ("(+86)13800138000", "[PHONE]"),
    ("联系人：王某 138 0013 8000，谢谢", "联系人：王某 [PHONE]，谢谢"),
    ("138-0013-8000或139-0013-9000", "[PHONE]或[PHONE]"),
    ("13800138000/13900139000", "[PHONE]/[PHONE]"),
    # Chinese landlines and service numbers
    ("010-12345678不是，010-62345678是", "010-12345678不是，[PHONE]是"),
    ("门诊(0755)82345678转123", "门诊[PHONE]"),
    ("总机（010）6234 5678", "总机[PHONE]"),
    ("0571-8723456-8012", "[PHONE]"),
    ("+86-21-62345678", "[PHONE]"),
    ("电话：62345678", "电话：[PHONE]"),
    ("传真：01062345678", "传真：[PHONE]"),
    ("热线：03-9782345", "热线：[PHONE]"),
    ("拨打400-810-8888咨询", "拨打[PHONE]咨询"),
    ("800-8203-888", "[PHONE]"),
    # North America and elsewhere
    ("call +1 (555) 223-4567 now", "call [PHONE] now"),
    ("(555) 223-4567 ext. 12", "[PHONE]"),
    ("at 1-800-860-8747.", "at [PHONE]."),
    ("at 1–800–860–8747.", "at [PHONE]."),
    ("212.555.1234, 212-155-1234", "[PHONE], 212-155-1234"),  # no exchange begins with 1
    ("Phone: 7315545283 Fax: 7315545284", "Phone: [PHONE] Fax: [PHONE]"),
    ("TTY: 703-524-6639", "TTY: [PHONE]"),
    ("+44 20 7946 0958", "[PHONE]"),
    ("ring +49 (0)30 1234567", "ring [PHONE]"),
    ("+33 1 23 45 67 89", "[PHONE]"),
    ("+852 2345 6789", "[PHONE]"),
    # identities
    ("身份证110101199003074514号", "身份证[ID]号"),
    ("公民身份号码：11010119900307451X", "公民身份号码：[ID]"),  # a wrong check sign
    ("编号 11010519491231002X。", "编号 [ID]。"),
    ("患者110105 19491231 002X就诊", "患者[ID]就诊"),
    ("身份证号：110105491231002", "身份证号：[ID]"),
    ("护照号：E12345678", "护照号：[ID]"),
    ("SSN 123-45-6789", "SSN [ID]"),
    ("social security number: 123456789", "social security number: [ID]"),
    # records: the label stays
    ("病历号：00123456", "病历号：[RECORD]"),
    ("住院号 ZY2019-00123，男", "住院号 [RECORD]，男"),
    ("门诊号为 1234567", "门诊号为 [RECORD]"),
    ("就诊卡号:A00012345", "就诊卡号:[RECORD]"),
    ("医保卡号：320102345678", "医保卡号：[RECORD]"),
    ("病案号123456", "病案号[RECORD]"),
    ("患者ID：20200101", "患者ID：[RECORD]"),
    ("病理号：B2019-12345", "病理号：[RECORD]"),
    ("MRN: 00482913", "MRN: [RECORD]"),
    ("Medical record number is 1234-567.", "Medical record number is [RECORD]."),
    ("patient ID: AB-12345", "patient ID: [RECORD]"),
    ("Hospital No. 445566", "Hospital No. [RECORD]"),
    ("NHS number 943 476 5919", "NHS number [RECORD]"),
    # accounts
    ("微信号：zhang_doctor88", "微信号：[ACCOUNT]"),
    ("WeChat ID: drwang2020", "WeChat ID: [ACCOUNT]"),
    ("QQ：123456789", "QQ：[ACCOUNT]"),
    ("客服电话4009282212", "客服电话[PHONE]"),
    ("联系电话02161176673，24小时", "联系电话[PHONE]，24小时"),
    ("官方Q群288190979", "官方Q群[ACCOUNT]"),
    ("客服QQ1047518732", "客服QQ[ACCOUNT]"),
    ("请加QQ 800084487咨询", "请加QQ [ACCOUNT]咨询"),
    ("微信：13800138000", "微信：[PHONE]"),
]  # fmt: skip

_IMPERSONAL = [
    "The total patient number was 1245.",
    "Patient number: 1245",
    "hospital number 3000",
    "门诊号为12000人次",
    "急诊号1200个",
    "CT号1200张",
    "WBC 15000000000/L",
    "HCV RNA 13912345678 IU/ml",
    "HCV-RNA 13500000000 copies/mL",
    "13800000000 CFU/L",
    "13612345678例次",
    "13512345678元",
    # doses and values
    "手机+86 138-0013", "批号 138001380001", "国药准字H13800138000", "0.13800138000",
    "批号：13800138000",
    "400-800-1200 mg", "doses of 200-400-1000 were compared", "800-1000-1200", "400-500 mg/d",
    "WBC 13.8×10⁹/L，PLT 138×10⁹/L", "血压 120/80-130/85-140/90 mmHg", "12345678个细胞/ml",
    "HBV DNA 13800138 IU/ml", "138 0013 mg", "病毒载量 1380013800拷贝", "1 000 000 U",
    "25 000 000 U",
    "收缩压 138 142 156 171 185", "130 1450 1600 1720", "每日热量1500-1800-2000 kcal",
    "CT值 -100~-50 HU", "0.05-0.10-0.15-0.20", "体重 60 kg，身高 170 cm，BMI 20.8",
    # papers, trials, products
    "PMID: 12345678", "PMID 31234567 and PMC6543210", "doi:10.1016/j.cell.2019.05.052",
    "https://doi.org/10.1007/13812345678-1", "10.1161/01.CIR.555-223-4567", "NCT01234567",
    "ChiCTR2000029308", "注册号：13812345678", "ISRCTN12345678", "基金项目（No. 13812345678）",
    "Grant No. 13812345678", "ISBN 978-7-117-12345-6", "ISSN 0376-2491", "Lot 555-223-4567",
    "http://www.x.cn/p/13800138000.html",
    # codes, years, pages, chemistry, genes, core-shell materials
    "E11.9, I25.722", "2010-2015年", "1990-05-12至2003-11-30", "2019年12月31日", "pp. 1234-1245",
    "178(1), 12-25", "CAS 50-78-2", "CAS 64-17-5, 7732-18-5", "H1N1, H7N9, SARS-CoV-2", "rs1801133",
    "GenBank MN908947.3", "Cu@graphitic octahedron", "Fe3O4@SiO2.The particles",
    "USPTO、esp@cenet、DII",
    "cell.2019.05.052", "1,3-β-D-葡聚糖", "A/Brisbane/59/2007", "ATCC 25923", "17-12-2019",
    # labels without a number
    "请出示身份证和医保卡", "病历号、住院号和姓名", "门诊号源2000个", "住院号：见下",
    "patient number 12",
    "the number of patients was 12345", "No. 1234 Main", "QQ-plot 12345", "微信同号", "电话随访",
    "telephone survey 2010-2015", "电话2010-2015年", "电话 12345678 人次",
    "拨打120或12320", "phone: 911", "就诊卡 100 元",
    "110101199013074514",  # no such month
    "110105194912310021",  # a wrong check sign, and no word before it
    "000-12-3456, 666-12-3456, 123-00-4567",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), _PERSONAL)
def test_personal_data_are_masked(text: str, expected: str) -> None:
    masked, counts = mask(text)
    assert masked == expected
    assert counts.total() == expected.count("[")
    assert mask(masked) == (masked, {})
    assert mask(f"前文 {text}") == (f"前文 {expected}", counts)


@pytest.mark.parametrize("text", [*_IMPERSONAL, *MEDICAL])
def test_other_numbers_are_not(text: str) -> None:
    assert mask(text) == (text, {})
    assert mask(f"（{text}）") == (f"（{text}）", {})


def test_both_tables_are_large_enough() -> None:
    assert len(_PERSONAL) >= 40
    assert len(_IMPERSONAL) >= 40


_PIECES = st.sampled_from(
    [text for text, _ in _PERSONAL] + _IMPERSONAL
    + ["[PHONE]", "[ID]", " ", "-", "/", "\n", "+", "(", "1", "86", "号", "电话：", "MRN ", ".",
    "a", "@"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=8).map("".join))
def test_masking_twice_changes_nothing_more_and_leaves_text_normal(raw: str) -> None:
    once, _ = mask(normalise(raw))
    assert mask(once) == (once, {})
    assert normalise(once) == once


@given(st.text(st.characters(exclude_characters="@0123456789:："), max_size=60))
def test_text_without_numbers_and_addresses_stays(text: str) -> None:
    assert mask(text) == (text, {})


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("abc＠163.com", "[EMAIL]"),
        ("a@b.cn-c@d.com", "[EMAIL][EMAIL]"),
        ("a@b.com12c@d.cn，5 mg", "[EMAIL][EMAIL]，5 mg"),
    ],
)
def test_addresses_that_touch_are_all_masked(raw: str, expected: str) -> None:
    masked, counts = mask(normalise(raw))
    assert masked == expected
    assert counts == {"EMAIL": expected.count("EMAIL")}


def test_each_kind_is_counted() -> None:
    text = "a@b.cn，13800138000、13900139000，MRN 445566"
    assert mask(text) == (
        "[EMAIL]，[PHONE]、[PHONE]，MRN [RECORD]",
        {"EMAIL": 1, "PHONE": 2, "RECORD": 1},
    )
