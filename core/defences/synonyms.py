"""Hybrid training on documents and on copies with synonyms in them (seed 001; methods.md 7.2).

Words are replaced by WordNet's synonyms of their part of speech in their own form (core.attacks.words.wordnet), their order kept, at a rate
that rises epoch by epoch: r_e = r_max * min(1, e / E_ramp), e = 1, 2, ... A word of a true label's name is never replaced, nor put in.

The paper's check of the labels was made by eye; here the clean model makes it: where the network as it was when the training began
gives the copy other top labels (a Jaccard index below 0.8), the copy is dropped and counted. That asks for a trained network, a
parent's (--from): trained afresh, the network that judges knows nothing yet and lets nearly all pass. Copies are random, they do not
look for the worst: `core.defences.substitution` does.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context, parent_process
from typing import Annotated, Any

import numpy as np
import torch
from torch import nn

from core.attacks.goals import Demote
from core.attacks.words.components import Scene
from core.attacks.words.constraints import LabelNames, SameWord, StopWords, WholeWord
from core.attacks.words.wordnet import WordNet
from core.checkpoint import write_atomically
from core.defences.rewriting import FOLDER, Copy, RewritingTask, divergence, draw, last_copies, name_of
from core.document import Document
from core.errors import CapabilityError
from core.fields import Field, check
from core.files import read_json
from core.labels import LabelSpace
from core.ranking import top_k
from core.runs.run import Run
from core.training.defended import Copies, Defensible
from core.types import IntArray

CHUNK = 16
"""Documents that a worker process is handed at a time."""


@dataclass(frozen=True)
class Synonyms:
    """Train on documents and on copies of them with synonyms."""

    TITLE = "Synonym hybrid training"
    ABOUT = (
        "Every batch also holds its documents with some words replaced by WordNet's synonyms, more of them from epoch to epoch. Use it with --from."
    )
    FITS = ("xml-cnn", "x-transformer", "mach", "attention-xml", "aplc-xlnet")

    copies_weight: Annotated[float, Field("weight w of the copies' loss", low=0.0, high=1.0)] = 0.5
    largest_rate: Annotated[float, Field("r_max: share of the words that may be replaced which are, once the rate has risen", low=0.0, high=1.0)] = (
        0.15
    )
    ramp_epochs: Annotated[
        int, Field("E_ramp: epochs until the rate has risen; the paper's curriculum takes about half of them", low=1, high=10_000)
    ] = 2
    synonyms: Annotated[int, Field("synonyms of a word that one is drawn from, those of the most frequent meaning first", low=1, high=1_000)] = 8
    consistency: Annotated[float, Field("least Jaccard index of the clean model's top labels, document and copy", low=0.0, high=1.0)] = 0.8
    consistency_k: Annotated[int, Field("how many top labels are compared; of 10, one may change", low=1, high=1_000)] = 10
    clean_drop: Annotated[float, Field("training ends where clean P@1 has fallen by so many points", low=0.0, high=100.0)] = 2.0
    control: Annotated[bool, Field("the same passes with copies that are left as they are")] = False
    workers: Annotated[int, Field("processes that look for synonyms; the copies are the same for any number", low=1, high=256)] = 1

    def __post_init__(self) -> None:
        check(self)

    def task(self, task: Any, run: Run) -> SynonymTask:
        """CapabilityError where WordNet is not installed."""
        if why := WordNet().refusal():
            raise CapabilityError(why)
        return SynonymTask(task, run, self)

    def copies(self, task: Any, run: Run) -> Copies | None:
        """The last epoch's."""
        return last_copies(run.folder, task.texts)

    def rate(self, epoch: int) -> float:
        """r_e of a 0-based epoch: the first is e = 1, so that no epoch goes without copies."""
        return self.largest_rate * min(1.0, (epoch + 1) / self.ramp_epochs)


Work = tuple[int, str, tuple[str, ...]]
"""A document's row, its text and its true labels' names."""


def replaced(work: Work, seed: int, epoch: int, rate: float, synonyms: int) -> dict[int, str]:
    """The words that a document's copy puts in, by position: on average `rate` of the words that may be replaced (no stop word, no
    word of a true label's name), less where WordNet has too few of them."""
    row, text, names = work
    document, rng = Document.from_text(text), draw(seed, epoch, row)
    space, goal = LabelSpace.of(names, [1] * len(names), 1), Demote(tuple(range(len(names)))) if names else None
    scene: Any = Scene(document, space, goal) if goal is not None else None
    open_to = [i for i in range(len(document)) if _may_go(scene, document, i)]
    wanted = int(rate * len(open_to) + rng.random())
    edits: dict[int, str] = {}
    for position in rng.permutation(np.asarray(open_to, dtype=np.int64)).tolist():
        if len(edits) >= wanted:
            break
        if words := _synonyms(scene, document, position, synonyms):
            edits[position] = words[int(rng.integers(len(words)))]
    return dict(sorted(edits.items()))


def _may_go(scene: Any, document: Document, position: int) -> bool:
    """Whether a word may be replaced."""
    if WholeWord().position(scene, document, position) or StopWords().position(scene, document, position):
        return False
    return scene is None or LabelNames().words(scene, document, position, [document.words[position]])[0] is None


