"""The data page under AppTest: sources, sections, uploads right and wrong; nothing slow or outside without a click."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import core.data
from core.data.dataset import Dataset, Split, truth_matrix
from pages.parts import session
from pages.parts.data import views

APP = Path(__file__).resolve().parents[2] / "app.py"
TEXTS = (
    "A **red** apple, a fruit",
    "A green pear, a fruit",
    "A car with a wheel",
    "![x](http://evil.example/x.png) <script>alert(1)</script> car wheel",
)
SET = Dataset(
    "fruit", ("apple", "pear", "car", "never"),
    {
        "train": Split(("a", "b", "c", "d"), truth_matrix([[0], [1], [2], [2, 0]], 4), texts=TEXTS),
        "test": Split(("e",), truth_matrix([[3]], 4), texts=("nothing",)),
    },
    source="made by hand", notes=("a note",),
)  # fmt: skip


@pytest.fixture
def app(tiny, monkeypatch) -> Callable[..., AppTest]:
    """The data page with the small set in debtags' place, built or not."""
    monkeypatch.setattr("core.data.load_dataset", lambda name, options=None: SET)
    monkeypatch.setattr("pages.parts.data.source.cached_file", lambda: APP)

    def start(**choices) -> AppTest:
        test = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in choices.items():
            test.session_state[name] = value
        test.switch_page("pages/data.py").run()
        return test

    return start


def shown(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.header, test.text)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def test_a_checkpoint_shows_its_labels_without_any_data(app, monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("no data set may be read")

    monkeypatch.setattr("core.data.load_dataset", refuse)
    test = app()
    assert not test.exception and not test.error
    assert "tiny-linear knows 4 labels, from 45 training documents" in shown(test)
    assert len(test.get("plotly_chart")) == 1
    test.text_input(key="label-search").input("dns").run()
    assert test.dataframe[0].value["Label"].tolist() == ["protocol::dns"]


def test_the_report_and_the_long_tail(app):
    test = app(dataset="debtags")
    assert not test.exception and not test.error
    rows = test.dataframe[0].value.set_index("").to_dict("index")
    assert rows["Documents"] == {"train": "4", "test": "1"}
    assert rows["Labels never in train"] == {"train": "–", "test": "1"}
    assert "made by hand" in shown(test) and "a note" in shown(test)
    (figure,) = test.get("plotly_chart")
    assert "tail: 3 labels" in figure.proto.spec


def test_clusters_have_names(app):
    test = app(dataset="debtags", section="clusters")
    assert not test.exception and not test.error
    assert "fruit" in test.dataframe[0].value["Words that tell it"].tolist()[0]
    assert len(test.get("plotly_chart")) == 1


def test_documents_of_a_label_are_shown_as_text(app):
    test = app(dataset="debtags", section="labels", label="car")
    assert not test.exception and not test.error
    assert [element.value for element in test.text] == [TEXTS[2], TEXTS[3]]
    assert not any("evil" in element.value or "<script" in element.value for element in test.markdown)
    assert test.dataframe[0].value.to_dict("records") == [{"Label": "apple", "Share": 50.0, "Documents": 1, "Lift": 1.0}]
    assert "2 of 4 documents in train carry car" in shown(test)


def test_a_label_without_documents_and_a_search_without_hits(app):
    test = app(dataset="debtags", section="labels", label="never")
    assert "0 of 4 documents in train" in shown(test)
    test.text_input(key="label-search").input("zebra").run()
    assert "No label has 'zebra'" in shown(test) and not test.exception


def test_documents_come_in_pages(app, monkeypatch):
    monkeypatch.setattr(views, "PAGE", 1)
    test = app(dataset="debtags", section="labels", label="car")
    assert len(test.text) == 1
    test.pagination[0].set_value(2).run()
    assert [element.value for element in test.text] == [TEXTS[3]]


def test_a_document_goes_to_the_explain_page(app):
    test = app(dataset="debtags", section="labels", label="car")
    test.button(key="explain.train.2").click().run()
    assert not test.exception
    assert test.session_state[session.TEXT] == TEXTS[2]
    assert test.title[0].value == "Explain"


def test_debtags_is_not_fetched_without_a_click(app, monkeypatch, tmp_path):
    monkeypatch.setattr("pages.parts.data.source.cached_file", lambda: tmp_path / "missing")
    asked = []
    monkeypatch.setattr("core.data.load_dataset", lambda name, options=None: asked.append(name) or SET)
    test = app(dataset="debtags")
    assert "network" in shown(test) and not asked
    next(button for button in test.button if button.label == "Fetch and build").click().run()
    assert asked == ["debtags"] and not test.exception and test.dataframe


def upload(test: AppTest, content: bytes, name: str = "mine.csv") -> AppTest:
    return test.file_uploader[0].set_value((name, content, "text/plain")).run()


CSV = b"id,body,topics\n1,a chess game,games|board\n2,a text editor,editor\n3,another game,games\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mine.csv", CSV),
        ("mine.tsv", CSV.replace(b",", b"\t")),
        (
            "mine.jsonl",
            b"\n".join(
                json.dumps({"text": t, "tags": g}).encode()
                for t, g in (("a chess game", ["games", "board"]), ("editor", ["editor"]), ("x", ["games"]))
            ),
        ),
    ],
)
def test_an_upload_is_read_with_guessed_columns(app, name, content):
    test = upload(app(dataset="upload"), content, name)
    assert not test.exception and not test.error
    report = test.dataframe[1].value.set_index("")
    assert report.loc["Documents", "train"] == "3" and report.loc["Labels used", "train"] == "3"
    assert "uploaded file mine" in shown(test)


