"""What the defences that rewrite training documents share: copies in the run folder, and the task that learns from them.

    loss = (1 - w) * mean loss of n documents + w * mean loss of their altered copies, which keep their documents' labels

A batch of n documents holds their copies beside them (as many as there are: a copy may have been dropped, or never made). Dropout is
drawn anew for the copies: a batch's distinct words differ from its copies', so that equal draws would mean nothing.

A copy is kept as the words that were put in, one JSON object a line, in copies/epoch-00001.jsonl. It follows from (seed, epoch, row) and,
where a network is attacked, from its weights at the start of that epoch. Copies are made in blocks, each written whole or not at all: a
run that was killed goes on behind the last block and comes to the same copies, for an epoch's start is a saved state of the loop.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from core.checkpoint import write_atomically
from core.document import Document
from core.files import LINES_BYTES, read_text
from core.runs.run import Run
from core.training.defended import Copies, Defensible, Means
from core.types import FloatArray, IntArray

FOLDER = "copies"
BLOCK = 256
"""Documents whose copies are made at a time: what a kill loses."""
PROBED = 3
"""Batches by which a clean epoch is timed."""
WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class Copy:
    """One altered document: the words put in by position, and why it is not used ("" if it is). `before` and `after`: what the
    defence asked the model of the document and of its copy (ids of its best labels, or a loss)."""

    row: int
    edits: dict[int, str]
    dropped: str = ""
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()

    def text(self, original: str) -> str:
        return Document.from_text(original).replace(self.edits).text

    def to_json(self) -> dict[str, Any]:
        """The object of one line."""
        return {"row": self.row, "edits": self.edits, "dropped": self.dropped, "before": self.before, "after": self.after}

    @classmethod
    def from_json(cls, line: dict[str, Any]) -> Copy:
        edits = {int(position): word for position, word in line["edits"].items()}
        return cls(line["row"], edits, line["dropped"], tuple(line["before"]), tuple(line["after"]))


def draw(seed: int, epoch: int, row: int) -> np.random.Generator:
    """What decides a document's copy, whichever process makes it, and when."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch, row]))


