"""A machine that has no more to give is a sentence on every page, and the page, with all that was on it, stays usable."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import checkpoint
from core.models.linear import LinearModel
from pages.parts import documents
from pages.parts.data import source
from tests.pages.tiny import save_variant

TEXT = "a chess game with a text editor"


def sentences(test: AppTest) -> str:
    return " ".join(one.value for one in test.error).replace("\\", "")


def run(test: AppTest) -> AppTest:
    test.run()
    assert not test.exception
    return test


@pytest.mark.parametrize("page", ["pages/explain.py", "pages/attack.py", "pages/compare.py"])
def test_a_full_memory_while_a_document_is_scored(home: AppTest, page: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence stands in the page's place; once there is memory again the same page with the same document works."""
    shutil.copytree(tiny / "tiny-linear", tmp_path / "checkpoints" / "tiny-linear")
    save_variant(tiny / "tiny-linear", tmp_path / "checkpoints" / "tiny-other", buried=TEXT.split()[1])  # a partner for Compare
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path / "checkpoints")
    score = LinearModel.score

    def full(self: LinearModel, texts: Any, labels: Any = None) -> Any:
        raise MemoryError

    home.session_state["text"] = TEXT
    home.switch_page(page)
    with monkeypatch.context() as patched:
        patched.setattr(LinearModel, "score", full)
        run(home)
        assert "the memory is full" in sentences(home)
    assert LinearModel.score is score
    assert run(home).session_state["text"] == TEXT and "memory" not in sentences(home)


@pytest.mark.parametrize(("page", "button"), [("pages/train.py", "train.start"), ("pages/robustness.py", "study.start")])
@pytest.mark.parametrize(("number", "sentence"), [(errno.EROFS, "file system that can only be read"), (errno.ENOSPC, "the disk is full")])
def test_runs_that_cannot_be_written(
    home: AppTest, page: str, button: str, number: int, sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Launch is refused by a sentence, leaves nothing behind, and can be pressed again."""
    monkeypatch.setattr("pages.parts.train.form.cached_file", lambda: Path(__file__))
    monkeypatch.setattr("pages.parts.study.form.cached_file", lambda: Path(__file__))
    run(home.switch_page(page))
    found = [one for one in home.button if one.key == button]
    assert found, [one.key for one in home.button]
    mkdir = Path.mkdir

    def refuse(self: Path, *arguments: Any, **options: Any) -> None:
        if checkpoint.RUNS in (self, *self.parents):
            raise OSError(number, os.strerror(number), str(self))
        mkdir(self, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", refuse)
        found[0].click().run()
        assert not home.exception and sentence in sentences(home)
    assert not list(checkpoint.RUNS.glob("*"))
    assert any(one.key == button and not one.disabled for one in home.button)


def test_a_document_that_is_too_long_leaves_the_one_before(home: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_CHARACTERS", 100)
    home.session_state["text"] = TEXT
    run(home.switch_page("pages/explain.py"))
    home.text_area[0].input("a" * 101)
    next(one for one in home.button if one.label == "Show its labels").click().run()
    assert not home.exception and "101 characters; at most 100 are read" in sentences(home)
    assert home.session_state["text"] == TEXT
    home.text_area[0].input("a shorter text")
    next(one for one in home.button if one.label == "Show its labels").click().run()
    assert home.session_state["text"] == "a shorter text" and not home.error


def test_a_link_with_a_huge_choice_is_left_alone(home: AppTest) -> None:
    home.query_params["label"] = "a" * 1_001
    home.query_params["pin"] = ["b" * 1_001, "c"]
    run(home)
    assert "label" not in home.session_state and home.session_state["pin"] == ["c"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"text,labels\n" + b"a,b\n" * 200, "more than 100 lines"),
        (b"text,labels\n" + b"\n" * 200, "more than 100 lines"),
        (b"text,labels," + b"c," * 50 + b"\n", "53 columns are more than the 20"),
        (b'text,labels\na,"' + b"|".join(b"%d" % i for i in range(200)) + b'"\n', "more than 50 labels"),
    ],
)
def test_a_table_beyond_the_limits_is_a_sentence(home: AppTest, content: bytes, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setattr(source, "LIMIT", replace(source.LIMIT, lines=100, columns=20, row_labels=50))
    home.query_params["dataset"] = "upload"
    run(home.switch_page("pages/data.py"))
    home.file_uploader[0].set_value(("mine.csv", content, "text/plain")).run()
    assert not home.exception and sentence in sentences(home) and "mine.csv" in sentences(home)
