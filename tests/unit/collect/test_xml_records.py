"""Records read as a stream are those that the whole tree gives."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_files import source, values

from onestage.collect import xml_records
from onestage.errors import InputError
from onestage.sources import Fields

_NODES = st.recursive(
    st.sampled_from(["x", "&amp;", "<t>5 mg</t>", "<t/>", "<!-- c -->"]),
    lambda inner: st.tuples(st.sampled_from("abr"), st.lists(inner, max_size=4)).map(
        lambda node: f"<{node[0]}>{''.join(node[1])}</{node[0]}>"
    ),
    max_leaves=15,
)


@given(nodes=st.lists(_NODES, max_size=5), prefix=st.sampled_from(["", ' xmlns="urn:x"']))
@settings(max_examples=150, deadline=None)
def test_a_stream_gives_what_the_tree_gives(
    tmp_path_factory: pytest.TempPathFactory, nodes: list[str], prefix: str
) -> None:
    path = tmp_path_factory.mktemp("a") / "a.xml"
    path.write_text(f"<d{prefix}>{''.join(nodes)}</d>", encoding="utf-8")
    fields = Fields(text=["t", ".//t", ".", "a/b/t/text()"])
    for record in ("//r", "//a/r", "/d/r", "/d/a/r", "/a", "/d"):
        streamed = values(source(path, record=record, fields=fields))
        assert streamed == values(source(path, record=f"{record}[true()]", fields=fields))


@pytest.mark.parametrize("field", ["../t", "/d/t", "ancestor::d/t", "preceding-sibling::t"])
def test_fields_outside_of_the_record_are_still_there(tmp_path: Path, field: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<d><t>head</t><r>1</r><r>2</r></d>")
    found = values(source(path, record="//r", fields=Fields(text=[field])))
    assert found == [{field: "head"}] * 2


def test_only_streams_may_be_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_records, "_MAX_TREE_BYTES", 100_000)
    path = tmp_path / "a.xml"
    path.write_text("<d>" + f"<r><text>{'x' * 1000}</text></r>\n" * 1000 + "</d>")
    assert len(values(source(path, record="//r"))) == 1000
    for record in ("//r[1]", "//none"):
        with pytest.raises(InputError, match="more than 100000 bytes without a record"):
            values(source(path, record=record))


@pytest.mark.parametrize(
    ("record", "field"), [("//r[", "."), ("//r[nosuch()]", "."), ("//r", "t["), ("//r", "x:t")]
)
def test_a_wrong_xpath_is_the_fault_of_the_parameters(
    tmp_path: Path, record: str, field: str
) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<d><r>1</r></d>")
    with pytest.raises(InputError, match="cannot be used as an XPath"):
        values(source(path, record=record, fields=Fields(text=[field])))
