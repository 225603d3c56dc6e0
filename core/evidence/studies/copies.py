"""Synonym copies of documents (seed 001, Tables 1 to 4): how the vocabulary grows, how many words change, whether labels stay.

The rewriting is that of the defence `synonyms` (core.defences.synonyms) at its full rate. A bag of words (BibTeX, Delicious) is read in the
file's order, as the methods ask. The paper checked labels by hand; here a clean linear model, trained on the documents first, judges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import CapabilityError, InputError
from core.evidence.records import Header, Item, Record
from core.evidence.studies.base import Cell, header_for, resumed
from core.types import Progress

DOCUMENTS = 1_000
JUDGED = 10
"""How many best labels of the clean model are compared."""
BATCH = 100


@dataclass(frozen=True)
class CopiesStudy:
    NAME: str = "synonym-copies"
    ABOUT: str = "synonym copies of training documents: vocabulary, changed words, label marginals, consistency (seed 001, Tables 1 to 4)"
    PAPERS: tuple[str, ...] = ("001",)
    KIND: str = "copies"
    THREAT: str = "random synonyms, no adversary"
    cells: tuple[Cell, ...] = (
        Cell("bibtex", "linear", "bibtex"),
        Cell("delicious", "linear", "delicious"),
        Cell("debtags", "linear", "debtags", checkpoint="debtags-linear"),
    )

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        from core.attacks.words.wordnet import WordNet
        from core.data import load_dataset
        from core.defences.synonyms import Synonyms
        from core.fields import to_json

        if why := WordNet().refusal():
            raise CapabilityError(why)
        whole = load_dataset(cell.data)
        dataset = as_texts(whole)
        texts = dataset.split("train").texts or ()
        rows = np.sort(np.random.default_rng(0).permutation(len(texts))[:DOCUMENTS])
        clean = self.clean(cell, dataset, work, progress)
        vocabulary = words_of(texts)
        settings = {
            **to_json(Synonyms()), "documents": len(rows), "drawn from": len(texts), "vocabulary": len(vocabulary),
            "judge": {"name": clean.name, "digest": clean.digest},
        }  # fmt: skip
        header = header_for(self, cell, settings, split="train", data_digest=whole.digest, classifier=clean)
        return resumed(header, work, lambda done: copies(dataset, rows, vocabulary, clean, done, progress))

    def clean(self, cell: Cell, dataset: Any, work: Path, progress: Progress) -> Any:
        """The linear model that judges: shipped, or trained on these documents in the folder `work`."""
        from core.data.readers.splitting import with_dev
        from core.models import linear, load
        from core.runs.run import Run

        if cell.checkpoint:
            return load(cell.checkpoint)
        held = with_dev(dataset)
        with Run(work / "clean", seed=0, device="cpu") as run:
            return linear.train(linear.Config(), held, held.label_space(1), run)


def as_texts(dataset: Any) -> Any:
    """A data set of bags of named words as one of texts: each document's words in the file's order. InputError where features have no
    names."""
    from core.data.dataset import Split

    if all(part.texts is not None for part in dataset.splits.values()):
        return dataset
    names = dataset.feature_names
    if names is None:
        raise InputError(f"data set '{dataset.name}' has features without names, so no synonym can be looked up")
    splits = {}
    for name, part in dataset.splits.items():
        rows = part.features
        found = [" ".join(names[j] for j in rows.indices[rows.indptr[i] : rows.indptr[i + 1]]) for i in range(len(part))]
        splits[name] = Split(part.ids, part.truth, tuple(found))
    return replace(dataset, splits=splits)


def words_of(texts: Any) -> frozenset[str]:
    """All words, in lower case."""
    from core.document import Document

    return frozenset(word.lower() for text in texts for word in Document.from_text(text).words)


def copies(dataset: Any, rows: Any, vocabulary: frozenset[str], clean: Any, done: set[str], progress: Progress) -> Iterator[Item]:
    """One item a document: changed words, new words, whether the clean model's labels stay; then the label marginals of documents and of
    kept copies, of true labels and of predicted ones."""
    counts = {"true labels": np.zeros((2, len(dataset.label_names))), "predicted labels": np.zeros((2, len(clean.labels)))}
    for start in range(0, len(rows), BATCH):
        part = [int(row) for row in rows[start : start + BATCH]]
        for item, true, before, after in _batch(dataset, part, vocabulary, clean):
            _count(counts["true labels"], true, true, item)
            _count(counts["predicted labels"], before, after, item)
            if item["id"] not in done:
                yield item
        progress(min(start + BATCH, len(rows)), len(rows), "copying")
    for name, (before, after) in counts.items():
        if name not in done:
            yield {"id": name, "row": -1, "before": before.astype(int).tolist(), "after": after.astype(int).tolist()}


def _count(counts: Any, before: Any, after: Any, item: Item) -> None:
    np.add.at(counts[0], np.asarray(before, dtype=np.int64), 1)
    if item["kept"]:
        np.add.at(counts[1], np.asarray(after, dtype=np.int64), 1)


def _batch(dataset: Any, rows: list[int], vocabulary: frozenset[str], clean: Any) -> Iterator[tuple[Item, Any, Any, Any]]:
    from core.defences.synonyms import Synonyms, jaccard, replaced
    from core.document import Document
    from core.ranking import top_k

    settings, split = Synonyms(), dataset.split("train")
    texts = [split.texts[row] for row in rows]
    truth = [split.truth.indices[split.truth.indptr[row] : split.truth.indptr[row + 1]] for row in rows]
    edits = [
        replaced((row, text, tuple(dataset.label_names[j] for j in own)), 0, settings.ramp_epochs, settings.largest_rate, settings.synonyms)
        for row, text, own in zip(rows, texts, truth, strict=True)
    ]
    altered = [Document.from_text(text).replace(found).text if found else text for text, found in zip(texts, edits, strict=True)]
    k = min(JUDGED, len(clean.labels))
    before, after = top_k(clean.score(texts), k), top_k(clean.score(altered), k)
    for i, row in enumerate(rows):
        kept = jaccard(before[i].tolist(), after[i].tolist()) >= settings.consistency - 1e-9
        new = sorted({word.lower() for word in edits[i].values()} - vocabulary)
        yield (
            {"id": str(row), "row": row, "words": len(Document.from_text(texts[i])), "changed": len(edits[i]), "new": new, "kept": bool(kept)},
            truth[i], before[i], after[i],
        )  # fmt: skip


COPIES = CopiesStudy()
