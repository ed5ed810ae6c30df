from typing import Any

import msgspec
import pytest

from onestage.sources import Source

_TEXT = {"fields": {"text": ["a"]}}
_GIVEN = {
    "path": "p",
    "lexicon": "l",
    "classifier": "c",
    "kind": "web",
    "lang": "zh",
    "format": "jsonl",
}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"fields": {}}, "needs fields.text"),
        ({"kind": "sft", "fields": {"text": ["a"]}}, "needs fields.messages"),
        ({"kind": "sft", "fields": {"output": "a"}}, "needs fields.messages"),
        ({"format": "xml", "fields": {"text": ["a"]}}, "format xml needs record"),
        ({"format": "txt", "record": "page", "fields": {"text": ["a"]}}, "format txt needs record"),
        ({"replace": [["(a", ""]], **_TEXT}, "no regular expression"),
        ({"replace": [["(a)", r"\2"]], **_TEXT}, "no replacement"),
        ({"replace": [["a", r"\g<x>"]], **_TEXT}, "no replacement"),
        ({"replace": [["(?i)a", "\\"]], **_TEXT}, "no replacement"),
        ({"format": "txt", "record": "section", "heading": "第.章", **_TEXT}, "has no group"),
        ({"include": "/data/*.txt", **_TEXT}, "within the source's folder"),
        ({"include": "../*.txt", **_TEXT}, "within the source's folder"),
        ({"include": "", **_TEXT}, "within the source's folder"),
        ({"include": "**.txt", **_TEXT}, "no pattern of file names"),
        ({"replace": [["a{99999999999}", ""]], **_TEXT}, "no regular expression"),
        ({"replace": [["(" * 3000 + ")" * 3000, ""]], **_TEXT}, "no regular expression"),
        ({"replace": [["[[a]", ""]], **_TEXT}, "no regular expression"),
        ({"format": "docx", "fields": {"text": ["a"]}}, "format"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert({**_GIVEN, **more}, Source)
