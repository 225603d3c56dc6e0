"""Documents held out of the training split by a hash, where data come without a dev split."""

from __future__ import annotations

from dataclasses import replace

from core.data.dataset import Dataset, Split, truth_matrix
from core.data.readers.splitting import with_dev
from tests.pages.tiny import tiny_dataset


def made(count: int = 400, doubled: bool = False) -> Dataset:
    texts = tuple(f"document number {i // 2 if doubled else i}" for i in range(count))
    part = Split(tuple(map(str, range(count))), truth_matrix([[0]] * count, 1), texts)
    return Dataset("made", ("x",), {"train": part, "test": part})


def test_a_tenth_of_the_training_documents_is_held_out():
    whole = made()
    found = with_dev(whole)
    held, kept = found.split("dev"), found.split("train")
    assert 20 <= len(held) <= 60 and len(held) + len(kept) == 400 and not {*held.ids} & {*kept.ids}
    assert found.split("test") is whole.split("test") and "held out" in found.notes[-1]
    assert with_dev(made()).split("dev").ids == held.ids


def test_duplicates_stay_on_one_side():
    found = with_dev(made(doubled=True))
    assert not {*found.split("dev").texts} & {*found.split("train").texts}


def test_a_document_keeps_its_side_when_others_come():
    before, after = with_dev(made(300)), with_dev(made(400))
    assert {*before.split("dev").texts} <= {*after.split("dev").texts}


def test_other_data_are_left_alone():
    whole = tiny_dataset()
    assert with_dev(whole) is whole
    only_test = replace(whole, splits={"test": whole.splits["train"]})
    assert with_dev(only_test) is only_test
