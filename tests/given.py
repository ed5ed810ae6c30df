"""Small inputs that many tests share: records, parameter files, folders of artifacts."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from onestage import jsonl, params
from onestage.identity import content_id
from onestage.records import Conversation, Lang, Message, Passage

ROOT = Path(__file__).resolve().parents[1]
TOY_BASE = ROOT / "data" / "toy" / "base"

# Strings whose every sign carries meaning in medicine; normalisation must return them as they are.
MEDICAL = (
    # counts, concentrations
    "10⁹/L", "×10¹²/L", "5×10⁹/L", "(4.0～10.0)×10⁹/L", "≥3.9 mmol/L", "≤ 6.5 mmol/L",
    "<7.0 mmol/L 且 >2.8 mmol/L", "≥140/90 mmHg", "120～139/80～89 mmHg", "HbA1c ≥6.5％", "0.9%",
    "±2.5", "(5.2±1.1) mmol·L⁻¹", "P<0.05", "χ²=4.31", "r=-0.62", "−20℃", "37.5℃", "98.6℉", "‰",
    "1:1000", "1：20稀释", "pH 7.35～7.45", "45 mL/(min·1.73m²)", "5.6 log₁₀ IU/ml", "10⁵拷贝/ml",
    "10^5 CFU/mL", "2.5×10⁻³ mol/L", "1 000 000 U", "25 000 U", "12′30″", "6/6视力", "20/200",
    # doses, ways and times
    "0.5～1.0g/(kg·d)", "µg/kg·min⁻¹", "mg·kg⁻¹·d⁻¹", "0.1ml/kg", "5～10 g", "1/4片", "¼ 片", "½",
    "1½ tablets", "1⁄2", "2/3", "q8h", "q.d.", "b.i.d.", "10 mg t.i.d. p.o.", "400-800-1200 mg",
    "80 mg/m² d1～d5", "30～50 mg·m⁻²", "AUC 5", "0.05 μg/kg/min", "μg", "㎎", "㏄", "100 IU/kg",
    "①口服；②静脉", "№ 3", "ss（半）", "℞", "生甘草三钱", "半夏六錢（洗）",
    # elements, compounds, gases
    "H₂O", "CO₂", "PaO₂", "PaO₂/FiO₂≤300 mmHg", "SpO₂ 96%", "HCO₃⁻", "NH₄⁺", "Na⁺", "Ca²⁺", "Fe³⁺",
    "K⁺ 3.5～5.5 mmol/L", "¹³C呼气试验", "⁹⁹ᵐTc", "¹³¹I", "¹⁸F-FDG", "25(OH)D₃", "1,25-(OH)₂D₃",
    "vitamin B₁₂", "C₆H₁₂O₆", "5-HT₃", "(1→3)-β-D-葡聚糖", "Δ9-THC", "Ω", "Å", "trans-10,cis-12",
    # receptors, antigens, genes, organisms
    "IgG₁", "α-受体", "β₂受体激动药", "γ-GT", "CD4⁺ T细胞", "CD4⁺/CD8⁺", "HLA-B*57:01", "TNF-α",
    "NF-κB", "c.35delG", "p.Val600Glu", "BRCA1/2", "t(9;22)(q34;q11)", "HER2(+++)", "HBsAg(+)",
    "ER(-)/PR(+)", "O₁₅₇:H₇", "SARS-CoV-2", "T₁₀～L₂", "L₄/₅椎间盘", "T½", "t₁/₂",
    # stages, signs, names
    "Ⅱ型糖尿病", "第Ⅷ因子", "Ⅲb期", "T2N0M0", "NYHA Ⅳ级", "ASA Ⅱ～Ⅲ级", "↑↓→", "♂/♀", "…", "“证”",
    "Sjögren", "Ménière", "Guillain-Barré", "naïve T cell", "麦门冬湯", "䗪虫", "朊粒",
    "肽键“-CO-NH-”",
)  # fmt: skip


def passage(text: str, *, source: str = "web", lang: Lang = "zh", **more: Any) -> Passage:
    """Return a passage that is the whole of its document."""
    doc = content_id(source, text)
    fields: dict[str, Any] = {
        "id": content_id(doc, 0, len(text)),
        "source": source,
        "kind": "web",
        "lang": lang,
        "doc": doc,
        "file": "a.jsonl",
        "record": 1,
        "span": (0, len(text)),
        "text": text,
        "title": "",
    }
    return Passage(**{**fields, **more})


def conversation(*turns: str, source: str = "sft", **more: Any) -> Conversation:
    """Return a conversation of alternating user and assistant turns."""
    roles = ("user", "assistant")
    fields: dict[str, Any] = {
        "id": content_id(source, *turns, more.get("text", "")),
        "source": source,
        "kind": "sft",
        "lang": "zh",
        "messages": [Message(roles[i % 2], turn) for i, turn in enumerate(turns)],
        "text": "",
        "passage": "",
        "parent": "0" * 24,
        "file": "a.jsonl",
        "record": 1,
        "via": "sft",
    }
    return Conversation(**{**fields, **more})


def write_records(folder: Path, records: Iterable[msgspec.Struct], stem: str = "part") -> Path:
    """Write an artifact folder as a stage would."""
    folder.mkdir(parents=True, exist_ok=True)
    with jsonl.PartWriter(folder, stem) as writer:
        for record in records:
            writer.write(record)
    return folder


def read_lines(folder: Path, stem: str = "part") -> list[dict[str, Any]]:
    """Return an artifact's records as plain values, read without the project's own reader."""
    return [
        json.loads(line)
        for path in sorted(folder.glob(f"{stem}-*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def parameters() -> dict[str, Any]:
    """Return the toy profile made tiny, complete, to be changed at will by a test.

    Choices that no test asks about are the profile's own.
    """
    document = params.load_document(ROOT / "profiles" / "toy.yaml")
    document["benchmarks_dir"] = "benchmarks"
    document["sources"] = {
        "web": {
            "path": "web.jsonl",
            "lexicon": "lexicon.txt",
            "classifier": "none",
            "kind": "web",
            "lang": "zh",
            "format": "jsonl",
            "fields": {"title": "title", "text": ["text"]},
        },
        "sft": {
            "path": "sft.jsonl",
            "lexicon": "none",
            "classifier": "none",
            "kind": "sft",
            "lang": "zh",
            "format": "jsonl",
            "fields": {"messages": "messages"},
        },
    }
    document["collect"] |= {
        "min_chars": {"zh": 5, "en": 10},
        "max_chars": {"zh": 60, "en": 200},
        "min_density": {"zh": 0.02, "en": 0.02},
        "quality": {
            "min_letter_share": 0.5,
            "max_digit_share": 1.0,
            "max_repeat_share": 0.5,
            "max_repeated_lines_share": 1.0,
            "max_navigation_share": 1.0,
        },
    }
    document["unify"] |= {"mode": "template", "seed": 1, "model": "m", "tries": 2}
    document["unify"] |= {
        "prompts": str(ROOT / "prompts" / "unify"),
        "question": {"temperature": 0.7, "max_output_tokens": 50},
        "answer": {"temperature": 0.7, "max_output_tokens": 50},
        "limits": {"timeout_s": 5.0, "attempts": 2, "give_up_s": 5.0},
    }
    document["unify"]["checks"] |= {
        "question_min_chars": 0,
        "question_max_chars": 40,
        "answer_min_chars": 0,
        "min_similarity": {"zh": 0.0, "en": 0.0},
        "numbers": False,
    }
    document["dedupe"]["ranking"] = ["sft", "web"]
    document["dedupe"]["semantic"]["model"] = "none"
    document["dedupe"]["contamination"]["min_chars"] = 20
    document["benchmarks"] = {
        "mc": {
            "file": "mc.jsonl",
            "lang": "zh",
            "format": "jsonl",
            "id": "id",
            "question": "question",
            "options": ["options"],
            "answer": "answer",
            "type": "type",
        }
    }
    document["sample"] = {
        "seed": 1,
        "strategy": "priority",
        "priority": {"web": 8, "sft": 1},
        "epochs": {"web": 1, "sft": 2},
        "heldout_share": {"web": 0.2, "sft": 0.2},
    }
    document["pack"] |= {
        "chat_template": str(TOY_BASE / "chat_template.jinja"),
        "seq_len_tokens": 128,
        "too_long": "reject",
        "max_displacement_rows": 4,
    }
    document["base"] = {"path": str(TOY_BASE), "init": "random", "seed": 1}
    document["train"] |= {
        "rows_per_step": 2,
        "rows_per_device": 1,
        "log_every_steps": 1,
        "cpu_threads": 1,
    }
    document["models"] = {
        "base": {"path": str(TOY_BASE), "label": "base", "init": "random", "seed": 1}
    }
    document["evaluate"] |= {"batch_size": 4, "max_length_tokens": 512, "cpu_threads": 1}
    document["compare"] |= {"confidence": 0.95, "published": "none"}
    return document


def changed_parameters(*path: str, value: Any = None, drop: bool = False) -> dict[str, Any]:
    """Return the tiny parameters with one value, named by its keys, changed or dropped."""
    document = parameters()
    place = document
    for key in path[:-1]:
        place = place[key]
    if drop:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


def write_params(folder: Path, document: dict[str, Any]) -> Path:
    """Write params.yaml; JSON is YAML 1.2."""
    path = folder / "params.yaml"
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def write_lines(path: Path, values: Iterable[Any]) -> Path:
    """Write plain values as JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    path.write_text(text, encoding="utf-8")
    return path


