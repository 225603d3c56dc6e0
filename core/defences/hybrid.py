"""Hybrid training sets of bags of words: documents and synonym copies of them, as vectors (seed 001, section 2.3; methods.md 7.2).

A bag has no text: its words in the order of the file's columns stand for one, and are rewritten as a text's are (core.defences.synonyms),
all at the full rate: what is solved at once has no epochs over which it could rise. The copy is read as a bag of the same
features. A synonym that names none of them falls out, so that nothing is left of the word it stands for; `counts` says how often.

Any model over vectors that is trained on the hybrid set weighs a document and its copy alike, as the paper's batches do. The control is
trained on the documents of kept copies a second time, unaltered: what it gains is owed to their weight, not to the synonyms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from core.attacks.words.wordnet import WordNet
from core.data.bags import as_text
from core.data.dataset import Dataset, Split
from core.defences.rewriting import BLOCK, Copy, kept_lines
from core.defences.synonyms import Synonyms, checked, replaced
from core.document import Document
from core.errors import CapabilityError, InputError
from core.ranking import top_k
from core.runs.run import Run
from core.types import FeatureClassifier
from core.vector import FeatureSpace


def bag_copies(dataset: Dataset, clean: FeatureClassifier, settings: Synonyms, run: Run) -> list[Copy]:
    """A copy of every training document in which a word could be replaced, those the clean model gives other labels marked as dropped.
    Resumes from the run folder by blocks; the same for the same seed. CapabilityError without WordNet, InputError for features that are
    no words."""
    if why := WordNet().refusal():
        raise CapabilityError(why)
    train = dataset.split("train")
    features = train.features
    if features is None:
        raise InputError(f"data set '{dataset.name}' holds texts: train on copies of them with --defence synonyms")
    texts, k = as_text(dataset).split("train").texts or (), min(settings.consistency_k, len(clean.labels))
    epoch = settings.ramp_epochs - 1  # the first at the full rate
    rate = settings.rate(epoch)

    def make(first: int, last: int) -> list[dict[str, Any]]:
        own = [tuple(dataset.label_names[label] for label in train.truth[[row]].indices) for row in range(first, last)]
        work = [(row, texts[row], names) for row, names in zip(range(first, last), own, strict=True)]
        found = [Copy(one[0], edits) for one in work if (edits := replaced(one, run.seed, epoch, rate, settings.synonyms))]
        if not found:
            return []
        rows = [copy.row for copy in found]
        before = top_k(clean.score_features(sparse.csr_array(features[rows])), k)
        after = top_k(clean.score_features(bags([copy.text(texts[copy.row]) for copy in found], clean.space)), k)
        return [checked(settings, copy, *best).to_json() for copy, *best in zip(found, before.tolist(), after.tolist(), strict=True)]

    return [Copy.from_json(line) for line in kept_lines(run, "bags", len(texts), make, "copies", BLOCK)]


def bags(texts: Sequence[str], space: FeatureSpace) -> sparse.csr_array:
    """Texts -> [n, F] float32; words that name no feature fall out."""
    rows = [space.bag(Document.from_text(text)).matrix for text in texts]
    return sparse.csr_array(sparse.vstack(rows, format="csr")) if rows else sparse.csr_array((0, len(space)), dtype=np.float32)


def hybrid(dataset: Dataset, copies: Sequence[Copy], space: FeatureSpace, control: bool = False) -> Dataset:
    """The data set with the kept copies' bags below its training documents, each with its document's labels; `control`: with the
    documents themselves in the copies' place. InputError where no copy was kept."""
    train, kept = dataset.split("train"), [copy for copy in copies if not copy.dropped]
    if not kept or train.features is None:
        raise InputError(f"no copy of a training document of '{dataset.name}' was kept, so there is nothing more to train on")
    rows = [copy.row for copy in kept]
    texts = as_text(dataset).split("train").texts or ()
    added = train.features[rows] if control else bags([copy.text(texts[copy.row]) for copy in kept], space)
    whole = Split(
        (*train.ids, *(f"{train.ids[row]}, copy" for row in rows)),
        sparse.csr_array(sparse.vstack([train.truth, train.truth[rows]], format="csr")),
        None,
        sparse.csr_array(sparse.vstack([train.features, added], format="csr")),
    )
    return replace(dataset, splits={**dataset.splits, "train": whole})


def counts(dataset: Dataset, copies: Sequence[Copy], space: FeatureSpace) -> dict[str, int]:
    """What came of the training documents: how many could be altered, were dropped, were kept; and of the words put into kept copies,
    how many name a feature and are read, where all others fall out."""
    kept = [copy for copy in copies if not copy.dropped]
    words = [word for copy in kept for word in copy.edits.values()]
    read = sum(bool(len(space.bag(Document(("", word, ""))))) for word in words)
    found = {"documents": len(dataset.split("train")), "altered": len(copies), "dropped": len(copies) - len(kept), "kept": len(kept)}
    return {**found, "words put in": len(words), "words read": read, "words fallen out": len(words) - read}
