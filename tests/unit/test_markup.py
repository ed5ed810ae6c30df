from pathlib import Path

import pytest
from lxml import etree

from onestage.collect.readers import read_source
from onestage.markup import element_text, strip_namespaces
from onestage.sources import Fields, Source


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<p>10<sup>9</sup>/L</p>", "10⁹/L"),
        ("<p>H<sub>2</sub>O, Ca<sup>2+</sup></p>", "H₂O, Ca²⁺"),
        ("<p>x<sup>ab</sup> T<sub>max</sub></p>", "x^(ab) T_(max)"),
        ("<s>one <i>two</i>\n  three<para>four</para>five</s>", "one two three\nfour\nfive"),
        ("<s>a<!-- no --> b<?go on?> c</s>", "a b c"),
        ("<s>first\n\n second</s>", "first\nsecond"),
        ("<p>10<superscript>9</superscript> H<subscript>2</subscript>O</p>", "10⁹ H₂O"),
        ("<p>10<SUP>9</SUP>/L H<Sub>2</Sub>O</p>", "10⁹/L H₂O"),
        ("<p>1<mfrac><mn>1</mn><mn>2</mn></mfrac> h</p>", "1 1/2 h"),
        ("<p>1<math><mrow><mfrac><mn>1</mn><mn>2</mn></mfrac></mrow></math>片</p>", "1 1/2片"),
        ("<p><mfrac><mn>1</mn><mn>2</mn></mfrac><mn>3</mn></p>", "1/2 3"),
        ("<p>x<mfrac><mn>1</mn><!-- of --><mn>2</mn></mfrac>y</p>", "x1/2y"),
        ("<p><msubsup><mi>x</mi><mn>1</mn><mn>23</mn></msubsup></p>", "x₁²³"),
        ("<p>2 mg/<msup><mi>m</mi><mn>2</mn></msup></p>", "2 mg/m²"),
        (
            "<p><msup><mi>cm</mi><mn>3</mn></msup> <msup><mi>x</mi><mi>k</mi></msup></p>",
            "cm³ x^(k)",
        ),
        ("<p><msup><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></msup></p>", "(a+b)²"),
        ("<p>2×<mfenced><mrow><mn>3</mn><mo>+</mo><mn>4</mn></mrow></mfenced></p>", "2×(3+4)"),
        (
            '<p><mfenced open="[" close="]" separators=";"><mn>1</mn><mn>2</mn></mfenced></p>',
            "[1;2]",
        ),
        ("<p><mfrac><mi>176 lb</mi><mrow/></mfrac> × 2</p>", "(176 lb) × 2"),
        (
            "<p><mtable><mtr><mtd>D</mtd><mtd>= 10 mg</mtd></mtr>"
            "<mtr><mtd>H</mtd><mtd>= 2.5 mg</mtd></mtr></mtable></p>",
            "D = 10 mg\nH = 2.5 mg",
        ),
        ('<p><mn>4</mn><mspace linebreak="newline"/><mn>4</mn></p>', "4\n4"),
        ("<p><mn>4</mn><mspace/><mn>4</mn></p>", "4 4"),
        ("<p>Brand<sup>®</sup></p>", "Brand®"),
        ("<p>2<mroot><mn>27</mn><mn>3</mn></mroot></p>", "2 ³√(27)"),
        ("<p><mroot><mi>x</mi><mi>k</mi></mroot></p>", "^(k)√(x)"),
        ("<list><item>a</item><item>b</item></list>", "a\nb"),
    ],
)
def test_element_text(xml: str, expected: str) -> None:
    assert element_text(etree.fromstring(xml)) == expected


def test_namespaces_are_dropped() -> None:
    root = strip_namespaces(etree.fromstring('<a xmlns="urn:x"><b>t</b></a>'))
    assert root.xpath("//b/text()") == ["t"]


@pytest.mark.parametrize(
    ("doctype", "text", "expected"),
    [
        ('[<!ENTITY mu "&#956;">]', "5 &mu;g", "5 μg"),
        ('[<!ENTITY drug "ASA">]', "5 g &drug; daily", "5 g &drug; daily"),
        ('SYSTEM "absent.dtd"', "&le; 3 or 10<sup>&minus;3</sup> &none;.", "≤ 3 or 10⁻³ &none;."),
    ],
)
def test_entities_are_seen(tmp_path: Path, doctype: str, text: str, expected: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(f"<!DOCTYPE d {doctype}><d><p>{text}</p></d>", encoding="utf-8")
    source = Source(
        path=str(path),
        lexicon="",
        classifier="",
        kind="book",
        lang="en",
        format="xml",
        record="//d",
        fields=Fields(text=["p"]),
    )
    assert [item.value for item in read_source(source)] == [{"p": expected}]
