"""Masks are scored once, in batches of like length, counted, and stopped at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from core.document import Document
from core.errors import Cancelled
from core.explainers import EXPLAINERS, explain, preset
from core.explainers import masking as module
from core.explainers.attribution import Question
from core.explainers.masking import MaskedScores, random_masks, stratified
from core.types import BoolArray, IntArray, MaskMode, Scores
from tests.toy import TEXT, Attending, Linear


class Watched(Linear):
    """Remembers every batch of masks and the columns that were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[BoolArray] = []
        self.columns: list[IntArray | None] = []

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        self.seen.append(keep)
        self.columns.append(labels)
        return super().score_masked(document, keep, labels, mode)


def question(model: Linear, text: str = TEXT, labels: tuple[int, ...] = (0, 1)) -> Question:
    return Question(model, Document.from_text(text), np.array(labels))


def test_equal_masks_are_scored_once_and_answered_in_order() -> None:
    model = Watched()
    masking = MaskedScores(question(model, "game chess"))
    masks = np.array([[True, True], [False, True], [True, True], [False, False]])
    assert masking(masks) == pytest.approx(np.array([[5.5, -0.5], [2.5, 0], [5.5, -0.5], [0.5, 0]]))
    assert masking(masks[1:2])[0, 0] == 2.5
    assert masking.queries == sum(len(batch) for batch in model.seen) == 3
    assert all(columns is not None and columns.tolist() == [0, 1] for columns in model.columns)


def test_batches_hold_texts_of_like_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_WORDS", 64)
    model = Watched()
    masking = MaskedScores(question(model, " ".join(["game"] * 32)))
    masks = np.tri(32, 32, dtype=np.bool_)[np.random.default_rng(0).permutation(32)]
    scores = masking(masks)
    assert scores[:, 0] == pytest.approx(0.5 + 3 * masks.sum(axis=1))
    kept = [batch.sum(axis=1) for batch in model.seen]
    assert len(kept) > 5
    assert all(earlier.max() <= later.min() for earlier, later in pairwise(kept))
    assert all(len(batch) == 1 or len(batch) * max(batch.max(), 16) <= 64 for batch in kept)


def test_long_documents_are_masked_in_runs_that_share_their_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FEATURES", 4)
    model = Linear()
    document = Document.from_text("game chess editor text library c++ network server")
    for name in ("occlusion", "shap"):
        found = explain(preset(name), model, document, [0])
        pairs = model.rows(document)[:, 0].reshape(4, 2).mean(axis=1)
        assert found.values[0] == pytest.approx(np.repeat(pairs, 2), abs=1e-5)
        assert found.queries <= 2**4 and "runs of up to 2" in found.notes[0]


@pytest.mark.parametrize("name", EXPLAINERS)
def test_cancelling_stops_at_the_next_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_WORDS", 16)
    model, calls = Attending(), []

    def stop(done: int, total: int, what: str) -> None:
        calls.append((done, total, what))
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        explain(preset(name), model, Document.from_text(TEXT), [0, 1], progress=stop)
    assert len(calls) == 1


@pytest.mark.parametrize("name", EXPLAINERS)
def test_progress_never_falls_and_ends_at_its_total(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_WORDS", 128)
    calls: list[tuple[int, int]] = []
    explain(preset(name, "quick"), Attending(), Document.from_text(TEXT), [0, 1], progress=lambda done, total, what: calls.append((done, total)))
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert all(done <= total for done, total in calls)
    assert calls[-1][0] == calls[-1][1]


def test_masks_keep_as_many_words_as_asked() -> None:
    kept = np.array([3, 7, 5, 5, 0, 10, 10])
    assert random_masks(10, kept, np.random.default_rng(0)).sum(axis=1).tolist() == kept.tolist()


def test_stratified_draws_follow_the_distribution_to_within_one() -> None:
    mass = np.array([5.0, 3.0, 2.0])
    drawn, chance = stratified(mass, 100, np.random.default_rng(0))
    assert chance.tolist() == [0.5, 0.3, 0.2]
    assert np.abs(np.bincount(drawn) - 100 * chance).max() <= 1
