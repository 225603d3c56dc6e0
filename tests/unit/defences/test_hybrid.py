"""Hybrid sets of bags: what a copy is read as, what falls out, which copies are kept, and what the set then holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from core.data.dataset import Dataset, Split, truth_matrix
from core.defences import hybrid as module
from core.defences.hybrid import bag_copies, bags, counts, hybrid
from core.defences.rewriting import Copy
from core.defences.synonyms import Synonyms
from core.errors import CapabilityError, InputError
from core.labels import LabelSpace
from core.runs.run import Run
from core.vector import FeatureSpace
from tests import toy_features

NAMES = ("quick", "editor", "small", "tiny", "chess")
ROWS = np.asarray([[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 0, 1]], dtype=np.float32)
SPACE = FeatureSpace("bits", np.zeros(5, np.float32), np.ones(5, np.float32), NAMES)
SYNONYMS = {"quick": ["fast"], "small": ["tiny"], "editor": [], "chess": ["game"]}
"""'fast' and 'game' name no feature."""
SETTINGS = Synonyms(largest_rate=1.0, consistency=0.0)


@pytest.fixture(autouse=True)
def thesaurus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.attacks.words.wordnet.WordNet.refusal", lambda self: None)
    monkeypatch.setattr("core.defences.synonyms._synonyms", lambda scene, document, position, count: SYNONYMS[document.words[position]])


def small() -> Dataset:
    split = Split(("a", "b", "c"), truth_matrix([[0], [1], [0, 1]], 2), None, sparse.csr_array(ROWS))
    return Dataset("bags", ("games", "editors"), {"train": split, "dev": split}, feature_names=NAMES)


class Clean(toy_features.Halfspace):
    """Its best label is 0 where "small" is, else 1."""

    def __init__(self) -> None:
        weights = np.zeros((2, 5), dtype=np.float32)
        weights[0, 2] = 1
        super().__init__(weights, (0.0, 0.5), SPACE, LabelSpace.of(["games", "editors"], [2, 2], 3))


def made(folder: Path, settings: Synonyms = SETTINGS, data: Dataset | None = None) -> list[Copy]:
    with Run(folder, seed=0, device="cpu", quiet=True) as run:
        return bag_copies(data or small(), Clean(), settings, run)


def test_a_bag_s_words_are_replaced_in_their_order(tmp_path: Path) -> None:
    """'quick editor', 'editor small', 'small chess': every word with a synonym goes at rate 1."""
    found = made(tmp_path)
    assert [(copy.row, copy.edits) for copy in found] == [(0, {0: "fast"}), (1, {1: "tiny"}), (2, {0: "tiny", 1: "game"})]


def test_words_that_name_no_feature_fall_out() -> None:
    assert bags(["fast editor", "tiny game"], SPACE).todense().tolist() == [[0, 1, 0, 0, 0], [0, 0, 0, 1, 0]]
    assert bags([], SPACE).shape == (0, 5)


def test_copies_below_their_documents(tmp_path: Path) -> None:
    data = small()
    copies = [replace(copy, dropped="other labels") if copy.row == 1 else copy for copy in made(tmp_path)]
    both = hybrid(data, copies, SPACE)
    train = both.split("train")
    assert train.features is not None and train.ids == ("a", "b", "c", "a, copy", "c, copy")
    assert train.features.todense().tolist() == [*ROWS.tolist(), [0, 1, 0, 0, 0], [0, 0, 0, 1, 0]]
    assert train.truth.todense().tolist() == [[1, 0], [0, 1], [1, 1], [1, 0], [1, 1]]
    assert both.split("dev") is data.split("dev")
    control = hybrid(data, copies, SPACE, control=True).split("train")
    assert control.features is not None and control.features.todense().tolist() == [*ROWS.tolist(), ROWS[0].tolist(), ROWS[2].tolist()]
    assert control.truth.todense().tolist() == train.truth.todense().tolist()


def test_what_came_of_them_is_counted(tmp_path: Path) -> None:
    copies = [replace(copy, dropped="other labels") if copy.row == 1 else copy for copy in made(tmp_path)]
    assert counts(small(), copies, SPACE) == {
        "documents": 3, "altered": 3, "dropped": 1, "kept": 2, "words put in": 3, "words read": 1, "words fallen out": 2,
    }  # fmt: skip


def test_the_clean_model_judges_what_the_copy_is_read_as(tmp_path: Path) -> None:
    """Without "small" the best label is another one: the copies of b and c say so, that of a does not change it."""
    found = made(tmp_path, Synonyms(largest_rate=1.0, consistency=0.8, consistency_k=1))
    assert [(copy.row, copy.dropped != "") for copy in found] == [(0, False), (1, True), (2, True)]
    assert [(copy.before, copy.after) for copy in found] == [((1,), (1,)), ((0,), (1,)), ((0,), (1,))]


def test_it_goes_on_by_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 1)
    whole = made(tmp_path / "whole")
    real, asked = module.replaced, list[int]()

    def breaks(work: Any, *rest: Any) -> dict[int, str]:
        asked.append(work[0])
        if asked == [0, 1]:
            raise KeyboardInterrupt
        return real(work, *rest)

    monkeypatch.setattr(module, "replaced", breaks)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "cut")
    assert made(tmp_path / "cut") == whole and asked == [0, 1, 1, 2]


def test_what_cannot_be_done_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = small()
    with pytest.raises(InputError, match="no copy of a training document of 'bags' was kept"):
        hybrid(data, [Copy(0, {0: "fast"}, "other labels")], SPACE)
    texts = replace(data, splits={"train": Split(("a",), truth_matrix([[0]], 2), ("a text",))})
    with pytest.raises(InputError, match="--defence synonyms"):
        made(tmp_path, data=texts)
    with pytest.raises(InputError, match="features are no words"):
        made(tmp_path, data=toy_features.dense())
    monkeypatch.setattr("core.attacks.words.wordnet.WordNet.refusal", lambda self: "WordNet is not here")
    with pytest.raises(CapabilityError, match="WordNet is not here"):
        made(tmp_path)
