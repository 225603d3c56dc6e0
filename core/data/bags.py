"""Data sets that hold vectors, made ready: documents held out where a split is missing, bags of words written as text."""

from __future__ import annotations

from dataclasses import replace

from scipy import sparse

from core.data.dataset import Dataset, Split
from core.data.readers.splitting import HASHED, HELD_OUT, hashed, with_dev, with_test
from core.errors import InputError
from core.vector import FeatureSpace, FeatureVector


def holds_features(dataset: Dataset) -> bool:
    """Whether its documents are feature vectors and no text."""
    return all(split.texts is None for split in dataset.splits.values())


def complete(dataset: Dataset) -> Dataset:
    """The data set with every split that a verb may ask for, the same documents each time: a tenth of "train" as "dev", chosen by a hash of
    each document, so that duplicates stay together; one with nothing but "train" is divided 80/5/15; one with "train" and "dev" gets 15 % of
    "train" as "test". A split that is there stays what it is. Which documents are held out follows from the data, so the digest stays, too."""
    if "train" not in dataset.splits or {"dev", "test"} <= dataset.splits.keys():
        return dataset
    found = hashed(dataset) if set(dataset.splits) == {"train"} else with_test(with_dev(dataset))
    found.__dict__["digest"] = dataset.digest  # where the cached property keeps it
    return found


def completion_notes(dataset: Dataset, *splits: str) -> tuple[str, ...]:
    """What a completed data set says of documents that were held out as one of `splits` (of any, without)."""
    wanted = tuple(f"as {name}" for name in splits or ("dev", "test"))
    return tuple(note for note in dataset.notes if (HELD_OUT in note and note.endswith(wanted)) or note.startswith(HASHED))


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
