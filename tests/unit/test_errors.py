"""The tree drawn in core.errors is the tree there is."""

from __future__ import annotations

import inspect
import re

import pytest

from core import errors


def drawn() -> list[str]:
    return re.findall(r"[├└]── (\w+)", inspect.getdoc(errors) or "")


def test_the_drawing_is_complete_and_in_order() -> None:
    defined = [name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.CoreError)]
    assert sorted(["CoreError", *drawn()]) == sorted(defined)


@pytest.mark.parametrize("name", drawn())
def test_every_error_hangs_directly_under_the_root_and_says_what_it_is(name: str) -> None:
    kind = getattr(errors, name)
    assert kind.__mro__[1] is errors.CoreError
    assert kind.__doc__


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (errors.DataError("no labels"), "no labels"),
        (errors.DataError("no labels", "train.txt"), "train.txt: no labels"),
        (errors.DataError("no labels", "train.txt", 7), "train.txt, line 7: no labels"),
        (errors.MissingPackage("shap", "SHAP"), "SHAP needs the package 'shap': run `pip install shap`."),
    ],
)
def test_sentences(error: errors.CoreError, sentence: str) -> None:
    assert str(error) == sentence


def test_a_data_error_knows_where() -> None:
    error = errors.DataError("no labels", "train.txt", 7)
    assert (str(error.file), error.line) == ("train.txt", 7)
    assert errors.DataError("no labels").file is None
