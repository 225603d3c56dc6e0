"""Every model of the table, trained in a second or two on a synthetic data set: 120 documents, 12 labels, a word for each."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from core import checkpoint, fields, models
from core.checkpoint.ensemble import ENDING, SETTING
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
        "width": 16, "filters": 16, "chunks": 2, "bottleneck": 32, "window": 24, "vectors": "random", "vector_scale": 1.0, "epochs": 16,
        "batch_size": 8, "learning_rate": 0.01, "dropout": 0.1, "vector_dropout": 0.0, "word_dropout": 0.0,
    },
    "x-transformer": lambda folder: {
        "encoder": str(tiny_bert.write(folder / "bert", [word.lower() for word in TOPICS + FILLER])), "trained_layers": 1, "window": 24,
        "max_leaf": 4, "beam": 8, "epochs": 2, "batch_size": 16, "learning_rate": 1e-3,
    },
    "mach": lambda folder: {"minimum_documents": 1, "columns": 256, "buckets": 8, "repetitions": 4, "hidden": 8, "epochs": 20, "batch_size": 16},
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


ENSEMBLES = ("xml-cnn-with-linear", "mach-with-linear")
"""The models that can be summed with the linear reference, as the sums are called."""


def base(kind: str) -> str:
    """The model of a kind, or of an ensemble."""
    return kind.removesuffix(ENDING)


def train(kind: str, folder: Path) -> Classifier:
    """A trained model of a kind or an ensemble; KeyError for a kind without tiny settings: add a line above."""
    summed, kind = {SETTING: True} if kind in ENSEMBLES else {}, base(kind)
    config = fields.from_json(models.config_class(kind), {**SETTINGS[kind](folder), **summed})
    with Run(folder / "run", seed=3, device="cpu", quiet=True) as run:
        found: Classifier = models.train(kind, config, dataset(), dataset().label_space(), run)
        return found


# -- trained once for all processes

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".pytest_cache" / "tiny-models"
NOT_OF_MODELS = {"attacks", "cli", "defences", "evaluation", "evidence", "explainers", "language", "memory", "render", "study"}
"""Folders of core that no training of a model reads: tests/test_imports.py forbids it."""
PACKAGES = ("numpy", "safetensors", "scikit-learn", "scipy", "tokenizers", "torch", "transformers")


@cache
def _source() -> str:
    """A hash of all that a tiny model is made by."""
    files = [path for path in (ROOT / "core").rglob("*.py") if path.relative_to(ROOT / "core").parts[0] not in NOT_OF_MODELS]
    found = hashlib.sha256(" ".join([str(ROOT), sys.version, *map(version, PACKAGES)]).encode())
    for path in sorted([*files, Path(__file__), Path(tiny_bert.__file__)]):
        found.update(f"{path.relative_to(ROOT)}\0{path.read_text(encoding='utf-8')}\0".encode())
    return found.hexdigest()


def _sum(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return found.hexdigest()


@cache
def kept(kind: str) -> Classifier:
    """A trained model of a kind, as its checkpoint gives it back; shared by all tests of a process, so none changes it. Its checkpoint stays
    on the disk for the next process and the next run, under a hash of its source; one that is not as it was written is made anew."""
    place = CACHE / _source()
    place.mkdir(parents=True, exist_ok=True)
    for other in CACHE.iterdir():
        if other != place:
            shutil.rmtree(other, ignore_errors=True)
    folder, said = place / kind, place / f"{kind}.sha256"
    with (place / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker waits, and then finds it there
        if not (said.is_file() and folder.is_dir() and said.read_text() == _sum(folder)):
            said.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            _keep(kind, folder)
            said.write_text(_sum(folder))
    return models.load(folder / kind)


def _keep(kind: str, folder: Path) -> None:
    """Beside the checkpoint stays the encoder that it names."""
    model: Any = train(kind, folder)
    shutil.rmtree(folder / "run")
    parts = {"settings": model.settings(), "labels": model.labels, "tensors": model.tensors(), "files": model.files()}
    checkpoint.save(folder / kind, model=base(kind), **parts)
