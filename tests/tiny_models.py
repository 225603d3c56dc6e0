"""Every model of the table, trained in a second or two on a synthetic data set: 120 documents, 12 labels, a word for each."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core import fields, models
from core.data.dataset import Dataset, Split, truth_matrix
from core.runs.run import Run
from core.types import Classifier
from tests import tiny_bert

TOPICS = ("chess", "mail", "editor", "music", "browser", "compiler", "font", "network", "database", "image", "shell", "C++")
FILLER = ("a", "the", "fast", "small", "program", "for", "people", "who", "like", "it", "and", "use", "free")


@cache
def dataset() -> Dataset:
    """Each document names its one to three labels among ten words of filler; the first labels are the frequent ones."""
    rng = np.random.default_rng(7)
    shares = 1 / np.arange(1, len(TOPICS) + 1)

    def split(n: int) -> Split:
        truth, texts = [], []
        for _ in range(n):
            labels = sorted(rng.choice(len(TOPICS), size=rng.integers(1, 4), replace=False, p=shares / shares.sum()))
            words = [*rng.choice(FILLER, size=10), *(TOPICS[label] for label in labels)]
            texts.append(" ".join(rng.permutation(words)).capitalize() + ".")
            truth.append([int(label) for label in labels])
        return Split(tuple(map(str, range(n))), truth_matrix(truth, len(TOPICS)), tuple(texts))

    return Dataset("tiny", TOPICS, {"train": split(120), "dev": split(30), "test": split(30)})


SETTINGS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "linear": lambda folder: {"minimum_documents": 1},
    "xml-cnn": lambda folder: {
        "width": 16, "filters": 8, "chunks": 2, "bottleneck": 16, "window": 24, "vectors": "random", "epochs": 4, "batch_size": 16,
        "learning_rate": 0.01,
    },
    "x-transformer": lambda folder: {
        "encoder": str(tiny_bert.write(folder / "bert", [word.lower() for word in TOPICS + FILLER])), "trained_layers": 1, "window": 24,
        "max_leaf": 4, "beam": 8, "epochs": 2, "batch_size": 16, "learning_rate": 1e-3,
    },
    "mach": lambda folder: {"minimum_documents": 1, "columns": 256, "buckets": 8, "repetitions": 4, "hidden": 8, "epochs": 6, "batch_size": 16},
    "attention-xml": lambda folder: {
        "width": 32, "hidden": 32, "bottleneck": 32, "window": 24, "vectors": "random", "vector_scale": 1.0, "epochs": 12, "batch_size": 8,
        "learning_rate": 0.01, "dropout": 0.1, "vector_dropout": 0.0,
    },
    "aplc-xlnet": lambda folder: {
        "encoder": str(tiny_bert.write(folder / "bert", [word.lower() for word in TOPICS + FILLER], width=48)), "trained_layers": 1,
        "adapter_rank": 4, "window": 24, "epochs": 20, "batch_size": 8, "learning_rate": 0.005, "head_scale": 10.0, "clusters": 3,
    },
}  # fmt: skip
"""What makes each model tiny. x-transformer's beam holds all its clusters, so that its two phases must agree with the dense score."""


def train(kind: str, folder: Path) -> Classifier:
    """A trained model of a kind; KeyError for a kind without tiny settings: add a line above."""
    config = fields.from_json(models.config_class(kind), SETTINGS[kind](folder))
    with Run(folder / "run", seed=3, device="cpu", quiet=True) as run:
        found: Classifier = models.train(kind, config, dataset(), dataset().label_space(), run)
        return found
