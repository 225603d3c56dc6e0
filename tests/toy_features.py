"""Classifiers of vectors whose every answer is known by hand, and small data sets of vectors.

`Halfspace` has three labels and scores that are linear in the vector, so the nearest vector that changes the ranking is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.attacks.features import FeatureSession
from core.data.dataset import Dataset, Split, truth_matrix
from core.document import Document
from core.labels import LabelSpace
from core.models.parts.tfidf import Features
from core.ranking import top_k
from core.types import IntArray, Scores, Unit
from core.vector import FeatureSpace, FeatureVector

NAMES = ("game", "chess", "board", "text", "editor", "code")
LABELS = LabelSpace.of(["games", "editors", "others"], [30, 20, 10], 60)
WEIGHTS = np.asarray(
    [[2.0, 1.0, 1.0, 0.0, -0.5, 0.0], [0.0, -0.5, 0.0, 1.0, 2.0, 1.0], [0.5, 0.5, 0.0, 0.5, 0.0, 0.0]], dtype=np.float32
)  # fmt: skip


def start_of(session: FeatureSession) -> NDArray[np.float64]:
    """The point at which an attack's search begins: its first step after the document."""
    steps = session.steps()
    next(steps)
    return next(steps).point


class Halfspace:
    """score[label] = WEIGHTS[label] . x + bias[label], a FeatureClassifier. `queries` counts the vectors scored."""

    name = "toy-halfspace"
    unit: Unit = "margin"

    def __init__(
        self, weights: NDArray[np.float32] = WEIGHTS, bias: Sequence[float] = (0.0, 0.0, 0.0), space: FeatureSpace | None = None,
        labels: LabelSpace = LABELS,
    ) -> None:  # fmt: skip
        self.weights, self.bias, self.labels = np.asarray(weights, dtype=np.float32), np.asarray(bias, dtype=np.float32), labels
        size = self.weights.shape[1]
        self._space = space or FeatureSpace("bits", np.zeros(size, np.float32), np.ones(size, np.float32), NAMES[:size])
        self.digest = f"{abs(hash((self.weights.tobytes(), self.bias.tobytes()))):016x}"[:16]
        self.queries = 0

    @property
    def space(self) -> FeatureSpace:
        return self._space

    def score_features(self, vectors: sparse.csr_array, labels: IntArray | None = None) -> Scores:
        self.queries += vectors.shape[0]
        scores = np.asarray(vectors @ self.weights.T.astype(np.float64) + self.bias, dtype=np.float32)
        return scores if labels is None else scores[:, labels]

    def retrieve_features(self, vectors: sparse.csr_array, k: int) -> tuple[IntArray, Scores]:
        scores = self.score_features(vectors)
        best = top_k(scores, k)
        return best, np.take_along_axis(scores, best, axis=1)

    def embed_features(self, vector: FeatureVector) -> Features:
        values = vector.values[:, None]
        names = tuple(self.space.name(int(column)) for column in vector.columns)
        return Features(values, np.zeros_like(values), np.eye(len(values), dtype=np.float32), names, "absent features", vector.columns)

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        bags = [self.space.bag(Document.from_text(text)).matrix for text in texts]
        whole = sparse.csr_array(sparse.vstack(bags, format="csr")) if bags else sparse.csr_array((0, len(self.space)), dtype=np.float32)
        return self.score_features(whole, labels)

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        scores = self.score(texts)
        best = top_k(scores, k)
        return best, np.take_along_axis(scores, best, axis=1)

    def words_read(self, document: Document) -> int:
        return len(document)


def vector(*values: float) -> FeatureVector:
    """A document of these values, one a feature."""
    return FeatureVector.of(sparse.csr_array(np.asarray([values], dtype=np.float32)))


def bags(names: Sequence[str], cues: int, documents: int, seed: int = 0, counts: bool = False) -> Dataset:
    """Bags of named words: each label has `cues` words of its own, each document one or two labels, two cues of each and three of six
    words that say nothing. The splits are train, dev and test."""
    rng = np.random.default_rng(seed)
    labels = tuple(names)
    words = (*(f"{label.lower()}{i}" for label in labels for i in range(cues)), "the", "and", "for", "with", "many", "small")
    splits = {}
    for name, n in (("train", documents), ("dev", documents // 4), ("test", documents // 4)):
        rows, truth = np.zeros((n, len(words)), dtype=np.float32), []
        for row in rows:
            own = sorted(rng.choice(len(labels), size=int(rng.integers(1, 3)), replace=False).tolist())
            for label in own:
                row[label * cues + rng.choice(cues, 2, replace=False)] = rng.integers(1, 4, 2) if counts else 1
            row[len(labels) * cues + rng.choice(6, 3, replace=False)] = 1
            truth.append(own)
        splits[name] = Split(tuple(map(str, range(1, n + 1))), truth_matrix(truth, len(labels)), None, sparse.csr_array(rows))
    return Dataset("bags", labels, splits, feature_names=words)


def dense(documents: int = 60, features: int = 12, labels: int = 3, seed: int = 0) -> Dataset:
    """MediaMill's shape: anonymous real measurements, all present; a label holds where its own third of them is high."""
    rng = np.random.default_rng(seed)
    splits = {}
    for name, n in (("train", documents), ("dev", documents // 4), ("test", documents // 4)):
        rows = rng.normal(0, 0.3, (n, features)).astype(np.float32)
        truth = []
        for row in rows:
            own = sorted(rng.choice(labels, size=int(rng.integers(1, 3)), replace=False).tolist())
            for label in own:
                row[label * (features // labels) : (label + 1) * (features // labels)] += 1
            truth.append(own)
        splits[name] = Split(tuple(map(str, range(1, n + 1))), truth_matrix(truth, labels), None, sparse.csr_array(rows))
    return Dataset("measurements", tuple(f"concept {i}" for i in range(labels)), splits)


def write_mulan(folder: Path, data: Dataset) -> Path:
    """The train and test splits as Mulan's ARFF files with their XML."""
    folder.mkdir(parents=True, exist_ok=True)
    header = [f"@attribute {name} {{0,1}}" for name in (*(data.feature_names or ()), *data.label_names)]
    for name in ("train", "test"):
        split, rows = data.split(name), []
        assert split.features is not None
        for row in np.concatenate([split.features.todense(), split.truth.todense()], axis=1):
            rows.append("{" + ",".join(f"{column} 1" for column in np.flatnonzero(row)) + "}")
        (folder / f"bags-{name}.arff").write_text("\n".join(["@relation bags", *header, "@data", *rows]) + "\n")
    labels = "".join(f'<label name="{name}"></label>' for name in data.label_names)
    (folder / "bags.xml").write_text(f'<labels xmlns="http://mulan.sourceforge.net/labels">{labels}</labels>')
    return folder
