import pytest
from lxml import etree

from onestage.collect.markup import element_text, strip_namespaces


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<p>10<sup>9</sup>/L</p>", "10⁹/L"),
        ("<p>H<sub>2</sub>O, Ca<sup>2+</sup></p>", "H₂O, Ca²⁺"),
        ("<p>x<sup>ab</sup> T<sub>max</sub></p>", "x^(ab) T_(max)"),
        ("<s>one <i>two</i>\n  three<para>four</para>five</s>", "one two three\nfour\nfive"),
        ("<s>a<!-- no --> b<?go on?> c</s>", "a b c"),
        ("<s>first\n\n second</s>", "first\nsecond"),
        ("<list><item>a</item><item>b</item></list>", "a\nb"),
    ],
)
def test_element_text(xml: str, expected: str) -> None:
    assert element_text(etree.fromstring(xml)) == expected


def test_namespaces_are_dropped() -> None:
    root = strip_namespaces(etree.fromstring('<a xmlns="urn:x"><b>t</b></a>'))
    assert root.xpath("//b/text()") == ["t"]