def kept_lines(run: Run, name: str, count: int, make: Callable[[int, int], Sequence[Any]], what: str, block: int) -> Iterator[Any]:
    """The JSON objects of copies/`name`.jsonl, which `make(first, last)` gives for the items first..last-1 of `count` where they
    are not there yet. Blocks that are made are kept whatever happens. Raises Cancelled between blocks. Of several processes the
    first makes them, and the others wait."""
    folder = run.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / f"{name}.jsonl"
    while not whole.is_file() and not run.primary:
        time.sleep(WAIT_SECONDS)
        run.progress(0, max(1, count), what)
    if not whole.is_file():
        parts = {first: folder / f"{name}.part-{first // block:06d}.jsonl" for first in range(0, count, block)}
        for first, part in parts.items():
            run.progress(first, count, what)
            if not part.is_file():
                found = make(first, min(first + block, count))
                write_atomically(part, "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in found))
        write_atomically(whole, b"".join(part.read_bytes() for part in parts.values()))
        for part in parts.values():
            part.unlink()
        run.progress(count, count, what)
    with whole.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def divergence(before: FloatArray, after: FloatArray) -> float:
    """KL(before || after) in nats of two label marginals, given as counts [L]. One is added to each count: a label that no copy has
    left would make it infinite."""
    p, q = ((counts + 1) / (counts.sum() + len(counts)) for counts in (before, after))
    return float(np.sum(p * np.log(p / q)))


def marginal(truth: sparse.csr_array) -> FloatArray:
    """How many documents have each label [L]."""
    return np.asarray(truth.sum(axis=0), dtype=np.float64).ravel()


class RewritingTask(ABC):
    """A model's task that learns from altered copies beside the documents. A defence says by `rewrite` what they are; copies serve
    for `refresh` epochs."""

    def __init__(self, inner: Defensible, run: Run, weight: float, refresh: int = 1) -> None:
        self.inner, self.run, self.weight, self.refresh = inner, run, weight, refresh
        self.epoch = -1
        """The 0-based epoch that is being trained."""
        self._made = -1
        self._texts: dict[int, str] = {}
        self._means = Means()

    # -- what a defence decides

    @abstractmethod
    def rewrite(self, epoch: int, rows: IntArray) -> list[Copy]:
        """The copies of some documents in a 0-based epoch, none for those that stay as they are."""

    def making(self, epoch: int) -> AbstractContextManager[Any]:
        """What is held while an epoch's copies are made: processes, the network as it is."""
        return nullcontext()

    def summary(self, epoch: int, copies: Sequence[Copy]) -> dict[str, float]:
        """What more is logged of an epoch's copies."""
        return {}

    # -- what the loop asks

    @property
    def module(self) -> nn.Module:
        return self.inner.module

    @property
    def selection(self) -> str:
        return self.inner.selection

    def groups(self) -> list[dict[str, Any]]:
        return self.inner.groups()

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        """As the model's own. The epoch's copies are made or read here: between two epochs the weights are those of a saved state."""
        start, self.epoch = epoch - epoch % self.refresh, epoch
        if start != self._made:
            self.learn_from(self.copies(start))
            self._made = start
        return self.inner.batches(epoch, generator)

    def learn_from(self, copies: Sequence[Copy]) -> None:
        """The copies that stand beside their documents from now on, but for those that were dropped."""
        self._texts = {copy.row: copy.text(self.inner.texts[copy.row]) for copy in copies if not copy.dropped}

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        """The clean loss and the copies' (above); the clean one alone where no document of the batch has a copy."""
        task = self.inner
        clean = task.loss(module, rows)
        self._means.note("clean loss", clean)
        copied = np.asarray([row for row in rows.tolist() if row in self._texts], dtype=np.int64)
        if not len(copied):
            return clean
        inputs = task.inputs(module, copied, texts=[self._texts[row] for row in copied.tolist()])
        altered = task.loss_of(task.outputs(module, inputs), task.targets(copied))
        self._means.note("altered loss", altered)
        return (1 - self.weight) * clean + self.weight * altered

    def figures(self) -> dict[str, float]:
        return self._means.take()

    def validate(self, module: nn.Module) -> dict[str, float]:
        return self.inner.validate(module)

    # -- copies

    def copies(self, epoch: int) -> list[Copy]:
        """All copies of an epoch (0-based), the dropped ones, too; made and logged where the folder does not hold them."""
        rows, began, made = np.arange(len(self.inner.texts)), time.perf_counter(), False

        def make(first: int, last: int) -> list[dict[str, Any]]:
            nonlocal made
            made = True
            return [copy.to_json() for copy in self.rewrite(epoch, rows[first:last])]

        with self.making(epoch):
            lines = kept_lines(self.run, name_of(epoch), len(rows), make, f"copies, epoch {epoch + 1}", BLOCK)
            found = [Copy.from_json(line) for line in lines]
        if made:
            self._log(epoch, found, time.perf_counter() - began)
        return found

    def _log(self, epoch: int, copies: Sequence[Copy], seconds: float) -> None:
        """`seconds` are those since this process began to make them; the clean epoch's are estimated."""
        kept = [copy for copy in copies if not copy.dropped]
        rows = np.asarray([copy.row for copy in kept], dtype=np.int64)
        everything = np.arange(len(self.inner.texts))
        new = {word.casefold() for copy in kept for word in copy.edits.values()} - self._words
        self.run.log(
            {
                "kind": "copies",
                "epoch": epoch + 1,
                "seconds": round(seconds, 2),
                "seconds of a clean epoch": round(self._clean_epoch, 2),
                "changed words per document": sum(len(copy.edits) for copy in kept) / max(1, len(kept)),
                "documents changed": len(kept),
                "dropped": len(copies) - len(kept),
                "KL": divergence(marginal(self.inner.truth_of(everything)), marginal(self.inner.truth_of(rows))),
                "vocabulary": len(new) / max(1, len(self._words)),
                **self.summary(epoch, copies),
            }
        )

    @cached_property
    def _words(self) -> frozenset[str]:
        """The training documents' words, case-folded: `vocabulary` is by what share copies add to them."""
        return frozenset(word.casefold() for text in self.inner.texts for word in Document.from_text(text).words)

    @cached_property
    def _clean_epoch(self) -> float:
        """Seconds of the forward and backward passes of an epoch without copies, from PROBED of its batches; the optimiser's step is
        not in it. No weight changes."""
        batches = self.inner.batches(0, np.random.default_rng(0))
        parameters = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        self.module.train()
        began = time.perf_counter()
        for rows in batches[:PROBED]:
            torch.autograd.grad(self.inner.loss(self.module, rows), parameters, allow_unused=True)
        return (time.perf_counter() - began) * len(batches) / max(1, len(batches[:PROBED]))


def name_of(epoch: int) -> str:
    return f"epoch-{epoch + 1:05d}"


def last_copies(folder: Path, texts: Sequence[str]) -> Copies | None:
    """The altered documents of the last epoch for which a run made some; None for none."""
    found = sorted((folder / FOLDER).glob("epoch-?????.jsonl"))
    lines = read_text(found[-1], LINES_BYTES).splitlines() if found else []
    kept = [copy for copy in map(Copy.from_json, map(json.loads, lines)) if not copy.dropped]
    if not kept:
        return None
    return Copies(np.asarray([copy.row for copy in kept], dtype=np.int64), tuple(copy.text(texts[copy.row]) for copy in kept))
