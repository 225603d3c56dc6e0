"""MACH at the size of Amazon-670K with random weights: seconds and peak memory of the two things that the pages ask for.

Run alone, so that the peak is its own: `python tests/benchmarks/bench_mach.py`. L = 670,091 labels, R = 16 repetitions of
B = 2,000 buckets, D = 50,000 hashed columns, H = 256 hidden units (213 million weights, 0.85 GB).
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import pytest
import torch

from core.document import Document
from core.labels import LabelSpace
from core.models.mach import Config, Mach
from core.models.parts.tfidf import TfIdf

LABELS, CHOSEN, DOCUMENTS, PERTURBED = 670_091, 5, 64, 1_000
LIMIT_GB = 4.0


def _texts(rng: np.random.Generator, count: int, words: int = 70, vocabulary: int = 5_000) -> list[str]:
    """Texts whose words follow Zipf's law."""
    ranks = np.minimum(rng.zipf(1.3, (count, words)), vocabulary)
    return [" ".join(f"word{rank}" for rank in row) for row in ranks]


def _model(texts: list[str]) -> Mach:
    config = Config(columns=50_000, buckets=2_000, repetitions=16, hidden=256, direct=False)
    labels = LabelSpace.of([f"label {i}" for i in range(LABELS)], np.ones(LABELS, dtype=np.int64), LABELS)
    return Mach.random(config, labels, TfIdf.fit(texts, 2))


def _seconds(found: dict[str, float], what: str, work: Callable[[], object]) -> None:
    wall, processor = perf_counter(), process_time()
    work()
    found[f"{what}: seconds"], found[f"{what}: processor seconds"] = perf_counter() - wall, process_time() - processor


def measure() -> dict[str, float]:
    """Seconds of each part, recall of the approximate search, and the process's peak memory in GiB."""
    rng = np.random.default_rng(0)
    texts = _texts(rng, 1_000)
    found: dict[str, float] = {}
    model = _model(texts)
    batch, document = texts[:DOCUMENTS], Document.from_text(texts[0])
    keep = rng.random((PERTURBED, len(document))) < 0.5
    chosen = model.retrieve(texts[:1], CHOSEN)[0][0]
    _seconds(found, f"exact top-5 of {DOCUMENTS} documents", lambda: model.retrieve(batch, 5))
    _seconds(found, f"{CHOSEN} chosen labels of {PERTURBED} perturbed documents", lambda: model.score_masked(document, keep, chosen))
    exact = model.retrieve(batch, 5)[0]
    near = Mach(replace(model.config, search="approximate"), model.labels, model.tfidf, model.network)
    near.retrieve(texts[:1], 5)  # builds the inverse index
    _seconds(found, f"approximate top-5 of {DOCUMENTS} documents", lambda: near.retrieve(batch, 5))
    pairs = zip(exact.tolist(), near.retrieve(batch, 5)[0].tolist(), strict=True)
    found["recall@5 of approximate against exact"] = float(np.mean([len(set(a) & set(b)) / 5 for a, b in pairs]))
    found["peak GiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return found


@pytest.mark.benchmark
def test_half_a_million_labels_fit_into_four_gigabytes() -> None:
    assert measure()["peak GiB"] < LIMIT_GB


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, figure in measure().items():
        print(f"{name}: {figure:.2f}")
