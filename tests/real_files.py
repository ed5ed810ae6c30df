"""The real files of docs/real-sample.md, and sources that read every text among them."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from given import ROOT

from onestage import params
from onestage.collect.selection import Collect
from onestage.lexicon_recipe import derive_lexicon
from onestage.sources import Source

FILES = Path(os.environ.get("ONESTAGE_REALDATA", ROOT.parent / "shared" / "realdata"))
NEEDS_FILES = pytest.mark.skipif(
    not FILES.is_dir(),
    reason=f"the real files are not in {FILES}; bring them and name their folder in "
    "ONESTAGE_REALDATA (docs/real-sample.md)",
)
_PROFILE = params.load_document(ROOT / "profiles" / "real-sample.yaml")
_BROUGHT = "data/raw/realdata/"
_LEXICONS = {"zh": f"{_BROUGHT}dict_zh_thuocl_medical/THUOCL_medical.txt"}
_DESCRIPTIONS = "dict_en_icd10cm/icd10cm_2026_code_desc.tsv"
_GENERAL = ("gen_en_wikitext2_valid/valid.txt", "gen_en_shakespeare/input_first300k.txt")


def _more(path: str, lang: str, kind: str, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a source that keeps what it can: what the profile does not read as a corpus."""
    return {
        "path": _BROUGHT + path,
        "lexicon": _LEXICONS.get(lang, f"{_BROUGHT}lexicon_en.txt"),
        "classifier": "data/none",
        "kind": kind,
        "lang": lang,
        "fields": fields,
        "min_density": 0.0,
        **more,
    }


_LINES: dict[str, Any] = {"format": "txt", "record": "line"}
_ROWS: dict[str, Any] = {"format": "tsv", "header": False}
_CMMLU = {"title": "Question", "text": ["Question", "A", "B", "C", "D"]}
_MMLU = ["question", "choice0", "choice1", "choice2", "choice3"]
_MORE: dict[str, dict[str, Any]] = {
    "categories_zh": _more(
        "lit_zh_csl_dev", "zh", "literature", {"text": ["1"]}, include="cls_*", **_ROWS
    ),
    "codes_en": _more(
        _DESCRIPTIONS, "en", "encyclopedia", {"title": "0", "text": ["1"]}, **_ROWS
    ),
    "diseases_zh": _more(
        "dict_zh_kg_disease_symptom", "zh", "encyclopedia", {"text": ["text"]}, **_LINES
    ),
    "terms_zh": _more("dict_zh_thuocl_medical", "zh", "encyclopedia", {"text": ["text"]}, **_LINES),
    "words_zh": _more(
        "dict_zh_thuocl_nonmedical", "zh", "encyclopedia", {"text": ["0"]}, **_ROWS
    ),
    "classes_zh": _more(
        "gen_zh_thucnews_titles/class.txt", "zh", "web", {"text": ["text"]}, **_LINES
    ),
    "collection_en": _more(
        "book_en_openstax_pharmacology/pharmacology.collection.xml",
        "en",
        "book",
        {"text": ["title"]},
        format="xml",
        record="//subcollection",
    ),
    "advice_zh": _more(
        "eval_zh_huatuo100/huatuo100_inst_GPT4.json",
        "zh",
        "sft",
        {"instruction": ["query"], "output": "model_output"},
        format="json",
    ),
    "dialogues_zh": _more(
        "eval_zh_huatuo100/huatuo100_conv_GPT4.json",
        "zh",
        "sft",
        {"instruction": ["Description"], "output": "Real Dialogue"},
        format="json",
    ),
    "apollo_zh": _more(
        "bench_apollo_dev_zh_en/zh.json",
        "zh",
        "web",
        {"text": ["question", "options"]},
        format="json",
    ),
    "apollo_en": _more(
        "bench_apollo_dev_zh_en/en.json",
        "en",
        "web",
        {"text": ["question", "options"]},
        format="json",
    ),
    "cmexam_zh": _more(
        "bench_cmexam_val",
        "zh",
        "web",
        {"title": "Question", "text": ["Question", "Options", "Explanation"]},
        format="csv",
    ),
    "cmmlu_zh": _more("bench_cmmlu_medical", "zh", "web", _CMMLU, format="csv"),
    "general_cmmlu_zh": _more("bench_cmmlu_nonmedical", "zh", "web", _CMMLU, format="csv"),
    "medmcqa_en": _more(
        "bench_medmcqa_val", "en", "web", {"text": ["question"]}, format="jsonl"
    ),
    "medqa_en": _more(
        "bench_medqa_usmle_4opt",
        "en",
        "web",
        {"text": ["question", "options.A", "options.B", "options.C", "options.D"]},
        format="jsonl",
    ),
    "mmlu_en": _more("bench_mmlu_medical", "en", "web", {"text": _MMLU}, format="csv"),
    "encodings_zh": _more(
        "fixture_encodings_cmmlu_anatomy", "zh", "web", _CMMLU, format="csv", encoding="auto"
    ),
}  # fmt: skip
_GIVEN: dict[str, dict[str, Any]] = {**_PROFILE["sources"], **_MORE}
SOURCES = tuple(_GIVEN)
FORMATS: dict[str, str] = {key: given["format"] for key, given in _GIVEN.items()}


def source(key: str, work: Path, **more: Any) -> Source:
    """Return a source over the real files; `work` holds what was derived from them."""
    given = {**_GIVEN[key], **more}
    places = {name: _place(given[name], work) for name in ("path", "lexicon", "classifier")}
    return msgspec.convert({**given, **places}, Source)


def choices() -> Collect:
    """Return the profile's choices; the lexicon alone filters, as no filter was learned."""
    return msgspec.convert({**_PROFILE["collect"], "filter": "lexicon"}, Collect)


def _place(name: str, work: Path) -> str:
    if name in ("data/none", f"{_BROUGHT}lexicon_en.txt"):
        return str(work / Path(name).name)
    return str(FILES / name.removeprefix(_BROUGHT)) if name.startswith(_BROUGHT) else name


def derive_files(work: Path) -> None:
    """Write what the sources need besides the real files: the English lexicon, an empty file."""
    general = [line for name in _GENERAL for line in _lines(name)]
    terms = derive_lexicon(_lines(_DESCRIPTIONS), general)
    (work / "lexicon_en.txt").write_text("\n".join(terms) + "\n", encoding="utf-8")
    (work / "none").write_text("", encoding="utf-8")


def _lines(name: str) -> list[str]:
    return (FILES / name).read_text(encoding="utf-8").splitlines()
