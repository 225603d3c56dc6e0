"""Adversarial fine-tuning with substituted words: the inner maximum against hand-worked models, and that a killed run comes to the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.defences import rewriting
from core.defences.rewriting import Copy, last_copies
from core.defences.substitution import Substitution, SubstitutionTask
from core.defences.worst import HIDDEN, Adversary, Victim, content, proposed, true_loss
from core.document import Document
from core.errors import Cancelled
from core.language import wordnet
from core.runs.run import read_progress
from tests import toy
from tests.unit.defences import start

SETTINGS = Substitution(mode="greedy", rate=0.3, altered_share=0.5, source="wordnet", substitutes=4)
TABLE = {"game": ("match", "chess", "editor"), "text": ("words", "library"), "network": ("server", "web"), "the": ("a",)}
TEXT = "A chess game: the text editor needs no network."


def _victim(labels: list[int], text: str = TEXT) -> Victim:
    return Victim.of(1, 0, 0, text, np.asarray(labels))


def test_true_loss_by_hand() -> None:
    scores = np.array([[0.0, 2.0]], dtype=np.float32)
    assert true_loss(scores, "logit")[0] == pytest.approx(np.log(2) + np.log(1 + np.exp(-2)))
    assert true_loss(np.array([[0.5, 0.25]], dtype=np.float32), "probability")[0] == pytest.approx(np.log(2) + np.log(4))


def test_content_words_are_read_and_mean_something() -> None:
    document = Document.from_text("The 42 editors of text")
    assert content(document, 99) == [2, 4] and content(document, 4) == [2]


def test_greedy_takes_the_worst_candidate_of_the_most_important_word() -> None:
    """games: game 3, chess 2, editor -1. Of the words with candidates (game, text, network) game matters most to games; of its
    candidates editor (-1) costs most: 3 -> -1. A third of three words is one."""
    (copy,) = Adversary(toy.Linear(), "greedy", 0.34, 4, TABLE).copies([_victim([0])])
    assert copy.edits == {2: "editor"}
    before = 0.5 + 2.0 + 3.0 - 1.0 + 0.5  # bias, chess, game, editor, network
    assert copy.before[0] == pytest.approx(np.log(1 + np.exp(-before))) and copy.after[0] == pytest.approx(np.log(1 + np.exp(-(before - 4))))


def test_greedy_leaves_a_word_alone_that_nothing_can_hurt() -> None:
    """label network: its word weighs 3; "server" takes 0.5 off, "web" (unknown) all. Word "text" weighs nothing: no candidate hurts
    but library, which helps; and it stays."""
    (copy,) = Adversary(toy.Linear(), "greedy", 1.0, 4, TABLE).copies([_victim([3])])
    assert copy.edits[len(Document.from_text(TEXT)) - 1] == "web" and 4 not in copy.edits
    assert Adversary(toy.Linear(), "greedy", 1.0, 4, {"text": ("library",)}).copies([_victim([3])]) == []


def test_all_true_labels_count() -> None:
    """For games and network together, both words go."""
    (copy,) = Adversary(toy.Linear(), "greedy", 0.67, 4, TABLE).copies([_victim([0, 3])])
    assert copy.edits == {2: "editor", 8: "web"}


def test_masked_hides_the_most_important_words() -> None:
    """games: game 3 and chess 2 of chess, game, text, editor, needs, network: 0.34 * 6 = 2 words."""
    (copy,) = Adversary(toy.Linear(), "masked", 0.34, 4, {}).copies([_victim([0])])
    assert copy.edits == {1: HIDDEN, 2: HIDDEN}
    assert copy.after[0] == pytest.approx(np.log(1 + np.exp(-(0.5 - 1.0 + 0.5))))


def test_a_classifier_that_cannot_mask_is_asked_in_texts() -> None:
    """The toy transformer's window holds all words; a Threshold has only `score`."""
    alarm = toy.Threshold(("flames", "smoke"), needed=2)
    (copy,) = Adversary(alarm, "masked", 0.5, 1, {}).copies([_victim([1], "Flames and smoke!")])
    assert set(copy.edits.values()) == {HIDDEN} and copy.before[0] == pytest.approx(0.0) and copy.after[0] > 10
    (copy,) = Adversary(alarm, "greedy", 0.5, 1, {"flames": ("flame",), "smoke": ("fume",)}).copies([_victim([1], "Flames and smoke!")])
    assert copy.edits == {0: "Flame"}


def test_sampled_takes_the_worst_of_all() -> None:
    """Of enough copies the worst there is: one word of three, and game -> editor is worth 4."""
    (copy,) = Adversary(toy.Linear(), "sampled", 0.34, 200, TABLE).copies([_victim([0])])
    assert copy.edits == {2: "editor"}
    (few,) = Adversary(toy.Linear(), "sampled", 0.34, 2, TABLE).copies([_victim([0])])
    assert few.after[0] <= copy.after[0] and len(few.edits) == 1


