"""The linear part of another model: its sum, the choice of its share, and what of it a checkpoint holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from core import checkpoint
from core.checkpoint import Saved
from core.errors import CheckpointError
from core.labels import LabelSpace
from core.models.linear import Config, LinearModel
from core.models.linear.part import SHARES, LinearPart
from core.models.parts.tfidf import TfIdf
from core.runs.run import Run, read_progress

LABELS = LabelSpace.of(["game", "editor"], [2, 1], 3)
TEXTS = ("a game", "the editor", "game editor")


def svms() -> LinearModel:
    tfidf = TfIdf.fit(TEXTS, minimum=1)
    weights = sparse.csr_array(np.random.default_rng(0).normal(size=(len(tfidf), 2)).astype(np.float16).astype(np.float32))
    return LinearModel(Config(), LABELS, tfidf, weights, np.array([0.5, -0.25], np.float32))


def kept(part: LinearPart, folder: Path, drop: str = "", **tensors: np.ndarray) -> Saved:
    """A checkpoint that holds this part and nothing else, but for the file or tensor `drop`."""
    files = {name: text for name, text in part.files().items() if name != drop}
    held = {name: array for name, array in {**part.tensors(), **tensors}.items() if name != drop}
    checkpoint.save(folder, model="xml-cnn", settings={}, labels=LABELS, tensors=held, files=files)
    return checkpoint.load(folder)


def test_the_sum_by_hand() -> None:
    part = LinearPart(svms(), share=2.0, scale=0.5, shift=1.0)
    np.testing.assert_array_equal(part.sum(np.array([[1.0, -3.0]], np.float32), np.array([[2.0, 0.5]], np.float32)), [[3.5, 0.0]])


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.25, -0.5)])
def test_a_checkpoint_keeps_the_part(tmp_path: Path, shared: bool, scale: float, shift: float) -> None:
    part = LinearPart(svms(), 2.5, scale, shift, shared)
    saved = kept(part, tmp_path / "c")
    again = LinearPart.load(saved, Config(), part.model.tfidf if shared else None)
    assert (again.share, again.scale, again.shift, again.shared) == (2.5, scale, shift, shared)
    assert again.model.tfidf is part.model.tfidf or not shared
    assert set(saved.files) == (set() if shared else {"linear-words.txt", "linear-normalisation.txt"})
    assert shared != any("tfidf" in name for name in saved.tensors)
    np.testing.assert_allclose(again.model.score(TEXTS), part.model.score(TEXTS), atol=1e-6)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("linear-words.txt", "has no file 'linear-words.txt'"),
        ("linear.tfidf_idf", "has no tensor 'linear.tfidf_idf'"),
        ("linear.bias", "has no tensor 'linear.bias'"),
        ("linear.sum", "has no tensor 'linear.sum'"),
    ],
)
def test_what_is_missing_is_named_as_it_is_stored(tmp_path: Path, missing: str, said: str) -> None:
    saved = kept(LinearPart(svms(), 2.0, 0.5, 1.0), tmp_path / "c", drop=missing)
    with pytest.raises(CheckpointError, match=f"checkpoint 'c' {said}"):
        LinearPart.load(saved, Config())


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_scale_that_reverses_the_ranking_is_refused(tmp_path: Path, scale: float) -> None:
    part = LinearPart(svms(), 2.0, 0.5, 1.0)
    saved = kept(part, tmp_path / "bad", **{"linear.sum": np.asarray([1.0, scale, 0.0], dtype=np.float32)})
    with pytest.raises(CheckpointError, match="reverse the ranking"):
        LinearPart.load(saved, Config())


def test_the_share_is_the_largest_that_loses_nothing(tmp_path: Path) -> None:
    """The network puts the wrong label 5 above the right one, the SVMs 1 below it: any share above 5 ranks rightly."""
    network, margins = np.array([[5.0, 0.0]], np.float32), np.array([[0.0, 1.0]], np.float32)
    truth = sparse.csr_array(np.array([[0.0, 1.0]]))
    run = Run(tmp_path, quiet=True)
    part = LinearPart.fitted(svms(), network, margins, truth, run, calibrated=False)
    assert part.share == max(SHARES) and (part.scale, part.shift) == (1.0, 0.0)
    (record,) = read_progress(tmp_path)
    assert [value == 100 for value in record["nDCG@5"].values()] == [share > 5 for share in SHARES]
    against = LinearPart.fitted(svms(), -network, -margins, truth, run, calibrated=False)
    assert against.share == 4.0  # the network is right; from a share of 5 on the SVMs would overrule it


@pytest.mark.slow
def test_calibrated_sums_are_log_odds(tmp_path: Path) -> None:
    """Labels drawn with log-odds 0.5 * sum - 1: the fit finds this scale and shift again."""
    rng = np.random.default_rng(0)
    sums = rng.normal(0, 4, size=(5_000, 2)).astype(np.float32)
    truth = sparse.csr_array((rng.random(sums.shape) < 1 / (1 + np.exp(1 - 0.5 * sums))).astype(np.float32))
    part = LinearPart.fitted(svms(), sums, np.zeros_like(sums), truth, Run(tmp_path, quiet=True), calibrated=True)
    assert (part.scale, part.shift) == (pytest.approx(0.5, abs=0.02), pytest.approx(-1.0, abs=0.05))


def test_a_falling_fit_is_not_taken(tmp_path: Path) -> None:
    sums = np.array([[3.0, -3.0]] * 4, np.float32)
    truth = sparse.csr_array(np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 1.0], [0.0, 1.0]]))
    part = LinearPart.fitted(svms(), sums, np.zeros_like(sums), truth, Run(tmp_path, quiet=True), calibrated=True)
    assert (part.scale, part.shift) == (1.0, 0.0)