def _synonyms(scene: Any, document: Document, position: int, count: int) -> list[str]:
    words = list(WordNet(count).propose(scene, document, position))
    refusals = [StopWords().words(scene, document, position, words)]
    if scene is not None:
        refusals += [SameWord().words(scene, document, position, words), LabelNames().words(scene, document, position, words)]
    return [word for word, *reasons in zip(words, *refusals, strict=True) if not any(reasons)]


def jaccard(one: Sequence[float], other: Sequence[float]) -> float:
    """Shared members over all members of two sets of labels; 1 for two empty ones."""
    both = {*one} | {*other}
    return len({*one} & {*other}) / len(both) if both else 1.0


def checked(settings: Synonyms, copy: Copy, before: Sequence[int], after: Sequence[int]) -> Copy:
    """The copy with the clean model's top labels before and after, dropped where they differ too much."""
    same = jaccard(before, after) >= settings.consistency - 1e-9
    return Copy(copy.row, copy.edits, "" if same else "the clean model gives it other labels", tuple(before), tuple(after))


class SynonymTask(RewritingTask):
    """The task that is trained. What it is held against, the clean model, is the network as it is given here: a run that goes on is
    given the same start, whatever state it then takes up."""

    def __init__(self, inner: Defensible, run: Run, settings: Synonyms) -> None:
        super().__init__(inner, run, settings.copies_weight)
        self.settings, self.clean = settings, inner.classifier()
        inner.module.eval()
        with torch.no_grad():
            self.least = inner.validate(inner.module)["P@1"] - settings.clean_drop
        self._map: Callable[..., Iterator[dict[int, str]]] = map
        self._stop = run.folder / FOLDER / "stopped.json"

    # -- copies

    @contextmanager
    def making(self, epoch: int) -> Iterator[None]:
        """With the worker processes, if they are wanted and there is anything to do."""
        if self.settings.workers == 1 or (self.run.folder / FOLDER / f"{name_of(epoch)}.jsonl").is_file():
            yield
            return
        with _pool(self.settings.workers) as pool:
            self._map = partial(pool.map, chunksize=CHUNK)
            try:
                yield
            finally:
                self._map = map

    def rewrite(self, epoch: int, rows: IntArray) -> list[Copy]:
        task, s = self.inner, self.settings
        truth, names = task.truth_of(rows), self.clean.labels.names
        own = [tuple(names[label] for label in truth.indices[truth.indptr[i] : truth.indptr[i + 1]]) for i in range(len(rows))]
        work: list[Work] = [(row, task.texts[row], own[i]) for i, row in enumerate(rows.tolist())]
        found = self._map(partial(replaced, seed=self.run.seed, epoch=epoch, rate=s.rate(epoch), synonyms=s.synonyms), work)
        copies = [Copy(row, edits) for row, edits in zip(rows.tolist(), found, strict=True) if edits]
        before = self._best([task.texts[copy.row] for copy in copies])
        after = self._best([copy.text(task.texts[copy.row]) for copy in copies])
        judged = [checked(s, copy, *best) for copy, *best in zip(copies, before.tolist(), after.tolist(), strict=True)]
        return [replace(copy, edits={}) for copy in judged] if s.control else judged

    def _best(self, texts: Sequence[str]) -> IntArray:
        """The clean model's top labels [n, k]."""
        k = min(self.settings.consistency_k, len(self.clean.labels))
        return top_k(self.clean.score(texts), k) if texts else np.zeros((0, k), dtype=np.int64)

    def summary(self, epoch: int, copies: Sequence[Copy]) -> dict[str, float]:
        return {"rate": self.settings.rate(epoch), "KL predicted": predicted_divergence(copies, len(self.clean.labels))}

    # -- the end before the end

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        """None once training has ended early: the loop then passes through the remaining epochs without a step."""
        if self._stop.is_file() and epoch > read_json(self._stop, dict[str, int])["epoch"]:
            self.epoch = epoch
            return []
        return super().batches(epoch, generator)

    def validate(self, module: nn.Module) -> dict[str, float]:
        """The model's own measures. Where clean P@1 has fallen too far, -1 in place of the one that epochs are chosen by, so that an
        earlier epoch is kept, and no more training; of the very first epoch there is no earlier one."""
        found = self.inner.validate(module)
        if found["P@1"] >= self.least:
            return found
        if not self._stop.is_file():
            self.run.log({"kind": "early stop", "epoch": self.epoch + 1, "P@1": found["P@1"], "least P@1": self.least})
            self._stop.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._stop, json.dumps({"epoch": self.epoch}) + "\n")
        return {**found, self.selection: -1.0}


def predicted_divergence(copies: Sequence[Copy], labels: int) -> float:
    """KL in nats of what the clean model predicts: its top labels' marginals over all documents that were altered, and over the
    copies that were kept."""
    before, after = np.zeros(labels), np.zeros(labels)
    for copy in copies:
        np.add.at(before, np.asarray(copy.before, dtype=np.int64), 1)
        if not copy.dropped:
            np.add.at(after, np.asarray(copy.after, dtype=np.int64), 1)
    return divergence(before, after)


@contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    """Fresh processes with one thread each: they share the machine with the training."""
    environment = {**os.environ}
    os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"})  # read as a process starts
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin) as pool:
            yield pool
    finally:
        os.environ.clear()
        os.environ.update(environment)


def _begin() -> None:
    """Runs first in each worker: control-C is the training's to decide on, and a worker must not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
