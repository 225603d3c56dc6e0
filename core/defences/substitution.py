"""Adversarial fine-tuning with substituted words: the discrete attack as the inner maximiser.

    min over weights of the mean over documents of max over copies of loss(copy, true labels)

Qaraei and Babbar (2022, conclusion) leave adversarial training with their substitution attack out for its cost. Here the inner
maximum is a cheap lower bound of it, on a share of the documents, found against the weights as they are at the start of an epoch:

    sampled  the worst of m copies, each with some words replaced by random candidates
    greedy   words are ranked by what the true labels lose without each (eq. 3.2 with all true labels for Gamma); the first of them
             are replaced, one after the other, by the candidate that costs the true labels most (eq. 3.4), if it costs them anything
    masked   the same words, by a character that no vocabulary holds: no candidates, and the evidence has to come from other words

`control` trains on the same documents a second time as they are: what it gains is owed to training longer, not to the attack. Epochs are
chosen by the same measure, attacked documents included.

What is maximised is the true labels' part of the cross-entropy. The network alone is attacked; SVMs and rankers beside it learn
from the last epoch's copies. Candidates come from a table of the corpus' words, made once a run: the masked language model in place
takes 28 ms a word, hours for a corpus (measurements.md 5), its word vectors' neighbours and WordNet minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from scipy import sparse
from torch import nn

from core.attacks.words.wordnet import WordNet
from core.defences.adversarial import spread
from core.defences.rewriting import FOLDER, Copy, RewritingTask, kept_lines, last_copies, name_of
from core.defences.worst import Adversary, Table, Victim, content, proposed
from core.document import Document
from core.errors import Cancelled, CapabilityError
from core.fields import Field, check
from core.language.names import DEFAULT
from core.metrics import find_hits, ndcg, precision, value
from core.ranking import top_k
from core.runs.run import Run
from core.training.defended import Copies, Defensible
from core.types import Classifier, IntArray

VALIDATED = 256
"""Held-out documents that are attacked at each validation, spread evenly over the split."""
MINIMUM = 5
"""Documents that a word has to be in to get candidates: rarer ones are half of all words, and few models know them."""
WORDS = 256
"""Words whose candidates are looked up at a time."""


@dataclass(frozen=True)
class Substitution:
    """Train on documents and on copies with the words substituted that hurt most."""

    TITLE = "Adversarial fine-tuning with substituted words"
    ABOUT = "Each epoch begins by attacking a share of the training documents, as the network then is; every batch also holds its attacked documents."
    FITS = ("xml-cnn", "x-transformer", "mach", "attention-xml", "aplc-xlnet")

    mode: Annotated[
        str,
        Field(
            "the worst of some random copies; one greedy pass over the most important words; or these words hidden",
            choices=("sampled", "greedy", "masked"),
        ),
    ] = "greedy"
    rate: Annotated[float, Field("share of a document's content words that is replaced, at least one word", low=0.0, high=1.0)] = 0.15
    altered_share: Annotated[float, Field("share of the documents that is attacked each time", low=0.0, high=1.0)] = 0.5
    altered_weight: Annotated[float, Field("weight w of the attacked documents' loss", low=0.0, high=1.0)] = 0.5
    refresh: Annotated[int, Field("epochs that the copies are used for before the network is attacked anew", low=1, high=10_000)] = 1
    ranking: Annotated[
        str, Field("greedy and masked: words are ranked by hiding each, or by the gradient (two passes a document)", choices=("mask", "gradient"))
    ] = "mask"
    samples: Annotated[int, Field("sampled: random copies a document, of which the worst is taken", low=1, high=1_000)] = 4
    source: Annotated[
        str, Field("where candidates come from: the language model's nearest words, WordNet, or both", choices=("neighbours", "wordnet", "both"))
    ] = "both"
    substitutes: Annotated[int, Field("candidates a word", low=1, high=1_000)] = 8
    language_model: Annotated[str, Field("masked language model: a checkpoint here, a folder, or a hub name (a hub name makes a request)")] = DEFAULT
    control: Annotated[bool, Field("the same passes with copies that are left as they are")] = False

    def __post_init__(self) -> None:
        check(self)

    def task(self, task: Any, run: Run) -> SubstitutionTask:
        """CapabilityError where the source of candidates cannot be used here."""
        from core import language

        why = None
        if self.mode != "masked":
            why = (self.source != "neighbours" and WordNet().refusal()) or (self.source != "wordnet" and language.refusal(self.language_model))
        if why:
            raise CapabilityError(why)
        return SubstitutionTask(task, run, self)

    def copies(self, task: Any, run: Run) -> Copies | None:
        """The last epoch's."""
        return last_copies(run.folder, task.texts)