QUESTIONS = [
    {
        "id": "q1",
        "question": "成人高血压的诊断界值是下列哪一项",
        "options": {"A": "130/80 mmHg", "B": "140/90 mmHg", "C": "150/95 mmHg"},
        "answer": "B",
        "type": "one",
    },
    {
        "id": "q2",
        "question": "下列属于β受体阻断药的是哪些",
        "options": {"A": "美托洛尔", "B": "比索洛尔", "C": "硝苯地平"},
        "answer": "AB",
        "type": "several",
    },
]


_COMPLAINTS = [
    ("高血压", "头痛"), ("糖尿病", "多饮"), ("肺炎", "咳嗽"), ("贫血", "乏力"), ("肝炎", "纳差"),
    ("哮喘", "气喘"), ("痛风", "足痛"), ("肾炎", "水肿"), ("胃炎", "反酸"), ("甲亢", "心悸"),
    ("骨折", "肿胀"), ("黄疸", "皮肤发黄"), ("眩晕", "视物旋转"), ("失眠", "早醒"),
]  # fmt: skip


def write_inputs(folder: Path, *, documents: int = 12) -> Path:
    """Write everything that `parameters()` names, and params.yaml; return the latter."""
    topics, signs = zip(*_COMPLAINTS, strict=True)
    write_lines(
        folder / "web.jsonl",
        [
            {"title": topic, "text": f"{topic}病人常有{sign}。第{n}条：{topic}要看{sign * 2}。"}
            for n, (topic, sign) in enumerate(zip(topics, signs, strict=True))
        ][:documents],
    )
    write_lines(
        folder / "sft.jsonl",
        [
            {
                "messages": [
                    {"role": "user", "content": f"{sign}怎么办？"},
                    {"role": "assistant", "content": f"{sign}多见于{topic}，{n}天不好请就医。"},
                ]
            }
            for n, (topic, sign) in enumerate(zip(topics, signs, strict=True))
        ],
    )
    (folder / "lexicon.txt").write_text("\n".join([*topics, *signs]) + "\n", encoding="utf-8")
    (folder / "none").write_text("", encoding="utf-8")
    write_lines(folder / "benchmarks" / "mc.jsonl", QUESTIONS)
    return write_params(folder, parameters())
