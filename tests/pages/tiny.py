"""A linear checkpoint made in a second: 60 synthetic documents, four labels of known cue words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from scipy import sparse

from core import checkpoint
from core.data.dataset import Dataset, Split, truth_matrix
from core.labels import LabelSpace
from core.models import linear, load
from core.runs.run import Run
from tests.toy import LABELS, Attending

CUES = {
    "use::editing": ("editor", "edit", "cut", "paste"),
    "game::arcade": ("game", "player", "level", "jump"),
    "protocol::dns": ("dns", "server", "resolver", "network"),
    "role::library": ("library", "python", "module", "requests"),
}
FILLERS = ["a", "the", "with", "for", "of", "program", "small", "fast", "and", "which", "many", "simple", "files", "written", "user"]


def tiny_dataset(documents: int = 60, seed: int = 0) -> Dataset:
    """Each document has one or two labels, three cue words of each, and a dozen fillers in random order."""
    rng = np.random.default_rng(seed)
    names = tuple(CUES)
    texts, rows = [], []
    for _ in range(documents):
        labels = rng.choice(len(names), size=int(rng.integers(1, 3)), replace=False).tolist()
        words = [cue for label in labels for cue in rng.choice(CUES[names[label]], 3, replace=False)]
        words += rng.choice(FILLERS, 12).tolist()
        rng.shuffle(words)
        texts.append(" ".join(words).capitalize() + ".")
        rows.append(labels)
    cut = documents * 3 // 4
    splits = {
        name: Split(tuple(f"{name}{i}" for i in range(len(part))), truth_matrix(truth, len(names)), tuple(part))
        for name, part, truth in (("train", texts[:cut], rows[:cut]), ("dev", texts[cut:], rows[cut:]))
    }
    return Dataset("tiny", names, splits)


def save_tiny(folder: Path) -> str:
    """Train and save; returns the digest."""
    dataset = tiny_dataset()
    with Run(folder.with_name(folder.name + "-run"), seed=0, device="cpu") as run:
        model = linear.train(linear.Config(minimum_documents=1), dataset, dataset.label_space(1), run)
    evaluation = {"metrics": {"P@1": {"value": 0.9, "low": 0.8, "high": 1.0}}}
    return checkpoint.save(
        folder, model="linear", settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files(),
        provenance={"evaluation": evaluation},
    )  # fmt: skip


def save_variant(source: Path, target: Path, renamed: str = "", buried: str = "", halved: Sequence[str] = ()) -> str:
    """A checkpoint made from a tiny one: its labels in the opposite order, so that only names meet; one label called "x::other", one
    always last; some words at half their weight, as a defence would have it. Its provenance names the parent. Returns the digest."""
    model = load(str(source))
    assert isinstance(model, linear.LinearModel)
    order = list(range(len(model.labels)))[::-1]
    names = ["x::other" if model.labels.names[j] == renamed else model.labels.names[j] for j in order]
    bias = np.asarray([model.bias[j] - (1000 if model.labels.names[j] == buried else 0) for j in order], dtype=np.float32)
    weights = sparse.csr_array(model.weights[:, order])
    for feature in (model.tfidf.words.words.index(word) for word in halved):
        weights.data[weights.indptr[feature] : weights.indptr[feature + 1]] *= 0.5
    labels = LabelSpace.of(names, model.labels.counts[order], model.labels.documents)
    other = linear.LinearModel(model.config, labels, model.tfidf, weights, bias)
    return checkpoint.save(
        target, model="linear", settings=other.settings(), labels=labels, tensors=other.tensors(), files=other.files(),
        provenance={"parent": source.name},
    )  # fmt: skip


class Windowed(Attending):
    """The toy transformer as a checkpoint's model: reads the first eight words and has attention."""

    @classmethod
    def load(cls, saved: checkpoint.Saved) -> Self:
        model = cls(saved.labels, window=8)
        model.name, model.digest = saved.name, saved.digest
        return model


def save_windowed(folder: Path) -> str:
    """A checkpoint that says it is an X-Transformer; a test puts `Windowed` in its place."""
    return checkpoint.save(folder, model="x-transformer", settings={}, labels=LABELS, tensors={"none": np.zeros(1, dtype=np.float32)})