class SubstitutionTask(RewritingTask):
    """The task that is trained. Validation adds P@1, P@5 and nDCG@5 under the same attack on held-out documents, in percent; the epoch
    kept is the one with the best mean of clean and attacked nDCG@5, both of the network alone on these documents."""

    def __init__(self, inner: Defensible, run: Run, settings: Substitution) -> None:
        super().__init__(inner, run, settings.altered_weight, settings.refresh)
        self.settings = settings
        self._adversary: Adversary | None = None

    @property
    def selection(self) -> str:
        return "mean nDCG@5"

    # -- copies

    @cached_property
    def table(self) -> Table:
        """The candidates of the corpus' words; looked up once a run and kept in its folder."""
        s = self.settings
        if s.mode == "masked":
            return {}
        words = self._frequent() if not (self.run.folder / FOLDER / "candidates.jsonl").is_file() else []

        def make(first: int, last: int) -> list[list[Any]]:
            return [[word, proposed(word, s.source, s.language_model, s.substitutes)] for word in words[first:last]]

        lines = kept_lines(self.run, "candidates", len(words), make, "candidates", WORDS)
        return {word: tuple(found) for word, found in lines if found}

    def _frequent(self) -> list[str]:
        """Content words in at least MINIMUM documents, case-folded, the most frequent first."""
        counts: Counter[str] = Counter()
        for text in self.inner.texts:
            document = Document.from_text(text)
            counts.update({document.words[i].casefold() for i in content(document, len(document))})
        return sorted((word for word, count in counts.items() if count >= MINIMUM), key=lambda word: (-counts[word], word))

    def _against(self) -> Adversary:
        """The attack on the network as it now is."""
        s = self.settings
        return Adversary(self.inner.classifier(), s.mode, s.rate, s.samples, self.table, s.ranking == "gradient", self._pause)

    def _pause(self) -> None:
        if self.run.stopping():
            raise Cancelled("stopped while documents were attacked; the same command goes on from here")

    @contextmanager
    def making(self, epoch: int) -> Iterator[None]:
        if not (self.run.folder / FOLDER / f"{name_of(epoch)}.jsonl").is_file():
            self._adversary = self._against()
        yield
        self._adversary = None

    def rewrite(self, epoch: int, rows: IntArray) -> list[Copy]:
        assert self._adversary is not None
        found = [each for each in victims(self.inner, rows, self.run.seed, epoch) if each.rng.random() < self.settings.altered_share]
        if self.settings.control:
            return [Copy(victim.row, {}) for victim in found if len(victim.labels)]
        return self._adversary.copies(found)

    def summary(self, epoch: int, copies: Sequence[Copy]) -> dict[str, float]:
        """The true labels' mean loss: of the documents that were attacked, and of their copies."""
        losses = np.asarray([(*copy.before, *copy.after) for copy in copies]).reshape(-1, 2)
        before, after = losses.mean(axis=0).tolist() if len(losses) else (0.0, 0.0)
        return {"true loss": before, "true loss attacked": after}

    # -- validation

    def validate(self, module: nn.Module) -> dict[str, float]:
        """The model's own measures, the attacked ones, and their mean."""
        found = self.inner.validate(module)
        clean, attacked = self._validated()
        return {**found, **{f"attacked {name}": each for name, each in attacked.items()}, self.selection: (clean["nDCG@5"] + attacked["nDCG@5"]) / 2}

    def _validated(self) -> tuple[dict[str, float], dict[str, float]]:
        held, adversary = self.inner.held_out(), self._against()
        rows = spread(len(held.texts), min(VALIDATED, len(held.texts)))
        texts = {row: held.texts[row] for row in rows.tolist()}
        altered = {copy.row: copy.text(texts[copy.row]) for copy in adversary.copies(victims(held, rows, self.run.seed, 0))}
        truth = held.truth_of(rows)
        classifier = adversary.classifier
        return measured(classifier, list(texts.values()), truth), measured(classifier, list({**texts, **altered}.values()), truth)


def victims(task: Defensible, rows: IntArray, seed: int, epoch: int) -> list[Victim]:
    """Some documents with their true labels."""
    truth = task.truth_of(rows)
    labels = np.split(truth.indices, truth.indptr[1:-1])
    return [Victim.of(seed, epoch, row, task.texts[row], labels[i]) for i, row in enumerate(rows.tolist())]


def measured(classifier: Classifier, texts: Sequence[str], truth: sparse.csr_array) -> dict[str, float]:
    """P@1, P@5 and nDCG@5 in percent of texts with their truth [n, L]."""
    ranked = find_hits(top_k(classifier.score(texts), 5), truth, np.ones(truth.shape[1]))
    return {name: 100 * value(ratio) for name, ratio in {"P@1": precision(ranked, 1), "P@5": precision(ranked, 5), "nDCG@5": ndcg(ranked, 5)}.items()}
