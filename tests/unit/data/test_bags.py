"""Data sets of vectors made ready: held-out documents, and bags written as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.data.bags import as_text, complete, holds_features
from core.errors import InputError
from tests.toy_features import bags, dense

DATA = bags(("chess", "mail", "music"), 4, 200)


def test_a_tenth_of_train_becomes_dev_and_test_stays() -> None:
    two = replace(DATA, splits={name: DATA.splits[name] for name in ("train", "test")})
    found = complete(two)
    assert list(found.splits) == ["train", "test", "dev"]
    assert len(found.split("train")) + len(found.split("dev")) == 200
    assert 8 <= len(found.split("dev")) <= 40
    assert not set(found.split("train").ids) & set(found.split("dev").ids)
    assert found.split("test") is two.split("test")
    assert found.digest == two.digest
    assert "by a hash of each" in found.notes[-1]
    assert complete(two).split("dev").ids == found.split("dev").ids
    assert complete(DATA) is DATA


def test_only_train_is_divided_in_three() -> None:
    found = complete(replace(DATA, splits={"train": DATA.split("train")}))
    assert set(found.splits) == {"train", "dev", "test"}
    assert len(found.split("test")) > 0


def test_bags_are_written_in_the_order_of_the_columns() -> None:
    found = as_text(DATA)
    split, names = DATA.split("test"), DATA.feature_names
    assert split.features is not None and names is not None
    expected = [" ".join(names[column] for column in split.features[[row]].indices) for row in range(len(split))]
    assert list(found.split("test").texts or ()) == expected
    assert (found.digest, found.split("test").features, holds_features(found), holds_features(DATA)) == (DATA.digest, None, False, True)
    assert "order of the file's columns" in found.notes[-1]
    assert as_text(found) is found


def test_measurements_are_no_text() -> None:
    with pytest.raises(InputError, match="no text can be made of them"):
        as_text(dense())
