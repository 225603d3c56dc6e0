"""Synonym hybrid training: the curriculum, what may be replaced, drops, the early end, and that nothing depends on who makes the copies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.defences import rewriting
from core.defences.rewriting import Copy
from core.defences.synonyms import Synonyms, jaccard, predicted_divergence, replaced
from core.document import Document
from core.language import wordnet
from core.runs.run import read_progress
from core.training.loop import fit
from tests.unit.defences import start

pytestmark = pytest.mark.skipif(wordnet.missing() is not None, reason="WordNet is not installed")
SETTINGS = Synonyms(largest_rate=0.5, ramp_epochs=2, consistency=0.0)
ENDLESS = replace(SETTINGS, clean_drop=100.0)
"""A tiny network's P@1 falls by more than 2 points at a breath."""
TEXT = "A fast program for people who like a small editor and use big images quickly."


def test_the_rate_rises_and_stays() -> None:
    rates = [Synonyms(largest_rate=0.15, ramp_epochs=3).rate(epoch) for epoch in range(5)]
    assert rates == pytest.approx([0.05, 0.10, 0.15, 0.15, 0.15])


def test_jaccard_by_hand() -> None:
    assert jaccard([1, 2, 3], [3, 2, 4]) == 2 / 4
    assert jaccard(range(10), range(1, 11)) == 9 / 11


def test_words_keep_their_place_and_form() -> None:
    edits = replaced((0, TEXT, ()), seed=1, epoch=0, rate=1.0, synonyms=8)
    document = Document.from_text(TEXT)
    changed = document.replace(edits)
    assert len(edits) >= 5 and len(changed) == len(document)
    assert {"A", "for", "who", "and"} <= set(changed.words)
    assert edits == replaced((0, TEXT, ()), seed=1, epoch=0, rate=1.0, synonyms=8)
    assert all(edits != replaced(work, 1, epoch, 1.0, 8) for work, epoch in [((1, TEXT, ()), 0), ((0, TEXT, ()), 1)])


def test_on_average_the_rate() -> None:
    counts = [len(replaced((row, TEXT, ()), 1, 0, 0.25, 8)) for row in range(200)]
    # fast program people like small editor use big images quickly: 10 words that may go.
    assert np.mean(counts) == pytest.approx(2.5, abs=0.15) and set(counts) == {2, 3}


def test_label_names_neither_go_nor_come() -> None:
    for row in range(30):
        edits = replaced((row, TEXT, ("role::program", "works-with::image")), 1, 0, 1.0, 8)
        document = Document.from_text(TEXT)
        assert {document.words[i] for i in edits}.isdisjoint({"program", "images"})
        assert set(edits.values()).isdisjoint({"role", "roles", "image", "images", "program", "programs"})
        assert len(edits) >= 3


def test_predicted_marginals_leave_dropped_copies_out() -> None:
    copies = [Copy(0, {0: "x"}, "", (0.0, 1.0), (0.0, 1.0)), Copy(1, {0: "x"}, "dropped", (0.0, 2.0), (1.0, 2.0))]
    by_hand = rewriting.divergence(np.array([2.0, 1.0, 1.0]), np.array([1.0, 1.0, 0.0]))
    assert predicted_divergence(copies, 3) == pytest.approx(by_hand)


def _copies(folder: Path, settings: Synonyms) -> str:
    with start.run_in(folder) as run:
        settings.task(start.task(run), run).batches(1, np.random.default_rng(0))
    return (folder / "copies" / "epoch-00002.jsonl").read_text(encoding="utf-8")


@pytest.mark.slow
def test_any_number_of_workers_makes_the_same_copies(tmp_path: Path) -> None:
    alone = _copies(tmp_path / "1", SETTINGS)
    assert alone.count("\n") > 100
    assert alone == _copies(tmp_path / "2", replace(SETTINGS, workers=2))


class Fickle:
    """Knows the documents; of a copy with an even number of letters it turns the order of all labels round."""

    def __init__(self, labels: Any, known: Any) -> None:
        self.labels, self.known = labels, {*known}

    def score(self, texts: Any) -> Any:
        order = np.arange(len(self.labels), dtype=np.float32)
        return np.stack([order if text in self.known or len(text) % 2 else order[::-1] for text in texts])


@pytest.mark.slow
def test_copies_with_other_labels_are_dropped(tmp_path: Path) -> None:
    with start.run_in(tmp_path) as run:
        task = replace(SETTINGS, consistency=0.8, consistency_k=10).task(start.task(run), run)
        texts = task.inner.texts
        task.clean = Fickle(task.clean.labels, texts)  # type: ignore[assignment]
        copies = task.copies(1)
        assert {copy.dropped != "" for copy in copies} == {True, False}
        assert all((len(copy.text(texts[copy.row])) % 2 == 0) is (copy.dropped != "") for copy in copies)
        task.batches(1, np.random.default_rng(0))
        assert sorted(task._texts) == [copy.row for copy in copies if not copy.dropped]
    (record,) = [each for each in read_progress(tmp_path) if each["kind"] == "copies"]
    assert record["dropped"] == sum(copy.dropped != "" for copy in copies) and record["rate"] == 0.5
    # All documents have labels 2 to 11, and so has every copy that is kept.
    assert record["KL predicted"] == pytest.approx(predicted_divergence(copies, 12)) and record["KL predicted"] < 1e-3


@pytest.mark.slow
def test_a_control_trains_on_the_same_documents_as_they_are(tmp_path: Path) -> None:
    copies = []
    for control in (False, True):
        with start.run_in(tmp_path / str(control)) as run:
            copies.append(replace(SETTINGS, control=control).task(start.task(run), run).copies(1))
    assert [(each.row, each.dropped, each.before) for each in copies[0]] == [(each.row, each.dropped, each.before) for each in copies[1]]
    assert all(each.edits for each in copies[0]) and not any(each.edits for each in copies[1])


@pytest.mark.slow
@pytest.mark.parametrize("block", [0, 2])
def test_a_killed_training_comes_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(rewriting, "BLOCK", 40)
    unbroken = start.weights(ENDLESS, tmp_path / "unbroken")
    with pytest.raises(start.Killed):
        start.weights(ENDLESS, tmp_path / "killed", start.killed_at(1, block))
    assert start.same(unbroken, start.weights(ENDLESS, tmp_path / "killed"))
    names = ["epoch-00001.jsonl", "epoch-00002.jsonl", "epoch-00003.jsonl"]
    for name in names:
        assert (tmp_path / "unbroken" / "copies" / name).read_bytes() == (tmp_path / "killed" / "copies" / name).read_bytes()


@pytest.mark.slow
def test_training_ends_where_clean_precision_falls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P@1 90 at the start, then 89, 87: the second epoch has fallen by more than 2, so the first is kept and no third is trained."""
    said = iter([90.0, 89.0, 87.0, 87.0])
    with start.run_in(tmp_path) as run:
        inner = start.task(run)
        monkeypatch.setattr(type(inner), "validate", lambda self, module: {"P@1": next(said), "nDCG@5": 50.0})
        task = SETTINGS.task(inner, run)
        fitted = fit(task, start.config(), run)
    assert (fitted.epoch, fitted.steps) == (1, 2 * 8)
    records = read_progress(tmp_path)
    assert [each["nDCG@5"] for each in records if each["kind"] == "dev"] == [50.0, -1.0]  # the third epoch made no step
    assert [(each["epoch"], each["P@1"]) for each in records if each["kind"] == "early stop"] == [(2, 87.0)]
    assert not (tmp_path / "copies" / "epoch-00003.jsonl").exists()
