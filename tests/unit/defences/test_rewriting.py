"""What the rewriting defences share: blocks that outlive a kill, the loss over documents and copies, the label marginals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core import fields
from core.defences import DEFENCES, defence_class
from core.defences.rewriting import Copy, RewritingTask, divergence, kept_lines, last_copies
from core.errors import Cancelled
from core.models import config_class
from core.training.defended import Rewound
from tests.unit.defences import start


def test_divergence_by_hand() -> None:
    # (3 + 1) / 6 and (1 + 1) / 6 against 2 / 4 and 2 / 4.
    by_hand = 4 / 6 * np.log((4 / 6) / 0.5) + 2 / 6 * np.log((2 / 6) / 0.5)
    assert divergence(np.array([3.0, 1.0]), np.array([1.0, 1.0])) == pytest.approx(by_hand)
    assert divergence(np.array([3.0, 1.0]), np.array([3.0, 1.0])) == 0.0
    assert np.isfinite(divergence(np.array([3.0, 1.0]), np.array([4.0, 0.0])))


def test_copies_come_back_from_their_lines() -> None:
    copy = Copy(4, {1: "quick", 3: "cat"}, "", (2.0,), (3.5,))
    assert Copy.from_json({**copy.to_json(), "edits": {"1": "quick", "3": "cat"}}) == copy
    assert copy.text("A fast, small dog.") == "A quick, small cat."


def test_blocks_outlive_a_stop(tmp_path: Path) -> None:
    asked: list[int] = []

    def make(first: int, last: int) -> list[int]:
        asked.append(first)
        if len(asked) == 2:
            run.stop_file.touch()
        return [10 * i for i in range(first, last)]

    with start.run_in(tmp_path) as run, pytest.raises(Cancelled):
        list(kept_lines(run, "tens", 7, make, "tens", block=2))
    assert asked == [0, 2]
    with start.run_in(tmp_path) as run:
        assert list(kept_lines(run, "tens", 7, make, "tens", block=2)) == [0, 10, 20, 30, 40, 50, 60]
    assert asked == [0, 2, 4, 6]
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["tens.jsonl"]
    with start.run_in(tmp_path) as run:
        assert len(list(kept_lines(run, "tens", 7, make, "tens", block=2))) == 7
    assert len(asked) == 4


class OneWord(RewritingTask):
    """Puts "zzz" in the place of the first word of the even documents; drops the copy of document 2."""

    def rewrite(self, epoch: int, rows: np.ndarray) -> list[Copy]:
        return [Copy(int(row), {0: "zzz"}, "because" if row == 2 else "") for row in rows if row % 2 == 0]


@pytest.mark.slow
def test_loss_of_documents_and_copies(tmp_path: Path) -> None:
    with start.run_in(tmp_path) as run:
        inner = start.task(run)
        task = OneWord(inner, run, weight=0.25)
        task.batches(0, np.random.default_rng(0))
        task.module.train()
        rows = np.array([0, 1, 2, 3, 4])
        torch.manual_seed(0)
        found = task.loss(task.module, rows)
        torch.manual_seed(0)
        clean = inner.loss(inner.module, rows)
        copied = np.array([0, 4])
        texts = [Copy(row, {0: "zzz"}).text(inner.texts[row]) for row in (0, 4)]
        altered = inner.loss_of(inner.outputs(inner.module, inner.inputs(inner.module, copied, texts=texts)), inner.targets(copied))
        assert torch.allclose(found, 0.75 * clean + 0.25 * altered, rtol=1e-6)
        assert set(task.figures()) == {"clean loss", "altered loss"} and task.figures() == {}
        before = Rewound()
        alone = task.loss(task.module, np.array([1, 2, 3]))
        before.again()
        assert torch.equal(alone, inner.loss(inner.module, np.array([1, 2, 3])))


@pytest.mark.slow
def test_drops_are_counted_and_left_out(tmp_path: Path) -> None:
    from core.runs.run import read_progress

    with start.run_in(tmp_path) as run:
        inner = start.task(run)
        OneWord(inner, run, weight=0.5).batches(0, np.random.default_rng(0))
        copies = last_copies(tmp_path, inner.texts)
        assert copies is not None and copies.rows.tolist() == [row for row in range(0, 120, 2) if row != 2]
        assert all(text.startswith("zzz") for text in copies.texts)
    (record,) = [each for each in read_progress(tmp_path) if each["kind"] == "copies"]
    assert (record["documents changed"], record["dropped"], record["changed words per document"]) == (59, 1, 1.0)
    assert record["KL"] > 0 and record["vocabulary"] == pytest.approx(1 / len({w.lower() for t in inner.texts for w in t.replace(".", "").split()}))


@pytest.mark.parametrize("name", DEFENCES)
def test_settings_have_names_of_their_own(name: str) -> None:
    """They stand on one command line with the model's."""
    wanted = defence_class(name)
    own = {setting.name for setting in fields.settings_of(wanted)}
    for kind in wanted.FITS:  # type: ignore[attr-defined]
        assert own.isdisjoint(setting.name for setting in fields.settings_of(config_class(kind)))