def test_columns_can_be_mapped(app):
    test = upload(app(dataset="upload"), b"what;about;kind\nchess;a board game;x y\nvi;an editor;x\n")
    assert "Choose at least one column of text" in shown(test)
    boxes = {box.label: box for box in test.selectbox}
    test.multiselect[0].set_value(["what", "about"])
    boxes["Column of labels"].set_value("kind")
    boxes["Between labels"].set_value(" ")
    test.run()
    assert not test.exception and not test.error
    assert test.dataframe[1].value.set_index("").loc["Labels used", "train"] == "2"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no row is in it"),
        (b"\x00\x01\x02\x7fELF", "NUL byte"),
        (b"text,labels\n\xff\xfe,x\n", "UTF-8"),
        (b"text,labels\nonly one cell\n", "mine.csv, line 2: 1 cells under a header of 2 columns"),
        (b"text,labels\n", "no row is in it"),
    ],
)
def test_a_wrong_file_is_a_sentence_that_names_it(app, content, says):
    test = upload(app(dataset="upload"), content)
    assert not test.exception
    assert says in shown(test) and "mine.csv" in shown(test)
    assert "tremor-upload" not in shown(test)


def test_an_upload_that_unpacks_to_too_much_is_refused(app, monkeypatch):
    import gzip
    from dataclasses import replace

    from pages.parts.data import source

    monkeypatch.setattr(source, "LIMIT", replace(source.LIMIT, total_bytes=10_000))
    test = upload(app(dataset="upload"), gzip.compress(b"text,labels\n" + b"a,b\n" * 10_000))
    assert "larger than 10,000 bytes" in shown(test) and not test.exception


def test_hostile_cells_are_shown_as_data(app):
    test = upload(app(dataset="upload"), b'text,labels\n"<script>alert(1)</script>","<b>x</b>"\n![x](http://evil.example/x.png),y\n')
    assert not test.exception and not test.error
    assert not any("evil" in element.value or "<script" in element.value for element in test.markdown)


def test_a_path_is_read_only_after_a_click_and_only_on_the_loopback(app, monkeypatch, tmp_path):
    monkeypatch.setattr("core.data.load_dataset", core.data.load_dataset)
    (tmp_path / "mine.csv").write_bytes(CSV)
    test = app(dataset="file")
    test.text_input[0].input(str(tmp_path / "mine.csv")).run()
    next(button for button in test.button if button.label == "Read it").click().run()
    assert not test.exception and test.dataframe
    test.text_input[0].input(str(tmp_path / "none.csv")).run()
    assert "no such file" in shown(test)

    options = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else options(name))
    open_to_all = app(dataset="file")
    assert not any("on this machine" in option for option in open_to_all.selectbox[1].options)
    assert not open_to_all.text_input or open_to_all.text_input[0].label != "Path"


def test_an_unknown_data_set_in_a_link_falls_back(app):
    test = app(dataset="../../etc/passwd", section="nonsense")
    assert not test.exception and not test.error
    assert "knows 4 labels" in shown(test)


@pytest.mark.slow
def test_the_page_costs_no_torch(tiny):
    code = f"""
import sys
sys.path.insert(0, {str(APP.parent)!r})
import core.checkpoint
from pathlib import Path
core.checkpoint.FOLDER = Path({str(tiny)!r})
from streamlit.testing.v1 import AppTest
test = AppTest.from_file({str(APP)!r}, default_timeout=120)
test.switch_page("pages/data.py").run()
assert not test.exception, test.exception
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=200)
