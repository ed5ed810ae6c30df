"""Pages lose their navigation and nothing else: scripts, doses, lists and tables stay."""

import json
import logging
from pathlib import Path

import pytest
from raw_files import source, values

from onestage.collect.html_records import page_record
from onestage.collect.raw import BadRecord
from onestage.sources import Fields

_PAGE = """<!DOCTYPE html><html><head><title>Anaemia - A site</title><script>var a=1</script></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/about">About us</a></li></ul></nav>
<article><h1>Iron deficiency</h1>
<p>The platelet count was 250 × 10<sup>9</sup>/L and water (H<sub>2</sub>O) was given in the
clinic to all adults; the dose was 1.5 mg/m<sup>2</sup> and x<sup>ab</sup> was not known.</p>
<ul><li>first: 5 mg</li><li>second: 10 mg</li></ul>
<table><tr><th>Drug</th><th>Dose</th></tr><tr><td>aspirin</td><td>75 mg</td></tr></table>
<p>Values of P &lt; 0.05 were seen as significant &amp; reported in each of the groups.</p>
</article><footer><a href="/imprint">Imprint</a> Copyright 2020</footer></body></html>"""


def test_a_page_is_one_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.html"
    path.write_text(_PAGE, encoding="utf-8")
    with caplog.at_level(logging.DEBUG):
        (value,) = values(source(path))
        assert values(source(path)) == [value]
    assert value["title"] == "Iron deficiency"
    lines = [line.strip() for line in value["text"].split("\n")]
    text = " ".join(lines)
    for kept in ("250 × 10⁹/L", "(H₂O)", "1.5 mg/m²", "x^(ab)", "P < 0.05", "significant & rep"):
        assert kept in text
    assert "- first: 5 mg" in lines
    assert "- second: 10 mg" in lines
    assert any("aspirin" in line and "75 mg" in line and "Dose" not in line for line in lines)
    for dropped in ("About us", "Imprint", "Copyright", "var a"):
        assert dropped not in text


def test_fields_may_hold_html(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"title": "a < b", "text": _PAGE}, {"title": "t", "text": "<p>5 mg/m<sup>2</sup></p>"}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    page, fragment = values(source(path, html=True, fields=Fields(text=["text"], title="title")))
    assert page["title"] == "a < b"
    assert "10⁹/L" in page["text"]
    assert "Imprint" not in page["text"]
    assert fragment == {"title": "t", "text": "5 mg/m²"}


@pytest.mark.parametrize(
    "page", ["", "\0", "<", "no mark-up", "<html></html>", "<p>" * 50_000, "<sup>" * 5000 + "2"]
)
def test_no_page_does_harm(tmp_path: Path, page: str) -> None:
    path = tmp_path / "a.html"
    path.write_text(page or " ", encoding="utf-8")
    (value,) = values(source(path))
    assert isinstance(value, BadRecord) or set(value) == {"title", "text"}


def test_a_page_in_the_wrong_encoding_or_too_long_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(_PAGE.encode() + b"\xff")
    (value,) = values(source(path))
    assert value.reason == "undecodable"
    (value,) = values(source(path), max_record_bytes=100)
    assert value.reason == "oversized"


@pytest.mark.parametrize(
    ("inline", "text"),
    [
        ("take for <time>5 h</time> only", "take for 5 h only"),
        ("<label>Dose</label> 10 mg", "Dose 10 mg"),
        ("take <del>5</del> 10 mg", "take 10 mg"),
        ("count 3×<math><msup><mn>10</mn><mn>9</mn></msup></math>/L", "count 3×10⁹/L"),
        ("give <math><mfrac><mn>1</mn><mn>2</mn></mfrac></math> of it", "give 1/2 of it"),
    ],
)
def test_inline_elements_keep_what_they_say(inline: str, text: str) -> None:
    prose = "Give the tablet with water in the morning, and measure the blood pressure. " * 4
    body = f"<article><p>{prose}</p><p>{inline}</p></article>"
    found = page_record(f"<html><body>{body}</body></html>")
    assert not isinstance(found, BadRecord)
    assert text in " ".join(found["text"].split())
