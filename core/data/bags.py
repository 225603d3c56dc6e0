"""Data sets that hold vectors, made ready: documents held out where a split is missing, bags of words written as text."""

from __future__ import annotations

from dataclasses import replace

from scipy import sparse

from core.data.dataset import Dataset, Split
from core.data.readers.splitting import hashed, with_dev
from core.errors import InputError
from core.vector import FeatureSpace, FeatureVector


def holds_features(dataset: Dataset) -> bool:
    """Whether its documents are feature vectors and no text."""
    return all(split.texts is None for split in dataset.splits.values())


def complete(dataset: Dataset) -> Dataset:
    """The data set with a split "dev": a tenth of "train", chosen by a hash of each document, so that duplicates stay together; a data
    set with nothing but "train" is divided 80/5/15. The test split stays what it is. Which documents are held out follows from the
    data, so the digest stays, too."""
    if "dev" in dataset.splits or "train" not in dataset.splits:
        return dataset
    found = hashed(dataset) if set(dataset.splits) == {"train"} else with_dev(dataset)
    found.__dict__["digest"] = dataset.digest  # where the cached property keeps it
    return found


def as_text(dataset: Dataset) -> Dataset:
    """The bags of a data set written as text, each its words in the order of the file's columns: all that is known of their order.
    What reads word order (XML-CNN, X-Transformer) then reads the alphabet, mostly. InputError where the features are no words."""
    if not holds_features(dataset):
        return dataset
    known = (dataset.splits.get("train") or next(iter(dataset.splits.values()))).features
    if known is None:
        raise InputError(f"data set '{dataset.name}' has neither texts nor vectors")
    space = FeatureSpace.of(known, dataset.feature_names)
    if not space.words:
        raise InputError(
            f"data set '{dataset.name}' holds vectors, no text, and its features are no words, so no text can be made of them; train linear or mach"
        )
    note = "texts are the bags' words in the order of the file's columns"
    found = replace(dataset, splits={name: _written(split, space) for name, split in dataset.splits.items()}, notes=(*dataset.notes, note))
    found.__dict__["digest"] = dataset.digest
    return found


def _written(split: Split, space: FeatureSpace) -> Split:
    features = split.features
    assert features is not None  # a split holds texts or vectors
    texts = [space.text(FeatureVector.of(sparse.csr_array(features[[row]]))) for row in range(len(split))]
    return replace(split, texts=tuple(texts), features=None)
