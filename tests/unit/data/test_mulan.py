"""Mulan's ARFF and XML: dense and sparse rows, labels anywhere, and XML that would explode."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.readers import read, sniff
from core.errors import DataError
from tests.unit.data.small import labels, put, reused, vectors

XML = '<?xml version="1.0" encoding="utf-8"?>\n<labels xmlns="http://mulan.sourceforge.net/labels">\n{}</labels>\n'
HEAD = """% a comment
@relation 'some: thing'

@attribute 'first, word' numeric
@ATTRIBUTE tea {0,1}
@attribute "second" {0, 1}
@attribute colour {red,green,'light blue'}
@attribute coffee {0,1}
@data
"""


def xml(*names: str) -> str:
    return XML.format("".join(f'<label name="{name}"></label>\n' for name in names))


def write(folder: Path, rows: str, name: str = "set.arff", head: str = HEAD) -> Path:
    put(folder / "set.xml", xml("coffee", "tea"))
    return put(folder / name, head + rows)


def test_dense_and_sparse_rows_read_alike(tmp_path: Path) -> None:
    write(tmp_path, "0.5,1,0,green,0\n0,0,1,'light blue',1\n% none\n\n?,0,0,red,0\n", "set-train.arff")
    write(tmp_path, "{0 0.5,1 1,3 green}\n{2 1, 3 'light blue', 4 1}\n{}\n", "set-test.arff.gz")
    write(tmp_path, "{}\n", "set.arff")
    found = read(tmp_path)
    assert next(iter(sniff(tmp_path))) == "mulan"
    assert found.label_names == ("coffee", "tea")
    assert found.feature_names == ("first, word", "second", "colour")
    for split in ("train", "test"):
        assert labels(found, split) == [["tea"], ["coffee"], []]
        assert vectors(found.split(split)) == [{0: 0.5, 2: 1.0}, {1: 1.0, 2: 2.0}, {}]
    assert "1 unknown values ('?') were read as 0" in found.notes


def test_nested_labels_and_byte_order_mark(tmp_path: Path) -> None:
    put(tmp_path / "labels.xml", "\ufeff" + XML.format('<label name="coffee"><label name="tea"/></label>'))
    assert labels(read(put(tmp_path / "any.arff", "\ufeff" + HEAD.replace("\n", "\r\n") + "{1 1}\r\n"))) == [["tea"]]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("0,0,0,red", "4 values for 5 attributes"),
        ("x,0,0,red,0", "'first, word' is a number, not 'x'"),
        ("1,2,0,red,0", "'tea' cannot be '2'"),
        ("1,0,0,pink,0", "'colour' cannot be 'pink'"),
        ("inf,0,0,red,0", "not finite"),
        ("{0 1", "ends with }"),
        ("{5 1}", "0 to 4"),
        ("{-1 1}", "0 to 4"),
        ("{0}", "is a number, not ''"),
        ("{" + "9" * 5000 + " 1}", "0 to 4"),
    ],
)
def test_broken_rows(tmp_path: Path, row: str, says: str) -> None:
    path = write(tmp_path, "{}\n" + row + "\n")
    with pytest.raises(DataError, match=says) as caught:
        read(path)
    assert (caught.value.file, caught.value.line) == (path, HEAD.count("\n") + 2)


@pytest.mark.parametrize(
    ("head", "line", "says"),
    [
        (HEAD.replace("numeric", "string"), 4, "is of type 'string'"),
        (HEAD.replace("@relation", "@relatoin"), 2, "is neither @relation"),
        (HEAD.replace("@attribute 'first, word' numeric", "@attribute"), 4, "is no attribute"),
        (HEAD.replace("@data", "%"), 10, "nor @data"),
        (HEAD.replace("coffee", "tea"), None, "there twice"),
        (HEAD.replace("tea", "milk"), None, "label 'tea', which is no attribute"),
        (HEAD.replace("{0,1}", "{1,0}"), 10, "does not list 0 first"),
        (HEAD.replace("coffee {0,1}", "coffee numeric"), 10, "label 'coffee' is '3'"),
    ],
)
def test_broken_headers(tmp_path: Path, head: str, line: int | None, says: str) -> None:
    path = write(tmp_path, "{4 3}\n", head=head)
    with pytest.raises(DataError, match=says) as caught:
        read(path)
    assert (caught.value.file, caught.value.line) == (path, line)


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE lolz [\n <!ENTITY lol "lol">\n'
    + "".join(f' <!ENTITY lol{i} "{f"&lol{i - 1 if i > 1 else str()};" * 10}">\n' for i in range(1, 10))
    + ']>\n<labels><label name="&lol9;"/></labels>'
)
OUTSIDE = '<!DOCTYPE labels [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<labels><label name="tea">&x;</label></labels>'


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (BOMB, 2, "DTD"),
        (OUTSIDE, 1, "DTD"),
        ("<labels>\n<label name='tea'>\n</labels>", 3, "not XML: mismatched tag"),
        ("<labels>\n<label/></labels>", 2, "label without a name"),
        (xml("tea", "tea"), None, "listed twice"),
        (xml(), None, "no <label name"),
        ("<labels><label name='&undefined;'/></labels>", 1, "not XML: undefined entity"),
    ],
)
def test_hostile_and_broken_xml(tmp_path: Path, content: str, line: int | None, says: str) -> None:
    path = write(tmp_path, "{}\n")
    put(tmp_path / "set.xml", content)
    with pytest.raises(DataError, match=says) as caught:
        read(path)
    assert (caught.value.file, caught.value.line) == (tmp_path / "set.xml", line)


def test_no_xml_and_other_attributes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"put set\.xml beside it"):
        read(put(tmp_path / "set-train.arff", HEAD + "{}\n"))
    write(tmp_path, "{}\n", "set-train.arff")
    write(tmp_path, "{}\n", "set-test.arff", HEAD.replace("second", "third"))
    with pytest.raises(DataError, match=r"attributes are not those of set-train\.arff"):
        read(tmp_path)


NAME = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\\"), min_size=1, max_size=6)


@pytest.mark.slow
@given(
    names=st.lists(NAME.map(lambda n: " ".join(n.split())).filter(bool), min_size=4, max_size=4, unique=True),
    rows=st.lists(st.tuples(st.integers(-8, 8), st.booleans(), st.integers(0, 3), st.booleans()), min_size=1, max_size=5),
    dense=st.booleans(),
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, names: list[str], rows: list[tuple[int, bool, int, bool]], dense: bool) -> None:
    """Any names in quotes, labels in places 1 and 3."""
    from xml.sax.saxutils import quoteattr

    def quoted(name: str) -> str:
        return "'" + name.replace("'", "\\'") + "'"

    folder = reused(tmp_path_factory, "arff")
    kinds = ("numeric", "{0,1}", "real", "{0,1}")
    head = "@relation x\n" + "".join(f"@attribute {quoted(name)} {kind}\n" for name, kind in zip(names, kinds, strict=True)) + "@data\n"
    lines = [",".join(str(int(v)) for v in row) if dense else "{" + ",".join(f"{i} {int(v)}" for i, v in enumerate(row) if v) + "}" for row in rows]
    put(folder / "set.xml", XML.format("".join(f"<label name={quoteattr(names[i])}/>" for i in (3, 1))))
    found = read(put(folder / "set.arff", head + "\n".join(lines)))
    assert found.label_names == (names[3], names[1])
    assert labels(found) == [sorted(names[i] for i in (1, 3) if row[i]) for row in rows]
    assert vectors(found.split("train")) == [{j: float(row[i]) for j, i in enumerate((0, 2)) if row[i]} for row in rows]