def test_documents_without_labels_or_candidates_stay() -> None:
    for mode in ("sampled", "greedy", "masked"):
        found = Adversary(toy.Linear(), mode, 0.3, 2, TABLE).copies([_victim([]), _victim([0], "the of and"), _victim([0], "")])
        assert found == []


@pytest.mark.skipif(wordnet.missing() is not None, reason="WordNet is not installed")
def test_candidates_are_no_antonyms_and_no_stop_words() -> None:
    found = proposed("fast", "wordnet", "", 20)
    assert found and "slow" not in found and all(word.isalpha() and word != "fast" for word in found)
    assert len(proposed("fast", "wordnet", "", 1)) == 1


@pytest.mark.slow
def test_settings_of_the_network_are_read_as_it_then_is(tmp_path: Path) -> None:
    """The second epoch's copies answer the weights of that moment; with `refresh` 2 the first epoch's serve again."""
    for refresh, epochs in ((1, 3), (2, 2)):
        folder = tmp_path / str(refresh)
        start.weights(replace(SETTINGS, mode="masked", refresh=refresh), folder)
        names = sorted(path.name for path in (folder / "copies").glob("epoch-*"))
        assert names == [f"epoch-{epoch:05d}.jsonl" for epoch in ((1, 2, 3) if refresh == 1 else (1, 3))]
        records = [each for each in read_progress(folder) if each["kind"] == "copies"]
        assert len(records) == epochs and all(each["true loss attacked"] > each["true loss"] for each in records)
        assert all(30 < each["documents changed"] < 90 and each["seconds of a clean epoch"] > 0 for each in records)


@pytest.mark.slow
@pytest.mark.skipif(wordnet.missing() is not None, reason="WordNet is not installed")
@pytest.mark.parametrize(("mode", "block"), [("sampled", 0), ("greedy", 2), ("masked", 1)])
def test_a_killed_training_comes_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, block: int) -> None:
    monkeypatch.setattr(rewriting, "BLOCK", 40)
    settings = replace(SETTINGS, mode=mode)
    unbroken = start.weights(settings, tmp_path / "unbroken")
    with pytest.raises(start.Killed):
        start.weights(settings, tmp_path / "killed", start.killed_at(1, block))
    assert start.same(unbroken, start.weights(settings, tmp_path / "killed"))
    for path in (tmp_path / "unbroken" / "copies").iterdir():
        assert path.read_bytes() == (tmp_path / "killed" / "copies" / path.name).read_bytes()


def test_a_stop_while_documents_are_attacked_keeps_what_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewriting, "BLOCK", 40)

    def break_at(task: SubstitutionTask) -> None:
        honest = task.rewrite

        def rewrite(at: int, rows: Any) -> list[Copy]:
            if rows[0] == 80:
                task.run.stop_file.touch()
            return honest(at, rows)

        task.rewrite = rewrite  # type: ignore[method-assign]

    with pytest.raises(Cancelled):
        start.weights(replace(SETTINGS, mode="masked"), tmp_path, break_at)
    assert len(list((tmp_path / "copies").glob("epoch-00001.part-*.jsonl"))) == 2


@pytest.mark.slow
def test_validation_adds_attacked_measures(tmp_path: Path) -> None:
    settings = replace(SETTINGS, mode="masked", rate=0.5)
    start.weights(settings, tmp_path)
    dev = [each for each in read_progress(tmp_path) if each["kind"] == "dev"]
    assert len(dev) == 3
    assert all(each["attacked nDCG@5"] < each["nDCG@5"] for each in dev)
    assert all(each["mean nDCG@5"] == pytest.approx((each["nDCG@5"] + each["attacked nDCG@5"]) / 2) for each in dev)
    with start.run_in(tmp_path) as run:
        copies = settings.copies(start.task(run), run)
    assert copies is not None and copies.rows.tolist() == last_copies(tmp_path, start.task(run).texts).rows.tolist()  # type: ignore[union-attr]
    assert all(HIDDEN in text for text in copies.texts)


@pytest.mark.slow
def test_a_control_trains_on_the_same_documents_as_they_are(tmp_path: Path) -> None:
    """The rows that an attacked run alters (all of these have labels and words to hide), their texts unaltered, the same measures."""
    attacked = replace(SETTINGS, mode="masked", rate=0.5)
    start.weights(attacked, tmp_path / "attacked")
    start.weights(replace(attacked, control=True), tmp_path / "control")
    with start.run_in(tmp_path / "control") as run:
        texts = start.task(run).texts
    found = [last_copies(tmp_path / name, texts) for name in ("attacked", "control")]
    assert found[0] is not None and found[1] is not None and found[0].rows.tolist() == found[1].rows.tolist()
    assert all(text == texts[row] for row, text in zip(found[1].rows.tolist(), found[1].texts, strict=True))
    assert all("attacked nDCG@5" in each for each in read_progress(tmp_path / "control") if each["kind"] == "dev")
