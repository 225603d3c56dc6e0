"""What MACH costs as the label space grows, and a dense output layer on the same body beside it (seed 002; methods.md 3.4).

Both read the same hashed features through 256 hidden units. MACH: R = 4 networks of B = 2,000 buckets each, which tells 670,091 labels
apart (methods.md 3.3); dense: one network with an output of L units. Weights are random: cost does not depend on them. Labels are made up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.evidence.records import Header, Item, Record
from core.evidence.studies.base import Cell, header_for, resumed
from core.labels import LabelSpace
from core.types import Embedded, IntArray, Perturbable, Progress, RowKinds, Scores, Unit, Weigh

if TYPE_CHECKING:
    from core.document import Document

SIZES = (598, 4_271, 30_938, 131_073, 670_091)
"""debtags, EURLEX57K, Wiki10-31K, one between, Amazon-670K."""
COLUMNS, HIDDEN, BUCKETS, REPETITIONS = 50_000, 256, 2_000, 4
DOCUMENTS, WORDS, REPEATS = 8, 70, 5
STEPS = 16
"""Pieces of the way of Integrated Gradients, never refined, so that both sides take as many gradients."""


class Dense:
    """A network with an output unit for each label, over the hashed features of one text: Steerable, like MACH."""

    def __init__(self, labels: LabelSpace, tfidf: Any, seed: int = 0) -> None:
        import torch

        from core.models.mach.buckets import hashed

        generator = torch.Generator().manual_seed(seed)
        self.labels, self.tfidf, self.name = labels, tfidf, "dense"
        self.unit: Unit = "logit"
        self.rows = hashed(len(tfidf), COLUMNS, 1)[0]
        self.first = torch.empty(COLUMNS, HIDDEN).normal_(0, 0.2, generator=generator)  # [D, H]
        self.output = torch.empty(len(labels), HIDDEN).normal_(0, HIDDEN**-0.5, generator=generator)  # [L, H]
        self.digest = hashlib.sha256(f"dense {len(labels)} {seed}".encode()).hexdigest()[:16]

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        import torch

        features = self.tfidf.transform(texts)
        with torch.inference_mode():
            rows, starts = torch.from_numpy(self.rows[features.indices].astype(np.int64)), torch.from_numpy(features.indptr[:-1].astype(np.int64))
            values = torch.from_numpy(features.data.astype(np.float32))
            hidden = torch.nn.functional.embedding_bag(rows, self.first, starts, mode="sum", per_sample_weights=values)
            found: Scores = (torch.relu(hidden) @ self._output(labels).T).numpy()
        return found

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        from core.ranking import top_k

        scores = self.score(texts)
        best = top_k(scores, k)
        return best, np.take_along_axis(scores, best, axis=1)

    def words_read(self, document: Document) -> int:
        return len(document)

    def embed(self, document: Document) -> Any:
        return self.tfidf.embed(document)

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        import torch

        with torch.inference_mode():
            found: Scores = self._scores(embedded, torch.from_numpy(vectors[:, :, 0]), labels).numpy()
        return found

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        import torch

        distinct, place = np.unique(labels, return_inverse=True)
        with torch.enable_grad():
            leaf = torch.from_numpy(np.array(vectors[:, :, 0])).requires_grad_(True)
            own = self._scores(embedded, leaf, distinct)[torch.arange(len(vectors)), torch.from_numpy(place)]
            (slopes,) = torch.autograd.grad(own.sum(), leaf)
        return own.detach().numpy(), slopes.numpy()[:, :, None]

    row_kinds = RowKinds(features="TF-IDF values before hashing")

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return Perturbable.of(embedded, 0)

    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        import torch

        with torch.enable_grad():
            leaf = torch.from_numpy(np.array(vectors[:, :, 0])).requires_grad_(True)
            scores = self._scores(embedded, leaf, None)
            found = scores.detach().numpy()
            (slopes,) = torch.autograd.grad(scores, leaf, torch.from_numpy(weigh(found)))
        return found, slopes.numpy()[:, :, None]

    def _scores(self, embedded: Any, values: Any, labels: IntArray | None) -> Any:
        import torch

        table = self.first[torch.from_numpy(self.rows[embedded.columns].astype(np.int64))]
        return torch.relu(values @ table) @ self._output(labels).T

    def _output(self, labels: IntArray | None) -> Any:
        import torch

        return self.output if labels is None else self.output[torch.from_numpy(np.asarray(labels, dtype=np.int64))]

    def sizes(self) -> tuple[int, int]:
        """Bytes of all weights, and of those that depend on the labels."""
        return self.first.nbytes + self.output.nbytes, self.output.nbytes


@dataclass(frozen=True)
class CostStudy:
    NAME: str = "mach-cost"
    ABOUT: str = "memory and time of MACH and of a dense output layer from 598 to 670,091 labels: scores, top-5, an attack step, an explanation"
    PAPERS: tuple[str, ...] = ("002",)
    KIND: str = "costs"
    THREAT: str = "no attack"
    cells: tuple[Cell, ...] = (Cell("mach-and-dense", "MACH", "synthetic"),)

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        import torch

        torch.set_num_threads(1)
        settings = {
            "sizes": list(SIZES), "columns": COLUMNS, "hidden": HIDDEN, "buckets": BUCKETS, "repetitions": REPETITIONS, "estimator": "logit-sum",
            "documents": DOCUMENTS, "words": WORDS, "repeats": REPEATS, "gradients of an explanation": STEPS + 1, "threads": 1,
            "clock": "processor seconds",
        }  # fmt: skip
        return resumed(header_for(self, cell, settings, split=""), work, lambda done: timed(done, progress))


def timed(done: set[str], progress: Progress, sizes: Sequence[int] = SIZES) -> Iterator[Item]:
    """One item a method, label space, kind of work and repeat; of weights and output layers one each, in bytes."""
    for number, size in enumerate(sizes, 1):
        for method, make in (("mach", mach), ("dense", dense)):
            progress(number, len(sizes), f"timing {method} at {size:,} labels")
            if f"{method}:{size}:explanation:{REPEATS - 1}" in done:
                continue
            texts = made_up_texts()
            model = make(size, texts)
            whole, output = bytes_of(model)
            for what, amount in (("weights", whole), ("output layer", output)):
                if f"{method}:{size}:{what}:0" not in done:
                    yield {"id": f"{method}:{size}:{what}:0", "method": method, "labels": size, "what": what, "seconds": 0.0, "bytes": amount}
            for what, work in works(model, texts).items():
                work()  # the first call fills caches and tables
                for repeat in range(REPEATS):
                    identity = f"{method}:{size}:{what}:{repeat}"
                    if identity not in done:
                        began = process_time()
                        work()
                        seconds = round(max(process_time() - began, 1e-6), 6)
                        yield {"id": identity, "method": method, "labels": size, "what": what, "seconds": seconds, "bytes": 0}


def works(model: Any, texts: Sequence[str]) -> dict[str, Callable[[], object]]:
    """What is timed, on the same documents."""
    from core.attacks.embeddings.fgsm import Fgsm, perturb
    from core.document import Document
    from core.explainers import explain
    from core.explainers.integrated_gradients import IntegratedGradients

    few, document = np.arange(5, dtype=np.int64), Document.from_text(texts[0])
    attack, explainer = Fgsm(loss="ranking"), IntegratedGradients(steps=STEPS, tolerance=1.0)
    return {
        "scores of all labels": lambda: model.score(texts),
        "scores of five labels": lambda: model.score(texts, few),
        "top-5": lambda: model.retrieve(texts, 5),
        "attack step": lambda: perturb(attack, model, document),
        "explanation": lambda: explain(explainer, model, document, [0]),
    }


def made_up_texts() -> list[str]:
    """Texts whose words follow Zipf's law."""
    ranks = np.minimum(np.random.default_rng(0).zipf(1.3, (DOCUMENTS, WORDS)), 5_000)
    return [" ".join(f"word{rank}" for rank in row) for row in ranks]


def _space(size: int) -> LabelSpace:
    return LabelSpace.of([f"label {i}" for i in range(size)], np.ones(size, dtype=np.int64), size)


def mach(size: int, texts: Sequence[str]) -> Any:
    from core.models.mach import Config, Mach
    from core.models.parts.tfidf import TfIdf

    config = Config(columns=COLUMNS, buckets=BUCKETS, repetitions=REPETITIONS, hidden=HIDDEN, direct=False, method="logit-sum")
    return Mach.random(config, _space(size), TfIdf.fit(list(texts), 1))


def dense(size: int, texts: Sequence[str]) -> Dense:
    from core.models.parts.tfidf import TfIdf

    return Dense(_space(size), TfIdf.fit(list(texts), 1))


def bytes_of(model: Any) -> tuple[int, int]:
    """Bytes of all weights and tables, and of those that stand for the labels: MACH's are its bucket weights and the lookup [R, L]."""
    if isinstance(model, Dense):
        return model.sizes()
    network = model.network
    weights = sum(tensor.nbytes for tensor in network.state_dict().values())
    output = network.output.nbytes + network.bias.nbytes + network.rates.nbytes + model.buckets.lookup.nbytes
    return weights + model.buckets.lookup.nbytes, output


COST = CostStudy()
